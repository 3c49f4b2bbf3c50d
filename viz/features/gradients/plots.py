"""Plotly figures of the gradient page: grids of numbers, and gradient norms by layer."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from core.errors import SpecError
from core.layer.window import Pair
from viz.plots.figure import Figure
from viz.plots.parts import PLAIN, TRANSPARENT, Trace, flat_colorbar, noted, outlines, two_columns
from viz.theme import INPUT, MAGNITUDE, OUTPUT, PADDING, PINNED, SIGNED, UNREAD, WINDOW

if TYPE_CHECKING:
    from core.gradients.flow import GradientFlow
    from core.gradients.pattern import InputGradient
    from core.gradients.rebuild import BackwardPass

Numbers = NDArray[Any]
Scale = Literal["signed", "counts"]
READABLE = 22
"""Smallest side in pixels of a cell whose number is written into it."""
LARGEST, WIDE, WIDEST = 40, 224, 352
"""Largest side of a cell, usual width of a grid, and largest width of a grid, in pixels."""
LEFT, RIGHT, CAPTION, TICKS, BAR, LINE = 22, 6, 20, 24, 68, 18
"""Pixels for the left ticks, the right margin, a caption, the lower ticks, the color bar, and a
line of the title."""
CURVES = ((INPUT, "solid"), (WINDOW, "5px,3px"), (OUTPUT, "2px,3px"), (PINNED, "8px,3px,2px,3px"),
          (UNREAD, "12px,4px"))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Grid:
    """One grid of a figure.

    Attributes:
        caption: Text above the grid.
        values: (rows, columns) numbers.
        scale: ``"signed"`` for colors centered on zero, ``"counts"`` for colors from 0 up.
        top: Value at the upper end of the color scale.
        measure: Title of the color bar.
        units: Whether the cells are output units that can be clicked.
        chosen: (row, column) of the unit that is framed; None for none.
    """

    caption: str
    values: Numbers
    scale: Scale
    top: float
    measure: str
    units: bool = False
    chosen: Pair | None = None


def cell_size(columns: int) -> int:
    """Side of a cell in pixels, for a grid of so many columns; numbers fit up to 16 columns."""
    if columns <= WIDEST // READABLE:
        return max(READABLE, min(LARGEST, WIDE // columns))
    return max(2, WIDEST // columns)


def short(value: float, cell: int) -> str:
    """A number for a cell of ``cell`` pixels: three significant digits, or two in small cells."""
    if value == 0:
        return "0"
    text = f"{value:.3g}" if cell >= 30 else f"{value:.2g}"
    return (
        text.replace("-", "−").replace("0.", ".", 1) if abs(value) < 1 else text.replace("-", "−")
    )


def gradient_figure(result: InputGradient, title: str, top: float) -> go.Figure:
    """The gradient at the input above, the upstream gradient at the output below.

    Args:
        result: Gradient of a layer with one input channel. If a single unit has an upstream
            gradient, its output channel is drawn, else the first one.
        title: Name of the layer.
        top: Value at the upper end of the color scale, the same in all compared charts.
    """
    rows, cols = result.gradient.shape[1:]
    plane, chosen = 0, None
    if np.count_nonzero(result.upstream) == 1:
        plane, row, col = (int(axis[0]) for axis in np.nonzero(result.upstream))
        chosen = (row, col)
    of = f", filter {plane}" if len(result.upstream) > 1 else ""
    height, width = result.upstream.shape[1:]
    return grids_figure(
        title,
        [
            Grid(f"at the input: {result.statistics.reached} of {rows * cols} px reached", result.gradient[0], "signed", top,
                 "gradient at a pixel"),
            Grid(f"upstream, at the output {height}×{width}{of}", result.upstream[plane], "signed",
                 top, "upstream gradient", units=True, chosen=chosen),
        ],
    )  # fmt: skip


def counts_figure(
    reads: Numbers, sent: Numbers, title: str, top: float, *, even: bool
) -> go.Figure:
    """Number of windows that read each pixel above the number of units that send it a gradient.

    Args:
        reads, sent, even: As in `viz.features.gradients.compute.ReadCounts`.
        title: Name of the layer.
        top: Value at the upper end of the color scale.
    """
    how = "evenly" if even else "unevenly"
    same = "the same" if (reads == sent).all() else "not the same"
    return grids_figure(
        title,
        [
            Grid(f"windows that read it: {how}", reads, "counts", top, "windows, or units"),
            Grid(f"units that send to it: {same}", sent, "counts", top, "windows, or units"),
        ],
    )


def backward_figure(result: BackwardPass, step: str) -> go.Figure:
    """A step of the backward pass by hand: ``"arriving"``, ``"inserted"`` or ``"flipped"``.

    Raises:
        SpecError: There is no such step.
    """
    top = _largest([result.upstream])
    if step == "flipped":
        weight = result.kernel[0, 0, ::-1, ::-1]
        most = _largest([weight])
        return grids_figure(
            "The kernel, turned by 180°",
            [
                Grid("kernel", weight, "signed", most, "weight"),
                Grid("flipped kernel", result.kernel[0, 0], "signed", most, "weight"),
            ],
        )
    if step not in ("arriving", "inserted"):
        raise SpecError("step", "must be arriving, inserted or flipped", step)
    values = result.upstream[0] if step == "arriving" else result.surrounded[0]
    titles = {"arriving": "The upstream gradient", "inserted": "Zeros put in and around"}
    caption = f"{values.shape[0]}×{values.shape[1]}"
    return grids_figure(titles[step], [Grid(caption, values, "signed", top, "gradient")])


def _largest(arrays: Sequence[Numbers]) -> float:
    """Largest absolute value of some arrays; 1 if all are 0."""
    return max(float(np.abs(array).max()) for array in arrays) or 1.0


def shared_top(gradients: Sequence[InputGradient]) -> float:
    """Largest absolute value of the gradients at the inputs and outputs of all layers."""
    return _largest([array for each in gradients for array in (each.gradient, each.upstream)])


def grids_figure(title: str, grids: Sequence[Grid]) -> go.Figure:
    """Grids one above the other, whose square cells have the same size on every screen."""
    widths = [min(g.values.shape[1] * cell_size(max(g.values.shape)), WIDEST) for g in grids]
    plot = max(*widths, 120)
    cells = [cell_size(max(g.values.shape)) for g in grids]
    heights = [CAPTION + g.values.shape[0] * c + TICKS for g, c in zip(grids, cells, strict=True)]
    lines = textwrap.wrap(title, (plot + LEFT) // 8)
    top = 10 + LINE * max(2, len(lines))
    total = sum(heights)
    layout: dict[str, Any] = TRANSPARENT | {
        "width": plot + LEFT + RIGHT,
        "height": top + total + BAR,
        "margin": {"l": LEFT, "r": RIGHT, "t": top, "b": BAR},
        "title": {"text": "<br>".join(lines), "font": {"size": 14}, "x": 0, "xanchor": "left",
                  "y": 1 - 4 / (top + total + BAR), "yanchor": "top", "yref": "container", "pad": {"t": 10 * (len(lines) - 1)}},
        "annotations": [],
        "showlegend": False,
        "hovermode": "closest",
        "dragmode": False,
    }  # fmt: skip
    traces: list[Trace] = []
    above = 0
    for index, (grid, cell, height) in enumerate(zip(grids, cells, heights, strict=True)):
        place = _axis_suffix(index)
        start = 1 - (above + CAPTION) / total
        end = 1 - (above + height - TICKS) / total
        rows, cols = grid.values.shape
        layout["xaxis" + place] = _axis(cols, [0, cols * cell / plot], f"y{place}")
        layout["yaxis" + place] = _axis(rows, [max(0.0, end), start], f"x{place}", down=True)
        layout["annotations"].append(_caption(grid.caption, start))
        traces += _traces(grid, cell, {"xaxis": f"x{place}", "yaxis": f"y{place}"})
        above += height
    traces[0] |= {"showscale": True, "colorbar": _bar(grids[0], total)}
    return Figure(traces, layout)


def _axis_suffix(index: int) -> str:
    """Plotly's suffix of the axes of a grid: "" for the first, "2", "3" and so on."""
    return "" if index == 0 else str(index + 1)


