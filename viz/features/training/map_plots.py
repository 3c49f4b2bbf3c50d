"""Figures of one training run as color maps: a number by layer and step, and the kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from viz.features.training.plot_parts import (
    FLOWING,
    NOTHING,
    Floats,
    Flowing,
    Table,
    dead_table,
    flow_table,
    log_ticks,
)
from viz.plots.effective_field import DECADES
from viz.plots.figure import Figure
from viz.plots.parts import AXES, BAR, Trace, flat_colorbar, map_axis, noted, signed_scale
from viz.theme import MAGNITUDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.training.records import Record

    Runs = Mapping[tuple[int, int], Sequence[Record]]

LAYERS, LEAST = 230, 15
"""Height in pixels of a map of layers, and the least height of one layer's row."""
NAMES = 66
"""Width in pixels of the layers' names at the left."""
KERNELS, CELL, PHONE = 6, 20, 330
"""Kernels in a row, pixels of one of their cells, and the width in pixels of a phone."""


def flow_figure(runs: Runs, net: int, seed: int, what: Flowing, name: str = "") -> go.Figure:
    """A norm by layer (the first on top) and step, in logarithmic colors.

    The colors are the same for all nets and seeds of the runs.

    Args:
        runs: records so far by (net, seed).
        net, seed: The run that is drawn.
        what: A key of `FLOWING`.
        name: Name of the net, for the title.

    Raises:
        SpecError: no such number.
    """
    table = flow_table(runs.get((net, seed), ()), what)
    span = flow_span(runs, what)
    title, measure = FLOWING[what]
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.log10(table.values)
    z = np.where(np.isfinite(z), np.maximum(z, span[0]), np.nan)
    ticks, names = log_ticks(span)
    blank = " (blank: 0)" if np.isnan(z).any() else ""
    bar = {"tickvals": ticks, "ticktext": names, "title": measure + blank}
    hover = [[f"{value:.3g}" for value in row] for row in table.values]
    notes = ["One color scale for all nets and seeds."] if len(runs) > 1 else []
    return _layers(_titled(title, name, seed), table, z, span, bar, hover, runs, notes)


def flow_span(runs: Runs, what: str) -> tuple[float, float]:
    """The color scale's ends as powers of ten; it reaches down to 10⁻⁴ of the largest number."""
    tables = [flow_table(records, what).values.ravel() for records in runs.values()]
    values = np.concatenate([*tables, np.empty(0)])
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return -1.0, 0.0
    high = float(np.log10(values.max()))
    low = max(float(np.log10(values.min())), high - DECADES)
    return min(low, high - 0.1), high


def dead_figure(runs: Runs, net: int, seed: int, name: str = "") -> go.Figure:
    """The share of dead channels by ReLU (the first on top) and step.

    Args:
        runs: records so far by (net, seed).
        net, seed: The run that is drawn.
        name: Name of the net, for the title.
    """
    table = dead_table(runs.get((net, seed), ()))
    title = _titled("Dead channels of every ReLU", name, seed)
    bar = {"tickvals": [0, 50, 100], "ticktext": ["0", "50", "100"], "title": "dead channels (%)"}
    hover = [[f"{value:.3g} %" for value in row] for row in table.values]
    none = table.values.size and not np.nan_to_num(table.values).any()
    notes = ["No channel is dead at any of these steps."] if none else []
    return _layers(title, table, table.values, (0, 100), bar, hover, runs, notes)


def _titled(title: str, name: str, seed: int) -> str:
    """A title that names the net, if it has a name, and the seed."""
    return f"{title}: {name}, seed {seed}" if name else f"{title}, seed {seed}"


