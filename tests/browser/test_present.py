"""Presentation mode in a real browser: keys without a click, the full screen, links of the tour."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import PATIENCE, new_tab
from tests.browser.test_tour import STILL
from viz.lessons.tour import TOUR

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

PLAYER = "[data-testid=sweep-player]"
HOSTS = "[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]"
PLAYER_STATE = (
    f"{HOSTS}.map(host => host.shadowRoot?.querySelector('{PLAYER}')).find(Boolean)?.dataset.state"
)
"""JavaScript for the state of the board as JSON."""


PICTURES = {
    "?step=4": f"{PLAYER} .stage",
    "fields": "[data-testid=cone] .views",
    "erf": ".st-key-panels_erf_map",
    "gradients": ".st-key-panels_gradients",
    "shift": ".st-key-panels_shift_convolution",
    "shift?tab=curve": ".st-key-panels_shift_curve",
    "claims?claim=7": ".st-key-panels_claim_chart_7",
}
"""Links of pages, and the CSS selectors of what must be seen whole."""
SIZES = ((1280, 720), (1920, 1080))


class Wall:
    """A page in presentation mode."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url

    def open(self, link: str, *, presented: bool = True) -> None:
        more = ("&" if "?" in link else "?") + "present=true" if presented else ""
        self.page.goto(f"{self.url}/{link}{more}")
        self.page.locator(".keys[data-ready]").wait_for(state="attached")
        self.page.locator(STILL).wait_for(state="attached")

    @property
    def board(self) -> dict[str, Any]:
        """The state of the board."""
        self.page.wait_for_function(f"() => {PLAYER_STATE}", timeout=PATIENCE)
        state: dict[str, Any] = json.loads(self.page.evaluate(PLAYER_STATE))
        return state

    def press(self, *keys: str) -> dict[str, Any]:
        for key in keys:
            self.page.keyboard.press(key)
        return self.board

    def slider(self) -> str:
        return self.page.locator("[data-testid=stMain] input[type=range]").input_value()


@pytest.fixture(scope="module")
def wall(regular: BrowserContext, app_url: str) -> Iterator[Wall]:
    """One tab in which the tests of this module open presented pages."""
    with new_tab(regular) as page:
        page.set_viewport_size({"width": 1280, "height": 720})
        yield Wall(page, app_url)


def until(wall: Wall, script: str) -> None:
    wall.page.wait_for_function(script, timeout=PATIENCE)


def middle(wall: Wall, selector: str, across: float = 0.5) -> tuple[float, float]:
    box = wall.page.locator(selector).first.bounding_box()
    assert box
    return box["x"] + across * box["width"], box["y"] + box["height"] / 2


@pytest.mark.journey
def test_keys_and_a_clicker_step_the_board_without_a_click(wall: Wall) -> None:
    wall.open("?step=0")
    assert wall.board["step"] == 0, "the board is there"
    assert wall.press("ArrowRight")["step"] == 1
    assert wall.press("PageDown", "PageDown")["step"] == 3, "a clicker's button"
    assert wall.press("PageUp")["step"] == 2
    assert wall.press("ArrowDown")["step"] == 6, "one row of 4 outputs"
    assert wall.press("End")["step"] == 15
    assert wall.press("Home")["step"] == 0
    assert wall.press("Space")["playing"]
    state = wall.press("Space")
    assert not state["playing"]
    assert state["pin"] == "", "no click was needed, so nothing is pinned"


@pytest.mark.parametrize("link", PICTURES)
def test_the_main_picture_is_seen_whole(wall: Wall, link: str) -> None:
    wall.open(link)
    picture = wall.page.locator(PICTURES[link])
    for width, height in reversed(SIZES):
        wall.page.set_viewport_size({"width": width, "height": height})
        until(wall, f"() => innerHeight === {height}")
        wall.page.wait_for_timeout(300)  # the observers of sizes have answered
        box = picture.bounding_box()
        assert box, "the picture is there"
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height, f"on {width}×{height}"
        if "stage" in PICTURES[link]:
            assert box["height"] >= 0.6 * height


def test_a_pointer_that_rests_on_the_board_does_not_hold_it(wall: Wall) -> None:
    wall.open("?step=0")
    wall.page.mouse.move(*middle(wall, f"{PLAYER} .stage", 0.3))
    until(wall, f"() => JSON.parse({PLAYER_STATE}).panel === 'input'")
    assert wall.press("Space")["playing"]
    until(wall, f"() => JSON.parse({PLAYER_STATE}).step > 0")
    assert not wall.press("Space")["playing"]
    wall.page.mouse.move(2, 2)


