"""Ends of a panel's axes, and the round numbers that are written on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from core.plots.plot import (
    Bars,
    Boxes,
    Heat,
    Mark,
    Numbers,
    Panel,
    Photo,
    PlotAxis,
    Polyline,
)

Span = tuple[float, float]
"""The ends of an axis, from left to right or from the bottom up."""
AIR = 0.05
"""Share of the marks' extent that is added at an open end of an axis."""
DIGITS = (
    (1,),
    (1, 2, 5),
    (1, 1.5, 2, 3, 5, 7),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
)
"""First digits of the numbers on a logarithmic axis, from few to many."""
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number_text(value: float, digits: int = 6, most: float = 1e7) -> str:
    """A number as text: at most ``digits`` significant digits, a true minus, grouped thousands.

    Numbers from ``most`` on, and those below 0.0001, become powers of ten.
    """
    if not math.isfinite(value):
        return f"{value}".replace("-", "−")
    if value and not 1e-4 <= abs(value) < most:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        power = f"10{str(int(exponent)).translate(SUPERSCRIPTS)}"
        sign = {"1": "", "-1": "−"}.get(mantissa, f"{mantissa}·".replace("-", "−"))
        return f"{sign}{power}"
    rounded = float(f"{value:.{digits}g}")
    text = f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:.{digits}g}"
    return ("0" if text == "-0" else text).replace("-", "−")


def span(panel: Panel, side: Literal["x", "y"]) -> Span:
    """The ends of one of a panel's axes: those that are set, else those of the marks."""
    axis: PlotAxis = getattr(panel, side)
    if axis.low is not None and axis.high is not None:
        return axis.low, axis.high
    arrays = [np.asarray(a, dtype=float).ravel() for m in panel.marks for a in _extent(m, side)]
    values = np.concatenate([*arrays, np.empty(0)])
    values = values[np.isfinite(values)]
    values = values[values > 0] if axis.log else values
    low, high = (float(values.min()), float(values.max())) if values.size else (0.1, 1.0)
    if axis.log:
        low, high = math.log10(low), math.log10(high)
    elif axis.zero:
        low, high = min(low, 0.0), max(high, 0.0)
    air = AIR * (high - low) or (0.05 if axis.log else 0.5)
    if any(isinstance(mark, Heat | Photo) for mark in panel.marks):
        air = 0.0
    start = low if axis.zero and low == 0 else low - air
    end = high + air
    start, end = (10**start, 10**end) if axis.log else (start, end)
    return start if axis.low is None else axis.low, end if axis.high is None else axis.high


def _extent(mark: Mark, side: Literal["x", "y"]) -> Iterator[Numbers | Sequence[float]]:
    """Coordinates of a mark along one axis."""
    across = side == "x"
    if isinstance(mark, Heat):
        yield mark.box[:2] if across else mark.box[2:]
    elif isinstance(mark, Photo):
        yield (-0.5, mark.pixels.shape[1 if across else 0] - 0.5)
    elif isinstance(mark, Boxes):
        for box in mark.boxes:
            yield box[:2] if across else box[2:]
    elif isinstance(mark, Bars):
        at = np.asarray(mark.at, dtype=float)
        if mark.across == across:
            base = np.zeros(len(at)) if mark.base is None else mark.base
            yield base
            yield base + np.asarray(mark.length)
            yield from (end for end in (mark.low, mark.high) if end is not None)
        else:
            yield at - mark.width / 2
            yield at + mark.width / 2
    else:
        yield mark.x if across else mark.y
        if isinstance(mark, Polyline) and not across:
            yield from (end for end in (mark.low, mark.high) if end is not None)


def ticks(axis: PlotAxis, ends: Span, most: int = 7) -> list[tuple[float, str]]:
    """Positions and texts of the numbers on an axis.

    Args:
        axis: The axis.
        ends: Its ends, from `span`.
        most: Most numbers, where the axis leaves them open.
    """
    low, high = sorted(ends)
    if axis.ticks is not None:
        names = axis.names or tuple(map(number_text, axis.ticks))
        room = 1e-9 * max(abs(low), abs(high), high - low)
        return [
            (tick, name)
            for tick, name in zip(axis.ticks, names, strict=True)
            if low - room <= tick <= high + room
        ]
    if axis.log:
        places = _log_ticks(low, high, most)
        if axis.whole and sum(place.is_integer() for place in places) > 1:
            places = [place for place in places if place.is_integer()]
        powers = max(places) >= 1e5 and all(place % 10 == 0 or place < 10 for place in places)
        return [(place, number_text(place, most=100 if powers else 1e7)) for place in places]
    return [(place, number_text(place)) for place in _round_ticks(low, high, most, axis.whole)]


def _round_ticks(low: float, high: float, most: int, whole: bool) -> list[float]:
    """At most ``most`` multiples of 1, 2 or 5 times a power of ten, at least two if possible.

    Where that is one number only, multiples of 2.5, 3 or 4 are taken.
    """
    few: list[float] = []
    for digits in ((1, 2, 5), (1, 2, 2.5, 3, 4, 5)):
        few = _multiples(low, high, most, digits, whole)
        if len(few) > 1:
            break
    return few


def _multiples(
    low: float, high: float, most: int, digits: Sequence[float], whole: bool
) -> list[float]:
    """The multiples of the first of some digits times powers of ten of which at most ``most`` fit."""
    extent = (high - low) or 1.0
    power = math.floor(math.log10(extent / most))
    steps = [digit * 10.0**p for p in range(power, power + 3) for digit in digits]
    steps = [step for step in steps if not whole or (step >= 1 and step.is_integer())] or [1.0]
    for step in steps:
        first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
        if last - first < most:
            return [float(f"{n * step:.12g}") for n in range(first, last + 1)]
    return []


def _log_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers on a logarithmic axis, at least two, at most ``most`` if possible."""
    ends = math.log10(low), math.log10(high)
    powers = range(math.floor(ends[0]), math.ceil(ends[1]) + 1)
    numbers: list[float] = []
    for digits in DIGITS:
        more = [d * 10.0**power for power in powers for d in digits]
        more = [tick for tick in more if low * (1 - 1e-9) <= tick <= high * (1 + 1e-9)]
        if len(numbers) > 1 and len(more) > most:
            break
        numbers = more
        if len(numbers) >= min(3, most):
            break
    if len(numbers) < 2:
        numbers = [float(f"{end:.3g}") for end in (low, high)]
    return numbers[:: math.ceil(len(numbers) / most)]
