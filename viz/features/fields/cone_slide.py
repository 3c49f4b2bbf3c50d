"""The receptive-field cone as a slide: a cross-section through all layers over the image.

Drawn in inches on a `viz.slides.parts.canvas`; the image lies at the bottom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.figure import Figure
from matplotlib.patches import Polygon, Rectangle
from numpy.typing import NDArray

from core.receptive_field.cone import (
    Cone,
    TapLink,
    ancestor_cone,
    descendant_cone,
    image_position,
    padding_widths,
    tap_links,
)
from core.receptive_field.outline import Line
from viz.features.fields.cone_view_slide import unit_sentence, view_on
from viz.slides.parts import SMALL, Entry, canvas, dashes, key, sheet, titled, width_of
from viz.slides.style import Style
from viz.theme import BRANCHES, INPUT, OUTPUT, PADDING, WINDOW

MAX_CONNECTION_LINES = 4000
"""If there are more connections than this, areas are drawn instead of lines."""
MAX_THICK_LINES = 400
"""If there are more connections than this, their lines are thin."""
CELL = 0.26
"""Largest height of a unit in inches."""
THIN = 0.035
"""Width in inches below which units are drawn as bands."""


@dataclass(frozen=True)
class Plan:
    """Converts positions in the image and indices of lines into inches on the canvas."""

    lines: tuple[Line, ...]
    axis: int
    left: float
    right: float
    top: float
    pitch: float
    low: float
    high: float

    @property
    def scale(self) -> float:
        """Inches for one pixel of the image."""
        return (self.right - self.left) / (self.high - self.low)

    @property
    def tall(self) -> float:
        """Height of a unit in inches."""
        return min(CELL, 0.56 * self.pitch)

    def x(self, at: float) -> float:
        """The x of a position in the image, in pixels."""
        return self.left + (at - self.low) * self.scale

    def y(self, line: int) -> float:
        """The y of a line's middle; the first line, the image, is at the bottom."""
        return self.top + (len(self.lines) - 0.5 - line) * self.pitch

    def wide(self, line: int) -> float:
        """Distance of neighboring units of a line, in inches."""
        spacing = abs(float(self.lines[line].field.effective_stride[self.axis]))
        return (spacing or self.lines[0].node.grid[self.axis]) * self.scale

    def place(self, line: int, unit: int) -> float:
        """x of a unit's middle."""
        return self.x(image_position(self.lines[line], self.axis, unit))


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
    figure = sheet(style)
    axes = canvas(figure, titled(figure, title, unit_sentence(lines[index], unit), style), style)
    width, height = float(axes.get_xlim()[1]), float(axes.get_ylim()[0])
    visible = tuple(lines) if down else tuple(lines[: index + 1])
    follow = descendant_cone if down else ancestor_cone
    marked = follow(visible, index, unit[axis], axis)
    entries = _entries(visible, down, any(marked.pads), style)
    foot = key(axes, entries, style, draw=False)
    key(axes, entries, style, height - foot)
    is_wide = style.inches[0] > 8
    room = 0.66 * width if is_wide else width
    plan = _plan(visible, index, unit, axis, zoom, room, height - foot - 0.1, style)
    _units(axes, plan, style)
    _draw_connections(axes, plan, list(tap_links(visible, marked, axis, down)), marked)
    _draw_units(axes, plan, marked, style)
    own = plan.place(index, unit[axis])
    look = {"facecolor": OUTPUT, "edgecolor": style.ink["text"], "linewidth": 1.5, "zorder": 5}
    _unit_boxes(axes, plan, index, [own], look)
    _labels(axes, plan, index, style)
    _ruler(axes, plan, style)
    if is_wide:
        box = room + 0.3, width, 0.0, height - foot - 0.1
        view_on(axes, lines[index], unit, photo, box, style, centers=False)
    return figure


def _plan(
    lines: tuple[Line, ...],
    index: int,
    unit: tuple[int, int],
    axis: int,
    zoom: bool,
    width: float,
    height: float,
    style: Style,
) -> Plan:
    """The layout of the cross-section in ``width`` × ``height`` inches with its texts."""
    points = SMALL * style.points
    names = [_name(line, style) for line in lines]
    left = min(0.36 * width, max(width_of(name, points, True) for name in names)) + 0.12
    right = width - max(width_of(text, points, True) for text in _sizes(lines, axis)) - 0.12
    head, ruler = 1.4 * points / 72, 2.4 * points / 72
    n = lines[0].node.grid[axis]
    before, after = (min(pad, 0.2 * n) + 0.01 * n for pad in padding_widths(lines, axis)[0])
    low, high = -0.5 - before, n - 0.5 + after
    span = lines[index].field.axes[axis].span(unit[axis])
    if zoom and span:
        low, high = max(span[0], -0.3 * n) - 1.5, min(span[1], 1.3 * n) + 1.5
    pitch = (height - head - ruler) / len(lines)
    return Plan(lines, axis, left, right, head, pitch, float(low), float(high))


