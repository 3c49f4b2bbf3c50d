"""What all pages have in common: torch is loaded, the link is read and written, the heading has
a menu beside it, one tab is open, and where nothing can be drawn there is a sentence and a button.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from viz.page.session import PageState, S, bind_widget, change
from viz.page.words import sentence
from viz.params import Settings
from viz.server import torch_start


@contextmanager
def page_state(page: str, settings: type[S], *, warm: bool = True) -> Iterator[PageState[S]]:
    """One run of a page: its state follows the link, and the link follows the state at the end.

    Args:
        page: name of the page.
        settings: class of its settings.
        warm: whether nothing of the page is drawn before torch is loaded.
    """
    if warm:
        warm_up()
    state = PageState(page, settings)
    yield state
    state.publish()


def warm_up() -> None:
    """Load torch, which takes seconds in the first run after the server has started."""
    if not torch_start.is_warm():
        skeleton = st.skeleton(height=460)
        torch_start.warm()
        skeleton.empty()


def heading(text: str) -> DeltaGenerator:
    """The heading of a page; returns the place beside it, where the menu for files goes."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"
    ):
        st.markdown(f"#### {text}", width="content")
        return st.container(width="content")


def open_tab(
    values: Settings, labels: Mapping[str, str], parameter: str = "tab"
) -> tuple[str, DeltaGenerator]:
    """The row of tabs; returns the open one's name in the link, and the place inside of it.

    Args:
        values: of the page.
        labels: name in the link: label on the page.
        parameter: whose value is the open tab's label.
    """
    tabs = st.tabs(
        list(labels.values()), key=bind_widget(parameter, values[parameter]), on_change="rerun"
    )
    number = list(labels.values()).index(values[parameter])
    return list(labels)[number], tabs[number]


def refuse(
    page: str,
    error: SpecError | None,
    label: str,
    values: Mapping[str, Any],
    smaller_change: tuple[str, Mapping[str, Any]] | None = None,
) -> None:
    """Why there is nothing to see, and a button to values with which there is.

    Args:
        page: name of the page.
        error: None where the reason stands on the page already.
        label: of the button.
        values: what the button changes.
        smaller_change: label and values of a button with a smaller change, which then comes first.
    """
    if error:
        st.warning(sentence(error))
    if smaller_change:
        st.button(
            smaller_change[0], on_click=change, args=(page, smaller_change[1]), type="primary"
        )
    st.button(
        label,
        on_click=change,
        args=(page, values),
        type="secondary" if smaller_change else "primary",
        key=f"{page}_start_over",
    )
