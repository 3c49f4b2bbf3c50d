"""One layer run on real data, by torch or by NumPy, with the taps of every output.

NumPy's values are there before torch is imported, which takes seconds. `agree` compares both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from .operations import FloatArray, check, operation_of, winner_positions
from .padding import padding_source
from .spec import LayerSpec
from .window import OUTSIDE, Axis, IntArray

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of one output's sum: one entry per tap and channel, in reading order.

    Attributes:
        channel: index of the input channel that each tap reads.
        row, column: input coordinates of each tap (floats, so that operations which sample
            between pixels fit); they lie outside the input where the tap reads padding.
        value: the input or padding value that each tap reads.
        weight: the factor of each value; for a maximum 1 at the largest value and 0 elsewhere,
            for a mean 1/divisor.
        bias: the number added to the sum of the products; 0 for a layer without bias.
    """

    channel: IntArray
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    value: NDArray[np.float64]
    weight: NDArray[np.float64]
    bias: float

    @property
    def product(self) -> NDArray[np.float64]:
        """Value × weight of each tap; 0 where the weight is 0, even if the value is -inf."""
        used = self.weight != 0
        return np.multiply(self.value, self.weight, out=np.zeros_like(self.value), where=used)

    @property
    def total(self) -> float:
        """Sum of products and bias: the layer's output, up to rounding."""
        return float(self.product.sum() + self.bias)


