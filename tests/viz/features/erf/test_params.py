"""What the page of effective receptive fields asks of core, and what a link may say."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.erf import studies
from core.erf.recipe import Aggregate, Weights
from core.networks import swaps
from core.networks.notation import parse_notation
from tests.viz.features.erf.erf_visit import DEFAULTS
from viz.choices import network, unit
from viz.choices.unit import UNITS
from viz.features.erf import params
from viz.features.erf.params import COMPARISONS, DRAWS, STUDIES, TABS, ErfSettings
from viz.params import Param, query

BY_NAME = {param.name: param for param in ErfSettings.params()}
SHOWN_ONLY = {"log", "over", "tab", "compare", "study"}
OTHER: dict[str, Any] = {
    "network": "lenet5",
    "layers": "conv3",
    "module": "a:b",
    "run": "strided seed=1",
    "in_channels": 1,
    "input_height": 65,
    "input_width": 65,
    "layer": "repeat0.1.conv0",
    "unit": "edge",
    "draws": 64,
    "inputs": "picture",
    "weights": "xavier",
    "aggregate": "abs",
    "activation": "tanh",
    "pooling": "max",
    "skips": False,
    "bf16": True,
    "draw_seed": 1,
    "picture": "flower",
}


def settled(**changes: Any) -> ErfSettings:
    return network.with_suitable_input(DEFAULTS.updated(changes))


def asked(**changes: Any) -> params.Request:
    values = settled(**changes)
    return params.request(values, values.layer or "last", (64, 64))


@pytest.mark.parametrize("name", OTHER)
def test_every_setting_asks_for_another_map(name: str) -> None:
    other = asked(**{name: OTHER[name]})
    if name in ("module", "run", "picture"):  # in use only where they are chosen
        assert other == asked()
    else:
        assert other != asked()
    assert hash(asked(**{name: OTHER[name]})) == hash(other)


def test_a_picture_counts_only_where_it_is_the_input() -> None:
    pictures = {asked(picture=name, inputs="picture").inputs for name in ("china", "flower")}
    assert pictures == {"china", "flower"}
    assert asked(picture="flower").inputs == "noise"


def test_all_settings_were_tried() -> None:
    assert set(OTHER) | SHOWN_ONLY == set(BY_NAME)


@pytest.mark.parametrize("name", sorted(SHOWN_ONLY))
def test_how_it_is_shown_asks_for_nothing_new(name: str) -> None:
    shown = {"log": True, "over": True, "tab": TABS["files"]}
    chosen = {"compare": "weights", "study": "depth"}
    assert asked(**{name: (shown | chosen)[name]}) == asked()


@pytest.mark.parametrize("param", ErfSettings.params(), ids=lambda param: param.name)
def test_values_come_back_from_their_link(param: Param) -> None:
    values = {param.name: OTHER.get(param.name, param.default)}
    if param.name == "tab":
        values = {"tab": TABS["studies"]}
    text = query([param], values)
    assert {name: param.parse(text[name]) for name in text} == {
        name: value for name, value in values.items() if value != param.default
    }


@given(
    st.one_of(
        st.sampled_from(list(UNITS)),
        st.tuples(st.integers(0, 9999), st.integers(0, 9999)).map(lambda u: f"{u[0]}.{u[1]}"),
    ),
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_a_unit_lies_in_the_map(text: str, grid: tuple[int, int]) -> None:
    row, col = unit.unit_position(BY_NAME["unit"].parse(text), grid)
    assert 0 <= row < grid[0]
    assert 0 <= col < grid[1]
    if text not in UNITS:
        named = tuple(map(int, text.split(".")))
        assert (row, col) == named or named[0] >= grid[0] or named[1] >= grid[1]


def test_named_units_are_where_their_names_say() -> None:
    assert [unit.unit_position(name, (5, 8)) for name in UNITS] == [(2, 4), (0, 4), (0, 0)]


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("unit", "-1.0", "must be one of centre, edge, corner, or row.column"),
        ("unit", "12345.1", "or row.column"),
        ("unit", "٣.٤", "or row.column"),
        ("draws", "1000000", "must be one of 1, 4, 16, 64, 256"),
        ("draws", "16.0", "must be one of 1, 4"),
        ("draws", "", "must be one of 1, 4"),
        ("tab", "Studies", "must be one of map, "),
        ("compare", "all", "must be one of activations, "),
        ("study", "__init__", "must be one of depth, "),
        ("weights", "HE", "must be one of he, "),
        ("layer", "a b", "must be the name of a layer"),
        ("draw_seed", "-1", "must be from 0 to 9999"),
        ("skips", "no", "must be true or false"),
    ],
)
def test_what_cannot_be_read_says_what_can(name: str, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        BY_NAME[name].parse(text)


def test_the_choices_are_cores() -> None:
    assert set(params.WEIGHTS) == set(Weights.__args__)
    assert set(params.AGGREGATES) == set(Aggregate.__args__)
    assert set(params.POOLINGS) == {"kept", *swaps.POOLINGS}
    assert set(params.ACTIVATIONS) - {"kept"} <= set(swaps.ACTIVATIONS)
    assert parse_notation(params.PLAIN)
    assert [int(BY_NAME["draws"].parse(str(draws))) for draws in DRAWS] == list(DRAWS)


@pytest.mark.parametrize("name", COMPARISONS)
def test_a_comparison_is_of_two_to_four_that_a_link_could_ask_for(name: str) -> None:
    label, variants = COMPARISONS[name]
    assert label
    assert 2 <= len(variants) <= 4
    assert len({text for text, _ in variants}) == len(variants)
    for _, changes in variants:
        assert changes
        for setting, value in changes.items():
            param = BY_NAME[setting]
            assert value == param.default or param.parse(param.format(value)) == value
    assert len({asked(**changes) for _, changes in variants}) == len(variants)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_is_a_function_of_core(name: str) -> None:
    label, function = STUDIES[name]
    assert label
    assert "progress" in inspect.signature(getattr(studies, function)).parameters
