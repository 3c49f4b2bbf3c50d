"""The receptive-field cone as a slide: a cross-section through all layers over the image.

Core computes the cone; here it is drawn. The image lies at the bottom, and every unit stands above
the center of its receptive field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from core.receptive_field.cross_section import (
    Cone,
    Connections,
    image_positions,
    padding_widths,
    unit_cone,
)
from core.receptive_field.folding import (
    MAX_ROWS,
    ConeRow,
    folded_rows,
    layer_count,
    row_label,
    row_text,
    unfolded_at,
)
from core.receptive_field.outline import Line
from viz.features.fields.cone_view_slide import inset, unit_sentence, view_on
from viz.slides.parts import Entry, canvas, dashes, key, sheet, titled, width_of
from viz.slides.style import SMALL, Style
from viz.theme import BRANCHES, INPUT, OUTPUT, PADDING, WINDOW

MAX_CONNECTION_LINES = 4000
"""If there are more connections than this, areas are drawn instead of lines."""
MAX_THICK_LINES = 400
"""If there are more connections than this, their lines are thin."""
CELL = 0.26
"""Largest height of a unit in inches."""
THIN = 0.035
"""Width in inches below which units are drawn as bands."""
FOCUS_WIDTH = 0.1
"""Least width in inches of the unit whose cone is drawn."""
GAP = 6
"""Points between the cross-section and the texts beside it."""


@dataclass(frozen=True)
class Section:
    """The axes of a cross-section: x is the position in the image in pixels, y the row.

    Attributes:
        axes: the axes on which it is drawn.
        lines: all lines of the network.
        rows: the row of each line that is drawn, by the line's index; 0 is the lowest.
        axis: 0 height, 1 width.
        pixel: inches for one pixel of the image.
        pitch: inches from row to row.
    """

    axes: Axes
    lines: Sequence[Line]
    rows: Mapping[int, int]
    axis: int
    pixel: float
    pitch: float

    def is_thin(self, line: int) -> bool:
        """Whether the units of a line are too narrow to be drawn one by one."""
        return self.spacing(line) * self.pixel < THIN

    def spacing(self, line: int) -> float:
        """Pixels from one unit of a line to the next; the image's side if all see the same."""
        spacing = abs(float(self.lines[line].field.effective_stride[self.axis]))
        return spacing or self.lines[0].node.grid[self.axis]

    def ends(self, line: int, units: Sequence[int] | NDArray[np.int64]) -> NDArray[np.float64]:
        """The points (x, y) of the middles of units, an array (units, 2)."""
        at = image_positions(self.lines[line], self.axis, units)
        return np.column_stack([at, np.full(len(at), self.rows[line])])

    def boxes(
        self, line: int, units: Sequence[int] | NDArray[np.int64], least: float = 0.0, **look: Any
    ) -> None:
        """Draw units of a line, ascending, as boxes of a least width in inches.

        Where they are thin, neighbors become one band.
        """
        if not len(units):
            return
        thin, at = self.is_thin(line), self.ends(line, units)[:, 0]
        groups = np.split(at, np.flatnonzero(np.diff(units) > 1) + 1) if thin else np.unique(at)
        wide = max(self.spacing(line) * (1 if thin else 0.84), max(least, 0.03) / self.pixel)
        spans = [(np.min(g) - wide / 2, np.ptp(g) + wide) for g in groups]
        tall = min(CELL / self.pitch, 0.56)
        self.axes.broken_barh(spans, (self.rows[line] - tall / 2, tall), **look)


def cone(
    lines: Sequence[Line],
    index: int,
    unit: tuple[int, int],
    style: Style,
    *,
    axis: int,
    down: bool,
    zoom: bool,
    title: str,
    photo: NDArray[np.uint8],
) -> Figure:
    """Draw the cross-section of a unit's cone, and on a whole slide the image beside it.

    Args:
        lines: The result of `core.receptive_field.outline.outline`.
        index: Index of the unit's line.
        unit: (row, column).
        style: Size, resolution and colors.
        axis: 0 height, 1 width.
        down: Whether the cone has the units that depend on this one, not those it depends on.
        zoom: Whether the image is cut to the pixels that the unit sees.
        title: Title of the figure: the network and its input.
        photo: (H, W, 3) the image, at any scale.
    """
    rows = unfolded_at(folded_rows(lines, MAX_ROWS), index)
    drawn = {row.line: row for row in rows if down or row.line <= index}
    marked = unit_cone(lines, index, unit, axis, down, drawn)
    figure = sheet(style)
    text = unit_sentence(lines[index], unit) + _folding_sentence(lines, drawn)
    paper = canvas(figure, titled(figure, title, text, style), style)
    width, height = float(paper.get_xlim()[1]), float(paper.get_ylim()[0])
    foot = height - key(paper, _entries(marked, True, down, style), style, draw=False)
    is_wide = style.inches[0] > 8
    room = 0.66 * width if is_wide else width
    window = _window(lines, drawn, index, unit, axis, zoom)
    section = _section(paper, lines, drawn, index, axis, window, (room, foot - 0.1), style)
    padded = _draw_units(section, marked, style)
    key(paper, _entries(marked, padded, down, style), style, foot)
    _draw_connections(section, marked.connections)
    look = {"facecolor": OUTPUT, "edgecolor": style.ink["text"], "linewidth": 1.5, "zorder": 5}
    section.boxes(index, [unit[axis]], FOCUS_WIDTH, **look)
    if is_wide:
        box = room + 0.3, width, 0.0, foot - 0.1
        view_on(paper, lines[index], unit, photo, box, style, centers=False)
    return figure


