"""Plotly figures of a claim's chart: lines, bars, or a map of pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from viz.lessons.claims.claim import Chart
from viz.plots.figure import Figure
from viz.plots.parts import AXES, LINES, flat_colorbar, map_axis, noted
from viz.theme import MAGNITUDE, UNREAD

Trace = dict[str, Any]
CHART_HEIGHT, MAP_HEIGHT, LEGEND_LINE_HEIGHT = 250, 300, 22
"""Heights in pixels of a chart, of a map, and of a line in the legend."""
MAX_TICKS = 16
"""Largest number of x values that each get their own tick."""


def claim_figure(chart: Chart) -> go.Figure:
    """Return the figure of an outcome's chart."""
    return _map_figure(chart) if chart.kind == "map" else _series_figure(chart)


def _series_figure(chart: Chart) -> go.Figure:
    """Return a chart of lines or bars; it has a legend if there are several series."""
    make = _bar_style if chart.kind == "bars" else _line_style
    traces = [
        make(index, chart, each.name) | {"x": list(each.x), "y": list(each.y)}
        for index, each in enumerate(chart.series)
    ]
    entries = len(traces) if len(traces) > 1 else 0
    layout = noted(chart.title, CHART_HEIGHT, AXES + LEGEND_LINE_HEIGHT * entries + 8, [])
    layout["showlegend"] = bool(entries)
    layout["legend"] = {"orientation": "v", "x": 0, "y": -AXES / CHART_HEIGHT, "yanchor": "top"}
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


def _ticks(positions: list[float]) -> dict[str, Any]:
    """Return axis options with a tick at each x value, if these are at most `MAX_TICKS` integers.

    Otherwise the options are empty, and Plotly chooses the ticks.
    """
    distinct = sorted(set(positions))
    if len(distinct) > MAX_TICKS or not all(position.is_integer() for position in distinct):
        return {}
    return {"tickvals": distinct, "ticktext": [f"{position:.0f}" for position in distinct]}


def _line_style(index: int, chart: Chart, name: str) -> Trace:
    """Return the style of a line; ``index`` is its position among the chart's series."""
    color, dash, mark, _ = LINES[index % len(LINES)]
    few = all(len(each.x) <= 40 for each in chart.series)
    return {
        "type": "scatter",
        "mode": "lines+markers" if few else "lines",
        "name": name,
        "line": {"color": color, "width": 2.5, "dash": dash},
        # The markers of the first lines are larger, so that coinciding lines can be told apart.
        "marker": {"color": color, "size": 11 - 2 * min(index, 2), "symbol": mark},
        "hovertemplate": f"{name}<br>%{{x}}: %{{y:.4~g}}<extra></extra>",
    }


def _bar_style(index: int, chart: Chart, name: str) -> Trace:
    """Return the style of a set of bars; ``index`` is its position among the chart's series."""
    color, _, _, hatch = LINES[index % len(LINES)]
    return {
        "type": "bar",
        "name": name,
        "marker": {"color": color, "pattern": {"shape": hatch, "fillmode": "overlay"}},
        "texttemplate": "%{y:.3~s}" if len(chart.series) == 1 else None,
        "hovertemplate": f"{name}<br>%{{x}}: %{{y:,.6~g}}<extra></extra>",
    }


def _map_figure(chart: Chart) -> go.Figure:
    """Return a heat map of the chart's cells, with crosses where a cell is NaN."""
    cells = np.asarray(chart.cells, dtype=np.float32)
    rows, cols = cells.shape
    layout = noted(chart.title, MAP_HEIGHT, AXES + 44, [])
    layout["xaxis"] = map_axis(chart.x, [-0.5, cols - 0.5])
    layout["yaxis"] = map_axis(chart.y, [rows - 0.5, -0.5]) | {"scaleanchor": "x"}
    trace = {
        "type": "heatmap",
        "z": cells,
        "colorscale": MAGNITUDE.capitalize(),  # Plotly.js capitalizes the names of its scales
        "zmin": 0,
        "zmax": float(np.nanmax(cells)) if np.isfinite(cells).any() else 1.0,
        "hoverongaps": False,
        "texttemplate": "%{z:.4~g}" if max(rows, cols) <= 12 else None,
        "hovertemplate": "row %{y}, column %{x}: %{z:.4~g}<extra></extra>",
        "colorbar": flat_colorbar(-AXES / MAP_HEIGHT) | {"nticks": 5},
    }
    return Figure([trace, *_missing_value_marks(cells)], layout)


def _missing_value_marks(cells: Any) -> list[Trace]:
    """Return a trace with a cross at each NaN cell, or no trace if there is none."""
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
