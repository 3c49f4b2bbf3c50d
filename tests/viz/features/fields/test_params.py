"""The receptive-field page's state: links, what the cone tells, what it is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.networks.zoo import NAMES
from viz.choices import unit
from viz.choices.unit import AXES, ConeView
from viz.features.fields import params
from viz.features.fields.params import TABS, FieldSettings

PARSE = {param.name: param.parse for param in FieldSettings.params()}
DEFAULTS = FieldSettings()
units = st.tuples(st.integers(0, 9999), st.integers(0, 9999))
messages = st.fixed_dictionaries(
    {
        "layer": st.from_regex(r"[a-zA-Z0-9_.]{1,300}", fullmatch=True),
        "unit": units.map(list),
        "axis": st.integers(0, 1),
        "down": st.booleans(),
        "zoom": st.booleans(),
        "grid": st.sampled_from([True, False, None]),
    }
)


def test_the_defaults_read_back() -> None:
    for param in FieldSettings.params():
        if param.default not in ("", ()):
            assert param.parse(param.format(param.default)) == param.default


def test_every_name_of_a_tab_reads_back() -> None:
    tab = next(param for param in FieldSettings.params() if param.name == "tab")
    for name, label in TABS.items():
        assert tab.parse(name) == label
        assert tab.format(label) == name


@given(messages)
def test_what_the_cone_tells_comes_back_to_it(message: dict[str, Any]) -> None:
    told = unit.cone_view_values(message)
    assert set(told) == {param.name for param in ConeView.params()}
    for param in ConeView.params():
        assert param.parse(param.format(told[param.name])) == told[param.name]
    view = params.cone_view_data(DEFAULTS.updated(told))
    assert {**view, "unit": list(view["unit"])} == message


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


@given(messages, st.sampled_from(["layer", "unit", "axis", "down"]), junk)
def test_nothing_a_browser_sends_breaks_the_page(
    message: dict[str, Any], name: str, value: object
) -> None:
    told = unit.cone_view_values(message | {name: value})
    if told:
        row, col = params.chosen_unit(DEFAULTS.updated(told)) or (0, 0)
        assert 0 <= row <= 9999
        assert 0 <= col <= 9999
        assert told["axis"] in AXES


@pytest.mark.parametrize(
    "message",
    [
        None,
        "view",
        [],
        {},
        {"unit": [1, 2]},
        {"layer": "<b>", "unit": [1, 2], "axis": 0, "down": 0, "zoom": 0, "grid": 0},
        {"layer": "a", "unit": [1], "axis": 0, "down": 0, "zoom": 0, "grid": 0},
        {"layer": "a", "unit": [-1, 2], "axis": 0, "down": 0, "zoom": 0, "grid": 0},
        {"layer": "a", "unit": [float("inf"), 2], "axis": 0, "down": 0, "zoom": 0, "grid": 0},
        {"layer": "a", "unit": [10**400, 2], "axis": 0, "down": 0, "zoom": 0, "grid": 0},
    ],
    ids=repr,
)
def test_a_message_that_breaks_a_rule_changes_nothing(message: object) -> None:
    assert unit.cone_view_values(message) == {}


@given(st.lists(st.sampled_from(NAMES), max_size=2))
def test_compared_architectures_read_back(names: list[str]) -> None:
    param = next(param for param in FieldSettings.params() if param.name == "compare")
    assert param.parse(param.format(tuple(names))) == tuple(names)


@pytest.mark.parametrize(
    "name, text",
    [
        ("layer", ""),
        ("layer", "a b"),
        ("layer", "a" * 301),
        ("layer", "é"),
        ("unit", "1"),
        ("unit", "1.2.3"),
        ("unit", "²1.0"),
        ("unit", "00001.0"),
        ("compare", "own"),
        ("compare", "vgg11,vgg13,vgg16"),
        ("tab", "Cone and layers"),
        ("target", "0"),
    ],
)
def test_what_is_no_value_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        PARSE[name](text)


@pytest.mark.parametrize(
    "change, other",
    [
        ({"network": "vgg16"}, True),
        ({"input_height": 65}, True),
        ({"in_channels": 4}, True),
        ({"layer": "conv1", "unit": "1.2", "axis": "height"}, False),
        ({"layers": "conv3"}, False),
        ({"network": "own", "layers": "conv3"}, True),
        ({"picture": "flower", "tab": TABS["code"]}, False),
    ],
    ids=str,
)
def test_the_identity_is_the_network_and_its_input(change: dict[str, Any], other: bool) -> None:
    same = params.cone_identity(DEFAULTS) == params.cone_identity(DEFAULTS.updated(change))
    assert same != other


def test_the_layers_are_part_of_the_identity_of_ones_own() -> None:
    own = replace(DEFAULTS, network="own")
    assert params.cone_identity(own) != params.cone_identity(replace(own, layers="conv3"))
