"""Exercises in a real browser: by keyboard alone, on a phone, from a link in the middle."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import EXCEPTION, complaints_of
from tests.examples import others_slow
from viz.lessons.exercises import KINDS, answer_text, question, series
from viz.lessons.exercises.interview import INTERVIEWS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

PROBED = re.compile(r"/exercises/_stcore/(health|host-config)\)")
"""Streamlit's browser code looks for the server under the page's own path first: a 404 each."""
WAIT = 60_000
FIELD = ".st-key-answer_here input"
NEXT = ".st-key-next_question button"


def visits(browser: Browser, width: int, height: int, touch: bool = False) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": height}, has_touch=touch, is_mobile=touch
    )
    page = context.new_page()
    page.set_default_timeout(WAIT)
    complaints = complaints_of(page)
    yield page
    exceptions = page.locator(EXCEPTION).all_inner_texts()
    context.close()
    assert not exceptions
    assert not [said for said in complaints if not PROBED.search(said)]


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Page]:
    yield from visits(browser, 1440, 900)


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    yield from visits(browser, 390, 844, touch=True)


def focused(page: Page, selector: str) -> None:
    page.wait_for_function("s => document.activeElement?.matches(s)", arg=selector)


@pytest.mark.journey
def test_three_questions_by_keyboard_alone(app_url: str, visitor: Page) -> None:
    visitor.goto(f"{app_url}/exercises?code=5")
    for number in range(3):
        asked = series(tuple(KINDS), 1, 5, number)
        wrong = asked.mistakes[0]
        focused(visitor, FIELD)
        if number == 0:
            visitor.keyboard.type("no idea")
            visitor.keyboard.press("Enter")
            visitor.get_by_text("This did not count.").wait_for()
            visitor.keyboard.press("Control+a")
        right = number != 1
        visitor.keyboard.type(answer_text(asked, asked.answer if right else wrong[0]))
        visitor.keyboard.press("Enter")
        focused(visitor, NEXT)
        visitor.get_by_text("Right:" if right else "is not it.").wait_for()
        visitor.get_by_text("See it move").wait_for()
        visitor.keyboard.press("Enter")
    focused(visitor, FIELD)
    visitor.get_by_text("2 of 3 right").wait_for()
    visitor.wait_for_url("**/exercises?*score=2.3.1.1*")
    assert "number=4" in visitor.url
    assert "answer" not in visitor.url


def test_a_link_from_the_middle_shows_the_answer_and_the_player(
    app_url: str, visitor: Page
) -> None:
    asked = question("output_size", 2, 8, 2)
    text = answer_text(asked, asked.answer)
    link = f"kinds=output_size&level=2&code=8&number=3&answer={text}&score=2.3.1.1"
    visitor.goto(f"{app_url}/exercises?{link}")
    visitor.get_by_text("Right:").wait_for()
    visitor.get_by_text("2 of 3 right").wait_for()
    visitor.locator("[data-testid=sweep-player] .formula").first.wait_for()
    visitor.get_by_role("link", name="Open on the board").click()
    visitor.wait_for_url("**/?*")
    visitor.locator("[data-testid=sweep-player] .formula").first.wait_for()


@pytest.mark.parametrize(
    "kind, level", others_slow([("output_size", 2), ("wrong_shape", 3), ("resnet", 3)])
)
def test_a_phone_asks_and_answers_without_scrolling_sideways(
    app_url: str, phone: Page, kind: str, level: int
) -> None:
    asked = question(kind, level, 1, 0)
    phone.goto(f"{app_url}/exercises?kinds={kind}&level={level}")
    field = phone.locator(FIELD)
    field.wait_for()
    assert not field.evaluate("e => e === document.activeElement"), "no keyboard over the question"
    field.fill(answer_text(asked, asked.answer))
    phone.get_by_role("button", name="Check").tap()
    phone.get_by_text("Right:").wait_for()
    phone.locator("[data-testid=sweep-player], [data-testid=cone]").wait_for()
    wide = phone.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390


def test_an_interview_by_keyboard(app_url: str, visitor: Page) -> None:
    visitor.goto(f"{app_url}/exercises?tab=interview")
    names = list(INTERVIEWS)
    option = visitor.get_by_role("button", name="C: a quarter")
    option.focus()
    option.press("Enter")
    visitor.get_by_text("As you said.").wait_for()
    focused(visitor, ".st-key-interview_next button")
    visitor.keyboard.press("Enter")
    visitor.get_by_role("heading", name=INTERVIEWS[names[1]].title).wait_for()
    focused(visitor, ".st-key-interview_options button")
    visitor.wait_for_url(f"**/exercises?*interview={names[1]}*")
