"""Plots of effective receptive fields: the map of one unit, and several maps on one scale.

Maps are drawn in pixels of the image, as shares of a peak. The recipe stands below, so that a
screenshot can be computed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import SpecError
from core.plots.maps import pixel_axes
from core.plots.plot import (
    Box,
    Boxes,
    Color,
    Dash,
    Heat,
    Mark,
    Numbers,
    Panel,
    Photo,
    Plot,
    PlotAxis,
    Points,
    Polyline,
    Scale,
    Size,
)
from core.text import sentence_case, times

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf
    from core.erf.metrics import Point

PixelBox = tuple[tuple[int, int], tuple[int, int]]
"""(first, last) row and (first, last) column, all included, as `core.receptive_field.cone.Box`."""
View = tuple[tuple[float, float], tuple[float, float]]
"""First and last edge of the rows, and of the columns, that a panel contains."""
DECADES = 4
"""Logarithmic colors reach down to 10^−4 of the peak."""
OUTLINE = 1.5
"""Width in pixels of the lines on a map: it has up to eight of them."""
AROUND, LEAST_VIEW = 1.8, 24
"""Side of the view of a photograph as a multiple of the field's, and its least side in pixels."""
PHOTO_OPACITY = 0.6
"""Opacity of a map over a photograph."""
MOST_VARIANTS = 4
"""Largest number of maps side by side."""
SQUARES: tuple[tuple[float, Dash], ...] = ((0.5, "dashdot"), (0.99, "dot"))
"""Shares of the energy whose smallest squares are drawn, and their dashes."""
MEASURES = {
    "energy": "squared gradient",
    "abs": "absolute gradient",
    "relu": "positive gradient",
    "signed": "signed gradient",
}
"""Name of the measure in a map, by the aggregate of its gradients."""


@dataclass(frozen=True)
class PeakScale:
    """A scale for shares of a peak, the same in all maps of a plot.

    Attributes:
        scale: How shares become colors.
        peak: The value whose share is 1.
    """

    scale: Scale
    peak: float


def peak_scale(
    erfs: Sequence[EffectiveReceptiveField],
    *,
    log: bool = False,
    colors: Literal["magnitude", "overlay"] = "magnitude",
) -> PeakScale:
    """One scale for some maps, up to the largest of their peaks.

    Args:
        erfs: The maps, at least one. If all are signed, the scale is centered on zero.
        log: Whether colors are logarithmic; of signed maps they show the absolute values then.
        colors: "overlay" over a photograph, for which low values are transparent.
    """
    measures = {MEASURES[erf.recipe.aggregate] for erf in erfs}
    measure = measures.pop() if len(measures) == 1 else "gradient"
    label = f"{measure}, share of the {'largest ' if len(erfs) > 1 else ''}peak"
    peak = max(float(erf.energy.max()) for erf in erfs) or 1.0
    if measure == MEASURES["signed"] and not log:
        ends = (-1.0, -0.5, 0.0, 0.5, 1.0)
        return PeakScale(Scale(label, -1.0, 1.0, "signed", ticks=ends), peak)
    blank = log and any((erf.energy == 0).any() for erf in erfs)
    return PeakScale(_share_scale(label, log, blank, colors), peak)


def _share_scale(
    label: str, log: bool, blank: bool, colors: Literal["magnitude", "overlay"] = "magnitude"
) -> Scale:
    """A scale from 0 to 1, or from 10^−4 to 1 with logarithmic colors."""
    if not log:
        return Scale(label, 0.0, 1.0, colors, ticks=(0.0, 0.5, 1.0))
    label += " (blank: 0)" if blank else ""
    ticks = tuple(10.0**power for power in range(-DECADES, 1))
    names = tuple(f"{tick:g}" for tick in ticks)
    names = (f"≤ {names[0]}", *names[1:])
    return Scale(label, ticks[0], 1.0, colors, log=True, ticks=ticks, names=names)


def field_plot(
    erf: EffectiveReceptiveField,
    title: str = "Effective receptive field",
    *,
    log: bool = False,
    expected: ExpectedErf | None = None,
    photo: NDArray[np.uint8] | None = None,
) -> Plot:
    """The map in the image, with the theoretical field, σ, and squares around shares of its energy.

    Args:
        erf: The measured field.
        title: The heading.
        log: Whether colors are logarithmic, down to 10^−4; pixels of exactly 0 are blank.
        expected: The closed form, whose ellipses are drawn beside the measured ones.
        photo: (H, W, 3) the image, 0 to 255, below the map; the view is wider then.
    """
    more: list[Mark] = [_energy_square(erf, share, dash) for share, dash in SQUARES]
    more += [_expected_ellipses(expected)] if expected is not None else []
    panel = field_panel(
        erf,
        peak_scale([erf], log=log),
        view=None if photo is None else photo_view(erf.theory.clipped, image_size(erf.input_size)),
        below=() if photo is None else (Photo(photo),),
        above=(*more, center_mark(erf.theory.center)),
        sizes=True,
    )
    return Plot(title, (panel,), _alt(title, erf), notes=(recipe_line(erf), *cut_notes(erf)))


