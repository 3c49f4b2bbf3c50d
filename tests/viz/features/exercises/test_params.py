"""Links of the exercises page, and the links from a question to the page that shows it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.layer.operations import check, operation_of
from tests.viz.values import page_settings
from viz.choices import layer, network
from viz.features.exercises import params as exercises_state
from viz.features.exercises.params import (
    EXPERIMENT_LINKS,
    ExerciseSettings,
    Score,
    board_values,
    class_settings,
    network_values,
    shows_fewer_channels,
)
from viz.features.exercises.picture import picture
from viz.features.fields import params as fields_state
from viz.features.sweep.params import SweepSettings
from viz.lessons.exercises import KINDS, LEVELS, MAX_SEED, LayerSubject, question
from viz.lessons.exercises.interview import INTERVIEWS
from viz.params import query

EVERY = [(kind, level) for kind in KINDS for level in LEVELS]
DEFAULTS = ExerciseSettings()


@st.composite
def scores(draw: st.DrawFn) -> Score:
    score = Score()
    for right in draw(st.lists(st.booleans(), max_size=30)):
        score = score.after(right)
    return score


@given(
    st.fixed_dictionaries(
        {
            "kinds": st.lists(st.sampled_from(list(KINDS)), unique=True).map(tuple),
            "level": st.sampled_from(list(LEVELS)),
            "code": st.integers(0, MAX_SEED),
            "number": st.integers(1, 10_000),
            "answer": st.text("0123456789×x, ", max_size=60),
            "score": scores(),
            "interview": st.sampled_from(list(INTERVIEWS)),
            "guess": st.integers(0, 8),
        }
    )
)
def test_every_state_comes_back_from_its_link(changes: dict[str, object]) -> None:
    values = DEFAULTS.updated(changes)
    found, ignored = ExerciseSettings.decoded(values.query())
    assert found == values
    assert ignored == []
    assert exercises_state.current_question(values) == exercises_state.current_question(found)


@pytest.mark.parametrize(
    "name, text",
    [
        ("score", "1.2"), ("score", "5.3.0.0"), ("score", "1.1.2.1"), ("score", "1.2.1.0"),
        ("score", "a.b.c.d"), ("score", "-1.0.-1.-1"), ("score", "1.1.1.1.1"), ("score", ""),
        ("score", "99999.99999.1.1"), ("kinds", "nonsense"), ("kinds", "reach.reach"),
        ("kinds", ""), ("level", "4"), ("level", "0"), ("code", "-1"), ("code", "1000000"),
        ("number", "0"), ("number", "10001"), ("answer", "x" * 61), ("answer", "\x00"),
        ("interview", "nonsense"), ("guess", "9"), ("tab", "nonsense"),
    ],
)  # fmt: skip
def test_nonsense_is_refused_with_a_sentence(name: str, text: str) -> None:
    found, ignored = ExerciseSettings.decoded({name: text})
    assert found == DEFAULTS
    assert len(ignored) == 1
    assert "must be" in ignored[0]


def test_the_score_counts() -> None:
    score = Score()
    for right in (True, True, False, True):
        score = score.after(right)
    assert score == Score(3, 4, 1, 2)


def test_the_link_for_the_class_has_no_score() -> None:
    values = DEFAULTS.updated(
        {"code": 7, "kinds": ("reach",), "number": 9, "score": Score(1, 2, 0, 1)}
    )
    assert query(ExerciseSettings.params(), class_settings(values)) == {
        "code": "7",
        "kinds": "reach",
    }


@pytest.mark.parametrize("kind, level", EVERY)
def test_what_is_opened_is_what_was_asked(kind: str, level: int) -> None:
    """The link is read back by the other page's own parameters, without a complaint."""
    for number in range(25):
        subject = question(kind, level, 4, number).subject
        if isinstance(subject, LayerSubject):
            values, ignored = SweepSettings.decoded(
                query(SweepSettings.params(), board_values(subject))
            )
            assert ignored == []
            shown, asked = layer.layer_spec(values), subject.layer
            assert layer.make_runnable(values) == (values, [])
            assert layer.input_size(values) == subject.size
            assert shown.window == asked.window
            assert check(shown, subject.size) == check(asked, subject.size)
            assert operation_of(shown).reduce == operation_of(asked).reduce
            assert shows_fewer_channels(subject) or shown.in_channels == asked.in_channels
            board = layer.board_spec(values)
            if subject.values:
                assert board.source.pixels()[0, 0].tolist() == list(subject.values)
            if subject.weights:
                assert board.weight().ravel().tolist() == list(subject.weights)
        else:
            link = query(fields_state.FieldSettings.params(), network_values(subject))
            fields, ignored = fields_state.FieldSettings.decoded(link)
            assert ignored == []
            assert network.network(fields).spec == subject.network
            assert network.network(fields).input_size == subject.input_size


OTHERS = page_settings()


@pytest.mark.parametrize("name", INTERVIEWS)
def test_experiments_open_where_they_say(name: str) -> None:
    page, link = EXPERIMENT_LINKS[name]
    if page == "architectures":
        assert link == {}
        return
    _, ignored = OTHERS[page].decoded(link)
    assert ignored == []


def test_there_is_no_link_without_a_question() -> None:
    assert list(EXPERIMENT_LINKS) == list(INTERVIEWS)


@pytest.mark.parametrize("kind, level", EVERY)
def test_pictures_show_the_input_and_not_the_answer(kind: str, level: int) -> None:
    drawn = [picture(question(kind, level, 0, number)) for number in range(30)]
    for each in filter(None, drawn):
        ElementTree.fromstring(each.svg)
        assert len(each.svg) < 20_000
        assert each.alt
    if kind in ("output_size", "remainder", "padding") and level < 3:
        assert all(drawn)


def test_the_picture_of_a_padding_question_has_no_padding() -> None:
    asked = [question("padding", 1, 0, number) for number in range(20)]
    for each in asked:
        assert isinstance(each.subject, LayerSubject)
        bare = LayerSubject(type(each.subject.layer)(each.subject.layer.operation, (1, 1)),
                            each.subject.size)  # fmt: skip
        assert picture(each) == picture(type(each)(**{**vars(each), "subject": bare}))
