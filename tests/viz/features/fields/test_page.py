"""The receptive-field page as a visitor meets it: the published numbers, every tab, the picker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.networks.notation import parse_notation
from core.networks.zoo import NAMES, TABLE
from core.networks.zoo_lines import INEXPRESSIBLE, NOTATIONS
from core.receptive_field.strategies import FAMILIES
from tests.architectures import others_slow
from tests.examples import examples
from tests.viz.features.fields.fields_visit import (
    again,
    cones,
    errors,
    link_of,
    said,
    table,
    text_of,
    until_measured,
    values,
    visit,
    warned,
)
from viz.choices import network
from viz.features.fields.params import TABS
from viz.features.fields.tabs import HEADERS, PAIRS

MUST_SHOW = {
    "four_strided": (["3", "7", "15", "31"], "16"),
    "four_conv_pool": (["4", "10", "22", "46"], "16"),
    "vgg16": (["212"], "32"),
    "resnet50_v1": (["483"], "32"),
    "resnet50": (["427"], "32"),
    "mobilenet_v1": (["315"], "32"),
    "alexnet": (["195"], "32"),
    "patchgan70": (["70"], "8"),
    "dilated_stack": (["3", "7", "15", "31", "63"], "1"),
}


@pytest.mark.parametrize("name", others_slow(NAMES))
def test_every_architecture_opens_with_its_numbers(name: str) -> None:
    at = visit(network=name)
    assert not at.warning
    assert len(cones(at)) == 1
    text, shown = text_of(at), table(at)
    assert f"{TABLE[name].title} on " in text
    assert f"**{TABLE[name].parameters:,}** parameters" in text
    assert sum(int(n.replace(",", "")) for n in shown["parameters"]) == TABLE[name].parameters
    assert shown["layer"] == [line["label"] for line in cones(at)[0]["lines"]]
    assert "e+" not in text
    sizes, stride = MUST_SHOW.get(name, ([], ""))
    if sizes:
        found = [size for size in shown["RF (px)"] if size in sizes]
        assert list(dict.fromkeys(found)) == sizes
        assert shown["effective stride (px)"][shown["RF (px)"].index(sizes[-1])] == stride
        inside = int(sizes[-1]) <= min(TABLE[name].input_size[1:])
        rest = " of the image" if inside else ": its *receptive field*. That is more than the image"
        assert f"**{sizes[-1]}×{sizes[-1]}** pixels{rest}" in text
        assert f"lie {stride} pixel" in text


@pytest.mark.parametrize("name", ["four_strided", "four_conv_pool", "dilated_stack", "lenet5"])
def test_torch_measures_what_the_closed_form_says(name: str) -> None:
    assert until_measured(visit(network=name)).endswith(
        ": what the closed form says :material/check:"
    )


SHOWN = {
    "layers": lambda at: set(table(at)) <= set(HEADERS) and at.get("download_button"),
    "edit": lambda at: at.button(key="edit_layers").label == "Change its layers",
    "depth": lambda at: len(at.get("plotly_chart")) == 1,
    "graph": lambda at: len(at.get("plotly_chart")) == 1 + bool(at.main.selectbox),
    "compare": lambda at: "Choose one of the pairs" in at.info[0].value,
    "reach": lambda at: at.get("plotly_chart") and at.selectbox(key="strategy").options,
    "code": lambda at: len(at.code) == 3,
}


@pytest.mark.parametrize("tab", TABS)
@pytest.mark.parametrize("name", ["four_conv_pool", "resnet18"])
def test_every_tab(tab: str, name: str) -> None:
    at = visit(network=name, tab=tab)
    assert SHOWN[tab](at)
    assert not at.warning
    assert len(cones(at)) == (tab in ("layers", "edit")), "every tab has its own picture"
    assert link_of(at).get("tab", "layers") == tab


EXTREMES: dict[str, dict[str, Any]] = {
    "one pixel": {"network": "resnet50", "input_height": 1, "input_width": 1},
    "a row": {"network": "mobilenet_v1", "input_height": 1, "input_width": 1024},
    "the largest": {"network": "vgg16", "input_height": 1024, "input_width": 1024},
    "channels": {
        "network": "own",
        "layers": "conv3 p1 g1024 c1024",
        "in_channels": 1024,
        "input_height": 1024,
    },
    "no map at all": {"network": "own", "layers": "flatten, fc10"},
    "only what sees its own pixel": {"network": "own", "layers": "relu"},
    "global at once": {"network": "own", "layers": "gap, fc3"},
    "the smallest kernel on the smallest input": {
        "network": "own",
        "layers": "conv1",
        "input_height": 1,
        "input_width": 1,
        "in_channels": 1,
    },
    "upsampled": {"network": "own", "layers": "convt4 s3, up2, conv3 p1", "input_height": 9},
    "units that read nothing": {"network": "own", "layers": "convt1 s3", "input_height": 5},
}


@pytest.mark.parametrize("name", EXTREMES)
def test_extremes(name: str) -> None:
    for tab in ("layers", "depth", "graph"):
        at = visit(tab=tab, **EXTREMES[name])
        assert not at.warning
        assert "differs" not in said(at)


@pytest.mark.parametrize("layers", ["flatten, fc10", "relu", "gap"])
def test_the_other_tabs_of_networks_with_nothing_to_see(layers: str) -> None:
    for tab in ("edit", "compare", "reach", "code"):
        assert not visit(tab=tab, network="own", layers=layers).warning


def test_what_makes_every_unit_see_everything_is_named() -> None:
    text = text_of(visit(network="efficientnet_b0"))
    assert "on every unit depends on the whole image. A unit of the last feature map before" in text
    assert "sees up to **204×204**" in text_of(visit(network="unet"))
    assert "No layer has several units" in text_of(visit(network="own", layers="flatten, fc10"))


def press(at: AppTest, label: str) -> None:
    """Click the button with this text."""
    next(button for button in at.button if button.label == label).click()
    again(at)


def columns(at: AppTest) -> list[list[Any]]:
    """What the table says of sizes; names and wordings left out."""
    shown = table(at)
    return [shown[header] for header in HEADERS[2:10] if header in shown]


@pytest.mark.parametrize("name", ["four_conv_pool", "resnet18", "vgg11"])
def test_the_layers_of_an_architecture_are_the_architecture(name: str) -> None:
    at = visit(network=name)
    before = columns(at)
    press(at, "Change its layers")
    assert (values(at)["network"], values(at)["layers"]) == ("own", NOTATIONS[name])
    assert at.text_area(key="layers_text").value == NOTATIONS[name]
    assert "These layers on " in text_of(at)
    link = link_of(at)
    assert link["tab"] == "edit"  # the button opens the editor
    assert columns(visit(**{**link, "tab": "layers"})) == before


@pytest.mark.parametrize("tab", ["edit", "layers"])
def test_layers_that_do_not_fit_leave_the_last_picture_that_did(tab: str) -> None:
    at = visit(network="own", layers="conv3, 3x[conv3, maxpool2]", tab=tab)
    lines = [line["label"] for line in cones(at)[0]["lines"]]
    at.text_area(key="layers_text").set_value("conv3, 3x[conv3 s2, maxpool64]")
    again(at)
    assert [line["label"] for line in cones(at)[0]["lines"]] == lines
    (warning,) = at.warning
    assert "The picture shows the last ones that did." in warning.value
    assert ("maxpool" in warning.value) == (tab == "layers")  # the editor says it at the layer
    at.text_area(key="layers_text").set_value("conv3, conv5")
    again(at)
    assert not at.warning
    assert len(cones(at)[0]["lines"]) == 3


def test_the_editor_says_whose_numbers_stand_in_a_repeated_block() -> None:
    for layers, repeats in (("3x[conv3]", True), ("conv3, conv3", False)):
        captions = [each.value for each in visit(network="own", layers=layers, tab="edit").caption]
        assert any("those of its last repetition" in text for text in captions) == repeats


def test_another_network_forgets_the_layer_and_takes_its_own_input() -> None:
    at = visit(network="resnet50", layer="layer3_1_conv2", unit="3.4")
    assert cones(at)[0]["view"]["layer"] == "layer3_1_conv2"
    at.selectbox(key="network").set_value("resnet101")
    again(at)
    kept = values(at)
    assert (kept["layer"], kept["unit"]) == ("", "")
    at.selectbox(key="network").set_value("lenet5")
    again(at)
    assert link_of(at).items() >= {"network": "lenet5", "input_height": "32"}.items()
    assert cones(at)[0]["lines"][0]["shape"] == [1, 32, 32]


def test_another_input_keeps_the_layer_and_lets_go_of_a_unit_that_is_gone() -> None:
    at = visit(network="four_strided", layer="conv2", unit="15.15")
    at.number_input(key="input_height").set_value(33)
    again(at)
    assert (values(at)["layer"], values(at)["unit"]) == ("conv2", "")
    assert not at.warning


def test_an_architecture_without_a_line_says_why() -> None:
    name = next(iter(INEXPRESSIBLE))
    at = visit(network=name, tab="edit")
    assert "cannot be written as a list of layers: " in at.info[0].value


@pytest.mark.parametrize("first, others", PAIRS.values(), ids=[p[0] for p in PAIRS.values()])
def test_a_pair_side_by_side(first: str, others: tuple[str, ...]) -> None:
    at = visit(tab="compare", network="vgg16", layer="features_0")
    at.button(key=f"pair {first} {others}").click()
    again(at)
    kept = values(at)
    assert (kept["network"], kept["compare"], kept["layer"]) == (first, others, "")
    assert len(cones(at)) == 2, "one for each network"
    assert table(at)["network"] == [TABLE[name].title for name in (first, *others)]
    assert len(at.get("plotly_chart")) == 1
    assert not at.warning


def test_one_that_does_not_run_on_this_input_is_left_out_with_a_word() -> None:
    at = visit(tab="compare", network="three_3x3", compare="unet,one_7x7")
    assert warned(at).startswith("U-Net cannot be run on this input: ")
    assert len(cones(at)) == 2


def test_a_strategy_opens_as_layers() -> None:
    at = visit(tab="reach", target="15", strategy="strided")
    assert at.selectbox(key="strategy").value == "strided"
    at.selectbox(key="strategy").set_value(FAMILIES[-1].name)
    again(at)
    assert link_of(at)["strategy"] == FAMILIES[-1].name
    press(at, "Open its layers")
    assert values(at)["network"] == "own"
    assert link_of(at)["tab"] == "reach"


def test_the_code_of_any_architecture() -> None:
    at = visit(tab="code", network="efficientnet_b0")
    assert [code.value for code in at.code] == [
        "python -m core.receptive_field package.module:callable --input 3,224,224"
    ]
    own = visit(tab="code", network="own", layers="conv3 p1, relu")
    assert own.code[0].value == "conv3 p1, relu"
    assert "nn.Conv2d(3, 3, 3, padding=1" in own.code[1].value


def test_layers_are_typed_and_source_is_converted() -> None:
    at = visit(network="own")
    at.text_area(key="layers_text").set_value("conv5 s2, relu")
    again(at)
    assert values(at)["layers"] == "conv5 s2, relu"
    assert "**5×5** pixels" in text_of(at)
    source = "nn.Sequential(nn.Conv2d(4, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))"
    at.text_area(key="layers_text").set_value(source)
    again(at)
    assert values(at)["layers"] == "conv3 p1 c8, relu, maxpool2"
    assert values(at)["in_channels"] == 4
    assert at.text_area(key="layers_text").value == "conv3 p1 c8, relu, maxpool2"
    assert not at.error


def test_a_refused_text_stays_until_it_is_mended_or_something_else_is_opened() -> None:
    at = visit(network="own", layers="conv3, relu")
    before = cones(at)[0]["lines"]
    for text in ("conv3, rellu", "conv3, rellu, conv1"):
        at.text_area(key="layers_text").set_value(text)
        again(at)
        assert "Line 1, column 8" in errors(at)
        assert "did you mean relu6? The picture shows the last one." in errors(at)
        assert at.text_area(key="layers_text").value == text
        assert cones(at)[0]["lines"] == before
    at.text_area(key="layers_text").set_value("conv3, relu, conv1")
    again(at)
    assert not at.error
    assert len(cones(at)[0]["lines"]) == len(before) + 1


MODULES = """
import torch
from torch import nn
def net():
    return nn.Sequential(nn.Conv2d(3, 4, 5, stride=2), nn.ReLU())
