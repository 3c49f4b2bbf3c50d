"""Figures of training runs: curves over the steps, final accuracies, times of a step.

Every net has a color, a dash, a mark, and its name at the end of its line. Maps are in
`viz.features.training.map_plots` and `viz.features.training.field_plots`, and can be had from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from viz.features.training.field_plots import digit_figure, erf_pair_figure, erf_steps_figure
from viz.features.training.map_plots import dead_figure, flow_figure, kernels_figure
from viz.features.training.plot_parts import (
    LEARNING,
    Band,
    Learning,
    bands,
    check_net_count,
    final_accuracies,
    learning,
    log_ticks,
    look,
    rgba,
    seeds_note,
    shift_bands,
    sigma,
    spread_label,
    wrapped,
)
from viz.features.training.row_plots import accuracy_figure, name_room, pace_figure
from viz.plots.figure import Figure
from viz.plots.parts import PANEL, Trace, curve, stacked

if TYPE_CHECKING:
    from core.training.records import Record

    Runs = Mapping[tuple[int, int], Sequence[Record]]

__all__ = [
    "accuracy_figure",
    "dead_figure",
    "digit_figure",
    "erf_pair_figure",
    "erf_steps_figure",
    "flow_figure",
    "kernels_figure",
    "learning_figure",
    "pace_figure",
    "shift_figure",
    "sigma_figure",
]

MOST_MARKS = 12
"""At most this many markers stand on a line; more would hide its dash."""
LINE = 15
"""Height in pixels of a line of the names beside a picture."""
ELBOW = 0.05
"""Share of the axis between the end of a complete line and its name."""
BAND_OPACITY = 0.16
"""Opacity of a band."""


@dataclass(frozen=True, eq=False)
class Panel:
    """One panel of a figure.

    Attributes:
        title: Title of the y axis.
        bands: One band for each net.
        log: whether that axis is logarithmic.
        most: no number is higher; None where there is no such bound.
        unit: behind a number.
    """

    title: str
    bands: Sequence[Band]
    log: bool = False
    most: float | None = None
    unit: str = ""


def learning_figure(runs: Runs, names: Sequence[str], what: Learning, steps: int) -> go.Figure:
    """A number over the steps: the mean over the seeds as a line, the range as a band.

    Args:
        runs: records so far by (net, seed); seeds need not have come equally far.
        names: Names of the nets, at most four.
        what: A key of `LEARNING`; the loss has a logarithmic axis.
        steps: Steps of a whole run, at which the axis ends.

    Raises:
        SpecError: no such number, no nets or too many.
    """
    title, axis = LEARNING.get(what, ("", ""))
    curves = bands(runs, len(names), learning(what))
    loss = what == "loss"
    panel = Panel(axis, curves, loss, None if loss else 100, " nats" if loss else " %")
    return _lines(title, [panel], names, "step", steps, seeds_note(runs, len(names)))


def sigma_figure(runs: Runs, names: Sequence[str]) -> go.Figure:
    """σ of the center unit's effective field over the steps; lines as in `learning_figure`."""
    panel = Panel("σ (px)", bands(runs, len(names), sigma), unit=" px")
    steps = max((records[-1].steps for records in runs.values() if records), default=1)
    title = "Width of the effective field while it learns"
    return _lines(title, [panel], names, "step", steps, seeds_note(runs, len(names)))


def shift_figure(runs: Runs, names: Sequence[str]) -> go.Figure:
    """Shifts of the test images: unchanged predictions above, accuracy below, of finished runs."""
    agreement = shift_bands(runs, len(names), lambda shifted: shifted.agreement)
    accuracy = shift_bands(runs, len(names), lambda shifted: shifted.accuracy)
    panels = [
        Panel("prediction unchanged (%)", agreement, most=100, unit=" %"),
        Panel("accuracy (%)", accuracy, most=100, unit=" %"),
    ]
    last = max((float(band.x[-1]) for band in (*agreement, *accuracy) if len(band.x)), default=8.0)
    across = "images moved right by (px)"
    ended = {
        key: records for key, records in runs.items() if final_accuracies({key: records}, key[0])
    }
    notes = seeds_note(ended, len(names))
    return _lines("Test images moved by whole pixels", panels, names, across, last, notes)


# --- Lines with bands


def _lines(
    title: str,
    panels: Sequence[Panel],
    names: Sequence[str],
    across: str,
    last: float,
    notes: Sequence[str],
) -> go.Figure:
    """A figure of panels one above the other, with each net's name right of its line."""
    check_net_count(names)
    spans = [_span(panel) for panel in panels]
    up = [_y_axis(panel, span) for panel, span in zip(panels, spans, strict=True)]
    layout = stacked(title, up, [""] * (len(panels) - 1) + [across], 0, notes)
    layout["showlegend"] = False
    layout["margin"]["r"] = name_room(names)
    right = (1 + ELBOW) * last
    traces: list[Trace] = []
    for number, (panel, span) in enumerate(zip(panels, spans, strict=True), start=1):
        axis = "" if number == 1 else str(number)
        layout[f"xaxis{axis}"] |= {"range": [-0.01 * last, right], "tickformat": "d", "nticks": 6}
        place = {"xaxis": f"x{axis}", "yaxis": f"y{axis}"}
        for net, band in enumerate(panel.bands):
            traces += [trace | place for trace in _band(net, names[net], band, panel, across)]
        ends, labels = _ends(panel, names, span, (last, right), _height(len(panels)))
        traces += [trace | place for trace in ends]
        layout["annotations"] += [
            label | {"xref": f"x{axis}", "yref": f"y{axis}"} for label in labels
        ]
    return Figure(traces, layout)


