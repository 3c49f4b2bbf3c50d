"""Exact theoretical receptive fields of any network, computed from its graph of windows.

    fields = receptive_fields(resnet50(), (3, 224, 224))
    fields["layer4_2_conv3"].size  # (427, 427)

If there is one path from the image, unit u covers ``[u*S - P, u*S - P + R - 1]`` along an axis,
where R is the size, S the effective stride and P the effective padding. Its center is
``u*S - P + (R - 1)/2``.

From the command line, for one's own code:

    python -m core.receptive_field package.module:callable --input 3,224,224 [--json|--csv]

Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill (2019).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

from torch import nn

from ..errors import SpecError
from ..graph.axes.axis_map import Window, window_map
from ..graph.axes.units import checked_unit
from ..graph.graph import Graph, InputSize, Node, input_sizes, network_graph
from ..graph.named import NodeMapping
from ..graph.rules.call import names_in
from ..graph.rules.windows import RESIZED_NOTE
from .cone import (
    Box,
    Ends,
    ancestor_boxes,
    descendant_boxes,
    exact_pixel_box,
    has_units_reading_nothing,
    maps_of_merge,
    visible_pixels,
)
from .measured import MeasuredField, measure_receptive_field
from .notes import (
    AXIS_NAMES,
    Number,
    accumulated_caveats,
    first_bound_reason,
    note_text,
    plain_number,
    size_stride_padding_center,
)
from .reach import AxisField, Reach, field_through, merged_field, whole_image_field
from .textbook import Recurrence, recurrence

__all__ = [
    "Box",
    "Interval",
    "MeasuredField",
    "ReceptiveField",
    "Recurrence",
    "fields_of",
    "measure_receptive_field",
    "receptive_fields",
    "recurrence",
]

Numbers = tuple[Number, Number]
"""One number along each of (height, width)."""
SIZE_INCREASES = (1, 2, 3)
"""The pixels by which the input is enlarged to test whether the numbers depend on its size."""


class Interval(NamedTuple):
    """The receptive field of one unit.

    Attributes:
        unclipped: the box that the unit would read if the image and all maps were infinite, so it
            may extend beyond the image. None when the unit reads nothing, as the zeros between
            the windows of a transposed convolution with stride > kernel size.
        clipped: the box of the image's pixels that the unit depends on; None if there are none.
    """

    unclipped: Box | None
    clipped: Box | None


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of the units of one node. Pairs are (height, width).

    Attributes:
        name: the name of the node.
        module: the qualified name of the module in which it runs; "" for the network itself.
        operation, kind: those of the `core.graph.Node`.
        output_shape: the shape of its output without the batch.
        grid: the number of units along (height, width).
        size: pixels from the first to the last, not clipped to the image. It is the largest of
            all phases if it differs between phases, and of all units if strides differ.
        effective_stride: pixels between neighboring units. It is a mean if units are unevenly
            spaced or strides differ, and 0 if all units read the same pixels.
        effective_padding: the negative of the first pixel of unit (0, 0).
        center: the center of unit (0, 0); the centers of pixels are whole numbers.
        aligned: whether all paths from the image have the same stride and the same center.
        note: caveats about these numbers; "" for none.
        bound: the reason why the numbers are only upper bounds and the node that caused it, as in
            "custom_op has no rule (at custom_op_1)"; "" when they are exact.
        axes: the exact fields along height and width.
        network: the graph and the input that the field was computed from.
    """

    name: str
    module: str
    operation: str
    kind: str
    output_shape: tuple[int, ...]
    grid: tuple[int, int]
    size: Numbers
    effective_stride: Numbers
    effective_padding: Numbers
    center: Numbers
    aligned: bool
    note: str
    bound: str
    axes: tuple[AxisField, AxisField]
    network: _RootedGraph = field(repr=False, compare=False)

    @property
    def exact(self) -> bool:
        """Whether the numbers are exact and not only upper bounds."""
        return not self.bound

    def interval(self, unit: int | Sequence[int]) -> Interval:
        """The receptive field of a unit, given as (row, column), or as its index in 1-D.

        Raises:
            SpecError: there is no such unit.
        """
        row, col = self._unit(unit)
        spans = self.axes[0].span(row), self.axes[1].span(col)
        return Interval(_box_of_spans(*spans), self.network.clipped(self.name, (row, col)))

    def ancestors(self, unit: int | Sequence[int]) -> dict[str, Box]:
        """The box of the units that a unit depends on, for every earlier node and this one."""
        return ancestor_boxes(self.network.graph, self.name, self._unit(unit))

    def descendants(self, unit: int | Sequence[int]) -> dict[str, Box]:
        """The box of the units that depend on a unit, for every later node and this one."""
        return descendant_boxes(self.network.graph, self.name, self._unit(unit))

    def _unit(self, unit: int | Sequence[int]) -> tuple[int, int]:
        return checked_unit(self.grid, unit, self.name)

    def as_data(self) -> dict[str, Any]:
        """The field as plain values for JSON.

        ``paths`` describe the unclipped interval of every unit along each axis. On each path, unit
        u covers ``spans[u % period]`` moved by ``floor(u / period) * advance``; numbers in
        ``since`` replace the first or the last position. The field is the union over the paths.
        """
        plain = {name: getattr(self, name) for name in _DATA_FIELDS}
        return plain | {"paths": [[_path_data(path) for path in axis.paths] for axis in self.axes]}


