"""A panel of a plot's description as a Plotly figure.

Titles, headings, the legend, the color bar and the notes are HTML around it: `viz.plots.html`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from html import escape
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from core.plots.axes import span
from core.plots.maps import (
    first_lines,
    most_cells,
    with_block_means,
)
from core.plots.plot import (
    Bars,
    Boxes,
    Dash,
    Heat,
    Mark,
    Panel,
    Photo,
    PlotAxis,
    Points,
    Polyline,
    Side,
    Symbol,
    Words,
    corners,
)
from core.plots.signs import dashes, is_signed
from viz.plots.colors import GROUND, color_at, ink_on, rgba, screen_color, stops
from viz.plots.figure import Figure
from viz.plots.sizes import (
    MAP_ROOM,
    READABLE,
    TYPE,
    axis_numbers,
    cell_height,
    margins,
    panel_height,
    sign_cue,
)

Trace = dict[str, Any]
"""One trace as Plotly's own dictionary: many times faster to make than its classes."""
MOST_MARKERS = 12
"""Most symbols on a line; more would hide its dashes."""
FONT = '"Source Sans", "Source Sans 3", sans-serif'
"""Typeface of the page."""
GRID = "rgba(128,128,128,0.25)"
"""Color of grid lines that are faint on white and on black."""
CELL_LINE = "rgba(128,128,128,0.45)"
"""Color of the lines between the cells of a map."""
FRAME: Trace = {
    "type": "rect", "layer": "above", "line": {"color": CELL_LINE, "width": 1},
    "xref": "x domain", "yref": "y domain", "x0": 0, "x1": 1, "y0": 0, "y1": 1,
}  # fmt: skip
"""The frame of a map, which may be as light or as dark as the paper."""
BAND = 0.18
"""Opacity of the band around a line."""
SYMBOLS: dict[Symbol, str] = {
    "circle": "circle", "square": "square", "diamond": "diamond", "up": "triangle-up",
    "down": "triangle-down", "left": "triangle-left", "cross": "cross", "x": "x",
    "hbar": "line-ew", "vbar": "line-ns", "none": "circle",
}  # fmt: skip
"""Plotly's names of symbols."""
DASH_LENGTHS: dict[Dash, tuple[int, ...]] = {
    "solid": (), "dash": (3, 3), "dot": (1, 1), "dashdot": (3, 1, 1, 1), "longdash": (5, 5),
}  # fmt: skip
"""Lengths of Plotly's dashes and gaps in widths of a line, which it takes to be at least 3 px."""
TEXT_PLACES: dict[Side, str] = {
    "left": "middle left", "right": "middle right", "above": "top center",
    "below": "bottom center", "center": "middle center",
}  # fmt: skip
"""Plotly's names of the places of a text, seen from its point."""
QUIET: Trace = {"hoverinfo": "skip", "hovertemplate": None}
UNSEEN: Trace = {"type": "scatter", "mode": "markers", "marker": {"size": 0.1, "opacity": 0}}
"""Symbols that only carry error lines."""


class _Look:
    """What the traces of one panel have in common: the panel, its enlargement and its paper."""

    def __init__(self, panel: Panel, enlarged: float, dark: bool) -> None:
        self.panel, self.enlarged, self.dark = panel, enlarged, dark

    def color(self, name: Any) -> str:
        """A color of the description as Plotly takes it."""
        return screen_color(name, self.dark)

    def font(self, color: Any = "text", bold: bool = False) -> dict[str, Any]:
        """Type of the usual size."""
        weight = {"weight": 600} if bold else {}
        return {"size": TYPE * self.enlarged, "color": self.color(color)} | weight

    def line(self, color: Any, dash: Dash, width: float) -> dict[str, Any]:
        """A line's look."""
        return {"color": self.color(color), "dash": dash, "width": width * self.enlarged}


