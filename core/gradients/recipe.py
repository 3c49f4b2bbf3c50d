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
"""Kinds of upstream gradient, explained in `UpstreamGradient`."""
Downsampling = Literal["none", "stride", "max", "average", "blur"]
Weights = Literal["he", "xavier", "orthogonal", "torch"]
DOWNSAMPLINGS: tuple[Downsampling, ...] = get_args(Downsampling)
"""Ways to downsample, explained in `FlowSpec`."""
WEIGHTS: tuple[Weights, ...] = get_args(Weights)
"""Names of weight initializations, explained in `FlowSpec`."""
ACTIVATIONS = tuple(str(form.fixed["name"]) for form in FORMS if form.make is Activation)
"""Names of activations, the keys of `core.networks.swaps.ACTIVATIONS`."""
MAX_DEPTH, MAX_DRAWS, MAX_WIDTH, MAX_SIDE, MAX_LEVELS = 100, 1024, 64, 128, 6
"""Largest values of the settings of `FlowSpec`."""


@dataclass(frozen=True)
class UpstreamGradient:
    """The gradient at a layer's output, from which its backward pass starts.

    Attributes:
        kind: ``"unit"`` for 1 at one unit and 0 elsewhere, ``"all"`` for 1 at every unit, and
            ``"random"`` for independent draws from N(0, 1), as if from further layers.
        unit: (row, column) of the one unit of kind ``"unit"``.
        channel: output channel of that unit.
        seed: seed of the random draws.

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
        """The gradient at an output of shape (channels, height, width), as an array.

        Raises:
            SpecError: the unit lies outside the output.
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
    """A plain stack of 3×3 convolutions, and the number of times its weights are drawn.

    Attributes:
        downsampling: how a layer downsamples by 2: ``"stride"`` by the stride of its convolution;
            the others after its activation, by 2×2 maxima, 2×2 means or a 3×3 blur; ``"none"``
            never.
        activation: the activation after every convolution, one of `ACTIVATIONS`.
        weights: the initialization: He-normal, Xavier-normal, orthogonal, or PyTorch's default;
            there are no biases.
        batch_norm: whether batch norm with batch statistics, as in training, stands between
            convolution and activation.
        skips: whether every layer adds its input to its output (a residual connection); where
            the layer downsamples, its input is downsampled in the same way.
        depth: number of convolutions.
        levels: number of layers that downsample; without effect for ``"none"``.
        width: number of channels of all layers.
        side: height and width of the image in pixels.
        batch: number of images in each draw.
        draws: number of draws of weights, images and upstream gradient.
        seed: seed of the first draw; draw i has the seed ``seed + i``.

    Raises:
        SpecError: a setting out of range, or an image that cannot be downsampled so often.
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
        self._check_side()

    def _check_side(self) -> None:
        """Check that an image of ``side`` pixels can be downsampled ``levels`` times."""
        if self.levels >= self.depth and self.levels:
            raise SpecError("levels", "must be fewer than the layers", self.levels)
        if self.side % 2**self.levels or self.side >> self.levels < 2:
            rule = f"must be a multiple of {2**self.levels} and leave 2 pixels a side"
            raise SpecError("side", rule, self.side)

    @property
    def downsampling_layers(self) -> frozenset[int]:
        """The layers, counted from 1, that downsample by 2; they are evenly spaced."""
        if self.downsampling == "none":
            return frozenset()
        return frozenset((i + 1) * self.depth // (self.levels + 1) for i in range(self.levels))
