"""The URL is the whole state: parameters, how they are read, and how they are written.

A page declares its parameters once. ``adopt`` brings a link's values into the session
before the widgets are made, ``publish`` writes what differs from the defaults back after
them. Widgets share the parameter's name as their key and pass no default of their own.

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
"""Longest value of one parameter that is looked at, in characters."""


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

    return Param(name, default, parse, "{:g}".format)


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
    ignored = [f"`{_shown(name)}` is no setting of this page" for name in query if name not in values]
    for param in params:
        text = query.get(param.name)
        if text is None:
            continue
        try:
            values[param.name] = param.parse(text[:MAX_TEXT])
        except ValueError as error:
            ignored.append(f"`{param.name}` {error} (got `{_shown(text)}`)")
    return values, ignored


def _shown(text: str) -> str:
    """A visitor's text, short and harmless inside Markdown code."""
    kept = "".join(c for c in text if c.isprintable() and c not in "`$<>[]\\")
    return kept if len(kept) <= 40 else kept[:40] + "…"


def adopt(page: str, params: Sequence[Param]) -> list[str]:
    """Put the state that this run starts from into ``st.session_state``.

    A first visit and the browser's Back button take the URL; coming back from another
    page takes what was left there; otherwise the widgets' own values stand. (The URL
    arrives late when keys are pressed fast: it counts only when no value has changed.)

    Returns:
        One clause for each parameter of the URL that was ignored.
    """
    state = st.session_state
    query = st.query_params.to_dict()
    kept = state.get(f"{page}:kept")
    returning = state.get("page") != page
    state["page"] = page
    if kept is None or (returning and query):
        values, ignored = _decode(params, query)
    elif returning:
        values, ignored = kept, []
    elif query != state.get(f"{page}:url") and _current(params) == kept:
        values, ignored = _decode(params, query)
    else:
        # A widget that was not drawn last time has lost its value.
        values = {name: state.get(name, value) for name, value in kept.items()}
        state.update(values)
        return list(state.get(f"{page}:ignored", []))
    state.update(values)
    state[f"{page}:adopted"] = state.get(f"{page}:adopted", 0) + 1
    state[f"{page}:ignored"] = ignored
    return ignored


def _current(params: Sequence[Param]) -> dict[str, Any]:
    kept = st.session_state[f"{st.session_state['page']}:kept"]
    return {p.name: st.session_state.get(p.name, kept[p.name]) for p in params}


def publish(page: str, params: Sequence[Param]) -> None:
    """Write the state that this run ends with into the URL, without the defaults."""
    state = st.session_state
    values = {param.name: state[param.name] for param in params}
    url = {p.name: p.format(values[p.name]) for p in params if values[p.name] != p.default}
    if st.query_params.to_dict() != url:
        st.query_params.from_dict(url)
    if state.get(f"{page}:kept") not in (None, values):
        state[f"{page}:ignored"] = []  # the visitor has moved on
    state[f"{page}:kept"] = values
    state[f"{page}:url"] = url


def adoptions(page: str) -> int:
    """How often this session took its state from a link; changes when the picture must follow."""
    return int(st.session_state.get(f"{page}:adopted", 0))


def query(params: Sequence[Param], values: Mapping[str, Any]) -> dict[str, str]:
    """The URL parameters of a link that opens the page with these values."""
    return {
        p.name: p.format(values[p.name])
        for p in params
        if p.name in values and values[p.name] != p.default
    }
