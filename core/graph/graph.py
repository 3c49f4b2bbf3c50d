"""A network as a graph of windows, which says what units of its inputs every node reads.

    graph = network_graph(module, (3, 224, 224))
    graph["layer1_0_conv1"].maps  # one (height, width) pair of AxisMap for each input

The shapes come from a run of a copy of the module on torch's meta device, so nothing is computed
and no trained weight is read. The module itself is never called. Node names are those of
`torch.fx`.
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
"""(C, H, W) or (C, L) without the batch, or one such tuple for each argument of forward."""

KINDS = (
    "input",  # an argument of forward
    "window",  # a window that gathers: convolution, pooling, unfold
    "transposed",  # a window that scatters, such as a transposed convolution
    "resample",  # interpolation, pixel shuffle, repeats
    "pad",  # padding, negative padding, roll
    "crop",  # slices along image axes
    "pass",  # every unit reads the same unit of one input
    "merge",  # every unit reads the same unit of several inputs
    "reshape",  # dimensions are moved, joined or cut
    "global",  # every unit reads everything along an image axis
    "unknown",  # there is no rule, and the maps are an upper bound
)
"""All values of `Node.kind`."""
MAX_SIDE = 1 << 20
"""The most channels of an input, and the most pixels along one of its axes."""


@dataclass(frozen=True)
class Node:
    """One operation of a network.

    A unit is one position (row, column) of the node's output with all its channels, even where a
    view has put neighboring pixels of the image among the channels.

    Attributes:
        name: the name that `torch.fx` would give it, such as ``"layer1_0_conv1"``.
        module: the qualified name of the module in which it runs; "" for the network itself.
        operation: torch's name of the function.
        kind: one of `KINDS`.
        inputs: the names of the nodes that it reads, in the order of the arguments.
        shape: the shape of its (first) output, including a batch axis of 1.
        dims: the tensor dimensions that run along the image's height and width; the outermost
            one if a view has cut an axis, None if no dimension runs along the axis, and twice the
            same dimension for tokens.
        grid: the number of units along (height, width); 1 if no dimension runs along the axis.
        maps: for each input, the maps along (height, width) from the input's units to its own.
        window: the settings of its window along (height, width); None if it has none.
        note: caveats about the numbers; "" for none.
        bound: the reason why the maps are only an upper bound; "" when they are exact.
        layout: where the image's axes lie in the tensor's dimensions, in full detail.
        fine_maps: like ``maps``, but with each pixel position among the channels as a unit of its
            own, in this node and in its inputs; None if there are none.
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
        """The number of units of ``fine_maps`` along each axis that lie in one unit of the node."""
        return units_in_channels(self.layout)


@dataclass(frozen=True)
class Graph(Mapping[str, Node]):
    """The nodes of a network by name, in the order in which they run.

    Attributes:
        nodes: the nodes by name.
        inputs: the names of the input nodes.
        outputs: the names of the nodes that forward returns.
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
        """The node of this name, or the last node of the module with this qualified name.

        Raises:
            NoLayerError: neither exists; the error is both a SpecError and a KeyError.
        """
        return find_node(self.nodes, name)

    def as_data(self) -> list[dict[str, Any]]:
        """The nodes as plain lists and numbers for JSON.

        Output u of a map reads ``taps[u % period] + floor(u / period) * advance``, where taps are
        stored as [first, count, step] and period is the number of taps. Outside [0, n_in) lies
        padding of the kind ``edge``. In a ``whole`` map, u reads everything instead, and in a
        ``causal`` map the units 0 to u.
        """
        return [_node_data(node) for node in self.nodes.values()]


def last_feature_map(graph: Graph, source: str) -> Node:
    """The last node that depends on ``source`` and has image axes.

    A node that has a single unit and reads the whole image does not count.
    """
    dependent, last = {source}, graph[source]
    everything: set[str] = set()
    for name, node in graph.items():
        if not dependent.intersection(node.inputs):
            continue
        dependent.add(name)
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
    """A map along one axis as plain values; `Graph.as_data` explains them."""
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
    """The graph of a network in eval mode for one input size.

    Args:
        module: any nn.Module; it is neither called nor changed.
        input_size: (C, H, W), or (C, L) for a network over sequences, which counts as an image of
            height 1; or one such tuple for each argument of forward.

    Raises:
        SpecError: the size does not fit the network, the network runs more than `MAX_NODES`
            operations, or its forward depends on values and not only on shapes.
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
    """The input size or sizes as a list of (C, H, W) or (C, L) tuples.

    Raises:
        SpecError: a size has the wrong length, or a number is not within 1 to `MAX_SIDE`.
    """
    if not isinstance(value, tuple | list) or not value:
        raise SpecError("input_size", "must be (C, H, W), such as (3, 224, 224)", short_text(value))
    sizes = list(value) if isinstance(value[0], tuple | list) else [value]
    for size in sizes:
        if not isinstance(size, tuple | list) or len(size) not in (2, 3):
            raise SpecError("input_size", _size_error_text(size), short_text(value))
        if any(whole_number("input_size", n, 1) > MAX_SIDE for n in size):
            raise SpecError("input_size", f"must be at most {MAX_SIDE} along each axis", value)
    return [tuple(size) for size in sizes]


