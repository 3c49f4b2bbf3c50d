"""Computes the image positions that each unit depends on, along one axis, in exact integers.

A `Reach` gives the first and the last image position that each unit depends on along one path
through the network, as if the image and all maps were infinite. Units ``period`` apart have the
same span, moved by ``advance`` pixels. A plain stack of convolutions has period 1, so that unit u
covers ``[u*S - P, u*S - P + R - 1]`` with ``S = advance`` and ``P = -spans[0][0]``.

An `AxisField` combines all paths through the branches of a network. The reaches of paths with equal
stride are united into one.

Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
Distill (2019). For period 1 these are their recurrences of r, j and start.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import NamedTuple

from ..errors import SpecError
from ..graph.axes.axis_map import MAX_PERIOD, AxisMap

Span = tuple[int, int]
MAX_SIZE = 1 << 40
"""The largest receptive field that is computed, in pixels."""
MAX_STRIDES = 8
"""The most different strides of paths that may meet in one unit."""


@dataclass(frozen=True)
class Reach:
    """The first and the last image position (both inclusive) that each unit depends on.

    Attributes:
        spans: (first, last) of each phase, i.e. unit modulo the period; None where a unit reads
            nothing.
        advance: image pixels from one period of units to the next.
        fixed_ends: a first and a last position that replace those of every unit's span; None
            leaves them as they are. After a recurrence, every unit reads back to the first step.
    """

    spans: tuple[Span | None, ...] = ((0, 0),)
    advance: int = 1
    fixed_ends: tuple[int | None, int | None] = (None, None)

    @property
    def period(self) -> int:
        """Number of units after which the pattern repeats."""
        return len(self.spans)

    @property
    def stride(self) -> Fraction:
        """The effective stride in image pixels per unit."""
        return Fraction(self.advance, self.period)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The width in pixels of each phase that reads anything, ignoring ``fixed_ends``."""
        return tuple(span[1] - span[0] + 1 for span in self.spans if span)

    def span(self, unit: int) -> Span | None:
        """(first, last) of one unit; the unit may lie outside the map. None if it reads nothing."""
        moving = self.span_without_fixed_ends(unit)
        if moving is None or self.fixed_ends == (None, None):
            return moving
        first, last = (
            m if end is None else end for m, end in zip(moving, self.fixed_ends, strict=True)
        )
        return (first, last) if first <= last else None

    def span_without_fixed_ends(self, unit: int) -> Span | None:
        """(first, last) of one unit, ignoring ``fixed_ends``; None if it reads nothing."""
        periods, phase = divmod(unit, self.period)
        span = self.spans[phase]
        return span and (span[0] + periods * self.advance, span[1] + periods * self.advance)


def covering_span(spans: Iterable[Span | None]) -> Span | None:
    """The smallest interval that contains all spans; None if there are none."""
    nonempty = [span for span in spans if span]
    if not nonempty:
        return None
    return min(first for first, _ in nonempty), max(last for _, last in nonempty)


