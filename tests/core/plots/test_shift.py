"""Plots of shifts, tested by their data against real layers."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from core import data
from core.plots.axes import span, ticks
from core.plots.legend import color_bars, entries
from core.plots.plot import Heat, Panel, Plot, Points, Polyline, Scale
from core.plots.shift import (
    NEAREST,
    comparison_plot,
    comparison_scales,
    consistency_plot,
    cosine_axis,
    cosine_text,
    pictures_plot,
)
from core.shift.consistency import (
    Consistency,
    ShiftComparison,
    compare,
    layer_consistency,
    standardized,
)
from core.shift.layer import KINDS, DownsamplingLayer
from core.shift.spectrum import expected_cosine
from tests.core.plots.reading import marks_of

SIDE = 24


@cache
def photo() -> Any:
    return standardized(data.picture("china", (SIDE, SIDE)))


def pair_of(kind: str) -> tuple[DownsamplingLayer, DownsamplingLayer]:
    plain = DownsamplingLayer(kind, 3, 2)
    return plain, plain.with_blur(3)


@cache
def compared(kind: str) -> tuple[ShiftComparison, ShiftComparison]:
    plain, blurred = (compare(layer, photo(), (0, 1)) for layer in pair_of(kind))
    return plain, blurred


@cache
def consistent(kind: str = "convolution") -> tuple[Consistency, Consistency]:
    shifts = [(0, right) for right in range(SIDE)]
    plain, blurred = (layer_consistency(layer, photo(), shifts) for layer in pair_of(kind))
    return plain, blurred


def made(*cosines: float) -> tuple[Consistency, Consistency]:
    """Consistencies with these cosines for shifts by 0, 1, … pixels."""
    count = len(cosines)
    shifts = np.stack([np.zeros(count, int), np.arange(count)], axis=1)
    one = layer_consistency(DownsamplingLayer("max_pooling", 2, 2), photo(), [(0, 0)])
    values = np.array(cosines)
    each = Consistency(shifts, one.stride, values, 1 - values, values == 1, 1.0)
    return each, each


def heat_of(panel: Panel) -> Heat:
    (heat,) = (mark for mark in panel.marks if isinstance(mark, Heat))
    return heat


def comparison(kind: str, **more: Any) -> Plot:
    pair = compared(kind)
    scales = comparison_scales(pair, signed=kind == "convolution")
    return comparison_plot(pair, f"title of {kind}", "blur 1 2 1", scales, **more)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_share_a_scale_and_differences_another(kind: str) -> None:
    plain, blurred = compared(kind)
    plot = comparison(kind)
    expected = [plain.output, blurred.output, plain.difference, blurred.difference]
    heats = [heat_of(panel) for panel in plot.panels]
    for heat, maps in zip(heats, expected, strict=True):
        np.testing.assert_array_equal(heat.values, maps[0])
    outputs, differences = heats[0].scale, heats[2].scale
    assert [heat.scale for heat in heats] == [outputs] * 2 + [differences] * 2
    assert differences.colors == "signed"
    assert differences.high == -differences.low == max(np.abs(h.values).max() for h in heats[2:])
    assert outputs.colors == ("signed" if kind == "convolution" else "grey")
    assert color_bars(plot) == [outputs, differences], "one color bar for each"
    notes = [panel.note for panel in plot.panels]
    for each, note in zip((plain, blurred), notes[:2], strict=True):
        assert note == f"cosine {cosine_text(each.cosine)}"
        assert cosine_text(each.cosine) in plot.alt
    assert kind in plot.title


def test_the_picture_stands_before_the_outputs_in_rows_of_three() -> None:
    moved = np.roll(photo()[0], 1, 1)
    pictures = {"the picture": photo()[0], "moved 1 px right": moved}
    plot = comparison("max_pooling", pictures=pictures)
    assert plot.columns == 3
    assert [panel.title for panel in plot.panels[::3]] == list(pictures)
    np.testing.assert_array_equal(heat_of(plot.panels[3]).values, moved)
    assert len(color_bars(plot)) == 2, "none for the picture"
    alone = pictures_plot(pictures, "title")
    np.testing.assert_array_equal(heat_of(alone.panels[0]).values, photo()[0])
    low, high = span(alone.panels[0], "y")
    assert low > high, "row 0 at the top"


@pytest.mark.parametrize("signed", [False, True])
def test_maps_of_one_value_have_a_scale(signed: bool) -> None:
    flat = ShiftComparison(np.zeros((1, 4, 4), np.float32), np.zeros((1, 4, 4)), 1.0)
    for scale in comparison_scales([flat, flat], signed=signed):
        assert scale.low < scale.high
    assert isinstance(heat_of(pictures_plot({"a": np.ones((2, 2))}, "t").panels[0]).scale, Scale)


def distances(line: Polyline | Points) -> Any:
    return np.asarray(line.y)


@pytest.mark.parametrize("last", [None, 6])
def test_curves_are_the_cosines(last: int | None) -> None:
    plain, blurred = consistent()
    shifts = [tuple(shift) for shift in plain.shifts.tolist()]
    forms = [expected_cosine(layer, photo(), shifts) for layer in pair_of("convolution")]
    plot = consistency_plot(
        {"a": (plain, blurred)}, "T?", "blur", expected={"a": forms}, current=3, last=last
    )
    count = SIDE if last is None else last + 1
    names = [entry.name for entry in entries(plot)]
    assert names == ["no blur", "blur", "closed form", "the shift shown"]
    lines = {line.name: line for line in marks_of(plot, Polyline)}
    for name, result in (("no blur", plain), ("blur", blurred)):
        line, between = lines[name], np.arange(count) % 2 == 1
        assert list(line.x) == list(range(count))
        expected = 1 - result.cosine[:count][between]
        np.testing.assert_allclose(distances(line)[between], expected)
        assert line.hover is not None
        assert f"cosine {cosine_text(result.cosine[1])}" in line.hover[1]
    rings = [mark for mark in marks_of(plot, Points) if mark.hollow]
    for ring, form in zip(rings, forms, strict=True):
        np.testing.assert_allclose(distances(ring)[1::2], (1 - form[:count])[1::2])
    assert set(lines["the shift shown"].x) == {3}


def test_a_shift_out_of_view_is_not_marked() -> None:
    plot = consistency_plot({"a": consistent()}, "T?", "blur", current=7, last=6)
    assert [entry.name for entry in entries(plot)] == ["no blur", "blur"]


def test_compared_layers_are_told_apart_on_the_same_axes() -> None:
    worst = {"convolution": 0.555, "max pooling": 0.991, "average pooling": 0.9992}
    plot = consistency_plot({name: made(1, c) for name, c in worst.items()}, "T?", "blur")
    assert len({span(panel, "y") for panel in plot.panels}) == 1
    assert len({span(panel, "x") for panel in plot.panels}) == 1
    assert plot.shared_rows
    bottom, top = np.log(span(plot.panels[0], "y"))
    places = [marks_of(panel, Polyline)[0].y[1] for panel in plot.panels]
    heights = (np.log(places) - bottom) / (top - bottom)
    assert min(np.diff(heights)) > 0.15, "much of the axis lies between any two layers"
    for name, cosine in worst.items():
        assert f"{name} {cosine_text((1 + cosine) / 2)}" in plot.alt


@pytest.mark.parametrize(
    "cosines, names",
    [
        ((1.0, 0.55, 0.9992), {"1", "0.999", "0.99", "0.9", "0.5"}),
        ((1.0, 0.95), {"1", "0.9"}),
        ((1.0, 0.2), {"1", "0"}),
        ((1.0, 1.0), {"1", "0.9"}),
        ((1.0, -0.5), {"1", "−1"}),
        ((1.0, 1 - 2e-7, 0.998), {"1", "0.99"}),
    ],
)
def test_the_axis_says_cosines_and_holds_them_all(
    cosines: tuple[float, ...], names: set[str]
) -> None:
    plot = consistency_plot({"a": made(*cosines)}, "T?", "blur")
    panel = plot.panels[0]
    bottom, top = span(panel, "y")
    numbers = ticks(panel.y, (bottom, top))
    assert {name for _, name in numbers} == names
    places = {name: place for place, name in numbers}
    for name, place in places.items():
        if name != "1":
            assert 1 - float(name.replace("−", "-")) == pytest.approx(place)
    (line, _) = marks_of(plot, Polyline)
    for cosine, place in zip(cosines, distances(line), strict=True):
        assert bottom > place > top
        assert (place == places["1"]) == (cosine > 1 - NEAREST)
    assert ("drawn at 1" in plot.notes[0]) == (1 - 2e-7 in cosines)


def test_numbers_are_never_rounded_up_to_what_they_are_not() -> None:
    assert cosine_text(1.0) == "1"
    assert cosine_text(0.99999999) == "0.9999"
    assert cosine_text(0.5554) == "0.555"
    assert cosine_text(-1.0) == "−1.000"


def test_opposite_outputs_stay_on_the_axis_after_rounding() -> None:
    axis, _, _ = cosine_axis(np.array([1.0, -1.0 - 1e-15]))
    assert axis.names[-1] == "−1"
    assert axis.ticks is not None
    assert axis.ticks[-1] == 2.0
