"""The expected effective receptive field in closed form, computed without running the network.

    expected_erf(resnet50(), (3, 224, 224), "layer3").map

For independent weights of mean 0 and variance 1/fan-in, the expected squared gradient ("energy")
of one unit can be propagated backward through the graph, like heat: every operation distributes
it over the units that it reads (`core.erf.expected_taps`), and branches add up. Every step acts
along one axis at a time, so the map is a sum of products row × column: one product for a chain, a
few where branches meet.

The result is exact, for the squared gradient averaged over the draws of a linear network with
these weights, for convolutions of every kind, transposed ones, pixel shuffle, padding, crops,
residual sums, and averages whose windows do not overlap. The rest is modeled:

- activations are linear, each with one gain (the measured width agrees within about 2 %), and max
  pooling selects one of its pixels at random;
- overlapping averages in sequence are independent (`core.erf.expected_taps`, ``mean``);
- in a residual sum the branch contributes the gains of its layers and the shortcut 1, which is
  equal if the weights preserve the energy (`UNIT_GAINS`). `HE_GAINS` and `TORCH_GAINS` are gains
  for other weights, and ``gains.branch`` is a factor of all branches (the a of σ² · a/(1 + a) for
  each block). The shortcut is the input of a sum with the fewest weighted layers before it;
- a concatenation distributes the energy by the number of channels;
- a global operation distributes its energy evenly over the image: a mean passes 1/n of the energy,
  and a normalization over n positions distributes 1/n of it and leaves the rest in place.

Sources: Luo et al., "Understanding the Effective Receptive Field in Deep Convolutional
Neural Networks" (2016), section 3; He et al., "Delving Deep into Rectifiers" (2015),
section 2.2, for the variances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Literal, get_args

import numpy as np
from torch import nn

from ..errors import SpecError
from ..graph.axes.units import checked_unit, middle_unit
from ..graph.graph import Graph, InputSize, last_feature_map, network_graph
from . import metrics
from .expected_flow import (
    HE_GAINS,
    TORCH_GAINS,
    UNIT_GAINS,
    EnergyFlow,
    Gains,
    ProductSum,
    full_map,
)
from .expected_taps import Quantity, Rule, Values, rule_of

__all__ = ["HE_GAINS", "TORCH_GAINS", "UNIT_GAINS", "ExpectedErf", "Gains", "expected_erf"]

Weights = Literal["random", "uniform"]
Aggregate = Literal["energy", "abs", "relu", "signed"]
"""The function of the gradient that is averaged over draws; see `core.erf.Recipe`."""


@dataclass(frozen=True, eq=False)
class ExpectedErf:
    """The expected effective receptive field of one unit. Pairs are (height, width).

    Attributes:
        map: (rows, columns) share of each pixel, with sum 1, for the pixels that can be nonzero.
        origin: (row, column) of the map's first pixel in the input.
        input_size: size of the image.
        layer: name of the layer's node in the graph.
        unit: (row, column) of the unit.
        weights: ``"random"`` for independent weights of mean 0, ``"uniform"`` for 1/fan-in.
        aggregate: the function of the gradient whose expectation the map is; see `core.erf.Recipe`.
        gains: the gains of the network's parts.
        padding_loss: share of the energy that falls on padding, relative to the same unit in an
            unbounded image.
        notes: the assumptions that were made, one sentence each.
    """

    map: Values
    origin: tuple[int, int]
    input_size: tuple[int, int]
    layer: str
    unit: tuple[int, int]
    weights: Weights
    aggregate: Aggregate
    gains: Gains
    padding_loss: float
    notes: tuple[str, ...]

    @property
    def sigma(self) -> metrics.Point:
        """(σ_y, σ_x) standard deviations about the centroid, in pixels."""
        return metrics.sigma(self.map)

    @property
    def centroid(self) -> metrics.Point:
        """(row, column) of the center of mass in the image."""
        row, col = metrics.centroid(self.map)
        return row + self.origin[0], col + self.origin[1]

    def marginals(self) -> tuple[Values, Values]:
        """(rows,) sums along x and (columns,) sums along y, each with sum 1."""
        return metrics.marginals(self.map)


def expected_erf(
    network: nn.Module | Graph,
    input_size: InputSize | None = None,
    layer: str | None = None,
    unit: int | Sequence[int] | None = None,
    *,
    weights: Weights = "random",
    aggregate: Aggregate = "energy",
    gains: Gains = UNIT_GAINS,
    graph: Graph | None = None,
) -> ExpectedErf:
    """Compute the expected effective receptive field of one unit in closed form.

    Args:
        network: a module or its graph; of several inputs the first is used. For a graph alone,
            average pooling is assumed to count its padding, and every convolution to have random
            weights.
        input_size: (C, H, W) or (C, L), as for `core.graph.network_graph`; not needed for a graph.
        layer: name of a node, or of a module (its last node); by default the last node with a
            spatial extent, except that of global pooling.
        unit: (row, column), or an index in 1-D; by default the one in the middle.
        weights: ``"random"`` or ``"uniform"``.
        aggregate: the function of the gradient, as in `core.erf.Recipe`. With random weights the
            gradient at each pixel has mean 0 and nearly a normal distribution, so the expectation
            of its absolute value, and of its positive part, is proportional to the root of the
            energy. The signed mean is 0. With uniform weights the gradient itself is computed.
        gains: gains of layers, rectifiers and residual branches.
        graph: graph of the module for this size, if it exists; the modules are read nevertheless.

    Raises:
        SpecError: the module cannot be traced; no such layer or unit; a unit that reads no pixel;
            an invalid setting; a map too large to compute.
    """
    _check_settings(weights, aggregate)
    graph, rules = _graph_and_rules(network, input_size, graph)
    source = graph.inputs[0]
    node = graph.find(layer) if layer is not None else last_feature_map(graph, source)
    flow = EnergyFlow(graph, rules, source, node.name, gains)
    at = checked_unit(node.grid, middle_unit(node.grid) if unit is None else unit, node.name)
    energy = weights == "random"
    terms, scale = flow.run(at, Quantity(energy))
    if terms is None or not terms.total > 0:
        raise SpecError("unit", f"must read a pixel; this one of {node.name} reads none", at)
    padding_loss = _padding_loss(flow, at, terms.total, scale, energy) if flow.cut else 0.0
    share, origin = _normalized_map(terms, weights, aggregate)
    size, notes = graph[source].grid, flow.notes()
    settings = (weights, aggregate, gains)
    return ExpectedErf(share, origin, size, node.name, at, *settings, padding_loss, notes)


def _check_settings(weights: Weights, aggregate: Aggregate) -> None:
    if weights not in ("random", "uniform"):
        raise SpecError("weights", "must be 'random' or 'uniform'", weights)
    if aggregate not in get_args(Aggregate):
        raise SpecError("aggregate", f"must be one of {', '.join(get_args(Aggregate))}", aggregate)
    if weights == "random" and aggregate == "signed":
        raise SpecError(
            "aggregate", "must not be signed: of random weights its mean is 0", aggregate
        )


def _graph_and_rules(
    network: nn.Module | Graph, input_size: InputSize | None, graph: Graph | None
) -> tuple[Graph, dict[str, Rule]]:
    """The graph of the network, and the rule of each of its nodes by name."""
    if isinstance(network, Graph):
        return network, {name: rule_of(node) for name, node in network.items()}
    if input_size is None:
        raise SpecError("input_size", "must be given with a module, as (C, H, W)", None)
    graph = graph or network_graph(network, input_size)
    modules = dict(network.named_modules(remove_duplicate=False))
    return graph, {name: rule_of(node, modules.get(node.module)) for name, node in graph.items()}


def _padding_loss(
    flow: EnergyFlow, unit: tuple[int, int], total: float, log_scale: float, energy: bool
) -> float:
    """The share of the energy that falls on padding, relative to unbounded maps.

    Args:
        flow: the propagation through the network.
        unit: (row, column) of the unit.
        total, log_scale: energy that reaches the image, and the logarithm of its factor.
        energy: whether squared gradients are propagated.
    """
    free, free_scale = flow.run(unit, Quantity(energy, clipped=False))
    if free is None or not free.total > 0:
        return 0.0
    return max(0.0, 1 - total / free.total * exp(log_scale - free_scale))


def _normalized_map(
    terms: ProductSum, weights: Weights, aggregate: Aggregate
) -> tuple[Values, tuple[int, int]]:
    """The map of the aggregate with sum 1, and the image coordinates of its first pixel."""
    pixels = full_map(terms.rows, terms.cols)
    if weights == "random":  # the map is the energy, otherwise the gradient
        pixels = np.clip(pixels, 0, None)
        pixels = pixels if aggregate == "energy" else np.sqrt(pixels)
    elif aggregate == "relu":
        pixels = np.clip(pixels, 0, None)
    else:
        pixels = pixels**2 if aggregate == "energy" else np.abs(pixels)
    return pixels / pixels.sum(), terms.origin
