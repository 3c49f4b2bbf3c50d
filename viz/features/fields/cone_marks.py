"""Which units of a network a cone marks: core's exact maps followed along one axis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.graph.axes.axis_map import AxisMap
from core.receptive_field.outline import Line

Marked = NDArray[np.bool_]
MOST_PADDING = 64
"""Cells of padding beside a map that are shown."""


@dataclass(frozen=True)
class Tie:
    """One tap of one unit.

    Attributes:
        line, unit: the reader.
        source, tap: what it reads; a tap outside the map is padding.
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
        marks: for each line its marked units; None where there are none.
        pads: for each line the positions in the padding beside it that are read.
    """

    marks: tuple[Marked | None, ...]
    pads: tuple[frozenset[int], ...]


def ancestors(lines: Sequence[Line], index: int, unit: int, axis: int) -> Cone:
    """What a unit depends on.

    Args:
        lines: of `core.receptive_field.outline.outline`.
        index: of the unit's line.
        unit: along the axis.
        axis: 0 height, 1 width.
    """
    marks = [np.zeros(line.node.grid[axis], dtype=bool) for line in lines]
    pads: list[set[int]] = [set() for _ in lines]
    marks[index][unit] = True
    for place in range(index, 0, -1):
        for source, own in lines[place].inputs:
            axis_map = lines[place].node.maps[own][axis]
            for one in np.flatnonzero(marks[place]).tolist():
                real, beside = read(axis_map, one)
                marks[source][real] = True
                pads[source].update(beside)
    return _cone(marks, pads)


def descendants(lines: Sequence[Line], index: int, unit: int, axis: int) -> Cone:
    """What depends on a unit; arguments as for `ancestors`."""
    marks = [np.zeros(line.node.grid[axis], dtype=bool) for line in lines]
    marks[index][unit] = True
    for place in range(index + 1, len(lines)):
        for source, own in lines[place].inputs:
            axis_map = lines[place].node.maps[own][axis]
            if marks[source].any():
                reads = np.append(marks[source], False)[axis_map.table()].any(axis=1)
                marks[place] |= reads
    return _cone(marks, [set() for _ in lines])


def _cone(marks: Sequence[Marked], pads: Sequence[set[int]]) -> Cone:
    shown = tuple(own if own.any() else None for own in marks)
    return Cone(shown, tuple(map(frozenset, pads)))


def read(axis: AxisMap, unit: int) -> tuple[list[int], list[int]]:
    """The real units that one output reads, and the positions in the padding."""
    if axis.whole:
        return list(range(axis.n_in)), []
    if axis.causal:
        return list(range(unit + 1)), []
    real = axis.table()[unit]
    phase, shift = unit % axis.period, unit // axis.period * axis.advance
    taps = [tap + shift for tap in axis.taps[phase]]
    beside = [] if axis.edge != "zero" else [tap for tap in taps if not 0 <= tap < axis.n_in]
    return sorted({int(one) for one in real if one < axis.n_in}), beside


def ties(lines: Sequence[Line], cone: Cone, axis: int, down: bool = False) -> Iterator[Tie]:
    """Every tap between marked units, and those into the padding of a cone that looks up."""
    for place, line in enumerate(lines):
        for source, own in line.inputs:
            marked, below = cone.marks[place], cone.marks[source]
            if marked is None or below is None:
                continue
            branch = own if len(line.inputs) > 1 else line.branch
            for unit in np.flatnonzero(marked).tolist():
                real, beside = read(line.node.maps[own][axis], unit)
                taps = [tap for tap in real if below[tap]] + ([] if down else beside)
                yield from (Tie(place, unit, source, tap, branch) for tap in taps)


def position(line: Line, axis: int, unit: int) -> float:
    """Where a unit stands over the image, in pixels; also beyond the map's ends."""
    last, apart = line.node.grid[axis] - 1, float(line.field.effective_stride[axis])
    inside = min(max(unit, 0), last)
    span = line.field.axes[axis].span(inside)
    middle = float(line.field.center[axis]) + inside * apart
    return ((span[0] + span[1]) / 2 if span else middle) + (unit - inside) * apart


def paddings(lines: Sequence[Line], axis: int) -> list[tuple[int, int]]:
    """(before, after) cells of zero padding that are read beside each line's map."""
    found = [(0, 0)] * len(lines)
    for line in lines:
        for source, own in line.inputs:
            axis_map = line.node.maps[own][axis]
            if axis_map.whole or axis_map.causal or axis_map.edge != "zero":
                continue
            period, n = axis_map.period, axis_map.n_out
            ends = {*range(min(period, n)), *range(max(0, n - period), n)}
            beside = [tap for unit in ends for tap in read(axis_map, unit)[1]]
            before, after = found[source]
            before = max([before, *(-tap for tap in beside)])
            after = max([after, *(tap - axis_map.n_in + 1 for tap in beside)])
            found[source] = min(before, MOST_PADDING), min(after, MOST_PADDING)
    return found
