"""The board's journeys in a real browser: watching, pointing, typing, sharing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest

from core.layer.operations import OPERATIONS
from tests.browser.board import Board, board_of, sweep_of, visit
from tests.examples import others_slow
from viz.features.sweep.presets import CLASSICS

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

LOSSY = {"stride": 3, "padding": 0, "input_height": 7, "input_width": 7}


@pytest.fixture
def board(regular: BrowserContext, app_url: str) -> Iterator[Board]:
    with visit(regular, app_url) as opened:
        yield opened


@pytest.fixture(scope="module")
def tab(regular: BrowserContext, app_url: str) -> Iterator[Board]:
    with visit(regular, app_url) as opened:
        yield opened.open(step=0)


@pytest.fixture
def still(tab: Board) -> Board:
    """The board at its first step, for those who look and change nothing: opened once for all."""
    tab.page.mouse.move(2, 2)
    tab.press("Escape", "Home")
    tab.until_state(step=0, pin="", playing=False)
    return tab


def number(value: float) -> str:
    """A whole number as the board writes it."""
    assert value == int(value)
    return f"{int(value)}".replace("-", "−")


@pytest.mark.journey
def test_it_opens_on_the_board_and_plays_to_the_end(board: Board) -> None:
    board.open()
    assert board.title == "3×3 convolution, stride 2, padding 1"
    assert board.link == {}
    first = board.state
    assert first["playing"]
    board.until(lambda: board.state["step"] > first["step"], "a step further")
    assert board.state["frames"] > first["frames"]
    assert board.player.locator(".compare").is_visible()
    assert "double-click a weight" in board.player.locator(".hint").inner_text()
    board.player.locator("select.speed").select_option("120")
    board.until_state(step=15, playing=False)
    assert board.says.startswith("Output (3, 3) = ")
    board.player.locator("select.speed").select_option("1")
    again = board.press("Space")
    assert again["playing"]
    assert again["step"] < 15, "played once more, from the start"


def test_without_motion_it_shows_the_whole_result(board: Board) -> None:
    board.page.emulate_media(reduced_motion="reduce")
    board.open()
    assert board.state | {"step": 15, "playing": False, "frames": 0} == board.state
    board.press("Space")
    assert board.state["playing"], "on request it plays all the same"


@pytest.mark.journey
def test_the_keyboard_reaches_everything(board: Board) -> None:
    board.open(step=2)
    assert (board.state["step"], board.state["playing"]) == (2, False)
    assert board.press("ArrowRight")["step"] == 3
    assert board.press("ArrowDown")["step"] == 7
    assert board.press("ArrowUp", "ArrowLeft")["step"] == 2
    assert board.press("End")["step"] == 15
    assert board.press("ArrowRight")["step"] == 15
    assert board.press("Home")["step"] == 0
    assert board.press("ArrowLeft")["step"] == 0
    assert board.press("i", "ArrowRight", "ArrowDown")["pin"] == "i1.1"
    assert board.says.startswith("Pinned. Input (0, 0) = ")
    assert board.press("k", "ArrowLeft", "ArrowRight")["pin"] == "k0.1"
    assert board.press("o", "ArrowDown", "ArrowRight", "ArrowUp")["pin"] == "o0.1"
    assert board.state["step"] == 1
    assert board.press("Escape")["pin"] == ""
    assert board.press("Enter")["pin"] == "o0.1"
    assert board.press("Space")["playing"]
    assert board.press("Space")["playing"] is False
    board.press("k", "Enter")
    field = board.player.locator(".stage input")
    field.fill("5")
    field.press("Escape")
    assert field.count() == 0
    board.press("Enter")
    field.fill("5")
    field.press("Enter")
    board.until_link(weights="0.0.0.0:5", pin="k0.0")
    board.until(lambda: "= 5 meets the 16 marked cells" in board.says, "the new weight")


def test_the_slider_scrubs_to_any_output(still: Board) -> None:
    scrub = still.player.locator(".scrub")
    scrub.fill("15")
    expected = {"step": 15, "playing": False, "panel": "output", "cell": [3, 3]}
    assert expected.items() <= still.state.items()
    assert still.player.locator(".count").inner_text() == "step 16 of 16"
    scrub.fill("6")
    assert still.state["cell"] == [1, 2]
    still.until_link(step="6")


@pytest.mark.journey
@pytest.mark.parametrize("operation", others_slow(OPERATIONS, 2))
def test_the_value_at_every_step_is_torchs(board: Board, operation: str) -> None:
    size = {"input_height": 6, "input_width": 5}
    extra = {"kernel": "random"} if OPERATIONS[operation].learned else {}
    expected = sweep_of(operation=operation, **size, **extra).output[0].ravel()
    board.open(operation=operation, step=0, **size, **extra)
    assert board.every_value() == expected.astype(float).tolist()


def test_stepping_by_key_shows_torchs_values_too(still: Board) -> None:
    values = [still.state["value"], *(still.press("ArrowRight")["value"] for _ in range(15))]
    assert values == sweep_of().output[0].ravel().astype(float).tolist()


def test_pointing_at_an_output_names_the_window(still: Board) -> None:
    sweep = sweep_of()
    for cell in ((0, 0), (1, 2), (3, 3)):
        said = still.hover(sweep, "output", cell)
        assert still.state["value"] == sweep.output[(0, *cell)]
        assert said.startswith(f"Output {cell} = {number(sweep.output[0][cell])} reads row")
    still.page.mouse.move(2, 2)
    still.until_state(panel="output", cell=[0, 0])


@pytest.mark.parametrize("link", others_slow([{}, LOSSY, {"dilation": 2, "stride": 1}], 2), ids=str)
def test_pointing_at_an_input_counts_its_readers(board: Board, link: dict[str, Any]) -> None:
    sweep = sweep_of(**link)
    reads = board_of(**link).layer.window.read_counts(sweep.input.shape[1:])
    board.open(step=0, **link)
    last = sweep.input.shape[1] - 1
    for row, col in ((0, 0), (2, 3), (last, last)):
        grid = sweep.rows.source.tolist().index(row), sweep.cols.source.tolist().index(col)
        said = board.hover(sweep, "input", grid)
        value, count = number(sweep.input[0, row, col]), reads[row, col]
        outputs = {0: "no output reads it", 1: "1 output reads it"}
        expected = outputs.get(count, f"{count} outputs read it")
        assert said == f"Input ({row}, {col}) = {value}: {expected}."


def test_pointing_at_padding_and_at_a_weight(still: Board) -> None:
    sweep = sweep_of()
    assert still.hover(sweep, "input", (0, 0)) == "Padding cell = 0: 1 output reads it."
    for cell in ((0, 2), (1, 0)):
        weight = number(sweep.weight[(0, 0, *cell)])
        said = still.hover(sweep, "kernel", cell)
        assert said == f"Weight {cell} = {weight} meets the 16 marked cells, one for each output."


def test_a_click_pins_and_a_second_lets_go(board: Board) -> None:
    sweep = sweep_of()
    board.open()
    board.page.mouse.click(*board.point(sweep, "output", (2, 1)))
    assert {"pin": "o2.1", "step": 9, "playing": False}.items() <= board.state.items()
    board.until_link(pin="o2.1", step="9")
    board.page.mouse.click(*board.point(sweep, "input", (3, 4)))
    board.until_link(pin="i3.4")
    board.page.mouse.click(*board.point(sweep, "input", (3, 4)))
    board.until(lambda: "pin" not in board.link, "let go")


@pytest.mark.journey
@pytest.mark.parametrize("operation", ["convolution", "transposed_convolution"])
def test_a_typed_weight_counts(board: Board, operation: str) -> None:
    """The board shows a transposed convolution's kernel flipped; torch keeps it as it is."""
    before = sweep_of(operation=operation)
    board.open(operation=operation, step=0)
    board.type_over(before, "kernel", (2, 2), "−2,5")
    typed = "0.0.2.2:-2.5" if operation == "convolution" else "0.0.0.0:-2.5"
    board.until_link(weights=typed)
    expected = sweep_of(operation=operation, weights=typed).output[0].ravel()
    assert not np.array_equal(expected, before.output[0].ravel())
    board.until(lambda: board.every_value() == expected.astype(float).tolist(), "torch's values")


