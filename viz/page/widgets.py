"""The widget of a declared parameter, which has the parameter's key, label, bounds and options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import streamlit as st

from viz.page.session import bind_widget, declared_param
from viz.params import MAX_TEXT, Param, Settings

NUMBERS = {"slider": "slider", "number": "number_input"}
"""Streamlit's function by `Param.kind`, for numbers."""
SEGMENTS, SELECT = "segments", "select"
"""The kinds of widget for one choice among options: all in a row, or in a list that opens."""
MAX_SEGMENTS, MAX_SEGMENT_TEXT = 5, 36
"""Most options in a row, and their most characters, with three more for each option's frame: more
do not fit in a row of the sidebar."""
_ATTRIBUTES = {field.name for field in fields(Param)}


def widget(
    values: Settings,
    name: str,
    place: Any = st,
    *,
    suffix: str = "",
    on_change: Callable[..., None] | None = None,
    args: tuple[Any, ...] = (),
    **settings: Any,
) -> None:
    """Draw the widget of a parameter of the open page.

    Args:
        values: Settings of the page, or of one of its groups.
        name: Name of the parameter in ``values``.
        place: Container to draw into; by default the current place of the script.
        suffix: Suffix of the name in the link, if ``values`` is a group of the page.
        on_change, args: Callback of a change, and its arguments.
        settings: Attributes of `Param` that replace the declared ones, such as bounds, options
            and label; any other name is an argument of Streamlit's widget.
    """
    param = declared_param(name + suffix)
    replaced = {key: settings.pop(key) for key in [*settings] if key in _ATTRIBUTES}
    if not isinstance(replaced.get("options", {}), Mapping):
        labels = param.labels
        replaced["options"] = {o: labels.get(o, str(o)) for o in replaced["options"]}
    param = replace(param, **replaced)
    method, arguments, identity = _widget_call(param)
    if on_change:
        settings |= {"on_change": on_change, "args": args}
    getattr(place, method)(
        **{"label": param.label, "help": param.help} | arguments | settings,
        key=bind_widget(name + suffix, values[name], *identity),
    )


def _widget_call(param: Param) -> tuple[str, dict[str, Any], Iterable[Any]]:
    """Name of Streamlit's function, its arguments, and those that belong to the widget's identity."""
    if param.kind in NUMBERS:
        return _number_widget_call(param)
    if param.kind in ("choice", SEGMENTS, SELECT, "multiselect"):
        labels = param.labels
        method, more = choice_method(labels.values(), param.kind)
        arguments = {"options": list(labels), "format_func": labels.__getitem__, **more}
        return method, arguments, labels
    if param.kind == "text":
        return "text_input", {"max_chars": MAX_TEXT}, ()
    return "toggle", {}, ()


def choice_method(labels: Iterable[str], kind: str = "choice") -> tuple[str, dict[str, Any]]:
    """Name of Streamlit's function for a choice among options, and further arguments of it.

    Args:
        labels: Labels of the options.
        kind: "choice" for a row of segments if there are few short options, else a select box;
            "segments", "select" or "multiselect" for that one.
    """
    if kind == "multiselect":
        return "multiselect", {}
    if kind == "choice":
        lengths = [len(label) + 3 for label in labels]
        few = len(lengths) <= MAX_SEGMENTS and sum(lengths) <= MAX_SEGMENT_TEXT
        kind = SEGMENTS if few else SELECT
    return ("segmented_control", {"required": True}) if kind == SEGMENTS else ("selectbox", {})


def _number_widget_call(param: Param) -> tuple[str, dict[str, Any], Iterable[Any]]:
    """As `_widget_call`, for a number; its label ends with its bounds and its unit."""
    low, high = param.low, param.high
    assert low is not None
    assert high is not None
    arguments: dict[str, Any] = {"min_value": low, "max_value": high, "step": param.step}
    if low == high and param.kind == "slider":  # Streamlit refuses equal bounds
        arguments |= {"max_value": low + 1, "disabled": True, "help": "Only this value fits here."}
    if param.kind == "number" and isinstance(low, float):
        arguments["format"] = "%g"
    arguments["label"] = (
        f"{param.label}, {_bound_text(low)}–{_bound_text(high)} {param.unit}".rstrip()
    )
    return NUMBERS[param.kind], arguments, (low, arguments["max_value"])


def _bound_text(bound: float) -> str:
    """A bound as text; whole numbers have commas between thousands."""
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
