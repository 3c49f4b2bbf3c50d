"""The board in a real browser: opened, waited for, pointed at, asked what it shows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from core.layer.board import BoardSpec
from core.layer.sweep import Sweep
from tests.browser.conftest import EXCEPTION, complaints_of
from tests.viz.values import defaults
from viz.choices import board as choices_board
from viz.choices import layer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

PLAYER = '[data-testid="sweep-player"]'
PATIENCE = 120_000
"""Milliseconds until a page that does not answer counts as broken; nothing is timed."""
TRIES = 8
LOOKS = 500
"""How often a page that does answer is looked at until something must have happened."""

# The player's own layout, asked where a cell stands; refused where it is not the picture's.
CENTRE = """async (root, [boards, board, panel, cell]) => {
  const at = "/_stcore/bidi-components/strides.player/player/layout.js";
  const { layout, stageHeight } = await import(at);
  const stage = root.querySelector(".stage"), box = stage.getBoundingClientRect();
  const plan = layout(boards, stage.clientWidth, stageHeight(boards, window.innerHeight));
  if (Math.abs(plan.height - box.height) > 1) throw new Error("the picture is laid out otherwise");
  const p = plan.places[board][panel];
  return [box.x + p.x + (cell[1] + 0.5) * p.cell, box.y + p.y + (cell[0] + 0.5) * p.cell];
}"""


@contextmanager
def stranger(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    screen = {"width": 1440, "height": 900}
    context = browser.new_context(viewport=screen, reduced_motion="no-preference")
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@contextmanager
def visit(context: BrowserContext, url: str) -> Iterator[Board]:
    """A new tab; fails at the end if the page complained, broke or called outside."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    complaints = complaints_of(page)
    yield Board(page, url)
    exceptions = page.locator(EXCEPTION).all_inner_texts()
    page.close()
    assert not exceptions, f"Streamlit shows an exception: {exceptions}"
    assert not complaints, "\n".join(complaints)


def sweep_of(**changes: Any) -> Sweep:
    """What torch makes of the board that a link with these values opens."""
    return board_of(**changes).run()


def board_of(**changes: Any) -> BoardSpec:
    return layer.board_spec(defaults(**changes))


def sides(sweep: Sweep) -> dict[str, Any]:
    """Rows, columns and planes of the three panels, named as in the player's model."""
    planes = 1 if sweep.weight is None else sweep.weight.shape[1]
    return {
        "depths": {"input": len(sweep.input), "kernel": planes, "output": len(sweep.output)},
        "gridRows": len(sweep.rows.source),
        "gridCols": len(sweep.cols.source),
        "kernelRows": len(sweep.rows.offsets),
        "kernelCols": len(sweep.cols.offsets),
        "outRows": sweep.output.shape[1],
        "outCols": sweep.output.shape[2],
    }


class Board:
    """One visitor at the board.

    Args:
        page: the visitor's browser tab.
        url: the app's address.
    """

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.player: Locator = page.locator(PLAYER)

    def open(self, **link: Any) -> Board:
        """Follow a link, and wait until its picture is drawn."""
        self.page.goto(f"{self.url}/?{urlencode(link)}")
        return self.ready()

    def ready(self) -> Board:
        self.page.wait_for_selector(f"{PLAYER}[data-ready=true]", timeout=PATIENCE)
        return self

    @property
    def state(self) -> dict[str, Any]:
        return json.loads(self.player.get_attribute("data-state") or "{}")

    @property
    def title(self) -> str:
        return self.player.get_attribute("data-title") or ""

    @property
    def says(self) -> str:
        return self.player.locator(".says").inner_text()

    @property
    def link(self) -> dict[str, str]:
        """The settings in the address bar."""
        return dict(parse_qsl(urlsplit(self.page.url).query))

    def until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait for something the page does by itself."""
        for _ in range(LOOKS):
            if happened():
                return
            self.page.wait_for_timeout(30)
        raise AssertionError(f"never {what}: {self.state}, {self.page.url}")

    def at_rest(self) -> None:
        """Wait until the server's script has run and the page has what it made."""
        self.page.wait_for_selector("[data-test-script-state=notRunning]", timeout=PATIENCE)

    def pick(self, key: str, option: str) -> None:
        """Choose an option of a list; a rerun that arrives meanwhile closes it, so look again."""
        from playwright.sync_api import TimeoutError as Late

        for _ in range(TRIES):
            self.at_rest()
            self.page.locator(f".st-key-{key}").get_by_role("button", name="Open").click()
            try:
                self.page.get_by_role("option", name=option).click(timeout=2000)
            except Late:
                self.page.keyboard.press("Escape")
            else:
                return
        raise AssertionError(f"the list {key} never offered {option}")

    def until_state(self, **wanted: Any) -> None:
        self.until(lambda: wanted.items() <= self.state.items(), f"in state {wanted}")

    def until_link(self, **wanted: str) -> None:
        self.until(lambda: wanted.items() <= self.link.items(), f"at a link with {wanted}")

    def until_title(self, part: str) -> None:
        self.until(lambda: part in self.title, f"titled {part}")

    def press(self, *keys: str) -> dict[str, Any]:
        """Keys pressed on the player, one after the other; the state after the last."""
        for key in keys:
            self.player.locator(".stage").press(key)
        return self.state

    def point(
        self, sweeps: Sweep | list[Sweep], panel: str, cell: tuple[int, int], board: int = 0
    ) -> tuple[float, float]:
        """Where a cell of a panel is on the screen, in reach of the mouse."""
        several = sweeps if isinstance(sweeps, list) else [sweeps]
        self.player.locator(".stage").scroll_into_view_if_needed()
        asked = [[sides(sweep) for sweep in several], board, panel, list(cell)]
        x, y = self.player.evaluate(CENTRE, asked)
        return x, y

    def hover(self, sweep: Sweep | list[Sweep], panel: str, cell: tuple[int, int]) -> str:
        """The sentence while the mouse is on a cell."""
        self.page.mouse.move(*self.point(sweep, panel, cell))
        self.until_state(panel=panel, cell=list(cell))
        return self.says

    def type_over(self, sweep: Sweep, panel: str, cell: tuple[int, int], text: str) -> None:
        """Double-click a cell and type another value."""
        self.page.mouse.dblclick(*self.point(sweep, panel, cell))
        field = self.player.locator(".stage input")
        field.fill(text)
        field.press("Enter")

    def every_value(self) -> list[float]:
        """The value at every step, by the slider."""
        return self.player.evaluate("""(root) => {
          const scrub = root.querySelector(".scrub");
          return Array.from({ length: Number(scrub.max) + 1 }, (_, step) => {
            scrub.value = step;
            scrub.dispatchEvent(new Event("input"));
            return JSON.parse(root.dataset.state).value;
          });
        }""")


def payload(**changes: Any) -> dict[str, Any]:
    """What the player is sent, ready for ``new Board(…)`` of model.js."""
    return choices_board.player_data(board_of(**changes)) | {"name": " "}
