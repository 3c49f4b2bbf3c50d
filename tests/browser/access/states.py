"""What a visitor can open: every page with every tab, and what stands in front of a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from viz.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE = 120_000
"""Milliseconds until a page that does not answer counts as broken; nothing is timed."""
COMPLETE = """() => document.querySelector('[data-test-script-state=notRunning]')
  && document.querySelector('[data-testid=stMain] h1, [data-testid=stMain] [data-testid=stBidiComponentIsolated]')
  && !document.querySelector('[data-testid=stSkeleton]')"""
"""Whether the page's script has run, and the page shows what it made."""
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@dataclass(frozen=True)
class State:
    """Something to open.

    Attributes:
        link: Page and query of its address.
        name: What is opened there.
        act: What the visitor does then.
    """

    link: str
    name: str = "first tab"
    act: Callable[[Page], object] = lambda page: None


def tabs_of(page: str) -> dict[str, str]:
    """The label of each tab of a page by its name in the link; empty for a page without tabs."""
    params = f"viz.features.{page}.params"
    tabs: dict[str, str] = getattr(import_module(params), "TABS", {}) if find_spec(params) else {}
    return tabs


def states_of(page: str) -> list[State]:
    """Every tab of a page, or the page alone."""
    return [State(f"{page}?tab={tab}", tab) for tab in tabs_of(page)] or [State(page)]


def press(name: str) -> Callable[[Page], object]:
    return lambda page: page.get_by_role("button", name=name).first.click()


IN_FRONT = [
    State("fields?network=own&tab=edit", "the layer editor"),
    State("fields?network=own&tab=edit&layers=conv3, conv99", "layers that do not fit"),
    State("fields?network=own&layers=nonsense", "an error"),
    State("sizes", "the menu that saves", press("Save for slides")),
    State("sweep", "the dialog that shares", press("Share")),
    State("sweep?tour=3", "a stop of the tour"),
    State("fields?present=true", "presentation mode"),
    State("sweep?present=true&tour=3", "a stop of the tour, presented"),
    State("claims?claim=7", "an open claim"),
    State("exercises", "an answered exercise", press("Show the solution")),
    State("exercises?tab=interview&guess=1", "an answered interview question"),
    State("shift?play=true", "the film"),
]
"""What stands in front of a page, or replaces it."""
EVERYTHING = [state for page in PAGES for state in states_of(page.name)] + IN_FRONT


def open_state(page: Page, url: str, state: State) -> None:
    """Open a state and wait until it is complete."""
    page.goto(f"{url}/{state.link}")
    page.wait_for_function(COMPLETE, timeout=PATIENCE)
    state.act(page)
    page.wait_for_timeout(200)  # a menu opens by an animation
    page.wait_for_function(COMPLETE, timeout=PATIENCE)


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement?.matches(s)", selector):
            return
    raise AssertionError(f"Tab never came to {selector}")
