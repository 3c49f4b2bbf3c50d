"""Figures that compare blocks: feature maps, input gradients, times, memory."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from viz.plots.figure import Figure
from viz.plots.parts import (
    AXES,
    BAR,
    ENTRY,
    PLAIN,
    Trace,
    flat_colorbar,
    in_blocks,
    noted,
    two_columns,
)
from viz.theme import GREY, INPUT, MAGNITUDE, OUTPUT, PADDING, PINNED, SIGNED, UNREAD, WINDOW

if TYPE_CHECKING:
    from core.cost.timing import Timing

Map = NDArray[np.float32]
"""(H, W)."""
PANEL, CAPTION, ROW = 170, 52, 46
"""Heights in pixels of a panel, of the text above it, and of a block's bar."""
BRIGHTEST = 99.5
"""The color scale ends at this percentile; a few larger values would darken the rest."""
KINDS: dict[str, tuple[str, str, str]] = {
    "input": ("the input", INPUT, ""),
    "activations": ("outputs of layers", OUTPUT, "/"),
    "indices": ("indices of maxima", WINDOW, "x"),
    "masks": ("masks", PINNED, "."),
    "inside": ("what layers make inside", PADDING, "-"),
}
"""(name, color, hatching) of each kind of `core.cost.saved_tensors`."""


def maps_figure(
    named: Mapping[str, Map], title: str, notes: Sequence[str] = (), most: int = 4
) -> go.Figure:
    """Each block's first feature maps in a row, all on one color scale.

    Args:
        named: (maps, H, W) of each block, by its name.
        title: Title of the figure.
        notes: lines at the foot.
        most: maps in a row.
    """
    selected = {name: maps[:most] for name, maps in named.items() if maps.size}
    values = np.concatenate([maps.ravel() for maps in selected.values()])
    signed = bool((values < 0).any())
    top = float(np.percentile(np.abs(values), BRIGHTEST)) or 1.0
    scale = [[i / 2, color] for i, color in enumerate(SIGNED)] if signed else MAGNITUDE
    look = {"colorscale": scale, "zmin": -top if signed else 0, "zmax": top}
    cells = [
        (row, column, f"{name}<br>channel {column}", one)
        for row, (name, maps) in enumerate(selected.items())
        for column, one in enumerate(maps)
    ]
    traces = [
        _heat(one, panel) | look | {"showscale": panel == 1}
        for panel, (_, _, _, one) in enumerate(cells, start=1)
    ]
    places = [(row, column) for row, column, _, _ in cells]
    captions = [text if column == 0 else f" <br>channel {column}" for _, column, text, _ in cells]
    shapes = [one.shape for *_, one in cells]
    layout, plot = _panels(title, captions, shapes, places, notes, PANEL * 0.7)
    traces[0]["colorbar"] = _colorbar("value of the output", plot)
    return Figure(traces, layout)


def gradients_figure(
    picture: Map,
    named: Mapping[str, tuple[Map, str]],
    title: str,
    notes: Sequence[str] = (),
    columns: int = 3,
) -> go.Figure:
    """The picture, and the magnitudes of each block's input gradient on one color scale.

    Pixels whose gradient is exactly 0 are vermilion.

    Args:
        picture: (H, W) 0 to 255.
        named: (H, W) magnitudes and a caption of each block, by its name.
        title: Title of the figure.
        notes: lines at the foot.
        columns: panels in a row.
    """
    values = np.concatenate([gradient.ravel() for gradient, _ in named.values()])
    top = float(np.percentile(values, BRIGHTEST)) or float(values.max()) or 1.0
    grey = {"colorscale": [[0, GREY[0]], [1, GREY[1]]], "zmin": 0, "zmax": 255, "showscale": False}
    look = {"colorscale": MAGNITUDE, "zmin": 0, "zmax": top}
    traces = [_heat(picture, 1) | grey]
    for panel, (gradient, _) in enumerate(named.values(), start=2):
        traces += [_heat(np.where(gradient == 0, np.nan, gradient), panel) | look]
        traces[-1]["showscale"] = panel == 2
        if gradient.all():
            continue  # large, and nothing to see in it
        dead = np.where(gradient == 0, np.float32(0), np.nan)
        flat = {"colorscale": [[0, UNREAD], [1, UNREAD]], "showscale": False}
        hover = {"hovertemplate": "row %{y}, column %{x}<br>exactly 0<extra></extra>"}
        traces += [_heat(dead, panel, pooled=False) | flat | hover]
    captions = ["the picture"]
    captions += [_wrapped(name, words) for name, (_, words) in named.items()]
    places = [divmod(index, columns) for index in range(len(captions))]
    shapes = [picture.shape] * len(captions)
    layout, plot = _panels(title, captions, shapes, places, notes, PANEL)
    traces[1]["colorbar"] = _colorbar("magnitude of the gradient", plot)
    layout["legend"] = two_columns(-(BAR + 12) / plot)
    traces.append(
        {
            "type": "scatter",
            "x": [None],
            "y": [None],
            "mode": "markers",
            "marker": {"symbol": "square", "color": UNREAD, "size": 11},
            "name": "gradient exactly 0",
            "showlegend": True,
        }
    )
    return Figure(traces, layout)


