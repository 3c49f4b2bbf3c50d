"""The image positions that the units of an axis depend on, unclipped, in exact integers.

A `Reach` gives the first and last image position that each unit's window of windows
covers, as if the image and every map went on for ever. Units ``period`` apart see the
same, ``advance`` pixels further on; a plain stack of convolutions has period 1, so that
unit u covers ``[u*S - P, u*S - P + R - 1]`` with ``S = advance``, ``P = -spans[0][0]``.

A `Field` is what comes out of branches: the reaches of all paths, those of one stride
already united.

Source: Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural
Networks", Distill (2019), whose r, j and start recurrences these are for period 1.
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
LIMIT = 1 << 40
"""Receptive fields wider than this, in pixels, are refused."""
MAX_STRIDES = 8
"""Most different strides that may meet in one unit."""


@dataclass(frozen=True)
class Reach:
    """First and last image position of each unit, both inclusive.

    Attributes:
        spans: one (first, last) for each phase; None where a unit reads nothing.
        advance: image pixels from one period of units to the next.
        since: the first and the last position that every unit sees, instead of that of its
            span: after a recurrence every unit sees back to the first step. None where the
            span says it.
    """

    spans: tuple[Span | None, ...] = ((0, 0),)
    advance: int = 1
    since: tuple[int | None, int | None] = (None, None)

    @property
    def period(self) -> int:
        """Units after which the pattern repeats."""
        return len(self.spans)

    @property
    def stride(self) -> Fraction:
        """Image pixels per unit."""
        return Fraction(self.advance, self.period)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Width of each phase that reads anything, in pixels; without `since`."""
        return tuple(span[1] - span[0] + 1 for span in self.spans if span)

    def span(self, unit: int) -> Span | None:
        """(first, last) of one unit, which may lie outside the map; None if it sees nothing."""
        moving = self.moving(unit)
        if moving is None or self.since == (None, None):
            return moving
        first, last = (m if end is None else end for m, end in zip(moving, self.since, strict=True))
        return (first, last) if first <= last else None

    def moving(self, unit: int) -> Span | None:
        """As `span`, without `since`."""
        turns, phase = divmod(unit, self.period)
        span = self.spans[phase]
        return span and (span[0] + turns * self.advance, span[1] + turns * self.advance)


def hull(spans: Iterable[Span | None]) -> Span | None:
    """The smallest interval around all of them; None if there are none."""
    real = [span for span in spans if span]
    if not real:
        return None
    return min(first for first, _ in real), max(last for _, last in real)


