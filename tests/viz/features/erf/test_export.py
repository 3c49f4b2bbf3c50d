"""Slides of effective receptive fields: what is drawn is what was measured, and it fits."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import pytest

from core.erf import studies
from core.erf.study import Study, StudySettings
from core.errors import SpecError
from core.plots.effective_study import study_plot
from tests.viz.slides import fits
from viz.choices import network
from viz.features.erf import compute, export
from viz.features.erf.params import ErfSettings
from viz.slides.style import Picture, Style, plot_picture

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


@cache
def study(name: str) -> Study:
    """With the rows that a page shows, of few draws: what is drawn is tested, not the laws."""
    found: Study = getattr(studies, name)(settings=StudySettings(channels=2, draws=4))
    return found


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
    picture = plot_picture("study", "Study", partial(study_plot, study(name)))
    fits.check(picture, slide)


@pytest.mark.parametrize(
    "link, unit",
    [
        (NARROW, "These layers, repeat0.1.conv0, unit (0, 0)"),
        ({"network": "resnet18", "draws": "1"}, "ResNet-18, layer4.1, unit (3, 3)"),
    ],
)
def test_titles_name_the_layer_as_the_other_pages_do(link: dict[str, str], unit: str) -> None:
    """Not by its node in the graph, as in ``repeat0_1_conv0`` and ``add_7``."""
    assert export.request_title(export.checked_request(values_of(link))) == unit


def test_a_caption_has_the_pages_words_for_all_settings() -> None:
    plain = export.settings_text(export.checked_request(values_of(SMALL)))
    assert plain == (
        "These layers, conv1, unit (4, 5); 4 draws; input: noise, new for every draw; weights: He, "
        "drawn anew for every draw; energy: mean of g², all channels; seed 0"
    )
    changes = {"inputs": "picture", "activation": "tanh", "skips": "false", "draw_seed": "3"}
    layers = {"layers": "residual[conv3 p1 c3, relu]", "draws": "1", "bf16": "true"}
    other = export.settings_text(export.checked_request(values_of(SMALL | changes | layers)))
    for words in ("; 1 draw; input: Pagoda", "activation: tanh; without skips; bfloat16; seed 3"):
        assert words in other


def test_every_title_names_the_unit() -> None:
    for name in export.PLOTS:
        plot: Any = of()[name].draw
        assert plot.args[0]().title.startswith("These layers, conv1, unit (4, 5)"), name


@pytest.mark.parametrize(
    "tab, first", [("sections", "map"), ("energy", "energy"), ("compare", "variants")]
)
def test_the_open_tab_comes_first(tab: str, first: str) -> None:
    assert next(iter(of(tab=tab, compare="units"))) == first


def test_a_comparison_that_the_network_cannot_make_says_why() -> None:
    picture = of(compare="skips")["variants"]
    with pytest.raises(SpecError, match="compare"):
        fits.drawn(picture, WIDE)
