"""Settings of the training lab: the nets, their task, and the open tab with its choices."""

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
from viz.choices.unit import unit_setting
from viz.params import choice, labeled_choice, number

PAGE = "training"
"""Name of the page in URLs."""
TABS = {
    "curves": "Learning",
    "flow": "Gradient flow",
    "shifts": "Shifts",
    "erf": "Effective field",
    "kernels": "Kernels",
    "click": "Try a digit",
    "files": "Code and files",
}
"""Labels of the tabs by name in the URL."""
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
"""The values that are compared, by the parameter that varies, until the visitor chooses others."""


@dataclass(frozen=True)
class LabSettings(TrainingSettings):
    """All settings of the page; ``at`` is the index of a snapshot, -1 for the last one."""

    tab: str = labeled_choice(TABS)
    net: int = choice(0, range(MAX_NETS), "net", kind="segments")
    at: int = number(-1, -1, 200)
    sample: int = number(0, 0, 19_999, "test image")
    kernel: int = number(0, 0, 4095, "kernel of the first layer")
    unit: str = unit_setting("centre", "unit of the last map (row, column)", ("centre",))


BY_NAME = {param.name: param for param in LabSettings.params()}
"""The page's parameters by name."""
_SUITED = {
    LongRange.kind: {
        **{n: getattr(LONG_RANGE.net, n) for n in ("levels", "depth", "width", "batch_norm")},
        **{n: getattr(LONG_RANGE, n) for n in ("learning_rate", "batch", "warm_up")},
    }
}
"""Settings with which a task can be learned, by its kind, where the defaults do not suit it."""


def task_preset(task: str) -> dict[str, Any]:
    """The settings of net and optimizer to change when a task is chosen."""
    plain = OptimizerSettings.defaults("seed")
    return plain | {"head": "suited"} | _SUITED.get(task, {})


def vary_changes(values: LabSettings, vary: str) -> dict[str, Any]:
    """The settings to change when another parameter is to vary.

    Skip connections need a depth of at least 2, so that a level has a convolution to skip.
    """
    deeper = {"depth": max(2, values.depth)} if vary == "skips" else {}
    return {"vary": vary, "variants": "", **deeper}


@dataclass(frozen=True)
class Comparison:
    """Nets that differ in one parameter, each trained once with every seed.

    Attributes:
        specs: One spec for each net, with the first seed.
        seeds: The seeds with which each net is trained.
        names: A different name for each net.
    """

    specs: tuple[TrainingSpec, ...]
    seeds: tuple[int, ...]
    names: tuple[str, ...]

    def run_spec(self, net: int, seed: int) -> TrainingSpec:
        """The spec of one run: a net (by index) with a seed."""
        return replace(self.specs[net], seed=seed)

    @property
    def task(self) -> Task:
        """The task, which is the same for all nets."""
        return self.specs[0].task


def comparison(values: LabSettings, own: OwnImages | None = None) -> Comparison:
    """The nets that the settings compare, with consecutive seeds of at most `LARGEST_SEED`.

    Args:
        values: The page's settings.
        own: The uploaded images that ``values.digest`` names, if the server has them.

    Raises:
        SpecError: The variants are no values of the parameter that varies, settings contradict
            each other, or the uploaded images are not on the server.
    """
    first = min(values.seed, LARGEST_SEED + 1 - values.seeds)
    values = values.updated({"seed": first})
    vary, chosen = values.vary, chosen_variants(values)
    task = _task(values, own)
    specs = tuple(_spec(values.updated({vary: each}), task) for each in chosen)
    seeds = tuple(range(first, first + values.seeds))
    return Comparison(specs, seeds, tuple(variant_label(vary, each) for each in chosen))


def chosen_variants(values: LabSettings) -> tuple[Any, ...]:
    """The compared values of the parameter that varies, in order.

    Raises:
        SpecError: A value is not allowed, or there twice.
    """
    vary, text = values.vary, values.variants
    if not text:
        return DEFAULT_VARIANTS[vary]
    try:
        values_in_link = tuple(BY_NAME[vary].parse(part) for part in text.split(","))
    except ValueError as error:
        raise SpecError(vary, f"{error}, in every variant", text) from None
    if len(set(values_in_link)) < len(values_in_link):
        raise SpecError("variants", "must all be different", text)
    return values_in_link


def variants_text(vary: str, chosen: tuple[Any, ...]) -> str:
    """The compared values as text in a link; "" for the defaults."""
    return "" if chosen == DEFAULT_VARIANTS[vary] else ",".join(map(BY_NAME[vary].format, chosen))


def variant_label(vary: str, value: Any) -> str:
    """The value of the parameter that varies, in words, as the name of a net."""
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
    """The name of each class on the page, in the order of the labels."""
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
    """The task that the settings describe; SpecError if it needs images that are not here."""
    if values.task == Digits.kind:
        return Digits(*(values[each.name] for each in fields(Digits)))
    if values.task == LongRange.kind:
        return LongRange(*(values[each.name] for each in fields(LongRange)))
    if not values.digest:
        raise SpecError("images", "must be uploaded, as an .npz with images and labels", "none yet")
    if own is None or own.digest != values.digest:
        rule = "must be uploaded once more: the server has only the latest ones"
        raise SpecError("images", rule, f"a link to {values.digest[:8]}…")
    return own


def _spec(values: LabSettings, task: Task) -> TrainingSpec:
    """The run of one net that the settings describe; the head "suited" depends on the task."""
    head: Any = values.head
    if head == "suited":
        head = "center" if isinstance(task, LongRange) else "average"
    body = {each.name: values[each.name] for each in fields(Net) if each.name != "head"}
    training = ("optimizer", "learning_rate", "weight_decay", "batch", "steps", "warm_up", "seed")
    return TrainingSpec(Net(**body, head=head), task, **{name: values[name] for name in training})
