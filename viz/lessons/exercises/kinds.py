"""The kinds of exercises, and the question at each place of a seeded series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

from core.errors import SpecError
from viz.lessons.exercises.cost import cost_question
from viz.lessons.exercises.fields import resnet_question, stack_question
from viz.lessons.exercises.gradient import gradient_question
from viz.lessons.exercises.paddings import padding_question
from viz.lessons.exercises.question import Question, QuestionContent
from viz.lessons.exercises.reach import reach_question
from viz.lessons.exercises.seeded_random import SeededRandom, random_bit
from viz.lessons.exercises.sizes import output_size_question, remainder_question
from viz.lessons.exercises.snippet import wrong_shape_question


@dataclass(frozen=True)
class Kind:
    """A kind of exercise.

    Attributes:
        label: Name on screen.
        levels: The subject of each of the three levels, in a few words.
        make_content: Function from a random generator and a level to a question; it returns None
            if the random numbers do not give a suitable one.
    """

    label: str
    levels: tuple[str, str, str]
    make_content: Callable[[SeededRandom, int], QuestionContent | None]


KINDS: dict[str, Kind] = {
    "output_size": Kind(
        "Output size",
        ("whole steps", "with a remainder", "dilated, ceil_mode, transposed"),
        output_size_question,
    ),
    "remainder": Kind(
        "Remainder and unread pixels",
        ("the remainder", "unread pixels", "gaps between the windows"),
        remainder_question,
    ),
    "stack": Kind(
        "Receptive field of a stack",
        ("stride 1", "strides and pooling", "dilation too"),
        stack_question,
    ),
    "reach": Kind(
        "Which pixels reach it",
        ("no padding", "at the border", "dilated, backwards, two layers"),
        reach_question,
    ),
    "padding": Kind(
        "Which padding",
        ("keeps the size", "with dilation", "with a stride"),
        padding_question,
    ),
    "cost": Kind(
        "Parameters and MACs",
        ("parameters", "groups, MACs", "groups and MACs, separable, transposed"),
        cost_question,
    ),
    "gradient": Kind(
        "Who gets gradient",
        ("how many pixels", "winners of a maximum", "backward by hand"),
        gradient_question,
    ),
    "resnet": Kind(
        "ResNet v1 and v1.5",
        ("one block", "several blocks", "from the image"),
        resnet_question,
    ),
    "wrong_shape": Kind(
        "Spot the wrong shape",
        ("convolutions", "pooling and dilation", "where PyTorch stops"),
        wrong_shape_question,
    ),
}
"""All kinds by their key in links; the page and the tests show and test each row."""

LEVELS = {1: "first steps", 2: "standard", 3: "hard"}
"""The levels of difficulty and their names."""
MAX_SEED, MAX_NUMBER = 999_999, 9_999
"""Largest seed and largest index in a series."""
_MAX_ATTEMPTS = 400


@lru_cache(maxsize=512)
def question(kind: str, level: int, seed: int, number: int) -> Question:
    """Return the question at a place of a series; it is the same in every process.

    The `parity` of a question's text equals that of its number, so that a question never follows
    itself.

    Raises:
        SpecError: The kind or level does not exist, or the seed or number is out of range.
    """
    _check_bounds(kind, level, seed, number)
    for attempt in range(_MAX_ATTEMPTS):
        content = KINDS[kind].make_content(SeededRandom(kind, level, seed, number, attempt), level)
        if content and random_bit(content.text + content.code) == number % 2:
            values = {each.name: getattr(content, each.name) for each in fields(content)}
            return Question(**values, kind=kind, level=level, seed=seed, number=number)
    raise AssertionError(f"{kind} {level} makes too few questions")


def _check_bounds(kind: str, level: int, seed: int, number: int) -> None:
    """Raise SpecError if there is no such place in a series."""
    if kind not in KINDS:
        raise SpecError("kind", f"must be one of {', '.join(KINDS)}", kind)
    if level not in LEVELS:
        raise SpecError("level", f"must be from 1 to {len(LEVELS)}", level)
    for name, value, most in (("seed", seed, MAX_SEED), ("number", number, MAX_NUMBER)):
        if not 0 <= value <= most:
            raise SpecError(name, f"must be from 0 to {most}", value)


def kind_in_series(kinds: Sequence[str], level: int, seed: int, number: int) -> str:
    """Return the kind of a question in a mixed series.

    The series consists of rounds; each round has every chosen kind once, in its own random order.

    Raises:
        SpecError: No kind is chosen.
    """
    chosen = [kind for kind in KINDS if kind in kinds]
    if not chosen:
        raise SpecError("kinds", "must be at least one", "none")
    round_, position = divmod(number, len(chosen))
    return SeededRandom("order", level, seed, round_).shuffled(chosen)[position]


def series(kinds: Sequence[str], level: int, seed: int, number: int) -> Question:
    """Return a question of a series of mixed kinds; raises SpecError as `question` does."""
    return question(kind_in_series(kinds, level, seed, number), level, seed, number)
