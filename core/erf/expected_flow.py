"""Propagation of the expected energy of one unit backward through a graph, as a sum of products.

Every operation acts along one axis at a time, so a map that starts as one pixel remains a sum of
products row × column. Branches add their products; a sum of many products is compressed, so that
the work stays bounded.
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
from .expected_taps import Quantity, Rule, Values, is_weighted, propagate_along_axis

MAX_PIXELS = 1 << 24
"""Largest number of pixels of a map."""
MAX_TERMS = 16
"""Number of products above which a sum is compressed."""
EPSILON = 1e-13
"""Largest error of a compressed sum, relative to its largest pixel."""
RESCALE_LIMIT = 1e100
"""Maps with energies above this or below its inverse are rescaled against over- and underflow."""


@dataclass(frozen=True, eq=False)
class ProductSum:
    """The map ``Σ_r rows[:, r] × cols[:, r]``.

    Attributes:
        origin: (row, column) of the map's first pixel.
        rows, cols: (units, terms) factors along the height and the width.
    """

    origin: tuple[int, int]
    rows: Values
    cols: Values

    @property
    def total(self) -> float:
        """Sum of all pixels."""
        return float(self.rows.sum(0) @ self.cols.sum(0))

    @property
    def bound(self) -> float:
        """An upper bound of the absolute values of all pixels."""
        return float(np.abs(self.rows).max(0) @ np.abs(self.cols).max(0))

    def scaled(self, factor: float) -> ProductSum:
        """The same map times a factor."""
        return self if factor == 1 else ProductSum(self.origin, self.rows * factor, self.cols)


def sum_of_maps(parts: Sequence[ProductSum]) -> ProductSum:
    """The sum of several maps, over the units that any of them covers."""
    if len(parts) == 1:
        return parts[0]
    row, rows = _stacked_terms([(part.origin[0], part.rows) for part in parts])
    col, cols = _stacked_terms([(part.origin[1], part.cols) for part in parts])
    if rows.shape[1] > MAX_TERMS:
        rows, cols = _compressed_terms(rows, cols)
    return ProductSum((row, col), rows, cols)


def _stacked_terms(parts: Sequence[tuple[int, Values]]) -> tuple[int, Values]:
    """The terms of all parts as columns of one array.

    Args:
        parts: (first unit, (units, terms) values) of each part.

    Returns:
        The first unit of the array, and the array.
    """
    first = min(start for start, _ in parts)
    last = max(start + len(values) for start, values in parts)
    out = np.zeros((last - first, sum(values.shape[1] for _, values in parts)))
    column = 0
    for start, values in parts:
        count = values.shape[1]
        out[start - first : start - first + len(values), column : column + count] = values
        column += count
    return first, out


def _compressed_terms(rows: Values, cols: Values) -> tuple[Values, Values]:
    """The same sum with as few products as necessary.

    This is elimination with complete pivoting in orthonormal bases of both factors. A singular
    value decomposition needs as many products, and is slow where threads share cores.
    """
    left, small_rows = np.linalg.qr(rows)
    right, small_cols = np.linalg.qr(cols)
    residual = small_rows @ small_cols.T
    limit = EPSILON * float(np.abs(residual).max())
    lefts, rights = [], []
    for _ in range(min(residual.shape)):
        i, j = divmod(int(np.abs(residual).argmax()), residual.shape[1])
        if abs(residual[i, j]) <= limit:
            break
        lefts.append(residual[:, j] / residual[i, j])
        rights.append(residual[i].copy())
        residual -= lefts[-1][:, None] * rights[-1]
    if not lefts:
        return rows[:, :1], 0 * cols[:, :1]
    return left @ np.stack(lefts, axis=1), right @ np.stack(rights, axis=1)


def full_map(rows: Values, cols: Values) -> Values:
    """The (rows, columns) map of a sum of products.

    Raises:
        SpecError: it would have more than `MAX_PIXELS` pixels.
    """
    if len(rows) * len(cols) > MAX_PIXELS:
        size = f"{len(rows)}×{len(cols)}"
        raise SpecError("input_size", f"must give a map of at most {MAX_PIXELS} pixels", size)
    return rows @ cols.T


@dataclass(frozen=True)
class Gains:
    """Factors by which parts of a network scale the energy in the backward pass.

    Only the ratio between branches that meet affects a map.

    Attributes:
        layer: gain of a layer with weights, which is fan-in times their variance.
        rectifier: gain of a ReLU and of similar activations.
        branch: additional gain of a residual branch; its shortcut has 1.

    Raises:
        SpecError: a gain that is negative or too large.
    """

    layer: float = 1.0
    rectifier: float = 1.0
    branch: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < RESCALE_LIMIT:
                raise SpecError(name, "must be a number of at least 0", value)


UNIT_GAINS = Gains()
"""Gains with which every layer preserves the energy: a branch weighs as much as its shortcut."""
HE_GAINS = Gains(2.0, 0.5)
"""Gains for weights of variance 2/fan-in, with a rectifier that lets half the energy pass."""
TORCH_GAINS = Gains(1 / 3, 0.5)
"""Gains for torch's default weights, of variance 1/(3 fan-in)."""

_RECTIFIERS = names_in("""
relu relu6 leaky_relu prelu rrelu elu selu celu gelu silu mish hardswish softplus
""")
"""Names of operations with the gain ``Gains.rectifier``."""
_ADDITIONS = names_in("add iadd radd sub subtract isub rsub")
"""Names of operations that sum their inputs."""
_CONCATENATIONS = names_in("cat concat concatenate stack")
"""Names of operations that concatenate their inputs."""


