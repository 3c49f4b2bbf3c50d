"""The frame of every page: its state, its heading with a menu, its tabs, and its refusal.

A refusal is a sentence with a button, in place of a picture that cannot be drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import SpecError
from viz.page.session import PageState, S, bind_widget, change_settings
from viz.page.words import error_sentence
from viz.params import Settings
from viz.server import torch_start

TORCH_POLL_S = 1.0
"""Seconds between two looks at whether torch is loaded."""


@contextmanager
def page_state(page: str, settings: type[S], *, warm: bool = True) -> Iterator[PageState[S]]:
    """The state of a page for one run of its script; the link is updated when the run ends.

    Args:
        page: Name of the page.
        settings: Class of its settings.
        warm: Whether to load torch before the page draws anything.
    """
    if warm:
        warm_up()
    state = PageState(page, settings)
    yield state
    state.publish()


def warm_up() -> None:
    """Load torch with a placeholder on the page: it takes seconds once after the server's start."""
    if not torch_start.is_warm():
        skeleton = st.skeleton(height=460)
        torch_start.warm()
        skeleton.empty()


def draw_again_with_torch() -> None:
    """Load torch in the background, if that is not done yet, and draw the page again with it.

    The import begins when the browser, having drawn the page, polls for the first time: before,
    it would share the interpreter with the requests for the page's files.
    """
    if torch_start.is_warm():
        return
    polls = count()

    @st.fragment(run_every=TORCH_POLL_S)
    def follow() -> None:
        if not next(polls):
            return
        if torch_start.is_warm():
            st.rerun()
        torch_start.warm_in_background()

    follow()


def heading(title: str, sentence: str) -> DeltaGenerator:
    """Draw the heading of a page: its title, and one sentence below it.

    Args:
        title: What is shown, in Markdown.
        sentence: What this is, and what to do first, in Markdown; "" for none.

    Returns:
        The container at the right of the title, for the menu that saves files.
    """
    with st.container(key="heading", horizontal=True, vertical_alignment="center"):
        st.title(title, anchor=False)
        menu = st.container(width="content")
    if sentence:
        st.markdown(sentence)
    return menu


def open_tab(
    values: Settings, labels: Mapping[str, str], parameter: str = "tab"
) -> tuple[str, DeltaGenerator]:
    """Draw the row of tabs; returns the name of the open tab in the link, and its container.

    Args:
        values: Settings of the page.
        labels: Label on the page by name in the link.
        parameter: Name of the parameter whose value is the label of the open tab.
    """
    tabs = st.tabs(
        list(labels.values()), key=bind_widget(parameter, values[parameter]), on_change="rerun"
    )
    number = list(labels.values()).index(values[parameter])
    return list(labels)[number], tabs[number]


def draw_refusal(
    page: str,
    error: SpecError | None,
    button_label: str,
    button_values: Mapping[str, Any],
    smaller_change: tuple[str, Mapping[str, Any]] | None = None,
) -> None:
    """Draw a refusal: why there is no picture, and a button that sets values for which there is one.

    Args:
        page: Name of the page.
        error: The reason; None if the page shows it already.
        button_label: Label of the button.
        button_values: Values that the button sets, by name of the setting.
        smaller_change: Label and values of a button that changes less, which then comes first.
    """
    if error:
        st.warning(error_sentence(error))
    if smaller_change:
        st.button(
            smaller_change[0],
            on_click=change_settings,
            args=(page, smaller_change[1]),
            type="primary",
        )
    st.button(
        button_label,
        on_click=change_settings,
        args=(page, button_values),
        type="secondary" if smaller_change else "primary",
        key=f"{page}_start_over",
    )
