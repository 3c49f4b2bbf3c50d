"""Output sizes over kernel size and stride, as a map."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go

from core.size_tables import SizeTable
from core.window import Pair
from viz import words
from viz.theme import MAGNITUDE, PADDING, UNREAD

CLEAR = "rgba(0,0,0,0)"
CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "zoom2d", "pan2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg", "filename": "sizes"},
}
"""For ``st.plotly_chart``: pictures are saved as SVG."""

Box = tuple[float, float, float, float]
"""left, right, top, bottom"""


def outlines(boxes: Iterable[Box]) -> dict[str, list[float | None]]:
    """Many rectangles as one line with gaps."""
    xs: list[float | None] = []
    ys: list[float | None] = []
    for left, right, top, bottom in boxes:
        xs += [left, right, right, left, left, None]
        ys += [top, top, bottom, bottom, top, None]
    return {"x": xs, "y": ys}


def framed(boxes: Sequence[Box], name: str, **place: Any) -> list[go.Scatter]:
    """Frames in black on white: they read on any colour and in either theme."""
    lines = [
        go.Scatter(
            **outlines(boxes),
            mode="lines",
            line={"color": colour, "width": width},
            showlegend=False,
            hoverinfo="skip",
            **place,
        )
        for colour, width in (("white", 5), ("black", 2))
    ]
    square = {"symbol": "square", "color": "white", "size": 11}
    legend = go.Scatter(
        x=[None],
        y=[None],
        mode="markers",
        marker=square | {"line": {"color": "black", "width": 2}},
        name=name,
        showlegend=bool(boxes),
    )
    return [*lines, legend]


def headed(title: str, plot: float, below: float) -> dict[str, Any]:
    """Layout of a picture ``plot`` pixels high, its title broken to fit a phone."""
    lines = textwrap.wrap(title, 46)
    top = 26 + 19 * len(lines)
    return {
        "title": {
            "text": "<br>".join(lines),
            "font": {"size": 15},
            "x": 0,
            "xanchor": "left",
            "y": 1 - 8 / (plot + top + below),
            "yanchor": "top",
            "yref": "container",
            "pad": {"t": 11 * (len(lines) - 1)},  # Plotly centres several lines on the first
        },
        "height": int(plot + top + below),
        "margin": {"l": 4, "r": 6, "t": top, "b": below},
    }


def flat_colorbar(y: float) -> dict[str, Any]:
    """A colour bar below the picture: it takes no width from it on a phone."""
    return {
        "orientation": "h",
        "thickness": 8,
        "x": 0,
        "xanchor": "left",
        "xpad": 0,
        "y": y,
        "yanchor": "top",
        "title_side": "top",
    }


def _size(pair: Sequence[int]) -> str:
    return words.both((int(pair[0]), int(pair[1])))


@lru_cache(maxsize=64)
def size_map(table: SizeTable, title: str, chosen: Pair | None = None) -> go.Figure:
    """Output size over kernel size (down) and stride (across).

    Cells with unread pixels are hatched and say how many; empty cells are layers that
    do not fit. ``chosen`` is the (kernel size, stride) to frame.
    """
    figure = go.Figure(_map_cells(table))
    where = np.argwhere(table.fits & (table.unread > 0))
    figure.add_trace(_hatching([_cell_edge(table, int(r), int(c)) for r, c in where]))
    figure.add_trace(_misfits(table))
    if chosen and chosen[0] in table.rows and chosen[1] in table.columns:
        row, column = table.rows.index(chosen[0]), table.columns.index(chosen[1])
        figure.add_traces(framed([_cell_box(table, row, column)], "the layer as set"))
    below = 42 * len(table.rows)
    figure.update_layout(
        **headed(title, below, 156),
        legend={"orientation": "h", "y": -116 / below, "yanchor": "top", "x": 0},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
    )
    figure.data[0].colorbar.update(**flat_colorbar(-56 / below))
    plain = {"dtick": 1, "showgrid": False, "zeroline": False, "fixedrange": True}
    across, down = _range(table.columns), _range(table.rows)
    figure.update_xaxes(title="stride (pixels)", range=across, **plain)
    figure.update_yaxes(title="kernel_size (pixels)", range=down[::-1], **plain)
    return figure


def _range(values: Sequence[Any]) -> list[float]:
    return [values[0] - 0.5, values[-1] + 0.5]


def _map_cells(table: SizeTable) -> go.Heatmap:
    pixels = table.output.prod(axis=2)
    sides = np.log2(np.where(table.fits, pixels, 1)) / 2
    ticks = [2**power for power in range(0, 16) if 2**power <= np.sqrt(pixels.max())]
    return go.Heatmap(
        x=list(table.columns),
        y=list(table.rows),
        z=np.where(table.fits, sides, np.nan).astype(np.float32),
        text=_map_texts(table, short=True),
        hovertext=_map_texts(table, short=False),
        texttemplate="%{text}",
        textfont={"size": 11} if (table.output[..., 0] == table.output[..., 1]).all() else None,
        hovertemplate="%{hovertext}<extra></extra>",
        hoverongaps=False,
        colorscale=MAGNITUDE,
        xgap=2,
        ygap=2,
        colorbar={
            "title": {"text": "output side (pixels)"},
            "tickvals": np.log2(ticks).tolist(),
            "ticktext": [str(tick) for tick in ticks],
        },
    )


def _map_texts(table: SizeTable, *, short: bool) -> list[list[str]]:
    text = _map_text if short else _map_hover
    return [
        [text(table, row, column) for column in range(len(table.columns))]
        for row in range(len(table.rows))
    ]


def _map_text(table: SizeTable, row: int, column: int) -> str:
    if not table.fits[row, column]:
        return ""
    unread = int(table.unread[row, column])
    size = f"<b>{_size(table.output[row, column])}</b>"
    return size + (f"<br>{unread}" if unread else "")


def _map_hover(table: SizeTable, row: int, column: int) -> str:
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
    x, y = float(table.columns[column]), float(table.rows[row])
    return x - 0.5, x + 0.5, y - 0.5, y + 0.5


def _cell_edge(table: SizeTable, row: int, column: int) -> Box:
    """The left edge of a cell: hatched there, its numbers stay readable."""
    left, right, top, bottom = _cell_box(table, row, column)
    return left + 0.015, left + 0.13 * (right - left), top + 0.03, bottom - 0.03


def _hatching(boxes: Sequence[Box]) -> go.Scatter:
    return go.Scatter(
        **outlines(boxes),
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=CLEAR,
        fillpattern={
            "shape": "/",
            "fgcolor": UNREAD,
            "bgcolor": CLEAR,
            "size": 9,
            "solidity": 0.22,
        },
        name="pixels unread (how many)",
        showlegend=bool(boxes),
        hoverinfo="skip",
    )


def _misfits(table: SizeTable) -> go.Scatter:
    """A dash where the layer cannot be run; the reason on hover."""
    where = np.argwhere(~table.fits)
    return go.Scatter(
        x=[table.columns[c] for _, c in where],
        y=[table.rows[r] for r, _ in where],
        mode="markers",
        marker={"symbol": "line-ew", "size": 9, "line": {"width": 2, "color": PADDING}},
        hovertext=["<br>".join(textwrap.wrap(table.refusals[r][c], 50)) for r, c in where],
        hovertemplate="%{hovertext}<extra></extra>",
        name="does not fit",
        showlegend=bool(len(where)),
    )