def panel_figure(panel: Panel, enlarged: float = 1.0, *, dark: bool = False) -> Figure:
    """The axes and marks of a panel.

    Args:
        panel: The panel.
        enlarged: Factor for all lengths, for projectors.
        dark: Whether the paper is dark.
    """
    look = _Look(panel, enlarged, dark)
    traces = [trace for mark in panel.marks for trace in _traces(mark, look)]
    photos = [_photo(mark) for mark in panel.marks if isinstance(mark, Photo)]
    across, down = _axis(look, "x"), _axis(look, "y")
    if panel.cell:
        down |= {"scaleanchor": "x", "constrain": "domain", "constraintoward": "top"}
        across |= {"constrain": "domain", "constraintoward": "left"}
    layout = {
        "height": panel_height(panel, enlarged),
        "margin": margins(panel, enlarged) | {"pad": 0, "autoexpand": False},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": "closest",
        "hoverlabel": {"font": {"family": FONT, "size": TYPE * enlarged}},
        "hoverdistance": round(4 * TYPE * enlarged) if panel.in_type else 20,
        "dragmode": False,
        "barmode": "overlay",
        "font": look.font() | {"family": FONT},
        "xaxis": across,
        "yaxis": down,
        "images": photos,
        "shapes": [
            *(shape for mark in panel.marks for shape in _zero_cells(mark, look)),
            *([FRAME] if panel.cell else []),
        ],
    }
    return Figure(traces, layout)


def _axis(look: _Look, side: Any) -> dict[str, Any]:
    """Plotly's settings of an axis."""
    axis: PlotAxis = getattr(look.panel, side)
    ends = span(look.panel, side)
    limits = [float(np.log10(end)) for end in ends] if axis.log else list(ends)
    numbers = axis_numbers(look.panel, side, look.enlarged)
    settings: dict[str, Any] = {
        "range": limits,
        "type": "log" if axis.log else "linear",
        "fixedrange": True,
        "zeroline": False,
        "automargin": False,
        "showgrid": axis.grid,
        "gridcolor": GRID,
        "visible": not axis.hidden,
        "tickvals": [place for place, _ in numbers],
        "ticktext": [_html(name) for _, name in numbers],
        "tickangle": 0,
        "tickfont": look.font(),
        "title": {"text": escape(axis.name), "standoff": 6, "font": look.font()},
    }
    return settings


def _traces(mark: Mark, look: _Look) -> list[Trace]:
    """Plotly's traces of a mark."""
    makers: dict[type, Callable[[Any, _Look], list[Trace]]] = {
        Heat: _heat, Polyline: _line, Points: _points, Bars: _bars, Boxes: _boxes, Words: _words,
    }  # fmt: skip
    maker = makers.get(type(mark))
    return maker(mark, look) if maker else []


def _photo(photo: Photo) -> dict[str, Any]:
    """Plotly's image of a photograph below the marks."""
    file = BytesIO()
    Image.fromarray(photo.pixels).save(file, "PNG")
    rows, cols = photo.pixels.shape[:2]
    return {
        "source": f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}",
        "x": -0.5, "y": -0.5, "sizex": cols, "sizey": rows, "xref": "x", "yref": "y",
        "yanchor": "top", "sizing": "stretch", "layer": "below",
    }  # fmt: skip


def _zero_cells(mark: Mark, look: _Look) -> list[dict[str, Any]]:
    """A rectangle below a map, seen where its values are exactly 0 if these have a color."""
    if not isinstance(mark, Heat) or not mark.scale.zero:
        return []
    left, right, top, bottom = mark.box
    place = {"x0": left, "x1": right, "y0": top, "y1": bottom, "line": {"width": 0}}
    color = look.color(mark.scale.zero)
    return [{"type": "rect", "layer": "below", "fillcolor": color} | place]