def _size_error_text(size: object) -> str:
    """The text of the error about an input size of the wrong length, with a suggestion for four."""
    rule = "must be (C, H, W), or (C, L) for sequences"
    if isinstance(size, tuple | list) and len(size) == 4:
        rule += f"; leave the batch out: {short_text(tuple(size[1:]))}. Volumes are not followed"
    return rule


def _node_from_draft(draft: Draft) -> Node:
    """The finished node of a draft, in which the channels of a position are one unit."""
    channel_units = units_in_channels(draft.layout)
    source_channel_units = [units_in_channels(source.layout) for source in draft.inputs]
    plain = channel_units == (1, 1) and all(one == (1, 1) for one in source_channel_units)
    maps = draft.maps
    if not plain:
        pairs = zip(draft.maps, source_channel_units, strict=True)
        maps = tuple(
            (
                _map_between_positions(rows, channel_units[0], own[0]),
                _map_between_positions(cols, channel_units[1], own[1]),
            )
            for (rows, cols), own in pairs
        )
    is_flatten = draft.kind == "reshape" and any(
        a.whole and a.n_in > 1 for pair in maps for a in pair
    )
    return Node(
        draft.name,
        draft.module,
        draft.operation,
        "global" if is_flatten else draft.kind,
        tuple(source.name for source in draft.inputs),
        draft.shape,
        _position_dims(draft.layout, channel_units, draft.grid),
        (draft.grid[0] // channel_units[0], draft.grid[1] // channel_units[1]),
        maps,
        (window_of(maps, 0), window_of(maps, 1)),
        draft.note,
        draft.bound,
        draft.layout,
        None if plain else draft.maps,
    )


def _position_dims(layout: Layout, channel_units: Grid, grid: Grid) -> Dims:
    """The dimensions of both axes; None for an axis whose units all lie among the channels.

    Args:
        layout: the layout of the node.
        channel_units: the units of each axis in the channels of one position.
        grid: all units of each axis.
    """
    rows, cols = (
        dim if channel_units[axis] < max(2, grid[axis]) else None
        for axis, dim in enumerate(outer_dims(layout))
    )
    return rows, cols


def _map_between_positions(axis: AxisMap, out_units: int, in_units: int) -> AxisMap:
    """The map between whole positions, from the map between the units among their channels.

    Args:
        axis: the map between single units.
        out_units: the units in one position of the output.
        in_units: the units in one position of the input.
    """
    n = axis.n_out // out_units
    if out_units > 1:
        gather = (
            whole_map(axis.n_out, 1)
            if n == 1
            else window_map(axis.n_out, n, Window(out_units, out_units))
        )
        joined = composed_map(axis, gather)
        axis = replace(joined, window=axis.window)
    return (
        composed_map(block_repeat_map(axis.n_in // in_units, in_units), axis)
        if in_units > 1
        else axis
    )
