"""Computes the exact cones of units: which units depend on which, clipped to the maps.

A graph is followed along one axis at a time. `visible_pixels` gives the first and the last image
pixel that every unit of every node depends on. `ancestor_boxes` gives the units of all nodes that
one unit depends on, and `descendant_boxes` the units that depend on it. Padding counts only if it
copies pixels (reflect, circular, …).

`core.receptive_field.cross_section` has what a picture of a cone needs besides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..graph.axes.axis_map import AxisMap, matrix_of_reads
from ..graph.graph import Graph, Node

Span = tuple[int, int]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]
NO_PIXEL = 1 << 60
"""The first pixel of a unit that depends on no pixel; it is larger than any real one."""


class Box(NamedTuple):
    """A rectangle: (first, last) of its rows and of its columns, all inclusive."""

    rows: Span
    cols: Span


class Ends(NamedTuple):
    """The first and the last image pixel that each unit depends on, as arrays of shape (units,).

    A unit that depends on no pixel has first > last.
    """

    first: IntArray
    last: IntArray


def visible_pixels(graph: Graph, source: str, axis: int) -> dict[str, Ends]:
    """The first and the last pixel that every unit of every node depends on, along one axis.

    Args:
        graph: the network's graph.
        source: the name of the input node whose pixels are meant.
        axis: 0 for the height, 1 for the width.

    Returns:
        The pixels by node name, for nodes that depend on the input.
    """
    ends_of: dict[str, Ends] = {}
    for name, node in graph.items():
        if name == source:
            pixels = np.arange(node.grid[axis])
            ends_of[name] = Ends(pixels, pixels)
            continue
        branches = [
            _ends_through(ends_of[parent], maps[axis])
            for parent, maps in zip(node.inputs, node.fine_maps or node.maps, strict=True)
            if parent in ends_of
        ]
        if branches:
            ends_of[name] = branches[0] if len(branches) == 1 else _union_of_ends(branches)
    return {
        name: _ends_of_positions(ends, graph[name].units_in_channels[axis])
        for name, ends in ends_of.items()
    }


def _ends_of_positions(ends: Ends, units_per_position: int) -> Ends:
    """The first and last pixels of positions that consist of several adjacent units each."""
    if units_per_position == 1:
        return ends
    first, last = (end.reshape(-1, units_per_position) for end in ends)
    return Ends(first.min(axis=1), last.max(axis=1))


def _ends_through(ends: Ends, axis: AxisMap) -> Ends:
    """The pixels that the outputs of a map depend on, from those of its inputs."""
    if axis.is_identity:
        return ends
    if axis.whole:
        first, last = ends.first.min(), ends.last.max()
        return Ends(np.full(axis.n_out, first), np.full(axis.n_out, last))
    if axis.causal:
        return Ends(np.minimum.accumulate(ends.first), np.maximum.accumulate(ends.last))
    taps = axis.table()
    return Ends(
        np.append(ends.first, NO_PIXEL)[taps].min(axis=1),
        np.append(ends.last, -1)[taps].max(axis=1),
    )


def _union_of_ends(branches: list[Ends]) -> Ends:
    firsts, lasts = zip(*branches, strict=True)
    return Ends(np.minimum.reduce(firsts), np.maximum.reduce(lasts))


Marks = dict[str, tuple[BoolArray, BoolArray]]
"""The marked rows and columns of each node, by its name."""


def ancestor_boxes(graph: Graph, name: str, unit: tuple[int, int]) -> dict[str, Box]:
    """The bounding box, for every node, of the units that one unit depends on.

    Args:
        graph: the network's graph.
        name: the name of the unit's node, which is also in the result.
        unit: (row, column) of the unit.
    """
    return _bounding_boxes(graph, ancestor_marks(graph, name, unit))


def ancestor_marks(graph: Graph, name: str, unit: tuple[int, int]) -> Marks:
    """The marks of the units of all nodes that one unit depends on; see `ancestor_boxes`."""
    marks: Marks = {name: _marks_of_unit(graph, name, unit)}
    for current in reversed(list(graph)):
        node = graph[current]
        if current in marks:
            for parent, maps in zip(node.inputs, node.maps, strict=True):
                read = [_inputs_read_by(marks[current][axis], maps[axis]) for axis in (0, 1)]
                _add_marks(marks, parent, (read[0], read[1]))
    return marks


def exact_pixel_box(graph: Graph, name: str, unit: tuple[int, int], source: str) -> Box | None:
    """The bounding box of the pixels that one unit depends on, followed in two dimensions.

    Following one axis at a time is exact unless, in some branch, units depend on no pixel along
    one axis and therefore on none at all. Only such networks need this slower function.

    Args:
        graph: the network's graph.
        name: the name of the unit's node.
        unit: (row, column) of the unit.
        source: the name of the input node whose pixels are meant.

    Returns:
        The box; None if the unit depends on no pixel.
    """
    channel_units = graph[name].units_in_channels
    unit_mark = np.zeros(graph[name].grid, dtype=np.float32)
    unit_mark[unit] = 1
    marks = {name: np.kron(unit_mark, np.ones(channel_units, dtype=np.float32))}
    for current in reversed(list(graph)):
        if current == source or current not in marks:
            continue
        mark = marks.pop(current)
        node = graph[current]
        for parent, maps in zip(node.inputs, node.fine_maps or node.maps, strict=True):
            rows, cols = (matrix_of_reads(axis) for axis in maps)
            read = (rows.T @ mark @ cols > 0).astype(np.float32)
            marks[parent] = np.maximum(marks[parent], read) if parent in marks else read
    pixels = marks.get(source, np.zeros(1)) > 0
    if not pixels.any():
        return None
    return Box(_first_and_last(pixels.max(axis=1)), _first_and_last(pixels.max(axis=0)))


def maps_of_merge(node: Node) -> tuple[tuple[AxisMap, AxisMap], ...]:
    """The maps of a node with several inputs; empty for other nodes."""
    return (node.fine_maps or node.maps) if len(node.inputs) > 1 else ()


def has_units_reading_nothing(maps: tuple[AxisMap, AxisMap]) -> bool:
    """Whether some unit reads nothing of an input along an axis, as after joining two images."""
    return any(
        bool((axis.table() == axis.n_in).all(axis=1).any())
        for axis in maps
        if not (axis.is_identity or axis.whole)
    )


def descendant_boxes(graph: Graph, name: str, unit: tuple[int, int]) -> dict[str, Box]:
    """The bounding box, for every node, of the units that depend on one unit.

    Args:
        graph: the network's graph.
        name: the name of the unit's node, which is also in the result.
        unit: (row, column) of the unit.
    """
    return _bounding_boxes(graph, descendant_marks(graph, name, unit))


def descendant_marks(graph: Graph, name: str, unit: tuple[int, int]) -> Marks:
    """The marks of the units of all nodes that depend on one unit; see `descendant_boxes`."""
    marks: Marks = {name: _marks_of_unit(graph, name, unit)}
    for current, node in graph.items():
        for parent, maps in zip(node.inputs, node.maps, strict=True):
            if parent in marks and current != name:
                reading = [_outputs_reading(marks[parent][axis], maps[axis]) for axis in (0, 1)]
                _add_marks(marks, current, (reading[0], reading[1]))
    return marks


def _marks_of_unit(graph: Graph, name: str, unit: tuple[int, int]) -> tuple[BoolArray, BoolArray]:
    """The marks of a node's rows and columns for a single unit."""
    rows, cols = (np.zeros(n, dtype=bool) for n in graph[name].grid)
    rows[unit[0]] = cols[unit[1]] = True
    return rows, cols


