"""Effective receptive fields as slides: one map, or some side by side on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from viz.plots.effective_field import (
    PHOTO_OPACITY,
    Shades,
    cut_notes,
    field_view,
    image_size,
    pixels,
    recipe_line,
    shades_of,
    whole_view,
)
from viz.slides.effective_field import center_mark, draw_map, ellipses, outline, set_view, shade_bar
from viz.slides.margins import is_wide, legend, noted, room
from viz.slides.parts import EDGE, sheet, titled
from viz.slides.style import Style
from viz.theme import INPUT, OUTPUT, PINNED, WINDOW

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf

SQUARES = ((0.5, "-."), (0.99, ":"))
"""Shares of the energy whose squares are drawn, and their dashes."""


def erf_map(
    erf: EffectiveReceptiveField,
    style: Style,
    *,
    title: str,
    log: bool = False,
    expected: ExpectedErf | None = None,
    photo: Any = None,
) -> Figure:
    """The map in the image, with the theoretical field, σ, and squares around shares of its energy.

    Args:
        erf: The measured field.
        style: Size, resolution and colors.
        title: Title of the figure: network, layer and unit.
        log: logarithmic colors, down to 10^−4; pixels of exactly 0 are left blank.
        expected: the closed form, of which the σ ellipse is drawn beside the measured one.
        photo: (H, W, 3) the image, 0 to 255, laid under the map; the view is then all of it.
    """
    figure = sheet(style)
    titled(figure, title, "", style)
    noted(figure, [recipe_line(erf), *cut_notes(erf)], style)
    axes = figure.add_subplot()
    shades = shades_of([erf], log)
    size = image_size(erf.input_size)
    values = erf.map if shades.signed and not log else erf.energy
    artist = draw_map(axes, values, erf.origin, shades)
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
    set_view(axes, field_view(erf.theory.clipped) if photo is None else whole_view(size))
    legend(figure, handles, style, beside=is_wide(style))
    shade_bar(axes, artist, shades, 0.8 * room(figure, style)[1])
    return figure


def expected_map(expected: ExpectedErf, style: Style, *, title: str, log: bool = False) -> Figure:
    """The closed form's map, expected by theory without any measured gradient."""
    figure = sheet(style)
    titled(figure, title, "closed form: no gradient was taken", style)
    axes = figure.add_subplot()
    uniform = expected.weights == "uniform"
    measure = "expected gradient" if uniform else "expected squared gradient"
    shades = Shades(measure, float(expected.map.max()), log=log)
    artist = draw_map(axes, expected.map, expected.origin, shades)
    (top, left), (rows, cols) = expected.origin, expected.map.shape
    border = ((0, expected.input_size[0] - 1), (0, expected.input_size[1] - 1))
    handles = [
        outline(axes, border, INPUT, "-", "image's border"),
        expected_ellipses(axes, expected),
    ]
    set_view(axes, field_view(((top, top + rows - 1), (left, left + cols - 1))))
    legend(figure, handles, style, beside=is_wide(style))
    shade_bar(axes, artist, shades, 0.8 * room(figure, style)[1])
    return figure


def over(axes: Axes, artist: Any, photo: Any) -> None:
    """Draw the photograph below the map, which becomes partly transparent."""
    rows, cols = photo.shape[:2]
    extent = (-0.5, cols - 0.5, rows - 0.5, -0.5)
    axes.imshow(photo, extent=extent, interpolation="none", zorder=0)
    artist.set(alpha=PHOTO_OPACITY)
    if hasattr(artist, "set_edgecolor"):
        artist.set(edgecolor="none", linewidth=0)  # seams would show through


def field_name(erf: EffectiveReceptiveField) -> str:
    """The legend's text for the theoretical field, such as ``theory 21×21 px``."""
    rows, cols = erf.theory.unclipped
    return f"theory {rows[1] - rows[0] + 1}×{cols[1] - cols[0] + 1} px"


def energy_square(axes: Axes, erf: EffectiveReceptiveField, share: float, dash: str) -> Patch:
    """The smallest square around the field's center that holds a share of the energy."""
    side, (row, col) = erf.square(share), erf.theory.center
    look: dict[str, Any] = {"fill": False, "ec": PINNED, "ls": dash, "lw": 2.5}
    square = Rectangle((col - side / 2, row - side / 2), side, side, **look)
    square.set(path_effects=EDGE, label=f"{100 * share:g} % in {side} px")
    axes.add_patch(square)
    return square


def expected_ellipses(axes: Axes, expected: ExpectedErf) -> Line2D:
    """The ellipses at 1σ and 2σ of the closed form."""
    from core.erf import metrics  # brings torch: not before there is something to draw

    sigma = metrics.sigma(expected.map)
    row, col = metrics.centroid(expected.map)
    center = row + expected.origin[0], col + expected.origin[1]
    return ellipses(axes, sigma, center, OUTPUT, ":", f"expected 1σ = {pixels(sigma)}")
