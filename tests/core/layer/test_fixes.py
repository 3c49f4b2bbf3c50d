"""Repairs: they repair, they are offered exactly when something is lost, and few."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import torch
from hypothesis import given

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer import fixes as module
from core.layer.fixes import MAX_FIXES, Fix, fixes, unread_mask
from core.layer.operations import check, operation_of
from core.layer.window import Pair
from tests.core.strategies import cases

Case = tuple[LayerSpec, Pair]


def depends(spec: LayerSpec, size: Pair) -> np.ndarray:
    """(height, width) True where an output depends on the pixel, by torch's own backward.

    A maximum sends its gradient to the winner alone, so each pixel in turn is made the
    largest; everything else is answered by the gradient of all outputs under weights of 1.
    """
    row = operation_of(spec)
    if row.reduce == "max":
        return _maxima(spec, size)
    x = torch.ones(1, spec.in_channels, *size, requires_grad=True)
    shape = row.weight_shape(spec)
    weight = torch.ones(shape) if shape else None
    row.run(spec, x, weight, torch.zeros(spec.out_channels) if spec.bias else None).sum().backward()
    assert x.grad is not None
    return (x.grad[0].abs().sum(0) > 0).numpy()


def _maxima(spec: LayerSpec, size: Pair) -> np.ndarray:
    row = operation_of(spec)
    height, width = size
    marked = torch.eye(height * width).reshape(-1, 1, height, width)
    y = row.run(spec, marked.repeat(1, spec.in_channels, 1, 1), None, None)
    return (y.amax((1, 2, 3)) > 0).reshape(size).numpy()


@given(cases())
def test_unread_is_what_no_output_depends_on(case: Case) -> None:
    spec, size = case
    assert (unread_mask(spec, size) == ~depends(spec, size)).all()


@given(cases())
def test_each_fix_leaves_nothing_unread(case: Case) -> None:
    spec, size = case
    for fix in fixes(spec, size):
        check(fix.spec, fix.size)
        assert depends(fix.spec, fix.size).all(), fix
        for n, axis in zip(fix.size, operation_of(spec).axes(fix.spec, fix.size), strict=True):
            past = axis.taps.max() + 1
            assert not (axis.source[past:] >= 0).any(), "the remainder holds a pixel"
            assert (axis.source >= 0).sum() == n


@given(cases())
def test_fixes_are_offered_exactly_when_something_is_unread(case: Case) -> None:
    """Something always helps: a larger kernel, stride and dilation 1, less cropping."""
    spec, size = case
    assert bool(fixes(spec, size)) == bool(unread_mask(spec, size).any())


@given(cases())
def test_fixes_are_few_distinct_and_change_one_thing(case: Case) -> None:
    spec, size = case
    found = fixes(spec, size)
    assert len(found) <= MAX_FIXES
    assert len({fix.label for fix in found}) == len(found)
    assert len({(fix.spec, fix.size) for fix in found}) == len(found)
    for fix in found:
        changed = [
            f.name for f in fields(spec) if getattr(spec, f.name) != getattr(fix.spec, f.name)
        ]
        single = len(changed) + (fix.size != size) == 1
        assert single or (changed == ["stride", "dilation"] and len(found) == 1)


@given(cases())
def test_fixes_stay_within_what_the_board_shows(case: Case) -> None:
    spec, size = case
    for fix in fixes(spec, size):
        if fix.spec.kernel_size != spec.kernel_size:
            assert max(fix.spec.kernel_size) <= module.MAX_KERNEL
        if fix.spec.padding != spec.padding:
            assert max(max(side) for side in fix.spec.padding) <= module.MAX_PADDING
        assert max(fix.size) <= module.MAX_INPUT


def test_last_row_and_column_of_6x6() -> None:
    """6×6, kernel 3, stride 2: the textbook case of a lost row and column."""
    spec = LayerSpec(stride=(2, 2))
    assert [(fix.label, fix.size) for fix in fixes(spec, (6, 6))] == [
        ("bottom and right padding 0 → 1", (6, 6)),
        ("padding 0 → 1", (6, 6)),
        ("kernel 3 → 4", (6, 6)),
        ("input 6×6 → 7×7", (7, 7)),
    ]


def test_nothing_to_repair_at_7x7() -> None:
    assert fixes(LayerSpec(stride=(2, 2)), (7, 7)) == []


def test_a_remainder_of_padding_alone_is_no_loss() -> None:
    spec = LayerSpec(stride=(2, 2), padding=((1, 1), (1, 1)))
    assert spec.window.unread((8, 8)).remainder == (1, 1)
    assert fixes(spec, (8, 8)) == []


def test_only_the_lossy_axis_changes() -> None:
    found = fixes(LayerSpec(stride=(2, 2)), (8, 7))
    assert found[0] == Fix(
        "padding bottom 0 → 1",
        LayerSpec(stride=(2, 2), padding=((0, 1), (0, 0))),
        (8, 7),
    )
    assert "input 8×7 → 9×7" in {fix.label for fix in found}


def test_pooling_can_round_up() -> None:
    spec = LayerSpec("max_pooling", kernel_size=(2, 2), stride=(2, 2))
    assert "ceil_mode on" in {fix.label for fix in fixes(spec, (7, 7))}
    assert "ceil_mode on" not in {fix.label for fix in fixes(LayerSpec(stride=(2, 2)), (8, 8))}


def test_gaps_between_windows_need_another_kernel_or_stride() -> None:
    labels = [fix.label for fix in fixes(LayerSpec(stride=(4, 4)), (12, 12))]
    assert labels == ["kernel 3 → 4", "stride 4 → 3"]


def test_no_kernel_far_past_the_stride_is_proposed() -> None:
    """Kernel 10 would do, but is another layer; no padding or input mends the gaps."""
    spec = LayerSpec(kernel_size=(1, 1), stride=(6, 6))
    assert [fix.label for fix in fixes(spec, (64, 64))] == ["stride 6 → 1"]


def test_holes_of_dilation_can_be_closed() -> None:
    spec = LayerSpec(stride=(2, 2), dilation=(2, 2))
    assert [fix.label for fix in fixes(spec, (9, 9))] == ["stride 2 → 1", "dilation 2 → 1"]


def test_rows_and_columns_may_need_two_changes() -> None:
    spec = LayerSpec(kernel_size=(5, 1), stride=(1, 2), dilation=(2, 2))
    assert [fix.label for fix in fixes(spec, (9, 9))] == ["stride and dilation → 1"]


def test_a_transposed_convolution_loses_only_what_its_padding_cuts() -> None:
    spec = LayerSpec(
        "transposed_convolution", kernel_size=(1, 1), stride=(2, 2), padding=((1, 1), (1, 1))
    )
    assert unread_mask(spec, (5, 5)).sum() == 25 - 9
    assert fixes(spec, (5, 5))[0].label == "padding 1 → 0"


def test_a_layer_that_does_not_fit_is_refused() -> None:
    with pytest.raises(SpecError, match="kernel_size"):
        fixes(LayerSpec(kernel_size=(5, 5)), (3, 3))
