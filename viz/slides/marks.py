"""The marks of a plot's description as Matplotlib's artists, and their swatches in a legend."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle

from core.plots.maps import cells_across, first_lines, most_cells, with_block_means
from core.plots.plot import (
    Bars,
    Boxes,
    Dash,
    Hatch,
    Heat,
    Mark,
    Panel,
    Photo,
    Points,
    Polyline,
    Scale,
    Side,
    Symbol,
    Words,
    corners,
)
from core.plots.signs import Cue, dashes, is_signed
from viz.plots.colors import HEX, color_at, ink_on, stops
from viz.slides.parts import MOST_VECTOR_CELLS, width_of
from viz.slides.style import SMALL, Style

MOST_CELLS = 600
"""Most cells along a side of a map on paper; larger maps are shown as means of blocks."""
DASHES: dict[Dash, Any] = {
    "solid": "-", "dash": (0, (4, 2)), "dot": (0, (1, 1.6)), "dashdot": (0, (4, 1.6, 1, 1.6)),
    "longdash": (0, (7, 3)),
}  # fmt: skip
"""Matplotlib's line styles."""
SYMBOLS: dict[Symbol, str] = {
    "circle": "o", "square": "s", "diamond": "D", "up": "^", "down": "v", "left": "<",
    "cross": "P", "x": "x", "hbar": "_", "vbar": "|", "none": "",
}  # fmt: skip
"""Matplotlib's markers."""
HATCHES: dict[Hatch, str] = {"": "", "/": "//", "\\": "\\\\", "x": "xx", ".": "..", "-": "--"}
"""Matplotlib's hatchings."""
MOST_DASHED = 100
"""Most cells along a side of a map whose negative cells have dashes."""
LEAST_GAPPED = 0.08
"""Least side in inches of cells between which lines are drawn."""
BAND = 0.18
"""Opacity of the band around a line."""
MOST_MARKERS = 12
"""Most markers on a line; more would hide its dashes."""
SIDES: dict[Side, tuple[tuple[int, int], str, str]] = {
    "left": ((-1, 0), "right", "center"), "right": ((1, 0), "left", "center"),
    "above": ((0, 1), "center", "bottom"), "below": ((0, -1), "center", "top"),
    "center": ((0, 0), "center", "center"),
}  # fmt: skip
"""Direction and alignment of a text, seen from its point."""
BESIDE = 9.0
"""Distance in points of a text from its point."""


class _Pen:
    """Draws marks into one panel.

    Attributes:
        axes: The axes.
        panel: The panel.
        cell: Side of a cell of the panel's map in inches; 0 for other panels.
        style: Size, resolution and colors.
    """

    def __init__(self, axes: Axes, panel: Panel, inches: tuple[float, float], style: Style) -> None:
        self.axes, self.panel, self.style = axes, panel, style
        self.cell = inches[0] / cells_across(panel) if panel.cell else 0.0
        self.inches = inches

    def color(self, name: Any) -> str:
        """A color of the description as ``#RRGGBB``."""
        return paper_color(name, self.style)


def paper_color(name: Any, style: Style) -> str:
    """A color of the description as ``#RRGGBB``, on the style's paper."""
    return style.ink[name] if name in ("text", "muted") else HEX[name]


def colormap(scale: Scale) -> LinearSegmentedColormap:
    """Matplotlib's color map of a scale."""
    colors = [(place, _rgba(color)) for place, color in stops(scale)]
    return LinearSegmentedColormap.from_list(scale.colors, colors)


def _rgba(color: str) -> Any:
    """A color as Matplotlib takes it."""
    if color.startswith("#"):
        return color
    red, green, blue, opacity = (float(part) for part in color[5:-1].split(","))
    return red / 255, green / 255, blue / 255, opacity


