"""A net of the training lab as any page may name it: the settings of its run, and its code."""

from __future__ import annotations

import re

from core.networks.notation import to_source
from core.training.spec import (
    DOWNSAMPLINGS,
    HEADS,
    MAX_NETS,
    MAX_SEEDS,
    OPTIMIZERS,
    RULES,
    SIDE,
    Digits,
    LongRange,
    OwnImages,
    TrainingSpec,
)
from viz.params import Param, choice, decimal, number, switch

STEPS = (30, 2000)
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


def _digest(text: str) -> str:
    if not re.fullmatch("([0-9a-f]{32})?", text):
        raise ValueError("must be that of images that were given here")
    return text


_PLAIN, _DIGITS, _MARKS = TrainingSpec(), Digits(), LongRange()
SETTINGS = [
    choice("downsampling", _PLAIN.net.downsampling, DOWNSAMPLINGS),
    number("levels", _PLAIN.net.levels, 1, 4),
    number("depth", _PLAIN.net.depth, 1, 6),
    number("width", _PLAIN.net.width, 4, 32),
    switch("batch_norm", _PLAIN.net.batch_norm),
    switch("skips", _PLAIN.net.skips),
    choice("optimizer", _PLAIN.optimizer, OPTIMIZERS),
    decimal("learning_rate", _PLAIN.learning_rate, 1e-6, 10),
    decimal("weight_decay", _PLAIN.weight_decay, 0, 1),
    number("batch", _PLAIN.batch, 2, 256),
    number("steps", _PLAIN.steps, *STEPS),
    number("warm_up", _PLAIN.warm_up, 0, STEPS[1]),
    number("seed", _PLAIN.seed, 0, 9999),
]
TASK_SETTINGS = [
    number("smallest", _DIGITS.smallest, 8, SIDE),
    number("largest", _DIGITS.largest, 8, SIDE),
    number("distractors", _DIGITS.distractors, 0, 4),
    number("distance", _MARKS.distance, 3, 14),
    decimal("noise", _MARKS.noise, 0, 1),
    choice("rule", _MARKS.rule, RULES),
    Param("digest", "", _digest),
]
ASKED = [
    choice("vary", "downsampling", list(VARIES)),
    Param("variants", "", _variants),
    *SETTINGS,
    number("seeds", 3, 1, MAX_SEEDS),
    choice("task", Digits.kind, list(TASKS)),
    *TASK_SETTINGS,
    choice("head", "suited", ["suited", *HEADS]),
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
