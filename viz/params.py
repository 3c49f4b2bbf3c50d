"""The parameters of a page: each is declared once, as a field of a frozen dataclass.

A page declares a subclass of `Settings`. Each of its fields is one parameter: the field's name is
the name in the link and the key of the widget; the function that makes the field (`number`,
`choice`, …) takes the default, the bounds or options, and the label. This module does not import
Streamlit.

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
"""Longest value of a parameter that a link may carry, in characters."""

Options = Mapping[Any, str] | Sequence[Any] | Callable[[], Mapping[Any, str] | Sequence[Any]]
"""The options of a choice: a mapping from value to label, values that are their own labels, or a
function that returns one of these, for options that need torch to be loaded."""


@dataclass(frozen=True)
class Param:
    """One parameter: how a link carries its value, and what its widget shows.

    Attributes:
        name: Name in the URL, and key of the widget.
        default: Value that is left out of the URL.
        parse: Turns the text of a link into the value; its ValueError holds the rest of the
            sentence "name …".
        format: Turns a value into the text of a link.
        typed: True if the page accepts any text that is typed, and says itself what is wrong.
        kind: Kind of widget: "slider", "number", "toggle", "text", "multiselect", or "choice" for
            one of several options, see `viz.page.widgets.choice_method`; "" for no widget.
        label: Label of the widget, without the bounds.
        unit: Unit of a number.
        help: Text that the widget shows on request.
        low, high: Lowest and highest number that is allowed.
        step: Distance from one number to the next.
        options: Options of a choice.
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
        """Whether a link could carry this value; a browser can send any other."""
        if self.typed:
            return isinstance(value, str)
        try:
            return bool(value == self.default or self.parse(self.format(value)) == value)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            return False

    @property
    def labels(self) -> dict[Any, str]:
        """The options as a mapping from value to label."""
        options = self.options() if callable(self.options) else self.options
        return dict(options) if isinstance(options, Mapping) else {o: str(o) for o in options}


@dataclass(frozen=True)
class Settings:
    """The state of a page: a frozen dataclass with one field for each parameter of its link.

    A subclass may hold a second set of settings in one field, see `group`. Links and widgets
    give each of its parameters a flat name with a suffix (``stride_b`` for ``second.stride``);
    ``settings[name]``, `of`, `flat` and `updated` use the flat names.
    """

    @classmethod
    def params(cls) -> tuple[Param, ...]:
        """All parameters of the link by flat name, in the order of the fields."""
        return _params(cls)  # type: ignore[arg-type]  # classes are hashable

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Settings from values by flat name; missing ones get defaults, unknown names are ignored."""
        chosen: dict[str, Any] = {}
        for name, suffix, part in _fields(cls):  # type: ignore[arg-type]  # hashable
            if part is not None:
                names = ((each.name, each.name + suffix) for each in part.params())
                chosen[name] = part.of({n: values[outer] for n, outer in names if outer in values})
            elif name in values:
                chosen[name] = values[name]
        return cls(**chosen)

    @property
    def flat(self) -> dict[str, Any]:
        """All values by flat name."""
        values: dict[str, Any] = {}
        for name, suffix, part in _fields(type(self)):  # type: ignore[arg-type]  # hashable
            value = getattr(self, name)
            if part is None:
                values[name] = value
            else:
                values |= {key + suffix: each for key, each in value.flat.items()}
        return values

    def __getitem__(self, name: str) -> Any:
        """The value of a parameter by its flat name, for code that gets the name at run time.

        Raises:
            KeyError: There is no such parameter.
        """
        if name in self.__dataclass_fields__:
            return getattr(self, name)
        return self.flat[name]

    def updated(self, values: Mapping[str, Any] | None = None, /, **more: Any) -> Self:
        """A copy with other values, by flat name; unknown names are ignored.

        Where the names are fixed, `dataclasses.replace` is better: mypy checks its names.
        """
        changes = {**(values or {}), **more}
        if changes.keys() <= self.__dict__.keys():  # no name of a group: the usual case, and fast
            return replace(self, **changes)
        return type(self).of({**self.flat, **changes})

    @classmethod
    def defaults(cls, *excluded: str) -> dict[str, Any]:
        """The default of each parameter by flat name, without the excluded names."""
        return {param.name: param.default for param in cls.params() if param.name not in excluded}

    @classmethod
    def decoded(cls, query: Mapping[str, str]) -> tuple[Self, list[str]]:
        """The settings of a link's parameters, and a clause for each parameter that was ignored."""
        values, ignored = decode(cls.params(), query)
        return cls.of(values), ignored

    def query(self) -> dict[str, str]:
        """The URL parameters of the link that opens the page with these settings."""
        return query(self.params(), self.flat)


