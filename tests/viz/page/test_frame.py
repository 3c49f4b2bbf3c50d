"""The frame of a page: link, notes, tabs, and what stands where nothing can be drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from viz.params import Settings, choice, labeled_choice, number

PAGE: dict[str, Any] = {}
"""What the page of a test does besides its frame, and what it has seen."""


@dataclass(frozen=True)
class PageSettings(Settings):
    n: int = number(3, 1, 9)
    c: str = choice("a", ["a", "b"])
    tab: str = labeled_choice({"one": "Tab one", "two": "Tab two"})


def page() -> None:
    from tests.viz.page.test_frame import PAGE, PageSettings
    from viz.page import frame

    with frame.page_state("sweep", PageSettings, warm=False) as state:
        PAGE["state"] = state
        PAGE.get("draw", lambda state: None)(state)
        state.show_warnings()


def visit(draw: Callable[[Any], None] | None = None, **link: str) -> AppTest:
    PAGE.clear()
    if draw is not None:
        PAGE["draw"] = draw
    at = AppTest.from_function(page)
    at.query_params.update(link)
    return again(at)


def again(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def link_of(at: AppTest) -> dict[str, str]:
    return {name: "".join(value) for name, value in at.query_params.items()}


def test_the_link_follows_what_the_page_changes() -> None:
    def draw(state: Any) -> None:
        state.values = replace(state.values, n=7)

    at = visit(draw, c="b")
    assert link_of(at) == {"n": "7", "c": "b"}


def test_a_page_knows_in_which_run_a_link_has_set_its_values() -> None:
    at = visit(n="5")
    assert PAGE["state"].from_link
    again(at)
    assert not PAGE["state"].from_link
    at.query_params["n"] = "6"
    again(at)
    assert PAGE["state"].from_link


def test_a_page_knows_what_the_visitor_has_changed() -> None:
    import streamlit as st

    def draw(state: Any) -> None:
        PAGE["changed"] = state.changed("n", "c"), state.changed("c")
        if PAGE.pop("click", False):
            st.session_state["page:sweep"]["pending"] = {"n": 8}

    at = visit(draw, n="5")
    assert PAGE["changed"] == (False, False)
    PAGE["click"] = True
    again(at)
    again(at)
    assert PAGE["changed"] == (True, False)
    again(at)
    assert PAGE["changed"] == (False, False)


def test_what_was_ignored_is_said_once() -> None:
    at = visit(lambda state: state.report_ignored("`n` is too large", "`n` is too large"))
    again(at)
    assert [w.value for w in at.warning] == ["Part of the link was ignored: `n` is too large."]


def test_a_note_stays_until_a_setting_changes() -> None:
    notes = [["Set `n` to 3."], [], [], []]
    changes: list[dict[str, Any]] = [{}, {"tab": "Tab two"}, {"n": 4}, {}]

    def draw(state: Any) -> None:
        state.values = state.values.updated(changes.pop(0))
        state.store_notes(notes.pop(0), "tab")

    at = visit(draw)
    texts = [[w.value for w in at.warning]]
    for _ in range(3):
        again(at)
        texts.append([w.value for w in at.warning])
    assert texts == [["Set `n` to 3."], ["Set `n` to 3."], [], []]


def test_one_tab_is_open_and_the_link_names_it() -> None:
    from viz.page import frame

    def draw(state: Any) -> None:
        name, place = frame.open_tab(state.values, {"one": "Tab one", "two": "Tab two"})
        PAGE["open"] = name
        place.markdown(f"in {name}")

    at = visit(draw, tab="two")
    assert PAGE["open"] == "two"
    assert [tab.label for tab in at.tabs] == ["Tab one", "Tab two"]
    assert [[m.value for m in tab.markdown] for tab in at.tabs] == [[], ["in two"]]


def test_a_refusal_says_why_and_its_buttons_change_the_values() -> None:
    from core.errors import SpecError
    from viz.page import frame

    def draw(state: Any) -> None:
        if state.values["n"] > 3:
            error = SpecError("n", "must be at most 3", state.values["n"])
            frame.draw_refusal("sweep", error, "Back to the start", {"n": 1}, ("Take 3", {"n": 3}))

    at = visit(draw, n="9")
    assert [w.value for w in at.warning] == ["N must be at most 3 (got 9)."]
    assert [button.label for button in at.button] == ["Take 3", "Back to the start"]
    at.button[0].click()
    again(at)
    assert (PAGE["state"].values["n"], len(at.button)) == (3, 0)
    at = visit(draw, n="9")
    at.button(key="sweep_start_over").click()
    again(at)
    assert PAGE["state"].values["n"] == 1


@pytest.mark.parametrize("sentence", ["", "Choose a layer."])
def test_the_heading_has_a_sentence_below_it_and_leaves_a_place_for_the_menu(sentence: str) -> None:
    from viz.page import frame

    def draw(state: Any) -> None:
        frame.heading("What is seen", sentence).markdown("the menu")

    at = visit(draw)
    assert [(title.value, title.proto.hide_anchor) for title in at.title] == [
        ("What is seen", True)
    ]
    assert [m.value for m in at.markdown] == ["the menu", *[sentence] * bool(sentence)]
