"""Figures of effective fields of training runs: before and after, over the steps, in one image."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go

from viz.features.training.plot_parts import NOTHING, rgba, short_sigma, some_maps
from viz.plots.effective_field import (
    Shades,
    center_mark,
    field_view,
    frame,
    heat,
    image_border,
    image_size,
    map_layout,
    measured_ellipses,
    pixels,
    recipe_line,
    shades_of,
    whole_view,
)
from viz.plots.figure import Figure
from viz.plots.parts import (
    AXES,
    BAR,
    ENTRY,
    Trace,
    flat_colorbar,
    lined,
    map_axis,
    noted,
    two_columns,
)
from viz.theme import GREY, INPUT, WINDOW

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.erf import EffectiveReceptiveField

MOST_MAPS = 9
"""At most this many fields stand side by side."""
LARGE, SMALL = (2, 200), (3, 110)
"""(maps in a row, height of a map in pixels) of a pair, and of many maps."""
HEADING = 38
"""Height in pixels of the heading above a map."""
COLUMN_SHARE = 0.94
"""Share of its column's width that a map takes."""
HEAVY = 0.85
"""Opacity of a field's strongest pixels over the image."""


def erf_pair_figure(
    before: EffectiveReceptiveField, after: EffectiveReceptiveField, name: str
) -> go.Figure:
    """The fields before the first step and at a later one, on one logarithmic color scale.

    Args:
        before, after: Fields of the same unit.
        name: Rest of the title: the net's name, seed and step.
    """
    return _maps(f"Effective field: {name}", {"before": before, "after": after}, *LARGE)


def erf_steps_figure(shots: Sequence[tuple[int, EffectiveReceptiveField]]) -> go.Figure:
    """The field at some steps, on one logarithmic color scale; the first and the last included.

    Args:
        shots: (step, field) of one unit; at most `MOST_MAPS` are drawn, evenly.
    """
    selected = some_maps(shots, MOST_MAPS)
    title = "The effective field while it learns"
    if not selected:
        return Figure([], noted(title, SMALL[1], AXES, [NOTHING]))
    return _maps(title, {f"step {step:,}": erf for step, erf in selected}, *SMALL)


def _maps(
    title: str, named: dict[str, EffectiveReceptiveField], across: int, high: int
) -> go.Figure:
    """Maps of one unit in rows: one color scale, one part of the image.

    Args:
        title: Title of the figure.
        named: Maps by label.
        across: maps in a row.
        high: pixels of one.
    """
    erfs = list(named.values())
    plot = ceil(len(erfs) / across) * (high + HEADING)
    layout = noted(title, plot, AXES + BAR + ENTRY * 2 + 8, [recipe_line(erfs[0])])
    layout["legend"] = two_columns(-(AXES + BAR) / plot)
    shades = shades_of(erfs, True)
    traces: list[Trace] = []
    for place, (name, erf) in enumerate(named.items()):
        row, column = divmod(place, across)
        number = "" if place == 0 else str(place + 1)
        traces += _map(erf, shades, place == 0, xaxis=f"x{number}", yaxis=f"y{number}")
        top = 1 - (row * (high + HEADING) + HEADING) / plot
        below = place + across >= len(erfs)
        layout |= _axes(erf, number, column, across, (top, high / plot), below)
        layout["annotations"].append(_heading(name, erf, number) | {"y": top})
    traces[0]["colorbar"] |= flat_colorbar(-AXES / plot)
    return Figure(traces, layout)


def _map(erf: EffectiveReceptiveField, shades: Shades, first: bool, **place: Any) -> list[Trace]:
    """The traces of one map of several; only the first has a color bar and legend entries."""
    field, *_ = heat(erf.energy, erf.origin, shades, **place)
    border = [image_border(image_size(erf.input_size))]
    lines = lined(border, INPUT, "solid", "image's border", **place)
    lines += lined([frame(erf.theory.clipped)], WINDOW, "dash", "theoretical field", **place)
    lines += measured_ellipses(erf, "1σ and 2σ", **place)
    for line in lines:
        line["showlegend"] = first and "name" in line and line.get("showlegend", True)
    return [field | {"showscale": first}, *lines]


