"""The slide of one unit's receptive field in the image, unclipped and clipped."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from core.receptive_field.cone import Box
from core.receptive_field.cross_section import image_positions
from core.receptive_field.outline import Line
from viz.slides.parts import Entry, canvas, key, sheet, titled
from viz.slides.style import Style
from viz.theme import INPUT, OUTPUT, WINDOW

MAX_OVERHANG = 1.2
"""A receptive field is drawn up to this far beyond the image, in multiples of the image's side."""
EDGE = 0.04
"""Inches around the image for the lines of boxes."""
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
    paper: Axes,
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
    n = line.field.network.graph[line.field.network.source].grid
    interval = line.field.interval(unit)
    foot = bottom - _legend(paper, interval.unclipped, (left, bottom), centers, style, draw=False)
    (y0, y1), (x0, x1) = (_ends(interval.unclipped, axis, n[axis]) for axis in (0, 1))
    scale = min((right - left - 2 * EDGE) / (x1 - x0), (foot - 0.12 - top - 2 * EDGE) / (y1 - y0))
    edge, wide, high = EDGE / scale, (x1 - x0) * scale + 2 * EDGE, (y1 - y0) * scale + 2 * EDGE
    start = left + (right - left - wide) / 2
    axes = inset(paper, start, start + wide, top, top + high)
    image = Box((0, n[0] - 1), (0, n[1] - 1))
    extent = (-0.5, n[1] - 0.5, n[0] - 0.5, -0.5)
    axes.imshow(photo, extent=extent, aspect="auto", interpolation="none", zorder=1)
    axes.set(xlim=(x0 - edge, x1 + edge), ylim=(y1 + edge, y0 - edge), xticks=[])
    _box(axes, image, edgecolor=INPUT, linewidth=2)
    if centers:
        _centers(axes, line, scale)
    if interval.unclipped is not None:
        _box(axes, interval.unclipped, edgecolor=style.ink["background"], linewidth=5, alpha=0.6)
        dashed = {"linewidth": 2.5, "linestyle": (0, (3, 2))}
        _box(axes, interval.unclipped, edgecolor=style.ink["muted"], **dashed)
    if interval.clipped is not None:
        _box(axes, interval.clipped, facecolor=to_rgba(WINDOW, 0.22), fill=True, edgecolor=WINDOW)
    row, col = (image_positions(line, axis, [unit[axis]])[0] for axis in (0, 1))
    look: dict[str, Any] = {"marker": "+", "markersize": 16, "zorder": 4}
    for color, width in (("#FFFFFF", 6), (OUTPUT, 3)):
        axes.plot([col], [row], color=color, mew=width, **look)
    _legend(paper, interval.unclipped, (left, top + high + 0.12), centers, style)


def inset(paper: Axes, left: float, right: float, top: float, bottom: float) -> Axes:
    """Axes without a frame in a part of a canvas, given in its inches."""
    width, height = float(paper.get_xlim()[1]), float(paper.get_ylim()[0])
    shares = (left / width, 1 - bottom / height, (right - left) / width, (bottom - top) / height)
    axes = paper.inset_axes(shares)
    axes.spines[:].set_visible(False)
    axes.set(facecolor="none", yticks=[])
    return axes


def _ends(box: Box | None, axis: int, n: int) -> tuple[float, float]:
    """The visible interval along an axis: the image and, up to a bound, the box."""
    first, last = box[axis] if box is not None else (0, n - 1)
    low = max(min(0, first), -MAX_OVERHANG * n)
    high = min(max(n - 1, last), n - 1 + MAX_OVERHANG * n)
    return float(low) - 0.5, float(high) + 0.5


def _box(axes: Axes, area: Box, **look: Any) -> None:
    """Draw a box around the pixels of an area; ``look`` as Matplotlib's Rectangle takes it."""
    (top, bottom), (left, right) = area
    look = {"fill": False, "linewidth": 3, "zorder": 3} | look
    size = float(right - left + 1), float(bottom - top + 1)
    axes.add_patch(Rectangle((float(left) - 0.5, float(top) - 0.5), *size, **look))


def _centers(axes: Axes, line: Line, scale: float) -> None:
    """Draw a dot at the center of each unit, or of every n-th unit so that none touch."""
    dots = []
    for axis, n in enumerate(line.node.grid):
        spacing = abs(float(line.field.effective_stride[axis])) * scale
        every = max(1, int(np.ceil(MIN_DOT_DISTANCE / spacing))) if spacing else n
        dots.append(image_positions(line, axis, range(0, n, every)))
    rows, cols = np.meshgrid(*dots, indexing="ij")
    look: dict[str, Any] = {"markersize": 5, "markeredgecolor": "#FFFFFF", "zorder": 2}
    axes.plot(cols.ravel(), rows.ravel(), "o", color=OUTPUT, markeredgewidth=1, **look)


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
    entries = [Entry("inside the image", {"facecolor": to_rgba(WINDOW, 0.3), "edgecolor": WINDOW})]
    if unclipped is not None:
        entries.insert(0, Entry("receptive field", dashed | {"linewidth": 2.5}))
    if centers:
        dot = {"color": OUTPUT, "marker": "o", "linestyle": "none"}
        entries.append(Entry("centers of units", dot, line=True))
    return key(axes, entries, style, corner[1], draw, corner[0])
