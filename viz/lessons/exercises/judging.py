"""What is said to an answer: right, wrong and why, or how to write it."""

from __future__ import annotations

from dataclasses import dataclass

from core.text import sentence_case
from viz.lessons.exercises.forms import Unreadable, read
from viz.lessons.exercises.question import Answer, Question, answer_text

GIVEN_UP = "?"
"""The answer of who wants to see the solution."""


@dataclass(frozen=True)
class Verdict:
    """What is said to an answer.

    Attributes:
        right: None where the text is no answer at all; ``message`` then says how to write one.
        message: one or two sentences, Markdown.
        solution: worked, Markdown and LaTeX; "" where there is no answer yet.
    """

    right: bool | None
    message: str
    solution: str = ""


def judge(question: Question, text: str) -> Verdict:
    """Read a typed answer and judge it; a known mistake gets its own explanation."""
    right = f"**{answer_text(question, question.answer)}**"
    if text.strip() == GIVEN_UP:
        return Verdict(False, f"The answer is {right}. Here is how it goes.", question.solution)
    try:
        answer = read(question, text)
    except Unreadable as error:
        return Verdict(None, str(error))
    if answer == question.answer:
        return Verdict(True, f"Right: {right}.", question.solution)
    why = dict(question.mistakes).get(answer) or _in_general(question, answer)
    sentence = f"{answer_text(question, answer)} is not it. {why} The answer is {right}."
    return Verdict(False, sentence, question.solution)


def _in_general(question: Question, answer: Answer) -> str:
    """What can be said of a wrong answer that is no known mistake."""
    true = question.answer
    if isinstance(answer, int) or isinstance(true, int):
        assert isinstance(answer, int)
        assert isinstance(true, int)
        return _by_one(answer - true)
    if question.form == "side" and answer[0] != answer[1]:
        return "Everything is the same for height and width here, so the answer is square."
    if question.form == "cells":
        missing, more = sorted(set(true) - set(answer)), sorted(set(answer) - set(true))
        parts = [f"missing: {', '.join(map(str, missing))}"] if missing else []
        parts += [f"too many: {', '.join(map(str, more[:12]))}"] if more else []
        text = "; ".join(parts)
        return f"{sentence_case(text)}.".replace("-", "−")
    wrong = [n for n, (a, b) in zip(("height", "width"), zip(answer, true, strict=True), strict=True)
             if a != b]  # fmt: skip
    if len(wrong) == 1:
        return f"One of the two is right; the {wrong[0]} is not."
    return _by_one(answer[0] - true[0])


def _by_one(difference: int) -> str:
    if difference == 1:
        return "One too many."
    if difference == -1:
        return "One too few."
    return "Too large." if difference > 0 else "Too small."
