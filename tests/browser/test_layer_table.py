"""Edits of the layer table in a real browser, with the mouse, by keyboard and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest

from tests.browser.conftest import EXCEPTION, complaints_of
from tests.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

APP = Path(__file__).with_name("layer_table_app.py")
ROOT = '[data-testid="layer-table"]'
WAIT = 30_000
NET = "conv3 p1 c8, relu, residual[bn, gap], 3x[conv1, relu], concat[conv1 | ], fc10"


@pytest.fixture(scope="module")
def table_url() -> Iterator[str]:
    with serving(APP) as server:
        yield server.url
        assert "Traceback (most recent call last)" not in server.log(), server.log()


class Editor:
    """One visitor at the table."""

    def __init__(self, page: Page, url: str, net: str = NET) -> None:
        self.page, self.root = page, page.locator(ROOT)
        page.goto(f"{url}/?{urlencode({'net': net})}")
        page.wait_for_selector(f"{ROOT}[data-ready=true]", timeout=2 * WAIT)

    def until(self, net: str) -> None:
        """Wait until the network is this one and the table has heard of it."""
        self.page.get_by_text(net, exact=True).wait_for(timeout=WAIT)
        self.settled()

    def settled(self) -> None:
        self.page.wait_for_selector(f"{ROOT}[data-pending=false]", timeout=WAIT)

    def field(self, words: str) -> Locator:
        return self.root.get_by_label(words, exact=True)

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def act(self, name: str) -> None:
        """Press a row's action, which stands there while the row is in use."""
        self.field(name.split(": ")[1].capitalize()).focus()
        self.button(name).click()

    def menu(self, text: str) -> None:
        self.root.get_by_role("menuitem", name=text, exact=True).click()

    @property
    def focus(self) -> tuple[str, str]:
        """The row and the control that have the keyboard."""
        return self.root.evaluate("""(root) => {
          const active = root.getRootNode().activeElement;
          return [active?.closest("tr")?.dataset.path ?? "", active?.dataset?.part ?? ""];
        }""")

    @property
    def texts(self) -> list[str]:
        return [each.input_value() for each in self.root.locator(".text:visible").all()]

    def sentence(self) -> str:
        found = self.root.locator(".says:not(:empty)")
        found.wait_for(timeout=WAIT)
        return found.inner_text()


@contextmanager
def visiting(context: BrowserContext, url: str, net: str = NET) -> Iterator[Editor]:
    """A new tab; fails at the end if the page complained, broke or called outside."""
    page = context.new_page()
    page.set_default_timeout(WAIT)
    complaints = complaints_of(page)
    yield Editor(page, url, net)
    exceptions = page.locator(EXCEPTION).all_inner_texts()
    page.close()
    assert not exceptions
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser that keeps Streamlit's files from one test to the next."""
    opened = browser.new_context(viewport={"width": 1440, "height": 900})
    yield opened
    opened.close()


@pytest.fixture
def editor(context: BrowserContext, table_url: str) -> Iterator[Editor]:
    with visiting(context, table_url) as found:
        yield found


def test_a_typed_text_is_taken_by_enter_or_by_leaving_the_row(editor: Editor) -> None:
    editor.field("Layer 0").fill("conv5 s2")
    editor.page.keyboard.press("Enter")
    editor.until(NET.replace("conv3 p1 c8", "conv5 s2"))
    assert editor.focus == ["0", "text"]
    editor.field("Layer 5").fill("flatten,  fc10 ,relu")
    editor.field("Layer 1").focus()
    editor.until(NET.replace("conv3 p1 c8", "conv5 s2").replace("fc10", "flatten, fc10, relu"))
    assert editor.focus == ["1", "text"]
    assert editor.field("Layer 6").input_value() == "fc10"


def test_a_refused_text_stays_with_its_reason_until_escape(editor: Editor) -> None:
    field = editor.field("Layer 2, body 0")
    field.fill("conv3 s0")
    field.press("Enter")
    assert editor.sentence() == "column 7: stride must be at least 1 (got 0)"
    assert field.input_value() == "conv3 s0"
    assert field.get_attribute("aria-invalid") == "true"
    described = field.get_attribute("aria-describedby")
    assert editor.root.locator(f"#{described}").inner_text() == editor.sentence()
    editor.act("Duplicate: layer 0")  # goes through; what is typed elsewhere moves along
    moved = editor.field("Layer 3, body 0")
    moved.wait_for()
    assert moved.input_value() == "conv3 s0"
    moved.press("Escape")
    assert moved.input_value() == "bn"
    moved.press("Escape")
    assert editor.root.locator(".says:not(:empty)").count() == 0
    moved.fill("conv3 s2")
    moved.press("Enter")
    editor.until(f"conv3 p1 c8, {NET.replace('bn', 'conv3 s2')}")


