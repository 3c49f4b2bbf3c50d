"""The slide of one unit's receptive field in the image, unclipped and clipped."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from core.receptive_field.cone import Box, image_position
from core.receptive_field.outline import Line
from viz.slides.parts import Entry, canvas, key, sheet, titled
from viz.slides.style import Style
from viz.theme import INPUT, OUTPUT, WINDOW

MAX_OVERHANG = 1.2
"""A receptive field is drawn up to this far beyond the image, in multiples of the image's side."""
MIN_DOT_DISTANCE = 0.22
"""Least distance in inches of two dots that mark units' centers."""


def unit_sentence(line: Line, unit: tuple[int, int]) -> str:
    """A sentence on the size of the unit's receptive field, unclipped and inside the image."""
    row, col = unit
    if line.node.kind == "input":
        return f"Image pixel ({row}, {col})."
    name = f"Unit ({row}, {col}) of {line.label} ({line.text})"
    interval = line.field.interval(unit)
    if all(axis.whole for axis in line.field.axes):
        return f"{name} sees the whole image."
    if interval.unclipped is None or interval.clipped is None:
        return f"{name} sees nothing of the image: no window reaches it."
    sees, inside = size_of(interval.unclipped), size_of(interval.clipped)
    within = "all of it inside the image" if sees == inside else f"{inside} of it inside the image"
    return f"{name} sees {sees} px, {within}."


def size_of(box: Box) -> str:
    """Height and width of a box as text, such as ``27×27``."""
    return "×".join(f"{last - first + 1:g}" for first, last in (box.rows, box.cols))


def view(
    line: Line,
    unit: tuple[int, int],
    style: Style,
    *,
    title: str,
    photo: NDArray[np.uint8],
    centers: bool,
) -> Figure:
    """Draw the image with a unit's receptive field, clipped and unclipped, and units' centers.

    Args:
        line: The unit's line.
        unit: (row, column).
        style: Size, resolution and colors.
        title: Title of the figure: the network and its input.
        photo: (H, W, 3) the image, at any scale.
        centers: Whether to draw the centers of all units' fields.
    """
    figure = sheet(style)
    axes = canvas(figure, titled(figure, title, unit_sentence(line, unit), style), style)
    room = 0.0, float(axes.get_xlim()[1]), 0.0, float(axes.get_ylim()[0])
    view_on(axes, line, unit, photo, room, style, centers=centers)
    return figure


def view_on(
    axes: Axes,
    line: Line,
    unit: tuple[int, int],
    photo: NDArray[np.uint8],
    room: tuple[float, float, float, float],
    style: Style,
    *,
    centers: bool,
) -> None:
    """Draw the view in a part of a canvas; ``room`` is its left, right, top and bottom."""
    left, right, top, bottom = room
    rows, cols = line.field.network.graph[line.field.network.source].grid
    interval = line.field.interval(unit)
    below = _legend(axes, interval.unclipped, (left, bottom), centers, style, draw=False) + 0.12
    ends = [_ends(interval.unclipped, axis, n) for axis, n in enumerate((rows, cols))]
    (first_row, last_row), (first_col, last_col) = ends
    scale = min(
        (right - left) / (last_col - first_col), (bottom - below - top) / (last_row - first_row)
    )
    x0 = left + (right - left - (last_col - first_col) * scale) / 2 - first_col * scale
    y0 = top - first_row * scale
    limits = axes.get_xlim(), axes.get_ylim()
    extent = (
        x0 - 0.5 * scale,
        x0 + (cols - 0.5) * scale,
        y0 + (rows - 0.5) * scale,
        y0 - 0.5 * scale,
    )
    axes.imshow(photo, extent=extent, aspect="auto", interpolation="none", zorder=1)
    axes.set(xlim=limits[0], ylim=limits[1])
    whole = Box((0, rows - 1), (0, cols - 1))
    window = (first_col, last_col, first_row, last_row)

    def box(area: Box, **look: Any) -> None:
        _box(axes, area, (x0, y0, scale), window, look)

    box(whole, edgecolor=INPUT, linewidth=2)
    if centers:
        _centers(axes, line, (x0, y0, scale), style)
    if interval.unclipped is not None:
        box(interval.unclipped, edgecolor=style.ink["background"], linewidth=5, alpha=0.6)
        box(interval.unclipped, edgecolor=style.ink["muted"], linewidth=2.5, linestyle=(0, (3, 2)))
    if interval.clipped is not None:
        box(interval.clipped, facecolor=(*_rgb(WINDOW), 0.22), fill=True, edgecolor=WINDOW)
    row, col = (image_position(line, axis, unit[axis]) for axis in (0, 1))
    if first_row <= row <= last_row and first_col <= col <= last_col:
        look: dict[str, Any] = {"marker": "+", "markersize": 16, "zorder": 4}
        for color, width in (("#FFFFFF", 6), (OUTPUT, 3)):
            axes.plot([x0 + col * scale], [y0 + row * scale], color=color, mew=width, **look)
    foot = y0 + (last_row) * scale + 0.08
    _legend(axes, interval.unclipped, (left, foot), centers, style)