def _axes(
    erf: EffectiveReceptiveField,
    number: str,
    column: int,
    across: int,
    rise: tuple[float, float],
    below: bool,
) -> dict[str, dict[str, Any]]:
    """The axes of a map, with numbers only at the left and at the bottom."""
    rows, cols = field_view(erf.theory.clipped)
    top, high = rise
    few = {"nticks": 4, "ticks": "", "tickfont": {"size": 10}}
    x = map_axis("column (px)" if below and column == 0 else "", cols) | few | {
        "domain": [column / across, (column + COLUMN_SHARE) / across],
        "anchor": f"y{number}",
        "showticklabels": below,
        "constraintoward": ("right", "left")[column] if across == 2 else "center",
    }  # fmt: skip
    y = map_axis("row (px)" if number == "" else "", rows[::-1]) | few | {
        "domain": [max(0.0, top - high), top],
        "anchor": f"x{number}",
        "showticklabels": column == 0,
        "scaleanchor": f"x{number}",
        "constraintoward": "top",
    }  # fmt: skip
    return {f"xaxis{number}": x, f"yaxis{number}": y}


def _heading(name: str, erf: EffectiveReceptiveField, number: str) -> dict[str, Any]:
    """A heading centered above a map at any width of the screen."""
    left, right = field_view(erf.theory.clipped)[1]
    return {
        "text": f"<b>{name}</b><br>σ {pixels(short_sigma(erf))}",
        "font": {"size": 12},
        "showarrow": False,
        "x": (left + right) / 2,
        "xref": f"x{number}",
        "xanchor": "center",
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 2,
    }


def digit_figure(
    image: NDArray[np.float32], erf: EffectiveReceptiveField | None, label: str, predicted: str
) -> go.Figure:
    """A test image in gray, and over it in orange the pixels that change a unit's score.

    Args:
        image: (C, H, W); of several channels their mean is drawn.
        erf: Effective field of the unit in this image; None if no gradient reaches the image.
        label: Name of the true class.
        predicted: Name of the predicted class.
    """
    right = "" if predicted == label else ", which is wrong"
    size = image.shape[1], image.shape[2]
    traces = [_gray(image.mean(0))]
    notes = []
    if erf is None:
        notes.append("No gradient reaches the image from this unit.")
    else:
        traces[0]["showscale"] = False
        traces += [_orange(erf)]
        traces += lined([frame(erf.theory.clipped)], WINDOW, "dash", "theoretical field")
        traces += measured_ellipses(erf, f"1σ = {pixels(erf.sigma)}, 2σ")
        traces.append(center_mark(erf.theory.center))
        notes.append(f"Unit {erf.unit} of {erf.grid[0]}×{erf.grid[1]}.")
    if image.shape[0] > 1:
        notes.append(f"Gray: mean of {image.shape[0]} channels.")
    first = traces[1] if erf is not None else traces[0]
    layout = map_layout(
        f"It is {label}; the net predicts {predicted}{right}",
        whole_view(size),
        [first, *traces],
        notes,
    )
    return Figure(traces, layout)


def _gray(plane: NDArray[np.float32]) -> Trace:
    """A trace of the image, whose darkest value is black."""
    return {
        "type": "heatmap",
        "z": np.asarray(plane, dtype=np.float32),
        "colorscale": [[0, GREY[0]], [1, GREY[1]]],
        "zsmooth": False,
        "hovertemplate": "row %{y}, column %{x}: %{z:.3g}<extra></extra>",
        "colorbar": {"title": {"text": "pixel", "side": "top", "font": {"size": 12}}, "nticks": 5},
    }


def _orange(erf: EffectiveReceptiveField) -> Trace:
    """A trace of the field, transparent where it is weak so that the image stays visible."""
    field, *_ = heat(erf.energy, erf.origin, shades_of([erf], False))
    shares = np.linspace(0, 1, 11).tolist()
    scale = [[share, rgba(WINDOW, HEAVY * share**0.5)] for share in shares]
    return field | {"colorscale": scale}
