"""Markup of a visitor's in a real browser: it is shown, or refused; nothing of it runs."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.examples import others_slow
from tests.fuzz.test_links import MARK, PAYLOADS, params_of
from viz.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

INJECTED = (
    f"[id={MARK}], img[src=x], img[src*={MARK}], a[href^='javascript:'], "
    f"a[href*={MARK}], iframe, svg[onload], script:not([src]):not([type]):has-text('{MARK}')"
)
DONE = "[data-test-script-state=notRunning]"


def open_page(visitor: Page, url: str, page: str, link: dict[str, str]) -> None:
    name = "" if page == PAGES[0].name else page
    visitor.goto(f"{url}/{name}?{urlencode(link)}")
    visitor.wait_for_selector(
        "[data-testid=stMain] [data-testid=stMarkdown], [data-testid=sweep-player]"
    )
    visitor.wait_for_selector(DONE)


def attacked(page: str) -> dict[str, str]:
    """Every text parameter attacked at once, and a name that is none."""
    texts = [param.name for param in params_of(page) if isinstance(param.default, str)]
    own = {name: "own" for name in ("network", "compare") if name in texts}
    attacks = dict(zip(texts, cycle(PAYLOADS)))
    return {**attacks, **own, "\n".join(PAYLOADS): "1"}


@pytest.mark.parametrize("page", others_slow([page.name for page in PAGES], 4))
def test_markup_in_a_link_stays_text(app_url: str, visitor: Page, page: str) -> None:
    dialogs: list[str] = []
    visitor.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    open_page(visitor, app_url, page, attacked(page))
    assert visitor.locator(INJECTED).count() == 0
    assert dialogs == []


def test_the_guard_sees_what_is_injected(browser: Browser) -> None:
    page = browser.new_page()
    for payload in (PAYLOADS[0], PAYLOADS[5], f"<a href='javascript:{MARK}()'>x</a>"):
        page.set_content(payload)
        assert page.locator(INJECTED).count() == 1
    page.close()
