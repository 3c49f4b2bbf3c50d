"""Plot of a network's graph: a box for each operation with its output and its receptive field.

The axes count in sizes of the type; y runs downwards.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.errors import SpecError
from core.plots.graphs.graph_boxes import GraphBox, folded_boxes
from core.plots.graphs.graph_layout import GraphLayout, compute_layout
from core.plots.plot import Box as Edges
from core.plots.plot import Boxes, Color, Dash, Mark, Panel, Plot, PlotAxis, Points, Polyline, Words
from core.receptive_field.outline import outline

if TYPE_CHECKING:
    from core.graph import Graph
    from core.receptive_field import ReceptiveField
    from core.receptive_field.outline import Line

MOST_BOXES = 120
"""At most this many boxes are drawn; beyond that, modules are folded."""
BOX_COUNTS = (60, 48, 40, 32, 26, 22, 18, 15, 12, 10, 8, 6, 4, 2)
"""Numbers of boxes to try on a page; modules are folded until the boxes fit."""
LETTER = 0.54
"""Width of a letter of the app's typeface, in sizes of the type."""
LINE, PAD = 1.2, 0.9
"""Height of a line of text, and room around the text of a box."""
ROW_GAP, GUTTER, NARROW = 1.3, 1.8, 1.0
"""Distance between two rows, between two columns, and width of a lane without boxes."""
LEAST_WIDTH = 12.0
"""Least width of the whole graph: a narrower figure would be clipped on the screen."""
LARGE_PAGE = 50.0
"""Width of a page from which on the boxes also show the output's shape."""
Point = tuple[float, float]
TextWidth = Callable[[str, bool], float]
"""The width of a text, heavy or not, in sizes of the type."""


@dataclass(frozen=True)
class BoxStyle:
    """Color, outline and shape of a kind of box.

    Attributes:
        label: Text in the legend.
        color, dash, width: Outline of the box; its inside is pale.
        cut: Width of the cut corners.
    """

    label: str
    color: Color
    dash: Dash = "solid"
    width: float = 1.5
    cut: float = 0.0


STYLES: dict[str, BoxStyle] = {
    "input": BoxStyle("image", "input", width=3),
    "window": BoxStyle("window: convolution, pooling", "window"),
    "finer": BoxStyle("upsampling", "window", "dash"),
    "folded": BoxStyle("several layers, folded", "window", width=4),
    "merge": BoxStyle("branches meet", "padding", cut=1.0),
    "frame": BoxStyle("padding, cropping", "padding", "dash"),
    "other": BoxStyle("other", "padding", "dot"),
    "global": BoxStyle("sees the whole image", "input", cut=1.8),
    "unknown": BoxStyle("not followed: an upper bound", "unread", "dashdot"),
}
"""Styles by kind of box; the legend has the same order."""


