"""The parameters of a link: how each is read, and how it is written. No Streamlit here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from viz.lessons.tour import TOUR

Values = Mapping[str, Any]
"""Name of each parameter: its value."""
MAX_TEXT = 4000
"""Longest value of one parameter that is read, in characters."""


Options = Mapping[Any, str] | Sequence[Any] | Callable[[], Mapping[Any, str] | Sequence[Any]]
"""What can be chosen: value to label, values that are their own labels, or a function that
returns one of these, for what is not known before torch is loaded."""


@dataclass(frozen=True)
class Param:
    """One value of the page's state: how a link has it, and what its control says.

    Attributes:
        name: in the URL, and the key of its widget.
        default: left out of the URL.
        parse: text to value; ValueError with the rest of the sentence "name …".
        format: value to text.
        typed: what is typed into its text field stands, right or not; the page says what is wrong.
        kind: of its control, see `viz.page.widgets`.
        label: of its control, without the bounds.
        unit: of a number.
        help: shown beside the control on request.
        low, high: bounds of a number, both allowed.
        step: from one number to the next.
        options: what can be chosen.
    """

    name: str
    default: Any
    parse: Callable[[str], Any]
    format: Callable[[Any], str] = str
    typed: bool = False
    kind: str = ""
    label: str = ""
    unit: str = ""
    help: str | None = None
    low: float | None = None
    high: float | None = None
    step: float | None = None
    options: Options = ()

    def allows(self, value: Any) -> bool:
        """Whether a value that the browser sent keeps to the rules of a link."""
        if self.typed:
            return isinstance(value, str)
        try:
            return bool(value == self.default or self.parse(self.format(value)) == value)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return False

    @property
    def labels(self) -> dict[Any, str]:
        """What can be chosen: value to label."""
        options = self.options() if callable(self.options) else self.options
        return dict(options) if isinstance(options, Mapping) else {o: str(o) for o in options}


def _control(kind: str, label: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of `Param` that say how it is drawn; without a label it has no control."""
    return {"kind": kind if label else "", "label": label, **attributes}


def number(name: str, default: int, low: int, high: int, label: str = "", **control: Any) -> Param:
    """A whole number in [low, high]."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"must be a whole number from {low} to {high}") from None
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}")
        return value

    return Param(name, default, parse, **_control("number", label, control), low=low, high=high)


def decimal(
    name: str, default: float, low: float, high: float, label: str = "", **control: Any
) -> Param:
    """A number in [low, high]."""
    low, high = float(low), float(high)

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            raise ValueError(f"must be a number from {low:g} to {high:g}") from None
        if not low <= value <= high:  # refuses NaN too
            raise ValueError(f"must be from {low:g} to {high:g}")
        return value

    return Param(
        name, default, parse, plain, **_control("number", label, control), low=low, high=high
    )


def plain(value: float) -> str:
    """The short text of a number where it reads back as the same number, else all its digits."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def choice(
    name: str, default: Any, options: Options, label: str = "", rule: str = "", **control: Any
) -> Param:
    """One of the options, texts or whole numbers.

    Args:
        name, default, label: of the parameter.
        options: what can be chosen.
        rule: the rest of the sentence "must be …"; names the options where it is empty.
        control: other attributes of `Param`.
    """

    def parse(text: str) -> Any:
        values = {str(value): value for value in param.labels}
        if text not in values:
            raise ValueError(f"must be {rule or 'one of ' + ', '.join(filter(None, values))}")
        return values[text]

    param = Param(name, default, parse, **_control("select", label, control), options=options)
    return param


def labelled(name: str, labels: Mapping[str, str], default: str = "", **control: Any) -> Param:
    """A choice whose widget holds the label, and whose link the name: the open tab of a page.

    Args:
        name: of the parameter.
        labels: name in the link: label on the page.
        default: a name; the first where it is empty.
        control: other attributes of `Param`.
    """
    names = {label: key for key, label in labels.items()}

    def parse(text: str) -> str:
        if text not in labels:
            raise ValueError(f"must be one of {', '.join(labels)}")
        return labels[text]

    first = labels[default or next(iter(labels))]
    return Param(name, first, parse, names.__getitem__, options=list(names), **control)


def switch(name: str, default: bool = False, label: str = "", **control: Any) -> Param:
    """true or false."""

    def parse(text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"

    def format(value: bool) -> str:
        return "true" if value else "false"

    return Param(name, default, parse, format, **_control("toggle", label, control))


def pattern(name: str, default: str, regex: str, rule: str, **control: Any) -> Param:
    """A text of ASCII letters that the whole of a regular expression fits; ``rule`` says which."""

    def parse(text: str) -> str:
        if not re.fullmatch(regex, text, re.ASCII):
            raise ValueError(f"must be {rule}")
        return text

    return Param(name, default, parse, **control)


SHELL = (switch("present"), number("tour", 0, 1, len(TOUR)))
"""Parameters that belong to every page: presentation mode, and the stop of the guided tour."""
SHELL_NAMES = frozenset(param.name for param in SHELL)


def defaults(params: Sequence[Param], *apart: str) -> dict[str, Any]:
    """The default of every parameter but those that are named."""
    return {param.name: param.default for param in params if param.name not in apart}


def decode(params: Sequence[Param], query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values of a link, and one clause for each of its parameters that was ignored.

    Those of `SHELL` are nobody's mistake, and not read unless they are asked for.
    """
    values = defaults(params)
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
