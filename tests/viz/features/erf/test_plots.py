"""Figures of effective receptive fields, tested by their data against the engine's results."""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from torch import nn

from core.erf import EffectiveReceptiveField, Progress, Stopped, effective_receptive_field
from core.erf.expected import ExpectedErf, expected_erf
from core.errors import SpecError
from tests.examples import examples
from viz.features.erf import plots as figures
from viz.plots import effective_field as parts
from viz.plots import parts as plots_parts

SIZE = (2, 32, 40)


def stack(dilation: int = 1, depth: int = 3) -> nn.Module:
    torch.manual_seed(0)
    pads = {"padding": dilation, "dilation": dilation}
    return nn.Sequential(*(nn.Conv2d(2, 2, 3, **pads) for _ in range(depth)))


@cache
def measured(
    unit: tuple[int, int] | None = None,
    aggregate: str = "energy",
    dilation: int = 1,
    draws: int = 6,
) -> EffectiveReceptiveField:
    given_unit: Any = {"unit": unit, "draws": draws, "aggregate": aggregate, "weights": "he"}
    return effective_receptive_field(stack(dilation), SIZE, **given_unit)


@cache
def closed(unit: tuple[int, int] | None = None) -> ExpectedErf:
    return expected_erf(stack(), SIZE, unit=unit)


def named(figure: go.Figure, start: str) -> Any:
    """The trace whose name starts so."""
    found = [trace for trace in figure.data if (trace.name or "").startswith(start)]
    assert len(found) == 1, [trace.name for trace in figure.data]
    return found[0]


def note(figure: go.Figure) -> str:
    return figure.layout.annotations[0].text.replace("<br>", " ")


def spans(trace: Any) -> tuple[float, float, float, float]:
    """left, right, top, bottom of a line."""
    x, y = ([v for v in values if v is not None] for values in (trace.x, trace.y))
    return min(x), max(x), min(y), max(y)


def edges(box: Any) -> tuple[float, float, float, float]:
    (top, bottom), (left, right) = box
    return left - 0.5, right + 0.5, top - 0.5, bottom + 0.5


@pytest.mark.parametrize("unit", [None, (0, 1), (31, 20)])
def test_map_lies_on_the_images_pixels(unit: tuple[int, int] | None) -> None:
    erf = measured(unit)
    figure = figures.erf_figure(erf, title="a title")
    heat = figure.data[0]
    z = np.asarray(heat.z)
    assert z.dtype == np.float32
    np.testing.assert_allclose(z, erf.map / erf.map.max(), rtol=1e-6)
    rows, cols = erf.map.shape
    np.testing.assert_array_equal(heat.y, erf.origin[0] - 0.5 + np.arange(rows + 1))
    np.testing.assert_array_equal(heat.x, erf.origin[1] - 0.5 + np.arange(cols + 1))
    assert (heat.zmin, heat.zmax, heat.zsmooth) == (0, 1, False)
    assert figure.layout.title.text == "a title"
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "rows go down"
    assert figure.layout.yaxis.scaleanchor == "x", "pixels are square"
    assert "(px)" in figure.layout.xaxis.title.text
    assert "(px)" in figure.layout.yaxis.title.text


@pytest.mark.parametrize("unit", [None, (0, 1)])
def test_lines_are_those_of_the_result(unit: tuple[int, int] | None) -> None:
    erf = measured(unit)
    figure = figures.erf_figure(erf, expected=closed(unit))
    assert spans(named(figure, "theory 7×7 px")) == edges(erf.theory.unclipped)
    assert spans(named(figure, "image")) == (-0.5, 39.5, -0.5, 31.5)
    for t in (0.5, 0.99):
        left, right, top, bottom = spans(named(figure, f"{100 * t:g} % in {erf.square(t)} px"))
        assert right - left == bottom - top == erf.square(t)
        assert ((top + bottom) / 2, (left + right) / 2) == erf.theory.center
    mark = named(figure, "unit")
    assert (mark.y[0], mark.x[0]) == erf.theory.center
    solid = next(t for t in figure.data[1:] if t.line.color == "white")
    left, right, top, bottom = spans(solid)
    assert right - left == pytest.approx(4 * erf.sigma[1], abs=0.01)
    assert bottom - top == pytest.approx(4 * erf.sigma[0], rel=0.01)
    center = ((top + bottom) / 2, (left + right) / 2)
    assert center == pytest.approx(erf.centroid, abs=0.01)
    assert named(figure, "expected").line.dash == "dot"


def test_every_line_has_a_dash_or_colour_and_a_key_of_its_own() -> None:
    figure = figures.erf_figure(measured(), expected=closed(), squares=(0.2, 0.5, 0.99))
    keys = [t for t in figure.data if t.name and t.showlegend is not False]
    looks = [(t.line.color, t.line.dash, t.marker.symbol) for t in keys]
    assert len(set(looks)) == len(looks) == 8
    assert figure.layout.legend.tracegroupgap == 0