def _folding_sentence(lines: Sequence[Line], drawn: Mapping[int, ConeRow]) -> str:
    """A sentence on the layers that are not drawn, after a space; "" if all are."""
    most = max(layer_count(lines, row) for row in drawn.values())
    folded = any(row.inner for row in drawn.values())
    return f" Folded: up to {most} layers are one line each." if folded else ""


def _window(
    lines: Sequence[Line],
    drawn: Iterable[int],
    index: int,
    unit: tuple[int, int],
    axis: int,
    zoom: bool,
) -> tuple[float, float]:
    """The first and last position in the image, in pixels, that the cross-section shows."""
    n = lines[0].node.grid[axis]
    span = lines[index].field.axes[axis].span(unit[axis])
    if zoom and span:
        return max(float(span[0]), -0.3 * n) - 1.5, min(float(span[1]), 1.3 * n) + 1.5
    before, after = padding_widths(lines, axis)[0]
    low, high = -0.5 - before, n - 0.5 + after
    for line in (lines[at] for at in drawn):
        ends = image_positions(line, axis, [0, line.node.grid[axis] - 1])
        half = abs(float(line.field.effective_stride[axis])) / 2
        low, high = min(low, min(ends) - half), max(high, max(ends) + half)
    return max(low, -0.2 * n) - 0.01 * n, min(high, 1.2 * n) + 0.01 * n


def _section(
    paper: Axes,
    lines: Sequence[Line],
    drawn: Mapping[int, ConeRow],
    index: int,
    axis: int,
    window: tuple[float, float],
    room: tuple[float, float],
    style: Style,
) -> Section:
    """The axes of the cross-section in ``room`` (width, height) inches, with all their texts."""
    points = SMALL * style.points
    names = {at: _name(lines, row, 0.39 * room[0], points) for at, row in drawn.items()}
    sizes = {at: _size(lines[at], axis) for at in drawn}
    left, right = (
        max(width_of(text, points, True) for text in ("receptive", *texts.values())) + 0.12
        for texts in (names, sizes)
    )
    head, ruler = 1.5 * points / 72, 2.4 * points / 72
    wide, high = room[0] - left - right, room[1] - head - ruler
    axes = inset(paper, left, room[0] - right, head, room[1] - ruler)
    axes.set(xlim=window, ylim=(-0.5, len(drawn) - 0.5))
    rows = {at: row for row, at in enumerate(drawn)}
    section = Section(axes, lines, rows, axis, wide / (window[1] - window[0]), high / len(drawn))
    strided = [at for at, row in drawn.items() if any(lines[i].strided for i in row.lines)]
    _label(section, [index, 0, max(drawn), *strided, *drawn], names, sizes, style)
    _ruler(section, style)
    return section


def _name(lines: Sequence[Line], row: ConeRow, inches: float, points: float) -> str:
    """The name of a row and what it does, as far as they fit."""
    if row.line == 0:
        return "image"
    label, what = row_label(lines, row), row_text(lines, row)
    parts = label.split(".")
    tails = [label, *(f"…{'.'.join(parts[start:])}" for start in range(1, len(parts)))]
    tails += [f"…{parts[-1][start:]}" for start in range(1, len(parts[-1]) - 3)]
    strided = any(lines[at].strided for at in row.lines)
    fitting = [*(f"{tail}  {what}" for tail in tails), *([what] if strided else []), *tails]
    return next((text for text in fitting if width_of(text, points, True) <= inches), tails[-1])


def _size(line: Line, axis: int) -> str:
    """The receptive field of a line's units along one axis as text; "" for the image."""
    if line.node.kind == "input":
        return ""
    whole = line.field.axes[axis].whole
    size = "all" if whole else f"{line.field.size[axis]:g} px"
    return f"at most {size}" if line.field.bound else size


def _label(
    section: Section,
    order: Sequence[int],
    names: Mapping[int, str],
    sizes: Mapping[int, str],
    style: Style,
) -> None:
    """Write names and sizes beside the rows of lines in this order, the unit's own first, if they fit."""
    points = SMALL * style.points
    muted: dict[str, Any] = {"fontsize": points, "color": style.ink["muted"]}
    for heading, is_right in (("layer", False), ("sees", True)):
        _beside(section, heading, is_right, (1, "axes fraction"), 1.5 * points, va="top", **muted)
    taken: list[float] = []
    for at in dict.fromkeys(order):
        row = section.rows[at]
        if any(abs(row - other) * section.pitch < 1.25 * points / 72 for other in taken):
            continue
        taken.append(row)
        look = muted | ({"color": style.ink["text"], "weight": "bold"} if at == order[0] else {})
        for text, is_right in ((names[at], False), (sizes[at], True)):
            _beside(section, text, is_right, (row, "data"), 0, va="center", **look)


