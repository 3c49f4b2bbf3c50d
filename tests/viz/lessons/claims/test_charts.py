"""Plots of a few series: what is drawn is what was passed in."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from core.plots.axes import span, ticks
from core.plots.legend import entries
from core.plots.plot import Bars, Plot, Polyline
from tests.core.plots.reading import marks_of
from viz.lessons.claims.charts import Series, bar_plot, cosine_plot, line_plot


def tick_names(plot: Plot) -> list[str]:
    panel = plot.panels[0]
    return [name for _, name in ticks(panel.x, span(panel, "x"))]


def test_lines_are_the_numbers_and_differ_by_more_than_their_color() -> None:
    series = [Series(name, (1, 2), (1.0, 20.0)) for name in "abcde"]
    plot = line_plot("t", "x (px)", "y", series, log=True)
    lines = marks_of(plot, Polyline)
    assert [(list(line.x), list(line.y)) for line in lines] == [([1, 2], [1, 20])] * 5
    assert len({line.dash for line in lines}) == len({line.symbol for line in lines}) == 5
    assert plot.panels[0].x.name == "x (px)"
    assert plot.panels[0].y.log
    assert [entry.name for entry in entries(plot)] == list("abcde")
    assert "a from 1 to 20" in plot.alt
    assert lines[0].hover is not None
    assert lines[0].hover[1] == "a\n2: 20"


def test_cosines_near_one_are_told_apart_on_one_axis() -> None:
    series = [Series("a", (1, 2), (0.5, 1.0)), Series("b", (1, 2), (0.99, 0.999))]
    plot = cosine_plot("t", "x", "cosine to it", series)
    low, high = span(plot.panels[0], "y")
    first, second = marks_of(plot, Polyline)
    np.testing.assert_allclose(first.y[0], 0.5)
    np.testing.assert_allclose(second.y, [0.01, 0.001])
    assert low > max(first.y) > second.y[1] > first.y[1] > high, "1 is on top"
    assert plot.panels[0].y.name == "cosine to it"
    assert first.hover is not None
    assert first.hover[0] == "a\n1: 0.5"
    assert "b from 0.99 to 0.999" in plot.alt


def test_a_number_stands_at_each_of_a_few_whole_places() -> None:
    assert tick_names(line_plot("t", "x", "y", [Series("a", (1, 2, 4), (1, 2, 3))])) == list("124")
    halves = line_plot("t", "x", "y", [Series("a", (0.5, 2), (1, 2))])
    assert halves.panels[0].x.ticks is None
    many = line_plot("t", "x", "y", [Series("a", tuple(range(99)), (1.0,) * 99)])
    assert many.panels[0].x.ticks is None
    assert marks_of(many, Polyline)[0].symbol == "none"
    assert not entries(many), "a single series needs no legend"


@pytest.mark.parametrize("log", [False, True])
def test_bars_stand_side_by_side_with_a_hatching_each(log: bool) -> None:
    series = [Series("a", ("p", "q"), (1.0, 2000.0)), Series("b", ("q", "r"), (30.0, 4.0))]
    plot = bar_plot("t", "x", "y", series, log=log)
    assert tick_names(plot) == ["p", "q", "r"]
    first, second = marks_of(plot, Bars)
    assert first.hatch != second.hatch
    for bars, each in zip((first, second), series, strict=True):
        assert bars.base is not None
        np.testing.assert_allclose(np.asarray(bars.base) + bars.length, each.y)
        assert (np.asarray(bars.length) > 0).all()
    edges = sorted((at - b.width / 2, at + b.width / 2) for b in (first, second) for at in b.at)
    assert all(left[1] <= right[0] + 1e-12 for left, right in pairwise(edges))
    low, high = span(plot.panels[0], "y")
    assert low == (pytest.approx(1, rel=0.9) if log else 0)
    assert high > 2000


def test_bars_of_one_series_say_their_numbers() -> None:
    plot = bar_plot("t", "x", "y", [Series("a", (4, 5), (0.12345, -3.0))])
    (bars,) = marks_of(plot, Bars)
    assert bars.texts == ["0.123", "−3"]
    assert tick_names(plot) == ["4", "5"]
    assert not entries(plot)