def test_overlays_can_be_left_out() -> None:
    figure = figures.erf_figure(measured(), expected=closed(), box=False, ellipse=False, squares=())
    assert {t.name for t in figure.data if t.name} == {"image's border", "unit's center"}


def test_any_number_of_squares_can_be_asked_for() -> None:
    shares = [n / 10 for n in range(1, 8)]
    figure = figures.erf_figure(measured(), squares=shares)
    assert sum("% in" in (trace.name or "") for trace in figure.data) == len(shares)


def test_logarithmic_colours_end_at_a_ten_thousandth_and_leave_zeros_blank() -> None:
    erf = measured(dilation=2)
    figure = figures.erf_figure(erf, log=True)
    z = np.asarray(figure.data[0].z)
    zero = erf.map == 0
    assert zero.any()
    np.testing.assert_array_equal(np.isnan(z), zero)
    share = erf.map[~zero] / erf.map.max()
    np.testing.assert_allclose(z[~zero], np.log10(share.clip(1e-4)), atol=1e-6)
    assert (figure.data[0].zmin, figure.data[0].zmax) == (-4, 0)
    bar = figure.data[0].colorbar
    assert [float(text.lstrip("≤ ")) for text in bar.ticktext] == [10.0**n for n in bar.tickvals]
    assert "blank: 0" in bar.title.text
    plain = figures.erf_figure(measured(), log=True).data[0]
    assert "blank" not in plain.colorbar.title.text


def test_colours_can_be_shared() -> None:
    erf = measured()
    top = 3 * float(erf.map.max())
    heat = figures.erf_figure(erf, z_max=top).data[0]
    np.testing.assert_allclose(heat.z, erf.map / top, rtol=1e-6)
    assert "largest" in heat.colorbar.title.text


def test_signed_maps_are_centered_on_zero_and_lose_their_signs_on_a_log_scale() -> None:
    erf = measured(aggregate="signed")
    heat = figures.erf_figure(erf).data[0]
    z = np.asarray(heat.z)
    assert z.min() < 0
    assert heat.zmin == -heat.zmax == -1
    np.testing.assert_allclose(np.abs(z).max(), 1)
    logged = np.asarray(figures.erf_figure(erf, log=True).data[0].z)
    assert logged.max() == 0
    assert ((logged <= 0) & (logged >= -4)).all()


def test_recipe_stands_below_the_picture() -> None:
    erf = measured((0, 1))
    text = note(figures.erf_figure(erf))
    for words in (
        "mean of the squared gradient",
        "6 draws",
        "seed 0",
        f"layer {erf.module}",
        "2×32×40",
    ):
        assert words.lower() in text.lower()
    assert "unit (0, 1) of 32×40" in text
    assert "reaches out of the image" in text
    assert f"{100 * erf.lost_to_padding:.3g} %" in text
    assert "reaches out" not in note(figures.erf_figure(measured()))


def test_partial_maps_say_how_far_they_are() -> None:
    def stop(progress: Progress) -> bool:
        return False

    with pytest.raises(Stopped) as stopped:
        effective_receptive_field(stack(), SIZE, draws=4096, weights="he", progress=stop)
    done = stopped.value.partial.convergence[-1].draws
    assert f"{done} of 4096 draws done" in note(figures.erf_figure(stopped.value.partial))


def test_photograph_lies_below_the_map_pixel_on_pixel() -> None:
    photo = "data:image/png;base64,AAAA"
    figure = figures.erf_figure(measured(), photo=photo)
    (image,) = figure.layout.images
    assert (image.x, image.y, image.sizex, image.sizey) == (-0.5, -0.5, 40, 32)
    assert (image.layer, image.sizing, image.source) == ("below", "stretch", photo)
    assert figure.data[0].opacity < 1
    low, high = figure.layout.xaxis.range
    assert low < -0.5 < 39.5 < high, "all of the image is seen"
    near = figures.erf_figure(measured(), photo=photo, whole_image=False)
    assert near.layout.xaxis.range[0] > 0
    assert figures.erf_figure(measured()).data[0].opacity == 1
    assert not figures.erf_figure(measured()).layout.images


@examples(40, deadline=None)
@given(
    arrays(np.float64, array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.floats(0, 1))
)
def test_blocks_are_means(values: np.ndarray[Any, Any]) -> None:
    most, plots_parts.MOST_CELLS = plots_parts.MOST_CELLS, 7
    try:
        cells, block = plots_parts.in_blocks(values)
    finally:
        plots_parts.MOST_CELLS = most
    assert max(cells.shape) <= 7
    assert block == math.ceil(max(values.shape) / 7)
    for row, col in np.ndindex(cells.shape):
        part = values[row * block : (row + 1) * block, col * block : (col + 1) * block]
        assert cells[row, col] == pytest.approx(part.mean(), abs=1e-12)