def _beside(
    section: Section, text: str, is_right: bool, y: tuple[float, str], lift: float, **look: Any
) -> None:
    """Write a text beside the section, ``lift`` points above y in Matplotlib's coordinates."""
    coordinates = "axes fraction", y[1]
    offset, side = ((GAP, lift), "left") if is_right else ((-GAP, lift), "right")
    look |= {"xycoords": coordinates, "textcoords": "offset points", "ha": side}
    section.axes.annotate(text, (float(is_right), y[0]), offset, **look)


def _ruler(section: Section, style: Style) -> None:
    """Draw an axis with the image's pixels below the cone."""
    axes, ink = section.axes, style.ink["muted"]
    low, high = axes.get_xlim()
    n = section.lines[0].node.grid[section.axis]
    steps = MaxNLocator(8 if style.inches[0] > 8 else 5, integer=True, steps=[1, 2, 5, 10])
    axes.set_xticks([at for at in steps.tick_values(low, high) if max(0, low) <= at < min(n, high)])
    axes.tick_params(labelsize=SMALL * style.points, length=5, color=ink, labelcolor=ink)
    along = f"{'column' if section.axis else 'row'} (px)"
    look: dict[str, Any] = {"va": "top", "fontsize": SMALL * style.points, "color": ink}
    _beside(section, along, False, (0, "axes fraction"), -8, **look)


def _draw_units(section: Section, marked: Cone, style: Style) -> bool:
    """Draw the units of all lines, those of the cone in color, and the padding that they read.

    Returns:
        Whether there is padding in the picture.
    """
    padded = False
    for line in section.rows:
        look: dict[str, Any] = {"facecolor": style.ink["panel"], "edgecolor": style.ink["line"]}
        look = {"facecolor": INPUT, "edgecolor": "none", "alpha": 0.3} if line == 0 else look
        n = section.lines[line].node.grid[section.axis]
        section.boxes(line, range(n), linewidth=0.8, **look)
        own = marked.marks[line]
        if own is not None:
            fill = WINDOW if line == 0 else _color(section.lines[line].branch)
            look = {"facecolor": fill, "edgecolor": style.ink["background"], "linewidth": 0.4}
            section.boxes(line, np.flatnonzero(own), zorder=3, **look)
        pads = [] if section.is_thin(line) else marked.padding(line)
        look = {"facecolor": style.ink["background"], "edgecolor": PADDING, "linewidth": 1.5}
        section.boxes(line, pads, zorder=3, linestyle=(0, (2, 1.5)), **look)
        padded |= bool(pads)
    return padded


def _color(branch: int | None) -> str:
    """The color of a branch; that of the first branch for None."""
    return BRANCHES[(branch or 0) % len(BRANCHES)]


def _draw_connections(section: Section, connections: Sequence[Connections]) -> None:
    """Draw lines from every unit to its inputs; areas if the lines are too many."""
    count = sum(len(each.units) for each in connections)
    width, alpha = (1.6, 0.8) if count < MAX_THICK_LINES else (0.8, 0.4)
    for each in connections:
        upper, lower = section.ends(each.line, each.units), section.ends(each.source, each.taps)
        color = _color(each.branch)
        if count <= MAX_CONNECTION_LINES:
            look: dict[str, Any] = {"linestyle": dashes(each.branch or 0), "alpha": alpha}
            ends = list(np.stack([upper, lower], axis=1))
            collection = LineCollection(ends, colors=color, linewidths=width, zorder=2, **look)
            section.axes.add_collection(collection, autolim=False)
        else:
            sides = [(points[:, 0].min(), points[:, 0].max()) for points in (lower, upper)]
            rows, (left, right) = (lower[0, 1], upper[0, 1]), zip(*sides, strict=True)
            look = {"facecolor": color, "alpha": 0.35, "edgecolor": "none", "zorder": 2}
            section.axes.fill_betweenx(rows, left, right, **look)


def _entries(marked: Cone, padded: bool, down: bool, style: Style) -> list[Entry]:
    """The legend's entries for the unit, its cone, the branches and the padding."""
    edge = {"facecolor": OUTPUT, "edgecolor": style.ink["text"]}
    way = {"color": BRANCHES[0], "linewidth": 3}
    entries = [Entry("the unit", edge)]
    entries.append(Entry("depends on it" if down else "what it depends on", way, line=True))
    for branch in sorted({each.branch or 0 for each in marked.connections} - {0}):
        if branch < len(BRANCHES):
            look = {"color": BRANCHES[branch], "linestyle": dashes(branch), "linewidth": 3}
            entries.append(Entry(f"through branch {branch + 1}", look, line=True))
    if padded:
        dashed = {"fill": False, "edgecolor": PADDING, "linestyle": (0, (2, 1.5))}
        entries.append(Entry("padding", dashed))
    return entries
