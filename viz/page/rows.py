"""Lists and tables in which a visitor chooses a row."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from urllib.parse import urlencode

import streamlit as st

from viz.components.row_links.row_links import row_links
from viz.params import Settings


def link_to(values: Settings) -> str:
    """Address of the open page with other settings, for a link on it."""
    return f"?{urlencode(values.query())}"


def choice_rows(
    html: str,
    key: str,
    choices: Collection[str],
    chosen: str,
    on_choice: Callable[[str], None],
) -> None:
    """Draw HTML in which each row is a link that chooses it.

    Args:
        html: Links with ``data-choice``, such as the tables of `viz.page.tables` have.
        key: Lower-case letters and ``_``; unique on the page.
        choices: The choices that exist; the browser can send any others, which are ignored.
        chosen: The present choice; "" for none.
        on_choice: Callback of a choice.
    """
    widget = f"rows_{key}_choice"
    with st.container(key=f"rows_{key}"):
        st.html(html)
        row_links(
            f".st-key-rows_{key}",
            chosen,
            key=widget,
            on_choice=partial(_on_choice, widget, choices, on_choice),
        )


def _on_choice(widget: str, choices: Collection[str], on_choice: Callable[[str], None]) -> None:
    """Callback of a click: passes on the choice that the browser has sent, if it exists."""
    sent = st.session_state[widget].get("choice")
    if isinstance(sent, str) and sent in choices:
        on_choice(sent)
