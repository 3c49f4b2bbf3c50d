"""The kinds of exercises, one row each, and how a question is drawn from its kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache

from core.errors import SpecError
from viz.lessons.exercises.cost import cost
from viz.lessons.exercises.draw import Draw, parity
from viz.lessons.exercises.fields import resnet, stack
from viz.lessons.exercises.gradient import gradient
from viz.lessons.exercises.paddings import padding
from viz.lessons.exercises.question import Draft, Question
from viz.lessons.exercises.reach import reach
from viz.lessons.exercises.sizes import output_size, remainder
from viz.lessons.exercises.snippet import wrong_shape


@dataclass(frozen=True)
class Kind:
    """A row of ``KINDS``.

    Attributes:
        label: on screen.
        levels: what each level asks, in a few words.
        draft: ``(draws, level)`` to a question, or None where these draws make none.
    """

    label: str
    levels: tuple[str, str, str]
    draft: Callable[[Draw, int], Draft | None]


KINDS: dict[str, Kind] = {
    "output_size": Kind(
        "Output size",
        ("whole steps", "with a remainder", "dilated, ceil_mode, transposed"),
        output_size,
    ),
    "remainder": Kind(
        "Remainder and unread pixels",
        ("the remainder", "unread pixels", "gaps between the windows"),
        remainder,
    ),
    "stack": Kind(
        "Receptive field of a stack",
        ("stride 1", "strides and pooling", "dilation too"),
        stack,
    ),
    "reach": Kind(
        "Which pixels reach it",
        ("no padding", "at the border", "dilated, backwards, two layers"),
        reach,
    ),
    "padding": Kind(
        "Which padding",
        ("keeps the size", "with dilation", "with a stride"),
        padding,
    ),
    "cost": Kind(
        "Parameters and MACs",
        ("parameters", "groups, MACs", "groups and MACs, separable, transposed"),
        cost,
    ),
    "gradient": Kind(
        "Who gets gradient",
        ("how many pixels", "winners of a maximum", "backward by hand"),
        gradient,
    ),
    "resnet": Kind(
        "ResNet v1 and v1.5",
        ("one block", "several blocks", "from the image"),
        resnet,
    ),
    "wrong_shape": Kind(
        "Spot the wrong shape",
        ("convolutions", "pooling and dilation", "where PyTorch stops"),
        wrong_shape,
    ),
}
"""One row more, and the page and the tests have it."""

LEVELS = {1: "first steps", 2: "usual", 3: "hard"}
MAX_SEED, MAX_NUMBER = 999_999, 9_999
_ATTEMPTS = 400


@lru_cache(maxsize=512)
def question(kind: str, level: int, seed: int, number: int) -> Question:
    """The question of that place: the same for everybody, in every process.

    Texts of even numbers have even digests, those of odd numbers odd ones: no question is
    followed by itself.

    Raises:
        SpecError: no such kind or level, or a seed or number out of range.
    """
    _check(kind, level, seed, number)
    for attempt in range(_ATTEMPTS):
        draft = KINDS[kind].draft(Draw(kind, level, seed, number, attempt), level)
        if draft and parity(draft.text + draft.code) == number % 2:
            values = {each.name: getattr(draft, each.name) for each in fields(draft)}
            return Question(**values, kind=kind, level=level, seed=seed, number=number)
    raise AssertionError(f"{kind} {level} makes too few questions")


def _check(kind: str, level: int, seed: int, number: int) -> None:
    if kind not in KINDS:
        raise SpecError("kind", f"must be one of {', '.join(KINDS)}", kind)
    if level not in LEVELS:
        raise SpecError("level", f"must be from 1 to {len(LEVELS)}", level)
    for name, value, most in (("seed", seed, MAX_SEED), ("number", number, MAX_NUMBER)):
        if not 0 <= value <= most:
            raise SpecError(name, f"must be from 0 to {most}", value)


def kind_at(kinds: Sequence[str], level: int, seed: int, number: int) -> str:
    """The kind of a place in a mixed series: rounds of all chosen kinds, each in its own order.

    Raises:
        SpecError: no kind is chosen.
    """
    chosen = [kind for kind in KINDS if kind in kinds]
    if not chosen:
        raise SpecError("kinds", "must be at least one", "none")
    turn, place = divmod(number, len(chosen))
    return Draw("order", level, seed, turn).shuffled(chosen)[place]


def series(kinds: Sequence[str], level: int, seed: int, number: int) -> Question:
    """Question ``number`` of a mixed series; SpecError as `question` and `kind_at` say."""
    return question(kind_at(kinds, level, seed, number), level, seed, number)
