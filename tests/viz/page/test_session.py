"""Links: every value survives the way through the URL, and nothing else gets in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from tests.viz.values import DIMENSIONS, all_values, allowed, any_value, param
from tests.viz.visit import link_of
from viz.choices import layer
from viz.features.sweep.params import SweepSettings
from viz.params import MAX_TEXT, Param, Settings, choice, decimal, number, switch

BY_NAME = {param.name: param for param in SweepSettings.params()}


def test_every_setting_has_a_name_of_its_own() -> None:
    assert len(BY_NAME) == len(SweepSettings.params())


@pytest.mark.parametrize("param", SweepSettings.params(), ids=lambda param: param.name)
def test_the_default_reads_back_as_itself(param: Param) -> None:
    if param.default != "":  # an empty text is never written
        assert param.parse(param.format(param.default)) == param.default


@pytest.mark.parametrize("param", SweepSettings.params(), ids=lambda param: param.name)
@given(data=st.data())
def test_every_value_reads_back_as_itself(param: Param, data: st.DataObject) -> None:
    value = data.draw(any_value(param))
    if value != "":
        assert param.parse(param.format(value)) == value


ENUMERABLE = [
    p for p in SweepSettings.params() if p.name not in (*DIMENSIONS, "pin") and p.default != 0.0
]


@pytest.mark.parametrize("param", ENUMERABLE, ids=lambda param: param.name)
def test_each_of_the_allowed_values_reads_back(param: Param) -> None:
    values = allowed(param)
    assert len(values) > 1
    assert [param.parse(param.format(value)) for value in values] == values


def read(param: Param, text: str) -> tuple[Any, str]:
    """The value, or why it is refused."""
    try:
        return param.parse(text), ""
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize("param", SweepSettings.params(), ids=lambda param: param.name)
@given(text=st.text() | st.integers().map(str) | st.floats().map(str))
@example("nan")
@example("-inf")
@example("1e400")
@example("9" * 5000)
@example("0.0.0:nan")
@example("<script>")
def test_text_is_read_or_refused_with_a_sentence(param: Param, text: str) -> None:
    value, refusal = read(param, text)
    if refusal:
        assert refusal.startswith("must be ")
        return
    assert value == value, "NaN"
    assert type(value) is type(param.default)
    if text.strip("_"):  # no cells at all is the default, which is not written
        assert param.parse(param.format(value)) == value


@pytest.mark.parametrize(
    "param, text, wanted",
    [
        (param(number(3, 1, 9)), "10", "must be from 1 to 9"),
        (param(number(3, 1, 9)), "0", "must be from 1 to 9"),
        (param(number(3, 1, 9)), "2.0", "must be a whole number from 1 to 9"),
        (param(decimal(0, -2, 2)), "2.01", "must be from -2 to 2"),
        (param(decimal(0, -2, 2)), "nan", "must be from -2 to 2"),
        (param(decimal(0, -2, 2)), "two", "must be a number from -2 to 2"),
        (param(choice("a", ["a", "b"])), "A", "must be one of a, b"),
        (param(switch()), "True", "must be true or false"),
        (BY_NAME["pin"], "o1", "must be a cell like o3.4"),
        (BY_NAME["pin"], "o٣.٤", "must be a cell like o3.4"),
        (BY_NAME["weights"], "0.0.1:2", "must be cells like 0.0.0.0:1.5"),
        (BY_NAME["weights"], "0.0.1.2", "must be cells like 0.0.0.0:1.5"),
        (BY_NAME["pixels"], "0.0.0:1001", "must be cells like 0.0.0:1.5"),
    ],
)
def test_a_refusal_says_what_works(param: Param, text: str, wanted: str) -> None:
    assert read(param, text) == (None, wanted)


@given(all_values())
def test_a_link_holds_what_differs_and_restores_everything(values: SweepSettings) -> None:
    link = values.query()
    assert set(link) == {p.name for p in SweepSettings.params() if values[p.name] != p.default}
    assert SweepSettings.decoded(link) == (values, [])


@dataclass(frozen=True)
class SmallSettings(Settings):
    n: int = number(3, 1, 9)
    c: str = choice("a", ["a", "b"])
    hidden: int = number(0, 0, 5)


def small_page() -> None:
    """A page with three settings; runs inside AppTest, so it imports for itself."""
    import streamlit as st

    from tests.viz.page.test_session import SmallSettings
    from viz.page.session import PageState, bind_widget, change_settings

    page = PageState("small", SmallSettings)
    page.update_widgets()
    st.slider("n", 1, 9, key=bind_widget("n", page.values.n))
    if st.toggle("show", value=True):
        st.selectbox("c", ["a", "b"], key=bind_widget("c", page.values.c))
    st.button("b", on_click=change_settings, args=("small", {"c": "b", "hidden": 4}))
    st.text("; ".join(page.ignored) or "nothing ignored")
    st.json(page.values.flat)
    page.publish()


def opened(**link: str) -> AppTest:
    at = AppTest.from_function(small_page)
    at.query_params.update(link)
    at.run()
    assert not at.exception
    return at


def told(at: AppTest) -> bool:
    """Whether this run tells the browser what the slider's value is."""
    return bool(at.slider(key="n").proto.set_value)


