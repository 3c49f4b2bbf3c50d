"""The tour page: the list of all stops of the guided tour, and the button that starts it."""

from __future__ import annotations

import streamlit as st

from viz.lessons.tour import TOUR, Stop
from viz.page import frame
from viz.page.links import page_script_of, tour_stop_query
from viz.page.session import shell_query
from viz.params import Settings

PAGE = "tour"
COLUMNS = 3
"""Columns of stops beside each other, where there is room."""


def _start_button(number: int) -> None:
    """Show the button that opens the first stop, or stop ``number`` if it is not 0."""
    label = f"Go on at stop {number}" if number else "Start the tour"
    if st.button(label, type="primary", key="tour_start", icon=":material/play_arrow:"):
        st.switch_page(
            page_script_of(TOUR[(number or 1) - 1]), query_params=tour_stop_query(number or 1)
        )


def _stop_links(stops: tuple[Stop, ...]) -> None:
    """Show stops, each as a link with its text."""
    for stop in stops:
        number = TOUR.index(stop) + 1
        with st.container(key=f"tour_stop_{stop.name}", gap=None):
            st.page_link(
                page_script_of(stop),
                label=f"{number}. {stop.title}",
                query_params=tour_stop_query(number),
            )
            st.markdown(stop.text)


def page() -> None:
    """Show the tour page."""
    with frame.page_state(PAGE, Settings, warm=False) as state:
        state.show_warnings()
        frame.heading(
            f"From a stride to what a ResNet unit sees, in {len(TOUR)} stops",
            "Each stop opens a page as a lecture wants it: change its settings as you like, the tour "
            "leads back. *Page Down* goes on, *Page Up* back, on a keyboard or a presenter; the "
            "address keeps the place.",
        )
        _start_button(int(shell_query().get("tour", 0)))
        columns = st.columns(COLUMNS, gap="large")
        for number, column in enumerate(columns):
            with column:
                _stop_links(
                    TOUR[len(TOUR) * number // COLUMNS : len(TOUR) * (number + 1) // COLUMNS]
                )
        st.caption("The same pictures as slides: `python -m viz.slides tour out.zip`.")


page()
