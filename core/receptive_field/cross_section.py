"""Computes the cross-section of a network along one axis, in which a unit's cone is drawn.

`unit_cone` gives the units of the cone on every line and the connections between them,
`image_positions` the places of units over the image, and `padding_widths` and `padding_copies` the
padding beside the maps. A deep network has too many lines for one picture:
`core.receptive_field.folding` chooses those that are drawn.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..graph.axes.axis_map import AxisMap, matrix_of_reads
from ..layer.padding import copied_indices
from ..layer.window import PAD
from .cone import BoolArray, IntArray, ancestor_marks, descendant_marks

if TYPE_CHECKING:
    from .outline import Line

FloatArray = NDArray[np.float64]
MAX_PADDING_WIDTH = 64
"""The most units of padding that `padding_widths` counts beside a map."""


@dataclass(frozen=True)
class Connections:
    """The connections between the units of two lines, along one axis.

    Attributes:
        line: the index of the line of the reading units.
        source: the index of the line that they read.
        branch: the index of the branch that the connections belong to; None on the trunk.
        units: the reading unit of each connection, an array (connections,).
        taps: the unit that it reads, an array (connections,); positions outside the map of
            ``source`` are zero padding.
    """

    line: int
    source: int
    branch: int | None
    units: IntArray
    taps: IntArray


@dataclass(frozen=True)
class Cone:
    """The units of lines that belong to the cone of one unit, along one axis.

    Attributes:
        marks: for each line, an array (units,) that is True for units of the cone; None if it has
            none.
        connections: the connections between marked units of the lines that are drawn, and, in a
            cone of units that one unit depends on, those to the zero padding.
    """

    marks: tuple[BoolArray | None, ...]
    connections: tuple[Connections, ...]

    def padding(self, line: int) -> list[int]:
        """The positions outside a line's map, in ascending order, that are read as zeros."""
        n = 0 if (own := self.marks[line]) is None else len(own)
        taps = [each.taps for each in self.connections if each.source == line]
        return sorted({tap for each in taps for tap in each.tolist() if not 0 <= tap < n})


def unit_cone(
    lines: Sequence[Line],
    index: int,
    unit: tuple[int, int],
    axis: int,
    of_descendants: bool = False,
    drawn: Collection[int] | None = None,
) -> Cone:
    """The cone of the units that one unit depends on, or of those that depend on it.

    Args:
        lines: the lines of the network, from `core.receptive_field.outline.outline`.
        index: the index of the unit's line.
        unit: (row, column) of the unit.
        axis: 0 for the height, 1 for the width.
        of_descendants: whether the cone has the units that depend on this one.
        drawn: the indices of the lines that are drawn, the image's and the unit's among them; all
            by default. Connections lead from one of them to the next through all others.
    """
    drawn = range(len(lines)) if drawn is None else drawn
    follow = descendant_marks if of_descendants else ancestor_marks
    of_node = follow(lines[index].field.network.graph, lines[index].node.name, unit)
    marks = [of_node[line.node.name][axis] if line.node.name in of_node else None for line in lines]
    connections: list[Connections] = []
    for current in drawn:
        connections += _connections(lines, marks, current, axis, drawn)
        if not of_descendants:
            connections += _padding_connections(lines, marks, current, axis, drawn)
    return Cone(tuple(marks), tuple(each for each in connections if each.units.size))


def _connections(
    lines: Sequence[Line],
    marks: Sequence[BoolArray | None],
    index: int,
    axis: int,
    drawn: Collection[int],
) -> Iterator[Connections]:
    """The connections of a line's marked units to those of the lines drawn before it."""
    marked = marks[index]
    if marked is None:
        return
    units, inputs = np.flatnonzero(marked), lines[index].inputs
    reads = {own: _units_read(lines, index, own, units, axis, drawn) for _, own in inputs}
    sources = {source for through in reads.values() for source in through}
    if len(sources) == 1 and len(inputs) > 1:  # the branches begin at the same line: one bundle
        (source,) = sources
        reads = {-1: {source: np.logical_or.reduce([r[source] for r in reads.values() if r])}}
    for own, through in reads.items():
        branch = own if len(reads) > 1 else lines[index].branch
        for source, read in through.items():
            if (of_source := marks[source]) is not None:
                rows, taps = np.nonzero(read & of_source)
                yield Connections(index, source, branch, units[rows], taps)


def _units_read(
    lines: Sequence[Line],
    index: int,
    own: int,
    units: IntArray,
    axis: int,
    drawn: Collection[int],
) -> dict[int, BoolArray]:
    """The units of drawn lines that some units of a line read through one input of its node.

    Returns:
        For each drawn line that is read, an array (len(units), units of that line).
    """
    (source,) = (line for line, place in lines[index].inputs if place == own)
    pending = {source: matrix_of_reads(lines[index].node.maps[own][axis])[units]}
    read: dict[int, BoolArray] = {}
    for current in range(source, -1, -1):
        if current not in pending:
            continue
        if current in drawn:
            read[current] = pending[current]
            continue
        for parent, place in lines[current].inputs:
            through = _read_through(pending[current], lines[current].node.maps[place][axis])
            pending[parent] = pending[parent] | through if parent in pending else through
    return read


