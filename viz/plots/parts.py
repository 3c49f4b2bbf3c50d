"""Elements of Plotly figures: traces, outlines, axes, notes, layouts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from viz.theme import INPUT, OUTPUT, PINNED, SIGNED, UNREAD, WINDOW

if TYPE_CHECKING:
    from core.erf.metrics import FloatArray


CLEAR = "rgba(0,0,0,0)"
"""A fully transparent color."""
Trace = dict[str, Any]
"""One trace as Plotly's own dictionary: many times faster to make than its classes."""
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
            "pad": {"t": 11 * (len(lines) - 1)},  # Plotly centers several lines on the first
        },
        "height": int(plot + top + below),
        "margin": {"l": 4, "r": 6, "t": top, "b": below},
    }


def flat_colorbar(y: float) -> dict[str, Any]:
    """A color bar below the picture: it takes no width from it on a phone."""
    return {
        "orientation": "h",
        "thickness": 8,
        "x": 0,
        "xanchor": "left",
        "xpad": 0,
        "y": y,
        "yanchor": "top",
    }


GRID = "rgba(128,128,128,0.25)"
"""Grid lines that are faint on white and on black."""
LOG_TICKS = [digit * 10**power for power in range(13) for digit in (1, 2, 5)]
"""Numbers on a logarithmic axis."""
PLAIN: dict[str, Any] = {"fixedrange": True, "zeroline": False, "showgrid": True, "gridcolor": GRID}
"""Properties of a fixed axis with a faint grid."""
TRANSPARENT = {"paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR}
"""Properties of a layout without a background."""


def whole_step(depth: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, … as a step that gives this axis at most 12 ticks."""
    return next(
        n * 10**power for power in range(9) for n in (1, 2, 5) if depth <= 12 * n * 10**power
    )


def short(number: int) -> str:
    """Three significant digits: ``16``, ``556 k``, ``27.8 G``."""
    value, unit = float(number), ""
    for unit in ("", " k", " M", " G", " T"):
        if value < 999.5 or unit == " T":
            break
        value /= 1000
    return f"{float(f'{value:.3g}'):g}{unit}"


MOST_CELLS = 512
"""Cells along an axis of a heatmap; larger maps are shown as means of blocks."""
PLOT, LEFT, ENTRY, NOTE = 360, 56, 20, 14
"""Pixels: the picture, its left margin, a row of the legend, a line of the note."""
PANEL = 170
"""Height, in pixels, of one of several panels."""
AXES, BAR = 44, 54
"""Pixels below a picture: the axis with its name, and a flat color bar."""


def in_blocks(values: FloatArray) -> tuple[FloatArray, int]:
    """The map reduced to at most `MOST_CELLS` a side by block means, and the side of a block."""
    block = ceil(max(values.shape) / MOST_CELLS)
    if block == 1:
        return values, 1
    starts = [np.arange(0, n, block) for n in values.shape]
    sums = np.add.reduceat(np.add.reduceat(values, starts[0], axis=0), starts[1], axis=1)
    rows, cols = (
        np.diff([*start.tolist(), n]) for start, n in zip(starts, values.shape, strict=True)
    )
    return sums / np.outer(rows, cols), block


def lined(lines: Sequence[Trace], color: str, dash: str, name: str, **place: Any) -> list[Trace]:
    """Lines on a dark edge: they read on every color of a map and in either theme."""
    xs = [x for line in lines for x in line["x"]]
    ys = [y for line in lines for y in line["y"]]
    common = {"type": "scatter", "x": xs, "y": ys, "mode": "lines", "hoverinfo": "skip"}
    edge = {"color": "rgba(0,0,0,0.75)", "width": 4, "dash": dash}
    line = {"color": color, "width": 2, "dash": dash}
    return [
        common | {"line": edge, "legendgroup": name, "showlegend": False} | place,
        common | {"line": line, "legendgroup": name, "name": name} | place,
    ]


def map_axis(name: str, span: Sequence[float]) -> dict[str, Any]:
    """An axis in pixels of the image."""
    plain = {"showgrid": False, "zeroline": False, "fixedrange": True, "constrain": "domain"}
    whole = {"dtick": 1} if abs(span[1] - span[0]) < 9 else {"nticks": 8}
    few = whole | {"tickformat": "d", "automargin": False}
    return plain | few | {"title": {"text": name, "standoff": 6}, "range": list(span)}


def two_columns(y: float) -> dict[str, Any]:
    """A legend below the picture whose height is known on every screen."""
    columns = {"entrywidth": 0.48, "entrywidthmode": "fraction", "tracegroupgap": 0}
    look = {"font": {"size": 12}, "orientation": "h", "x": 0, "y": y, "yanchor": "top"}
    return columns | look


def noted(title: str, plot: float, below: float, notes: Sequence[str]) -> dict[str, Any]:
    """Layout of a picture ``plot`` pixels high with small lines at its foot."""
    lines = [line for note in notes for line in textwrap.wrap(note, 62)]
    layout = headed(title, plot, below + NOTE * len(lines) + 8) | TRANSPARENT
    layout["margin"]["l"] = LEFT
    foot = {
        "text": "<br>".join(lines),
        "font": {"size": 11},
        "align": "left",
        "showarrow": False,
        "x": 0,
        "xref": "paper",
        "xanchor": "left",
        "xshift": 4 - LEFT,
        "y": 0,
        "yref": "paper",
        "yanchor": "top",
        "yshift": -below,
    }
    return layout | {"annotations": [foot], "hovermode": "closest"}


def curve(x: Any, y: Any, color: str, dash: str, name: str) -> Trace:
    """A line; with marks where it has few points. nan leaves a gap."""
    return {
        "type": "scatter",
        "x": np.asarray(x, np.float32),
        "y": np.asarray(y, np.float32),
        "mode": "lines" if len(x) > 40 else "lines+markers",
        "line": {"color": color, "width": 2.5, "dash": dash},
        "marker": {"color": color, "size": 6},
        "name": name,
        "legendgroup": name,
        "hovertemplate": f"{name}<br>%{{x:.6~g}}: %{{y:.3g}}<extra></extra>",
    }


def stacked(
    title: str,
    up: Sequence[dict[str, Any]],
    across: Sequence[str],
    entries: int,
    notes: Sequence[str],
) -> dict[str, Any]:
    """Panels one above the other: wide enough for a phone.

    Args:
        title: Title of the figure.
        up: the y axis of each panel, from the top.
        across: Title of each panel's x axis.
        entries: Number of the legend's entries.
        notes: lines at the foot.
    """
    panels = len(across)
    plot = PANEL * panels + (AXES if panels > 1 else 60)
    layout = noted(title, plot, AXES + ENTRY * ceil(entries / 2) + 8, notes)
    layout["legend"] = two_columns(-AXES / plot)
    for panel, (axis, name) in enumerate(zip(up, across, strict=True), start=1):
        bottom = (panels - panel) * (PANEL + AXES) / plot if panels > 1 else 0.0
        number = "" if panel == 1 else str(panel)
        top = min(1.0, bottom + PANEL / plot) if panels > 1 else 1.0
        layout[f"yaxis{number}"] = PLAIN | {"domain": [bottom, top]} | fixed(axis)
        anchor = {"anchor": f"y{number}", "title": {"text": name, "standoff": 6}}
        layout[f"xaxis{number}"] = PLAIN | anchor
        layout[f"yaxis{number}"] |= {"anchor": f"x{number}"}
    return layout


def fixed(axis: dict[str, Any]) -> dict[str, Any]:
    """The axis without automatic margins, so that the notes below stay at the left edge."""
    return {"automargin": False, "nticks": 6} | axis


LINES = (
    (INPUT, "solid", "circle", ""),
    (WINDOW, "dash", "square", "/"),
    (OUTPUT, "dot", "diamond", "x"),
    (PINNED, "dashdot", "triangle-up", "\\"),
    (UNREAD, "longdash", "x", "."),
)
"""(color, dash, marker, hatching) of the lines in a figure, in order."""


def signed_scale() -> list[list[Any]]:
    """Plotly's color scale for values from negative over zero to positive."""
    return [[i / 2, color] for i, color in enumerate(SIGNED)]
