"""Presentation mode: what a projector shows, large, and nothing else."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from viz.page.session import change_shell

CSS = Path(__file__).parent / "present.css"


LARGER = 1.5
"""Of Plotly's pictures, whose pixels the style cannot reach."""


def dress(on: bool) -> None:
    """Hide the sidebar and the controls of the page, and enlarge the rest."""
    if on:
        from viz.plots.figure import Figure  # Plotly, which not every page needs

        Figure.scale = staticmethod(_scale)
        st.html(CSS)


def _scale() -> float:
    """Of the pictures of the visitor whose run asks; fragments run without the shell."""
    shell = st.session_state.get("shell", {}).get("values", {})
    return LARGER if shell.get("present") else 1.0


def switch(on: bool) -> None:
    """The button into presentation mode, or out of it; Escape leaves as well."""
    if on:
        st.button(
            "Leave",
            icon=":material/close_fullscreen:",
            type="tertiary",
            key="present_leave",
            shortcut="Escape",
            help="Leave presentation mode",
            on_click=change_shell,
            args=({"present": False},),
        )
    else:
        st.button(
            "Present",
            icon=":material/present_to_all:",
            type="tertiary",
            key="present_enter",
            help="For a projector: large, without sidebar and controls. Escape leaves.",
            on_click=change_shell,
            args=({"present": True},),
        )
