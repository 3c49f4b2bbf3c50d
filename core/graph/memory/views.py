"""Tensors that share memory: where the elements of one lie in another, dimension by dimension.

What `x[:, :2]`, `x.chunk(2, 1)`, `x.transpose(1, 2)` or `x.unbind(0)` give is a window onto
``x``: whatever is written there is in ``x`` from then on. Where it lies follows from torch's
own numbers, the offset and the strides, however the view was made. Reading through a view is a
crop; what is written through one is put back by the opposite map.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch

from ..axes.axis_map import AxisMap, Window, crop_map, identity_map, transposed_map
from ..axes.layout import Layout, Part, Shape
from ..rules.call import Link, Source
from ..rules.links import link_by_dims

MAX_STRIPS = 8
"""Most rectangles that are followed around a part that is overwritten."""


class Placement(NamedTuple):
    """Where a view lies in another tensor of the same memory, its base.

    Attributes:
        ranges: for each dimension of the base, the indices that the view covers.
        dims: for each dimension of the base, the view's dimension along it; None where the
            view has none, as after ``x[:, 0]``.
        shape: of the base.
        rank: of the view.
    """

    ranges: tuple[range, ...]
    dims: tuple[int | None, ...]
    shape: Shape
    rank: int

    def covers(self, dim: int) -> bool:
        """Whether the view has every index along a dimension of the base."""
        return len(self.ranges[dim]) == self.shape[dim]

    @property
    def is_whole_base(self) -> bool:
        """The view is the base."""
        return all(map(self.covers, range(len(self.shape)))) and self.dims == tuple(
            range(len(self.shape))
        )

    def view_shape(self) -> Shape:
        """The shape of the view."""
        sizes = {to: len(r) for to, r in zip(self.dims, self.ranges, strict=True) if to is not None}
        return tuple(sizes.get(dim, 1) for dim in range(self.rank))

    def is_disjoint(self, other: Placement) -> bool:
        """Whether two views of one base have no element in common."""
        return any(map(_are_disjoint, self.ranges, other.ranges))

    def is_inside(self, other: Placement) -> bool:
        """Whether every element of this view is one of another of the same base."""
        return all(map(_is_subset, self.ranges, other.ranges))


def _is_subset(inner: range, outer: range) -> bool:
    ends = inner.start in outer and inner[-1] in outer
    return ends and (len(inner) == 1 or inner.step % outer.step == 0)


def _are_disjoint(a: range, b: range) -> bool:
    if a.start >= b.stop or b.start >= a.stop:
        return True
    return max(a.step, b.step) > 1 and set(a).isdisjoint(b)


def whole_placement(shape: Shape) -> Placement:
    """The placement of a tensor in itself."""
    return Placement(tuple(map(range, shape)), tuple(range(len(shape))), shape, len(shape))


def placement_in(view: torch.Tensor, base: torch.Tensor) -> Placement | None:
    """Where a view lies in its base; None where it is no grid of the base's elements.

    Args:
        view, base: tensors of the same memory.
    """
    if view.dtype != base.dtype or view.numel() == 0 or view.ndim > base.ndim + 8:
        return None
    places = _ElementIndex(base)
    offset = int(view.storage_offset()) - int(base.storage_offset())
    start = places.of(offset)
    if start is None:
        return None
    ranges = [range(at, at + 1) for at in start]
    dims: list[int | None] = [None] * base.ndim
    for dim, (n, stride) in enumerate(zip(view.shape, view.stride(), strict=True)):
        if n == 1:
            continue
        along = _base_dimension_of(places, start, offset, n, stride)
        if along is None or dims[along[0]] is not None:
            return None
        dims[along[0]] = dim
        ranges[along[0]] = range(
            start[along[0]], start[along[0]] + (n - 1) * along[1] + 1, along[1]
        )
    _match_unit_dims(view, base, dims)
    return Placement(tuple(ranges), tuple(dims), tuple(base.shape), view.ndim)


def _base_dimension_of(
    places: _ElementIndex, start: Sequence[int], offset: int, n: int, stride: int
) -> tuple[int, int] | None:
    """The dimension of the base that a dimension of the view runs along, and its step."""
    next_one, last = places.of(offset + stride), places.of(offset + (n - 1) * stride)
    if next_one is None or last is None:
        return None
    moved = [d for d, (a, b) in enumerate(zip(start, next_one, strict=True)) if a != b]
    if len(moved) != 1:
        return None
    (dim,) = moved
    step = next_one[dim] - start[dim]
    ends = [a + (n - 1) * step * (d == dim) for d, a in enumerate(start)]
    return (dim, step) if step > 0 and list(last) == ends else None


def _match_unit_dims(view: torch.Tensor, base: torch.Tensor, dims: list[int | None]) -> None:
    """Dimensions of one index lie along a free one of the base that has their stride."""
    for dim, (n, stride) in enumerate(zip(view.shape, view.stride(), strict=True)):
        if n == 1:
            free = [d for d, to in enumerate(dims) if to is None and base.stride(d) == stride]
            if free:
                dims[min(free, key=lambda d: (base.shape[d] != 1, abs(d - dim)))] = dim


class _ElementIndex:
    """The index of an element of a tensor from its distance in memory to the first one."""

    def __init__(self, base: torch.Tensor) -> None:
        self.shape, self.strides = base.shape, base.stride()
        self.order = sorted(
            (d for d, n in enumerate(self.shape) if n > 1), key=lambda d: -self.strides[d]
        )
        reach, self.clear = 0, True
        for dim in reversed(self.order):
            self.clear &= self.strides[dim] > reach
            reach += self.strides[dim] * (self.shape[dim] - 1)

    def of(self, distance: int) -> list[int] | None:
        """The index; None outside the tensor, or where two indices share an element."""
        index = [0] * len(self.shape)
        if distance < 0 or not self.clear:
            return None
        for dim in self.order:
            index[dim], distance = divmod(distance, self.strides[dim])
            if index[dim] >= self.shape[dim]:
                return None
        return None if distance else index


def link_from_base(source: Source, placement: Placement, out: Shape) -> Link:
    """What a view of shape ``out`` reads of its base: a crop."""
    dims = {dim: to for dim, to in enumerate(placement.dims) if to is not None}
    return link_by_dims(
        source, out, dims, crops_of(source.shape, dict(enumerate(placement.ranges)))
    )


def crops_of(shape: Shape, taken: Mapping[int, range]) -> dict[int, AxisMap]:
    """Crops along the dimensions of which only some indices are taken."""
    return {
        dim: crop_map(shape[dim], len(some), some.start, some.step)
        for dim, some in taken.items()
        if len(some) != shape[dim]
    }


def link_into_base(new: Source, placement: Placement) -> Link:
    """What the base reads of what a view of it now holds."""
    dims = {to: dim for dim, to in enumerate(placement.dims) if to is not None}
    maps = {
        to: uncrop_map(placement.shape[dim], placement.ranges[dim])
        for to, dim in dims.items()
        if not placement.covers(dim) and new.layout[to]
    }
    return link_by_dims(new, placement.shape, dims, maps)


def uncrop_map(n_out: int, taken: range) -> AxisMap:
    """The opposite of a crop: unit i is at index ``taken[i]``, and nothing anywhere else."""
    if taken == range(n_out):
        return identity_map(n_out)
    if len(taken) == 1 or taken.step == 1:
        return crop_map(len(taken), n_out, -taken.start)
    spec = Window(1, taken.step, (-taken.start, 0), transposed=True)
    return transposed_map(len(taken), n_out, spec)


Strip = dict[int, range]
"""Indices along the dimensions of the image."""


def untouched_strips(placement: Placement, layout: Layout) -> list[Strip] | None:
    """The boxes of a base that a write to a view leaves as they are.

    None where the base keeps everything: the write spares some index of a dimension without
    the image, or what it spares is in too many pieces.
    """
    if any(not parts and not placement.covers(dim) for dim, parts in enumerate(layout)):
        return None
    boxes: list[Strip] = []
    inside: Strip = {}
    for dim in (dim for dim, parts in enumerate(layout) if parts):
        if placement.ranges[dim].step > MAX_STRIPS:
            return None
        boxes += [
            inside | {dim: rest}
            for rest in _missing_ranges(placement.ranges[dim], placement.shape[dim])
        ]
        inside = inside | {dim: placement.ranges[dim]}
    return boxes if len(boxes) <= MAX_STRIPS else None


def _missing_ranges(taken: range, n: int) -> list[range]:
    """The indices below n that a range lacks, as ranges."""
    last = taken[-1]
    between = [range(taken.start + i, last, taken.step) for i in range(1, taken.step)]
    return [rest for rest in (range(taken.start), *between, range(last + 1, n)) if len(rest)]


def link_with_restored_axes(
    new: Source, placement: Placement, base: Layout | None
) -> tuple[Shape, Link] | None:
    """What is written at one index of an axis of the base, with that axis as a dimension.

    ``y[:, :, i] = row`` gives the base's dimension 2 the axis that the row has lost.

    Args:
        new: what is written.
        placement: where.
        base: the layout of what was there; None for constants, whose dimensions from the third
            on may become axes.

    Returns:
        The shape with that dimension and the link to it; None where no axis comes back.
    """
    rank = len(placement.shape)
    gone = [axis for axis in (0, 1) if not any(p.axis == axis for ps in new.layout for p in ps)]
    chosen = [d for d in range(rank) if placement.dims[d] is None and placement.shape[d] > 1]
    if base is None:
        free = [d for d in chosen if d >= 2]
        back = dict(zip(reversed(free), reversed(gone), strict=False))
    else:
        single = {d: base[d][0].axis for d in chosen if len(base[d]) == 1}
        back = {d: axis for d, axis in single.items() if axis in gone}
    if not back:
        return None
    layout: list[tuple[Part, ...]] = []
    shape: list[int] = []
    for dim in range(rank):
        to = placement.dims[dim]
        axis = back.get(dim)
        layout.append(
            new.layout[to] if to is not None else (Part(1, axis, 1),) if axis is not None else ()
        )
        shape.append(new.shape[to] if to is not None else 1)
    maps = (identity_map(new.node.grid[0]), identity_map(new.node.grid[1]))
    return tuple(shape), Link(new.node, tuple(layout), maps)


def in_base_order(placement: Placement) -> Placement:
    """The same place of a view that has every dimension of its base, in the base's order."""
    rank = len(placement.shape)
    return placement._replace(dims=tuple(range(rank)), rank=rank)