def _axis(
    count: int, domain: Sequence[float], anchor: str, *, down: bool = False
) -> dict[str, Any]:
    """Plotly's settings of an axis with one tick for at most each cell."""
    ends = [count - 0.5, -0.5] if down else [-0.5, count - 0.5]
    return {
        "domain": list(domain),
        "anchor": anchor,
        "range": ends,
        "dtick": ceil(count / 8),
        "tick0": 0,
        "tickfont": {"size": 10},
        "ticks": "",
        "ticklabelstandoff": 2,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "automargin": False,
    }


def _caption(text: str, y: float) -> dict[str, Any]:
    """Plotly's annotation with the caption of a grid."""
    return {"text": text, "font": {"size": 12}, "showarrow": False, "x": 0, "xref": "paper",
            "xanchor": "left", "y": y, "yref": "paper", "yanchor": "bottom"}  # fmt: skip


def _traces(grid: Grid, cell: int, place: dict[str, str]) -> list[Trace]:
    """The traces of a grid: its cells, its frame, and its clickable units."""
    signed = grid.scale == "signed"
    heat: Trace = {
        "type": "heatmap",
        "z": np.asarray(grid.values, np.float32),
        "zmin": -grid.top if signed else 0,
        "zmax": grid.top,
        "colorscale": [[i / 2, color] for i, color in enumerate(SIGNED)] if signed else MAGNITUDE,
        "xgap": 1,
        "ygap": 1,
        "showscale": False,
        "hovertemplate": "row %{y}, column %{x}: %{z:.6~g}<extra></extra>",
    } | place
    if cell >= READABLE:
        heat["text"] = [[short(float(v), cell) for v in row] for row in grid.values]
        heat["texttemplate"] = "%{text}"
        heat["textfont"] = {"size": 11 if cell >= 30 else 9}
    if not grid.units:
        return [heat]
    rows, cols = (axis.ravel().tolist() for axis in np.indices(grid.values.shape))
    click = {"type": "scatter", "mode": "markers", "x": cols, "y": rows, "opacity": 0,
             "marker": {"symbol": "square", "size": max(4, cell - 1), "color": PADDING},
             "selected": {"marker": {"opacity": 0}}, "unselected": {"marker": {"opacity": 0}},
             "customdata": np.asarray(grid.values, np.float32).ravel(),
             "hovertemplate": "unit (%{y}, %{x}): %{customdata:.6~g}<extra>click: this one</extra>"}  # fmt: skip
    frames: list[Trace] = []
    if grid.chosen is not None:
        row, col = grid.chosen
        box = (col - 0.5, col + 0.5, row - 0.5, row + 0.5)
        line = {"mode": "lines", "line": {"color": OUTPUT, "width": 3}, "hoverinfo": "skip"}
        frames = [{"type": "scatter", "name": "chosen unit"} | line | outlines([box]) | place]
    return [heat, *frames, click | place]


