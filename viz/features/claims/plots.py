"""The picture of a claim: lines, bars, or a map of how often pixels are read."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from viz.lessons.claims.claim import Chart
from viz.plots.figure import Figure
from viz.plots.parts import AXES, LINES, flat_colorbar, map_axis, noted
from viz.theme import MAGNITUDE, UNREAD

Trace = dict[str, Any]
PLOT, MAP, ENTRY = 250, 300, 22
"""Pixels: a chart, a map, a line of the legend."""
MOST_TICKS = 16


def claim_figure(chart: Chart) -> go.Figure:
    """The chart of an outcome."""
    return _map(chart) if chart.kind == "map" else _series(chart)


def _series(chart: Chart) -> go.Figure:
    make = _bar if chart.kind == "bars" else _line
    traces = [
        make(index, chart, each.name) | {"x": list(each.x), "y": list(each.y)}
        for index, each in enumerate(chart.series)
    ]
    entries = len(traces) if len(traces) > 1 else 0
    layout = noted(chart.title, PLOT, AXES + ENTRY * entries + 8, [])
    layout["showlegend"] = bool(entries)
    layout["legend"] = {"orientation": "v", "x": 0, "y": -AXES / PLOT, "yanchor": "top"}
    layout["bargap"] = 0.35
    axis = {"fixedrange": True, "zeroline": False}
    layout["xaxis"] = axis | {"title": {"text": chart.x, "standoff": 6}}
    if any(isinstance(x, str) for each in chart.series for x in each.x):
        layout["xaxis"]["type"] = "category"
    else:
        layout["xaxis"] |= _ticks([float(x) for each in chart.series for x in each.x])
    layout["yaxis"] = axis | {"title": {"text": chart.y, "standoff": 6}, "automargin": True}
    layout["yaxis"] |= {"type": "log"} if chart.log else {"rangemode": "tozero"}
    return Figure(traces, layout)


def _ticks(places: list[float]) -> dict[str, Any]:
    """A tick at every place where these are few whole numbers, Plotly's own otherwise."""
    distinct = sorted(set(places))
    if len(distinct) > MOST_TICKS or not all(place.is_integer() for place in distinct):
        return {}
    return {"tickvals": distinct, "ticktext": [f"{place:.0f}" for place in distinct]}


def _line(index: int, chart: Chart, name: str) -> Trace:
    colour, dash, mark, _ = LINES[index % len(LINES)]
    few = all(len(each.x) <= 40 for each in chart.series)
    return {
        "type": "scatter",
        "mode": "lines+markers" if few else "lines",
        "name": name,
        "line": {"color": colour, "width": 2.5, "dash": dash},
        # The first marks are larger: lines that lie on each other are seen to be two.
        "marker": {"color": colour, "size": 11 - 2 * min(index, 2), "symbol": mark},
        "hovertemplate": f"{name}<br>%{{x}}: %{{y:.4~g}}<extra></extra>",
    }


def _bar(index: int, chart: Chart, name: str) -> Trace:
    colour, _, _, hatch = LINES[index % len(LINES)]
    return {
        "type": "bar",
        "name": name,
        "marker": {"color": colour, "pattern": {"shape": hatch, "fillmode": "overlay"}},
        "texttemplate": "%{y:.3~s}" if len(chart.series) == 1 else None,
        "hovertemplate": f"{name}<br>%{{x}}: %{{y:,.6~g}}<extra></extra>",
    }


def _map(chart: Chart) -> go.Figure:
    cells = np.asarray(chart.cells, dtype=np.float32)
    rows, cols = cells.shape
    layout = noted(chart.title, MAP, AXES + 44, [])
    layout["xaxis"] = map_axis(chart.x, [-0.5, cols - 0.5])
    layout["yaxis"] = map_axis(chart.y, [rows - 0.5, -0.5]) | {"scaleanchor": "x"}
    trace = {
        "type": "heatmap",
        "z": cells,
        "colorscale": MAGNITUDE.capitalize(),  # as the browser knows it
        "zmin": 0,
        "zmax": float(np.nanmax(cells)) if np.isfinite(cells).any() else 1.0,
        "hoverongaps": False,
        "texttemplate": "%{z:.4~g}" if max(rows, cols) <= 12 else None,
        "hovertemplate": "row %{y}, column %{x}: %{z:.4~g}<extra></extra>",
        "colorbar": flat_colorbar(-AXES / MAP) | {"nticks": 5},
    }
    return Figure([trace, *_unread(cells)], layout)


def _unread(cells: Any) -> list[Trace]:
    """Crosses where there is no value."""
    rows, cols = np.nonzero(np.isnan(cells))
    if not len(rows):
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "x": cols.tolist(),
            "y": rows.tolist(),
            "marker": {"color": UNREAD, "symbol": "x-thin-open", "size": 9},
            "name": "not read",
            "showlegend": False,
            "hovertemplate": "row %{y}, column %{x}: not read<extra></extra>",
        }
    ]
