"""Layers that shrink, with and without a blur, against loops over padded numpy arrays."""

from __future__ import annotations

from math import comb
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from core.errors import SpecError
from core.layer.kernels import kernel
from core.layer.padding import FILLS
from core.shift.layer import KINDS, TAPS, DownsamplingLayer, blur, blur_weights, same_padding
from core.shift.network import BlurPool
from tests.examples import examples

NUMPY_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}

layers = st.builds(
    DownsamplingLayer,
    kind=st.sampled_from(KINDS),
    kernel_size=st.integers(1, 5),
    stride=st.integers(1, 4),
    taps=st.sampled_from(TAPS),
    padding_mode=st.sampled_from(sorted(FILLS)),
    seed=st.integers(0, 99),
    relu=st.booleans(),
)
sizes = st.tuples(st.integers(5, 13), st.integers(5, 13))


def image(size: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=size).astype(np.float32)


def windows(x: np.ndarray[Any, Any], size: int, mode: str, fill: float) -> np.ndarray[Any, Any]:
    """(C, H, W, size, size): the window of every pixel."""
    after = size // 2
    before = size - 1 - after
    pads = ((0, 0), (before, after), (before, after))
    constant = {"constant_values": fill} if mode == "zeros" else {}
    padded = np.pad(x.astype(np.float64), pads, mode=NUMPY_MODES[mode], **constant)  # type: ignore[call-overload]
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(1, 2))


def by_hand(layer: DownsamplingLayer, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """All that the layer computes, at stride 1, then every s-th pixel."""
    fill = -np.inf if layer.kind == "max_pooling" else 0.0
    around = windows(x, layer.kernel_size, layer.padding_mode, fill)
    if layer.kind == "convolution":
        shape = (1, len(x), layer.kernel_size, layer.kernel_size)
        weight = kernel(layer.weights, shape, layer.seed)[0]
        y = np.einsum("chwij,cij->hw", around, weight)[None]
        y = np.maximum(y, 0) if layer.relu else y
    else:
        y = (around.max if layer.kind == "max_pooling" else around.mean)(axis=(3, 4))
    taps = np.array([comb(layer.taps - 1, i) for i in range(layer.taps)], dtype=np.float64)
    taps /= taps.sum()
    y = np.einsum("chwij,i,j->chw", windows(y, layer.taps, layer.padding_mode, 0.0), taps, taps)
    return y[:, :: layer.stride, :: layer.stride]


@given(layers, sizes, st.integers(1, 3))
def test_every_layer_is_what_loops_compute(
    layer: DownsamplingLayer, size: tuple[int, int], channels: int
) -> None:
    x = image((channels, *size))
    with torch.no_grad():
        y = layer.run(torch.from_numpy(x)[None])[0].numpy()
    expected = by_hand(layer, x)
    assert y.shape[1:] == tuple(-(-n // layer.stride) for n in size)
    np.testing.assert_allclose(y, expected, atol=1e-4)


@examples(40)
@given(layers, sizes)
def test_the_output_is_every_sth_pixel_of_the_dense_map(
    layer: DownsamplingLayer, size: tuple[int, int]
) -> None:
    x = torch.from_numpy(image((2, *size)))[None]
    dense, s = layer.run_at_stride_1(x), layer.stride
    assert dense.shape[2:] == x.shape[2:]
    torch.testing.assert_close(layer.run(x), dense[:, :, ::s, ::s], atol=1e-5, rtol=1e-5)
    plain = layer.with_blur(1)
    torch.testing.assert_close(plain.run_at_stride_1(x), layer.before_blur(x))


@pytest.mark.parametrize("taps", TAPS[1:])
def test_weights_are_pascals_triangle(taps: int) -> None:
    row = torch.tensor([float(comb(taps - 1, i)) for i in range(taps)])
    expected = torch.outer(row, row) / 4 ** (taps - 1)
    assert torch.equal(torch.from_numpy(blur_weights(taps))[0, 0], expected)
    assert float(expected.sum()) == 1.0


@pytest.mark.parametrize("taps", TAPS)
def test_blur_stands_on_its_pixel_or_half_a_pixel_after(taps: int) -> None:
    x = torch.zeros(1, 1, 21, 21)
    x[0, 0, 10, 10] = 1
    y = blur(x, torch.from_numpy(blur_weights(taps)), 1, "reflect")[0, 0]
    at = torch.arange(21.0)
    for axis in (0, 1):
        centre = float((y.sum(1 - axis) * at).sum())
        assert centre == pytest.approx(10 - (0.5 if taps % 2 == 0 else 0))
    before, after = same_padding(taps)
    assert before + after == taps - 1


@pytest.mark.parametrize("taps", TAPS)
def test_mirrored_pictures_give_mirrored_maps(taps: int) -> None:
    """Even taps answer for pairs of pixels, odd ones for single pixels: centred both ways."""
    n = 16 if taps % 2 == 0 else 17
    x = torch.from_numpy(image((1, 2, n, n)))
    y = BlurPool(taps)(x) if taps > 1 else x[:, :, ::2, ::2]
    for axes in ((2,), (3,), (2, 3)):
        mirrored = BlurPool(taps)(x.flip(axes)) if taps > 1 else x.flip(axes)[:, :, ::2, ::2]
        torch.testing.assert_close(mirrored, y.flip(axes), atol=1e-6, rtol=1e-6)


def test_average_pooling_is_the_blur_of_two_taps() -> None:
    x = torch.from_numpy(image((1, 3, 12, 16)))
    torch.testing.assert_close(BlurPool(2)(x), F.avg_pool2d(x, 2))


@examples(30)
@given(layers, sizes, st.integers(1, 3))
def test_macs_are_those_torch_counts(
    layer: DownsamplingLayer, size: tuple[int, int], channels: int
) -> None:
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        layer.run(torch.zeros(1, channels, *size))
    assert layer.macs(channels, size) * 2 == counter.get_total_flops()


@pytest.mark.parametrize(
    "name, value",
    [
        *(("kind", "blur_pooling"), ("kernel_size", 0), ("kernel_size", 8), ("stride", 5)),
        *(("taps", 8), ("taps", 0), ("taps", 2.5), ("padding_mode", "same"), ("weights", "none")),
    ],
)
def test_nonsense_is_refused(name: str, value: Any) -> None:
    with pytest.raises(SpecError) as caught:
        DownsamplingLayer(**{name: value})
    assert caught.value.parameter == name


@pytest.mark.parametrize("mode", sorted(FILLS))
@given(kernel_size=st.integers(1, 7), taps=st.sampled_from(TAPS), side=st.integers(1, 5))
def test_a_picture_too_small_to_be_padded_is_refused_before_torch_does(
    mode: str, kernel_size: int, taps: int, side: int
) -> None:
    layer = DownsamplingLayer("max_pooling", kernel_size, 1, taps, mode)
    x = torch.zeros(1, 1, side, side)
    needed = max(same_padding(kernel_size)[1], same_padding(taps)[1])
    least = needed + {"reflect": 1, "circular": 0}.get(mode, -needed)
    if side >= least:
        layer.check((side, side))
        assert layer.run(x).shape == x.shape
        return
    with pytest.raises(SpecError, match=f"at least {least} pixels a side.*{mode}"):
        layer.check((side, side))
    with pytest.raises(RuntimeError):
        layer.run(x)