def _bar(grid: Grid, total: int) -> dict[str, Any]:
    """A flat color bar below the grids, with numbers at its ends and at zero."""
    low = -grid.top if grid.scale == "signed" else 0.0
    ticks = [low, 0.0, grid.top] if low else [0.0, grid.top]
    return flat_colorbar(-2 / total) | {
        "len": 0.9,
        "thickness": 6,
        "title": {"text": grid.measure, "side": "top", "font": {"size": 11}},
        "tickvals": ticks,
        "ticktext": [f"{tick:.3g}".replace("-", "−") for tick in ticks],
        "tickfont": {"size": 10},
    }


def flow_figure(
    flows: Mapping[str, GradientFlow],
    title: str,
    notes: Sequence[str] = (),
    *,
    weights: bool = False,
) -> go.Figure:
    """Gradient norm by layer: a line through the medians, and a band from 10 % to 90 % of the draws.

    Args:
        flows: One to five networks by label.
        title: Title of the figure.
        notes: Lines below the figure.
        weights: Whether to draw the norms at the layers' weights instead of at their outputs.

    Raises:
        SpecError: There is no network, or there are more than five.
    """
    if not 1 <= len(flows) <= len(CURVES):
        raise SpecError("flows", f"must be 1 to {len(CURVES)} networks", len(flows))
    traces: list[Trace] = []
    for (label, flow), (color, dash) in zip(flows.items(), CURVES, strict=False):
        traces += _flow(label, flow, color, dash, weights)
    plot = 340
    layout = noted(title, plot, 50 + 22 * ceil(len(flows) / 2), notes)
    what = "weights" if weights else "output"
    layout["xaxis"] = PLAIN | {"title": {"text": "layer (0: the image; the gradient runs leftwards)",
                                         "standoff": 6}, "automargin": False, "tickformat": "d"}  # fmt: skip
    layout["yaxis"] = PLAIN | _decades(traces) | {"title": {"text": f"gradient norm at the {what}"}}
    layout["legend"] = two_columns(-50 / plot)
    layout["margin"]["l"] = 64
    return Figure(traces, layout)


