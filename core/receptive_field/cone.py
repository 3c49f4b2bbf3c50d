"""Which real units see which: exact, clipped to what exists, holes and borders included.

Two ways over a graph, one axis at a time: the first and last image pixel that every unit
of every node sees (`visible`), and the units of all nodes before or after one unit
(`before`, `after`). Padding is nothing, unless it copies pixels (reflect, circular, …).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..graph.axes.axis_map import AxisMap
from ..graph.graph import Graph, Node

Span = tuple[int, int]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
NOTHING = 1 << 60


class Box(NamedTuple):
    """Rows and columns, (first, last) of each, both inclusive."""

    rows: Span
    cols: Span


class Ends(NamedTuple):
    """(units,) first and last image pixel each unit of an axis sees; first > last: none."""

    first: IntArray
    last: IntArray


def visible(graph: Graph, source: str, axis: int) -> dict[str, Ends]:
    """The pixels of input ``source`` that every unit of every node sees along one axis."""
    known: dict[str, Ends] = {}
    for name, node in graph.items():
        if name == source:
            pixels = np.arange(node.grid[axis])
            known[name] = Ends(pixels, pixels)
            continue
        seen = [
            _seen(known[parent], maps[axis])
            for parent, maps in zip(node.inputs, node.fine or node.maps, strict=True)
            if parent in known
        ]
        if seen:
            known[name] = seen[0] if len(seen) == 1 else _union(seen)
    return {name: _by_unit(ends, graph[name].lanes[axis]) for name, ends in known.items()}


def _by_unit(ends: Ends, places: int) -> Ends:
    """What whole units see, where several places of the image lie in each."""
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
        np.append(ends.first, NOTHING)[taps].min(axis=1), np.append(ends.last, -1)[taps].max(axis=1)
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
    """The pixels of ``source`` that one unit sees, followed in two dimensions.

    One axis at a time is exact unless a branch has units that see nothing: they see
    nothing along the other axis either. Slower, so only for such networks.
    """
    wide = graph[name].lanes
    one = np.zeros(graph[name].grid, dtype=np.float32)
    one[unit] = 1
    marks = {name: np.kron(one, np.ones(wide, dtype=np.float32))}
    for current in reversed(list(graph)):
        if current == source or current not in marks:
            continue
        mark = marks.pop(current)
        node = graph[current]
        for parent, maps in zip(node.inputs, node.fine or node.maps, strict=True):
            rows, cols = (read_matrix(axis) for axis in maps)
            read = (rows.T @ mark @ cols > 0).astype(np.float32)
            marks[parent] = np.maximum(marks[parent], read) if parent in marks else read
    seen = marks.get(source, np.zeros(1)) > 0
    return Box(_span(seen.max(axis=1)), _span(seen.max(axis=0))) if seen.any() else None


def merged_maps(node: Node) -> tuple[tuple[AxisMap, AxisMap], ...]:
    """The maps of a node where branches meet; none for others."""
    return (node.fine or node.maps) if len(node.inputs) > 1 else ()


def is_blind(maps: tuple[AxisMap, AxisMap]) -> bool:
    """Whether some unit reads nothing of an input along an axis, as after joining two images."""
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


def _mark(marks: Marks, name: str, found: tuple[BoolArray, BoolArray]) -> None:
    if not (found[0].any() and found[1].any()):
        return
    if name in marks:
        old = marks[name]
        found = (np.logical_or(old[0], found[0]), np.logical_or(old[1], found[1]))
    marks[name] = found


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
    found: BoolArray = np.append(inputs, False)[axis.table()].max(axis=1)
    return found


def _boxes(graph: Graph, marks: Mapping[str, tuple[BoolArray, BoolArray]]) -> dict[str, Box]:
    return {name: Box(*map(_span, marks[name])) for name in graph if name in marks}


def _span(marked: BoolArray) -> Span:
    units = np.flatnonzero(marked)
    return int(units[0]), int(units[-1])
