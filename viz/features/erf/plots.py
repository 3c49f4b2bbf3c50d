"""Figures of effective fields: maps, cross-sections, energy, convergence, variants."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from core.errors import SpecError
from viz.plots.effective_field import (
    Box,
    Shades,
    block_notes,
    center_mark,
    cut_notes,
    ellipses,
    field_view,
    frame,
    heat,
    image_border,
    image_size,
    map_layout,
    measured_ellipses,
    pixels,
    recipe_line,
    recipe_lines,
    shades_of,
    whole_view,
)
from viz.plots.figure import Figure
from viz.plots.parts import (
    AXES,
    BAR,
    ENTRY,
    Trace,
    curve,
    flat_colorbar,
    lined,
    map_axis,
    noted,
    outlines,
    stacked,
    two_columns,
)
from viz.theme import INPUT, OUTPUT, PADDING, PINNED, WINDOW

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf
    from core.erf.metrics import Point

SQUARE_DASHES = ("dashdot", "dot", "dash", "longdash")
"""Dashes of the energy squares, in order."""
MOST_VARIANTS, VARIANT = 4, 240
"""Largest number of panels side by side, and their height in pixels."""


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
    """The map in the image, with the theoretical field, σ, and squares around shares of its energy.

    Args:
        erf: The measured field.
        log: logarithmic colors, down to 10^−4; pixels of exactly 0 are left blank.
        expected: the closed form, of which the σ ellipse is drawn beside the measured one.
        photo: the image as a data URL, laid under the map.
        z_max: the share of the sum that gets the last color; by default the map's peak.
        box, ellipse: whether to draw the theoretical field, and 1σ and 2σ.
        squares: shares of the energy; the smallest square around each is drawn.
        whole_image: show all of the image, not only the field; by default with a photo.
        title: Title of the figure.
    """
    shades = shades_of([erf], log, z_max)
    size = image_size(erf.input_size)
    everything = (photo is not None) if whole_image is None else whole_image
    view = whole_view(size) if everything else field_view(erf.theory.clipped)
    values = erf.map if shades.signed and not log else erf.energy
    traces = heat(values, erf.origin, shades, faint=photo is not None)
    traces += lined([image_border(size)], INPUT, "solid", "image's border")
    traces += _field_box(erf) if box else []
    for t, dash in zip(squares, cycle(SQUARE_DASHES), strict=False):
        traces += _energy_square(erf, t, dash)
    if ellipse:
        traces += measured_ellipses(erf, f"σ {pixels(erf.sigma)}, 2σ")
    if expected is not None and ellipse:
        traces += _expected_ellipses(expected)
    traces.append(center_mark(erf.theory.center))
    notes = [recipe_line(erf), *cut_notes(erf), *block_notes(erf.map.shape)]
    layout = map_layout(title, view, traces, notes)
    layout["images"] = _laid_under(photo, size) if photo is not None else []
    return Figure(traces, layout)


def expected_figure(
    expected: ExpectedErf, *, log: bool = False, title: str = "Expected receptive field"
) -> go.Figure:
    """The closed form's map, drawn while the measured one is computed."""
    uniform = expected.weights == "uniform"
    measure = "expected gradient" if uniform else "expected squared gradient"
    shades = Shades(measure, float(expected.map.max()), log=log)
    (top, left), (rows, cols) = expected.origin, expected.map.shape
    covered = ((top, top + rows - 1), (left, left + cols - 1))
    traces = heat(expected.map, expected.origin, shades)
    traces += lined([image_border(expected.input_size)], INPUT, "solid", "image's border")
    traces += _expected_ellipses(expected)
    notes = [f"Closed form, no gradient was taken. Unit {expected.unit}."]
    notes += block_notes(expected.map.shape)
    layout = map_layout(title, field_view(covered), traces, notes)
    return Figure(traces, layout)


def _field_box(erf: EffectiveReceptiveField, **place: Any) -> list[Trace]:
    """The outline of the unclipped theoretical field; parts beyond the view are not visible."""
    return lined([frame(erf.theory.unclipped)], WINDOW, "dash", _field_name(erf), **place)


def _field_name(erf: EffectiveReceptiveField) -> str:
    """The legend's text for the theoretical field, such as ``theory 21×21 px``."""
    rows, cols = erf.theory.unclipped
    return f"theory {rows[1] - rows[0] + 1}×{cols[1] - cols[0] + 1} px"


def _energy_square(erf: EffectiveReceptiveField, t: float, dash: str) -> list[Trace]:
    """The smallest square around the field's center with the share ``t`` of the energy."""
    side = erf.square(t)
    row, col = erf.theory.center
    square = outlines([(col - side / 2, col + side / 2, row - side / 2, row + side / 2)])
    return lined([square], PINNED, dash, f"{100 * t:g} % in {side} px")


