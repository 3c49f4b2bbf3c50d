"""A layer is a frozen value with torch's names."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from typing import Any

import pytest
import torch
from hypothesis import given

from core.errors import SpecError
from core.layer import LayerSpec
from tests.core.strategies import layers

TORCH_NAMES = (
    set(torch.nn.Conv2d.__init__.__annotations__)
    | set(torch.nn.MaxPool2d.__init__.__annotations__)
    | set(torch.nn.AvgPool2d.__init__.__annotations__)
    | set(torch.nn.ConvTranspose2d.__init__.__annotations__)
)


def test_settings_are_named_as_torch_names_them() -> None:
    assert {f.name for f in fields(LayerSpec)} - {"operation"} <= TORCH_NAMES


@given(layers())
def test_equal_settings_are_one_value(spec: LayerSpec) -> None:
    again = LayerSpec(**{f.name: getattr(spec, f.name) for f in fields(spec)})
    assert again == spec
    assert hash(again) == hash(spec)


def test_numbers_stand_for_pairs() -> None:
    short: dict[str, Any] = {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": [1, 2]}
    assert LayerSpec(**short) == LayerSpec(
        kernel_size=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1)), dilation=(1, 2)
    )


def test_nothing_can_be_changed_afterwards() -> None:
    with pytest.raises(FrozenInstanceError):
        LayerSpec().stride = (2, 2)  # type: ignore[misc]


@given(layers())
def test_window_is_the_layers(spec: LayerSpec) -> None:
    window = spec.window
    for name in ("kernel_size", "stride", "padding", "dilation", "ceil_mode"):
        assert getattr(window, name) == getattr(spec, name)


@pytest.mark.parametrize(
    "padding, symmetric",
    [(((1, 1), (2, 2)), True), (((0, 1), (2, 2)), False), (((1, 1), (2, 1)), False)],
)
def test_symmetric_is_what_torchs_argument_can_say(padding: Any, symmetric: bool) -> None:
    assert LayerSpec(padding=padding).symmetric is symmetric


@pytest.mark.parametrize("inputs", range(1, 7))
@pytest.mark.parametrize("outputs", range(1, 7))
@pytest.mark.parametrize("groups", range(1, 7))
def test_groups_are_refused_when_torch_refuses_them(inputs: int, outputs: int, groups: int) -> None:
    try:
        torch.nn.Conv2d(inputs, outputs, 1, groups=groups)
    except ValueError:
        with pytest.raises(SpecError, match="groups must divide both") as caught:
            LayerSpec(in_channels=inputs, out_channels=outputs, groups=groups)
        assert caught.value.value == groups
    else:
        spec = LayerSpec(in_channels=inputs, out_channels=outputs, groups=groups)
        assert spec.groups == groups


@pytest.mark.parametrize(
    "name, value",
    [
        ("kernel_size", 0),
        ("stride", (1, 0)),
        ("padding", -1),
        ("dilation", 1.5),
        ("in_channels", 0),
        ("out_channels", 0),
        ("groups", 0),
        ("groups", True),
        ("output_padding", -1),
    ],
)
def test_settings_out_of_range_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(SpecError) as caught:
        LayerSpec(**{name: value})  # type: ignore[arg-type]
    assert caught.value.parameter == name
