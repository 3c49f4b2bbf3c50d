"""Locates views: where the elements of a tensor lie in another tensor of the same memory.

`x[:, :2]`, `x.chunk(2, 1)`, `x.transpose(1, 2)` and `x.unbind(0)` return views of ``x``: a write to
a view changes ``x``. The location follows from the storage offset and the strides, no matter how
the view was made. Reading through a view is a crop, and writing through it is the inverse of one.
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
"""The most rectangles that the unwritten rest of an image may be divided into."""


class Placement(NamedTuple):
    """The location of a view in another tensor of the same memory, its base.

    Attributes:
        ranges: for each dimension of the base, the indices that the view contains.
        dims: for each dimension of the base, the dimension of the view along it; None if the view
            has none, as dimension 1 after ``x[:, 0]``.
        shape: the shape of the base.
        rank: the number of dimensions of the view.
    """

    ranges: tuple[range, ...]
    dims: tuple[int | None, ...]
    shape: Shape
    rank: int

    def covers(self, dim: int) -> bool:
        """Whether the view contains every index along a dimension of the base."""
        return len(self.ranges[dim]) == self.shape[dim]

    @property
    def is_whole_base(self) -> bool:
        """Whether the view has all elements of the base in the same dimensions."""
        return all(map(self.covers, range(len(self.shape)))) and self.dims == tuple(
            range(len(self.shape))
        )

    def view_shape(self) -> Shape:
        """The shape of the view; dimensions that lie along no dimension of the base have size 1."""
        sizes = {to: len(r) for to, r in zip(self.dims, self.ranges, strict=True) if to is not None}
        return tuple(sizes.get(dim, 1) for dim in range(self.rank))

    def is_disjoint(self, other: Placement) -> bool:
        """Whether this view has no element in common with another view of the same base."""
        return any(map(_are_disjoint, self.ranges, other.ranges))

    def is_inside(self, other: Placement) -> bool:
        """Whether another view of the same base contains every element of this one."""
        return all(map(_is_subset, self.ranges, other.ranges))


def _is_subset(inner: range, outer: range) -> bool:
    """Whether a nonempty range contains no numbers that another one lacks."""
    ends = inner.start in outer and inner[-1] in outer
    return ends and (len(inner) == 1 or inner.step % outer.step == 0)


def _are_disjoint(a: range, b: range) -> bool:
    """Whether two ranges have no number in common."""
    if a.start >= b.stop or b.start >= a.stop:
        return True
    return max(a.step, b.step) > 1 and set(a).isdisjoint(b)


def whole_placement(shape: Shape) -> Placement:
    """The placement of a tensor in itself."""
    return Placement(tuple(map(range, shape)), tuple(range(len(shape))), shape, len(shape))


def placement_in(view: torch.Tensor, base: torch.Tensor) -> Placement | None:
    """The placement of a view in its base.

    Args:
        view, base: tensors that share their memory.

    Returns:
        The placement; None if the view's elements are no grid of the base's elements.
    """
    if view.dtype != base.dtype or view.numel() == 0 or view.ndim > base.ndim + 8:
        return None
    elements = _ElementIndex(base)
    offset = int(view.storage_offset()) - int(base.storage_offset())
    start = elements.index_at(offset)
    if start is None:
        return None
    ranges = [range(at, at + 1) for at in start]
    dims: list[int | None] = [None] * base.ndim
    for dim, (n, stride) in enumerate(zip(view.shape, view.stride(), strict=True)):
        if n == 1:
            continue
        along = _base_dimension_and_step(elements, start, offset, n, stride)
        if along is None or dims[along[0]] is not None:
            return None
        dims[along[0]] = dim
        ranges[along[0]] = range(
            start[along[0]], start[along[0]] + (n - 1) * along[1] + 1, along[1]
        )
    _match_unit_dims(view, base, dims)
    return Placement(tuple(ranges), tuple(dims), tuple(base.shape), view.ndim)


def _base_dimension_and_step(
    elements: _ElementIndex, start: Sequence[int], offset: int, length: int, stride: int
) -> tuple[int, int] | None:
    """The dimension of the base that one dimension of the view runs along.

    Args:
        elements: the index of the base's elements.
        start: the index in the base of the view's first element.
        offset: the distance in memory of that element to the first one of the base.
        length: the length of the view's dimension.
        stride: the stride of the view's dimension.

    Returns:
        The dimension and the step along it; None if the view's dimension runs along none.
    """
    next_one, last = (
        elements.index_at(offset + stride),
        elements.index_at(offset + (length - 1) * stride),
    )
    if next_one is None or last is None:
        return None
    moved = [d for d, (a, b) in enumerate(zip(start, next_one, strict=True)) if a != b]
    if len(moved) != 1:
        return None
    (dim,) = moved
    step = next_one[dim] - start[dim]
    ends = [a + (length - 1) * step * (d == dim) for d, a in enumerate(start)]
    return (dim, step) if step > 0 and list(last) == ends else None


def _match_unit_dims(view: torch.Tensor, base: torch.Tensor, dims: list[int | None]) -> None:
    """Assigns the view's dimensions of size 1 to unused dimensions of the base, in ``dims``.

    A dimension of the base qualifies if it has the same stride.
    """
    for dim, (n, stride) in enumerate(zip(view.shape, view.stride(), strict=True)):
        if n == 1:
            unused = [d for d, to in enumerate(dims) if to is None and base.stride(d) == stride]
            if unused:
                dims[min(unused, key=lambda d: (base.shape[d] != 1, abs(d - dim)))] = dim


class _ElementIndex:
    """Converts the distance in memory between an element and the first one into an index.

    Attributes:
        order: the dimensions of more than one index, the largest stride first.
        unique: whether every element has one index only.
    """

    def __init__(self, base: torch.Tensor) -> None:
        self.shape, self.strides = base.shape, base.stride()
        self.order = sorted(
            (d for d, n in enumerate(self.shape) if n > 1), key=lambda d: -self.strides[d]
        )
        reach, self.unique = 0, True
        for dim in reversed(self.order):
            self.unique &= self.strides[dim] > reach
            reach += self.strides[dim] * (self.shape[dim] - 1)

    def index_at(self, distance: int) -> list[int] | None:
        """The index; None if there is no element or indices are ambiguous."""
        index = [0] * len(self.shape)
        if distance < 0 or not self.unique:
            return None
        for dim in self.order:
            index[dim], distance = divmod(distance, self.strides[dim])
            if index[dim] >= self.shape[dim]:
                return None
        return None if distance else index


def link_from_base(source: Source, placement: Placement, out: Shape) -> Link:
    """The link from a base to a view of shape ``out``, which is a crop of the base."""
    dims = {dim: to for dim, to in enumerate(placement.dims) if to is not None}
    return link_by_dims(
        source, out, dims, crop_maps(source.shape, dict(enumerate(placement.ranges)))
    )


def crop_maps(shape: Shape, indices_of: Mapping[int, range]) -> dict[int, AxisMap]:
    """The crop maps of the dimensions of which a part takes only some indices."""
    return {
        dim: crop_map(shape[dim], len(indices), indices.start, indices.step)
        for dim, indices in indices_of.items()
        if len(indices) != shape[dim]
    }


def link_into_base(new: Source, placement: Placement) -> Link:
    """The link from a view that was written to, to the base that contains it."""
    dims = {to: dim for dim, to in enumerate(placement.dims) if to is not None}
    maps = {
        to: uncrop_map(placement.shape[dim], placement.ranges[dim])
        for to, dim in dims.items()
        if not placement.covers(dim) and new.layout[to]
    }
    return link_by_dims(new, placement.shape, dims, maps)


def uncrop_map(n_out: int, taken: range) -> AxisMap:
    """The inverse of a crop: output ``taken[i]`` reads input i, and all other outputs nothing."""
    if taken == range(n_out):
        return identity_map(n_out)
    if len(taken) == 1 or taken.step == 1:
        return crop_map(len(taken), n_out, -taken.start)
    spec = Window(1, taken.step, (-taken.start, 0), transposed=True)
    return transposed_map(len(taken), n_out, spec)


Strip = dict[int, range]
"""A rectangle of the image: indices by tensor dimension; dimensions without an entry are whole."""


def untouched_strips(placement: Placement, layout: Layout) -> list[Strip] | None:
    """The rectangles of a base's image that a write to a view leaves unchanged.

    Args:
        placement: the placement of the view in the base.
        layout: the layout of the base.

    Returns:
        The rectangles; None if the write leaves some channels unchanged, so that the whole image
        of the base stays visible, or if there are more than `MAX_STRIPS` rectangles.
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
    """The indices from 0 to n - 1 that are not in ``taken``, as ranges."""
    last = taken[-1]
    between = [range(taken.start + i, last, taken.step) for i in range(1, taken.step)]
    return [rest for rest in (range(taken.start), *between, range(last + 1, n)) if len(rest)]


