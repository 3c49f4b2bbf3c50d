"""The positions of a sliding window: sizes, starts, taps, read counts, unread pixels.

These are the only size formulas of the project. Every number is a closed form that needs no
torch; the tests compare each with torch.

Coordinates: axis order (height, width), indices 0-based. Along one axis the window of
output ``o`` has its tap ``i`` at input position ``o * stride - before + i * dilation``;
positions outside ``[0, n)`` are padding.

Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning"
(2016); torch.nn.Conv2d, ConvTranspose2d and MaxPool2d documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError, whole

Pair = tuple[int, int]
"""(height, width) or (row, column)."""
Pads = tuple[Pair, Pair]
"""Padding on four sides: ((top, bottom), (left, right))."""
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
N = TypeVar("N", int, IntArray)
"""An int or an array of ints."""

PAD = -1
"""Entry of ``Axis.source`` for a grid cell of padding."""
INSERTED = -2
"""Entry of ``Axis.source`` for a zero that a transposed convolution inserts between inputs."""
OUTSIDE = -3
"""Entry of ``Axis.source`` for a cell past the padding, read by ``ceil_mode``'s last window."""


def span_of(kernel_size: N, dilation: N) -> N:
    """Input cells from a kernel's first tap to its last: ``dilation*(kernel_size-1) + 1``."""
    return dilation * (kernel_size - 1) + 1


def pair(parameter: str, value: object, minimum: int) -> Pair:
    """Convert one int or (height, width) to a pair of ints of at least ``minimum``.

    Raises:
        SpecError: ``value`` is anything else; names ``parameter``.
    """
    if isinstance(value, tuple | list):
        if len(value) != 2:
            raise SpecError(parameter, "must be one number or (height, width)", value)
        return whole(parameter, value[0], minimum), whole(parameter, value[1], minimum)
    number = whole(parameter, value, minimum)
    return number, number


def checked_pads(value: object) -> Pads:
    """Convert one int, (height, width) or ((top, bottom), (left, right)) to the last form."""
    if isinstance(value, tuple | list) and len(value) == 2:
        rows, cols = value
        if isinstance(rows, tuple | list) or isinstance(cols, tuple | list):
            return pair("padding", rows, 0), pair("padding", cols, 0)
    rows, cols = pair("padding", value, 0)
    return (rows, rows), (cols, cols)


@dataclass(frozen=True, eq=False)
class Axis:
    """The positions of a layer's windows along one axis of the grid they slide over.

    The grid is the input with padding, the zeros that a transposed convolution inserts, and the
    overhang of ``ceil_mode``.

    Attributes:
        source: (grid,) input index of each grid cell, or PAD, INSERTED, OUTSIDE.
        starts: (outputs,) grid index of each window's first tap.
        offsets: (kernel,) distance of each tap from its window's start.
    """

    source: IntArray
    starts: IntArray
    offsets: IntArray

    @property
    def taps(self) -> IntArray:
        """(outputs, kernel) grid index of every tap."""
        return self.starts[:, None] + self.offsets[None, :]

    @property
    def grid_reads(self) -> IntArray:
        """(grid,) the number of windows that read each grid cell."""
        return np.bincount(self.taps.ravel(), minlength=len(self.source)).astype(np.int64)

    @property
    def reads(self) -> IntArray:
        """(n,) the number of windows that read each of the n input cells."""
        return self.grid_reads[self.source >= 0]

    @property
    def writes(self) -> IntArray:
        """(outputs,) the number of taps of each window that lie on an input cell."""
        return np.asarray((self.source[self.taps] >= 0).sum(axis=1), dtype=np.int64)

    @property
    def remainder(self) -> int:
        """Cells of the padded input past the end of the last window."""
        end = int(np.flatnonzero(self.source != OUTSIDE)[-1]) + 1
        return max(0, end - int(self.starts[-1] + self.offsets[-1]) - 1)


class Unread(NamedTuple):
    """The pixels that no window reads.

    Attributes:
        mask: (height, width) True where an input pixel is read by no window.
        remainder: rows and columns of the padded input past the last window.
    """

    mask: BoolArray
    remainder: Pair


