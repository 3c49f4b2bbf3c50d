"""Padding conventions against the frameworks' own rules, fills against torch's F.pad."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS, check, with_padding_convention
from core.layer.padding import (
    CONVENTIONS,
    FILLS,
    full,
    half,
    padding_limit,
    padding_source,
    pytorch_int,
    same_lower,
    tf_same,
    torch_same,
    valid,
)
from core.layer.window import PAD, Pads, Pair, Window2d
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


def transposed_run(name: str, window: Window2d, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(h, w) of the transposed convolution that a convention makes, run by torch."""
    bare = LayerSpec(
        "transposed_convolution", window.kernel_size, window.stride, dilation=window.dilation
    )
    spec = with_padding_convention(bare, x.shape, name)
    assert check(spec, x.shape, limit=None)
    with torch.no_grad():
        y = OPERATIONS[spec.operation].run(
            spec, torch.from_numpy(x)[None, None], torch.from_numpy(weight)[None, None], None
        )
    return y[0, 0].numpy()


def drawn(window: Window2d, size: Pair, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers for an input and a kernel: every order of adding them up is exact."""
    rng = np.random.default_rng(seed)
    return rng.integers(-9, 10, size).astype("f4"), rng.integers(-9, 10, window.kernel_size).astype(
        "f4"
    )


def scattered(x: np.ndarray, weight: np.ndarray, window: Window2d) -> np.ndarray:
    """Every input times the kernel, added at its place: all of a transposed convolution."""
    spans, (rows, cols) = window.effective_kernel_size, x.shape
    most = [max(span, stride) for span, stride in zip(spans, window.stride, strict=True)]
    whole = np.zeros(
        ((rows - 1) * window.stride[0] + most[0], (cols - 1) * window.stride[1] + most[1]), "f4"
    )
    for row, col in np.ndindex(x.shape):
        for down, right in np.ndindex(weight.shape):
            place = (
                row * window.stride[0] + down * window.dilation[0],
                col * window.stride[1] + right * window.dilation[1],
            )
            whole[place] += x[row, col] * weight[down, right]
    return whole


@given(bare(), sizes(6), st.integers(0, 99))
def test_transposed_same_is_the_gradient_of_the_same_convolution(
    window: Window2d, size: Pair, seed: int
) -> None:
    """Through autograd: the forward convolution of n * stride pixels, padded as TensorFlow pads."""
    x, weight = drawn(window, size, seed)
    large = size[0] * window.stride[0], size[1] * window.stride[1]
    (top, bottom), (left, right) = tf_same(large, window)
    picture = torch.zeros(1, 1, *large, requires_grad=True)
    forward = F.conv2d(
        F.pad(picture, (left, right, top, bottom)),
        torch.from_numpy(weight)[None, None],
        None,
        window.stride,
        0,
        window.dilation,
    )
    assert forward.shape[2:] == size
    (gradient,) = torch.autograd.grad(forward, picture, torch.from_numpy(x)[None, None])
    assert np.array_equal(transposed_run("tf_same", window, x, weight), gradient[0, 0].numpy())


@pytest.mark.parametrize("name, upper", [("tf_same", True), ("same_lower", False)])
@given(window=bare(), size=sizes(6), seed=st.integers(0, 99))
def test_transposed_same_is_onnx_auto_pad(
    name: str, upper: bool, window: Window2d, size: Pair, seed: int
) -> None:
    """ONNX ConvTranspose: total_padding halved, the larger half at the end for SAME_UPPER."""
    x, weight = drawn(window, size, seed)
    whole = scattered(x, weight, window)
    cuts = []
    for n, stride, span in zip(size, window.stride, window.effective_kernel_size, strict=True):
        total = max(stride * (n - 1) + span - n * stride, 0)
        start = total // 2 if upper else total - total // 2
        cuts.append(slice(start, start + n * stride))
    assert np.array_equal(transposed_run(name, window, x, weight), whole[tuple(cuts)])


@pytest.mark.parametrize("name, mode", [("tf_same", "SAME"), ("valid", "VALID")])
@given(window=bare(), size=sizes(6), seed=st.integers(0, 99))
def test_transposed_padding_is_that_of_jax(
    name: str, mode: str, window: Window2d, size: Pair, seed: int
) -> None:
    """jax.lax.conv_transpose pads the input that is stretched with zeros, and slides by 1."""
    x, weight = drawn(window, size, seed)
    stretched = torch.zeros([(n - 1) * s + 1 for n, s in zip(size, window.stride, strict=True)])
    stretched[:: window.stride[0], :: window.stride[1]] = torch.from_numpy(x)
    around: list[int] = []
    for span, stride in zip(window.effective_kernel_size, window.stride, strict=True):
        if mode == "SAME":
            total = span + stride - 2
            before = span - 1 if stride > span - 1 else math.ceil(total / 2)
        else:
            total, before = span + stride - 2 + max(span - stride, 0), span - 1
        around = [before, total - before, *around]  # torch counts from the last axis
    flipped = torch.from_numpy(weight[::-1, ::-1].copy())  # transpose_kernel=True
    y = F.conv2d(
        F.pad(stretched, around)[None, None], flipped[None, None], dilation=window.dilation
    )
    assert np.array_equal(transposed_run(name, window, x, weight), y[0, 0].numpy())


@pytest.mark.parametrize("name", ["half", "full"])
@given(window=bare(), size=sizes(6), seed=st.integers(0, 99))
def test_half_and_full_transpose_the_convolution_of_that_padding(
    name: str, window: Window2d, size: Pair, seed: int
) -> None:
    x, weight = drawn(window, size, seed)
    whole, pads = scattered(x, weight, window), CONVENTIONS[name].pads(size, window)
    ends = [
        (n - 1) * stride + span - after
        for n, stride, span, (_, after) in zip(
            size, window.stride, window.effective_kernel_size, pads, strict=True
        )
    ]
    cut = whole[pads[0][0] : max(ends[0], 0), pads[1][0] : max(ends[1], 0)]
    try:
        y = transposed_run(name, window, x, weight)
    except SpecError:
        assert 0 in cut.shape
        return
    assert np.array_equal(y, cut)


def test_the_textbook_upsampling_of_each_framework() -> None:
    """3×3 by stride 2: the crop that doubles the size, which no number on both sides does."""
    window = Window2d((3, 3), (2, 2))
    assert CONVENTIONS["tf_same"].transposed is not None
    assert CONVENTIONS["tf_same"].transposed.cut(window) == (((0, 1), (0, 1)), (0, 0))
    assert CONVENTIONS["same_lower"].transposed is not None
    assert CONVENTIONS["same_lower"].transposed.cut(window) == (((1, 0), (1, 0)), (0, 0))
    spec = LayerSpec("transposed_convolution", (3, 3), (2, 2))
    assert check(with_padding_convention(spec, (16, 16), "tf_same"), (16, 16)) == (32, 32)
    wide = LayerSpec("transposed_convolution", (2, 2), (3, 3))
    assert with_padding_convention(wide, (16, 16), "tf_same").output_padding == (1, 1)
    assert check(with_padding_convention(wide, (16, 16), "valid"), (16, 16)) == (48, 48)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_torch_has_same_padding_for_convolutions_only(operation: str) -> None:
    """As torch itself: its pooling modules and its transposed convolution take no word."""
    row = OPERATIONS[operation]
    module = getattr(torch.nn, row.module, None)
    arguments = (1, 1, 2) if row.learned else (2,)
    try:
        assert module is not None
        module(*arguments, stride=1, padding="same")(torch.zeros(1, 1, 5, 5))
    except (AssertionError, TypeError, ValueError):
        with pytest.raises(SpecError, match=r"padding='same' is PyTorch's for .* use TF"):
            with_padding_convention(LayerSpec(operation, (2, 2)), (5, 5), "torch_same")
    else:
        assert with_padding_convention(LayerSpec(operation, (2, 2)), (5, 5), "torch_same").padding


@pytest.mark.parametrize("fill", FILLS)
@given(st.integers(1, 8), st.integers(0, 10), st.integers(0, 10))
def test_fill_is_torchs_or_both_refuse(fill: str, n: int, before: int, after: int) -> None:
    mode = "constant" if fill == "zeros" else fill
    x = torch.arange(1.0, n + 1).reshape(1, 1, n)
    try:
        padded = F.pad(x, (before, after), mode=mode)[0, 0].numpy()
    except RuntimeError:
        with pytest.raises(SpecError, match=f"'{fill}' can be at most {padding_limit(n, fill)} on"):
            padding_source(n, before, after, fill)
        return
    source = padding_source(n, before, after, fill)
    assert np.array_equal(np.where(source == PAD, 0, source + 1), padded)


def test_unknown_fill_is_refused() -> None:
    with pytest.raises(SpecError, match="padding_mode must be one of zeros, reflect"):
        padding_source(3, 1, 1, "mirror")
