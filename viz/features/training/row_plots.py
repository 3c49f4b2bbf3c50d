"""Figures of training runs with a row for each net: final accuracies, and times of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from viz.features.training.plot_parts import (
    NOTHING,
    check_net_count,
    final_accuracies,
    look,
    paces,
    wrapped,
)
from viz.plots.figure import Figure
from viz.plots.parts import AXES, PLAIN, Trace, noted

if TYPE_CHECKING:
    from core.training.records import Record

    Runs = Mapping[tuple[int, int], Sequence[Record]]

ROW = 68
"""Height in pixels of a net's row."""
LETTER = 6.0
"""Mean width in pixels of a letter of the names."""


def accuracy_figure(runs: Runs, names: Sequence[str]) -> go.Figure:
    """Test accuracy after the last step: a mark for each seed, a line for their mean."""
    check_net_count(names)
    accuracies = [final_accuracies(runs, net) for net in range(len(names))]
    seeds = sorted({seed for each in accuracies for seed in each})
    traces: list[Trace] = []
    for net, each in enumerate(accuracies):
        traces += _marks(net, names[net], each, seeds)
    notes = ["Every mark is a seed; the long line is their mean."] if traces else [NOTHING]
    layout = _rows("Test accuracy after the last step", names, "accuracy (%)", notes)
    layout["xaxis"] |= _around([y for each in accuracies for y in each.values()])
    layout["annotations"] += [
        {"text": f"{np.mean(list(each.values())):.3g} %", "x": float(np.mean(list(each.values()))),
         "xref": "x", "y": net - 0.27, "yref": "y", "yanchor": "bottom", "showarrow": False,
         "font": {"size": 12}}
        for net, each in enumerate(accuracies) if each
    ]  # fmt: skip
    layout["annotations"] += [
        {"text": "not finished", "x": 0, "xref": "paper", "xanchor": "left", "xshift": 6, "y": net,
         "yref": "y", "showarrow": False, "font": {"size": 12}}
        for net, each in enumerate(accuracies) if not each
    ]  # fmt: skip
    return Figure(traces, layout)


def _marks(
    net: int, name: str, accuracies: Mapping[int, float], seeds: Sequence[int]
) -> list[Trace]:
    """The marks of one net's seeds, each at its own height in the row, and a mark for the mean."""
    if not accuracies:
        return []
    color, _, mark, _ = look(net)
    mean = float(np.mean(list(accuracies.values())))
    common = {"type": "scatter", "name": name, "cliponaxis": False}
    long: Trace = {
        "mode": "markers",
        "x": [mean],
        "y": [net],
        "marker": {"color": color, "size": 26, "symbol": "line-ns",
                   "line": {"width": 3, "color": color}},
        "hovertemplate": f"{name}, mean of {len(accuracies)}: %{{x:.4~g}} %<extra></extra>",
    }  # fmt: skip
    apart = 0.24 / max(1, len(seeds) - 1)
    dots: Trace = {
        "mode": "markers",
        "x": list(accuracies.values()),
        "y": [net + apart * (seeds.index(seed) - (len(seeds) - 1) / 2) for seed in accuracies],
        "marker": {"color": color, "size": 10, "symbol": mark, "opacity": 0.85,
                   "line": {"color": "white", "width": 1}},
        "customdata": list(accuracies),
        "hovertemplate": f"{name}, seed %{{customdata}}: %{{x:.4~g}} %<extra></extra>",
    }  # fmt: skip
    return [common | long, common | dots]


def _around(values: Sequence[float]) -> dict[str, Any]:
    """A range in per cent that separates the values; it need not contain 0."""
    if not values:
        return {"range": [0, 100]}
    low, high = min(values), max(values)
    air = max(0.25, 0.12 * (high - low))
    return {"range": [max(-air, low - 2 * air), min(100 + air, high + 2 * air)]}


def pace_figure(runs: Runs, names: Sequence[str]) -> go.Figure:
    """Time of a step: the median over the records as a bar, the quartiles as a line."""
    check_net_count(names)
    milliseconds = {net: paces(runs, net) for net in range(len(names))}
    milliseconds = {net: each for net, each in milliseconds.items() if each.size}
    quarters = {net: np.percentile(each, (25, 50, 75)) for net, each in milliseconds.items()}
    traces: list[Trace] = []
    for net, (low, middle, high) in quarters.items():
        color, _, _, hatch = look(net)
        gray = "rgba(128,128,128,1)"
        traces.append(
            {"type": "bar", "orientation": "h", "x": [middle], "y": [net], "width": 0.5,
             "name": names[net], "text": [f"{middle:.3g} ms"], "textposition": "none",
             "marker": {"color": color, "pattern": {"shape": hatch, "fillmode": "overlay"}},
             "error_x": {"type": "data", "symmetric": False, "array": [high - middle],
                         "arrayminus": [middle - low], "color": gray, "thickness": 2, "width": 6},
             "hovertemplate": f"{names[net]}: {middle:.3g} ms ({low:.3g} to {high:.3g})<extra></extra>"}
        )  # fmt: skip
    notes = ["Median of the records, without their own time; thin line: the middle half of them."]
    layout = _rows("Time of a step", names, "time of a step (ms)", notes if traces else [NOTHING])
    most = max((float(each[2]) for each in quarters.values()), default=1.0)
    layout["xaxis"] |= {"range": [0, 1.3 * most], "zeroline": True}
    layout["annotations"] += [
        {"text": f"{each[1]:.3g} ms", "x": float(each[2]), "y": net, "xref": "x", "yref": "y",
         "xanchor": "left", "xshift": 8,
         "showarrow": False, "font": {"size": 12}} for net, each in quarters.items()
    ]  # fmt: skip
    return Figure(traces, layout)


def _rows(title: str, names: Sequence[str], across: str, notes: Sequence[str]) -> dict[str, Any]:
    """A row for each net, its name on the left, the first on top."""
    layout = noted(title, ROW * len(names), AXES + 8, notes)
    left = name_room(names)
    layout["margin"]["l"] = left
    layout["annotations"][0]["xshift"] = 4 - left
    layout["showlegend"] = False
    layout["xaxis"] = PLAIN | {"title": {"text": across, "standoff": 6}, "nticks": 6,
                               "automargin": False}  # fmt: skip
    layout["yaxis"] = PLAIN | {
        "tickvals": list(range(len(names))),
        "ticktext": ["<br>".join(wrapped(name)) for name in names],
        "range": [len(names) - 0.45, -0.6],
        "showgrid": False,
        "automargin": False,
    }
    return layout


def name_room(names: Sequence[str]) -> int:
    """Width in pixels of the names beside lines or rows."""
    longest = max(len(line) for name in names for line in wrapped(name))
    return round(12 + LETTER * longest)
