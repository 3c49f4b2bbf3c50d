"""Exercises: questions without end, judged at once, and the interview questions of the field."""

from __future__ import annotations

import streamlit as st

from viz import compute, exercises_controls
from viz.exercises_state import PAGE, PARAMS, TABS
from viz.exercises_tabs import DRAW
from viz.url import PageState, give


def page() -> None:
    """Adopt the URL, publish it, draw the widgets and the open tab."""
    state = PageState(PAGE, PARAMS)
    values = state.values
    exercises_controls.keep_answer(state)
    state.place()
    # Nothing drawn below changes a value. Before the drawing, as who types fast presses Enter
    # again while a player is still on its way: an interrupted run must not forget the answer.
    state.publish()
    state.tell()
    if values["tab"] == TABS["practice"]:
        with st.sidebar:
            exercises_controls.sidebar(values)
    tabs = st.tabs(list(TABS.values()), key=give(values, "tab"), on_change="rerun")
    for tab, (name, label) in zip(tabs, TABS.items(), strict=True):
        if values["tab"] == label:
            with tab:
                if values["answer"] and not compute.is_warm():
                    compute.warm()
                DRAW[name](values)


page()
