"""The URL is the whole state: parameters, how they are read, and how they are written.

A page declares its parameters once. ``PageState`` brings a link's values into the session
before the widgets are made; its ``publish`` writes what differs from the defaults back
after them. Widgets share the parameter's name as their key and pass no default of their own.

Streamlit's ``bind="query-params"`` cannot serve here: a bound slider whose bounds follow
the other settings drops a clamped value from the link, and what it ignores it ignores
silently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

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
    """

    name: str
    default: Any
    parse: Callable[[str], Any]
    format: Callable[[Any], str] = str


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


def _decode(params: Sequence[Param], query: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    values = {param.name: param.default for param in params}
    ignored = [
        f"`{_shown(name)}` is no setting of this page" for name in query if name not in values
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
            ignored.append(f"`{param.name}` {error} (got `{_shown(text)}`)")
    return values, ignored


def _shown(text: str) -> str:
    """A visitor's text, short and harmless inside Markdown code."""
    kept = "".join(c for c in text if c.isprintable() and c not in "`$<>[]\\")
    return kept if len(kept) <= 40 else kept[:40] + "…"


class PageState:
    """The values of one page in one visitor's session.

    They live in one dictionary of the session: Streamlit walks all session keys for every
    widget it makes. Only the widgets that are drawn have keys of their own; ``give`` hands
    a value to a widget just before it is made.

    Attributes:
        values: name to value, after the URL, the widgets and the callbacks have spoken.
        ignored: one clause for each parameter of the URL that was ignored.
        adopted: how often a link has set the values; the picture follows when it changes.
    """

    def __init__(self, page: str, params: Sequence[Param]) -> None:
        self.params = params
        self._store: dict[str, Any] = st.session_state.setdefault(f"page:{page}", {})
        self._read(page)
        self._store["values"] = self.values
        self.adopted: int = self._store["adopted"]
        self.ignored: list[str] = self._store["ignored"]

    def _read(self, page: str) -> None:
        """A first visit and the browser's Back button take the URL; coming back from another
        page takes what was left there; otherwise the widgets' own values stand. (The URL
        arrives late when things are done fast: it counts only in a run that nothing else
        has set off.)
        """
        store, query = self._store, st.query_params.to_dict()
        returning = st.session_state.get("page") != page
        st.session_state["page"] = page
        kept = store.get("kept")
        told = store.pop("pending", None)  # what callbacks have changed, None without any
        if kept is None or (returning and query):
            self._adopt(query)
        elif returning:
            self.values = dict(kept)
            store["adopted"] += 1
        else:
            self.values = _with_widgets(kept) | (told or {})
            if told is None and self.values == kept and query != store["url"]:
                self._adopt(query)

    def _adopt(self, query: Mapping[str, str]) -> None:
        self.values, self._store["ignored"] = _decode(self.params, query)
        self._store["adopted"] = self._store.get("adopted", 0) + 1

    def place(self) -> None:
        """Hand values that were changed since the last run to the widgets that have them."""
        for name, value in _with_widgets(self.values).items():
            if value != self.values[name]:
                st.session_state[name] = self.values[name]

    def publish(self) -> None:
        """Write the state that this run ends with into the URL, without the defaults."""
        store = self._store
        values = _with_widgets(self.values)
        url = query(self.params, values)
        if st.query_params.to_dict() != url:
            st.query_params.from_dict(url)
        if store.get("kept") not in (None, values):
            store["ignored"] = []  # the visitor has moved on
        store |= {"kept": values, "url": url, "values": values}


def _with_widgets(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, those that have a widget as their widgets stand. One look at the session:
    asking it for a key that is not there is slow."""
    live = st.session_state.to_dict()
    return {name: live.get(name, value) for name, value in values.items()}


def give(values: Mapping[str, Any], name: str, *identity: object) -> str:
    """Hand a value to the widget that is about to be made; returns the widget's key.

    ``identity``: what, besides the key, makes Streamlit take the widget for a new one that
    starts at its lowest value: the bounds of a slider.
    """
    made = st.session_state.setdefault("made", {})
    if name not in st.session_state or made.get(name) != identity:
        st.session_state[name] = values[name]
    made[name] = identity
    return name


def current(page: str) -> dict[str, Any]:
    """The page's values, for callbacks: those of the last run and the widgets since."""
    return _with_widgets(st.session_state[f"page:{page}"]["kept"])


def change(page: str, values: Mapping[str, Any]) -> None:
    """Callback of everything that changes values other than through their own widgets."""
    st.session_state[f"page:{page}"].setdefault("pending", {}).update(values)


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
