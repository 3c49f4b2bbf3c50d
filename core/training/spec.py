"""The settings of a training run, with network, task and optimizer, as frozen values.

This module does not import torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..networks.rules import bounded, bounded_float, checked_flag, choice

Downsampling = Literal[
    "max", "average", "strided", "extra_conv", "blurred_stride", "max_blur", "dilated"
]
Head = Literal["average", "center"]
LabelRule = Literal["far", "agree"]
Optimizer = Literal["adamw", "sgd"]
DOWNSAMPLINGS: tuple[Downsampling, ...] = get_args(Downsampling)
HEADS: tuple[Head, ...] = get_args(Head)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
RULES: tuple[LabelRule, ...] = get_args(LabelRule)
"""The label rules of `LongRange`."""
SIDE = 32
"""Pixels along each side of the images of the built-in tasks."""
MARK_SIDE = 3
"""Side of a mark of the long-range task, in pixels."""
MAX_SEED = 2**31 - 1
MAX_NETS, MAX_SEEDS = 4, 5
"""Largest number of networks and of seeds in one comparison."""


@dataclass(frozen=True)
class Net:
    """A network of convolution, normalization and ReLU layers with a choice of downsampling.

    Level i of 0 to ``levels`` has ``depth`` 3×3 convolutions of ``width · 2**i`` channels. Between
    two levels the map is downsampled by 2:

    - ``"max"``, ``"average"``: 2×2 pooling with stride 2;
    - ``"strided"``: the level's last convolution has stride 2, without pooling;
    - ``"extra_conv"``: one more 3×3 convolution with stride 2 replaces the pooling, as in
      Springenberg et al. (2014); it has more parameters than the others;
    - ``"blurred_stride"``: a fixed 3×3 binomial blur with stride 2;
    - ``"max_blur"``: 2×2 max pooling at stride 1, then that blur (Zhang, 2019);
    - ``"dilated"``: no downsampling; level i dilates its convolutions by ``2**i``.

    Attributes:
        downsampling: see above.
        levels: number of downsamplings, 1 to 4.
        depth: number of convolutions per level, 1 to 6.
        width: number of channels of level 0, 4 to 32.
        batch_norm: whether a batch norm follows every convolution; otherwise convolutions have
            biases.
        skips: whether every convolution that preserves the number of channels adds its input before
            the ReLU (a residual connection); a strided convolution adds its input downsampled. This
            requires a depth of at least 2.
        head: ``"average"`` for the mean over all positions, ``"center"`` for the center unit alone;
            a linear layer follows.

    Raises:
        SpecError: a setting out of range.
    """

    downsampling: Downsampling = "max"
    levels: int = 3
    depth: int = 1
    width: int = 12
    batch_norm: bool = True
    skips: bool = False
    head: Head = "average"

    def __post_init__(self) -> None:
        choice("downsampling", self.downsampling, DOWNSAMPLINGS)
        choice("head", self.head, HEADS)
        bounded("levels", self.levels, 1, 4)
        bounded("depth", self.depth, 1, 6)
        bounded("width", self.width, 4, 32)
        checked_flag("batch_norm", self.batch_norm)
        if checked_flag("skips", self.skips) and self.depth < 2:
            rule = "must be at least 2 with skips: a level's first convolution has none"
            raise SpecError("depth", rule, self.depth)


@dataclass(frozen=True)
class Digits:
    """Classify scikit-learn's 1,797 handwritten digits, at random positions and sizes on a canvas.

    The test set is a fixed quarter of each class with fixed positions. A training digit gets a new
    position and size every time it is drawn.

    Attributes:
        smallest, largest: range of the side of a digit in pixels, drawn uniformly.
        distractors: number of fragments (a quarter) of other digits of the same split that are
            drawn over the canvas; 0 to 4.

    Raises:
        SpecError: a setting out of range.
    """

    kind: ClassVar[str] = "digits"
    smallest: int = 14
    largest: int = 24
    distractors: int = 0

    def __post_init__(self) -> None:
        bounded("smallest", self.smallest, 8, SIDE)
        bounded("largest", self.largest, self.smallest, SIDE)
        bounded("distractors", self.distractors, 0, 4)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        return 1, SIDE, SIDE

    @property
    def classes(self) -> int:
        """Number of classes."""
        return 10


@dataclass(frozen=True)
class LongRange:
    """Classify images by the sign of a mark that is ``distance`` pixels from the center.

    Each image is N(0, ``noise``²) noise with a 3×3 mark of value +1 or −1 centered on pixel
    (16, 16), and a far mark with its own sign ``distance`` pixels above, below, left or right
    of it. With the rule ``"far"`` the label is 1 where the far mark is +1, else 0. With ``"agree"``
    it is 1 where both marks have the same sign. In both cases all pixels except those of the far
    mark are independent of the label, so that a head at the center unit can only guess unless its
    receptive field reaches the far mark.

    Attributes:
        distance: distance of the marks' centers in pixels; 3 to 14.
        noise: standard deviation of the noise, 0 to 1.
        rule: ``"far"`` or ``"agree"``.

    Raises:
        SpecError: a setting out of range.
    """

    kind: ClassVar[str] = "long_range"
    distance: int = 12
    noise: float = 0.2
    rule: LabelRule = "far"

    def __post_init__(self) -> None:
        bounded("distance", self.distance, MARK_SIDE, SIDE // 2 - 1 - MARK_SIDE // 2)
        bounded_float("noise", self.noise, 0, 1)
        choice("rule", self.rule, RULES)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        return 1, SIDE, SIDE

    @property
    def classes(self) -> int:
        """Number of classes."""
        return 2


@dataclass(frozen=True)
class OwnImages:
    """Classify uploaded images, which `core.training.uploads.read_npz` checks.

    Attributes:
        digest: hash of the file; values with the same digest and names are equal.
        images: (N, C, H, W) standardized values, read-only.
        labels: (N,) class indices from 0, read-only.
        names: the label of each class in the file.
    """

    kind: ClassVar[str] = "own"
    digest: str
    images: NDArray[np.float32] = field(repr=False, compare=False)
    labels: NDArray[np.int64] = field(repr=False, compare=False)
    names: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        channels, height, width = self.images.shape[1:]
        return channels, height, width

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.names)


Task = Digits | LongRange | OwnImages


@dataclass(frozen=True)
class TrainingSpec:
    """The settings of one training run.

    Attributes:
        net, task: the network, and the task it is trained on.
        optimizer: ``"adamw"``, or ``"sgd"`` with Nesterov momentum 0.9.
        learning_rate: rate at the end of the warm-up, from where it decreases to 0 along half a
            cosine.
        weight_decay: weight decay of convolution and linear weights; biases and norms have none.
        batch: number of images per step.
        steps: number of updates.
        warm_up: number of steps over which the learning rate rises linearly from 0.
        seed: seed of weights and batches. Networks with the same seed and task get the same
            batches.
        records: number of records, evenly spaced, in addition to the one before the first step.
        snapshots: number of these records that also contain test accuracy, ERF and kernels. The
            record before the first step and the last one always do; the former is not counted.
        erf_draws: number of gradients that are averaged for an ERF.

    Raises:
        SpecError: a setting out of range. `core.training.nets.run_costs` checks the total cost.
    """

    net: Net = Net()
    task: Task = Digits()
    optimizer: Optimizer = "adamw"
    learning_rate: float = 0.01
    weight_decay: float = 0.01
    batch: int = 64
    steps: int = 300
    warm_up: int = 30
    seed: int = 0
    records: int = 40
    snapshots: int = 5
    erf_draws: int = 16

    def __post_init__(self) -> None:
        choice("optimizer", self.optimizer, OPTIMIZERS)
        bounded_float("learning_rate", self.learning_rate, 1e-6, 10)
        bounded_float("weight_decay", self.weight_decay, 0, 1)
        bounded("batch", self.batch, 2, 256)
        bounded("steps", self.steps, 1, 5_000)
        bounded("warm_up", self.warm_up, 0, self.steps)
        bounded("seed", self.seed, 0, MAX_SEED)
        bounded("records", self.records, 1, 200)
        bounded("snapshots", self.snapshots, 1, min(20, self.records))
        bounded("erf_draws", self.erf_draws, 1, 64)

    @property
    def record_steps(self) -> tuple[int, ...]:
        """The steps after which a record is made; 0 means before the first step."""
        return _evenly_spaced(self.steps, self.records)

    @property
    def snapshot_steps(self) -> tuple[int, ...]:
        """The steps whose record has a snapshot."""
        steps = self.record_steps
        return tuple(steps[place] for place in _evenly_spaced(len(steps) - 1, self.snapshots))


def _evenly_spaced(last: int, parts: int) -> tuple[int, ...]:
    """Whole numbers from 0 to ``last`` that divide this range into at most ``parts`` even parts."""
    return tuple(sorted({round(i * last / parts) for i in range(parts + 1)}))


LONG_RANGE = TrainingSpec(
    Net("max", levels=1, depth=5, width=6, batch_norm=False, head="center"),
    LongRange(12),
    learning_rate=0.003,
    batch=32,
    steps=300,
    warm_up=20,
    records=30,
)
"""A long-range run whose network has a theoretical receptive field of 32 pixels.

The effective field of the untrained network hardly reaches pixels at a distance of 12. There is no
batch norm, because it rescales unused features to the size of used ones, with which the effective
field grows less.
"""
