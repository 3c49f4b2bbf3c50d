"""Journeys over "Stride or pool?" and "Architectures" in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page


def test_from_the_claim_to_a_block_of_ones_own(app_url: str, visitor: Page) -> None:
    visitor.goto(f"{app_url}/blocks?batch=2&input_height=24&input_width=24")
    visitor.get_by_text("from 73,984 parameters").wait_for()
    visitor.locator(".st-key-plot_blocks_gradients .heatmaplayer").first.wait_for(state="attached")
    visitor.get_by_role("button", name="Change these blocks").click()
    block = visitor.get_by_role("textbox", name="block B")
    block.fill("maxpool2")
    block.press("Enter")
    visitor.wait_for_url("**b=maxpool2**")
    visitor.get_by_text("Their outputs differ in shape").wait_for()
    visitor.get_by_role("tab", name="Properties").click()
    visitor.get_by_text("picture moves by the stride").wait_for()
    visitor.get_by_role("cell", name=re.compile("^75.*of pixels")).wait_for()
    visitor.wait_for_url("**tab=properties**")
    visitor.reload()
    visitor.get_by_role("cell", name=re.compile("^75.*of pixels")).wait_for()


@pytest.mark.slow
def test_time_is_measured(app_url: str, visitor: Page) -> None:
    visitor.goto(f"{app_url}/blocks?compare=small&batch=2&tab=cost")
    visitor.locator(".st-key-plot_blocks_times .barlayer").wait_for(state="attached")
    visitor.get_by_text("quartiles of 10 repeats").wait_for()
    bars = visitor.locator(".st-key-plot_blocks_times .barlayer .point")
    assert bars.count() == 4, "forward and backward of two nets"


@pytest.mark.slow
def test_architectures_on_a_phone(app_url: str, visitor: Page) -> None:
    visitor.set_viewport_size({"width": 390, "height": 844})
    visitor.goto(f"{app_url}/architectures")
    visitor.get_by_text("590,592").wait_for()
    visitor.locator(".st-key-plot_blocks_gradients .heatmaplayer").first.wait_for(state="attached")
    wide = visitor.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390
    visitor.get_by_role("tab", name="Stage by stage").click()
    visitor.get_by_text("25,557,032 parameters; published: 25,557,032").wait_for()
    visitor.wait_for_url("**view=stages**")
    wide = visitor.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390
