"""A net of the training lab as any page may name it: the settings of its run, and its code."""

from __future__ import annotations

import re

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
from viz.params import Param, choice, decimal, number, pattern, switch

STEPS = (30, 2000)
LARGEST_SEED = 9999
TASKS = {
    Digits.kind: "handwritten digits",
    LongRange.kind: "a far mark",
    OwnImages.kind: "your own images",
}
VARIES = {
    "downsampling": "how the map is halved",
    "batch_norm": "batch normalisation",
    "skips": "skip connections",
    "levels": "how often it is halved",
    "depth": "convolutions a level",
    "width": "channels",
    "optimizer": "the optimiser",
    "learning_rate": "the learning rate",
}
"""What may differ between the nets: label on the page."""
OPTIMIZER_WORDS = {"adamw": "AdamW", "sgd": "SGD with momentum"}


def _variants(text: str) -> str:
    """Only what can be told without knowing what varies."""
    parts = text.split(",")
    if text and not all(re.fullmatch(r"[a-z0-9_.+-]{1,20}", part) for part in parts):
        raise ValueError("must be values with commas between them, such as max,strided")
    if len(parts) > MAX_NETS:
        raise ValueError(f"must be at most {MAX_NETS} values")
    return text


DOWNSAMPLING_WORDS = {
    "max": "max pooling",
    "average": "average pooling",
    "strided": "strided convolution",
    "extra_conv": "extra strided convolution",
    "blurred_stride": "blurred stride",
    "max_blur": "blurred max pooling",
    "dilated": "dilation without halving",
}
_RULE_WORDS = {"far": "the far mark's sign", "agree": "whether both signs agree"}
_HEAD_WORDS = {
    "suited": "what suits the task",
    "average": "mean over the map",
    "center": "the unit in the centre",
}
_PLAIN, _DIGITS, _MARKS = TrainingSpec(), Digits(), LongRange()
NET_SETTINGS = [
    choice(
        *("downsampling", _PLAIN.net.downsampling, DOWNSAMPLING_WORDS),
        "downsampling — how the map is halved",
        help="What stands between two levels; *dilation* halves nothing and spreads the kernels "
        "instead.",
    ),
    number(
        *("levels", _PLAIN.net.levels, 1, 4, "levels — downsampling steps"),
        kind="slider",
        help="Each halves the map's sides and doubles its channels.",
    ),
    number(
        *("depth", _PLAIN.net.depth, 1, 6, "depth — 3×3 convolutions a level"),
        kind="slider",
        help="On each of the levels, the first one before any halving.",
    ),
    number(
        *("width", _PLAIN.net.width, 4, 32, "width — channels of the first level"),
        kind="slider",
        help="Twice as many after every halving.",
    ),
    switch(
        *("batch_norm", _PLAIN.net.batch_norm, "batch_norm — batch normalisation"),
        help="After every convolution: mean 0 and variance 1 over the batch, then a learned scale.",
    ),
    switch(
        *("skips", _PLAIN.net.skips, "skips — residual shortcuts"),
        help="A convolution that keeps the channels adds its input to its output. Needs a depth "
        "of at least 2.",
    ),
]
SETTINGS = [
    *NET_SETTINGS,
    choice("optimizer", _PLAIN.optimizer, OPTIMIZER_WORDS, "optimizer"),
    decimal(
        *("learning_rate", _PLAIN.learning_rate, 1e-6, 10, "learning_rate — at its highest"),
        step=0.001,
    ),
    decimal("weight_decay", _PLAIN.weight_decay, 0, 1, "weight_decay", step=0.001),
    number("batch", _PLAIN.batch, 2, 256, "batch — images a step"),
    number(
        *("steps", _PLAIN.steps, *STEPS, "steps"),
        step=30,
        help="Updates of the weights, one after every batch. The learning rate falls to 0 over "
        "all of them, so a run with fewer steps is not the beginning of one with more.",
    ),
    number("warm_up", _PLAIN.warm_up, 0, STEPS[1], "warm_up — steps"),
    number("seed", _PLAIN.seed, 0, LARGEST_SEED, "seed — the first one"),
]
TASK_SETTINGS = [
    *(
        number(name, size, 8, SIDE, f"{name} — side of a digit", kind="slider", unit="px")
        for name, size in (("smallest", _DIGITS.smallest), ("largest", _DIGITS.largest))
    ),
    number(
        *("distractors", _DIGITS.distractors, 0, 4, "distractors — pieces of other digits"),
        kind="slider",
    ),
    number(
        *("distance", _MARKS.distance, 3, 14, "distance — pixels between the marks"), kind="slider"
    ),
    decimal(*("noise", _MARKS.noise, 0, 1, "noise — standard deviation"), kind="slider", step=0.05),
    choice("rule", _MARKS.rule, {name: _RULE_WORDS[name] for name in RULES}, "rule — what decides"),
    pattern("digest", "", "([0-9a-f]{32})?", "that of images that were given here"),
]
ASKED = [
    choice("vary", "downsampling", VARIES, "vary — what differs between the nets"),
    Param("variants", "", _variants),
    *SETTINGS,
    number(
        *("seeds", 3, 1, MAX_SEEDS, "seeds"),
        help="Every net is trained once for each: other first weights, other batches. How far "
        "the runs differ shows what chance does.",
    ),
    choice("task", Digits.kind, TASKS, "task — what is learned"),
    *TASK_SETTINGS,
    choice("head", "suited", _HEAD_WORDS, "head — what the scores are read from"),
]
"""What is trained. ``head``: "suited" is the average, but for the far mark the unit in the
centre."""


def source(spec: TrainingSpec) -> str:
    """The layers before the head as PyTorch code, and the head in words."""
    from core.training.nets import body

    channels, height, width = spec.task.shape
    text = to_source(body(spec.net), channels, (height, width))
    read = "the mean over the map" if spec.net.head == "average" else "the unit in the centre"
    wide = spec.net.width * 2**spec.net.levels
    notes = [f"# The scores: {read}, then nn.Linear({wide}, {spec.task.classes})."]
    if "blur" in spec.net.downsampling:
        notes.append(
            "# Convolutions with groups are the blur: weights [1, 2, 1]ᵀ[1, 2, 1] / 16, fixed."
        )
    return text + "\n" + "\n".join(notes) + "\n"
