"""What a visitor's system asks for: high contrast, less motion, large text in a narrow window."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.access.axe import WIDER
from tests.browser.access.states import DESKTOP, State, open_state, states_of
from viz.features.shift.compute import FRAMES
from viz.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

NARROW = {"width": 320, "height": 640}
"""Success criterion 1.4.10 of WCAG 2.2: also 1,280 px at 400 %."""
SPACED = """* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
  word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }"""
"""Success criterion 1.4.12."""


@pytest.fixture
def visitor(visitor: Page) -> Iterator[Page]:
    yield visitor
    visitor.emulate_media(forced_colors=None, reduced_motion="no-preference")
    visitor.set_viewport_size(DESKTOP)


def style(page: Page, selector: str, name: str) -> str:
    found: str = page.locator(selector).first.evaluate(
        "(element, name) => getComputedStyle(element)[name]", name
    )
    return found


def test_high_contrast_leaves_the_colors_that_mean_something(app_url: str, visitor: Page) -> None:
    visitor.emulate_media(forced_colors="active")
    open_state(visitor, app_url, State("sizes?tab=common"))
    hatched = ".table td.unread"
    assert "gradient" in style(visitor, hatched, "backgroundImage")
    assert style(visitor, "[role=tab][aria-selected=true]", "outlineStyle") == "solid"
    assert style(visitor, "[role=tab][aria-selected=false]", "outlineStyle") == "none"
    open_state(visitor, app_url, State("erf"))
    assert "gradient" in style(visitor, ".plot-bar i", "backgroundImage")
    open_state(visitor, app_url, State("fields"))
    plain, pressed = (f"[data-testid=cone] button[aria-pressed={on}]" for on in ("false", "true"))
    assert style(visitor, pressed, "borderTopWidth") == "2px"
    assert style(visitor, plain, "borderTopWidth") == "1px"


def test_the_film_steps_where_less_motion_is_asked_for(app_url: str, visitor: Page) -> None:
    visitor.emulate_media(reduced_motion="reduce")
    open_state(visitor, app_url, State("shift?play=true&side=48"))
    assert style(visitor, ".film .reel", "animationPlayState") == "paused"
    visitor.locator(".film input").first.focus()
    for shift in range(1, FRAMES):
        visitor.keyboard.press("ArrowRight")
        place = float(style(visitor, ".film .reel", "backgroundPositionY").removesuffix("%"))
        assert place == pytest.approx(100 * shift / (FRAMES - 1), abs=0.01)
    visitor.emulate_media(reduced_motion="no-preference")
    assert style(visitor, ".film .reel", "animationPlayState") == "running"
    assert style(visitor, ".film fieldset", "display") == "none"


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_no_page_scrolls_sideways_in_a_narrow_window(
    app_url: str, visitor: Page, page: str
) -> None:
    visitor.set_viewport_size(NARROW)
    wide = {}
    for state in states_of(page):
        open_state(visitor, app_url, state)
        wide[state.name] = visitor.evaluate(WIDER)
        visitor.add_style_tag(content=SPACED)
        wide[f"{state.name}, spaced"] = visitor.evaluate(WIDER)
    assert {name: pixels for name, pixels in wide.items() if pixels > 0} == {}
