"""The tabs of the exercises page: practice questions and interview questions."""

from __future__ import annotations

from typing import Any

import streamlit as st

from core.errors import SpecError
from core.text import sentence_case
from viz.choices import board as choices_board
from viz.choices import layer, network_analysis
from viz.choices.network import OWN, Network
from viz.components.cone.cone import cone
from viz.components.focus.focus import focus
from viz.components.player.player import player
from viz.features.exercises import compute, controls
from viz.features.exercises.controls import FOCUS_MOVES_KEY, HINT_KEY, PAGES_FOLDER
from viz.features.exercises.params import (
    EXPERIMENT_LINKS,
    ExerciseSettings,
    Score,
    board_values,
    current_question,
    network_values,
    shows_fewer_channels,
    unit_of,
)
from viz.features.exercises.picture import picture
from viz.features.fields.params import FieldSettings
from viz.features.sweep.params import SweepSettings
from viz.lessons.exercises import (
    KINDS,
    Feedback,
    LayerSubject,
    NetworkSubject,
    Question,
    answer_format,
    judge,
    letter,
)
from viz.lessons.exercises.interview import INTERVIEWS
from viz.page import words
from viz.page.tables import table
from viz.page.widgets import widget
from viz.page.words import error_sentence
from viz.params import query


def practice_tab(values: ExerciseSettings) -> None:
    """Show the current question and the field for its answer, or the feedback on the answer."""
    current = current_question(values)
    verdict = judge(current, values.answer) if values.answer else None
    _heading_and_score(current, values)
    _question_view(current)
    if verdict is None:
        _answer_field(current, values)
    else:
        _verdict_view(verdict, values)
    _focus_element(".st-key-next_question button" if verdict else ".st-key-answer_here input")
    if verdict:
        _demonstration(current)
    st.caption(
        "The score stands in the address of this page, like everything else. Nobody checks it: it "
        "is as honest as whoever answers."
    )


def _focus_element(selector: str) -> None:
    """Focus the element with this CSS selector after each move of `controls.FOCUS_MOVES_KEY`."""
    focus(selector, str(st.session_state.get(FOCUS_MOVES_KEY, 0)), key="exercise_focus")


def _heading_and_score(current: Question, values: ExerciseSettings) -> None:
    """Show number and kind of the question, and the score beside them."""
    score: Score = values.score
    level = KINDS[current.kind].levels[current.level - 1]
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        title = f"{values.number} · {KINDS[current.kind].label}: {level}"
        st.header(title, anchor=False, width="content")
        st.markdown(f"**{_score_words(score)}**", width="content")


def _score_words(score: Score) -> str:
    """Return the score in words: ``3 of 5 right · 2 in a row``."""
    if not score.answered:
        return "no answer yet"
    streak = f" · {score.streak} in a row" if score.streak > 1 else ""
    best = f" · longest {score.best}" if score.best > max(score.streak, 1) else ""
    return f"{score.right} of {score.answered} right{streak}{best}"


def _question_view(current: Question) -> None:
    """Show the question, with a drawing beside it if there is one."""
    drawing = picture(current)
    if drawing is None:
        _question_text(current)
        return
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _question_text(current)
    with right:
        st.image(drawing.svg, alt=drawing.alt, width="content")


def _question_text(current: Question) -> None:
    """Show the question's text and its code."""
    st.markdown(current.text)
    if current.code:
        st.code(current.code, language="python")


def _answer_field(current: Question, values: ExerciseSettings) -> None:
    """Show the field for the answer, its hint, and the button that shows the solution."""
    key = controls.answer_widget_key(values)
    if current.options:
        _option_buttons(current)
    with st.form("exercise", border=False, width=620):
        with st.container(horizontal=True, vertical_alignment="bottom", key="answer_here"):
            st.text_input(
                f"Your answer: {answer_format(current)}", key=key, max_chars=200, autocomplete="off"
            )
            st.form_submit_button("Check", type="primary", on_click=controls.on_submit, args=(key,))
    hint = st.session_state.get(HINT_KEY)
    if hint and hint[0] == key:
        st.info(f"{hint[1]} This did not count.", icon=":material/help:")
    st.button("Show the solution", type="tertiary", on_click=controls.on_give_up,
              help="Counts as answered, not as right.")  # fmt: skip


def _option_buttons(current: Question) -> None:
    """Show a button for each option, which submits it as the answer."""
    with st.container(horizontal=True):
        for index, option in enumerate(current.options):
            st.button(
                sentence_case(option),
                key=f"option_{letter(index)}",
                on_click=controls.submit_answer,
                args=(letter(index),),
            )


def _verdict_view(verdict: Feedback, values: ExerciseSettings) -> None:
    show, icon = (st.success, "check") if verdict.right else (st.error, "close")
    if values.answer.strip() == "?":
        show, icon = st.info, "lightbulb"
    show(verdict.message, icon=f":material/{icon}:")
    st.button("Next question", type="primary", icon=":material/arrow_forward:",
              key="next_question", on_click=controls.on_next)  # fmt: skip
    st.header("Worked solution", anchor=False)
    st.markdown(verdict.solution)


# --- See it move --------------------------------------------------------------------------------


def _demonstration(current: Question) -> None:
    """Show the question's layer or network in motion, or why it cannot be shown."""
    st.header("See it move", anchor=False)
    try:
        if isinstance(current.subject, LayerSubject):
            _player_view(current, current.subject)
        else:
            _cone_view(current, current.subject)
    except SpecError as error:
        st.info(f"It cannot be shown here. {error_sentence(error)}")


