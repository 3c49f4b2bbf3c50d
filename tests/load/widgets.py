"""Streamlit's widgets as its websocket describes them, and how a visitor moves them."""

from __future__ import annotations

import random
from typing import Any

from streamlit.proto.WidgetStates_pb2 import WidgetState

TEXTS = {"selectbox", "radio", "text_input", "text_area"}
LISTS = {"multiselect", "button_group"}
KINDS = {"slider", "number_input", "checkbox"} | TEXTS | LISTS
TABS = "tab_container"
DRAWERS = {"expandable": "expanded", "popover": "open"}
"""Blocks that open and close, and the field that says which."""
BLOCKS = {TABS, *DRAWERS}
"""Blocks that rerun the page when they are opened, and so have an id and a value."""
Value = Any  # what a browser keeps for a widget: a number, text, truth value or list of those


class Widget:
    """One widget as the server described it, and the value this visitor has given it."""

    def __init__(self, kind: str, element: Any, fragment: str) -> None:
        self.kind, self.element, self.fragment = kind, element, fragment
        self.id: str = element.id
        self.key = self.id.split("-", 2)[-1]  # "$$ID-<hash>-<the user's key>"
        options = getattr(element, "options", ())
        self.options = [getattr(option, "content", option) for option in options]
        self.value: Value = self._given()

    def _given(self) -> Value:
        """The value the server set, else the default."""
        e = self.element
        if self.kind in BLOCKS:
            return getattr(e, DRAWERS[self.kind]) if self.kind in DRAWERS else None
        if self.kind == "slider" and self.options:
            return list(e.raw_value) or [self.options[int(i)] for i in e.default]
        if self.kind == "slider":
            return list(e.value if e.set_value else e.default)
        if self.kind in LISTS:
            return list(e.raw_values) if e.set_value else [self.options[i] for i in e.default]
        if self.kind in {"selectbox", "radio"}:
            if e.set_value:
                return e.raw_value if e.HasField("raw_value") else None
            return self.options[e.default] if self.options and e.HasField("default") else None
        if e.set_value:
            return e.value
        has_default = self.kind != "number_input" or e.HasField("default")
        return e.default if has_default else None

    def add_tab(self, label: str) -> None:
        """The next of its tabs, as they come one after another; the server says which is open."""
        if len(self.options) == self.element.default_tab_index:
            self.value = label
        self.options.append(label)

    def state(self) -> WidgetState | None:
        """What goes up to the server; None for a widget without a value."""
        state = WidgetState(id=self.id)
        if self.value is None:
            return None
        if self.kind in LISTS or (self.kind == "slider" and self.options):
            state.string_array_value.data.extend(self.value)
        elif self.kind == "slider":
            state.double_array_value.data.extend(self.value)
        elif self.kind in TEXTS or self.kind == TABS:
            state.string_value = self.value
        elif self.kind == "checkbox" or self.kind in DRAWERS:
            state.bool_value = self.value
        elif self.element.data_type == self.element.INT:
            state.int_value = int(self.value)
        else:
            state.double_value = float(self.value)
        return state

    def choices(self) -> list[Value]:
        """The single values a visitor may choose from."""
        if self.kind == "checkbox" or self.kind in DRAWERS:
            return [False, True]
        if self.options or self.kind not in {"slider", "number_input"}:
            return self.options
        e, low, step = self.element, self.element.min, self.element.step or 1
        bounded = self.kind == "slider" or (e.has_min and e.has_max)
        count = round((e.max - low) / step) if bounded else 10
        return [low + i * step for i in range(count + 1)]

    def movable(self) -> bool:
        return not getattr(self.element, "disabled", False) and len(self.choices()) > 1

    def move(self, rng: random.Random) -> None:
        """Chooses another value at random; a range slider gets both of its ends."""
        before, choices = self.value, self.choices()
        while self.value == before:
            if self.kind == "slider":
                picks = sorted(rng.choices(range(len(choices)), k=len(before)))
                self.value = [choices[i] for i in picks]
            else:
                pick = rng.choice(choices)
                self.value = [pick] if self.kind in LISTS else pick
