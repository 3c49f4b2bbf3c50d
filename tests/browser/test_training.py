"""Journeys over the training lab in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.browser.conftest import new_tab
from tests.examples import others_slow

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

TRIES, TRY = 12, 5_000
"""How often a button is pressed that may miss a click, and milliseconds between."""
TINY = {"steps": "30", "width": "4", "seeds": "1", "levels": "1", "variants": "max,strided"}
# Long enough to be caught at it.
LONG = TINY | {"steps": "2000", "levels": "3"}


RESULT = re.compile("test accuracy:|after training over before:")
"""What the runs came to, on the first tab or on that of the effective field."""


class Visitor:
    """One visitor of the lab."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def open(self, **link: Any) -> Visitor:
        self.page.goto(f"{self.url}/training?{urlencode(link)}")
        self.page.get_by_role("tab", name="Learning").wait_for()
        return self

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def press(self, name: str, then: Locator) -> None:
        """Press a button until it has done what it does: one that is made anew between two
        looks at the queue may miss a click.
        """
        from playwright.sync_api import TimeoutError as Late

        for _ in range(TRIES):
            then.or_(self.button(name)).first.wait_for()
            with suppress(Late):
                if not then.count():
                    self.button(name).first.click(timeout=TRY)
                then.first.wait_for(timeout=TRY)
                return
        raise AssertionError(f"{name} does nothing")

    def chart(self, key: str) -> Locator:
        return self.page.locator(f".st-key-plot_{key} .main-svg").first

    def until_done(self) -> None:
        """The sentence about the runs is there, and nothing is trained any more."""
        self.page.get_by_text(RESULT).first.wait_for()
        self.button("Stop").wait_for(state="detached")
        self.page.wait_for_selector("[data-test-script-state=notRunning]")

    def wide(self) -> int:
        """How far the page's contents reach."""
        return self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")


@pytest.fixture
def visitor(regular: BrowserContext, app_url: str) -> Iterator[Visitor]:
    with new_tab(regular) as page:
        yield Visitor(page, app_url)


def test_trained_and_there_at_once_after_a_reload(visitor: Visitor) -> None:
    visitor.open(**TINY, seed=1)
    page = visitor.page
    page.get_by_text("These nets are not trained yet").wait_for()
    visitor.press("Train", visitor.button("Stop").or_(page.get_by_text(RESULT)))
    visitor.until_done()
    visitor.chart("training_test_accuracy").wait_for()
    page.get_by_role("tab", name="Effective field").click()
    visitor.chart("training_erf").wait_for()
    page.reload()
    visitor.chart("training_erf").wait_for()
    visitor.until_done()
    assert not visitor.button("Train").count()
    page.get_by_role("tab", name="Code and files").click()
    page.get_by_role("link", name="Effective fields").nth(1).wait_for()
    with page.expect_download() as file:
        visitor.button("Save table").click()
    assert file.value.suggested_filename == "training.csv"


@pytest.mark.slow
def test_stopped_gone_on_with_and_stopped_by_leaving(visitor: Visitor) -> None:
    visitor.open(**LONG, seed=2)
    page = visitor.page
    far = page.get_by_text(
        re.compile(r"Seed 2: [1-9]\d* of 2,000 steps of each net, about .* left")
    )
    visitor.press("Train", visitor.button("Stop"))
    far.wait_for()
    visitor.chart("training_loss").wait_for()
    visitor.press("Stop", visitor.button("Go on"))
    kept = page.get_by_text("of the work is done and stored")
    kept.wait_for()
    assert not visitor.button("Stop").count()
    visitor.press("Go on", visitor.button("Stop"))
    far.wait_for()
    page.reload()
    kept.wait_for()
    visitor.chart("training_loss").wait_for()
    assert visitor.button("Go on").count() == 1, "a visit that begins trains nothing by itself"


@pytest.mark.parametrize("scheme, tab", others_slow([("light", "click"), ("dark", "flow")]))
def test_nothing_scrolls_sideways_on_a_phone(visitor: Visitor, scheme: Any, tab: str) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.page.emulate_media(color_scheme=scheme)
    visitor.open(**TINY, seed=3, tab=tab)
    done = visitor.chart("training_digit" if tab == "click" else "training_dead")
    visitor.press("Train", visitor.button("Stop").or_(done))
    done.wait_for()
    assert visitor.wide() <= 390
    background = visitor.page.evaluate(
        "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    )
    bright = sum(map(int, re.findall(r"\d+", background)[:3])) > 384
    assert bright == (scheme == "light")
