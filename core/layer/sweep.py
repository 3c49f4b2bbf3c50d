"""One layer run by torch on real data, with the taps of every output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import SpecError
from .operations import FloatArray, blur_weight, check, operation_of, winners
from .padding import fill_source
from .spec import LayerSpec
from .window import OUTSIDE, Axis, IntArray


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of one output's sum: one entry per tap and channel, in reading order.

    Attributes:
        channel: input plane of the tap.
        row, column: input coordinates (floats, so that operations which sample between
            pixels fit); outside the input where the tap is padding.
        value: the value at the tap.
        weight: the tap's weight; 1 at a maximum's winner, 1/divisor in a mean.
        product: value × weight (0 where the weight is 0, also for values of -inf).
        bias: added at the end.
    """

    channel: IntArray
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    value: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: float

    @property
    def product(self) -> NDArray[np.float64]:
        used = self.weight != 0
        return np.multiply(self.value, self.weight, out=np.zeros_like(self.value), where=used)

    @property
    def total(self) -> float:
        """Sum of products and bias: torch's output, up to rounding."""
        return float(self.product.sum() + self.bias)


@dataclass(frozen=True, eq=False)
class Sweep:
    """A layer's run on an input, with everything the player needs to show each step.

    Attributes:
        spec: the layer.
        input: (C, H, W).
        weight: (O, C / groups, kernel height, kernel width) in window order, None for pooling
            by maximum or mean. Flipped for a transposed convolution.
        bias: (O,) or None.
        output: (O, h, w), torch's own.
        rows, cols: where the windows stand on the padded grid.
        row_values, col_values: (grid,) input index whose value each grid row (column) shows,
            PAD where it shows ``fill_value``.
        fill_value: what constant padding holds: 0, or -inf under a maximum.
        winner: (O, h, w) flat input position of each maximum (-1: none), or None.
        divisor: (h, w) the divisor of each mean, or None.
    """

    spec: LayerSpec
    input: FloatArray
    weight: FloatArray | None
    bias: FloatArray | None
    output: FloatArray
    rows: Axis
    cols: Axis
    row_values: IntArray
    col_values: IntArray
    fill_value: float
    winner: IntArray | None
    divisor: IntArray | None

    @property
    def groups(self) -> int:
        """The effective number of groups: one per channel for pooling."""
        return operation_of(self.spec).groups(self.spec)

    def channels_of(self, output_channel: int) -> range:
        """The input planes that one output plane reads."""
        per_group = self.input.shape[0] // self.groups
        group = output_channel * self.groups // self.output.shape[0]
        return range(group * per_group, (group + 1) * per_group)

    def terms(self, channel: int, row: int, column: int) -> Terms:
        """The taps, weights and products of one output."""
        grid_rows, grid_cols = self.rows.taps[row], self.cols.taps[column]
        planes = np.array(self.channels_of(channel))
        shape = (len(planes), len(grid_rows), len(grid_cols))
        values = self._values(planes, grid_rows, grid_cols)
        weights = self._weights(channel, row, column, shape)
        position = [
            _input_coordinate(axis.source, taps)
            for axis, taps in ((self.rows, grid_rows), (self.cols, grid_cols))
        ]
        return Terms(
            np.broadcast_to(planes[:, None, None], shape).ravel(),
            np.broadcast_to(position[0][None, :, None], shape).ravel(),
            np.broadcast_to(position[1][None, None, :], shape).ravel(),
            values.ravel(),
            weights.ravel(),
            0.0 if self.bias is None else float(self.bias[channel]),
        )

    def _values(
        self, planes: IntArray, grid_rows: IntArray, grid_cols: IntArray
    ) -> NDArray[np.float64]:
        rows, cols = self.row_values[grid_rows], self.col_values[grid_cols]
        real = (rows >= 0)[:, None] & (cols >= 0)[None, :]
        picked = self.input[np.ix_(planes, rows.clip(min=0), cols.clip(min=0))]
        return np.asarray(np.where(real, picked, self.fill_value), dtype=np.float64)

    def _weights(
        self, channel: int, row: int, column: int, shape: tuple[int, int, int]
    ) -> NDArray[np.float64]:
        if self.weight is not None:
            return np.asarray(self.weight[channel], dtype=np.float64)
        rows = self.rows.source[self.rows.taps[row]]
        cols = self.cols.source[self.cols.taps[column]]
        if self.divisor is not None:
            inside = (rows != OUTSIDE)[:, None] & (cols != OUTSIDE)[None, :]
            return np.broadcast_to(inside / self.divisor[row, column], shape)
        assert self.winner is not None
        width = self.input.shape[2]
        flat = rows[:, None] * width + cols[None, :]
        real = (rows >= 0)[:, None] & (cols >= 0)[None, :]
        return np.broadcast_to(
            (real & (flat == self.winner[channel, row, column])).astype(np.float64), shape
        )