def test_a_typed_pixel_counts(board: Board) -> None:
    board.open(step=0)
    board.type_over(sweep_of(), "input", (3, 4), "999")
    board.until_link(pixels="0.2.3:999")
    expected = sweep_of(pixels="0.2.3:999").output[0].ravel().astype(float).tolist()
    board.until(lambda: board.every_value() == expected, "torch's values")


@pytest.mark.parametrize("text", others_slow(["abc", "1e9", "1001", "−1000,5"], 2))
def test_what_is_no_value_gets_a_sentence_and_changes_nothing(board: Board, text: str) -> None:
    board.open(step=0)
    before = board.every_value()
    field, said = board.player.locator(".stage input"), board.player.locator(".refused")
    board.type_over(sweep_of(), "input", (3, 4), text)
    rule = f"The value must be a number from −1000 to 1000 (got {text})."
    assert said.inner_text() == f"{rule} Esc keeps the old value."
    field.press("Escape")
    assert (field.count(), said.inner_text()) == (0, "")
    assert board.every_value() == before
    board.page.mouse.dblclick(*board.point(sweep_of(), "kernel", (0, 1)))
    field.fill(text)
    field.blur()
    assert said.inner_text() == f"{rule} The old value stays."
    assert field.count() == 0
    board.type_over(sweep_of(), "kernel", (0, 1), "0,5")
    board.until_link(weights="0.0.0.1:0.5")
    assert said.inner_text() == ""


