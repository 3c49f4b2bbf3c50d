"""Theoretical receptive fields of any network, exact, over its graph of windows.

    fields = receptive_fields(resnet50(), (3, 224, 224))
    fields["layer4_2_conv3"].size  # (427, 427)

For a unit u of an axis with one path: it covers ``[u*S - P, u*S - P + R - 1]`` with size
R, effective stride S and effective padding P; its center is ``u*S - P + (R - 1)/2``.

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
from ..graph.named import ByName
from ..graph.rules.call import names_in
from ..graph.rules.windows import RESIZED
from .cone import Box, Ends, after, before, exact_box, is_blind, merged_maps, visible
from .measured import MeasuredField, measure_receptive_field
from .notes import AXES, Number, facts, first_bound, measures, note, number
from .reach import Field, Reach, merge, step, whole_image
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
NEARBY = (1, 2, 3)
"""Pixels by which the input is enlarged to test whether the numbers depend on its size."""


class Interval(NamedTuple):
    """The receptive field of one unit.

    Attributes:
        unclipped: the box of its windows, as if maps and image went on for ever, so it
            may reach outside the image; None when the unit reads nothing (the zeros that
            a transposed convolution with stride > kernel leaves).
        clipped: the box of the pixels that do reach it; None when none does.
    """

    unclipped: Box | None
    clipped: Box | None


@dataclass(frozen=True)
class ReceptiveField:
    """The receptive field of one node's units. Pairs are (height, width).

    Attributes:
        name: of the graph's node.
        module: qualified name of the module it runs in; "" at the top.
        operation, kind: as `core.graph.Node` has them.
        output_shape: without the batch.
        grid: units along (height, width).
        size: pixels from the first to the last, unclipped. The largest over the phases
            where it depends on the output phase, over all units where strides differ.
        effective_stride: pixels between neighboring units; a fraction where the phases
            repeat; the mean where strides differ; 0 where all units see the same.
        effective_padding: unit (0, 0) starts at its negative.
        center: of unit (0, 0); pixel centers are whole numbers.
        aligned: whether all paths from the image have the same stride and the same center.
        note: caveats about these numbers; "" for none.
        bound: why the numbers are only upper bounds, and at which node they became so, as in
            "custom_op has no rule (at custom_op_1)"; "" when they are exact.
        axes: the exact fields along height and width.
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
    axes: tuple[Field, Field]
    network: _RootedGraph = field(repr=False, compare=False)

    @property
    def exact(self) -> bool:
        """Whether the numbers are exact, not only upper bounds."""
        return not self.bound

    def interval(self, unit: int | Sequence[int]) -> Interval:
        """The unclipped and the clipped box of unit (row, column), or of unit i in 1-D.

        Raises:
            SpecError: no such unit.
        """
        row, col = self._unit(unit)
        spans = self.axes[0].span(row), self.axes[1].span(col)
        return Interval(_box(*spans), self.network.clipped(self.name, (row, col)))

    def ancestors(self, unit: int | Sequence[int]) -> dict[str, Box]:
        """The units of every earlier node, and of this one, that a unit depends on."""
        return before(self.network.graph, self.name, self._unit(unit))

    def descendants(self, unit: int | Sequence[int]) -> dict[str, Box]:
        """The units of every later node, and of this one, that depend on a unit."""
        return after(self.network.graph, self.name, self._unit(unit))

    def _unit(self, unit: int | Sequence[int]) -> tuple[int, int]:
        return checked_unit(self.grid, unit, self.name)

    def as_data(self) -> dict[str, Any]:
        """Plain values for JSON; ``paths`` give every unit's unclipped interval.

        Unit u of an axis covers, on each path, ``spans[u % period]`` moved by
        ``floor(u / period) * advance``, or where ``since`` has a number from or to that; its
        field is the union over the paths.
        """
        plain = {name: getattr(self, name) for name in _COLUMNS}
        return plain | {"paths": [[_path_data(path) for path in axis.paths] for axis in self.axes]}


_COLUMNS = names_in(
    "name module operation kind output_shape grid size effective_stride effective_padding center "
    "aligned note bound"
)


