"""The board handed on: saved pictures, links, the Back button, uploads, phones, bad links."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from tests.browser.board import Board, stranger, sweep_of, visit
from viz.theme import MEANINGS, PAPER

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

SVG = "{http://www.w3.org/2000/svg}"
PHONE = {"width": 390, "height": 844}
LOSSY = {"stride": 3, "padding": 0, "input_height": 7, "input_width": 7}


@pytest.fixture
def board(regular: BrowserContext, app_url: str) -> Iterator[Board]:
    regular.grant_permissions(["clipboard-read", "clipboard-write"])
    with visit(regular, app_url) as opened:
        yield opened


def saved(board: Board, kind: str, folder: Path) -> Path:
    with board.page.expect_download() as download:
        board.player.locator("select.save").select_option(kind)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def read_svg(path: Path) -> ElementTree.Element:
    """The picture, which must be well-formed and point nowhere outside itself."""
    root = ElementTree.fromstring(path.read_text())
    assert root.tag == SVG + "svg"
    allowed = {SVG + name for name in ("svg", "title", "rect", "path", "text")}
    assert {element.tag for element in root.iter()} <= allowed
    for element in root.iter():
        for value in element.attrib.values():
            assert not re.search(r"url\(|://|javascript:|@import", value), value
    return root


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(SVG + "text")]


@pytest.mark.journey
def test_an_svg_holds_the_title_and_every_number_as_text(board: Board, tmp_path: Path) -> None:
    sweep = sweep_of()
    board.open(pin="o3.3", step=15)
    path = saved(board, "svg", tmp_path)
    assert path.name == "3-3-convolution-stride-2-padding-1.svg"
    root, written = read_svg(path), texts(read_svg(path))
    title = "3×3 convolution, stride 2, padding 1"
    assert root.findtext(SVG + "title") == title
    assert {title, "input 8×8, padded 10×10", "kernel 3×3", "output 4×4"} <= set(written)
    for array in (sweep.input, sweep.weight, sweep.output):
        numbers = [f"{value:g}".replace("-", "−") for value in np.ravel(array)]
        assert not set(numbers) - set(written)
    sentences = [text for text in written if text.startswith("Output (3, 3)")]
    assert sentences == [board.says.removeprefix("Pinned. ")]
    total = f" = {sweep.output[0, 3, 3]:g}".replace("-", "−")
    assert any("·" in text and text.endswith(total) for text in written), "the sum"


def test_meanings_have_shapes_beside_their_colours(board: Board, tmp_path: Path) -> None:
    board.open(step=0, **LOSSY)
    hatched = [
        path.get("d", "").count("M")
        for path in read_svg(saved(board, "svg", tmp_path)).iter(SVG + "path")
        if path.get("stroke") == MEANINGS["unread"]
    ]
    assert len(hatched) == 13
    assert set(hatched) == {3}
    board.open(step=0)
    dashed = {
        (rect.get("x"), rect.get("y")): rect.get("stroke-dasharray")
        for rect in read_svg(saved(board, "svg", tmp_path)).iter(SVG + "rect")
        if rect.get("stroke") == MEANINGS["padding"]
    }
    assert list(dashed.values()) == ["3 2"] * (10 * 10 - 8 * 8)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_png_is_large_and_on_white_paper(board: Board, tmp_path: Path, scheme: str) -> None:
    board.page.emulate_media(color_scheme=scheme)
    board.open(step=5)
    size = read_svg(saved(board, "svg", tmp_path))
    with Image.open(saved(board, "png", tmp_path)) as image:
        pixels = np.asarray(image.convert("RGBA"))
    wide, high = (round(3 * float(size.get(side, ""))) for side in ("width", "height"))
    assert abs(pixels.shape[1] - wide) <= 1
    assert abs(pixels.shape[0] - high) <= 1
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    assert (edges == 255).all()
    red, green, blue, _ = np.moveaxis(pixels[::2, ::2].astype(int), -1, 0)
    for name in ("window", "output"):
        assert (red * 65536 + green * 256 + blue == int(MEANINGS[name][1:], 16)).any()
    assert size.find(SVG + "rect").get("fill") == PAPER["background"]


@pytest.mark.journey
def test_a_copied_link_opens_the_same_picture(board: Board) -> None:
    board.open(kernel_size=2, stride=3, step=0)
    board.press("ArrowRight", "k", "ArrowDown")
    board.player.get_by_role("button", name="Copy link").click()
    board.until(
        lambda: board.player.locator(".toast").inner_text() == "Link copied", "told that it is"
    )
    copied = board.page.evaluate("navigator.clipboard.readText()")
    before = board.state
    board.page.goto(copied)
    board.ready()
    assert board.state == before | {"frames": 0}
    assert board.says.startswith("Pinned. Weight (1, 0) = ")
    assert board.title == "2×2 convolution, stride 3, padding 1"


def test_the_back_button_undoes_a_choice(board: Board) -> None:
    board.open(step=3)
    board.page.locator(".st-key-stride input").focus()
    board.page.keyboard.press("ArrowLeft")
    board.until_link(stride="1")
    board.until_title("stride 1")
    board.page.go_back()
    board.until(lambda: "stride" not in board.link, "back in the address bar")
    board.until_title("3×3 convolution, stride 2, padding 1")
    slider = board.page.locator(".st-key-stride input")
    board.until(lambda: slider.input_value() == "2", "back in the slider")


def test_a_slider_moves_no_other(board: Board) -> None:
    board.open(kernel_size=5, step=0)
    board.page.locator(".st-key-padding input").focus()
    for presses in (2, 3):
        board.page.keyboard.press("ArrowRight")
        board.until_link(padding=str(presses), kernel_size="5")
        board.until_title(f"5×5 convolution, stride 2, padding {presses}")


@pytest.fixture
def phone(browser: Browser, app_url: str) -> Iterator[Board]:
    """A first visit: Streamlit remembers whether the sidebar was open."""
    with stranger(browser) as visitor, visit(visitor, app_url) as opened:
        opened.page.set_viewport_size(PHONE)
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_only_downwards(phone: Board, scheme: str) -> None:
    phone.page.emulate_media(color_scheme=scheme)
    phone.open(step=0)
    background = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    assert (phone.page.evaluate(background) == "rgb(255, 255, 255)") == (scheme == "light")
    box = phone.player.locator(".stage").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]
    sideways = "[document.scrollingElement.scrollWidth, window.innerWidth]"
    scroll, window = phone.page.evaluate(sideways)
    assert scroll <= window == PHONE["width"]
    phone.page.get_by_test_id("stExpandSidebarButton").click()
    phone.page.get_by_role("link", name="Sizes").click()
    phone.page.get_by_text("PyTorch gives").wait_for()
    scroll, window = phone.page.evaluate(sideways)
    assert scroll <= window == PHONE["width"]


def choose_own_picture(board: Board, name: str, data: bytes) -> None:
    board.page.locator(".st-key-input_controls summary").click()
    board.pick("picture", "your own…")
    kind = {"name": name, "mimeType": "image/png", "buffer": data}
    board.page.locator("[data-testid=stFileUploaderDropzoneInput]").set_input_files(kind)


def test_a_picture_of_ones_own_is_shown(board: Board) -> None:
    colours = np.zeros((20, 40, 3), np.uint8)
    colours[...] = (11, 123, 45)
    file = io.BytesIO()
    Image.fromarray(colours).save(file, "PNG")
    board.open(step=0, in_channels=3)
    choose_own_picture(board, "mine.png", file.getvalue())
    board.until_link(picture="upload")
    board.press("i", "ArrowDown", "ArrowRight")
    board.until(lambda: "Input (0, 0) = 11:" in board.says, "showing the upload")
    board.player.get_by_role("button", name="blue").click()
    assert "Input (0, 0) = 45:" in board.says
    board.page.get_by_text("is not loaded, and a link cannot carry one").wait_for(state="detached")
    assert "Input (0, 0) = 45:" in board.says, "the note went and left the picture as it was"


def test_a_file_that_is_no_picture_gets_a_sentence(board: Board) -> None:
    board.open(step=0)
    choose_own_picture(board, "mine.png", b"\x89PNG\r\n\x1a\n" + b"rubbish")
    board.page.get_by_text("This picture cannot be used: it must be").wait_for()
    board.until_title("3×3 convolution, stride 2, padding 1")
    assert board.press("ArrowRight")["step"] == 1, "the board goes on"


@pytest.mark.journey
def test_a_bad_link_gets_a_sentence_and_a_board(board: Board) -> None:
    board.open(
        stride="99",
        kernel_size=11,
        padding=0,
        kernel="<script>alert(1)</script>",
        pin="o99.99",
        step=30_000,
        unknown="x" * 3000,
    )
    notes = board.page.get_by_test_id("stAlert")
    notes.first.wait_for()
    said = " ".join(notes.all_inner_texts())
    assert "stride must be from 1 to 8 (got 99)" in said
    assert "unknown is no setting of this page" in said
    assert "Set kernel_size to 8." in said
    assert "<" not in said
    assert board.title == "8×8 convolution, stride 2, padding 0"
    assert {"step": 0, "steps": 1, "pin": ""}.items() <= board.state.items()
    assert not board.page.get_by_text("Traceback").count()


def test_a_note_that_goes_leaves_the_picture_as_it_was(board: Board) -> None:
    """Streamlit makes a component anew that moves in the page: its step would be lost."""
    board.open(stride=99, step=3)
    notes = board.page.get_by_test_id("stAlert")
    notes.wait_for()
    for step in (4, 5):
        board.press("ArrowRight")
        board.until_link(step=str(step))
    notes.wait_for(state="detached")
    assert board.press("ArrowRight")["step"] == 6