def _heat(values: Map, panel: int, pooled: bool = True) -> Trace:
    """The trace of one map, reduced to block means if ``pooled``."""
    cells = in_blocks(np.asarray(values, np.float64))[0] if pooled else values
    number = "" if panel == 1 else str(panel)
    return {
        "type": "heatmap",
        "z": np.asarray(cells, np.float32),
        "xaxis": f"x{number}",
        "yaxis": f"y{number}",
        "hoverongaps": False,
        "hovertemplate": "row %{y}, column %{x}<br>%{z:.3g}<extra></extra>",
    }


def _panels(
    title: str,
    captions: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    places: Sequence[tuple[int, int]],
    notes: Sequence[str],
    height: float,
) -> tuple[dict[str, Any], float]:
    """Plotly's layout of maps in rows and columns with a text above each, and its height."""
    rows, columns = (max(axis) + 1 for axis in zip(*places, strict=True))
    step = height + CAPTION
    plot = rows * step
    layout = noted(title, plot, BAR + ENTRY + 24, notes)
    layout["margin"]["l"] = 4
    layout["annotations"][0]["xshift"] = 0
    for index, ((row, column), caption, shape) in enumerate(
        zip(places, captions, shapes, strict=True), start=1
    ):
        number = "" if index == 1 else str(index)
        top = 1 - (row * step + CAPTION) / plot
        left, right = (column + 0.02) / columns, (column + 0.98) / columns
        bare = {"visible": False, "fixedrange": True, "constrain": "domain"}
        layout[f"xaxis{number}"] = bare | {
            "constraintoward": "left",
            "domain": [left, right],
            "anchor": f"y{number}",
            "range": [-0.5, shape[1] - 0.5],
        }
        layout[f"yaxis{number}"] = bare | {
            "domain": [max(0.0, top - height / plot), top],
            "anchor": f"x{number}",
            "range": [shape[0] - 0.5, -0.5],
            "scaleanchor": f"x{number}",
            "constraintoward": "top",
        }
        layout["annotations"].append(
            {
                "text": caption,
                "font": {"size": 11},
                "align": "left",
                "showarrow": False,
                "x": left,
                "xanchor": "left",
                "xref": "paper",
                "y": top,
                "yanchor": "bottom",
                "yref": "paper",
            }
        )
    return layout, plot


def _wrapped(*parts: str) -> str:
    """The text above a panel, wrapped to a third of a phone's width."""
    return "<br>".join(line for part in parts for line in textwrap.wrap(part, 24))


def _colorbar(text: str, plot: float) -> dict[str, Any]:
    """A horizontal color bar below maps ``plot`` pixels high."""
    title = {"text": text, "side": "top", "font": {"size": 12}}
    return flat_colorbar(-8 / plot) | {"title": title}


