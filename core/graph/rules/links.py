"""Follows the image's two axes through a torch call.

A rule describes an operation in terms of tensor dimensions: which of them stay, which are summed
over, and what is read along them. `link_by_dims` turns this into the maps of the two image axes,
whatever dimensions these lie in. `fit_links` combines the links of all inputs of a call.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import reduce
from typing import NamedTuple

from ..axes.axis_map import AxisMap, causal_map, crop_map, identity_map, whole_map
from ..axes.layout import (
    Grid,
    Layout,
    Part,
    PlacedPart,
    Shape,
    layout_fits,
    merge_parts,
    placed_parts,
)
from ..axes.nesting import composed_map, nested_map
from .call import Call, Link, Maps, Outcome, Source, same_dims


def unfollowed_link(source: Source) -> Link:
    """The link with the trivial upper bound, in which every output reads the whole input."""
    return _as_unfollowed(Link(source.node, (), (identity_map(1), identity_map(1))))


def _as_unfollowed(link: Link) -> Link:
    """The link to the same input with the trivial upper bound."""
    return Link(link.source, (), _reduction_maps(link.source.grid), unfollowed=True)


def _reduction_maps(grid: Grid) -> Maps:
    """The maps along both axes of a single output that reads all units of a grid."""
    rows, cols = (_reduction_map(n) for n in grid)
    return rows, cols


def _reduction_map(n: int) -> AxisMap:
    """The map of a single output that reads all n units of an axis."""
    return whole_map(n, 1) if n > 1 else identity_map(1)


def link_by_dims(
    source: Source,
    out: Shape,
    dims: Mapping[int, int],
    maps: Mapping[int, AxisMap] | None = None,
    mixed: Collection[int] = (),
) -> Link:
    """The link of an operation that is described in terms of tensor dimensions.

    Args:
        source: the input.
        out: the shape of the output.
        dims: the output dimension of each input dimension; input dimensions that are missing
            here are summed over.
        maps: the map along an input dimension, where an output does not read just the same index.
        mixed: the input dimensions along which every output reads every input.
    """
    along: dict[tuple[int, int], AxisMap] = {}
    for dim, parts in enumerate(source.layout):
        if not parts:
            continue
        part_maps = _maps_of_parts(
            parts, source.shape[dim], dims.get(dim), out, (maps or {}).get(dim), dim in mixed
        )
        if part_maps is None:
            return unfollowed_link(source)
        along.update({(dim, index): axis for index, axis in enumerate(part_maps)})
    layout, axes = _output_layout_and_maps(source, len(out), dims, along)
    return Link(source.node, layout, axes)


def _maps_of_parts(
    parts: Sequence[Part],
    dim_length: int,
    out_dim: int | None,
    out: Shape,
    axis_map: AxisMap | None,
    mixed: bool,
) -> list[AxisMap] | None:
    """The map of each part of one input dimension.

    Args:
        parts: the parts of the dimension.
        dim_length: the length of the dimension.
        out_dim: the output dimension; None if the dimension is summed over.
        out: the shape of the output.
        axis_map: the map along the dimension, if the rule has specified one.
        mixed: whether every output reads every input along the dimension.

    Returns:
        The maps; None if a map along the dimension cannot be expressed part by part.
    """
    sizes = [part.size for part in parts]
    if out_dim is None:
        cut = split_map_by_parts(axis_map, sizes) if axis_map else None
        return cut or [_reduction_map(size) for size in sizes]
    out_length = out[out_dim]
    if mixed:
        if len(parts) == 1:
            return [
                whole_map(dim_length, out_length)
                if max(dim_length, out_length) > 1
                else identity_map(1)
            ]
        return [_mixed_part_map(part) for part in parts] if dim_length == out_length else None
    if axis_map:
        return split_map_by_parts(axis_map, sizes)
    if dim_length == out_length:
        return [identity_map(size) for size in sizes]
    return [identity_map(1).broadcast(out_length)] if dim_length == 1 else None


def _mixed_part_map(part: Part) -> AxisMap:
    """The map of a part whose dimension is mixed: whole for an image part, identity for channels.

    Channels hold no units, so mixing them changes no map.
    """
    return whole_map(part.size, part.size) if part.axis is not None else identity_map(part.size)


def split_map_by_parts(axis: AxisMap, sizes: Sequence[int]) -> list[AxisMap] | None:
    """Splits a map along a dimension that consists of several parts into one map for each part.

    This is possible for a single index, for a flip, and for shifts and crops by multiples of the
    other parts' total length; the result for a running sum is an upper bound.

    Args:
        axis: the map along the whole dimension.
        sizes: the lengths of the parts, outermost first.

    Returns:
        One map for each part; None if the map cannot be split.
    """
    if len(sizes) == 1:
        return [axis]
    inner = reduce(lambda a, b: a * b, sizes[1:], 1)
    start = axis.taps[0].start
    if axis.is_identity:
        return [identity_map(size) for size in sizes]
    if axis.causal:  # row-major order: an output reads all columns of the rows before its own
        return [
            replace(causal_map(sizes[0]), is_upper_bound=True),
            *(whole_map(size, size) for size in sizes[1:]),
        ]
    if axis.period > 1 or len(axis.taps[0]) != 1 or axis.whole:
        return None
    if axis.n_out == 1 and 0 <= start < axis.n_in:
        rest = split_map_by_parts(crop_map(inner, 1, start % inner), sizes[1:])
        return [crop_map(sizes[0], 1, start // inner), *rest] if rest else None
    if (axis.advance, start, axis.n_out) == (-1, axis.n_in - 1, axis.n_in):
        return [crop_map(size, size, size - 1, -1) for size in sizes]
    blocks = axis.advance == 1 and not start % inner and not axis.n_out % inner
    if blocks and axis.edge in ("zero", "circular"):
        outer = crop_map(sizes[0], axis.n_out // inner, start // inner, edge=axis.edge)
        return [outer, *(identity_map(size) for size in sizes[1:])]
    return None


def _output_layout_and_maps(
    source: Source, rank: int, dims: Mapping[int, int], along: Mapping[tuple[int, int], AxisMap]
) -> tuple[Layout, Maps]:
    """The layout of the output and the maps of both image axes.

    Args:
        source: the input.
        rank: number of dimensions of the output.
        dims: the output dimension of each input dimension that is not summed over.
        along: the map of each part, by (dimension, index of the part).
    """
    new: dict[tuple[int, int], Part] = {}
    axes = []
    for axis in (0, 1):
        order = placed_parts(source.layout, axis)
        part_maps = [along[placed.dim, placed.position] for placed in order]
        axes.append(
            reduce(nested_map, part_maps) if part_maps else identity_map(source.node.grid[axis])
        )
        new.update(_remaining_parts(axis, order, part_maps, dims))
    layout: list[tuple[Part, ...]] = [()] * rank
    for dim, parts in enumerate(source.layout):
        if parts and dim in dims:
            remaining = [
                new.get((dim, i)) or Part(along[dim, i].n_out)
                for i, part in enumerate(parts)
                if part.axis is None or (dim, i) in new
            ]
            layout[dims[dim]] = merge_parts(
                [part for part in remaining if part.axis is not None or part.size > 1]
            )
    return tuple(layout), (axes[0], axes[1])


def _remaining_parts(
    axis: int,
    axis_parts: Sequence[PlacedPart],
    part_maps: Sequence[AxisMap],
    dims: Mapping[int, int],
) -> dict[tuple[int, int], Part]:
    """The parts of an image axis in the output, by (input dimension, index of the part).

    Parts of a single unit are dropped, unless the whole axis has a single unit.
    """
    staying = [
        (placed, one.n_out)
        for placed, one in zip(axis_parts, part_maps, strict=True)
        if placed.dim in dims
    ]
    several = [pair for pair in staying if pair[1] > 1]
    new, stride = {}, 1
    for placed, size in reversed(several or staying[:1]):
        new[placed.dim, placed.position] = Part(size, axis, stride)
        stride *= size
    return new


class FittedLinks(NamedTuple):
    """The links of all inputs of a call, combined into one layout of the output.

    Attributes:
        layout: the layout of the output.
        grid: units of the output along (height, width).
        maps: the maps along (height, width) for each input.
        unfollowed: whether the axes of no input could be followed, so that every output unit is
            taken to read everything.
        is_upper_bound: whether some map is only an upper bound.
    """

    layout: Layout
    grid: Grid
    maps: tuple[Maps, ...]
    unfollowed: bool = False
    is_upper_bound: bool = False


def fit_links(links: Sequence[Link], out: Shape) -> FittedLinks:
    """Combines the links of all inputs into one layout of the output.

    Each image axis lies where the first of the inputs with the most units has it. An axis that
    another input has in a different dimension is read as a whole by all units. This is exact in
    an outer product, and an upper bound if that dimension holds something else.

    Args:
        links: one link for each input.
        out: the shape of the output.
    """
    links = [
        link if link.unfollowed or layout_fits(link.layout, out) else _as_unfollowed(link)
        for link in links
    ]
    followed = [link for link in links if not link.unfollowed]
    if not followed:
        maps = tuple(_reduction_maps(link.source.grid) for link in links)
        unfollowed = any(max(link.source.grid) > 1 for link in links)
        return FittedLinks(((),) * len(out), (1, 1), maps, unfollowed)
    layout = _common_layout(followed)
    if not layout_fits(layout, out):
        layout = followed[0].layout
    orders = [placed_parts(layout, axis) for axis in (0, 1)]
    grid = (_unit_count(orders[0]), _unit_count(orders[1]))
    is_upper_bound = False
    fitted: list[Maps] = []
    for link in links:
        ends = [_map_in_common_layout(link, axis, orders[axis], layout) for axis in (0, 1)]
        is_upper_bound = is_upper_bound or ends[0][1] or ends[1][1]
        fitted.append((ends[0][0], ends[1][0]))
    return FittedLinks(layout, grid, tuple(fitted), False, is_upper_bound)


def _unit_count(axis_parts: Sequence[PlacedPart]) -> int:
    """The number of units of an axis with these parts."""
    return reduce(lambda n, placed: n * placed.part.size, axis_parts, 1)


def _common_layout(links: Sequence[Link]) -> Layout:
    """The layout in which each axis lies as in the link that has most units along it."""
    first = links[0].layout
    if len(links) == 1 or all(link.layout == first for link in links[1:]):
        return first
    chosen = [
        max((link.layout for link in links), key=lambda x: _unit_count(placed_parts(x, a)))
        for a in (0, 1)
    ]
    both = max(
        chosen, key=lambda x: _unit_count(placed_parts(x, 0)) * _unit_count(placed_parts(x, 1))
    )
    for axis in (0, 1):
        if _unit_count(placed_parts(both, axis)) == _unit_count(placed_parts(chosen[axis], axis)):
            chosen[axis] = both
    rows, cols = chosen
    if rows is cols:
        return rows
    row_dims = {placed.dim for placed in placed_parts(rows, 0)}
    if row_dims & {placed.dim for placed in placed_parts(cols, 1)}:
        return tuple(merge_parts([p for p in parts if p.axis != 1]) for parts in rows)
    return tuple(
        rows[dim] if dim in row_dims else tuple(p for p in cols[dim] if p.axis != 0)
        for dim in range(len(rows))
    )


def _map_in_common_layout(
    link: Link, axis: int, common_parts: Sequence[PlacedPart], common_layout: Layout
) -> tuple[AxisMap, bool]:
    """The map of a link along one axis for the units of the output's common layout.

    Args:
        link: the link of one input.
        axis: 0 for the height, 1 for the width.
        common_parts: the parts of this axis in the common layout, outermost first.
        common_layout: the common layout.

    Returns:
        The map, and whether it is only an upper bound.
    """
    own_map, n = link.maps[axis], _unit_count(common_parts)
    own = [] if link.unfollowed else placed_parts(link.layout, axis)
    if own_map.n_out == 1 or link.unfollowed:
        return (
            own_map if own_map.n_out == n else own_map.broadcast(n)
        ), own_map.is_upper_bound or link.unfollowed
    if [(p.dim, p.part) for p in own] == [(p.dim, p.part) for p in common_parts]:
        return own_map, own_map.is_upper_bound
    common_maps, missing, is_upper_bound = _match_parts(own, common_parts, common_layout)
    if common_maps is None:
        return whole_map(own_map.n_in, n), True
    reduction = reduce(
        nested_map,
        [
            _reduction_map(p.part.size) if i in missing else identity_map(p.part.size)
            for i, p in enumerate(own)
        ],
    )
    broadcast = reduce(nested_map, common_maps) if common_maps else identity_map(1)
    fitted = composed_map(composed_map(own_map, reduction), broadcast)
    return fitted, fitted.is_upper_bound or is_upper_bound


def _match_parts(
    link_parts: Sequence[PlacedPart], common_parts: Sequence[PlacedPart], common_layout: Layout
) -> tuple[list[AxisMap] | None, set[int], bool]:
    """Matches the parts of an axis in one link with those in the common layout.

    Args:
        link_parts: the parts of the axis in the link, outermost first.
        common_parts: the parts of the axis in the common layout, outermost first.
        common_layout: the common layout.

    Returns:
        - The map along each part of the common layout: the identity if the link has this part, a
          broadcast of one unit otherwise. None if the two orders contradict each other.
        - The indices of the link's parts that the common layout lacks; all outputs read these.
        - Whether that is only an upper bound.
    """
    unmatched = list(enumerate(link_parts))
    common_maps: list[AxisMap] = []
    for placed in common_parts:
        match = next(
            (i for i, p in unmatched if p.dim == placed.dim and p.part.size == placed.part.size),
            None,
        )
        common_maps.append(
            identity_map(placed.part.size)
            if match is not None
            else identity_map(1).broadcast(placed.part.size)
        )
        if match is not None:
            if any(i < match and _has_equal_part(p, common_parts) for i, p in unmatched):
                return None, set(), True
            unmatched = [pair for pair in unmatched if pair[0] != match]
    missing = {i for i, _ in unmatched}
    return common_maps, missing, any(common_layout[p.dim] for _, p in unmatched)


def _has_equal_part(placed: PlacedPart, parts: Sequence[PlacedPart]) -> bool:
    """Whether a part of the same size lies in the same dimension in ``parts``."""
    return any(placed.dim == o.dim and placed.part.size == o.part.size for o in parts)


def unknown_outcome(call: Call, reason: str = "") -> Outcome:
    """The outcome of an operation without a rule: an upper bound in which all read everything.

    The image axes stay in their dimensions if the output has as many dimensions as the input, so
    that later operations still have units along them.

    Args:
        call: the call.
        reason: the reason for the bound, for the note; by default that there is no rule.
    """
    links = [
        link_by_dims(s, call.out, same_dims(s), mixed=[d for d in s.image_dims if s.shape[d] > 1])
        if len(s.shape) == len(call.out)
        else unfollowed_link(s)
        for s in call.sources
    ]
    return unknown_outcome_of_links(call, links, reason)


def unknown_outcome_of_links(call: Call, links: Sequence[Link], reason: str = "") -> Outcome:
    """The outcome of an operation for which ``links`` are only an upper bound.

    Its note names the axes along which everything is read.
    """
    rows, cols = (any(link.maps[axis].whole for link in links) for axis in (0, 1))
    part = "image" if rows and cols else "height" if rows else "width"
    taken_as = f": taken as the whole {part}" if rows or cols else ""
    return Outcome(
        "unknown",
        links,
        f"unknown operation {call.operation} ({reason or 'no rule for it'}){taken_as}",
        f"{call.operation}: {reason}" if reason else f"{call.operation} has no rule",
    )
