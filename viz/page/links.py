"""Links to the stops of the tour, as Streamlit wants them."""

from __future__ import annotations

from urllib.parse import parse_qsl

from viz.lessons.tour import TOUR, Stop
from viz.page.session import shell_query

PAGES_FOLDER = "../features"
"""From the script that Streamlit runs."""


def file_of(stop: Stop) -> str:
    """The page that a stop opens, as Streamlit's links want it."""
    return f"{PAGES_FOLDER}/{stop.page}/page.py"


def stop_query(number: int) -> dict[str, str]:
    """The parameters of the link that opens a stop, 1 the first, in the mode on show."""
    return {**dict(parse_qsl(TOUR[number - 1].query)), **shell_query(tour=number)}
