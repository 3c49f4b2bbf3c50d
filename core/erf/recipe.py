"""The settings of an effective receptive field, checked, and their sentence on a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ..errors import SpecError, whole
from .expected import Aggregate as Aggregate

Weights = Literal["as_is", "he", "xavier", "orthogonal", "uniform"]
MAX_DRAWS = 4096
MAX_SEED = 2**63 - 1

WEIGHT_WORDS: dict[Weights, str] = {
    "as_is": "the weights as they are",
    "he": "He-normal weights drawn anew for every draw",
    "xavier": "Xavier-normal weights drawn anew for every draw",
    "orthogonal": "orthogonal weights drawn anew for every draw",
    "uniform": "all weights 1/fan-in",
}
AGGREGATE_WORDS: dict[Aggregate, str] = {
    "energy": "mean of the squared gradient, all channels of the unit",
    "abs": "mean of the absolute gradient, all channels of the unit",
    "relu": "mean of the positive part of the gradient of the unit's channel sum",
    "signed": "signed mean of the gradient of the unit's channel sum",
}


@dataclass(frozen=True)
class Recipe:
    """The settings of one effective receptive field.

    Attributes:
        draws: gradients averaged, 1 to `MAX_DRAWS`.
        inputs: ``"noise"``, N(0, 1) pixels drawn anew for every draw, or ``"n images"``.
        weights: ``"as_is"``, ``"uniform"``, or drawn anew for every draw.
        aggregate: what is averaged over the draws, summed over the image's channels.
        seed: of noise, weights and cotangents.
        bf16: the network computes in bfloat16.
        new_statistics: a batch norm that the unit depends on has the running mean 0 and the
            running variance 1 with which every network begins, and the weights are as they
            are. Skip connections then carry more than in a trained network.
        shared_ties: the unit depends on a maximum, whose gradient goes in equal shares to the
            values that tie for it within rounding (`core.graph.ties`).

    ``"energy"`` and ``"abs"`` draw a cotangent v ~ N(0, I) over the unit's channels for
    every draw, which gives the energy of all channels without bias in one backward pass.
    ``"relu"`` and ``"signed"`` need a sign, so they take the channels' sum, as in RepLKNet.
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
        _one_of("weights", self.weights, get_args(Weights))
        _one_of("aggregate", self.aggregate, get_args(Aggregate))

    @property
    def random_cotangent(self) -> bool:
        """Whether the unit's channels are mixed at random instead of summed."""
        return self.aggregate in ("energy", "abs")

    @property
    def redraws(self) -> bool:
        """Whether every draw has new weights."""
        return self.weights not in ("as_is", "uniform")

    def __str__(self) -> str:
        """The recipe as one line, for a figure."""
        words = (
            AGGREGATE_WORDS[self.aggregate],
            f"{self.draws} draw{'s' if self.draws > 1 else ''}",
            "N(0, 1) noise as input" if self.inputs == "noise" else f"{self.inputs} as input",
            WEIGHT_WORDS[self.weights],
            "batch norm with the statistics of a new network" if self.new_statistics else "",
            "ties of maxima within rounding shared equally" if self.shared_ties else "",
            "eval mode",
            f"seed {self.seed}",
        )
        return ", ".join(filter(None, words)) + (", bfloat16" if self.bf16 else "")


def _one_of(parameter: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise SpecError(parameter, f"must be one of {', '.join(allowed)}", value)