@cache
def _fields(cls: type[Settings]) -> tuple[tuple[str, str, type[Settings] | None], ...]:
    """(name, suffix, settings class) of each field; the class is None unless the field is a group."""
    return tuple(
        (each.name, each.metadata.get("suffix", ""), each.metadata.get("group"))
        for each in fields(cls)
    )


@cache
def _params(cls: type[Settings]) -> tuple[Param, ...]:
    """All parameters of a class of settings by flat name; see `Settings.params`."""
    params: list[Param] = []
    for each in fields(cls):
        if part := each.metadata.get("group"):
            suffix = each.metadata["suffix"]
            params += (replace(param, name=param.name + suffix) for param in part.params())
        else:
            params.append(replace(each.metadata["param"], name=each.name))
    return tuple(params)


def group(cls: type[Settings], suffix: str) -> Any:
    """A field that holds other settings; links name their parameters with this suffix."""
    return field(default_factory=cls, metadata={"group": cls, "suffix": suffix})


def setting(param: Param) -> Any:
    """A field of `Settings` for a parameter; the parameter gets the field's name."""
    metadata = {"param": param}
    if isinstance(param.default, list):
        return field(default_factory=param.default.copy, metadata=metadata)
    return field(default=param.default, metadata=metadata)


def inherited(cls: type[Settings], name: str, default: Any = None) -> Any:
    """A field with the parameter of another class of settings, and if wanted another default.

    Args:
        cls: Class that declares the parameter.
        name: Name of the parameter there.
        default: Default of the new field; None for the default of the other class.
    """
    param = next(param for param in cls.params() if param.name == name)
    return setting(param if default is None else replace(param, default=default))


def text(
    default: Any, parse: Callable[[str], Any], format: Callable[[Any], str] = str, **control: Any
) -> Any:
    """A field whose value has its own text form in a link.

    Args:
        default: Value that is left out of the URL.
        parse: Turns text into the value; its ValueError holds the rest of the sentence "name …".
        format: Turns the value into text.
        control: Other attributes of `Param`.
    """
    return setting(Param("", default, parse, format, **control))


def _control_attributes(kind: str, label: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of `Param` that describe its widget; a parameter without a label has none."""
    return {"kind": kind if label else "", "label": label, **attributes}


def number(default: int, low: int, high: int, label: str = "", **control: Any) -> Any:
    """A field for a whole number in [low, high]."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(f"must be a whole number from {low} to {high}") from None
        if not low <= value <= high:
            raise ValueError(f"must be from {low} to {high}")
        return value

    return setting(
        Param(
            "", default, parse, **_control_attributes("number", label, control), low=low, high=high
        )
    )


def decimal(default: float, low: float, high: float, label: str = "", **control: Any) -> Any:
    """A field for a decimal number in [low, high]."""
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
        Param(
            "",
            default,
            parse,
            number_text,
            **_control_attributes("number", label, control),
            low=low,
            high=high,
        )
    )


