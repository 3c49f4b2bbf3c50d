"""The exercises page as a visitor meets it: answers of all sorts, links, the score, nonsense."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.viz.html_tables import table_of
from tests.viz.visit import open_page
from viz.features.exercises.compute import interview_result
from viz.features.exercises.params import ExerciseSettings
from viz.lessons.exercises import KINDS, LEVELS, answer_text, question, series
from viz.lessons.exercises.interview import INTERVIEWS

MAIN = Path(__file__).parents[4] / "viz" / "shell" / "main.py"
DEFAULTS = ExerciseSettings()
FIRST = series(tuple(KINDS), DEFAULTS.level, DEFAULTS.code, 0)


def visit(query: Mapping[str, str] | None = None) -> AppTest:
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(app, "exercises")
    for name, value in (query or {}).items():
        app.query_params[name] = value
    return run(app)


def run(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def url_of(app: AppTest) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else value[-1]
        for name, value in app.query_params.items()
    }


def words_of(app: AppTest) -> str:
    said = [
        *app.title,
        *app.header,
        *app.markdown,
        *app.caption,
        *app.success,
        *app.error,
        *app.info,
    ]
    return "\n".join(each.value for each in said)


def button(app: AppTest, label: str) -> object:
    return next(each for each in app.button if each.label == label)


def answer(app: AppTest, text: str) -> AppTest:
    app.text_input[0].set_value(text)
    button(app, "Check").click()
    return run(app)


def drawn(app: AppTest) -> int:
    """Components on the page: the one that moves the keyboard, and the player or the cone."""
    names = [each.proto.component_name for each in app.get("bidi_component")]
    return sum(name in ("strides.focus", "strides.player", "strides.cone") for name in names)


def test_opens_with_a_question_and_an_empty_link() -> None:
    app = visit()
    assert FIRST.text in words_of(app)
    assert "no answer yet" in words_of(app)
    assert "as honest as whoever answers" in words_of(app)
    assert url_of(app) == {}
    assert not app.warning
    assert drawn(app) == 1


def test_a_right_answer_is_praised_counted_and_shown_moving() -> None:
    right = answer_text(FIRST, FIRST.answer)
    app = answer(visit(), right)
    assert app.success[0].value == f"Right: **{right}**."
    assert FIRST.solution in words_of(app)
    assert "1 of 1 right" in words_of(app)
    assert url_of(app) == {"answer": right, "score": "1.1.1.1"}
    assert drawn(app) == 2
    assert not app.text_input
    app.button(key="next_question").click()
    app = run(app)
    assert url_of(app) == {"number": "2", "score": "1.1.1.1"}
    assert series(tuple(KINDS), 1, DEFAULTS.code, 1).text in words_of(app)
    assert app.text_input[0].value == ""


def test_a_known_mistake_is_explained() -> None:
    wrong, why = FIRST.mistakes[0]
    app = answer(visit(), answer_text(FIRST, wrong))
    assert why in app.error[0].value
    assert f"**{answer_text(FIRST, FIRST.answer)}**" in app.error[0].value
    assert url_of(app)["score"] == "0.1.0.0"


def test_rubbish_gets_a_hint_and_does_not_count() -> None:
    app = answer(visit(), "perhaps 9.4k")
    assert "This did not count." in app.info[0].value
    assert url_of(app) == {}
    assert not app.error
    app = answer(app, answer_text(FIRST, FIRST.answer))
    assert app.success
    assert not app.info


def test_the_solution_can_be_asked_for_and_counts() -> None:
    app = visit({"score": "2.2.2.2"})
    button(app, "Show the solution").click()
    app = run(app)
    assert FIRST.solution in words_of(app)
    assert "2 of 3 right · longest 2" in words_of(app)
    assert url_of(app) == {"answer": "?", "score": "2.3.0.2"}


def test_a_link_from_the_middle_restores_the_place_and_counts_nothing_twice() -> None:
    link = {"kinds": "stack", "level": "2", "code": "42", "number": "5", "score": "3.4.1.2"}
    asked = question("stack", 2, 42, 4)
    link["answer"] = answer_text(asked, asked.answer)
    app = visit(link)
    assert asked.text in words_of(app)
    assert app.success
    assert "3 of 4 right" in words_of(app)
    assert url_of(app) == link
    assert url_of(run(app)) == link


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_and_level_is_asked_answered_and_drawn(kind: str) -> None:
    app = visit({"kinds": kind, "code": "3"})
    for level in LEVELS:
        app.button_group(key="level").set_value(level)
        app = run(app)
        asked = question(kind, level, 3, 0)
        assert asked.text in words_of(app)
        if asked.options:
            app.button(key=f"option_{'ABCDE'[asked.answer]}").click()
            app = run(app)
        else:
            app = answer(app, answer_text(asked, asked.answer))
        assert app.success, asked
        assert drawn(app) == 2, "the player or the cone"
        assert not app.warning
        assert "cannot be shown" not in words_of(app)
        assert url_of(app)["score"] == "1.1.1.1", "another level starts anew"


def test_kinds_code_and_starting_over_begin_a_new_series() -> None:
    app = visit({"number": "7", "score": "3.6.0.2"})
    app.multiselect(key="kinds_chosen").set_value(["cost", "reach"])
    app = run(app)
    assert url_of(app) == {"kinds": "cost.reach"}
    assert series(("cost", "reach"), 1, DEFAULTS.code, 0).text in words_of(app)
    app.number_input(key="code").set_value(99)
    app = run(app)
    assert series(("cost", "reach"), 1, 99, 0).text in words_of(app)
    button(app, "New questions").click()
    app = run(app)
    assert set(url_of(app)) <= {"kinds", "code"}
    assert url_of(app).get("code") != "99"
    app.multiselect(key="kinds_chosen").set_value([])
    assert "kinds" not in url_of(run(app))


def test_two_visitors_of_one_link_get_the_same_questions() -> None:
    first, second = (visit({"code": "123", "level": "2"}) for _ in range(2))
    for _ in range(3):
        assert words_of(first) == words_of(second)
        for app in (first, second):
            button(app, "Show the solution").click()
            run(app)
            app.button(key="next_question").click()
            run(app)


@pytest.mark.parametrize("name", list(INTERVIEWS)[::4])
def test_an_interview_question_is_predicted_and_then_revealed(name: str) -> None:
    app = visit({"tab": "interview", "interview": name})
    found = interview_result(name)
    assert INTERVIEWS[name].ask in words_of(app)
    assert found.experiment.text not in words_of(app), "predict first"
    app.button(key=f"guess_{name}_{found.correct}").click()
    app = run(app)
    assert app.success[0].value == "As you said."
    assert found.experiment.text in words_of(app)
    shown = {cell for row in table_of(app, "Results of the experiment").rows for cell in row}
    cells = {cell for row in found.experiment.rows for cell in row}
    assert {cell.rpartition(" ")[0] or cell for cell in cells - shown} <= shown, "but for units"
    assert url_of(app)["guess"] == str(found.correct + 1)
    app.button(key="interview_next").click()
    app = run(app)
    assert "guess" not in url_of(app)
    assert INTERVIEWS[name].ask not in words_of(app)


def test_a_wrong_prediction_is_told_what_the_experiment_says() -> None:
    found = interview_result("growth")
    app = visit({"tab": "interview", "interview": "growth", "guess": "1"})
    right = INTERVIEWS["growth"].options[found.correct][0]
    assert app.error[0].value == f"The experiment says: {right}."
    assert "← your prediction" in words_of(app)
    app.selectbox(key="interview").set_value("blur")
    app = run(app)
    assert INTERVIEWS["blur"].ask in words_of(app)
    assert "guess" not in url_of(app)


HOSTILE = [
    "",
    "-1",
    "9" * 30,
    "NaN",
    "<script>alert(1)</script>",
    "`x` **b** $y$",
    "\x00",
    "x" * 5000,
]


@pytest.mark.parametrize("name", list(INTERVIEWS)[::3])
def test_a_guess_that_the_question_does_not_offer_is_told_what_it_does(name: str) -> None:
    options = len(INTERVIEWS[name].options)
    for guess in {options + 1, 8}:
        app = visit({"tab": "interview", "interview": name, "guess": str(guess)})
        assert f"`guess` must be from 1 to {options} here" in app.warning[0].value
        assert "guess" not in url_of(app)


@pytest.mark.parametrize("text", HOSTILE)
def test_nonsense_in_a_link_is_said_and_left_out(text: str) -> None:
    names = ("tab", "kinds", "level", "code", "number", "score", "interview", "guess", "answer")
    app = visit(dict.fromkeys(names, text))
    said = app.warning[0].value
    assert all(f"`{name}`" in said for name in names if name != "answer" or text not in ("", "-1"))
    assert "<script" not in said
    assert FIRST.text in words_of(app)
    assert "no answer yet" in words_of(app)


def test_typed_markup_is_never_shown_as_markup() -> None:
    app = answer(visit(), "<b>28</b> $x$ `y`")
    assert "<b>" not in words_of(app)
    assert url_of(app) == {}
