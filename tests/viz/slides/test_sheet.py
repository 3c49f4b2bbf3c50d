"""From a picture to a file: formats, sizes, captions, and the same bytes in two processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from matplotlib.figure import Figure
from PIL import Image

from core.errors import SpecError
from tests.viz.slides import fits
from viz.slides.sheet import file_bytes
from viz.slides.style import KINDS, SIZES, Kind, Picture, Style

ROOT = Path(__file__).resolve().parents[3]


def draw(style: Style) -> Figure:
    figure = Figure(figsize=style.inches)
    axes = figure.subplots()
    axes.set_title("Fünf $ und 3×3")
    axes.plot([0, 1], [0, 1])
    return figure


PICTURE = Picture("line", "a line", draw)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", list(SIZES))
def test_a_picture_is_a_file_of_its_kind_and_size(kind: Kind, size: str) -> None:
    style = Style(size, 100)
    file = file_bytes(PICTURE, style, kind)
    width, height = style.inches
    if kind == "png":
        assert Image.open(BytesIO(file)).size == (int(width * 100), int(height * 100))
    elif kind == "svg":
        assert f'width="{round(72 * width, 6):g}pt"'.encode() in file
        assert "Fünf".encode() in file
        assert b"<text" in file
    else:
        assert f"[ 0 0 {round(72 * width, 6):g} {72 * height:g} ]".encode() in file
        assert b"/Type3" not in file


def test_nothing_says_when_it_was_made() -> None:
    for kind in KINDS:
        file = file_bytes(PICTURE, Style(), kind)
        assert b"Date" not in file.replace(b"dc:date", b"Date" * (b"<dc:date>" in file))
        assert file == file_bytes(PICTURE, Style(), kind)


def test_transparent_paper_is_clear_and_dark_paper_dark() -> None:
    def corner(style: Style) -> tuple[int, ...]:
        pixel = (
            Image.open(BytesIO(file_bytes(PICTURE, style, "png"))).convert("RGBA").getpixel((1, 1))
        )
        assert isinstance(pixel, tuple)
        return pixel

    assert corner(Style(transparent=True))[3] == 0
    assert corner(Style()) == (255, 255, 255, 255)
    assert corner(Style(dark=True)) == (0x12, 0x16, 0x1C, 255)


@pytest.mark.parametrize("size", list(SIZES))
def test_settings_and_link_stand_below_the_picture(size: str) -> None:
    style = Style(size, 72, **fits.CAPTION)
    figure = fits.drawn(PICTURE, style)
    assert not fits.misfits(figure, style)
    told = " ".join(text.get_text() for text in fits.texts_of(figure)).replace("\n", " ")
    for text in fits.CAPTION.values():
        assert text in told


def test_a_link_without_end_is_left_out_and_said_so() -> None:
    style = Style(
        "half", 72, caption="conv3 s2, relu, " * 250, link="http://x/erf?layers=" + "conv3," * 400
    )
    told = [text.get_text() for text in fits.texts_of(fits.drawn(PICTURE, style))]
    assert any("The link is too long to print." in text and "…" in text for text in told)
    assert not fits.misfits(fits.drawn(PICTURE, style), style)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(SpecError, match="svg, pdf, png"):
        file_bytes(PICTURE, Style(), "gif")
    with pytest.raises(SpecError, match="strip"):
        file_bytes(PICTURE, Style(), "svg", 3)
    for wrong in ({"size": "huge"}, {"dpi": 71}, {"dpi": 401}):
        with pytest.raises(SpecError):
            replace(Style(), **wrong)


SAVE = """
import hashlib, sys
from tests.viz.slides.test_sheet import PICTURE
from viz.slides.sheet import file_bytes
from viz.slides.style import KINDS, Style
print(*(hashlib.sha256(file_bytes(PICTURE, Style(), kind)).hexdigest() for kind in KINDS))
"""


@pytest.mark.slow
def test_another_process_writes_the_same_bytes() -> None:
    runs = [
        subprocess.run(
            [sys.executable, "-c", SAVE],
            capture_output=True,
            text=True,
            cwd=ROOT,
            timeout=120,
            env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "PATH": ""},
        )
        for seed in ("1", "2")
    ]
    assert runs[0].returncode == 0, runs[0].stderr
    assert runs[0].stdout == runs[1].stdout
