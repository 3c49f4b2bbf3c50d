"""Hostile links to the page of effective receptive fields: a sentence, never a traceback."""

from __future__ import annotations

from typing import Any

import pytest

from tests.viz.features.erf.erf_visit import (
    Held,
    again,
    button,
    button_labels,
    charts,
    link_of,
    said,
    text_of,
    tiny,
    until_done,
    values,
    visit,
    warned,
)
from tests.viz.visit import components_of
from viz.features.erf.params import PLAIN, ErfSettings

MARKUP = "<img src=x onerror=alert(1)> `x` $\\frac{1}{0}$ [a](javascript:x)"
IGNORED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown layer": ({"layer": "nosuch"}, "this network has no layer `nosuch`"),
    "the input for a layer": ({"layer": "x"}, "this network has no layer `x`"),
    "markup for a layer": ({"layer": MARKUP}, "`layer` must be the name of a layer"),
    "a unit outside": ({"unit": "9999.9999"}, "has no unit 9999.9999, only 16×16"),
    "a unit just outside": ({"unit": "3.16"}, "has no unit 3.16, only 16×16"),
    "a negative unit": ({"unit": "-1.0"}, "`unit` must be one of centre, edge, corner"),
    "a million draws": ({"draws": 10**6}, "`draws` must be one of 1, 4, 16, 64, 256"),
    "text for draws": ({"draws": "many"}, "`draws` must be one of 1, 4, 16, 64, 256"),
    "no draws": ({"draws": 0}, "`draws` must be one of"),
    "weights": ({"weights": "trained"}, "`weights` must be one of he, "),
    "an input": ({"inputs": "../../etc/passwd"}, "`inputs` must be one of noise, picture"),
    "an aggregate": ({"aggregate": MARKUP}, "`aggregate` must be one of energy"),
    "an activation": ({"activation": "step"}, "`activation` must be one of kept"),
    "a pooling": ({"pooling": "1"}, "`pooling` must be one of kept"),
    "a switch": ({"skips": "1"}, "`skips` must be true or false"),
    "a seed": ({"draw_seed": "9" * 400}, "`draw_seed` must be"),
    "a picture": ({"picture": "../secrets"}, "`picture` must be one of"),
    "a tab": ({"tab": "Studies"}, "`tab` must be one of map"),
    "a comparison": ({"compare": MARKUP}, "`compare` must be one of activations"),
    "a study": ({"study": "__import__"}, "`study` must be one of depth"),
    "an unknown name": ({MARKUP: "1", "y" * 3000: "2"}, "is no setting of this page"),
    "a huge size": ({"input_height": 10**9}, "`input_height` must be from 0 to 1024"),
    "a million layers": ({"layers": "1000000x[conv3]"}, "`layers` is no network"),
    "an unknown network": ({"network": "resnet51"}, "`network` must be own or an architecture"),
    "a module": ({"network": "module", "module": "os:abort"}, "`network` must be own"),
}


@pytest.mark.parametrize("name", IGNORED)
def test_a_part_of_a_link_is_ignored_with_a_sentence(name: str, monkeypatch: Any) -> None:
    link, sentence = IGNORED[name]
    Held(monkeypatch, workers=0)
    at = visit(**tiny() | link)
    assert warned(at).startswith("Part of the link was ignored: ")
    assert sentence in warned(at)
    assert len(warned(at)) < 1000
    assert charts(at, "erf_map"), "the rest of the link is shown"
    assert "img src" not in text_of(at)
    assert set(link_of(at)) <= {param.name for param in ErfSettings.params()}
    assert not set(link_of(at)) & (set(link) - {"input_height", "layers", "module"})


def test_what_was_ignored_is_told_until_something_changes(monkeypatch: Any) -> None:
    Held(monkeypatch, workers=0)
    at = visit(**tiny(layer="nosuch", unit="99.99"))
    assert "no layer `nosuch`" in warned(again(at))
    assert "no unit 99.99" in warned(at)
    at.number_input(key="input_width").set_value(20)
    again(at)
    assert not again(at).warning
    assert values(at)["unit"] == "centre"


