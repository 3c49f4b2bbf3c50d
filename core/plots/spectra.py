"""Plots of spectra before and after downsampling, and of the energy that aliases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.plots.plot import Bars, Box, Boxes, Heat, Numbers, Panel, Plot, PlotAxis, Scale
from core.text import times

if TYPE_CHECKING:
    from core.shift.spectrum import Spectrum

LEAST = 1e-6
"""Share of the largest energy at the lower end of the colors."""
ENERGY = Scale(
    "energy, share of the largest", LEAST, 1.0, log=True,
    ticks=(1e-6, 1e-4, 1e-2, 1.0), names=("10⁻⁶", "10⁻⁴", "10⁻²", "1"),
)  # fmt: skip
"""The scale of all spectra."""
ROUNDING = 1e-12
"""Share of the largest energy below which energies are rounding errors of float32."""
UNITS = (
    "Frequencies down and to the right are in cycles per pixel, after downsampling in cycles per "
    "output pixel."
)
QUARTERS = (-0.5, -0.25, 0.0, 0.25)
"""Frequencies that are written on the axes."""
QUARTER_NAMES = ("−½", "−¼", "0", "¼")
"""Texts of `QUARTERS`."""


def frequencies(count: int) -> Numbers:
    """Frequencies of ``count`` pixels in cycles per pixel, in the order of `core.shift.spectrum`."""
    return np.asarray(np.fft.fftshift(np.fft.fftfreq(count)))


def percent(share: float) -> str:
    """A share as ``3.1 %`` or ``< 0.01 %``; ``0 %`` only if it is exactly 0."""
    if 0 < share < 1e-4:
        return "< 0.01 %"
    return f"{100 * share:.3g} %"


def spectra_plot(named: Mapping[str, Spectrum], title: str, subtitle: str = "") -> Plot:
    """Energy by frequency before and after downsampling, on one scale.

    Args:
        named: Spectra by name of the layer, all with the same stride.
        title: The heading.
        subtitle: Line below the heading.
    """
    peak = max(float(each.before.max()) for each in named.values()) or 1.0
    panels = []
    for name, each in named.items():
        before = (_heat(each.before, peak), *_band(each))
        after = (_heat(each.measured, peak),)
        cell = 1 / max(each.before.shape)
        sizes = times(each.before.shape), times(each.measured.shape)
        share = f"{sizes[1]}, {percent(each.aliased)} folded"
        panels.append(_panel(before, f"{name}: before", sizes[0], cell))
        panels.append(_panel(after, f"{name}: after", share, cell))
    alt = f"{title}: of the energy {_shares(named)} is folded onto other frequencies."
    return Plot(title, tuple(panels), alt, subtitle, (UNITS,))


def _shares(named: Mapping[str, Spectrum]) -> str:
    """The share of the energy that is folded, for each layer."""
    return " and ".join(f"{percent(each.aliased)} with {name}" for name, each in named.items())


def _heat(energy: Numbers, peak: float) -> Heat:
    """Energies by frequency as shares of ``peak``; a cell is centered on its frequency."""
    rows, columns = energy.shape
    share = np.maximum(energy / peak, ROUNDING)
    left, top = -0.5 - 0.5 / columns, -0.5 - 0.5 / rows
    return Heat(share, ENERGY, left, top, 1 / columns, 1 / rows, names=("down", "right"))


def _panel(marks: tuple[Heat | Boxes, ...], title: str, note: str, cell: float) -> Panel:
    """A map of frequencies, the first mark; ``cell`` is the step of the finest one beside it."""
    (heat,) = (mark for mark in marks if isinstance(mark, Heat))
    left, right, top, bottom = heat.box
    across = PlotAxis("", left, right, ticks=QUARTERS, names=QUARTER_NAMES, grid=False)
    down = PlotAxis("", bottom, top, ticks=QUARTERS, names=QUARTER_NAMES, grid=False)
    return Panel(marks, across, down, title, note, cell=cell, size="medium")


def _band(spectrum: Spectrum) -> tuple[Boxes, Boxes]:
    """The frequencies that fold back, hatched, and a frame around the band that is left."""
    left, right, top, bottom = _heat(spectrum.before, 1.0).box
    half = 0.5 / spectrum.stride
    outside: tuple[Box, ...] = (
        (left, right, top, -half),
        (left, right, half, bottom),
        (left, -half, -half, half),
        (half, right, -half, half),
    )
    folds = Boxes(outside, "outside: folds back", "unread", width=0, hatch="/")
    return folds, Boxes([(-half, half, -half, half)], "band that is left", "window", cased=True)


def folded_plot(named: Mapping[str, Spectrum], title: str, subtitle: str = "") -> Plot:
    """Energy after downsampling by frequency, split into the band's own energy and aliased energy.

    The energies of all frequencies with the same distance from zero are added; the distance is
    the larger of the two axes' frequencies.

    Args:
        named: Spectra by name of the layer.
        title: The heading.
        subtitle: Line below the heading.
    """
    parts = {
        name: (*by_distance(each.in_band), by_distance(each.folded)[1])
        for name, each in named.items()
    }
    highest = max(float((own + folded).max()) for _, own, folded in parts.values())
    across = PlotAxis("cycles per output pixel", 0.0, 0.52)
    up = PlotAxis("energy", 0.0, 1.05 * (highest or 1.0))
    panels = []
    for (name, (distance, own, folded)), each in zip(parts.items(), named.values(), strict=True):
        width = 0.9 * float(distance[0])
        bars = (
            Bars(distance, own, "belongs there", "output", width=width),
            Bars(distance, folded, "folded onto it", "unread", "/", base=own, width=width),
        )
        heading = f"{name}: {percent(each.aliased)} folded"
        panels.append(Panel(bars, across, up, heading, size="medium"))
    alt = f"{title}: of the energy {_shares(named)} is folded onto other frequencies."
    return Plot(title, tuple(panels), alt, subtitle, shared_rows=True)


def by_distance(energy: Numbers) -> tuple[Numbers, Numbers]:
    """Distances from frequency zero, and the summed energy at each; zero itself is left out."""
    rows, cols = energy.shape
    down, right = np.abs(frequencies(rows)), np.abs(frequencies(cols))
    distance = np.maximum(down[:, None], right[None]).round(6)
    values = np.unique(distance)[1:]
    return values, np.array([energy[distance == value].sum() for value in values])
