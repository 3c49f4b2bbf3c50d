"""Settings of the exercises page: which questions, the place in them, the answer, the score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from core.layer import LayerSpec
from core.layer.window import Pair
from core.networks.notation import to_notation
from viz.choices import layer, network
from viz.lessons.exercises import (
    KINDS,
    LEVELS,
    MAX_NUMBER,
    MAX_SEED,
    LayerSubject,
    NetworkSubject,
    Question,
    series,
)
from viz.lessons.exercises.interview import INTERVIEWS
from viz.params import Settings, choice, labeled_choice, text
from viz.params import number as whole_number

PAGE = "exercises"
TABS = {"practice": "Practice", "interview": "Interview questions"}
"""Name in the URL: label on the page."""
MAX_ANSWER = 60
"""Longest answer that a link carries, in characters."""


class Score(NamedTuple):
    """What a visitor says of themself: the link carries it, and nobody checks it.

    Attributes:
        right, asked: questions answered right, and answered at all.
        streak: right ones in a row, up to now.
        best: the longest such row.
    """

    right: int = 0
    asked: int = 0
    streak: int = 0
    best: int = 0

    def after(self, right: bool) -> Score:
        """The score with one more answer."""
        streak = self.streak + 1 if right else 0
        return Score(self.right + right, self.asked + 1, streak, max(self.best, streak))


def _score(value: str) -> Score:
    try:
        score = Score(*map(int, value.split(".")))
    except (TypeError, ValueError):
        raise ValueError("must be right.asked.streak.best, such as 3.5.2.2") from None
    falling = 0 <= score.streak <= score.best <= score.right <= score.asked <= MAX_NUMBER + 1
    if not falling or value.count(".") != 3:
        raise ValueError("must be numbers that fit each other, such as 3.5.2.2")
    return score


def _kinds(value: str) -> tuple[str, ...]:
    names = tuple(value.split("."))
    if not set(names) <= set(KINDS) or len(set(names)) < len(names):
        raise ValueError(f"must be some of {', '.join(KINDS)}, with dots between")
    return names


def _answer(value: str) -> str:
    if len(value) > MAX_ANSWER or not value.isprintable():
        raise ValueError(f"must be at most {MAX_ANSWER} characters")
    return value


@dataclass(frozen=True)
class ExerciseSettings(Settings):
    """Everything that decides the page. ``number`` and ``guess`` count from 1; guess 0 is none."""

    tab: str = labeled_choice(TABS)
    kinds: tuple[str, ...] = text((), _kinds, ".".join)
    level: int = choice(
        1, {n: f"{n} · {name}" for n, name in LEVELS.items()}, "level", kind="radio"
    )
    code: int = whole_number(
        1,
        0,
        MAX_SEED,
        "class code",
        help="The same code, kinds and level give everybody the same questions.",
    )
    number: int = whole_number(1, 1, MAX_NUMBER + 1)
    answer: str = text("", _answer)
    score: Score = text(Score(), _score, lambda score: ".".join(map(str, score)))
    interview: str = choice(
        next(iter(INTERVIEWS)), {name: each.title for name, each in INTERVIEWS.items()}, "question"
    )
    guess: int = whole_number(0, 0, 8)


START = {"number": 1, "answer": "", "score": Score()}
"""The first question, nothing answered."""


def question(values: ExerciseSettings) -> Question:
    """The question that is asked; no kind chosen stands for all."""
    kinds = tuple(values.kinds) or tuple(KINDS)
    return series(kinds, values.level, values.code, values.number - 1)


def class_link(values: ExerciseSettings) -> dict[str, Any]:
    """What everybody in a class opens: the same questions, from the first, no score."""
    return {name: values[name] for name in ("kinds", "level", "code")}


# --- What opens the question on another page ----------------------------------------------------

SHOWN_CHANNELS = layer.MAX_CHANNELS


def board_values(subject: LayerSubject) -> dict[str, Any]:
    """The sweep page's values that show a layer, with the few channels a board has."""
    spec = _few_channels(subject.layer)
    values = layer.values_of(spec, subject.size) | {
        "in_channels": spec.in_channels,
        "pixels": _cells("0", subject.values),
        "weights": _cells("0.0", subject.weights),
        "bias": 0.0,
    }
    fitting, _ = layer.settle(layer.BoardSettings.of(values))
    return fitting.flat | {"pin": _pin(subject)}


