"""Figures of receptive field against depth, and of the costs of designs for a receptive field."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from core.errors import SpecError
from viz.plots.figure import Figure
from viz.plots.parts import LOG_TICKS, PLAIN, TRANSPARENT, Trace, headed, short, whole_step
from viz.theme import BRANCHES, DASHES, INPUT, PADDING, UNREAD, WINDOW

if TYPE_CHECKING:
    from core.receptive_field.growth import GrowthCurve
    from core.receptive_field.strategies import Strategy

MOST_CURVES = 3
"""Largest number of networks in the figure of growth with depth."""
MARKS = ("circle", "diamond", "square")
"""Markers of the layers of the first, second and third network."""
COARSER, FINER = "triangle-down", "triangle-up"
"""Markers of layers after which units are further apart, or closer together."""
DEPTH_HEIGHT, ROW_HEIGHT = 380, 46
"""Height in pixels of the figure of growth with depth, and of a design's row."""


def depth_figure(
    curves: Sequence[GrowthCurve], title: str = "Receptive field against depth", *, log: bool = True
) -> go.Figure:
    """Receptive field over depth: a mark for each layer, a line through the widest so far.

    Args:
        curves: one to three networks.
        title: Title of the figure.
        log: whether the pixels are on a logarithmic axis.

    Raises:
        SpecError: no network, or more than three.
    """
    if not 1 <= len(curves) <= MOST_CURVES:
        raise SpecError("curves", f"must be 1 to {MOST_CURVES} networks", len(curves))
    traces: list[Trace] = []
    for index, curve in enumerate(curves):
        traces += _curve(curve, index)
    depth = max(1, *(len(curve.layers) for curve in curves))
    traces += [_image(side, depth) for side in sorted({curve.image for curve in curves})]
    traces += _legend_of_marks(curves)
    return Figure(traces, _depth_layout(title, depth, log, len(traces)))


def _curve(curve: GrowthCurve, index: int) -> list[Trace]:
    """The traces of one network: the line of the widest field so far, and a mark for each layer."""
    color, dash = BRANCHES[index], DASHES[index]
    depth = list(range(1, len(curve.layers) + 1))
    common = {"type": "scatter", "x": depth, "legendgroup": curve.name}
    line = {"color": color, "width": 2.5, "dash": ",".join(f"{n}px" for n in dash) or "solid"}
    marks = {
        "symbol": [_symbol(curve, i, index) for i in range(len(depth))],
        "size": [11 if curve.strided[i] or curve.finer[i] else 6 for i in range(len(depth))],
        "color": color,
        "opacity": 1,
        "line": {"color": color, "width": 1.5},
    }
    return [
        common
        | {"y": list(curve.widest), "mode": "lines", "line": line, "name": curve.name}
        | {"hoverinfo": "skip", "showlegend": True},
        common
        | {"y": list(curve.sizes), "mode": "markers", "marker": marks, "showlegend": False}
        | {"hovertext": _layer_hovers(curve), "hovertemplate": "%{hovertext}<extra></extra>"},
    ]


def _symbol(curve: GrowthCurve, layer: int, index: int) -> str:
    """Plotly's symbol for a layer's mark."""
    if curve.strided[layer]:
        return COARSER
    if curve.finer[layer]:
        return FINER
    return f"{MARKS[index]}-open" if curve.whole[layer] else MARKS[index]


def _layer_hovers(curve: GrowthCurve) -> list[str]:
    """The hover texts of a network's layers."""
    rows = zip(curve.layers, curve.sizes, curve.strides, curve.whole, strict=True)
    return [
        f"<b>{layer}</b> ({curve.name})<br>"
        + (
            "sees the whole image"
            if whole
            else f"receptive field {size:,} px<br>effective stride {stride:g} px"
        )
        for layer, size, stride, whole in rows
    ]


def _image(side: int, depth: int) -> Trace:
    """A dashed line at the image's size."""
    return {
        "type": "scatter",
        "x": [0.5, depth + 0.5],
        "y": [side, side],
        "mode": "lines+text",
        "line": {"color": INPUT, "width": 1.5, "dash": "dash"},
        "text": [f"image: {side} px", ""],
        "textposition": "top right",
        "textfont": {"size": 12},
        "hoverinfo": "skip",
        "showlegend": False,
    }


def _legend_of_marks(curves: Sequence[GrowthCurve]) -> list[Trace]:
    """Legend entries of the symbols, in gray as they hold for every network."""
    marks = [
        (COARSER, "units further apart (stride)", any(any(c.strided) for c in curves)),
        (FINER, "units closer together (upsampling)", any(any(c.finer) for c in curves)),
        ("circle-open", "sees the whole image", any(any(c.whole) for c in curves)),
    ]
    return [
        {
            "type": "scatter",
            "x": [None],
            "y": [None],
            "mode": "markers",
            "marker": {"symbol": symbol, "size": 10, "color": PADDING},
            "name": name,
        }
        for symbol, name, used in marks
        if used
    ]


def _depth_layout(title: str, depth: int, log: bool, entries: int) -> dict[str, Any]:
    """Plotly's layout of the figure of growth with depth."""
    below = 62 + 22 * entries  # on a phone every entry of the legend takes a line
    across = {"title": {"text": "layer, in the order they run"}, "range": [0.5, depth + 0.5]}
    up = {"title": {"text": "receptive field (px)"}, "type": "log" if log else "linear"}
    return (
        headed(title, DEPTH_HEIGHT, below)
        | TRANSPARENT
        | {
            "legend": {"orientation": "h", "y": -58 / DEPTH_HEIGHT, "yanchor": "top", "x": 0},
            "xaxis": PLAIN | across | {"tickformat": "d", "dtick": whole_step(depth)},
            "yaxis": PLAIN | up | ({"tickvals": LOG_TICKS} if log else {"rangemode": "tozero"}),
            "hovermode": "closest",
        }
    )


