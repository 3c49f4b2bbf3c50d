"""Fits an `AxisMap` to a matrix that shows which input units each output reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ..axes.axis_map import AxisMap, Edge, matrix_of_reads

ReadMatrix = NDArray[np.bool_]
"""A boolean matrix of shape (outputs, inputs) that is True where an output reads an input."""
MAX_PERIOD_TRIED = 32
"""The longest period that is tried."""
MAX_EXPLICIT_OUTPUTS = 1024
"""The most outputs of a map whose taps do not repeat."""


class MapFit(NamedTuple):
    """A map that reproduces observed reads.

    Attributes:
        map: the map.
        regular: whether its taps are periodic, so that it applies to other lengths as well.
        scattered: whether some output reads units with unequal gaps between them; the map then
            includes all units from the first to the last.
    """

    map: AxisMap
    regular: bool
    scattered: bool


def fit_map(reads: ReadMatrix) -> MapFit | None:
    """The map with the shortest period that reproduces observed reads.

    Args:
        reads: the observations, of shape (outputs, inputs).

    Returns:
        The fit; None if no pattern repeats for more than `MAX_EXPLICIT_OUTPUTS` outputs.
    """
    taps = [_range_of(np.flatnonzero(row)) for row in reads]
    filled = fill_gaps(reads)
    scattered = not np.array_equal(filled, reads)
    for candidate in _candidate_maps(taps, reads.shape[1]):
        if np.array_equal(matrix_of_reads(candidate), filled) and _mostly_reads_inside(
            candidate, taps
        ):
            return MapFit(candidate, True, scattered)
    if len(taps) > MAX_EXPLICIT_OUTPUTS:
        return None
    return MapFit(explicit_map(taps, reads.shape[1]), False, scattered)


def fill_gaps(reads: ReadMatrix) -> ReadMatrix:
    """The reads, extended to all units between the first and the last if gaps are unequal."""
    return matrix_of_reads(
        explicit_map([_range_of(np.flatnonzero(row)) for row in reads], reads.shape[1])
    )


def map_with_lengths(axis: AxisMap, n_in: int, n_out: int) -> AxisMap:
    """The same pattern of taps on axes of other lengths."""
    return replace(axis, n_in=n_in, n_out=n_out)


def _range_of(units: NDArray[np.intp]) -> range:
    """Ascending units as a range; all units from first to last if the gaps between them differ."""
    if len(units) < 2:
        return range(int(units[0]), int(units[0]) + 1) if len(units) else range(0)
    gaps = np.diff(units)
    step = int(gaps[0]) if (gaps == gaps[0]).all() else 1
    return range(int(units[0]), int(units[-1]) + 1, step)


def explicit_map(taps: Sequence[range], n_in: int) -> AxisMap:
    """The map with period ``len(taps)``, i.e. one that lists the taps of every output.

    Its advance beyond the last output extrapolates the mean distance between outputs.

    Args:
        taps: the units that each output reads.
        n_in: number of input units.
    """
    starts = [tap.start for tap in taps if tap]
    distance = starts[-1] - starts[0] if starts else 0
    advance = round(distance * len(taps) / (len(taps) - 1)) if len(taps) > 1 else n_in
    return AxisMap(n_in, len(taps), tuple(taps), advance)


def _mostly_reads_inside(axis: AxisMap, taps: Sequence[range]) -> bool:
    """Whether at least half of the outputs read exactly the map's taps, untouched by its padding.

    Otherwise a map with copied padding could fit by chance. Maps with zero padding always pass.
    """
    if axis.edge == "zero":
        return True
    unpadded = sum(
        tap.start == phase.start + unit // axis.period * axis.advance and len(tap) == len(phase)
        for unit, tap in enumerate(taps)
        for phase in [axis.taps[unit % axis.period]]
    )
    return len(taps) > 3 and 2 * unpadded >= len(taps)


def _candidate_maps(taps: Sequence[range], n_in: int) -> Iterator[AxisMap]:
    """The maps that may reproduce the taps of all outputs, those with short periods first."""
    n_out = len(taps)
    for period in range(1, min(MAX_PERIOD_TRIED, max(1, n_out // 2)) + 1):
        for advance in _frequent_advances(taps, period):
            phases = [
                _taps_moved_to_first_period(taps, phase, period, advance) for phase in range(period)
            ]
            yield AxisMap(n_in, n_out, tuple(map(_union_of_taps, phases)), advance)
            unclipped = tuple(map(_widest_taps, phases))
            for edge in get_args(Edge)[1:]:
                yield AxisMap(n_in, n_out, unclipped, advance, edge)


def _frequent_advances(taps: Sequence[range], period: int) -> list[int]:
    """The three most frequent distances by which taps move from one period to the next."""
    moves = Counter(
        after[end] - before[end]
        for before, after in zip(taps, taps[period:], strict=False)
        if before and after
        for end in (0, -1)
    )
    return [move for move, _ in moves.most_common(3)] or [0]


def _taps_moved_to_first_period(
    taps: Sequence[range], phase: int, period: int, advance: int
) -> list[range]:
    """The taps of all outputs of one phase, each moved back to the first period."""
    moved = []
    for turn, own in enumerate(taps[phase::period]):
        shift = turn * advance
        moved.append(range(own.start - shift, own.stop - shift, own.step))
    return moved


def _union_of_taps(phase: Sequence[range]) -> range:
    """The union of the taps of a phase, of which the input's borders clip different ones."""
    nonempty = [taps for taps in phase if taps]
    if not nonempty:
        return range(0)
    step = _widest_taps(phase).step
    return range(min(taps[0] for taps in nonempty), max(taps[-1] for taps in nonempty) + 1, step)


def _widest_taps(phase: Sequence[range]) -> range:
    """The longest taps of a phase, which the borders clip least; the middle ones among equals."""
    middle = (len(phase) - 1) / 2
    return min(enumerate(phase), key=lambda p: (-len(p[1]), abs(p[0] - middle)))[1]
