"""Receptive-field rules of the operations that move, cut, join and reshape dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import cast

import torch

from ..axes.axis_map import block_repeat_map, crop_map, identity_map
from ..axes.layout import Part, Shape, placed_parts, reshaped_layout
from .call import (
    Call,
    Link,
    Outcome,
    Source,
    Split,
    broadcast_dims,
    names_in,
    normalized_dims,
    same_dims,
)
from .indexing import indexed_link
from .links import link_by_dims, unfollowed_link, unknown_outcome
from .windows import Rule


def permute(call: Call) -> Outcome:
    """The receptive-field rule of permute, transpose, movedim, T, mT and their aliases.

    The new order is read off a probe tensor on the meta device.
    """
    source = call.sources[0]
    rank, name = len(source.shape), call.operation
    probe = torch.empty(tuple(range(2, rank + 2)), device="meta")  # a different size per dimension
    if name in ("T", "mT", "H", "mH", "t"):
        moved = probe.mT if name in ("mT", "mH") else probe.permute(*range(rank)[::-1])
    else:
        moved = getattr(probe, name)(*call.args[1:], **_without_key(call.kwargs, "input"))
    order = {size - 2: dim for dim, size in enumerate(moved.shape)}
    return Outcome("reshape", [link_by_dims(source, call.out, order)])


def _without_key(kwargs: object, name: str) -> dict[str, object]:
    """A copy of keyword arguments without one of them."""
    return {key: value for key, value in cast(dict[str, object], kwargs).items() if key != name}


def expand(call: Call) -> Outcome:
    """The receptive-field rule of expand, expand_as and broadcast_to.

    They repeat dimensions of size 1.
    """
    source = call.sources[0]
    return Outcome("pass", [link_by_dims(source, call.out, broadcast_dims(source.shape, call.out))])


def repeat(call: Call) -> Outcome:
    """The receptive-field rule of repeat and tile, which lay copies of the tensor side by side."""
    source = call.sources[0]
    dims = broadcast_dims(source.shape, call.out)
    maps = {
        dim: crop_map(source.shape[dim], call.out[target], 0, edge="circular")
        for dim, target in dims.items()
        if source.shape[dim] != call.out[target]
    }
    return Outcome("resample", [link_by_dims(source, call.out, dims, maps)])


def repeat_interleave(call: Call) -> Outcome:
    """The receptive-field rule of repeat_interleave(input, repeats, dim).

    It repeats every unit several times in a row.
    """
    source, times, dim = call.sources[0], call.get(1, "repeats"), call.get(2, "dim")
    if not isinstance(times, int) or not isinstance(dim, int):
        return unknown_outcome(call, "repeat_interleave in this form")
    dim %= len(source.shape)
    blocks = {dim: block_repeat_map(source.shape[dim], times)}
    return Outcome("resample", [link_by_dims(source, call.out, same_dims(source), blocks)])


def flip(call: Call) -> Outcome:
    """The receptive-field rule of flip(input, dims), fliplr and flipud."""
    source = call.sources[0]
    fixed = {"fliplr": 1, "flipud": 0}.get(call.operation)
    dims = [fixed] if fixed is not None else normalized_dims(call.get(1, "dims"), len(source.shape))
    if len(call.args) > 2:
        dims = normalized_dims(call.args[1:], len(source.shape))
    maps = {d: crop_map(n, n, n - 1, -1) for d, n in enumerate(source.shape) if d in dims}
    return Outcome("reshape", [link_by_dims(source, call.out, same_dims(source), maps)])


def split(call: Call) -> Outcome:
    """The receptive-field rule of chunk, split, tensor_split and unbind.

    The outcome is that of the whole tensor; each part gets a node of its own when it is first
    used (`split_part_outcome`).
    """
    source = call.sources[0]
    dim_position = 1 if call.operation == "unbind" else 2
    dim = cast(int, call.get(dim_position, "dim", 0)) % len(source.shape)
    link = link_by_dims(source, source.shape, same_dims(source))
    return Outcome("pass", [link], split=Split(call.operation, dim, source.shape))


def split_part_outcome(
    source: Source, out: Shape, part_index: int, part_sizes: Sequence[int]
) -> Outcome:
    """The outcome of one part of a tensor that was split.

    Args:
        source: the tensor that was split.
        out: the shape of the part.
        part_index: the number of the part.
        part_sizes: the lengths of all parts along the dimension that was cut; empty for unbind.
    """
    operation, dim, shape = source.node.split or Split("", 0, source.shape)
    items: list[object] = [slice(None)] * len(shape)
    start = sum(part_sizes[:part_index])
    items[dim] = (
        part_index if operation == "unbind" else slice(start, start + part_sizes[part_index])
    )
    return Outcome("crop", [indexed_link(Source(source.node, shape), out, items)])


def concatenate(call: Call) -> Outcome:
    """The receptive-field rule of cat and concat(tensors, dim).

    If they join along an image axis, each unit reads one of the tensors.
    """
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
                {dim: crop_map(source.shape[dim], call.out[dim], -start)}
                if dim in source.image_dims
                else {}
            )
            along = along or bool(maps)
            links.append(link_by_dims(source, call.out, same_dims(source), maps))
        start += tensor.shape[dim]
        parts.append((source.node if source else None, tensor.shape[dim]))
    joined = None if any(dim in source.image_dims for source in call.sources) else (parts, dim)
    return Outcome("merge", links, JOINED_NOTE if along else "", joined=joined)


JOINED_NOTE = "joined along an image axis: a unit sees one of the parts"
"""The note of a node that concatenates tensors along the height or the width."""


def stack(call: Call) -> Outcome:
    """The receptive-field rule of stack(tensors, dim).

    It joins the tensors along a new dimension.
    """
    dim = cast(int, call.get(1, "dim", 0)) % len(call.out)
    links = [
        link_by_dims(s, call.out, {d: d + (d >= dim) for d in range(len(s.shape))})
        for s in call.sources
    ]
    return Outcome("merge", links)


def reshape(call: Call) -> Outcome:
    """The receptive-field rule of view, reshape, flatten, squeeze and similar functions.

    The rule needs only the shapes of the input and the output.
    """
    return Outcome("reshape", [reshaped_link(call.sources[0], call.out)])


def reshaped_link(source: Source, out: Shape) -> Link:
    """The link of a row-major reshape, in which every unit still reads itself.

    Channels that are joined to the end of a whole axis become a part of it, as in a pixel
    shuffle: each unit becomes a row of units, all of which read it.
    """
    layout = reshaped_layout(source.layout, source.shape, out)
    if layout is None:
        return unfollowed_link(source)
    axes = [identity_map(n) for n in source.node.grid]
    for dim, parts in enumerate(layout):
        first, *trailing = parts or (Part(1),)
        whole_axis = first.axis is not None and len(placed_parts(layout, first.axis)) == 1
        if whole_axis and trailing and all(part.axis is None for part in trailing):
            n, repeats = first.size, prod(part.size for part in trailing)
            axes[cast(int, first.axis)] = block_repeat_map(n, repeats)
            joined = (Part(n * repeats, first.axis, 1),)
            layout = (*layout[:dim], joined, *layout[dim + 1 :])
    return Link(source.node, layout, (axes[0], axes[1]))


_PERMUTES = names_in("permute transpose movedim moveaxis swapaxes swapdims T mT H mH t adjoint")
_RESHAPES = names_in(
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