def _heat(heat: Heat, look: _Look) -> list[Trace]:
    """The cells of a map, the texts in them, and what a click selects."""
    panel = look.panel
    cue = sign_cue(heat, panel, look.enlarged) if is_signed(heat) else "numbers"
    room = MAP_ROOM[panel.size] * look.enlarged
    heat, _ = with_block_means(heat, most_cells(heat, panel, room))
    values = np.asarray(heat.values, dtype=np.float64)
    rows, cols = values.shape
    trace: Trace = {
        "type": "heatmap",
        "x": heat.left + heat.width * np.arange(cols + 1),
        "y": heat.top + heat.height * np.arange(rows + 1),
        "z": heat.scale.shares(values).astype(np.float32),
        "zmin": 0,
        "zmax": 1,
        "colorscale": [list(stop) for stop in stops(heat.scale, look.dark)],
        "showscale": False,
        "zsmooth": False,
        "hoverongaps": bool(heat.scale.zero),
        "opacity": heat.opacity,
    }
    if len(heat.hover):
        hover = [[_html(text) for text in row] for row in heat.hover]
        trace |= {"hovertext": hover, "hovertemplate": "%{hovertext}<extra></extra>"}
    else:
        down, across = heat.names or (
            panel.y.name.split(" (")[0] or "row",
            panel.x.name.split(" (")[0] or "column",
        )
        unit = f" {escape(heat.unit)}" if heat.unit else ""
        trace |= {
            "customdata": values.astype(np.float32),
            "hovertemplate": f"{escape(down)} %{{y:.6~g}}, {escape(across)} %{{x:.6~g}}: "
            f"%{{customdata:.4~g}}{unit}<extra></extra>",
        }
    middles = (
        heat.left + heat.width * (np.arange(cols) + 0.5),
        heat.top + heat.height * (np.arange(rows) + 0.5),
    )
    high = cell_height(heat, panel, look.enlarged)
    traces = [trace, _cell_lines(heat, look)] if heat.gaps else [trace]
    if len(heat.texts) and high >= READABLE:
        traces.append(_texts(heat, values, middles, high, look))
    if cue == "dashes":
        traces.append(_dashes(heat, high, look))
    if heat.select:
        traces.append(_clickable(heat, values, middles, high))
    return traces


def _dashes(heat: Heat, high: float, look: _Look) -> Trace:
    """A dash in each clearly negative cell; ``high`` is a cell's height in pixels."""
    x, y = dashes(heat)
    line = look.line("white" if look.dark else "black", "solid", min(3.0, max(1.0, high / 12)))
    return QUIET | {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line}


def _cell_lines(heat: Heat, look: _Look) -> Trace:
    """Thin lines along the edges of the cells of a map."""
    rows, cols = heat.values.shape
    left, right, top, bottom = heat.box
    x: list[float | None] = []
    y: list[float | None] = []
    for column in range(cols + 1):
        x += [left + heat.width * column] * 2 + [None]
        y += [top, bottom, None]
    for row in range(rows + 1):
        x += [left, right, None]
        y += [top + heat.height * row] * 2 + [None]
    line = {"color": CELL_LINE, "width": look.enlarged}
    return QUIET | {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": line}


def _texts(heat: Heat, values: Any, middles: tuple[Any, Any], high: float, look: _Look) -> Trace:
    """The texts in the cells of a map, black or white; ``high`` is a cell's height in pixels."""
    lines = max(text.count("\n") for row in heat.texts for text in row)
    texts = (
        heat.texts if high >= READABLE + 1.3 * TYPE * look.enlarged * lines else first_lines(heat)
    )
    shares = heat.scale.shares(values)
    x, y = np.meshgrid(*middles)
    inks = [
        look.color("text")
        if share != share
        else ink_on(color_at(heat.scale, float(share), look.dark))
        for share in shares.ravel().tolist()
    ]
    return QUIET | {
        "type": "scatter",
        "mode": "text",
        "x": x.ravel(),
        "y": y.ravel(),
        "text": [_html(text) for row in texts for text in row],
        "textfont": {"size": TYPE * look.enlarged, "color": inks},
    }


def _clickable(heat: Heat, values: Any, middles: tuple[Any, Any], side: float) -> Trace:
    """Invisible symbols that a click selects: Plotly selects no cells of a heatmap."""
    x, y = np.meshgrid(*middles)
    unseen = {"marker": {"opacity": 0}}
    texts = [text for row in heat.hover for text in row]
    hover: Trace = {
        "hovertemplate": "(%{y}, %{x}): %{customdata:.4~g}<extra>click: this one</extra>"
    }
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x.ravel(),
        "y": y.ravel(),
        "opacity": 0,
        "marker": {"symbol": "square", "size": max(4.0, side - 1)},
        "selected": unseen,
        "unselected": unseen,
        "customdata": np.asarray(values, np.float32).ravel(),
    } | (_hover(texts, "", "") if texts else hover)