def _few_channels(spec: LayerSpec) -> LayerSpec:
    """The same windows: as many channels as a board can show, in as many groups as they allow."""
    groups = min(spec.groups, SHOWN_CHANNELS)
    ins, outs = (
        min(n, SHOWN_CHANNELS) // groups * groups for n in (spec.in_channels, spec.out_channels)
    )
    if layer.OPERATIONS[spec.operation].channelwise:
        groups, outs = 1, 1
    settings = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    few = {"in_channels": ins, "out_channels": outs, "groups": groups, "bias": False}
    return LayerSpec(**settings | few)


def _pin(subject: LayerSubject) -> str:
    for grid, cell in (("o", subject.output), ("i", subject.pixel)):
        if cell is not None:
            return f"{grid}{cell[0]}.{cell[1]}"
    return ""


def _cells(planes: str, row: tuple[int, ...]) -> str:
    return "_".join(f"{planes}.0.{col}:{value}" for col, value in enumerate(row))


def fewer_channels(subject: LayerSubject) -> bool:
    """Whether the board shows fewer channels than the question has."""
    spec, few = subject.layer, _few_channels(subject.layer)
    return (spec.in_channels, spec.out_channels) != (few.in_channels, few.out_channels)


def network_values(subject: NetworkSubject) -> dict[str, Any]:
    """The receptive-field page's values that show a network."""
    channels, height, width = subject.input_size
    values = {
        "network": network.OWN,
        "layers": to_notation(subject.network),
        "in_channels": channels,
        "input_height": height,
        "input_width": width,
    }
    return values | ({} if subject.unit is None else {"unit": _unit(subject.unit)})


def _unit(column: int) -> str:
    return f"{column}.{column}"


def unit_of(subject: NetworkSubject) -> Pair | None:
    """The unit that is asked about, on the diagonal; none in most questions."""
    return None if subject.unit is None else (subject.unit, subject.unit)


EXPERIMENTS_AT: dict[str, tuple[str, dict[str, str]]] = {
    "stride_or_pool": ("blocks", {}),
    "parameters_and_stride": ("blocks", {}),
    "stem_weights": ("architectures", {}),
    "stem_field": ("fields", {"network": "resnet_stem"}),
    "padding_and_stride": ("sweep", {"stride": "2", "padding": "1"}),
    "same_and_stride": ("sizes", {"tab": "conventions"}),
    "even_kernel": ("sweep", {"kernel_size": "4", "stride": "1", "padding": "1"}),
    "growth": ("fields", {"network": "four_strided", "tab": "depth"}),
    "dilated_or_strided": (
        "fields",
        {
            "network": "own",
            "layers": "conv3 p1 c4, conv3 p2 d2 c4, conv3 p4 d4 c4, conv3 p8 d8 c4, conv3 p16 d16 c4",
        },
    ),
    "gridding": (
        "erf",
        {"network": "own", "layers": "conv3 p2 d2 c4, conv3 p2 d2 c4, conv3 p2 d2 c4"},
    ),
    "resnet_versions": ("fields", {"network": "resnet50_v1", "compare": "resnet50"}),
    "unread_by_1x1": ("sweep", {"kernel_size": "1", "stride": "2", "padding": "0"}),
    "max_gradient": ("gradients", {}),
    "checkerboard": (
        "sweep",
        {"operation": "transposed_convolution", "stride": "2", "padding": "1"},
    ),
    "shift": ("shift", {}),
    "blur": ("shift", {"tab": "curve"}),
}
"""Page and link parameters where the experiment of each interview question can be played with."""