def draw_mark(
    axes: Axes, mark: Mark, panel: Panel, inches: tuple[float, float], style: Style
) -> list[Any]:
    """Draw a mark.

    Args:
        axes: The panel's axes.
        mark: The mark.
        panel: The panel.
        inches: Width and height of the axes.
        style: Size, resolution and colors.

    Returns:
        Its artists, the hindmost first.
    """
    pen = _Pen(axes, panel, inches, style)
    drawers: dict[type, Callable[[_Pen, Any], list[Any]]] = {
        Heat: _heat, Photo: _photo, Polyline: _line, Points: _points, Bars: _bars, Boxes: _boxes,
        Words: _words,
    }  # fmt: skip
    return drawers[type(mark)](pen, mark)


def _photo(pen: _Pen, photo: Photo) -> list[Any]:
    """A photograph."""
    rows, cols = photo.pixels.shape[:2]
    look: dict[str, Any] = {"interpolation": "none", "zorder": 0, "aspect": "auto"}
    if photo.pixels.ndim == 2:
        look |= {"cmap": "gray", "vmin": 0, "vmax": 255}
    return [pen.axes.imshow(photo.pixels, extent=(-0.5, cols - 0.5, rows - 0.5, -0.5), **look)]


def _heat(pen: _Pen, heat: Heat) -> list[Any]:
    """The cells of a map, and the texts in them."""
    ends = pen.axes.get_xlim(), pen.axes.get_ylim()
    heat, _ = with_block_means(heat, most_cells(heat, pen.panel, MOST_CELLS))
    shares = np.ma.masked_invalid(heat.scale.shares(heat.values))
    rows, cols = shares.shape
    colors: Any = colormap(heat.scale)
    if heat.scale.zero:
        colors = colors.with_extremes(bad=pen.color(heat.scale.zero))
    look: dict[str, Any] = {"cmap": colors, "vmin": 0, "vmax": 1, "zorder": 1}
    look |= {"alpha": heat.opacity} if heat.opacity < 1 else {}  # else the scale's own
    artist: Any
    if max(rows, cols) <= MOST_VECTOR_CELLS:
        edges = (
            heat.left + heat.width * np.arange(cols + 1),
            heat.top + heat.height * np.arange(rows + 1),
        )
        if heat.gaps and min(_cell_inches(pen, heat)) > LEAST_GAPPED:
            gap = min(1.2, 0.05 * 72 * pen.inches[0] / cols)
            look |= {"edgecolors": pen.style.ink["line"], "linewidth": gap}
        elif heat.opacity == 1 and heat.scale.colors != "overlay":
            look |= {"edgecolors": "face", "linewidth": 0.8}  # no seams between the cells
        artist = pen.axes.pcolormesh(*edges, shares, **look)
    else:
        left, right, top, bottom = heat.box
        look |= {"interpolation": "none", "aspect": "auto"}
        artist = pen.axes.imshow(shares, extent=(left, right, bottom, top), **look)
    pen.axes.set(xlim=ends[0], ylim=ends[1])
    texts = _texts(pen, heat)
    dashed = is_signed(heat) and not texts and max(rows, cols) <= MOST_DASHED
    return [artist, *(_dashes(pen, heat) if dashed else texts)]


def sign_cue(heat: Heat) -> Cue:
    """How the signs of a map are shown on paper."""
    if len(heat.texts):
        return "numbers"
    return "dashes" if max(heat.values.shape) <= MOST_DASHED else "colors"


def _dashes(pen: _Pen, heat: Heat) -> list[Any]:
    """A dash in each clearly negative cell."""
    wide, _ = _cell_inches(pen, heat)
    look: dict[str, Any] = {"color": "#1A1A1A", "zorder": 1.5, "solid_capstyle": "butt"}
    return pen.axes.plot(*dashes(heat), linewidth=min(2.0, 72 * wide / 9), **look)


def _cell_inches(pen: _Pen, heat: Heat) -> tuple[float, float]:
    """Width and height of a map's cells."""
    (x0, x1), (y0, y1) = pen.axes.get_xlim(), pen.axes.get_ylim()
    return pen.inches[0] * heat.width / abs(x1 - x0), pen.inches[1] * heat.height / abs(y1 - y0)