_DATA_FIELDS = names_in(
    "name module operation kind output_shape grid size effective_stride effective_padding center "
    "aligned note bound"
)


def _path_data(path: Reach) -> dict[str, Any]:
    """The reach along one path as plain values; `ReceptiveField.as_data` explains them."""
    return {
        "period": path.period,
        "advance": path.advance,
        "spans": [span and list(span) for span in path.spans],
        "since": list(path.fixed_ends),
    }


def _span_of_unit(ends: Ends, unit: int) -> tuple[int, int] | None:
    """(first, last) pixel of one unit; None if it depends on no pixel."""
    first, last = int(ends.first[unit]), int(ends.last[unit])
    return (first, last) if first <= last else None


def _box_of_spans(rows: tuple[int, int] | None, cols: tuple[int, int] | None) -> Box | None:
    """The box of both spans; None if one of them is empty."""
    return Box(rows, cols) if rows and cols else None


class _RootedGraph:
    """A graph and one of its inputs, with the clipped fields of its nodes, computed on first use.

    Attributes:
        graph: the graph.
        source: the name of the input node.
        ends: returns the first and the last pixel of all units of every node, along an axis.
        has_blind_branches: returns whether the two axes cannot be followed separately.
    """

    def __init__(self, graph: Graph, source: str) -> None:
        self.graph = graph
        self.source = source
        self.ends = cache(self._ends)
        self.has_blind_branches = cache(self._has_blind_branches)

    def __reduce__(self) -> tuple[type[_RootedGraph], tuple[Graph, str]]:
        """Pickles the graph and the input's name only, as caches cannot be pickled."""
        return _RootedGraph, (self.graph, self.source)

    def clipped(self, name: str, unit: tuple[int, int]) -> Box | None:
        """The box of the pixels that a unit depends on; None if there are none."""
        if self.has_blind_branches():
            return exact_pixel_box(self.graph, name, unit, self.source)
        rows, cols = self.ends(0)[name], self.ends(1)[name]
        return _box_of_spans(_span_of_unit(rows, unit[0]), _span_of_unit(cols, unit[1]))

    def _ends(self, axis: int) -> Mapping[str, Ends]:
        return visible_pixels(self.graph, self.source, axis)

    def _has_blind_branches(self) -> bool:
        """Whether branches merge and, through one of them, some unit depends on no pixel."""
        if all(len(node.inputs) < 2 for node in self.graph.values()):
            return False
        if any(
            has_units_reading_nothing(maps)
            for node in self.graph.values()
            for maps in maps_of_merge(node)
        ):
            return True
        return any((e.first > e.last).any() for axis in (0, 1) for e in self.ends(axis).values())


