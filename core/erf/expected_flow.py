"""The expected energy of one unit, propagated backward through a graph as a sum of products.

Every operation acts along one axis at a time, so a map that starts as one pixel stays a
sum of products row × column. Branches add their terms; a sum of many is shortened to as
many as it needs, so that the work stays bounded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, prod, sqrt

import numpy as np

from ..errors import SpecError
from ..graph.axes.axis_map import AxisMap
from ..graph.graph import Graph, Node
from ..graph.rules.call import names_in
from .expected_taps import Carrier, Rule, Values, is_weighted, push

MAX_PIXELS = 1 << 24
"""Most pixels of a map."""
MAX_TERMS = 16
"""Most products of a sum before it is compressed."""
EPSILON = 1e-13
"""Largest error of a compressed sum, relative to its largest pixel."""
HUGE = 1e100
"""Energies above this, or below its inverse, are rescaled against overflow and underflow."""


@dataclass(frozen=True, eq=False)
class ProductSum:
    """The map ``Σ_r rows[:, r] × cols[:, r]``, its first pixel at ``origin``."""

    origin: tuple[int, int]
    rows: Values
    cols: Values

    @property
    def total(self) -> float:
        """Sum of all pixels."""
        return float(self.rows.sum(0) @ self.cols.sum(0))

    @property
    def bound(self) -> float:
        """An upper bound of all pixels."""
        return float(np.abs(self.rows).max(0) @ np.abs(self.cols).max(0))

    def scaled(self, factor: float) -> ProductSum:
        """The same map times a factor."""
        return self if factor == 1 else ProductSum(self.origin, self.rows * factor, self.cols)


def total_of(parts: Sequence[ProductSum]) -> ProductSum:
    """The sum of several maps."""
    if len(parts) == 1:
        return parts[0]
    row, rows = _side_by_side([(part.origin[0], part.rows) for part in parts])
    col, cols = _side_by_side([(part.origin[1], part.cols) for part in parts])
    if rows.shape[1] > MAX_TERMS:
        rows, cols = _shortened(rows, cols)
    return ProductSum((row, col), rows, cols)


def _side_by_side(parts: Sequence[tuple[int, Values]]) -> tuple[int, Values]:
    """The terms of all as columns over the units that any of them covers."""
    first = min(start for start, _ in parts)
    last = max(start + len(values) for start, values in parts)
    out = np.zeros((last - first, sum(values.shape[1] for _, values in parts)))
    column = 0
    for start, values in parts:
        count = values.shape[1]
        out[start - first : start - first + len(values), column : column + count] = values
        column += count
    return first, out


def _shortened(rows: Values, cols: Values) -> tuple[Values, Values]:
    """The same sum in as few products as it needs.

    Elimination with complete pivoting in orthonormal bases of both factors. (A singular
    value decomposition in its place finds no fewer, and is slow where threads share cores.)
    """
    left, small_rows = np.linalg.qr(rows)
    right, small_cols = np.linalg.qr(cols)
    rest = small_rows @ small_cols.T
    limit = EPSILON * float(np.abs(rest).max())
    lefts, rights = [], []
    for _ in range(min(rest.shape)):
        i, j = divmod(int(np.abs(rest).argmax()), rest.shape[1])
        if abs(rest[i, j]) <= limit:
            break
        lefts.append(rest[:, j] / rest[i, j])
        rights.append(rest[i].copy())
        rest -= lefts[-1][:, None] * rights[-1]
    if not lefts:
        return rows[:, :1], 0 * cols[:, :1]
    return left @ np.stack(lefts, axis=1), right @ np.stack(rights, axis=1)


def picture(rows: Values, cols: Values) -> Values:
    """The map itself, (rows, columns).

    Raises:
        SpecError: it would have more than `MAX_PIXELS`.
    """
    if len(rows) * len(cols) > MAX_PIXELS:
        size = f"{len(rows)}×{len(cols)}"
        raise SpecError("input_size", f"must give a map of at most {MAX_PIXELS} pixels", size)
    return rows @ cols.T


@dataclass(frozen=True)
class Gains:
    """How much energy a part of a network passes on to what it reads, at least 0 each.

    Only the ratio between branches that meet shows in a map.

    Attributes:
        layer: of a layer with weights, fan-in times their variance.
        rectifier: of a ReLU or one of its smooth kin.
        branch: of a residual branch, on top of its layers; its shortcut has 1.
    """

    layer: float = 1.0
    rectifier: float = 1.0
    branch: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < HUGE:
                raise SpecError(name, "must be a number of at least 0", value)


UNIT_GAINS = Gains()
"""Gains with which every layer preserves the energy: a branch weighs as much as its shortcut."""
HE = Gains(2.0, 0.5)
"""Gains for weights of variance 2/fan-in, with a rectifier that lets half the energy pass."""
TORCH = Gains(1 / 3, 0.5)
"""Gains for torch's default weights, of variance 1/(3 fan-in)."""

_RECTIFIERS = names_in("""
relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish hardswish softplus
""")
_ADDS = names_in("add iadd radd sub subtract isub rsub")
_CATS = names_in("cat concat concatenate stack")