def _input_coordinate(source: IntArray, grid: IntArray) -> NDArray[np.float64]:
    """Input coordinates of grid cells, by linear extension from the first input cell."""
    inputs = np.flatnonzero(source >= 0)
    step = inputs[1] - inputs[0] if len(inputs) > 1 else 1
    return np.asarray((grid - inputs[0]) / step, dtype=np.float64)


def sweep(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
    bias: NDArray[np.floating] | None = None,
) -> Sweep:
    """Run the layer with torch and record every window.

    Args:
        spec: the layer.
        x: (C, H, W) input.
        weight: in torch's own layout for the operation, when it has learned weights.
        bias: (O,), when ``spec.bias``.

    Raises:
        SpecError: the layer does not fit the input, or an array has the wrong shape.
    """
    operation = operation_of(spec)
    if x.ndim != 3 or x.shape[0] != spec.in_channels:
        raise SpecError("input", f"must be ({spec.in_channels}, height, width)", x.shape)
    size = (x.shape[1], x.shape[2])
    check(spec, size)
    if operation.learned and (weight is None or weight.shape != operation.weight_shape(spec)):
        shape = None if weight is None else weight.shape
        raise SpecError("weight", f"must have shape {operation.weight_shape(spec)}", shape)
    if (bias is not None) != spec.bias or (bias is not None and len(bias) != spec.out_channels):
        raise SpecError("bias", f"must be {spec.out_channels} numbers if and only if set", bias)

    tensor = _tensor(x)[None]
    with torch.inference_mode():
        y = operation.run(
            spec,
            tensor,
            None if weight is None else _tensor(weight),
            None if bias is None else _tensor(bias),
        )
        winner = winners(spec, tensor)[0].numpy() if operation.reduce == "max" else None
    rows, cols = operation.axes(spec, size)
    return Sweep(
        spec=spec,
        input=np.asarray(x, dtype=np.float32),
        weight=_window_weight(spec, weight),
        bias=None if bias is None else np.asarray(bias, dtype=np.float32),
        output=y[0].numpy(),
        rows=rows,
        cols=cols,
        row_values=_values(rows, spec.padding[0], spec.padding_mode, size[0]),
        col_values=_values(cols, spec.padding[1], spec.padding_mode, size[1]),
        fill_value=float("-inf") if operation.reduce == "max" else 0.0,
        winner=winner,
        divisor=_divisor(spec, rows, cols) if operation.reduce == "mean" else None,
    )


def _tensor(array: NDArray[np.floating]) -> torch.Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))


def _window_weight(spec: LayerSpec, weight: NDArray[np.floating] | None) -> FloatArray | None:
    operation = operation_of(spec)
    if operation.weight_shape(spec) is None:
        return None
    if weight is None:
        return blur_weight(spec)
    return operation.window_weight(spec, np.asarray(weight, dtype=np.float32))


def _values(axis: Axis, padding: tuple[int, int], fill: str, n: int) -> IntArray:
    if fill == "zeros":
        return axis.source
    return fill_source(n, *padding, fill)


def _divisor(spec: LayerSpec, rows: Axis, cols: Axis) -> IntArray:
    """The divisor of each mean: padding counts with ``count_include_pad``, overhang never."""
    counted = [
        (axis.source != OUTSIDE if spec.count_include_pad else axis.source >= 0)[axis.taps].sum(1)
        for axis in (rows, cols)
    ]
    return np.outer(*counted)
