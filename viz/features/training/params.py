"""Settings of the training lab: which nets learn what, and what of it is looked at."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from core.errors import SpecError
from core.training.spec import (
    LONG_RANGE,
    MAX_NETS,
    Digits,
    LongRange,
    Net,
    OwnImages,
    Task,
    TrainingSpec,
)
from viz.choices.lab import (
    DOWNSAMPLING_WORDS,
    LARGEST_SEED,
    OPTIMIZER_WORDS,
    OptimizerSettings,
    TrainingSettings,
)
from viz.choices.unit import unit_name
from viz.params import choice, labeled_choice, number

PAGE = "training"
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


@dataclass(frozen=True)
class LabSettings(TrainingSettings):
    """Everything that decides the page: what is trained, and what of it is looked at."""

    tab: str = labeled_choice(TABS)
    net: int = choice(0, range(MAX_NETS), "net", kind="segments")
    at: int = number(-1, -1, 200)
    sample: int = number(0, 0, 19_999, "test image")
    unit: str = unit_name("centre", "unit of the last map (row, column)", ("centre",))


BY_NAME = {param.name: param for param in LabSettings.params()}
_SUITED = {
    LongRange.kind: {
        **{n: getattr(LONG_RANGE.net, n) for n in ("levels", "depth", "width", "batch_norm")},
        **{n: getattr(LONG_RANGE, n) for n in ("learning_rate", "batch", "warm_up")},
    }
}


def preset(task: str) -> dict[str, Any]:
    """Settings of net and optimizer that suit a task: what to change when it is chosen."""
    plain = OptimizerSettings.defaults("seed")
    return plain | {"head": "suited"} | _SUITED.get(task, {})


def on_vary(values: LabSettings, vary: str) -> dict[str, Any]:
    """What to change when something else is to differ: its own variants, and a depth at which a
    level has a convolution that can be skipped."""
    deeper = {"depth": max(2, values.depth)} if vary == "skips" else {}
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


def comparison(values: LabSettings, own: OwnImages | None = None) -> Comparison:
    """What the settings ask for: the seeds from the first one on, none beyond the largest of a link.

    Args:
        values: of the page.
        own: the images that ``digest`` names, if they are here.

    Raises:
        SpecError: variants of something else, settings that do not fit each other, images that
            are not here.
    """
    vary, chosen = values.vary, variants(values)
    task = _task(values, own)
    specs = tuple(_spec(values.updated({vary: each}), task) for each in chosen)
    first = min(values.seed, LARGEST_SEED + 1 - values.seeds)
    seeds = tuple(range(first, first + values.seeds))
    return Comparison(specs, seeds, tuple(label(vary, each) for each in chosen))


def variants(values: LabSettings) -> tuple[Any, ...]:
    """The values of what varies, in order.

    Raises:
        SpecError: it has no such values, or one is there twice.
    """
    vary, text = values.vary, values.variants
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
        return "1 level" if value == 1 else f"{value} levels"
    return f"{vary.replace('_', ' ')} {BY_NAME[vary].format(value)}"


def class_names(task: Task) -> tuple[str, ...]:
    """What each class is called."""
    if isinstance(task, OwnImages):
        return tuple(map(str, task.names))
    if isinstance(task, Digits):
        return tuple(map(str, range(task.classes)))
    return (
        ("outer mark −1", "outer mark +1")
        if task.rule == "far"
        else ("signs differ", "signs agree")
    )


def _task(values: LabSettings, own: OwnImages | None) -> Task:
    if values.task == Digits.kind:
        return Digits(*(values[each.name] for each in fields(Digits)))
    if values.task == LongRange.kind:
        return LongRange(*(values[each.name] for each in fields(LongRange)))
    if not values.digest:
        raise SpecError("images", "must be given, as an .npz with images and labels", "none yet")
    if own is None or own.digest != values.digest:
        rule = "must be given once more: the server holds the last ones only"
        raise SpecError("images", rule, f"a link to {values.digest[:8]}…")
    return own


def _spec(values: LabSettings, task: Task) -> TrainingSpec:
    head: Any = values.head
    if head == "suited":
        head = "center" if isinstance(task, LongRange) else "average"
    body = {each.name: values[each.name] for each in fields(Net) if each.name != "head"}
    training = ("optimizer", "learning_rate", "weight_decay", "batch", "steps", "warm_up", "seed")
    return TrainingSpec(Net(**body, head=head), task, **{name: values[name] for name in training})
