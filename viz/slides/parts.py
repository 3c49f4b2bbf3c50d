"""Elements of slides: titles, lines of type, legends.

Everything here is called inside `viz.slides.sheet.matplotlib_style`: type sizes and the colors of type
and lines are Matplotlib's defaults there. Lengths are inches and points, 72 to an inch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle

from viz.plots.colors import ink_on
from viz.slides.style import Style
from viz.theme import DASHES, GREY, SIGNED

SPACING = 1.2
"""From one line of type to the next, as a share of its size."""
MARGIN = 0.12
"""Inches between the edge of the paper and a title."""
MOST_VECTOR_CELLS = 64
"""Cells along an axis that are still drawn one by one; larger maps become a bitmap."""


def sheet(style: Style) -> Figure:
    """An empty picture of the style's size."""
    return Figure(figsize=style.inches)


def width_of(text: str, points: float, bold: bool = False) -> float:
    """How wide a line of text is, in inches.

    Args:
        text: one line.
        points: Size of the type in points.
        bold: heavy type.
    """
    return points * _width(text, bold)


@lru_cache(maxsize=16384)
def _width(text: str, bold: bool) -> float:
    """Width of a text in inches, for each point of the type's size."""
    font = get_font(
        findfont(FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal"))
    )
    font.set_size(100, 72)
    font.set_text(text, 0.0, flags=LoadFlags.NO_HINTING)
    return float(font.get_width_height()[0] / 64 / 100 / 72)


def wrapped(text: str, points: float, inches: float, bold: bool = False) -> list[str]:
    """The text in lines of at most this width; a word that is wider stands alone, broken."""
    inches, lines = inches + 1e-6, list[str]()
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_of(longer, points, bold) <= inches:
            lines[-1] = longer
            continue
        while width_of(word, points, bold) > inches and len(word) > 1:
            lengths = range(1, len(word))
            fitting = bisect_right(lengths, inches, key=lambda n: width_of(word[:n], points, bold))
            room = max(1, fitting)
            lines.append(word[:room])
            word = word[room:]
        lines.append(word)
    return lines


def titled(figure: Figure, title: str, subtitle: str, style: Style) -> float:
    """Write title and subtitle, and leave the rest of the paper to the axes.

    Returns:
        inches from the upper edge that are taken; for `canvas`.
    """
    width, height = style.inches
    top = MARGIN
    for text, points, bold in ((title, 1.15 * style.points, True), (subtitle, style.points, False)):
        for line in wrapped(text, points, width - 2 * MARGIN, bold):
            figure.text(
                MARGIN / width,
                1 - top / height,
                line,
                fontsize=points,
                fontweight="bold" if bold else "normal",
                va="top",
                color=style.ink["text"],
            )
            top += SPACING * points / 72
    engine = figure.get_layout_engine()
    if not isinstance(engine, ConstrainedLayoutEngine):
        engine = ConstrainedLayoutEngine()
        figure.set_layout_engine(engine)
    engine.set(rect=(0, 0, 1, 1 - (top + 0.04) / height), w_pad=0.08, h_pad=0.08)
    return top


def room(figure: Figure, style: Style) -> tuple[float, float]:
    """Inches (width, height) left to the axes below the title and above the caption."""
    engine = figure.get_layout_engine()
    share = engine.get()["rect"][3] if isinstance(engine, ConstrainedLayoutEngine) else 1.0
    width, height = style.inches
    return width - 2 * MARGIN, height * share - MARGIN - caption_height(style)


def caption_height(style: Style) -> float:
    """Inches that the caption of `viz.slides.sheet` takes at the foot."""
    points, width = 0.7 * style.points, style.inches[0] - 2 * MARGIN
    lines = len(wrapped(style.caption, points, width))
    lines += min(3, len(wrapped(style.link, points, width)))
    return SPACING * points * lines / 72 + 0.1 if lines else 0.0


def canvas(figure: Figure, top: float, style: Style) -> Axes:
    """Bare axes in inches over the paper below the title and above the caption.

    x counts from the left, y downwards from ``top``, which `titled` returned. Nothing is laid
    out by Matplotlib afterwards: what is drawn here places itself.
    """
    figure.set_layout_engine("none")
    width, height = style.inches
    foot = MARGIN + caption_height(style)
    wide, high = width - 2 * MARGIN, height - top - foot - 0.08
    axes = figure.add_axes((MARGIN / width, foot / height, wide / width, high / height))
    axes.set(xlim=(0, wide), ylim=(high, 0))
    axes.axis("off")
    return axes


def colormap(scale: Literal["signed", "grey"]) -> Colormap:
    """The color map of signed values, or of photographs."""
    return LinearSegmentedColormap.from_list(scale, SIGNED if scale == "signed" else GREY)


def contrast(color: Any) -> str:
    """Black or white type, whichever has more contrast on one of Matplotlib's colors."""
    return ink_on(to_hex(color).upper())


def dashes(number: int) -> Any:
    """The line style of the curve with this number: the dashes of `viz.theme`."""
    pattern = DASHES[number % len(DASHES)]
    return (0, tuple(0.5 * n for n in pattern)) if pattern else "-"


@dataclass(frozen=True)
class Entry:
    """One entry of a legend on a `canvas`.

    Attributes:
        label: Text of the entry.
        look: Arguments of Matplotlib's Rectangle, or of ``Axes.plot`` if ``line``.
        line: Whether the symbol is a line, not a rectangle.
    """

    label: str
    look: Mapping[str, Any]
    line: bool = False


def key(
    axes: Axes,
    entries: Sequence[Entry],
    style: Style,
    y: float = 0.0,
    draw: bool = True,
    left: float = 0.0,
) -> float:
    """A legend in lines from ``left`` to a `canvas`'s right, its upper edge at ``y``.

    Returns:
        its height; nothing is drawn where not ``draw``.
    """
    points, width = 0.9 * style.points, float(axes.get_xlim()[1])
    step, swatch, x, row = SPACING * points / 72 + 0.05, 0.36, left, 0
    for entry in entries:
        wide = swatch + 0.1 + width_of(entry.label, points)
        if x > left and x + wide > width:
            x, row = left, row + 1
        middle = y + (row + 0.5) * step
        if draw and entry.line:
            axes.plot([x, x + swatch / 2, x + swatch], [middle] * 3, markevery=[1], **entry.look)
        elif draw:
            high = 0.62 * points / 72
            axes.add_patch(Rectangle((x, middle - high / 2), swatch, high, **entry.look))
        if draw:
            axes.text(x + swatch + 0.1, middle, entry.label, fontsize=points, va="center")
        x += wide + 0.25
    return (row + 1) * step if entries else 0.0
