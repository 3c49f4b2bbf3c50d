"""The palette: seen on both backgrounds, told apart without colour."""

from __future__ import annotations

import re
import tomllib
from itertools import combinations
from pathlib import Path

import pytest

from viz.theme import CHOSEN, GREY, MEANINGS, PAPER, SIGNED, VERDICTS

CONFIG = tomllib.loads(Path(__file__, "../../../.streamlit/config.toml").resolve().read_text())
BACKGROUNDS = {"light": PAPER["background"], "dark": CONFIG["theme"]["dark"]["backgroundColor"]}
SHAPES = {
    "input": "frame",
    "output": "frame",
    "window": "frame",
    "pinned": "frame",
    "unread": "hatching",
    "padding": "dashes",
}
"""How each meaning is drawn; a browser test looks for the hatching and the dashes."""


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(first: str, second: str) -> float:
    """Contrast ratio, WCAG 2.2: 1 for the same colour, 21 for black on white."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_black_on_white() -> None:
    assert contrast("#FFFFFF", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("background", BACKGROUNDS)
@pytest.mark.parametrize("meaning", MEANINGS)
def test_every_meaning_stands_out(meaning: str, background: str) -> None:
    # Okabe and Ito's orange is pale on white: the window is always a thick outline as well.
    least = 2.2 if meaning == "window" else 3
    assert contrast(MEANINGS[meaning], BACKGROUNDS[background]) >= least


@pytest.mark.parametrize("text", ["text", "muted"])
def test_the_text_of_a_saved_picture_is_readable(text: str) -> None:
    assert contrast(PAPER[text], PAPER["background"]) >= 4.5
    assert contrast(PAPER[text], PAPER["panel"]) >= 4.5


def test_every_meaning_has_a_shape() -> None:
    assert set(SHAPES) == set(MEANINGS)


def test_meanings_of_one_shape_differ_in_grey() -> None:
    same = [p for p in combinations(MEANINGS, 2) if SHAPES[p[0]] == SHAPES[p[1]]]
    assert same
    for first, second in same:
        assert contrast(MEANINGS[first], MEANINGS[second]) > 1.1, (first, second)


def test_a_weight_and_its_negative_are_equally_dark() -> None:
    negative, zero, positive = SIGNED
    assert contrast(negative, positive) < 1.25
    assert contrast(negative, zero) > 4.5
    assert contrast(positive, zero) > 4.5


def test_colours_are_written_as_the_javascript_reads_them() -> None:
    for colour in (*MEANINGS.values(), *SIGNED, *GREY, *PAPER.values()):
        assert re.fullmatch("#[0-9A-F]{6}", colour)


def test_the_colours_of_the_style_sheet_are_those_of_the_palette() -> None:
    sheet = (Path(__file__).parents[2] / "viz" / "shell" / "style.css").read_text()
    colours = {colour.upper() for colour in re.findall(r"#[0-9A-Fa-f]{6}", sheet)}
    dark = CONFIG["theme"]["dark"]
    papers = {*BACKGROUNDS.values(), dark["primaryColor"], CHOSEN}
    palette = {*MEANINGS.values(), *papers, *(each for pair in VERDICTS.values() for each in pair)}
    assert colours <= {colour.upper() for colour in palette}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_verdicts_are_readable_as_text(verdict: str) -> None:
    for colour, background in zip(VERDICTS[verdict], BACKGROUNDS.values(), strict=True):
        assert contrast(colour, background) >= 4.5


def test_style_sheets_repeat_no_other_colour_for_what_is_wrong() -> None:
    """CSS cannot read the palette: what is in vermilion there is the palette's."""
    sheets = (Path(__file__).parents[2] / "viz").rglob("*.css")
    reds = [
        each for sheet in sheets for each in re.findall(r"red-color, (#\w{6})", sheet.read_text())
    ]
    assert reds
    assert {each.upper() for each in reds} == {MEANINGS["unread"]}
