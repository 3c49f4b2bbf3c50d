"""A network as a graph: a box for each operation with its output and its receptive field.

The vertical axis counts screen pixels from the top, the horizontal one box widths.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from core.errors import SpecError
from core.receptive_field.outline import outline
from viz.features.fields.graph_boxes import Box, folded_boxes
from viz.features.fields.graph_layout import GraphLayout, compute_layout
from viz.plots.figure import Figure
from viz.plots.parts import CLEAR, Trace, headed
from viz.theme import INPUT, OUTPUT, PADDING, PAPER, UNREAD, WINDOW

if TYPE_CHECKING:
    from core.graph import Graph
    from core.receptive_field import ReceptiveField

MAX_BOXES = 120
"""At most this many boxes are drawn; beyond that, modules are folded."""
BOX_HEIGHT, ROW_DISTANCE = 56, 84
"""Height of a box, and distance of two rows, in pixels."""
LANE_WIDTH, MIN_WIDTH = 150, 340
"""Width of a lane with boxes and of the narrowest picture, in pixels."""
HALF_BOX = 0.44
"""Half of a box's width, in lanes."""
EDGE_LANE = 0.14
"""Width of a lane with edges only, in lanes with boxes."""
LEGEND_ROW = 22
"""Height of an entry of the legend, in pixels: each has its own line, as on a phone."""
CURVE = [i / 16 for i in range(17)]
"""Parameters at which a curved edge is drawn, from 0 to 1."""

Points = list[tuple[float, float]]
"""(x, y) points."""


@dataclass(frozen=True)
class Style:
    """Color, outline and shape of a kind of box.

    Attributes:
        label: Text in the legend.
        color, dash, width: Outline of the box; its inside is pale in either theme, so that
            dark text reads on it.
        cut: Width of the cut corners, in lanes.
    """

    label: str
    color: str
    dash: str = "solid"
    width: float = 1.5
    cut: float = 0.0


STYLES: dict[str, Style] = {
    "input": Style("image", INPUT, width=3),
    "window": Style("window: convolution, pooling", WINDOW),
    "finer": Style("upsampling", WINDOW, "dash"),
    "folded": Style("several layers, folded", WINDOW, width=4),
    "merge": Style("branches meet", PADDING, cut=0.1),
    "frame": Style("padding, cropping", PADDING, "dash"),
    "other": Style("other", PADDING, "dot"),
    "global": Style("sees the whole image", INPUT, cut=0.18),
    "unknown": Style("not followed: an upper bound", UNREAD, "dashdot"),
}
"""Styles by kind of box; the legend has the same order."""


def graph_figure(
    graph: Graph,
    fields: Mapping[str, ReceptiveField],
    title: str = "The network, with the output size and receptive field of each operation",
    most: int = MAX_BOXES,
) -> go.Figure:
    """The figure of a network's graph: operations from top to bottom, branches side by side.

    Activations, norms and the like are folded into the box before. Where more than ``most``
    boxes would be needed, modules are folded into one box each, inner ones first; where that
    is not enough, the first ``most`` boxes are shown, and the picture says so.

    Args:
        graph: The result of `core.graph.network_graph`.
        fields: The graph's receptive fields, from `core.receptive_field.fields_of`.
        title: Title of the figure.
        most: boxes to show, at least 2.

    Raises:
        SpecError: ``most`` is too small.
    """
    if most < 2:
        raise SpecError("most", "must be at least 2 boxes", most)
    boxes = folded_boxes(outline(graph, fields), graph, most)
    visible = boxes[:most]
    placed = compute_layout([box.parents for box in visible])
    picture = _Picture(visible, placed, frozenset(graph.outputs))
    notes = _notes(visible, len(boxes))
    return Figure(picture.traces(), _layout(picture, title, notes))


