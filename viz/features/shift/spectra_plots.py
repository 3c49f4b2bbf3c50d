"""Plotly figures of spectra before and after downsampling, and of the energy that aliases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from viz.plots.figure import Figure
from viz.plots.parts import AXES, Trace, flat_colorbar, lined, map_axis, noted, outlines, stacked
from viz.theme import INPUT, MAGNITUDE, OUTPUT, UNREAD, WINDOW

if TYPE_CHECKING:
    from core.shift.spectrum import Spectrum

Grid = NDArray[np.float64]
PANEL, GAP, BAR = 190, 32, 50
"""Pixels for the side of a spectrum, the heading between two spectra, and the color bar."""
HALVES = ((0.0, 0.46), (0.54, 1.0))
DECADES = 6
"""The color scale ends at 10^−DECADES of the largest energy."""


def spectra_figure(named: Mapping[str, Spectrum], title: str) -> go.Figure:
    """Energy by frequency, before and after, one row for each layer, on one scale.

    Args:
        named: Spectra by name of the layer, all with the same stride.
        title: Title of the figure.
    """
    peak = max(float(each.before.max()) for each in named.values()) or 1.0
    plot = len(named) * PANEL + (len(named) - 1) * GAP
    traces: list[Trace] = []
    for row, spectrum in enumerate(named.values()):
        for column, energy in enumerate((spectrum.before, spectrum.measured)):
            number = 2 * row + column + 1
            place = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
            first = number == 1
            traces.append(_energies(energy, peak) | place | {"showscale": first})
        traces += _band(spectrum.stride, first=row == 0, x=f"x{2 * row + 1}", y=f"y{2 * row + 1}")
    traces[0]["colorbar"] = flat_colorbar(-AXES / plot) | {
        "title": {"text": "energy, share of the largest", "side": "top", "font": {"size": 12}},
        "tickvals": list(range(-DECADES, 1, 2)),
        "ticktext": [f"10<sup>−{-t}</sup>" if t else "1" for t in range(-DECADES, 1, 2)],
    }
    layout = noted(title, plot, AXES + BAR + 28, [])
    layout["margin"]["t"] += 18
    layout["height"] += 18
    layout["legend"] = {"orientation": "h", "x": 0, "y": -(AXES + BAR) / plot, "yanchor": "top"}
    layout |= _axes(len(named), plot)
    layout["annotations"] = [*layout["annotations"], *_headings(named, plot)]
    return Figure(traces, layout)


def frequencies(count: int) -> Grid:
    """Frequencies of ``count`` pixels in cycles a pixel, in the order of `core.shift.spectrum`."""
    return np.asarray(np.fft.fftshift(np.fft.fftfreq(count)))


def _energies(energy: Grid, peak: float) -> Trace:
    """A map of energies by frequency, as logarithms of shares of ``peak``."""
    share = np.log10(np.maximum(energy / peak, 10.0**-DECADES))
    return {
        "type": "heatmap",
        "x": frequencies(energy.shape[1]).astype(np.float32),
        "y": frequencies(energy.shape[0]).astype(np.float32),
        "z": share.astype(np.float32),
        "zmin": -DECADES,
        "zmax": 0,
        "colorscale": MAGNITUDE,
        "zsmooth": False,
        "hovertemplate": "%{y:.3f} down, %{x:.3f} right<br>10<sup>%{z:.2f}</sup><extra></extra>",
    }


def _band(stride: int, *, first: bool, x: str, y: str) -> list[Trace]:
    """A frame around the frequencies below the new Nyquist limit; those outside are hatched."""
    half = 0.5 / stride
    place = {"xaxis": x, "yaxis": y}
    frame = outlines([(-half, half, -half, half)])
    inner = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
    outer = [(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5), (-0.5, -0.5)]
    ring = [*outer, *inner]
    hatched: Trace = {
        "type": "scatter",
        "x": [point[0] for point in ring],
        "y": [point[1] for point in ring],
        "mode": "lines",
        "line": {"width": 0, "color": UNREAD},
        "fill": "toself",
        "fillcolor": "rgba(0,0,0,0)",
        "fillpattern": {"shape": "/", "fgcolor": UNREAD, "size": 9, "solidity": 0.15},
        "name": "outside: folds back",
        "legendgroup": "outside",
        "showlegend": first,
        "hoverinfo": "skip",
    }
    lines = lined([frame], WINDOW, "solid", "band that is left", **place)
    lines[-1]["showlegend"] = first
    return [hatched | place, *lines]


def _axes(rows: int, plot: float) -> dict[str, Any]:
    """Plotly's settings of the axes of ``rows`` rows of two spectra."""
    axes: dict[str, Any] = {}
    for row in range(rows):
        top = 1 - row * (PANEL + GAP) / plot
        for column, half in enumerate(HALVES):
            number = 2 * row + column + 1
            pixel = ("px", "output px")[column]
            name = f"cycles / {pixel}, right" if row == rows - 1 else ""
            few = {"tickvals": [-0.5, -0.25, 0, 0.25, 0.5], "tickfont": {"size": 10}}
            across = map_axis(name, [-0.5, 0.5]) | few | {"tickformat": ".2~f"}
            down = map_axis("" if column else "cycles / px, down", [0.5, -0.5]) | few
            axes[f"xaxis{number}"] = across | {
                "domain": list(half),
                "anchor": f"y{number}",
                "showticklabels": row == rows - 1,
            }
            axes[f"yaxis{number}"] = down | {
                "tickformat": ".2~f",
                "domain": [max(0.0, top - PANEL / plot), top],
                "anchor": f"x{number}",
                "scaleanchor": f"x{number}",
                "showticklabels": not column,
            }
    return axes