def test_a_new_widget_is_told_its_value_until_it_has_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = opened(n="7")
    assert told(at)
    assert told(at.run()), "the browser may draw the second run alone"
    at.slider(key="n").set_value(5).run()
    assert values_of(at)["n"] == 5, "what the visitor has moved meanwhile stands"
    monkeypatch.setattr("viz.page.session.SETTLING_S", 0.0)
    assert not told(at.run())


def values_of(at: AppTest) -> dict[str, Any]:
    return at.session_state["page:small"]["published_values"]


def test_a_page_opens_at_its_defaults_with_a_clean_url() -> None:
    at = opened()
    assert values_of(at) == {"n": 3, "c": "a", "hidden": 0}
    assert link_of(at) == {}


def test_a_link_sets_widgets_and_what_has_no_widget() -> None:
    at = opened(n="7", c="b", hidden="2")
    assert (at.slider[0].value, at.selectbox[0].value) == (7, "b")
    assert values_of(at) == {"n": 7, "c": "b", "hidden": 2}
    assert link_of(at) == {"n": "7", "c": "b", "hidden": "2"}


def test_what_is_ignored_is_said_until_something_changes() -> None:
    at = opened(n="70", nonsense="1")
    said = "`nonsense` is no setting of this page; `n` must be from 1 to 9 (got `70`)"
    assert at.text[0].value == said
    assert link_of(at) == {}
    at.run()
    assert at.text[0].value == said
    at.slider[0].set_value(5).run()
    assert at.text[0].value == "nothing ignored"
    assert link_of(at) == {"n": "5"}


def test_what_a_link_says_is_shown_without_markup_and_in_short() -> None:
    at = opened(**{"`<b>$x$[y](z)\\": "1", "n": "<img>" * 1000, "c": "‮evil\n`"})
    said = at.text[0].value
    assert not set("<>$[]\\\n‮") & set(said)
    assert said.count("`") == 10
    assert len(said) < 300


def test_a_text_that_is_too_long_is_refused_not_cut() -> None:
    long = "0.0.0.0:1_" * 600 + "0.0.0.1:2"
    assert len(long) > MAX_TEXT
    at = AppTest.from_file("../../../viz/shell/main.py", default_timeout=60)
    at.query_params["weights"] = long
    at.run()
    assert not at.exception
    assert at.session_state["page:sweep"]["published_values"]["weights"] == ""
    assert any(f"at most {MAX_TEXT} characters" in warning.value for warning in at.warning)


def test_a_widget_and_a_callback_write_the_url() -> None:
    at = opened()
    at.slider[0].set_value(8).run()
    assert link_of(at) == {"n": "8"}
    at.button[0].click().run()
    assert at.selectbox[0].value == "b"
    assert link_of(at) == {"n": "8", "c": "b", "hidden": "4"}


def test_a_value_survives_while_its_widget_is_hidden() -> None:
    at = opened(c="b")
    at.toggle[0].set_value(False).run()
    at.slider[0].set_value(4).run()
    assert link_of(at) == {"n": "4", "c": "b"}
    at.toggle[0].set_value(True).run()
    assert at.selectbox[0].value == "b"


def test_the_back_button_takes_the_url() -> None:
    at = opened(n="7")
    at.slider[0].set_value(2).run()
    at.query_params["n"] = "7"
    at.run()
    assert at.slider[0].value == 7
    assert values_of(at)["n"] == 7


def test_the_numbers_in_a_link_are_exact() -> None:
    text = layer.with_edited_cell("", (0, 0, 0, 0), 1 / 3)
    assert layer.parse_edited_cells(text, 4) == (((0, 0, 0, 0), 1 / 3),)
    assert layer.with_edited_cell("", (0, 0, 0, 0), 5.0) == "0.0.0.0:5"
    bias = BY_NAME["bias"]
    assert bias.parse(bias.format(0.1234567)) == 0.1234567
