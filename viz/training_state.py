"""State of the training lab: which nets learn what, and what of it is looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from core.errors import SpecError
from core.training.spec import (
    DOWNSAMPLINGS,
    HEADS,
    LONG_RANGE,
    MAX_NETS,
    MAX_SEEDS,
    OPTIMIZERS,
    RULES,
    SIDE,
    Digits,
    LongRange,
    Net,
    OwnImages,
    Task,
    TrainingSpec,
)
from viz.url import Param, choice, decimal, number, switch

Values = Mapping[str, Any]
PAGE = "training"
STEPS = (30, 2000)
TABS = {
    "curves": "Learning",
    "flow": "Gradient flow",
    "shifts": "Shifts",
    "erf": "Effective field",
    "kernels": "Kernels",
    "click": "Try a digit",
    "files": "Code and files",
}
"""Name in the URL: label on the page."""
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
DEFAULT_VARIANTS: dict[str, tuple[Any, ...]] = {
    "downsampling": ("max", "strided", "blurred_stride"),
    "batch_norm": (True, False),
    "skips": (True, False),
    "levels": (1, 2, 3),
    "depth": (1, 2, 4),
    "width": (6, 12, 24),
    "optimizer": ("adamw", "sgd"),
    "learning_rate": (0.003, 0.01, 0.03),
}
DOWNSAMPLING_WORDS = {
    "max": "max pooling",
    "average": "average pooling",
    "strided": "strided convolution",
    "extra_conv": "extra strided convolution",
    "blurred_stride": "blurred stride",
    "max_blur": "blurred max pooling",
    "dilated": "dilation without halving",
}
OPTIMIZER_WORDS = {"adamw": "AdamW", "sgd": "SGD with momentum"}


def _tab(text: str) -> str:
    if text not in TABS:
        raise ValueError(f"must be one of {', '.join(TABS)}")
    return TABS[text]


def _variants(text: str) -> str:
    """Only what can be told without knowing what varies."""
    parts = text.split(",")
    if text and not all(re.fullmatch(r"[a-z0-9_.+-]{1,20}", part) for part in parts):
        raise ValueError("must be values with commas between them, such as max,strided")
    if len(parts) > MAX_NETS:
        raise ValueError(f"must be at most {MAX_NETS} values")
    return text


def _unit(text: str) -> str:
    if text != "centre" and not re.fullmatch(r"\d{1,2}\.\d{1,2}", text, re.ASCII):
        raise ValueError("must be centre, or row.column, such as 1.2")
    return text


def _digest(text: str) -> str:
    if not re.fullmatch("([0-9a-f]{32})?", text):
        raise ValueError("must be that of images that were given here")
    return text


_PLAIN, _DIGITS, _MARKS = TrainingSpec(), Digits(), LongRange()
_SETTINGS = [
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
_TASK_SETTINGS = [
    number("smallest", _DIGITS.smallest, 8, SIDE),
    number("largest", _DIGITS.largest, 8, SIDE),
    number("distractors", _DIGITS.distractors, 0, 4),
    number("distance", _MARKS.distance, 3, 14),
    decimal("noise", _MARKS.noise, 0, 1),
    choice("rule", _MARKS.rule, RULES),
    Param("digest", "", _digest),
]
PARAMS = [
    choice("vary", "downsampling", list(VARIES)),
    Param("variants", "", _variants),
    *_SETTINGS,
    number("seeds", 3, 1, MAX_SEEDS),
    choice("task", Digits.kind, list(TASKS)),
    *_TASK_SETTINGS,
    choice("head", "suited", ["suited", *HEADS]),
    Param("tab", TABS["curves"], _tab, {label: name for name, label in TABS.items()}.__getitem__),
    number("net", 0, 0, MAX_NETS - 1),
    number("at", -1, -1, 200),
    number("sample", 0, 0, 19_999),
    Param("unit", "centre", _unit),
]
"""``head``: "suited" is the average, but for the far mark the unit in the centre."""
BY_NAME = {param.name: param for param in PARAMS}
_SUITED = {
    LongRange.kind: {
        **{n: getattr(LONG_RANGE.net, n) for n in ("levels", "depth", "width", "batch_norm")},
        **{n: getattr(LONG_RANGE, n) for n in ("learning_rate", "batch", "warm_up")},
    }
}


def preset(task: str) -> dict[str, Any]:
    """Settings of net and optimiser that suit a task: what to change when it is chosen."""
    plain = {param.name: param.default for param in _SETTINGS if param.name != "seed"}
    return plain | {"head": "suited"} | _SUITED.get(task, {})


def on_vary(values: Values, vary: str) -> dict[str, Any]:
    """What to change when something else is to differ: its own variants, and a depth at which a
    level has a convolution that can be skipped."""
    deeper = {"depth": max(2, values["depth"])} if vary == "skips" else {}
    return {"vary": vary, "variants": "", **deeper}


@dataclass(frozen=True)
class Comparison:
    """Nets that differ in one thing, each trained once for every seed.

    Attributes:
        specs: of each net, with the first seed.
        seeds: that each is trained with.
        names: what each is in words, which no two share.
    """

    specs: tuple[TrainingSpec, ...]
    seeds: tuple[int, ...]
    names: tuple[str, ...]

    def unit(self, net: int, seed: int) -> TrainingSpec:
        """One run."""
        return replace(self.specs[net], seed=seed)

    @property
    def task(self) -> Task:
        """What all of them learn."""
        return self.specs[0].task


def comparison(values: Values, own: OwnImages | None = None) -> Comparison:
    """What the settings ask for.

    Args:
        values: of `PARAMS`.
        own: the images that ``digest`` names, if they are here.

    Raises:
        SpecError: variants of something else, settings that do not fit each other, images that
            are not here.
    """
    vary, chosen = values["vary"], variants(values)
    task = _task(values, own)
    specs = tuple(_spec({**values, vary: each}, task) for each in chosen)
    seeds = tuple(range(values["seed"], values["seed"] + values["seeds"]))
    return Comparison(specs, seeds, tuple(label(vary, each) for each in chosen))


def variants(values: Values) -> tuple[Any, ...]:
    """The values of what varies, in order.

    Raises:
        SpecError: it has no such values, or one is there twice.
    """
    vary, text = values["vary"], values["variants"]
    if not text:
        return DEFAULT_VARIANTS[vary]
    try:
        found = tuple(BY_NAME[vary].parse(part) for part in text.split(","))
    except ValueError as error:
        raise SpecError(vary, f"{error}, in every variant", text) from None
    if len(set(found)) < len(found):
        raise SpecError("variants", "must all be different", text)
    return found


def variants_text(vary: str, chosen: tuple[Any, ...]) -> str:
    """As the URL has them: "" for the usual ones."""
    return "" if chosen == DEFAULT_VARIANTS[vary] else ",".join(map(BY_NAME[vary].format, chosen))


def label(vary: str, value: Any) -> str:
    """What makes one net differ from the others, in words."""
    if vary == "downsampling":
        return DOWNSAMPLING_WORDS[value]
    if vary in ("batch_norm", "skips"):
        return f"{'with' if value else 'without'} {'batch norm' if vary == 'batch_norm' else vary}"
    if vary == "optimizer":
        return OPTIMIZER_WORDS[value]
    if vary == "levels":
        return "1 halving" if value == 1 else f"{value} halvings"
    return f"{vary.replace('_', ' ')} {BY_NAME[vary].format(value)}"


def class_names(task: Task) -> tuple[str, ...]:
    """What each class is called."""
    if isinstance(task, OwnImages):
        return tuple(map(str, task.names))
    if isinstance(task, Digits):
        return tuple(map(str, range(task.classes)))
    return ("far mark −1", "far mark +1") if task.rule == "far" else ("signs differ", "signs agree")


def _task(values: Values, own: OwnImages | None) -> Task:
    if values["task"] == Digits.kind:
        return Digits(*(values[each.name] for each in fields(Digits)))
    if values["task"] == LongRange.kind:
        return LongRange(*(values[each.name] for each in fields(LongRange)))
    if not values["digest"]:
        raise SpecError("images", "must be given, as an .npz with images and labels", "none yet")
    if own is None or own.digest != values["digest"]:
        rule = "must be given once more: the server holds the last ones only"
        raise SpecError("images", rule, f"a link to {values['digest'][:8]}…")
    return own


def _spec(values: Values, task: Task) -> TrainingSpec:
    head = values["head"]
    if head == "suited":
        head = "center" if isinstance(task, LongRange) else "average"
    body = {each.name: values[each.name] for each in fields(Net) if each.name != "head"}
    training = ("optimizer", "learning_rate", "weight_decay", "batch", "steps", "warm_up", "seed")
    return TrainingSpec(Net(**body, head=head), task, **{name: values[name] for name in training})
