"""Maps that say, for one operation along one axis, which input units each output unit reads.

An `AxisMap` is exact and periodic: output ``u + period`` reads what ``u`` reads, moved by
``advance`` input units. A convolution has period 1 and advances by its stride; a transposed
convolution has period ``stride`` and advances by 1; adaptive pooling and interpolation from n to
m units have period m / gcd(n, m) and advance n / gcd(n, m).

Units are 0-based. A tap outside ``[0, n_in)`` falls on the padding, which `AxisMap.edge` describes.

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
from numpy.typing import NDArray

from ...errors import SpecError
from ...layer.padding import copied_indices
from ...layer.window import PAD, IntArray, span_of

Edge = Literal["zero", "reflect", "replicate", "circular"]
"""The content of the padding beyond the ends of an axis: zeros, or copies of input units."""

MAX_PERIOD = 4096
"""The longest period, in output units, that a map may have."""
MAX_TABLE_ENTRIES = 1 << 22
"""The most taps that the table of one map may list."""


@dataclass(frozen=True)
class Window:
    """The settings of a convolution's or pooling's window along one axis, named as in torch.

    Attributes:
        kernel_size, stride, dilation: torch's arguments, each at least 1.
        padding: units of padding (before, after) the input; negative where it crops.
        transposed: whether the window scatters (ConvTranspose) instead of gathering.
        taps: ascending kernel indices whose weights are not zero by construction; None for all.
    """

    kernel_size: int = 1
    stride: int = 1
    padding: tuple[int, int] = (0, 0)
    dilation: int = 1
    transposed: bool = False
    taps: tuple[int, ...] | None = None

    @property
    def span(self) -> int:
        """Number of units from the first tap to the last: ``dilation*(kernel_size-1) + 1``."""
        return span_of(self.kernel_size, self.dilation)


@dataclass(frozen=True)
class AxisMap:
    """The input units that each output unit of an operation reads along one axis.

    Output u reads the units ``taps[u % period]`` moved by ``u // period * advance``.

    Attributes:
        n_in: number of input units.
        n_out: number of output units.
        taps: the range of input units that each phase (output unit modulo the period) reads.
        advance: input units from one period to the next; 0 when all outputs read the same units.
        edge: the content of the padding.
        whole: whether the operation is global: every output reads every input at any input size.
        window: the settings of the window, if the operation is a window of fixed size.
        causal: whether output u reads the inputs 0 to u; ``taps`` and ``advance`` are then unused.
        is_upper_bound: whether the map may contain units that are not read.
    """

    n_in: int
    n_out: int
    taps: tuple[range, ...] = (range(1),)
    advance: int = 1
    edge: Edge = "zero"
    whole: bool = False
    window: Window | None = field(default=None, compare=False)
    causal: bool = False
    is_upper_bound: bool = field(default=False, compare=False)

    @property
    def period(self) -> int:
        """Number of output units after which the pattern of taps repeats."""
        return len(self.taps)

    @property
    def is_identity(self) -> bool:
        """Whether output u reads input u and nothing else."""
        plain = self.taps == (range(1),) and self.advance == 1
        return plain and self.n_in == self.n_out and not (self.whole or self.causal)

    def table(self) -> IntArray:
        """The input unit of every tap, of shape (n_out, most taps of an output).

        ``n_in`` stands for a tap on zero padding, and fills up the rows of outputs with fewer taps.

        Raises:
            SpecError: the table would have more than `MAX_TABLE_ENTRIES` entries.
        """
        small = self.n_out * max(map(len, self.taps)) <= 1 << 16
        return _cached_table(self) if small else _tap_table(self)

    def broadcast(self, n_out: int) -> AxisMap:
        """The map of ``n_out`` output units that all read what the single output unit reads."""
        return replace(self, n_out=n_out, advance=0)


def _tap_table(axis: AxisMap) -> IntArray:
    """Computes the result of `AxisMap.table`, without a cache."""
    widest = axis.n_in if axis.causal else max(map(len, axis.taps))
    if widest * axis.n_out > MAX_TABLE_ENTRIES:
        raise SpecError("kernel_size", f"reads more than {MAX_TABLE_ENTRIES} positions", widest)
    if axis.causal:
        steps = np.arange(axis.n_in)
        return np.where(steps <= steps[:, None], steps, axis.n_in)
    phases = np.full((axis.period, widest), _NO_TAP, dtype=np.int64)
    for phase, taps in enumerate(axis.taps):
        phases[phase, : len(taps)] = np.asarray(taps)
    units = np.arange(axis.n_out)
    moved = phases[units % axis.period]
    shift = (units // axis.period * axis.advance)[:, None]
    source = copied_indices(moved + shift, axis.n_in, axis.edge)
    return np.where((moved == _NO_TAP) | (source == PAD), axis.n_in, source)


_cached_table = lru_cache(maxsize=512)(_tap_table)
"""`_tap_table` for small maps, whose tables are cached."""
_NO_TAP = -(1 << 60)
"""A number that no unit has; it fills up the rows of phases with fewer taps."""


def matrix_of_reads(axis: AxisMap) -> NDArray[np.bool_]:
    """A boolean matrix (n_out, n_in) that is True where an output of a map reads an input."""
    if axis.whole:
        return np.ones((axis.n_out, axis.n_in), dtype=np.bool_)
    if axis.causal:
        return np.tri(axis.n_out, dtype=np.bool_)
    reads = np.zeros((axis.n_out, axis.n_in + 1), dtype=np.bool_)
    np.put_along_axis(reads, axis.table(), True, axis=1)
    return reads[:, :-1]


def identity_map(n: int) -> AxisMap:
    """The map of n units that each read only the input unit of the same index."""
    return AxisMap(n, n)


def whole_map(n_in: int, n_out: int) -> AxisMap:
    """The map of a global operation: each of ``n_out`` units reads all ``n_in`` input units."""
    return AxisMap(n_in, n_out, (range(n_in),), 0, whole=True)


def causal_map(n: int) -> AxisMap:
    """The map of a recurrence or a running sum: output u of n reads the inputs 0 to u."""
    return AxisMap(n, n, causal=True) if n > 1 else identity_map(n)


def window_map(n_in: int, n_out: int, spec: Window, edge: Edge = "zero") -> AxisMap:
    """The map of a sliding window: output u reads ``u*stride - before + i*dilation`` for tap i."""
    before = spec.padding[0]
    taps = range(-before, -before + spec.span, spec.dilation)
    if spec.taps is not None:
        taps, _ = covering_range([taps[t] for t in spec.taps])
    return AxisMap(n_in, n_out, (taps,), spec.stride, edge, window=spec)


def covering_range(units: Sequence[int]) -> tuple[range, bool]:
    """The shortest range that contains all of ``units``, which are in ascending order.

    Returns:
        The range, and whether it contains no other units.
    """
    if not units:
        return range(0), True
    step = gcd(*(after - before for before, after in pairwise(units))) or 1
    covering = range(units[0], units[-1] + 1, step)
    return covering, len(covering) == len(units)


def transposed_map(n_in: int, n_out: int, spec: Window) -> AxisMap:
    """The map of a transposed window: input i writes to ``i*stride - before + t*dilation``.

    Output u = q*stride + r therefore reads the inputs q + j with
    ``j*stride = r + before - t*dilation`` for some tap t. These j form an arithmetic progression.

    Raises:
        SpecError: the stride is larger than `MAX_PERIOD`.
    """
    stride, before, dilation = spec.stride, spec.padding[0], spec.dilation
    cycle = stride // gcd(stride, dilation)  # distance of two taps that serve the same phase

    def phase(r: int) -> range:
        if spec.taps is not None:
            moves = [r + before - t * dilation for t in reversed(spec.taps)]
            return covering_range([move // stride for move in moves if not move % stride])[0]
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
    """The map of slices, padding (start < 0) and flips (step < 0): u reads ``start + u*step``."""
    return AxisMap(n_in, n_out, (range(start, start + 1),), step, edge)


def block_repeat_map(n_in: int, block: int) -> AxisMap:
    """The map of PixelShuffle and repeat_interleave: ``block`` outputs in a row read each input."""
    _check_period(block)
    return AxisMap(n_in, n_in * block, (range(1),) * block, 1)


def adaptive_pooling_map(n_in: int, n_out: int) -> AxisMap:
    """The map of adaptive pooling from n to m units.

    Output u reads the inputs from ``floor(u*n/m)`` to ``ceil((u+1)*n/m) - 1``.
    """
    ratio = Fraction(n_in, n_out)
    taps = periodic_taps(ratio, lambda u: range(floor(u * ratio), ceil((u + 1) * ratio)))
    return AxisMap(n_in, n_out, taps, ratio.numerator)


def periodic_taps(ratio: Fraction, taps_of: Callable[[int], range]) -> tuple[range, ...]:
    """The taps of all phases of a map that advances by ``ratio`` input units per output unit.

    Args:
        ratio: input units per output unit; its denominator is the period.
        taps_of: returns the input units that an output unit reads.

    Raises:
        SpecError: the period is longer than `MAX_PERIOD`.
    """
    _check_period(ratio.denominator)
    return tuple(taps_of(u) for u in range(ratio.denominator))


def _check_period(period: int) -> None:
    """Raises SpecError if a period is longer than `MAX_PERIOD`."""
    if period > MAX_PERIOD:
        raise SpecError("output size", f"must repeat its pattern within {MAX_PERIOD} units", period)


Resampling = Literal["nearest", "nearest-exact", "linear", "cubic"]
"""The interpolation along one axis; a bilinear interpolation is linear along both."""


def resample_map(
    n_in: int,
    n_out: int,
    ratio: Fraction,
    mode: Resampling,
    align_corners: bool,
    antialias: bool = False,
) -> AxisMap:
    """The map of `torch.nn.functional.interpolate` along one axis.

    Taps whose weight is exactly 0 are left out, so that a copied pixel has one tap.

    Args:
        n_in: number of input units.
        n_out: number of output units.
        ratio: input units per output unit; replaced where ``align_corners`` fixes it.
        mode: the interpolation along this axis.
        align_corners, antialias: torch's arguments.
    """
    if align_corners and mode in ("linear", "cubic"):
        ratio = Fraction(n_in - 1, n_out - 1) if n_out > 1 else Fraction(0)

    def taps_of(u: int) -> range:
        if mode == "nearest":
            return _single_tap(floor(u * ratio))
        if mode == "nearest-exact":
            return _single_tap(floor((u + Fraction(1, 2)) * ratio))
        source = u * ratio if align_corners else (u + Fraction(1, 2)) * ratio - Fraction(1, 2)
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
