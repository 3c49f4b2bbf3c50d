"""Elements of figures on effective receptive fields: traces, notes, layouts.

Maps are drawn in pixels of the image, colors are shares of the map's peak. The recipe
stands below every picture, so that a screenshot can be computed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from core.text import sentence_case, times
from viz.plots.parts import (
    AXES,
    BAR,
    ENTRY,
    MOST_CELLS,
    PLOT,
    Trace,
    flat_colorbar,
    in_blocks,
    lined,
    map_axis,
    noted,
    outlines,
    two_columns,
)
from viz.theme import MAGNITUDE, OUTPUT, SIGNED

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.metrics import FloatArray, Point

Span = tuple[int, int]
"""(first, last), both included."""
Box = tuple[Span, Span]
"""(first, last) row and column, as `core.receptive_field.cone.Box`."""
DECADES = 4
"""Logarithmic colors reach down to 10^−4 of the peak."""
PHOTO_OPACITY = 0.6
"""Opacity of a map over a photograph."""
MEASURES = {
    "energy": "squared gradient",
    "abs": "absolute gradient",
    "relu": "positive gradient",
    "signed": "signed gradient",
}
"""Name of the measure in a map, by the aggregate of its gradients."""


@dataclass(frozen=True)
class Shades:
    """How values become colors, the same in all maps of a figure.

    Attributes:
        measure: name of the measure.
        reference: the value drawn as 1.
        shared: whether the reference is not this map's own peak.
        log: logarithmic colors; of a signed map its absolute values.
        signed: values may be negative, and colors are centered on zero.
    """

    measure: str
    reference: float
    shared: bool = False
    log: bool = False
    signed: bool = False


def shades_of(
    erfs: Sequence[EffectiveReceptiveField], log: bool, z_max: float | None = None
) -> Shades:
    """One scale for some maps: up to the largest peak, or to ``z_max``."""
    measures = {MEASURES[erf.recipe.aggregate] for erf in erfs}
    signed = measures == {MEASURES["signed"]}
    measure = measures.pop() if len(measures) == 1 else "gradient"
    peak = max(float(erf.energy.max()) for erf in erfs)
    shared = z_max is not None or len(erfs) > 1
    return Shades(measure, peak if z_max is None else z_max, shared, log, signed)


def heat(
    values: FloatArray,
    origin: tuple[int, int],
    shades: Shades,
    *,
    faint: bool = False,
    **place: Any,
) -> list[Trace]:
    """The map as a heatmap whose cells are pixels of the image, or blocks of them."""
    cells, block = in_blocks(values)
    shares = cells / shades.reference
    edges = (
        np.minimum(np.arange(n + 1) * block, full) + first - 0.5
        for n, full, first in zip(cells.shape, values.shape, origin, strict=True)
    )
    y, x = (edge.astype(np.float32) for edge in edges)
    trace = {"type": "heatmap", "x": x, "y": y, "zsmooth": False, "hoverongaps": False}
    return [trace | {"opacity": PHOTO_OPACITY if faint else 1} | _colored(shares, shades) | place]


def _colored(shares: FloatArray, shades: Shades) -> dict[str, Any]:
    """Values, range, colors and color bar of shares of the reference."""
    title = f"{shades.measure}, share of {'largest' if shades.shared else 'the'} peak"
    where = "row %{y:.6~g}, column %{x:.6~g}<br>"
    if shades.log:
        with np.errstate(divide="ignore"):
            z = np.where(shares == 0, np.nan, np.maximum(np.log10(np.abs(shares)), -DECADES))
        title += " (blank: 0)" if (shares == 0).any() else ""
        low, ticks = -DECADES, list(range(-DECADES, 1))
        names = [f"{10.0**tick:g}" for tick in ticks]
        names[0] = f"≤ {names[0]}"
        look: dict[str, Any] = {"colorscale": MAGNITUDE}
        value = "10<sup>%{z:.2f}</sup> of the peak"
    else:
        z, low = shares, -1 if shades.signed else 0
        names = ["−1", "−0.5", "0", "0.5", "1"] if shades.signed else ["0", "0.5", "1"]
        ticks = np.linspace(low, 1, len(names)).tolist()
        scale = [[i / 2, color] for i, color in enumerate(SIGNED)]
        look = {"colorscale": scale if shades.signed else MAGNITUDE}
        value = "%{z:.3g} of the peak"
    bar = {
        "title": {"text": title, "side": "top", "font": {"size": 12}},
        "tickvals": ticks,
        "ticktext": names,
    }
    look |= {"z": z.astype(np.float32), "zmin": low, "zmax": 1 - shades.log, "colorbar": bar}
    return look | {"hovertemplate": f"{where}{value}<extra></extra>"}


def frame(box: Box) -> Trace:
    """The outline of a box of whole pixels."""
    (top, bottom), (left, right) = box
    return outlines([(left - 0.5, right + 0.5, top - 0.5, bottom + 0.5)])


def image_border(size: tuple[int, int]) -> Trace:
    """The outline of an image of this (height, width)."""
    return frame(((0, size[0] - 1), (0, size[1] - 1)))


def ellipses(
    sigma: Point, center: Point, color: str, dash: str, name: str, **place: Any
) -> list[Trace]:
    """1σ and 2σ around the center of mass; at least a quarter pixel, so that they are seen."""
    angle = np.linspace(0, 2 * np.pi, 73)
    down, across = (max(0.25, value) for value in sigma)
    lines = [
        {
            "x": [*(center[1] + n * across * np.cos(angle)).round(3).tolist(), None],
            "y": [*(center[0] + n * down * np.sin(angle)).round(3).tolist(), None],
        }
        for n in (1, 2)
    ]
    return lined(lines, color, dash, f"{name} {pixels(sigma)}", **place)


def measured_ellipses(erf: EffectiveReceptiveField, name: str, **place: Any) -> list[Trace]:
    """1σ and 2σ in white, with a key that is seen on white as well."""
    edge, line = ellipses(erf.sigma, erf.centroid, "white", "solid", "", **place)
    black = {"color": "black", "width": 2}
    ring = {"symbol": "circle", "color": "white", "size": 11, "line": black}
    key = {"type": "scatter", "x": [None], "y": [None], "mode": "markers", "marker": ring}
    return [edge, line | {"showlegend": False}, key | {"name": name} | place]


def pixels(pair: Point) -> str:
    """``3.2 px``, or ``3.2×1.5 px`` where height and width differ."""
    rows, cols = (f"{value:.3g}" for value in pair)
    return f"{rows} px" if rows == cols else f"{rows}×{cols} px"


def center_mark(center: Point, **place: Any) -> Trace:
    """The center of the unit's field: where the unit stands in the image."""
    return {
        "type": "scatter",
        "x": [center[1]],
        "y": [center[0]],
        "mode": "markers",
        "marker": {
            "symbol": "cross",
            "size": 10,
            "color": OUTPUT,
            "line": {"color": "white", "width": 1.5},
        },
        "name": "unit's center",
        "hovertemplate": "the unit's center: row %{y}, column %{x}<extra></extra>",
    } | place


