"""A tolerant parser for typed answers, which keeps unreadable texts apart from wrong answers.

It accepts full-width and other decimal digits, spaces, units after the number, thousands separated
by comma, space, apostrophe or underscore, sizes separated by ×, x, *, comma, semicolon, "by" or a
space, brackets around them, and ranges of indices that include both ends. It rejects what has two
meanings: ``9.4k``, ``1.234`` (a point is a decimal point) and ``2:5`` (Python excludes the end).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from viz.lessons.exercises.question import Answer, QuestionContent, answer_format, letter

MAX_TEXT = 200
"""Length of the longest text that is parsed, in characters."""
_DIGITS = r"\d{1,12}"
_WHOLE_NUMBER = re.compile(r"(-?)(\d{1,3}(?:([, '_])\d{3})(?:\3\d{3})*|\d{1,12})(?:\.0*)?")
_UNITS = re.compile(
    r"(?<![a-z])(px|pixels?|columns?|rows?|units?|parameters?|params?|weights?|macs?|cells?|cols?)\b\.?"
)
_SEPARATOR = re.compile(r"\s*(?:[x×✕✖⨯х*;,]|\bby\b)\s*|\s+")
_RANGE = re.compile(r"(-?\d{1,6})\s*(?:-|to|\.{2,}|…)\s*(-?\d{1,6})")
_EMPTY_WORDS = {"none", "no", "nothing", "empty", "{}", "[]", "()", "∅", "-"}
_MAX_RANGE = 1000
_PLAIN_CHARACTERS = str.maketrans(
    {"−": "-", "–": "-", "—": "-", "‑": "-", "’": "'", "٬": ",", "\u00a0": " "}
)


class UnreadableAnswer(ValueError):  # noqa: N818
    """The text is not an answer in the question's form; the message says how to write one."""


def parse_answer(question: QuestionContent, text: str) -> Answer:
    """Return the answer that a text means.

    Raises:
        UnreadableAnswer: The text is not an answer in the question's form.
    """
    if len(text) > MAX_TEXT:
        raise UnreadableAnswer(f"That is too long. Type {answer_format(question)}.")
    cleaned = _normalized(text)
    if not cleaned:
        raise UnreadableAnswer(f"Type {answer_format(question)}.")
    return _PARSERS[question.form](question, cleaned)


def _normalized(text: str) -> str:
    """Return the text in lower case with ASCII digits and signs, and without outer punctuation."""
    plain = unicodedata.normalize("NFKC", text).translate(_PLAIN_CHARACTERS).lower()
    plain = "".join(
        str(unicodedata.decimal(c)) if unicodedata.decimal(c, None) is not None else c
        for c in plain
    )
    plain = re.sub(r"torch\.size", "", plain).strip().strip(".=!").strip()
    return re.sub(r"\s+", " ", plain)


def _without_brackets(text: str) -> str:
    """Return the text without the pairs of brackets that enclose it."""
    while len(text) > 1 and (text[0], text[-1]) in (("(", ")"), ("[", "]"), ("{", "}")):
        text = text[1:-1].strip()
    return text


def _parse_number(question: QuestionContent, text: str) -> int:
    """Return a whole number; raises UnreadableAnswer with a hint for decimals and units like k."""
    bare = _without_brackets(_UNITS.sub("", text).strip())
    bare = re.sub(r"^-\s+", "-", bare)
    if match := _WHOLE_NUMBER.fullmatch(bare):
        return int(match[1] + re.sub(r"\D", "", match[2]))
    if re.fullmatch(r"-?\d*\.\d+", bare):
        raise UnreadableAnswer(
            "A point is read as a decimal point, and the answer has no decimals. Type "
            f"{answer_format(question)}."
        )
    if re.fullmatch(r"-?[\d.,]+ ?(k|m|g|e\d+)", bare):
        raise UnreadableAnswer(f"All digits are asked for. Type {answer_format(question)}.")
    raise UnreadableAnswer(f"That could not be read. Type {answer_format(question)}.")


