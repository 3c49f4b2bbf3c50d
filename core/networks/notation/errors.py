"""Errors of reading a text as a network, with their position and a suggestion."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from ...errors import SpecError

MAX_QUOTED_LENGTH = 40
"""Largest number of characters of the offending text that a message repeats."""


class NotationError(SpecError):
    """A text that cannot be read as a network.

    Attributes:
        line, column: position of the offending text, both from 1.
        suggestion: what to write instead; may be empty.
    """

    def __init__(
        self,
        parameter: str,
        rule: str,
        value: object,
        line: int,
        column: int,
        suggestion: str = "",
    ) -> None:
        super().__init__(parameter, rule, shortened(value))
        self.args = (parameter, rule, self.value, line, column, suggestion)
        self.line = line
        self.column = column
        self.suggestion = suggestion

    def __str__(self) -> str:
        meant = f"; {self.suggestion}" if self.suggestion else ""
        return f"line {self.line}, column {self.column}: {super().__str__()}{meant}"


def shortened(value: object) -> object:
    """A text cut to the length of a message, with unprintable characters escaped."""
    if not isinstance(value, str):
        text = str(value)
        return value if len(text) <= 2 * MAX_QUOTED_LENGTH else f"{text[:MAX_QUOTED_LENGTH]}…"
    text = "".join(
        each if each.isprintable() else ascii(each)[1:-1] for each in value[: MAX_QUOTED_LENGTH + 1]
    )
    return text if len(value) <= MAX_QUOTED_LENGTH else f"{text[:MAX_QUOTED_LENGTH]}…"


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """(line, column), both from 1, of the character at an offset."""
    start = text.rfind("\n", 0, offset) + 1
    return text.count("\n", 0, offset) + 1, offset - start + 1


def error_at(
    text: str, offset: int, parameter: str, rule: str, value: object, suggestion: str = ""
) -> NotationError:
    """The error for the part of ``text`` that begins at an offset; see `NotationError`."""
    return NotationError(parameter, rule, value, *line_and_column(text, offset), suggestion)


def most_similar(word: str, options: Iterable[str], likeness: float = 0.6) -> str:
    """The option most similar to ``word``; empty if none has a similarity of ``likeness``."""
    matches = get_close_matches(word[:MAX_QUOTED_LENGTH].lower(), list(options), 1, likeness)
    return matches[0] if matches else ""


def did_you_mean(word: str, options: Iterable[str], rest: str = "") -> str:
    """``"did you mean …?"`` with the most similar option and ``rest``; empty if none is similar."""
    match = most_similar(word, options)
    return f"did you mean {match}{rest}?" if match else ""
