"""Journeys over the page of effective receptive fields in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from tests.browser.conftest import new_tab
from tests.examples import others_slow

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

TRIES, TRY = 12, 5_000
"""How often a button is pressed that may miss a click, and milliseconds between."""
SMALL = {"layers": "2x[conv3 p1 c2, relu]", "input_height": "16", "input_width": "16"}
# Long enough to be caught at it, at any seed: thousands of kernels to draw 256 times.
LONG = {"layers": "4x[conv3 p1 c256, relu]", "draws": "256", "input_height": "32"}


class Visitor:
    """One visitor of the page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def open(self, **link: Any) -> Visitor:
        self.page.goto(f"{self.url}/erf?{urlencode(link)}")
        self.page.get_by_role("tab").first.wait_for()
        return self

    @property
    def map(self) -> Locator:
        return self.page.locator(".st-key-plot_erf_map .main-svg").first

    @property
    def stop(self) -> Locator:
        return self.page.get_by_role("button", name="Stop")

    @property
    def link(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.page.url).query))

    def until_done(self) -> None:
        """The table stands beside the map, and nothing is computed any more."""
        self.page.get_by_text("Excess kurtosis").wait_for()
        self.stop.first.wait_for(state="detached")
        self.at_rest()

    def at_rest(self) -> None:
        self.page.wait_for_selector("[data-test-script-state=notRunning]")

    def until_link(self, **wanted: str) -> None:
        self.page.wait_for_url(
            lambda url: wanted.items() <= dict(parse_qsl(urlsplit(url).query)).items()
        )

    def press(self, name: str, then: Locator) -> None:
        """Press a button until it has done what it does: one that is made anew between two
        looks at the queue may miss a click.
        """
        from playwright.sync_api import TimeoutError as Late

        button = self.page.get_by_role("button", name=name, exact=True)
        for _ in range(TRIES):
            then.or_(button).first.wait_for()
            with suppress(Late):
                if not then.count():
                    button.first.click(timeout=TRY)
                then.first.wait_for(timeout=TRY)
                return
        raise AssertionError(f"{name} does nothing")

    def wide(self) -> int:
        """How far the page's contents reach."""
        return self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")


@pytest.fixture
def visitor(regular: BrowserContext, app_url: str) -> Iterator[Visitor]:
    with new_tab(regular) as page:
        yield Visitor(page, app_url)


def test_to_the_end_and_reloaded(visitor: Visitor) -> None:
    visitor.open(**SMALL, draws=4, unit="3.5", weights="xavier", log="true")
    visitor.until_done()
    page = visitor.page
    page.get_by_text("what unit (3, 5) of").wait_for()
    page.locator(".st-key-over label").click()
    visitor.until_link(over="true")
    page.locator(".st-key-plot_erf_map image").first.wait_for(state="attached")
    visitor.until_done()
    page.get_by_role("tab", name="Energy and convergence").click()
    page.locator(".st-key-plot_erf_energy .main-svg").first.wait_for()
    visitor.until_link(tab="energy")
    before = visitor.link
    page.reload()
    page.locator(".st-key-plot_erf_energy .main-svg").first.wait_for()
    visitor.at_rest()
    assert visitor.link == before
    assert (before["unit"], before["weights"]) == ("3.5", "xavier")
    page.get_by_text("what unit (3, 5) of").wait_for()
    page.get_by_role("tab", name="Map").click()
    visitor.map.wait_for()
    visitor.at_rest()
    assert page.locator(".st-key-log input").is_checked()
    assert page.locator(".st-key-over input").is_checked()


@pytest.mark.slow
def test_stopped_while_it_runs_and_gone_on_with(visitor: Visitor) -> None:
    visitor.open(**LONG, draw_seed=1)
    page = visitor.page
    page.get_by_text(re.compile(r"Backpropagating: \d+ of 256 draws")).wait_for()
    stopped = page.get_by_text(re.compile(r"Stopped after \d+ of 256 draws"))
    visitor.press("Stop", stopped)
    page.get_by_text("Excess kurtosis").wait_for()
    visitor.at_rest()
    assert visitor.stop.count() == 0
    visitor.press("Go on", visitor.stop)
    visitor.press("Stop", stopped)


@pytest.mark.slow
def test_changed_while_it_runs(visitor: Visitor) -> None:
    visitor.open(**LONG, draw_seed=2)
    page = visitor.page
    page.get_by_text(re.compile(r"Backpropagating: \d+ of 256 draws")).wait_for()
    box = page.locator(".st-key-layers_text textarea")
    box.fill("conv5 p2 c2, relu")
    box.press("Control+Enter")
    visitor.until_link(layers="conv5 p2 c2, relu")
    visitor.until_done()
    page.get_by_text("Its windows cover 5×5 pixels").wait_for()
    assert page.get_by_text("Excess kurtosis").count() == 1


@pytest.mark.journey
def test_a_click_on_the_map_chooses_the_unit(visitor: Visitor) -> None:
    visitor.open(**SMALL, draws=1)
    visitor.until_done()
    page = visitor.page
    page.get_by_text("Choose the unit on the map").click()
    cone = page.locator('[data-testid="cone"][data-ready=true]')
    cone.wait_for()
    visitor.until_done()
    page.locator("""[data-testid="cone"][data-state*='"unit":[8,8]']""").wait_for()
    cone.locator(".section").press("ArrowRight")
    visitor.until_link(unit="8.9")
    page.get_by_text("what unit (8, 9) of").wait_for()
    visitor.until_done()


@pytest.mark.parametrize("scheme, tab", others_slow([("light", "compare"), ("dark", "files")]))
def test_nothing_scrolls_sideways_on_a_phone(visitor: Visitor, scheme: Any, tab: str) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.page.emulate_media(color_scheme=scheme)
    visitor.open(**SMALL, draws=1, tab=tab, compare="weights")
    seen = ".st-key-plot_erf_variants .main-svg" if tab == "compare" else "[data-testid=stCode]"
    visitor.page.locator(seen).first.wait_for()
    visitor.stop.first.wait_for(state="detached")
    visitor.at_rest()
    assert visitor.wide() <= 390
    background = visitor.page.evaluate(
        "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    )
    bright = sum(map(int, re.findall(r"\d+", background)[:3])) > 384
    assert bright == (scheme == "light")
