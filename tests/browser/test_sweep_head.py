"""The board's heading, tools and names: what stands where, undo and reset, focus, screen readers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.board import Board, stranger, sweep_of, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

FOCUSED = "(root) => root.getRootNode().activeElement?.textContent.trim()"
STAGE_FOCUSED = "(root) => root.getRootNode().activeElement === root.querySelector('.stage')"


@pytest.fixture(scope="module")
def board(regular: BrowserContext, app_url: str) -> Iterator[Board]:
    with visit(regular, app_url) as opened:
        yield opened


def box(board: Board, selector: str) -> dict[str, float]:
    """Where an element of the player is in the window."""
    found: dict[str, float] | None = board.player.locator(selector).first.bounding_box()
    assert found
    return found


def focused(board: Board, script: str = FOCUSED) -> Any:
    return board.player.evaluate(script)


@pytest.mark.journey
def test_title_presets_tools_picture_and_sum_are_above_the_fold(board: Board) -> None:
    board.open(step=6)
    heading = board.page.get_by_role("heading", level=1)
    assert heading.all_inner_texts() == ["3×3 convolution, stride 2, padding 1"]
    assert heading.evaluate("e => getComputedStyle(e).fontSize") == "24px"
    assert "Press play" in board.player.locator(".lead").inner_text()
    presets = board.player.locator(".presets")
    tops = presets.locator("button").evaluate_all("e => [...new Set(e.map(b => b.offsetTop))]")
    assert len(tops) == 1, "one row"
    assert presets.evaluate("e => e.scrollWidth <= e.clientWidth"), "all in view"
    middle = [box(board, s)["y"] + box(board, s)["height"] / 2 for s in ("h1", ".compare", ".link")]
    menu = board.page.locator(".st-key-save_sweep button").bounding_box()
    assert menu
    assert max(*middle, menu["y"] + menu["height"] / 2) - min(middle) < 8, "one row of tools"
    assert box(board, ".link")["x"] + box(board, ".link")["width"] < menu["x"]
    total = box(board, ".sums .total")
    assert total["y"] + total["height"] < 900
    assert not board.player.locator(".undo, .redo, .reset").filter(visible=True).count()


@pytest.mark.journey
def test_typed_values_are_undone_and_typed_again_by_keys(board: Board) -> None:
    sweep = sweep_of()
    board.open(step=0)
    board.type_over(sweep, "kernel", (0, 1), "5")
    board.until_link(weights="0.0.0.1:5")
    undo, redo = board.player.locator(".undo"), board.player.locator(".redo")
    undo.wait_for()
    board.type_over(sweep, "input", (3, 4), "99")
    board.until_link(weights="0.0.0.1:5", pixels="0.2.3:99")
    board.until(lambda: focused(board, STAGE_FOCUSED), "the board has the focus")
    board.press("Control+z")
    board.until(lambda: "pixels" not in board.link, "the pixel undone")
    assert board.link["weights"] == "0.0.0.1:5"
    redo.wait_for()
    undo.focus()
    undo.press("Enter")
    board.until(lambda: "weights" not in board.link, "the weight undone")
    undo.wait_for(state="hidden")
    assert focused(board, STAGE_FOCUSED), "a button that goes gives its focus to the board"
    board.press("Control+Shift+z")
    board.until_link(weights="0.0.0.1:5")
    undo.wait_for()
    board.player.locator(".reset").click()
    board.until(lambda: not {"weights", "pixels"} & board.link.keys(), "reset")
    board.until(lambda: not board.player.locator(".reset").is_visible(), "nothing to reset")
    assert not undo.is_visible()


def test_what_a_link_has_typed_can_be_undone(board: Board) -> None:
    board.open(step=0, weights="0.0.0.1:5", pixels="0.2.3:99", stride=1)
    board.player.locator(".undo").click()
    board.until(lambda: not {"weights", "pixels"} & board.link.keys(), "undone at once")
    assert board.link["stride"] == "1"
    board.player.locator(".redo").click()
    board.until_link(weights="0.0.0.1:5", pixels="0.2.3:99")
    board.player.locator(".reset").click()
    board.until_title("stride 2")
    board.until(lambda: not {"stride", "weights"} & board.link.keys(), "reset")


@pytest.mark.journey
def test_the_focus_stays_on_what_was_pressed(board: Board) -> None:
    board.open(step=0, in_channels=3, out_channels=2, padding=0)
    for group, name in (
        (".channels", "green"),
        (".filters", "1: sobel y"),
        (".presets", "dilated"),
    ):
        before = board.player.get_attribute("data-version")
        button = board.player.locator(group).get_by_role("button", name=name, exact=True)
        button.focus()
        button.press("Enter")
        board.until(lambda b=button: b.get_attribute("aria-pressed") == "true", f"{name} chosen")
        if group == ".presets":
            board.until(lambda v=before: board.player.get_attribute("data-version") != v, "redrawn")
        assert focused(board) == name
    board.open(step=0, stride=3, padding=0, input_height=7, input_width=7)
    fix = board.player.locator(".fixes button").first
    label = fix.inner_text()
    fix.focus()
    fix.press("Enter")
    board.until(
        lambda: label not in board.player.locator(".fixes button").all_inner_texts(), "repaired"
    )
    assert focused(board, STAGE_FOCUSED), "its button has gone"


def test_a_screen_reader_gets_names_states_and_values(board: Board) -> None:
    board.open(step=2)
    stage = board.page.get_by_role("application")
    assert (stage.get_attribute("aria-label") or "").startswith("3×3 convolution, stride 2")
    play = board.player.get_by_role("button", name="Play (space)")
    play.click()
    board.player.get_by_role("button", name="Pause (space)").click()
    board.press("Home", "ArrowRight")
    scrub = board.player.get_by_role("slider", name="Step")
    assert scrub.get_attribute("aria-valuetext") == "step 2 of 16"
    tables = board.player.locator(".tables table")
    captions = [text.strip() for text in tables.locator("caption").all_text_contents()]
    assert captions == ["input 8×8, padded 10×10", "kernel 3×3", "output 4×4"]
    values = [text.replace("−", "-") for text in tables.last.locator("td").all_text_contents()]
    assert [float(text) for text in values if text] == sweep_of().output[0].ravel().tolist()
    board.player.locator("button.loop").click()
    assert board.player.locator("button.loop").get_attribute("aria-pressed") == "true"
    board.page.emulate_media(forced_colors="active")
    style = board.player.locator("button.loop").evaluate("e => getComputedStyle(e).outlineStyle")
    board.page.emulate_media(forced_colors="none")
    assert style == "solid", "pressed is seen without colors"


@pytest.mark.journey
def test_equal_layers_say_so_and_stand_beside_each_other(board: Board) -> None:
    board.open(compare="second", step=0)
    assert board.page.get_by_role("heading", level=1).inner_text() == "Two layers on the same input"
    lead = board.player.locator(".lead")
    assert lead.inner_text() == "Both layers are the same: now change layer B."
    titles = board.player.get_by_role("heading", level=2)
    first, second = (each.bounding_box() for each in titles.all())
    assert first
    assert second
    assert first["y"] == second["y"]
    assert second["x"] > first["x"] + first["width"]
    total = box(board, ".sum:nth-child(2) .total")
    assert total["y"] + total["height"] < 900
    assert box(board, ".sum")["y"] == box(board, ".sum:nth-child(2)")["y"], "so do their sums"
    board.open(compare="second", stride_b=1, step=0)
    assert "the same:" not in lead.inner_text()


def test_a_pinned_pixel_has_the_sum_of_an_output_that_reads_it(board: Board) -> None:
    board.open(pin="i3.4", step=15)
    assert board.says == "Pinned. Input (2, 3) = 74: 2 outputs read it."
    assert board.player.locator(".which").inner_text() == "one of these 2: output (1, 1) ="
    assert board.player.locator(".term.meant").inner_text().startswith("74·")


@pytest.mark.parametrize("width", [390, 320])
def test_cells_use_the_width_of_a_phone(browser: Browser, app_url: str, width: int) -> None:
    with stranger(browser) as visitor, visit(visitor, app_url) as phone:
        phone.page.set_viewport_size({"width": width, "height": 844})
        phone.open(step=0)
        left, top = phone.point(sweep_of(), "input", (0, 0))
        right, _ = phone.point(sweep_of(), "input", (0, 9))
        cell = (right - left) / 9
        assert cell >= (35 if width == 390 else 28)
        assert top > 0
        bar = box(phone, ".bar")
        assert bar["y"] + bar["height"] <= 844 + 1, "the buttons stay in the window"
        assert phone.page.evaluate("document.scrollingElement.scrollWidth") <= width
        chosen = box(phone, ".presets [aria-pressed=true]")
        assert chosen["x"] >= 0
        assert chosen["x"] + chosen["width"] <= width, "the chosen preset is in view"