def _texts(pen: _Pen, heat: Heat) -> list[Any]:
    """The texts in the cells, black or white, if they fit."""
    if not len(heat.texts):
        return []
    wide, high = _cell_inches(pen, heat)
    for texts in (heat.texts, first_lines(heat)):
        lines = [line for row in texts for text in row for line in text.split("\n")]
        count = max(text.count("\n") + 1 for row in texts for text in row)
        if points := _fitting(lines, wide, high, count, pen):
            break
    else:
        return []
    shares, artists = heat.scale.shares(heat.values), []
    for (row, col), share in np.ndenumerate(shares):
        if text := texts[row][col]:
            ink = (
                pen.color("text") if share != share else ink_on(color_at(heat.scale, float(share)))
            )
            x, y = heat.left + heat.width * (col + 0.5), heat.top + heat.height * (row + 0.5)
            look: dict[str, Any] = {"fontsize": points, "ha": "center", "va": "center", "zorder": 4}
            artists.append(pen.axes.text(x, y, text, color=ink, linespacing=1.05, **look))
    return artists


def _fitting(words: Sequence[str], wide: float, high: float, count: int, pen: _Pen) -> float:
    """The type that fits ``count`` lines into cells of this size in inches; 0 below the smallest.

    Digits are 0.73 of the size of type high, and lines stand 1.22 of it apart.
    """
    points = pen.style.points
    widest = max((width_of(word, points) for word in words), default=0.0)
    share = min(0.7, 0.75 / (1.22 * count - 0.49))
    fitting = min(points, points * 0.86 * wide / max(widest, 1e-9), 72 * share * high)
    return fitting if fitting >= 0.7 * points else 0.0


def _case(cased: bool, width: float) -> dict[str, Any]:
    """A dark edge, with which a line is seen on every color of a map."""
    edge = patheffects.withStroke(linewidth=width + 2.5, foreground="black")
    return {"path_effects": [edge]} if cased else {}


def _line_look(line: Polyline, style: Style) -> dict[str, Any]:
    """The look of a line as Matplotlib takes it."""
    color = paper_color(line.color, style)
    look = {"color": color, "linestyle": DASHES[line.dash], "linewidth": line.width}
    return look | {"marker": SYMBOLS[line.symbol], "markersize": 7} | _case(line.cased, line.width)


