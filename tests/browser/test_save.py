"""The menu "Save for slides" in a real browser: one click, one file, or a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.load.test_load import in_a_loop
from tests.load.visitor import Visitor
from tests.serving import serving
from viz.page import save_menu

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

APP = Path(__file__).with_name("saving_app.py")
SVG = b"<?xml"


@pytest.fixture(scope="module")
def saving_url() -> Iterator[str]:
    with serving(APP) as server:
        yield server.url


@pytest.fixture
def menu(visitor: Page, saving_url: str) -> Page:
    visitor.goto(saving_url)
    visitor.get_by_role("button", name="Save for slides").click()
    visitor.get_by_role("button", name="Save", exact=True).wait_for()
    return visitor


def choose(menu: Page, picture: str) -> None:
    menu.locator(".st-key-save--picture").get_by_role("button", name="Open").click()
    menu.get_by_role("option", name=picture).click()
    menu.wait_for_selector("[data-test-script-state=notRunning]")


def download(menu: Page) -> tuple[str, bytes]:
    with menu.expect_download() as download:
        menu.get_by_role("button", name="Save", exact=True).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


def told(menu: Page, sentence: str) -> None:
    """Streamlit's own sentence comes too, and goes after a moment; ours stays."""
    menu.get_by_role("button", name="Save", exact=True).click()
    menu.get_by_test_id("stAlert").filter(has_text=sentence).wait_for()


@pytest.mark.journey
def test_a_click_is_a_file_however_often(menu: Page) -> None:
    first = download(menu)
    assert first[0] == "saving-fine.svg"
    assert first[1].startswith(SVG)
    assert download(menu) == first
    menu.get_by_text("Dark").click()
    menu.wait_for_selector("[data-test-script-state=notRunning]")
    name, other = download(menu)
    assert name == "saving-fine-dark.svg"
    assert other.startswith(SVG)
    assert other != first[1]


def test_a_click_without_a_file_says_why_and_the_next_one_tries_again(menu: Page) -> None:
    choose(menu, "rule")
    told(menu, "step must be at most 3 (got 4).")
    choose(menu, "disk")
    told(menu, save_menu.NO_DISK)
    choose(menu, "fault")
    told(menu, save_menu.NOT_DRAWN)
    assert not menu.get_by_text("secret").count()
    choose(menu, "once")
    told(menu, save_menu.NO_MEMORY)
    assert download(menu)[0] == "saving-once.svg"
    assert not menu.get_by_text(save_menu.NO_MEMORY).count()


def test_a_file_waits_for_a_browser_that_is_far_away(menu: Page, saving_url: str) -> None:
    """Streamlit forgets a file that no session holds as soon as any two have run."""

    async def others_come_and_go() -> None:
        for _ in range(3):
            other = Visitor(saving_url)
            await other.open()
            await other.rerun()
            await other.close()

    def late(route: Route) -> None:
        in_a_loop(others_come_and_go())
        route.continue_()

    menu.route("**/media/**", late)
    assert download(menu)[1].startswith(SVG)