def _alt(title: str, erf: EffectiveReceptiveField) -> str:
    """A sentence on a map for people who cannot see it."""
    row, col = erf.centroid
    rows, cols = field_size(erf)
    return (
        f"{title}: the map is centered on row {row:.3g}, column {col:.3g}, with σ "
        f"{pixels(erf.sigma)}; 99 % of its energy lie in a square of {erf.square(0.99)} of the "
        f"{rows}×{cols} px of the theoretical field."
    )


def field_panel(
    erf: EffectiveReceptiveField,
    scale: PeakScale,
    *,
    title: str = "",
    note: str = "",
    view: View | None = None,
    below: Sequence[Mark] = (),
    above: Sequence[Mark] = (),
    sizes: bool = False,
    size: Size = "large",
) -> Panel:
    """A map with the image's border, the theoretical field, and ellipses at 1σ and 2σ.

    Args:
        erf: The measured field.
        scale: The scale, from `peak_scale`.
        title, note: The heading.
        view: The part of the image; None for the theoretical field and a margin.
        below, above: Marks behind and before the others. Over a mark the map is transparent.
        sizes: Whether the legend contains the sizes, for a plot of one map.
        size: How large the panel is on the screen.
    """
    faint = bool(below) and scale.scale.colors != "overlay"
    lines = (
        image_border(image_size(erf.input_size)),
        theoretical_field(erf, sizes=sizes),
        measured_ellipses(erf, sizes=sizes),
    )
    heat = field_heat(erf, scale, opacity=PHOTO_OPACITY if faint else 1.0)
    panel = _map_panel((*below, heat, *lines, *above), view or field_view(erf.theory.clipped))
    panel = replace(panel, title=title, note=note, size=size)
    return as_strip(panel) if image_size(erf.input_size)[0] == 1 else panel


def _map_panel(marks: tuple[Mark, ...], view: View) -> Panel:
    """A panel of square pixels."""
    x, y = pixel_axes(*view)
    return Panel(marks, x, y, cell=1.0)


def as_strip(panel: Panel) -> Panel:
    """The map of an image of a single row, whose pixels are as high as the panel."""
    return replace(panel, y=PlotAxis(low=0.5, high=-0.5, hidden=True), cell=0.0, size="small")


def field_heat(erf: EffectiveReceptiveField, scale: PeakScale, *, opacity: float = 1.0) -> Heat:
    """A measured map on a scale; of a signed map the absolute values if the scale has no signs."""
    values = erf.map if scale.scale.colors == "signed" else erf.energy
    return _heat(values, erf.origin, scale, opacity)


def _heat(values: Numbers, origin: tuple[int, int], scale: PeakScale, opacity: float = 1.0) -> Heat:
    """A map of pixels whose first one is at ``origin``, as shares of the peak."""
    top, left = origin
    return Heat(
        values / scale.peak, scale.scale, left - 0.5, top - 0.5, opacity=opacity, unit="of the peak"
    )


def pixel_edges(box: PixelBox) -> Box:
    """The outer edges of a box of whole pixels."""
    (top, bottom), (left, right) = box
    return left - 0.5, right + 0.5, top - 0.5, bottom + 0.5


def image_border(size: tuple[int, int]) -> Boxes:
    """The outline of an image of this (height, width)."""
    edges = (-0.5, size[1] - 0.5, -0.5, size[0] - 0.5)
    return Boxes([edges], "image's border", "input", width=OUTLINE, cased=True)


def theoretical_field(erf: EffectiveReceptiveField, *, sizes: bool = False) -> Boxes:
    """The outline of the theoretical field, also where it extends beyond the image.

    Args:
        erf: The measured field.
        sizes: Whether the legend's text contains its size.
    """
    rows, cols = field_size(erf)
    name = f"theory {rows}×{cols} px" if sizes else "theoretical field"
    edges = pixel_edges(erf.theory.unclipped)
    return Boxes([edges], name, "window", "dash", OUTLINE, cased=True)


def field_size(erf: EffectiveReceptiveField) -> tuple[int, int]:
    """(height, width) of the theoretical field as a box of whole pixels."""
    (top, bottom), (left, right) = erf.theory.unclipped
    return bottom - top + 1, right - left + 1