def _path_data(path: Reach) -> dict[str, Any]:
    moving = {"period": path.period, "advance": path.advance, "spans": list(path.spans)}
    return moving | {"since": list(path.since)}


def _span(ends: Ends, unit: int) -> tuple[int, int] | None:
    first, last = int(ends.first[unit]), int(ends.last[unit])
    return (first, last) if first <= last else None


def _box(rows: tuple[int, int] | None, cols: tuple[int, int] | None) -> Box | None:
    return Box(rows, cols) if rows and cols else None


class _RootedGraph:
    """A graph and one of its inputs; the clipped intervals are computed on first use."""

    def __init__(self, graph: Graph, source: str) -> None:
        self.graph = graph
        self.source = source
        self.ends = cache(self._ends)
        self.has_blind_branches = cache(self._has_blind_branches)

    def __reduce__(self) -> tuple[type[_RootedGraph], tuple[Graph, str]]:
        """Pickle the graph and its input alone, as caches cannot be pickled."""
        return _RootedGraph, (self.graph, self.source)

    def clipped(self, name: str, unit: tuple[int, int]) -> Box | None:
        """The box of the pixels that reach a unit."""
        if self.has_blind_branches():
            return exact_box(self.graph, name, unit, self.source)
        rows, cols = self.ends(0)[name], self.ends(1)[name]
        return _box(_span(rows, unit[0]), _span(cols, unit[1]))

    def _ends(self, axis: int) -> Mapping[str, Ends]:
        return visible(self.graph, self.source, axis)

    def _has_blind_branches(self) -> bool:
        """Whether branches merge and some unit depends on no pixel through one of them."""
        if all(len(node.inputs) < 2 for node in self.graph.values()):
            return False
        if any(is_blind(maps) for node in self.graph.values() for maps in merged_maps(node)):
            return True
        return any((e.first > e.last).any() for axis in (0, 1) for e in self.ends(axis).values())


def receptive_fields(
    module: nn.Module,
    input_size: InputSize,
    source: str | None = None,
    graph: Graph | None = None,
) -> ByName[ReceptiveField]:
    """The receptive field of every node of a network that depends on its input.

    Args:
        module: any nn.Module that does not decide by values; it is never called.
        input_size: (C, H, W); (C, L) for sequences, which are images of height 1; one
            such tuple for each argument of forward where there are several.
        source: the argument whose pixels the fields are measured in; by default the first.
        graph: of `core.graph.network_graph` for this module and size, where there is one already.

    Returns:
        node name → field, in the order the operations run, the input itself first. A
        module's qualified name works too, and means the last of its nodes:
        ``fields["layer4.2.conv3"]``, ``fields["layer4"]``.

    Raises:
        SpecError: the module cannot be followed (`measure_receptive_field` may still
            do), does not take the size, or its fields grow beyond 2^40 pixels.
    """
    graph = graph or network_graph(module, input_size)
    grown = _grown(module, input_sizes(input_size), graph, source)
    notes = {name: text for name, group in grown.items() if (text := _varies(group))}
    steady = {name for name, group in grown.items() if len(group) > 1 and name not in notes}
    return fields_of(_without_resizing(graph, steady), source, notes)


def fields_of(
    graph: Graph, source: str | None = None, notes: Mapping[str, str] | None = None
) -> ByName[ReceptiveField]:
    """As `receptive_fields`, for a graph one already has; ``notes`` are added by node."""
    arguments = {graph[name].operation: name for name in graph.inputs}
    chosen = graph.inputs[0] if source is None else arguments.get(source, source)
    if chosen not in graph.inputs:
        raise SpecError("source", f"must be one of {', '.join(arguments)}", source)
    network = _RootedGraph(graph, chosen)
    axis_fields: dict[str, tuple[Field, Field]] = {}
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
        caveats[name] = facts(node, parents, axis_fields, caveats)
        bounds[name] = first_bound(node, parents, bounds)
    extra = notes or {}
    pixels = graph[chosen].grid
    fields: ByName[ReceptiveField] = ByName()
    for name, (rows, cols) in axis_fields.items():
        node = graph[name]
        whole_units = _by_unit(node, 0, rows, pixels), _by_unit(node, 1, cols, pixels)
        hidden = *caveats[name], extra.get(name, "")
        fields[name] = _summary(node, whole_units, hidden, bounds[name], network)
    return fields