def _name(line: Line, style: Style) -> str:
    """The name of a line at the left, shortened for a slide."""
    if line.node.kind == "input":
        return "image"
    most = 34 if style.inches[0] > 8 else 18
    what = line.text.partition(", padding")[0].replace("2d", "")
    whole = f"{line.label}  {what}"
    name = whole if len(whole) <= most else line.label
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _sizes(lines: Sequence[Line], axis: int) -> list[str]:
    """The texts at the right of each line, and the first word of their heading."""
    return ["receptive", *(_size(line, axis) for line in lines)]


def _size(line: Line, axis: int) -> str:
    """The receptive field of a line's units along one axis as text; "" for the image."""
    if line.node.kind == "input":
        return ""
    whole = line.field.axes[axis].whole
    size = "all" if whole else f"{line.field.size[axis]:g} px"
    return f"at most {size}" if line.field.bound else size


def _units(axes: Axes, plan: Plan, style: Style) -> None:
    """Draw the units of all lines, as bands where they are too narrow."""
    for index, line in enumerate(plan.lines):
        image = index == 0
        fill = INPUT if image else style.ink["panel"]
        look: dict[str, Any] = {"facecolor": fill, "alpha": 0.3 if image else 1, "linewidth": 0.8}
        look["edgecolor"] = "none" if image else style.ink["line"]
        spacing = line.field.effective_stride[plan.axis]
        count = line.node.grid[plan.axis] if spacing else 1
        if plan.wide(index) < THIN:
            _band(axes, plan, index, 0, count - 1, look)
        else:
            _unit_boxes(axes, plan, index, [plan.place(index, unit) for unit in range(count)], look)


def _unit_boxes(
    axes: Axes, plan: Plan, index: int, places: Sequence[float], look: dict[str, Any]
) -> None:
    """Draw boxes for units of a line, centered at these x, cut at the picture's edges."""
    wide = max(0.03, 0.84 * plan.wide(index))
    boxes = []
    for x in places:
        left, right = max(plan.left, x - wide / 2), min(plan.right, x + wide / 2)
        if right > left:
            boxes.append(Rectangle((left, plan.y(index) - plan.tall / 2), right - left, plan.tall))
    axes.add_collection(PatchCollection(boxes, **look))


def _band(axes: Axes, plan: Plan, index: int, first: int, last: int, look: dict[str, Any]) -> None:
    """Draw units ``first`` to ``last`` of a line as one box, cut at the picture's edges."""
    half = max(0.01, plan.wide(index) / 2)
    left = max(plan.left, plan.place(index, first) - half)
    right = min(plan.right, plan.place(index, last) + half)
    if right > left:
        low = plan.y(index) - plan.tall / 2
        box = Rectangle((left, low), right - left, plan.tall)
        axes.add_collection(PatchCollection([box], **look))


def _draw_units(axes: Axes, plan: Plan, marked: Cone, style: Style) -> None:
    """Draw the units of the cone, and the padding that they read."""
    for index, own in enumerate(marked.marks):
        if own is None:
            continue
        fill = WINDOW if index == 0 else _color(plan.lines[index].branch)
        look: dict[str, Any] = {"facecolor": fill, "zorder": 3, "linewidth": 0.4}
        look["edgecolor"] = style.ink["background"]
        units = np.flatnonzero(own).tolist()
        if plan.wide(index) < THIN:
            look["edgecolor"] = "none"
            for first, last in runs(units):
                _band(axes, plan, index, first, last, look)
            continue
        _unit_boxes(axes, plan, index, [plan.place(index, unit) for unit in units], look)
        pads = [plan.place(index, at) for at in sorted(marked.pads[index])]
        look = {"facecolor": style.ink["background"], "edgecolor": PADDING, "zorder": 3}
        _unit_boxes(axes, plan, index, pads, look | {"linestyle": (0, (2, 1.5)), "linewidth": 1.5})


def runs(units: Sequence[int]) -> list[tuple[int, int]]:
    """(first, last) of each run of consecutive units; ``units`` are ascending."""
    spans: list[tuple[int, int]] = []
    for unit in units:
        if spans and spans[-1][1] == unit - 1:
            spans[-1] = spans[-1][0], unit
        else:
            spans.append((unit, unit))
    return spans


def _color(branch: int | None) -> str:
    """The color of a branch; that of the first branch for None."""
    return BRANCHES[(branch or 0) % len(BRANCHES)]


def _draw_connections(axes: Axes, plan: Plan, lines: Sequence[TapLink], marked: Cone) -> None:
    """Draw lines from every unit to its inputs; areas if the lines are too many."""
    if len(lines) > MAX_CONNECTION_LINES:
        _areas(axes, plan, marked)
        return
    few = len(lines) < MAX_THICK_LINES
    for branch in sorted({link.branch or 0 for link in lines}):
        segments = [
            [_end(plan, link.line, link.unit), _end(plan, link.source, link.tap)]
            for link in lines
            if (link.branch or 0) == branch
        ]
        look: dict[str, Any] = {"color": _color(branch), "linestyle": dashes(branch)}
        look |= {"linewidth": 1.6 if few else 0.8, "alpha": 0.8 if few else 0.4, "zorder": 2}
        axes.add_collection(LineCollection(segments, **look))