def _read_through(reads: BoolArray, axis: AxisMap) -> BoolArray:
    """The inputs (units, n_in) of a map that are read by way of its outputs (units, n_out)."""
    if axis.is_identity:
        return reads
    through: BoolArray = reads.astype(np.float32) @ matrix_of_reads(axis).astype(np.float32) > 0
    return through


def _padding_connections(
    lines: Sequence[Line],
    marks: Sequence[BoolArray | None],
    index: int,
    axis: int,
    drawn: Collection[int],
) -> Iterator[Connections]:
    """The connections of a line's marked units to the zero padding beside the lines before it.

    They are left out if the padded line is not drawn and has other units than the one drawn.
    """
    line, marked = lines[index], marks[index]
    units = [] if marked is None else np.flatnonzero(marked).tolist()
    for source, own in line.inputs:
        while source not in drawn and reads_single_units(lines[source]):
            source = lines[source].inputs[0][0]
        if source in drawn:
            pairs = [(u, tap) for u in units for tap in _padding_read(line.node.maps[own][axis], u)]
            ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
            branch = line.branch_through(own)
            yield Connections(index, source, branch, ends[:, 0], ends[:, 1])


def _padding_read(axis: AxisMap, unit: int) -> list[int]:
    """The positions beside an input, in zero padding, that one output of a map reads."""
    if axis.whole or axis.causal or axis.edge != "zero":
        return []
    return [tap for tap in _taps(axis, unit) if not 0 <= tap < axis.n_in]


def _taps(axis: AxisMap, unit: int) -> range:
    """The positions that one output of a map reads, of which some may lie in the padding."""
    periods, phase = divmod(unit, axis.period)
    taps, shift = axis.taps[phase], periods * axis.advance
    return range(taps.start + shift, taps.stop + shift, taps.step)


def image_positions(line: Line, axis: int, units: Sequence[int] | IntArray) -> FloatArray:
    """The positions in the image, in pixels, of the centers of units' receptive fields.

    Units beyond the ends of the map are extrapolated by the effective stride.
    """
    stride, first = float(line.field.effective_stride[axis]), float(line.field.center[axis])
    units = np.asarray(units, dtype=np.int64)
    inside, where = np.unique(units.clip(0, line.node.grid[axis] - 1), return_inverse=True)
    spans = [(unit, line.field.axes[axis].span(unit)) for unit in inside.tolist()]
    centers = [float(s[0] + s[1]) / 2 if s else first + unit * stride for unit, s in spans]
    positions: FloatArray = np.array(centers)[where] + (units - inside[where]) * stride
    return positions


def padding_widths(lines: Sequence[Line], axis: int) -> list[tuple[int, int]]:
    """For each line, the number of units of zero padding read (before, after) its map."""
    widths = [(0, 0)] * len(lines)
    for line in lines:
        for source, own in line.inputs:
            axis_map = line.node.maps[own][axis]
            reach = _reach_beyond_ends(axis_map) if axis_map.edge == "zero" else (0, 0)
            before, after = (max(pair) for pair in zip(widths[source], reach, strict=True))
            widths[source] = min(before, MAX_PADDING_WIDTH), min(after, MAX_PADDING_WIDTH)
    return widths


def padding_copies(axis: AxisMap) -> dict[int, int]:
    """The input unit that each position beyond the ends copies; empty for zero padding."""
    before, after = _reach_beyond_ends(axis)
    beyond = np.array([*range(-before, 0), *range(axis.n_in, axis.n_in + after)], dtype=np.int64)
    copied = copied_indices(beyond, axis.n_in, axis.edge)
    pairs = zip(beyond.tolist(), copied.tolist(), strict=True)
    return {position: unit for position, unit in pairs if unit != PAD}


def _reach_beyond_ends(axis: AxisMap) -> tuple[int, int]:
    """How many positions (before, after) its input the outputs of a map reach."""
    if axis.whole or axis.causal:
        return 0, 0
    ends = {*range(min(axis.period, axis.n_out)), *range(axis.n_out)[-axis.period :]}
    taps = [tap for unit in ends for tap in _taps(axis, unit)]
    return max([0, *(-tap for tap in taps)]), max([0, *(tap - axis.n_in + 1 for tap in taps)])


def reads_single_units(line: Line) -> bool:
    """Whether each unit of a line reads only the unit at the same position of one other line.

    A 1×1 convolution with stride 1 is such a line.
    """
    axes = [axis for _, own in line.inputs for axis in line.node.maps[own]]
    return len({source for source, _ in line.inputs}) == 1 and all(a.is_identity for a in axes)