def _html(text: str) -> str:
    """A text as Plotly takes it, with its line breaks."""
    return escape(text).replace("\n", "<br>")


def _hover(texts: Sequence[str] | None, name: str, value: str) -> Trace:
    """What the pointer shows: given texts, the name with a value, or nothing."""
    if texts is None:
        return QUIET
    if len(texts):
        lines = [_html(text) for text in texts]
        return {"hovertext": lines, "hovertemplate": "%{hovertext}<extra></extra>"}
    return {"hovertemplate": f"{escape(name)}<br>{value}<extra></extra>"}


def _line(line: Polyline, look: _Look) -> list[Trace]:
    """A line, the dark edge below it, and the band around it."""
    x, y = np.asarray(line.x, np.float64), np.asarray(line.y, np.float64)
    trace: Trace = {
        "type": "scatter",
        "x": x,
        "y": y,
        "mode": "lines" if line.symbol == "none" else "lines+markers",
        "line": look.line(line.color, line.dash, line.width),
        "name": line.name,
    } | _hover(line.hover, line.name, "%{x:.6~g}: %{y:.3g}")
    if line.symbol != "none":
        trace["marker"] = {
            "symbol": SYMBOLS[line.symbol],
            "size": 7 * look.enlarged,
            "color": look.color(line.color),
            "maxdisplayed": MOST_MARKERS,
            "opacity": 1,
        }
    traces = [_edge(line, look) | {"x": x, "y": y}] if line.cased else []
    if line.low is not None and line.high is not None:
        traces.append(_band(x, line, look))
    return [*traces, trace]


def _pixel_dashes(dash: Dash, width: float) -> str:
    """Plotly's dashes of a line of this width in pixels, so that a wider line has the same ones."""
    return ",".join(f"{n * max(width, 3.0):g}px" for n in DASH_LENGTHS[dash]) or "solid"


def _edge(mark: Polyline | Boxes, look: _Look) -> Trace:
    """The dark edge of a line, without its coordinates."""
    edge = look.line("black", mark.dash, mark.width + 2)
    edge["dash"] = _pixel_dashes(mark.dash, mark.width * look.enlarged)
    return QUIET | {"type": "scatter", "mode": "lines", "line": edge, "opacity": 0.75}


def _band(x: Any, line: Polyline, look: _Look) -> Trace:
    """The band between two lines."""
    low, high = np.asarray(line.low, np.float64), np.asarray(line.high, np.float64)
    return QUIET | {
        "type": "scatter",
        "x": np.concatenate([x, x[::-1]]),
        "y": np.concatenate([high, low[::-1]]),
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": rgba(look.color(line.color), BAND),
    }


def _points(points: Points, look: _Look) -> list[Trace]:
    """Symbols, with texts beside them."""
    color = look.color(points.color)
    symbol = SYMBOLS[points.symbol]
    bar = points.symbol in ("hbar", "vbar")
    marker = {
        "symbol": f"{symbol}-open" if points.hollow and not bar else symbol,
        "size": points.size * look.enlarged,
        "color": color,
        "line": {"color": color if bar or points.hollow else GROUND[look.dark],
                 "width": (3 if bar else 2 if points.hollow else 1) * look.enlarged},
    }  # fmt: skip
    texts: Trace = {}
    if len(points.texts):
        pad = {"left": "{}  ", "right": "  {}"}.get(points.side, "{}")
        texts = {
            "text": [pad.format(escape(text)) for text in points.texts],
            "textposition": TEXT_PLACES[points.side],
            "textfont": look.font(),
        }
    return [
        {
            "type": "scatter",
            "x": np.asarray(points.x, np.float64),
            "y": np.asarray(points.y, np.float64),
            "mode": "markers+text" if texts else "markers",
            "marker": marker,
            "cliponaxis": False,
            "name": points.name,
        }
        | texts
        | _hover(points.hover, points.name, "%{x:.6~g}: %{y:.3g}")
    ]


