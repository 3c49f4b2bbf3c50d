"""The bar of the guided tour above a page: the stop's title, its text, and navigation buttons."""

from __future__ import annotations

from urllib.parse import parse_qsl

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from viz.components.focus.focus import focus
from viz.lessons.tour import TOUR, Stop
from viz.page.links import page_script_of, tour_stop_query
from viz.page.session import change_shell, page_query

REOPENED_STOP = "tour_to"
"""Session key of the number of the stop that `_reopen_stop` wants to open again."""


STARTS = "tour_starts"
"""Session key of how often the tour was entered from its page."""


def spoken_text(number: int) -> str:
    """What screen readers announce at a stop, by its number from 1."""
    stop = TOUR[number - 1]
    return f"Stop {number} of {len(TOUR)}. {stop.title} {stop.text}"


def draw_bar(number: int) -> DeltaGenerator:
    """Draw the bar of one stop, and switch to another stop if one of its buttons was pressed.

    Args:
        number: Number of the stop, from 1.

    Returns:
        The container for `return_button`, which needs the page to be drawn first.
    """
    stop = TOUR[number - 1]
    if st.session_state.get("page") == "tour":  # the page of the run before this one
        st.session_state[STARTS] = st.session_state.get(STARTS, 0) + 1
    with st.container(key="tour_bar", horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{stop.title}** {stop.text}", width="stretch")
        with st.container(key="tour_steps", width="content", horizontal_alignment="right"):
            place = st.container(key="tour_place")
            target = _navigation_buttons(number) or st.session_state.pop(REOPENED_STOP, 0)
    if starts := st.session_state.get(STARTS):
        focus(".st-key-tour_bar [data-testid=stMarkdown]", str(starts), key="tour_focus")
    if target:
        st.switch_page(page_script_of(TOUR[target - 1]), query_params=tour_stop_query(target))
    return place


def _navigation_buttons(number: int) -> int:
    """Draw the navigation buttons; return the number of the stop to open, or 0 for none."""
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
            st.button("Finish", type="primary", key="tour_finish", on_click=leave_tour)
        st.button(
            "Leave the tour",  # for screen readers: the style sheet shows only the icon
            icon=":material/close:",
            type="tertiary",
            key="tour_leave",
            help="Leave the tour; the page stays as it is",
            on_click=leave_tour,
        )
    return number - 1 if back else number + 1 if on else 0


def leave_tour() -> None:
    """Leave the tour; a callback."""
    change_shell({"tour": 0})


def return_button(place: DeltaGenerator, number: int, page: str) -> None:
    """Show a button that returns to the stop's own view, if the visitor has changed it.

    Args:
        place: The container that `draw_bar` returned.
        number: Number of the stop, from 1.
        page: Name of the page that is shown.
    """
    stop = TOUR[number - 1]
    if not shows_stop(stop, page):
        # It is no link: Streamlit does not update the address for a link to the current page.
        place.button(
            "Back to the stop's picture",
            icon=":material/undo:",
            type="tertiary",
            key="tour_again",
            on_click=_reopen_stop,
            args=(number,),
        )


def _reopen_stop(number: int) -> None:
    """Let the next run open the stop again before it draws the page; a callback."""
    st.session_state[REOPENED_STOP] = number


def shows_stop(stop: Stop, page: str) -> bool:
    """Return whether the page's address, which it has just written, is the stop's."""
    return page == stop.page and page_query() == dict(parse_qsl(stop.query))
