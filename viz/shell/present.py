"""Presentation mode for projectors: an enlarged page without sidebar and controls."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from viz.page.session import change_shell

CSS = Path(__file__).parent / "present.css"


def enlarge(on: bool) -> None:
    """If presentation mode is on, hide the sidebar and the controls, and enlarge the text.

    Plots are enlarged by `viz.page.plots`.
    """
    if on:
        st.html(CSS)


def toggle_button(on: bool) -> None:
    """Show the button that enters or, if ``on``, leaves presentation mode; Escape leaves, too."""
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