def _bars(bars: Bars, look: _Look) -> list[Trace]:
    """Bars with their error lines and texts."""
    at, length = np.asarray(bars.at, np.float64), np.asarray(bars.length, np.float64)
    base = np.zeros(len(at)) if bars.base is None else np.asarray(bars.base, np.float64)
    along, across = ("x", "y") if bars.across else ("y", "x")
    pattern = {"shape": bars.hatch, "fillmode": "overlay", "fgcolor": GROUND[look.dark], "size": 7}
    trace: Trace = {
        "type": "bar",
        "orientation": "h" if bars.across else "v",
        across: at,
        along: length,
        "base": base,
        "width": bars.width,
        "name": bars.name,
        "marker": {"color": look.color(bars.color), "pattern": pattern},
    } | _hover(bars.hover, bars.name, f"%{{{along}:.4~g}}")
    traces = [trace]
    if bars.low is not None and bars.high is not None:
        ends = {along: base + length, across: at}
        error = {
            "type": "data",
            "array": np.asarray(bars.high) - ends[along],
            "arrayminus": ends[along] - np.asarray(bars.low),
            "width": 4 * look.enlarged,
        }
        for color, thickness in ((GROUND[look.dark], 4.5), (look.color("text"), 1.5)):
            line = {"color": color, "thickness": thickness * look.enlarged}
            traces.append(QUIET | UNSEEN | ends | {f"error_{along}": error | line})
    if not len(bars.texts):
        return traces
    highest = base + length if bars.high is None else np.asarray(bars.high)
    places = {along: highest, across: at}
    texts = Points(places["x"], places["y"], color=bars.color, symbol="none", hover=None)
    beside = "middle right" if bars.across else "top center"
    words = ["  " + escape(text) if bars.across else escape(text) for text in bars.texts]
    label = _points(texts, look)[0] | {"mode": "text", "text": words, "textposition": beside}
    return [*traces, label | {"textfont": look.font()}]


def _boxes(boxes: Boxes, look: _Look) -> list[Trace]:
    """Rectangles as one line with gaps, their areas, and what the pointer shows on each."""
    x, y = _outlines(boxes)
    color = look.color(boxes.color)
    trace: Trace = QUIET | {
        "type": "scatter",
        "x": x,
        "y": y,
        "mode": "lines",
        "line": look.line(boxes.color, boxes.dash, boxes.width),
        "name": boxes.name,
    }
    if boxes.fill or boxes.hatch:
        fill = rgba(look.color(boxes.fill), boxes.opacity) if boxes.fill else "rgba(0,0,0,0)"
        trace |= {"fill": "toself", "fillcolor": fill}
        if boxes.hatch:
            trace["fillpattern"] = {
                "shape": boxes.hatch, "fgcolor": color, "bgcolor": fill,
                "size": 8 * look.enlarged, "solidity": 0.25,
            }  # fmt: skip
    traces = [_edge(boxes, look) | {"x": x, "y": y}, trace] if boxes.cased else [trace]
    if len(boxes.hover):
        middles = [((left + right) / 2, (top + bottom) / 2)
                   for left, right, top, bottom in boxes.boxes]  # fmt: skip
        spots = {"x": [m[0] for m in middles], "y": [m[1] for m in middles]}
        marker = {"size": 24 * look.enlarged, "opacity": 0}
        traces.append(
            {"type": "scatter", "mode": "markers", "marker": marker}
            | spots
            | _hover(boxes.hover, boxes.name, "")
        )
    return traces


def _outlines(boxes: Boxes) -> tuple[list[float | None], list[float | None]]:
    """The corners of rectangles, with gaps between them."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for box in boxes.boxes:
        around = corners(box, boxes.cut)
        xs += [*(x for x, _ in around), around[0][0], None]
        ys += [*(y for _, y in around), around[0][1], None]
    return xs, ys


def _words(words: Words, look: _Look) -> list[Trace]:
    """Texts."""
    texts = [_html(text) for text in words.texts]
    return [
        QUIET
        | {
            "type": "scatter",
            "mode": "text",
            "x": list(words.x),
            "y": list(words.y),
            "text": [f"<b>{text}</b>" if words.bold else text for text in texts],
            "textposition": TEXT_PLACES[words.side],
            "textfont": look.font(words.color),
            "cliponaxis": False,
        }
    ]
