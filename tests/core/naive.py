"""Every operation as plain loops over numpy arrays in float64: the oracle of torch's sweeps.

Written from torch's documentation, one pixel after the other; shares no formula with core.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from core.layer import LayerSpec
from core.layer.operations import OPERATIONS

Array = np.ndarray
_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def walk(
    n: int, before: int, after: int, span: int, stride: int, ceil_mode: bool = False
) -> list[int]:
    """Start of each window in the padded input, found by putting one after the other."""
    end, starts = before + n + after, []
    start = 0
    while start + span <= end:
        starts.append(start)
        start += stride
    covered = starts[-1] + span if starts else 0
    # ceil_mode: one more window if cells are left over and it starts on input or left padding.
    overhangs = start + span - end < stride and start < before + n
    if ceil_mode and covered < end and overhangs:
        starts.append(start)
    return starts


def windows(spec: LayerSpec, size: tuple[int, int]) -> tuple[list[int], list[int]]:
    """Starts along rows and columns of the padded input."""
    rows, cols = (
        walk(n, *spec.padding[i], spans(spec)[i], spec.stride[i], spec.ceil_mode)
        for i, n in enumerate(size)
    )
    return rows, cols


def spans(spec: LayerSpec) -> tuple[int, int]:
    height, width = (
        len(range(0, k * d, d)) + (d - 1) * (k - 1)
        for k, d in zip(spec.kernel_size, spec.dilation, strict=True)
    )
    return height, width


def padded(spec: LayerSpec, x: Array, fill: float = 0.0) -> Array:
    """x with its four-sided padding, and NaN past it for the overhang of ceil_mode."""
    pads = [(0, 0), *spec.padding]
    mode = _MODES[spec.padding_mode]
    options = {"constant_values": fill} if mode == "constant" else {}
    grid = np.pad(x.astype(np.float64), pads, mode=mode, **options)  # type: ignore[call-overload]
    beyond = [(0, 0), *((0, s) for s in spec.stride)]
    return np.pad(grid, beyond, constant_values=np.nan)


def seen(spec: LayerSpec, grid: Array, top: int, left: int) -> Array:
    """(C, kernel height, kernel width) what one window reads."""
    rows = [top + i * spec.dilation[0] for i in range(spec.kernel_size[0])]
    cols = [left + j * spec.dilation[1] for j in range(spec.kernel_size[1])]
    return grid[:, rows][:, :, cols]


def convolution(spec: LayerSpec, x: Array, weight: Array, groups: int) -> Array:
    grid = padded(spec, x)
    rows, cols = windows(spec, x.shape[1:])
    y = np.zeros((len(weight), len(rows), len(cols)))
    per_group, inputs = len(weight) // groups, weight.shape[1]
    for o, (i, top), (j, left) in product(range(len(weight)), enumerate(rows), enumerate(cols)):
        first = o // per_group * inputs
        y[o, i, j] = (seen(spec, grid, top, left)[first : first + inputs] * weight[o]).sum()
    return y


def transposed(spec: LayerSpec, x: Array, weight: Array) -> Array:
    """Each input pixel stamps the kernel on a canvas; the padding cuts the canvas' rim."""
    (_, height, width), (inputs, outputs, rows, cols) = x.shape, weight.shape
    full = [
        (n - 1) * s + span + extra
        for n, s, span, extra in zip(
            (height, width), spec.stride, spans(spec), spec.output_padding, strict=True
        )
    ]
    canvas = np.zeros((outputs * spec.groups, *full))
    per_group = inputs // spec.groups
    for c, r, q, i, j in product(*map(range, (inputs, height, width, rows, cols))):
        group = slice(c // per_group * outputs, (c // per_group + 1) * outputs)
        at = r * spec.stride[0] + i * spec.dilation[0], q * spec.stride[1] + j * spec.dilation[1]
        canvas[group, at[0], at[1]] += float(x[c, r, q]) * weight[c, :, i, j].astype(np.float64)
    (top, bottom), (left, right) = spec.padding
    return canvas[:, top : full[0] - bottom, left : full[1] - right]


def pooled(spec: LayerSpec, x: Array) -> Array:
    """Maxima, or means over what counts."""
    maximum = spec.operation == "max_pooling"
    grid = padded(spec, x, -np.inf if maximum else 0.0)
    counts = padded(spec, np.ones_like(x), float(spec.count_include_pad))
    rows, cols = windows(spec, x.shape[1:])
    y = np.zeros((len(x), len(rows), len(cols)))
    for c, (i, top), (j, left) in product(range(len(x)), enumerate(rows), enumerate(cols)):
        values = seen(spec, grid[c : c + 1], top, left)
        if maximum:
            y[c, i, j] = np.nanmax(values)
        else:
            y[c, i, j] = np.nansum(values) / np.nansum(seen(spec, counts[c : c + 1], top, left))
    return y


def pascal(length: int) -> list[float]:
    row = [1.0]
    for _ in range(length - 1):
        row = [a + b for a, b in zip([0.0, *row], [*row, 0.0], strict=True)]
    return [value / sum(row) for value in row]


def layer(spec: LayerSpec, x: Array, weight: Array | None, bias: Array | None) -> Array:
    """(O, h, w) of any operation on (C, H, W)."""
    if OPERATIONS[spec.operation].reduce != "sum":
        return pooled(spec, x)
    if spec.operation == "blur_pooling":
        kernel = np.outer(*map(pascal, spec.kernel_size))
        return convolution(spec, x, np.stack([kernel[None]] * len(x)), len(x))
    assert weight is not None
    if spec.operation == "transposed_convolution":
        y = transposed(spec, x, weight)
    else:
        y = convolution(spec, x, weight.astype(np.float64), spec.groups)
    return y if bias is None else y + bias[:, None, None]
