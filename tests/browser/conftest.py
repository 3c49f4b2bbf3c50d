"""A real browser: Debian's Chromium, driven by Playwright.

Test modules import Playwright under ``TYPE_CHECKING`` or inside functions, so that
a machine without it skips them instead of failing to collect them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

import pytest

from tests.chromium import ARGUMENTS, chromium_path

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request

VIEWPORT_WIDTH, VIEWPORT_HEIGHT = 1440, 900
EXCEPTION = '[data-testid="stException"]'
LOCAL_HOSTS = {"127.0.0.1", "localhost", None}
PATIENCE = 60_000
"""Milliseconds until a page that does not answer counts as broken; nothing is timed."""
PROBED = re.compile(r"/[a-z]+/_stcore/(health|host-config)\)")
"""Streamlit's browser code looks for the server under the page's own path first: a 404 each."""


def go_without(missing: str) -> NoReturn:
    """Skips the test that lacks something, or fails it where a browser is required."""
    if os.environ.get("REQUIRE_BROWSER") == "1":
        pytest.fail(f"REQUIRE_BROWSER=1, but there is no {missing}")
    pytest.skip(f"no {missing}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser process for the whole session."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        go_without("Playwright")
    path = chromium_path()
    if path is None:
        go_without("Chromium")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


def complaints_of(visitor: Page) -> list[str]:
    """A list that fills with the page's errors and with what it fetches from other machines."""
    complaints: list[str] = []

    def on_page_error(error: Error) -> None:
        complaints.append(f"page error: {error}")

    def on_console(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(f"console: {message.text} ({message.location.get('url', '')})")

    def on_request(request: Request) -> None:
        if urlsplit(request.url).hostname not in LOCAL_HOSTS:
            complaints.append(f"fetched from outside: {request.url}")

    visitor.on("pageerror", on_page_error)
    visitor.on("console", on_console)
    visitor.on("request", on_request)
    return complaints


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh visitor. Fails at the end if the page complained, broke or called outside."""
    context = browser.new_context(
        viewport={"width": VIEWPORT_WIDTH, "height": VIEWPORT_HEIGHT},
        reduced_motion="no-preference",
    )
    visitor = context.new_page()
    complaints = complaints_of(visitor)
    yield visitor
    exceptions = visitor.locator(EXCEPTION).all_inner_texts()
    context.close()
    assert not exceptions, f"Streamlit shows an exception: {exceptions}"
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="session")
def regular(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """Someone who has been here before: the browser keeps Streamlit's seven megabytes, and what
    it compiled of them, which it does for a profile on the disk alone: a third of a page's time.
    """
    context = browser.browser_type.launch_persistent_context(
        tmp_path_factory.mktemp("profile"),
        executable_path=chromium_path(),
        args=ARGUMENTS,
        viewport={"width": VIEWPORT_WIDTH, "height": VIEWPORT_HEIGHT},
        reduced_motion="no-preference",
    )
    yield context
    context.close()


@contextmanager
def new_tab(context: BrowserContext) -> Iterator[Page]:
    """As ``page``, but one who may open a link into the middle of the app."""
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    complaints = complaints_of(tab)
    yield tab
    exceptions = tab.locator(EXCEPTION).all_inner_texts()
    tab.close()
    assert not exceptions, f"Streamlit shows an exception: {exceptions}"
    assert not [said for said in complaints if not PROBED.search(said)]


@pytest.fixture
def visitor(regular: BrowserContext) -> Iterator[Page]:
    """A new tab of someone who has been here before."""
    with new_tab(regular) as tab:
        yield tab