class EnergyFlow:
    """Propagates energy backward from one node of a graph to an input.

    Args:
        graph: the network.
        rules: the rule of each of its nodes.
        source: name of the input's node.
        layer: name of the node of the measured unit.
        gains: gains of the network's parts.

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

    def run(self, unit: tuple[int, int], quantity: Quantity) -> tuple[ProductSum | None, float]:
        """Propagate from one unit to the input.

        Returns:
            The map at the input, None if the unit reads no pixel, and the logarithm of the factor
            that was divided out of it.
        """
        pending = {self.layer: [ProductSum(unit, np.ones((1, 1)), np.ones((1, 1)))]}
        log_factor, self.used, self.cut = 0.0, [], False
        for name in reversed(list(self.graph)):
            if name == self.source or name not in pending:
                continue
            terms = sum_of_maps(pending.pop(name))
            self.used.append(self.graph[name])
            bound = terms.bound
            if bound > 0 and not 1 / RESCALE_LIMIT < bound < RESCALE_LIMIT:
                factor = 1 / bound
                log_factor -= log(factor)
                terms = terms.scaled(factor)
                pending = {key: [t.scaled(factor) for t in all] for key, all in pending.items()}
            for parent, part in self._parent_terms(self.graph[name], terms, quantity):
                pending.setdefault(parent, []).append(part)
        at_source = pending.get(self.source)
        return (sum_of_maps(at_source) if at_source else None), log_factor

    def _parent_terms(
        self, node: Node, terms: ProductSum, quantity: Quantity
    ) -> list[tuple[str, ProductSum]]:
        """The part of a node's map that each of its inputs receives, with the input's name."""
        rule, shares = self.rules[node.name], self._input_factors(node, quantity)
        result = []
        for parent, maps, share in zip(node.inputs, node.maps, shares, strict=True):
            if rule.kind == "norm":
                parts = _normalization_terms(terms, maps) if quantity.energy else [terms]
            else:
                parts = self._propagate_terms(maps, terms, rule, quantity)
            result += [(parent, part.scaled(share)) for part in parts if share]
        return result

    def _propagate_terms(
        self, maps: tuple[AxisMap, AxisMap], terms: ProductSum, rule: Rule, quantity: Quantity
    ) -> list[ProductSum]:
        """A map propagated to the units that an operation reads; empty if all are padding."""
        rows = propagate_along_axis(maps[0], terms.origin[0], terms.rows, rule, 0, quantity)
        cols = propagate_along_axis(maps[1], terms.origin[1], terms.cols, rule, 1, quantity)
        if rows is None or cols is None:
            self.cut = True
            return []
        self.cut = self.cut or rows.cut or cols.cut
        return [ProductSum((rows.start, cols.start), rows.values, cols.values)]

    def _input_factors(self, node: Node, quantity: Quantity) -> list[float]:
        """The factor of the map that each input of a node receives."""
        gain = self._gain_of_node(node) if quantity.energy else 1.0
        if node.operation in _CONCATENATIONS:
            return [
                _channel_count(self.graph[parent]) / _channel_count(node) for parent in node.inputs
            ]
        depths = [self.depths[parent] for parent in node.inputs]
        if node.operation in _ADDITIONS and min(depths, default=0) < max(depths, default=0):
            branch = self.gains.branch if quantity.energy else sqrt(self.gains.branch)
            return [1.0 if d == min(depths) else branch for d in depths]
        return [gain] * len(depths)

    def _gain_of_node(self, node: Node) -> float:
        """The gain of a node: that of a layer with weights, of a rectifier, or 1."""
        if is_weighted(node):
            return self.gains.layer
        return self.gains.rectifier if node.operation in _RECTIFIERS else 1.0

    def notes(self) -> tuple[str, ...]:
        """The assumptions of the last run, one sentence each."""
        notes: dict[str, None] = {}
        mean = False
        for node in self.used:
            rule = self.rules[node.name]
            if node.kind in ("global", "unknown") or node.bound:
                notes[f"{node.kind}: {node.operation} is spread evenly over the image"] = None
            elif rule.kind == "pick":
                notes["max pooling is taken as a fair draw among its pixels"] = None
            elif rule.kind == "mean" and mean and _windows_overlap(node):
                notes["overlapping averages are taken as independent of each other"] = None
            mean = mean or rule.kind == "mean"
        return tuple(notes)


def _channel_count(node: Node) -> int:
    """The number of channels of a node, i.e. of values per position."""
    return max(1, prod(node.shape) // prod(node.grid))


def _windows_overlap(node: Node) -> bool:
    """Whether windows of a node have pixels in common."""
    return any(
        axis.causal or len(axis.taps[0]) * axis.period > abs(axis.advance)
        for maps in node.maps
        for axis in maps
        if not (axis.is_identity or axis.whole)
    )


def _normalization_terms(terms: ProductSum, maps: tuple[AxisMap, AxisMap]) -> list[ProductSum]:
    """A normalization's map: that of each unit, and 1/n² of the sum at every position for the mean.

    Source: the squared gradient of x - mean(x) over n positions, for independent gradients.
    """
    height, width = maps[0].n_in, maps[1].n_in
    even = terms.total / (height * width) ** 2
    return [terms, ProductSum((0, 0), np.full((height, 1), even), np.ones((width, 1)))]
