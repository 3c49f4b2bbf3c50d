"""Effective receptive fields: maps, cross-sections, cumulative energy, convergence, variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from core.cone import Box
from core.erf import metrics
from core.erf.metrics import Point
from core.errors import SpecError
from viz.figures.erf_parts import (
    AXES,
    BAR,
    ENTRY,
    Shades,
    block_notes,
    center_mark,
    curve,
    cut_notes,
    measured_ellipses,
    recipe_lines,
    energy_square,
    expected_ellipses,
    field_box,
    field_view,
    frame,
    heat,
    image_border,
    image_size,
    laid_under,
    lined,
    map_axis,
    map_layout,
    noted,
    pixels,
    recipe_line,
    shades_of,
    stacked,
    two_columns,
    whole_view,
)
from viz.figures.sizes import Trace, flat_colorbar
from viz.theme import INPUT, OUTPUT, PADDING, PINNED, WINDOW

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.expected_erf import ExpectedErf

MOST_VARIANTS, VARIANT = 4, 260
"""Panels side by side, and their height in pixels."""


def erf_figure(
    erf: EffectiveReceptiveField,
    *,
    log: bool = False,
    expected: ExpectedErf | None = None,
    photo: str | None = None,
    z_max: float | None = None,
    box: bool = True,
    ellipse: bool = True,
    squares: Sequence[float] = (0.5, 0.99),
    whole_image: bool | None = None,
    title: str = "Effective receptive field",
) -> go.Figure:
    """The map in the image, with the theoretical field, σ and the squares that hold t of it.

    Args:
        erf: what to draw.
        log: logarithmic colours, down to 10^−4; pixels of exactly 0 are left blank.
        expected: the closed form, of which the σ ellipse is drawn beside the measured one.
        photo: the image as a data URL, laid under the map.
        z_max: the share of the sum that gets the last colour; by default the map's peak.
        box, ellipse: whether to draw the theoretical field, and 1σ and 2σ.
        squares: the t of the t-energy squares.
        whole_image: show all of the image, not only the field; by default with a photo.
        title: what the picture shows.
    """
    shades = shades_of([erf], log, z_max)
    size = image_size(erf.input_size)
    everything = (photo is not None) if whole_image is None else whole_image
    view = whole_view(size) if everything else field_view(erf.theory.clipped)
    values = erf.map if shades.signed and not log else erf.energy
    traces = heat(values, erf.origin, shades, faint=photo is not None)
    traces += lined([image_border(size)], INPUT, "solid", "image's border")
    traces += field_box(erf) if box else []
    for t, dash in zip(squares, ("dashdot", "dot", "dash", "longdash"), strict=False):
        traces += energy_square(erf, t, dash)
    if ellipse:
        traces += measured_ellipses(erf, f"σ {pixels(erf.sigma)}, and 2σ")
    if expected is not None and ellipse:
        traces += expected_ellipses(expected)
    traces.append(center_mark(erf.theory.center))
    notes = [recipe_line(erf), *cut_notes(erf), *block_notes(erf.map.shape)]
    layout = map_layout(title, view, traces, notes)
    layout["images"] = laid_under(photo, size) if photo is not None else []
    return go.Figure({"data": traces, "layout": layout})


def expected_figure(
    expected: ExpectedErf, *, log: bool = False, title: str = "Expected receptive field"
) -> go.Figure:
    """The closed form's map: what to show while the real one is computed."""
    uniform = expected.weights == "uniform"
    measure = "gradient of equal weights" if uniform else "expected squared gradient"
    shades = Shades(f"closed form: {measure}", float(expected.map.max()), log=log)
    (top, left), (rows, cols) = expected.origin, expected.map.shape
    covered = Box((top, top + rows - 1), (left, left + cols - 1))
    traces = heat(expected.map, expected.origin, shades)
    traces += lined([image_border(expected.input_size)], INPUT, "solid", "image's border")
    traces += expected_ellipses(expected)
    notes = [f"Closed form, no gradient was taken. {expected.layer}, unit {expected.unit}."]
    notes += block_notes(expected.map.shape)
    layout = map_layout(title, field_view(covered), traces, notes)
    return go.Figure({"data": traces, "layout": layout})


