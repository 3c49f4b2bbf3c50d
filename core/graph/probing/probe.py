"""Rules for operations that have none, from running the call (core.graph.probing.trial).

A call is run as it was recorded where that is little work, with the image's other axis cut
short where it is more, and on two shorter images where it is too much still. Taps that repeat
must be the same at two lengths; they are then those of any length. What cannot be known in
this way becomes an upper bound that names the reason.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch

from ...torch_private import (
    DisableTorchFunction,
    disable_current_modes,
    temporarily_clear_interpreter_stack,
)
from ..axes.axis_map import AxisMap, Window, identity_map, whole_map
from ..axes.layout import Dims, Grid, Shape, plain_layout
from ..rules.call import Call, Link, Outcome
from ..rules.links import fit_links, unknown_outcome, unknown_outcome_of_links
from ..rules.windows import GLOBAL
from ..tracing.constants import Constants
from .map_fit import MapFit, Reads, fill_gaps, fit_map, read_matrix, with_lengths
from .trial import NotProbedError, NotRunError, Observation, Observations, Trial

AXIS_BUDGET = 1 << 27
"""Most values that may be read and written for one axis of one call."""
FULL_SIZE_BUDGET = 1 << 21
"""Values read and written below which a call is run at full size."""
GRAPH_BUDGET = 1 << 29
"""Most values that may be read and written for all calls of one graph."""
CUT_LENGTHS = ((5, 8), (24, 32))
"""Lengths of the image axis that is not being looked at, where it is cut short; what is read
along the other one must be the same for both of a pair."""
SUFFICIENT_LENGTH, EXTENDED_LENGTH = 32, 48
"""Length of an axis from which on a pattern that repeats is seen without a longer one, and
about the length of the longer one of others."""
LENGTH_PAIRS = ((24, 16), (32, 24), (42, 28))
"""Two lengths for an axis that is too long to be run as it is."""
ObservationsOfAxes = tuple[list[Observations], list[Observations]]
"""Along the height and the width: what was read at one length or two, the longer one first."""
UNFOLLOWED_BOUND = "mixes the image axes in a way that is not followed"


class Prober:
    """Probes the calls of one graph within one budget; equal calls are probed once."""

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.remaining_budget = GRAPH_BUDGET
        self.cache: dict[object, ObservationsOfAxes | NotProbedError] = {}
        self.references: list[Call] = []

    def outcomes(self, call: Call, results: Sequence[torch.Tensor]) -> list[Outcome]:
        """What each result of a call reads of its inputs; one without links is a constant."""
        calls = [replace(call, out=tuple(result.shape)) for result in results]
        try:
            trial = Trial(call, [each.out for each in calls], self.constants)
            seen = self._observations(trial)
        except NotProbedError as error:
            return [unknown_outcome(each, str(error)) for each in calls]
        return [_outcome_of_result(each, trial, seen, place) for place, each in enumerate(calls)]

    def _observations(self, trial: Trial) -> ObservationsOfAxes:
        """What running the call has shown along both axes, now or before."""
        key = trial.key()
        if key not in self.cache:
            self.references.append(trial.call)
            try:
                with _isolated_from_run():
                    self.cache[key] = (self._observe_axis(trial, 0), self._observe_axis(trial, 1))
            except NotProbedError as error:
                self.cache[key] = error
        result = self.cache[key]
        if isinstance(result, NotProbedError):
            raise result
        return result

    def _observe_axis(self, trial: Trial, axis: int) -> list[Observations]:
        """What is read at one length or two, the longer one first."""
        n = trial.length(axis)
        reads = self._observe_length(trial, axis, None)
        if reads is not None:
            longer = (
                self._observe_length(trial, axis, n * max(2, EXTENDED_LENGTH // n))
                if 1 < n < SUFFICIENT_LENGTH
                else None
            )
            return [reads] if longer is None else [longer, reads]
        for pair in (pair for pair in LENGTH_PAIRS if pair[0] < n):
            both = [self._observe_length(trial, axis, length) for length in pair]
            if all(both):
                return [reads for reads in both if reads]
        raise NotProbedError("is too much work to be run again and again")

    def _observe_length(self, trial: Trial, axis: int, length: int | None) -> Observations | None:
        """What is read along an axis of a length, the other one as it is where that is little
        work, cut short otherwise; None where the call does not take it or it is too much."""
        cut = [(pair, AXIS_BUDGET) for pair in CUT_LENGTHS]
        for others, most in (((None,), FULL_SIZE_BUDGET), *cut, ((None,), AXIS_BUDGET)):
            try:
                seen = [self._observe_lengths(trial, axis, length, other, most) for other in others]
            except NotRunError:
                if length is None and others == (None,):
                    raise
                continue
            if seen[0] is not None and all(_all_equal(seen[0], reads) for reads in seen[1:]):
                return seen[0]
        return None

    def _observe_lengths(
        self, trial: Trial, axis: int, length: int | None, other: int | None, most: int
    ) -> Observations | None:
        """What is read where the axes have these lengths; None where that is too much work."""
        lengths = (length, other) if axis == 0 else (other, length)
        cost = trial.cost(axis, lengths)
        resized = [a for a, n in enumerate(lengths) if n is not None]
        if cost > min(most, self.remaining_budget) or not all(map(trial.resizable, resized)):
            return None
        self.remaining_budget -= cost
        return trial.observe(axis, lengths)


def _all_equal(one: Observations, other: Observations | None) -> bool:
    """Whether two observations are equal for all pairs."""
    if other is None:
        return False
    both = [(here, other[pair]) for pair, here in one.items()]
    return all(a is b if a is None or b is None else a.agrees_with(b) for a, b in both)


@contextmanager
def _isolated_from_run() -> Iterator[None]:
    """Nothing of the run that is being followed touches what happens here: no mode, no
    transformation of `torch.func`, no gradient."""
    clear = temporarily_clear_interpreter_stack()
    with clear, DisableTorchFunction(), torch.no_grad(), disable_current_modes():
        yield


class AxisPlacement(NamedTuple):
    """Where an image axis of an input lies in a result, and what is read along it.

    Attributes:
        dim: the result's dimension; None where the axis is gone.
        map: the map; None where nothing is read.
        bound: why it is an upper bound; "" where it is exact.
        tied: dimensions of the result on whose places it hangs what is read along this one.
    """

    dim: int | None
    map: AxisMap | None
    bound: str = ""
    tied: tuple[int, ...] = ()


def _outcome_of_result(call: Call, trial: Trial, seen: ObservationsOfAxes, place: int) -> Outcome:
    """What one result reads."""
    links: list[Link] = []
    bounds: list[str] = []
    for order, (key, source) in enumerate(trial.sources.items()):
        here = [[each[order, place] for each in along] for along in seen]
        rows, cols = _placements_of_source(
            source.node.grid, trial.dims[key], trial.tokens, call.out, here
        )
        if rows.map is not None and cols.map is not None:
            grid = rows.map.n_out, cols.map.n_out
            layout = plain_layout(len(call.out), (rows.dim, cols.dim), grid)
            links.append(Link(source.node, layout, (rows.map, cols.map)))
            bounds += [rows.bound, cols.bound]
    if links and fit_links(links, call.out).unfollowed:
        return unknown_outcome(call, UNFOLLOWED_BOUND)
    return _outcome_from_links(call, links, next(filter(None, bounds), ""))


def _placements_of_source(
    grid: Grid,
    dims: Dims,
    tokens: int | None,
    out: Shape,
    seen: Sequence[Sequence[Observation | None]],
) -> tuple[AxisPlacement, AxisPlacement]:
    """Both image axes of an input in one result; ``tokens`` is as `Trial` has it."""
    unrolled = out
    if tokens is not None and len(out) > tokens and out[tokens] == grid[0] * grid[1]:
        unrolled = (*out[:tokens], *grid, *out[tokens + 1 :])
        dims = (tokens, tokens + 1)
    places = [dim if dim is not None and dim < len(unrolled) else None for dim in dims]
    pair = (place_axis(seen[a], grid[a], unrolled or (1,), places[a]) for a in (0, 1))
    rows, cols = _in_separate_dims(*pair)
    if unrolled == out or rows.map is None or cols.map is None:
        return rows, cols
    if (rows.dim, cols.dim) == dims:
        return rows._replace(dim=tokens), cols._replace(dim=tokens)
    return _placement_reading_all(grid[0], out, None, UNFOLLOWED_BOUND), _placement_reading_all(
        grid[1], out, None, UNFOLLOWED_BOUND
    )


def _in_separate_dims(
    rows: AxisPlacement, cols: AxisPlacement
) -> tuple[AxisPlacement, AxisPlacement]:
    """Two axes in dimensions of their own. One of which all outputs read everything is gone
    where the other one lies; what is read along one must not hang on the place along the other."""
    if rows.dim is not None and rows.dim == cols.dim:
        if rows.map and rows.map.whole:
            rows = rows._replace(dim=None, map=whole_map(rows.map.n_in, 1))
        elif cols.map and cols.map.whole:
            cols = cols._replace(dim=None, map=whole_map(cols.map.n_in, 1))
    elif rows.dim in cols.tied or cols.dim in rows.tied:
        rows = rows._replace(bound=rows.bound or RAGGED_BOUND)
    return rows, cols


def _placement_reading_all(n: int, out: Shape, own: int | None, bound: str = "") -> AxisPlacement:
    """Every output reads every unit of an axis."""
    if n == 1:
        m = 1 if own is None else out[own]
        return AxisPlacement(
            own, identity_map(1) if m == 1 else identity_map(1).broadcast(m), bound
        )
    stays = own is not None and out[own] == n
    return AxisPlacement(own if stays else None, whole_map(n, n if stays else 1), bound)


def place_axis(
    seen: Sequence[Observation | None], n: int, out: Shape, own: int | None
) -> AxisPlacement:
    """Where an image axis of ``n`` units lies in a result; a bound where it cannot be followed.

    Args:
        seen: what was seen at one length or two; None where that hangs on the values.
        n: the axis's real length.
        out: the result's real shape.
        own: the dimension in which the axis lay before, if the result has one.
    """
    observed = [here for here in seen if here is not None]
    if len(observed) < len(seen):
        return _placement_reading_all(n, out, own, VALUES_BOUND)
    reads = [here.reads for here in observed]
    if not any(each.any() for each in reads[-1]):
        return AxisPlacement(None, None)
    moving = next(filter(None, map(_varying_dims, reversed(reads))), [])
    if not moving:
        return _placement_of_constant_reads(
            [np.any(r[0], axis=0, keepdims=True) for r in reads], n, out, own
        )
    fits = {dim: _fit_all_lengths([each[dim] for each in reads], n, out[dim]) for dim in moving}
    dim, best = _narrowest_fit({dim: best for dim, best in fits.items() if best}, own)
    if best is None:
        return _placement_reading_all(n, out, own, UNFOLLOWED_BOUND)
    tied = tuple(int(other) for other in np.flatnonzero(observed[-1].tied[dim]))
    return AxisPlacement(dim, best.map, SCATTERED_BOUND if best.scattered else "", tied)


def _narrowest_fit(fits: Mapping[int, MapFit], own: int | None) -> tuple[int, MapFit | None]:
    """The dimension of whose outputs each reads fewest units, of those that move on; the one in
    which the axis lay before unless its outputs read twice as many."""
    if not fits:
        return 0, None
    standing = [dim for dim, one in fits.items() if one.regular and not one.map.advance]
    along = {d: one for d, one in fits.items() if d not in standing} or dict(fits)

    def width(dim: int) -> float:
        taps = along[dim].map.taps
        return sum(map(len, taps)) / len(taps) * (1 if dim == own else 2)

    dim = min(along, key=width)
    return dim, along[dim]


VALUES_BOUND = "reads other places for other values"
SCATTERED_BOUND = "reads scattered places: all between them are taken"
RAGGED_BOUND = "reads other places for other outputs of a row: all of them are taken"


def _varying_dims(seen: Sequence[Reads]) -> list[int]:
    """The dimensions along which what is read changes, where anything is read."""
    reading = [reads[reads.any(axis=1)] for reads in seen]
    return [dim for dim, reads in enumerate(reading) if np.any(reads != reads[:1])]


def _placement_of_constant_reads(
    seen: Sequence[Reads], n: int, out: Shape, own: int | None
) -> AxisPlacement:
    """An axis of which all outputs read the same."""
    if n == 1 or all(reads.all() for reads in seen):
        return _placement_reading_all(n, out, own)
    agreed = _fit_all_lengths(seen, n, 1)
    if agreed is None:
        return _placement_reading_all(n, out, own, UNFOLLOWED_BOUND)
    dim = own if own is not None and out[own] == 1 else None
    return AxisPlacement(dim, agreed.map, SCATTERED_BOUND if agreed.scattered else "")


def _fit_all_lengths(seen: Sequence[Reads], n: int, m: int) -> MapFit | None:
    """A map from n to m units that reads what was seen at every length."""
    for candidate in filter(None, map(fit_map, seen)):
        holds = candidate.regular and all(_reproduces(candidate.map, reads) for reads in seen)
        if holds and _predicts_length(candidate.map, seen[0].shape, n, m):
            return candidate._replace(map=_with_window_settings(with_lengths(candidate.map, n, m)))
    return fit_map(seen[-1]) if seen[-1].shape == (m, n) else None


def _reproduces(axis: AxisMap, reads: Reads) -> bool:
    m, n = reads.shape
    return np.array_equal(read_matrix(with_lengths(axis, n, m)), fill_gaps(reads))


def _predicts_length(axis: AxisMap, seen: tuple[int, ...], n: int, m: int) -> bool:
    """Whether a map gives m units of n, as it gave those that were seen."""
    if not axis.advance:
        return m == seen[0]
    more = (n - seen[1]) * axis.period / axis.advance
    return abs(seen[0] + more - m) <= axis.period


def _with_window_settings(axis: AxisMap) -> AxisMap:
    """With the settings of a window, where the map is one."""
    (taps, *others), stride = axis.taps, axis.advance
    if others or stride < 1 or axis.edge != "zero" or axis.is_identity or not taps:
        return axis
    after = (axis.n_out - 1) * stride + taps[-1] - (axis.n_in - 1)
    step = taps.step if len(taps) > 1 else 1
    return replace(axis, window=Window(len(taps), stride, (-taps[0], after), step))


def _outcome_from_links(call: Call, links: Sequence[Link], why: str) -> Outcome:
    maps = [axis for link in links for axis in link.maps]
    bound = f"{call.operation}: {why}" if why else ""
    if why in (VALUES_BOUND, UNFOLLOWED_BOUND):
        return unknown_outcome_of_links(call, links, why)
    if any(axis.whole for axis in maps):
        return Outcome("global", links, f"{GLOBAL}: {call.operation} over space", bound)
    if all(axis.is_identity for axis in maps):
        moved = any(link.layout != link.source.layout for link in links)
        kind = "reshape" if moved else "merge" if len(links) > 1 else "pass"
        return Outcome(kind, links, "", bound)
    if any(axis.window for axis in maps):
        return Outcome("window", links, "", bound)
    single = all(len(taps) == 1 for axis in maps for taps in axis.taps)
    return Outcome("crop" if single else "resample", links, "", bound)
