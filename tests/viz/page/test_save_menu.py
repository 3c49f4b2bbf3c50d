"""The menu "Save for slides": nothing is drawn before the click, and then what was chosen."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from matplotlib.figure import Figure
from streamlit.testing.v1 import AppTest

from core.errors import SpecError
from tests.viz.visit import again, unrun
from viz.page import save_menu
from viz.slides.catalogue import credit
from viz.slides.style import Film, Picture, Style

ROOT = Path(__file__).resolve().parents[3]
SMALL = {"input_height": 5, "input_width": 5, "padding": 0, "step": 2}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Picture, Style, str, int]]:
    """What the download button was given to draw, in place of drawing."""
    asked: list[tuple[Picture, Style, str, int]] = []

    class Noted(save_menu.Drawing):
        def __init__(self, *wanted: Any) -> None:
            asked.append(wanted)
            super().__init__(*wanted)

    monkeypatch.setattr(save_menu, "Drawing", Noted)
    return asked


def opened(**link: Any) -> AppTest:
    return reopened(again(unrun(**(SMALL | link))))


def reopened(at: AppTest) -> AppTest:
    at.button(key="save_sweep").click()
    return again(at)


def test_the_menu_offers_the_board_as_it_stands(drawn: list[Any]) -> None:
    opened(step=3)
    picture, style, kind, strip = drawn[-1]
    assert (picture.name, kind, strip) == ("board", "svg", 0)
    assert style == Style(credit=credit("sweep"))
    assert style.credit
    assert picture.frames == 4


def test_a_closed_menu_makes_nothing(drawn: list[Any]) -> None:
    again(unrun(**SMALL))
    assert drawn == []


def test_what_is_chosen_is_drawn_and_stays_chosen(drawn: list[Any]) -> None:
    at = opened()
    at.selectbox(key="save: size").set_value("half")
    at.toggle(key="save: dark").set_value(True)
    at.toggle(key="save: caption").set_value(True)
    at.selectbox(key="save: strip").set_value(3)
    reopened(at)
    _, style, kind, strip = drawn[-1]
    assert (kind, strip, style.size, style.dark) == ("svg", 3, "half", True)
    assert style.caption == "3×3 convolution, stride 2, padding 0; input 5×5, pagoda"
    assert "input_height=5" in style.link
    assert "step=2" in style.link
    again(at)  # closed: Streamlit forgets its widgets
    reopened(at)
    assert drawn[-1][1:] == (style, kind, strip)


def test_names_of_files_say_what_is_in_them() -> None:
    assert save_menu.file_name("sweep", "board", Style(), "svg") == "sweep-board.svg"
    assert save_menu.file_name("erf", "My map!", Style(dark=True), "png") == "erf-my-map-dark.png"
    assert save_menu.file_name("sweep", "board", Style(), "pdf", 4) == "sweep-board-strip-4.pdf"


def test_every_kind_has_a_name_and_a_type() -> None:
    kinds = {*save_menu.KINDS, *save_menu.FILMS}
    assert set(save_menu.LABELS) == set(save_menu.MIME) == kinds
    assert set(save_menu.SIZE_LABELS) == set(save_menu.SIZES)


def test_a_hundred_clicks_are_served_two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, most, go = [], [], Event()

    def saved(*_: Any) -> bytes:
        at_work.append(1)
        most.append(len(at_work))
        go.wait(5)
        at_work.pop()
        return b"file"

    monkeypatch.setattr("viz.slides.sheet.file_bytes", saved)
    picture = Picture("a", "a", lambda style: pytest.fail("not drawn"))
    clicks = [Thread(target=save_menu.Drawing(picture, Style(), "svg", 0)) for _ in range(20)]
    for click in clicks:
        click.start()
    go.set()
    for click in clicks:
        click.join(10)
    assert len(most) == 20
    assert max(most) <= 2


def failing(error: Exception) -> save_menu.Drawing:
    def draw(style: Style) -> Any:
        raise error

    return save_menu.Drawing(Picture("a", "a", draw), Style(), "svg", 0)


@pytest.mark.parametrize(
    "error, told",
    [
        (SpecError("dpi", "must be at most 100", 200), "dpi must be at most 100 (got 200)."),
        (MemoryError(), save_menu.NO_MEMORY),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), save_menu.NO_MEMORY),
        (OSError(errno.ENOSPC, "No space left on device"), save_menu.NO_DISK),
        (
            SpecError("kind", "was refused by ffmpeg", "x: No space left on device"),
            save_menu.NO_DISK,
        ),
        (OSError(errno.EACCES, "Permission denied"), save_menu.NOT_DRAWN),
        (ZeroDivisionError("in somebody's path"), save_menu.NOT_DRAWN),
    ],
    ids=repr,
)
def test_a_click_that_fails_says_why_whoever_is_first(error: Exception, told: str) -> None:
    drawing, heard = failing(error), []
    waiting = Thread(target=lambda: heard.append(drawing.wait_for_failure_sentence()))
    waiting.start()
    with pytest.raises(type(error)):
        drawing()
    waiting.join(10)
    assert heard == [told]
    assert drawing.wait_for_failure_sentence() == told
    assert drawing.file is None


def test_a_click_that_asks_for_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(save_menu, "REQUEST_TIMEOUT_S", 0.01)
    assert failing(MemoryError()).wait_for_failure_sentence() == ""


def test_a_film_that_ffmpeg_refuses_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viz.slides.video.ffmpeg", lambda: shutil.which("false"))

    def film(style: Style) -> Film:
        figure = Figure(style.inches)
        return Film(figure, 2, lambda frame: [])

    drawing = save_menu.Drawing(Picture("a", "a", lambda _: Figure(), film, 2), Style(), "mp4", 0)
    with pytest.raises(SpecError):
        drawing()
    assert drawing.wait_for_failure_sentence() == "kind was refused by ffmpeg (got no reason)."


PAGE = """
import sys
from core.errors import SpecError
from tests.viz.visit import again, unrun
at = again(unrun(step=2))
at.button(key="save_sweep").click()
again(at)
assert at.selectbox(key="save: size").value == "wide"
print("matplotlib" in sys.modules)
"""


def test_no_page_loads_matplotlib() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PAGE], capture_output=True, text=True, cwd=ROOT, timeout=120
    )
    assert run.stdout.strip() == "False", run.stderr