@dataclass(frozen=True, eq=False)
class Sweep:
    """One forward pass of a layer, with the position and the values of every window.

    Attributes:
        spec: the layer.
        input: (C, H, W) the layer's input.
        weight: (O, C / groups, kernel height, kernel width) in window order, None for pooling
            by maximum or mean. For a transposed convolution this is torch's kernel flipped.
        bias: (O,) the bias; None for a layer without one.
        output: (O, h, w) the output of the layer.
        rows, cols: positions of the windows along the height and the width of the padded grid.
        row_values, col_values: (grid,) the input index that each grid row (column) copies, or
            PAD where the grid holds ``fill_value``.
        fill_value: the value of constant padding: -inf for a maximum, otherwise 0.
        winner: (O, h, w) flat input position of each maximum, -1 where padding is largest;
            None unless the operation is a maximum.
        divisor: (h, w) the number that divides each sum; None unless the operation is a mean.
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
        """The input channels that one output channel reads."""
        per_group = self.input.shape[0] // self.groups
        group = output_channel * self.groups // self.output.shape[0]
        return range(group * per_group, (group + 1) * per_group)

    def terms(self, channel: int, row: int, column: int) -> Terms:
        """The terms of the sum at one output: its taps with their values and weights."""
        grid_rows, grid_cols = self.rows.taps[row], self.cols.taps[column]
        planes = np.array(self.channels_of(channel))
        shape = (len(planes), len(grid_rows), len(grid_cols))
        values = self._tap_values(planes, grid_rows, grid_cols)
        weights = self._tap_weights(channel, row, column, shape)
        coordinates = [
            _input_coordinates(axis.source, taps)
            for axis, taps in ((self.rows, grid_rows), (self.cols, grid_cols))
        ]
        return Terms(
            np.broadcast_to(planes[:, None, None], shape).ravel(),
            np.broadcast_to(coordinates[0][None, :, None], shape).ravel(),
            np.broadcast_to(coordinates[1][None, None, :], shape).ravel(),
            values.ravel(),
            weights.ravel(),
            0.0 if self.bias is None else float(self.bias[channel]),
        )

    def _tap_values(
        self, planes: IntArray, grid_rows: IntArray, grid_cols: IntArray
    ) -> NDArray[np.float64]:
        """(planes, rows, columns) values of the padded input at these grid positions."""
        rows, cols = self.row_values[grid_rows], self.col_values[grid_cols]
        copies_input = (rows >= 0)[:, None] & (cols >= 0)[None, :]
        copied = self.input[np.ix_(planes, rows.clip(min=0), cols.clip(min=0))]
        return np.asarray(np.where(copies_input, copied, self.fill_value), dtype=np.float64)

    def _tap_weights(
        self, channel: int, row: int, column: int, shape: tuple[int, int, int]
    ) -> NDArray[np.float64]:
        """The factor of each tap, in an array that broadcasts to ``shape``."""
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
        in_input = (rows >= 0)[:, None] & (cols >= 0)[None, :]
        return np.broadcast_to(
            (in_input & (flat == self.winner[channel, row, column])).astype(np.float64), shape
        )


def _input_coordinates(source: IntArray, grid: IntArray) -> NDArray[np.float64]:
    """Input coordinates of grid indices, extended linearly to cells that are no input pixels.

    Args:
        source: (grid,) input index of each grid cell, negative where the cell is no input pixel.
        grid: grid indices of any shape.
    """
    inputs = np.flatnonzero(source >= 0)
    step = inputs[1] - inputs[0] if len(inputs) > 1 else 1
    return np.asarray((grid - inputs[0]) / step, dtype=np.float64)


def sweep(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
    bias: NDArray[np.floating] | None = None,
) -> Sweep:
    """Run the layer with torch and record the position and values of every window.

    Args:
        spec: the layer.
        x: (C, H, W) input.
        weight: the weights in torch's layout; None for an operation without learned weights.
        bias: (O,) the bias; None unless ``spec.bias``.

    Raises:
        SpecError: the layer does not fit the input, or an array has the wrong shape.
    """
    import torch

    operation = operation_of(spec)
    inputs, *parameters = checked_tensors(spec, x, weight, bias)
    with torch.inference_mode():
        y = operation.run(spec, inputs, *parameters)
        winner = winner_positions(spec, inputs)[0].numpy() if operation.reduce == "max" else None
    return replace(_windows(spec, x, weight, bias), output=y[0].numpy(), winner=winner)


def sweep_in_numpy(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
    bias: NDArray[np.floating] | None = None,
) -> Sweep:
    """As `sweep`, but with NumPy, in float64, as the sum, maximum or mean over the taps."""
    check_arrays(spec, x, weight, bias)
    windows = _windows(spec, x, weight, bias)
    if operation_of(spec).reduce == "max":
        output, winner = _maxima(windows)
        return replace(windows, output=output, winner=winner)
    return replace(windows, output=_sums(windows))


def _windows(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None,
    bias: NDArray[np.floating] | None,
) -> Sweep:
    """A sweep whose output is not computed: it is NaN, and there are no winners."""
    operation = operation_of(spec)
    size = (x.shape[1], x.shape[2])
    rows, cols = operation.axes(spec, size)
    shape = (operation.out_channels(spec), len(rows.starts), len(cols.starts))
    return Sweep(
        spec=spec,
        input=np.asarray(x, dtype=np.float32),
        weight=_window_weight(spec, weight),
        bias=None if bias is None else np.asarray(bias, dtype=np.float32),
        output=np.full(shape, np.nan, dtype=np.float32),
        rows=rows,
        cols=cols,
        row_values=_copied_indices(rows, spec.padding[0], spec.padding_mode, size[0]),
        col_values=_copied_indices(cols, spec.padding[1], spec.padding_mode, size[1]),
        fill_value=float("-inf") if operation.reduce == "max" else 0.0,
        winner=None,
        divisor=_mean_divisors(spec, rows, cols) if operation.reduce == "mean" else None,
    )


def _taps(windows: Sweep) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """For each tap of the kernel its row, its column, and the (C, h, w) values it reads."""
    rows, cols = windows.row_values, windows.col_values
    copied = windows.input[:, rows.clip(min=0)[:, None], cols.clip(min=0)[None, :]]
    copies_input = (rows >= 0)[:, None] & (cols >= 0)[None, :]
    grid = np.where(copies_input, copied, windows.fill_value).astype(np.float64)
    for row, down in enumerate(windows.rows.offsets):
        for column, across in enumerate(windows.cols.offsets):
            at_rows, at_cols = windows.rows.starts + down, windows.cols.starts + across
            yield row, column, grid[:, at_rows[:, None], at_cols[None, :]]


def _sums(windows: Sweep) -> FloatArray:
    """(O, h, w) the sums of products of a convolution, with its bias, or the means of a pooling."""
    outputs, height, width = windows.output.shape
    groups = windows.groups
    total = np.zeros((groups, outputs // groups, height * width))
    for row, column, values in _taps(windows):
        read = values.reshape(groups, -1, height * width)
        if windows.weight is None:
            total += read
        else:
            weight = windows.weight[:, :, row, column].astype(np.float64)
            total += weight.reshape(groups, outputs // groups, -1) @ read
    total = total.reshape(outputs, height, width)
    if windows.divisor is not None:
        total = total / windows.divisor
    if windows.bias is not None:
        total = total + windows.bias.astype(np.float64)[:, None, None]
    return total.astype(np.float32)


def _maxima(windows: Sweep) -> tuple[FloatArray, IntArray]:
    """(C, h, w) the maxima, and the flat input position of the first one in each window."""
    best = np.full(windows.output.shape, -np.inf)
    winner = np.full(windows.output.shape, -1, dtype=np.int64)
    for row, column, values in _taps(windows):
        rows = windows.rows.source[windows.rows.starts + windows.rows.offsets[row]]
        cols = windows.cols.source[windows.cols.starts + windows.cols.offsets[column]]
        larger = values > best
        position = rows[:, None] * windows.input.shape[2] + cols[None, :]
        best = np.where(larger, values, best)
        winner = np.where(larger, position, winner)
    return best.astype(np.float32), winner


def agree(first: Sweep, second: Sweep) -> bool:
    """Whether two sweeps of one layer have the same output and winners, up to float32 rounding.

    A sum of n products in any order is off by at most n units of rounding times the sum of their
    magnitudes (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1); convolutions
    by Winograd's method, which torch may choose, lose a few bits more.
    """
    if first.output.shape != second.output.shape:
        return False
    if first.winner is not None or second.winner is not None:
        same_winner = np.array_equal(_winners(first), _winners(second))
        return same_winner and np.array_equal(first.output, second.output)
    largest = float(np.abs(first.input).max(initial=0))
    weights = 1.0 if first.weight is None else float(np.abs(first.weight).sum((1, 2, 3)).max())
    bias = 0.0 if first.bias is None else float(np.abs(first.bias).max())
    terms = len(first.rows.offsets) * len(first.cols.offsets)
    terms *= 1 if first.weight is None else first.weight.shape[1]
    rounding = WINOGRAD * (terms + 2) * float(np.finfo(np.float32).eps)
    error = np.abs(first.output.astype(np.float64) - second.output)
    return bool((error <= rounding * (largest * weights + bias)).all())


WINOGRAD = 8
"""Factor by which Winograd's method may be less accurate than a plain sum."""


