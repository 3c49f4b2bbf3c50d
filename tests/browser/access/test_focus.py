"""The keyboard focus is never lost to the page's body; by keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.access.states import COMPLETE, PATIENCE, State, open_state, states_of, tab_to
from tests.examples import others_slow
from viz.lessons.tour import TOUR
from viz.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOCUSED = "selector => document.activeElement.matches(selector)"
ON_BODY = "() => document.activeElement === document.body"
HEADING = "[data-testid=stMain] h1"
SPOKEN = "[role=status].spoken"
BUTTONS = "[data-testid=stMain] [data-testid=stButton] button"
LEAVES = "Run all|Train|Measure|Full screen|Present|Share"
"""Buttons that are not pressed here: they start what takes minutes, leave the page or open a dialog."""


def focused(page: Page, selector: str) -> None:
    page.wait_for_function(FOCUSED, arg=selector, timeout=PATIENCE)


@pytest.mark.journey
def test_an_opened_claim_is_read_from_its_statement(app_url: str, visitor: Page) -> None:
    open_state(visitor, app_url, State("claims"))
    tab_to(visitor, "a[data-choice='2']")
    visitor.keyboard.press("Enter")
    visitor.wait_for_url("**claim=2*")
    focused(visitor, HEADING)
    assert visitor.locator(HEADING).inner_text().startswith("2 ·")


def test_the_layers_of_an_architecture_become_a_table_that_has_the_focus(
    app_url: str, visitor: Page
) -> None:
    open_state(visitor, app_url, State("fields?tab=edit"))
    tab_to(visitor, ".st-key-edit_layers button")
    visitor.keyboard.press("Enter")
    visitor.locator("[data-testid=layer-table] .text").first.wait_for()
    focused(visitor, "[role=tabpanel]")
    visitor.keyboard.press("Tab")
    focused(
        visitor, "[data-testid=stBidiComponentIsolated], [data-testid=stBidiComponentIsolated] *"
    )


def test_an_undone_edit_leaves_the_focus_on_what_repeats_it(app_url: str, visitor: Page) -> None:
    open_state(visitor, app_url, State("fields?network=own&tab=edit"))
    table = visitor.locator("[data-testid=layer-table]")
    table.locator(".text").first.press("Alt+Enter")
    undo, redo = table.locator(".undo"), table.locator(".redo")
    undo.and_(visitor.locator(":enabled")).wait_for()
    undo.press("Enter")
    redo.and_(visitor.locator(":enabled")).wait_for()
    redo.and_(visitor.locator(":focus")).wait_for()
    visitor.keyboard.press("Enter")
    undo.and_(visitor.locator(":focus")).wait_for()
    assert table.locator(".spoken").inner_text() == "Redone"


def test_the_tour_starts_at_its_text_and_each_stop_is_announced(
    app_url: str, visitor: Page
) -> None:
    open_state(visitor, app_url, State("tour"))
    assert visitor.locator(SPOKEN).first.text_content() == "Guided tour"
    tab_to(visitor, ".st-key-tour_start button")
    visitor.keyboard.press("Enter")
    focused(visitor, ".st-key-tour_bar [data-testid=stMarkdown]")
    tab_to(visitor, ".st-key-tour_next button")
    for stop in TOUR[1:4]:  # the fourth is on another page
        visitor.keyboard.press("Enter")
        visitor.locator(SPOKEN, has_text=stop.title).first.wait_for(state="attached")
        visitor.wait_for_function(COMPLETE, timeout=PATIENCE)
        focused(visitor, ".st-key-tour_next button")


def test_a_click_beside_the_controls_leaves_the_focus_to_nothing(
    app_url: str, visitor: Page
) -> None:
    open_state(visitor, app_url, State("tour"))
    visitor.locator(".st-key-tour_start button").focus()
    visitor.locator(HEADING).click()
    visitor.wait_for_timeout(1500)  # longer than the keeper's patience
    assert visitor.evaluate(ON_BODY) or visitor.evaluate(FOCUSED, "[data-testid=stMain]")


@pytest.mark.parametrize(
    "page", others_slow([page.name for page in PAGES if page.name != "architectures"], 0)
)
def test_no_button_of_a_page_loses_the_focus(app_url: str, visitor: Page, page: str) -> None:
    for state in states_of(page)[:1]:
        open_state(visitor, app_url, state)
        names = visitor.locator(BUTTONS).all_inner_texts()
        for index, name in enumerate(names[:6]):
            if any(each in name for each in LEAVES.split("|")):
                continue
            open_state(visitor, app_url, state)
            button = visitor.locator(BUTTONS).nth(index)
            if button.is_disabled():
                continue
            button.focus()
            visitor.keyboard.press("Enter")
            visitor.wait_for_timeout(300)
            visitor.wait_for_function(COMPLETE, timeout=PATIENCE)
            visitor.wait_for_function(f"() => !({ON_BODY})()", timeout=3000)
