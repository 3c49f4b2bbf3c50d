"""The settings with which an effective receptive field is measured, and their text on figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import SpecError, whole
from ..networks.rules import choice
from .expected import Aggregate as Aggregate

Weights = Literal["as_is", "he", "xavier", "orthogonal", "uniform"]
"""Kinds of weights; ``"as_is"`` means those of the module."""
MAX_DRAWS = 4096
MAX_SEED = 2**63 - 1

WEIGHT_WORDS: dict[Weights, str] = {
    "as_is": "the weights as they are",
    "he": "He-normal weights drawn anew for every draw",
    "xavier": "Xavier-normal weights drawn anew for every draw",
    "orthogonal": "orthogonal weights drawn anew for every draw",
    "uniform": "all weights 1/fan-in",
}
"""Text of each ``Recipe.weights`` on figures."""
AGGREGATE_WORDS: dict[Aggregate, str] = {
    "energy": "mean of the squared gradient, all channels of the unit",
    "abs": "mean of the absolute gradient, all channels of the unit",
    "relu": "mean of the positive part of the gradient of the unit's channel sum",
    "signed": "signed mean of the gradient of the unit's channel sum",
}
"""Text of each ``Recipe.aggregate`` on figures."""


@dataclass(frozen=True)
class Recipe:
    """The settings of one effective receptive field.

    Attributes:
        draws: number of gradients that are averaged, 1 to `MAX_DRAWS`.
        inputs: ``"noise"`` for N(0, 1) pixels, new for every draw, or ``"n images"``.
        weights: ``"as_is"`` or ``"uniform"`` weights, or a distribution from which new weights
            are drawn for every draw.
        aggregate: the function of the gradient that is averaged over the draws and summed over
            the image's channels.
        seed: seed of noise, weights and cotangents.
        bf16: whether the network computes in bfloat16.
        new_statistics: whether the weights are ``"as_is"`` and a batch norm that the unit depends
            on has the initial running mean 0 and variance 1. Skip connections then contribute
            more than in a trained network.
        shared_ties: whether the unit depends on a maximum, whose gradient is divided equally
            among values that are equal up to rounding (`core.graph.ties`).

    For ``"energy"`` and ``"abs"`` the gradient is that of the unit's channels, weighted by a
    cotangent v ~ N(0, I) that is new for every draw. This estimates the energy of all channels
    without bias in one backward pass. For ``"relu"`` and ``"signed"``, which need the gradient's
    sign, it is the gradient of the channels' sum, as in RepLKNet.
    """

    draws: int = 16
    inputs: str = "noise"
    weights: Weights = "as_is"
    aggregate: Aggregate = "energy"
    seed: int = 0
    bf16: bool = False
    new_statistics: bool = False
    shared_ties: bool = False

    def __post_init__(self) -> None:
        if whole("draws", self.draws, 1) > MAX_DRAWS:
            raise SpecError("draws", f"must be at most {MAX_DRAWS}", self.draws)
        if whole("seed", self.seed, 0) > MAX_SEED:
            raise SpecError("seed", "must be below 2^63", self.seed)
        choice("weights", self.weights, get_args(Weights))
        choice("aggregate", self.aggregate, get_args(Aggregate))

    @property
    def random_cotangent(self) -> bool:
        """Whether the unit's channels are weighted by random numbers instead of summed."""
        return self.aggregate in ("energy", "abs")

    @property
    def redraws(self) -> bool:
        """Whether every draw has new weights."""
        return self.weights not in ("as_is", "uniform")

    def words(self) -> dict[str, str]:
        """Every setting in words, by the attribute's name; "" for those that need none."""
        return {
            "aggregate": AGGREGATE_WORDS[self.aggregate],
            "draws": f"{self.draws} draw{'s' if self.draws > 1 else ''}",
            "inputs": "N(0, 1) noise as input"
            if self.inputs == "noise"
            else f"{self.inputs} as input",
            "weights": WEIGHT_WORDS[self.weights],
            "new_statistics": "batch norm with the statistics of a new network"
            if self.new_statistics
            else "",
            "shared_ties": "ties of maxima within rounding shared equally"
            if self.shared_ties
            else "",
            "mode": "eval mode",
            "seed": f"seed {self.seed}",
            "bf16": "bfloat16" if self.bf16 else "",
        }

    def __str__(self) -> str:
        """All settings as one line of text, for figures."""
        return ", ".join(filter(None, self.words().values()))
