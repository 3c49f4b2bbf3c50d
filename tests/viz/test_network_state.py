"""The choice of a network: from a link's plain values to something that can be built."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.errors import SpecError
from core.notation import parse_notation
from core.notation_zoo import NOTATIONS
from core.zoo import NAMES, TABLE
from viz import network_state
from viz.network_state import DEFAULT, MODULE, OWN, PARAMS, Network
from viz.url import MAX_TEXT

PARSE = {param.name: param.parse for param in PARAMS}


def values(**changes: Any) -> dict[str, Any]:
    assert changes.keys() <= PARSE.keys()
    return {param.name: param.default for param in PARAMS} | changes


def settled(**changes: Any) -> dict[str, Any]:
    found = values(**changes)
    network_state.settle(found)
    return found


def test_the_defaults_read_back() -> None:
    for param in PARAMS:
        if param.name != "module":
            assert param.parse(param.format(param.default)) == param.default
    assert len(NOTATIONS[DEFAULT]) < MAX_TEXT


@pytest.mark.parametrize("name", NAMES)
def test_an_architecture_opens_on_its_published_input(name: str) -> None:
    found = settled(network=name, in_channels=7)
    network = network_state.network(found)
    assert network.input_size == TABLE[name].input_size
    assert network == network_state.published(name)
    assert network.title == TABLE[name].title
    assert all(parameter.is_meta for parameter in network.build().parameters())


def test_what_a_link_says_of_the_input_stands() -> None:
    found = settled(network="resnet18", input_height=17, in_channels=9)
    assert network_state.network(found).input_size == (3, 17, 224)
    own = settled(network=OWN, input_width=5, in_channels=9)
    assert network_state.network(own).input_size == (9, 64, 5)


@given(st.integers(0, 1024), st.integers(0, 1024), st.sampled_from([*NAMES, OWN]))
def test_settling_twice_changes_nothing(height: int, width: int, name: str) -> None:
    once = settled(network=name, input_height=height, input_width=width)
    again = dict(once)
    network_state.settle(again)
    assert again == once
    for param in PARAMS:
        if param.name != "module":
            assert param.parse(param.format(once[param.name])) == once[param.name]


def test_layers_of_ones_own_are_built() -> None:
    found = settled(network=OWN, layers="conv3 p1 c8, relu", in_channels=5)
    network = network_state.network(found)
    assert network.spec == parse_notation("conv3 p1 c8, relu")
    assert network.title == "Your network"
    assert [tuple(p.shape) for p in network.build().parameters()] == [(8, 5, 3, 3), (8,)]
    assert network.at(9, 7).input_size == (5, 9, 7)
    assert network.at(9, 7).spec == network.spec


def test_networks_are_told_apart() -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"network": "vgg16"},
        {"input_width": 65},
        {"network": OWN},
        {"network": OWN, "layers": "conv3"},
        {"network": OWN, "layers": "conv3", "in_channels": 4},
    ]
    networks = {network_state.network(settled(**change)) for change in changes}
    assert len(networks) == len(changes)
    same = settled(layers="conv3", module="a:b"), settled()
    assert network_state.network(same[0]) == network_state.network(same[1])


@pytest.mark.parametrize(
    "name, text",
    [
        ("network", "resnet51"),
        ("network", ""),
        ("network", MODULE),
        ("layers", "conv0"),
        ("layers", "nn.Sequential(nn.ReLU())"),
        ("module", "os"),
        ("module", "os:system('true')"),
        ("module", "a b:c"),
        ("module", "os:system\n"),
        ("in_channels", "0"),
        ("input_height", "1025"),
        ("input_width", "-1"),
    ],
)
def test_what_is_no_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"must|is no network"):
        PARSE[name](text)


@pytest.mark.parametrize("value, allowed", [("1", True), ("0", False), ("", False)])
def test_modules_by_name_need_the_switch(
    value: str, allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STRIDES_LOCAL_MODULES", value)
    assert network_state.modules_allowed() == allowed
    assert (MODULE in network_state.options()) == allowed
    if allowed:
        assert PARSE["network"](MODULE) == MODULE
    else:
        with pytest.raises(ValueError, match="must be own or an architecture"):
            PARSE["network"](MODULE)


def test_a_module_is_loaded_only_when_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRIDES_LOCAL_MODULES", "1")
    with pytest.raises(SpecError, match="module must be named"):
        network_state.network(settled(network=MODULE))
    network = network_state.network(settled(network=MODULE, module="torch.nn:Identity"))
    assert isinstance(network.build(), nn.Identity)
    assert network.title == "torch.nn:Identity"
    missing = network_state.network(settled(network=MODULE, module="torch.nn:Nothing"))
    with pytest.raises(SpecError, match="cannot be loaded"):
        missing.build()


def test_every_option_has_words() -> None:
    titles = [network_state.title(name) for name in [*network_state.options(), MODULE]]
    assert len(set(titles)) == len(titles)
    assert network_state.options()[-1] == OWN
    assert isinstance(hash(Network("own", parse_notation("relu"), "", (1, 2, 3))), int)
