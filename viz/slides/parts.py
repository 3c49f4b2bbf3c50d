"""Elements of slides: titles, maps with numbers, legends.

Everything here is called inside `viz.slides.sheet.matplotlib_style`: type sizes and the colors of type
and lines are Matplotlib's defaults there. Lengths are inches and points, 72 to an inch.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ft2font import LoadFlags
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from viz.slides.style import Style
from viz.theme import DASHES, GREY, MAGNITUDE, SIGNED

SMALL = 0.8
"""The smallest type, as a share of the ordinary one: 14 points on a whole slide."""
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
                line.replace("$", r"\$"),
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


def colormap(scale: str) -> Colormap:
    """The color map of a scale: ``"magnitude"``, ``"signed"`` or ``"grey"``."""
    if scale == "signed":
        return LinearSegmentedColormap.from_list("signed", SIGNED)
    if scale == "grey":
        return LinearSegmentedColormap.from_list("grey", GREY)
    return mpl.colormaps[MAGNITUDE]


def heat(
    axes: Axes,
    values: Any,
    span: tuple[float, float] | None = None,
    scale: str = "magnitude",
    label: str = "",
    bar: bool = True,
    origin: tuple[float, float] = (0.0, 0.0),
) -> ScalarMappable:
    """A map of cells, row 0 on top, cell (0, 0) centered on ``origin``, with its color bar.

    Up to 64 cells a side are vector cells, larger maps one bitmap without smoothing. NaN is
    left empty.

    Args:
        axes: The axes to draw on.
        values: (H, W) values.
        span: the values at the ends of the colors; of a signed scale symmetric about zero
            where it is left out, else least and largest.
        scale: Name of the scale, see `colormap`.
        label: The measure and its unit.
        bar: whether to draw the color bar.
        origin: (row, column) of the first cell's center.
    """
    values = np.ma.masked_invalid(np.asarray(values, dtype=float))
    low, high = span or _span(values, scale)
    (rows, cols), (top, left) = values.shape, origin
    look: dict[str, Any] = {"cmap": colormap(scale), "norm": Normalize(low, high)}
    edges = (left - 0.5, left + cols - 0.5, top + rows - 0.5, top - 0.5)
    artist: ScalarMappable
    if max(rows, cols) <= MOST_VECTOR_CELLS:
        across, down = np.arange(cols + 1) + left - 0.5, np.arange(rows + 1) + top - 0.5
        look |= {"edgecolors": "face", "linewidth": 0.8}
        artist = axes.pcolormesh(across, down, values, **look)
    else:
        artist = axes.imshow(values, extent=edges, interpolation="none", **look)
    axes.set(xlim=edges[:2], ylim=edges[2:])
    axes.set_aspect("equal")
    for side in (axes.xaxis, axes.yaxis):
        side.set_major_locator(MaxNLocator(integer=True))
    if bar and axes.figure is not None:
        drawn = axes.figure.colorbar(artist, ax=axes, label=label, pad=0.02, fraction=0.06)
        drawn.outline.set_visible(False)
    return artist


def _span(values: Any, scale: str) -> tuple[float, float]:
    """The ends of the color scale for these values, which differ even if all values are equal."""
    if values.count() == 0:
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    if scale == "signed":
        high = max(abs(low), abs(high)) or 1.0
        return -high, high
    return low, high if high > low else low + 1.0


def cells(axes: Axes, artist: ScalarMappable, values: Any, spec: str = ".3g") -> bool:
    """Write numbers into the cells of a `heat` map if they fit; returns whether they do.

    Call it last: it computes the figure's layout to measure a cell.

    Args:
        axes: Axes of the map.
        artist: The result of `heat`.
        values: the numbers, of the map's shape; NaN is left out.
        spec: format of a number.
    """
    values = np.asarray(values, dtype=float)
    words = [[format(v, spec) if np.isfinite(v) else "" for v in row] for row in values.tolist()]
    points = _points_in(axes, [word for row in words for word in row])
    if points is None:
        return False
    left, top = min(axes.get_xlim()) + 0.5, min(axes.get_ylim()) + 0.5
    for (row, col), value in np.ndenumerate(values):
        if word := words[row][col]:
            ink = contrast(artist.to_rgba(value))
            axes.text(
                left + col, top + row, word, color=ink, fontsize=points, ha="center", va="center"
            )
    return True


def _points_in(axes: Axes, words: Sequence[str]) -> float | None:
    """The type that fits the cells (one unit wide and high); None below the smallest."""
    figure = axes.get_figure(root=True)
    if figure is None or not words:
        return None
    figure.draw_without_rendering()
    (x0, y0), (x1, y1) = axes.transData.transform([(0, 0), (1, 1)])
    wide, high = abs(x1 - x0) / figure.dpi, abs(y1 - y0) / figure.dpi
    points = float(mpl.rcParams["font.size"])
    widest = max(width_of(word, points) for word in words)
    fitting = min(points, points * 0.86 * wide / max(widest, 1e-9), 72 * 0.7 * high)
    return fitting if fitting >= SMALL * points else None


def contrast(color: Any) -> str:
    """Black or white type, whichever reads better on a color."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(color)]
    light = float(np.dot(linear, (0.2126, 0.7152, 0.0722)))
    return "#000000" if (light + 0.05) ** 2 > 0.05 * 1.05 else "#FFFFFF"


def dashes(number: int) -> Any:
    """The line style of the curve with this number: the dashes of `viz.theme`."""
    pattern = DASHES[number % len(DASHES)]
    return (0, tuple(0.5 * n for n in pattern)) if pattern else "-"


def plain(axes: Axes) -> None:
    """Give the axes a faint grid, and remove the upper and right spines."""
    axes.grid(True, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


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


EDGE = [patheffects.withStroke(linewidth=5, foreground="black")]
"""Lines on a dark edge read on every color of a map."""
