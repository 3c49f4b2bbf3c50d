"""Effective receptive fields as slides: one map, or some side by side on one scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse, Patch, Rectangle

from viz.figures.erf_parts import (
    DECADES,
    PHOTO_OPACITY,
    Box,
    Shades,
    cut_notes,
    field_view,
    image_size,
    pixels,
    recipe_line,
    recipe_lines,
    shades_of,
    whole_view,
)
from viz.slides.margins import bar, column_width, is_wide, legend, noted, panels, room
from viz.slides.parts import heat, sheet, titled, wrapped
from viz.slides.style import Style
from viz.theme import INPUT, OUTPUT, PINNED, WINDOW

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.metrics import Point
    from core.expected_erf import ExpectedErf

SQUARES = ((0.5, "-."), (0.99, ":"))
"""Shares of the energy whose squares are drawn, and their dashes."""
EDGE = [patheffects.withStroke(linewidth=5, foreground="black")]
"""Lines on a dark edge read on every colour of a map."""


def erf_map(
    erf: EffectiveReceptiveField,
    style: Style,
    *,
    title: str,
    log: bool = False,
    expected: ExpectedErf | None = None,
    photo: Any = None,
) -> Figure:
    """The map in the image, with the theoretical field, σ and the squares that hold t of it.

    Args:
        erf: what to draw.
        style: of the picture.
        title: what is looked at.
        log: logarithmic colours, down to 10^−4; pixels of exactly 0 are left blank.
        expected: the closed form, of which the σ ellipse is drawn beside the measured one.
        photo: (H, W, 3) the image, 0 to 255, laid under the map, all of which is then shown.
    """
    figure = sheet(style)
    titled(figure, title, "", style)
    noted(figure, [recipe_line(erf), *cut_notes(erf)], style)
    axes = figure.add_subplot()
    shades = shades_of([erf], log)
    size = image_size(erf.input_size)
    values = erf.map if shades.signed and not log else erf.energy
    artist = shaded(axes, values, erf.origin, shades)
    if photo is not None:
        over(axes, artist, photo)
    handles = [
        outline(axes, ((0, size[0] - 1), (0, size[1] - 1)), INPUT, "-", "image's border"),
        outline(axes, erf.theory.unclipped, WINDOW, "--", field_name(erf)),
        *(energy_square(axes, erf, share, dash) for share, dash in SQUARES),
        ellipses(axes, erf.sigma, erf.centroid, "white", "-", f"1σ = {pixels(erf.sigma)}, 2σ"),
    ]
    if expected is not None:
        handles.append(expected_ellipses(axes, expected))
    handles.append(center_mark(axes, erf.theory.center))
    seen(axes, field_view(erf.theory.clipped) if photo is None else whole_view(size))
    legend(figure, handles, style, beside=is_wide(style))
    shade_bar(axes, artist, shades, 0.8 * room(figure, style)[1])
    return figure


def expected_map(expected: ExpectedErf, style: Style, *, title: str, log: bool = False) -> Figure:
    """The closed form's map: what theory expects of the unit, no gradient taken."""
    figure = sheet(style)
    titled(figure, title, "closed form: no gradient was taken", style)
    axes = figure.add_subplot()
    uniform = expected.weights == "uniform"
    measure = "expected gradient" if uniform else "expected squared gradient"
    shades = Shades(measure, float(expected.map.max()), log=log)
    artist = shaded(axes, expected.map, expected.origin, shades)
    (top, left), (rows, cols) = expected.origin, expected.map.shape
    border = ((0, expected.input_size[0] - 1), (0, expected.input_size[1] - 1))
    handles = [
        outline(axes, border, INPUT, "-", "image's border"),
        expected_ellipses(axes, expected),
    ]
    seen(axes, field_view(((top, top + rows - 1), (left, left + cols - 1))))
    legend(figure, handles, style, beside=is_wide(style))
    shade_bar(axes, artist, shades, 0.8 * room(figure, style)[1])
    return figure


def variants(
    named: Mapping[str, EffectiveReceptiveField],
    style: Style,
    *,
    title: str = "Variants, on one colour scale",
    log: bool = False,
) -> Figure:
    """Up to four maps: one colour scale, one size of pixel."""
    figure = sheet(style)
    titled(figure, title, "", style)
    noted(figure, recipe_lines(list(named.items()))[: 2 if is_wide(style) else 1], style)
    found = list(named.values())
    shades = shades_of(found, log)
    handles = [
        Line2D([], [], color=INPUT, path_effects=EDGE, label="image's border"),
        Line2D([], [], color=WINDOW, ls="--", path_effects=EDGE, label="theoretical field"),
        _ring("1σ and 2σ"),
    ]
    legend(figure, handles, style)
    drawn = panels(figure, len(found), style, around=(0.8, 1.0))
    across = column_width(figure, drawn[0], style) - 0.5
    side = max(last - first + 1 for erf in found for first, last in erf.theory.clipped)
    for axes, (label, erf) in zip(drawn, named.items(), strict=True):
        values = erf.map if shades.signed and not log else erf.energy
        artist = shaded(axes, values, erf.origin, shades)
        size = image_size(erf.input_size)
        outline(axes, ((0, size[0] - 1), (0, size[1] - 1)), INPUT, "-", "")
        outline(axes, erf.theory.unclipped, WINDOW, "--", "")
        ellipses(axes, erf.sigma, erf.centroid, "white", "-", "")
        seen(axes, _around(erf.theory.clipped, side), named=False)
        lines = wrapped(label, style.points, across)[:2]
        axes.set_title("\n".join([*lines, f"σ {pixels(erf.sigma)}"]), linespacing=1.1)
    shade_bar(drawn, artist, shades, 0.75 * room(figure, style)[1])
    return figure


