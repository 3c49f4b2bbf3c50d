"""An `AxisMap` from observations: which of n input units each of m outputs was seen to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from ..axes.axis_map import AxisMap, Edge

Reads = NDArray[np.bool_]
"""(m, n): output u reads input r."""
MAX_REPEATED = 32
"""Longest pattern of outputs that is looked for."""
MAX_LISTED = 1024
"""Most outputs whose units are listed one by one, where no pattern repeats."""


class MapFit(NamedTuple):
    """A map that reproduces what was seen.

    Attributes:
        map: the map.
        regular: its taps repeat and move on, so that it holds for other lengths as well.
        scattered: an output reads units with gaps of different lengths between them; the map
            takes all from the first to the last.
    """

    map: AxisMap
    regular: bool
    scattered: bool


def fit_map(reads: Reads) -> MapFit | None:
    """The shortest pattern of taps that reads what was seen; None where there are too many.

    Args:
        reads: (m, n), true where output u reads input r.
    """
    taps = [_range_of(np.flatnonzero(row)) for row in reads]
    wanted = fill_gaps(reads)
    scattered = not np.array_equal(wanted, reads)
    for candidate in _candidates(taps, reads.shape[1]):
        if np.array_equal(read_matrix(candidate), wanted) and _mostly_reads_inside(candidate, taps):
            return MapFit(candidate, True, scattered)
    if len(taps) > MAX_LISTED:
        return None
    return MapFit(unrepeated_map(taps, reads.shape[1]), False, scattered)


def fill_gaps(reads: Reads) -> Reads:
    """What is seen, and all that lies between where the gaps differ in length."""
    return read_matrix(
        unrepeated_map([_range_of(np.flatnonzero(row)) for row in reads], reads.shape[1])
    )


def read_matrix(axis: AxisMap) -> Reads:
    """What a map reads, as `fit` takes it."""
    reads = np.zeros((axis.n_out, axis.n_in + 1), dtype=bool)
    np.put_along_axis(reads, axis.table(), True, axis=1)
    return reads[:, :-1]


def with_lengths(axis: AxisMap, n_in: int, n_out: int) -> AxisMap:
    """The same pattern of taps on an axis of another length."""
    return replace(axis, n_in=n_in, n_out=n_out)


def _range_of(units: NDArray[np.intp]) -> range:
    """Units as a range; all from the first to the last where their gaps differ."""
    if len(units) < 2:
        return range(int(units[0]), int(units[0]) + 1) if len(units) else range(0)
    gaps = np.diff(units)
    step = int(gaps[0]) if (gaps == gaps[0]).all() else 1
    return range(int(units[0]), int(units[-1]) + 1, step)


def unrepeated_map(taps: Sequence[range], n: int) -> AxisMap:
    """A map of which nothing repeats; it moves on by the mean distance of its outputs."""
    starts = [tap.start for tap in taps if tap]
    apart = starts[-1] - starts[0] if starts else 0
    advance = round(apart * len(taps) / (len(taps) - 1)) if len(taps) > 1 else n
    return AxisMap(n, len(taps), tuple(taps), advance)


def _mostly_reads_inside(axis: AxisMap, taps: Sequence[range]) -> bool:
    """Whether most units read what the pattern says without what stands outside the input."""
    if axis.edge == "zero":
        return True
    inside = sum(
        tap.start == phase.start + unit // axis.period * axis.advance and len(tap) == len(phase)
        for unit, tap in enumerate(taps)
        for phase in [axis.taps[unit % axis.period]]
    )
    return len(taps) > 3 and 2 * inside >= len(taps)


def _candidates(taps: Sequence[range], n: int) -> Iterator[AxisMap]:
    """Maps that may read the same, those of short patterns first."""
    m = len(taps)
    for period in range(1, min(MAX_REPEATED, max(1, m // 2)) + 1):
        for advance in _advances(taps, period):
            phases = [_aligned_outputs(taps, phase, period, advance) for phase in range(period)]
            yield AxisMap(n, m, tuple(map(_union_of_taps, phases)), advance)
            inner = tuple(map(_widest_taps, phases))
            for edge in get_args(Edge)[1:]:
                yield AxisMap(n, m, inner, advance, edge)


def _advances(taps: Sequence[range], period: int) -> list[int]:
    """How far the taps move from one period to the next, by how often that is seen."""
    moves = Counter(
        after[end] - before[end]
        for before, after in zip(taps, taps[period:], strict=False)
        if before and after
        for end in (0, -1)
    )
    return [move for move, _ in moves.most_common(3)] or [0]


def _aligned_outputs(taps: Sequence[range], phase: int, period: int, advance: int) -> list[range]:
    """What all outputs of one phase read, moved to where the first of them lies."""
    moved = []
    for turn, here in enumerate(taps[phase::period]):
        shift = turn * advance
        moved.append(range(here.start - shift, here.stop - shift, here.step))
    return moved


def _union_of_taps(phase: Sequence[range]) -> range:
    """All taps of a phase, where the input's borders cut off others for each output."""
    seen = [taps for taps in phase if taps]
    if not seen:
        return range(0)
    step = _widest_taps(phase).step
    return range(min(taps[0] for taps in seen), max(taps[-1] for taps in seen) + 1, step)


def _widest_taps(phase: Sequence[range]) -> range:
    """The taps that the borders cut least; those of the middle where there are several."""
    middle = (len(phase) - 1) / 2
    return min(enumerate(phase), key=lambda p: (-len(p[1]), abs(p[0] - middle)))[1]
