"""Slides and films of training runs: effective fields over the steps, kernels, one image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from numpy.typing import NDArray

from viz.features.training.field_plots import HEAVY
from viz.features.training.map_plots import tiled
from viz.features.training.plot_parts import short_sigma
from viz.plots.effective_field import (
    field_view,
    image_size,
    pixels,
    recipe_line,
    shades_of,
    whole_view,
)
from viz.slides.effective_field import center_mark, draw_map, ellipses, outline, set_view, shade_bar
from viz.slides.margins import bar, is_wide, legend, noted, room
from viz.slides.parts import SMALL, heat, sheet, titled
from viz.slides.style import Film, Style
from viz.theme import INPUT, WINDOW

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField

SLOW = 1.5
"""Frames per second of the films."""


def field_film(
    shots: Sequence[tuple[int, EffectiveReceptiveField]], style: Style, *, title: str
) -> Film:
    """The film of one unit's effective field during the training, on one logarithmic scale.

    Args:
        shots: (step, field), all of one unit.
        style: Size, resolution and colors.
        title: Title of the figure: the net's name.
    """
    maps = [erf for _, erf in shots]
    captions = [f"step {step:,}: σ {pixels(short_sigma(erf))}" for step, erf in shots]
    figure = sheet(style)
    titled(figure, title, max(captions, key=len), style)
    words = figure.texts[-1]
    noted(figure, [recipe_line(maps[0])], style)
    axes = figure.add_subplot()
    shades = shades_of(maps, True)
    artists: list[Any] = [draw_map(axes, erf.energy, erf.origin, shades) for erf in maps]
    size = image_size(maps[0].input_size)
    handles = [
        outline(axes, ((0, size[0] - 1), (0, size[1] - 1)), INPUT, "-", "image's border"),
        outline(axes, maps[0].theory.clipped, WINDOW, "--", "theoretical field"),
        ellipses(axes, maps[0].sigma, maps[0].centroid, "white", "-", "1σ and 2σ"),
    ]
    rings = [each for each in axes.patches if isinstance(each, Ellipse)]
    set_view(axes, field_view(maps[0].theory.clipped))
    legend(figure, handles, style, beside=is_wide(style))
    shade_bar(axes, artists[0], shades, 0.8 * room(figure, style)[1])

    def show(frame: int) -> list[Any]:
        for place, artist in enumerate(artists):
            artist.set(visible=place == frame)
        for times, ring in enumerate(rings, start=1):
            _move(ring, maps[frame], times)
        words.set_text(captions[frame])
        return [*artists, *axes.patches, words]

    show(0)
    return Film(figure, len(shots), show, SLOW)


def _move(ring: Ellipse, erf: EffectiveReceptiveField, times: int) -> None:
    """Move an ellipse to ``times`` σ of a field."""
    down, across = (max(0.25, value) for value in erf.sigma)
    ring.set(center=erf.centroid[::-1], width=2 * times * across, height=2 * times * down)


def kernels(weights: NDArray[np.float32], style: Style, *, title: str, step: int) -> Figure:
    """The first layer's kernels, numbered from 0, on one scale around zero.

    Args:
        weights: (filters, channels, rows, columns).
        style: Size, resolution and colors.
        title: Title of the figure: the net's name.
        step: after which they were so.
    """
    return kernel_film([(step, weights)], style, title=title).figure


def kernel_film(
    shots: Sequence[tuple[int, NDArray[np.float32]]], style: Style, *, title: str
) -> Film:
    """The film of the first layer's kernels during the training, on one scale; see `kernels`."""
    figure = sheet(style)
    captions = [f"kernels of the first layer after step {step:,}" for step, _ in shots]
    titled(figure, title, max(captions, key=len), style)
    words = figure.texts[-1]
    across = _across(shots[0][1].shape, style)
    boards = [tiled(each, across)[0] for _, each in shots]
    top = max(float(np.abs(each).max()) for _, each in shots) or 1.0
    axes = figure.add_subplot()
    artists: list[Any] = [heat(axes, board, (-top, top), "signed", bar=False) for board in boards]
    axes.axis("off")
    points = SMALL * style.points
    for number, (row, column) in enumerate(tiled(shots[0][1], across)[1]):
        axes.text(column, row - 0.55, str(number), ha="center", va="bottom", fontsize=points)
    bar(axes, artists[0], "weight", inches=0.8 * room(figure, style)[1])

    def show(frame: int) -> list[Any]:
        for place, artist in enumerate(artists):
            artist.set(visible=place == frame)
        words.set_text(captions[frame])
        return [*artists, *axes.texts, words]

    show(0)
    return Film(figure, len(shots), show, SLOW)


def _across(shape: tuple[int, ...], style: Style) -> int:
    """How many kernels a row needs so that the array is about as wide as the paper."""
    count, channels, high, wide = shape
    width, height = style.inches
    return max(1, round(np.sqrt(count * channels * width * (high + 1) / (height * (wide + 1)))))


def image_with_field(
    image: NDArray[np.float32],
    erf: EffectiveReceptiveField | None,
    style: Style,
    *,
    title: str,
    subtitle: str,
) -> Figure:
    """A test image in gray, and over it in orange the pixels that change a unit's score.

    Args:
        image: (C, H, W); of several channels their mean is drawn.
        erf: Effective field of the unit in this image; None if no gradient reaches the image.
        style: Size, resolution and colors.
        title: Title of the figure: the net's name.
        subtitle: The true and the predicted class in words.
    """
    figure = sheet(style)
    titled(figure, title, subtitle, style)
    notes = (
        ["No gradient reaches the image from this unit."]
        if erf is None
        else [
            f"Unit {erf.unit} of {erf.grid[0]}×{erf.grid[1]}; squared gradient of its score, this image only."
        ]
    )
    noted(figure, notes, style)
    axes = figure.add_subplot()
    heat(axes, image.mean(0), scale="grey", bar=False)
    set_view(axes, whole_view((image.shape[1], image.shape[2])))
    if erf is not None:
        _over(axes, erf, figure, style)
    return figure


def _over(axes: Axes, erf: EffectiveReceptiveField, figure: Figure, style: Style) -> None:
    """Draw the field, transparent where it is weak, its σ, and the theoretical field."""
    view = axes.get_xlim(), axes.get_ylim()
    shares = erf.energy / erf.energy.max()
    scale = [to_rgba(WINDOW, HEAVY * share**0.5) for share in np.linspace(0, 1, 64)]
    (top, left), (rows, cols) = erf.origin, shares.shape
    edges = (left - 0.5, left + cols - 0.5, top + rows - 0.5, top - 0.5)
    color = LinearSegmentedColormap.from_list("clear to orange", scale)
    look: dict[str, Any] = {"cmap": color, "vmin": 0, "vmax": 1, "interpolation": "none"}
    artist = axes.imshow(shares, extent=edges, zorder=1.5, **look)
    axes.set(xlim=view[0], ylim=view[1])
    handles = [
        outline(axes, erf.theory.clipped, WINDOW, "--", "theoretical field"),
        ellipses(
            axes, erf.sigma, erf.centroid, "white", "-", f"1σ = {pixels(short_sigma(erf))}, 2σ"
        ),
        center_mark(axes, erf.theory.center),
    ]
    legend(figure, handles, style, beside=is_wide(style))
    label = "squared gradient, share of the peak"
    bar(axes, artist, label, (0, 0.5, 1), inches=0.8 * room(figure, style)[1])
