"""JAX code of every operation, as calls of ``lax`` primitives with explicit arguments.

Pictures are (1, C, H, W) and kernels (O, I, h, w), the default of lax and of torch.
Source: jax.lax.conv_general_dilated and jax.lax.reduce_window documentation.
"""

from __future__ import annotations

import numpy as np

from ..operations import operation_of
from ..spec import LayerSpec
from ..window import Pads, Pair
from .text import (
    FIXED,
    Array,
    Lines,
    Writer,
    array_literal,
    call_text,
    ceil_mode_overhang,
    fixed_weight,
    function_lines,
    is_unpadded,
    with_more_padding_after,
)

PICTURE = "x = jnp.array({})[None, None]  # (1, 1, height, width)"
"""Template of an input with given pixels; see `core.layer.code.Framework`."""
PLACEHOLDER = "x = jnp.ones((1, {channels}, {height}, {width}))  # your picture here"
"""Template of an input of ones."""
CALL = ["y = layer(x)", "print(y)"]
"""The lines that run the layer and print its output."""

IMPORTS = {"jnp": "import jax.numpy as jnp", "lax": "from jax import lax"}
"""The import statement of each alias."""
_PAD_MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
"""The ``mode`` of ``jnp.pad`` for each of torch's padding modes."""


def convolution(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """Write a convolution as ``lax.conv_general_dilated`` with explicit padding."""
    assert weight is not None
    padded_before = spec.padding_mode != "zeros" and not is_unpadded(spec.padding)
    y = _convolution_call(
        window_strides=str(spec.stride),
        padding=str(((0, 0), (0, 0)) if padded_before else spec.padding),
        rhs_dilation=_pair_unless_one(spec.dilation),
        groups=operation_of(spec).groups(spec),
    )
    body = [*_copied_padding_lines(spec), *_return_with_bias(y, bias)]
    return [*_weight_lines(weight, bias), *function_lines(body)]


def transposed_convolution(
    spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None
) -> Lines:
    """Write it as ``lax.conv_general_dilated``; ``lhs_dilation`` inserts the zeros."""
    assert weight is not None
    before_after = [
        (span - 1 - before, span - 1 - after + extra)
        for span, (before, after), extra in zip(
            spec.window.effective_kernel_size, spec.padding, spec.output_padding, strict=True
        )
    ]
    y = _convolution_call(
        window_strides="(1, 1)",
        padding=str(tuple(before_after)),
        lhs_dilation=_pair_unless_one(spec.stride),
        rhs_dilation=_pair_unless_one(spec.dilation),
        groups=spec.groups,
    )
    flipped = operation_of(spec).window_weight(spec, np.asarray(weight, dtype=np.float32))
    return [
        "# PyTorch's kernel, flipped and as (output, input): how it meets the stretched picture.",
        *_weight_lines(flipped, bias),
        *function_lines(_return_with_bias(y, bias)),
    ]


def max_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """Write it as ``lax.reduce_window`` with ``lax.max``; ceil_mode is more padding after."""
    pads = with_more_padding_after(spec.padding, ceil_mode_overhang(spec, size))
    return [*function_lines([f"return {_reduce_window_call(spec, pads, 'x', '-jnp.inf', 'max')}"])]


def average_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """Write sums by ``lax.reduce_window``, divided by the number of cells that count."""
    extra = ceil_mode_overhang(spec, size)
    pads = with_more_padding_after(spec.padding, extra)
    total = f"total = {_reduce_window_call(spec, pads, 'x', '0.0', 'add')}"
    if is_unpadded(pads) or (spec.count_include_pad and extra == (0, 0)):
        cells = spec.kernel_size[0] * spec.kernel_size[1]
        return [*function_lines([total, f"return total / {cells}"])]
    ones, uncounted = "jnp.ones_like(x)", pads
    if spec.count_include_pad:
        ones = f"jnp.pad({ones}, {_padding_of_four_axes(spec.padding)}, constant_values=1)"
        uncounted = with_more_padding_after(((0, 0), (0, 0)), extra)
    body = [
        f"ones = {ones}",
        f"count = {_reduce_window_call(spec, uncounted, 'ones', '0.0', 'add')}",
        total,
        "return total / count",
    ]
    return [*function_lines(body)]


def fixed_convolution(
    spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None
) -> Lines:
    """Write it as a depthwise convolution with the operation's fixed weights."""
    return convolution(spec, size, fixed_weight(spec), None)


WRITERS: dict[str, Writer] = {
    "convolution": convolution,
    "transposed_convolution": transposed_convolution,
    "max_pooling": max_pooling,
    "average_pooling": average_pooling,
    FIXED: fixed_convolution,
}
"""The function that writes each operation of ``OPERATIONS`` as lines of code; `FIXED` writes those
with fixed weights that are not listed."""


def _convolution_call(groups: int, **named: str | None) -> str:
    count = None if groups == 1 else str(groups)
    return call_text("lax.conv_general_dilated", "x", "weight", **named, feature_group_count=count)


def _reduce_window_call(
    spec: LayerSpec, pads: Pads, operand: str, initial_value: str, function: str
) -> str:
    """A call of ``lax.reduce_window`` on a variable, with its initial value and ``lax`` function."""

    def four(pair: Pair) -> str:
        return str((1, 1, *pair))

    return call_text(
        "lax.reduce_window",
        operand,
        initial_value,
        f"lax.{function}",
        window_dimensions=four(spec.kernel_size),
        window_strides=four(spec.stride),
        padding=_padding_of_four_axes(pads),
        window_dilation=None if spec.dilation == (1, 1) else four(spec.dilation),
    )


def _padding_of_four_axes(pads: Pads) -> str:
    """The padding of all four axes (N, C, H, W) as text."""
    return str(((0, 0), (0, 0), *pads))


def _pair_unless_one(pair: Pair) -> str | None:
    return None if pair == (1, 1) else str(pair)


def _copied_padding_lines(spec: LayerSpec) -> Lines:
    """The line that pads ``x`` with copies of its pixels; none for zero padding."""
    if spec.padding_mode == "zeros" or is_unpadded(spec.padding):
        return []
    return [
        f'x = jnp.pad(x, {_padding_of_four_axes(spec.padding)}, mode="{_PAD_MODES[spec.padding_mode]}")'
    ]


def _weight_lines(weight: Array, bias: Array | None) -> Lines:
    """Lines that define ``weight`` and ``bias``."""
    lines = [f"weight = jnp.array({array_literal(weight)})"]
    return lines if bias is None else [*lines, f"bias = jnp.array({array_literal(bias)})"]


def _return_with_bias(y: str, bias: Array | None) -> Lines:
    return [f"return {y}" + ("" if bias is None else " + bias[:, None, None]")]
