"""The sidebar of the exercises page, and the callbacks that change its state."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from viz.features.exercises.params import (
    FIRST_QUESTION,
    MAX_ANSWER,
    PAGE,
    ExerciseSettings,
    class_settings,
    current_question,
)
from viz.lessons.exercises import (
    GIVE_UP,
    KINDS,
    MAX_NUMBER,
    MAX_SEED,
    answer_format,
    judge,
)
from viz.lessons.exercises.interview import INTERVIEWS
from viz.page.session import PageState, bind_widget, change_settings, current_settings
from viz.page.widgets import widget
from viz.params import query

PAGES_FOLDER = "../features"
HINT_KEY, FOCUS_MOVES_KEY = "exercise_hint", "exercise_moves"
"""Session keys of the hint about an unreadable answer, and of the number of focus moves."""


def _change_and_focus(values: Mapping[str, Any]) -> None:
    """Change settings, drop the hint, and move the focus to the next control to use."""
    change_settings(PAGE, values)
    st.session_state[FOCUS_MOVES_KEY] = st.session_state.get(FOCUS_MOVES_KEY, 0) + 1
    st.session_state.pop(HINT_KEY, None)


def sidebar(values: ExerciseSettings) -> None:
    """Show the controls that choose the series of questions."""
    st.multiselect(
        "kinds — of question",
        list(KINDS),
        format_func=lambda name: KINDS[name].label,
        key=_bind_kinds_widget(values),
        placeholder="all of them, in turn",
        on_change=_on_kinds,
    )
    widget(values, "level", on_change=_restart)
    widget(values, "code", on_change=_restart)
    st.page_link(
        f"{PAGES_FOLDER}/{PAGE}/page.py",
        label="Link for the class",
        icon=":material/group:",
        query_params=query(ExerciseSettings.params(), class_settings(values)),
        help="Opens the first of these questions, without a score: the same ones for everybody.",
    )
    st.button("New questions", icon=":material/casino:", on_click=_on_new_code,
              help="Draws another class code and starts from the first question.")  # fmt: skip
    st.button("Start over", icon=":material/restart_alt:", on_click=_restart,
              help="The first question again; the score starts anew.")  # fmt: skip


def _bind_kinds_widget(values: ExerciseSettings) -> str:
    """Bind the widget for the kinds to the settings, and return its key.

    The widget's value is a list, that of the settings a tuple.
    """
    return bind_widget("kinds_chosen", list(values.kinds), *values.kinds)


def _on_kinds() -> None:
    """Begin a series of the chosen kinds; a callback."""
    change_settings(PAGE, {**FIRST_QUESTION, "kinds": tuple(st.session_state["kinds_chosen"])})
    st.session_state.pop(HINT_KEY, None)


def _restart() -> None:
    """Begin the series again; a callback."""
    change_settings(PAGE, FIRST_QUESTION)
    st.session_state.pop(HINT_KEY, None)


def _on_new_code() -> None:
    """Begin another series with a random class code; a callback."""
    change_settings(PAGE, {**FIRST_QUESTION, "code": secrets.randbelow(MAX_SEED + 1)})
    st.session_state.pop(HINT_KEY, None)


def answer_widget_key(values: ExerciseSettings) -> str:
    """Return the key of the answer's field; each question has its own, so that it starts empty."""
    place = (*values.kinds, values.level, values.code, values.number)
    return "answer_" + "_".join(map(str, place))


def drop_unfitting_answers(page: PageState[ExerciseSettings]) -> None:
    """Drop an answer or guess in the link that does not fit its question, and report it."""
    values = page.values
    question = current_question(values)
    if values.answer and judge(question, values.answer).right is None:
        page.values = replace(page.values, answer="")
        page.report_ignored(f"`answer` must be {answer_format(question)}")
    options = len(INTERVIEWS[values.interview].options)
    if values.guess > options:
        page.report_ignored(f"`guess` must be from 1 to {options} here (got `{values.guess}`)")
        page.values = replace(page.values, guess=0)


def on_submit(key: str) -> None:
    """Submit the text in the field with this key; a callback."""
    submit_answer(str(st.session_state.get(key, "")))


def submit_answer(text: str) -> None:
    """Judge an answer and store it in the link with the new score.

    Only the first answer to a question counts. An unreadable text leads to a hint and does not
    count.
    """
    values = current_settings(PAGE, ExerciseSettings)
    if values.answer:
        return  # this question is answered
    verdict = judge(current_question(values), text)
    if verdict.right is None:
        st.session_state[HINT_KEY] = (answer_widget_key(values), verdict.message)
        return
    answer = "".join(c for c in text if c.isprintable()).strip()[:MAX_ANSWER]
    _change_and_focus({"answer": answer, "score": values.score.after(verdict.right)})


def on_give_up() -> None:
    """Show the solution, which counts as a wrong answer; a callback."""
    submit_answer(GIVE_UP)


def on_next() -> None:
    """Go to the next question; a callback."""
    number = current_settings(PAGE, ExerciseSettings).number
    _change_and_focus({"number": number % (MAX_NUMBER + 1) + 1, "answer": ""})


def on_guess(index: int) -> None:
    """Store the prediction, the option at ``index``, unless there is one already; a callback."""
    if not current_settings(PAGE, ExerciseSettings).guess:
        _change_and_focus({"guess": index + 1})


def on_interview_step(step: int) -> None:
    """Go to the interview question ``step`` positions further on in the list; a callback."""
    names = list(INTERVIEWS)
    index = names.index(current_settings(PAGE, ExerciseSettings).interview)
    _change_and_focus({"interview": names[(index + step) % len(names)], "guess": 0})


def on_interview_chosen() -> None:
    """Drop the prediction because another question was chosen from the list; a callback."""
    change_settings(PAGE, {"guess": 0})
