"""The settings of the exercises page: series, current question, answer, score and interview."""

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
"""The label of each tab, by its name in the URL."""
MAX_ANSWER = 60
"""Number of characters in the longest answer that a link may contain."""


class Score(NamedTuple):
    """The visitor's score; it is part of the link, and nobody checks it.

    Attributes:
        right: Number of correctly answered questions.
        answered: Number of all answered questions.
        streak: Number of correct answers in a row up to now.
        best: The longest streak so far.
    """

    right: int = 0
    answered: int = 0
    streak: int = 0
    best: int = 0

    def after(self, right: bool) -> Score:
        """Return the score after one more answer; ``right`` is whether it is correct."""
        streak = self.streak + 1 if right else 0
        return Score(self.right + right, self.answered + 1, streak, max(self.best, streak))


def _parse_score(value: str) -> Score:
    """Parse a score from the link; raise ValueError if its numbers contradict each other."""
    try:
        score = Score(*map(int, value.split(".")))
    except (TypeError, ValueError):
        raise ValueError("must be right.answered.streak.best, such as 3.5.2.2") from None
    consistent = 0 <= score.streak <= score.best <= score.right <= score.answered <= MAX_NUMBER + 1
    if not consistent or value.count(".") != 3:
        raise ValueError("must be numbers that fit each other, such as 3.5.2.2")
    return score


def _parse_kinds(value: str) -> tuple[str, ...]:
    """Parse the kinds of questions from the link; raise ValueError for unknown or repeated ones."""
    names = tuple(value.split("."))
    if not set(names) <= set(KINDS) or len(set(names)) < len(names):
        raise ValueError(f"must be some of {', '.join(KINDS)}, with dots between")
    return names


def _parse_answer(value: str) -> str:
    """Parse an answer from the link; raise ValueError if it is too long or not printable."""
    if len(value) > MAX_ANSWER or not value.isprintable():
        raise ValueError(f"must be at most {MAX_ANSWER} characters")
    return value


@dataclass(frozen=True)
class ExerciseSettings(Settings):
    """The settings of the exercises page.

    ``number`` is the question's number in the series, from 1. ``guess`` is the number of the
    option that the visitor predicts in the interview, from 1; 0 stands for none.
    """

    tab: str = labeled_choice(TABS)
    kinds: tuple[str, ...] = text((), _parse_kinds, ".".join)
    level: int = choice(1, dict(LEVELS), "level")
    code: int = whole_number(
        1,
        0,
        MAX_SEED,
        "class code",
        help="The same code, kinds and level give everybody the same questions.",
    )
    number: int = whole_number(1, 1, MAX_NUMBER + 1)
    answer: str = text("", _parse_answer)
    score: Score = text(Score(), _parse_score, lambda score: ".".join(map(str, score)))
    interview: str = choice(
        next(iter(INTERVIEWS)), {name: each.title for name, each in INTERVIEWS.items()}, "question"
    )
    guess: int = whole_number(0, 0, 8)


FIRST_QUESTION = {"number": 1, "answer": "", "score": Score()}
"""The settings that begin a series: its first question, without answer and score."""


def current_question(values: ExerciseSettings) -> Question:
    """Return the current question of the series; if no kind is chosen, the series has all kinds."""
    kinds = tuple(values.kinds) or tuple(KINDS)
    return series(kinds, values.level, values.code, values.number - 1)


def class_settings(values: ExerciseSettings) -> dict[str, Any]:
    """Return the settings in the link for a class: the series of questions, without the score."""
    return {name: values[name] for name in ("kinds", "level", "code")}


# --- Settings of other pages that show a question's layer or network ----------------------------

MAX_BOARD_CHANNELS = layer.MAX_CHANNELS
"""Largest number of channels of a layer on the sweep page."""


def board_values(subject: LayerSubject) -> dict[str, Any]:
    """Return the sweep page's settings that show a layer, with as many channels as it can show."""
    spec = _few_channels(subject.layer)
    values = layer.values_of(spec, subject.size) | {
        "in_channels": spec.in_channels,
        "pixels": _cells_parameter("0", subject.values),
        "weights": _cells_parameter("0.0", subject.weights),
        "bias": 0.0,
    }
    fitting, _ = layer.make_runnable(layer.BoardSettings.of(values))
    return fitting.flat | {"pin": _pin_parameter(subject)}


def _few_channels(spec: LayerSpec) -> LayerSpec:
    """Return the layer with at most `MAX_BOARD_CHANNELS` channels, and groups that divide them."""
    groups = min(spec.groups, MAX_BOARD_CHANNELS)
    ins, outs = (
        min(n, MAX_BOARD_CHANNELS) // groups * groups for n in (spec.in_channels, spec.out_channels)
    )
    if layer.OPERATIONS[spec.operation].channelwise:
        groups, outs = 1, 1
    settings = {name: getattr(spec, name) for name in spec.__dataclass_fields__}
    few = {"in_channels": ins, "out_channels": outs, "groups": groups, "bias": False}
    return LayerSpec(**settings | few)


def _pin_parameter(subject: LayerSubject) -> str:
    """Return the pinned cell in the link: ``o1.2`` for output (1, 2), "" for none."""
    for grid, cell in (("o", subject.output), ("i", subject.pixel)):
        if cell is not None:
            return f"{grid}{cell[0]}.{cell[1]}"
    return ""


def _cells_parameter(planes: str, row: tuple[int, ...]) -> str:
    """Return the link's text for the values of one row; ``planes`` are the leading indices."""
    return "_".join(f"{planes}.0.{col}:{value}" for col, value in enumerate(row))


def shows_fewer_channels(subject: LayerSubject) -> bool:
    """Return whether the sweep page shows fewer channels than the question's layer has."""
    spec, few = subject.layer, _few_channels(subject.layer)
    return (spec.in_channels, spec.out_channels) != (few.in_channels, few.out_channels)


def network_values(subject: NetworkSubject) -> dict[str, Any]:
    """Return the receptive-field page's settings that show a network."""
    channels, height, width = subject.input_size
    values = {
        "network": network.OWN,
        "layers": to_notation(subject.network),
        "in_channels": channels,
        "input_height": height,
        "input_width": width,
    }
    return values | ({} if subject.unit is None else {"unit": _unit_parameter(subject.unit)})


def _unit_parameter(column: int) -> str:
    """Return the link's text for the unit whose row and column are equal."""
    return f"{column}.{column}"


def unit_of(subject: NetworkSubject) -> Pair | None:
    """Return the (row, column) of the unit that the question is about; None if about any unit."""
    return None if subject.unit is None else (subject.unit, subject.unit)


EXPERIMENT_LINKS: dict[str, tuple[str, dict[str, str]]] = {
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
"""For each interview question the page, and its link parameters, that show the experiment."""
