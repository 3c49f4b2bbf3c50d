"""The expected effective receptive field in closed form, without running the network.

    expected_erf(resnet50(), (3, 224, 224), "layer3").map

Weights that are independent, of mean 0 and variance 1/fan-in make the expected squared
gradient ("energy") of one unit travel through the graph of windows like heat: every
operation hands it on to the units it reads (`core.erf.expected_taps`), branches add up. Every
step acts along one axis at a time, so the map is a sum of products row × column: one
product for a chain, a few where branches meet.

What is exact, for the squared gradient averaged over the draws of a linear network with
the weights above: convolutions of every kind, transposed ones, pixel shuffle, padding,
crops, residual sums, and averages whose windows do not overlap. What is a model:

- activations are taken as linear, each with one gain (the measured width agrees within
  about 2 %), max pooling as a fair draw among its pixels;
- overlapping averages one after the other (`core.erf.expected_taps`, ``mean``);
- a residual branch brings what its layers hand on, its shortcut 1: the same, if the
  weights keep the energy (`UNIT_GAINS`). `HE` and `TORCH` are other gains for other weights, and
  any factor may be put on all branches (``gains.branch``, the a of σ² · a/(1 + a) for each
  block). The shortcut is the input of a sum with the fewest weighted layers before it;
- a concatenation shares the energy by channels, as if all of them were read alike;
- a global operation spreads its part evenly over the image: a mean lets 1/n of the energy
  through, a normalization over n positions takes 1/n of it and leaves each its own.

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
from .expected_flow import HE, TORCH, UNIT_GAINS, EnergyFlow, Gains, ProductSum, picture
from .expected_taps import Carrier, Rule, Values, rule_of

__all__ = ["HE", "TORCH", "UNIT_GAINS", "ExpectedErf", "Gains", "expected_erf"]

Weights = Literal["random", "uniform"]
Aggregate = Literal["energy", "abs", "relu", "signed"]
"""The quantity that an effective field averages over its draws; see `core.erf.Recipe`."""


@dataclass(frozen=True, eq=False)
class ExpectedErf:
    """The expected effective receptive field of one unit. Pairs are (height, width).

    Attributes:
        map: (rows, columns) float64 share of each pixel, sum 1; as large as what it covers.
        origin: row and column of its first pixel in the input.
        input_size: of the image.
        layer: name of the graph's node.
        unit: (row, column) of the unit.
        weights: ``"random"``: independent, of mean 0; ``"uniform"``: constant, 1/fan-in.
        aggregate: what of the gradient the map is the expectation of; see `core.erf.Recipe`.
        gains: of the parts of the network.
        padding_loss: share of the whole that padding swallows, against the same unit in an image
            without end.
        notes: what was modeled rather than computed, one sentence each.
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
    """The expected effective receptive field of one unit, in closed form.

    Args:
        network: a module, or the graph one already has; of several inputs the first is
            meant. From a graph alone, average pooling is taken to count its padding and
            every convolution to have weights of its own, as torch does by default.
        input_size: (C, H, W) or (C, L), as `core.graph.network_graph` takes it; of a
            graph it is known.
        layer: name of a node, or of a module (its last node); otherwise the last node
            with a spatial extent that is not global pooling's.
        unit: (row, column), or i in 1-D; the one in the middle otherwise.
        weights: ``"random"`` or ``"uniform"``.
        aggregate: what `core.erf.Recipe` averages, of which this is the expectation. Of random
            weights, whose gradients have mean 0 and at each pixel nearly a Gaussian's shape, the
            mean size of the gradient, and by symmetry of its positive part, goes like the root of
            its mean square; the signed mean is 0, so that what is measured is noise and nothing
            can be expected. Of uniform weights the gradient itself is known.
        gains: of layers, rectifiers and residual branches.
        graph: of a module on this size, where there is one already; its modules are read all the
            same.

    Raises:
        SpecError: the module cannot be followed, no such layer or unit, a unit that reads
            no pixel, or a map too large to be made.
    """
    if weights not in ("random", "uniform"):
        raise SpecError("weights", "must be 'random' or 'uniform'", weights)
    if aggregate not in get_args(Aggregate):
        raise SpecError("aggregate", f"must be one of {', '.join(get_args(Aggregate))}", aggregate)
    if weights == "random" and aggregate == "signed":
        raise SpecError(
            "aggregate", "must not be signed: of random weights its mean is 0", aggregate
        )
    graph, rules = _read(network, input_size, graph)
    source = graph.inputs[0]
    node = graph.find(layer) if layer is not None else last_feature_map(graph, source)
    flow = EnergyFlow(graph, rules, source, node.name, gains)
    at = checked_unit(node.grid, middle_unit(node.grid) if unit is None else unit, node.name)
    energy = weights == "random"
    terms, scale = flow.run(at, Carrier(energy))
    if terms is None or not terms.total > 0:
        raise SpecError("unit", f"must read a pixel; this one of {node.name} reads none", at)
    padding_loss = _padding_loss(flow, at, terms.total, scale, energy) if flow.cut else 0.0
    share, origin = _picture(terms, weights, aggregate)
    return ExpectedErf(
        share,
        origin,
        graph[source].grid,
        node.name,
        at,
        weights,
        aggregate,
        gains,
        padding_loss,
        flow.notes(),
    )


def _read(
    network: nn.Module | Graph, input_size: InputSize | None, graph: Graph | None
) -> tuple[Graph, dict[str, Rule]]:
    """The graph, and the rule of each of its nodes."""
    if isinstance(network, Graph):
        return network, {name: rule_of(node) for name, node in network.items()}
    if input_size is None:
        raise SpecError("input_size", "must be given with a module, as (C, H, W)", None)
    graph = graph or network_graph(network, input_size)
    modules = dict(network.named_modules(remove_duplicate=False))
    return graph, {name: rule_of(node, modules.get(node.module)) for name, node in graph.items()}


def _padding_loss(
    flow: EnergyFlow, unit: tuple[int, int], total: float, scale: float, energy: bool
) -> float:
    """The share that padding swallows of what is found on maps that go on for ever."""
    free, free_scale = flow.run(unit, Carrier(energy, clipped=False))
    if free is None or not free.total > 0:
        return 0.0
    return max(0.0, 1 - total / free.total * exp(scale - free_scale))


def _picture(
    terms: ProductSum, weights: Weights, aggregate: Aggregate
) -> tuple[Values, tuple[int, int]]:
    """The map itself with sum 1, cut to what it covers, and its first pixel."""
    pixels = picture(terms.rows, terms.cols)
    if weights == "random":  # mean squares
        pixels = np.clip(pixels, 0, None)
        pixels = pixels if aggregate == "energy" else np.sqrt(pixels)
    elif aggregate == "relu":
        pixels = np.clip(pixels, 0, None)
    else:
        pixels = pixels**2 if aggregate == "energy" else np.abs(pixels)
    return pixels / pixels.sum(), terms.origin
