"""axe-core on every page and tab, in both themes, on a desktop and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser.access.axe import STREAMLIT, Foreign, faults, unseen_faults
from tests.browser.access.states import (
    COMPLETE,
    DESKTOP,
    IN_FRONT,
    PATIENCE,
    PHONE,
    State,
    open_state,
    states_of,
)
from tests.serving import serving
from viz.pages import PAGES

if TYPE_CHECKING:
    from playwright.sync_api import Page

SIZES = {"a desktop": DESKTOP, "a phone": PHONE}
BARE = Path(__file__).with_name("bare_app.py")
THEMES = ("light", "dark")
TYPICAL = [page for page in PAGES if page.name in ("sweep", "fields", "gradients", "claims")]
"""Pages with a board, a cone, maps and rows; the slow test below looks at all pages and tabs."""


@pytest.fixture
def visitor(visitor: Page) -> Iterator[Page]:
    """The window and the theme are as before when the test ends: others use the browser too."""
    visitor.emulate_media(color_scheme="light", reduced_motion="reduce")
    yield visitor
    visitor.emulate_media(color_scheme=None, reduced_motion="no-preference")
    visitor.set_viewport_size(DESKTOP)


def own_faults(page: Page) -> list[str]:
    """The faults of a page that are not Streamlit's."""
    return [
        f"{each['rule']}: {each['html']} ({each['why']})"
        for each in faults(page)
        if each["owner"] == -1
    ]


def looked_at(page: Page, theme: str, size: str) -> None:
    """Give the open page another theme and another size."""
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size(SIZES[size])
    page.wait_for_timeout(300)  # the sidebar closes by an animation
    page.wait_for_function(COMPLETE, timeout=PATIENCE)


@pytest.mark.journey
def test_typical_pages_have_no_fault(app_url: str, visitor: Page) -> None:
    found = []
    open_state(visitor, app_url, State(TYPICAL[0].name))
    links = visitor.get_by_test_id("stSidebarNav")
    for page in TYPICAL:
        links.get_by_role("link", name=page.title, exact=True).click()
        visitor.wait_for_function("name => document.title.startsWith(name)", arg=page.title)
        visitor.wait_for_function(COMPLETE, timeout=PATIENCE)
        found += [(page.name, each) for each in own_faults(visitor) + unseen_faults(visitor)]
    assert not found


@pytest.mark.parametrize(
    "states",
    [pytest.param(states_of(page.name), id=page.name) for page in PAGES]
    + [pytest.param([state], id=state.name) for state in IN_FRONT],
)
def test_nothing_has_a_fault_in_both_themes_on_a_desktop_and_on_a_phone(
    app_url: str, visitor: Page, states: list[State]
) -> None:
    found = []
    for state in states:
        visitor.set_viewport_size(DESKTOP)
        open_state(visitor, app_url, state)
        for theme in THEMES:
            for size in SIZES:
                looked_at(visitor, theme, size)
                each = own_faults(visitor) + unseen_faults(visitor)
                found += [(state.link, state.name, theme, size, fault) for fault in each]
    assert not found


@pytest.fixture(scope="module")
def bare_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    quiet = {"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false"}
    with serving(BARE, tmp_path_factory.mktemp("bare"), quiet) as server:
        yield server.url


@pytest.mark.parametrize("fault", STREAMLIT, ids=lambda fault: f"{fault.rule} {fault.selector}")
def test_what_is_streamlit_s_own_a_bare_app_has_too(
    app_url: str, bare_url: str, visitor: Page, fault: Foreign
) -> None:
    """And this app still has it: what neither has does not stay in the list."""
    number = STREAMLIT.index(fault)
    for url, link in ((bare_url, ""), (app_url, fault.link)):
        visitor.set_viewport_size(DESKTOP)
        visitor.goto(f"{url}/{link}")
        visitor.wait_for_function(COMPLETE, timeout=PATIENCE)
        owners = {each["owner"] for each in faults(visitor)}
        visitor.set_viewport_size(PHONE)
        visitor.wait_for_timeout(300)
        owners |= {each["owner"] for each in faults(visitor)}
        assert number in owners, link or "the bare app"


def test_the_scan_sees_what_it_must_refuse(visitor: Page) -> None:
    visitor.set_content(
        "<html lang=en><title>t</title><main data-testid=stMain><h1>One</h1><h3>Three</h3><h1>Two</h1>"
        "<button><span aria-label='close icon' role=img></span></button><img src=x>"
        "<div data-testid=stPlotlyChart></div><p style='width:3000px;color:#aaa'>wide</p></main>"
    )
    assert {"color-contrast", "image-alt"} <= {str(each["rule"]) for each in faults(visitor)}
    unseen = "\n".join(unseen_faults(visitor))
    for part in ("not one h1", "h3 after h1", "no name", "chart without a name", "wider than"):
        assert part in unseen
