"""The control of a declared parameter: its key, label, bounds and options are the parameter's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

import streamlit as st

from viz.page.session import bind_widget, declared
from viz.params import MAX_TEXT, Param, Settings

NUMBERS = {"slider": "slider", "number": "number_input"}
CHOICES = {
    "select": "selectbox",
    "select_slider": "select_slider",
    "segments": "segmented_control",
    "radio": "radio",
    "pills": "pills",
    "multiselect": "multiselect",
}
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
    """Draw the control of a parameter of the page that is open.

    Args:
        values: of the page.
        name: of the parameter.
        place: a container; where the script stands without one.
        suffix: of the name in the link, where ``values`` are one group of the page's.
        on_change, args: callback of a change.
        settings: attributes of `Param` that follow the other settings, such as bounds, options
            and label; any other argument of the control as Streamlit has it.
    """
    param = declared(name + suffix)
    narrower = {key: settings.pop(key) for key in [*settings] if key in _ATTRIBUTES}
    if not isinstance(narrower.get("options", {}), Mapping):
        known = param.labels
        narrower["options"] = {o: known.get(o, str(o)) for o in narrower["options"]}
    param = replace(param, **narrower)
    method, arguments, identity = _control(param)
    if on_change:
        settings |= {"on_change": on_change, "args": args}
    getattr(place, method)(
        **{"label": param.label, "help": param.help} | arguments | settings,
        key=bind_widget(name + suffix, values[name], *identity),
    )


def _control(param: Param) -> tuple[str, dict[str, Any], Iterable[Any]]:
    """Streamlit's function, its arguments, and which of them make it another widget."""
    if param.kind in NUMBERS:
        return _number(param)
    if param.kind in CHOICES:
        labels = param.labels
        more = {"required": True} if param.kind in ("segments", "pills") else {}
        arguments = {"options": list(labels), "format_func": labels.__getitem__, **more}
        return CHOICES[param.kind], arguments, labels
    if param.kind == "text":
        return "text_input", {"max_chars": MAX_TEXT}, ()
    return "toggle", {}, ()


def _number(param: Param) -> tuple[str, dict[str, Any], Iterable[Any]]:
    low, high = param.low, param.high
    assert low is not None
    assert high is not None
    arguments: dict[str, Any] = {"min_value": low, "max_value": high, "step": param.step}
    if low == high and param.kind == "slider":  # one that cannot move, and why
        arguments |= {"max_value": low + 1, "disabled": True, "help": "Only this value fits here."}
    if param.kind == "number" and isinstance(low, float):
        arguments["format"] = "%g"
    arguments["label"] = f"{param.label}, {_plain(low)}–{_plain(high)} {param.unit}".rstrip()
    return NUMBERS[param.kind], arguments, (low, arguments["max_value"])


def _plain(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else f"{bound:g}"
