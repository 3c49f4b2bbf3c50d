"""The tour and presentation mode in a real browser: by keyboard, on a phone, from a link."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.access.states import tab_to
from tests.browser.conftest import PATIENCE, new_tab
from tests.examples import others_slow
from viz.lessons.tour import TOUR

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

STILL = "[data-test-script-state=notRunning]"
SIDEBAR = "[data-testid=stSidebar]"
BACK = "Back to the stop's picture"


def at_stop(page: Page, number: int) -> None:
    """The bar, the address and the page have all arrived."""
    page.locator(".st-key-tour_bar").get_by_text(f"Stop {number} of {len(TOUR)}").wait_for()
    page.wait_for_url(re.compile(rf"[?&]tour={number}(&|$)"))
    page.locator(STILL).wait_for(state="attached")


@pytest.mark.slow
def test_the_whole_tour_by_keyboard_alone(app_url: str, visitor: Page) -> None:
    visitor.goto(f"{app_url}/tour")
    visitor.get_by_role("button", name="Start the tour").wait_for()
    tab_to(visitor, ".st-key-tour_start button")
    visitor.keyboard.press("Enter")
    at_stop(visitor, 1)
    visitor.locator(".st-key-tour_bar [data-testid=stMarkdown]:focus").wait_for()
    tab_to(visitor, ".st-key-tour_next button")
    visitor.keyboard.press("Enter")
    at_stop(visitor, 2)
    visitor.keyboard.press("Enter")  # the keyboard is still there
    at_stop(visitor, 3)
    visitor.keyboard.press("Enter")  # on another page, too
    at_stop(visitor, 4)
    for number in range(5, len(TOUR) + 1):  # as a presenter's buttons do
        visitor.keyboard.press("PageDown")
        at_stop(visitor, number)
        visitor.get_by_text(TOUR[number - 1].title).first.wait_for()
        visitor.get_by_role("button", name=BACK).wait_for(state="detached")
    visitor.keyboard.press("PageUp")
    at_stop(visitor, len(TOUR) - 1)
    tab_to(visitor, ".st-key-tour_leave button")
    visitor.keyboard.press("Enter")
    visitor.locator(".st-key-tour_bar").wait_for(state="detached")
    visitor.wait_for_url(lambda url: "tour=" not in url)


@pytest.mark.parametrize(
    ("page", "widget"),
    others_slow(
        [
            (f"?{TOUR[0].query}&tour=1", "input[type=range]"),
            ("training?tour=1", "input[type=number]"),
            ("exercises?tour=1", ".st-key-answer_here input"),
            ("exercises?tour=1", ".st-key-level button"),
        ]
    ),
)
def test_the_page_keys_turn_the_stops_whatever_has_the_keyboard(
    app_url: str, visitor: Page, page: str, widget: str
) -> None:
    visitor.goto(f"{app_url}/{page}")
    at_stop(visitor, 1)
    visitor.locator(".keys[data-ready]").wait_for(state="attached")
    visitor.locator(widget).first.focus()
    visitor.keyboard.press("PageDown")
    at_stop(visitor, 2)
    visitor.get_by_role("button", name=BACK).wait_for(state="detached")
    slider = visitor.get_by_role("slider", name=re.compile("^stride"))
    slider.focus()
    visitor.keyboard.press("PageUp")
    at_stop(visitor, 1)
    visitor.get_by_role("button", name=BACK).wait_for(state="detached")
    assert "stride=" not in visitor.url, "the stop's own stride, which the key has not changed"


@pytest.mark.slow
def test_the_tour_on_a_phone(app_url: str, browser: Browser) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    with new_tab(context) as phone:
        phone.goto(f"{app_url}/?{TOUR[2].query}&tour=3")
        for number in (3, 4, 5):
            at_stop(phone, number)
            following = phone.get_by_role("button", name="Next")
            box = following.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
            assert box["height"] >= 32, "large enough for a thumb"
            wide = phone.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
            assert wide <= 390
            following.tap()
        at_stop(phone, 6)
    context.close()


def test_a_link_from_the_middle_restores_the_place_and_the_visitor_s_settings(
    app_url: str, visitor: Page
) -> None:
    visitor.goto(f"{app_url}/?{TOUR[2].query}&tour=3")
    at_stop(visitor, 3)
    assert visitor.get_by_role("button", name=BACK).count() == 0
    visitor.get_by_role("slider", name=re.compile("^stride")).press("ArrowRight")
    visitor.wait_for_url("**/*stride=3*")
    visitor.get_by_role("button", name=BACK).wait_for()
    visitor.reload()
    at_stop(visitor, 3)
    assert visitor.get_by_role("slider", name=re.compile("^stride")).input_value() == "3"
    visitor.get_by_role("button", name=BACK).click()
    visitor.get_by_role("button", name=BACK).wait_for(state="detached")
    visitor.wait_for_url(lambda url: "stride=" not in url and "tour=3" in url)


@pytest.mark.journey
def test_presenting_and_sharing(app_url: str, regular: BrowserContext, visitor: Page) -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    from PIL import Image

    regular.grant_permissions(["clipboard-read", "clipboard-write"])
    visitor.goto(f"{app_url}/?stride=3&tour=3")
    at_stop(visitor, 3)
    visitor.get_by_role("button", name="Present").click()
    visitor.wait_for_url("**/*present=true*")
    visitor.locator(SIDEBAR).wait_for(state="hidden")
    visitor.locator("[data-testid=sweep-player] .formula").first.wait_for()
    visitor.get_by_role("button", name="Share").click()
    code = visitor.locator("[data-testid=share] .code")
    code.wait_for()
    address = visitor.locator("[data-testid=share] .address").input_value()
    visitor.wait_for_timeout(500)  # the dialog has come to rest
    (seen,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(code.screenshot())))
    assert seen.text == address
    assert "stride=3" in address
    assert "tour=3" in address
    assert "present" not in address
    visitor.locator("[data-testid=share] .copy").click()
    visitor.get_by_text("Link copied").wait_for()
    assert visitor.evaluate("navigator.clipboard.readText()") == address
    visitor.keyboard.press("Escape")
    code.wait_for(state="detached")
    assert "present=true" in visitor.url, "Escape closed the dialog, no more"
    visitor.keyboard.press("PageDown")
    at_stop(visitor, 4)
    assert "present=true" in visitor.url
    visitor.keyboard.press("Escape")
    visitor.locator(SIDEBAR).wait_for(state="visible", timeout=PATIENCE)
    visitor.wait_for_url(lambda url: "present" not in url and "tour=4" in url)