def field_view(box: Box) -> tuple[Point, Point]:
    """Ranges of rows and columns around a box, with a margin in which borders can be seen."""
    side = max(last - first + 1 for first, last in box)
    margin = 0.5 + max(1.0, 0.06 * side)
    (top, bottom), (left, right) = box
    return (top - margin, bottom + margin), (left - margin, right + margin)


def whole_view(size: tuple[int, int]) -> tuple[Point, Point]:
    """Ranges of rows and columns around the image."""
    return field_view(((0, size[0] - 1), (0, size[1] - 1)))


def image_size(input_size: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) of a network's input (C, L) or (C, H, W)."""
    return (1, input_size[1]) if len(input_size) == 2 else (input_size[1], input_size[2])


def map_layout(
    title: str,
    view: tuple[Point, Point],
    traces: Sequence[Trace],
    notes: Sequence[str],
) -> dict[str, Any]:
    """A picture of one map: axes in pixels, color bar, legend in two columns, note."""
    rows, cols = view
    plot = min(PLOT, max(110, round(560 * (rows[1] - rows[0]) / (cols[1] - cols[0]))))
    entries = sum("name" in trace and trace.get("showlegend", True) for trace in traces)
    legend = ENTRY * ceil(entries / 2) + 8
    traces[0]["colorbar"] |= flat_colorbar(-AXES / plot)
    layout = noted(title, plot, AXES + BAR + legend, notes)
    layout["legend"] = two_columns(-(AXES + BAR) / plot)
    layout["xaxis"] = map_axis("column (px)", cols)
    layout["yaxis"] = map_axis("row (px)", rows[::-1]) | {
        "scaleanchor": "x",
        "constraintoward": "bottom",
    }
    return layout


def recipe_line(erf: EffectiveReceptiveField) -> str:
    """A sentence with all settings that are needed to compute the map again."""
    done = erf.convergence[-1].draws
    far = f" {done} of {erf.recipe.draws} draws done." if done < erf.recipe.draws else ""
    run = f"{erf.run.dtype} on {erf.run.device}"
    return f"{sentence_case(str(erf.recipe))}.{far} {sentence_case(_where(erf))}; {run}."


def _where(erf: EffectiveReceptiveField) -> str:
    """Layer, unit and input size of a map, in words."""
    rows, cols = erf.grid
    size = times(erf.input_size)
    return f"layer {erf.module or erf.layer}, unit {erf.unit} of {rows}×{cols}; input {size}"


def recipe_lines(
    named: Sequence[tuple[str, EffectiveReceptiveField]], *, places: bool = True
) -> list[str]:
    """The first map's recipe, and a line for each other map whose recipe differs.

    Args:
        named: (label, map) of each.
        places: whether the lines include layer, unit and input size.
    """
    first = named[0][1]
    lines = [recipe_line(first) if places else f"{sentence_case(str(first.recipe))}."]
    for label, erf in named[1:]:
        other = [
            f"{part.name} {value}"
            for part in fields(erf.recipe)
            if (value := getattr(erf.recipe, part.name)) != getattr(first.recipe, part.name)
        ]
        other += [_where(erf)] if places and _where(erf) != _where(first) else []
        lines += [f"{label}: {', '.join(other)}."] if other else []
    return lines


def cut_notes(erf: EffectiveReceptiveField) -> list[str]:
    """A note if the theoretical field extends beyond the image; else []."""
    if not erf.is_cut:
        return []
    padding_loss = erf.lost_to_padding
    share = (
        ""
        if padding_loss != padding_loss
        else f": {100 * padding_loss:.3g} % of the energy is expected there"
    )
    return [f"The theoretical field reaches out of the image{share}."]


def block_notes(shape: Sequence[int]) -> list[str]:
    """A note if the cells of a map of this shape are blocks of pixels; else []."""
    block = ceil(max(shape) / MOST_CELLS)
    return [f"Shown as means of {block}×{block} pixels."] if block > 1 else []