def receptive_fields(
    module: nn.Module,
    input_size: InputSize,
    source: str | None = None,
    graph: Graph | None = None,
) -> NodeMapping[ReceptiveField]:
    """The receptive field of every node of a network that depends on its input.

    Args:
        module: any nn.Module whose forward does not depend on values; it is never called.
        input_size: (C, H, W), or (C, L) for sequences, which count as images of height 1; or one
            such tuple for each argument of forward.
        source: the argument in whose pixels the fields are expressed; by default the first.
        graph: the graph of this module and size from `core.graph.network_graph`, if available.

    Returns:
        The fields by node name, in the order in which the operations run, with the input first. A
        module's qualified name is also a key and means the last of its nodes:
        ``fields["layer4.2.conv3"]``, ``fields["layer4"]``.

    Raises:
        SpecError: the module cannot be followed (`measure_receptive_field` may still work), does
            not accept the size, or its fields grow beyond 2^40 pixels.
    """
    graph = graph or network_graph(module, input_size)
    groups = _fields_at_nearby_sizes(module, input_sizes(input_size), graph, source)
    notes = {name: text for name, group in groups.items() if (text := _size_dependence_note(group))}
    size_independent = {
        name for name, group in groups.items() if len(group) > 1 and name not in notes
    }
    return fields_of(_without_resizing_notes(graph, size_independent), source, notes)


def fields_of(
    graph: Graph, source: str | None = None, notes: Mapping[str, str] | None = None
) -> NodeMapping[ReceptiveField]:
    """The receptive field of every node of a graph that depends on its input.

    Args:
        graph: the network's graph.
        source: the argument of forward in whose pixels the fields are expressed; by default the
            first.
        notes: additional caveats by node name.

    Returns:
        The fields by node name; see `receptive_fields`.

    Raises:
        SpecError: there is no such input, or the fields grow beyond 2^40 pixels.
    """
    arguments = {graph[name].operation: name for name in graph.inputs}
    chosen = graph.inputs[0] if source is None else arguments.get(source, source)
    if chosen not in graph.inputs:
        raise SpecError("source", f"must be one of {', '.join(arguments)}", source)
    network = _RootedGraph(graph, chosen)
    axis_fields: dict[str, tuple[AxisField, AxisField]] = {}
    caveats: dict[str, tuple[str, ...]] = {}
    bounds: dict[str, str] = {}
    for name, node in graph.items():
        inputs = [i for i, parent in enumerate(node.inputs) if parent in axis_fields]
        if not inputs and name != chosen:
            continue
        axis_fields[name] = (
            _axis_field(node, 0, axis_fields, graph, chosen),
            _axis_field(node, 1, axis_fields, graph, chosen),
        )
        parents = [node.inputs[i] for i in inputs]
        caveats[name] = accumulated_caveats(node, parents, axis_fields, caveats)
        bounds[name] = first_bound_reason(node, parents, bounds)
    extra = notes or {}
    pixels = graph[chosen].grid
    fields: NodeMapping[ReceptiveField] = NodeMapping()
    for name, (rows, cols) in axis_fields.items():
        node = graph[name]
        whole_units = (
            _field_of_positions(node, 0, rows, pixels),
            _field_of_positions(node, 1, cols, pixels),
        )
        all_caveats = *caveats[name], extra.get(name, "")
        fields[name] = _receptive_field_of_node(
            node, whole_units, all_caveats, bounds[name], network
        )
    return fields


def _field_of_positions(
    node: Node, axis: int, field: AxisField, pixels: tuple[int, int]
) -> AxisField:
    """The field of whole positions along one axis, if each holds several units of the image."""
    channel_units, n = node.units_in_channels[axis], node.grid[axis]
    if channel_units == 1 or field.whole:
        return field
    if n == 1:
        return whole_image_field(pixels[axis], field.aligned)
    return field_through(
        field, window_map(n * channel_units, n, Window(channel_units, channel_units))
    )