def _rgb(color: str) -> tuple[float, float, float]:
    """Red, green and blue from 0 to 1 of a color ``#RRGGBB``."""
    red, green, blue = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue


def _ends(box: Box | None, axis: int, n: int) -> tuple[float, float]:
    """The visible interval along an axis: the image and, up to a bound, the box."""
    first, last = box[axis] if box is not None else (0, n - 1)
    low, high = (
        max(min(0, first), -MAX_OVERHANG * n),
        min(max(n - 1, last), n - 1 + MAX_OVERHANG * n),
    )
    return low - 0.5, high + 0.5


def _box(
    axes: Axes,
    area: Box,
    place: tuple[float, float, float],
    window: tuple[float, float, float, float],
    look: dict[str, Any],
) -> None:
    """Draw a box given in image positions, cut at the window (left, right, top, bottom)."""
    x0, y0, scale = place
    left, right = max(area.cols[0] - 0.5, window[0]), min(area.cols[1] + 0.5, window[1])
    top, bottom = max(area.rows[0] - 0.5, window[2]), min(area.rows[1] + 0.5, window[3])
    corner = x0 + left * scale, y0 + top * scale
    look = {"fill": False, "linewidth": 3, "zorder": 3} | look
    axes.add_patch(Rectangle(corner, (right - left) * scale, (bottom - top) * scale, **look))


def _centers(axes: Axes, line: Line, place: tuple[float, float, float], style: Style) -> None:
    """Draw a dot at the center of each unit, or of every n-th unit so that none touch."""
    x0, y0, scale = place
    dots = []
    for axis in (0, 1):
        spacing = abs(float(line.field.effective_stride[axis])) * scale
        every = (
            max(1, int(np.ceil(MIN_DOT_DISTANCE / spacing))) if spacing else line.node.grid[axis]
        )
        dots.append([image_position(line, axis, u) for u in range(0, line.node.grid[axis], every)])
    xs = [x0 + col * scale for _ in dots[0] for col in dots[1]]
    ys = [y0 + row * scale for row in dots[0] for _ in dots[1]]
    look: dict[str, Any] = {"markersize": 5, "markeredgecolor": "#FFFFFF", "zorder": 2}
    axes.plot(xs, ys, "o", color=OUTPUT, markeredgewidth=1, **look)


def _legend(
    axes: Axes,
    unclipped: Box | None,
    corner: tuple[float, float],
    centers: bool,
    style: Style,
    draw: bool = True,
) -> float:
    """Draw the legend of the boxes; returns its height."""
    dashed = {"fill": False, "edgecolor": style.ink["muted"], "linestyle": (0, (3, 2))}
    entries = [Entry("inside the image", {"facecolor": (*_rgb(WINDOW), 0.3), "edgecolor": WINDOW})]
    if unclipped is not None:
        entries.insert(0, Entry("receptive field", dashed | {"linewidth": 2.5}))
    if centers:
        dot = {"color": OUTPUT, "marker": "o", "linestyle": "none"}
        entries.append(Entry("centers of units", dot, line=True))
    return key(axes, entries, style, corner[1], draw, corner[0])
