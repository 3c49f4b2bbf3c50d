"""What a page's state is made of: parameters, each declared once, and the frozen spec of them all.

A page declares a subclass of `Settings`. Each of its fields is one parameter: the field's name is
the name in the link and the key of the control; the maker behind it (`number`, `choice`, …) says
the default, the bounds or options, and the label. Nothing here knows Streamlit.

    @dataclass(frozen=True)
    class ShiftSettings(PictureSettings):
        stride: int = number(2, 2, 8, "stride — step", kind="slider", unit="px")
        relu: bool = switch(label="ReLU after the convolution")
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any, Self

from viz.lessons.tour import TOUR

MAX_TEXT = 4000
"""Longest value of one parameter that is read, in characters."""


Options = Mapping[Any, str] | Sequence[Any] | Callable[[], Mapping[Any, str] | Sequence[Any]]
"""What can be chosen: value to label, values that are their own labels, or a function that
returns one of these, for what is not known before torch is loaded."""


@dataclass(frozen=True)
class Param:
    """One parameter: how a link carries its value, and what its control says.

    Attributes:
        name: in the URL, and the key of its widget.
        default: the value that is left out of the URL.
        parse: text to value; ValueError with the rest of the sentence "name …".
        format: value to text.
        typed: whatever is typed into its text field stands, right or wrong; the page says what is
            wrong.
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


