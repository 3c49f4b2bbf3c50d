"""The Matplotlib renderer: type fits on every slide, maps are whole multiples of dots."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from core.plots.maps import pixel_axes
from core.plots.plot import Heat, Panel, Plot, Points, Scale, Side
from tests.viz.plots.gallery import LOG, PLOTS, SIGNED, map_panel
from tests.viz.slides import fits
from viz.plots.colors import color_at
from viz.slides.plot import draw, film
from viz.slides.sheet import matplotlib_style
from viz.slides.style import Style, film_picture, plot_picture
from viz.theme import UNREAD

WIDE = Style("wide", 100)


def drawn(plot: Plot, style: Style = WIDE) -> Figure:
    with matplotlib_style(style):
        return draw(plot, style)


@pytest.mark.parametrize("plot", PLOTS.values(), ids=PLOTS)
@fits.on_every_slide
def test_type_fits_on_every_slide(plot: Plot, slide: fits.Slide) -> None:
    fits.check(plot_picture("x", "x", lambda: plot), slide)


@pytest.mark.parametrize("side", [5, 30, 100, 224])
@pytest.mark.parametrize("size", ["wide", "half"])
def test_maps_are_whole_multiples_of_dots(side: int, size: str) -> None:
    style = Style(size, 100)
    figure = drawn(Plot("A map", (map_panel(side),), ""), style)
    box = figure.axes[1].get_position()
    width, height = (box.width * style.inches[0], box.height * style.inches[1])
    for inches in (width, height):
        dots = inches * style.dpi / side
        assert dots == pytest.approx(round(dots), abs=1e-6)
        assert round(dots) >= 1


def test_values_and_axes_are_those_of_the_description() -> None:
    figure = drawn(Plot("", (map_panel(100, LOG),), ""))
    axes = figure.axes[1]
    image = next(a for a in axes.get_images() if isinstance(a, AxesImage))
    heat = map_panel(100, LOG).marks[0]
    assert image.get_array().shape == heat.values.shape  # type: ignore[union-attr]
    assert axes.get_xlim() == (-0.5, 99.5)
    assert axes.get_ylim() == (99.5, -0.5)


def test_panels_of_curves_are_not_flat() -> None:
    figure = drawn(PLOTS["lines"], Style("wide", 100))
    left, right = (axes.get_position() for axes in figure.axes[1:3])
    assert left.y0 == pytest.approx(right.y0), "side by side"


@pytest.mark.parametrize("side", ["above", "below", "left", "right"])
@pytest.mark.parametrize("size", [5.0, 9.0, 30.0])
def test_texts_keep_clear_of_their_symbol(size: float, side: Side) -> None:
    points = Points([0], [0], size=size, texts=["text"], side=side, symbol="vbar")
    axes = drawn(Plot("", (Panel((points,)),), "")).axes[1]
    (text,), (symbol,) = axes.texts, axes.get_lines()
    away = max(map(abs, text.get_position()))  # in points, from the symbol's middle
    assert symbol.get_markersize() / 2 < away < symbol.get_markersize() / 2 + 12


def test_panels_keep_their_order_and_have_one_size() -> None:
    figure = drawn(PLOTS["many"])
    boxes = [axes.get_position() for axes in figure.axes[1:7]]
    assert len({(round(b.width, 6), round(b.height, 6)) for b in boxes}) == 1
    places = [(-round(b.y0, 3), round(b.x0, 3)) for b in boxes]
    assert places == sorted(places)


def test_half_a_slide_has_fewer_panels_and_says_so() -> None:
    figure = drawn(PLOTS["many"], Style("half", 100))
    assert "The first 2 of 6 panels." in {text.get_text() for text in fits.texts_of(figure)}


def test_panels_that_share_rows_stand_side_by_side_with_names_once() -> None:
    figure = drawn(PLOTS["bars"])
    first, second = figure.axes[1:3]
    assert first.get_position().y0 == pytest.approx(second.get_position().y0)
    names = [label.get_text() for label in second.get_yticklabels()]
    assert not any(names)


def test_a_film_changes_marks_subtitle_and_headings() -> None:
    frames = [
        Plot("Film", (map_panel(9, SIGNED, f"step {n}"),), "", subtitle=f"after {n}")
        for n in range(3)
    ]
    with matplotlib_style(WIDE):
        made = film(frames, WIDE)
        shown = []
        for number in range(3):
            made.show(number)
            visible = [text.get_text() for text in fits.texts_of(made.figure)]
            assert f"after {number}" in visible
            assert any(text.startswith(f"step {number}") for text in visible)
            shown.append(np.array(made.figure.canvas.buffer_rgba()))  # type: ignore[attr-defined]
    assert made.frames == 3
    assert (shown[0] != shown[1]).any()
    assert (shown[1] != shown[2]).any()


def test_a_film_is_a_picture_with_frames() -> None:
    picture = film_picture("x", "x", lambda: [PLOTS["map"]] * 2, 2)
    assert picture.kinds()[-2:] == ("gif", "mp4")
    assert picture.frames == 2


def test_panels_that_belong_together_are_not_separated() -> None:
    six = Plot("Pairs", tuple(map_panel(9) for _ in range(6)), "", together=2)
    boxes = [axes.get_position() for axes in drawn(six).axes[1:7]]
    for first, second in zip(boxes[::2], boxes[1::2], strict=True):
        assert first.y0 == pytest.approx(second.y0)


def test_exact_zeros_have_the_color_of_the_scale() -> None:
    scale = Scale("gradient", 0, 1, zero="unread")
    heat = Heat(np.array([[0.0, 1.0]]), scale)
    axes = pixel_axes((-0.5, 0.5), (-0.5, 1.5))
    figure = drawn(Plot("", (Panel((heat,), *axes, cell=1.0),), ""))
    figure.draw_without_rendering()
    zero, one = figure.axes[1].collections[0].get_facecolor()  # type: ignore[misc]
    assert to_hex(zero).upper() == UNREAD.upper()
    assert to_hex(one).upper() == color_at(scale, 1.0)


def test_a_film_keeps_the_lines_of_a_long_subtitle() -> None:
    half = Style("half", 100)
    long = "the map of a unit after many steps of training, on one logarithmic scale, number {}"
    frames = [Plot("Film", (map_panel(9),), "", subtitle=long.format(n)) for n in range(2)]
    with matplotlib_style(half):
        made = film(frames, half)
        for number in range(2):
            made.show(number)
            assert not fits.misfits(made.figure, half)
            texts = " ".join(text.get_text() for text in fits.texts_of(made.figure))
            assert long.format(number) in texts


def test_a_dollar_sign_is_a_dollar_sign() -> None:
    figure = drawn(Plot("$a$ and $b$", (map_panel(),), "", "costs $5", ("$x$",)))
    texts = {text.get_text() for text in fits.texts_of(figure)}
    assert {"$a$ and $b$", "costs $5", "$x$"} <= texts
    assert not any(text.get_parse_math() for text in fits.texts_of(figure))
