"""Where the image's two axes lie in the dimensions of a tensor.

A `Layout` lists, for each dimension of the tensor, the `Part`s of the image axes that run along
it, the slowest one first. Three cases are common:

- An image has each axis as one part of a dimension of its own.
- A sequence of tokens has both axes in one dimension, row by row.
- A view that cuts an axis into blocks puts an outer and an inner part of the axis into two
  dimensions. As with strides, one step along a part moves on by ``stride`` units of its axis.

All parts of an axis together, largest stride first, run through its units exactly once.

A part that belongs to no axis holds channels, heads and the like. Such a part is listed only in a
dimension that also holds a part of the image; the entry of any other dimension is ``()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

Shape = tuple[int, ...]
"""The shape of a tensor, including the batch."""
Grid = tuple[int, int]
"""Number of units along (height, width)."""
Dims = tuple[int | None, int | None]
"""The tensor dimensions of (height, width); None for an axis that no dimension holds."""


class Part(NamedTuple):
    """A factor of a tensor dimension that runs along an image axis or along channels.

    Attributes:
        size: number of indices of the part.
        axis: 0 for the height, 1 for the width, None for channels.
        stride: units of the axis from one index to the next; 0 for channels.
    """

    size: int
    axis: int | None = None
    stride: int = 0


Layout = tuple[tuple[Part, ...], ...]
"""For each dimension of a tensor, the parts of image axes along it; see the module's text."""


class PlacedPart(NamedTuple):
    """A part of a layout, with its dimension and its position among the parts of that dimension."""

    dim: int
    position: int
    part: Part


def plain_layout(rank: int, dims: Dims, grid: Grid) -> Layout:
    """The layout in which each axis lies uncut in one dimension.

    Args:
        rank: number of dimensions of the tensor.
        dims: the dimensions of both axes; the same one for tokens in row-major order.
        grid: units along both axes.
    """
    parts: list[tuple[Part, ...]] = [()] * rank
    for axis, dim in enumerate(dims):
        if dim is not None:
            parts[dim] += (Part(grid[axis], axis, 1),)
    return tuple(parts)


def placed_parts(layout: Layout, axis: int) -> list[PlacedPart]:
    """The parts of an image axis, outermost (largest stride) first."""
    matching = [
        PlacedPart(dim, index, part)
        for dim, parts in enumerate(layout)
        for index, part in enumerate(parts)
        if part.axis == axis
    ]
    return (
        sorted(matching, key=lambda placed: -placed.part.stride) if len(matching) > 1 else matching
    )


def outer_dims(layout: Layout) -> Dims:
    """The dimensions of the outermost parts of both axes; None for an axis without a dimension."""
    rows, cols = (next((placed.dim for placed in placed_parts(layout, a)), None) for a in (0, 1))
    return rows, cols


def merge_parts(parts: Sequence[Part]) -> tuple[Part, ...]:
    """The parts of one dimension, with adjacent parts merged where they form one larger part.

    The result is empty if no part belongs to the image.
    """
    return tuple(_merge_neighbors(parts)) if any(part.axis is not None for part in parts) else ()


def _merge_neighbors(parts: Sequence[Part]) -> list[Part]:
    """Merges adjacent parts of one axis whose strides continue each other."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if last and last.axis == part.axis and last.stride == part.stride * part.size:
            joined[-1] = Part(last.size * part.size, part.axis, part.stride)
        else:
            joined.append(part)
    return joined


def layout_fits(layout: Layout, shape: Shape) -> bool:
    """Whether the parts of every dimension that holds the image multiply to its length."""
    return all(
        not parts or prod(part.size for part in parts) == n
        for parts, n in zip(layout, shape, strict=True)
    )


def reshaped_layout(layout: Layout, shape: Shape, out: Shape) -> Layout | None:
    """The layout after a row-major reshape from ``shape`` to ``out``.

    An axis of one unit that the reshape flattens disappears from the layout. A later padding
    along it goes unnoticed, and a unit that reads only that padding counts as reading the unit.

    Returns:
        The layout; None where the new shape cuts a part unevenly.
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
    """Distributes parts in row-major order over dimensions of ``sizes``, cutting where needed.

    Returns:
        The parts of each dimension; None where a part does not divide evenly.
    """
    waiting, dims = factors[::-1], []
    for size in sizes:
        parts: list[Part] = []
        remaining = size
        while remaining > 1:
            part = waiting.pop() if waiting else Part(0)
            if part.size and remaining % part.size == 0:
                parts.append(part)
                remaining //= part.size
            elif part.size and part.size % remaining == 0:
                inner = part.size // remaining
                parts.append(Part(remaining, part.axis, part.stride * inner))
                waiting.append(Part(inner, part.axis, part.stride))
                remaining = 1
            else:
                return None
        dims.append(merge_parts(parts))
    return dims


def units_in_channels(layout: Layout) -> Grid:
    """The number of units of (height, width) that lie among the channels of one position.

    It is larger than 1 after a space-to-depth by views and after unfold; after flatten it is the
    whole axis. The innermost parts of an axis then lie in a dimension with channels, or in
    dimension 1 while all later dimensions hold other parts of the image.
    """
    if not any(part.axis is None or len(parts) > 1 for parts in layout for part in parts):
        channels_hold_image = len(layout) > 2 and layout[1] and all(layout[2:])
        if not channels_hold_image:
            return 1, 1
    mixed = {dim for dim, parts in enumerate(layout) if any(part.axis is None for part in parts)}
    rows, cols = (_axis_units_in_channels(layout, axis, mixed) for axis in (0, 1))
    return rows, cols


def _axis_units_in_channels(layout: Layout, axis: int, mixed: set[int]) -> int:
    """`units_in_channels` for one axis; ``mixed`` are the dimensions that also hold channels."""
    parts = placed_parts(layout, axis)
    if len(layout) > 2 and all(layout[2:]) and any(placed.dim >= 2 for placed in parts):
        mixed = mixed | {1}
    count = 1
    for placed in reversed(parts):
        if placed.dim not in mixed:
            break
        count *= placed.part.size
    return count