def _decades(traces: Sequence[Trace]) -> dict[str, Any]:
    """Plotly's settings of a logarithmic axis with at most about eight ticks."""
    ends = [np.log10([np.min(trace["y"]), np.max(trace["y"])]) for trace in traces]
    low, high = min(float(e[0]) for e in ends), max(float(e[1]) for e in ends)
    digits = (1, 1.5, 2, 3, 5, 7) if high - low < 1 else (1, 2, 5) if high - low < 3 else (1,)
    step = max(1, ceil((high - low) / 8))
    powers = range(int(np.floor(low / step)) * step, int(np.ceil(high)) + 1, step)
    ticks = [digit * 10.0**power for power in powers for digit in digits]
    names = [f"{t:g}" if 1e-3 <= t <= 1e4 else f"10<sup>{np.log10(t):.0f}</sup>" for t in ticks]
    room = 0.05 * (high - low) + 0.02
    span = [low - room, high + room]
    return {"type": "log", "tickvals": ticks, "ticktext": [n.replace("-", "−") for n in names],
            "range": span, "automargin": False}  # fmt: skip


def _flow(label: str, flow: GradientFlow, color: str, dash: str, weights: bool) -> list[Trace]:
    """The traces of a network: its band and its line."""
    norms = flow.weight_norms if weights else flow.norms
    tiny = np.finfo(np.float64).tiny  # a logarithmic axis has no zero
    middle = np.maximum(np.median(norms, axis=0), tiny)
    low, high = np.maximum(np.percentile(norms, (10, 90), axis=0), tiny)
    x = np.arange(norms.shape[1]) + weights
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    edge = {"type": "scatter", "x": x, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip",
            "legendgroup": label, "showlegend": False}  # fmt: skip
    fill = {"fill": "tonexty", "fillcolor": f"rgba({red},{green},{blue},0.18)"}
    marks = [9 if index in flow.spec.downsampling_layers else 5 for index in x.tolist()]
    line = {"type": "scatter", "x": x, "y": middle, "mode": "lines+markers", "name": label,
            "legendgroup": label, "line": {"color": color, "width": 2.5, "dash": dash},
            "marker": {"size": marks, "color": color,
                       "symbol": ["triangle-left" if size == 9 else "circle" for size in marks]},
            "hovertemplate": f"{label}<br>layer %{{x}}: %{{y:.3g}}<extra></extra>"}  # fmt: skip
    return [edge | {"y": low}, edge | {"y": high} | fill, line]