def test_a_link_restores_what_was_looked_at(board: Board) -> None:
    link = {
        "in_channels": "3",
        "out_channels": "2",
        "weights": "1.2.0.0:7",
        "pixels": "2.0.0:-9",
        "step": "6",
        "pin": "k0.0",
        "channel": "2",
        "filter": "1",
        "reads": "true",
        "speed": "8",
    }
    board.page.goto(f"{board.url}/sweep?{urlencode(link)}")  # the first page, by its name
    board.ready()
    for _ in range(2):
        assert {"step": 6, "pin": "k0.0", "playing": False}.items() <= board.state.items()
        assert board.says.startswith("Pinned. Weight (0, 0) = 7 meets")
        pressed = board.player.locator('button[aria-pressed="true"]').all_inner_texts()
        assert pressed == ["blue", "1: sobel y", "read counts"]
        assert board.player.locator("select.speed").input_value() == "8"
        assert board.link == link
        assert urlsplit(board.page.url).path == "/"
        board.page.reload()
        board.ready()
    board.press("Escape", "ArrowRight")
    settings = {"in_channels": 3, "out_channels": 2, "weights": "1.2.0.0:7", "pixels": "2.0.0:-9"}
    assert board.state["value"] == sweep_of(**settings).output[1].ravel()[7]


def test_what_was_chosen_survives_a_reload(board: Board) -> None:
    board.open(in_channels=3, out_channels=2, step=3)
    board.player.get_by_role("button", name="green").click()
    board.player.get_by_role("button", name="1: sobel y").click()
    board.press("o", "ArrowRight")
    board.until_link(channel="1", filter="1", pin="o0.1", step="1")
    before = board.state
    board.page.reload()
    board.ready()
    for name in ("step", "pin", "value", "cell"):
        assert board.state[name] == before[name]


def test_a_preset_changes_the_layer_and_plays(board: Board) -> None:
    board.open(step=7)
    board.page.get_by_text("max pooling", exact=True).click()
    board.until_title("2×2 max pooling, stride 2, padding 0")
    board.until(lambda: board.state["playing"], "playing")
    assert "step" not in board.link
    board.until_link(operation="max_pooling", kernel_size="2")


