"""Layers as JAX: ``lax`` primitives with every argument spelled out.

Pictures are (1, C, H, W) and kernels (O, I, h, w), which is lax's default as well as
torch's. Source: jax.lax.conv_general_dilated and jax.lax.reduce_window documentation.
"""

from __future__ import annotations

import numpy as np

from ..operations import blur_weight, operation_of
from ..spec import LayerSpec
from ..window import Pads, Pair
from .text import Array, Lines, Write, call, extended, function, overhang, plane, unless, unpadded

PICTURE = "x = jnp.array({})[None, None]  # (1, 1, height, width)"
PLACEHOLDER = "x = jnp.ones((1, {channels}, {height}, {width}))  # your picture here"
CALL = ["y = layer(x)", "print(y)"]

IMPORTS = {"jnp": "import jax.numpy as jnp", "lax": "from jax import lax"}
_PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def convolution(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """``lax.conv_general_dilated`` with explicit padding."""
    assert weight is not None
    filled = spec.padding_mode != "zeros" and not unpadded(spec.padding)
    y = _conv(
        window_strides=str(spec.stride),
        padding=str(((0, 0), (0, 0)) if filled else spec.padding),
        rhs_dilation=_pair_unless(spec.dilation),
        groups=operation_of(spec).groups(spec),
    )
    return [*_weights(weight, bias), *function([*_fill(spec), *_plus(y, bias)])]


def transposed_convolution(
    spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None
) -> Lines:
    """The same primitive: ``lhs_dilation`` puts the zeros between the pixels."""
    assert weight is not None
    before_after = [
        (span - 1 - before, span - 1 - after + extra)
        for span, (before, after), extra in zip(
            spec.window.effective_kernel_size, spec.padding, spec.output_padding, strict=True
        )
    ]
    y = _conv(
        window_strides="(1, 1)",
        padding=str(tuple(before_after)),
        lhs_dilation=_pair_unless(spec.stride),
        rhs_dilation=_pair_unless(spec.dilation),
        groups=spec.groups,
    )
    flipped = operation_of(spec).window_weight(spec, np.asarray(weight, dtype=np.float32))
    return [
        "# PyTorch's kernel, flipped and as (output, input): how it meets the stretched picture.",
        *_weights(flipped, bias),
        *function(_plus(y, bias)),
    ]


def max_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """``lax.reduce_window`` with ``lax.max``; ceil_mode is more padding at the end."""
    pads = extended(spec.padding, overhang(spec, size))
    return [*function([f"return {_reduce(spec, pads, 'x', '-jnp.inf', 'max')}"])]


def average_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """Sums by ``lax.reduce_window``, divided by what counts in each window."""
    extra = overhang(spec, size)
    pads = extended(spec.padding, extra)
    total = f"total = {_reduce(spec, pads, 'x', '0.0', 'add')}"
    if unpadded(pads) or (spec.count_include_pad and extra == (0, 0)):
        cells = spec.kernel_size[0] * spec.kernel_size[1]
        return [*function([total, f"return total / {cells}"])]
    ones, left = "jnp.ones_like(x)", pads
    if spec.count_include_pad:
        ones = f"jnp.pad({ones}, {_four(spec.padding)}, constant_values=1)"
        left = extended(((0, 0), (0, 0)), extra)
    body = [
        f"ones = {ones}",
        f"count = {_reduce(spec, left, 'ones', '0.0', 'add')}",
        total,
        "return total / count",
    ]
    return [*function(body)]


def blur_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """A depthwise convolution with fixed binomial weights."""
    return convolution(spec, size, blur_weight(spec), None)


WRITERS: dict[str, Write] = {
    "convolution": convolution,
    "transposed_convolution": transposed_convolution,
    "max_pooling": max_pooling,
    "average_pooling": average_pooling,
    "blur_pooling": blur_pooling,
}
"""The function that writes each operation."""


def _conv(groups: int, **named: str | None) -> str:
    count = None if groups == 1 else str(groups)
    return call("lax.conv_general_dilated", "x", "weight", **named, feature_group_count=count)


def _reduce(spec: LayerSpec, pads: Pads, what: str, start: str, function: str) -> str:
    def four(pair: Pair) -> str:
        return str((1, 1, *pair))

    return call(
        "lax.reduce_window",
        what,
        start,
        f"lax.{function}",
        window_dimensions=four(spec.kernel_size),
        window_strides=four(spec.stride),
        padding=_four(pads),
        window_dilation=None if spec.dilation == (1, 1) else four(spec.dilation),
    )


def _four(pads: Pads) -> str:
    return str(((0, 0), (0, 0), *pads))


def _pair_unless(pair: Pair) -> str | None:
    return None if unless((1, 1), pair) is None else str(pair)


def _fill(spec: LayerSpec) -> Lines:
    if spec.padding_mode == "zeros" or unpadded(spec.padding):
        return []
    return [f'x = jnp.pad(x, {_four(spec.padding)}, mode="{_PAD_MODES[spec.padding_mode]}")']


def _weights(weight: Array, bias: Array | None) -> Lines:
    lines = [f"weight = jnp.array({plane(weight)})"]
    return lines if bias is None else [*lines, f"bias = jnp.array({plane(bias)})"]


def _plus(y: str, bias: Array | None) -> Lines:
    return [f"return {y}" + ("" if bias is None else " + bias[:, None, None]")]