class EnergyFlow:
    """The backward propagation of energy from one node of a graph to an input.

    Args:
        graph: the network.
        rules: of each of its nodes.
        source: the input.
        layer: the node whose unit is asked for.
        gains: of its parts.

    Attributes:
        cut: whether some energy fell on padding in the last run.
    """

    def __init__(
        self,
        graph: Graph,
        rules: Mapping[str, Rule],
        source: str,
        layer: str,
        gains: Gains,
    ) -> None:
        self.graph, self.rules = graph, rules
        self.source, self.layer = source, layer
        self.gains = gains
        self.depths: dict[str, int] = {}
        for name, node in graph.items():
            below = max((self.depths[parent] for parent in node.inputs), default=0)
            self.depths[name] = below + is_weighted(node)
        self.used: list[Node] = []
        self.cut = False

    def run(self, unit: tuple[int, int], carrier: Carrier) -> tuple[ProductSum | None, float]:
        """The map at the input, and the logarithm of the factor that was taken out of it."""
        pending = {self.layer: [ProductSum(unit, np.ones((1, 1)), np.ones((1, 1)))]}
        left_out, self.used, self.cut = 0.0, [], False
        for name in reversed(list(self.graph)):
            if name == self.source or name not in pending:
                continue
            terms = total_of(pending.pop(name))
            self.used.append(self.graph[name])
            bound = terms.bound
            if bound > 0 and not 1 / HUGE < bound < HUGE:
                factor = 1 / bound
                left_out -= log(factor)
                terms = terms.scaled(factor)
                pending = {key: [t.scaled(factor) for t in all] for key, all in pending.items()}
            for parent, part in self._parent_terms(self.graph[name], terms, carrier):
                pending.setdefault(parent, []).append(part)
        at_source = pending.get(self.source)
        return (total_of(at_source) if at_source else None), left_out

    def _parent_terms(
        self, node: Node, terms: ProductSum, carrier: Carrier
    ) -> list[tuple[str, ProductSum]]:
        """The part of a node's map that each of its inputs receives."""
        rule, shares = self.rules[node.name], self._shares(node, carrier)
        result = []
        for parent, maps, share in zip(node.inputs, node.maps, shares, strict=True):
            if rule.how == "norm":
                parts = _less_mean(terms, maps) if carrier.energy else [terms]
            else:
                parts = self._through(maps, terms, rule, carrier)
            result += [(parent, part.scaled(share)) for part in parts if share]
        return result

    def _through(
        self, maps: tuple[AxisMap, AxisMap], terms: ProductSum, rule: Rule, carrier: Carrier
    ) -> list[ProductSum]:
        """A map propagated to the units that an operation reads; empty if all are padding."""
        rows = push(maps[0], terms.origin[0], terms.rows, rule, 0, carrier)
        cols = push(maps[1], terms.origin[1], terms.cols, rule, 1, carrier)
        if rows is None or cols is None:
            self.cut = True
            return []
        self.cut = self.cut or rows.cut or cols.cut
        return [ProductSum((rows.start, cols.start), rows.values, cols.values)]

    def _shares(self, node: Node, carrier: Carrier) -> list[float]:
        """The factor with which each input of a node receives its map."""
        own = self._own(node) if carrier.energy else 1.0
        if node.operation in _CATS:
            return [_width(self.graph[parent]) / _width(node) for parent in node.inputs]
        depths = [self.depths[parent] for parent in node.inputs]
        if node.operation in _ADDS and min(depths, default=0) < max(depths, default=0):
            branch = self.gains.branch if carrier.energy else sqrt(self.gains.branch)
            return [1.0 if d == min(depths) else branch for d in depths]
        return [own] * len(depths)

    def _own(self, node: Node) -> float:
        if is_weighted(node):
            return self.gains.layer
        return self.gains.rectifier if node.operation in _RECTIFIERS else 1.0

    def notes(self) -> tuple[str, ...]:
        """What the last run modeled rather than computed, one sentence each."""
        notes: dict[str, None] = {}
        mean = False
        for node in self.used:
            rule = self.rules[node.name]
            if node.kind in ("global", "unknown") or node.bound:
                notes[f"{node.kind}: {node.operation} is spread evenly over the image"] = None
            elif rule.how == "pick":
                notes["max pooling is taken as a fair draw among its pixels"] = None
            elif rule.how == "mean" and mean and _overlaps(node):
                notes["overlapping averages are taken as independent of each other"] = None
            mean = mean or rule.how == "mean"
        return tuple(notes)


def _width(node: Node) -> int:
    """The number of channels: values per position."""
    return max(1, prod(node.shape) // prod(node.grid))


def _overlaps(node: Node) -> bool:
    return any(
        axis.causal or len(axis.taps[0]) * axis.period > abs(axis.advance)
        for maps in node.maps
        for axis in maps
        if not (axis.is_identity or axis.whole)
    )


def _less_mean(terms: ProductSum, maps: tuple[AxisMap, AxisMap]) -> list[ProductSum]:
    """A normalization: each unit its own, and 1/n² of the sum, what the mean takes out.

    Source: the gradient of x - mean(x) over n positions, squared, for independent ones.
    """
    height, width = maps[0].n_in, maps[1].n_in
    even = terms.total / (height * width) ** 2
    return [terms, ProductSum((0, 0), np.full((height, 1), even), np.ones((width, 1)))]