def _headings(named: Mapping[str, Spectrum], plot: float) -> list[dict[str, Any]]:
    """Plotly's annotations above all spectra."""
    headings = []
    for row, (name, each) in enumerate(named.items()):
        texts = (f"<b>{name}</b>: before", f"after: {percent(each.aliased)} folded in")
        for text, half in zip(texts, HALVES, strict=True):
            headings.append(
                {
                    "text": text,
                    "font": {"size": 12},
                    "showarrow": False,
                    "x": half[0],
                    "xref": "paper",
                    "xanchor": "left",
                    "y": 1 - row * (PANEL + GAP) / plot,
                    "yref": "paper",
                    "yanchor": "bottom",
                    "yshift": 2,
                }
            )
    return headings


def percent(share: float) -> str:
    """A share as ``3.1 %`` or ``< 0.01 %``; ``0 %`` only if it is exactly 0."""
    if 0 < share < 1e-4:
        return "< 0.01 %"
    return f"{100 * share:.3g} %"


def folded_figure(named: Mapping[str, Spectrum], title: str) -> go.Figure:
    """Energy after downsampling by frequency, split into the band's own energy and aliased energy.

    The energies of all frequencies with the same distance from zero are added; the distance is
    the larger of the two axes' frequencies.

    Args:
        named: Spectra by name of the layer.
        title: Title of the figure.
    """
    traces: list[Trace] = []
    highest = 0.0
    for panel, spectrum in enumerate(named.values(), start=1):
        place = {"xaxis": f"x{panel}", "yaxis": f"y{panel}", "showlegend": panel == 1}
        distance, own = by_distance(spectrum.in_band)
        _, folded = by_distance(spectrum.folded)
        highest = max(highest, float((own + folded).max()))
        parts = ((own, "belongs there", OUTPUT, ""), (folded, "folded onto it", UNREAD, "/"))
        for values, name, color, shape in parts:
            traces.append(_bars(distance, values, name, color, shape) | place)
    up = [{"title": {"text": name}, "range": [0, 1.05 * (highest or 1.0)]} for name in named]
    across = ["" for _ in named]
    across[-1] = "frequency after downsampling (cycles / output px)"
    layout = stacked(title, up, across, 2, [])
    for panel in range(1, len(named) + 1):
        layout["xaxis" if panel == 1 else f"xaxis{panel}"]["range"] = [0, 0.52]
    return Figure(traces, layout | {"barmode": "stack", "bargap": 0.1})


def _bars(x: Grid, y: Grid, name: str, color: str, shape: str) -> Trace:
    """Bars of energies by distance from frequency zero."""
    pattern = {"shape": shape, "fgcolor": color, "bgcolor": "white", "size": 5, "solidity": 0.6}
    marker: dict[str, Any] = {"color": color, "line": {"width": 0.5, "color": INPUT}}
    return {
        "type": "bar",
        "x": x.astype(np.float32),
        "y": y.astype(np.float32),
        "name": name,
        "legendgroup": name,
        "marker": marker | ({"pattern": pattern} if shape else {}),
        "hovertemplate": f"{name}<br>%{{x:.3f}}: %{{y:.3g}}<extra></extra>",
    }


def by_distance(energy: Grid) -> tuple[Grid, Grid]:
    """Distances from frequency zero, and the summed energy at each; zero itself is left out."""
    rows, cols = energy.shape
    down, right = np.abs(frequencies(rows)), np.abs(frequencies(cols))
    distance = np.maximum(down[:, None], right[None]).round(6)
    values = np.unique(distance)[1:]
    return values, np.array([energy[distance == value].sum() for value in values])
