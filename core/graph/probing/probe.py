"""Derives what an operation without a rule reads from running it (core.graph.probing.trial).

One image axis is examined at a time. A cheap call runs at the sizes that it was recorded with. For
a more expensive one the other image axis is shortened, and for an even more expensive one both axes
are, to two different lengths. A periodic pattern of taps must agree at two lengths, and then
counts for any length. Where this fails, the result is an upper bound that names the reason.
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
from ..axes.axis_map import AxisMap, Window, identity_map, matrix_of_reads, whole_map
from ..axes.layout import Dims, Grid, Shape, plain_layout
from ..rules.call import Call, Link, Outcome
from ..rules.links import fit_links, unknown_outcome, unknown_outcome_of_links
from ..rules.windows import GLOBAL_NOTE
from ..tracing.constants import Constants
from .map_fit import MapFit, ReadMatrix, fill_gaps, fit_map, map_with_lengths
from .trial import NotProbedError, NotRunError, Observation, Observations, Trial

AXIS_BUDGET = 1 << 27
"""The most values that probing one axis of one call may read and write."""
FULL_SIZE_BUDGET = 1 << 21
"""The most values that probing one axis of a call at its recorded sizes may read and write.

Above it the other axis is shortened first.
"""
GRAPH_BUDGET = 1 << 29
"""The most values that probing all calls of one graph may read and write."""
CUT_LENGTHS = ((5, 8), (24, 32))
"""Pairs of short lengths for the other axis; the observations at both must be equal."""
SUFFICIENT_LENGTH, EXTENDED_LENGTH = 32, 48
"""An axis shorter than the first number is also observed at about, or beyond, the second.

