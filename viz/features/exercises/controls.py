"""The sidebar of the exercises page, and the callbacks that change its state."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import streamlit as st

from viz.features.exercises.params import (
    MAX_ANSWER,
    PAGE,
    START,
    ExerciseSettings,
    class_link,
    question,
)
from viz.lessons.exercises import (
    GIVEN_UP,
    KINDS,
    MAX_NUMBER,
    MAX_SEED,
    answer_format,
    judge,
)
from viz.lessons.exercises.interview import INTERVIEWS
from viz.page.session import PageState, bind_widget, change, current
from viz.page.widgets import widget
from viz.params import query

PAGES_FOLDER = "../features"
HINT, MOVES = "exercise_hint", "exercise_moves"
"""Session keys: what was no answer, and how often the keyboard has been moved."""


def _moved(values: Mapping[str, Any]) -> None:
    """Other values, and the keyboard goes where one goes on."""
    change(PAGE, values)
    st.session_state[MOVES] = st.session_state.get(MOVES, 0) + 1
    st.session_state.pop(HINT, None)


def sidebar(values: ExerciseSettings) -> None:
    """Which questions are asked."""
    st.multiselect(
        "kinds — of question",
        list(KINDS),
        format_func=lambda name: KINDS[name].label,
        key=_chosen(values),
        placeholder="all of them, in turn",
        on_change=_on_kinds,
    )
    widget(values, "level", on_change=_restart)
    widget(values, "code", on_change=_restart)
    st.page_link(
        f"{PAGES_FOLDER}/{PAGE}/page.py",
        label="Link for the class",
        icon=":material/group:",
        query_params=query(ExerciseSettings.params(), class_link(values)),
        help="Opens the first of these questions, without a score: the same ones for everybody.",
    )
    st.button("New questions", icon=":material/casino:", on_click=_on_new,
              help="Draws another class code and starts from the first question.")  # fmt: skip
    st.button("Start over", icon=":material/restart_alt:", on_click=_restart,
              help="The first question again; the score starts anew.")  # fmt: skip


def _chosen(values: ExerciseSettings) -> str:
    """The widget holds a list, the state a tuple, which can be part of a key."""
    return bind_widget("kinds_chosen", list(values.kinds), *values.kinds)


def _on_kinds() -> None:
    change(PAGE, {**START, "kinds": tuple(st.session_state["kinds_chosen"])})
    st.session_state.pop(HINT, None)


def _restart() -> None:
    change(PAGE, START)
    st.session_state.pop(HINT, None)


def _on_new() -> None:
    change(PAGE, {**START, "code": secrets.randbelow(MAX_SEED + 1)})
    st.session_state.pop(HINT, None)


def answer_key(values: ExerciseSettings) -> str:
    """The field of one question: the next one starts empty."""
    place = (*values.kinds, values.level, values.code, values.number)
    return "answer_" + "_".join(map(str, place))


def keep_answer(page: PageState[ExerciseSettings]) -> None:
    """Let go of a link's answers that are none of their question's form, and say what would be."""
    values = page.values
    asked = question(values)
    if values.answer and judge(asked, values.answer).right is None:
        page.values = replace(page.values, answer="")
        page.ignore(f"`answer` must be {answer_format(asked)}")
    options = len(INTERVIEWS[values.interview].options)
    if values.guess > options:
        page.ignore(f"`guess` must be from 1 to {options} here (got `{values.guess}`)")
        page.values = replace(page.values, guess=0)


def on_submit(key: str) -> None:
    """Enter, or the button: judge what is typed; what is no answer costs nothing."""
    submit(str(st.session_state.get(key, "")))


def submit(text: str) -> None:
    """Judge an answer. The first one counts; the link keeps it."""
    values = current(PAGE, ExerciseSettings)
    if values.answer:
        return  # this question is answered
    verdict = judge(question(values), text)
    if verdict.right is None:
        place = answer_key(values)
        st.session_state[HINT] = (place, verdict.message)
        return
    kept = "".join(c for c in text if c.isprintable()).strip()[:MAX_ANSWER]
    _moved({"answer": kept, "score": values.score.after(verdict.right)})


def on_give_up() -> None:
    """Show the solution; it counts as asked."""
    submit(GIVEN_UP)


def on_next() -> None:
    """The next question."""
    number = current(PAGE, ExerciseSettings).number
    _moved({"number": number % (MAX_NUMBER + 1) + 1, "answer": ""})


def on_guess(index: int) -> None:
    """A prediction in an interview question; it stands."""
    if not current(PAGE, ExerciseSettings).guess:
        _moved({"guess": index + 1})


def on_interview(step: int) -> None:
    """Go to another interview question."""
    names = list(INTERVIEWS)
    place = names.index(current(PAGE, ExerciseSettings).interview)
    _moved({"interview": names[(place + step) % len(names)], "guess": 0})


def on_interview_chosen() -> None:
    """An interview question was chosen from the list: nothing is predicted yet."""
    change(PAGE, {"guess": 0})