def _add_marks(marks: Marks, name: str, added: tuple[BoolArray, BoolArray]) -> None:
    """Marks more rows and columns of a node, unless there are none along one axis."""
    if not (added[0].any() and added[1].any()):
        return
    if name in marks:
        old = marks[name]
        added = (np.logical_or(old[0], added[0]), np.logical_or(old[1], added[1]))
    marks[name] = added


def _inputs_read_by(marked_outputs: BoolArray, axis: AxisMap) -> BoolArray:
    """The marks (n_in,) of the inputs that marked outputs (n_out,) of a map read."""
    if axis.is_identity:
        return marked_outputs
    marked = np.zeros(axis.n_in + 1, dtype=bool)
    if axis.whole:
        return np.full(axis.n_in, marked_outputs.any())
    if axis.causal:
        return np.asarray(np.logical_or.accumulate(marked_outputs[::-1])[::-1])
    marked[axis.table()[marked_outputs]] = True
    return marked[:-1]


def _outputs_reading(marked_inputs: BoolArray, axis: AxisMap) -> BoolArray:
    """The marks (n_out,) of the outputs of a map that read marked inputs (n_in,)."""
    if axis.is_identity:
        return marked_inputs
    if axis.whole:
        return np.full(axis.n_out, marked_inputs.any())
    if axis.causal:
        return np.asarray(np.logical_or.accumulate(marked_inputs))
    reading: BoolArray = np.append(marked_inputs, False)[axis.table()].max(axis=1)
    return reading


def _bounding_boxes(
    graph: Graph, marks: Mapping[str, tuple[BoolArray, BoolArray]]
) -> dict[str, Box]:
    return {name: Box(*map(_first_and_last, marks[name])) for name in graph if name in marks}


def _first_and_last(marked: BoolArray) -> Span:
    """The first and the last index that is marked."""
    units = np.flatnonzero(marked)
    return int(units[0]), int(units[-1])