def link_with_restored_axes(
    new: Source, placement: Placement, base: Layout | None
) -> tuple[Shape, Link] | None:
    """Gives a written value the image axis of the base that its own shape lacks.

    In ``y[:, :, i] = row``, the value has no height, and dimension 2 of the base is the height.

    Args:
        new: the written value.
        placement: the placement of the written part in the base.
        base: the layout of the base; None for constants, whose dimensions from the third on may
            become image axes.

    Returns:
        The value's shape with that axis as a dimension of size 1, and the link to the value; None
        if no axis is missing.
    """
    rank = len(placement.shape)
    missing_axes = [
        axis for axis in (0, 1) if not any(p.axis == axis for ps in new.layout for p in ps)
    ]
    indexed_dims = [d for d in range(rank) if placement.dims[d] is None and placement.shape[d] > 1]
    if base is None:
        free_dims = [d for d in indexed_dims if d >= 2]
        restored_axes = dict(zip(reversed(free_dims), reversed(missing_axes), strict=False))
    else:
        single_part_axes = {d: base[d][0].axis for d in indexed_dims if len(base[d]) == 1}
        restored_axes = {d: axis for d, axis in single_part_axes.items() if axis in missing_axes}
    if not restored_axes:
        return None
    layout: list[tuple[Part, ...]] = []
    shape: list[int] = []
    for dim in range(rank):
        to = placement.dims[dim]
        axis = restored_axes.get(dim)
        layout.append(
            new.layout[to] if to is not None else (Part(1, axis, 1),) if axis is not None else ()
        )
        shape.append(new.shape[to] if to is not None else 1)
    maps = (identity_map(new.node.grid[0]), identity_map(new.node.grid[1]))
    return tuple(shape), Link(new.node, tuple(layout), maps)


def in_base_order(placement: Placement) -> Placement:
    """The same placement for a view whose dimensions are those of its base, in the same order."""
    rank = len(placement.shape)
    return placement._replace(dims=tuple(range(rank)), rank=rank)
