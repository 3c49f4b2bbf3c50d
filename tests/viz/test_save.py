"""The menu "Save for slides": nothing is drawn before the click, and then what was chosen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.viz.visit import again, unrun
from viz import save
from viz.slides.style import Picture, Style

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"input_height": 5, "input_width": 5, "padding": 0, "step": 2}


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Picture, Style, str, int]]:
    """What the download button was given to draw, in place of drawing."""
    asked: list[tuple[Picture, Style, str, int]] = []

    def note(*wanted: Any) -> Any:
        asked.append(wanted)
        return lambda: b"file"

    monkeypatch.setattr(save, "_drawn", note)
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
    assert style == Style()
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
    assert save.file_name("sweep", "board", Style(), "svg") == "sweep-board.svg"
    assert save.file_name("erf", "My map!", Style(dark=True), "png") == "erf-my-map-dark.png"
    assert save.file_name("sweep", "board", Style(), "pdf", 4) == "sweep-board-strip-4.pdf"


def test_every_kind_has_a_name_and_a_type() -> None:
    kinds = {*save.KINDS, *save.FILMS}
    assert set(save.LABELS) == set(save.MIME) == kinds
    assert set(save.SIZE_LABELS) == set(save.SIZES)


def test_a_hundred_clicks_are_served_two_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_work, most, go = [], [], Event()

    def saved(*_: Any) -> bytes:
        at_work.append(1)
        most.append(len(at_work))
        go.wait(5)
        at_work.pop()
        return b"file"

    monkeypatch.setattr("viz.slides.sheet.saved", saved)
    picture = Picture("a", "a", lambda style: pytest.fail("not drawn"))
    clicks = [Thread(target=save._drawn(picture, Style(), "svg", 0)) for _ in range(20)]
    for click in clicks:
        click.start()
    go.set()
    for click in clicks:
        click.join(10)
    assert len(most) == 20
    assert max(most) <= 2


PAGE = """
import sys
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
