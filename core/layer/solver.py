"""Search for all layers that turn an input of one size into an output of another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..errors import SpecError, whole
from .operations import OPERATIONS, Operation, operation_of
from .spec import LayerSpec
from .window import BoolArray, IntArray, Pair, pair, span_of

MAX_SIDE = 4096
"""Largest input or output side that the solver accepts, in pixels."""

_KERNELS = (3, 1, 5, 7, 2, 4)
"""Kernel sizes, most common first; all others rank after these, odd sizes before even ones."""
UNCOMMON_PADDING_PENALTY = 3
"""Points in ``Solution.cost`` for a padding that is neither 0 nor half of the kernel span."""


@dataclass(frozen=True)
class Solution:
    """A layer with equal settings along both axes that gives the wanted output size.

    Attributes:
        kernel_size, stride, padding, dilation: torch's arguments; the padding is on every side.
        remainder: (rows, columns) of the padded input past the last window; (0, 0) for a
            transposed convolution.
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
        """Sort key by which common layers come first, compared entry by entry.

        The entries are whether a pixel is left unread, the dilation, a sum of points, and
        kernel size, stride and padding to break ties. The points are the rank of the kernel
        size in 3, 1, 5, 7, 2, 4, 9, 11, …, 6, 8, …, plus stride - 1, plus
        ``UNCOMMON_PADDING_PENALTY`` when the padding is neither 0 nor half of the kernel.
        """
        half = (span_of(self.kernel_size, self.dilation) - 1) // 2
        padding_penalty = 0 if self.padding in (0, half) else UNCOMMON_PADDING_PENALTY
        points = _kernel_rarity(self.kernel_size) + self.stride - 1 + padding_penalty
        return (
            self.unread > 0,
            self.dilation,
            points,
            self.kernel_size,
            self.stride,
            self.padding,
        )


def _kernel_rarity(length: int) -> int:
    """How uncommon a kernel size is, from 0 for the most common; see ``Solution.cost``."""
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
    """Every layer that turns ``size`` into ``output``, most common first (``Solution.cost``).

    All layers have equal settings along both axes and round the output size down. Layers that
    are pointless or cannot run are not listed: padding by the whole kernel span or more (some
    windows would hold only padding), dilation of a 1×1 kernel, dilation where the operation
    has none, and pooling padded by more than half its kernel.

    Args:
        size, output: (height, width) in pixels, from 1 to ``MAX_SIDE``.
        max_kernel, max_stride, max_padding, max_dilation: largest value of each setting.
        operation: a key of ``OPERATIONS``.

    Raises:
        SpecError: no such operation, a size out of range, or no layer within the limits.
    """
    definition = operation_of(LayerSpec(operation=operation))
    sizes = _checked_size("input size", size), _checked_size("output size", output)
    limits = [
        whole("max_kernel", max_kernel, 1),
        whole("max_stride", max_stride, 1),
        whole("max_padding", max_padding, 0),
        whole("max_dilation", max_dilation, 1),
    ]
    candidates = _candidate_settings(limits, definition)
    rows, cols = (
        _have_output_size(candidates, n, out, definition) for n, out in zip(*sizes, strict=True)
    )
    if not (rows & cols).any():
        each_axis_alone = bool(rows.any() and cols.any())
        rule = _no_solution_sentence(*sizes, definition, each_axis_alone)
        raise SpecError("output size", rule, f"{sizes[1][0]}×{sizes[1][1]}")
    settings = candidates[:, rows & cols].T.tolist()
    matches = [_solution(operation, sizes[0], *values) for values in settings]
    return sorted(matches, key=lambda solution: solution.cost)


def _checked_size(parameter: str, value: Pair) -> Pair:
    sides = pair(parameter, value, 1)
    if max(sides) > MAX_SIDE:
        raise SpecError(parameter, f"must be at most {MAX_SIDE} pixels", max(sides))
    return sides


def _candidate_settings(limits: list[int], operation: Operation) -> IntArray:
    """(4, candidates) kernel size, stride, padding and dilation of every layer considered.

    ``limits`` holds the largest value of each of the four, in this order.
    """
    kernel, stride, padding, dilation = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(1, limits[0] + 1),
            np.arange(1, limits[1] + 1),
            np.arange(limits[2] + 1),
            np.arange(1, (limits[3] if operation.has("dilation") else 1) + 1),
            indexing="ij",
        )
    )
    keep = (padding < span_of(kernel, dilation)) & ((kernel > 1) | (dilation == 1))
    if operation.reduce in ("max", "mean"):
        keep &= padding <= kernel // 2
    return np.stack([kernel, stride, padding, dilation])[:, keep]


def _have_output_size(candidates: IntArray, n: int, wanted: int, operation: Operation) -> BoolArray:
    """(candidates,) whether each layer turns n pixels into ``wanted``.

    These are the size formulas of ``Window2d``, evaluated for all candidates at once.
    """
    kernel, stride, padding, dilation = candidates
    span = span_of(kernel, dilation)
    if operation.has("output_padding"):
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


def _no_solution_sentence(
    size: Pair, output: Pair, operation: Operation, each_axis_alone: bool
) -> str:
    """The sentence that says why there is no solution, and what would work.

    ``each_axis_alone`` says whether each axis taken alone has a solution.
    """
    out_of_reach = (
        f"is out of reach of one {operation.label.lower()} on {size[0]}×{size[1]} within the limits"
    )
    if each_axis_alone:
        return f"{out_of_reach} with the same settings on both axes; use one number per axis"
    transposed = operation.has("output_padding")
    if any(out > n for n, out in zip(size, output, strict=True)):
        if transposed:
            return f"{out_of_reach}; use a smaller output, or several layers"
        return f"{out_of_reach}; a transposed convolution enlarges"
    if transposed:
        return f"{out_of_reach}; a convolution makes smaller"
    return f"{out_of_reach}; use a larger output, or several layers"