def test_large_maps_are_shown_in_blocks_and_say_so() -> None:
    strided = nn.Sequential(*(nn.Conv2d(1, 1, 3, stride=2, padding=1) for _ in range(9)))
    erf = effective_receptive_field(strided, (1, 700, 1100), draws=1, weights="he")
    figure = figures.erf_figure(erf)
    heat = figure.data[0]
    rows, cols = erf.map.shape
    assert cols > plots_parts.MOST_CELLS
    assert max(np.asarray(heat.z).shape) <= plots_parts.MOST_CELLS
    assert (heat.x[0], heat.x[-1]) == (erf.origin[1] - 0.5, erf.origin[1] + cols - 0.5)
    assert (heat.y[0], heat.y[-1]) == (erf.origin[0] - 0.5, erf.origin[0] + rows - 0.5)
    assert "means of 2×2 pixels" in note(figure) or "means of 3×3 pixels" in note(figure)
    raw = json.loads(figure.to_json())["data"][0]["z"]
    assert raw["dtype"] == "f4"
    assert len(base64.b64decode(raw["bdata"])) == 4 * np.asarray(heat.z).size


def test_one_axis_is_drawn_as_a_strip() -> None:
    net = nn.Sequential(nn.Conv1d(2, 2, 5, padding=2), nn.Conv1d(2, 2, 5, padding=2))
    erf = effective_receptive_field(net, (2, 40), draws=4, weights="he")
    figure = figures.erf_figure(erf)
    assert np.asarray(figure.data[0].z).shape == erf.map.shape == (1, 9)
    assert spans(named(figure, "image")) == (-0.5, 39.5, -0.5, 0.5)
    sections = figures.sections_figure(erf)
    assert [trace.name for trace in sections.data] == ["measured", "Gaussian, same σ"]
    np.testing.assert_allclose(sections.data[0].y, erf.map[0], rtol=1e-5)
    assert sections.layout.xaxis.title.text == "column (px)"


def test_preview_shows_the_closed_form() -> None:
    expected = closed()
    figure = figures.expected_figure(expected, title="soon")
    np.testing.assert_allclose(figure.data[0].z, expected.map / expected.map.max(), rtol=1e-6)
    assert figure.data[0].x[0] == expected.origin[1] - 0.5
    assert "expected" in figure.data[0].colorbar.title.text
    assert "Closed form, no gradient" in note(figure)
    logged = np.asarray(figures.expected_figure(expected, log=True).data[0].z)
    assert np.nanmax(logged) == 0


def test_sections_are_the_marginals_beside_gaussian_and_closed_form() -> None:
    erf, expected = measured((0, 1)), closed((0, 1))
    figure = figures.sections_figure(erf, expected)
    assert len(figure.data) == 6
    for axis, trace in enumerate((figure.data[0], figure.data[3])):
        np.testing.assert_allclose(trace.y, erf.map.sum(1 - axis), rtol=1e-5)
        np.testing.assert_array_equal(trace.x, erf.origin[axis] + np.arange(erf.map.shape[axis]))
    for axis, trace in enumerate((figure.data[1], figure.data[4])):
        x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
        normal = np.exp(-(((x - erf.centroid[axis]) / erf.sigma[axis]) ** 2) / 2)
        np.testing.assert_allclose(y, normal / normal.sum(), rtol=1e-4, atol=1e-7)
    for axis, trace in enumerate((figure.data[2], figure.data[5])):
        np.testing.assert_allclose(trace.y, expected.map.sum(1 - axis), rtol=1e-5)
        assert trace.x[0] == expected.origin[axis]
    assert len({trace.line.dash for trace in figure.data[:3]}) == 3
    keys = [trace.name for trace in figure.data if trace.showlegend]
    assert keys == ["measured", "Gaussian, same σ", "closed form"]
    assert len(figures.sections_figure(erf).data) == 4
    assert "seed 0" in note(figure)


def test_energy_grows_to_one_and_marks_its_squares() -> None:
    erf = measured()
    figure = figures.energy_figure(erf)
    sides, held = erf.cumulative_energy()
    line = named(figure, "measured")
    np.testing.assert_array_equal(line.x, sides)
    np.testing.assert_allclose(line.y, held, rtol=1e-6)
    marks = named(figure, "smallest squares")
    assert set(marks.x) == set(erf.squares.values())
    for t, side in erf.squares.items():
        index = list(marks.x).index(side)
        assert marks.y[index] >= t * (1 - 1e-9)
        assert f"{100 * t:g} %" in marks.text[index]
    theory = named(figure, "theory")
    assert set(theory.x) == {7}
    assert figure.layout.xaxis.title.text.endswith("(px)")


