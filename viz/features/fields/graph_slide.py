"""The slide of a network's graph: boxes from top to bottom, continued in further columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from core.receptive_field.outline import outline
from viz.features.fields.graph_boxes import Box, folded_boxes
from viz.features.fields.graph_layout import GraphLayout, compute_layout
from viz.features.fields.graph_plot import STYLES, pale
from viz.slides.parts import SMALL, SPACING, Entry, canvas, key, sheet, titled, width_of
from viz.slides.style import Style
from viz.theme import OUTPUT, PADDING

if TYPE_CHECKING:
    from core.graph import Graph
    from core.receptive_field import ReceptiveField

BOX_COUNTS = (60, 48, 40, 32, 26, 22, 18, 15, 12, 10, 8, 6, 4, 2)
"""Numbers of boxes to try in turn; modules are folded until the boxes fit on the paper."""
GUTTER, GAP, NARROW = 0.34, 0.26, 0.2
"""Inches between two columns, between two rows, and width of a lane without boxes."""
DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}
"""Matplotlib's line styles by Plotly's names."""
Point = tuple[float, float]
"""(x, y) in inches."""


@dataclass(frozen=True)
class Plan:
    """The layout of the boxes, in inches.

    Attributes:
        boxes, placed: The boxes that are drawn, with their rows and lanes.
        wide, tall: Width and height of a box.
        deep: Number of rows in a column.
        points: Size of the type in points.
        count: Number of boxes, including those for which there is no room.
    """

    boxes: tuple[Box, ...]
    placed: GraphLayout
    wide: float
    tall: float
    deep: int
    points: float
    count: int

    @property
    def column(self) -> float:
        """Width of a column of rows, its gutter included."""
        return sum(map(self.lane, range(self.placed.lane_count))) + GUTTER

    def lane(self, lane: int) -> float:
        """Width of a lane in inches."""
        return NARROW if lane in self.placed.empty else self.wide + 0.16

    def lane_x(self, lane: int) -> float:
        """The x of a lane's middle in the first column."""
        return sum(map(self.lane, range(lane))) + self.lane(lane) / 2

    def center(self, box: int) -> Point:
        """(x, y) of a box's center."""
        column, row = divmod(self.placed.rows[box], self.deep)
        x = GUTTER / 2 + column * self.column + self.lane_x(self.placed.lanes[box])
        return x, GAP + row * (self.tall + GAP) + self.tall / 2


def graph(
    traced: Graph, fields: Mapping[str, ReceptiveField], style: Style, *, title: str
) -> Figure:
    """Draw the operations with output size and receptive field; modules are folded until all fit.

    Args:
        traced: The result of `core.graph.network_graph`.
        fields: The result of `core.receptive_field.fields_of`.
        style: Size, resolution and colors.
        title: Title of the figure: the network and its input.
    """
    figure = sheet(style)
    half = style.inches[0] < 8
    subtitle = (
        f"{'R' if half else 'Output size and r'}eceptive field (RF, in pixels) of each operation."
    )
    top = titled(figure, title, subtitle, style)
    axes = canvas(figure, top, style)
    height = float(axes.get_ylim()[0])
    plan = _finest_plan_that_fits(traced, fields, axes, style)
    outputs = frozenset(traced.outputs)
    _edges(axes, plan)
    for index, box in enumerate(plan.boxes):
        _draw(axes, plan, index, style, not outputs.isdisjoint(box.names))
    used = [name for name in STYLES if name in {box.style for box in plan.boxes}]
    has_output = any(not outputs.isdisjoint(box.names) for box in plan.boxes)
    entries = _entries(used, has_output, style)
    foot = height - key(axes, entries, style, draw=False)
    key(axes, entries, style, foot)
    if note := _note(plan):
        points = SMALL * style.points
        look: dict[str, Any] = {"fontsize": points, "color": style.ink["muted"], "va": "bottom"}
        axes.text(0, foot - 0.04, note, **look)
    return figure