@dataclass(frozen=True)
class Settings:
    """The state of a page: frozen, one field for each parameter of its link.

    A subclass may hold another group of settings in a field of its own, see `group`. Links and
    widgets name every parameter by one flat name, which ``settings[name]`` and `updated` take;
    code names the fields.
    """

    @classmethod
    def params(cls) -> tuple[Param, ...]:
        """Every parameter of the link, those of groups with their suffix."""
        return _params(cls)  # type: ignore[arg-type]  # classes are hashable

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """The settings of flat names; other names are passed over, missing ones take defaults."""
        chosen: dict[str, Any] = {}
        for name, suffix, part in _fields(cls):
            if part is not None:
                inner = {key: key + suffix for key in (p.name for p in part.params())}
                flat = {key: values[outer] for key, outer in inner.items() if outer in values}
                chosen[name] = part.of(flat)
            elif name in values:
                chosen[name] = values[name]
        return cls(**chosen)

    @property
    def flat(self) -> dict[str, Any]:
        """The values by the names in the link."""
        values: dict[str, Any] = {}
        for name, suffix, part in _fields(type(self)):
            value = getattr(self, name)
            if part is None:
                values[name] = value
            else:
                values |= {key + suffix: each for key, each in value.flat.items()}
        return values

    def __getitem__(self, name: str) -> Any:
        """The value of a parameter by its name in the link, where that is known at run time only.

        Raises:
            KeyError: there is no such parameter.
        """
        if name in self.__dataclass_fields__:
            return getattr(self, name)
        return self.flat[name]

    def updated(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> Self:
        """The settings with other values, by the names in the link; unknown names are passed over.

        `dataclasses.replace` does the same by field, and lets mypy check the names.
        """
        return type(self).of({**self.flat, **(values or {}), **more})

    @classmethod
    def defaults(cls, *apart: str) -> dict[str, Any]:
        """The default of every parameter but those that are named."""
        return {param.name: param.default for param in cls.params() if param.name not in apart}

    @classmethod
    def decoded(cls, query: Mapping[str, str]) -> tuple[Self, list[str]]:
        """The settings of a link, and one clause for each of its parameters that was ignored."""
        values, ignored = decode(cls.params(), query)
        return cls.of(values), ignored

    def query(self) -> dict[str, str]:
        """The URL parameters of a link that opens the page with these settings."""
        return query(self.params(), self.flat)


def _fields(cls: type[Settings]) -> tuple[tuple[str, str, type[Settings] | None], ...]:
    """(name, suffix, class of a group or None) of every field of a class of settings."""
    return tuple(
        (each.name, each.metadata.get("suffix", ""), each.metadata.get("group"))
        for each in fields(cls)
    )


@cache
def _params(cls: type[Settings]) -> tuple[Param, ...]:
    params: list[Param] = []
    for each in fields(cls):
        if part := each.metadata.get("group"):
            suffix = each.metadata["suffix"]
            params += (replace(param, name=param.name + suffix) for param in part.params())
        else:
            params.append(replace(each.metadata["param"], name=each.name))
    return tuple(params)


def group(cls: type[Settings], suffix: str) -> Any:
    """A field that holds another group of settings; links name them with the suffix."""
    return field(default_factory=cls, metadata={"group": cls, "suffix": suffix})


def setting(param: Param) -> Any:
    """A field of `Settings` that is this parameter; its name is the field's."""
    metadata = {"param": param}
    if isinstance(param.default, list):
        return field(default_factory=param.default.copy, metadata=metadata)
    return field(default=param.default, metadata=metadata)


def inherited(cls: type[Settings], name: str, default: Any = None) -> Any:
    """A field that is the parameter of another class of settings, with a default of its own.

    Args:
        cls: the other class.
        name: of the parameter.
        default: the other class's where it is None.
    """
    param = next(param for param in cls.params() if param.name == name)
    return setting(param if default is None else replace(param, default=default))


def text(
    default: Any, parse: Callable[[str], Any], format: Callable[[Any], str] = str, **control: Any
) -> Any:
    """A value that a link carries in a form of its own.

    Args:
        default: left out of the URL.
        parse: text to value; ValueError with the rest of the sentence "name …".
        format: value to text.
        control: other attributes of `Param`.
    """
    return setting(Param("", default, parse, format, **control))


def _control(kind: str, label: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Attributes of `Param` that say how it is drawn; without a label it has no control."""
    return {"kind": kind if label else "", "label": label, **attributes}


def number(default: int, low: int, high: int, label: str = "", **control: Any) -> Any:
    """A whole number in [low, high]."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"must be a whole number from {low} to {high}") from None
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}")
        return value

    return setting(
        Param("", default, parse, **_control("number", label, control), low=low, high=high)
    )


def decimal(default: float, low: float, high: float, label: str = "", **control: Any) -> Any:
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

    return setting(
        Param("", default, parse, plain, **_control("number", label, control), low=low, high=high)
    )


def plain(value: float) -> str:
    """The short text of a number where it reads back as the same number, else all its digits."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def choice(default: Any, options: Options, label: str = "", rule: str = "", **control: Any) -> Any:
    """One of the options, texts or whole numbers.

    Args:
        default, label: of the parameter.
        options: what can be chosen.
        rule: the rest of the sentence "must be …"; names the options where it is empty.
        control: other attributes of `Param`.
    """

    def parse(text: str) -> Any:
        values = {str(value): value for value in param.labels}
        if text not in values:
            raise ValueError(f"must be {rule or 'one of ' + ', '.join(filter(None, values))}")
        return values[text]

    param = Param("", default, parse, **_control("select", label, control), options=options)
    return setting(param)


def labeled_choice(labels: Mapping[str, str], default: str = "", **control: Any) -> Any:
    """A choice whose widget holds the label, and whose link the name: the open tab of a page.

    Args:
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
    return text(first, parse, names.__getitem__, options=list(names), **control)


def switch(default: bool = False, label: str = "", **control: Any) -> Any:
    """true or false."""

    def parse(text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"

    def format(value: bool) -> str:
        return "true" if value else "false"

    return text(default, parse, format, **_control("toggle", label, control))


def pattern(default: str, regex: str, rule: str, **control: Any) -> Any:
    """A text of ASCII letters that the whole of a regular expression fits; ``rule`` says which."""

    def parse(text: str) -> str:
        if not re.fullmatch(regex, text, re.ASCII):
            raise ValueError(f"must be {rule}")
        return text

    return text(default, parse, **control)


@dataclass(frozen=True)
class ShellSettings(Settings):
    """Parameters that belong to every page: presentation mode, and the stop of the guided tour."""

    present: bool = switch()
    tour: int = number(0, 1, len(TOUR))


SHELL = ShellSettings.params()
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