@pytest.mark.parametrize("draws", [1, 6])
def test_convergence_follows_the_draws(draws: int) -> None:
    erf = measured(draws=draws)
    figure = figures.convergence_figure(erf)
    difference, down, across = figure.data
    points = erf.convergence
    for trace in figure.data:
        np.testing.assert_array_equal(trace.x, [point.draws for point in points])
    np.testing.assert_allclose(difference.y, [point.difference for point in points], rtol=1e-6)
    np.testing.assert_allclose(down.y, [point.sigma[0] for point in points], rtol=1e-6)
    np.testing.assert_allclose(across.y, [point.sigma[1] for point in points], rtol=1e-6)
    for axis in (figure.layout.xaxis, figure.layout.xaxis2):
        assert axis.type == "log"
        assert axis.range[0] < 0 < math.log10(max(2, draws)) < axis.range[1]


def variants(count: int) -> dict[str, EffectiveReceptiveField]:
    maps = [measured(), measured((0, 1)), measured(dilation=2), measured(aggregate="abs")]
    labels = ("centre", "corner", "dilated by two in every layer", "|g|")
    return dict(zip(labels[:count], maps, strict=False))


@pytest.mark.parametrize("count, columns", [(1, 4), (2, 4), (3, 2), (4, 4), (4, 1)])
@pytest.mark.parametrize("log", [False, True])
def test_variants_share_colours_and_pixels(count: int, columns: int, log: bool) -> None:
    chosen = variants(count)
    figure = figures.variants_figure(chosen, log, columns=columns)
    heats = [trace for trace in figure.data if trace.type == "heatmap"]
    top = max(float(erf.map.max()) for erf in chosen.values())
    for heat, erf in zip(heats, chosen.values(), strict=True):
        share = erf.map / top
        if log:
            with np.errstate(divide="ignore"):
                share = np.where(share > 0, np.log10(share).clip(-4), np.nan)
        np.testing.assert_allclose(heat.z, share, rtol=1e-5, atol=1e-6)
    assert len({(heat.zmin, heat.zmax, str(heat.colorscale)) for heat in heats}) == 1
    assert [heat.showscale for heat in heats] == [True] + [False] * (count - 1)
    layout = json.loads(figure.to_json())["layout"]
    numbers = ["", "2", "3", "4"][:count]
    ranges = [np.ptp(layout[f"{axis}axis{n}"]["range"]) for n in numbers for axis in "xy"]
    assert np.ptp(ranges) == pytest.approx(0), "one view, so one size of pixel"
    domains = {(*layout[f"xaxis{n}"]["domain"], *layout[f"yaxis{n}"]["domain"]) for n in numbers}
    assert len(domains) == count
    headings = [a["text"].replace("<br>", " ") for a in layout["annotations"][1:]]
    for heading, (label, erf) in zip(headings, chosen.items(), strict=True):
        assert label in heading.replace("<b>", "").replace("</b>", "")
        assert parts.pixels(erf.sigma) in heading
    keys = [t.name for t in figure.data if t.showlegend and t.name]
    assert keys == ["image's border", "theoretical field", "1σ and 2σ"]


def test_variants_tell_only_what_differs() -> None:
    text = note(figures.variants_figure(variants(4)))
    assert text.count("He-normal") == 1
    assert "corner: layer" in text
    assert "(0, 1)" in text
    assert "|g|: aggregate abs." in text


@pytest.mark.parametrize("count", [0, 5])
def test_variants_are_one_to_four(count: int) -> None:
    with pytest.raises(SpecError, match="1 to 4"):
        figures.variants_figure({str(n): measured() for n in range(count)})
    with pytest.raises(SpecError, match="columns"):
        figures.variants_figure(variants(1), columns=0)


FIGURES: dict[str, Callable[[], go.Figure]] = {
    "map": lambda: figures.erf_figure(measured(), expected=closed()),
    "preview": lambda: figures.expected_figure(closed()),
    "sections": lambda: figures.sections_figure(measured(), closed()),
    "energy": lambda: figures.energy_figure(measured()),
    "convergence": lambda: figures.convergence_figure(measured()),
    "variants": lambda: figures.variants_figure(variants(4)),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figures_take_the_pages_theme_and_are_told(name: str) -> None:
    layout = FIGURES[name]().layout
    assert layout.title.text
    assert layout.paper_bgcolor == layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert layout.font.color is None, "text has the theme's colour"
    foot = layout.annotations[0]
    lines = foot.text.count("<br>") + 1
    assert -foot.yshift + plots_parts.NOTE * lines <= layout.margin.b, "the note fits below"