PANELS = (("layers", "layers"), ("parameters", "parameters"), ("macs", "MACs"))
"""(attribute of `core.receptive_field.strategies.Strategy`, title) of each panel."""


def strategies_figure(
    strategies: Sequence[Strategy], title: str = "What each way to this view needs"
) -> go.Figure:
    """Layers, parameters and MACs of each strategy: three panels over the same rows.

    Hollow marks have holes in their receptive field; a dash stands where a network does not
    fit on the input.
    """
    traces = [
        trace
        for number, (field, _) in enumerate(PANELS, start=1)
        for trace in _panel(strategies, field, number)
    ]
    return Figure(traces, _strategies_layout(strategies, title))


def _panel(strategies: Sequence[Strategy], field: str, number: int) -> list[Trace]:
    """The marks of all designs in one panel."""
    values = [getattr(way, field) for way in strategies]
    rows = [i for i, value in enumerate(values) if value is not None]
    holes = [strategies[i].read < 1 for i in rows]
    common = {"type": "scatter", "xaxis": f"x{number}", "yaxis": "y", "showlegend": False}
    points = {
        "x": [values[i] for i in rows],
        "y": rows,
        "mode": "markers+text",
        "marker": {
            "symbol": ["circle-open" if hole else "circle" for hole in holes],
            "size": 11,
            "color": WINDOW,
            "line": {"width": 2.5, "color": WINDOW},
        },
        "text": [f"  {short(values[i])}" for i in rows],
        "textposition": "middle right",
        "hovertext": [_strategy_hover(strategies[i]) for i in rows],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }
    return [common | points, common | _absent(strategies, values, rows)]


def _absent(strategies: Sequence[Strategy], values: Sequence[object], rows: list[int]) -> Trace:
    """A dash for each missing number, with the reason as its hover text."""
    missing = [i for i in range(len(values)) if i not in rows]
    numbers = [value for value in values if isinstance(value, int)]
    return {
        "x": [min(numbers, default=1)] * len(missing),
        "y": missing,
        "mode": "markers+text",
        "marker": {"symbol": "line-ew", "size": 12, "line": {"width": 3, "color": UNREAD}},
        "text": ["  does not fit"] * len(missing),
        "textposition": "middle right",
        "hovertext": [_strategy_hover(strategies[i]) for i in missing],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _strategy_hover(way: Strategy) -> str:
    """The hover text of a design."""
    lines = [f"<b>{way.title}</b>", *textwrap.wrap(way.notation, 60)[:4]]
    lines.append(f"{way.layers} layers, {way.parameters:,} parameters")
    if way.output_size and way.macs is not None:
        rows, cols = way.output_size
        lines.append(f"{way.macs:,} MACs, output {rows}×{cols}")
    return "<br>".join([*lines, *textwrap.wrap(way.refusal or way.sentence, 60)])


def _strategies_layout(strategies: Sequence[Strategy], title: str) -> dict[str, Any]:
    """Plotly's layout of the figure of designs."""
    height = ROW_HEIGHT * len(strategies)
    layout = headed(title, height, 70) | TRANSPARENT | {"annotations": _row_titles(strategies)}
    layout["yaxis"] = {
        "range": [len(strategies) - 0.35, -0.85],
        "visible": False,
        "fixedrange": True,
    }
    for number, (field, name) in enumerate(PANELS, start=1):
        left = (number - 1) / len(PANELS)
        values = [value for way in strategies if (value := getattr(way, field)) is not None]
        layout[f"xaxis{number}"] = PLAIN | {
            "title": {"text": name},
            "type": "log",
            "range": log_range(values),
            "domain": [left + 0.01, left + 1 / len(PANELS) - 0.01],
            "anchor": "y",
            "dtick": decades_a_tick(values),
            "exponentformat": "SI",
            "tickangle": 0,
        }
    return layout


def log_range(values: Sequence[int]) -> list[float]:
    """Exponents of an axis that holds the values, with room for the numbers beside the marks."""
    low, high = len(str(min(values, default=1))) - 1, len(str(max(values, default=1)))
    return [low - 0.1 * (high - low), high + 0.7 * (high - low)]


def decades_a_tick(values: Sequence[int]) -> int:
    """Decades between two ticks, so that they fit into a panel on a phone."""
    low, high = log_range(values)
    return 1 if high < 4 else 2 if high - low < 5 else 3


def _row_titles(strategies: Sequence[Strategy]) -> list[dict[str, Any]]:
    """A heading above each row with the design's title, size and stride."""
    return [
        {
            "text": f"<b>{way.title}</b>  {_reach(way)}",
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": row - 0.45,
            "yref": "y",
            "yanchor": "middle",
            "showarrow": False,
            "align": "left",
        }
        for row, way in enumerate(strategies)
    ]


def _reach(way: Strategy) -> str:
    """A design's receptive field, stride and share of pixels read, as text."""
    rows, cols = way.size
    stride = max(way.effective_stride)
    parts = [f"sees {rows}×{cols}", f"stride {stride:g}"]
    if way.read < 1:
        parts.append(f"reads {way.read:.0%}")
    return ", ".join(parts)