def measured_ellipses(erf: EffectiveReceptiveField, *, sizes: bool = False) -> Polyline:
    """The ellipses at 1σ and 2σ of a measured map, in white.

    Args:
        erf: The measured field.
        sizes: Whether the legend's text contains σ.
    """
    name = f"1σ = {pixels(erf.sigma)}, 2σ" if sizes else "1σ and 2σ"
    return ellipses(erf.sigma, erf.centroid, name, "white", "solid")


def ellipses(sigma: Point, center: Point, name: str, color: Color, dash: Dash) -> Polyline:
    """Ellipses at 1σ and 2σ; σ is drawn as a quarter of a pixel at least, so that it is seen.

    Args:
        sigma: (σ_y, σ_x) in pixels.
        center: (row, column) of their center.
        name: Text in the legend.
        color, dash: The lines.
    """
    angle = np.linspace(0, 2 * np.pi, 73)
    down, across = (max(0.25, value) for value in sigma)
    rings = [
        (center[1] + n * across * np.cos(angle), center[0] + n * down * np.sin(angle))
        for n in (1, 2)
    ]
    x, y = (np.concatenate([rings[0][i], [np.nan], rings[1][i]]).round(3) for i in (0, 1))
    return Polyline(x, y, name, color, dash, OUTLINE, cased=True, hover=None)


def center_mark(center: Point) -> Points:
    """The center (row, column) of the unit's theoretical field: where the unit is in the image."""
    row, col = center
    hover = [f"the unit's center: row {row:g}, column {col:g}"]
    return Points([col], [row], "unit's center", "output", "cross", 11, hover=hover)


def pixels(pair: Point) -> str:
    """``3.2 px``, or ``3.2×1.5 px`` where height and width differ."""
    rows, cols = (f"{value:.3g}" for value in pair)
    return f"{rows} px" if rows == cols else f"{rows}×{cols} px"


def field_view(box: PixelBox) -> View:
    """The part of the image around a box, with a margin in which borders can be seen."""
    return equal_views([box])[0]


def whole_view(size: tuple[int, int]) -> View:
    """All of an image of this (height, width), with a margin."""
    return field_view(((0, size[0] - 1), (0, size[1] - 1)))


def photo_view(box: PixelBox, size: tuple[int, int]) -> View:
    """The part of an image around a box in which the photograph can be recognized.

    Args:
        box: First and last row and column of the theoretical field inside the image.
        size: (height, width) of the image.
    """
    length = max(LEAST_VIEW, *(round(AROUND * (last - first + 1)) for first, last in box))
    if length >= max(size):
        return whole_view(size)
    rows, columns = (
        _inside(pair, min(length, side), side) for pair, side in zip(box, size, strict=True)
    )
    return rows, columns


def _inside(pair: tuple[int, int], length: int, side: int) -> tuple[float, float]:
    """Edges of so many pixels around a first and a last one, all of them inside the image."""
    start = sum(pair) // 2 - length // 2
    start = min(max(start, 0), side - length)
    return start - 0.5, start + length - 0.5


def equal_views(boxes: Sequence[PixelBox]) -> list[View]:
    """Views around some boxes, all of the same height and width, so that pixels have one size.

    They are whole numbers of pixels.
    """
    longest = [max(box[axis][1] - box[axis][0] + 1 for box in boxes) for axis in (0, 1)]
    margin = max(1, round(0.06 * max(longest)))
    lengths = [n + 2 * margin for n in longest]
    return [(_around(rows, lengths[0]), _around(columns, lengths[1])) for rows, columns in boxes]


def _around(pair: tuple[int, int], length: int) -> tuple[float, float]:
    """Edges of so many pixels around a first and a last one."""
    first, last = pair
    start = first - (length - (last - first + 1)) // 2 - 0.5
    return start, start + length


def image_size(input_size: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) of a network's input (C, L) or (C, H, W)."""
    return (1, input_size[1]) if len(input_size) == 2 else (input_size[1], input_size[2])


def recipe_line(erf: EffectiveReceptiveField) -> str:
    """A sentence with all settings that are needed to compute the map again."""
    done = erf.convergence[-1].draws
    far = f" {done} of {erf.recipe.draws} draws done." if done < erf.recipe.draws else ""
    layer, unit, size = _where(erf)
    place = f"{sentence_case(layer)}, {unit}; {size}; {erf.run.dtype} on {erf.run.device}."
    return f"{sentence_case(str(erf.recipe))}.{far} {place}"


