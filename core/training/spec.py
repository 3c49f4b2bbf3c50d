"""The settings of a training run: net, task and optimizer as frozen values. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..networks.rules import bounded, bounded_float, choice, flag

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
SIDE = 32
"""Pixels along each side of the images of the built-in tasks."""
MARK = 3
"""Pixels along each side of a mark of the long-range task."""
MAX_SEED = 2**31 - 1
MAX_NETS, MAX_SEEDS = 4, 5
"""Most nets and seeds of one comparison."""


@dataclass(frozen=True)
class Net:
    """A net of convolution, normalization and ReLU layers with a choice of downsampling.

    Level i of 0 to ``levels`` has ``depth`` 3×3 convolutions of ``width · 2**i`` channels. Between
    two levels the map is halved:

    - ``"max"``, ``"average"``: 2×2 pooling with stride 2;
    - ``"strided"``: the level's last convolution has stride 2, without pooling;
    - ``"extra_conv"``: the pooling is replaced by one more 3×3 convolution with stride 2, as in
      Springenberg et al. (2014); more parameters than the others;
    - ``"blurred_stride"``: a fixed 3×3 binomial blur with stride 2;
    - ``"max_blur"``: 2×2 max pooling at stride 1, then that blur (Zhang, 2019);
    - ``"dilated"``: no downsampling; level i dilates its convolutions by ``2**i``.

    Attributes:
        downsampling: as above.
        levels: number of downsamplings, 1 to 4.
        depth: convolutions per level, 1 to 6.
        width: channels of level 0, 4 to 32.
        batch_norm: behind every convolution; without it the convolutions have biases.
        skips: residual connections: every convolution that keeps the channels adds its input
            before the ReLU; a strided convolution adds its input downsampled. Needs a depth of at
            least 2.
        head: ``"average"`` over all positions, or the ``"center"`` unit alone, followed by a
            linear layer.

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
        flag("batch_norm", self.batch_norm)
        if flag("skips", self.skips) and self.depth < 2:
            rule = "must be at least 2 with skips: a level's first convolution has none"
            raise SpecError("depth", rule, self.depth)


@dataclass(frozen=True)
class Digits:
    """scikit-learn's 1,797 handwritten digits, each at a random place and size on a canvas.

    A quarter of each class is the test set, always the same; its places are fixed as well. A
    training digit is placed anew every time it is drawn.

    Attributes:
        smallest, largest: side of a digit in pixels, drawn evenly between.
        distractors: fragments (a quarter) of other digits of the same split, drawn over the
            canvas; 0 to 4.

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
        return 10


@dataclass(frozen=True)
class LongRange:
    """Classify a mark ``distance`` pixels from the center by its sign.

    Each image is N(0, ``noise``²) noise with a 3×3 mark of value +1 or −1 centered on pixel
    (16, 16), and a far mark with a sign of its own ``distance`` pixels above, below, left or right
    of it. With the rule ``"far"`` the label is 1 where the far mark is +1, else 0. With ``"agree"``
    it is 1 where both marks have the same sign. In both cases all pixels but those of the far mark
    are independent of the label, so that a head at the center unit can only guess unless its
    receptive field reaches the far mark.

    Attributes:
        distance: in pixels, between the marks' centers; 3 to 14.
        noise: standard deviation, 0 to 1.
        rule: ``"far"`` or ``"agree"``.

    Raises:
        SpecError: a setting out of range.
    """

    kind: ClassVar[str] = "long_range"
    distance: int = 12
    noise: float = 0.2
    rule: LabelRule = "far"

    def __post_init__(self) -> None:
        bounded("distance", self.distance, MARK, SIDE // 2 - 1 - MARK // 2)
        bounded_float("noise", self.noise, 0, 1)
        choice("rule", self.rule, RULES)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of an image."""
        return 1, SIDE, SIDE

    @property
    def classes(self) -> int:
        return 2


@dataclass(frozen=True)
class OwnImages:
    """Uploaded images; `core.training.uploads.read_npz` checks them and makes this value.

    Attributes:
        digest: of the file; values with the same digest are equal.
        images: (N, C, H, W) float32, standardised, read-only.
        labels: (N,) int64 from 0, read-only.
        names: the label of each class as it stood in the file.
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
        return len(self.names)


Task = Digits | LongRange | OwnImages


@dataclass(frozen=True)
class TrainingSpec:
    """One training run.

    Attributes:
        net, task: the net and the task it is trained on.
        optimizer: AdamW, or SGD with Nesterov momentum 0.9.
        learning_rate: at the end of the warm-up; falls to 0 along half a cosine.
        weight_decay: of convolution and linear weights only.
        batch: images per step.
        steps: number of updates.
        warm_up: steps over which the learning rate rises linearly from 0.
        seed: of weights and batches. Nets of one seed and task see the same batches.
        records: number of records at even distances, without the one before the first step.
        snapshots: number of these records that also hold test accuracy, ERF and kernels. The first
            record, which is not counted, and the last one always do.
        erf_draws: gradients averaged for an ERF.

    Raises:
        SpecError: a setting out of range. `core.training.nets.plan` checks their total cost.
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
        """The steps after which a record is made; 0 is before the first step."""
        return _even(self.steps, self.records)

    @property
    def snapshot_steps(self) -> tuple[int, ...]:
        """The record steps whose record has a snapshot."""
        steps = self.record_steps
        return tuple(steps[place] for place in _even(len(steps) - 1, self.snapshots))


def _even(last: int, parts: int) -> tuple[int, ...]:
    """0 to ``last`` in at most ``parts`` parts, as even as whole numbers allow."""
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
"""A long-range run whose net has a receptive field of 32 pixels. An untrained net hardly uses the
pixels at a distance of 12. It has no batch norm, which rescales unused features to the size of used
ones: with it the effective field grows less."""
