"""A legend names what is drawn, once; equal scales share a color bar."""

from __future__ import annotations

import numpy as np
import pytest

from core.plots.legend import color_bars, entries
from core.plots.plot import Bars, Boxes, Heat, Mark, Panel, Plot, PlotAxis, Points, Polyline, Scale

VIEW = PlotAxis(low=0, high=10)


def names(*marks: Mark, keys: tuple[Mark, ...] = ()) -> list[str]:
    plot = Plot("", (Panel(marks, VIEW, VIEW), Panel(marks, VIEW, VIEW)), "", keys=keys)
    return [entry.name for entry in entries(plot)]


def test_every_name_stands_once_and_keys_come_last() -> None:
    line, bars = Polyline([1, 2], [1, 2], "line"), Bars([1], [2], "bars")
    key = Points([], [], "key")
    assert names(line, bars, keys=(key,)) == ["line", "bars", "key"]


@pytest.mark.parametrize(
    "mark",
    [
        Boxes([(-5, 15, -5, 15)], "m"),
        Boxes([], "m"),
        Polyline([20, 30], [1, 2], "m"),
        Points([np.nan, 11], [1, 1], "m"),
        Bars([], [], "m"),
    ],
)
def test_what_cannot_be_seen_is_not_named(mark: Mark) -> None:
    assert names(mark) == []


@pytest.mark.parametrize(
    "mark",
    [
        Boxes([(-5, 5, -5, 15)], "m"),
        Boxes([(2, 3, 2, 3)], "m"),
        Polyline([-20, 30], [5, 5], "m"),
        Points([3], [10], "m"),
    ],
)
def test_what_can_be_seen_in_part_is_named(mark: Mark) -> None:
    assert names(mark) == ["m"]


def test_equal_scales_share_a_bar_and_scales_without_a_label_have_none() -> None:
    def heat(scale: Scale) -> Panel:
        return Panel((Heat(np.zeros((2, 2)), scale),), cell=1.0)

    one, other = Scale("a", 0, 1), Scale("a", 0, 2)
    plot = Plot("", tuple(map(heat, (one, Scale("a", 0, 1), other, Scale("", 0, 3)))), "")
    assert color_bars(plot) == [one, other]