def times_figure(
    named: Mapping[str, Timing], title: str = "Time of one forward and one backward pass"
) -> go.Figure:
    """Median times as bars, with the quartiles as lines.

    Args:
        named: Times of each block, by its name; at least one repetition of each.
        title: Title of the figure.
    """
    traces = []
    looks = (("forward", INPUT, ""), ("backward", WINDOW, "/"))
    for part, color, hatching in looks:
        spreads = [timing.spreads[part] for timing in named.values()]
        medians = [1000 * each.median for each in spreads]
        traces.append(
            _bars(list(named), medians, part, color, hatching)
            | {
                "error_x": {
                    "type": "data",
                    "array": [1000 * (each.high - each.median) for each in spreads],
                    "arrayminus": [1000 * (each.median - each.low) for each in spreads],
                    "thickness": 1.5,
                    "width": 4,
                },
                "hovertemplate": "%{y}<br>" + part + " %{x:.3g} ms<extra></extra>",
            }
        )
    first = next(iter(named.values()))
    size = "×".join(map(str, (first.batch, *first.input_size)))
    few = min(timing.repeats for timing in named.values())
    threads = "1 CPU thread" if first.threads == 1 else f"{first.threads} CPU threads"
    note = (
        f"Median and quartiles of {few} repeats after {first.warm_up} that warm up, the blocks in "
        f"turns; input {size}, float32, training mode, {threads} of this server."
    )
    layout = _bar_layout(title, list(named), "time (ms)", 2, [note], 2 * ROW)
    return Figure(traces, layout | {"barmode": "group"})


def memory_figure(
    named: Mapping[str, Mapping[str, int]],
    forward: Mapping[str, int],
    title: str = "Memory that backward makes necessary",
    notes: Sequence[str] = (),
) -> go.Figure:
    """Bytes saved for the backward pass, by kind, and a mark for those of all layers' outputs.

    Args:
        named: Bytes by kind of `core.cost.saved_tensors` of each block, by its name.
        forward: Bytes of all layers' outputs of each block, by its name.
        title: Title of the figure.
        notes: lines at the foot.
    """
    names = list(named)
    used = [kind for kind in KINDS if any(saved.get(kind) for saved in named.values())]
    traces = [
        _bars(names, [saved.get(kind, 0) / 1e6 for saved in named.values()], *KINDS[kind])
        | {"hovertemplate": "%{y}<br>" + KINDS[kind][0] + " %{x:.3g} MB<extra></extra>"}
        for kind in used
    ]
    line = {"symbol": "line-ns-open", "size": 22, "color": UNREAD, "line": {"width": 3}}
    traces.append(
        {
            "type": "scatter",
            "x": [forward[name] / 1e6 for name in names],
            "y": names,
            "mode": "markers",
            "marker": line,
            "name": "all outputs of forward",
            "hovertemplate": "%{y}<br>all outputs %{x:.3g} MB<extra></extra>",
        }
    )
    layout = _bar_layout(title, names, "memory (MB)", len(traces), notes, ROW)
    return Figure(traces, layout | {"barmode": "stack"})


def _bars(names: Sequence[str], values: Any, name: str, color: str, hatching: str) -> Trace:
    """Horizontal bars, one for each block."""
    pattern = {"shape": hatching, "fillmode": "overlay", "fgcolor": "white", "size": 7}
    return {
        "type": "bar",
        "orientation": "h",
        "y": list(names),
        "x": values,
        "name": name,
        "marker": {"color": color, "pattern": pattern},
    }


def _bar_layout(
    title: str, names: Sequence[str], across: str, entries: int, notes: Sequence[str], row: int
) -> dict[str, Any]:
    """Plotly's layout of bars from the top, each with its name above it, as phones are narrow."""
    plot = (row + 24) * len(names)
    layout = noted(title, plot, AXES + ENTRY * ceil(entries / 2) + 12, notes)
    layout["margin"]["l"] = 8
    layout["annotations"][0]["xshift"] = 0
    layout["legend"] = two_columns(-AXES / plot)
    layout["bargap"] = 0.45
    layout["xaxis"] = PLAIN | {"title": {"text": across, "standoff": 6}, "rangemode": "tozero"}
    layout["yaxis"] = PLAIN | {
        "autorange": "reversed",
        "showticklabels": False,
        "showgrid": False,
    }
    layout["annotations"] += [
        {
            "text": name,
            "font": {"size": 12},
            "showarrow": False,
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "y": index,
            "yref": "y",
            "yanchor": "bottom",
            "yshift": 0.5 * (row + 24) * 0.55,
        }
        for index, name in enumerate(names)
    ]
    return layout
