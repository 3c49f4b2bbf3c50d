"""Padding conventions side by side: the padded columns, the windows, and torch's values.

The vertical axis counts screen pixels from the top.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go

from core.layer.size_tables import ConventionResult
from core.layer.window import INSERTED, PAD, Axis
from viz.features.sizes.plots import framed
from viz.page import words
from viz.plots.figure import Figure
from viz.plots.parts import CLEAR, Box, Trace, flat_colorbar, headed, outlines
from viz.theme import INPUT, MAGNITUDE, PADDING, SIGNED, UNREAD, WINDOW

LABEL, CELL, GAP = 38, 20, 18
MIN_FRAMED = 17
"""Least height of a value's cell that is framed when it differs."""
MAX_NUMBERS = 8
"""Most output columns whose values are written out."""


class Band(NamedTuple):
    """The part of the figure for one convention; lengths are pixels, y counts from the top.

    Attributes:
        result: The layer under the convention.
        top: Upper edge.
        lane: Height of a row of windows.
        lanes: Number of rows of windows.
        row: Height of a row of output values.
    """

    result: ConventionResult
    top: float
    lane: float
    lanes: int
    row: float

    @property
    def strip(self) -> float:
        """Upper edge of the strip of cells and of the values."""
        return self.top + LABEL

    @property
    def bottom(self) -> float:
        """Lower edge."""
        outputs = self.result.output or (0, 0)
        return self.strip + max(CELL + 4 + self.lanes * self.lane, outputs[0] * self.row)


def _bands(results: Sequence[ConventionResult]) -> list[Band]:
    """The part of the figure for each convention, from top to bottom."""
    bands: list[Band] = []
    top = 0.0
    for result in results:
        lanes = _lanes(result.cols) if result.cols else 0
        outputs = result.output or (1, 1)
        band = Band(
            result, top, min(9, 72 / max(lanes, 1)), lanes, min(24, max(11, 150 / outputs[0]))
        )
        if result.refusal:
            band = band._replace(lanes=0, row=0)
        bands.append(band)
        top = band.bottom + GAP
    return bands


