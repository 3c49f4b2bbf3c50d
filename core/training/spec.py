"""What is asked of a training run: net, task, optimiser, as frozen values. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..networks.rules import bounded, choice, flag, real

Downsampling = Literal[
    "max", "average", "strided", "extra_conv", "blurred_stride", "max_blur", "dilated"
]
Head = Literal["average", "center"]
Rule = Literal["far", "agree"]
Optimizer = Literal["adamw", "sgd"]
DOWNSAMPLINGS: tuple[Downsampling, ...] = get_args(Downsampling)
HEADS: tuple[Head, ...] = get_args(Head)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
RULES: tuple[Rule, ...] = get_args(Rule)
SIDE = 32
"""Pixels along each side of the canvas of our own tasks."""
MARK = 3
"""Pixels along each side of a mark of the long-range task."""
MAX_SEED = 2**31 - 1
MAX_NETS, MAX_SEEDS = 4, 5
"""Of one comparison."""


@dataclass(frozen=True)
class Net:
    """One body of convolution, normalisation and ReLU; what differs is how it halves its map.

    Level i of 0 to ``levels`` has ``depth`` 3×3 convolutions of ``width · 2**i`` channels. Between
    two levels the map is halved:

    - ``"max"``, ``"average"``: 2×2 pooling with stride 2;
    - ``"strided"``: the level's last convolution steps by 2, nothing is pooled;
    - ``"extra_conv"``: the pooling is replaced by one more 3×3 convolution with stride 2, as in
      Springenberg et al. (2014); more parameters than the others;
    - ``"blurred_stride"``: every pixel is computed, then a fixed 3×3 binomial blur steps by 2;
    - ``"max_blur"``: 2×2 maxima at stride 1, then that blur (Zhang, 2019);
    - ``"dilated"``: nothing is halved; level i dilates its convolutions by ``2**i``.

    Attributes:
        downsampling: as above.
        levels: halvings, 1 to 4.
        depth: convolutions a level, 1 to 6.
        width: channels of level 0, 4 to 32.
        batch_norm: behind every convolution; without it the convolutions have biases.
        skips: every convolution that keeps the channels adds its input, subsampled where it
            strides, before the ReLU. Needs a depth of at least 2.
        head: ``"average"`` over all positions, or the unit in the ``"center"`` alone; then a
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
    """The sign of a mark ``distance`` pixels away, or whether it is that of the mark in the centre.

    On N(0, ``noise``²) pixels stands one 3×3 mark of value +1 or −1, centred on pixel (16, 16), and
    another, its sign drawn on its own, ``distance`` pixels above, below, left or right of it. By
    the rule ``"far"`` the label is 1 where the far mark is +1, else 0; by ``"agree"`` 1 where both
    marks have one sign, which only a unit that sees both can tell. Either way all pixels but those
    of the far mark are independent of the label: the head at the unit in the centre is left to
    guess unless its receptive field reaches that mark.

    Attributes:
        distance: in pixels, between the marks' centres; 3 to 14.
        noise: standard deviation, 0 to 1.
        rule: ``"far"`` or ``"agree"``.

    Raises:
        SpecError: a setting out of range.
    """

    kind: ClassVar[str] = "long_range"
    distance: int = 12
    noise: float = 0.2
    rule: Rule = "far"

    def __post_init__(self) -> None:
        bounded("distance", self.distance, MARK, SIDE // 2 - 1 - MARK // 2)
        real("noise", self.noise, 0, 1)
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
    """A visitor's images; made by `core.training.uploads.read_npz`, which checks them.

    Attributes:
        digest: of the file; two of the same digest are equal.
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
        net, task: what learns what.
        optimizer: AdamW, or SGD with Nesterov momentum 0.9.
        learning_rate: at the end of the warm-up; falls to 0 along half a cosine.
        weight_decay: of convolution and linear weights only.
        batch: images a step.
        steps: updates.
        warm_up: steps over which the learning rate rises linearly from 0.
        seed: of weights and batches. Nets of one seed and task see the same batches.
        records: reports at even distances, besides the one before the first step.
        snapshots: of those, how many also hold test accuracy, ERF and kernels, besides the first
            report and including the last.
        erf_draws: gradients averaged for an ERF.

    Raises:
        SpecError: a setting out of range. What the settings take together is judged by
            `core.training.nets.plan`.
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
        real("learning_rate", self.learning_rate, 1e-6, 10)
        real("weight_decay", self.weight_decay, 0, 1)
        bounded("batch", self.batch, 2, 256)
        bounded("steps", self.steps, 1, 5_000)
        bounded("warm_up", self.warm_up, 0, self.steps)
        bounded("seed", self.seed, 0, MAX_SEED)
        bounded("records", self.records, 1, 200)
        bounded("snapshots", self.snapshots, 1, min(20, self.records))
        bounded("erf_draws", self.erf_draws, 1, 64)

    @property
    def record_steps(self) -> tuple[int, ...]:
        """Steps after which a record is made; 0 is before the first."""
        return _even(self.steps, self.records)

    @property
    def snapshot_steps(self) -> tuple[int, ...]:
        """Those of them whose record is a snapshot too."""
        steps = self.record_steps
        return tuple(steps[place] for place in _even(len(steps) - 1, self.snapshots))


def _even(last: int, parts: int) -> tuple[int, ...]:
    """0 to ``last`` in at most so many parts, as even as whole numbers can be."""
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
"""Reads 32 pixels, of which an untrained net hardly uses those 12 away. Batch norm, which lifts
unused features as high as used ones, is left out: with it the field grows less."""
