"""Links to the stops of the guided tour, in the form that `st.page_link` takes."""

from __future__ import annotations

from urllib.parse import parse_qsl

from viz.lessons.tour import TOUR, Stop
from viz.page.session import shell_query

PAGES_FOLDER = "../features"
"""Path of the folder of all pages, relative to the script that Streamlit runs."""


def page_script_of(stop: Stop) -> str:
    """Path of the page that a stop opens, for `st.page_link`."""
    return f"{PAGES_FOLDER}/{stop.page}/page.py"


def tour_stop_query(number: int) -> dict[str, str]:
    """URL parameters of the link to a stop, counted from 1; presentation mode stays as it is."""
    return {**dict(parse_qsl(TOUR[number - 1].query)), **shell_query(tour=number)}
