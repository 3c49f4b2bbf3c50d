"""Settings of the gradient page: an upstream gradient, and a deep network. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from ..errors import SpecError, whole
from ..layer.operations import FloatArray
from ..layer.window import Pair
from ..networks import Activation
from ..networks.torch_forms import FORMS

Kind = Literal["unit", "all", "random"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Downsampling = Literal["none", "stride", "max", "average", "blur"]
Weights = Literal["he", "xavier", "orthogonal", "torch"]
DOWNSAMPLINGS: tuple[Downsampling, ...] = get_args(Downsampling)
WEIGHTS: tuple[Weights, ...] = get_args(Weights)
ACTIVATIONS = tuple(str(form.fixed["name"]) for form in FORMS if form.make is Activation)
"""The names that `core.networks.swaps.ACTIVATIONS` has modules for."""
MAX_DEPTH, MAX_DRAWS, MAX_WIDTH, MAX_SIDE, MAX_LEVELS = 100, 1024, 64, 128, 6


@dataclass(frozen=True)
class UpstreamGradient:
    """The gradient that the layers above send to a layer's output.

    Attributes:
        kind: ``"unit"``: 1 at one unit; ``"all"``: 1 at every unit; ``"random"``: N(0, 1),
            drawn on its own for every unit, as the layers above would send it.
        unit: (row, column) of the one unit.
        channel: output channel of the one unit.
        seed: of the random draw.

    Raises:
        SpecError: no such kind, or a number out of range.
    """

    kind: Kind = "unit"
    unit: Pair = (0, 0)
    channel: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SpecError("kind", f"must be one of {', '.join(KINDS)}", self.kind)
        for name, value in (
            *(("unit", index) for index in self.unit),
            ("channel", self.channel),
            ("seed", self.seed),
        ):
            whole(name, value, 0)

    def values(self, shape: tuple[int, int, int]) -> FloatArray:
        """(channels, height, width) the gradient at an output of that shape.

        Raises:
            SpecError: the unit lies outside.
        """
        if self.kind == "all":
            return np.ones(shape, dtype=np.float32)
        if self.kind == "random":
            return np.random.default_rng(self.seed).standard_normal(shape, dtype=np.float32)
        index = (self.channel, *self.unit)
        if not all(i < n for i, n in zip(index, shape, strict=True)):
            rule = f"must lie in the output of (channels, height, width) = {shape}"
            raise SpecError("unit", rule, index)
        values = np.zeros(shape, dtype=np.float32)
        values[index] = 1
        return values


@dataclass(frozen=True)
class FlowSpec:
    """A deep network and the number of times its weights are drawn.

    Attributes:
        downsampling: ``"stride"`` puts stride 2 into a convolution; the others stand behind
            its activation: 2×2 maxima or means, or a 3×3 blur, all with stride 2.
        activation: one of `core.networks.swaps.ACTIVATIONS`, after every convolution.
        weights: He-normal, Xavier-normal, orthogonal, or PyTorch's own; biases are 0.
        batch_norm: batch statistics between convolution and activation, as in training.
        skips: residual connections: every layer adds its input to its output; where the layer
            downsamples, the input is downsampled in the same way.
        depth: convolutions.
        levels: how often the map is halved; 0 with ``"none"``.
        width, side, batch: channels of all layers, pixels of the square image, images a draw.
        draws, seed: seeds ``seed`` to ``seed + draws - 1``.

    Raises:
        SpecError: a setting out of range, or an image that cannot be halved so often.
    """

    downsampling: Downsampling = "stride"
    activation: str = "relu"
    weights: Weights = "he"
    batch_norm: bool = False
    skips: bool = False
    depth: int = 20
    levels: int = 3
    width: int = 16
    side: int = 32
    batch: int = 4
    draws: int = 32
    seed: int = 0

    def __post_init__(self) -> None:
        for name, options in (
            ("downsampling", DOWNSAMPLINGS),
            ("activation", ACTIVATIONS),
            ("weights", WEIGHTS),
        ):
            if getattr(self, name) not in options:
                rule = f"must be one of {', '.join(options)}"
                raise SpecError(name, rule, getattr(self, name))
        for name, low, high in (
            ("depth", 1, MAX_DEPTH),
            ("levels", 0, MAX_LEVELS),
            ("width", 1, MAX_WIDTH),
            ("side", 2, MAX_SIDE),
            ("batch", 1, 64),
            ("draws", 1, MAX_DRAWS),
            ("seed", 0, 2**31 - 1),
        ):
            if whole(name, getattr(self, name), low) > high:
                raise SpecError(name, f"must be at most {high}", getattr(self, name))
        self._check_halvings()

    def _check_halvings(self) -> None:
        if self.levels >= self.depth and self.levels:
            raise SpecError("levels", "must be fewer than the layers", self.levels)
        if self.side % 2**self.levels or self.side >> self.levels < 2:
            rule = f"must be a multiple of {2**self.levels} and leave 2 pixels a side"
            raise SpecError("side", rule, self.side)

    @property
    def halved(self) -> frozenset[int]:
        """The layers, counted from 1, that end with half the side."""
        if self.downsampling == "none":
            return frozenset()
        return frozenset((i + 1) * self.depth // (self.levels + 1) for i in range(self.levels))
