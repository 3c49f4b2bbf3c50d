"""Charts of claims: what is in them is what the outcome says."""

from __future__ import annotations

import numpy as np
import pytest

from viz.features.claims.plots import claim_figure
from viz.lessons.claims import CLAIMS, Claim
from viz.lessons.claims.claim import Chart, Series
from viz.plots.parts import LINES

LIGHT = [one for one in CLAIMS if not one.heavy]


@pytest.mark.parametrize("one", LIGHT, ids=lambda one: str(one.number))
def test_a_figure_shows_its_numbers(one: Claim) -> None:
    chart = one.run().chart
    figure = claim_figure(chart)
    assert figure.layout.title.text.replace("<br>", " ") == chart.title
    assert figure.layout.xaxis.title.text == chart.x
    assert figure.layout.yaxis.title.text == chart.y
    if chart.kind == "map":
        np.testing.assert_array_equal(np.asarray(figure.data[0].z), np.float32(chart.cells))
        return
    assert len(figure.data) == len(chart.series)
    for trace, series in zip(figure.data, chart.series, strict=True):
        assert (trace.name, tuple(trace.x), tuple(trace.y)) == (series.name, series.x, series.y)
    assert figure.layout.showlegend == (len(chart.series) > 1)


def test_unread_pixels_are_crossed_out() -> None:
    chart = Chart("map", "reads", "x", "y", cells=((1.0, float("nan")), (2.0, float("nan"))))
    crosses = claim_figure(chart).data[1]
    assert list(zip(crosses.x, crosses.y, strict=True)) == [(1, 0), (1, 1)]


def test_lines_differ_by_more_than_their_colour() -> None:
    for place in range(3):
        assert len({line[place] for line in LINES}) == len(LINES)
    line = Series("a", (1, 2), (1.0, 2.0))
    figure = claim_figure(Chart("lines", "t", "x", "y", (line, line), log=True))
    assert figure.data[0].line.dash != figure.data[1].line.dash
    assert figure.layout.yaxis.type == "log"


def test_a_tick_stands_at_every_whole_place() -> None:
    chart = Chart("lines", "t", "x", "y", (Series("a", (1, 2, 4), (1.0, 2.0, 3.0)),))
    assert claim_figure(chart).layout.xaxis.tickvals == (1, 2, 4)
    chart = Chart("lines", "t", "x", "y", (Series("a", (0.5, 2), (1.0, 2.0)),))
    assert claim_figure(chart).layout.xaxis.tickvals is None


def test_bars_have_a_hatching_each() -> None:
    bars = tuple(Series(name, ("p", "q"), (1.0, 2.0)) for name in "ab")
    figure = claim_figure(Chart("bars", "t", "x", "y", bars))
    assert figure.data[0].marker.pattern.shape != figure.data[1].marker.pattern.shape
    assert figure.layout.xaxis.type == "category"
