"""Journeys over the claims page in a real browser."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.examples import others_slow
from viz.lessons.claims import NUMBERS

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.journey
def test_a_claim_is_opened_and_changed_by_keyboard(app_url: str, visitor: Page) -> None:
    visitor.goto(f"{app_url}/claims")
    visitor.locator(".row-links[data-ready]").wait_for(state="attached")
    row = visitor.locator("a[data-choice='11']")
    row.focus()
    row.press("Enter")
    visitor.get_by_role("heading", name="With this setting: holds", exact=True).wait_for()
    visitor.locator("[aria-label=Evidence] td.yes").first.wait_for()
    slider = visitor.locator(".st-key-dilation").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    visitor.get_by_role("heading", name="With this setting: does not hold").wait_for()
    visitor.wait_for_url("**/claims?*claim=11*dilation=2*")
    visitor.get_by_role("link", name="See it on Receptive fields").click()
    visitor.wait_for_url("**/fields?*layers=*")


@pytest.mark.slow
def test_all_are_run_until_stopped_and_saved_to_print(app_url: str, visitor: Page) -> None:
    visitor.goto(f"{app_url}/claims")
    visitor.get_by_role("button", name="Run all").click()
    several = re.compile(r"Claims put to the test: (1[5-9]\d|2\d\d) of \d+ settings")
    visitor.get_by_text(several).wait_for(timeout=120_000)
    visitor.get_by_role("button", name="Stop").click()
    told = visitor.get_by_text(re.compile(rf"\d+ of {len(NUMBERS)} claims put to the test with"))
    told.wait_for()
    count = int(told.inner_text().partition(" of ")[0])
    assert 4 <= count < len(NUMBERS)
    with visitor.expect_download() as file:
        visitor.get_by_role("button", name="Save page for print").click()
    text = file.value.path().read_text(encoding="utf-8")
    assert text.count("<tr>") == 1 + count


def test_names_below_a_chart_do_not_overlap_on_a_phone(app_url: str, visitor: Page) -> None:
    visitor.set_viewport_size({"width": 390, "height": 844})
    visitor.goto(f"{app_url}/claims?claim=17")
    visitor.locator(".xtick text").first.wait_for()
    ends = visitor.locator(".xtick text").evaluate_all(
        """all => all.map((text) => text.getBoundingClientRect())
          .map(({ left, right }) => [left, right])"""
    )
    assert len(ends) == 5
    assert all(right <= left for (_, right), (left, _) in pairwise(ends))


@pytest.mark.parametrize("link", others_slow(["", "?claim=5", "?claim=12"]))
def test_nothing_scrolls_sideways_on_a_phone(app_url: str, visitor: Page, link: str) -> None:
    visitor.set_viewport_size({"width": 390, "height": 844})
    visitor.goto(f"{app_url}/claims{link}")
    visitor.locator("[aria-label=Evidence]" if link else ".claims li").first.wait_for()
    wide = visitor.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390
