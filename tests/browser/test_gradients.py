"""Journeys over the gradient page in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.examples import others_slow

if TYPE_CHECKING:
    from playwright.sync_api import Page


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    page.get_by_role("tab").first.wait_for()
    return page


def caption(page: Page, text: str) -> None:
    page.locator(".st-key-plot_gradients").get_by_text(text).first.wait_for()


@pytest.mark.journey
def test_a_click_on_a_unit_shows_its_gradient(app_url: str, visitor: Page) -> None:
    opened(visitor, f"{app_url}/gradients")
    caption(visitor, "9 of 64 pixels reached")
    units = visitor.locator(".st-key-panel_gradients_4 .js-plotly-plot")
    corner = units.locator(".scatterlayer .point").first.bounding_box()
    assert corner is not None
    visitor.mouse.click(corner["x"] + corner["width"] / 2, corner["y"] + corner["height"] / 2)
    visitor.wait_for_url("**/gradients?unit=0.0")
    visitor.locator(".st-key-panel_gradients_5").get_by_text("4 of 64 pixels reached").wait_for()
    visitor.go_back()
    caption(visitor, "9 of 64 pixels reached")


def test_the_backward_pass_plays(app_url: str, visitor: Page) -> None:
    opened(visitor, f"{app_url}/gradients?tab=back&arriving=random&step=10")
    player = visitor.get_by_test_id("sweep-player")
    player.get_by_text("step 11 of 64", exact=True).wait_for()
    assert player.locator(".hint").is_visible()
    assert not player.locator(".compare, .presets, .lead, .reset").filter(visible=True).count()
    player.get_by_role("button", name="Step forward").click()
    player.get_by_text("step 12 of 64", exact=True).wait_for()
    visitor.wait_for_url("**step=11**")
    visitor.get_by_text("the same check").wait_for()


def test_flow_comes_from_the_queue(app_url: str, visitor: Page) -> None:
    opened(visitor, f"{app_url}/gradients?tab=depth&depth=10&draws=8")
    visitor.locator(".st-key-plot_flow .scatterlayer").wait_for(state="attached")
    visitor.get_by_role("row", name="blur pooling").wait_for()
    visitor.get_by_role("row", name="99.902344").wait_for()


@pytest.mark.parametrize("tab", others_slow(["numbers", "depth"]))
def test_nothing_scrolls_sideways_on_a_phone(app_url: str, visitor: Page, tab: str) -> None:
    visitor.set_viewport_size({"width": 390, "height": 844})
    opened(visitor, f"{app_url}/gradients?input_height=16&input_width=16&draws=8&tab={tab}")
    visitor.locator(".table").first.wait_for()
    wide = visitor.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390