@lru_cache(maxsize=4096)
def through(reach: Reach, axis: AxisMap) -> Reach:
    """What the outputs of an operation see, given what its inputs see.

    Raises:
        SpecError: wider than `LIMIT`, or the phases repeat too late to follow.
    """
    if axis.causal:
        return _every_earlier(reach, axis.n_in)
    turns = reach.period // gcd(reach.period, axis.advance)
    period = axis.period * turns
    if period > MAX_PERIOD:
        raise SpecError("stride", "makes a pattern of phases too long to follow", period)
    advance = axis.advance * turns // reach.period * reach.advance
    spans = [
        _over(reach, axis.taps[unit % axis.period], unit // axis.period * axis.advance)
        for unit in range(period)
    ]
    return _checked(_shortest(spans, advance, reach.since))


def _every_earlier(reach: Reach, units: int) -> Reach:
    """The reach of units that read all units before them: one end is fixed, the other moves."""
    real = [
        reach.span(unit) for unit in (*range(reach.period), *range(units - reach.period, units))
    ]
    ends = hull(span for span in real if span)
    if ends is None:
        return reach
    before = (hull(reach.moving(p - j) for j in range(reach.period)) for p in range(reach.period))
    since: Ends
    if reach.advance > 0:
        since = (max(0, ends[0]), reach.since[1])
    elif reach.advance < 0:
        since = (reach.since[0], ends[1])
    else:
        return Reach((ends,), 0)
    return _shortest(list(before), reach.advance, since)


def _over(reach: Reach, taps: range, shift: int) -> Span | None:
    """The span of a row of taps. Taps one period apart only shift, so the ends suffice."""
    ends: Iterable[int] = taps
    if len(taps) > 2 * reach.period:
        ends = (*taps[: reach.period], *taps[-reach.period :])
    return hull(reach.moving(tap + shift) for tap in ends)


Ends = tuple[int | None, int | None]


def _shortest(spans: Sequence[Span | None], advance: int, since: Ends = (None, None)) -> Reach:
    """The same pattern with the shortest period."""
    period = len(spans)
    for short in (n for n in range(1, period) if period % n == 0):
        if advance % (period // short) == 0:
            candidate = Reach(tuple(spans[:short]), advance // (period // short), since)
            if all(candidate.moving(unit) == span for unit, span in enumerate(spans)):
                return candidate
    return Reach(tuple(spans), advance, since)


def _checked(reach: Reach) -> Reach:
    widest = max((max(-a, b, b - a + 1) for a, b in filter(None, reach.spans)), default=0)
    if max(widest, abs(reach.advance)) > LIMIT:
        raise SpecError(
            "receptive field", "grows beyond 2^40 pixels; use fewer layers or strides", "overflow"
        )
    return reach


class Field(NamedTuple):
    """The receptive field of a node's units along one axis, over all paths.

    Attributes:
        paths: a reach for each stride that meets here; one when all agree.
        aligned: whether all paths, here and before, have the same stride and center for each unit.
        gap: widest distance between the centers of two branches of one stride, in pixels.
        whole: whether a global operation lies before, so that every unit sees the whole image.
    """

    paths: tuple[Reach, ...]
    aligned: bool = True
    gap: Fraction = Fraction(0)
    whole: bool = False

    @property
    def grows(self) -> bool:
        """Whether each unit sees more than the one before, as after a recurrence."""
        return any(path.since != (None, None) for path in self.paths)

    def span(self, unit: int) -> Span | None:
        """(first, last) of one unit, the union over the paths."""
        return hull(path.span(unit) for path in self.paths)


def whole_image(n: int, aligned: bool = True) -> Field:
    """The field of a global operation on an image of ``n`` pixels."""
    return Field((Reach(((0, n - 1),), 0),), aligned, whole=True)


def step(field: Field, axis: AxisMap) -> Field:
    """The field after one operation that is not global."""
    if axis.is_identity or field.whole:
        return field
    paths = tuple(through(path, axis) for path in field.paths)
    return _grouped(paths, field.aligned)


def _grouped(paths: Sequence[Reach], aligned: bool) -> Field:
    """Paths of one stride united; not aligned when strides or centers differ."""
    strides: dict[Fraction, Reach] = {}
    gap = Fraction(0)
    for path in paths:
        if path.stride in strides:
            other = strides[path.stride]
            gap = max(gap, _gap(other, path))
            path = _united(other, path)
        strides[path.stride] = path
    if len(strides) > MAX_STRIDES:
        raise SpecError(
            "branches", f"bring more than {MAX_STRIDES} different strides together", len(strides)
        )
    return Field(tuple(strides.values()), aligned and len(strides) == 1 and not gap, gap)


def _common_phases(a: Reach, b: Reach) -> range:
    period = lcm(a.period, b.period)
    if period > MAX_PERIOD:
        raise SpecError("stride", "makes a pattern of phases too long to follow", period)
    return range(period)


def _gap(a: Reach, b: Reach) -> Fraction:
    pairs = ((a.span(unit), b.span(unit)) for unit in _common_phases(a, b))
    return max(
        (Fraction(abs(sum(p) - sum(q)), 2) for p, q in pairs if p and q), default=Fraction(0)
    )


def _united(a: Reach, b: Reach) -> Reach:
    if a == b:
        return a
    units = _common_phases(a, b)
    first = min((end for end in (a.since[0], b.since[0]) if end is not None), default=None)
    last = max((end for end in (a.since[1], b.since[1]) if end is not None), default=None)
    spans = [hull((a.moving(u), b.moving(u))) for u in units]
    return _shortest(spans, int(a.stride * len(units)), (first, last))


def merge(fields: Sequence[Field]) -> Field:
    """The union of branches that meet in one unit; global if one of them is."""
    if len(fields) == 1:
        return fields[0]
    aligned = all(field.aligned for field in fields)
    for field in fields:
        if field.whole:
            return field._replace(aligned=aligned, gap=Fraction(0))
    return _grouped([path for field in fields for path in field.paths], aligned)
