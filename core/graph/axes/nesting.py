"""Combinations of axis maps: one nested in another, and one applied after another.

An image axis that a view has cut into blocks lies in two dimensions of a tensor: the unit
``o*m + i`` has index ``o`` along the outer dimension and index ``i`` along the inner one, which
has length ``m``. An operation has an `AxisMap` along each of the two dimensions, and `nested_map`
returns its map along the whole axis. `composed_map` returns the map of two successive operations.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from math import gcd

import numpy as np
from numpy.typing import NDArray

from ...layer.padding import copied_index
from ...layer.window import PAD
from .axis_map import (
    MAX_PERIOD,
    AxisMap,
    causal_map,
    covering_range,
    identity_map,
    whole_map,
)

PhaseTaps = tuple[range, ...]
"""The input units that each phase of a map reads, as in `AxisMap.taps`."""


@lru_cache(maxsize=4096)
def nested_map(outer: AxisMap, inner: AxisMap) -> AxisMap:
    """The map along an axis that lies in two dimensions, from the maps along the two dimensions.

    The map is `AxisMap.loose` if an output's units do not form an arithmetic progression, so that
    the map also names units between them, or if its period would exceed `MAX_PERIOD`.
    """
    n_in, n_out = outer.n_in * inner.n_in, outer.n_out * inner.n_out
    if outer.is_identity and inner.is_identity:
        return identity_map(n_in)
    if inner.n_in == inner.n_out == 1 and inner.is_identity:
        return outer
    if outer.n_in == outer.n_out == 1 and outer.is_identity:
        return inner
    if _reads_all(outer) and _reads_all(inner):
        return whole_map(n_in, n_out) if n_in > 1 else identity_map(1).broadcast(n_out)
    plain = outer if outer.edge in ("zero", "circular") and not outer.causal else listed_map(outer)
    inside = [_unpadded_taps(inner, v) for v in range(min(inner.n_out, MAX_PERIOD + 1))]
    if plain.period * len(inside) > MAX_PERIOD:
        return replace(whole_map(n_in, n_out), loose=True)
    pairs = [
        _blockwise_taps(taps, within, inner.n_in)
        for taps in plain.taps
        for within in _without_exactness(inside)
    ]
    loose = any(not exact for _, exact in pairs) or any(not exact for _, exact in inside)
    result = AxisMap(
        n_in, n_out, tuple(taps for taps, _ in pairs), plain.advance * inner.n_in, plain.edge
    )
    window = outer.window if inner.n_out == 1 else None
    return replace(
        shortest_pattern(result), loose=loose or plain.loose or inner.loose, window=window
    )


def _without_exactness(pairs: Iterable[tuple[range, bool]]) -> PhaseTaps:
    """The first items of pairs of a range and whether it is exact."""
    return tuple(taps for taps, _ in pairs)


def _reads_all(axis: AxisMap) -> bool:
    """Whether every output reads every input."""
    return axis.whole or (axis.n_in == 1 and axis.advance == 0 and axis.taps == (range(1),))


def _blockwise_taps(taps: range, within: range, size: int) -> tuple[range, bool]:
    """The units ``t*size + w`` for all t in ``taps`` and w in ``within``.

    Returns:
        The shortest range that covers these units, and whether it contains no others.
    """
    if not taps or not within:
        return range(0), True
    step = within.step if len(within) > 1 else taps.step * size
    low = taps[0] * size + within[0]
    if len(taps) == 1 or len(within) == 1:
        high = taps[-1] * size + within[-1]
        return range(low, high + 1, step), True
    fills = len(within) * within.step == taps.step * size
    step = within.step if fills else gcd(within.step, taps.step * size)
    return range(low, taps[-1] * size + within[-1] + 1, step), fills


def _unpadded_taps(axis: AxisMap, unit: int) -> tuple[range, bool]:
    """The input units, padding replaced by what it copies, that one output reads.

    Returns:
        The shortest range that covers these units, and whether it contains no others.
    """
    if axis.whole or axis.causal:
        return range(axis.n_in if axis.whole else unit + 1), True
    periods, phase = divmod(unit, axis.period)
    taps = np.array(axis.taps[phase], dtype=np.int64) + periods * axis.advance
    source = copied_index(taps, axis.n_in, axis.edge)
    return covering_range(np.unique(source[source != PAD]).tolist())


def listed_map(axis: AxisMap) -> AxisMap:
    """The same map with period ``n_out`` and without padding: each output lists its input units.

    An axis of more than `MAX_PERIOD` outputs gets a loose map in which all read everything.
    """
    if axis.n_out > MAX_PERIOD:
        return replace(whole_map(axis.n_in, axis.n_out), loose=True)
    pairs = [_unpadded_taps(axis, u) for u in range(axis.n_out)]
    loose = axis.loose or any(not exact for _, exact in pairs)
    result = AxisMap(axis.n_in, axis.n_out, _without_exactness(pairs), axis.n_in)
    return replace(result, loose=loose)


def picked_map(n_in: int, indices: Sequence[int]) -> AxisMap:
    """The map of an index list: output u reads input ``indices[u]``."""
    taps = tuple(range(index, index + 1) for index in indices)
    if len(taps) > MAX_PERIOD:
        return replace(whole_map(n_in, len(taps)), loose=True)
    return shortest_pattern(AxisMap(n_in, len(taps), taps, n_in))


def map_of_matrix(reads: NDArray[np.bool_]) -> AxisMap:
    """The map of a boolean matrix (n_out, n_in) that is True where an output reads an input."""
    n_out, n_in = reads.shape
    if n_out == n_in and np.array_equal(reads, np.tri(n_in, dtype=bool)):
        return causal_map(n_in)
    if n_out > MAX_PERIOD:
        return replace(whole_map(n_in, n_out), loose=True)
    pairs = [covering_range(np.flatnonzero(row).tolist()) for row in reads]
    result = AxisMap(n_in, n_out, _without_exactness(pairs), n_in)
    return replace(shortest_pattern(result), loose=any(not exact for _, exact in pairs))


def shortest_pattern(axis: AxisMap) -> AxisMap:
    """The same map with the shortest period; taps beyond the last output unit are arbitrary."""
    period = axis.period
    if period == 1 or not all(axis.taps):
        return axis
    covers_all_outputs = period >= axis.n_out
    for short in range(1, period):
        if period % short and not covers_all_outputs:
            continue
        advance = axis.taps[short].start - axis.taps[0].start
        if not covers_all_outputs and advance * (period // short) != axis.advance:
            continue
        if all(
            taps == _shifted(axis.taps[u % short], u // short * advance)
            for u, taps in enumerate(axis.taps)
        ):
            return replace(axis, taps=axis.taps[:short], advance=advance)
    return axis


def _shifted(taps: range, shift: int) -> range:
    return range(taps.start + shift, taps.stop + shift, taps.step)


@lru_cache(maxsize=4096)
def composed_map(first: AxisMap, then: AxisMap) -> AxisMap:
    """The map from the inputs of ``first`` to the outputs of ``then``, which reads ``first``.

    The map is `AxisMap.loose` where an output's units do not form an arithmetic progression.
    """
    if first.is_identity and first.n_out == then.n_in:
        return then
    if then.is_identity:
        return first
    if first.whole or (then.whole and _reads_every_input(first)):
        return replace(whole_map(first.n_in, then.n_out), loose=first.loose or then.loose)
    if then.edge not in ("zero", "circular") or then.causal:
        then = listed_map(then)
    if first.edge != "zero" or first.causal or first.whole:
        first = listed_map(first)
    repeats = first.period // gcd(first.period, then.advance)
    if then.period * repeats > MAX_PERIOD:
        return replace(whole_map(first.n_in, then.n_out), loose=True)
    pairs = [
        _taps_through(first, then.taps[u % then.period], u // then.period * then.advance)
        for u in range(then.period * repeats)
    ]
    advance = then.advance * repeats // first.period * first.advance
    edge = then.edge if first.period == 1 else "zero"
    result = AxisMap(first.n_in, then.n_out, _without_exactness(pairs), advance, edge)
    loose = first.loose or then.loose or any(not exact for _, exact in pairs)
    return replace(shortest_pattern(result), loose=loose, window=then.window)


def _reads_every_input(axis: AxisMap) -> bool:
    """Whether all outputs together read all inputs, judged by the first `MAX_PERIOD` outputs."""
    reads = {t for u in range(min(axis.n_out, MAX_PERIOD)) for t in _unpadded_taps(axis, u)[0]}
    return len(reads) == axis.n_in


def _taps_through(first: AxisMap, taps: range, shift: int) -> tuple[range, bool]:
    """The inputs of ``first`` that its outputs ``taps``, moved by ``shift``, read.

    Returns:
        The shortest range that covers these inputs, and whether it contains no others.
    """
    units: set[int] = set()
    for tap in taps:
        periods, phase = divmod(tap + shift, first.period)
        units.update(t + periods * first.advance for t in first.taps[phase])
    return covering_range(sorted(units))
