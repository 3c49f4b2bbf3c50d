"""The exercises page: endless practice questions with feedback, and interview questions."""

from __future__ import annotations

import streamlit as st

from viz.features.exercises import controls
from viz.features.exercises.params import PAGE, TABS, ExerciseSettings
from viz.features.exercises.tabs import DRAW
from viz.page import frame
from viz.page.session import PageState

TITLE = "Exercises: predict, then see it worked out"
SENTENCE = (
    "Answer the question before anything is shown; then you see the solution, and the layer or "
    "network in motion."
)


def page() -> None:
    """Read the settings from the URL, write them back, and show the controls and the open tab."""
    state = PageState(PAGE, ExerciseSettings)
    controls.drop_unfitting_answers(state)
    values = state.values
    state.update_widgets()
    # The URL is written before anything is drawn, and nothing below changes a setting: a visitor
    # who presses Enter again interrupts this run, which must not lose the answer.
    state.publish()
    state.show_warnings()
    frame.heading(TITLE, SENTENCE)  # before the widgets: another page's title is seen at once
    if values.tab == TABS["practice"]:
        with st.sidebar:
            controls.sidebar(values)
    name, place = frame.open_tab(values, TABS)
    with place:
        if values.answer:
            frame.warm_up()
        DRAW[name](values)


page()