def _parse_sides(text: str) -> list[int] | None:
    """Return whole numbers that are separated by ×, commas or spaces; None for another text."""
    bare = _without_brackets(_UNITS.sub("", text).strip())
    parts = [part for part in _SEPARATOR.split(bare) if part]
    if not parts or not all(re.fullmatch(rf"{_DIGITS}(?:\.0*)?", part) for part in parts):
        return None
    return [int(part.split(".")[0]) for part in parts]


def _parse_side(question: QuestionContent, text: str) -> tuple[int, int]:
    """Return (height, width) from one number, which stands for both, or from two."""
    sides = _parse_sides(text)
    if sides and len(sides) == 2 and (sides[0] == sides[1] or not _has_thousands_separator(text)):
        return sides[0], sides[1]
    if sides and len(sides) > 2 and not _has_thousands_separator(text):
        raise UnreadableAnswer(
            f"Height and width alone are asked for, without channels. Type {answer_format(question)}."
        )
    side = _parse_number(question, text)
    return side, side


def _has_thousands_separator(text: str) -> bool:
    """Return whether the text is a single number such as ``1,234``."""
    match = _WHOLE_NUMBER.fullmatch(_without_brackets(_UNITS.sub("", text).strip()))
    return bool(match and match[3])


def _parse_pair(question: QuestionContent, text: str) -> tuple[int, int]:
    """Return (height, width) from two numbers."""
    sides = _parse_sides(text)
    if sides is None:
        raise UnreadableAnswer(f"That could not be read. Type {answer_format(question)}.")
    if len(sides) != 2:
        raise UnreadableAnswer(f"Two numbers are asked for. Type {answer_format(question)}.")
    return sides[0], sides[1]


def _parse_choice(question: QuestionContent, text: str) -> int:
    """Return the index of an option from its letter or its text."""
    bare = re.sub(r"^(?:line|option|answer)\s+", "", _without_brackets(text).rstrip(").:")).strip()
    for index, option in enumerate(question.options):
        if bare == letter(index).lower() or text == _normalized(option):
            return index
    raise UnreadableAnswer(f"That could not be read. Type {answer_format(question)}.")


def _parse_cells(question: QuestionContent, text: str) -> tuple[int, ...]:
    """Return ascending indices from numbers and ranges, or from a word such as "none"."""
    bare = text if text in _EMPTY_WORDS else _without_brackets(_UNITS.sub("", text).strip())
    if bare in _EMPTY_WORDS:
        return ()
    cells: set[int] = set()
    for first, last in _parse_ranges(question, bare):
        if last < first or last - first > _MAX_RANGE:
            raise UnreadableAnswer(
                f"A range goes from the smaller to the larger. Type {answer_format(question)}."
            )
        cells.update(range(first, last + 1))
    return tuple(sorted(cells))


def _parse_ranges(question: QuestionContent, text: str) -> list[tuple[int, int]]:
    """Return numbers and ranges as (first, last), both included."""
    if ":" in text:
        raise UnreadableAnswer(
            f"A range is written with a dash and counts both ends. Type {answer_format(question)}."
        )
    rest = _RANGE.sub(" ", text)
    rest = re.sub(r"\band\b|[,;&+]", " ", rest)
    if not re.fullmatch(r"(?:\s*-?\d{1,6}(?=\s|$))*\s*", rest):
        raise UnreadableAnswer(f"That could not be read. Type {answer_format(question)}.")
    ends = [(int(a), int(b)) for a, b in _RANGE.findall(text)]
    return ends + [(int(one), int(one)) for one in rest.split()]


_PARSERS: dict[str, Callable[[QuestionContent, str], Answer]] = {
    "number": _parse_number,
    "side": _parse_side,
    "pair": _parse_pair,
    "choice": _parse_choice,
    "cells": _parse_cells,
}
