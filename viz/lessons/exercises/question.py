"""What an exercise is: a question, the form of its answer, the right one, the known mistakes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from core.layer import LayerSpec
from core.layer.window import Pair
from core.networks import NetworkSpec
from core.text import times

Form = Literal["number", "side", "pair", "choice", "cells"]
Answer = int | tuple[int, ...]
"""An answer by form: a number; (height, width) of a side or a pair; the index of a choice; the
sorted indices of cells."""
Mistake = tuple[Answer, str]
"""A wrong answer and an explanation of the mistake behind it."""

FORMS: dict[Form, tuple[str, tuple[str, str]]] = {
    "number": ("a whole number", ("12", "15")),
    "side": ("a side, once or as height×width", ("28", "14")),
    "pair": ("height×width", ("28×14", "14×28")),
    "choice": ("the letter of an answer", ("B", "A")),
    "cells": ("numbers and ranges, or none", ("2, 4-6", "1, 3-5")),
}
"""How each form is asked for, and two examples: one of them is not the answer."""
Quantity = Literal["", "parameters", "macs", "padding", "columns", "pixels", "gradient"]
QUANTITIES: dict[Quantity, tuple[str, tuple[str, str]]] = {
    "": FORMS["number"],
    "parameters": ("a whole number of parameters", ("9,408", "1,184")),
    "macs": ("a whole number of multiply–accumulates", ("118,013", "73,984")),
    "padding": ("a padding in whole pixels", ("2", "3")),
    "columns": ("a whole number of columns", ("2", "3")),
    "pixels": ("a whole number of pixels", ("36", "49")),
    "gradient": ("a gradient, a whole number with its sign", ("−3", "4")),
}
"""The same for what a number counts."""


@dataclass(frozen=True)
class LayerSubject:
    """One layer on one input, for the sweep board.

    Attributes:
        layer: its channels are the question's, which may be more than a board shows.
        size: (height, width) of the input.
        output: (row, column) of the output that is asked about.
        pixel: (row, column) of the input pixel that is asked about.
        values: of the input, row by row; empty where they do not matter.
        weights: of the only kernel, row by row; empty where they do not matter.
    """

    layer: LayerSpec
    size: Pair
    output: Pair | None = None
    pixel: Pair | None = None
    values: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()


@dataclass(frozen=True)
class NetworkSubject:
    """A network on one input, for the receptive-field page.

    Attributes:
        network: the layers.
        input_size: (channels, height, width).
        unit: column of the last map that is asked about.
    """

    network: NetworkSpec
    input_size: tuple[int, int, int]
    unit: int | None = None


@dataclass(frozen=True)
class Draft:
    """A question as its kind makes it.

    Attributes:
        text: Markdown.
        form, answer: as `Form` and `Answer` say.
        solution: the worked solution with this question's numbers, Markdown and LaTeX.
        mistakes: wrong answers people give, each with what went wrong.
        subject: the spec behind it, to look at.
        code: Python to read, "" for none.
        options: of a choice.
        quantity: what a number counts.
    """

    text: str
    form: Form
    answer: Answer
    solution: str
    mistakes: tuple[Mistake, ...]
    subject: LayerSubject | NetworkSubject
    code: str = ""
    options: tuple[str, ...] = ()
    quantity: Quantity = ""


@dataclass(frozen=True)
class Question(Draft):
    """A draft with its place: the same four values make the same question for everybody."""

    kind: str = ""
    level: int = 1
    seed: int = 0
    number: int = 0


def distinct_mistakes(answer: Answer, claims: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """The mistakes with answers that differ from the right one and from each other's."""
    reasons: dict[Answer, str] = {}
    for wrong, why in claims:
        if wrong != answer:
            reasons.setdefault(wrong, why)
    return tuple(reasons.items())


def answer_text(draft: Draft, answer: Answer) -> str:
    """An answer in the form it is asked for: ``28×14``, ``9,408``, ``B``, ``2, 4–6``."""
    if isinstance(answer, int):
        return letter(answer) if draft.form == "choice" else f"{answer:,}".replace("-", "−")
    if draft.form == "cells":
        return runs(answer)
    return times(answer)


def answer_format(draft: Draft) -> str:
    """How the answer of this question is written, with an example of its kind that is not the
    answer: ``a padding in whole pixels, such as 2``."""
    form, examples = QUANTITIES[draft.quantity] if draft.form == "number" else FORMS[draft.form]
    if draft.form == "choice":
        form = f"{form}, A to {letter(max(0, len(draft.options) - 1))}"
    right = answer_text(draft, draft.answer).replace("–", "-")
    if draft.form == "side":
        right = right.partition("×")[0]
    return f"{form}, such as {examples[0] if examples[0] != right else examples[1]}"


def letter(index: int) -> str:
    """The letter of an option."""
    return "ABCDEFGH"[index]


def runs(cells: tuple[int, ...]) -> str:
    """Indices as numbers and ranges: ``0, 2–4``; ``none`` where there are none."""
    parts: list[list[int]] = []
    for cell in cells:
        if parts and cell == parts[-1][-1] + 1:
            parts[-1].append(cell)
        else:
            parts.append([cell])
    return ", ".join(map(_run, parts)).replace("-", "−") or "none"


def _run(part: list[int]) -> str:
    if len(part) < 3:
        return ", ".join(map(str, part))
    return f"{part[0]}{'–' if part[0] >= 0 else ' to '}{part[-1]}"
