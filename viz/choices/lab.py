"""Settings of a training run in the training lab, which other pages use too, and the net's code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from core.networks.notation import to_source
from core.training.spec import (
    MAX_NETS,
    MAX_SEEDS,
    RULES,
    SIDE,
    Digits,
    LongRange,
    OwnImages,
    TrainingSpec,
)
from viz.params import Settings, choice, decimal, number, pattern, switch, text

STEPS = (30, 2000)
"""Smallest and largest number of training steps."""
LARGEST_SEED = 9999
TASKS = {
    Digits.kind: "handwritten digits",
    LongRange.kind: "two distant marks",
    OwnImages.kind: "your own images",
}
"""Label on the page by kind of task."""
VARIES = {
    "downsampling": "the downsampling",
    "batch_norm": "batch normalization",
    "skips": "skip connections",
    "levels": "the number of levels",
    "depth": "convolutions a level",
    "width": "channels",
    "optimizer": "the optimizer",
    "learning_rate": "the learning rate",
}
"""Label on the page by the name of the setting in which the compared nets differ."""
OPTIMIZER_WORDS = {"adamw": "AdamW", "sgd": "SGD with momentum"}


def _checked_variants(value: str) -> str:
    """Check the text of the compared values and return it.

    The training page's own parameters decide whether the values suit the setting that varies.
    """
    parts = value.split(",")
    if value and not all(re.fullmatch(r"[a-z0-9_.+-]{1,20}", part) for part in parts):
        raise ValueError("must be values with commas between them, such as max,strided")
    if len(parts) > MAX_NETS:
        raise ValueError(f"must be at most {MAX_NETS} values")
    return value


DOWNSAMPLING_WORDS = {
    "max": "max pooling",
    "average": "average pooling",
    "strided": "strided convolution",
    "extra_conv": "extra strided convolution",
    "blurred_stride": "blurred stride",
    "max_blur": "blurred max pooling",
    "dilated": "dilation, no downsampling",
}
"""Label on the page by name of a net's downsampling."""
_RULE_WORDS = {
    "far": "the sign of the outer mark",
    "agree": "whether both signs agree",
}
_HEAD_WORDS = {
    "suited": "what suits the task",
    "average": "mean over the map",
    "center": "the unit in the center",
}
_PLAIN, _DIGITS, _MARKS = TrainingSpec(), Digits(), LongRange()


@dataclass(frozen=True)
class NetSettings(Settings):
    """The settings of a net's architecture."""

    downsampling: str = choice(
        _PLAIN.net.downsampling,
        DOWNSAMPLING_WORDS,
        "downsampling — between two levels",
        help="*Dilation* keeps the map's size and spreads the kernels instead.",
    )
    levels: int = number(
        _PLAIN.net.levels,
        1,
        4,
        "levels — downsampling steps",
        kind="slider",
        help="Each makes the map half as high and wide, with twice the channels.",
    )
    depth: int = number(
        _PLAIN.net.depth,
        1,
        6,
        "depth — 3×3 convolutions a level",
        kind="slider",
        help="On each of the levels, the first one before any downsampling.",
    )
    width: int = number(
        _PLAIN.net.width,
        4,
        32,
        "width — channels of the first level",
        kind="slider",
        help="Twice as many after every downsampling step.",
    )
    batch_norm: bool = switch(
        _PLAIN.net.batch_norm,
        "batch_norm — batch normalization",
        help="After every convolution: mean 0 and variance 1 over the batch, then a learned scale.",
    )
    skips: bool = switch(
        _PLAIN.net.skips,
        "skips — residual shortcuts",
        help="A convolution that keeps the channels adds its input to its output. Needs a depth "
        "of at least 2.",
    )


@dataclass(frozen=True)
class OptimizerSettings(NetSettings):
    """The settings of a net's architecture and of its training."""

    optimizer: str = choice(_PLAIN.optimizer, OPTIMIZER_WORDS, "optimizer")
    learning_rate: float = decimal(
        _PLAIN.learning_rate, 1e-6, 10, "learning_rate — at its highest", step=0.001
    )
    weight_decay: float = decimal(_PLAIN.weight_decay, 0, 1, "weight_decay", step=0.001)
    batch: int = number(_PLAIN.batch, 2, 256, "batch — images a step")
    steps: int = number(
        _PLAIN.steps,
        *STEPS,
        "steps",
        step=30,
        help="Updates of the weights, one after every batch. The learning rate falls to 0 over "
        "all of them, so a run with fewer steps is not the beginning of one with more.",
    )
    warm_up: int = number(_PLAIN.warm_up, 0, STEPS[1], "warm_up — steps")
    seed: int = number(_PLAIN.seed, 0, LARGEST_SEED, "seed — the first one")


def _digit_side_setting(default: int, name: str) -> Any:
    """A field for the side of a digit in pixels."""
    return number(default, 8, SIDE, f"{name} — side of a digit", kind="slider", unit="px")


@dataclass(frozen=True)
class TaskSettings(Settings):
    """The settings of the task that a net is trained for, and of its images."""

    task: str = choice(Digits.kind, TASKS, "task — what is learned")
    smallest: int = _digit_side_setting(_DIGITS.smallest, "smallest")
    largest: int = _digit_side_setting(_DIGITS.largest, "largest")
    distractors: int = number(
        _DIGITS.distractors, 0, 4, "distractors — pieces of other digits", kind="slider"
    )
    distance: int = number(
        _MARKS.distance, 3, 14, "distance — pixels between the marks", kind="slider"
    )
    noise: float = decimal(
        _MARKS.noise, 0, 1, "noise — standard deviation", kind="slider", step=0.05
    )
    rule: str = choice(
        _MARKS.rule, {name: _RULE_WORDS[name] for name in RULES}, "rule — what the class depends on"
    )
    digest: str = pattern("", "([0-9a-f]{32})?", "the digest of images that were uploaded here")


@dataclass(frozen=True)
class TrainingSettings(TaskSettings, OptimizerSettings):
    """The settings of a comparison: the net, the setting in which the nets differ, and the task."""

    vary: str = choice("downsampling", VARIES, "vary — what differs between the nets")
    variants: str = text("", _checked_variants)
    seeds: int = number(
        3,
        1,
        MAX_SEEDS,
        "seeds",
        help="Every net is trained once for each: other first weights, other batches. How far "
        "the runs differ shows what chance does.",
    )
    head: str = choice("suited", _HEAD_WORDS, "head — what the scores are read from")


def net_source_code(spec: TrainingSpec) -> str:
    """PyTorch code of a net's layers before the head, and the head as a comment."""
    from core.training.nets import layers_before_head

    channels, height, width = spec.task.shape
    code = to_source(layers_before_head(spec.net), channels, (height, width))
    read = "the mean over the map" if spec.net.head == "average" else "the unit in the center"
    wide = spec.net.width * 2**spec.net.levels
    notes = [f"# The scores: {read}, then nn.Linear({wide}, {spec.task.classes})."]
    if "blur" in spec.net.downsampling:
        notes.append(
            "# Convolutions with groups are the blur: weights [1, 2, 1]ᵀ[1, 2, 1] / 16, fixed."
        )
    return code + "\n" + "\n".join(notes) + "\n"