def _layers(
    title: str,
    table: Table,
    z: Floats,
    span: tuple[float, float],
    bar: dict[str, Any],
    hover: list[list[str]],
    runs: Runs,
    notes: Sequence[str],
) -> go.Figure:
    """A heat map with a row for each layer and a column for each record."""
    rows = len(table.layers)
    plot = max(LAYERS, LEAST * rows)
    layout = noted(title, plot, AXES + BAR, notes if rows else [NOTHING])
    layout["margin"]["l"] = NAMES
    layout["annotations"][0]["xshift"] = 4 - NAMES
    last = max((records[-1].steps for records in runs.values() if records), default=1)
    half = 0.5 * (table.steps[1] - table.steps[0]) if len(table.steps) > 1 else 0.5
    layout["xaxis"] = map_axis("step", [min((*table.steps, 1)) - half, last + half])
    layout["yaxis"] = map_axis("", [max(rows, 1) - 0.5, -0.5]) | {
        "tickvals": list(range(rows)),
        "ticktext": list(table.layers),
        "tickfont": {"size": 11 if plot >= 18 * rows else 9},
        "dtick": None,
        "nticks": None,
    }
    hover_texts = [
        [f"<b>{each}</b> ({torch})<br>step {step}: {text}"
         for step, text in zip(table.steps, texts, strict=True)]
        for each, torch, texts in zip(table.layers, table.torch, hover, strict=True)
    ]  # fmt: skip
    trace: Trace = {
        "type": "heatmap",
        "x": list(table.steps),
        "y": list(range(rows)),
        "z": np.asarray(z, dtype=np.float32),
        "zmin": span[0],
        "zmax": span[1],
        "colorscale": MAGNITUDE,
        "hoverongaps": False,
        "hovertext": hover_texts,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "colorbar": flat_colorbar(-AXES / plot)
        | bar
        | {"title": {"text": bar["title"], "side": "top", "font": {"size": 12}}},
    }
    return Figure([trace] if rows else [], layout)


# --- Kernels


def kernels_figure(kernels: NDArray[np.float32], step: int) -> go.Figure:
    """The first layer's kernels, numbered from 0, on one scale around zero.

    Args:
        kernels: (filters, channels, rows, columns); channels of one filter stand side by side.
        step: after which they were so.
    """
    cells, places = tiled(kernels)
    top = float(np.abs(kernels).max()) or 1.0
    rows, cols = cells.shape
    plot = CELL * rows
    channels = kernels.shape[1]
    title = f"Kernels of the first layer after step {step}"
    notes = [f"{channels} input channels of a kernel side by side."] if channels > 1 else []
    layout = noted(title, plot, 8 + BAR, notes)
    layout["margin"]["l"] = 4
    layout["annotations"][0]["xshift"] = 0
    bare = {"showticklabels": False, "ticks": ""}
    layout["xaxis"] = map_axis("", [-0.5, cols - 0.5]) | bare | {"constraintoward": "left"}
    layout["yaxis"] = map_axis("", [rows - 0.5, -0.5]) | bare | {
        "scaleanchor": "x", "constraintoward": "top"}  # fmt: skip
    layout["annotations"] += [
        {"text": str(number), "x": column, "y": row - 0.5, "xref": "x", "yref": "y",
         "xanchor": "center", "yanchor": "bottom", "showarrow": False, "font": {"size": 11}}
        for number, (row, column) in enumerate(places)
    ]  # fmt: skip
    trace: Trace = {
        "type": "heatmap",
        "z": cells.astype(np.float32),
        "zmin": -top,
        "zmax": top,
        "colorscale": signed_scale(),
        "hoverongaps": False,
        "hovertemplate": "%{z:.3f}<extra></extra>",
        "xgap": 1,
        "ygap": 1,
        "colorbar": flat_colorbar(-8 / plot) | {
            "title": {"text": "weight", "side": "top", "font": {"size": 12}},
            "nticks": 5,
            "lenmode": "pixels",
            "len": min(CELL * cols, PHONE),
        },
    }  # fmt: skip
    return Figure([trace], layout)


def tiled(
    kernels: NDArray[np.float32], across: int = KERNELS
) -> tuple[Floats, list[tuple[float, float]]]:
    """All kernels as one array, with a column and row of nan between them.

    Args:
        kernels: (filters, channels, rows, columns).
        across: kernels in a row of the board; channels count each.

    Returns:
        the board; and of each filter the middle of its upper edge, (row, column) in cells.
    """
    count, channels, high, wide = kernels.shape
    block = channels * wide + (channels - 1)
    in_row = max(1, min(count, across // channels))
    rows = ceil(count / in_row)
    board = np.full((rows * (high + 1), in_row * (block + 1) - 1), np.nan)
    places = []
    for number, kernel in enumerate(kernels):
        row, column = divmod(number, in_row)
        top, left = row * (high + 1) + 1, column * (block + 1)
        for channel, plane in enumerate(kernel):
            start = left + channel * (wide + 1)
            board[top : top + high, start : start + wide] = plane
        places.append((float(top), left + (block - 1) / 2))
    return board, places
