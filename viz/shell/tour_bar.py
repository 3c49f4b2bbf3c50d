"""The guided tour above a page: the stop's title and sentences, and the way on."""

from __future__ import annotations

from urllib.parse import parse_qsl

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from viz.components.keys.keys import keys
from viz.lessons.tour import TOUR, Stop
from viz.page.links import file_of, stop_query
from viz.page.session import change_shell, page_query

KEYS = {"PageDown": ".st-key-tour_next button", "PageUp": ".st-key-tour_back button"}
"""A clicker's keys, and the buttons they press whatever has the keyboard."""
AGAIN = "tour_to"
"""In the session: the number of the stop that a callback wants opened anew."""


def bar(number: int) -> DeltaGenerator:
    """Draw the bar of one stop, and go where its buttons say.

    Args:
        number: of the stop, 1 the first.

    Returns:
        where `way_back` goes, once the page is drawn.
    """
    stop = TOUR[number - 1]
    with st.container(key="tour_bar", horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{stop.title}** {stop.text}", width="stretch")
        with st.container(key="tour_steps", width="content", horizontal_alignment="right"):
            place = st.container(key="tour_place")
            to = _buttons(number) or st.session_state.pop(AGAIN, 0)
    if to:
        st.switch_page(file_of(TOUR[to - 1]), query_params=stop_query(to))
    return place


def _buttons(number: int) -> int:
    """The number of the stop that the visitor asks for, else 0. A clicker's keys turn pages."""
    last = len(TOUR)
    with st.container(
        key="tour_buttons", horizontal=True, vertical_alignment="center", gap="small"
    ):
        back = st.button(
            "Back", shortcut="PageUp", disabled=number == 1, key="tour_back", help="The stop before"
        )
        st.markdown(f"Stop {number} of {last}", width="content")
        if number < last:
            on = st.button("Next", shortcut="PageDown", type="primary", key="tour_next")
        else:
            on = False
            st.button("Finish", type="primary", key="tour_finish", on_click=leave)
        st.button(
            "",
            icon=":material/close:",
            type="tertiary",
            key="tour_leave",
            help="Leave the tour; the page stays as it is",
            on_click=leave,
        )
    keys(KEYS, key="tour_keys")
    return number - 1 if back else number + 1 if on else 0


def leave() -> None:
    """Callback: no tour any more."""
    change_shell({"tour": 0})


def way_back(place: DeltaGenerator, number: int, page: str) -> None:
    """A button to the stop's own picture, where the visitor has gone on from it.

    Args:
        place: what `bar` returned.
        number: of the stop.
        page: name of the page on show.
    """
    stop = TOUR[number - 1]
    if not at_stop(stop, page):
        # Not a link: of one that leads to the page on show, Streamlit's address bar learns nothing.
        place.button(
            "Back to the stop's picture",
            icon=":material/undo:",
            type="tertiary",
            key="tour_again",
            on_click=_again,
            args=(number,),
        )


def _again(number: int) -> None:
    """Callback: the stop anew; the next run goes there before it draws the page."""
    st.session_state[AGAIN] = number


def at_stop(stop: Stop, page: str) -> bool:
    """Whether the page shows what the stop opens, by the address it has just written."""
    return page == stop.page and page_query() == dict(parse_qsl(stop.query))