def _lanes(axis: Axis) -> int:
    """Number of rows in which windows can be drawn without overlap."""
    starts = axis.starts
    span = int(axis.offsets[-1]) + 1
    step = int(starts[1] - starts[0]) if len(starts) > 1 else span
    return min(len(starts), -(-span // step))


@lru_cache(maxsize=256)
def conventions(results: tuple[ConventionResult, ...], title: str) -> go.Figure:
    """Every convention's padded columns with its windows, and the values torch gives.

    Values that are not those of the first result are framed.
    """
    bands = _bands(results)
    traces = [
        *_input_columns(bands),
        _empty(bands, PAD, "padding", "2px,2px"),
        _empty(bands, INSERTED, "inserted zero", "1px,4px"),
        *_windows(bands),
        _values(bands),
        *_differences(bands),
    ]
    return Figure(traces, _layout(bands, title))


def _layout(bands: Sequence[Band], title: str) -> dict[str, Any]:
    """Plotly's layout of the figure."""
    bottom = bands[-1].bottom
    legend = {"orientation": "h", "y": -116 / bottom, "yanchor": "top", "x": 0}
    return headed(title, bottom, 186) | {
        "barmode": "overlay",
        "legend": legend | {"traceorder": "normal"},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "annotations": [_label(band) for band in bands],
        "yaxis": {"range": [bottom + 2, -2], "visible": False, "fixedrange": True},
        **_column_axes(bands),
    }


def _column_axes(bands: Sequence[Band]) -> dict[str, Any]:
    """Input columns on the left, output columns on the right."""
    results = [band.result for band in bands if band.result.output]
    widest = max(result.output[1] for result in results if result.output)
    columns = max(len(result.cols.source) for result in results if result.cols)
    stretched = any((r.cols.source == INSERTED).any() for r in results if r.cols)
    plain = {"showgrid": False, "zeroline": False, "fixedrange": True, "tickangle": 0}
    return {
        "xaxis": plain
        | {
            "title": {"text": "input column" + (", zeros inserted" if stretched else "")},
            "domain": [0, 0.53],
            "dtick": max(1, columns // 8),
        },
        "xaxis2": plain
        | {
            "title": {"text": "output column"},
            "domain": [0.58, 1],
            "anchor": "y",
            "range": [-0.6, widest - 0.4],
            "dtick": max(1, widest // 8),
        },
    }


def _label(band: Band) -> dict[str, Any]:
    """Plotly's annotation above a convention: its name, output size and padding."""
    result = band.result
    lines = [f"<b>{result.label}</b>"]
    if result.output and result.pads:
        lines[0] += f" → {words.times(result.output)}"
        lines.append(words.padding_in_words(result.pads, result.output_padding))
        if result.differs is not None and result.differs.any():
            lines[1] += f"; {int(result.differs.sum())} of {result.differs.size} values differ"
    else:
        lines += textwrap.wrap(result.refusal, 60)
    return {
        "text": "<br>".join(lines),
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "y": band.top,
        "yanchor": "top",
        "showarrow": False,
        "align": "left",
        "font": {"size": 12},
    }


def _columns(axis: Axis) -> np.ndarray[Any, Any]:
    """Horizontal position of each cell that windows can read; the first input column is at 0.

    Padding at the left has negative positions. Inserted zeros count as cells.
    """
    return np.arange(len(axis.source)) - int(np.flatnonzero(axis.source >= 0)[0])


def _input_columns(bands: Sequence[Band]) -> list[Trace]:
    """The input's columns: read ones blue, unread ones hatched."""
    kinds: dict[bool, list[tuple[int, float]]] = {True: [], False: []}
    numbers: list[int] = []
    for band in bands:
        axis = band.result.cols
        if axis is not None:
            places = _columns(axis)[axis.source >= 0].tolist()
            for number, (place, reads) in enumerate(zip(places, axis.reads.tolist(), strict=True)):
                kinds[reads > 0].append((place, band.strip + CELL / 2))
                numbers += [number] if reads > 0 else []
    hatched = {"shape": "/", "fgcolor": UNREAD, "bgcolor": CLEAR, "size": 6, "solidity": 0.5}
    looks: dict[bool, dict[str, Any]] = {
        True: {"color": INPUT, "line": {"color": "white", "width": 1}},
        False: {"color": CLEAR, "pattern": hatched, "line": {"color": UNREAD, "width": 1}},
    }
    return [
        _bars(kinds[read], 1, CELL, looks[read], name, numbers if read else ())
        for read, name in ((True, "input"), (False, "unread"))
    ]


def _bars(
    places: Sequence[tuple[float, float]],
    length: float,
    thick: float,
    look: dict[str, Any],
    name: str,
    numbers: Sequence[int] = (),
) -> Trace:
    """Horizontal bars centered on (column, y), with a number in each where there is room."""
    numbers = numbers if len(set(numbers)) <= 24 else ()
    return {
        "type": "bar",
        "orientation": "h",
        "base": np.array([column - 0.5 for column, _ in places], dtype=np.float32),
        "x": np.full(len(places), length, dtype=np.float32),
        "y": np.array([y for _, y in places], dtype=np.float32),
        "width": thick,
        "marker": look,
        "text": [str(number) for number in numbers],
        "textposition": "inside" if numbers else "none",
        "insidetextanchor": "middle",
        "insidetextfont": {"color": "white", "size": 11},
        "textangle": 0,
        "name": name,
        "showlegend": bool(places),
        "hoverinfo": "skip",
    }


def _empty(bands: Sequence[Band], kind: int, name: str, dash: str) -> Trace:
    """The cells that hold no pixel: padding, or the zeros of a transposed convolution."""
    boxes = [
        (column - 0.42, column + 0.42, band.strip + 2, band.strip + CELL - 2)
        for band in bands
        if band.result.cols is not None
        for column in _columns(band.result.cols)[band.result.cols.source == kind].tolist()
    ]
    return outlines(boxes) | {
        "type": "scatter",
        "mode": "lines",
        "line": {"color": PADDING, "width": 1.5, "dash": dash},
        "name": name,
        "showlegend": bool(boxes),
        "hoverinfo": "skip",
    }


def _windows(bands: Sequence[Band]) -> list[Trace]:
    """Each window's taps as a thick bar and its span as a thin one, below the cells it covers."""
    taps: list[tuple[float, float]] = []
    spans: list[tuple[float, float]] = []
    for band in bands:
        axis = band.result.cols
        if axis is None:
            continue
        first = int(_columns(axis)[0])
        for number, window in enumerate((axis.taps + first).tolist()):
            y = band.strip + CELL + 4 + (number % band.lanes + 0.5) * band.lane
            taps += [(column, y) for column in window]
            spans.append((window[0], y))
    results = [band.result.cols for band in bands if band.result.cols is not None]
    span = int(results[0].offsets[-1]) + 1 if results else 1
    thick = min((band.lane for band in bands if band.lanes), default=8) * 0.72
    look = {"color": WINDOW, "line": {"width": 0}}
    edge = {"color": CLEAR, "line": {"color": WINDOW, "width": 1}}
    return [
        _bars(taps, 1, thick, look, "window"),
        _bars(spans, span, thick, edge, "window, holes included")
        if span > len(results[0].offsets)
        else _bars([], span, thick, edge, "window, holes included"),
    ]


def _values(bands: Sequence[Band]) -> Trace:
    """All values in one map with gaps between the conventions: one scale for all."""
    with_values = [band for band in bands if band.result.values is not None]
    width = max((band.result.values.shape[1] for band in with_values), default=1)  # type: ignore[union-attr]
    edges: list[float] = []
    rows: list[np.ndarray[Any, Any]] = []
    for band in with_values:
        values = band.result.values
        assert values is not None
        if edges:
            rows.append(np.full(width, np.nan, np.float32))
        edges += [band.strip + i * band.row for i in range(len(values) + 1)]
        rows += [np.pad(row, (0, width - len(row)), constant_values=np.nan) for row in values]
    z = np.array(rows or [np.full(1, np.nan)], dtype=np.float32)
    place = {"type": "heatmap", "xaxis": "x2", "x": np.arange(width), "y": edges or [0.0, 1.0]}
    colorbar = flat_colorbar(-56 / bands[-1].bottom) | {"x": 0.58, "len": 0.42}
    colorbar["title"] = {"text": "output value", "side": "top"}
    return place | {"z": z, "colorbar": colorbar} | _value_look(z)


def _value_look(z: np.ndarray[Any, Any]) -> dict[str, Any]:
    """The color scale of the values, and their texts if there are few columns."""
    finite = z[np.isfinite(z)]
    signed = bool((finite < 0).any())
    look: dict[str, Any] = {
        "colorscale": [[i / 2, c] for i, c in enumerate(SIGNED)] if signed else MAGNITUDE,
        "hoverongaps": False,
        "hovertemplate": "output column %{x}: %{z}<extra></extra>",
        "xgap": 1,
    }
    if signed:
        look |= {"zmid": 0}
    if z.shape[1] <= MAX_NUMBERS:
        text = [[_three(v) if np.isfinite(v) else "" for v in row] for row in z.tolist()]
        look |= {"text": text, "texttemplate": "%{text}"}
    return look


def _three(value: float) -> str:
    """A value with three significant digits, or without decimals from 100 on."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _differences(bands: Sequence[Band]) -> list[Trace]:
    """A frame around every value that differs, or a dot where frames would hide the values."""
    name = "value differs from the first"
    cells = [
        _value_box(band, int(row), int(column))
        for band in bands
        if band.result.differs is not None
        for row, column in np.argwhere(band.result.differs)
    ]
    if min((band.row for band in bands if band.row), default=0) >= MIN_FRAMED:
        return framed(cells, name, xaxis="x2")
    dots = {
        "type": "scatter",
        "x": np.array([(left + right) / 2 for left, right, _, _ in cells], dtype=np.float32),
        "y": np.array([(top + bottom) / 2 for _, _, top, bottom in cells], dtype=np.float32),
        "mode": "markers",
        "marker": {"size": 5, "color": "black", "line": {"color": "white", "width": 1}},
        "name": name,
        "showlegend": bool(cells),
        "hoverinfo": "skip",
        "xaxis": "x2",
    }
    return [dots]


def _value_box(band: Band, row: int, column: int) -> Box:
    """The frame of a value: (left, right, top, bottom)."""
    top = band.strip + row * band.row
    return column - 0.46, column + 0.46, top + 2, top + band.row - 2
