"""Every preset is a layer that runs, and is recognised when its values are set."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.layer.operations import OPERATIONS, check
from tests.viz.values import accepts, defaults
from viz.choices import layer as state
from viz.features.sweep.presets import CLASSICS, PRESETS, matching_preset, presets_of_others

PARAMS = {param.name: param for param in state.LayerSettings.params()}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_sets_the_whole_layer_to_values_a_link_can_carry(name: str) -> None:
    assert PRESETS[name].keys() == PARAMS.keys()
    for setting, value in PRESETS[name].items():
        assert accepts(PARAMS[setting], PARAMS[setting].format(value)), setting


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_runs_on_the_input_the_page_opens_with(name: str) -> None:
    values = defaults(**PRESETS[name])
    assert state.make_runnable(values) == (values, [])
    assert matching_preset(values) == name


@pytest.mark.parametrize(
    "change",
    [{"kernel_size": 4}, {"stride": 3}, {"bias": 1.0}, {"operation": "blur_pooling", "stride": 1}],
    ids=str,
)
def test_other_layers_match_no_preset(change: dict[str, Any]) -> None:
    assert matching_preset(defaults(**change)) is None


def test_what_no_layer_uses_does_not_hide_a_preset() -> None:
    values = defaults(**PRESETS["dilated"], kernel="box", kernel_size_b=7, input_height=20)
    assert matching_preset(values.updated(stride_width=5)) == "dilated"


def test_the_presets_differ_and_show_every_operation() -> None:
    """'half' is the layer of 'padding' at this kernel size: only how it is given differs."""
    assert len({tuple(values.items()) for values in PRESETS.values()}) == len(PRESETS)
    layers = {name: state.layer_spec(defaults(**values)) for name, values in PRESETS.items()}
    assert layers.pop("half (same size)") == layers["padding"]
    assert len(set(layers.values())) == len(layers)
    assert {layer.operation for layer in layers.values()} == set(OPERATIONS)


def test_half_keeps_the_size_and_full_makes_it_grow() -> None:
    sizes = {
        name: check(state.layer_spec(defaults(**PRESETS[name])), (8, 8))
        for name in ("half (same size)", "full", "no padding", "transposed, stride 2")
    }
    assert sizes == {
        "half (same size)": (8, 8),
        "full": (10, 10),
        "no padding": (6, 6),
        "transposed, stride 2": (15, 15),
    }


def test_the_classics_are_all_of_padding_and_stride() -> None:
    shown = {(values["padding"], values["stride"]) for values in CLASSICS.values()}
    assert shown == {(0, 1), (0, 2), (1, 1), (1, 2)}
    assert CLASSICS.items() <= PRESETS.items()


def test_an_operation_of_its_own_gets_a_preset() -> None:
    row = replace(OPERATIONS["blur_pooling"], label="Half mean")
    presets = presets_of_others({**OPERATIONS, "half_mean": row})
    assert list(presets) == ["half mean"]
    assert (presets["half mean"]["operation"], presets["half mean"]["stride"]) == ("half_mean", 2)