def _expected_ellipses(expected: ExpectedErf) -> list[Trace]:
    """The ellipses at 1σ and 2σ of the closed form."""
    from core.erf import metrics  # brings torch: not before there is something to draw

    row, col = metrics.centroid(expected.map)
    center = row + expected.origin[0], col + expected.origin[1]
    return ellipses(metrics.sigma(expected.map), center, OUTPUT, "dot", "expected")


def _laid_under(photo: str, size: tuple[int, int]) -> list[dict[str, Any]]:
    """Plotly's images of a layout that has the photograph below the map."""
    place = {"x": -0.5, "y": -0.5, "sizex": size[1], "sizey": size[0], "xref": "x", "yref": "y"}
    return [place | {"source": photo, "yanchor": "top", "sizing": "stretch", "layer": "below"}]


def sections_figure(
    erf: EffectiveReceptiveField,
    expected: ExpectedErf | None = None,
    *,
    title: str = "Cross-sections of the energy",
) -> go.Figure:
    """The energy along y and along x, against the Gaussian of the same σ and the closed form."""
    from core.erf import metrics  # brings torch: not before there is something to draw

    directions = [axis for axis in (0, 1) if erf.map.shape[axis] > 1] or [1]
    traces: list[Trace] = []
    for panel, axis in enumerate(directions, start=1):
        place = {"xaxis": f"x{panel}", "yaxis": f"y{panel}", "showlegend": panel == 1}
        places = np.arange(erf.map.shape[axis], dtype=np.float64) + erf.origin[axis]
        measured = erf.marginals()[axis]
        normal = metrics.gaussian(places, erf.centroid[axis], erf.sigma[axis])
        names = ("measured", "Gaussian, same σ", "closed form")
        traces.append(curve(places, measured, WINDOW, "solid", names[0]) | place)
        traces.append(curve(places, normal, PADDING, "dash", names[1]) | place)
        if expected is not None:
            marginal = metrics.marginals(expected.map)[axis]
            places = np.arange(marginal.size, dtype=np.float64) + expected.origin[axis]
            traces.append(curve(places, marginal, INPUT, "dot", names[2]) | place)
    across = [f"{('row', 'column')[axis]} (px)" for axis in directions]
    share: dict[str, Any] = {"title": {"text": "share of the energy"}, "rangemode": "tozero"}
    layout = stacked(
        title, [share] * len(directions), across, 2 if expected is None else 3, [recipe_line(erf)]
    )
    return Figure(traces, layout)


def energy_figure(
    erf: EffectiveReceptiveField, *, title: str = "Energy inside a centered square"
) -> go.Figure:
    """The share of the energy in a square around the field's center, against its side."""
    sides, shares = erf.cumulative_energy()
    share_at = dict(zip(sides.tolist(), shares.tolist(), strict=True))
    theory = max(last - first + 1 for first, last in erf.theory.unclipped)
    marks = _square_marks(erf.squares, share_at, max(theory, int(sides[-1])))
    limit = {
        "type": "scatter",
        "x": [theory, theory],
        "y": [0, 1.05],
        "mode": "lines",
        "line": {"color": INPUT, "width": 2, "dash": "dash"},
        "hoverinfo": "skip",
        "name": f"theory, {theory} px",
    }
    traces = [limit, curve(sides, shares, WINDOW, "solid", "measured"), marks]
    up = {"title": {"text": "share of the energy"}, "range": [0, 1.05]}
    layout = stacked(title, [up], ["side of the square (px)"], 3, [recipe_line(erf)])
    layout["xaxis"]["rangemode"] = "tozero"
    return Figure(traces, layout)


