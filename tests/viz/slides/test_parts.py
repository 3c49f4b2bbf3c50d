"""The pieces of slide pictures: lines of type, maps, hatching, legends, tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from tests.examples import examples
from tests.viz.slides import fits
from viz.slides import parts
from viz.slides.parts import Entry, canvas, contrast, key, titled
from viz.slides.style import SIZES, Picture, Style
from viz.slides.tables import Cell, table

WORDS = st.text("abc ÄW×→1lm_-,.", max_size=80)
STYLE = Style("wide", 72)


@given(WORDS, st.floats(0.3, 12), st.booleans())
def test_wrapped_lines_hold_all_letters_and_fit(text: str, inches: float, bold: bool) -> None:
    lines = parts.wrapped(text, 18, inches, bold)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    for line in lines:
        assert len(line) == 1 or parts.width_of(line, 18, bold) <= inches + 1e-5


@given(st.text("abc ÄW×→✓1lm_$\\", min_size=1, max_size=30), st.booleans())
@examples(20, deadline=None)
def test_widths_are_those_that_matplotlib_draws(text: str, bold: bool) -> None:
    figure = Figure((20, 2), dpi=288)
    weight = "bold" if bold else "normal"
    shown = figure.text(
        0, 0.5, text.replace("$", r"\$"), fontsize=18, weight=weight, family="DejaVu Sans"
    )
    fits.FigureCanvasAgg(figure)
    drawn = shown.get_window_extent().width / 288
    assert parts.width_of(text, 18, bold) == pytest.approx(drawn, rel=0.04, abs=0.05)


@pytest.mark.parametrize("size", sorted(SIZES))
@pytest.mark.parametrize("title", ["Short", "A long title " * 9])
def test_a_title_takes_its_room_from_the_axes(size: str, title: str) -> None:
    style = Style(size, 72)

    def draw(style: Style) -> Figure:
        figure = parts.sheet(style)
        titled(figure, title, "and what it was drawn from", style)
        figure.add_subplot().set(xlabel="a number", xticks=[0.5], yticks=[0.5])
        return figure

    figure = fits.drawn(Picture("x", "x", draw), style)
    assert not fits.misfits(figure, style)
    lowest = min(text.get_window_extent().y0 for text in figure.texts)
    assert figure.axes[0].get_window_extent().y1 <= lowest


def test_what_does_not_fit_is_told() -> None:
    figure = Figure(STYLE.inches, dpi=72)
    for x, text, points in ((0.5, "one", 20), (0.505, "two", 20), (0.99, "far out", 20)):
        figure.text(x, 0.5, text, fontsize=points)
    figure.text(0.1, 0.1, "tiny", fontsize=5)
    told = " ".join(fits.misfits(figure, STYLE))
    assert "'one' and 'two' overlap" in told
    assert "'far out' stands" in told
    assert "'tiny' is only 5.0 points" in told


@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_type_on_a_colour_has_the_better_contrast(colour: tuple[float, float, float]) -> None:
    def light(rgb: tuple[float, ...]) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2] + 0.05

    ratios = {"#000000": light(colour) / 0.05, "#FFFFFF": 1.05 / light(colour)}
    # The color is rounded to 256 shades before.
    assert ratios[contrast(colour)] >= 0.97 * max(ratios.values())


@given(st.lists(st.text("abcdef ", min_size=1, max_size=40), min_size=1, max_size=12))
@examples(15, deadline=None)
def test_a_legend_takes_the_height_that_it_says(names: list[str]) -> None:
    def draw(style: Style) -> Figure:
        figure = parts.sheet(style)
        axes = canvas(figure, 0.0, style)
        entries = [Entry(name.strip() or "x", {"facecolor": "red"}) for name in names]
        high = key(axes, entries, style, draw=False)
        assert not axes.texts
        assert key(axes, entries, style) == high
        pixels = axes.transData.transform([(0, 0), (0, high)])
        lowest = min(text.get_window_extent().y0 for text in axes.texts)
        assert lowest >= pixels[1][1] - 1
        return figure

    style = Style("half", 72)
    assert not fits.misfits(fits.drawn(Picture("x", "x", draw), style), style)


@given(
    st.integers(1, 40),
    st.integers(1, 9),
    st.sampled_from(sorted(SIZES)),
    st.sampled_from(["", "c", "l"]),
    st.booleans(),
)
@examples(12, deadline=None)
def test_a_table_fits_and_says_what_it_leaves_out(
    rows: int, columns: int, size: str, letter: str, ranked: bool
) -> None:
    cells_of = [
        [Cell(f"row {r} column {c}" if c % 2 else f"{r},{c}") for c in range(columns)]
        for r in range(rows)
    ]
    heads = [f"heading {c}" for c in range(columns)]
    wanted = [float(r == rows - 1) for r in range(rows)] if ranked else []
    kept: list[int] = []

    def draw(style: Style) -> Figure:
        figure = parts.sheet(style)
        axes = canvas(figure, titled(figure, "A table", "", style), style)
        kept[:] = table(axes, heads, cells_of, style, letter * columns, wanted)
        return figure

    style = Style(size, 72)
    figure = fits.drawn(Picture("x", "x", draw), style)
    assert not fits.misfits(figure, style)
    told = [text.get_text() for text in fits.texts_of(figure)]
    assert [f"{r},0" in told for r in range(rows)] == [r in kept for r in range(rows)]
    more = sum(int(text.split()[1]) for text in told if text.startswith("…"))
    assert more == rows - len(kept)
    assert not ranked or rows - 1 in kept
    hidden = [c for c in range(0, columns, 2) if f"{kept[0]},{c}" not in told]
    said = [text for text in told if text.startswith("Not shown: ")]
    assert bool(said) >= bool(hidden)
    assert all(f"heading {c}" in said[0] for c in hidden[:1])
