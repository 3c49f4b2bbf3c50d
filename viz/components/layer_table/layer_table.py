"""The Python part of the layer table, which mounts its JavaScript component."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from viz.components.layer_table.edits import MAX_TEXT, MENU, SUGGESTIONS
from viz.components.mount import component

NAME = "strides.layer_table"
TRIGGERS = ("edit", "select")

_HTML = """<div class="layers" data-testid="layer-table" role="group" aria-label="Layer table"></div>
"""


def layer_table(
    rows: Sequence[Mapping[str, Any]],
    columns: Sequence[Mapping[str, Any]],
    *,
    error: Mapping[str, Any] | None = None,
    selected: Sequence[int] | None = None,
    undo: bool = False,
    redo: bool = False,
    key: str,
    callbacks: Mapping[str, Callable[[], None]],
) -> None:
    """Show a network as an editable table.

    Args:
        rows: The rows, from ``viz.components.layer_table.edits.table_rows``.
        columns: ``title`` and ``help`` of each computed column. A narrow screen shows those with
            ``phone`` true, or the first one if none has it.
        error: Why the last edit was refused, from ``viz.components.layer_table.edits.refusal_data``; or
            ``path`` and ``sentence`` of a layer that does not fit its input.
        selected: Path of the layer that the page shows.
        undo, redo: Whether there is something to undo or redo.
        key: Streamlit's key; ``st.session_state[key]`` holds the message for a callback.
        callbacks: Callbacks by the name of the visitor's action: ``edit``, whose message is for
            ``viz.components.layer_table.edits.apply_message``, or ``select``, whose message has the ``path``
            of the layer to show.
    """
    show = component(
        NAME,
        html=_HTML,
        js="layer_table.js",
        css="layer_table.css",
        folder="components/layer_table",
    )
    show(
        key=key,
        data={
            "rows": [dict(row) for row in rows],
            "columns": [dict(column) for column in columns],
            "error": None if error is None else dict(error),
            "selected": None if selected is None else list(selected),
            "undo": undo,
            "redo": redo,
            "menu": MENU,
            "suggestions": SUGGESTIONS,
            "longest": MAX_TEXT,
            "answered": _last_answered(key),
        },
        **{f"on_{name}_change": callbacks.get(name, _do_nothing) for name in TRIGGERS},
    )


def _last_answered(key: str) -> int | None:
    """Return the number of the last message that arrived; the table then sends the next one.

    The session stores it, because the browser does not get the result of a run that a later run
    interrupts.
    """
    state, state_key = st.session_state.get(key), f"{key}_answered"
    for name in TRIGGERS:
        message = state.get(name) if isinstance(state, Mapping) else None
        number = message.get("n") if isinstance(message, Mapping) else None
        if type(number) is int and abs(number) < 2**53:
            st.session_state[state_key] = number
    return st.session_state.get(state_key)


def _do_nothing() -> None:
    """Do nothing; even a trigger without a callback of the page needs one, to rerun the page."""
