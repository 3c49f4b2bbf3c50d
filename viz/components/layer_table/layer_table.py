"""Python's side of the layer table: registers its files and mounts it."""

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
        rows: of ``viz.components.layer_table.edits.table_rows``.
        columns: ``title`` and ``help`` of each computed column; those with ``phone`` true stay
            on a narrow screen, the first one where none has it.
        error: why the last edit was refused, from ``viz.components.layer_table.edits.refusal``; or ``path`` and
            ``sentence`` of a layer that does not fit.
        selected: path of the layer that the page shows.
        undo, redo: whether there is something to undo or redo.
        key: Streamlit's key; ``st.session_state[key]`` holds what a callback is told.
        callbacks: callbacks by the name of what the visitor did: ``edit`` (a message for
            ``viz.components.layer_table.edits.step``) or ``select`` (``path`` of the layer to show).
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
            "answered": _answered(key),
        },
        **{f"on_{name}_change": callbacks.get(name, _nothing) for name in TRIGGERS},
    )


def _answered(key: str) -> int | None:
    """The number of the last message that was answered: the table sends the next one after it.

    It is kept: of a run that another one overtakes the browser may never hear.
    """
    state, state_key = st.session_state.get(key), f"{key}_answered"
    for name in TRIGGERS:
        message = state.get(name) if isinstance(state, Mapping) else None
        number = message.get("n") if isinstance(message, Mapping) else None
        if type(number) is int and abs(number) < 2**53:
            st.session_state[state_key] = number
    return st.session_state.get(state_key)


def _nothing() -> None:
    """A trigger nobody listens to still reruns the page."""