def _where(erf: EffectiveReceptiveField) -> tuple[str, str, str]:
    """Layer, unit and input size of a map, in words."""
    layer, unit = erf.module or erf.layer, f"unit {erf.unit} of {times(erf.grid)}"
    return f"layer {layer}", unit, f"input {times(erf.input_size)}"


def recipe_lines(
    named: Sequence[tuple[str, EffectiveReceptiveField]], *, places: bool = True
) -> list[str]:
    """The first map's recipe, and a line for each other map with the settings that differ.

    Args:
        named: (label, map) of each.
        places: Whether the lines include layer, unit and input size.
    """
    first = named[0][1]
    lines = [recipe_line(first) if places else f"{sentence_case(str(first.recipe))}."]
    for label, erf in named[1:]:
        words = [*erf.recipe.words().values(), *(_where(erf) if places else ())]
        usual = [*first.recipe.words().values(), *(_where(first) if places else ())]
        pairs = zip(words, usual, strict=True)
        other = [
            text or f"without {first_text}" for text, first_text in pairs if text != first_text
        ]
        lines += [f"{label}: {', '.join(other)}."] if other else []
    return lines


def cut_notes(erf: EffectiveReceptiveField) -> list[str]:
    """A note if the theoretical field extends beyond the image; else []."""
    if not erf.is_cut:
        return []
    expected = erf.lost_to_padding
    share = (
        "" if expected != expected else f": {100 * expected:.3g} % of the energy is expected there"
    )
    return [f"The theoretical field reaches out of the image{share}."]


def _energy_square(erf: EffectiveReceptiveField, share: float, dash: Dash) -> Boxes:
    """The smallest square around the field's center with a share of the energy."""
    side, (row, col) = erf.square(share), erf.theory.center
    edges = (col - side / 2, col + side / 2, row - side / 2, row + side / 2)
    return Boxes([edges], f"{100 * share:g} % in {side} px", "pinned", dash, OUTLINE, cased=True)


def _expected_ellipses(expected: ExpectedErf) -> Polyline:
    """The ellipses at 1σ and 2σ of the closed form."""
    name = f"expected 1σ = {pixels(expected.sigma)}, 2σ"
    return ellipses(expected.sigma, expected.centroid, name, "output", "dot")


def expected_plot(
    expected: ExpectedErf, title: str = "Expected receptive field", *, log: bool = False
) -> Plot:
    """The closed form's map, drawn while the measured one is computed.

    Args:
        expected: The closed form.
        title: The heading.
        log: Whether colors are logarithmic, down to 10^−4.
    """
    measure = "gradient" if expected.weights == "uniform" else "squared gradient"
    label = f"expected {measure}, share of the peak"
    blank = log and bool((expected.map == 0).any())
    scale = PeakScale(_share_scale(label, log, blank), float(expected.map.max()))
    (top, left), (rows, cols) = expected.origin, expected.map.shape
    marks = (
        _heat(expected.map, expected.origin, scale),
        image_border(expected.input_size),
        _expected_ellipses(expected),
    )
    panel = _map_panel(marks, field_view(((top, top + rows - 1), (left, left + cols - 1))))
    panel = as_strip(panel) if expected.input_size[0] == 1 else panel
    note = f"Closed form, no gradient was taken. Unit {expected.unit}."
    alt = f"{title}: the closed form's map has σ {pixels(expected.sigma)}."
    return Plot(title, (panel,), alt, notes=(note,))


def variants_plot(
    named: Mapping[str, EffectiveReceptiveField],
    title: str = "Variants, on one color scale",
    *,
    log: bool = False,
) -> Plot:
    """Up to four maps side by side: one color scale, one size of pixel.

    Args:
        named: Maps by label.
        title: The heading.
        log: Whether colors are logarithmic, down to 10^−4 of the largest peak.

    Raises:
        SpecError: No variant, or more than `MOST_VARIANTS`.
    """
    if not 1 <= len(named) <= MOST_VARIANTS:
        raise SpecError("named", f"must be 1 to {MOST_VARIANTS} variants", len(named))
    erfs = list(named.values())
    scale, views = peak_scale(erfs, log=log), equal_views([erf.theory.clipped for erf in erfs])
    size: Size = "medium" if len(named) < 3 else "small"
    panels = tuple(
        field_panel(erf, scale, title=label, note=f"σ {pixels(erf.sigma)}", view=view, size=size)
        for (label, erf), view in zip(named.items(), views, strict=True)
    )
    sigmas = ", ".join(f"{label} {pixels(erf.sigma)}" for label, erf in named.items())
    notes = tuple(recipe_lines(list(named.items())))
    return Plot(title, panels, f"{title}: σ is {sigmas}.", notes=notes, half=2)