def raises():
    raise RuntimeError("<b>`no`</b>")
class Curious(nn.Module):
    def forward(self, x):
        return x if x.sum() > 0 else -x
NUMBER = 3
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.joinpath("tiny_module_of_a_test.py").write_text(MODULES)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("STRIDES_LOCAL_MODULES", "1")


@pytest.mark.usefixtures("tiny")
def test_a_module_by_name_where_it_is_allowed() -> None:
    at = visit(network="module", module="tiny_module_of_a_test:net")
    assert "**5×5** pixels" in text_of(at)
    assert "module" in at.selectbox(key="network").options[-1]
    at.text_input(key="module").set_value("tiny_module_of_a_test:Curious")
    again(at)
    assert not cones(at)
    assert at.warning


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("name", ["raises", "NUMBER", "missing"])
def test_a_module_that_is_none_gets_a_sentence(name: str) -> None:
    at = visit(network="module", module=f"tiny_module_of_a_test:{name}")
    assert not cones(at)
    assert f"tiny\\_module\\_of\\_a\\_test\\:{name}" in warned(at)
    assert "<b>" not in warned(at)


@pytest.mark.usefixtures("tiny")
def test_modules_are_refused_unless_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for value in ("", "0"):
        monkeypatch.setenv("STRIDES_LOCAL_MODULES", value)
        at = visit(network="module", module="tiny_module_of_a_test:raises")
        assert "`network` must be own or an architecture of the list" in warned(at)
        assert values(at)["network"] == network.DEFAULT
        assert not [o for o in at.selectbox(key="network").options if "module" in o]