@dataclass(frozen=True)
class GraphPlan:
    """Places of the boxes.

    Attributes:
        boxes, placed: The boxes that are drawn, with their rows and lanes.
        width, height: Size of a box.
        depth: Number of rows in a column.
        lines: Number of lines in a box.
    """

    boxes: tuple[GraphBox, ...]
    placed: GraphLayout
    width: float
    height: float
    depth: int
    lines: int

    @property
    def column(self) -> float:
        """Width of a column of rows, its gutter included."""
        return sum(map(self.lane, range(self.placed.lane_count))) + GUTTER

    @property
    def extent(self) -> Point:
        """Width and height of all columns."""
        columns = max(1, -(-self.placed.row_count // self.depth))
        return max(columns * self.column, LEAST_WIDTH), self.depth * (
            self.height + ROW_GAP
        ) + ROW_GAP

    def lane(self, lane: int) -> float:
        """Width of a lane."""
        return NARROW if lane in self.placed.empty else self.width + 1.0

    def lane_x(self, lane: int) -> float:
        """The x of a lane's middle in the first column."""
        return sum(map(self.lane, range(lane))) + self.lane(lane) / 2

    def center(self, box: int) -> Point:
        """(x, y) of a box's center."""
        column, row = divmod(self.placed.rows[box], self.depth)
        x = GUTTER / 2 + column * self.column + self.lane_x(self.placed.lanes[box])
        return x, ROW_GAP + row * (self.height + ROW_GAP) + self.height / 2

    def edges_of(self, box: int, more: float = 0.0) -> Edges:
        """Left, right, top and bottom of a box, enlarged by ``more`` on each side."""
        (x, y), half, tall = self.center(box), self.width / 2 + more, self.height / 2 + more
        return x - half, x + half, y - tall, y + tall

    def edge(self, parent: int, child: int, share: float = 0.0) -> list[Point]:
        """The line from a box's lower edge to the upper edge of a box that reads it.

        Args:
            parent, child: Indices of the boxes.
            share: Position of the edge in the gutter between two columns, 0 to 1.
        """
        rows, lanes = self.placed.rows, self.placed.lanes
        (x0, y0), (x1, y1) = self.center(parent), self.center(child)
        start, end = (x0, y0 + self.height / 2), (x1, y1 - self.height / 2)
        above, below = end[1] - 0.62 * ROW_GAP, start[1] + 0.38 * ROW_GAP
        if rows[parent] // self.depth != rows[child] // self.depth:
            gutter = rows[child] // self.depth * self.column + GUTTER * (0.15 + 0.75 * share)
            above, below = above - 0.16 * ROW_GAP * (share > 0), below + 0.3 * ROW_GAP * (share > 0)
            return [start, (x0, below), (gutter, below), (gutter, above), (x1, above), end]
        if rows[child] == rows[parent] + 1:
            return [start, (x0, below), (x1, below), end] if x0 != x1 else [start, end]
        lane = self.placed.passes[parent]
        x = x0 + self.lane_x(lane) - self.lane_x(lanes[parent])
        if lane not in self.placed.empty and lane != lanes[parent]:
            x += (0.5 if lane < lanes[parent] else -0.5) * (self.width + 0.5)
        return [start, (x0, below), (x, below), (x, above), (x1, above), end]

    def needs_gutter(self, parent: int, child: int) -> bool:
        """Whether an edge leads to another column and is not the next step there."""
        rows = self.placed.rows
        apart = rows[parent] // self.depth != rows[child] // self.depth
        return apart and rows[child] > rows[parent] + 1


def letter_width(text: str, bold: bool) -> float:
    """The width of a text in the app's typeface, roughly."""
    return LETTER * len(text)


def graph_plot(
    graph: Graph,
    fields: Mapping[str, ReceptiveField],
    title: str = "The network, with the output size and receptive field of each operation",
    *,
    page: Point | None = None,
    text_width: TextWidth = letter_width,
    most: int = MOST_BOXES,
) -> Plot:
    """A network's graph: operations from top to bottom, branches side by side.

    Activations, norms and the like are folded into the box before. Where there would be too many
    boxes, modules are folded into one box each, inner ones first; where that is not enough, the
    first boxes are shown, and a note says so.

    Args:
        graph: The result of `core.graph.network_graph`.
        fields: The graph's receptive fields, from `core.receptive_field.fields_of`.
        title: The heading.
        page: Width and height of a page in sizes of the type, on which the graph goes on in
            further columns; None for one column as long as needed.
        text_width: Measures a text.
        most: Boxes to show without a page, at least 2.

    Raises:
        SpecError: ``most`` is too small.
    """
    if most < 2:
        raise SpecError("most", "must be at least 2 boxes", most)
    lines = outline(graph, fields)
    if page is None:
        boxes = folded_boxes(lines, graph, most)
        plan, count = _plan(boxes[:most], None, 3, text_width), len(boxes)
        assert plan is not None  # without a page everything fits
    else:
        plan, count = _plan_on(page, _options(lines, graph), text_width)
    return _plot(plan, count, graph, title)


def folded_blocks(
    graph: Graph,
    fields: Mapping[str, ReceptiveField],
    page: Point,
    text_width: TextWidth = letter_width,
) -> tuple[GraphBox, ...]:
    """The boxes of several lines in the `graph_plot` on a page; () if none is folded there."""
    plan, _ = _plan_on(page, _options(outline(graph, fields), graph), text_width)
    return tuple(box for box in plan.boxes if box.count > 1)


def block_plot(
    graph: Graph,
    fields: Mapping[str, ReceptiveField],
    block: GraphBox,
    page: Point,
    text_width: TextWidth = letter_width,
) -> Plot:
    """The graph of the operations inside one box of `folded_blocks`, and of those that they read.

    Args:
        graph, fields: As of `graph_plot`.
        block: The box.
        page, text_width: As of `graph_plot`.
    """
    lines = outline(graph, fields)
    inside = [at for at, line in enumerate(lines) if line.node.name in block.names]
    sources = {source for at in inside for source, _ in lines[at].inputs}
    plan, count = _plan_on(page, _options(lines, graph, sorted({*inside, *sources})), text_width)
    return _plot(plan, count, graph, f"Inside {block.title}, from what it reads to its output")


def _options(
    lines: Sequence[Line], graph: Graph, among: Sequence[int] | None = None
) -> list[tuple[GraphBox, ...]]:
    """The boxes for each number of `BOX_COUNTS`."""
    return [folded_boxes(lines, graph, number, among) for number in BOX_COUNTS]


def _plot(plan: GraphPlan, count: int, graph: Graph, title: str) -> Plot:
    """The plot of the places of boxes; ``count`` is the number of all boxes."""
    return Plot(
        title,
        (_panel(plan, frozenset(graph.outputs)),),
        f"{title}: {count} boxes in {plan.placed.row_count} rows and "
        f"{plan.placed.lane_count - len(plan.placed.empty)} lanes.",
        notes=_notes(plan, count),
    )


def _plan_on(
    page: Point, options: Sequence[tuple[GraphBox, ...]], text_width: TextWidth
) -> tuple[GraphPlan, int]:
    """The places of the most boxes that fit on a page, and the number of all boxes."""
    shape = 3 if page[0] >= LARGE_PAGE else 2
    for boxes, most in zip(options, BOX_COUNTS, strict=True):
        if len(boxes) <= most and (plan := _plan(boxes, page, shape, text_width)):
            return plan, len(boxes)
    boxes = min(options, key=len)
    for count in range(min(len(boxes), BOX_COUNTS[0]), 0, -1):
        if plan := _plan(boxes[:count], page, shape, text_width):
            return plan, len(boxes)
    plan = _plan(boxes[:1], None, shape, text_width)
    assert plan is not None  # without a page everything fits
    return plan, len(boxes)


def _plan(
    boxes: Sequence[GraphBox], page: Point | None, lines: int, text_width: TextWidth
) -> GraphPlan | None:
    """The places of boxes with so many lines; None if they do not fit on the page."""
    placed = compute_layout([box.parents for box in boxes])
    texts = [(text, n == 0) for box in boxes for n, text in enumerate(box_lines(box, lines))]
    widest = max(text_width(text, bold) for text, bold in texts)
    height = lines * LINE + PAD
    depth = placed.row_count
    if page is not None:
        depth = int((page[1] - ROW_GAP) / (height + ROW_GAP))
        if depth < 1:
            return None
        depth = -(-placed.row_count // -(-placed.row_count // depth))
    plan = GraphPlan(tuple(boxes), placed, widest + PAD, height, depth, lines)
    return plan if page is None or plan.extent[0] <= page[0] else None


def box_lines(box: GraphBox, lines: int) -> list[str]:
    """The lines of a box: title, output shape (where there are three lines), receptive field."""
    name, shape, sees = box.lines
    return [name, shape, sees] if lines == 3 else [name, sees]


def _panel(plan: GraphPlan, outputs: frozenset[str]) -> Panel:
    """The panel with all edges, boxes and texts."""
    framed = [n for n, box in enumerate(plan.boxes) if not outputs.isdisjoint(box.names)]
    present = {box.style for box in plan.boxes}
    marks: list[Mark] = [*_edges(plan)]
    marks += [_styled(plan, name) for name in STYLES if name in present]
    output = "output of the network"
    marks.append(Boxes([plan.edges_of(n, 0.4) for n in framed], output, "output", width=3))
    marks += [_arrows(plan), *_texts(plan)]
    width, height = plan.extent
    across, down = (
        PlotAxis(low=0, high=width, hidden=True),
        PlotAxis(low=height, high=0, hidden=True),
    )
    return Panel(tuple(marks), across, down, in_type=True)


def _edges(plan: GraphPlan) -> list[Polyline]:
    """The edges as lines with gaps; those that lead round other columns are dashed."""
    pairs = [(parent, child) for child, box in enumerate(plan.boxes) for parent in box.parents]
    far = [pair for pair in pairs if plan.needs_gutter(*pair)]
    near = [plan.edge(*pair) for pair in pairs if pair not in far]
    long = [plan.edge(*pair, (n + 1) / (len(far) + 1)) for n, pair in enumerate(far)]
    return [_joined(near, "solid"), *([_joined(long, "dash")] if long else [])]


def _joined(edges: Sequence[Sequence[Point]], dash: Dash) -> Polyline:
    """Some edges as one line with gaps."""
    gap = float("nan"), float("nan")
    points = [point for edge in edges for point in (*edge, gap)]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return Polyline(xs, ys, "", "padding", dash, 1.6, hover=None)


def _styled(plan: GraphPlan, name: str) -> Boxes:
    """All boxes of one style."""
    chosen = [number for number, box in enumerate(plan.boxes) if box.style == name]
    style = STYLES[name]
    return Boxes(
        [plan.edges_of(number) for number in chosen],
        style.label,
        style.color,
        style.dash,
        style.width,
        fill=style.color,
        opacity=0.18,
        cut=style.cut,
        hover=[plan.boxes[number].hover for number in chosen],
    )


def _arrows(plan: GraphPlan) -> Points:
    """The arrowheads above all boxes that read another one."""
    ends = [plan.edges_of(number) for number, box in enumerate(plan.boxes) if box.parents]
    middles = [(left + right) / 2 for left, right, _, _ in ends]
    tops = [top - 0.4 for _, _, top, _ in ends]
    return Points(middles, tops, color="padding", symbol="down", size=8, hover=None)


def _texts(plan: GraphPlan) -> list[Words]:
    """The titles of all boxes, and the lines below them."""
    words = []
    for line in range(plan.lines):
        places = [plan.center(number) for number in range(len(plan.boxes))]
        drop = (line - (plan.lines - 1) / 2) * LINE
        xs, ys = [x for x, _ in places], [y + drop for _, y in places]
        texts = [box_lines(box, plan.lines)[line] for box in plan.boxes]
        words.append(Words(xs, ys, texts, bold=line == 0))
    return words


def _notes(plan: GraphPlan, count: int) -> tuple[str, ...]:
    """A note if boxes are missing or folded."""
    if count > len(plan.boxes):
        return (f"The first {len(plan.boxes)} of {count} operations; the rest is not drawn.",)
    if any(box.count > 1 for box in plan.boxes):
        return ("Modules are folded into one box each: their numbers are those of their output.",)
    return ()
