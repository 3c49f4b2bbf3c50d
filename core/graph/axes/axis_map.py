"""One operation along one axis: which input units each output unit reads.

An `AxisMap` is exact and repeats: output ``u + period`` reads what ``u`` reads, moved by
``advance`` input units. A convolution has period 1 and advances by its stride; a
transposed one has period ``stride`` and advances by 1; adaptive pooling and
interpolation from n to m units have period m / gcd(n, m) and advance n / gcd(n, m).

Units are 0-based; a tap outside ``[0, n_in)`` is padding and is read as `edge` says.

Source: Dumoulin and Visin (2016); torch.nn.functional documentation of each operation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil, floor, gcd
from typing import Literal

import numpy as np

from ...errors import SpecError
from ...layer.padding import copied_index
from ...layer.window import PAD, IntArray, span_of

Edge = Literal["zero", "reflect", "replicate", "circular"]

MAX_PERIOD = 4096
"""Longest pattern of output phases that is followed."""
MAX_TABLE = 1 << 22
"""Most taps of one operation along one axis that are listed."""


@dataclass(frozen=True)
class Window:
    """The settings of a window along one axis, as torch calls them, for display.

    Attributes:
        kernel_size, stride, dilation: at least 1.
        padding: (before, after) as given to torch; negative where it crops.
        transposed: the window scatters (ConvTranspose) instead of gathering.
        taps: places in the kernel whose weights are not zero by construction, in order; None
            for all.
    """

    kernel_size: int = 1
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    dilation: int = 1
    transposed: bool = False
    taps: tuple[int, ...] | None = None

    @property
    def span(self) -> int:
        """Units from the first tap to the last: ``dilation*(kernel_size-1) + 1``."""
        return span_of(self.kernel_size, self.dilation)


@dataclass(frozen=True)
class AxisMap:
    """Which units of an axis of ``n_in`` each of ``n_out`` output units reads.

    Attributes:
        taps: one range of input units for each output phase; see the module's text.
        advance: input units from one period to the next; 0 when all outputs read the same.
        edge: what stands outside the input.
        whole: a global operation: every output sees everything, whatever the input size.
        window: the settings it came from, where it is a window of fixed size.
        causal: output u reads every input up to its own, 0 to u; taps and advance say nothing.
        loose: an upper bound: some of the units named are not read.
    """

    n_in: int
    n_out: int
    taps: tuple[range, ...] = (range(1),)
    advance: int = 1
    edge: Edge = "zero"
    whole: bool = False
    window: Window | None = field(default=None, compare=False)
    causal: bool = False
    loose: bool = field(default=False, compare=False)

    @property
    def period(self) -> int:
        """Outputs after which the pattern of taps repeats."""
        return len(self.taps)

    @property
    def is_identity(self) -> bool:
        """Output u reads input u and nothing else."""
        plain = self.taps == (range(1),) and self.advance == 1
        return plain and self.n_in == self.n_out and not (self.whole or self.causal)

    def table(self) -> IntArray:
        """(n_out, taps) input unit of every tap; ``n_in`` where none or padding stands."""
        small = self.n_out * max(map(len, self.taps)) <= 1 << 16
        return _cached_table(self) if small else _tap_table(self)

    def broadcast(self, n_out: int) -> AxisMap:
        """The same single output, shared by ``n_out`` units (broadcasting)."""
        return replace(self, n_out=n_out, advance=0)


def _tap_table(axis: AxisMap) -> IntArray:
    widest = axis.n_in if axis.causal else max(map(len, axis.taps))
    if widest * axis.n_out > MAX_TABLE:
        raise SpecError("kernel_size", f"reads more than {MAX_TABLE} positions", widest)
    if axis.causal:
        steps = np.arange(axis.n_in)
        return np.where(steps <= steps[:, None], steps, axis.n_in)
    phases = np.full((axis.period, widest), _NO_TAP, dtype=np.int64)
    for phase, taps in enumerate(axis.taps):
        phases[phase, : len(taps)] = np.asarray(taps)
    units = np.arange(axis.n_out)
    moved = phases[units % axis.period]
    shift = (units // axis.period * axis.advance)[:, None]
    source = copied_index(moved + shift, axis.n_in, axis.edge)
    return np.where((moved == _NO_TAP) | (source == PAD), axis.n_in, source)


_cached_table = lru_cache(maxsize=512)(_tap_table)
_NO_TAP = -(1 << 60)


def identity_map(n: int) -> AxisMap:
    """Every unit reads its own."""
    return AxisMap(n, n)


def whole_map(n_in: int, n_out: int) -> AxisMap:
    """Every output reads every input."""
    return AxisMap(n_in, n_out, (range(n_in),), 0, whole=True)


def causal_map(n: int) -> AxisMap:
    """Every output reads its own input and all before it: recurrence, running sums."""
    return AxisMap(n, n, causal=True) if n > 1 else identity_map(n)


def window_map(n_in: int, n_out: int, spec: Window, edge: Edge = "zero") -> AxisMap:
    """A sliding window: output u reads ``u*stride - before + i*dilation``."""
    before = spec.padding[0]
    taps = range(-before, -before + spec.span, spec.dilation)
    if spec.taps is not None:
        taps = _covering_range([taps[t] for t in spec.taps])
    return AxisMap(n_in, n_out, (taps,), spec.stride, edge, window=spec)


def _covering_range(places: Sequence[int]) -> range:
    """The shortest range that holds places given in order; it may hold some between them too."""
    if not places:
        return range(0)
    step = gcd(*(b - a for a, b in pairwise(places))) or 1
    return range(places[0], places[-1] + 1, step)


def transposed_map(n_in: int, n_out: int, spec: Window) -> AxisMap:
    """A transposed window: input i writes to ``i*stride - before + t*dilation``.

    Output u = q*stride + r therefore reads the inputs q + j with
    ``j*stride = r + before - t*dilation`` for some tap t; their j have one common step.
    """
    stride, before, dilation = spec.stride, spec.padding[0], spec.dilation
    cycle = stride // gcd(stride, dilation)  # taps between two of the same phase

    def phase(r: int) -> range:
        if spec.taps is not None:
            moves = [r + before - t * dilation for t in reversed(spec.taps)]
            return _covering_range([move // stride for move in moves if not move % stride])
        hits = (
            t
            for t in range(min(cycle, spec.kernel_size))
            if not (r + before - t * dilation) % stride
        )
        first = next(hits, None)
        if first is None:
            return range(0)
        count = (spec.kernel_size - 1 - first) // cycle
        high = (r + before - first * dilation) // stride
        step = cycle * dilation // stride
        return range(high - count * step, high + 1, step)

    if stride > MAX_PERIOD:
        raise SpecError("stride", f"of a transposed window must be at most {MAX_PERIOD}", stride)
    return AxisMap(n_in, n_out, tuple(map(phase, range(stride))), 1, window=spec)


def crop_map(n_in: int, n_out: int, start: int, step: int = 1, edge: Edge = "zero") -> AxisMap:
    """Output u reads input ``start + u*step``: slices, padding (start < 0), flips (step < 0)."""
    return AxisMap(n_in, n_out, (range(start, start + 1),), step, edge)


def block_repeat_map(n_in: int, block: int) -> AxisMap:
    """Each unit becomes ``block`` units in a row: PixelShuffle, repeat_interleave."""
    _check_period(block)
    return AxisMap(n_in, n_in * block, (range(1),) * block, 1)


def adaptive_pooling_map(n_in: int, n_out: int) -> AxisMap:
    """Adaptive pooling: ``floor(u*n/m)`` up to, without, ``ceil((u+1)*n/m)``."""
    ratio = Fraction(n_in, n_out)
    taps = periodic_taps(ratio, lambda u: range(floor(u * ratio), ceil((u + 1) * ratio)))
    return AxisMap(n_in, n_out, taps, ratio.numerator)


def periodic_taps(ratio: Fraction, taps_of: Callable[[int], range]) -> tuple[range, ...]:
    """The taps of each phase of a map that advances by ``ratio`` input units per output."""
    _check_period(ratio.denominator)
    return tuple(taps_of(u) for u in range(ratio.denominator))


def _check_period(period: int) -> None:
    if period > MAX_PERIOD:
        raise SpecError("output size", f"must repeat its pattern within {MAX_PERIOD} units", period)


Resampling = Literal["nearest", "nearest-exact", "linear", "cubic"]


def resample_map(
    n_in: int, n_out: int, ratio: Fraction, mode: Resampling, corners: bool, antialias: bool = False
) -> AxisMap:
    """`torch.nn.functional.interpolate` along one axis; ``ratio`` is input units per output.

    Taps of weight exactly 0 are left out, so that a copied pixel has one tap.
    """
    if corners and mode in ("linear", "cubic"):
        ratio = Fraction(n_in - 1, n_out - 1) if n_out > 1 else Fraction(0)

    def taps_of(u: int) -> range:
        if mode == "nearest":
            return _single_tap(floor(u * ratio))
        if mode == "nearest-exact":
            return _single_tap(floor((u + Fraction(1, 2)) * ratio))
        source = u * ratio if corners else (u + Fraction(1, 2)) * ratio - Fraction(1, 2)
        reach = 1 if mode == "linear" else 2
        if antialias and ratio > 1:
            return range(floor(source - reach * ratio) + 1, ceil(source + reach * ratio))
        if source.denominator == 1:
            return _single_tap(int(source))
        return range(floor(source) - reach + 1, floor(source) + reach + 1)

    taps = periodic_taps(ratio, taps_of)
    return AxisMap(n_in, n_out, taps, ratio.numerator, "zero" if antialias else "replicate")


def _single_tap(unit: int) -> range:
    return range(unit, unit + 1)
