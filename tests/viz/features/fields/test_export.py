"""The slide pictures of the receptive-field page."""

from __future__ import annotations

from itertools import cycle
from typing import Any

import pytest

from core import data
from core.errors import SpecError
from core.plots.growth import short_number
from core.plots.plot import Points, Polyline
from tests.core.plots.reading import marks_of, named
from tests.viz.slides import fits
from viz.choices import network as network_state
from viz.choices import network_analysis
from viz.choices.network import published_network
from viz.features.fields import export
from viz.features.fields.params import TABS, FieldSettings
from viz.features.fields.tabs import table_rows
from viz.slides.style import Picture, Style

ALL = ["cone", "view", "layers", "depth", "graph", "compare", "compare_depth", "strategies"]
SOME = ("resnet18", "unet", "googlenet", "dilated_stack", "mobilenet_v2")


def of(**query: str) -> dict[str, Picture]:
    values, ignored = FieldSettings.decoded(query)
    assert not ignored
    return {picture.name: picture for picture in export.pictures(values)}


def words_of(picture: Picture, size: str = "wide") -> list[str]:
    return [text.get_text() for text in fits.texts_of(fits.drawn(picture, Style(size, 72)))]


@fits.on_every_slide
@pytest.mark.parametrize("name", ALL)
def test_a_picture_fits_every_slide(name: str, slide: fits.Slide) -> None:
    fits.check(of(compare="resnet18,one_7x7")[name], slide)


@pytest.mark.slow
@pytest.mark.parametrize("turn, network", list(enumerate(SOME)))
def test_other_networks_fit_too(turn: int, network: str) -> None:
    """On one of two slides in turn: every picture comes on both."""
    for (name, picture), style in zip(
        of(network=network).items(), cycle(fits.ENDS[:: 1 - 2 * (turn % 2)])
    ):
        if name != "strategies":
            assert not fits.misfits(fits.drawn(picture, style), style), name


@pytest.mark.parametrize(
    "query",
    [
        {"down": "true", "layer": "conv2", "unit": "0.0"},
        {"zoom": "true", "axis": "height", "layer": "pool2", "unit": "15.0"},
        {"layer": "conv1", "centres": "false"},
        {"network": "own", "layers": "3x[conv3 s2 p1 c8], gap, fc10"},
    ],
)
def test_every_way_to_look_fits(query: dict[str, str]) -> None:
    values, ignored = FieldSettings.decoded(query)
    assert not ignored
    for picture in export.pictures(values)[:2]:
        for style in fits.STYLES[::2]:
            assert not fits.misfits(fits.drawn(picture, style), style), picture.name


def test_the_open_tab_follows_the_cone() -> None:
    for tab, name in (("depth", "depth"), ("graph", "graph"), ("reach", "strategies")):
        assert list(of(tab=tab))[:3] == ["cone", "view", name]
    assert list(of(tab="code"))[:3] == ["cone", "view", "layers"]
    assert set(ALL) - set(of()) == {"compare", "compare_depth"}
    assert set(TABS) >= {"layers", "depth", "graph", "compare", "reach"}


def test_a_network_that_does_not_run_is_a_sentence() -> None:
    with pytest.raises(SpecError):
        of(network="unet", input_height="10", input_width="10")


def analysis(name: str) -> Any:
    return network_analysis.analysis(published_network(name))


def test_the_view_says_the_closed_form() -> None:
    picture = of(network="resnet18", layer="layer2_0_conv1", unit="0.0")["view"]
    sentence = " ".join(words_of(picture))
    assert "sees 51×51 px, 26×26 of it inside the image" in sentence


def test_the_table_has_the_pages_numbers_and_keeps_the_ends() -> None:
    found = analysis("resnet18")
    shown = words_of(of(network="resnet18")["layers"])
    rows = table_rows(found)
    for row in (rows[0], rows[-1]):
        assert row[0] in shown
    deepest = found.deepest
    assert deepest.label in shown
    assert "11,689,512 parameters" in " ".join(shown)
    assert any(text.startswith("… ") for text in shown)


def test_the_depth_curve_has_cores_sizes() -> None:
    from core.receptive_field.growth import growth_curve

    found = analysis("resnet18")
    plot = export.depth_growth((found,), 1)
    expected = growth_curve("", found.fields, 1)
    assert list(named(plot, Polyline, found.network.title).y) == list(expected.widest)
    assert sum(len(points.x) for points in marks_of(plot, Points)) == len(expected.sizes)


def test_the_linear_layer_behind_a_pooling_is_named_and_one_unit_has_no_stride() -> None:
    cells = [cell.text for cell in export.layers_table(analysis("resnet50")).rows[-1]]
    assert cells[0] == "avgpool"
    assert "then fc (linear)" in cells[4]
    assert cells[2] == "–"


def test_strategies_say_each_number_once() -> None:
    found = network_analysis.strategies(32, published_network(network_state.DEFAULT).input_size)
    for size in ("wide", "half"):
        shown = " ".join(words_of(of()["strategies"], size))
        for way in found:
            assert short_number(way.parameters) in shown


def test_photos_are_scaled_down() -> None:
    values, _ = FieldSettings.decoded({})
    assert export.picture_pixels(values, (64, 32), None).shape == (64, 32, 3)
    assert max(export.picture_pixels(values, (1024, 512), None).shape) == data.MAX_SIDE


def test_a_network_is_not_compared_with_itself() -> None:
    values, _ = FieldSettings.decoded({"network": "resnet18", "compare": "resnet18,one_7x7"})
    found = export.compared_analyses(analysis("resnet18"), values)
    assert [each.network.name for each in found] == ["resnet18", "one_7x7"]
