"""How the expected gradient of one unit is shared among the units that it reads.

One function does it along one axis, `push`: the transpose of an `AxisMap`, each tap with
a weight. What the weight is depends on what the operation does with the units it reads:

- ``share``: it has one weight for every tap (convolutions, linear layers), or hands every
  tap on in a channel of its own (unfold, flatten). With independent weights of mean 0 and
  variance 1/fan-in, tap by tap, the expected squared gradient of an input unit, summed
  over channels, is the sum over the outputs that read it of theirs, times 1/k per axis.
  With the constant weight 1/fan-in the same is true of the gradient itself.
- ``pick``: it hands one of them on (max pooling; the norm of LP pooling is alike, its
  gradient being a unit vector). All of the energy arrives in one tap, each with the same
  chance: 1/k as well, k without the taps in padding, which are never picked.
- ``mean``: fixed weights w, 1/k each for average pooling. The gradient is shared by w and
  so the energy by w²: the same shape over a uniform window, but the total is 1/k of what
  max pooling lets through, per axis. Where two windows overlap, the products of their
  gradients are left out: they average to zero as long as no other mean, nearer to the
  output, has made them alike.
- ``norm``: each its own, less the mean of all: `core.erf.expected` adds that part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import nn

from ..errors import SpecError
from ..graph.axes.axis_map import AxisMap, Resampling, resample_map
from ..graph.graph import Node
from ..graph.rules.call import names_in
from ..layer.window import IntArray
from ..networks.swaps import FixedWindow

Values = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
MAX_TAPS = 1 << 22
"""Most taps of one operation along one axis that are followed."""
SMALL = 1 << 13
"""Most taps of an operation whose table is cached."""


@dataclass(frozen=True)
class Rule:
    """How an operation shares its gradient among the units it reads; see the module's text.

    Attributes:
        how: one of the four ways.
        fixed: weights of a ``mean`` that are not all the same, along (height, width).
        counts_padding: a ``mean`` divides by its taps in padding too.
    """

    how: Literal["share", "pick", "mean", "norm"] = "share"
    fixed: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    counts_padding: bool = True


_MEANS = names_in("""
mean nanmean interpolate scaled_dot_product_attention multi_head_attention_forward
avg_pool1d avg_pool2d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
""")
_PICKS = names_in("amax amin max min median lp_pool1d lp_pool2d")
_NORMS = names_in("""
batch_norm group_norm instance_norm layer_norm rms_norm normalize softmax log_softmax softmin
""")
_WEIGHTED = names_in("conv1d conv2d conv_transpose1d conv_transpose2d linear")


def is_weighted(node: Node) -> bool:
    """Whether the operation multiplies by random weights."""
    return node.operation in _WEIGHTED


def rule_of(node: Node, module: nn.Module | None = None) -> Rule:
    """The rule of an operation, from its name in torch and the module it runs in."""
    name = node.operation
    if isinstance(module, FixedWindow) and name == "conv2d":
        return Rule("mean", fixed=module.taps)
    if isinstance(module, nn.AvgPool1d | nn.AvgPool2d):
        return Rule("mean", counts_padding=module.count_include_pad)
    if name in _NORMS and node.kind == "global":
        return Rule("norm")
    if name in _PICKS or "max_pool" in name:
        return Rule("pick")
    return Rule("mean" if name in _MEANS or node.kind == "unknown" else "share")


@dataclass(frozen=True)
class Carrier:
    """The quantity that is propagated through the taps.

    Attributes:
        energy: the squared gradient; otherwise the gradient itself.
        clipped: only what stays inside every map; otherwise as if all maps went on for
            ever and padding were picture.
    """

    energy: bool = True
    clipped: bool = True


class InputShare(NamedTuple):
    """The values that the input units receive along one axis.

    Attributes:
        start: the first input unit.
        values: (units, terms) of the units from ``start`` on.
        cut: whether part of the values fell on padding.
    """

    start: int
    values: Values
    cut: bool = False


def push(
    axis: AxisMap, start: int, values: Values, rule: Rule, side: int, carrier: Carrier
) -> InputShare | None:
    """Propagate values from output units to the input units they read, along one axis.

    Args:
        axis: what each output unit reads.
        start: the first output unit with a value.
        values: (units, terms) of the units from ``start`` on.
        rule: of the operation.
        side: 0 for the height, 1 for the width.
        carrier: what the values are.

    Returns:
        The input units' values; None if all fall on padding.

    Raises:
        SpecError: the window has too many taps to follow.
    """
    if axis.is_identity:
        return InputShare(start, values)
    if axis.whole:
        weight = _squared_for_energy(rule, carrier, 1 / axis.n_in)
        return InputShare(0, np.tile(values.sum(0) * weight, (axis.n_in, 1)))
    if axis.causal:
        return _to_every_earlier(start, values, rule, carrier)
    widest = max(map(len, axis.taps))
    if widest * len(values) > MAX_TAPS:
        raise SpecError("kernel_size", f"reads more than {MAX_TAPS} positions", widest)
    taps = _cached_taps if widest * len(values) <= SMALL else _taps
    places, weights, cut = taps(axis, start, len(values), rule, side, carrier)
    real = weights != 0
    if not real.any():
        return None
    first, last = int(places[real].min()), int(places[real].max())
    at = np.where(real, places - first, 0)
    return InputShare(first, _scattered(at, weights, values, last - first + 1), cut)


def _to_every_earlier(start: int, values: Values, rule: Rule, carrier: Carrier) -> InputShare:
    """Share the value of unit u equally among the units 0 to u."""
    units = range(start, start + len(values))
    parts = values * np.array(
        [[_squared_for_energy(rule, carrier, 1 / (unit + 1))] for unit in units]
    )
    later = np.cumsum(parts[::-1], axis=0)[::-1]
    return InputShare(0, np.concatenate([np.tile(later[:1], (start, 1)), later]))


def _scattered(places: IntArray, weights: Values, values: Values, length: int) -> Values:
    """(length, terms) sums of the weighted values by place."""
    flat = places.ravel()
    columns = [
        np.bincount(flat, (weights * column[:, None]).ravel(), minlength=length)
        for column in values.T
    ]
    return np.stack(columns, axis=1)


def _squared_for_energy(rule: Rule, carrier: Carrier, weight: float) -> float:
    """The factor of a fixed weight: its square where the values are energies."""
    return weight**2 if rule.how == "mean" and carrier.energy else weight


def _taps(
    axis: AxisMap, start: int, count: int, rule: Rule, side: int, carrier: Carrier
) -> tuple[IntArray, Values, bool]:
    """(units, taps) input unit and weight of every tap; weight 0 where there is none.

    The third value says whether some taps were dropped because they lie outside the map.
    """
    lengths = [len(taps) for taps in axis.taps]
    units = np.arange(start, start + count)
    phase = units % axis.period
    widths, grid = np.array(lengths)[phase], np.arange(max(lengths))
    there = grid < widths[:, None]
    firsts = np.array([taps.start for taps in axis.taps])[phase]
    steps = np.array([taps.step for taps in axis.taps])[phase]
    moved = firsts + units // axis.period * axis.advance
    places = moved[:, None] + grid * steps[:, None]
    inside = there & (places >= 0) & (places < axis.n_in)
    if carrier.clipped and axis.edge != "zero":
        table = axis.table()[units]
        places, inside = table, table < axis.n_in
    counted = inside if carrier.clipped else there
    weights = _weights(axis, rule, side, units, there, places, counted)
    if rule.how == "mean" and carrier.energy:
        weights = weights**2
    return places, np.where(counted, weights, 0.0), bool((there & ~counted).any())


_cached_taps = lru_cache(maxsize=512)(_taps)


def _weights(
    axis: AxisMap,
    rule: Rule,
    side: int,
    units: IntArray,
    there: BoolArray,
    places: IntArray,
    counted: BoolArray,
) -> Values:
    """(units, taps) weight of every tap before any square."""
    if rule.how == "pick":
        return _shares(counted, counted)
    if rule.how != "mean":
        mean = sum(map(len, axis.taps)) / axis.period
        return there.astype(np.float64) / max(mean, 1e-300)
    if rule.fixed:
        return np.broadcast_to(np.asarray(rule.fixed[side]), there.shape)
    phases = _blend(axis) if axis.window is None else ()
    if phases:
        padded = [(*phase, *[0.0] * (there.shape[1] - len(phase))) for phase in phases]
        blend = np.asarray(padded)[units % axis.period]
        inside = blend.sum(1, where=counted, keepdims=True)
        return np.asarray(blend / inside if axis.edge == "zero" else blend)
    divided = there & _padded(axis, places) if rule.counts_padding else counted
    return _shares(there, divided)


def _shares(taps: BoolArray, counted: BoolArray) -> Values:
    """1 over the number counted, for every tap."""
    return np.asarray(taps / np.maximum(counted.sum(1, keepdims=True), 1), dtype=np.float64)


def _padded(axis: AxisMap, places: IntArray) -> BoolArray:
    """Inside the image or its padding: what average pooling divides by, without the overhang
    of ``ceil_mode`` (torch.nn.AvgPool2d)."""
    before, after = axis.window.padding if axis.window else (0, 0)
    return (places >= -before) & (places < axis.n_in + after)


@lru_cache(maxsize=256)
def _blend(axis: AxisMap) -> tuple[tuple[float, ...], ...]:
    """The weights of each phase of an interpolation; empty where all are the same.

    The graph keeps the taps only: the mode is the one that would read the same ones.
    """
    plain = Fraction(axis.advance, axis.period)
    for mode, corners, antialias in product(_MODES, (False, True), (False, True)):
        if resample_map(axis.n_in, axis.n_out, plain, mode, corners, antialias) == axis:
            ends = corners and axis.n_out > 1
            ratio = Fraction(axis.n_in - 1, axis.n_out - 1) if ends else plain
            shift = Fraction(0) if corners else (ratio - 1) / 2
            width = max(ratio, Fraction(1)) if antialias else Fraction(1)
            kernel = _KERNELS[mode, antialias]
            return tuple(
                _normal([kernel(float((tap - u * ratio - shift) / width)) for tap in taps])
                for u, taps in enumerate(axis.taps)
            )
    return ()


def _normal(weights: list[float]) -> tuple[float, ...]:
    return tuple(weight / sum(weights) for weight in weights)


def _triangle(x: float) -> float:
    return max(0.0, 1 - abs(x))


def _keys(x: float, a: float) -> float:
    """The cubic convolution of Keys (1981)."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


_MODES: tuple[Resampling, ...] = ("linear", "cubic")
_KERNELS: dict[tuple[Resampling, bool], Callable[[float], float]] = {
    ("linear", False): _triangle,
    ("linear", True): _triangle,
    ("cubic", False): partial(_keys, a=-0.75),  # torch's choice, and another with antialias
    ("cubic", True): partial(_keys, a=-0.5),
}
