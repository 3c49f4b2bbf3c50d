"""Plots of one effective receptive field: cross-sections, energy in squares, convergence."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from core.plots.axes import number_text
from core.plots.effective_field import pixels, recipe_line
from core.plots.plot import Numbers, Panel, Plot, PlotAxis, Points, Polyline

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf

MOST_TICKS = 6
"""Most numbers on an axis of powers of two."""


def sections_plot(
    erf: EffectiveReceptiveField,
    expected: ExpectedErf | None = None,
    title: str = "Cross-sections of the energy",
) -> Plot:
    """The energy along y and along x, against the Gaussian of the same σ and the closed form.

    Args:
        erf: The measured field.
        expected: The closed form; None for none.
        title: The heading.
    """
    directions = [axis for axis in (0, 1) if erf.map.shape[axis] > 1] or [1]
    sections = [_section(erf, expected, axis) for axis in directions]
    top = max(float(np.max(line.y)) for lines in sections for line in lines)
    up = PlotAxis("share of the energy", 0.0, 1.05 * top)
    panels = tuple(
        Panel(lines, PlotAxis(f"{('row', 'column')[axis]} (px)", whole=True), up, size="medium")
        for axis, lines in zip(directions, sections, strict=True)
    )
    alt = f"{title}: the measured energy beside a Gaussian with σ {pixels(erf.sigma)}."
    return Plot(title, panels, alt, notes=(recipe_line(erf),))


def _section(
    erf: EffectiveReceptiveField, expected: ExpectedErf | None, axis: int
) -> tuple[Polyline, ...]:
    """The measured energy along an axis, the Gaussian, and the closed form if there is one."""
    from core.erf import metrics  # brings torch: not before there is something to draw

    energy = erf.marginals()[axis]
    places = _places(energy, erf.origin[axis])
    normal = metrics.gaussian(places, erf.centroid[axis], erf.sigma[axis])
    lines = (
        Polyline(places, energy, "measured", "window"),
        Polyline(places, normal, "Gaussian, same σ", "padding", "dash"),
    )
    if expected is None:
        return lines
    share = expected.marginals()[axis]
    along = _places(share, expected.origin[axis])
    return (*lines, Polyline(along, share, "closed form", "input", "dot"))


def _places(profile: Numbers, start: int) -> Numbers:
    """Positions in the image of a profile's values, of which the first is at ``start``."""
    return start + np.arange(profile.size, dtype=np.float64)


def energy_plot(
    erf: EffectiveReceptiveField, title: str = "Energy inside a centered square"
) -> Plot:
    """The share of the energy in a square around the field's center, against its side.

    Args:
        erf: The measured field.
        title: The heading.
    """
    sides, shares = erf.cumulative_energy()
    share_at = dict(zip(sides.tolist(), shares.tolist(), strict=True))
    theory = max(last - first + 1 for first, last in erf.theory.unclipped)
    labels: dict[int, list[str]] = {}
    for share, side in erf.squares.items():
        labels.setdefault(side, []).append(f"{100 * share:g} %")
    texts = {side: f"{', '.join(parts)} in {side} px" for side, parts in labels.items()}
    marks = (
        Polyline([theory, theory], [0, 1.05], f"theory, {theory} px", "input", "dash", 2, hover=None),
        Polyline(sides, shares, "measured", "window"),
        Points(
            list(texts), [share_at[side] for side in texts], "smallest squares", "pinned",
            "diamond", 11, hover=list(texts.values()),
        ),
    )  # fmt: skip
    most = max(theory, int(sides[-1]))
    across = PlotAxis("side of the square (px)", 0.0, 1.03 * most, whole=True)
    panel = Panel(marks, across, PlotAxis("share of the energy", 0.0, 1.05), size="medium")
    subtitle = ", ".join(texts.values())
    alt = f"{title}: {subtitle}; the theoretical field is {theory} px wide."
    return Plot(title, (panel,), alt, f"{subtitle}.", notes=(recipe_line(erf),))


def convergence_plot(erf: EffectiveReceptiveField, title: str = "How settled the map is") -> Plot:
    """The difference between odd and even draws, and σ, against the number of draws.

    Args:
        erf: The measured field.
        title: The heading.
    """
    points = erf.convergence
    draws = [point.draws for point in points]
    down, over = ([point.sigma[axis] for point in points] for axis in (0, 1))
    difference = Polyline(
        draws, [point.difference for point in points], "difference", symbol="diamond",
        color="window",
    )  # fmt: skip
    sigmas = (
        Polyline(draws, down, "σ along y", "input", symbol="circle"),
        Polyline(draws, over, "σ along x", "output", "dash", symbol="square"),
    )
    across = _doubling_axis(max(2, *draws), "draws averaged")
    panels = (
        Panel((difference,), across, PlotAxis("difference, 0 to 1", zero=True), size="medium"),
        Panel(sigmas, across, PlotAxis("σ (px)"), size="medium"),
    )
    note = (
        "Difference: total variation between odd and even draws; the map of all draws is off by "
        "about half of it."
    )
    last = points[-1]
    is_defined = last.difference == last.difference
    far = f" and the difference {number_text(last.difference, 2)}" if is_defined else ""
    alt = f"{title}: after {last.draws} draws σ is {pixels(last.sigma)}{far}."
    return Plot(title, panels, alt, notes=(note, recipe_line(erf)))


def _doubling_axis(most: int, name: str) -> PlotAxis:
    """A logarithmic axis from 1 to ``most`` with powers of two on it."""
    powers = [2.0**power for power in range(most.bit_length())]
    ticks = tuple(powers[:: ceil(len(powers) / MOST_TICKS)])
    return PlotAxis(name, 0.9, 1.1 * most, log=True, ticks=ticks)