def _height(panels: int) -> float:
    """Height in pixels of a panel of `stacked`."""
    return PANEL if panels > 1 else PANEL + 60


def _band(net: int, name: str, band: Band, panel: Panel, across: str) -> list[Trace]:
    """The traces of a line through the means and of the band from lowest to highest."""
    if not len(band.x):
        return []
    color, dash, mark, _ = look(net)
    line = curve(band.x, band.mean, color, dash, name)
    every = ceil(len(band.x) / MOST_MARKS)
    sizes = [0 if place % every else 7 for place in range(len(band.x))]
    line |= {
        "mode": "lines+markers",
        "marker": {"color": color, "size": sizes, "symbol": mark, "opacity": 1},
    }
    where = "step" if across == "step" else "moved"
    line["hovertext"] = [
        f"<b>{name}</b><br>{where} {x:g}: {mean:.3g}{panel.unit}"
        + (f"<br>{spread_label(low, high)}, {seeds} seeds" if seeds > 1 else "")
        for x, mean, low, high, seeds in zip(
            band.x, band.mean, band.low, band.high, band.seeds, strict=True
        )
    ]
    line["hovertemplate"] = "%{hovertext}<extra></extra>"
    if (band.seeds < 2).all():
        return [line]
    behind: Trace = {
        "type": "scatter",
        "x": np.concatenate([band.x, band.x[::-1]]),
        "y": np.concatenate([band.high, band.low[::-1]]),
        "mode": "lines",
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": rgba(color, BAND_OPACITY),
        "hoverinfo": "skip",
        "legendgroup": name,
    }
    return [behind, line]


def _span(panel: Panel) -> tuple[float, float]:
    """The ends of the y axis; of a logarithmic axis as powers of ten."""
    ends = [each for band in panel.bands for each in (*band.low, *band.high)]
    if not ends:
        ends = [0.0 if panel.most else 0.1, panel.most or 1.0]
    low, high = min(ends), max(ends)
    if panel.log:
        low, high = float(np.log10(low)), float(np.log10(high))
    elif panel.most is not None:
        high = panel.most
    air = max(0.06 * (high - low), 1e-3 * max(1.0, abs(high)))
    return low - air, high + air


def _y_axis(panel: Panel, span: tuple[float, float]) -> dict[str, Any]:
    """The y axis of a panel."""
    axis: dict[str, Any] = {"title": {"text": panel.title, "standoff": 4}, "range": list(span)}
    if not panel.log:
        return axis
    ticks, names = log_ticks(span)
    return axis | {"type": "log", "tickvals": [10.0**tick for tick in ticks], "ticktext": names}


def _ends(
    panel: Panel,
    names: Sequence[str],
    span: tuple[float, float],
    edge: tuple[float, float],
    pixels: float,
) -> tuple[list[Trace], list[dict[str, Any]]]:
    """A mark at each line's end and the net's name beside it, none on another; from a line that
    has come to its last step a thin one leads to the name at the right edge.

    Args:
        edge: x of the last step, and of the right edge of the axis.
        pixels: Height of the panel in pixels.
    """
    drawn = [net for net, band in enumerate(panel.bands) if len(band.x)]
    at = {net: float(panel.bands[net].mean[-1]) for net in drawn}
    if panel.log:
        at = {net: float(np.log10(value)) for net, value in at.items()}
    texts = {net: wrapped(names[net]) for net in drawn}
    a_pixel = (span[1] - span[0]) / pixels
    heights = {net: LINE * len(lines) * a_pixel for net, lines in texts.items()}
    places = apart(at, heights, span)
    traces, labels = [], []
    for net in drawn:
        color, dash, mark, _ = look(net)
        end = float(panel.bands[net].x[-1])
        whole = end >= edge[0]
        ends = np.array([at[net], places[net]] if whole else [at[net]])
        traces.append(
            curve(
                [end, edge[1]] if whole else [end],
                10.0**ends if panel.log else ends,
                color,
                dash,
                names[net],
            )
            | {"hoverinfo": "skip", "hovertemplate": None, "line": {"color": color, "width": 1}}
            | {"marker": {"color": color, "size": [9, 0][: len(ends)], "symbol": mark,
                          "opacity": 1}}
        )  # fmt: skip
        labels.append(
            {"text": "<br>".join(texts[net]), "showarrow": False, "align": "left",
             "font": {"size": 12}, "x": edge[1] if whole else end, "xanchor": "left",
             "xshift": 3 if whole else 9, "y": places[net], "yanchor": "middle"}
        )  # fmt: skip
    return traces, labels


def apart(
    wanted: Mapping[int, float], heights: Mapping[int, float], span: tuple[float, float]
) -> dict[int, float]:
    """Centers of labels, as near as possible to where they belong, without overlaps.

    Args:
        wanted: The center of each label, if there were no others.
        heights: The height of each label.
        span: Lower and upper end of the labels, unless they need more room.
    """
    low, high = span
    order = sorted(wanted, key=wanted.__getitem__)
    places: dict[int, float] = {}
    edge = low
    for name in order:  # upwards: none lower than the one below lets it
        places[name] = max(wanted[name], edge + heights[name] / 2)
        edge = places[name] + heights[name] / 2
    edge = high
    for name in reversed(order):  # and down again from the upper end
        places[name] = min(places[name], edge - heights[name] / 2)
        edge = places[name] - heights[name] / 2
    return places