@dataclass(frozen=True)
class Window2d:
    """A window of ``kernel_size`` that slides over a (height, width) input.

    Args:
        kernel_size, stride, dilation: one int or (height, width), at least 1.
        padding: one int, (height, width) or ((top, bottom), (left, right)); stored as
            the last.
        ceil_mode: round the output size up, as torch's pooling layers do.

    Raises:
        SpecError: a setting that is not a whole number or is out of range.
    """

    kernel_size: Pair
    stride: Pair = (1, 1)
    padding: Pads = ((0, 0), (0, 0))
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        for name in ("kernel_size", "stride", "dilation"):
            object.__setattr__(self, name, pair(name, getattr(self, name), 1))
        object.__setattr__(self, "padding", checked_pads(self.padding))

    @property
    def effective_kernel_size(self) -> Pair:
        """Input cells from the first to the last tap of the dilated kernel, along each axis."""
        return self._span(0), self._span(1)

    def _span(self, axis: int) -> int:
        """Input cells from the first to the last tap along one axis."""
        return span_of(self.kernel_size[axis], self.dilation[axis])

    def output_size(self, size: Pair) -> Pair:
        """Output (height, width): ``floor((n + pads - span) / stride) + 1``.

        With ``ceil_mode`` the quotient is rounded up, and the last window is dropped
        when it would start past the input (torch.nn.MaxPool2d).

        Raises:
            SpecError: the padded input is smaller than the window.
        """
        height, width = pair("input size", size, 1)
        return self._output_count(height, 0), self._output_count(width, 1)

    def _output_count(self, n: int, axis: int) -> int:
        """The output size along one axis for ``n`` input pixels."""
        before, after = self.padding[axis]
        stride, span = self.stride[axis], self._span(axis)
        room = n + before + after - span + (stride - 1 if self.ceil_mode else 0)
        outputs = room // stride + 1
        if self.ceil_mode and (outputs - 1) * stride >= n + before:
            outputs -= 1
        if outputs < 1:
            name = ("height", "width")[axis]
            raise SpecError(
                "kernel_size",
                f"spans {span} pixels, more than the padded input's {name} of "
                f"{n + before + after}; use a smaller kernel or dilation, or more padding",
                self.kernel_size,
            )
        return outputs

    def starts(self, size: Pair) -> tuple[IntArray, IntArray]:
        """Input row (column) of the first tap of each output row (column); < 0 in padding."""
        rows, cols = self.output_size(size)
        return (
            np.arange(rows) * self.stride[0] - self.padding[0][0],
            np.arange(cols) * self.stride[1] - self.padding[1][0],
        )

    def taps(self, output: Pair) -> tuple[IntArray, IntArray]:
        """Input rows (kernel height,) and columns (kernel width,) read by one output."""
        rows, cols = (
            output[axis] * self.stride[axis]
            - self.padding[axis][0]
            + np.arange(self.kernel_size[axis]) * self.dilation[axis]
            for axis in (0, 1)
        )
        return rows, cols

    def axes(self, size: Pair) -> tuple[Axis, Axis]:
        """The windows along rows and columns, in coordinates of the padded grid."""
        outputs = self.output_size(size)
        return self._axis(size[0], outputs[0], 0), self._axis(size[1], outputs[1], 1)

    def _axis(self, n: int, outputs: int, axis: int) -> Axis:
        """The positions of the windows along one axis."""
        before, after = self.padding[axis]
        starts = np.arange(outputs) * self.stride[axis]
        overhang = max(0, int(starts[-1]) + self._span(axis) - (n + before + after))
        source = np.concatenate(
            [
                np.full(before, PAD),
                np.arange(n),
                np.full(after, PAD),
                np.full(overhang, OUTSIDE),
            ]
        )
        return Axis(source, starts, np.arange(self.kernel_size[axis]) * self.dilation[axis])

    def read_counts(self, size: Pair) -> IntArray:
        """(height, width) the number of windows that read each input pixel."""
        rows, cols = self.axes(size)
        return np.outer(rows.reads, cols.reads)

    def unread(self, size: Pair) -> Unread:
        """The input pixels that no window reads, and the remainder past the last window."""
        rows, cols = self.axes(size)
        mask = (rows.reads[:, None] == 0) | (cols.reads[None, :] == 0)
        return Unread(mask, (rows.remainder, cols.remainder))

    def transposed_output_size(self, size: Pair, output_padding: Pair = (0, 0)) -> Pair:
        """Output size of the transposed convolution with this window.

        It is ``(n-1)*stride - pads + span + output_padding`` along each axis.

        Raises:
            SpecError: the padding crops the whole output.
        """
        height, width = (
            (size[axis] - 1) * self.stride[axis]
            - sum(self.padding[axis])
            + self._span(axis)
            + output_padding[axis]
            for axis in (0, 1)
        )
        if min(height, width) < 1:
            uncut = f"{height + sum(self.padding[0])}×{width + sum(self.padding[1])}"
            raise SpecError(
                "padding", f"cuts the whole {uncut} output away; use less", self.padding
            )
        return height, width

    def transposed_axes(self, size: Pair, output_padding: Pair = (0, 0)) -> tuple[Axis, Axis]:
        """The windows of a transposed convolution, as an ordinary one over a stretched grid.

        The grid has ``stride - 1`` zeros between the inputs and ``span - 1 - padding`` zeros
        around them, and the *flipped* kernel slides over it with stride 1.
        """
        outputs = self.transposed_output_size(size, output_padding)
        return (
            self._transposed_axis(size[0], outputs[0], 0),
            self._transposed_axis(size[1], outputs[1], 1),
        )

    def transposed_write_counts(self, size: Pair, output_padding: Pair = (0, 0)) -> IntArray:
        """(output height, width) the number of input pixels that are summed in each output.

        Source: Odena et al., "Deconvolution and Checkerboard Artifacts" (2016).
        """
        rows, cols = self.transposed_axes(size, output_padding)
        return np.outer(rows.writes, cols.writes)

    def _transposed_axis(self, n: int, outputs: int, axis: int) -> Axis:
        """The positions of the windows of a transposed convolution along one axis."""
        stride, span = self.stride[axis], self._span(axis)
        first = span - 1 - self.padding[axis][0]  # grid index of input 0; < 0 when cut off
        shift = max(0, -first)
        last = first + (n - 1) * stride
        source = np.full(max(outputs + span - 1, last + 1) + shift, PAD)
        source[first + shift : last + shift + 1] = INSERTED
        source[first + shift : last + shift + 1 : stride] = np.arange(n)
        offsets = np.arange(self.kernel_size[axis]) * self.dilation[axis]
        return Axis(source, np.arange(outputs) + shift, offsets)
