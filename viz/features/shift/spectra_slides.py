"""Slides of spectra before and after downsampling, and of the energy that aliases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch, Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from viz.features.shift.spectra_plots import DECADES, by_distance, frequencies, percent
from viz.slides.margins import bar, is_wide, legend, panels, room
from viz.slides.parts import EDGE, colormap, plain, sheet, titled
from viz.slides.style import Style
from viz.theme import OUTPUT, UNREAD, WINDOW

if TYPE_CHECKING:
    from core.shift.spectrum import Spectrum


def spectra(named: Mapping[str, Spectrum], style: Style, *, title: str) -> Figure:
    """Energy by frequency, before and after, a row for each layer (a line on a wide slide).

    Args:
        named: Spectra by name of the layer, all with the same stride.
        style: Style of the slide.
        title: Name of the layer.
    """
    figure = sheet(style)
    titled(figure, title, "energy by frequency, before and after downsampling", style)
    inside = Rectangle((0, 0), 1, 1, fill=False, ec=WINDOW, lw=3, label="band that is left")
    outside = Patch(fc="none", ec=UNREAD, hatch="//", label="outside: folds back")
    legend(figure, [inside, outside], style)
    peak = max(float(each.before.max()) for each in named.values()) or 1.0
    wide, points = is_wide(style), 0.85 * style.points
    shape = (1, 2 * len(named)) if wide else (len(named), 2)
    grid = figure.subplots(*shape, squeeze=False).ravel()
    for row, (name, spectrum) in enumerate(named.items()):
        before, after = grid[2 * row], grid[2 * row + 1]
        artist = _energies(before, spectrum.before, peak)
        _energies(after, spectrum.measured, peak)
        _band(before, spectrum.stride)
        before.set_title(f"{name}:\nbefore", fontsize=points, linespacing=1.1)
        heading = f"after: {percent(spectrum.aliased)}\nfolded in"
        after.set_title(heading, fontsize=points, linespacing=1.1)
        if wide or row == len(named) - 1:
            before.set_xlabel("cycles / px")
            after.set_xlabel("cycles / output px")
        for axes in (before, after):
            axes.tick_params(labelleft=axes is before and (not wide or not row))
            axes.tick_params(labelbottom=wide or row == len(named) - 1)
    ticks = list(range(-DECADES, 1, 2))
    names = [f"{10.0**tick:g}".replace("e-0", "e−") for tick in ticks]
    inches = 0.85 * room(figure, style)[1]
    bar(list(grid), artist, "energy, share of the largest", ticks, names, inches=inches)
    return figure


def _energies(axes: Axes, energy: NDArray[np.float64], peak: float) -> Any:
    """Draw a map of energies by frequency, as logarithms of shares of ``peak``."""
    share = np.log10(np.maximum(energy / peak, 10.0**-DECADES))
    right, down = (frequencies(energy.shape[axis]) for axis in (1, 0))
    half = (0.5 / energy.shape[1], 0.5 / energy.shape[0])
    extent = (right[0] - half[0], right[-1] + half[0], down[-1] + half[1], down[0] - half[1])
    look: dict[str, Any] = {"cmap": colormap("magnitude"), "vmin": -DECADES, "vmax": 0}
    image = axes.imshow(share, extent=extent, interpolation="none", **look)
    ticks, names = (-0.5, 0, 0.5), ("−½", "0", "½")
    axes.set(xlim=(-0.52, 0.52), ylim=(0.52, -0.52))
    axes.set_xticks(ticks, names)
    axes.set_yticks(ticks, names)
    return image


def _band(axes: Axes, stride: int) -> None:
    """A frame around the frequencies below the new Nyquist limit; those outside are hatched."""
    half = 0.5 / stride
    outer = [(-0.5, -0.5), (-0.5, 0.5), (0.5, 0.5), (0.5, -0.5), (-0.5, -0.5)]
    inner = [(-half, -half), (half, -half), (half, half), (-half, half), (-half, -half)]
    codes = [Path.MOVETO, *[Path.LINETO] * 3, Path.CLOSEPOLY] * 2
    ring = PathPatch(Path(outer + inner, codes), fc="none", ec=UNREAD, hatch="//", lw=0)
    axes.add_patch(ring)
    frame = Rectangle((-half, -half), 2 * half, 2 * half, fill=False, ec=WINDOW, lw=3)
    frame.set(path_effects=EDGE)
    axes.add_patch(frame)


def folded(named: Mapping[str, Spectrum], style: Style, *, title: str) -> Figure:
    """Energy after downsampling by frequency, split into the band's own energy and aliased energy.

    The energies of all frequencies with the same distance from zero are added, as in
    `viz.features.shift.spectra_plots.by_distance`.

    Args:
        named: Spectra by name of the layer.
        style: Style of the slide.
        title: Name of the layer.
    """
    figure = sheet(style)
    titled(figure, title, "what each frequency holds after downsampling", style)
    looks: tuple[dict[str, Any], ...] = (
        {"facecolor": OUTPUT, "label": "belongs there"},
        {"facecolor": UNREAD, "hatch": "//", "label": "folded onto it"},
    )
    light: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.3}
    legend(figure, [Patch(**look, edgecolor="white") for look in looks], style)
    drawn, highest = panels(figure, len(named), style, 0.62, (1.1, 1.2)), 0.0
    for axes, (name, spectrum) in zip(drawn, named.items(), strict=True):
        distance, own = by_distance(spectrum.in_band)
        _, extra = by_distance(spectrum.folded)
        step = float(distance[0])
        axes.bar(distance, own, step, **looks[0], **light)
        axes.bar(distance, extra, step, bottom=own, **looks[1], **light)
        highest = max(highest, float((own + extra).max()))
        axes.set_title(f"{name}: {percent(spectrum.aliased)} folded", fontsize=0.9 * style.points)
        plain(axes)
        axes.set(xlabel="cycles / output px", xlim=(0, 0.52), xticks=(0.1, 0.2, 0.3, 0.4, 0.5))
    for axes in drawn:
        axes.set_ylim(0, 1.05 * (highest or 1.0))
    drawn[0].set_ylabel("energy")
    return figure