def _axis_field(
    node: Node,
    axis: int,
    axis_fields: Mapping[str, tuple[AxisField, AxisField]],
    graph: Graph,
    source: str,
) -> AxisField:
    """The field of a node along one axis: the union of those from all of its inputs."""
    if node.name == source:
        return AxisField((Reach(),))
    pixels = graph[source].grid[axis]
    branches = []
    for parent, maps in zip(node.inputs, node.fine_maps or node.maps, strict=True):
        if parent in axis_fields:
            through = axis_fields[parent][axis]
            if maps[axis].whole:
                branches.append(whole_image_field(pixels, through.aligned))
            else:
                branches.append(field_through(through, maps[axis]))
    union = merged_field(branches)
    if node.kind == "merge" or len(branches) == 1:
        return union
    # Alignment matters only where inputs meet unit by unit, not where attention mixes them.
    return union._replace(aligned=all(branch.aligned for branch in branches), gap=Fraction(0))


def _receptive_field_of_node(
    node: Node,
    axes: tuple[AxisField, AxisField],
    caveats: Iterable[str],
    bound: str,
    network: _RootedGraph,
) -> ReceptiveField:
    """The receptive field of a node from its exact fields along both axes."""
    rows, cols = (
        size_stride_padding_center(axis, n) for axis, n in zip(axes, node.grid, strict=True)
    )
    pairs = [(plain_number(a), plain_number(b)) for a, b in zip(rows, cols, strict=True)]
    return ReceptiveField(
        node.name,
        node.module,
        node.operation,
        node.kind,
        node.shape[1:],
        node.grid,
        pairs[0],
        pairs[1],
        pairs[2],
        pairs[3],
        axes[0].aligned and axes[1].aligned,
        note_text(axes, caveats),
        bound,
        axes,
        network,
    )


def _without_resizing_notes(graph: Graph, size_independent: Collection[str]) -> Graph:
    """The graph without the note `RESIZED_NOTE` at the nodes ``size_independent``.

    At these nodes, tests with larger inputs have shown no dependence on the input size.
    """
    nodes = {
        name: replace(node, note="")
        if name in size_independent and node.note == RESIZED_NOTE
        else node
        for name, node in graph.items()
    }
    return replace(graph, nodes=nodes)


def _fields_at_nearby_sizes(
    module: nn.Module, sizes: Sequence[tuple[int, ...]], graph: Graph, source: str | None
) -> dict[str, list[ReceptiveField]]:
    """The fields of each node for the input and for inputs that are a few pixels larger.

    The result is empty if no padding, crop or output size can depend on the input's size.
    """
    if not any(_may_follow_input_size(node) for node in graph.values()):
        return {}
    groups: dict[str, list[ReceptiveField]] = {}
    for more in (0, *SIZE_INCREASES):
        grown = tuple((size[0], *(n + more for n in size[1:])) for size in sizes)
        try:
            fields = fields_of(network_graph(module, grown) if more else graph, source)
        except SpecError:
            continue
        for name, field_at_size in fields.items():
            groups.setdefault(name, []).append(field_at_size)
    return groups


def _may_follow_input_size(node: Node) -> bool:
    """Whether a node pads, crops or resizes, possibly by amounts that depend on the input size."""
    moved = any(not axis.is_identity for maps in node.maps for axis in maps)
    return node.note == RESIZED_NOTE or (moved and node.kind in ("pad", "crop", "resample"))


def _size_dependence_note(fields_at_sizes: Sequence[ReceptiveField]) -> str:
    """The caveat about a node whose numbers differ between input sizes; "" if they agree."""
    changes = []
    for axis, label in enumerate(AXIS_NAMES):
        if any(one.axes[axis].whole or not one.axes[axis].paths for one in fields_at_sizes):
            continue
        for name in ("size", "effective_stride", "effective_padding"):
            values = [getattr(one, name)[axis] for one in fields_at_sizes]
            if min(values) != max(values):
                text = name.replace("_", " ")
                changes.append(f"{label}'s {text} {min(values):g} to {max(values):g}")
    if not changes:
        return ""
    return (
        f"depends on the input size: {', '.join(changes)} over up to {SIZE_INCREASES[-1]} px more"
    )