class _Picture:
    """Computes positions in the figure, and the traces of boxes and edges."""

    def __init__(self, boxes: Sequence[Box], placed: GraphLayout, outputs: frozenset[str]) -> None:
        self.boxes = boxes
        self.placed = placed
        self.outputs = [
            index for index, box in enumerate(boxes) if not outputs.isdisjoint(box.names)
        ]
        self.centers: list[float] = []
        self.width = 0.0
        for lane in range(placed.lane_count):
            wide = EDGE_LANE if lane in placed.empty else 1.0
            self.centers.append(self.width + wide / 2)
            self.width += wide

    @property
    def height(self) -> float:
        """Height of the graph in pixels."""
        return self.placed.row_count * ROW_DISTANCE

    @property
    def entries(self) -> int:
        """Number of entries in the legend."""
        return len({box.style for box in self.boxes}) + bool(self.outputs)

    def center(self, index: int) -> tuple[float, float]:
        """(x in lanes, y in pixels) of a box's center."""
        return self.centers[self.placed.lanes[index]], (
            self.placed.rows[index] + 0.5
        ) * ROW_DISTANCE

    def traces(self) -> list[Trace]:
        """Plotly's traces of edges, boxes, frames, arrows and texts."""
        styles = dict.fromkeys(box.style for box in self.boxes)
        drawn = [self._drawn(style) for style in STYLES if style in styles]
        return [self._edges(), *drawn, self._frames(), self._arrows(), self._texts()]

    def _edges(self) -> Trace:
        """All edges as one line with gaps."""
        xs: list[float | None] = []
        ys: list[float | None] = []
        for child, box in enumerate(self.boxes):
            for parent in box.parents:
                for x, y in self.edge(parent, child):
                    xs.append(x)
                    ys.append(y)
                xs.append(None)
                ys.append(None)
        line = {"color": PADDING, "width": 1.5}
        return {"type": "scatter", "x": xs, "y": ys, "mode": "lines", "line": line, **QUIET}

    def edge(self, parent: int, child: int) -> Points:
        """The line from a box's lower edge to the upper edge of a box that reads it."""
        (x0, y0), (x1, y1) = self.center(parent), self.center(child)
        start, end = (x0, y0 + BOX_HEIGHT / 2), (x1, y1 - BOX_HEIGHT / 2)
        rows = self.placed.rows
        if rows[child] == rows[parent] + 1:
            return _bend(start, end)
        x = self._bypass_x(parent)
        first, last = (rows[parent] + 1) * ROW_DISTANCE, rows[child] * ROW_DISTANCE
        margin = (ROW_DISTANCE - BOX_HEIGHT) / 2
        return [*_bend(start, (x, first + margin)), *_bend((x, last - margin), end)]

    def _bypass_x(self, parent: int) -> float:
        """The x at which a box's edges pass other rows."""
        lane, own = self.placed.passes[parent], self.placed.lanes[parent]
        if lane in self.placed.empty or lane == own:
            return self.centers[lane]
        return self.centers[lane] + (0.4 if lane < own else -0.4)

    def _arrows(self) -> Trace:
        """The arrowheads above all boxes that read another one."""
        ends = [self.center(index) for index, box in enumerate(self.boxes) if box.parents]
        marker = {"symbol": "triangle-down", "size": 8, "color": PADDING, "opacity": 1}
        xs, ys = [x for x, _ in ends], [y - BOX_HEIGHT / 2 - 4 for _, y in ends]
        return {"type": "scatter", "x": xs, "y": ys, "mode": "markers", "marker": marker, **QUIET}

    def _drawn(self, name: str) -> Trace:
        """The boxes of one style, as one trace."""
        style = STYLES[name]
        chosen = [index for index, box in enumerate(self.boxes) if box.style == name]
        return _polygons(_corners(self.center(index), HALF_BOX, style.cut) for index in chosen) | {
            "line": {"color": style.color, "width": style.width, "dash": style.dash},
            "fill": "toself",
            "fillcolor": pale(style.color),
            "name": style.label,
            "showlegend": True,
        }

    def _frames(self) -> Trace:
        """Frames around the outputs of forward."""
        corners = (
            _corners(self.center(index), HALF_BOX + 0.03, STYLES[self.boxes[index].style].cut, 5)
            for index in self.outputs
        )
        look = {"line": {"color": OUTPUT, "width": 3}, "name": "output of the network"}
        return _polygons(corners) | look | {"showlegend": bool(self.outputs)}

    def _texts(self) -> Trace:
        """The texts of all boxes, with their hover texts."""
        places = [self.center(index) for index in range(len(self.boxes))]
        return {
            "type": "scatter",
            "x": [x for x, _ in places],
            "y": [y for _, y in places],
            "mode": "text",
            "text": [box.text for box in self.boxes],
            "textfont": {"size": 12, "color": PAPER["text"]},
            "hovertext": [box.hover for box in self.boxes],
            "hovertemplate": "%{hovertext}<extra></extra>",
            "showlegend": False,
        }