def _by_unit(node: Node, axis: int, field: Field, pixels: tuple[int, int]) -> Field:
    """The field of whole units, where each holds several places of the image."""
    wide, n = node.units_in_channels[axis], node.grid[axis]
    if wide == 1 or field.whole:
        return field
    if n == 1:
        return whole_image(pixels[axis], field.aligned)
    return step(field, window_map(n * wide, n, Window(wide, wide)))


def _axis_field(
    node: Node, axis: int, axis_fields: Mapping[str, tuple[Field, Field]], graph: Graph, source: str
) -> Field:
    """The field along one axis: through the operation from every input, then united."""
    if node.name == source:
        return Field((Reach(),))
    pixels = graph[source].grid[axis]
    branches = []
    for parent, maps in zip(node.inputs, node.fine_maps or node.maps, strict=True):
        if parent in axis_fields:
            through = axis_fields[parent][axis]
            if maps[axis].whole:
                branches.append(whole_image(pixels, through.aligned))
            else:
                branches.append(step(through, maps[axis]))
    union = merge(branches)
    if node.kind == "merge" or len(branches) == 1:
        return union
    # Inputs that one operation mixes, as attention does, do not meet side by side.
    return union._replace(aligned=all(branch.aligned for branch in branches), gap=Fraction(0))


def _summary(
    node: Node, axes: tuple[Field, Field], caveats: Iterable[str], bound: str, network: _RootedGraph
) -> ReceptiveField:
    rows, cols = (measures(axis, n) for axis, n in zip(axes, node.grid, strict=True))
    pairs = [(number(a), number(b)) for a, b in zip(rows, cols, strict=True)]
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
        note(axes, caveats),
        bound,
        axes,
        network,
    )


def _without_resizing(graph: Graph, steady: Collection[str]) -> Graph:
    """The graph without the note of a fixed size where the size follows the input's."""
    nodes = {
        name: replace(node, note="") if name in steady and node.note == RESIZED else node
        for name, node in graph.items()
    }
    return replace(graph, nodes=nodes)


def _grown(
    module: nn.Module, sizes: Sequence[tuple[int, ...]], graph: Graph, source: str | None
) -> dict[str, list[ReceptiveField]]:
    """Each node's fields on the input and on inputs a few pixels larger.

    Empty where no padding, crop or output size can depend on the input's size.
    """
    if not any(_may_fit_itself(node) for node in graph.values()):
        return {}
    seen: dict[str, list[ReceptiveField]] = {}
    for more in (0, *NEARBY):
        grown = tuple((size[0], *(n + more for n in size[1:])) for size in sizes)
        try:
            fields = fields_of(network_graph(module, grown) if more else graph, source)
        except SpecError:
            continue
        for name, here in fields.items():
            seen.setdefault(name, []).append(here)
    return seen


def _may_fit_itself(node: Node) -> bool:
    """Whether a node pads, crops or resizes, so that its amounts may follow the input's size."""
    moved = any(not axis.is_identity for maps in node.maps for axis in maps)
    return node.note == RESIZED or (moved and node.kind in ("pad", "crop", "resample"))


def _varies(group: Sequence[ReceptiveField]) -> str:
    changes = []
    for axis, label in enumerate(AXES):
        if any(here.axes[axis].whole or not here.axes[axis].paths for here in group):
            continue
        for name in ("size", "effective_stride", "effective_padding"):
            values = [getattr(here, name)[axis] for here in group]
            if min(values) != max(values):
                text = name.replace("_", " ")
                changes.append(f"{label}'s {text} {min(values):g} to {max(values):g}")
    if not changes:
        return ""
    return f"depends on the input size: {', '.join(changes)} over up to {NEARBY[-1]} px more"
