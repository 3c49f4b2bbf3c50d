"""The figure of a study: size of the effective field against depth, kernel size, activation, …"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from viz.plots.effective_field import recipe_lines
from viz.plots.figure import Figure
from viz.plots.parts import LOG_TICKS, Trace, curve, stacked
from viz.theme import INPUT, OUTPUT, PADDING, PINNED, WINDOW

if TYPE_CHECKING:
    from core.erf.study import Fit, Study, StudyRow

LOOKS = {
    "sigma": (WINDOW, "circle", "σ"),
    "side": (OUTPUT, "square", "side above 4.55 %"),
    "share": (PINNED, "diamond", "side / theory"),
}
"""(color, marker, name) of each quantity, an attribute of `StudyRow`."""
BELOW = {"xaxis": "x2", "yaxis": "y2"}
"""Axes of the lower panel."""


def study_figure(study: Study, *, title: str | None = None) -> go.Figure:
    """The figure of a study: sizes in pixels above, their share of the theoretical field below.

    With fits both panels have logarithmic axes, on which a power law is a line; the legend
    has its exponent beside the one of the law. Without, every row has a place of its own.

    Args:
        study: The study.
        title: Title of the figure; None for one made from the study's name.
    """
    rows, fitted = study.rows, bool(study.fits)
    x = [row.x for row in rows] if fitted else list(range(len(rows)))
    traces = [*_measured(study, x, "sigma"), *_measured(study, x, "side")]
    traces += [trace | BELOW for trace in _measured(study, x, "share")]
    traces.append(_marks(rows, x, "reach", PADDING, "line-ew-open", "theory"))
    traces += _expected(rows, x)
    up = [_y_axis("size (px)", fitted), _y_axis("share of the size", fitted)]
    notes = recipe_lines([(row.label, row.erf) for row in rows], places=False)
    entries = sum(trace.get("showlegend", True) for trace in traces)
    heading = title or f"Effective receptive field against {study.name}"
    layout = stacked(heading, up, ["", study.x_label if fitted else study.name], entries, notes)
    for axis in ("xaxis", "xaxis2"):
        layout[axis] |= _x_axis(x) if fitted else _categories(rows)
    return Figure(traces, layout)


def _measured(study: Study, x: Sequence[float], quantity: str) -> list[Trace]:
    """The marks of one quantity, and its fitted power law if the study has one."""
    color, symbol, name = LOOKS[quantity]
    marks = _marks(study.rows, x, quantity, color, symbol, name)
    laws = [fit for fit in study.fits if fit.quantity == quantity]
    return [marks, *(_line(fit, x, color, name) for fit in laws)]


def _marks(
    rows: Sequence[StudyRow], x: Sequence[float], quantity: str, color: str, symbol: str, name: str
) -> Trace:
    """The marks of one quantity, an attribute of `StudyRow`."""
    values = [getattr(row, quantity) for row in rows]
    return {
        "type": "scatter",
        "x": list(x),
        "y": values,
        "mode": "markers",
        "marker": {"symbol": symbol, "size": 10, "color": color, "line": {"width": 2.5}}
        if symbol.startswith("line")
        else {"symbol": symbol, "size": 10, "color": color},
        "cliponaxis": False,
        "name": name,
        "hovertext": [
            f"<b>{row.label}</b><br>{name}: {value:.3g}"
            for row, value in zip(rows, values, strict=True)
        ],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def _line(fit: Fit, x: Sequence[float], color: str, name: str) -> Trace:
    """The fitted power law as a dashed line."""
    ends = np.array([min(x), max(x)])
    text = f"∝ {_exponent(fit.exponent)}, law {_exponent(fit.law)}"
    line = curve(ends, fit.factor * ends**fit.exponent, color, "dash", text)
    return line | {"mode": "lines", "hoverinfo": "skip", "hovertemplate": None, "legendgroup": name}


def _exponent(value: float) -> str:
    """A power law as text with its exponent raised, such as ``x^0.49``."""
    return f"x<sup>{value:.3g}</sup>".replace("-", "−")


def _expected(rows: Sequence[StudyRow], x: Sequence[float]) -> list[Trace]:
    """Hollow markers of the closed form's σ, for rows that have one."""
    from core.erf import metrics  # brings torch: not before there is something to draw

    predicted = [
        (place, metrics.sigma(row.expected.map), row.label)
        for place, row in zip(x, rows, strict=True)
        if row.expected is not None
    ]
    if not predicted:
        return []
    sigma = [float(np.sqrt(np.mean(np.square(pair)))) for _, pair, _ in predicted]
    hover = [f"<b>{predicted[i][2]}</b><br>σ, closed form: {s:.3g}" for i, s in enumerate(sigma)]
    ring = {"symbol": "circle-open", "size": 16, "color": INPUT, "line": {"width": 2}}
    return [
        {
            "type": "scatter",
            "x": [place for place, _, _ in predicted],
            "y": sigma,
            "mode": "markers",
            "marker": ring,
            "cliponaxis": False,
            "name": "σ, closed form",
            "hovertext": hover,
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
    ]


def _y_axis(name: str, log: bool) -> dict[str, Any]:
    """A y axis, linear from 0 or logarithmic."""
    axis: dict[str, Any] = {"title": {"text": name}}
    if not log:
        return axis | {"rangemode": "tozero"}
    ticks = [digit * 10.0**power for power in range(-3, 5) for digit in (1, 2, 5)]
    return axis | {"type": "log", "tickvals": ticks, "ticktext": [f"{t:g}" for t in ticks]}


def _x_axis(x: Sequence[float]) -> dict[str, Any]:
    """A logarithmic x axis with a number under every mark, or round numbers if these are many."""
    ticks = sorted(set(x)) if len(set(x)) <= 8 else LOG_TICKS
    low, high = np.log10(min(x)), np.log10(max(x))
    room = 0.06 * (high - low)
    span = [float(low - room), float(high + room)]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{t:g}" for t in ticks], "range": span}


def _categories(rows: Sequence[StudyRow]) -> dict[str, Any]:
    """An x axis with the rows' labels."""
    names = ["<br>".join(textwrap.wrap(row.label, 12)) for row in rows]
    places = list(range(len(rows)))
    return {"tickvals": places, "ticktext": names, "range": [-0.5, len(rows) - 0.5], "tickangle": 0}
