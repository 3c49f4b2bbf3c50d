"""The rules of the operations that move, cut, join and regroup dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

import torch

from ..axes.axis_map import crop, identity, spread_blocks
from ..axes.layout import Part, Shape, places, regrouped
from .call import Call, Link, Outcome, Source, dims_of, right_aligned, same, words
from .indexing import sliced
from .links import by_dims, unfollowed, unknown
from .windows import Rule


def permute(call: Call) -> Outcome:
    """permute, transpose, movedim, T, mT and their aliases."""
    source = call.sources[0]
    rank, name = len(source.shape), call.operation
    probe = torch.empty(tuple(range(2, rank + 2)), device="meta")  # a different size per dimension
    if name in ("T", "mT", "H", "mH", "t"):
        moved = probe.mT if name in ("mT", "mH") else probe.permute(*range(rank)[::-1])
    else:
        moved = getattr(probe, name)(*call.args[1:], **_without(call.kwargs, "input"))
    order = {size - 2: dim for dim, size in enumerate(moved.shape)}
    return Outcome("reshape", [by_dims(source, call.out, order)])


def _without(kwargs: object, name: str) -> dict[str, object]:
    return {key: value for key, value in cast(dict[str, object], kwargs).items() if key != name}


def expand(call: Call) -> Outcome:
    """expand, expand_as, broadcast_to: a size of 1 is shared."""
    source = call.sources[0]
    return Outcome("pass", [by_dims(source, call.out, right_aligned(source.shape, call.out))])


def repeat(call: Call) -> Outcome:
    """repeat, tile: copies side by side."""
    source = call.sources[0]
    dims = right_aligned(source.shape, call.out)
    maps = {
        dim: crop(source.shape[dim], call.out[target], 0, edge="circular")
        for dim, target in dims.items()
        if source.shape[dim] != call.out[target]
    }
    return Outcome("resample", [by_dims(source, call.out, dims, maps)])


def repeat_interleave(call: Call) -> Outcome:
    """repeat_interleave(input, repeats, dim): every unit several times in a row."""
    source, times, dim = call.sources[0], call.get(1, "repeats"), call.get(2, "dim")
    if not isinstance(times, int) or not isinstance(dim, int):
        return unknown(call, "repeat_interleave in this form")
    dim %= len(source.shape)
    blocks = {dim: spread_blocks(source.shape[dim], times)}
    return Outcome("resample", [by_dims(source, call.out, same(source), blocks)])


def flip(call: Call) -> Outcome:
    """flip(input, dims), fliplr, flipud."""
    source = call.sources[0]
    fixed = {"fliplr": 1, "flipud": 0}.get(call.operation)
    dims = [fixed] if fixed is not None else dims_of(call.get(1, "dims"), len(source.shape))
    if len(call.args) > 2:
        dims = dims_of(call.args[1:], len(source.shape))
    maps = {d: crop(n, n, n - 1, -1) for d, n in enumerate(source.shape) if d in dims}
    return Outcome("reshape", [by_dims(source, call.out, same(source), maps)])


def split(call: Call) -> Outcome:
    """chunk, split, tensor_split, unbind: the parts are cut when they are used."""
    source = call.sources[0]
    place = 1 if call.operation == "unbind" else 2
    dim = cast(int, call.get(place, "dim", 0)) % len(source.shape)
    link = by_dims(source, source.shape, same(source))
    return Outcome("pass", [link], part=(call.operation, dim, source.shape))


def part_of(source: Source, out: Shape, index: int, sizes: Sequence[int]) -> Outcome:
    """Part ``index`` of a split tensor; ``sizes`` are those of all its parts."""
    how, dim, shape = source.node.part or ("", 0, source.shape)
    items: list[object] = [slice(None)] * len(shape)
    start = sum(sizes[:index])
    items[dim] = index if how == "unbind" else slice(start, start + sizes[index])
    return Outcome("crop", [sliced(Source(source.node, shape), out, items)])


def concatenate(call: Call) -> Outcome:
    """cat, concat(tensors, dim): a merge; along an image axis, each unit sees one part."""
    tensors = [
        t for t in cast(Sequence[object], call.get(0, "tensors")) if isinstance(t, torch.Tensor)
    ]
    rank = len(call.out)
    dim = cast(int, call.get(1, "dim", call.kwargs.get("axis", 0))) % rank
    links, parts, start, along = [], [], 0, False
    for tensor in tensors:
        source = call.source_of(tensor)
        if source is not None:
            maps = (
                {dim: crop(source.shape[dim], call.out[dim], -start)} if dim in source.held else {}
            )
            along = along or bool(maps)
            links.append(by_dims(source, call.out, same(source), maps))
        start += tensor.shape[dim]
        parts.append((source.node if source else None, tensor.shape[dim]))
    joined = None if any(dim in source.held for source in call.sources) else (parts, dim)
    return Outcome("merge", links, JOINED if along else "", joined=joined)


JOINED = "joined along an image axis: a unit sees one of the parts"


def stack(call: Call) -> Outcome:
    """stack(tensors, dim): a merge in a new dimension."""
    dim = cast(int, call.get(1, "dim", 0)) % len(call.out)
    links = [
        by_dims(s, call.out, {d: d + (d >= dim) for d in range(len(s.shape))}) for s in call.sources
    ]
    return Outcome("merge", links)


def reshape(call: Call) -> Outcome:
    """view, reshape, flatten, unflatten, squeeze, unsqueeze: told from the two shapes alone."""
    return Outcome("reshape", [regrouped_link(call.sources[0], call.out)])


def regrouped_link(source: Source, out: Shape) -> Link:
    """Row-major regrouping: every unit stays what it is, only the dimensions change.

    Channels that join a whole axis from behind become part of it, as in a pixel shuffle: each
    unit turns into a row of them.
    """
    layout = regrouped(source.layout, source.shape, out)
    if layout is None:
        return unfollowed(source)
    axes = [identity(n) for n in source.node.grid]
    for dim, parts in enumerate(layout):
        first, *rest = parts or (Part(1),)
        whole_axis = first.axis is not None and len(places(layout, first.axis)) == 1
        if whole_axis and rest and all(part.axis is None for part in rest):
            n, more = first.size, prod(part.size for part in rest)
            axes[cast(int, first.axis)] = spread_blocks(n, more)
            joined = (Part(n * more, first.axis, 1),)
            layout = (*layout[:dim], joined, *layout[dim + 1 :])
    return Link(source.node, layout, (axes[0], axes[1]))


_PERMUTES = words("permute transpose movedim moveaxis swapaxes swapdims T mT H mH t adjoint")
_RESHAPES = words(
    "atleast_1d atleast_2d atleast_3d unsafe_view view reshape flatten unflatten squeeze unsqueeze view_as reshape_as ravel"
)

SHAPE_RULES: dict[str, Rule] = {
    **dict.fromkeys(_PERMUTES, permute),
    **dict.fromkeys(_RESHAPES, reshape),
    **dict.fromkeys(("expand", "expand_as", "broadcast_to"), expand),
    **dict.fromkeys(("repeat", "tile"), repeat),
    "repeat_interleave": repeat_interleave,
    **dict.fromkeys(("flip", "fliplr", "flipud"), flip),
    **dict.fromkeys(("chunk", "split", "tensor_split", "unbind", "split_with_sizes"), split),
    **dict.fromkeys(("cat", "concat", "concatenate"), concatenate),
    "stack": stack,
}
