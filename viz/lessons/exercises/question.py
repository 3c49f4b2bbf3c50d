"""The data types of an exercise: question, form of the answer, correct answer, known mistakes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from core.layer import LayerSpec
from core.layer.window import Pair
from core.networks import NetworkSpec
from core.text import times

AnswerForm = Literal["number", "side", "pair", "choice", "cells"]
"""The form of an answer; `FORMS` describes each."""
Answer = int | tuple[int, ...]
"""An answer. Depending on the form it is a number; (height, width) for "side" and "pair"; the index
of an option for "choice"; or the ascending indices of the cells for "cells"."""
Mistake = tuple[Answer, str]
"""A wrong answer, and the explanation of the mistake that leads to it."""

FORMS: dict[AnswerForm, tuple[str, tuple[str, str]]] = {
    "number": ("a whole number", ("12", "15")),
    "side": ("a side, once or as height×width", ("28", "14")),
    "pair": ("height×width", ("28×14", "14×28")),
    "choice": ("the letter of an answer", ("B", "A")),
    "cells": ("numbers and ranges, or none", ("2, 4-6", "1, 3-5")),
}
"""For each form: its description, and two examples, of which at least one is not the answer."""
Quantity = Literal["", "parameters", "macs", "padding", "columns", "pixels", "gradient"]
"""What an answer of the form "number" counts; "" if nothing special."""
QUANTITIES: dict[Quantity, tuple[str, tuple[str, str]]] = {
    "": FORMS["number"],
    "parameters": ("a whole number of parameters", ("9,408", "1,184")),
    "macs": ("a whole number of multiply–accumulates", ("118,013", "73,984")),
    "padding": ("a padding in whole pixels", ("2", "3")),
    "columns": ("a whole number of columns", ("2", "3")),
    "pixels": ("a whole number of pixels", ("36", "49")),
    "gradient": ("a gradient, a whole number with its sign", ("−3", "4")),
}
"""For each quantity: the description of an answer, and two examples as in `FORMS`."""


@dataclass(frozen=True)
class LayerSubject:
    """The layer of a question and its input, which the sweep page can show.

    Attributes:
        layer: The layer; it may have more channels than the sweep page can show.
        size: (height, width) of the input.
        output: (row, column) of the output that the question is about; None if about none.
        pixel: (row, column) of the input pixel that the question is about; None if about none.
        values: Values of the input, row by row; empty if any values do.
        weights: Weights of the only kernel, row by row; empty if any weights do.
    """

    layer: LayerSpec
    size: Pair
    output: Pair | None = None
    pixel: Pair | None = None
    values: tuple[int, ...] = ()
    weights: tuple[int, ...] = ()


@dataclass(frozen=True)
class NetworkSubject:
    """The network of a question and its input, which the receptive-field page can show.

    Attributes:
        network: The layers.
        input_size: (channels, height, width).
        unit: Column of the last map that the question is about; None if about any unit.
    """

    network: NetworkSpec
    input_size: tuple[int, int, int]
    unit: int | None = None


@dataclass(frozen=True)
class QuestionContent:
    """A question with its answer, before it has a place in a series.

    Attributes:
        text: The question in Markdown.
        form: The form of the answer.
        answer: The correct answer.
        solution: The worked solution with this question's numbers, in Markdown and LaTeX.
        mistakes: Wrong answers that people give, each with an explanation.
        subject: The layer or network of the question, to be shown after the answer.
        code: Python code that belongs to the question; "" if there is none.
        options: The options of the form "choice".
        quantity: What the answer counts if its form is "number".
    """

    text: str
    form: AnswerForm
    answer: Answer
    solution: str
    mistakes: tuple[Mistake, ...]
    subject: LayerSubject | NetworkSubject
    code: str = ""
    options: tuple[str, ...] = ()
    quantity: Quantity = ""


@dataclass(frozen=True)
class Question(QuestionContent):
    """A question with its place in a series; equal places mean equal questions.

    Attributes:
        kind: Key of the question's kind in `KINDS`.
        level: Level of difficulty, from 1 to 3.
        seed: Seed of the series.
        number: Index within the series, from 0.
    """

    kind: str = ""
    level: int = 1
    seed: int = 0
    number: int = 0


def distinct_mistakes(answer: Answer, mistakes: Iterable[Mistake]) -> tuple[Mistake, ...]:
    """Return the mistakes without correct answers, and only the first with each wrong answer."""
    reasons: dict[Answer, str] = {}
    for wrong, why in mistakes:
        if wrong != answer:
            reasons.setdefault(wrong, why)
    return tuple(reasons.items())


def answer_text(question: QuestionContent, answer: Answer) -> str:
    """Return an answer as text in the question's form: ``28×14``, ``9,408``, ``B``, ``2, 4–6``."""
    if isinstance(answer, int):
        return letter(answer) if question.form == "choice" else f"{answer:,}".replace("-", "−")
    if question.form == "cells":
        return ranges_text(answer)
    return times(answer)


def answer_format(question: QuestionContent) -> str:
    """Return in words how to write an answer: ``a padding in whole pixels, such as 2``.

    The example is never the correct answer.
    """
    form, examples = (
        QUANTITIES[question.quantity] if question.form == "number" else FORMS[question.form]
    )
    if question.form == "choice":
        form = f"{form}, A to {letter(max(0, len(question.options) - 1))}"
    right = answer_text(question, question.answer).replace("–", "-")
    if question.form == "side":
        right = right.partition("×")[0]
    return f"{form}, such as {examples[0] if examples[0] != right else examples[1]}"


def letter(index: int) -> str:
    """Return the letter of an option: A for index 0."""
    return "ABCDEFGH"[index]


def ranges_text(cells: tuple[int, ...]) -> str:
    """Return ascending indices as numbers and ranges: ``0, 2–4``; ``none`` if there are none."""
    parts: list[list[int]] = []
    for cell in cells:
        if parts and cell == parts[-1][-1] + 1:
            parts[-1].append(cell)
        else:
            parts.append([cell])
    return ", ".join(map(_range_text, parts)).replace("-", "−") or "none"


def _range_text(part: list[int]) -> str:
    """Return successive numbers as text: as a range if there are three or more."""
    if len(part) < 3:
        return ", ".join(map(str, part))
    return f"{part[0]}{'–' if part[0] >= 0 else ' to '}{part[-1]}"
