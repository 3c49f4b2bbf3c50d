"""Plotly figures of the shift page: the picture, outputs with and without a blur, and curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from viz.plots.figure import Figure
from viz.plots.parts import (
    AXES,
    Trace,
    curve,
    flat_colorbar,
    map_axis,
    noted,
    signed_scale,
    stacked,
    whole_step,
)
from viz.theme import GREY, INPUT, OUTPUT, PADDING, WINDOW

if TYPE_CHECKING:
    from core.shift.consistency import Consistency, ShiftComparison

Span = tuple[float, float]
Grid = NDArray[np.floating]
FloatArray = NDArray[np.float64]
PANEL, GAP, BAR = 140, 26, 44
"""Pixels for the side of a map, the heading between two maps, and a color bar with its title."""
LEFT_HALF, RIGHT_HALF = (0.0, 0.47), (0.53, 1.0)


def picture_figure(picture: Grid, title: str) -> go.Figure:
    """The shifted picture as a map; its values have mean 0 and standard deviation 1."""
    span = float(picture.min()), float(picture.max())
    trace = _map(picture, span, grey=True) | {"showscale": False}
    layout = noted(title, PANEL, AXES, [])
    rows, cols = picture.shape
    layout["xaxis"] = map_axis("column (px)", [-0.5, cols - 0.5])
    layout["yaxis"] = map_axis("row (px)", [rows - 0.5, -0.5]) | {"scaleanchor": "x"}
    return Figure([trace], layout)


def output_color_range(output: Grid, signed: bool) -> Span:
    """Values at the ends of the color scale of an output; centered on zero if it is signed."""
    largest = float(np.abs(output).max()) or 1.0
    if signed:
        return -largest, largest
    return float(output.min()), float(output.max()) or 1.0


def pair_figure(
    plain: ShiftComparison, blurred: ShiftComparison, title: str, *, signed: bool, channel: int = 0
) -> go.Figure:
    """Outputs for the shifted picture above, their differences from the shifted outputs below.

    Args:
        plain, blurred: Comparisons of the layer without and with a blur, drawn on one scale.
        title: Title of the figure.
        signed: Whether the outputs can be negative; if not, they are drawn in grey.
        channel: Channel of the outputs that is drawn.
    """
    outputs = [np.asarray(pair.output[channel]) for pair in (plain, blurred)]
    differences = [np.asarray(pair.difference[channel]) for pair in (plain, blurred)]
    texts = [f"cosine {cosine_text(pair.cosine)}" for pair in (plain, blurred)]
    return _four(outputs, differences, title, texts, signed=signed)


def cosine_text(value: float) -> str:
    """A cosine with three digits after the point, four near 1; "1" only if it is exactly 1."""
    if value == 1:
        return "1"
    return f"{min(value, 0.9999):.4f}" if value > 0.9995 else f"{value:.3f}".replace("-", "−")


def _four(
    outputs: Sequence[Grid],
    differences: Sequence[Grid],
    title: str,
    texts: Sequence[str],
    *,
    signed: bool,
) -> go.Figure:
    """Two maps above, two below, each row on one scale of its own."""
    span = output_color_range(np.stack(outputs), signed)
    most = max(float(np.abs(d).max()) for d in differences) or 1.0
    scales: list[tuple[Span, bool]] = [(span, not signed), ((-most, most), False)]
    plot = 2 * PANEL + GAP
    traces = []
    for row, (maps, (limits, grey)) in enumerate(zip((outputs, differences), scales, strict=True)):
        for column, values in enumerate(maps):
            number = 2 * row + column + 1
            place = {"xaxis": f"x{number}", "yaxis": f"y{number}", "showscale": column == 0}
            traces.append(_map(values, limits, grey=grey) | place)
        half = (LEFT_HALF, RIGHT_HALF)[row]
        name = ("output", "difference")[row]
        traces[-2]["colorbar"] = flat_colorbar(-AXES / plot) | {
            "x": half[0],
            "len": half[1] - half[0],
            "nticks": 4,
            "title": {"text": name, "side": "top", "font": {"size": 12}},
        }
    layout = noted(title, plot, AXES + BAR, [])
    layout["margin"]["t"] += 18
    layout["height"] += 18
    layout |= _four_axes(outputs[0].shape, plot)
    headings = [f"<b>no blur</b>: {texts[0]}", f"<b>blur</b>: {texts[1]}", "difference", ""]
    layout["annotations"] = [
        *layout["annotations"],
        *(_heading(text, index, plot) for index, text in enumerate(headings)),
    ]
    return Figure(traces, layout)


def _map(values: Grid, span: Span, *, grey: bool) -> Trace:
    """A map of values, in grey or in the colors of signed values."""
    scale: list[list[Any]] = [[0, GREY[0]], [1, GREY[1]]] if grey else signed_scale()
    return {
        "type": "heatmap",
        "z": np.asarray(values, dtype=np.float32),
        "zmin": span[0],
        "zmax": span[1],
        "colorscale": scale,
        "zsmooth": False,
        "hovertemplate": "row %{y}, column %{x}: %{z:.3g}<extra></extra>",
    }


def _four_axes(shape: tuple[int, ...], plot: float) -> dict[str, Any]:
    """Plotly's settings of the axes of two rows of two maps."""
    axes: dict[str, Any] = {}
    rows, cols = shape
    for number in range(1, 5):
        below, right = number > 2, number % 2 == 0
        top = PANEL / plot if below else 1.0
        across = map_axis("output column" if below else "", [-0.5, cols - 0.5])
        down = map_axis("" if right else "output row", [rows - 0.5, -0.5])
        few = {"nticks": 4, "dtick": None, "tickfont": {"size": 10}}
        axes[f"xaxis{number}"] = across | few | {
            "domain": list(RIGHT_HALF if right else LEFT_HALF),
            "anchor": f"y{number}",
            "showticklabels": below,
            "constraintoward": "left",
        }  # fmt: skip
        axes[f"yaxis{number}"] = down | few | {
            "domain": [top - PANEL / plot, top],
            "anchor": f"x{number}",
            "scaleanchor": f"x{number}",
            "showticklabels": not right,
        }  # fmt: skip
    return axes


