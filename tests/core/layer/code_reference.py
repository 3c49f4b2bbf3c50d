"""Stand-ins for JAX and Keras, just large enough to run the snippets.

Both are written from the libraries' documentation as plain loops over numpy arrays, and
share nothing with ``core``. An argument that a snippet does not pass has the library's
default; an argument that the library does not have is an error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

Array = np.ndarray
Pads = Sequence[Sequence[int]]


def dilate(x: Array, factors: Sequence[int]) -> Array:
    """Zeros between the entries of the last two axes."""
    height, width = (
        (n - 1) * f + 1 if n else 0 for n, f in zip(x.shape[-2:], factors, strict=True)
    )
    spread = np.zeros((*x.shape[:-2], height, width))
    spread[..., :: factors[0], :: factors[1]] = x
    return spread


def pad_or_crop(x: Array, pads: Pads, value: float = 0.0) -> Array:
    """lax padding of every axis: what is negative is cut off once the rest is put on."""
    x = np.pad(x, [(max(0, low), max(0, high)) for low, high in pads], constant_values=value)
    kept = (
        slice(max(0, -low), n - max(0, -high)) for n, (low, high) in zip(x.shape, pads, strict=True)
    )
    return x[tuple(kept)]


def conv_general_dilated(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: Pads,
    lhs_dilation: Sequence[int] = (1, 1),
    rhs_dilation: Sequence[int] = (1, 1),
    *,
    feature_group_count: int = 1,
) -> Array:
    """``lax.conv_general_dilated`` of (N, C, H, W) with (O, I, h, w), in its default layout."""
    lhs = pad_or_crop(dilate(lhs, lhs_dilation), [(0, 0), (0, 0), *padding])
    rhs = dilate(rhs, rhs_dilation)
    outputs, inputs, rows, cols = rhs.shape
    assert lhs.shape[1] == inputs * feature_group_count
    assert outputs % feature_group_count == 0
    height = (lhs.shape[2] - rows) // window_strides[0] + 1
    width = (lhs.shape[3] - cols) // window_strides[1] + 1
    y = np.zeros((len(lhs), outputs, height, width))
    for o, i, j in product(range(outputs), range(height), range(width)):
        group = o // (outputs // feature_group_count)
        top, left = i * window_strides[0], j * window_strides[1]
        seen = lhs[:, group * inputs : (group + 1) * inputs, top : top + rows, left : left + cols]
        y[:, o, i, j] = (seen * rhs[o]).sum((1, 2, 3))
    return y


def reduce_window(
    operand: Array,
    init_value: float,
    computation: Callable[[Array, Array], Array],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Pads,
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] = (1, 1, 1, 1),
) -> Array:
    """``lax.reduce_window`` over (N, C, H, W)."""
    x = pad_or_crop(operand, padding, init_value)
    spans = [d * (k - 1) + 1 for k, d in zip(window_dimensions, window_dilation, strict=True)]
    shape = [
        (n - span) // stride + 1
        for n, span, stride in zip(x.shape, spans, window_strides, strict=True)
    ]
    y = np.full(shape, init_value)
    for tap in product(*map(range, window_dimensions)):
        first = [i * d for i, d in zip(tap, window_dilation, strict=True)]
        index = tuple(
            slice(start, start + (n - 1) * stride + 1, stride)
            for start, n, stride in zip(first, shape, window_strides, strict=True)
        )
        y = computation(y, x[index])
    return y


def pair(value: int | Sequence[int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def same_pads(n: int, span: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "SAME": the least padding with ceil(n / stride) outputs, odd one after."""
    total = 0
    while (n + total - span) // stride + 1 < -(-n // stride) or n + total < span:
        total += 1
    return total // 2, total - total // 2


def first(x: Array) -> Array:
    return np.moveaxis(x, -1, 1)


def last(x: Array) -> Array:
    return np.moveaxis(x, 1, -1)


def keras_conv(
    x: Array,
    kernel: Array,
    strides: int | Sequence[int] = 1,
    padding: str = "valid",
    dilation_rate: int | Sequence[int] = 1,
    groups: int = 1,
) -> Array:
    """Convolution of (N, H, W, C) with (h, w, I, O)."""
    stride, dilation = pair(strides), pair(dilation_rate)
    assert stride == (1, 1) or dilation == (1, 1), "Keras refuses both at once"
    spans = [d * (k - 1) + 1 for k, d in zip(kernel.shape[:2], dilation, strict=True)]
    pads: Pads = _pads(x, spans, stride, padding)
    weight = kernel.transpose(3, 2, 0, 1)
    y = conv_general_dilated(
        first(x), weight, stride, pads, (1, 1), dilation, feature_group_count=groups
    )
    return last(y)


def _pads(x: Array, spans: Sequence[int], stride: Sequence[int], padding: str) -> Pads:
    assert padding in ("valid", "same")
    if padding == "valid":
        return [(0, 0), (0, 0)]
    return [same_pads(x.shape[1 + i], spans[i], stride[i]) for i in (0, 1)]


def keras_conv_transpose(
    x: Array, kernel: Array, strides: int | Sequence[int] = 1, padding: str = "valid"
) -> Array:
    """Transposed convolution of (N, H, W, C) with (h, w, O, I): scatter and add, then cut.

    "same" is cut to n * stride; the surplus is halved, the odd pixel is cut at the end.
    """
    assert padding in ("valid", "same")
    rows, cols, outputs, inputs = kernel.shape
    assert x.shape[-1] == inputs
    (sy, sx), (batch, height, width, _) = pair(strides), x.shape
    more = max(rows - sy, 0), max(cols - sx, 0)
    y = np.zeros((batch, height * sy + more[0], width * sx + more[1], outputs))
    for i, j in product(range(height), range(width)):
        for b in range(batch):
            y[b, i * sy : i * sy + rows, j * sx : j * sx + cols] += kernel @ x[b, i, j]
    if padding == "valid":
        return y
    top, left = more[0] // 2, more[1] // 2
    return y[:, top : top + height * sy, left : left + width * sx]