def sections_figure(
    erf: EffectiveReceptiveField,
    expected: ExpectedErf | None = None,
    *,
    title: str = "Cross-sections of the energy",
) -> go.Figure:
    """The energy along y and along x, against the Gaussian of the same σ and the closed form."""
    shown = [axis for axis in (0, 1) if erf.map.shape[axis] > 1] or [1]
    traces: list[Trace] = []
    for panel, axis in enumerate(shown, start=1):
        place = {"xaxis": f"x{panel}", "yaxis": f"y{panel}", "showlegend": panel == 1}
        places = np.arange(erf.map.shape[axis], dtype=np.float64) + erf.origin[axis]
        measured = erf.marginals()[axis]
        normal = metrics.gaussian(places, erf.centroid[axis], erf.sigma[axis])
        names = ("measured", "Gaussian, same σ", "closed form")
        traces.append(curve(places, measured, WINDOW, "solid", names[0]) | place)
        traces.append(curve(places, normal, PADDING, "dash", names[1]) | place)
        if expected is not None:
            known = metrics.marginals(expected.map)[axis]
            places = np.arange(known.size, dtype=np.float64) + expected.origin[axis]
            traces.append(curve(places, known, INPUT, "dot", names[2]) | place)
    across = [f"{('row', 'column')[axis]} (px)" for axis in shown]
    share: dict[str, Any] = {"title": {"text": "share of the energy"}, "rangemode": "tozero"}
    layout = stacked(
        title, [share] * len(shown), across, 2 if expected is None else 3, [recipe_line(erf)]
    )
    return go.Figure({"data": traces, "layout": layout})


def energy_figure(
    erf: EffectiveReceptiveField, *, title: str = "Energy inside a centred square"
) -> go.Figure:
    """Share of the energy in squares around the field's centre, over their side."""
    sides, held = erf.cumulative_energy()
    at = dict(zip(sides.tolist(), held.tolist(), strict=True))
    theory = max(last - first + 1 for first, last in erf.theory.unclipped)
    marks = _square_marks(erf.squares, at, max(theory, int(sides[-1])))
    limit = {
        "type": "scatter",
        "x": [theory, theory],
        "y": [0, 1.05],
        "mode": "lines",
        "line": {"color": INPUT, "width": 2, "dash": "dash"},
        "hoverinfo": "skip",
        "name": f"theory, {theory} px",
    }
    traces = [limit, curve(sides, held, WINDOW, "solid", "measured"), marks]
    up = {"title": {"text": "share of the energy"}, "range": [0, 1.05]}
    layout = stacked(title, [up], ["side of the square (px)"], 3, [recipe_line(erf)])
    layout["xaxis"]["rangemode"] = "tozero"
    return go.Figure({"data": traces, "layout": layout})


def _square_marks(squares: Mapping[float, int], held: Mapping[int, float], span: int) -> Trace:
    """The t-energy squares on the curve; shares that need the same square have one mark."""
    shares: dict[int, list[str]] = {}
    for t, side in squares.items():
        shares.setdefault(side, []).append(f"{100 * t:g} %")
    late = [side > 0.7 * span for side in shares]
    texts = [f"{', '.join(t)}: {side} px" for side, t in shares.items()]
    return {
        "type": "scatter",
        "x": list(shares),
        "y": [held[side] for side in shares],
        "mode": "markers+text",
        "marker": {"symbol": "diamond", "size": 10, "color": PINNED},
        "text": [f"<br>{t}" if left else f"  {t}" for t, left in zip(texts, late, strict=True)],
        "textposition": [f"bottom {'left' if left else 'right'}" for left in late],
        "hoverinfo": "skip",
        "name": "smallest squares",
    }


def convergence_figure(
    erf: EffectiveReceptiveField, *, title: str = "How settled the map is"
) -> go.Figure:
    """Difference between odd and even draws, and σ, over the draws averaged so far."""
    draws = [point.draws for point in erf.convergence]
    differences = [point.difference for point in erf.convergence]
    below = {"xaxis": "x2", "yaxis": "y2"}
    traces = [
        curve(draws, differences, WINDOW, "solid", "difference"),
        curve(draws, [p.sigma[0] for p in erf.convergence], INPUT, "solid", "σ along y") | below,
        curve(draws, [p.sigma[1] for p in erf.convergence], OUTPUT, "dash", "σ along x") | below,
    ]
    for trace in traces:
        trace |= {"mode": "lines+markers"}
    up: list[dict[str, Any]] = [
        {"title": {"text": "difference, 0 to 1"}, "rangemode": "tozero"},
        {"title": {"text": "σ (px)"}},
    ]
    notes = ["Difference: total variation between odd and even draws; the map of all draws is off by about half of it."]
    layout = stacked(title, up, ["", "draws averaged"], 3, [*notes, recipe_line(erf)])
    last = max(draws)
    ticks = [2**power for power in range(13) if 2**power <= max(2, last)]
    for axis in ("xaxis", "xaxis2"):
        span = [-0.06, float(np.log10(max(2, last))) + 0.06]
        layout[axis] |= {"type": "log", "tickvals": ticks, "range": span, "tickformat": "d"}
    return go.Figure({"data": traces, "layout": layout})


