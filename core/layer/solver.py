"""Solves for the layers that turn an input of one size into an output of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import SpecError, whole
from .operations import OPERATIONS, Operation, operation_of
from .spec import LayerSpec
from .window import BoolArray, IntArray, Pair, pair, span_of

MAX_SIDE = 4096
"""Longest input or output side of the solver."""

_KERNELS = (3, 1, 5, 7, 2, 4)
"""Kernel sizes from the most usual on; other sizes follow by length, odd ones first."""
ODD_PADDING = 3
"""Penalty points for a padding that is neither 0 nor half of the kernel."""


@dataclass(frozen=True)
class Solution:
    """A layer, alike on both axes, that gives the wanted output size.

    Attributes:
        kernel_size, stride, padding, dilation: torch's arguments; padding on every side.
        remainder: (rows, columns) of the padded input past the last window; (0, 0) for a
            transposed convolution, whose windows stand on a grid of their own.
        unread: number of input pixels that no window reads.
    """

    kernel_size: int
    stride: int
    padding: int
    dilation: int
    remainder: Pair
    unread: int

    @property
    def cost(self) -> tuple[bool, int, int, int, int, int]:
        """How unusual the layer is, compared entry by entry; less is more usual.

        First whether a pixel is left unread, then the dilation, then points: the place of
        the kernel size in 3, 1, 5, 7, 2, 4, 9, 11, …, 6, 8, …; one for each step of stride
        past 1; ``ODD_PADDING`` when the padding is neither 0 nor half of the kernel. Kernel
        size, stride and padding themselves decide among equals.
        """
        half = (span_of(self.kernel_size, self.dilation) - 1) // 2
        odd_padding = 0 if self.padding in (0, half) else ODD_PADDING
        points = _kernel_rank(self.kernel_size) + self.stride - 1 + odd_padding
        return (
            self.unread > 0,
            self.dilation,
            points,
            self.kernel_size,
            self.stride,
            self.padding,
        )


def _kernel_rank(length: int) -> int:
    if length in _KERNELS:
        return _KERNELS.index(length)
    return length // 2 + (2 if length % 2 else 6)


def solutions(
    size: Pair,
    output: Pair,
    *,
    max_kernel: int = 11,
    max_stride: int = 8,
    max_padding: int = 5,
    max_dilation: int = 4,
    operation: str = "convolution",
) -> list[Solution]:
    """Every layer that turns ``size`` into ``output``, the most usual first (``Solution.cost``).

    One kernel size, stride, padding and dilation for both axes, rounding down. Left out are
    what cannot matter or be run: padding of the whole kernel span or more (windows of
    nothing but padding), dilation of a single pixel, dilation where the operation has none,
    and pooling padded by more than half its kernel.

    Args:
        size, output: (height, width) in pixels, 1 to ``MAX_SIDE``.
        operation: a key of ``OPERATIONS``.

    Raises:
        SpecError: no such operation, a size out of range, or no layer within the limits.
    """
    row = operation_of(LayerSpec(operation=operation))
    sizes = _side("input size", size), _side("output size", output)
    limits = [
        whole("max_kernel", max_kernel, 1),
        whole("max_stride", max_stride, 1),
        whole("max_padding", max_padding, 0),
        whole("max_dilation", max_dilation, 1),
    ]
    grid = _grid(limits, row)
    rows, cols = (_gives(grid, n, out, row) for n, out in zip(*sizes, strict=True))
    if not (rows & cols).any():
        apart = bool(rows.any() and cols.any())
        rule = _refusal(*sizes, row, apart)
        raise SpecError("output size", rule, f"{sizes[1][0]}×{sizes[1][1]}")
    settings = grid[:, rows & cols].T.tolist()
    matches = [_solution(operation, sizes[0], *values) for values in settings]
    return sorted(matches, key=lambda solution: solution.cost)


def _side(parameter: str, value: Pair) -> Pair:
    sides = pair(parameter, value, 1)
    if max(sides) > MAX_SIDE:
        raise SpecError(parameter, f"must be at most {MAX_SIDE} pixels", max(sides))
    return sides


def _grid(limits: list[int], row: Operation) -> IntArray:
    """(4, candidates) kernel size, stride, padding and dilation of every layer considered."""
    kernel, stride, padding, dilation = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(1, limits[0] + 1),
            np.arange(1, limits[1] + 1),
            np.arange(limits[2] + 1),
            np.arange(1, (limits[3] if row.has("dilation") else 1) + 1),
            indexing="ij",
        )
    )
    keep = (padding < span_of(kernel, dilation)) & ((kernel > 1) | (dilation == 1))
    if row.reduce in ("max", "mean"):
        keep &= padding <= kernel // 2
    return np.stack([kernel, stride, padding, dilation])[:, keep]


def _gives(grid: IntArray, n: int, wanted: int, row: Operation) -> BoolArray:
    """(candidates,) whether n pixels become ``wanted`` (``Window2d``'s formulas, for arrays)."""
    kernel, stride, padding, dilation = grid
    span = span_of(kernel, dilation)
    if row.has("output_padding"):
        return np.asarray((n - 1) * stride - 2 * padding + span == wanted)
    return np.asarray((n + 2 * padding - span) // stride + 1 == wanted)


def _solution(
    operation: str, size: Pair, kernel: int, stride: int, padding: int, dilation: int
) -> Solution:
    spec = LayerSpec(
        operation,
        (kernel, kernel),
        (stride, stride),
        ((padding, padding), (padding, padding)),
        (dilation, dilation),
    )
    rows, cols = OPERATIONS[operation].axes(spec, size)
    read = int((rows.reads > 0).sum()) * int((cols.reads > 0).sum())
    transposed = OPERATIONS[operation].has("output_padding")
    remainder = (0, 0) if transposed else (rows.remainder, cols.remainder)
    return Solution(kernel, stride, padding, dilation, remainder, size[0] * size[1] - read)


def _refusal(size: Pair, output: Pair, row: Operation, apart: bool) -> str:
    """Why there is no solution, and what would work; ``apart``: each axis alone has one."""
    out_of_reach = (
        f"is out of reach of one {row.label.lower()} on {size[0]}×{size[1]} within the limits"
    )
    if apart:
        return f"{out_of_reach} with the same settings on both axes; use one number per axis"
    transposed = row.has("output_padding")
    if any(out > n for n, out in zip(size, output, strict=True)):
        if transposed:
            return f"{out_of_reach}; use a smaller output, or several layers"
        return f"{out_of_reach}; a transposed convolution enlarges"
    if transposed:
        return f"{out_of_reach}; a convolution makes smaller"
    return f"{out_of_reach}; use a larger output, or several layers"