def _end(plan: Plan, line: int, unit: int) -> tuple[float, float]:
    """The (x, y) of a unit's middle, clamped to the picture, at which a connection ends."""
    return min(max(plan.place(line, unit), plan.left), plan.right), plan.y(line)


def _areas(axes: Axes, plan: Plan, marked: Cone) -> None:
    """Draw the connections between marked units of two lines as one area."""
    for index, line in enumerate(plan.lines):
        for source, own in line.inputs:
            above, below = marked.marks[index], marked.marks[source]
            if above is None or below is None:
                continue
            upper, lower = np.flatnonzero(above).tolist(), np.flatnonzero(below).tolist()
            corners = [_end(plan, index, upper[0]), _end(plan, index, upper[-1])]
            corners += [_end(plan, source, lower[-1]), _end(plan, source, lower[0])]
            fill = _color(own if len(line.inputs) > 1 else line.branch)
            axes.add_patch(Polygon(corners, facecolor=fill, alpha=0.35, edgecolor="none", zorder=2))


def _labels(axes: Axes, plan: Plan, focus: int, style: Style) -> None:
    """Write the lines' names and sizes, those of the unit's own line first, as far as they fit."""
    points = SMALL * style.points
    least, taken = 1.25 * points / 72, list[float]()
    last = len(plan.lines) - 1
    strided = [index for index, line in enumerate(plan.lines) if line.strided]
    for index in dict.fromkeys([focus, 0, last, *strided, *range(last + 1)]):
        y = plan.y(index)
        if any(abs(y - other) < least for other in taken):
            continue
        taken.append(y)
        line, own = plan.lines[index], index == focus
        look: dict[str, Any] = {"fontsize": points, "va": "center"}
        look |= {"fontweight": "bold"} if own else {"color": style.ink["muted"]}
        name, most = _name(line, style), plan.left - 0.1
        if width_of(name, points, own) > most:
            name = line.label
        while width_of(name, points, own) > most and len(name) > 4:
            name = f"…{name.removeprefix('…')[1:]}"
        axes.text(plan.left - 0.1, y, name, ha="right", **look)
        axes.text(plan.right + 0.1, y, _size(line, plan.axis), **look)
    look = {"fontsize": points, "va": "top", "color": style.ink["muted"]}
    axes.text(plan.left - 0.1, 0, "layer", ha="right", **look)
    axes.text(plan.right + 0.1, 0, "sees", **look)


def _ruler(axes: Axes, plan: Plan, style: Style) -> None:
    """Draw an axis with the image's pixels below the cone."""
    points, ink = SMALL * style.points, style.ink["muted"]
    n = plan.lines[0].node.grid[plan.axis]
    y = plan.y(0) + plan.pitch / 2
    for at in ticks(plan.low, plan.high, n, 8 if style.inches[0] > 8 else 5):
        axes.plot([plan.x(at)] * 2, [y, y + 0.07], color=ink, linewidth=1.2)
        axes.text(plan.x(at), y + 0.1, str(at), fontsize=points, ha="center", va="top", color=ink)
    along = "column" if plan.axis else "row"
    look: dict[str, Any] = {"fontsize": points, "va": "top", "ha": "right", "color": ink}
    axes.text(plan.left - 0.18, y + 0.1, f"{along} (px)", **look)


def ticks(low: float, high: float, n: int, most: int) -> list[int]:
    """Round pixel indices between two positions in an image of ``n`` pixels, about ``most``."""
    steps = (digit * 10**power for power in range(5) for digit in (1, 2, 5))
    step = next(step for step in steps if (high - low) / step <= most)
    first = max(0, -(-int(np.ceil(low)) // step) * step)
    return list(range(first, min(n - 1, int(high)) + 1, step))


def _entries(lines: Sequence[Line], down: bool, padded: bool, style: Style) -> list[Entry]:
    """The legend's entries for the unit, its cone, the branches and the padding."""
    ways = {own for line in lines if len(line.inputs) > 1 for _, own in line.inputs}
    cone_label = "depends on it" if down else "what it depends on"
    edge = {"facecolor": OUTPUT, "edgecolor": style.ink["text"]}
    entries = [Entry("the unit", edge)]
    entries.append(Entry(cone_label, {"color": BRANCHES[0], "linewidth": 3}, line=True))
    for way in sorted(ways - {0}):
        if way < len(BRANCHES):
            look = {"color": BRANCHES[way], "linestyle": dashes(way), "linewidth": 3}
            entries.append(Entry(f"through branch {way + 1}", look, line=True))
    if padded:
        dashed = {"fill": False, "edgecolor": PADDING, "linestyle": (0, (2, 1.5))}
        entries.append(Entry("padding", dashed))
    return entries