links = st.fixed_dictionaries(
    {"network": st.sampled_from(["own", "four_strided", "three_3x3", "lenet5"])},
    optional={
        "layers": st.sampled_from(["conv3", "residual[conv3 p1, relu], gap", "up2, conv3 s2"]),
        "input_height": st.sampled_from(["32", "40"]),
        "in_channels": st.sampled_from(["1", "7"]),
        "layer": st.sampled_from(["conv0", "conv1", "c1", "nowhere"]),
        "unit": st.sampled_from(["0.0", "3.4", "99.0"]),
        "axis": st.sampled_from(["height", "width"]),
        "down": st.just("true"),
        "zoom": st.just("true"),
        "centres": st.just("false"),
        "seed": st.just("5"),
        "picture": st.sampled_from(["china", "flower"]),
        "tab": st.sampled_from(["layers", "edit", "code"]),
        "compare": st.sampled_from(["lenet5", "vgg11,unet"]),
        "target": st.just("64"),
    },
)


@examples(8, suppress_health_check=[HealthCheck.too_slow])
@given(links)
def test_any_link_opens_and_its_own_link_opens_the_same(link: dict[str, str]) -> None:
    first = visit(**link)
    same = visit(**link_of(first))
    assert link_of(same) == link_of(first)
    assert [cone["view"] for cone in cones(same)] == [cone["view"] for cone in cones(first)]
    assert [cone["lines"] for cone in cones(same)] == [cone["lines"] for cone in cones(first)]
    assert "Part of the link" not in warned(same)
    assert parse_notation(values(same)["layers"])