def _finest_plan_that_fits(
    traced: Graph, fields: Mapping[str, ReceptiveField], axes: Axes, style: Style
) -> Plan:
    """The layout with the most boxes that fit; only the first ones if even modules are too many."""
    lines = outline(traced, fields)
    boxes = folded_boxes(lines, traced, len(lines))
    for most in BOX_COUNTS:
        folded = folded_boxes(lines, traced, most)
        if len(folded) > most:
            break
        boxes = folded
        if plan := _plan_if_it_fits(boxes, len(boxes), axes, style):
            return plan
    for most in range(min(len(boxes), BOX_COUNTS[0]), 0, -1):
        if plan := _plan_if_it_fits(boxes[:most], len(boxes), axes, style):
            return plan
    raise AssertionError("one box always fits")


def _plan_if_it_fits(boxes: Sequence[Box], count: int, axes: Axes, style: Style) -> Plan | None:
    """The layout of the boxes in the largest type in which they fit; None if they do not."""
    entries = _entries(list({box.style for box in boxes}), True, style)
    note = SPACING * SMALL * style.points / 72 + 0.06
    width = float(axes.get_xlim()[1])
    height = float(axes.get_ylim()[0]) - key(axes, entries, style, draw=False) - note
    placed, lines = compute_layout([box.parents for box in boxes]), len(box_lines(boxes[0], style))
    for share in (1.0, 0.9, SMALL):
        points = share * style.points
        widest = max(
            width_of(line, points, True) for box in boxes for line in box_lines(box, style)
        )
        tall = lines * SPACING * points / 72 + 0.12
        deep = int((height - GAP) / (tall + GAP))
        if deep < 1:
            continue
        columns = -(-placed.row_count // deep)
        deep = -(-placed.row_count // columns)
        plan = Plan(tuple(boxes), placed, widest + 0.14, tall, deep, points, count)
        if columns * plan.column <= width:
            return plan
    return None


def box_lines(box: Box, style: Style) -> list[str]:
    """The lines of a box: title, output shape (on a whole slide only), and receptive field."""
    what, shape, sees = box.text.replace("<b>", "").replace("</b>", "").split("<br>")
    return [what, shape, sees] if style.inches[0] > 8 else [what, sees]


def _draw(axes: Axes, plan: Plan, index: int, style: Style, output: bool) -> None:
    """Draw one box with its text, and a frame around an output of the network."""
    box, (x, y) = plan.boxes[index], plan.center(index)
    look = STYLES[box.style]
    corners = _corners((x, y), plan.wide / 2, plan.tall / 2, 1.2 * look.cut)
    edge: dict[str, Any] = {"edgecolor": look.color, "linestyle": DASHES[look.dash]}
    edge |= {"linewidth": look.width + 0.5, "facecolor": pale(look.color), "zorder": 3}
    axes.add_patch(Polygon(corners, closed=True, **edge))
    if output:
        more = _corners((x, y), plan.wide / 2 + 0.06, plan.tall / 2 + 0.06, 1.2 * look.cut)
        axes.add_patch(Polygon(more, closed=True, fill=False, edgecolor=OUTPUT, linewidth=3))
    step = SPACING * plan.points / 72
    words = box_lines(box, style)
    for number, line in enumerate(words):
        weight = "bold" if number == 0 else "normal"
        look_text: dict[str, Any] = {"ha": "center", "va": "center", "color": "#1A1A1A"}
        look_text |= {"fontsize": plan.points, "fontweight": weight, "zorder": 4}
        axes.text(x, y + (number - (len(words) - 1) / 2) * step, line, **look_text)


def _corners(center: Point, half: float, tall: float, cut: float) -> list[Point]:
    """The corners of a box, clockwise from the upper left, cut by ``cut`` inches."""
    x, y = center
    down = min(cut, tall)
    return [
        *((x - half, y - tall + down), (x - half + cut, y - tall)),
        *((x + half - cut, y - tall), (x + half, y - tall + down)),
        *((x + half, y + tall - down), (x + half - cut, y + tall)),
        *((x - half + cut, y + tall), (x - half, y + tall - down)),
    ]


def _edges(axes: Axes, plan: Plan) -> None:
    """Draw all edges with their arrowheads."""
    pairs = [(parent, child) for child, box in enumerate(plan.boxes) for parent in box.parents]
    far = [pair for pair in pairs if _needs_gutter(plan, *pair)]
    for pair in pairs:
        share = (far.index(pair) + 1) / (len(far) + 1) if pair in far else 0.0
        xs, ys = zip(*edge(plan, *pair, share), strict=True)
        line = (0, (3, 2)) if share else "-"
        axes.plot(xs, ys, color=PADDING, linewidth=1.8, zorder=1, linestyle=line)
    for child in {child for _, child in pairs}:
        x, y = plan.center(child)
        end = y - plan.tall / 2 - 0.06
        axes.plot([x], [end], "v", color=PADDING, markersize=7, zorder=2)


def _needs_gutter(plan: Plan, parent: int, child: int) -> bool:
    """Whether an edge leads to another column and is not the next step there."""
    rows, deep = plan.placed.rows, plan.deep
    apart = rows[parent] // deep != rows[child] // deep
    return apart and rows[child] > rows[parent] + 1


def edge(plan: Plan, parent: int, child: int, share: float = 0.0) -> list[Point]:
    """The line from a box's lower edge to the upper edge of a box that reads it, around others.

    Args:
        plan: The layout.
        parent, child: Indices of the boxes.
        share: Position of the edge in the gutter between two columns, 0 to 1.
    """
    rows, lanes = plan.placed.rows, plan.placed.lanes
    (x0, y0), (x1, y1) = plan.center(parent), plan.center(child)
    start, end = (x0, y0 + plan.tall / 2), (x1, y1 - plan.tall / 2)
    above = end[1] - 0.62 * GAP
    below = start[1] + 0.38 * GAP
    if rows[parent] // plan.deep != rows[child] // plan.deep:
        gutter = rows[child] // plan.deep * plan.column + GUTTER * (0.15 + 0.75 * share)
        above, below = above - 0.16 * GAP * (share > 0), below + 0.3 * GAP * (share > 0)
        return [start, (x0, below), (gutter, below), (gutter, above), (x1, above), end]
    if rows[child] == rows[parent] + 1:
        return [start, (x0, below), (x1, below), end] if x0 != x1 else [start, end]
    lane = plan.placed.passes[parent]
    x = x0 + plan.lane_x(lane) - plan.lane_x(lanes[parent])
    if lane not in plan.placed.empty and lane != lanes[parent]:
        x += (0.5 if lane < lanes[parent] else -0.5) * plan.wide
    return [start, (x0, below), (x, below), (x, above), (x1, above), end]


def _entries(names: Sequence[str], output: bool, style: Style) -> list[Entry]:
    """The legend's entries for the used styles, and for outputs if there are any."""
    entries = [
        Entry(
            STYLES[name].label,
            {
                "facecolor": pale(STYLES[name].color),
                "edgecolor": STYLES[name].color,
                "linestyle": DASHES[STYLES[name].dash],
                "linewidth": STYLES[name].width + 0.5,
            },
        )
        for name in names
    ]
    frame = {"fill": False, "edgecolor": OUTPUT, "linewidth": 3}
    return entries + ([Entry("output of the network", frame)] if output else [])


def _note(plan: Plan) -> str:
    """A note if boxes are missing or folded; else ""."""
    if plan.count > len(plan.boxes):
        return f"The first {len(plan.boxes)} of {plan.count} operations."
    if any(box.count > 1 for box in plan.boxes):
        return "Folded modules have the numbers of their output."
    return ""
