"""Whether a slide picture's type fits: nothing off the paper, nothing on top of other type."""

from __future__ import annotations

import itertools
import re
import warnings
from unittest import mock

import matplotlib as mpl
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from viz.slides.sheet import (
    _caption,
    figure_bytes,
    file_bytes,
    matplotlib_style,
    style_of_kind,
)
from viz.slides.style import SIZES, Kind, Picture, Style

STYLES = [Style(size, 72, dark) for size in SIZES for dark in (False, True)]
"""Every size, light and dark, at few dots: type is measured in inches."""
ENDS = (STYLES[0], STYLES[-1])
"""The widest in light and the narrowest in dark."""
CAPTION = {
    "caption": "3×3 convolution, stride 2, padding 1, on 8×8",
    "link": "http://localhost:8501/sizes?stride=2&input_height=8",
}
TOUCHING = 1.0
"""Pixels, at 72 to the inch, by which boxes of type may overlap: they hold empty ascenders."""
SMALLEST = 0.69
"""The smallest type, as a share of the ordinary one: a caption's."""


def drawn(picture: Picture, style: Style) -> Figure:
    """The picture with its caption, before it is written."""
    with matplotlib_style(style):
        figure = picture.draw(style)
        _caption(figure, style)
    return figure


def texts_of(figure: Figure) -> list[Text]:
    """Every text that is really drawn: ticks outside the axes and hidden ones are not."""
    shown: list[Text] = []
    draw = Text.draw

    def noting(self: Text, renderer: object) -> None:
        if self.get_visible() and self.get_text().strip():
            shown.append(self)
        draw(self, renderer)

    FigureCanvasAgg(figure)
    with mock.patch.object(Text, "draw", noting):
        figure.canvas.draw()
    return shown


def misfits(figure: Figure, style: Style) -> list[str]:
    """What is wrong with the type of a picture, in sentences; empty where all is well."""
    texts = texts_of(figure)
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    boxes = [(text, text.get_window_extent(canvas.get_renderer())) for text in texts]
    paper, told = figure.bbox, []
    for text, box in boxes:
        off = max(paper.x0 - box.x0, box.x1 - paper.x1, paper.y0 - box.y0, box.y1 - paper.y1)
        if off > TOUCHING:
            told.append(f"{text.get_text()!r} stands {off:.1f} px off the paper")
        if text.get_fontsize() < SMALLEST * style.points:
            told.append(f"{text.get_text()!r} is only {text.get_fontsize():.1f} points")
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        down = min(a.y1, b.y1) - max(a.y0, b.y0)
        if min(across, down) > TOUCHING:
            told.append(
                f"{one.get_text()!r} and {other.get_text()!r} overlap by {min(across, down):.1f} px"
            )
    return told


Slide = tuple[Style, Kind]
"""How a picture is drawn, and the kind of file that it becomes."""
HALF: Slide = (Style("half", 72, dark=True, **CAPTION), "svg")
"""The slide with the least room: half of one, above a caption."""
WHOLE: Slide = (Style("wide", 72), "pdf")
"""The slide with the most room."""
BETWEEN: dict[str, Slide] = {
    "half": (Style("half", 72), "svg"),
    "classic": (Style("classic", 72, transparent=True, **CAPTION), "png"),
    "wide": (Style("wide", 72, dark=True, **CAPTION), "svg"),
}
"""Slides with more room than the narrowest and less than the widest."""

on_every_slide = pytest.mark.parametrize(
    "slide",
    [
        pytest.param(HALF, id="narrowest"),
        pytest.param(WHOLE, id="widest"),
        *(pytest.param(slide, id=id, marks=pytest.mark.slow) for id, slide in BETWEEN.items()),
    ],
)
"""Sizes, light and dark, with and without a caption, and kinds of file; not in every combination:
a caption moves things, and colours and kinds of file do not. The ends run every time, what lies
between them among the slow tests."""


def check(picture: Picture, slide: Slide = HALF) -> None:
    """The picture on a slide, and as a file; on the narrowest one also the same file again.

    Raises:
        AssertionError: type that does not fit, a warning, a file without its text, or other
            bytes the second time.
    """
    assert re.fullmatch(r"[a-z0-9_]+", picture.name)
    style, kind = style_of_kind(slide[0], slide[1]), slide[1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = drawn(picture, style)
        if slide == HALF:
            with matplotlib_style(style):
                file = figure_bytes(figure, style, kind)
            assert file_bytes(picture, style, kind) == file, "other bytes"
            figure.set_layout_engine("none")
        told = misfits(figure, style)
        assert not told, f"{picture.name}, {style}: " + "; ".join(told)
        if slide != HALF:
            file = settled(figure, style, kind)
    assert file.startswith({"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}[kind])
    assert kind != "svg" or b"<text" in file


def settled(figure: Figure, style: Style, kind: Kind) -> bytes:
    """The file of a figure that is laid out: no second time, and without fonts of its own.

    Which fonts a PDF holds is no matter of the picture's, and takes longer than all of it.
    """
    figure.set_layout_engine("none")
    with matplotlib_style(style), mpl.rc_context({"pdf.fonttype": 3}):
        return figure_bytes(figure, style, kind)