def test_what_another_network_lacks_is_let_go_without_a_word(monkeypatch: Any) -> None:
    Held(monkeypatch, workers=0)
    at = visit(**tiny(layer="repeat0.0.conv0", unit="15.15"))
    assert not at.warning
    at.selectbox(key="network").set_value("lenet5")
    assert not again(at).warning
    assert (values(at)["layer"], values(at)["unit"]) == ("", "centre")
    assert at.selectbox(key="unit").value == "centre"
    assert "unit" not in link_of(at)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no pooling to swap": (tiny("conv3 p1 c2", pooling="max"), "Module must have"),
    "no activation to swap": (tiny("conv3 p1 c2", activation="tanh"), "Module must have"),
    "no skips to take": (tiny("conv3 p1 c2", skips=False), "Module must have"),
    "no units side by side": (tiny("flatten, fc10"), "Layer must have units side by side"),
    "a kernel beyond the image": (tiny("conv17, conv17"), "kernel\\_size spans 17"),
    "a published one on a pixel": (
        {"network": "alexnet", "input_height": 1, "input_width": 1},
        "Kernel size can't be greater than actual input size",
    ),
    "work beyond all bounds": (
        tiny("2x[conv31 p15 c1024]", input_height=1024, input_width=1024, in_channels=1024),
        "Input\\_size must be smaller\\: one draw takes more than 500,000,000,000 ",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_computed_says_why_and_offers_a_way_on(name: str, monkeypatch: Any) -> None:
    held = Held(monkeypatch, workers=0)
    link, sentence = REFUSED[name]
    at = visit(**link)
    assert sentence in warned(at)
    assert not at.get("plotly_chart")
    assert not held.wanted()
    assert link_of(at)["network" if "layers" not in link else "layers"]
    button(at, "Back to the first map").click()
    assert not again(at).warning
    assert values(at)["layers"] == PLAIN
    assert charts(at, "erf_map")


def test_too_many_draws_are_refused_with_a_button_for_fewer(monkeypatch: Any) -> None:
    held = Held(monkeypatch, workers=0)
    at = visit(network="vgg16", draws=256)
    assert "Draws must be at most 16 for this network and image; or choose a smaller" in warned(at)
    assert at.selectbox(key="erf_layer").options, "the recipe stays, to choose something else"
    assert not held.wanted()
    button(at, "Take 16 draws").click()
    assert not again(at).warning
    assert values(at)["draws"] == 16
    assert len(held.wanted()) == 1


def test_the_largest_image_is_asked_for_where_only_a_part_is_run(monkeypatch: Any) -> None:
    held = Held(monkeypatch, workers=0)
    at = visit(input_height=1024, input_width=1024, unit="1023.0")
    assert not at.warning
    assert len(held.wanted()) == 1


@pytest.mark.parametrize(
    "link, sentence",
    [
        ({"in_channels": 9, "inputs": "picture"}, "from 1 to 8"),
        ({"input_height": 600, "inputs": "picture"}, "from 1 to 512"),
        ({"layers": "conv3 p1 c2, flatten, fc2", "layer": "flatten1"}, "rows and columns"),
    ],
)
def test_what_core_refuses_later_is_a_sentence_too(link: dict[str, Any], sentence: str) -> None:
    at = until_done(visit(**tiny() | link))
    assert sentence in warned(at)
    assert "Traceback" not in said(at)
    assert "Stop" not in button_labels(at)


def test_modules_only_where_they_are_allowed(monkeypatch: Any) -> None:
    Held(monkeypatch, workers=0)
    monkeypatch.setenv("STRIDES_LOCAL_MODULES", "1")
    name = "core.networks.zoo.lenet:nothing"
    at = visit(network="module", module=name)
    assert warned(at), "a sentence why it cannot be loaded"
    assert not at.get("plotly_chart")


def test_upsampled_units_and_units_that_see_nothing(monkeypatch: Any) -> None:
    for layers in ("convt4 s3, up2, conv3 p1", "convt1 s3"):
        for unit in ("centre", "corner", "1.1"):
            at = until_done(visit(**tiny(layers, unit=unit)))
            assert "Traceback" not in said(at)


@pytest.mark.parametrize("channels, sides", [(1, (1, 1)), (1, (1, 1024)), (1024, (3, 3))])
def test_extreme_inputs(channels: int, sides: tuple[int, int]) -> None:
    size = {"in_channels": channels, "input_height": sides[0], "input_width": sides[1]}
    for tab in ("map", "sections", "energy", "files"):
        at = until_done(visit(**tiny("conv3 p1 c2, relu", tab=tab) | size))
        assert not at.warning
        assert bool(charts(at, "erf_map")) == (tab == "map")


def test_the_map_to_choose_from_opens(monkeypatch: Any) -> None:
    Held(monkeypatch, workers=0)
    at = visit(**tiny())
    at.session_state["erf_cone"] = True
    at.session_state["erf_more"] = True
    assert components_of(again(at))
    assert at.selectbox(key="activation").options
