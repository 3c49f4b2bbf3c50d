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

from ...layer.padding import copied_indices
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

    The map is only an upper bound if an output's units do not form an arithmetic progression, so
    that the map also names units between them, or if its period would exceed `MAX_PERIOD`.
    """
    n_in, n_out = outer.n_in * inner.n_in, outer.n_out * inner.n_out
    if outer.is_identity and inner.is_identity:
        return identity_map(n_in)
    if inner.n_in == inner.n_out == 1 and inner.is_identity:
        return outer
    if outer.n_in == outer.n_out == 1 and outer.is_identity:
        return inner
    if _each_output_reads_all(outer) and _each_output_reads_all(inner):
        return whole_map(n_in, n_out) if n_in > 1 else identity_map(1).broadcast(n_out)
    plain = (
        outer if outer.edge in ("zero", "circular") and not outer.causal else as_explicit_map(outer)
    )
    inside = [_unpadded_taps(inner, v) for v in range(min(inner.n_out, MAX_PERIOD + 1))]
    if plain.period * len(inside) > MAX_PERIOD:
        return replace(whole_map(n_in, n_out), is_upper_bound=True)
    pairs = [
        _nested_taps(taps, within, inner.n_in)
        for taps in plain.taps
        for within in _ranges_of_pairs(inside)
    ]
    is_upper_bound = any(not exact for _, exact in pairs) or any(not exact for _, exact in inside)
    result = AxisMap(
        n_in, n_out, tuple(taps for taps, _ in pairs), plain.advance * inner.n_in, plain.edge
    )
    window = outer.window if inner.n_out == 1 else None
    return replace(
        with_shortest_period(result),
        is_upper_bound=is_upper_bound or plain.is_upper_bound or inner.is_upper_bound,
        window=window,
    )


def _ranges_of_pairs(pairs: Iterable[tuple[range, bool]]) -> PhaseTaps:
    """The first items of pairs of a range and whether it is exact."""
    return tuple(taps for taps, _ in pairs)


def _each_output_reads_all(axis: AxisMap) -> bool:
    """Whether every output reads every input."""
    return axis.whole or (axis.n_in == 1 and axis.advance == 0 and axis.taps == (range(1),))


def _nested_taps(outer_taps: range, inner_taps: range, inner_size: int) -> tuple[range, bool]:
    """The units ``t*inner_size + w`` for all t in ``outer_taps`` and w in ``inner_taps``.

    Returns:
        The shortest range that covers these units, and whether it contains no others.
    """
    if not outer_taps or not inner_taps:
        return range(0), True
    step = inner_taps.step if len(inner_taps) > 1 else outer_taps.step * inner_size
    low = outer_taps[0] * inner_size + inner_taps[0]
    if len(outer_taps) == 1 or len(inner_taps) == 1:
        high = outer_taps[-1] * inner_size + inner_taps[-1]
        return range(low, high + 1, step), True
    fills = len(inner_taps) * inner_taps.step == outer_taps.step * inner_size
    step = inner_taps.step if fills else gcd(inner_taps.step, outer_taps.step * inner_size)
    return range(low, outer_taps[-1] * inner_size + inner_taps[-1] + 1, step), fills


def _unpadded_taps(axis: AxisMap, unit: int) -> tuple[range, bool]:
    """The input units, padding replaced by what it copies, that one output reads.

    Returns:
        The shortest range that covers these units, and whether it contains no others.
    """
    if axis.whole or axis.causal:
        return range(axis.n_in if axis.whole else unit + 1), True
    periods, phase = divmod(unit, axis.period)
    taps = np.array(axis.taps[phase], dtype=np.int64) + periods * axis.advance
    source = copied_indices(taps, axis.n_in, axis.edge)
    return covering_range(np.unique(source[source != PAD]).tolist())


def as_explicit_map(axis: AxisMap) -> AxisMap:
    """The same map with period ``n_out`` and without padding: each output lists its input units.

    An axis of more than `MAX_PERIOD` outputs gets an upper bound in which all read everything.
    """
    if axis.n_out > MAX_PERIOD:
        return replace(whole_map(axis.n_in, axis.n_out), is_upper_bound=True)
    pairs = [_unpadded_taps(axis, u) for u in range(axis.n_out)]
    is_upper_bound = axis.is_upper_bound or any(not exact for _, exact in pairs)
    result = AxisMap(axis.n_in, axis.n_out, _ranges_of_pairs(pairs), axis.n_in)
    return replace(result, is_upper_bound=is_upper_bound)


def index_list_map(n_in: int, indices: Sequence[int]) -> AxisMap:
    """The map of an index list: output u reads input ``indices[u]``."""
    taps = tuple(range(index, index + 1) for index in indices)
    if len(taps) > MAX_PERIOD:
        return replace(whole_map(n_in, len(taps)), is_upper_bound=True)
    return with_shortest_period(AxisMap(n_in, len(taps), taps, n_in))


def map_of_reads(reads: NDArray[np.bool_]) -> AxisMap:
    """The map of a boolean matrix (n_out, n_in) that is True where an output reads an input."""
    n_out, n_in = reads.shape
    if n_out == n_in and np.array_equal(reads, np.tri(n_in, dtype=bool)):
        return causal_map(n_in)
    if n_out > MAX_PERIOD:
        return replace(whole_map(n_in, n_out), is_upper_bound=True)
    pairs = [covering_range(np.flatnonzero(row).tolist()) for row in reads]
    result = AxisMap(n_in, n_out, _ranges_of_pairs(pairs), n_in)
    return replace(
        with_shortest_period(result), is_upper_bound=any(not exact for _, exact in pairs)
    )


def with_shortest_period(axis: AxisMap) -> AxisMap:
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

    The map is only an upper bound where an output's units form no arithmetic progression.
    """
    if first.is_identity and first.n_out == then.n_in:
        return then
    if then.is_identity:
        return first
    if first.whole or (then.whole and _outputs_together_read_all(first)):
        return replace(
            whole_map(first.n_in, then.n_out),
            is_upper_bound=first.is_upper_bound or then.is_upper_bound,
        )
    if then.edge not in ("zero", "circular") or then.causal:
        then = as_explicit_map(then)
    if first.edge != "zero" or first.causal or first.whole:
        first = as_explicit_map(first)
    repeats = first.period // gcd(first.period, then.advance)
    if then.period * repeats > MAX_PERIOD:
        return replace(whole_map(first.n_in, then.n_out), is_upper_bound=True)
    pairs = [
        _inputs_read_by_outputs(first, then.taps[u % then.period], u // then.period * then.advance)
        for u in range(then.period * repeats)
    ]
    advance = then.advance * repeats // first.period * first.advance
    edge = then.edge if first.period == 1 else "zero"
    result = AxisMap(first.n_in, then.n_out, _ranges_of_pairs(pairs), advance, edge)
    is_upper_bound = (
        first.is_upper_bound or then.is_upper_bound or any(not exact for _, exact in pairs)
    )
    return replace(with_shortest_period(result), is_upper_bound=is_upper_bound, window=then.window)


def _outputs_together_read_all(axis: AxisMap) -> bool:
    """Whether all outputs together read all inputs, judged by the first `MAX_PERIOD` outputs."""
    reads = {t for u in range(min(axis.n_out, MAX_PERIOD)) for t in _unpadded_taps(axis, u)[0]}
    return len(reads) == axis.n_in


def _inputs_read_by_outputs(first: AxisMap, outputs: range, shift: int) -> tuple[range, bool]:
    """The inputs of ``first`` that some of its outputs, moved by ``shift``, read.

    Returns:
        The shortest range that covers these inputs, and whether it contains no others.
    """
    units: set[int] = set()
    for tap in outputs:
        periods, phase = divmod(tap + shift, first.period)
        units.update(t + periods * first.advance for t in first.taps[phase])
    return covering_range(sorted(units))