def _question_identity(current: Question) -> str:
    """Return a text that identifies the question among all questions."""
    return f"{current.kind} {current.level} {current.seed} {current.number}"


def _player_view(current: Question, subject: LayerSubject) -> None:
    """Show the sweep player with the question's layer."""
    values = board_values(subject)
    board = layer.board_spec(layer.BoardSettings.of(values))
    payload = choices_board.player_data(board) | {"editable": {"kernel": False, "input": False}}
    output = choices_board.sweep(board).output.shape
    if shows_fewer_channels(subject):
        st.caption(
            f"Shown with {board.layer.in_channels} → {output[0]} channels: a board has few; the "
            "windows are the same."
        )
    st.page_link(f"{PAGES_FOLDER}/sweep/page.py", label="Open on the board", icon=":material/grid_on:",
                 query_params=query(SweepSettings.params(), values))  # fmt: skip
    player(
        [payload | {"name": ""}],
        layer.PlayerView.of(values).flat,
        {
            "level": 3, "presets": [], "preset": None, "comparisons": {"off": "one layer"}, "compare": "off",
            "sizes": [choices_board.size_line_data(board)],
        },
        identity=_question_identity(current),
        token=_question_identity(current),
        key="exercise_player",
        callbacks={"view": _ignore_view},
    )  # fmt: skip


def _ignore_view() -> None:
    """Ignore that the view of the player or the cone changes: the link holds the question only."""


def _cone_view(current: Question, subject: NetworkSubject) -> None:
    """Show the receptive-field cone of the question's network."""
    network = Network(OWN, subject.network, "", subject.input_size)
    analysis = network_analysis.analysis(network)
    size = subject.input_size[1:]
    st.page_link(f"{PAGES_FOLDER}/fields/page.py", label="Open under Receptive fields",
                 icon=":material/filter_center_focus:",
                 query_params=query(FieldSettings.params(), network_values(subject)))  # fmt: skip
    cone(
        network_analysis.cone_network(network),
        {"layer": analysis.deepest.node.name, "unit": unit_of(subject), "axis": 1, "down": False,
         "zoom": False, "grid": None},
        title=f"{KINDS[current.kind].label}, on {words.times(size)}",
        picture=network_analysis.picture_data_url("china", size),
        identity=_question_identity(current),
        token=_question_identity(current),
        key="exercise_cone",
        on_view=_ignore_view,
    )  # fmt: skip


# --- Interview questions ------------------------------------------------------------------------


def interview_tab(values: ExerciseSettings) -> None:
    """Show an interview question: its options or, after the prediction, the experiment's result."""
    name, guess = values.interview, values.guess
    row = INTERVIEWS[name]
    widget(values, "interview", on_change=controls.on_interview_chosen)
    st.header(row.title, anchor=False)
    st.markdown(row.ask)
    answered = 0 < guess <= len(row.options)
    if answered:
        _interview_answer(name, guess - 1)
    else:
        _prediction_buttons(name)
    with st.container(horizontal=True):
        st.button("Question before", icon=":material/arrow_back:", key="interview_before",
                  on_click=controls.on_interview_step, args=(-1,))  # fmt: skip
        st.button("Next question", icon=":material/arrow_forward:", key="interview_next",
                  on_click=controls.on_interview_step, args=(1,),
                  type="primary" if answered else "secondary")  # fmt: skip
    first = ".st-key-interview_next button" if answered else ".st-key-interview_options button"
    if st.session_state.get(FOCUS_MOVES_KEY):
        _focus_element(first)


def _prediction_buttons(name: str) -> None:
    """Show a button for each option of an interview question that is not answered yet."""
    st.caption("Predict first: choose an answer. The numbers are made when you do.")
    with st.container(key="interview_options"):
        for index, (label, _) in enumerate(INTERVIEWS[name].options):
            st.button(
                f"{letter(index)}: {label}",
                key=f"guess_{name}_{index}",
                on_click=controls.on_guess,
                args=(index,),
            )


def _interview_answer(name: str, guess: int) -> None:
    """Show the experiment's result and the prediction, which is the option at ``guess``."""
    result = compute.interview_result(name)
    marks = {result.correct: " :material/check: the experiment", guess: " ← your prediction"}
    if guess == result.correct:
        marks[guess] = " :material/check: the experiment, and your prediction"
    options = INTERVIEWS[name].options
    st.markdown(
        "\n".join(f"- {_option_line(i, label, marks)}" for i, (label, _) in enumerate(options))
    )
    if guess == result.correct:
        st.success("As you said.", icon=":material/check:")
    else:
        st.error(f"The experiment says: {options[result.correct][0]}.", icon=":material/close:")
    st.html(table("Results of the experiment", result.experiment.heads, result.experiment.rows))
    st.markdown(result.experiment.text)
    page, link = EXPERIMENT_LINKS[name]
    st.page_link(f"{PAGES_FOLDER}/{page}/page.py", label="Open the experiment",
                 icon=":material/science:", query_params=link)  # fmt: skip


def _option_line(index: int, label: str, marks: dict[int, str]) -> str:
    """Return an option as a list item, in bold with its mark if it has one."""
    text = f"{letter(index)}: {label}"
    return f"**{text}**{marks[index]}" if index in marks else text


DRAW: dict[str, Any] = {"practice": practice_tab, "interview": interview_tab}
"""The function that draws each tab."""
