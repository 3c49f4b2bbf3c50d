"""How one operation distributes the expected gradient of its units over the units they read.

`propagate_along_axis` does this along one axis: it is the transpose of an `AxisMap` with a weight
for each tap. The weight depends on the kind of operation:

- ``share``: every tap has its own random weight (convolutions, linear layers), or goes to its own
  channel (unfold, flatten). With independent weights of mean 0 and variance 1/fan-in, the
  expected squared gradient of an input unit, summed over channels, is the sum of those of the
  outputs that read it, times 1/k per axis for k taps. With the constant weight 1/fan-in the same
  holds for the gradient itself.
- ``pick``: one tap is selected (max pooling; LP pooling is similar, as its gradient is a unit
  vector). All of the energy goes to one tap, with equal probability, so the weight is 1/k too,
  where k does not count taps in padding, which are never selected.
- ``mean``: fixed weights w, 1/k each for average pooling. The gradient is distributed by w, the
  energy by w²: the same shape for a uniform window, but in total 1/k of what max pooling passes,
  per axis. Products of the gradients of overlapping windows are neglected: their mean is 0 unless
  another mean, closer to the output, has made the gradients similar.
- ``norm``: each unit receives its own value; `core.erf.expected_flow` subtracts the mean.
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
"""Largest number of taps of one operation along one axis."""
MAX_CACHED_TAPS = 1 << 13
"""Largest number of taps of an operation whose table is cached."""


@dataclass(frozen=True)
class Rule:
    """How an operation distributes its gradient over the units it reads.

    Attributes:
        kind: one of the four kinds that the module's docstring explains.
        fixed: weights of a ``mean`` that are not all equal, along (height, width).
        counts_padding: whether a ``mean`` divides by all taps, including those in padding.
    """

    kind: Literal["share", "pick", "mean", "norm"] = "share"
    fixed: tuple[tuple[float, ...], tuple[float, ...]] | None = None
    counts_padding: bool = True


_MEANS = names_in("""
mean nanmean interpolate scaled_dot_product_attention multi_head_attention_forward
avg_pool1d avg_pool2d adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
""")
"""Names of operations with a rule of the kind ``mean``."""
_PICKS = names_in("amax amin max min median lp_pool1d lp_pool2d")
"""Names of operations with a rule of the kind ``pick``, besides max pooling."""
_NORMS = names_in("""
batch_norm group_norm instance_norm layer_norm rms_norm normalize softmax log_softmax softmin
""")
"""Names of operations with a rule of the kind ``norm``."""
_WEIGHTED = names_in("conv1d conv2d conv_transpose1d conv_transpose2d linear")
"""Names of operations that multiply their input by weights."""


def is_weighted(node: Node) -> bool:
    """Whether the operation multiplies its input by weights, which are assumed to be random."""
    return node.operation in _WEIGHTED


def rule_of(node: Node, module: nn.Module | None = None) -> Rule:
    """The rule of a node, from its operation and the module in which it runs."""
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
class Quantity:
    """The quantity that is propagated.

    Attributes:
        energy: whether it is the squared gradient instead of the gradient itself.
        clipped: whether taps in padding are dropped; otherwise maps are treated as unbounded.
    """

    energy: bool = True
    clipped: bool = True


class InputShare(NamedTuple):
    """The values that input units receive along one axis.

    Attributes:
        start: index of the first input unit.
        values: (units, terms) values of the units from ``start`` on.
        cut: whether part of the values fell on padding.
    """

    start: int
    values: Values
    cut: bool = False


def propagate_along_axis(
    axis: AxisMap, start: int, values: Values, rule: Rule, dimension: int, quantity: Quantity
) -> InputShare | None:
    """Propagate values from output units to the input units they read, along one axis.

    Args:
        axis: the input units that each output unit reads.
        start: index of the first output unit with a value.
        values: (units, terms) values of the output units from ``start`` on.
        rule: rule of the operation.
        dimension: 0 for the height, 1 for the width.
        quantity: meaning of the values.

    Returns:
        The values of the input units; None if all fall on padding.

    Raises:
        SpecError: the window has more than `MAX_TAPS` taps.
    """
    if axis.is_identity:
        return InputShare(start, values)
    if axis.whole:
        weight = _weight_of_quantity(rule, quantity, 1 / axis.n_in)
        return InputShare(0, np.tile(values.sum(0) * weight, (axis.n_in, 1)))
    if axis.causal:
        return _propagate_causal(start, values, rule, quantity)
    widest = max(map(len, axis.taps))
    if widest * len(values) > MAX_TAPS:
        raise SpecError("kernel_size", f"reads more than {MAX_TAPS} positions", widest)
    taps = (
        _cached_positions_and_weights
        if widest * len(values) <= MAX_CACHED_TAPS
        else _positions_and_weights
    )
    positions, weights, cut = taps(axis, start, len(values), rule, dimension, quantity)
    nonzero = weights != 0
    if not nonzero.any():
        return None
    first, last = int(positions[nonzero].min()), int(positions[nonzero].max())
    at = np.where(nonzero, positions - first, 0)
    return InputShare(first, _summed_by_position(at, weights, values, last - first + 1), cut)


def _propagate_causal(start: int, values: Values, rule: Rule, quantity: Quantity) -> InputShare:
    """Distribute the value of each unit u equally over the units 0 to u."""
    units = range(start, start + len(values))
    parts = values * np.array(
        [[_weight_of_quantity(rule, quantity, 1 / (unit + 1))] for unit in units]
    )
    later = np.cumsum(parts[::-1], axis=0)[::-1]
    return InputShare(0, np.concatenate([np.tile(later[:1], (start, 1)), later]))


def _summed_by_position(
    positions: IntArray, weights: Values, values: Values, length: int
) -> Values:
    """(length, terms) sums of the weighted values by position.

    Args:
        positions: (units, taps) position of each tap, from 0.
        weights: (units, taps) weight of each tap.
        values: (units, terms) value of each unit.
        length: number of positions.
    """
    flat = positions.ravel()
    columns = [
        np.bincount(flat, (weights * column[:, None]).ravel(), minlength=length)
        for column in values.T
    ]
    return np.stack(columns, axis=1)


def _weight_of_quantity(rule: Rule, quantity: Quantity, weight: float) -> float:
    """The factor of a fixed weight: the weight, or its square where energies are averaged."""
    return weight**2 if rule.kind == "mean" and quantity.energy else weight


def _positions_and_weights(
    axis: AxisMap, start: int, count: int, rule: Rule, dimension: int, quantity: Quantity
) -> tuple[IntArray, Values, bool]:
    """(units, taps) input position and weight of every tap; the weight is 0 where there is no tap.

    The third value says whether taps were dropped because they lie outside the map.
    """
    lengths = [len(taps) for taps in axis.taps]
    units = np.arange(start, start + count)
    phase = units % axis.period
    widths, grid = np.array(lengths)[phase], np.arange(max(lengths))
    is_tap = grid < widths[:, None]
    firsts = np.array([taps.start for taps in axis.taps])[phase]
    steps = np.array([taps.step for taps in axis.taps])[phase]
    first_taps = firsts + units // axis.period * axis.advance
    positions = first_taps[:, None] + grid * steps[:, None]
    inside = is_tap & (positions >= 0) & (positions < axis.n_in)
    if quantity.clipped and axis.edge != "zero":
        table = axis.table()[units]
        positions, inside = table, table < axis.n_in
    counted = inside if quantity.clipped else is_tap
    weights = _tap_weights(axis, rule, dimension, units, is_tap, positions, counted)
    if rule.kind == "mean" and quantity.energy:
        weights = weights**2
    return positions, np.where(counted, weights, 0.0), bool((is_tap & ~counted).any())


_cached_positions_and_weights = lru_cache(maxsize=512)(_positions_and_weights)


def _tap_weights(
    axis: AxisMap,
    rule: Rule,
    dimension: int,
    units: IntArray,
    is_tap: BoolArray,
    positions: IntArray,
    counted: BoolArray,
) -> Values:
    """(units, taps) weight of every tap for the gradient, not yet squared.

    Args:
        axis: the input units that each output unit reads.
        rule: rule of the operation.
        dimension: 0 for the height, 1 for the width.
        units: (units,) indices of the output units.
        is_tap: (units, taps) whether the output unit has this tap.
        positions: (units, taps) input position of each tap.
        counted: (units, taps) whether the tap receives anything.
    """
    if rule.kind == "pick":
        return _equal_shares(counted, counted)
    if rule.kind != "mean":
        mean = sum(map(len, axis.taps)) / axis.period
        return is_tap.astype(np.float64) / max(mean, 1e-300)
    if rule.fixed:
        return np.broadcast_to(np.asarray(rule.fixed[dimension]), is_tap.shape)
    phases = _interpolation_weights(axis) if axis.window is None else ()
    if phases:
        padded = [(*phase, *[0.0] * (is_tap.shape[1] - len(phase))) for phase in phases]
        blend = np.asarray(padded)[units % axis.period]
        inside = blend.sum(1, where=counted, keepdims=True)
        return np.asarray(blend / inside if axis.edge == "zero" else blend)
    divided = is_tap & _in_input_or_padding(axis, positions) if rule.counts_padding else counted
    return _equal_shares(is_tap, divided)


def _equal_shares(taps: BoolArray, counted: BoolArray) -> Values:
    """Every tap divided by the number of taps counted in its row."""
    return np.asarray(taps / np.maximum(counted.sum(1, keepdims=True), 1), dtype=np.float64)


def _in_input_or_padding(axis: AxisMap, positions: IntArray) -> BoolArray:
    """Whether each tap lies in the input or its padding, but not in the overhang of ``ceil_mode``.

    These are the taps by whose number average pooling divides (torch.nn.AvgPool2d).
    """
    before, after = axis.window.padding if axis.window else (0, 0)
    return (positions >= -before) & (positions < axis.n_in + after)


@lru_cache(maxsize=256)
def _interpolation_weights(axis: AxisMap) -> tuple[tuple[float, ...], ...]:
    """The weights of each phase of an interpolation; empty where all are equal.

    The graph contains the taps but not the mode, so the modes are tried until one has these taps.
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
                _normalized([kernel(float((tap - u * ratio - shift) / width)) for tap in taps])
                for u, taps in enumerate(axis.taps)
            )
    return ()


def _normalized(weights: list[float]) -> tuple[float, ...]:
    """The weights divided by their sum."""
    return tuple(weight / sum(weights) for weight in weights)


def _triangle_kernel(x: float) -> float:
    """The triangle function, the kernel of linear interpolation."""
    return max(0.0, 1 - abs(x))


def _cubic_kernel(x: float, a: float) -> float:
    """The kernel of cubic interpolation of Keys (1981), with parameter ``a``."""
    x = abs(x)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * (x**3 - 5 * x**2 + 8 * x - 4) if x < 2 else 0.0


_MODES: tuple[Resampling, ...] = ("linear", "cubic")
"""Interpolation modes that are tried to find the one of a node."""
_KERNELS: dict[tuple[Resampling, bool], Callable[[float], float]] = {
    ("linear", False): _triangle_kernel,
    ("linear", True): _triangle_kernel,
    ("cubic", False): partial(_cubic_kernel, a=-0.75),  # torch uses -0.5 with antialias
    ("cubic", True): partial(_cubic_kernel, a=-0.5),
}
"""Interpolation kernel of each (mode, antialias)."""
