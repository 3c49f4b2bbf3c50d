"""Presentation mode for projectors: an enlarged page without sidebar and controls."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from viz.components.keys.keys import keys
from viz.components.presentation.presentation import presentation
from viz.page.session import change_shell

CSS = Path(__file__).parent / "present.css"
TOUR_KEYS = {"PageDown": (".st-key-tour_next button",), "PageUp": (".st-key-tour_back button",)}
"""Keys of a presenter's remote, and CSS selectors of the buttons that they press everywhere."""
PRESENTED_KEYS = {
    "PageDown": (*TOUR_KEYS["PageDown"], ".st-key-claim_next button"),
    "PageUp": (*TOUR_KEYS["PageUp"], ".st-key-claim_previous button"),
}
"""The same in presentation mode."""
PLAY = ".st-key-play input"
"""CSS selector of the switch that lets a page's picture move."""


def enlarge(on: bool) -> None:
    """If presentation mode is on, hide the sidebar and the controls, and enlarge the text.

    `viz.page.plots` enlarges plots, and the component `presentation` fits them to the window.
    """
    if on:
        st.html(CSS)


def page_keys(on: bool) -> None:
    """Let keys act on the page at once, and more of them if presentation mode is on."""
    keys(PRESENTED_KEYS if on else TOUR_KEYS, play=PLAY, presented=on, key="page_keys")


def toggle_button(on: bool) -> None:
    """Show the button that enters presentation mode, or if ``on`` those for full screen and leaving.

    Escape leaves the full screen, and then presentation mode.
    """
    if on:
        presentation(key="present_wall")
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
