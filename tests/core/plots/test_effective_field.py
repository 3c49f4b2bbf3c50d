"""Plots of effective receptive fields, tested by their data against the engine's results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.erf import EffectiveReceptiveField, Progress, Stopped, effective_receptive_field
from core.errors import SpecError
from core.plots import effective_field as plots
from core.plots.axes import span
from core.plots.legend import color_bars, entries
from core.plots.maps import cells_across, cells_down
from core.plots.plot import Heat, Panel, Photo, Plot, Polyline, Scale
from tests.core.plots.reading import all_marks, marks_of
from tests.core.plots.small_fields import SIZE, closed, measured, one_axis, stack
from tests.examples import examples

PHOTO = np.zeros((32, 40, 3), np.uint8)


def named(plot: Plot, start: str) -> Any:
    """The only mark whose name starts so."""
    (mark,) = [each for each in all_marks(plot) if getattr(each, "name", "").startswith(start)]
    return mark


def extent(line: Polyline) -> tuple[float, float, float, float]:
    return (
        float(np.nanmin(line.x)),
        float(np.nanmax(line.x)),
        float(np.nanmin(line.y)),
        float(np.nanmax(line.y)),
    )


def edges(box: Any) -> tuple[float, float, float, float]:
    (top, bottom), (left, right) = box
    return left - 0.5, right + 0.5, top - 0.5, bottom + 0.5


def is_whole_pixels(panel: Panel) -> bool:
    """Whether both axes end between two pixels, so that pixels are drawn alike."""
    ends = [end for side in ("x", "y") for end in span(panel, side)]
    return all((end - 0.5).is_integer() for end in ends)


@pytest.mark.parametrize("unit", [None, (0, 1), (31, 20)])
def test_map_lies_on_the_images_pixels(unit: tuple[int, int] | None) -> None:
    erf = measured(unit)
    plot = plots.field_plot(erf, "a title")
    (heat,) = marks_of(plot, Heat)
    np.testing.assert_allclose(heat.values, erf.map / erf.map.max())
    rows, cols = erf.map.shape
    top, left = erf.origin
    assert heat.box == (left - 0.5, left + cols - 0.5, top - 0.5, top + rows - 0.5)
    assert (heat.scale.low, heat.scale.high, heat.unit) == (0, 1, "of the peak")
    (panel,) = plot.panels
    assert plot.title == "a title"
    assert panel.y.low is not None
    assert panel.y.high is not None
    assert panel.y.low > panel.y.high, "rows go down"
    assert panel.cell == 1
    assert is_whole_pixels(panel)
    assert "(px)" in panel.x.name
    assert "(px)" in panel.y.name


@pytest.mark.parametrize("unit", [None, (0, 1)])
def test_lines_are_those_of_the_result(unit: tuple[int, int] | None) -> None:
    erf = measured(unit)
    plot = plots.field_plot(erf, expected=closed(unit))
    assert named(plot, "theory 7×7 px").boxes == [edges(erf.theory.unclipped)]
    assert named(plot, "image").boxes == [(-0.5, 39.5, -0.5, 31.5)]
    for share in (0.5, 0.99):
        mark = named(plot, f"{100 * share:g} % in {erf.square(share)} px")
        ((left, right, top, bottom),) = mark.boxes
        assert right - left == bottom - top == erf.square(share)
        assert ((top + bottom) / 2, (left + right) / 2) == erf.theory.center
    center = named(plot, "unit")
    assert (center.y[0], center.x[0]) == erf.theory.center
    for name, field in (("1σ", erf), ("expected 1σ", closed(unit))):
        left, right, top, bottom = extent(named(plot, name))
        assert right - left == pytest.approx(4 * field.sigma[1], abs=0.01)
        assert bottom - top == pytest.approx(4 * field.sigma[0], abs=0.01)
        assert ((top + bottom) / 2, (left + right) / 2) == pytest.approx(field.centroid, abs=0.01)


def test_the_closed_forms_center_and_width_are_those_of_its_map() -> None:
    expected = closed((0, 1))
    for axis in (0, 1):
        profile = expected.map.sum(1 - axis)
        places = expected.origin[axis] + np.arange(profile.size)
        middle = float(profile @ places)
        assert expected.centroid[axis] == pytest.approx(middle)
        assert expected.sigma[axis] == pytest.approx(np.sqrt(profile @ (places - middle) ** 2))


def test_every_line_differs_in_dash_or_color() -> None:
    keys = [
        entry.mark for entry in entries(plots.field_plot(measured((0, 1)), expected=closed((0, 1))))
    ]
    looks = {(each.color, getattr(each, "dash", ""), getattr(each, "symbol", "")) for each in keys}
    assert len(looks) == len(keys) == 7


def test_the_legend_names_only_what_is_in_view() -> None:
    inside = {entry.name for entry in entries(plots.field_plot(measured()))}
    assert "image's border" not in inside
    assert "theory 7×7 px" in inside
    at_the_border = {entry.name for entry in entries(plots.field_plot(measured((0, 1))))}
    assert {"image's border", "theory 7×7 px"} <= at_the_border
    wide = plots.field_plot(measured((16, 20), dilation=16))
    assert not any(entry.name.startswith("theory") for entry in entries(wide))
    assert any("reaches out of the image" in note for note in wide.notes)


def test_logarithmic_colors_end_at_a_ten_thousandth_and_leave_zeros_blank() -> None:
    erf = measured(dilation=2)
    (heat,) = marks_of(plots.field_plot(erf, log=True), Heat)
    shares, zero = heat.scale.shares(heat.values), erf.map == 0
    assert zero.any()
    np.testing.assert_array_equal(np.isnan(shares), zero)
    decades = np.log10((erf.map[~zero] / erf.map.max()).clip(1e-4))
    np.testing.assert_allclose(shares[~zero], 1 + decades / 4, atol=1e-9)
    scale = heat.scale
    assert [float(text.lstrip("≤ ")) for text in scale.names] == list(scale.ticks)
    assert scale.label.endswith("(blank: 0)")
    (plain,) = color_bars(plots.field_plot(measured(), log=True))
    assert "blank" not in plain.label
    (linear,) = color_bars(plots.field_plot(erf))
    assert "blank" not in linear.label


def test_signed_maps_are_centered_on_zero_and_lose_their_signs_on_a_log_scale() -> None:
    erf = measured(aggregate="signed")
    (heat,) = marks_of(plots.field_plot(erf), Heat)
    assert heat.values.min() < 0
    assert heat.scale.colors == "signed"
    assert heat.scale.shares(np.zeros(1))[0] == 0.5
    assert np.abs(heat.values).max() == 1
    (heat,) = marks_of(plots.field_plot(erf, log=True), Heat)
    assert (heat.values.min() >= 0, heat.values.max(), heat.scale.colors) == (True, 1, "magnitude")


def test_recipe_stands_below_the_picture() -> None:
    erf = measured((0, 1))
    text = " ".join(plots.field_plot(erf).notes)
    for words in (
        "mean of the squared gradient",
        "6 draws",
        "seed 0",
        f"layer {erf.module}",
        "2×32×40",
        "unit (0, 1) of 32×40",
        "reaches out of the image",
        f"{100 * erf.lost_to_padding:.3g} %",
    ):
        assert words.lower() in text.lower()
    assert "reaches out" not in " ".join(plots.field_plot(measured()).notes)


def test_partial_maps_say_how_far_they_are() -> None:
    def stop(progress: Progress) -> bool:
        return False

    with pytest.raises(Stopped) as stopped:
        effective_receptive_field(stack(), SIZE, draws=4096, weights="he", progress=stop)
    done = stopped.value.partial.convergence[-1].draws
    note = plots.recipe_line(stopped.value.partial)
    assert f"{done} of 4096 draws done" in note


def test_photograph_lies_below_the_map_pixel_on_pixel() -> None:
    plot = plots.field_plot(measured(), photo=PHOTO)
    (panel,) = plot.panels
    assert isinstance(panel.marks[0], Photo)
    assert (
        marks_of(plot, Heat)[0].opacity
        < 1
        == marks_of(plots.field_plot(measured()), Heat)[0].opacity
    )
    assert is_whole_pixels(panel)


@pytest.mark.parametrize("size", [(16, 16), (24, 40), (64, 64), (224, 100)])
@pytest.mark.parametrize("at, field", [(0, 1), (3, 7), (20, 3), (90, 10), (2, 60)])
def test_a_photograph_is_seen_around_the_field(size: tuple[int, int], at: int, field: int) -> None:
    box = tuple((min(at, n - 1), min(at + field, n) - 1) for n in size)
    view = plots.photo_view(box, size)  # type: ignore[arg-type]
    for (low, high), (first, last), side in zip(view, box, size, strict=True):
        assert low <= first - 0.5
        assert last + 0.5 <= high
        assert low % 1 == high % 1 == 0.5
        inside = -0.5 <= low < high <= side - 0.5
        assert inside or view == plots.whole_view(size)
        assert high - low <= max(24, 2 * field, side + 1) + 4


def test_an_orange_map_over_an_image_has_transparency_of_its_own() -> None:
    grey = Heat(np.zeros((32, 40)), Scale("", 0, 1, "grey"))
    scale = plots.peak_scale([measured()], colors="overlay")
    panel = plots.field_panel(measured(), scale, below=(grey,))
    _, heat = marks_of(panel, Heat)
    assert (heat.scale.colors, heat.opacity) == ("overlay", 1)


def test_an_input_with_one_axis_is_drawn_as_a_strip() -> None:
    erf = one_axis()
    (panel,) = plots.field_plot(erf).panels
    assert span(panel, "y") == (0.5, -0.5)
    assert panel.cell == 0
    assert panel.y.hidden
    (heat,) = marks_of(panel, Heat)
    assert heat.values.shape == erf.map.shape == (1, 9)
    assert "(px)" in panel.x.name


def test_preview_is_the_closed_form() -> None:
    expected = closed()
    plot = plots.expected_plot(expected, "soon")
    (heat,) = marks_of(plot, Heat)
    np.testing.assert_allclose(heat.values, expected.map / expected.map.max())
    assert heat.left == expected.origin[1] - 0.5
    assert heat.scale.label == "expected squared gradient, share of the peak"
    assert "Closed form, no gradient" in plot.notes[0]
    assert marks_of(plots.expected_plot(expected, log=True), Heat)[0].scale.log
    assert is_whole_pixels(plot.panels[0])


def variants(count: int) -> dict[str, EffectiveReceptiveField]:
    maps = [measured(), measured((0, 1)), measured(dilation=2), measured(aggregate="abs")]
    labels = ("center", "corner", "dilated by two in every layer", "|g|")
    return dict(zip(labels[:count], maps, strict=False))


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("log", [False, True])
def test_variants_share_colors_and_pixels(count: int, log: bool) -> None:
    chosen = variants(count)
    plot = plots.variants_plot(chosen, log=log)
    top = max(float(erf.map.max()) for erf in chosen.values())
    for heat, erf in zip(marks_of(plot, Heat), chosen.values(), strict=True):
        np.testing.assert_allclose(heat.values, erf.map / top)
    (scale,) = color_bars(plot)
    assert ("largest peak" in scale.label) == (count > 1)
    assert scale.log == log
    sizes = {(cells_across(panel), cells_down(panel)) for panel in plot.panels}
    assert len(sizes) == 1, "one view, so one size of pixel"
    assert all(is_whole_pixels(panel) for panel in plot.panels)
    for panel, (label, erf) in zip(plot.panels, chosen.items(), strict=True):
        assert (panel.title, panel.note) == (label, f"σ {plots.pixels(erf.sigma)}")
        assert label in plot.alt
    assert len(plot.panels) <= 2 or plot.half == 2


def test_recipes_of_variants_say_only_what_differs() -> None:
    text = " ".join(plots.variants_plot(variants(4)).notes)
    assert text.count("He-normal") == 1
    assert "corner: unit (0, 1) of 32×40." in text
    assert "|g|: mean of the absolute gradient" in text


@pytest.mark.parametrize("count", [0, 5])
def test_variants_are_one_to_four(count: int) -> None:
    with pytest.raises(SpecError, match="1 to 4"):
        plots.variants_plot({str(n): measured() for n in range(count)})


spans = st.tuples(st.integers(-9, 300), st.integers(0, 300)).map(lambda p: (p[0], p[0] + p[1]))


@examples(60)
@given(st.lists(st.tuples(spans, spans), min_size=1, max_size=4))
def test_views_are_equal_whole_pixels_around_their_boxes(boxes: list[Any]) -> None:
    views = plots.equal_views(boxes)
    for axis in (0, 1):
        assert len({view[axis][1] - view[axis][0] for view in views}) == 1
    for box, view in zip(boxes, views, strict=True):
        for (first, last), (start, end) in zip(box, view, strict=True):
            assert (start - 0.5).is_integer()
            assert start <= first - 1.5
            assert last + 1.5 <= end
            assert abs((start + end) - (first + last)) <= 1, "centered, up to half a pixel"
