"""Nothing jumps while a page loads; ``tests.benchmarks.layout_shift`` measures all pages and tabs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.benchmarks.harness import BARE_PAGES
from tests.layout import Shift, shifts, total
from tests.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser

MOST = 0.1
"""More than the same empty page of Streamlit: half of what counts as good."""


@pytest.fixture(scope="module")
def bare_url() -> Iterator[str]:
    with serving(BARE_PAGES) as server:
        yield server.url


def first_visit(browser: Browser, address: str) -> list[Shift]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    found = shifts(context, address)
    context.close()
    return found


@pytest.mark.parametrize("name", ["sweep", "tour"])
def test_a_page_jumps_no_more_than_an_empty_one(
    browser: Browser, app_url: str, bare_url: str, name: str
) -> None:
    found = first_visit(browser, f"{app_url}/{name}")
    empty = total(first_visit(browser, f"{bare_url}/{name}"))
    assert total(found) <= empty + MOST, "\n".join(map(str, found))


def test_a_jump_is_seen(browser: Browser) -> None:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = """data:text/html,<div data-testid=stMainBlockContainer><p class=stElementContainer>a</p>
      <img height=600 width=900>
      <script>requestAnimationFrame(() => setTimeout(() => document.body.style.paddingTop = "300px", 400))</script>"""
    assert total(shifts(context, page)) > 0.01
    context.close()