def number_text(value: float) -> str:
    """A number with six digits if they read back as the same number, otherwise with all digits."""
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def choice(default: Any, options: Options, label: str = "", rule: str = "", **control: Any) -> Any:
    """A field for one of several options, which are texts or whole numbers.

    Args:
        default: Option that is left out of the URL.
        options: Options, see `Options`.
        label: Label of the widget; "" for no widget.
        rule: Rest of the sentence "must be …" for a wrong value; "" to list the options.
        control: Other attributes of `Param`.
    """

    def parse(text: str) -> Any:
        values = {str(value): value for value in param.labels}
        if text not in values:
            raise ValueError(f"must be {rule or 'one of ' + ', '.join(filter(None, values))}")
        return values[text]

    param = Param(
        "", default, parse, **_control_attributes("choice", label, control), options=options
    )
    return setting(param)


def labeled_choice(labels: Mapping[str, str], default: str = "", **control: Any) -> Any:
    """A field whose value is a label on the page, while links carry a short name for it.

    Streamlit's tabs have their labels as values, so this is used for the open tab of a page.

    Args:
        labels: Label on the page by name in the link.
        default: Name in the link of the default; "" for the first one.
        control: Other attributes of `Param`.
    """
    names = {label: key for key, label in labels.items()}

    def parse(text: str) -> str:
        if text not in labels:
            raise ValueError(f"must be one of {', '.join(labels)}")
        return labels[text]

    first = labels[default or next(iter(labels))]
    return text(first, parse, names.__getitem__, options=list(names), **control)


def switch(default: bool = False, label: str = "", **control: Any) -> Any:
    """A field for a truth value; links carry "true" or "false"."""

    def parse(text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("must be true or false")
        return text == "true"

    def format(value: bool) -> str:
        return "true" if value else "false"

    return text(default, parse, format, **_control_attributes("toggle", label, control))


def pattern(default: str, regex: str, rule: str, **control: Any) -> Any:
    """A field for a text that must match a regular expression as a whole, with ASCII classes.

    Args:
        default: Text that is left out of the URL.
        regex: The regular expression.
        rule: Rest of the sentence "must be …" for a text that does not match.
        control: Other attributes of `Param`.
    """

    def parse(text: str) -> str:
        if not re.fullmatch(regex, text, re.ASCII):
            raise ValueError(f"must be {rule}")
        return text

    return text(default, parse, **control)


@dataclass(frozen=True)
class ShellSettings(Settings):
    """Parameters that every page has: presentation mode, and the number of the tour's stop (0: none)."""

    present: bool = switch()
    tour: int = number(0, 1, len(TOUR))


SHELL = ShellSettings.params()
"""The parameters that every page has."""
SHELL_NAMES = frozenset(param.name for param in SHELL)


def decode(params: Sequence[Param], query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The values of a link by name, and a clause for each of its parameters that was ignored.

    The parameters of `SHELL` are valid on every page: they are never reported as unknown, and
    decoded only if ``params`` lists them.
    """
    values = {param.name: param.default for param in params}
    ignored = [
        f"`{_plain_excerpt(name)}` is no setting of this page"
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
            why = str(error).translate(_MARKDOWN_ESCAPES)
            ignored.append(f"`{param.name}` {why} (got `{_plain_excerpt(text)}`)")
    return values, ignored


_MARKDOWN_ESCAPES = {ord(c): f"\\{c}" for c in "`$<>[]"}
"""Escapes for the characters that have a meaning in Markdown, for a visitor's text in a sentence."""


def _plain_excerpt(text: str) -> str:
    """A visitor's text without Markdown's characters, at most 40 characters long."""
    clean = "".join(c for c in text if c.isprintable() and c not in "`$<>[]\\")
    return clean if len(clean) <= 40 else clean[:40] + "…"


def query(params: Sequence[Param], values: Mapping[str, Any]) -> dict[str, str]:
    """The URL parameters of the link that opens the page with these values; defaults are left out.

    A text of more than `MAX_TEXT` characters is left out too; `PageState.show_warnings` says so.
    """
    return {
        p.name: text
        for p in params
        if p.name in values
        and values[p.name] != p.default
        and len(text := p.format(values[p.name])) <= MAX_TEXT
    }
