"""Curves of an effective receptive field as slides: cross-sections, energy, convergence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from viz.plots.effective_field import recipe_line
from viz.slides.margins import legend, noted, panels
from viz.slides.parts import Curve, curves, sheet, titled
from viz.slides.style import Style
from viz.theme import INPUT, OUTPUT, PADDING, PINNED, WINDOW

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.erf.expected import ExpectedErf


def sections(
    erf: EffectiveReceptiveField,
    style: Style,
    *,
    title: str,
    expected: ExpectedErf | None = None,
) -> Figure:
    """The energy along y and along x, against the Gaussian of the same σ and the closed form."""
    directions = [axis for axis in (0, 1) if erf.map.shape[axis] > 1] or [1]
    drawn = [_section(erf, axis, expected) for axis in directions]
    figure = _empty_sheet(erf, style, f"{title}: cross-sections of the energy", "")
    handles = _legend_lines(drawn[0])
    legend(figure, handles, style)
    for axes, axis, lines in zip(
        panels(figure, len(directions), style, 0.62, (1.2, 0.9)), directions, drawn, strict=True
    ):
        curves(axes, lines, legend=False)
        axes.set(xlabel=f"{('row', 'column')[axis]} (px)", ylabel="share of the energy")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


def _section(erf: EffectiveReceptiveField, axis: int, expected: ExpectedErf | None) -> list[Curve]:
    """The curves along one axis: measured, Gaussian, and the closed form's if there is one."""
    from core.erf import metrics  # brings torch: not before there is something to draw

    places = np.arange(erf.map.shape[axis], dtype=np.float64) + erf.origin[axis]
    normal = metrics.gaussian(places, erf.centroid[axis], erf.sigma[axis])
    lines = [
        Curve("measured", places.tolist(), erf.marginals()[axis].tolist(), WINDOW),
        Curve("Gaussian, same σ", places.tolist(), normal.tolist(), PADDING),
    ]
    if expected is not None:
        marginal = metrics.marginals(expected.map)[axis]
        along = np.arange(marginal.size, dtype=np.float64) + expected.origin[axis]
        lines.append(Curve("closed form", along.tolist(), marginal.tolist(), INPUT))
    return lines


def energy(erf: EffectiveReceptiveField, style: Style, *, title: str) -> Figure:
    """The share of the energy in a square around the field's center, against its side."""
    sides, shares = erf.cumulative_energy()
    share_at = dict(zip(sides.tolist(), shares.tolist(), strict=True))
    theory = max(last - first + 1 for first, last in erf.theory.unclipped)
    squares = erf.squares
    subtitle = ", ".join(f"{100 * share:g} % in {side} px" for share, side in squares.items())
    figure = _empty_sheet(erf, style, f"{title}: energy inside a centered square", subtitle)
    axes = figure.add_subplot()
    curves(axes, [Curve("measured", sides.tolist(), shares.tolist(), WINDOW)], legend=False)
    axes.axvline(theory, color=INPUT, ls="--", label=f"theory, {theory} px")
    marks = sorted(set(squares.values()))
    look: dict[str, Any] = {"ls": "", "marker": "D", "ms": 11, "zorder": 3}
    axes.plot(marks, [share_at[s] for s in marks], color=PINNED, label="smallest squares", **look)
    axes.set(xlabel="side of the square (px)", ylabel="share of the energy")
    axes.set(xlim=(0, None), ylim=(0, 1.05))
    legend(figure, axes.get_lines(), style)
    return figure


def convergence(erf: EffectiveReceptiveField, style: Style, *, title: str) -> Figure:
    """The difference between odd and even draws, and σ, against the number of draws."""
    points = erf.convergence
    draws = [float(point.draws) for point in points]
    subtitle = (
        "difference: total variation between odd and even draws; the map is off by about half"
    )
    figure = _empty_sheet(erf, style, f"{title}: how settled the map is", subtitle)
    above = [Curve("difference", draws, [point.difference for point in points], PINNED)]
    below = [
        Curve("σ along y", draws, [point.sigma[0] for point in points], INPUT),
        Curve("σ along x", draws, [point.sigma[1] for point in points], OUTPUT),
    ]
    left, right = panels(figure, 2, style, 0.62, (1.2, 0.9))
    curves(left, above, legend=False)
    curves(right, below)
    left.set(ylabel="difference, 0 to 1", ylim=(0, None))
    right.set(ylabel="σ (px)")
    for axes in (left, right):
        doubling(axes, int(max(draws)))
        axes.set(xlabel="draws averaged")
    return figure


def doubling(axes: Axes, most: int) -> None:
    """Make the x axis logarithmic, with at most six powers of two on it."""
    powers = [2**power for power in range(13) if 2**power <= max(2, most)]
    ticks = powers[:: -(-len(powers) // 6)]
    axes.set_xscale("log", base=2)
    axes.set_xlim(0.9, 1.1 * max(2, most))
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _empty_sheet(erf: EffectiveReceptiveField, style: Style, title: str, subtitle: str) -> Figure:
    """An empty figure with its title, and the recipe as a note at the bottom."""
    figure = sheet(style)
    titled(figure, title, subtitle, style)
    noted(figure, [recipe_line(erf)], style)
    return figure


def _legend_lines(lines: Sequence[Curve]) -> list[object]:
    """Legend handles of some curves, for a legend below several panels."""
    spare = Figure().add_subplot()
    curves(spare, lines, legend=False)
    return list(spare.get_lines())