A longer axis is enough by itself to reveal a periodic pattern.
"""
LENGTH_PAIRS = ((24, 16), (32, 24), (42, 28))
"""Pairs of lengths for an axis that is too long for its own length to be observed."""
ObservationsOfAxes = tuple[list[Observations], list[Observations]]
"""The observations along (height, width), each at one length or at two, the longer one first."""
UNFOLLOWED_AXES_REASON = "mixes the image axes in a way that is not followed"
"""Why maps are only an upper bound: no dimension is known to run along an image axis."""


class Prober:
    """Probes the calls of one graph within one budget; equal calls are probed once.

    Attributes:
        constants: the values of the run's constants.
        remaining_budget: the number of values that further probing may read and write.
        cache: the observations of each kind of call, or the reason why there are none.
        references: the probed calls, which keeps the ids of their tensors unique.
    """

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self.remaining_budget = GRAPH_BUDGET
        self.cache: dict[object, ObservationsOfAxes | NotProbedError] = {}
        self.references: list[Call] = []

    def outcomes(self, call: Call, results: Sequence[torch.Tensor]) -> list[Outcome]:
        """The outcome of each result of a call; a result without links is a constant."""
        calls = [replace(call, out=tuple(result.shape)) for result in results]
        try:
            trial = Trial(call, [each.out for each in calls], self.constants)
            observations = self._observations(trial)
        except NotProbedError as error:
            return [unknown_outcome(each, str(error)) for each in calls]
        return [_outcome_of_result(each, trial, observations, i) for i, each in enumerate(calls)]

    def _observations(self, trial: Trial) -> ObservationsOfAxes:
        """The observations along both axes, from the cache if an equal call was probed before.

        Raises:
            NotProbedError: the call cannot be probed.
        """
        key = trial.cache_key()
        if key not in self.cache:
            self.references.append(trial.call)
            try:
                with _outside_traced_run():
                    self.cache[key] = (self._observe_axis(trial, 0), self._observe_axis(trial, 1))
            except NotProbedError as error:
                self.cache[key] = error
        result = self.cache[key]
        if isinstance(result, NotProbedError):
            raise result
        return result

    def _observe_axis(self, trial: Trial, axis: int) -> list[Observations]:
        """The observations along one axis, at one length or at two, the longer one first.

        Raises:
            NotProbedError: the call cannot be probed within the budget.
        """
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
        """The observations along an axis at one length; None means the recorded one.

        The other axis has its recorded length if that is cheap, and a short one otherwise.

        Returns:
            The observations; None if the call does not run at this length or is too expensive.
        """
        cut = [(pair, AXIS_BUDGET) for pair in CUT_LENGTHS]
        for others, max_cost in (((None,), FULL_SIZE_BUDGET), *cut, ((None,), AXIS_BUDGET)):
            try:
                observations = [
                    self._observe_lengths(trial, axis, length, n, max_cost) for n in others
                ]
            except NotRunError:
                if length is None and others == (None,):
                    raise
                continue
            if observations[0] is not None and all(
                _observations_agree(observations[0], reads) for reads in observations[1:]
            ):
                return observations[0]
        return None

    def _observe_lengths(
        self, trial: Trial, axis: int, length: int | None, other: int | None, max_cost: int
    ) -> Observations | None:
        """The observations along an axis at given lengths of this and of the other axis.

        Returns:
            The observations; None if their cost exceeds ``max_cost`` or the remaining budget.
        """
        lengths = (length, other) if axis == 0 else (other, length)
        cost = trial.observation_cost(axis, lengths)
        resized = [a for a, n in enumerate(lengths) if n is not None]
        if cost > min(max_cost, self.remaining_budget) or not all(map(trial.is_resizable, resized)):
            return None
        self.remaining_budget -= cost
        return trial.observe(axis, lengths)


def _observations_agree(one: Observations, other: Observations | None) -> bool:
    """Whether two sets of observations agree for all pairs of an input and a result."""
    if other is None:
        return False
    both = [(observation, other[pair]) for pair, observation in one.items()]
    return all(a is b if a is None or b is None else a.agrees_with(b) for a, b in both)


@contextmanager
def _outside_traced_run() -> Iterator[None]:
    """A context without the modes, `torch.func` transforms and gradients of the traced run."""
    clear = temporarily_clear_interpreter_stack()
    with clear, DisableTorchFunction(), torch.no_grad(), disable_current_modes():
        yield


class AxisPlacement(NamedTuple):
    """Where an image axis of an input lies in a result, and what the result reads along it.

    Attributes:
        dim: the dimension of the result; None if the result does not have the axis.
        map: the map along the axis; None if nothing is read.
        bound: the reason why the map is only an upper bound; "" if it is exact.
        tied: dimensions of the result whose index also affects what is read along this axis.
    """

    dim: int | None
    map: AxisMap | None
    bound: str = ""
    tied: tuple[int, ...] = ()


def _outcome_of_result(
    call: Call, trial: Trial, observations: ObservationsOfAxes, result_index: int
) -> Outcome:
    """The outcome of one result of a call.

    Args:
        call: the call, with the shape of this result.
        trial: the trial of the call.
        observations: the observations along both axes.
        result_index: the index of the result.
    """
    links: list[Link] = []
    bounds: list[str] = []
    for order, (key, source) in enumerate(trial.sources.items()):
        own_observations = [[each[order, result_index] for each in along] for along in observations]
        rows, cols = _placements_of_source(
            source.node.grid, trial.dims[key], trial.tokens, call.out, own_observations
        )
        if rows.map is not None and cols.map is not None:
            grid = rows.map.n_out, cols.map.n_out
            layout = plain_layout(len(call.out), (rows.dim, cols.dim), grid)
            links.append(Link(source.node, layout, (rows.map, cols.map)))
            bounds += [rows.bound, cols.bound]
    if links and fit_links(links, call.out).unfollowed:
        return unknown_outcome(call, UNFOLLOWED_AXES_REASON)
    return _outcome_from_links(call, links, next(filter(None, bounds), ""))


def _placements_of_source(
    grid: Grid,
    dims: Dims,
    tokens: int | None,
    out: Shape,
    observations: Sequence[Sequence[Observation | None]],
) -> tuple[AxisPlacement, AxisPlacement]:
    """Where both image axes of an input lie in one result.

    Args:
        grid: units of the input along (height, width).
        dims: dimensions of the input that hold the height and the width.
        tokens: the dimension with tokens in row-major order, if any (`Trial.tokens`).
        out: the shape of the result.
        observations: the observations along the height and along the width.
    """
    unrolled = out
    if tokens is not None and len(out) > tokens and out[tokens] == grid[0] * grid[1]:
        unrolled = (*out[:tokens], *grid, *out[tokens + 1 :])
        dims = (tokens, tokens + 1)
    own_dims = [dim if dim is not None and dim < len(unrolled) else None for dim in dims]
    pair = (axis_placement(observations[a], grid[a], unrolled or (1,), own_dims[a]) for a in (0, 1))
    rows, cols = _in_separate_dims(*pair)
    if unrolled == out or rows.map is None or cols.map is None:
        return rows, cols
    if (rows.dim, cols.dim) == dims:
        return rows._replace(dim=tokens), cols._replace(dim=tokens)
    return _placement_reading_all(
        grid[0], out, None, UNFOLLOWED_AXES_REASON
    ), _placement_reading_all(grid[1], out, None, UNFOLLOWED_AXES_REASON)


def _in_separate_dims(
    rows: AxisPlacement, cols: AxisPlacement
) -> tuple[AxisPlacement, AxisPlacement]:
    """The placements of both axes, adjusted so that they do not share a dimension.

    If both lie in the same dimension, one whose every unit is read by all outputs is removed from
    it. If the reads along one axis depend on the index along the other, they are marked as a bound.
    """
    if rows.dim is not None and rows.dim == cols.dim:
        if rows.map and rows.map.whole:
            rows = rows._replace(dim=None, map=whole_map(rows.map.n_in, 1))
        elif cols.map and cols.map.whole:
            cols = cols._replace(dim=None, map=whole_map(cols.map.n_in, 1))
    elif rows.dim in cols.tied or cols.dim in rows.tied:
        rows = rows._replace(bound=rows.bound or DEPENDENT_AXES_REASON)
    return rows, cols


def _placement_reading_all(
    axis_length: int, out: Shape, own_dim: int | None, bound: str = ""
) -> AxisPlacement:
    """The placement of an axis that every output reads completely.

    Args:
        axis_length: units of the axis.
        out: the shape of the result.
        own_dim: the dimension of the axis in the input.
        bound: the reason for the upper bound.
    """
    if axis_length == 1:
        out_length = 1 if own_dim is None else out[own_dim]
        return AxisPlacement(
            own_dim,
            identity_map(1) if out_length == 1 else identity_map(1).broadcast(out_length),
            bound,
        )
    stays = own_dim is not None and out[own_dim] == axis_length
    return AxisPlacement(
        own_dim if stays else None, whole_map(axis_length, axis_length if stays else 1), bound
    )


def axis_placement(
    observations: Sequence[Observation | None], n: int, out: Shape, own_dim: int | None
) -> AxisPlacement:
    """Where an image axis lies in a result; an upper bound if that cannot be determined.

    Args:
        observations: the observations at one length or two; None if they depend on the values.
        n: the recorded length of the axis.
        out: the recorded shape of the result.
        own_dim: the dimension of the axis in the input, if the result has this dimension.
    """
    observed = [observation for observation in observations if observation is not None]
    if len(observed) < len(observations):
        return _placement_reading_all(n, out, own_dim, VALUE_DEPENDENT_READS_REASON)
    reads = [observation.reads for observation in observed]
    if not any(each.any() for each in reads[-1]):
        return AxisPlacement(None, None)
    varying = next(filter(None, map(_varying_dims, reversed(reads))), [])
    if not varying:
        return _placement_of_constant_reads(
            [np.any(r[0], axis=0, keepdims=True) for r in reads], n, out, own_dim
        )
    fits = {dim: _fit_all_lengths([each[dim] for each in reads], n, out[dim]) for dim in varying}
    dim, best = _narrowest_fit({dim: best for dim, best in fits.items() if best}, own_dim)
    if best is None:
        return _placement_reading_all(n, out, own_dim, UNFOLLOWED_AXES_REASON)
    tied = tuple(int(other) for other in np.flatnonzero(observed[-1].tied[dim]))
    return AxisPlacement(dim, best.map, SCATTERED_READS_REASON if best.scattered else "", tied)


def _narrowest_fit(fits: Mapping[int, MapFit], own_dim: int | None) -> tuple[int, MapFit | None]:
    """The dimension of a result along which the axis lies, and the fit along it.

    This is the dimension whose outputs read fewest units, among those with moving taps. The
    dimension ``own_dim`` of the axis in the input wins unless its outputs read twice as many.
    """
    if not fits:
        return 0, None
    constant = [dim for dim, one in fits.items() if one.regular and not one.map.advance]
    eligible = {d: one for d, one in fits.items() if d not in constant} or dict(fits)

    def width(dim: int) -> float:
        taps = eligible[dim].map.taps
        return sum(map(len, taps)) / len(taps) * (1 if dim == own_dim else 2)

    dim = min(eligible, key=width)
    return dim, eligible[dim]


VALUE_DEPENDENT_READS_REASON = "reads other places for other values"
"""Why maps are only an upper bound: the reads depend on the values of the input."""
SCATTERED_READS_REASON = "reads scattered places: all between them are taken"
"""Why maps are only an upper bound: the outputs read units with unequal gaps."""
DEPENDENT_AXES_REASON = "reads other places for other outputs of a row: all of them are taken"
"""Why maps are only an upper bound: reads along one axis depend on the position along the other."""


def _varying_dims(reads_by_dim: Sequence[ReadMatrix]) -> list[int]:
    """The dimensions of a result along which the reads differ, among outputs that read anything."""
    reading = [reads[reads.any(axis=1)] for reads in reads_by_dim]
    return [dim for dim, reads in enumerate(reading) if np.any(reads != reads[:1])]


def _placement_of_constant_reads(
    reads_by_length: Sequence[ReadMatrix], n: int, out: Shape, own_dim: int | None
) -> AxisPlacement:
    """The placement of an axis along which all outputs read the same units.

    Args:
        reads_by_length: the reads of one output at one length or two.
        n: the recorded length of the axis.
        out: the recorded shape of the result.
        own_dim: the dimension of the axis in the input, if the result has this dimension.
    """
    if n == 1 or all(reads.all() for reads in reads_by_length):
        return _placement_reading_all(n, out, own_dim)
    agreed = _fit_all_lengths(reads_by_length, n, 1)
    if agreed is None:
        return _placement_reading_all(n, out, own_dim, UNFOLLOWED_AXES_REASON)
    dim = own_dim if own_dim is not None and out[own_dim] == 1 else None
    return AxisPlacement(dim, agreed.map, SCATTERED_READS_REASON if agreed.scattered else "")


def _fit_all_lengths(reads_by_length: Sequence[ReadMatrix], n: int, m: int) -> MapFit | None:
    """The map from n to m units that reproduces the reads at every observed length.

    A map whose taps are not periodic is returned if the observed lengths are n and m themselves.
    """
    for candidate in filter(None, map(fit_map, reads_by_length)):
        holds = candidate.regular and all(
            _reproduces(candidate.map, reads) for reads in reads_by_length
        )
        if holds and _predicts_length(candidate.map, reads_by_length[0].shape, n, m):
            return candidate._replace(
                map=_with_window_settings(map_with_lengths(candidate.map, n, m))
            )
    return fit_map(reads_by_length[-1]) if reads_by_length[-1].shape == (m, n) else None


def _reproduces(axis: AxisMap, reads: ReadMatrix) -> bool:
    """Whether a map, on axes of the observed lengths, reads exactly the observed units."""
    m, n = reads.shape
    return np.array_equal(matrix_of_reads(map_with_lengths(axis, n, m)), fill_gaps(reads))


def _predicts_length(axis: AxisMap, fitted_shape: tuple[int, ...], n: int, m: int) -> bool:
    """Whether a map, applied to n inputs, is expected to have m outputs.

    Args:
        axis: the map.
        fitted_shape: the numbers of outputs and inputs that it was fitted to.
        n: the number of inputs.
        m: the number of outputs.
    """
    if not axis.advance:
        return m == fitted_shape[0]
    more_outputs = (n - fitted_shape[1]) * axis.period / axis.advance
    return abs(fitted_shape[0] + more_outputs - m) <= axis.period


def _with_window_settings(axis: AxisMap) -> AxisMap:
    """The same map with the settings of a sliding window, if it is one."""
    (taps, *others), stride = axis.taps, axis.advance
    if others or stride < 1 or axis.edge != "zero" or axis.is_identity or not taps:
        return axis
    after = (axis.n_out - 1) * stride + taps[-1] - (axis.n_in - 1)
    step = taps.step if len(taps) > 1 else 1
    return replace(axis, window=Window(len(taps), stride, (-taps[0], after), step))


def _outcome_from_links(call: Call, links: Sequence[Link], reason: str) -> Outcome:
    """The outcome of a call with these links; ``reason`` is the reason for a bound or ""."""
    maps = [axis for link in links for axis in link.maps]
    bound = f"{call.operation}: {reason}" if reason else ""
    if reason in (VALUE_DEPENDENT_READS_REASON, UNFOLLOWED_AXES_REASON):
        return unknown_outcome_of_links(call, links, reason)
    if any(axis.whole for axis in maps):
        return Outcome("global", links, f"{GLOBAL_NOTE}: {call.operation} over space", bound)
    if all(axis.is_identity for axis in maps):
        moved = any(link.layout != link.source.layout for link in links)
        kind = "reshape" if moved else "merge" if len(links) > 1 else "pass"
        return Outcome(kind, links, "", bound)
    if any(axis.window for axis in maps):
        return Outcome("window", links, "", bound)
    single = all(len(taps) == 1 for axis in maps for taps in axis.taps)
    return Outcome("crop" if single else "resample", links, "", bound)