def shaded(axes: Axes, values: Any, origin: tuple[int, int], shades: Shades) -> ScalarMappable:
    """A map in its colours: shares of the reference, or their decades."""
    shares = np.asarray(values, dtype=float) / shades.reference
    if not shades.log:
        low, scale = (-1.0, "signed") if shades.signed else (0.0, "magnitude")
        return heat(axes, shares, (low, 1.0), scale, bar=False, origin=origin)
    with np.errstate(divide="ignore"):
        decades = np.where(shares == 0, np.nan, np.maximum(np.log10(np.abs(shares)), -DECADES))
    return heat(axes, decades, (-DECADES, 0), bar=False, origin=origin)


def shade_bar(axes: Any, artist: ScalarMappable, shades: Shades, inches: float) -> None:
    """The colour bar of one or several maps."""
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


def over(axes: Axes, artist: Any, photo: Any) -> None:
    """The image below its map, its pixels where the map has them."""
    rows, cols = photo.shape[:2]
    extent = (-0.5, cols - 0.5, rows - 0.5, -0.5)
    axes.imshow(photo, extent=extent, interpolation="none", zorder=0)
    artist.set(alpha=PHOTO_OPACITY)
    if hasattr(artist, "set_edgecolor"):
        artist.set(edgecolor="none", linewidth=0)  # seams would show through


def outline(axes: Axes, edges: Box, colour: str, dash: str, name: str) -> Patch:
    """A box of whole pixels."""
    (top, bottom), (left, right) = edges
    look: dict[str, Any] = {"fill": False, "ec": colour, "ls": dash, "lw": 2.5}
    box = Rectangle((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, **look)
    box.set(path_effects=EDGE, label=name)
    axes.add_patch(box)
    return box


def field_name(erf: EffectiveReceptiveField) -> str:
    """``theory 21×21 px``."""
    rows, cols = erf.theory.unclipped
    return f"theory {rows[1] - rows[0] + 1}×{cols[1] - cols[0] + 1} px"


def energy_square(axes: Axes, erf: EffectiveReceptiveField, share: float, dash: str) -> Patch:
    """The smallest square around the field's centre that holds a share of the energy."""
    side, (row, col) = erf.square(share), erf.theory.center
    look: dict[str, Any] = {"fill": False, "ec": PINNED, "ls": dash, "lw": 2.5}
    square = Rectangle((col - side / 2, row - side / 2), side, side, **look)
    square.set(path_effects=EDGE, label=f"{100 * share:g} % in {side} px")
    axes.add_patch(square)
    return square


def ellipses(axes: Axes, sigma: Point, center: Point, colour: str, dash: str, name: str) -> Line2D:
    """1σ and 2σ around the centre of mass; at least a quarter pixel, so that they are seen."""
    down, across = (max(0.25, value) for value in sigma)
    for n in (1, 2):
        ring = Ellipse(center[::-1], 2 * n * across, 2 * n * down, fill=False)
        ring.set(ec=colour, ls=dash, lw=2.5, path_effects=EDGE)
        axes.add_patch(ring)
    return _ring(name, colour, dash)


def _ring(name: str, colour: str = "white", dash: str = "-") -> Line2D:
    """What stands for ellipses in a legend, seen on white as well."""
    return Line2D([], [], color=colour, ls=dash, path_effects=EDGE, label=name)


def expected_ellipses(axes: Axes, expected: ExpectedErf) -> Line2D:
    """1σ and 2σ of the closed form."""
    from core.erf import metrics  # brings torch: not before there is something to draw

    sigma = metrics.sigma(expected.map)
    row, col = metrics.centroid(expected.map)
    center = row + expected.origin[0], col + expected.origin[1]
    return ellipses(axes, sigma, center, OUTPUT, ":", f"expected 1σ = {pixels(sigma)}")


def center_mark(axes: Axes, center: Point) -> Line2D:
    """Where the unit stands in the image."""
    look: dict[str, Any] = {"marker": "P", "ms": 11, "mfc": OUTPUT, "mec": "white", "ls": ""}
    (mark,) = axes.plot(center[1], center[0], label="unit's centre", **look)
    return mark


def seen(axes: Axes, view: Sequence[Sequence[float]], *, named: bool = True) -> None:
    """The part of the image that is in view, and axes in pixels."""
    (top, bottom), (left, right) = view
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.locator_params(integer=True, nbins=6 if named else 4)
    if named:
        axes.set(xlabel="column (px)", ylabel="row (px)")


def _around(edges: Box, side: int) -> list[tuple[float, float]]:
    """A view of this side around the middle of a box."""
    half = side / 2 + max(1.0, 0.06 * side)
    return [(sum(span) / 2 - half, sum(span) / 2 + half) for span in edges]
