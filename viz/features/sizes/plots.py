"""Output sizes over kernel size and stride, as a map."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.layer.size_tables import SizeTable
from core.layer.window import Pair
from viz.page import words
from viz.plots.figure import Figure
from viz.plots.parts import CLEAR, Box, Trace, flat_colorbar, headed, outlines
from viz.theme import MAGNITUDE, PADDING, UNREAD

CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoom2d", "pan2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "sizes"},
}
"""Argument ``config`` of ``st.plotly_chart``; the browser saves charts as SVG."""


def framed(boxes: Sequence[Box], name: str, **place: Any) -> list[Trace]:
    """Black frames with a white edge, visible on any color and in both themes, and a legend entry.

    Args:
        boxes: (left, right, top, bottom) of each frame.
        name: Text of the legend.
        place: Other attributes of the traces, such as their axes.
    """
    common = {"type": "scatter", "hoverinfo": "skip"}
    lines = [
        common
        | outlines(boxes)
        | {"mode": "lines", "line": {"color": color, "width": width}, "showlegend": False}
        | place
        for color, width in (("white", 5), ("black", 2))
    ]
    edge = {"color": "black", "width": 2}
    legend = common | {
        "x": [None],
        "y": [None],
        "mode": "markers",
        "marker": {"symbol": "square", "color": "white", "size": 11, "line": edge},
        "name": name,
        "showlegend": bool(boxes),
    }
    return [*lines, legend]


def _size(pair: Sequence[int]) -> str:
    """A size as text: ``4`` or ``4×5``."""
    return words.int_pair_text((int(pair[0]), int(pair[1])))


@lru_cache(maxsize=256)
def size_map(table: SizeTable, title: str, chosen: Pair | None = None) -> go.Figure:
    """Output size over kernel size (down) and stride (across).

    Cells with unread pixels are hatched and say how many; empty cells are layers that
    do not fit. ``chosen`` is the (kernel size, stride) to frame.
    """
    height = 42 * len(table.rows)
    where = np.argwhere(table.fits & (table.unread > 0))
    hatched = [_cell_edge(table, int(row), int(column)) for row, column in where]
    traces = [_map_cells(table, height), _hatching(hatched), _misfits(table)]
    if chosen and chosen[0] in table.rows and chosen[1] in table.columns:
        row, column = table.rows.index(chosen[0]), table.columns.index(chosen[1])
        traces += framed([_cell_box(table, row, column)], "the layer as set")
    return Figure(traces, _map_layout(table, title, height))


def _map_layout(table: SizeTable, title: str, height: int) -> dict[str, Any]:
    """Plotly's layout of the map."""
    plain = {"dtick": 1, "showgrid": False, "zeroline": False, "fixedrange": True}
    across, down = _range(table.columns), _range(table.rows)
    return headed(title, height, 156) | {
        "legend": {"orientation": "h", "y": -116 / height, "yanchor": "top", "x": 0},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "xaxis": plain | {"title": {"text": "stride (pixels)"}, "range": across},
        "yaxis": plain | {"title": {"text": "kernel_size (pixels)"}, "range": down[::-1]},
    }


def _range(values: Sequence[Any]) -> list[float]:
    """Range of an axis, half a cell beyond its first and last value."""
    return [values[0] - 0.5, values[-1] + 0.5]


def _map_cells(table: SizeTable, height: int) -> Trace:
    """The map's cells, colored by the side of the output."""
    pixels = table.output.prod(axis=2)
    sides = np.log2(np.where(table.fits, pixels, 1)) / 2
    ticks = [2**power for power in range(0, 16) if 2**power <= np.sqrt(pixels.max())]
    square = (table.output[..., 0] == table.output[..., 1]).all()
    colorbar = flat_colorbar(-56 / height) | {
        "title": {"text": "output side (pixels)", "side": "top"},
        "tickvals": np.log2(ticks).tolist(),
        "ticktext": [str(tick) for tick in ticks],
    }
    return {
        "type": "heatmap",
        "x": list(table.columns),
        "y": list(table.rows),
        "z": np.where(table.fits, sides, np.nan).astype(np.float32),
        "text": _map_texts(table, short=True),
        "hovertext": _map_texts(table, short=False),
        "texttemplate": "%{text}",
        "textfont": {"size": 11} if square else {},
        "hovertemplate": "%{hovertext}<extra></extra>",
        "hoverongaps": False,
        "colorscale": MAGNITUDE,
        "xgap": 2,
        "ygap": 2,
        "colorbar": colorbar,
    }


def _map_texts(table: SizeTable, *, short: bool) -> list[list[str]]:
    """The text of each cell, or its tooltip unless ``short``."""
    text = _map_text if short else _map_hover
    return [
        [text(table, row, column) for column in range(len(table.columns))]
        for row in range(len(table.rows))
    ]


def _map_text(table: SizeTable, row: int, column: int) -> str:
    """Text of a cell: output size, and number of unread pixels."""
    if not table.fits[row, column]:
        return ""
    unread = int(table.unread[row, column])
    size = f"<b>{_size(table.output[row, column])}</b>"
    return size + (f"<br>{unread}" if unread else "")


def _map_hover(table: SizeTable, row: int, column: int) -> str:
    """Tooltip of a cell."""
    settings = f"kernel_size {table.rows[row]}, stride {table.columns[column]}"
    height, width = table.output[row, column]
    rows, cols = table.remainder[row, column]
    unread, pixels = int(table.unread[row, column]), int(table.inputs[row, column].prod())
    return (
        f"{settings}<br>output {height}×{width}, "
        f"torch {table.measured[row, column][0]}×{table.measured[row, column][1]}"
        f"<br>remainder {rows} rows, {cols} columns"
        f"<br>{unread} of {pixels} pixels unread ({unread / pixels:.3g} of the input)"
    )


def _cell_box(table: SizeTable, row: int, column: int) -> Box:
    """Edges of a cell: (left, right, top, bottom)."""
    x, y = float(table.columns[column]), float(table.rows[row])
    return x - 0.5, x + 0.5, y - 0.5, y + 0.5


def _cell_edge(table: SizeTable, row: int, column: int) -> Box:
    """A strip at the left edge of a cell, for hatching that leaves its numbers readable."""
    left, right, top, bottom = _cell_box(table, row, column)
    return left + 0.015, left + 0.13 * (right - left), top + 0.03, bottom - 0.03


def _hatching(boxes: Sequence[Box]) -> Trace:
    """Hatched areas with a legend entry for unread pixels."""
    hatches = {"shape": "/", "fgcolor": UNREAD, "bgcolor": "white", "size": 6, "solidity": 0.5}
    return outlines(boxes) | {
        "type": "scatter",
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillpattern": hatches,
        "name": "pixels unread (how many)",
        "showlegend": bool(boxes),
        "hoverinfo": "skip",
    }


def _misfits(table: SizeTable) -> Trace:
    """A dash where the layer cannot be run; the reason on hover."""
    where = np.argwhere(~table.fits)
    return {
        "type": "scatter",
        "x": [table.columns[c] for _, c in where],
        "y": [table.rows[r] for r, _ in where],
        "mode": "markers",
        "marker": {"symbol": "line-ew", "size": 9, "line": {"width": 2, "color": PADDING}},
        "hovertext": ["<br>".join(textwrap.wrap(table.refusals[r][c], 50)) for r, c in where],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "name": "does not fit",
        "showlegend": bool(len(where)),
    }
