"""Elements of slides on effective receptive fields, and a slide of several maps side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, Patch, Rectangle

from viz.plots.effective_field import (
    DECADES,
    Box,
    Shades,
    image_size,
    pixels,
    recipe_lines,
    shades_of,
)
from viz.slides.margins import bar, column_width, is_wide, legend, noted, panels, room
from viz.slides.parts import EDGE, heat, sheet, titled, wrapped
from viz.slides.style import Style
from viz.theme import INPUT, OUTPUT, WINDOW

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.metrics import Point


def variants(
    named: Mapping[str, EffectiveReceptiveField],
    style: Style,
    *,
    title: str = "Variants, on one color scale",
    log: bool = False,
) -> Figure:
    """Up to four maps: one color scale, one size of pixel."""
    figure = sheet(style)
    titled(figure, title, "", style)
    noted(figure, recipe_lines(list(named.items()))[: 2 if is_wide(style) else 1], style)
    fields = list(named.values())
    shades = shades_of(fields, log)
    handles = [
        Line2D([], [], color=INPUT, path_effects=EDGE, label="image's border"),
        Line2D([], [], color=WINDOW, ls="--", path_effects=EDGE, label="theoretical field"),
        _ring("1σ and 2σ"),
    ]
    legend(figure, handles, style)
    drawn = panels(figure, len(fields), style, around=(0.8, 1.0))
    across = column_width(figure, drawn[0], style) - 0.5
    side = max(last - first + 1 for erf in fields for first, last in erf.theory.clipped)
    for axes, (label, erf) in zip(drawn, named.items(), strict=True):
        values = erf.map if shades.signed and not log else erf.energy
        artist = draw_map(axes, values, erf.origin, shades)
        size = image_size(erf.input_size)
        outline(axes, ((0, size[0] - 1), (0, size[1] - 1)), INPUT, "-", "")
        outline(axes, erf.theory.unclipped, WINDOW, "--", "")
        ellipses(axes, erf.sigma, erf.centroid, "white", "-", "")
        set_view(axes, _around(erf.theory.clipped, side), named=False)
        lines = wrapped(label, style.points, across)[:2]
        axes.set_title("\n".join([*lines, f"σ {pixels(erf.sigma)}"]), linespacing=1.1)
    shade_bar(drawn, artist, shades, 0.75 * room(figure, style)[1])
    return figure


def draw_map(axes: Axes, values: Any, origin: tuple[int, int], shades: Shades) -> ScalarMappable:
    """Draw a map as shares of the reference, or as the logarithms of these shares."""
    shares = np.asarray(values, dtype=float) / shades.reference
    if not shades.log:
        low, scale = (-1.0, "signed") if shades.signed else (0.0, "magnitude")
        return heat(axes, shares, (low, 1.0), scale, bar=False, origin=origin)
    with np.errstate(divide="ignore"):
        decades = np.where(shares == 0, np.nan, np.maximum(np.log10(np.abs(shares)), -DECADES))
    return heat(axes, decades, (-DECADES, 0), bar=False, origin=origin)


def shade_bar(axes: Any, artist: ScalarMappable, shades: Shades, inches: float) -> None:
    """The color bar of one or several maps."""
    text = f"{shades.measure}, share of {'largest' if shades.shared else 'the'} peak"
    if shades.log:
        ticks = list(range(-DECADES, 1))
        names = [f"{10.0**tick:g}" for tick in ticks]
        names[0] = f"≤ {names[0]}"
        bar(axes, artist, text, ticks, names, inches=inches)
    else:
        ticks_of = (-1, -0.5, 0, 0.5, 1) if shades.signed else (0, 0.5, 1)
        names = [f"{tick:g}".replace("-", "−") for tick in ticks_of]
        bar(axes, artist, text, ticks_of, names, inches=inches)


def outline(axes: Axes, edges: Box, color: str, dash: str, name: str) -> Patch:
    """A box of whole pixels."""
    (top, bottom), (left, right) = edges
    look: dict[str, Any] = {"fill": False, "ec": color, "ls": dash, "lw": 2.5}
    box = Rectangle((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, **look)
    box.set(path_effects=EDGE, label=name)
    axes.add_patch(box)
    return box


def ellipses(axes: Axes, sigma: Point, center: Point, color: str, dash: str, name: str) -> Line2D:
    """1σ and 2σ around the center of mass; at least a quarter pixel, so that they are seen."""
    down, across = (max(0.25, value) for value in sigma)
    for n in (1, 2):
        ring = Ellipse(center[::-1], 2 * n * across, 2 * n * down, fill=False)
        ring.set(ec=color, ls=dash, lw=2.5, path_effects=EDGE)
        axes.add_patch(ring)
    return _ring(name, color, dash)


def _ring(name: str, color: str = "white", dash: str = "-") -> Line2D:
    """A legend handle for ellipses, with a dark edge that is visible on white."""
    return Line2D([], [], color=color, ls=dash, path_effects=EDGE, label=name)


def center_mark(axes: Axes, center: Point) -> Line2D:
    """Mark the unit's center in the image."""
    look: dict[str, Any] = {"marker": "P", "ms": 11, "mfc": OUTPUT, "mec": "white", "ls": ""}
    (mark,) = axes.plot(center[1], center[0], label="unit's center", **look)
    return mark


def set_view(axes: Axes, view: Sequence[Sequence[float]], *, named: bool = True) -> None:
    """Limit the axes to a part of the image ((top, bottom), (left, right)) in pixels."""
    (top, bottom), (left, right) = view
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.locator_params(integer=True, nbins=6 if named else 4)
    if named:
        axes.set(xlabel="column (px)", ylabel="row (px)")


def _around(edges: Box, side: int) -> list[tuple[float, float]]:
    """A view of this side around the middle of a box."""
    half = side / 2 + max(1.0, 0.06 * side)
    return [(sum(span) / 2 - half, sum(span) / 2 + half) for span in edges]
