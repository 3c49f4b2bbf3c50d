"""Every operation against its torch module: sizes, refusals, parameters, MACs, winners."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.code import FRAMEWORKS, snippet
from core.layer.feasible import feasible_range
from core.layer.operations import (
    MAX_OUTPUT_SIDE,
    OPERATIONS,
    blur_weight,
    check,
    operation_of,
    output_size,
    winner_positions,
)
from core.layer.sweep import sweep
from core.layer.window import Pair
from tests.core import naive
from tests.core.strategies import POOLING, cases, layers, runs, sizes

Run = tuple[LayerSpec, np.ndarray, np.ndarray | None, np.ndarray | None]


def module(spec: LayerSpec) -> nn.Module:
    """The torch module of a layer with symmetric padding; ValueError where torch has none."""
    (top, _), (left, _) = spec.padding
    window: dict[str, Any] = {
        "kernel_size": spec.kernel_size,
        "stride": spec.stride,
        "padding": (top, left),
    }
    learned: dict[str, Any] = {
        "in_channels": spec.in_channels,
        "out_channels": spec.out_channels,
        "dilation": spec.dilation,
        "groups": spec.groups,
        "bias": spec.bias,
    }
    if spec.operation == "convolution":
        return nn.Conv2d(**window, **learned, padding_mode=spec.padding_mode)
    if spec.operation == "transposed_convolution":
        return nn.ConvTranspose2d(**window, **learned, output_padding=spec.output_padding)
    if spec.operation == "max_pooling":
        return nn.MaxPool2d(**window, dilation=spec.dilation, ceil_mode=spec.ceil_mode)
    if spec.operation == "average_pooling":
        return nn.AvgPool2d(
            **window, ceil_mode=spec.ceil_mode, count_include_pad=spec.count_include_pad
        )
    channels = spec.in_channels
    return nn.Conv2d(
        channels, channels, **window, groups=channels, bias=False, padding_mode=spec.padding_mode
    )


def symmetric(spec: LayerSpec) -> LayerSpec:
    (top, _), (left, _) = spec.padding
    return replace(spec, padding=((top, top), (left, left)))


@given(layers(), sizes())
def test_check_refuses_exactly_what_torch_refuses(spec: LayerSpec, size: Pair) -> None:
    """And an output of no pixels, which torch lets pass."""
    spec = symmetric(spec)
    try:
        y = module(spec)(torch.zeros(1, spec.in_channels, *size))
        if not y.numel():  # torch cuts a transposed convolution's output down to nothing
            raise RuntimeError("empty")
    except RuntimeError:
        with pytest.raises(SpecError):
            check(spec, size)
    else:
        assert check(spec, size) == y.shape[2:]
        assert y.shape[1] == operation_of(spec).out_channels(spec)


@given(runs())
def test_run_is_the_torch_module(run: Run) -> None:
    spec, x, weight, bias = run
    assume(spec.symmetric)
    layer = module(spec)
    fixed_weight = operation_of(spec).fixed_weight
    fixed = fixed_weight(spec) if fixed_weight else weight
    state = {"weight": fixed, "bias": bias}
    layer.load_state_dict({k: torch.from_numpy(v) for k, v in state.items() if v is not None})
    tensors = [None if a is None else torch.from_numpy(a) for a in (weight, bias)]
    with torch.inference_mode():
        mine = operation_of(spec).run(spec, torch.from_numpy(x)[None], *tensors)
        theirs = layer(torch.from_numpy(x)[None])
    assert torch.equal(mine, theirs)


@given(layers())
def test_parameters_are_torchs(spec: LayerSpec) -> None:
    spec, row = symmetric(spec), operation_of(spec)
    try:
        layer = module(spec)
    except ValueError:
        assume(False)
    counted = sum(p.numel() for p in layer.parameters())
    assert row.parameters(spec) == (0 if row.fixed_weight else counted)
    shape = row.weight_shape(spec)
    assert shape == (tuple(layer.weight.shape) if shape else None)  # type: ignore[arg-type]


@given(cases())
def test_macs_are_half_of_torchs_flops(case: tuple[LayerSpec, Pair]) -> None:
    spec, size = symmetric(case[0]), case[1]
    try:
        check(spec, size)
    except SpecError:
        assume(False)
    with FlopCounterMode(display=False) as counter:
        module(spec)(torch.zeros(1, spec.in_channels, *size))
    assert operation_of(spec).macs(spec, size) * 2 == counter.get_total_flops()


@given(runs("max_pooling"))
def test_torchs_gradient_lands_on_the_winners(run: Run) -> None:
    spec, x, _, _ = run
    tensor = torch.from_numpy(x)[None].requires_grad_()
    y = operation_of(spec).run(spec, tensor, None, None)
    landed = winner_positions(spec, tensor.detach())[0].numpy()
    y[torch.isfinite(y)].sum().backward()
    assert tensor.grad is not None
    hits = np.stack(
        [np.bincount(p[p >= 0], minlength=x[0].size) for p in landed.reshape(len(x), -1)]
    )
    assert np.array_equal(tensor.grad[0].numpy(), hits.reshape(x.shape))


@given(runs("max_pooling"))
def test_winners_hold_the_maximum(run: Run) -> None:
    spec, x, _, _ = run
    tensor = torch.from_numpy(x)[None]
    y = operation_of(spec).run(spec, tensor, None, None)[0].numpy()
    landed = winner_positions(spec, tensor)[0].numpy()
    for plane, maxima, flat in zip(x, y, landed, strict=True):
        picked = np.where(flat >= 0, plane.ravel()[flat.clip(min=0)], -np.inf)
        assert np.array_equal(picked, maxima)


def test_the_first_of_equals_wins() -> None:
    spec = LayerSpec("max_pooling", padding=((1, 1), (1, 1)))
    assert winner_positions(spec, torch.zeros(1, 1, 3, 3))[0, 0].tolist() == [
        [0, 0, 1],
        [0, 0, 1],
        [3, 3, 4],
    ]


def test_a_window_of_padding_alone_has_no_winner() -> None:
    spec = LayerSpec("max_pooling", kernel_size=(2, 2), padding=((1, 1), (1, 1)), dilation=(3, 3))
    assert winner_positions(spec, torch.zeros(1, 1, 2, 2)).tolist() == [[[[-1]]]]


@given(cases("transposed_convolution"))
def test_transposed_convolution_is_the_gradient_of_a_convolution(
    case: tuple[LayerSpec, Pair],
) -> None:
    """Its definition (Dumoulin and Visin, 2016), with one-sided padding, too."""
    spec, size = case
    row = operation_of(spec)
    shape = row.weight_shape(spec)
    assert shape is not None
    assume(all(p < s for p, s in zip(spec.output_padding, spec.stride, strict=True)))
    weight, y = torch.rand(shape), torch.rand(1, spec.in_channels, *size)
    big = torch.zeros(1, spec.out_channels, *output_size(spec, size), requires_grad=True)
    (top, bottom), (left, right) = spec.padding
    forward = F.conv2d(
        F.pad(big, (left, right, top, bottom)),
        weight,
        None,
        spec.stride,
        0,
        spec.dilation,
        spec.groups,
    )
    assert forward.shape == y.shape
    (forward * y).sum().backward()
    bias = torch.zeros(spec.out_channels) if spec.bias else None
    assert big.grad is not None
    torch.testing.assert_close(row.run(spec, y, weight, bias), big.grad)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3))
def test_blur_weights_are_pascals_triangle(rows: int, cols: int, channels: int) -> None:
    weight = blur_weight(LayerSpec("blur_pooling", (rows, cols), in_channels=channels))
    assert weight.shape == (channels, 1, rows, cols)
    expected = np.outer(naive.pascal(rows), naive.pascal(cols))
    for plane in weight[:, 0]:
        np.testing.assert_allclose(plane, expected, rtol=1e-6)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_row_names_real_settings(name: str) -> None:
    row = OPERATIONS[name]
    known = {f.name for f in fields(LayerSpec)}
    assert row.settings <= known
    assert row.label
    assert row.summary.endswith(".")
    assert all(row.has(s) for s in ("kernel_size", "stride", "in_channels"))
    if row.module != "BlurPool2d":  # torch has none
        assert issubclass(getattr(nn, row.module), nn.Module)


def test_labels_are_distinct() -> None:
    assert len({row.label for row in OPERATIONS.values()}) == len(OPERATIONS)


CHANGES: dict[str, Any] = {
    "padding": ((1, 1), (1, 1)),
    "dilation": (2, 2),
    "out_channels": 2,
    "groups": 2,
    "bias": True,
    "padding_mode": "reflect",
    "ceil_mode": True,
    "count_include_pad": False,
    "output_padding": (1, 1),
}


def test_changes_name_every_optional_setting() -> None:
    always = {"operation", "kernel_size", "stride", "in_channels"}
    assert set(CHANGES) == {f.name for f in fields(LayerSpec)} - always


@pytest.mark.parametrize("setting", CHANGES)
@pytest.mark.parametrize("name", OPERATIONS)
def test_a_setting_that_an_operation_lacks_is_refused(name: str, setting: str) -> None:
    base: dict[str, Any] = {"operation": name, "stride": (2, 2), "in_channels": 2}
    base |= {"out_channels": 2} if setting == "groups" else {}
    spec = LayerSpec(**base | {setting: CHANGES[setting]})
    if OPERATIONS[name].has(setting) or (
        setting == "out_channels" and OPERATIONS[name].channelwise
    ):
        assert check(spec, (8, 8))
    else:
        with pytest.raises(SpecError, match="is no setting of") as caught:
            check(spec, (8, 8))
        assert caught.value.parameter == setting


def test_unknown_operation_is_refused() -> None:
    for question in (operation_of, lambda spec: check(spec, (5, 5))):
        with pytest.raises(SpecError, match="operation must be one of convolution"):
            question(LayerSpec("fold"))


@pytest.mark.parametrize("name", POOLING)
@pytest.mark.parametrize("side", range(4))
def test_pooling_is_padded_by_half_its_kernel_at_most(name: str, side: int) -> None:
    flat = [0, 0, 0, 0]
    flat[side] = 2
    spec = LayerSpec(name, padding=((flat[0], flat[1]), (flat[2], flat[3])))
    with pytest.raises(SpecError, match="at most half"):
        check(spec, (8, 8))
    assert check(replace(spec, kernel_size=(4, 4)), (8, 8))


def test_an_output_past_the_board_is_refused() -> None:
    spec = LayerSpec("transposed_convolution", stride=(8, 8))
    assert check(spec, (20, 20)) == (155, 155)
    with pytest.raises(SpecError, match=f"draws up to {MAX_OUTPUT_SIDE}"):
        check(spec, (21, 20))
    assert check(LayerSpec(), (MAX_OUTPUT_SIDE + 2, 3)) == (MAX_OUTPUT_SIDE, 1)
    with pytest.raises(SpecError, match=f"draws up to {MAX_OUTPUT_SIDE}"):
        check(LayerSpec(), (MAX_OUTPUT_SIDE + 3, 3))


@given(cases(), st.data())
def test_feasible_is_the_unbroken_range_that_runs(
    case: tuple[LayerSpec, Pair], data: st.DataObject
) -> None:
    spec, size = case
    name = data.draw(st.sampled_from(["kernel_size", "stride"]))
    current = getattr(spec, name)[0]

    def attempt(value: int) -> None:
        change: dict[str, Any] = {name: (value, getattr(spec, name)[1])}
        check(replace(spec, **change), size)

    def works(value: int) -> bool:
        try:
            attempt(value)
        except SpecError:
            return False
        return True

    candidates = range(1, 12)
    found = feasible_range(attempt, candidates, current)
    assert current in found
    assert set(found) <= set(candidates)
    assert all(works(value) for value in found)
    for beyond in (found[0] - 1, found[-1] + 1):
        assert beyond not in candidates or not works(beyond)


def test_a_row_with_fixed_weights_is_a_whole_operation(monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs, is laid open and written in every framework, without another line of code."""

    def tent(spec: LayerSpec) -> np.ndarray:
        shape = (spec.in_channels, 1, *spec.kernel_size)
        return np.full(shape, 0.5 / np.prod(spec.kernel_size), np.float32)

    row = replace(OPERATIONS["blur_pooling"], label="Half mean", fixed_weight=tent)
    monkeypatch.setitem(OPERATIONS, "half_mean", row)
    spec = LayerSpec("half_mean", (2, 2), (2, 2))
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4)
    result = sweep(spec, x)
    np.testing.assert_allclose(result.output, x.reshape(1, 2, 2, 2, 2).mean(axis=(2, 4)) / 2)
    assert result.weight is not None
    assert (result.weight == 0.125).all()
    for framework in FRAMEWORKS:
        assert "0.125" in snippet(framework, spec, (4, 4), x=x)