def _winners(sweep: Sweep) -> IntArray:
    """The winners of a sweep of max pooling, and an empty array for another operation."""
    return np.empty(0, dtype=np.int64) if sweep.winner is None else sweep.winner


def check_arrays(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None,
    bias: NDArray[np.floating] | None,
) -> None:
    """Check the arrays of `sweep`.

    Raises:
        SpecError: the layer does not fit the input, or an array has the wrong shape.
    """
    operation = operation_of(spec)
    if x.ndim != 3 or x.shape[0] != spec.in_channels:
        raise SpecError("input", f"must be ({spec.in_channels}, height, width)", x.shape)
    check(spec, (x.shape[1], x.shape[2]))
    weight_shape = operation.weight_shape(spec) if operation.learned else None
    bias_shape = (spec.out_channels,) if spec.bias else None
    for name, array, shape in (("weight", weight, weight_shape), ("bias", bias, bias_shape)):
        if (None if array is None else array.shape) != shape:
            rule = "is nothing this layer has; leave it" if shape is None else f"must be {shape}"
            raise SpecError(name, rule, None if array is None else array.shape)


def checked_tensors(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None,
    bias: NDArray[np.floating] | None,
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Check the arrays of `sweep` and return them as float32 tensors, the input (1, C, H, W).

    Raises:
        SpecError: the layer does not fit the input, or an array has the wrong shape.
    """
    import torch

    check_arrays(spec, x, weight, bias)
    inputs, *parameters = (
        None if array is None else torch.from_numpy(np.array(array, dtype=np.float32))
        for array in (x, weight, bias)
    )
    assert inputs is not None
    return inputs[None], parameters[0], parameters[1]


def _window_weight(spec: LayerSpec, weight: NDArray[np.floating] | None) -> FloatArray | None:
    """The weights in window order, learned or fixed; None without weights."""
    operation = operation_of(spec)
    if operation.weight_shape(spec) is None:
        return None
    if operation.fixed_weight is not None:
        return operation.fixed_weight(spec)
    return operation.window_weight(spec, np.asarray(weight, dtype=np.float32))


def _copied_indices(axis: Axis, padding: tuple[int, int], padding_mode: str, n: int) -> IntArray:
    """(grid,) the input index each cell copies, negative for constant cells; ``n`` pixels."""
    if padding_mode == "zeros":
        return axis.source
    return padding_source(n, *padding, padding_mode)


def _mean_divisors(spec: LayerSpec, rows: Axis, cols: Axis) -> IntArray:
    """(h, w) the number of cells that each mean divides by.

    Padding counts with ``count_include_pad``; cells past the padding (``ceil_mode``) never do.
    """
    counted = [
        (axis.source != OUTSIDE if spec.count_include_pad else axis.source >= 0)[axis.taps].sum(1)
        for axis in (rows, cols)
    ]
    return np.outer(*counted)