def _line(pen: _Pen, line: Polyline) -> list[Any]:
    """A line and its band."""
    artists: list[Any] = []
    if line.low is not None and line.high is not None:
        look: dict[str, Any] = {"color": pen.color(line.color), "alpha": BAND, "linewidth": 0}
        artists.append(pen.axes.fill_between(line.x, line.low, line.high, **look))
    every = max(1, -(-len(line.x) // MOST_MARKERS))
    look = _line_look(line, pen.style) | {"markevery": every, "zorder": 2.5}
    return [*artists, *pen.axes.plot(line.x, line.y, **look)]


def _points_look(points: Points, style: Style) -> dict[str, Any]:
    """The look of symbols as Matplotlib takes it."""
    color = paper_color(points.color, style)
    bar = points.symbol in ("hbar", "vbar", "x")
    edge = color if points.hollow or bar else style.ink["background"]
    look = {"linestyle": "", "marker": SYMBOLS[points.symbol], "markersize": 1.15 * points.size}
    look |= {"markerfacecolor": "none" if points.hollow else color, "markeredgecolor": edge}
    return look | {"markeredgewidth": 3 if bar else 2 if points.hollow else 0.8}


def _points(pen: _Pen, points: Points) -> list[Any]:
    """Symbols and the texts beside them."""
    look = _points_look(points, pen.style)
    artists = list(pen.axes.plot(points.x, points.y, zorder=3, clip_on=False, **look))
    if len(points.texts):
        away = 4 + look["markersize"] / 2
        artists += _beside(pen, points.x, points.y, points.texts, points.side, away)
    return artists


def _beside(
    pen: _Pen, x: Any, y: Any, texts: Sequence[str], side: Side, away: float = BESIDE, **look: Any
) -> list[Any]:
    """Texts beside points, so many points away."""
    (right, up), across, down = SIDES[side]
    offset = away * right, away * up
    settings: dict[str, Any] = {"fontsize": SMALL * pen.style.points, "ha": across, "va": down}
    settings |= {"textcoords": "offset points", "annotation_clip": False, "zorder": 4} | look
    return [
        pen.axes.annotate(text, (a, b), offset, **settings)
        for a, b, text in zip(x, y, texts, strict=True)
    ]


def _bars(pen: _Pen, bars: Bars) -> list[Any]:
    """Bars with their error lines and texts."""
    at, length = np.asarray(bars.at, float), np.asarray(bars.length, float)
    base = np.zeros(len(at)) if bars.base is None else np.asarray(bars.base, float)
    color = pen.color(bars.color)
    look: dict[str, Any] = {"color": color, "hatch": HATCHES[bars.hatch], "edgecolor": "white"}
    look |= {"linewidth": 0, "zorder": 2}
    ends = base + length
    errors: dict[str, Any] = {}
    if bars.low is not None and bars.high is not None:
        off = np.abs(np.array([bars.low, bars.high]) - ends)
        ink = {"ecolor": pen.color("text"), "capsize": 4, "error_kw": {"lw": 2}}
        errors = {("xerr" if bars.across else "yerr"): off} | ink
    if bars.across:
        drawn = pen.axes.barh(at, length, bars.width, left=base, **look, **errors)
    else:
        drawn = pen.axes.bar(at, length, bars.width, bottom=base, **look, **errors)
    artists: list[Any] = list(drawn.patches)
    if len(bars.texts):
        highest = ends if bars.high is None else np.asarray(bars.high)
        x, y = (highest, at) if bars.across else (at, highest)
        artists += _beside(pen, x, y, bars.texts, "right" if bars.across else "above")
    return artists


def _box_look(boxes: Boxes, style: Style) -> dict[str, Any]:
    """The look of rectangles as Matplotlib takes it."""
    color = paper_color(boxes.color, style)
    fill = paper_color(boxes.fill, style) if boxes.fill else "none"
    look: dict[str, Any] = {"facecolor": fill, "edgecolor": color, "linewidth": boxes.width}
    if boxes.fill and boxes.opacity < 1:
        red, green, blue = (int(fill[i : i + 2], 16) / 255 for i in (1, 3, 5))
        look["facecolor"] = (red, green, blue, boxes.opacity)
    look |= {"linestyle": DASHES[boxes.dash], "hatch": HATCHES[boxes.hatch] or None}
    return look | _case(boxes.cased, boxes.width)


def _boxes(pen: _Pen, boxes: Boxes) -> list[Any]:
    """Rectangles."""
    look, artists = _box_look(boxes, pen.style), []
    for box in boxes.boxes:
        patch = Polygon(corners(box, boxes.cut), closed=True, zorder=2.4, **look)
        artists.append(pen.axes.add_patch(patch))
    return artists


def _words(pen: _Pen, words: Words) -> list[Any]:
    """Texts."""
    weight = "bold" if words.bold else "normal"
    look: dict[str, Any] = {"color": pen.color(words.color), "fontweight": weight}
    return _beside(pen, words.x, words.y, words.texts, words.side, **look)


def draw_swatch(
    paper: Axes, mark: Polyline | Points | Bars | Boxes, place: tuple[float, float], width: float,
    style: Style,
) -> None:  # fmt: skip
    """Draw the look of a mark on axes in inches; ``place`` is the middle of its left edge."""
    x, y = place
    if isinstance(mark, Polyline):
        xs = [x, x + width / 2, x + width]
        paper.add_line(Line2D(xs, [y] * 3, markevery=[1], **_line_look(mark, style)))
    elif isinstance(mark, Points):
        paper.add_line(Line2D([x + width / 2], [y], **_points_look(mark, style)))
    else:
        high = 0.62 * style.points / 72
        look: dict[str, Any] = (
            _box_look(replace(mark, width=0.7 * mark.width), style)
            if isinstance(mark, Boxes)
            else {
                "facecolor": paper_color(mark.color, style),
                "hatch": HATCHES[mark.hatch],
                "edgecolor": "white",
                "linewidth": 0,
            }
        )
        paper.add_patch(Rectangle((x + 0.04, y - high / 2), width - 0.08, high, **look))