def pale(color: str) -> str:
    """A color, #RRGGBB, mixed with four parts of white."""
    parts = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{(part + 4 * 255) // 5:02X}" for part in parts)


QUIET: dict[str, Any] = {"hoverinfo": "skip", "showlegend": False}
"""Properties of a trace without hover text and legend entry."""


def _bend(start: tuple[float, float], end: tuple[float, float]) -> Points:
    """An S-shaped line between two points, vertical at both ends."""
    (x0, y0), (x1, y1) = start, end
    if x0 == x1:
        return [start, end]
    return [(x0 + (x1 - x0) * t * t * (3 - 2 * t), y0 + (y1 - y0) * t) for t in CURVE]


def _corners(
    center: tuple[float, float], half: float, cut: float = 0, more: float = 0
) -> list[tuple[float, float]]:
    """The corners of a box, clockwise from the upper left, cut by ``cut`` lanes."""
    x, y = center
    tall = BOX_HEIGHT / 2 + more
    down = min(cut * LANE_WIDTH, tall)
    return [
        *((x - half, y - tall + down), (x - half + cut, y - tall)),
        *((x + half - cut, y - tall), (x + half, y - tall + down)),
        *((x + half, y + tall - down), (x + half - cut, y + tall)),
        *((x - half + cut, y + tall), (x - half, y + tall - down)),
    ]


def _polygons(polygons: Iterable[Points]) -> Trace:
    """Many closed outlines as one line with gaps."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for corners in polygons:
        xs += [*(x for x, _ in corners), corners[0][0], None]
        ys += [*(y for _, y in corners), corners[0][1], None]
    return {"type": "scatter", "mode": "lines", "x": xs, "y": ys, "hoverinfo": "skip"}


def _notes(visible: Sequence[Box], count: int) -> str:
    """A note if boxes are missing or folded; else ""."""
    if count > len(visible):
        return f"The first {len(visible)} of {count} operations; the rest is not shown."
    if any(box.count > 1 for box in visible):
        return "Modules are folded into one box each: their numbers are those of their output."
    return ""


def _layout(picture: _Picture, title: str, note: str) -> dict[str, Any]:
    """Plotly's layout of the figure."""
    height, width = (
        max(picture.height, ROW_DISTANCE),
        max(MIN_WIDTH, int(LANE_WIDTH * picture.width)),
    )
    hidden = {"visible": False, "fixedrange": True}
    layout = headed(f"{title}. {note}" if note else title, height, 8)
    _make_room(layout, LEGEND_ROW * picture.entries + 8)
    slack = max(0, MIN_WIDTH / LANE_WIDTH - picture.width) / 2
    return layout | {
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "width": width,
        "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom"}
        | {"entrywidth": 1, "entrywidthmode": "fraction"},
        "xaxis": hidden | {"range": [-slack, picture.width + slack]},
        "yaxis": hidden | {"range": [height, 0]},
        "hovermode": "closest",
        "hoverdistance": BOX_HEIGHT // 2,
    }


def _make_room(layout: dict[str, Any], room: int) -> None:
    """Add ``room`` pixels for the legend between the title and the graph."""
    title, height = layout["title"], layout["height"]
    title["y"] = 1 - (1 - title["y"]) * height / (height + room)
    layout["height"] = height + room
    layout["margin"]["t"] += room