def test_what_is_being_typed_moves_along_with_its_row(editor: Editor) -> None:
    editor.field("Layer 0").fill("conv1, conv1")
    editor.field("Layer 1").click()  # leaving the row sends it; the answer comes while one types
    editor.page.keyboard.press("Home")
    editor.page.keyboard.type("leaky_", delay=40)
    editor.until(NET.replace("conv3 p1 c8", "conv1, conv1"))
    assert editor.focus == ["2", "text"]
    assert editor.field("Layer 2").input_value() == "leaky_relu"
    editor.page.keyboard.type("x")  # the caret is where it was
    assert editor.field("Layer 2").input_value() == "leaky_xrelu"
    editor.page.keyboard.press("Backspace")
    editor.page.keyboard.press("Enter")
    editor.until(NET.replace("conv3 p1 c8, relu", "conv1, conv1, leaky_relu"))


@pytest.mark.journey
def test_layers_are_inserted_from_the_menu_and_by_keyboard(editor: Editor) -> None:
    editor.act("Insert below: layer 1")
    editor.menu("maxpool2")
    editor.until(NET.replace("relu, residual", "relu, maxpool2, residual"))
    assert editor.focus == ["2", "text"]
    editor.page.keyboard.type("gap")  # what was inserted is selected
    editor.page.keyboard.press("Alt+Enter")
    editor.until(NET.replace("relu, residual", "relu, gap, conv3 p1, residual"))
    assert editor.focus == ["3", "text"]
    editor.button("add a layer").click()
    editor.page.keyboard.press("ArrowDown")
    editor.page.keyboard.press("Enter")
    editor.until(NET.replace("relu, residual", "relu, gap, conv3 p1, residual") + ", conv1")
    assert editor.focus == ["8", "text"]


def test_a_click_elsewhere_closes_the_menu(editor: Editor) -> None:
    menu = editor.root.get_by_role("menu", name="Insert")
    editor.button("add a layer").click()
    menu.wait_for()
    editor.field("Layer 0").click()
    menu.wait_for(state="detached")


def test_an_empty_branch_is_filled_and_a_new_one_is_added(editor: Editor) -> None:
    editor.root.get_by_text("branch 1").hover()
    editor.button("Insert below: branch 1 of layer 4").click()
    editor.menu("bn")
    editor.until(NET.replace("[conv1 | ]", "[conv1 | bn]"))
    editor.root.get_by_text("branch 1").hover()
    editor.button("Insert below: branch 1 of layer 4").click()
    editor.menu("a new branch below")
    editor.until(NET.replace("[conv1 | ]", "[conv1 | bn | conv3 p1]"))
    editor.root.get_by_text("branch 0").hover()
    editor.button("Delete: branch 0 of layer 4").click()
    editor.until(NET.replace("[conv1 | ]", "[bn | conv3 p1]"))


def test_rows_are_deleted_and_brought_back(editor: Editor) -> None:
    editor.act("Delete: layer 1")
    editor.until(NET.replace("relu, residual", "residual"))
    assert editor.focus == ["1", "number"]
    editor.field("Layer 4").focus()
    editor.page.keyboard.press("Alt+Delete")
    editor.until(NET.replace("relu, residual", "residual").replace(", fc10", ""))
    assert editor.focus == ["3", "number"]
    editor.button("undo").click()
    editor.until(NET.replace("relu, residual", "residual"))
    editor.field("Layer 0").press("Control+z")
    editor.until(NET)
    editor.field("Layer 0").press("Control+Shift+z")
    editor.until(NET.replace("relu, residual", "residual"))
    assert editor.button("undo").is_enabled()


def test_the_last_layer_of_a_block_cannot_go(context: BrowserContext, table_url: str) -> None:
    with visiting(context, table_url, "relu, 2x[bn]") as editor:
        editor.act("Delete: layer 1, 0")
        assert editor.sentence() == "body must have at least one layer (got none)"
        assert editor.texts == ["relu", "2x", "bn"]


