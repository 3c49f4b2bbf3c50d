"""The exact cones of units: which units depend on which, clipped to the maps.

A graph is followed along one axis at a time. `visible` gives the first and last image pixel that
every unit of every node depends on; `before` and `after` give the units of all nodes that one unit
depends on, or that depend on it. Padding counts only where it copies pixels (reflect, circular, …).

A picture of a cone needs them line by line, along one axis: every unit that is marked
(`ancestors`, `descendants`), the taps between them (`ties`) and the padding beside each map
(`paddings`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..graph.axes.axis_map import AxisMap
from ..graph.graph import Graph, Node

if TYPE_CHECKING:
    from .outline import Line

Span = tuple[int, int]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
EMPTY = 1 << 60
MOST_PADDING = 64
"""Most cells of padding beside a map that `paddings` counts."""


class Box(NamedTuple):
    """Rows and columns, (first, last) of each, both inclusive."""

    rows: Span
    cols: Span


class Ends(NamedTuple):
    """(units,) first and last image pixel that each unit of an axis depends on.

    A unit that depends on no pixel has first > last.
    """

    first: IntArray
    last: IntArray


def visible(graph: Graph, source: str, axis: int) -> dict[str, Ends]:
    """The pixels of input ``source`` that every unit of every node depends on along one axis."""
    ends_of: dict[str, Ends] = {}
    for name, node in graph.items():
        if name == source:
            pixels = np.arange(node.grid[axis])
            ends_of[name] = Ends(pixels, pixels)
            continue
        seen = [
            _seen(ends_of[parent], maps[axis])
            for parent, maps in zip(node.inputs, node.fine_maps or node.maps, strict=True)
            if parent in ends_of
        ]
        if seen:
            ends_of[name] = seen[0] if len(seen) == 1 else _union(seen)
    return {
        name: _by_unit(ends, graph[name].units_in_channels[axis]) for name, ends in ends_of.items()
    }


def _by_unit(ends: Ends, places: int) -> Ends:
    """The ends of whole units, where each holds several places of the image."""
    if places == 1:
        return ends
    first, last = (end.reshape(-1, places) for end in ends)
    return Ends(first.min(axis=1), last.max(axis=1))


def _seen(ends: Ends, axis: AxisMap) -> Ends:
    if axis.is_identity:
        return ends
    if axis.whole:
        first, last = ends.first.min(), ends.last.max()
        return Ends(np.full(axis.n_out, first), np.full(axis.n_out, last))
    if axis.causal:
        return Ends(np.minimum.accumulate(ends.first), np.maximum.accumulate(ends.last))
    taps = axis.table()
    return Ends(
        np.append(ends.first, EMPTY)[taps].min(axis=1), np.append(ends.last, -1)[taps].max(axis=1)
    )


def _union(seen: list[Ends]) -> Ends:
    firsts, lasts = zip(*seen, strict=True)
    return Ends(np.minimum.reduce(firsts), np.maximum.reduce(lasts))


Marks = dict[str, tuple[BoolArray, BoolArray]]


def before(graph: Graph, name: str, unit: tuple[int, int]) -> dict[str, Box]:
    """The units of every earlier node that unit (row, column) of a node depends on."""
    marks: Marks = {name: _one(graph, name, unit)}
    for current in reversed(list(graph)):
        node = graph[current]
        if current in marks:
            for parent, maps in zip(node.inputs, node.maps, strict=True):
                read = [_read(marks[current][axis], maps[axis]) for axis in (0, 1)]
                _mark(marks, parent, (read[0], read[1]))
    return _boxes(graph, marks)


def exact_box(graph: Graph, name: str, unit: tuple[int, int], source: str) -> Box | None:
    """The pixels of ``source`` that one unit depends on, followed in two dimensions.

    One axis at a time is exact unless a branch has units that depend on no pixel along one axis,
    and so on none at all. This function is slower, and only such networks need it.
    """
    wide = graph[name].units_in_channels
    one = np.zeros(graph[name].grid, dtype=np.float32)
    one[unit] = 1
    marks = {name: np.kron(one, np.ones(wide, dtype=np.float32))}
    for current in reversed(list(graph)):
        if current == source or current not in marks:
            continue
        mark = marks.pop(current)
        node = graph[current]
        for parent, maps in zip(node.inputs, node.fine_maps or node.maps, strict=True):
            rows, cols = (read_matrix(axis) for axis in maps)
            read = (rows.T @ mark @ cols > 0).astype(np.float32)
            marks[parent] = np.maximum(marks[parent], read) if parent in marks else read
    seen = marks.get(source, np.zeros(1)) > 0
    return Box(_span(seen.max(axis=1)), _span(seen.max(axis=0))) if seen.any() else None


def merged_maps(node: Node) -> tuple[tuple[AxisMap, AxisMap], ...]:
    """The maps of a node where branches meet; none for others."""
    return (node.fine_maps or node.maps) if len(node.inputs) > 1 else ()


def is_blind(maps: tuple[AxisMap, AxisMap]) -> bool:
    """Whether some unit reads nothing of an input along an axis, as after concatenating images."""
    return any(
        bool((axis.table() == axis.n_in).all(axis=1).any())
        for axis in maps
        if not (axis.is_identity or axis.whole)
    )


def read_matrix(axis: AxisMap) -> NDArray[np.float32]:
    """(n_out, n_in) 1 where the output reads the input."""
    if axis.whole:
        return np.ones((axis.n_out, axis.n_in), dtype=np.float32)
    if axis.causal:
        return np.tri(axis.n_out, dtype=np.float32)
    reads = np.zeros((axis.n_out, axis.n_in + 1), dtype=np.float32)
    np.put_along_axis(reads, axis.table(), 1, axis=1)
    return reads[:, :-1]


def after(graph: Graph, name: str, unit: tuple[int, int]) -> dict[str, Box]:
    """The units of every later node that depend on unit (row, column) of a node."""
    marks: Marks = {name: _one(graph, name, unit)}
    for current, node in graph.items():
        for parent, maps in zip(node.inputs, node.maps, strict=True):
            if parent in marks and current != name:
                hit = [_hit(marks[parent][axis], maps[axis]) for axis in (0, 1)]
                _mark(marks, current, (hit[0], hit[1]))
    return _boxes(graph, marks)


def _one(graph: Graph, name: str, unit: tuple[int, int]) -> tuple[BoolArray, BoolArray]:
    rows, cols = (np.zeros(n, dtype=bool) for n in graph[name].grid)
    rows[unit[0]] = cols[unit[1]] = True
    return rows, cols


def _mark(marks: Marks, name: str, hits: tuple[BoolArray, BoolArray]) -> None:
    if not (hits[0].any() and hits[1].any()):
        return
    if name in marks:
        old = marks[name]
        hits = (np.logical_or(old[0], hits[0]), np.logical_or(old[1], hits[1]))
    marks[name] = hits


def _read(outputs: BoolArray, axis: AxisMap) -> BoolArray:
    if axis.is_identity:
        return outputs
    marked = np.zeros(axis.n_in + 1, dtype=bool)
    if axis.whole:
        return np.full(axis.n_in, outputs.any())
    if axis.causal:
        return np.asarray(np.logical_or.accumulate(outputs[::-1])[::-1])
    marked[axis.table()[outputs]] = True
    return marked[:-1]


def _hit(inputs: BoolArray, axis: AxisMap) -> BoolArray:
    if axis.is_identity:
        return inputs
    if axis.whole:
        return np.full(axis.n_out, inputs.any())
    if axis.causal:
        return np.asarray(np.logical_or.accumulate(inputs))
    hits: BoolArray = np.append(inputs, False)[axis.table()].max(axis=1)
    return hits


def _boxes(graph: Graph, marks: Mapping[str, tuple[BoolArray, BoolArray]]) -> dict[str, Box]:
    return {name: Box(*map(_span, marks[name])) for name in graph if name in marks}


def _span(marked: BoolArray) -> Span:
    units = np.flatnonzero(marked)
    return int(units[0]), int(units[-1])


@dataclass(frozen=True)
class Tie:
    """One tap of one unit.

    Attributes:
        line, unit: the reader.
        source, tap: the line it reads and the position there; outside the map it is padding.
        branch: which way through the network it is; None on the trunk.
    """

    line: int
    unit: int
    source: int
    tap: int
    branch: int | None


@dataclass(frozen=True)
class Cone:
    """The units that belong to one unit's cone, along one axis.

    Attributes:
        marks: for each line (units,) True where one belongs to it; None where none does.
        pads: for each line the positions in the padding beside it that are read.
    """

    marks: tuple[BoolArray | None, ...]
    pads: tuple[frozenset[int], ...]


def ancestors(lines: Sequence[Line], index: int, unit: int, axis: int) -> Cone:
    """What a unit depends on.

    Args:
        lines: of `core.receptive_field.outline.outline`.
        index: of the unit's line.
        unit: along the axis.
        axis: 0 height, 1 width.
    """
    marks = _one_marked(lines, index, unit, axis)
    pads: list[set[int]] = [set() for _ in lines]
    for place in range(index, 0, -1):
        for source, own in lines[place].inputs:
            axis_map = lines[place].node.maps[own][axis]
            marks[source] = marks[source] | _read(marks[place], axis_map)
            for reader in np.flatnonzero(marks[place]).tolist():
                pads[source].update(_padding_read(axis_map, reader))
    return _cone(marks, pads)


def descendants(lines: Sequence[Line], index: int, unit: int, axis: int) -> Cone:
    """What depends on a unit; arguments as for `ancestors`."""
    marks = _one_marked(lines, index, unit, axis)
    for place in range(index + 1, len(lines)):
        for source, own in lines[place].inputs:
            marks[place] = marks[place] | _hit(marks[source], lines[place].node.maps[own][axis])
    return _cone(marks, [set() for _ in lines])


def _one_marked(lines: Sequence[Line], index: int, unit: int, axis: int) -> list[BoolArray]:
    marks = [np.zeros(line.node.grid[axis], dtype=bool) for line in lines]
    marks[index][unit] = True
    return marks


def _cone(marks: Sequence[BoolArray], pads: Sequence[set[int]]) -> Cone:
    return Cone(tuple(own if own.any() else None for own in marks), tuple(map(frozenset, pads)))


def _padding_read(axis: AxisMap, unit: int) -> list[int]:
    """The positions beside the map, in constant padding, that one output reads."""
    if axis.whole or axis.causal or axis.edge != "zero":
        return []
    turns, phase = divmod(unit, axis.period)
    taps = (tap + turns * axis.advance for tap in axis.taps[phase])
    return [tap for tap in taps if not 0 <= tap < axis.n_in]


def ties(lines: Sequence[Line], cone: Cone, axis: int, down: bool = False) -> Iterator[Tie]:
    """Every tap between marked units, and those into the padding of a cone that looks up."""
    for place, line in enumerate(lines):
        for source, own in line.inputs:
            marked, below = cone.marks[place], cone.marks[source]
            if marked is None or below is None:
                continue
            branch, axis_map = (
                own if len(line.inputs) > 1 else line.branch,
                line.node.maps[own][axis],
            )
            for unit in np.flatnonzero(marked).tolist():
                real = np.flatnonzero(below & _read(np.arange(len(marked)) == unit, axis_map))
                beside = [] if down else _padding_read(axis_map, unit)
                yield from (Tie(place, unit, source, t, branch) for t in (*real.tolist(), *beside))


def position(line: Line, axis: int, unit: int) -> float:
    """Where a unit stands over the image, in pixels; also beyond the map's ends."""
    last, apart = line.node.grid[axis] - 1, float(line.field.effective_stride[axis])
    inside = min(max(unit, 0), last)
    span = line.field.axes[axis].span(inside)
    middle = float(line.field.center[axis]) + inside * apart
    return ((span[0] + span[1]) / 2 if span else middle) + (unit - inside) * apart


def paddings(lines: Sequence[Line], axis: int) -> list[tuple[int, int]]:
    """(before, after) cells of zero padding that are read beside each line's map."""
    cells = [(0, 0)] * len(lines)
    for line in lines:
        for source, own in line.inputs:
            axis_map = line.node.maps[own][axis]
            period, n = axis_map.period, axis_map.n_out
            ends = {*range(min(period, n)), *range(max(0, n - period), n)}
            beside = [tap for unit in ends for tap in _padding_read(axis_map, unit)]
            before, after = cells[source]
            before = max([before, *(-tap for tap in beside)])
            after = max([after, *(tap - axis_map.n_in + 1 for tap in beside)])
            cells[source] = min(before, MOST_PADDING), min(after, MOST_PADDING)
    return cells
