"""Slides of effective receptive fields: what is drawn is what was measured, and it fits."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from core.erf import EffectiveReceptiveField, studies
from core.erf.study import Study, StudySettings
from core.errors import SpecError
from tests.viz.slides import fits
from viz.choices import network
from viz.features.erf import compute, export
from viz.features.erf.params import ErfSettings
from viz.slides.style import Picture, Style

SMALL = {
    "layers": "2x[conv3 p1 c2, relu], conv3 s2 p1 c2",
    "input_height": "16",
    "input_width": "20",
    "draws": "4",
}
NARROW = {**SMALL, "layers": "2x[conv3 p1 c2, relu]", "unit": "corner", "compare": "units"}
WIDE = Style("wide", 72)


def values_of(query: dict[str, str]) -> ErfSettings:
    values, ignored = ErfSettings.decoded(query)
    assert not ignored
    return network.with_suitable_input(values)


def of(**query: str) -> dict[str, Picture]:
    return {one.name: one for one in export.pictures(values_of({**SMALL, **query}))}


def measured(query: dict[str, str]) -> EffectiveReceptiveField:
    return export.measure_now(export.checked_request(values_of(query)))


@cache
def study(name: str) -> Study:
    """With the rows that a page shows, of few draws: what is drawn is tested, not the laws."""
    found: Study = getattr(studies, name)(settings=StudySettings(channels=2, draws=4))
    return found


def meshes(figure: Figure) -> list[QuadMesh]:
    """The maps of a figure, colour bars left out."""
    bars = [axes for axes in figure.axes if axes.get_label() == "<colorbar>"]
    return [
        each
        for axes in figure.axes
        if axes not in bars
        for each in axes.collections
        if isinstance(each, QuadMesh)
    ]


@fits.on_every_slide
@pytest.mark.parametrize("name", ["map", "sections", "energy", "convergence"])
def test_a_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of()[name], slide)


@fits.on_every_slide
def test_a_map_over_its_picture_in_decades_fits(slide: fits.Slide) -> None:
    fits.check(of(**NARROW, over="true", log="true")["map"], slide)


@fits.on_every_slide
def test_the_closed_form_fits(slide: fits.Slide) -> None:
    values = values_of(SMALL)
    asked = export.checked_request(values)
    (picture,) = export.page_pictures(asked, None, compute.expected(asked), values)
    fits.check(picture, slide)
    assert export.page_pictures(asked, None, None, values) == []


@fits.on_every_slide
def test_variants_fit(slide: fits.Slide) -> None:
    fits.check(of(**NARROW)["variants"], slide)


@pytest.mark.slow
@fits.on_every_slide
@pytest.mark.parametrize("name", ["padding_study", "kernel_study"])
def test_a_study_fits(name: str, slide: fits.Slide) -> None:
    fits.check(export.picture_of_study(study(name)), slide)


@pytest.mark.parametrize("aggregate", ["energy", "signed"])
def test_the_cells_are_shares_of_the_peak(aggregate: str) -> None:
    query = {**SMALL, "aggregate": aggregate}
    erf = measured(query)
    (mesh,) = meshes(fits.drawn(of(aggregate=aggregate)["map"], WIDE))
    expected = (erf.map if aggregate == "signed" else erf.energy) / erf.energy.max()
    np.testing.assert_allclose(mesh.get_array().filled(np.nan).reshape(erf.map.shape), expected)
    assert mesh.get_clim() == ((-1, 1) if aggregate == "signed" else (0, 1))


def test_decades_leave_zeros_blank_and_end_at_the_lowest() -> None:
    """Uniform weights reach only every second pixel behind a 1×1 with stride 2."""
    layers = "conv1 s2 c2, conv3 p1 c2"
    erf = measured({**SMALL, "layers": layers})
    (mesh,) = meshes(fits.drawn(of(layers=layers, log="true")["map"], WIDE))
    shown = mesh.get_array().reshape(erf.map.shape)
    assert (np.ma.getmaskarray(shown) == (erf.map == 0)).all()
    assert (erf.map == 0).any()
    assert mesh.get_clim() == (-4, 0)


def boxes(figure: Figure) -> set[tuple[float, float, float, float]]:
    return {
        (patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height())
        for axes in figure.axes
        for patch in axes.patches
        if type(patch) is Rectangle
    }


def test_the_boxes_are_the_theoretical_field_and_the_squares_that_hold_the_energy() -> None:
    erf = measured(SMALL)
    found = boxes(fits.drawn(of()["map"], WIDE))
    (top, bottom), (left, right) = erf.theory.unclipped
    assert (left - 0.5, top - 0.5, right - left + 1, bottom - top + 1) in found
    row, col = erf.theory.center
    for side in (erf.square(0.5), erf.square(0.99)):
        assert (col - side / 2, row - side / 2, side, side) in found


def test_the_words_say_what_was_done() -> None:
    erf = measured(SMALL)
    texts = [text.get_text() for text in fits.texts_of(fits.drawn(of()["map"], WIDE))]
    assert f"99 % in {erf.square(0.99)} px" in texts
    words = " ".join(texts)
    assert "4 draws" in words
    assert "unit (4, 5) of 8×10" in words


def test_cross_sections_are_the_marginals() -> None:
    erf = measured(SMALL)
    figure = fits.drawn(of()["sections"], WIDE)
    for axes, marginal in zip(figure.axes, erf.marginals(), strict=True):
        np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), marginal)


def test_the_energy_grows_to_one_and_the_diamonds_stand_on_it() -> None:
    erf = measured(SMALL)
    (axes,) = fits.drawn(of()["energy"], WIDE).axes
    curve, _, diamonds = axes.get_lines()
    sides, held = erf.cumulative_energy()
    np.testing.assert_allclose(curve.get_ydata(), held)
    at = dict(zip(sides.tolist(), held.tolist(), strict=True))
    assert list(diamonds.get_xdata()) == sorted(set(erf.squares.values()))
    assert list(diamonds.get_ydata()) == [at[side] for side in diamonds.get_xdata()]


def test_variants_have_one_colour_scale_and_one_size_of_pixel() -> None:
    figure = fits.drawn(of(**NARROW)["variants"], WIDE)
    found = meshes(figure)
    assert len(found) == 3
    assert {mesh.get_clim() for mesh in found} == {(0.0, 1.0)}
    tops = [float(np.ma.max(mesh.get_array())) for mesh in found]
    assert max(tops) == 1
    assert min(tops) < 1
    sides = {round(np.ptp(mesh.axes.get_xlim()), 6) for mesh in found if mesh.axes}
    assert len(sides) == 1


@pytest.mark.parametrize("name", ["padding_study", "kernel_study"])
def test_a_study_has_every_row_and_its_laws(name: str) -> None:
    found = study(name)
    figure = fits.drawn(export.picture_of_study(found), WIDE)
    lines = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    assert list(lines["σ"].get_ydata()) == [row.sigma for row in found.rows]
    assert list(lines["theory"].get_ydata()) == [row.reach for row in found.rows]
    laws = [
        np.log(np.divide(*line.get_ydata())) / np.log(np.divide(*line.get_xdata()))
        for axes in figure.axes
        for line in axes.get_lines()
        if "law" in str(line.get_label())
    ]
    assert sorted(laws) == pytest.approx(sorted(fit.exponent for fit in found.fits))


@pytest.mark.parametrize(
    "tab, first", [("sections", "map"), ("energy", "energy"), ("compare", "variants")]
)
def test_the_open_tab_comes_first(tab: str, first: str) -> None:
    assert next(iter(of(tab=tab, compare="units"))) == first


def test_a_comparison_that_the_network_cannot_make_says_why() -> None:
    picture = of(compare="skips")["variants"]
    with pytest.raises(SpecError, match="compare"):
        fits.drawn(picture, WIDE)