def test_a_row_moves_by_keyboard_and_keeps_the_focus(editor: Editor) -> None:
    editor.field("Layer 0").focus()
    for _ in range(3):  # faster than the server answers
        editor.page.keyboard.press("Alt+ArrowDown")
    editor.until("relu, residual[bn, gap], 3x[conv1, relu], conv3 p1 c8, concat[conv1 | ], fc10")
    assert editor.focus == ["3", "text"]
    editor.page.keyboard.press("Alt+Shift+ArrowUp")
    editor.until("relu, residual[bn, gap], 3x[conv1, relu, conv3 p1 c8], concat[conv1 | ], fc10")
    assert editor.focus == ["2.0.2", "text"]
    editor.page.keyboard.press("Alt+ArrowDown")
    editor.until("relu, residual[bn, gap], 3x[conv1, relu], conv3 p1 c8, concat[conv1 | ], fc10")
    editor.act("Move up: layer 1, body 1")
    editor.until("relu, residual[gap, bn], 3x[conv1, relu], conv3 p1 c8, concat[conv1 | ], fc10")
    assert editor.focus == ["1.0.0", "up"]


def test_a_row_is_dragged_into_a_block(editor: Editor) -> None:
    editor.field("Layer 1").hover()
    grip = editor.root.locator('tr[data-path="1"] .grip')
    grip.drag_to(editor.root.locator('tr[data-path="3.0.1"]'), target_position={"x": 300, "y": 5})
    editor.until("conv3 p1 c8, residual[bn, gap], 3x[conv1, relu, relu], concat[conv1 | ], fc10")
    assert editor.focus == ["2.0.1", "text"]


def test_a_folded_block_is_one_line_of_notation(editor: Editor) -> None:
    editor.button("Fold layer 3").click()
    assert editor.field("Layer 3, 0").count() == 0
    assert editor.field("Layer 3").input_value() == "3x[conv1, relu]"
    editor.act("Delete: layer 0")  # the fold moves along with its row
    editor.until(NET.removeprefix("conv3 p1 c8, "))
    field = editor.field("Layer 2")
    assert field.input_value() == "3x[conv1, relu]"
    field.fill("2x[gap]")
    field.press("Enter")
    editor.until("relu, residual[bn, gap], 2x[gap], concat[conv1 | ], fc10")
    editor.button("Unfold layer 2").click()
    editor.field("Layer 2").fill("9x")
    editor.field("Layer 2").press("Enter")
    editor.until("relu, residual[bn, gap], 9x[gap], concat[conv1 | ], fc10")
    editor.button("fold all").click()
    assert len(editor.texts) == 5


def test_a_number_selects_and_arrows_walk(editor: Editor) -> None:
    editor.button("Show layer 2, body 1").click()
    selected = editor.root.locator("tr.selected")
    selected.wait_for()
    assert selected.get_attribute("data-path") == "2.0.1"
    assert selected.get_attribute("aria-current") == "true"
    editor.field("Layer 1").focus()
    for key, path in [("ArrowDown", "2"), ("ArrowDown", "2.0.0"), ("ArrowUp", "2")]:
        editor.page.keyboard.press(key)
        assert editor.focus == [path, "text"]


def test_another_network_drops_what_was_typed(editor: Editor) -> None:
    editor.field("Layer 0").fill("conv0")
    editor.page.get_by_role("button", name="another network").click()
    editor.until("conv7 s2, maxpool3")
    assert editor.texts == ["conv7 s2", "maxpool3"]
    assert editor.root.locator(".says:not(:empty)").count() == 0


def test_every_control_has_a_name_of_its_own(editor: Editor) -> None:
    names = editor.root.evaluate("""(root) => [...root.querySelectorAll("button, input")]
      .filter((each) => !each.hidden).map((each) => each.ariaLabel || each.textContent)""")
    assert all(names)
    assert len(set(names)) == len(names)


def test_thousands_of_rows_are_bounded(context: BrowserContext, table_url: str) -> None:
    net = ", ".join(["bn"] * 1400 + ["2x[relu]"])
    with visiting(context, table_url, net) as editor:
        assert editor.root.locator("tbody tr").count() == 300
        assert "first 300 of 1,401 lines" in editor.root.locator(".more").inner_text()


def test_a_phone_shows_what_matters(browser: Browser, table_url: str) -> None:
    screen = {"width": 390, "height": 844}
    phone = browser.new_context(viewport=screen, has_touch=True, is_mobile=True)
    with visiting(phone, table_url) as editor:
        assert editor.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert editor.root.locator("th:visible").all_inner_texts() == ["#", "layer", "kind"]
        editor.field("Layer 2, body 0").tap()
        editor.button("Move down: layer 2, body 0").tap()
        editor.until(NET.replace("bn, gap", "gap, bn"))
        assert editor.focus == ["2.0.1", "down"]
        editor.button("Fold layer 3").tap()
        assert editor.field("Layer 3").input_value() == "3x[conv1, relu]"
        boxes = [
            each.bounding_box() for each in editor.root.locator("td.actions button:visible").all()
        ]
        assert boxes
        assert all(box and box["width"] >= 44 and box["height"] >= 36 for box in boxes)
    phone.close()