def test_page_keys_never_move_a_slider(wall: Wall) -> None:
    wall.open("?step=0")
    wall.page.mouse.click(*middle(wall, f"{PLAYER} .scrub"))
    step = wall.board["step"]
    assert step > 0
    assert wall.press("PageDown")["step"] == step + 1, (
        "one step of the board, no page of the slider"
    )
    wall.open("shift?shift=3")
    wall.page.mouse.click(*middle(wall, "[data-testid=stMain] [data-testid=stSlider]"))
    until(wall, "() => document.activeElement === document.body")
    before = wall.slider()
    wall.page.keyboard.press("PageDown")
    assert wall.slider() == before
    wall.page.keyboard.press("ArrowRight")
    assert int(wall.slider()) == int(before) + 1, "arrows move the only slider"


def test_the_clicker_turns_the_claims(wall: Wall) -> None:
    wall.open("claims?claim=7")
    wall.page.keyboard.press("PageDown")
    wall.page.wait_for_url("**claim=8*")
    wall.page.keyboard.press("PageUp")
    wall.page.wait_for_url("**claim=7*")


def test_keys_stay_with_a_field_and_with_whoever_comes_by_tab(wall: Wall) -> None:
    wall.open("?step=0")
    wall.page.keyboard.press("k")  # nothing has the focus, and k is no key of the page
    assert wall.board["pin"] == ""
    wall.page.keyboard.press("Tab")
    until(wall, "() => document.activeElement !== document.body")
    assert wall.press("ArrowRight")["step"] == 0, "whoever uses Tab means the focused element"
    wall.page.mouse.click(*middle(wall, f"{PLAYER} .says", 0.9))
    wall.page.mouse.dblclick(*middle(wall, f"{PLAYER} .stage", 0.3))
    field = wall.page.locator(f"{PLAYER} .stage input")
    field.wait_for()
    field.fill("12")
    step = wall.board["step"]
    assert wall.press("ArrowLeft", "Home", "Space", "f")["step"] == step
    assert field.input_value() == " f12"
    field.press("Escape")


def test_space_needs_no_click_on_an_ordinary_page_either(wall: Wall) -> None:
    wall.open("", presented=False)
    until(wall, f"() => JSON.parse({PLAYER_STATE} ?? '{{}}').playing")
    assert not wall.press("Space")["playing"]
    step = wall.board["step"]
    wall.page.get_by_role("slider", name="kernel_size").first.focus()
    assert wall.press("Space", "ArrowRight")["step"] == step, "the slider has the focus"


def test_the_full_screen_on_request(wall: Wall) -> None:
    wall.open("sizes")
    wall.page.evaluate(
        "() => { window.asked = 0; Element.prototype.requestFullscreen = function () {"
        " window.asked += this === document.documentElement; return Promise.resolve(); }; }"
    )
    wall.page.get_by_role("button", name="Full screen").click()
    assert wall.page.evaluate("window.asked") == 1
    wall.page.keyboard.press("f")
    assert wall.page.evaluate("window.asked") == 2
    wall.page.reload()  # the browser's own function is back
    button = wall.page.get_by_role("button", name="Full screen")
    button.click()
    until(wall, "() => document.fullscreenElement === document.documentElement")
    assert button.get_attribute("aria-pressed") == "true"
    wall.page.get_by_text("Full screen. Escape leaves it.").wait_for(state="attached")
    button.click()
    until(wall, "() => !document.fullscreenElement")
    assert button.get_attribute("aria-pressed") == "false"
    wall.page.add_init_script(
        "if (location.hash === '#none')"
        " Object.defineProperty(Document.prototype, 'fullscreenEnabled', { value: false });"
    )
    wall.page.goto(f"{wall.url}/claims?present=true#none")
    wall.page.locator(".keys[data-ready]").wait_for(state="attached")
    assert wall.page.get_by_role("button", name="Full screen").count() == 0


def test_the_tour_s_stops_can_be_read_and_opened(wall: Wall) -> None:
    wall.open("tour")
    for number, stop in enumerate(TOUR, 1):
        assert wall.page.get_by_role("link", name=f"{number}. {stop.title}").is_visible()
    text = wall.page.get_by_text(TOUR[0].text)
    opacity = "e => { let o = 1; for (; e; e = e.parentElement) o *= getComputedStyle(e).opacity; return o; }"
    assert text.evaluate(opacity) == 1
    assert text.evaluate("e => getComputedStyle(e).color") == wall.page.locator("body").evaluate(
        "e => getComputedStyle(document.querySelector('[data-testid=stApp]')).color"
    ), "no grey text on a wall"
    wall.page.get_by_role("link", name=f"2. {TOUR[1].title}").click()
    wall.page.wait_for_url(lambda url: "tour=2" in url and "present=true" in url)
