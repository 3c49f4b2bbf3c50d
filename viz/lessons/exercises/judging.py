"""Feedback on a typed answer: correct, wrong with the reason, or how to write an answer."""

from __future__ import annotations

from dataclasses import dataclass

from core.text import sentence_case
from viz.lessons.exercises.forms import UnreadableAnswer, parse_answer
from viz.lessons.exercises.question import Answer, Question, answer_text

GIVE_UP = "?"
"""The answer that stands for giving up and asking for the solution."""


@dataclass(frozen=True)
class Feedback:
    """The feedback on an answer.

    Attributes:
        right: Whether the answer is correct; None if the text cannot be read as an answer.
        message: One or two sentences in Markdown, with the reason if the answer is wrong.
        solution: The worked solution in Markdown and LaTeX; "" if ``right`` is None.
    """

    right: bool | None
    message: str
    solution: str = ""


def judge(question: Question, text: str) -> Feedback:
    """Return the feedback on a typed answer; a known mistake gets its own explanation."""
    right = f"**{answer_text(question, question.answer)}**"
    if text.strip() == GIVE_UP:
        return Feedback(False, f"The answer is {right}. Here is how it goes.", question.solution)
    try:
        answer = parse_answer(question, text)
    except UnreadableAnswer as error:
        return Feedback(None, str(error))
    if answer == question.answer:
        return Feedback(True, f"Right: {right}.", question.solution)
    why = dict(question.mistakes).get(answer) or _general_hint(question, answer)
    sentence = f"{answer_text(question, answer)} is not it. {why} The answer is {right}."
    return Feedback(False, sentence, question.solution)


def _general_hint(question: Question, answer: Answer) -> str:
    """Return a hint for a wrong answer that is not a known mistake."""
    correct = question.answer
    if isinstance(answer, int) or isinstance(correct, int):
        assert isinstance(answer, int)
        assert isinstance(correct, int)
        return _difference_hint(answer - correct)
    if question.form == "side" and answer[0] != answer[1]:
        return "Everything is the same for height and width here, so the answer is square."
    if question.form == "cells":
        missing, more = sorted(set(correct) - set(answer)), sorted(set(answer) - set(correct))
        parts = [f"missing: {', '.join(map(str, missing))}"] if missing else []
        parts += [f"too many: {', '.join(map(str, more[:12]))}"] if more else []
        text = "; ".join(parts)
        return f"{sentence_case(text)}.".replace("-", "−")
    names = ("height", "width")
    wrong = [n for n, a, b in zip(names, answer, correct, strict=True) if a != b]
    if len(wrong) == 1:
        return f"One of the two is right; the {wrong[0]} is not."
    return _difference_hint(answer[0] - correct[0])


def _difference_hint(difference: int) -> str:
    """Return a hint from the wrong answer minus the correct one."""
    if difference == 1:
        return "One too many."
    if difference == -1:
        return "One too few."
    return "Too large." if difference > 0 else "Too small."
