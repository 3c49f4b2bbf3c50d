"""Undo and redo of typed cells on the sweep page.

The link holds the typed weights and pixels; a session besides remembers those before each change.
"""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st

from viz.features.sweep.params import SweepSettings

MOST_STEPS = 50
"""Number of changes that can be undone."""

_NAMES = ("weights", "pixels")
_Cells = tuple[str, str]
"""The typed weights and the typed pixels, as texts of a link."""


def _cells(values: SweepSettings) -> _Cells:
    """The typed cells of the settings."""
    return values.weights, values.pixels


def _stacks() -> dict[str, list[_Cells]]:
    """The session's typed cells before each change, ``past``, and before each undo, ``future``."""
    stacks: dict[str, list[_Cells]] = st.session_state.setdefault(
        "typed_cells", {"past": [], "future": []}
    )
    return stacks


def remember(values: SweepSettings) -> None:
    """Store the typed cells of the settings, just before another one is typed."""
    stacks = _stacks()
    stacks["past"] = [*stacks["past"], _cells(values)][-MOST_STEPS:]
    stacks["future"] = []


def forget() -> None:
    """Nothing can be undone any more."""
    st.session_state.pop("typed_cells", None)


def can_undo(values: SweepSettings) -> bool:
    """Whether cells are typed, or were before a change."""
    return any(cells != _cells(values) for cells in [("", ""), *_stacks()["past"]])


def can_redo(values: SweepSettings) -> bool:
    """Whether a change has been undone."""
    return any(cells != _cells(values) for cells in _stacks()["future"])


def step(values: SweepSettings, way: Literal["undo", "redo"]) -> dict[str, Any]:
    """Undo or redo one change; returns the values of the typed cells, nothing if there are none.

    What a link has typed is undone all at once, because no change before it is known.
    """
    here, there = ("past", "future") if way == "undo" else ("future", "past")
    stacks, current = _stacks(), _cells(values)
    while stacks[here]:
        cells = stacks[here].pop()
        if cells != current:
            stacks[there].append(current)
            return dict(zip(_NAMES, cells, strict=True))
    if way == "undo" and current != ("", ""):
        stacks[there].append(current)
        return dict.fromkeys(_NAMES, "")
    return {}
