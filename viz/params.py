"""The parameters of a link: how each is read, and how it is written. No Streamlit here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viz.lessons.tour import TOUR

MAX_TEXT = 4000
"""Longest value of one parameter that is read, in characters."""


@dataclass(frozen=True)
class Param:
    """One value of the page's state.

    Attributes:
        name: in the URL, and the key of its widget.
        default: left out of the URL.
        parse: text to value; ValueError with the rest of the sentence "name …".
        format: value to text.
        typed: what is typed into its text field stands, right or not; the page says what is wrong.
    """

    name: str
    default: Any
    parse: Callable[[str], Any]
    format: Callable[[Any], str] = str
    typed: bool = False

    def allows(self, value: Any) -> bool:
        """Whether a value that the browser sent keeps to the rules of a link."""
        if self.typed:
            return isinstance(value, str)
        try:
            return bool(value == self.default or self.parse(self.format(value)) == value)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return False


def number(name: str, default: int, low: int, high: int) -> Param:
    """A whole number in [low, high]."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"must be a whole number from {low} to {high}") from None
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}")
        return value

    return Param(name, default, parse)


def decimal(name: str, default: float, low: float, high: float) -> Param:
    """A number in [low, high]."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"must be a number from {low:g} to {high:g}") from None
        if not low <= value <= high:  # refuses NaN too
            raise ValueError(f"must be from {low:g} to {high:g}")
        return value

    return Param(name, default, parse, plain)


def plain(value: float) -> str:
    """The short text of a number where it reads back as the same number, else all its digits."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def choice(name: str, default: str, options: Sequence[str]) -> Param:
    """One of the options."""

    def parse(text: str) -> str:
        if text not in options:
            raise ValueError(f"must be one of {', '.join(options)}")
        return text

    return Param(name, default, parse)


def switch(name: str, default: bool = False) -> Param:
    """true or false."""

    def parse(text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"

    return Param(name, default, parse, lambda value: "true" if value else "false")


SHELL = (switch("present"), number("tour", 0, 1, len(TOUR)))
"""Parameters that belong to every page: presentation mode, and the stop of the guided tour."""
SHELL_NAMES = frozenset(param.name for param in SHELL)


def decode(params: Sequence[Param], query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values of a link, and one clause for each of its parameters that was ignored.

    Those of `SHELL` are nobody's mistake, and not read unless they are asked for.
    """
    values = {param.name: param.default for param in params}
    ignored = [
        f"`{_shown(name)}` is no setting of this page"
        for name in query
        if name not in values and name not in SHELL_NAMES
    ]
    for param in params:
        text = query.get(param.name)
        if text is None:
            continue
        try:
            if len(text) > MAX_TEXT:  # cut short, a list of cells would read as another one
                raise ValueError(f"must have at most {MAX_TEXT} characters")
            values[param.name] = param.parse(text)
        except ValueError as error:
            why = str(error).translate(_HARMLESS)
            ignored.append(f"`{param.name}` {why} (got `{_shown(text)}`)")
    return values, ignored


_HARMLESS = {ord(c): f"\\{c}" for c in "`$<>[]"}
"""What Markdown would make something of, where a sentence quotes a visitor's text."""


def _shown(text: str) -> str:
    """A visitor's text, short and harmless inside Markdown code."""
    kept = "".join(c for c in text if c.isprintable() and c not in "`$<>[]\\")
    return kept if len(kept) <= 40 else kept[:40] + "…"


def query(params: Sequence[Param], values: Mapping[str, Any]) -> dict[str, str]:
    """The URL parameters of a link that opens the page with these values.

    A text that is too long for a link is left out; the page has to say so.
    """
    return {
        p.name: text
        for p in params
        if p.name in values
        and values[p.name] != p.default
        and len(text := p.format(values[p.name])) <= MAX_TEXT
    }