@lru_cache(maxsize=4096)
def reach_through(reach: Reach, axis: AxisMap) -> Reach:
    """The reach of an operation's outputs from the reach of its inputs and its map.

    Raises:
        SpecError: the reach is wider than `MAX_SIZE`, or its period is longer than `MAX_PERIOD`.
    """
    if axis.causal:
        return _reach_of_recurrence(reach, axis.n_in)
    repeats = reach.period // gcd(reach.period, axis.advance)
    period = axis.period * repeats
    if period > MAX_PERIOD:
        raise SpecError("stride", "makes a pattern of phases too long to follow", period)
    advance = axis.advance * repeats // reach.period * reach.advance
    spans = [
        _span_of_taps(reach, axis.taps[unit % axis.period], unit // axis.period * axis.advance)
        for unit in range(period)
    ]
    return _checked_reach(_with_shortest_period(spans, advance, reach.fixed_ends))


def _reach_of_recurrence(reach: Reach, units: int) -> Reach:
    """The reach of the outputs of a recurrence, each of which reads its own and all earlier inputs.

    One end of its spans is fixed, the other one moves.

    Args:
        reach: the reach of the inputs.
        units: number of inputs.
    """
    real = [
        reach.span(unit) for unit in (*range(reach.period), *range(units - reach.period, units))
    ]
    ends = covering_span(span for span in real if span)
    if ends is None:
        return reach
    before = (
        covering_span(reach.span_without_fixed_ends(p - j) for j in range(reach.period))
        for p in range(reach.period)
    )
    fixed_ends: FixedEnds
    if reach.advance > 0:
        fixed_ends = (max(0, ends[0]), reach.fixed_ends[1])
    elif reach.advance < 0:
        fixed_ends = (reach.fixed_ends[0], ends[1])
    else:
        return Reach((ends,), 0)
    return _with_shortest_period(list(before), reach.advance, fixed_ends)


def _span_of_taps(reach: Reach, taps: range, shift: int) -> Span | None:
    """The span of all image positions behind the inputs ``taps``, moved by ``shift``.

    Inputs one period apart have the same span except for a shift, so the outer taps suffice.
    """
    ends: Iterable[int] = taps
    if len(taps) > 2 * reach.period:
        ends = (*taps[: reach.period], *taps[-reach.period :])
    return covering_span(reach.span_without_fixed_ends(tap + shift) for tap in ends)


FixedEnds = tuple[int | None, int | None]
"""Fixed (first, last) positions; None for an end that moves with the unit."""


def _with_shortest_period(
    spans: Sequence[Span | None], advance: int, fixed_ends: FixedEnds = (None, None)
) -> Reach:
    """The reach with these spans and this advance, with the shortest possible period."""
    period = len(spans)
    for short in (n for n in range(1, period) if period % n == 0):
        if advance % (period // short) == 0:
            candidate = Reach(tuple(spans[:short]), advance // (period // short), fixed_ends)
            if all(
                candidate.span_without_fixed_ends(unit) == span for unit, span in enumerate(spans)
            ):
                return candidate
    return Reach(tuple(spans), advance, fixed_ends)


def _checked_reach(reach: Reach) -> Reach:
    """The same reach; raises SpecError if it is wider than `MAX_SIZE`."""
    widest = max((max(-a, b, b - a + 1) for a, b in filter(None, reach.spans)), default=0)
    if max(widest, abs(reach.advance)) > MAX_SIZE:
        raise SpecError(
            "receptive field", "grows beyond 2^40 pixels; use fewer layers or strides", "overflow"
        )
    return reach


class AxisField(NamedTuple):
    """The receptive field of a node's units along one axis, over all paths from the image.

    Attributes:
        paths: one reach for each different stride among the paths.
        aligned: whether all paths, to this node and to its ancestors, agree in the stride and in
            the center of each unit.
        gap: the largest distance between the centers of two branches of equal stride, in pixels.
        whole: whether a global operation precedes, so that every unit reads the whole image.
    """

    paths: tuple[Reach, ...]
    aligned: bool = True
    gap: Fraction = Fraction(0)
    whole: bool = False

    @property
    def grows(self) -> bool:
        """Whether each unit reads more than the one before, as after a recurrence."""
        return any(path.fixed_ends != (None, None) for path in self.paths)

    def span(self, unit: int) -> Span | None:
        """(first, last) of one unit, united over all paths; None if it reads nothing."""
        return covering_span(path.span(unit) for path in self.paths)


def whole_image_field(n: int, aligned: bool = True) -> AxisField:
    """The field of a global operation on an image of ``n`` pixels."""
    return AxisField((Reach(((0, n - 1),), 0),), aligned, whole=True)


def field_through(field: AxisField, axis: AxisMap) -> AxisField:
    """The field of the outputs of an operation that is not global, from that of its inputs."""
    if axis.is_identity or field.whole:
        return field
    paths = tuple(reach_through(path, axis) for path in field.paths)
    return _group_by_stride(paths, field.aligned)


def _group_by_stride(paths: Sequence[Reach], aligned: bool) -> AxisField:
    """The field of several paths, in which paths of equal stride are united.

    It is not aligned if the strides or the centers of the paths differ.

    Raises:
        SpecError: there are more than `MAX_STRIDES` strides.
    """
    strides: dict[Fraction, Reach] = {}
    gap = Fraction(0)
    for path in paths:
        if path.stride in strides:
            other = strides[path.stride]
            gap = max(gap, _largest_center_distance(other, path))
            path = _united_reach(other, path)
        strides[path.stride] = path
    if len(strides) > MAX_STRIDES:
        raise SpecError(
            "branches", f"bring more than {MAX_STRIDES} different strides together", len(strides)
        )
    return AxisField(tuple(strides.values()), aligned and len(strides) == 1 and not gap, gap)


def _common_phases(a: Reach, b: Reach) -> range:
    """The units of one common period of two reaches; SpecError if it is too long."""
    period = lcm(a.period, b.period)
    if period > MAX_PERIOD:
        raise SpecError("stride", "makes a pattern of phases too long to follow", period)
    return range(period)


def _largest_center_distance(a: Reach, b: Reach) -> Fraction:
    """The largest distance between the centers of a unit in two reaches, in pixels."""
    pairs = ((a.span(unit), b.span(unit)) for unit in _common_phases(a, b))
    return max(
        (Fraction(abs(sum(p) - sum(q)), 2) for p, q in pairs if p and q), default=Fraction(0)
    )


def _united_reach(a: Reach, b: Reach) -> Reach:
    """The union of two reaches of equal stride."""
    if a == b:
        return a
    units = _common_phases(a, b)
    first = min(
        (end for end in (a.fixed_ends[0], b.fixed_ends[0]) if end is not None), default=None
    )
    last = max((end for end in (a.fixed_ends[1], b.fixed_ends[1]) if end is not None), default=None)
    spans = [
        covering_span((a.span_without_fixed_ends(u), b.span_without_fixed_ends(u))) for u in units
    ]
    return _with_shortest_period(spans, int(a.stride * len(units)), (first, last))


def merged_field(fields: Sequence[AxisField]) -> AxisField:
    """The union of the fields of branches that meet in one node; global if one of them is."""
    if len(fields) == 1:
        return fields[0]
    aligned = all(field.aligned for field in fields)
    for field in fields:
        if field.whole:
            return field._replace(aligned=aligned, gap=Fraction(0))
    return _group_by_stride([path for field in fields for path in field.paths], aligned)
