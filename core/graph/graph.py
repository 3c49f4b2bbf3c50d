"""A network as a graph of windows: which units of its inputs every node reads.

    graph = network_graph(module, (3, 224, 224))
    graph["layer1_0_conv1"].maps  # per input: (height, width) AxisMap

Shapes come from running the module on torch's meta device, names from `torch.fx`.
Nothing is computed, no weight is read, the module itself is never called.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from ..errors import SpecError
from ..errors import whole as whole_number
from .axes.axis_map import AxisMap, Window, block_repeat_map, whole_map, window_map
from .axes.layout import Dims, Grid, Layout, Shape, outer_dims, units_in_channels
from .axes.nesting import composed_map
from .named import find_node
from .recorder import Recorder
from .rules.call import Draft, Maps, window_of
from .tracing.meta_copy import floating_dtype, input_names, meta_copy, short_text
from .tracing.trace import run_on_meta

InputSize = tuple[int, ...] | tuple[tuple[int, ...], ...]

KINDS = (
    "input",  # an argument of forward
    "window",  # a window that gathers: convolution, pooling, unfold
    "transposed",  # a window that scatters
    "resample",  # interpolation, pixel shuffle, repeats
    "pad",  # padding, negative padding, roll
    "crop",  # slices of axes
    "pass",  # each unit reads its own
    "merge",  # several inputs, unit by unit
    "reshape",  # dimensions moved, joined or cut
    "global",  # every unit reads everything along an image axis
    "unknown",  # no rule: an upper bound is given
)
MAX_SIDE = 1 << 20
"""Longest input axis."""


@dataclass(frozen=True)
class Node:
    """One operation.

    Attributes:
        name: as `torch.fx` names it, e.g. ``"layer1_0_conv1"``.
        module: the qualified name of the module it runs in; "" at the top.
        operation: torch's name of the function.
        kind: one of `KINDS`.
        inputs: names of the nodes it reads, in the order of the arguments.
        shape: of its (first) output, batch of 1 included.
        dims: which of its dimensions run along the image's height and width, the outermost
            where a view has cut an axis; None once an axis is gone, both the same for tokens.
        grid: units along (height, width); 1 where an axis is gone. All channels of one
            position are one unit, also where views have put places of the image among them.
        maps: per input, the (height, width) maps from its units to the input's.
        window: kernel size, stride, padding, dilation along (height, width), if any.
        note: caveats about the numbers; "" for none.
        bound: why the maps are only an upper bound; "" when they are exact.
        layout: where the image's axes lie in its dimensions, all of it.
        fine_maps: as ``maps``, with the places among the channels told apart, here and in the
            inputs; None where there are none.
    """

    name: str
    module: str
    operation: str
    kind: str
    inputs: tuple[str, ...]
    shape: Shape
    dims: Dims
    grid: tuple[int, int]
    maps: tuple[Maps, ...]
    window: tuple[Window | None, Window | None]
    note: str
    bound: str = ""
    layout: Layout = ()
    fine_maps: tuple[Maps, ...] | None = None

    @property
    def units_in_channels(self) -> tuple[int, int]:
        """Places of the image along each axis that are told apart in one unit of ``fine``."""
        return units_in_channels(self.layout)


@dataclass(frozen=True)
class Graph(Mapping[str, Node]):
    """The nodes in the order they ran, by name.

    Attributes:
        nodes: name → node.
        inputs: names of the input nodes.
        outputs: names of the nodes that forward returns.
    """

    nodes: Mapping[str, Node]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def find(self, name: str) -> Node:
        """A node by its name, or the last one of a module by its qualified name.

        Raises:
            NoLayerError: neither; a SpecError and a KeyError, which says what is near.
        """
        return find_node(self.nodes, name)

    def as_data(self) -> list[dict[str, Any]]:
        """Plain lists and numbers for JSON: what a browser needs to follow units.

        A map's output u reads ``taps[u % period] + floor(u / period) * advance``, taps
        given as [first, count, step]; outside [0, n_in) stands ``edge``. A ``whole`` map reads
        everything instead, a ``causal`` one 0 to u.
        """
        return [_node_data(node) for node in self.nodes.values()]


def last_feature_map(graph: Graph, source: str) -> Node:
    """The last node with image axes, unless it is one unit that sees the whole image."""
    seen, last = {source}, graph[source]
    everything: set[str] = set()
    for name, node in graph.items():
        if not seen.intersection(node.inputs):
            continue
        seen.add(name)
        if everything.intersection(node.inputs) or any(a.whole for m in node.maps for a in m):
            everything.add(name)
        if node.dims != (None, None) and (node.grid != (1, 1) or name not in everything):
            last = node
    return last


def _node_data(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "module": node.module,
        "operation": node.operation,
        "kind": node.kind,
        "inputs": list(node.inputs),
        "shape": list(node.shape),
        "grid": list(node.grid),
        "maps": [[map_data(axis) for axis in maps] for maps in node.maps],
        "note": node.note,
        "bound": node.bound,
    }


def map_data(axis: AxisMap) -> dict[str, Any]:
    """One axis of a map, as `Graph.as_data` explains it."""
    return {
        "n_in": axis.n_in,
        "n_out": axis.n_out,
        "advance": axis.advance,
        "taps": [[taps.start, len(taps), taps.step] for taps in axis.taps],
        "edge": axis.edge,
        "whole": axis.whole,
        "causal": axis.causal,
    }


def network_graph(module: nn.Module, input_size: InputSize) -> Graph:
    """The graph of ``module`` on one input of ``input_size``, without the batch.

    Args:
        module: any nn.Module; it is read, never called or changed. The graph is that of
            eval mode.
        input_size: (C, H, W), or (C, L) for a network over sequences, which is treated
            as an image of height 1; or one such tuple for each argument of forward.

    Raises:
        SpecError: a size that does not fit the network, more than `MAX_NODES`
            operations, or a forward that decides by values.
    """
    sizes = input_sizes(input_size)
    bare = meta_copy(module)
    names = input_names(bare, sizes)
    recorder = Recorder()
    dtype = floating_dtype(bare)
    tensors = [torch.empty(1, *size, device="meta", dtype=dtype) for size in sizes]
    for name, tensor in zip(names, tensors, strict=True):
        recorder.add_input(name, tensor)
    out = run_on_meta(bare, tensors, recorder)
    outputs = dict.fromkeys(draft.name for draft in recorder.output_drafts(out))
    if not outputs:
        rule = "returns no tensor that depends on its input; its forward must return one"
        raise SpecError("module", rule, short_text(type(out).__name__))
    nodes = {draft.name: _node_from_draft(draft) for draft in recorder.drafts}
    inputs = tuple(draft.name for draft in recorder.drafts if draft.kind == "input")
    return Graph(nodes, inputs, tuple(outputs))


def input_sizes(value: object) -> list[tuple[int, ...]]:
    """One size or several as a list of checked (C, H, W) or (C, L)."""
    if not isinstance(value, tuple | list) or not value:
        raise SpecError("input_size", "must be (C, H, W), such as (3, 224, 224)", short_text(value))
    sizes = list(value) if isinstance(value[0], tuple | list) else [value]
    for size in sizes:
        if not isinstance(size, tuple | list) or len(size) not in (2, 3):
            raise SpecError("input_size", _size_rule(size), short_text(value))
        if any(whole_number("input_size", n, 1) > MAX_SIDE for n in size):
            raise SpecError("input_size", f"must be at most {MAX_SIDE} along each axis", value)
    return [tuple(size) for size in sizes]


def _size_rule(size: object) -> str:
    """The rule for an input size, with a suggestion where four numbers are given."""
    rule = "must be (C, H, W), or (C, L) for sequences"
    if isinstance(size, tuple | list) and len(size) == 4:
        rule += f"; leave the batch out: {short_text(tuple(size[1:]))}. Volumes are not followed"
    return rule


def _node_from_draft(draft: Draft) -> Node:
    wide = units_in_channels(draft.layout)
    each = [units_in_channels(source.layout) for source in draft.inputs]
    plain = wide == (1, 1) and all(one == (1, 1) for one in each)
    maps = draft.maps
    if not plain:
        pairs = zip(draft.maps, each, strict=True)
        maps = tuple(
            (
                _map_between_positions(rows, wide[0], own[0]),
                _map_between_positions(cols, wide[1], own[1]),
            )
            for (rows, cols), own in pairs
        )
    flat = draft.kind == "reshape" and any(a.whole and a.n_in > 1 for pair in maps for a in pair)
    return Node(
        draft.name,
        draft.module,
        draft.operation,
        "global" if flat else draft.kind,
        tuple(source.name for source in draft.inputs),
        draft.shape,
        _position_dims(draft.layout, wide, draft.grid),
        (draft.grid[0] // wide[0], draft.grid[1] // wide[1]),
        maps,
        (window_of(maps, 0), window_of(maps, 1)),
        draft.note,
        draft.bound,
        draft.layout,
        None if plain else draft.maps,
    )


def _position_dims(layout: Layout, wide: Grid, grid: Grid) -> Dims:
    rows, cols = (
        dim if wide[axis] < max(2, grid[axis]) else None
        for axis, dim in enumerate(outer_dims(layout))
    )
    return rows, cols


def _map_between_positions(axis: AxisMap, own: int, its: int) -> AxisMap:
    """A map between units that hold ``own`` and ``its`` places each, from that of the places."""
    n = axis.n_out // own
    if own > 1:
        gather = whole_map(axis.n_out, 1) if n == 1 else window_map(axis.n_out, n, Window(own, own))
        joined = composed_map(axis, gather)
        axis = replace(joined, window=axis.window)
    return composed_map(block_repeat_map(axis.n_in // its, its), axis) if its > 1 else axis