def variants_figure(
    named: Mapping[str, EffectiveReceptiveField],
    log: bool = False,
    *,
    title: str = "Variants, on one colour scale",
) -> go.Figure:
    """Up to four maps side by side: one colour scale, one size of pixel.

    Args:
        named: what each is called, and its map.
        log: logarithmic colours, down to 10^−4 of the largest peak.
        title: what the picture shows.

    Raises:
        SpecError: no variant, or more than `MOST_VARIANTS`.
    """
    if not 1 <= len(named) <= MOST_VARIANTS:
        raise SpecError("named", f"must be 1 to {MOST_VARIANTS} variants", len(named))
    erfs = list(named.values())
    shades = shades_of(erfs, log)
    views = _equal_views([erf.theory.clipped for erf in erfs])
    traces: list[Trace] = []
    for panel, erf in enumerate(erfs, start=1):
        place = {"xaxis": f"x{panel}", "yaxis": f"y{panel}"}
        traces += _variant(erf, shades, panel == 1, **place)
    layout = _variants_layout(named, views, traces, title)
    return go.Figure({"data": traces, "layout": layout})


def _equal_views(boxes: Sequence[Box]) -> list[tuple[Point, Point]]:
    """Views of one side, each around the middle of its box: one size of pixel in all."""
    side = max(last - first + 1 for box in boxes for first, last in box)
    half = side / 2 + max(1.0, 0.06 * side)
    return [
        (
            (sum(box.rows) / 2 - half, sum(box.rows) / 2 + half),
            (sum(box.cols) / 2 - half, sum(box.cols) / 2 + half),
        )
        for box in boxes
    ]


def _variant(
    erf: EffectiveReceptiveField, shades: Shades, first: bool, **place: Any
) -> list[Trace]:
    """One map of several; only the first has a colour bar and names in the legend."""
    values = erf.map if shades.signed and not shades.log else erf.energy
    traces = heat(values, erf.origin, shades, **place)
    traces[0]["showscale"] = first
    border = [image_border(image_size(erf.input_size))]
    lines = lined(border, INPUT, "solid", "image's border", **place)
    lines += lined([frame(erf.theory.unclipped)], WINDOW, "dash", "theoretical field", **place)
    around = measured_ellipses(erf, "1σ and 2σ", **place)
    for line in (*lines, *around):
        line["showlegend"] = first and "name" in line and line.get("showlegend", True)
    return traces + lines + around


def _variants_layout(
    named: Mapping[str, EffectiveReceptiveField],
    views: Sequence[tuple[Point, Point]],
    traces: Sequence[Trace],
    title: str,
) -> dict[str, Any]:
    """Panels side by side, a heading above each, one colour bar and legend below."""
    recipes = list(dict.fromkeys(str(erf.recipe) for erf in named.values()))
    notes = recipes if len(recipes) == 1 else [f"{n}: {e.recipe}" for n, e in named.items()]
    heading = 2 * 17
    layout = noted(title, VARIANT, AXES + BAR + 2 * ENTRY + 8, notes)
    layout["margin"]["t"] += heading
    layout["height"] += heading
    layout["legend"] = two_columns(-(AXES + BAR) / VARIANT)
    traces[0]["colorbar"] |= flat_colorbar(-AXES / VARIANT)
    for panel, (label, view) in enumerate(zip(named, views, strict=True), start=1):
        number = "" if panel == 1 else str(panel)
        left, right = (panel - 1) / len(named), panel / len(named)
        layout[f"xaxis{number}"] = map_axis("column (px)", view[1]) | {
            "domain": [left + 0.01, right - 0.01],
            "anchor": f"y{number}",
        }
        layout[f"yaxis{number}"] = map_axis("row (px)" if panel == 1 else "", view[0][::-1]) | {
            "scaleanchor": f"x{number}",
            "anchor": f"x{number}",
        }
        layout["annotations"].append(_heading(label, named[label], (left + right) / 2))
    return layout


def _heading(label: str, erf: EffectiveReceptiveField, x: float) -> dict[str, Any]:
    place = {"x": x, "xref": "paper", "y": 1, "yref": "paper", "yanchor": "bottom", "yshift": 4}
    return place | {
        "text": f"<b>{label}</b><br>σ {pixels(erf.sigma)}",
        "showarrow": False,
        "font": {"size": 12},
    }
