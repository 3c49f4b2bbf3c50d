"""A visitor of a server that has just started."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

PLAYER = '[data-testid="sweep-player"][data-ready="true"]'


@pytest.mark.journey
def test_torchs_verdict_comes_by_itself_and_moves_nothing(page: Page) -> None:
    with serving() as server:
        page.goto(server.url + "/?step=3")
        player = page.locator(PLAYER)
        player.wait_for()
        values = player.locator(".total").inner_text()
        page.locator(f"{PLAYER} .agrees").wait_for(timeout=90_000)
        assert page.locator(f"{PLAYER} .agrees").inner_text() == "torch gives 4×4 ✓"
        assert player.locator(".total").inner_text() == values
        assert '"step":3' in (player.get_attribute("data-state") or "")
        page.goto("about:blank")  # it would complain about the server that is stopped
