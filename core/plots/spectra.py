"""Plots of spectra before and after downsampling, and of the energy that aliases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from core.plots.plot import Bars, Box, Boxes, Heat, Mark, Numbers, Panel, Plot, PlotAxis, Scale

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
QUARTERS = (-0.5, -0.25, 0.0, 0.25, 0.5)
"""Frequencies that are written on the axes."""


def frequencies(count: int) -> Numbers:
    """Frequencies of ``count`` pixels in cycles per pixel, in the order of `core.shift.spectrum`."""
    return np.asarray(np.fft.fftshift(np.fft.fftfreq(count)))


def percent(share: float) -> str:
    """A share as ``3.1 %`` or ``< 0.01 %``; ``0 %`` only if it is exactly 0."""
    if 0 < share < 1e-4:
        return "< 0.01 %"
    return f"{100 * share:.3g} %"


def spectra_plot(named: Mapping[str, Spectrum], title: str) -> Plot:
    """Energy by frequency before and after downsampling, on one scale.

    Args:
        named: Spectra by name of the layer, all with the same stride.
        title: The heading.
    """
    peak = max(float(each.before.max()) for each in named.values()) or 1.0
    panels = []
    for name, each in named.items():
        cell = 1 / max(each.before.shape)
        before = (_heat(each.before, peak), *_band(each))
        panels.append(
            _panel(before, f"{name}: before", "all frequencies of the map", "pixel", cell)
        )
        share = f"{percent(each.aliased)} of the energy folded in"
        after = (_heat(each.measured, peak),)
        panels.append(_panel(after, f"{name}: after", share, "output pixel", cell))
    shares = ", ".join(f"{percent(each.aliased)} with {name}" for name, each in named.items())
    alt = f"{title}: of the energy before downsampling {shares} is folded onto other frequencies."
    return Plot(title, tuple(panels), alt)


def _heat(energy: Numbers, peak: float) -> Heat:
    """Energies by frequency as shares of ``peak``; a cell is centered on its frequency."""
    rows, columns = energy.shape
    share = np.maximum(energy / peak, ROUNDING)
    left, top = -0.5 - 0.5 / columns, -0.5 - 0.5 / rows
    return Heat(share, ENERGY, left, top, 1 / columns, 1 / rows)


def _panel(marks: tuple[Mark, ...], title: str, note: str, unit: str, cell: float) -> Panel:
    """A map of frequencies; ``unit`` is the pixel in which they are measured."""
    heat = marks[0]
    assert isinstance(heat, Heat)
    left, right, top, bottom = heat.box
    across = PlotAxis(f"to the right (cycles per {unit})", left, right, ticks=QUARTERS, grid=False)
    down = PlotAxis(f"down (cycles per {unit})", bottom, top, ticks=QUARTERS, grid=False)
    return Panel(marks, across, down, title, note, cell=cell, size="medium")


def _band(spectrum: Spectrum) -> tuple[Mark, Mark]:
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


def folded_plot(named: Mapping[str, Spectrum], title: str) -> Plot:
    """Energy after downsampling by frequency, split into the band's own energy and aliased energy.

    The energies of all frequencies with the same distance from zero are added; the distance is
    the larger of the two axes' frequencies.

    Args:
        named: Spectra by name of the layer.
        title: The heading.
    """
    parts = {
        name: (*by_distance(each.in_band), by_distance(each.folded)[1])
        for name, each in named.items()
    }
    highest = max(float((own + folded).max()) for _, own, folded in parts.values())
    across = PlotAxis("frequency (cycles per output pixel)", 0.0, 0.52)
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
    shares = ", ".join(f"{percent(each.aliased)} with {name}" for name, each in named.items())
    return Plot(
        title, tuple(panels), f"{title}: {shares} of the energy is folded.", shared_rows=True
    )


def by_distance(energy: Numbers) -> tuple[Numbers, Numbers]:
    """Distances from frequency zero, and the summed energy at each; zero itself is left out."""
    rows, cols = energy.shape
    down, right = np.abs(frequencies(rows)), np.abs(frequencies(cols))
    distance = np.maximum(down[:, None], right[None]).round(6)
    values = np.unique(distance)[1:]
    return values, np.array([energy[distance == value].sum() for value in values])