class KerasLayer:
    """build, set_weights and call, for the layers that learn."""

    def __init__(self, outputs: int, kernel_size: int | Sequence[int], **options: Any) -> None:
        self.use_bias = options.pop("use_bias", True)
        self.outputs, self.kernel_size, self.options = outputs, pair(kernel_size), options
        self.arrays: list[Array] = []

    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        groups = self.options.get("groups", 1)
        return (*self.kernel_size, channels // groups, self.outputs)

    def build(self, shape: Sequence[int | None]) -> None:
        assert shape[3] is not None
        self.arrays = [np.zeros(self.kernel_shape(shape[3]))]
        if self.use_bias:
            self.arrays.append(np.zeros(self.outputs))

    def set_weights(self, arrays: list[Array]) -> None:
        assert [a.shape for a in arrays] == [a.shape for a in self.arrays]
        self.arrays = arrays

    def forward(self, x: Array, kernel: Array) -> Array:
        return keras_conv(x, kernel, **self.options)

    def __call__(self, x: Array) -> Array:
        return sum(self.arrays[1:], self.forward(x, self.arrays[0]))


class Conv2DTranspose(KerasLayer):
    def kernel_shape(self, channels: int) -> tuple[int, ...]:
        return (*self.kernel_size, self.outputs, channels)

    def forward(self, x: Array, kernel: Array) -> Array:
        return keras_conv_transpose(x, kernel, **self.options)


def pooling(maximum: bool) -> Callable[..., Callable[[Array], Array]]:
    """``MaxPooling2D`` and ``AveragePooling2D``; "same" padding never counts in either."""

    def layer(
        pool_size: int | Sequence[int],
        strides: int | Sequence[int] | None = None,
        padding: str = "valid",
    ) -> Callable[[Array], Array]:
        size, stride = pair(pool_size), pair(pool_size if strides is None else strides)

        def run(x: Array) -> Array:
            pads = [(0, 0), (0, 0), *_pads(x, size, stride, padding)]
            window = {
                "window_dimensions": (1, 1, *size),
                "window_strides": (1, 1, *stride),
                "padding": pads,
            }
            if maximum:
                return last(reduce_window(first(x), -np.inf, np.maximum, **window))
            total = reduce_window(first(x), 0.0, np.add, **window)
            return last(total / reduce_window(np.ones_like(first(x)), 0.0, np.add, **window))

        return run

    return layer


def keras_pad(
    x: Array, pad_width: Pads, mode: str = "constant", constant_values: float = 0.0
) -> Array:
    """``keras.ops.pad`` with the modes that every backend has."""
    if mode == "constant":
        return np.pad(x, pad_width, constant_values=constant_values)
    assert mode in ("reflect", "symmetric"), "TensorFlow has no other"
    return np.pad(x, pad_width, mode=mode)


def depthwise_conv(x: Array, kernel: Array, strides: int = 1, padding: str = "valid") -> Array:
    """``keras.ops.depthwise_conv`` with (h, w, C, 1): TensorFlow has one stride for both axes."""
    assert isinstance(strides, int)
    assert kernel.shape[3] == 1
    grouped = kernel.transpose(0, 1, 3, 2)
    return keras_conv(x, grouped, strides, padding, groups=x.shape[-1])


def random_uniform(shape: Sequence[int]) -> Array:
    return np.random.default_rng(0).uniform(size=shape)


def zero_padding(padding: Pads) -> Callable[[Array], Array]:
    return lambda x: np.pad(x, [(0, 0), *padding, (0, 0)])


def modules() -> dict[str, ModuleType]:
    """What ``import`` finds in place of JAX and Keras."""
    jax, keras = ModuleType("jax"), ModuleType("keras")
    lax = SimpleNamespace(
        conv_general_dilated=conv_general_dilated,
        reduce_window=reduce_window,
        max=np.maximum,
        add=np.add,
    )
    jnp = ModuleType("jax.numpy")
    vars(jnp).update(array=np.array, pad=np.pad, ones=np.ones, ones_like=np.ones_like, inf=np.inf)
    vars(jax).update(lax=lax, numpy=jnp)
    layers = SimpleNamespace(
        Conv2D=KerasLayer,
        Conv2DTranspose=Conv2DTranspose,
        MaxPooling2D=pooling(True),
        AveragePooling2D=pooling(False),
        ZeroPadding2D=zero_padding,
    )
    ops = SimpleNamespace(
        pad=keras_pad,
        take=np.take,
        max=np.max,
        stack=np.stack,
        split=np.split,
        concatenate=np.concatenate,
        ones_like=np.ones_like,
        conv_transpose=keras_conv_transpose,
        depthwise_conv=depthwise_conv,
    )
    random = SimpleNamespace(uniform=random_uniform)
    vars(keras).update(layers=layers, ops=ops, random=random)
    return {"jax": jax, "jax.numpy": jnp, "keras": keras}


@contextmanager
def stand_ins() -> Iterator[None]:
    """``import jax`` and ``import keras`` give the stand-ins, installed or not."""
    with patch.dict(sys.modules, modules()):
        yield
