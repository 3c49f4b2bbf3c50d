"""What no browser of ours sends: values that widgets and components cannot have."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator
from typing import Any

from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from tests.load.visitor import Visitor

TEXTS = ("zq", "\x00\x1b[31m<script>zq()</script>")
NUMBERS = (math.nan, -math.inf, 1e300, 0.5)
WHOLE = (-1, 2**63 - 1)
EVENTS = ("view", "edit", "preset", "compare", "fix")
PAYLOADS: tuple[Any, ...] = (
    *(None, True, 7, "zq", [], {}, [[[[1]]]], {"step": {}}, math.inf, "x" * 9000),
    {"step": 1e300, "pin": ["x"], "channel": {}, "speed": "fast"},
    {"target": "input", "index": [0, 0, 0], "value": math.nan, "view": 7},
    {"target": "input", "index": [math.inf, 0, 0], "value": 1},
    {"target": "input", "index": [-1, 0, 0], "value": 1},
    {"target": "input", "index": [0], "value": 1},
    {"target": "input", "index": "000", "value": 10**400},
    {"target": "kernel", "index": [10**30] * 4, "value": 1e308, "board": []},
    {"target": [], "index": {}, "value": []},
    {"do": "insert", "path": [-1], "text": "<b>"},
    {"do": ["x"], "path": "0"},
    {"do": "set", "path": [0], "was": {}, "text": "x" * 30_000},
    {"do": "move", "path": [0], "to": [10**9]},
    {"do": "remove", "path": [[]]},
    {"layer": ["x"], "unit": [math.inf, 2], "axis": {}},
    {"layer": "<b>", "unit": "ab", "axis": None, "down": 1, "zoom": 1, "grid": 1},
    {"layer": "input", "unit": [-1, 10**30], "axis": 9, "down": [], "zoom": [], "grid": []},
)


def of_its_kind(kind: str, name: str) -> Iterator[WidgetState]:
    """Values of the type that a widget has, and that it does not offer."""
    if kind == "number_input":
        yield from (WidgetState(id=name, double_value=value) for value in NUMBERS)
        yield from (WidgetState(id=name, int_value=value) for value in WHOLE)
    elif kind == "slider":
        for numbers in ([], *([value] * n for value in NUMBERS for n in (1, 3))):
            state = WidgetState(id=name)
            state.double_array_value.data.extend(numbers)
            yield state
    elif kind in {"multiselect", "button_group"}:
        for texts in ((), TEXTS, TEXTS[:1] * 500):
            state = WidgetState(id=name)
            state.string_array_value.data.extend(texts)
            yield state
    elif kind == "arrow_data_frame":
        rows: tuple[Any, ...] = ([-1], [10**9], ["zq"], [[]], "zq", None)
        for chosen in rows:
            told = {"selection": {"rows": chosen, "columns": [], "cells": []}}
            yield WidgetState(id=name, string_value=json.dumps(told))
    elif kind not in {"checkbox", "expandable", "popover", "button", "bidi_component"}:
        yield from (WidgetState(id=name, string_value=text) for text in TEXTS)


def of_a_component(name: str) -> Iterator[list[WidgetState]]:
    """What the browser's side of a component could tell of every event it has."""
    trigger = _make_trigger_id(name, "events")
    for value in PAYLOADS:
        told = json.dumps([{"event": event, "value": value} for event in EVENTS])
        kept = json.dumps(dict.fromkeys(EVENTS, value))
        yield [WidgetState(id=trigger, json_trigger_value=told)]
        yield [WidgetState(id=name, json_value=kept)]
    for told in ("[1, null, []]", '{"event": "edit"}', "7"):
        yield [WidgetState(id=trigger, json_trigger_value=told)]


def of_every_type(name: str) -> Iterator[WidgetState]:
    """A value of each type that Streamlit knows, whatever the widget has."""
    for field, value in (
        ("string_value", "zq"),
        ("int_value", 2**62),
        ("double_value", math.nan),
        ("bool_value", True),
        ("trigger_value", True),
        ("bytes_value", b"\xff\x00"),
        ("json_value", '{"a":'),
        ("json_value", "[" * 5_000 + "]" * 5_000),
        ("json_trigger_value", '[{"event": "edit"'),
    ):
        yield WidgetState(id=name, **{field: value})
    for field in ("string_array_value", "double_array_value", "int_array_value"):
        state = WidgetState(id=name)
        getattr(state, field).SetInParent()
        yield state


class Stranger(Visitor):
    """A visitor whose browser sends what it likes.

    Attributes:
        states: sent with the next request instead of what the widgets have.
        found: every widget seen so far, id → kind.
    """

    def __init__(self, url: str, page: str = "", query: str = "") -> None:
        super().__init__(url, page, query)
        self.states: list[WidgetState] = []
        self.found: dict[str, str] = {}

    def _request(self, fragment: str = "", by_itself: bool = False) -> bytes:
        message = BackMsg.FromString(super()._request(fragment, by_itself))
        sent = message.rerun_script.widget_states.widgets
        kept = [state for state in sent if state.id not in {other.id for other in self.states}]
        del sent[:]
        sent.extend([*kept, *self.states])
        return bytes(message.SerializeToString())

    def _resolve(self, raw: bytes) -> ForwardMsg:
        """Owns up to every message at once: the server sends the rest of an answer only then,
        and a system left to itself lets it wait for 40 ms.
        """
        if hasattr(socket, "TCP_QUICKACK") and self._socket:
            own = self._socket.transport.get_extra_info("socket")
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return super()._resolve(raw)

    def _see(self, delta: Any, place: tuple[int, ...], seen: set[str]) -> None:
        super()._see(delta, place, seen)
        part = delta.WhichOneof("type")
        described = getattr(delta, part) if part in ("new_element", "add_block") else None
        kind = described.WhichOneof("type") if described is not None else None
        if kind and (name := getattr(getattr(described, kind), "id", "")):
            self.found[name] = kind

    async def send(self, *states: WidgetState) -> list[str]:
        """A rerun with these values; the errors that the page shows."""
        self.states, self.errors = list(states), []
        await self.rerun()
        return self.errors
