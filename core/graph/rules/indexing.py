"""Receptive-field rules of operations that select elements by index.

Examples are x[:, [0, 2]], index_select and topk. Indices in lists and in constant tensors are
followed exactly. Where indices are computed from the input, the output is assumed to read every
element along the indexed dimension.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch

from ..axes.axis_map import AxisMap, crop_map
from ..axes.layout import Shape
from ..axes.nesting import index_list_map
from .call import Call, Link, Outcome, Source, broadcast_dims, names_in, normalized_dims, same_dims
from .links import link_by_dims, unknown_outcome
from .windows import GLOBAL_NOTE, Rule

VALUE_INDEX_REASON = "indexing by values"
"""Why maps are only an upper bound: the indices are not constant."""


def getitem(call: Call) -> Outcome:
    """The receptive-field rule of x[…].

    The index may contain integers, slices, None, an ellipsis and constant lists.
    """
    source, index = call.sources[0], call.get(1, "index")
    items = list(index) if isinstance(index, tuple) else [index]
    if len(call.sources) > 1:
        return unknown_outcome(call, VALUE_INDEX_REASON)
    read = [_index_item(call, item) for item in items]
    used = sum(item is not None and item is not ... for item in items)
    at = next((i for i, item in enumerate(items) if item is ...), len(items))
    read[at : at + 1] = [slice(None)] * (len(source.shape) - used)
    lists = [i for i, item in enumerate(read) if isinstance(item, torch.Tensor)]
    if any(isinstance(item, str) for item in read) or not _keeps_dimension_order(read, lists):
        return unknown_outcome(call, VALUE_INDEX_REASON)
    link = indexed_link(source, call.out, read)
    return Outcome("crop", [link])


def _index_item(call: Call, item: object) -> object:
    """One item of an index in a normal form.

    Lists and constant tensors become tensors of indices, a constant scalar becomes an int, and
    ints, slices, None and the ellipsis stay as they are. Returns "" if the item is not constant.
    """
    if isinstance(item, list | tuple) and all(type(i) in (int, bool) for i in item):
        item = torch.tensor(item, device="cpu")
    if isinstance(item, torch.Tensor):
        values = call.constants.fixed_values(item)
        if values is None or values.is_floating_point():
            return ""
        if values.dtype == torch.bool:
            return values.nonzero().flatten() if values.ndim == 1 else ""
        return int(values) if values.ndim == 0 else values.cpu()
    plain = item is None or item is ... or type(item) in (int, slice)
    return item if plain else ""


def _keeps_dimension_order(items: Sequence[object], lists: Sequence[int]) -> bool:
    """Whether an index leaves the dimensions in order: it has one list at most, and then no int."""
    return not lists or (len(lists) == 1 and not any(type(item) is int for item in items))


def indexed_link(source: Source, out: Shape, items: Sequence[object]) -> Link:
    """The link of an indexing operation.

    Args:
        source: the tensor that is indexed.
        out: the shape of the result.
        items: an int, slice or index tensor for each dimension of the source, in order, and None
            for each new dimension.
    """
    dims: dict[int, int] = {}
    maps: dict[int, AxisMap] = {}
    dim = target = 0
    for item in items:
        if item is None:
            target += 1
            continue
        n = source.shape[dim]
        if isinstance(item, int):
            maps[dim] = crop_map(n, 1, item % n)
        elif isinstance(item, torch.Tensor):
            if dim in source.image_dims and item.ndim == 1:
                maps[dim] = index_list_map(n, [int(i) % n for i in item])
            if dim not in source.image_dims or item.ndim == 1:
                dims[dim] = target
            target += item.ndim
        elif isinstance(item, slice):
            start, _, stride = item.indices(n)
            dims[dim] = target
            if (start, stride) != (0, 1) or out[target] != n:
                maps[dim] = crop_map(n, out[target], start, stride)
            target += 1
        dim += 1
    return link_by_dims(source, out, dims, maps)


def narrow(call: Call) -> Outcome:
    """The receptive-field rule of narrow(input, dim, start, length) and select(input, dim, i)."""
    source = call.sources[0]
    dim, start = call.get(1, "dim"), call.get(2, "start" if call.operation == "narrow" else "index")
    if not isinstance(dim, int) or not isinstance(start, int):
        return unknown_outcome(call, f"{call.operation} by values")
    items: list[object] = [slice(None)] * len(source.shape)
    dim %= len(source.shape)
    start %= source.shape[dim]
    items[dim] = start
    if call.operation == "narrow":
        items[dim] = slice(start, start + call.out[dim])
    return Outcome("crop", [indexed_link(source, call.out, items)])


def index_select(call: Call) -> Outcome:
    """The receptive-field rule of index_select(input, dim, index)."""
    source, dim = call.source_of(call.get(0, "input")), cast(int, call.get(1, "dim"))
    index = _index_item(call, call.get(2, "index"))
    if source is None or len(call.sources) > 1 or not isinstance(index, torch.Tensor):
        return unknown_outcome(call, VALUE_INDEX_REASON)
    items: list[object] = [slice(None)] * len(source.shape)
    items[dim % len(items)] = index.reshape(-1)
    return Outcome("crop", [indexed_link(source, call.out, items)])


def gather(call: Call) -> Outcome:
    """The receptive-field rule of gather(input, dim, index) and take_along_dim(input, index, dim).

    An output may read any element along ``dim``; its other indices are those of the element.
    """
    along = call.operation == "take_along_dim"
    dim = call.get(2 if along else 1, "dim")
    if not isinstance(dim, int):
        return unknown_outcome(call, "over the flattened tensor")
    dim %= len(call.out)
    links = []
    source = call.source_of(call.get(0, "input"))
    if source is not None:
        dims = {d: d for d in range(len(call.out)) if d != dim}
        cut = {d: crop_map(source.shape[d], call.out[d], 0) for d in dims if source.shape[d] != 1}
        links.append(link_by_dims(source, call.out, dims, cut))
    index = call.source_of(call.get(1 if along else 2, "index" if not along else "indices"))
    if index is not None:
        links.append(link_by_dims(index, call.out, broadcast_dims(index.shape, call.out)))
    if source is not None and dim in source.image_dims:
        note = f"{call.operation} along an image axis"
        return Outcome(
            "unknown", links, f"{GLOBAL_NOTE}: {note}", f"{call.operation}: {VALUE_INDEX_REASON}"
        )
    return Outcome("merge" if len(links) > 1 else "pass", links)


def topk(call: Call) -> Outcome:
    """The receptive-field rule of topk, kthvalue and mode(input, …, dim).

    Each output along ``dim`` may stem from any input along it, and its order is not spatial.
    """
    source = call.sources[0]
    rank = len(source.shape)
    dim_position = 1 if call.operation == "mode" else 2
    (dim,) = normalized_dims(call.get(dim_position, "dim", -1), rank)
    others = [d for d in range(rank) if d != dim]
    dims = {d: d if len(call.out) == rank else i for i, d in enumerate(others)}
    link = link_by_dims(source, call.out, dims)
    over = any(axis.whole and axis.n_in > 1 for axis in link.maps)
    note = f"{GLOBAL_NOTE}: {call.operation} over space" if over else ""
    return Outcome("global" if over else "pass", [link], note)


def rot90(call: Call) -> Outcome:
    """The receptive-field rule of rot90(input, k, dims).

    It makes k quarter turns from the first to the second of the dimensions.
    """
    source = call.sources[0]
    turns = cast(int, call.get(1, "k", 1)) % 4
    first, second = normalized_dims(call.get(2, "dims", (0, 1)), len(source.shape))
    flipped = {0: (), 1: (second,), 2: (first, second), 3: (first,)}[turns]
    dims = same_dims(source)
    if turns % 2:
        dims |= {first: second, second: first}
    maps = {d: crop_map(source.shape[d], source.shape[d], source.shape[d] - 1, -1) for d in flipped}
    return Outcome("reshape", [link_by_dims(source, call.out, dims, maps)])


INDEX_RULES: dict[str, Rule] = {
    "getitem": getitem,
    **dict.fromkeys(("narrow", "select"), narrow),
    "index_select": index_select,
    **dict.fromkeys(("gather", "take_along_dim"), gather),
    **dict.fromkeys(names_in("topk kthvalue mode"), topk),
    "rot90": rot90,
}