def _heading(text: str, index: int, plot: float) -> dict[str, Any]:
    """Plotly's annotation above the map of an index, counted by rows."""
    below, right = index > 1, index % 2 == 1
    return {
        "text": text,
        "font": {"size": 12},
        "showarrow": False,
        "x": (RIGHT_HALF if right else LEFT_HALF)[0],
        "xref": "paper",
        "xanchor": "left",
        "y": PANEL / plot if below else 1.0,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 2,
    }


def curve_figure(
    plain: Consistency,
    blurred: Consistency,
    current: int,
    title: str,
    *,
    expected: Sequence[FloatArray | None] = (None, None),
    last: int | None = None,
    notes: Sequence[str] = (),
) -> go.Figure:
    """Cosine over the shift in pixels, without and with a blur.

    Args:
        plain, blurred: Consistencies of a layer or network without and with a blur.
        current: The chosen shift in pixels, which is marked.
        title: Title of the figure.
        expected: Closed form of each of the two; None where there is none.
        last: Largest shift that is drawn; None for all.
        notes: Lines below the figure.
    """
    at = np.abs(plain.shifts).max(axis=1)
    drawn = at <= (at.max() if last is None else last)
    x = at[drawn]
    lowest = min(float(each.cosine[drawn].min()) for each in (plain, blurred))
    floor = lowest - 0.06 * (1 - lowest) - 1e-6
    traces = [
        curve(x, plain.cosine[drawn], WINDOW, "dot", "no blur"),
        curve(x, blurred.cosine[drawn], OUTPUT, "solid", "blur"),
        *(_rings(x, form[drawn]) for form in expected if form is not None),
        _current_shift(current, floor),
    ]
    for trace in traces[3:-1]:
        trace["showlegend"] = False
    up = {"title": {"text": "cosine"}, "range": [floor, 1 + (1 - floor) * 0.05]}
    layout = stacked(title, [up], ["shift (px)"], 4, notes)
    span = float(x.max()) or 1.0
    layout["xaxis"] |= {
        "range": [-0.02 * span, 1.02 * span],
        "tickformat": "d",
        "dtick": whole_step(int(span)),
    }
    return Figure(traces, layout)


def _rings(x: Any, y: FloatArray) -> Trace:
    """The closed form as rings around the points of a measured curve."""
    ring = {"symbol": "circle-open", "size": 11 if len(x) <= 40 else 6, "color": INPUT}
    return {
        "type": "scatter",
        "x": np.asarray(x, np.float32),
        "y": np.asarray(y, np.float32),
        "mode": "markers",
        "marker": ring | {"line": {"width": 1.5}},
        "name": "closed form",
        "legendgroup": "closed form",
        "hoverinfo": "skip",
        "cliponaxis": False,
    }


def _current_shift(current: int, low: float) -> Trace:
    """A dashed vertical line at the chosen shift, from ``low`` to 1."""
    return {
        "type": "scatter",
        "x": [current, current],
        "y": [low, 1.0],
        "mode": "lines",
        "line": {"color": PADDING, "width": 1.5, "dash": "dash"},
        "name": "the shift shown",
        "hoverinfo": "skip",
    }
