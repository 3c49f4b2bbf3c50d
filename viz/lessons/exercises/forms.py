"""Typed answers, read with care. What cannot be read is told apart from what is wrong.

Read are full-width and other decimal digits, spaces, units behind the number, thousands with a
comma, space, apostrophe or underscore, sizes with ×, x, *, comma, semicolon, "by" or space
between, brackets around, indices with ranges (both ends count). Not read is what could mean two
things: ``9.4k``, ``1.234`` (a point is a decimal point), ``2:5`` (Python leaves the end out).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from viz.lessons.exercises.question import Answer, Draft, answer_format, letter

MAX_TEXT = 200
"""Longest answer that is read, in characters."""
_DIGITS = r"\d{1,12}"
_GROUPED = re.compile(r"(-?)(\d{1,3}(?:([, '_])\d{3})(?:\3\d{3})*|\d{1,12})(?:\.0*)?")
_UNITS = re.compile(
    r"(?<![a-z])(px|pixels?|columns?|rows?|units?|parameters?|params?|weights?|macs?|cells?|cols?)\b\.?"
)
_CROSS = re.compile(r"\s*(?:[x×✕✖⨯х*;,]|\bby\b)\s*|\s+")
_RANGE = re.compile(r"(-?\d{1,6})\s*(?:-|to|\.{2,}|…)\s*(-?\d{1,6})")
_NONE = {"none", "no", "nothing", "empty", "{}", "[]", "()", "∅", "-"}
_MANY = 1000
_MARKS = str.maketrans({"−": "-", "–": "-", "—": "-", "‑": "-", "’": "'", "٬": ",", "\u00a0": " "})


class Unreadable(ValueError):  # noqa: N818
    """The text is no answer of the form; its message says what would be."""


def read(draft: Draft, text: str) -> Answer:
    """The answer that a text gives.

    Raises:
        Unreadable: it is none of the question's form.
    """
    if len(text) > MAX_TEXT:
        raise Unreadable(f"That is too long. Type {answer_format(draft)}.")
    cleaned = _cleaned(text)
    if not cleaned:
        raise Unreadable(f"Type {answer_format(draft)}.")
    return _READERS[draft.form](draft, cleaned)


def _cleaned(text: str) -> str:
    """Lower case, plain digits and signs, single spaces, no unit and no sentence around it."""
    plain = unicodedata.normalize("NFKC", text).translate(_MARKS).lower()
    plain = "".join(
        str(unicodedata.decimal(c)) if unicodedata.decimal(c, None) is not None else c
        for c in plain
    )
    plain = re.sub(r"torch\.size", "", plain).strip().strip(".=!").strip()
    return re.sub(r"\s+", " ", plain)


def _without_brackets(text: str) -> str:
    while len(text) > 1 and (text[0], text[-1]) in (("(", ")"), ("[", "]"), ("{", "}")):
        text = text[1:-1].strip()
    return text


def _number(draft: Draft, text: str) -> int:
    bare = _without_brackets(_UNITS.sub("", text).strip())
    bare = re.sub(r"^-\s+", "-", bare)
    if match := _GROUPED.fullmatch(bare):
        return int(match[1] + re.sub(r"\D", "", match[2]))
    if re.fullmatch(r"-?\d*\.\d+", bare):
        raise Unreadable(
            "A point is read as a decimal point, and the answer has no decimals. Type "
            f"{answer_format(draft)}."
        )
    if re.fullmatch(r"-?[\d.,]+ ?(k|m|g|e\d+)", bare):
        raise Unreadable(f"All digits are asked for. Type {answer_format(draft)}.")
    raise Unreadable(f"That could not be read. Type {answer_format(draft)}.")


def _sides(text: str) -> list[int] | None:
    """The whole numbers between crosses, commas or spaces; None where it is something else."""
    bare = _without_brackets(_UNITS.sub("", text).strip())
    parts = [part for part in _CROSS.split(bare) if part]
    if not parts or not all(re.fullmatch(rf"{_DIGITS}(?:\.0*)?", part) for part in parts):
        return None
    return [int(part.split(".")[0]) for part in parts]


def _side(draft: Draft, text: str) -> tuple[int, int]:
    """One side, or both."""
    sides = _sides(text)
    if sides and len(sides) == 2 and (sides[0] == sides[1] or not _thousands(text)):
        return sides[0], sides[1]
    if sides and len(sides) > 2 and not _thousands(text):
        raise Unreadable(
            f"Height and width alone are asked for, without channels. Type {answer_format(draft)}."
        )
    side = _number(draft, text)
    return side, side


def _thousands(text: str) -> bool:
    match = _GROUPED.fullmatch(_without_brackets(_UNITS.sub("", text).strip()))
    return bool(match and match[3])


def _pair(draft: Draft, text: str) -> tuple[int, int]:
    sides = _sides(text)
    if sides is None:
        raise Unreadable(f"That could not be read. Type {answer_format(draft)}.")
    if len(sides) != 2:
        raise Unreadable(f"Two numbers are asked for. Type {answer_format(draft)}.")
    return sides[0], sides[1]


def _choice(draft: Draft, text: str) -> int:
    bare = re.sub(r"^(?:line|option|answer)\s+", "", _without_brackets(text).rstrip(").:")).strip()
    for index, option in enumerate(draft.options):
        if bare == letter(index).lower() or text == _cleaned(option):
            return index
    raise Unreadable(f"That could not be read. Type {answer_format(draft)}.")


def _cells(draft: Draft, text: str) -> tuple[int, ...]:
    bare = text if text in _NONE else _without_brackets(_UNITS.sub("", text).strip())
    if bare in _NONE:
        return ()
    cells: set[int] = set()
    for first, last in _ends(draft, bare):
        if last < first or last - first > _MANY:
            raise Unreadable(
                f"A range goes from the smaller to the larger. Type {answer_format(draft)}."
            )
        cells.update(range(first, last + 1))
    return tuple(sorted(cells))


def _ends(draft: Draft, text: str) -> list[tuple[int, int]]:
    """Single numbers and ranges as (first, last)."""
    if ":" in text:
        raise Unreadable(
            f"A range is written with a dash and counts both ends. Type {answer_format(draft)}."
        )
    rest = _RANGE.sub(" ", text)
    rest = re.sub(r"\band\b|[,;&+]", " ", rest)
    if not re.fullmatch(r"(?:\s*-?\d{1,6}(?=\s|$))*\s*", rest):
        raise Unreadable(f"That could not be read. Type {answer_format(draft)}.")
    ends = [(int(a), int(b)) for a, b in _RANGE.findall(text)]
    return ends + [(int(one), int(one)) for one in rest.split()]


_READERS: dict[str, Callable[[Draft, str], Answer]] = {
    "number": _number,
    "side": _side,
    "pair": _pair,
    "choice": _choice,
    "cells": _cells,
}
