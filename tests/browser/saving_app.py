"""A page with the menu "Save for slides" alone, whose files fail as they do on a bad day."""

from __future__ import annotations

import errno

import streamlit as st
from matplotlib.figure import Figure

from core.errors import SpecError
from viz.page.save_menu import save_menu
from viz.page.session import PageState
from viz.params import Settings
from viz.slides.style import Picture, Style

tries = st.session_state.setdefault("tries", [])


def fine(style: Style) -> Figure:
    figure = Figure()
    figure.add_subplot()
    return figure


def failing(name: str, error: Exception) -> Picture:
    def draw(style: Style) -> Figure:
        raise error

    return Picture(name, name, draw)


def once(style: Style) -> Figure:
    tries.append(1)
    if len(tries) == 1:
        raise MemoryError
    return fine(style)


PICTURES = [
    Picture("fine", "fine", fine),
    Picture("once", "once", once),
    failing("rule", SpecError("step", "must be at most 3", 4)),
    failing("disk", OSError(errno.ENOSPC, "No space left on device")),
    failing("fault", ZeroDivisionError("secret")),
]
st.title("Saving")
PageState("saving", Settings)
save_menu("saving", PICTURES, "settings")
