"""Padding conventions against the frameworks' own rules, fills against torch's F.pad."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.padding import (
    CONVENTIONS,
    FILLS,
    fill_limit,
    fill_source,
    full,
    half,
    pytorch_int,
    same_lower,
    tf_same,
    torch_same,
    valid,
)
from core.window import PAD, Pads, Pair, Window2d
from tests.core.strategies import pairs, sizes


def bare() -> st.SearchStrategy[Window2d]:
    """A window without padding, as conventions are given one."""
    return st.builds(Window2d, pairs(1, 6), pairs(1, 5), dilation=pairs(1, 3))


def with_pads(window: Window2d, pads: Pads) -> Window2d:
    return replace(window, padding=pads)


def least_same(n: int, span: int, stride: int) -> int:
    """TensorFlow's rule by trial: the least padding in all that gives ceil(n / stride)."""
    wanted = len(range(0, n, stride))
    total = 0
    while len(range(0, n + total - span + 1, stride)) < wanted:
        total += 1
    return total


@given(bare(), sizes(30))
def test_tf_same_is_the_least_padding_for_ceil(window: Window2d, size: Pair) -> None:
    for axis, (before, after) in enumerate(tf_same(size, window)):
        span = window.effective_kernel_size[axis]
        assert before + after == least_same(size[axis], span, window.stride[axis])
        assert after - before in (0, 1)


@given(bare(), sizes(30))
def test_tf_same_depends_on_the_size_for_the_output_alone(window: Window2d, size: Pair) -> None:
    padded = with_pads(window, tf_same(size, window))
    wanted = tuple(-(-n // s) for n, s in zip(size, window.stride, strict=True))
    assert padded.output_size(size) == wanted


@given(bare(), sizes(30))
def test_same_lower_is_the_mirror_image(window: Window2d, size: Pair) -> None:
    for (before, after), (tf_before, tf_after) in zip(
        same_lower(size, window), tf_same(size, window), strict=True
    ):
        assert (before, after) == (tf_after, tf_before)


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@given(bare(), sizes())
def test_torch_same_is_what_torch_does(window: Window2d, size: Pair) -> None:
    window = Window2d(window.kernel_size, dilation=window.dilation)
    layer = torch.nn.Conv2d(
        1, 1, window.kernel_size, padding="same", dilation=window.dilation, bias=False
    )
    x = torch.rand(1, 1, *size)
    (top, bottom), (left, right) = torch_same(size, window)
    by_hand = F.conv2d(
        F.pad(x, (left, right, top, bottom)), layer.weight, None, 1, 0, window.dilation
    )
    assert by_hand.shape == x.shape
    torch.testing.assert_close(by_hand, layer(x))


@given(bare())
def test_torch_same_is_refused_with_a_stride_as_torch_does(window: Window2d) -> None:
    try:
        torch.nn.Conv2d(1, 1, window.kernel_size, window.stride, padding="same")
    except ValueError:
        with pytest.raises(SpecError, match="stride is 1"):
            torch_same((9, 9), window)
    else:
        assert torch_same((9, 9), window) == tf_same((9, 9), window)


def test_frameworks_differ_on_an_even_input_with_stride_2() -> None:
    """The case that shifts a picture by one pixel when weights change framework."""
    window = Window2d((3, 3), (2, 2))
    assert tf_same((6, 6), window) == ((0, 1), (0, 1))
    assert half((6, 6), window) == ((1, 1), (1, 1))
    assert same_lower((6, 6), window) == ((1, 0), (1, 0))


@given(bare(), sizes())
def test_half_keeps_the_size_under_an_odd_kernel(window: Window2d, size: Pair) -> None:
    rows, cols = (2 * (k // 2) + 1 for k in window.kernel_size)
    odd = Window2d((rows, cols), dilation=window.dilation)
    assert with_pads(odd, half(size, odd)).output_size(size) == size


@given(bare(), sizes())
def test_full_has_every_overlap(window: Window2d, size: Pair) -> None:
    """The outputs of a full convolution: from the first common pixel to the last one."""
    slow = with_pads(Window2d(window.kernel_size), full(size, Window2d(window.kernel_size)))
    wanted = tuple(
        len(np.convolve(np.ones(n), np.ones(k), "full"))
        for n, k in zip(size, window.kernel_size, strict=True)
    )
    assert slow.output_size(size) == wanted


@given(bare(), sizes())
def test_valid_is_none(window: Window2d, size: Pair) -> None:
    assert valid(size, window) == ((0, 0), (0, 0))


@given(pairs(0, 5))
def test_pytorch_int_is_on_both_sides(padding: Pair) -> None:
    conv = torch.nn.Conv2d(1, 1, 1, padding=padding)
    (top, bottom), (left, right) = pytorch_int(padding)
    assert (left, right, top, bottom) == tuple(conv._reversed_padding_repeated_twice)


def test_pytorch_int_refuses_negative_padding() -> None:
    with pytest.raises(SpecError, match="padding must be at least 0"):
        pytorch_int(-1)


@pytest.mark.parametrize("name", CONVENTIONS)
@given(window=bare(), size=sizes())
def test_every_convention_is_four_sided_or_refuses(name: str, window: Window2d, size: Pair) -> None:
    try:
        pads = CONVENTIONS[name].pads(size, window)
    except SpecError:
        assert window.stride != (1, 1)
        return
    padded = with_pads(window, pads)
    assert padded.padding == pads
    if name != "valid":
        assert padded.output_size(size)


@pytest.mark.parametrize("fill", FILLS)
@given(st.integers(1, 8), st.integers(0, 10), st.integers(0, 10))
def test_fill_is_torchs_or_both_refuse(fill: str, n: int, before: int, after: int) -> None:
    mode = "constant" if fill == "zeros" else fill
    x = torch.arange(1.0, n + 1).reshape(1, 1, n)
    try:
        padded = F.pad(x, (before, after), mode=mode)[0, 0].numpy()
    except RuntimeError:
        with pytest.raises(SpecError, match=f"'{fill}' can be at most {fill_limit(n, fill)} on"):
            fill_source(n, before, after, fill)
        return
    source = fill_source(n, before, after, fill)
    assert np.array_equal(np.where(source == PAD, 0, source + 1), padded)


def test_unknown_fill_is_refused() -> None:
    with pytest.raises(SpecError, match="padding_mode must be one of zeros, reflect"):
        fill_source(3, 1, 1, "mirror")
