"""Where the image's two axes lie in the dimensions of a tensor.

A `Layout` says for each dimension which `Part`s of the image run along it, slowest first. An
axis usually is one part of one dimension; a sequence of tokens has both axes in one
dimension, row by row; a view that cuts an axis into blocks puts its outer and its inner part
into two dimensions, as strides do: a step of a part moves on by ``stride`` units of its axis.
All parts of an axis together, largest stride first, run through its units once.

A part of no axis holds channels, heads and the like. It stands only beside parts of the image
in one dimension; a dimension without the image is empty, ``()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

Shape = tuple[int, ...]
Grid = tuple[int, int]
Dims = tuple[int | None, int | None]


class Part(NamedTuple):
    """A factor of a dimension: ``size`` steps of ``stride`` units along an image axis.

    Attributes:
        size: number of steps.
        axis: 0 for the height, 1 for the width; None for channels, which have stride 0.
        stride: units of the axis from one step to the next.
    """

    size: int
    axis: int | None = None
    stride: int = 0


Layout = tuple[tuple[Part, ...], ...]


class PlacedPart(NamedTuple):
    """A part and where it stands: in which dimension, and at which place among its parts."""

    dim: int
    index: int
    part: Part


def plain_layout(rank: int, dims: Dims, grid: Grid) -> Layout:
    """Each axis whole in one dimension; both in one are tokens, row by row."""
    parts: list[tuple[Part, ...]] = [()] * rank
    for axis, dim in enumerate(dims):
        if dim is not None:
            parts[dim] += (Part(grid[axis], axis, 1),)
    return tuple(parts)


def placed_parts(layout: Layout, axis: int) -> list[PlacedPart]:
    """The parts of an axis, outermost first."""
    matching = [
        PlacedPart(dim, index, part)
        for dim, parts in enumerate(layout)
        for index, part in enumerate(parts)
        if part.axis == axis
    ]
    return sorted(matching, key=lambda place: -place.part.stride) if len(matching) > 1 else matching


def outer_dims(layout: Layout) -> Dims:
    """The dimension of the outermost part of each axis; None where an axis is gone."""
    rows, cols = (next((place.dim for place in placed_parts(layout, a)), None) for a in (0, 1))
    return rows, cols


def merge_parts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Neighbouring parts that follow on each other joined; () where none is of the image."""
    return tuple(_merge_neighbors(parts)) if any(part.axis is not None for part in parts) else ()


def _merge_neighbors(parts: Sequence[Part]) -> list[Part]:
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last and last.axis == part.axis and last.stride == part.stride * part.size:
            joined[-1] = Part(last.size * part.size, part.axis, part.stride)
        else:
            joined.append(part)
    return joined


def layout_fits(layout: Layout, shape: Shape) -> bool:
    """Every dimension that holds the image is as long as its parts together."""
    return all(
        not parts or prod(part.size for part in parts) == n
        for parts, n in zip(layout, shape, strict=True)
    )


def reshaped_layout(layout: Layout, shape: Shape, out: Shape) -> Layout | None:
    """The layout after a row-major reshape; None where a part cannot be cut that way.

    An axis of one unit that is flattened away is gone: a later padding along it is not seen,
    and what reads nothing but that padding is taken to read the unit.
    """
    head = 0
    while head < min(len(shape), len(out)) and shape[head] == out[head]:
        head += 1
    tail = 0
    while tail < min(len(shape), len(out)) - head and shape[-1 - tail] == out[-1 - tail]:
        tail += 1
    middle = range(head, len(shape) - tail)
    factors = [
        part for dim in middle for part in layout[dim] or (Part(shape[dim]),) if part.size > 1
    ]
    cut = _distribute_parts(_merge_neighbors(factors), out[head : len(out) - tail])
    if cut is None:
        return None
    return (*layout[:head], *cut, *layout[len(shape) - tail :])


def _distribute_parts(factors: list[Part], sizes: Shape) -> list[tuple[Part, ...]] | None:
    """Factors in row-major order, dealt out to dimensions of the given sizes."""
    waiting, dims = factors[::-1], []
    for size in sizes:
        parts: list[Part] = []
        left = size
        while left > 1:
            part = waiting.pop() if waiting else Part(0)
            if part.size and left % part.size == 0:
                parts.append(part)
                left //= part.size
            elif part.size and part.size % left == 0:
                inner = part.size // left
                parts.append(Part(left, part.axis, part.stride * inner))
                waiting.append(Part(inner, part.axis, part.stride))
                left = 1
            else:
                return None
        dims.append(merge_parts(parts))
    return dims


def units_in_channels(layout: Layout) -> Grid:
    """Units of each axis, height and width, that lie among the channels of one position.

    That is so after a space-to-depth by views, after unfold, and after flatten, where all do:
    the innermost parts of an axis lie in a dimension with channels, or in dimension 1 while
    the dimensions behind it hold nothing but other parts of the image.
    """
    if not any(part.axis is None or len(parts) > 1 for parts in layout for part in parts):
        behind = len(layout) > 2 and layout[1] and all(layout[2:])
        if not behind:
            return 1, 1
    mixed = {dim for dim, parts in enumerate(layout) if any(part.axis is None for part in parts)}
    rows, cols = (_axis_units_in_channels(layout, axis, mixed) for axis in (0, 1))
    return rows, cols


def _axis_units_in_channels(layout: Layout, axis: int, mixed: set[int]) -> int:
    parts = placed_parts(layout, axis)
    if len(layout) > 2 and all(layout[2:]) and any(place.dim >= 2 for place in parts):
        mixed = mixed | {1}
    count = 1
    for place in reversed(parts):
        if place.dim not in mixed:
            break
        count *= place.part.size
    return count
