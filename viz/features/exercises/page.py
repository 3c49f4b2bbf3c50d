"""Exercises: questions without end, judged at once, and the interview questions of the field."""

from __future__ import annotations

import streamlit as st

from viz.features.exercises import controls
from viz.features.exercises.params import PAGE, PARAMS, TABS
from viz.features.exercises.tabs import DRAW
from viz.page.session import PageState, give
from viz.server import torch_start


def page() -> None:
    """Adopt the URL, publish it, draw the widgets and the open tab."""
    state = PageState(PAGE, PARAMS)
    values = state.values
    controls.keep_answer(state)
    state.place()
    # Nothing drawn below changes a value. Before the drawing, as who types fast presses Enter
    # again while a player is still on its way: an interrupted run must not forget the answer.
    state.publish()
    state.tell()
    if values["tab"] == TABS["practice"]:
        with st.sidebar:
            controls.sidebar(values)
    tabs = st.tabs(list(TABS.values()), key=give(values, "tab"), on_change="rerun")
    for tab, (name, label) in zip(tabs, TABS.items(), strict=True):
        if values["tab"] == label:
            with tab:
                if values["answer"] and not torch_start.is_warm():
                    torch_start.warm()
                DRAW[name](values)


page()