@pytest.mark.journey
def test_two_layers_step_together(board: Board) -> None:
    board.open(compare="second", stride_b=1, step=0)
    assert board.title.count(" | ") == 1
    second = sweep_of(stride=1).output[0]
    for step in (1, 2, 3):
        assert board.press("ArrowRight")["step"] == step
        sums = board.player.locator(".sum .total b").all_inner_texts()
        shown = [sweep_of().output[0].ravel()[step], second.ravel()[step]]
        assert sums == [number(value) for value in shown]
    board.press("End")
    assert board.state["step"] == 63
    places = board.player.locator(".sum .which").all_inner_texts()
    assert places == ["output (3, 3) =", "output (7, 7) ="]


def test_an_input_pixel_is_shown_on_both_boards(board: Board) -> None:
    board.open(compare="second", padding_b=0, step=0)
    sweeps = [sweep_of(), sweep_of(padding=0)]
    said = board.hover(sweeps, "input", (3, 4))
    assert said.startswith(f"A: Input (2, 3) = {number(sweeps[0].input[0, 2, 3])}: ")
    x, y = board.point(sweeps, "input", (2, 3), board=1)
    board.page.mouse.move(x, y)
    board.until(lambda: board.state["cell"] == [2, 3], "on the second board")
    assert board.says.startswith("B: Input (2, 3) = ")
    board.page.mouse.click(x, y)
    board.until_link(pin="1:i2.3")


def test_the_four_classics_are_side_by_side(board: Board) -> None:
    board.open(compare="classics", step=0)
    titles = board.title.split(" | ")
    assert [title[0] for title in titles] == list("ABCD")
    assert len(titles) == len(CLASSICS)
    board.press("End")
    sums = board.player.locator(".sum").all_inner_texts()
    layers = [{"stride": c["stride"], "padding": c["padding"]} for c in CLASSICS.values()]
    values = [number(sweep_of(**layer).output[0, -1, -1]) for layer in layers]
    assert [re.split(r"\s*=\s*", text)[-1] for text in sums] == values
    count = board.player.locator(".count").inner_text()
    assert count == "step 64 of 64 (A, B and D at the end)"
    assert not board.player.locator(".presets [aria-pressed=true]").count()
    assert "a weight" in board.player.locator(".hint").inner_text()
    lines = board.player.locator(".formula").all_inner_texts()
    assert [line[0] for line in lines] == list("ABCD")
    sides = [sweep_of(**layer).output.shape[1] for layer in layers]
    assert all(f"torch gives {n}×{n} ✓" in line for line, n in zip(lines, sides, strict=True))


@pytest.mark.parametrize("operation", ["convolution", "transposed_convolution"])
def test_read_counts_stand_alone(board: Board, operation: str) -> None:
    """Numbers that are not on the screen are not multiplied below it."""
    board.open(step=5, operation=operation)
    assert board.player.locator(".sums").inner_text() != ""
    board.player.locator("button.reads").click()
    board.until_link(reads="true")
    assert board.player.locator(".sums").inner_text() == ""
    assert ("It adds up" in board.says) == (operation == "transposed_convolution")


def test_max_pooling_marks_its_winner(board: Board) -> None:
    settings = {"operation": "max_pooling", "kernel_size": 3}
    sweep = sweep_of(**settings)
    assert sweep.winner is not None
    board.open(step=0, **settings)
    for step in range(sweep.winner[0].size):
        row, col = divmod(step, sweep.output.shape[2])
        taps = sweep.rows.source[sweep.rows.taps[row]], sweep.cols.source[sweep.cols.taps[col]]
        flat = (taps[0][:, None] * 8 + taps[1][None, :]).ravel()
        inside = ((taps[0] >= 0)[:, None] & (taps[1] >= 0)[None, :]).ravel()
        winner = np.flatnonzero(inside & (flat == sweep.winner[0, row, col]))
        marked = board.player.locator(".term.wins")
        assert marked.evaluate_all("terms => terms.map((t) => Number(t.dataset.index))") == [
            *winner
        ]
        assert marked.inner_text() == number(sweep.output[0, row, col])
        board.press("ArrowRight")
