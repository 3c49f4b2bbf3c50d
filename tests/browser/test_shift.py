"""Journeys over the shift page in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.examples import others_slow
from viz.features.shift.params import TABS

if TYPE_CHECKING:
    from playwright.sync_api import Page


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    page.get_by_role("tab").first.wait_for()
    return page


@pytest.mark.journey
def test_a_picture_is_moved_by_keyboard_and_then_plays(app_url: str, visitor: Page) -> None:
    opened(visitor, f"{app_url}/shift?side=48")
    visitor.locator(".st-key-plot_shift_average_pooling .heatmaplayer").first.wait_for(
        state="attached"
    )
    visitor.get_by_text("not a whole number").wait_for()
    slider = visitor.locator(".st-key-shift").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    visitor.get_by_text("moves with the picture exactly").wait_for()
    visitor.wait_for_url("**/shift?*shift=2*")
    visitor.locator(".st-key-play label").click()
    reel = visitor.locator(".film .reel").last
    reel.wait_for()
    places = "e => getComputedStyle(e).backgroundPositionY"
    first = reel.evaluate(places)
    visitor.wait_for_function(
        "([e, first]) => getComputedStyle(e).backgroundPositionY !== first",
        arg=[reel.element_handle(), first],
    )
    assert visitor.locator(".film .reel").count() == 13


def test_a_network_is_measured_while_one_waits(app_url: str, visitor: Page) -> None:
    layers = "conv3 p1 c4, relu, maxpool2, conv3 s2 p1 c4"
    opened(visitor, f"{app_url}/shift?tab=network&layers={layers}&input_height=32&input_width=32")
    visitor.get_by_text("Its strides multiply to 4 px a unit").wait_for()
    visitor.get_by_text("follow the picture to the last bit").wait_for()
    visitor.locator(".st-key-plot_shift_network .heatmaplayer").first.wait_for(state="attached")
    selected = visitor.get_by_role("tab", selected=True)
    assert selected.inner_text() == TABS["network"]


@pytest.mark.parametrize(
    "link", others_slow(["?tab=curve", "?tab=spectra", "?play=true", "?side=48"])
)
def test_nothing_scrolls_sideways_on_a_phone(app_url: str, visitor: Page, link: str) -> None:
    visitor.set_viewport_size({"width": 390, "height": 844})
    opened(visitor, f"{app_url}/shift{link}")
    shown = {"?play=true": ".film .reel", "?side=48": ".heatmaplayer"}
    visitor.locator(shown.get(link, ".js-plotly-plot .cartesianlayer")).first.wait_for(
        state="attached"
    )
    wide = visitor.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390