def _square_marks(squares: Mapping[float, int], share_at: Mapping[int, float], span: int) -> Trace:
    """Markers of the energy squares on the curve; equal squares share a marker."""
    labels: dict[int, list[str]] = {}
    for t, side in squares.items():
        labels.setdefault(side, []).append(f"{100 * t:g} %")
    late = [side > 0.7 * span for side in labels]
    texts = [f"{', '.join(t)}: {side} px" for side, t in labels.items()]
    return {
        "type": "scatter",
        "x": list(labels),
        "y": [share_at[side] for side in labels],
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
    """The difference between odd and even draws, and σ, against the number of draws."""
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
    notes = [
        "Difference: total variation between odd and even draws; the map of all draws is off by about half of it."
    ]
    layout = stacked(title, up, ["", "draws averaged"], 3, [*notes, recipe_line(erf)])
    last = max(draws)
    ticks = [2**power for power in range(13) if 2**power <= max(2, last)]
    for axis in ("xaxis", "xaxis2"):
        span = [-0.06, float(np.log10(max(2, last))) + 0.06]
        layout[axis] |= {"type": "log", "tickvals": ticks, "range": span, "tickformat": "d"}
    return Figure(traces, layout)


def variants_figure(
    named: Mapping[str, EffectiveReceptiveField],
    log: bool = False,
    *,
    columns: int = MOST_VARIANTS,
    title: str = "Variants, on one color scale",
) -> go.Figure:
    """Up to four maps side by side: one color scale, one size of pixel.

    Args:
        named: Maps by label.
        log: logarithmic colors, down to 10^−4 of the largest peak.
        columns: maps in a row; fewer for narrow screens.
        title: Title of the figure.

    Raises:
        SpecError: no variant, more than `MOST_VARIANTS`, or no column.
    """
    if not 1 <= len(named) <= MOST_VARIANTS:
        raise SpecError("named", f"must be 1 to {MOST_VARIANTS} variants", len(named))
    if columns < 1:
        raise SpecError("columns", "must be at least 1", columns)
    erfs = list(named.values())
    shades = shades_of(erfs, log)
    traces: list[Trace] = []
    for panel, erf in enumerate(erfs, start=1):
        place = {"xaxis": f"x{panel}", "yaxis": f"y{panel}"}
        traces += _variant(erf, shades, panel == 1, **place)
    layout, plot = _variants_layout(named, min(columns, len(erfs)), title)
    traces[0]["colorbar"] |= flat_colorbar(-AXES / plot)
    return Figure(traces, layout)


def _equal_views(boxes: Sequence[Box]) -> list[tuple[Point, Point]]:
    """Views of equal side around the center of each box, so that pixels have one size."""
    side = max(last - first + 1 for box in boxes for first, last in box)
    half = side / 2 + max(1.0, 0.06 * side)
    return [
        (
            (sum(rows) / 2 - half, sum(rows) / 2 + half),
            (sum(cols) / 2 - half, sum(cols) / 2 + half),
        )
        for rows, cols in boxes
    ]


def _variant(
    erf: EffectiveReceptiveField, shades: Shades, first: bool, **place: Any
) -> list[Trace]:
    """The traces of one map of several; only the first has a color bar and legend entries."""
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
    named: Mapping[str, EffectiveReceptiveField], columns: int, title: str
) -> tuple[dict[str, Any], float]:
    """A layout of panels in rows with a heading above each, and its height in pixels."""
    rows = ceil(len(named) / columns)
    headings = [_heading(label, erf) for label, erf in named.items()]
    above = 16 * max(heading["text"].count("<br>") + 1 for heading in headings) + 6
    plot = rows * VARIANT + (rows - 1) * (AXES + above)
    notes = recipe_lines(list(named.items()))
    layout = noted(title, plot, AXES + BAR + 2 * ENTRY + 8, notes)
    layout["margin"]["t"] += above
    layout["height"] += above
    layout["legend"] = two_columns(-(AXES + BAR) / plot)
    views = _equal_views([erf.theory.clipped for erf in named.values()])
    for index, (heading, view) in enumerate(zip(headings, views, strict=True)):
        row, column = divmod(index, columns)
        top = 1 - row * (VARIANT + AXES + above) / plot
        across, down = _panel_axes(index, view)
        middle = (column + 0.5) / columns
        across["domain"] = [column / columns + 0.12 / columns, (column + 1) / columns]
        down["domain"] = [max(0.0, top - VARIANT / plot), top]
        number = "" if index == 0 else str(index + 1)
        layout |= {f"xaxis{number}": across, f"yaxis{number}": down}
        layout["annotations"].append(heading | {"x": middle + 0.06 / columns, "y": top})
    return layout, plot


def _panel_axes(index: int, view: tuple[Point, Point]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The axes of a panel; only the first panel's axes have labels."""
    x, y = f"x{index + 1}", f"y{index + 1}"
    few = {"nticks": 5}
    across = map_axis("column (px)" if index == 0 else "", view[1]) | few | {"anchor": y}
    down = map_axis("row (px)" if index == 0 else "", view[0][::-1]) | few | {"anchor": x}
    return across, down | {"scaleanchor": x, "constraintoward": "top"}


def _heading(label: str, erf: EffectiveReceptiveField) -> dict[str, Any]:
    """The heading above a map: its label and σ."""
    lines = [*textwrap.wrap(label, 15), f"σ {pixels(erf.sigma)}"]
    lines[0] = f"<b>{lines[0]}</b>"
    place = {
        "xref": "paper",
        "xanchor": "center",
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 4,
    }
    return place | {"text": "<br>".join(lines), "showarrow": False, "font": {"size": 12}}
