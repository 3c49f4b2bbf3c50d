"""Exercises: questions without end, judged at once, and the interview questions of the field."""

from __future__ import annotations

import streamlit as st

from viz.features.exercises import controls
from viz.features.exercises.params import PAGE, TABS, ExerciseSettings
from viz.features.exercises.tabs import DRAW
from viz.page import frame
from viz.page.session import PageState


def page() -> None:
    """Adopt the URL, publish it, draw the widgets and the open tab."""
    state = PageState(PAGE, ExerciseSettings)
    controls.keep_answer(state)
    values = state.values
    state.update_widgets()
    # Nothing drawn below changes a value. Before the drawing, as who types fast presses Enter
    # again while a player is still on its way: an interrupted run must not forget the answer.
    state.publish()
    state.show_warnings()
    if values.tab == TABS["practice"]:
        with st.sidebar:
            controls.sidebar(values)
    name, place = frame.open_tab(values, TABS)
    with place:
        if values.answer:
            frame.warm_up()
        DRAW[name](values)


page()
