"""The plot of a study: size of the effective field against depth, kernel size, activation, …"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from core.plots.axes import number_text
from core.plots.effective_field import recipe_lines
from core.plots.plot import Color, Panel, Plot, PlotAxis, Points, Polyline, Symbol

if TYPE_CHECKING:
    from core.erf.study import Fit, Study

LOOKS: dict[str, tuple[Color, Symbol, str]] = {
    "sigma": ("window", "circle", "σ"),
    "side": ("output", "square", "side above 4.55 %"),
    "reach": ("padding", "hbar", "theory"),
    "share": ("pinned", "diamond", "side / theory"),
}
"""(color, symbol, name) of each quantity, an attribute of `core.erf.study.StudyRow`."""
MOST_TICKS = 8
"""Most networks whose own numbers stand on the horizontal axis."""
AIR = 0.06
"""Share of the horizontal axis that is free beside the outermost networks."""


def study_plot(study: Study, title: str = "") -> Plot:
    """A plot of a study: sizes in pixels, and their share of the theoretical field.

    With fits the axes are logarithmic, on which a power law is a straight line; the legend has
    its exponent beside the one of the law. Without, every network has a row of its own.

    Args:
        study: The study.
        title: The heading; "" for one made from the study's name.
    """
    title = title or f"Effective receptive field against {study.name}"
    sizes = (*_measured(study, "sigma"), *_measured(study, "side"), *_measured(study, "reach"))
    panels = _panels(study, (*sizes, *_expected(study)), _measured(study, "share"))
    laws = [_law_text(fit) for fit in study.fits]
    widths = ", ".join(f"{row.label} {number_text(row.sigma, 3)} px" for row in study.rows)
    alt = f"{title}: {'; '.join(laws) or f'σ is {widths}'}."
    notes = tuple(recipe_lines([(row.label, row.erf) for row in study.rows], places=False))
    return Plot(title, panels, alt, notes=notes, shared_rows=not study.fits)


def _panels(
    study: Study, sizes: Sequence[Points | Polyline], shares: Sequence[Points | Polyline]
) -> tuple[Panel, Panel]:
    """The panels of sizes and of shares; the marks have the networks from left to right."""
    above, below = "size (px)", "share of the size"
    if study.fits:
        across = _log_axis([row.x for row in study.rows], study.x_label)
        log = any(isinstance(mark, Polyline) for mark in shares)
        return (
            Panel(tuple(sizes), across, PlotAxis(above, log=True)),
            Panel(tuple(shares), across, PlotAxis(below, log=log, zero=not log)),
        )
    count = len(study.rows)
    names = tuple(row.label for row in study.rows)
    ticks = tuple(map(float, range(count)))
    down = PlotAxis("", count - 0.5, -0.5, ticks=ticks, names=names, grid=False)
    first, second = (tuple(_in_rows(mark) for mark in marks) for marks in (sizes, shares))
    return (
        Panel(first, PlotAxis(above, zero=True), down, rows=count),
        Panel(second, PlotAxis(below, zero=True), down, rows=count),
    )


def _in_rows(mark: Points | Polyline) -> Points | Polyline:
    """A mark with the networks in rows instead of from left to right."""
    if isinstance(mark, Points) and mark.symbol == "hbar":
        return replace(mark, x=mark.y, y=mark.x, symbol="vbar")
    return replace(mark, x=mark.y, y=mark.x)


def _measured(study: Study, quantity: str) -> list[Points | Polyline]:
    """The symbols of one quantity, and its fitted power law if the study has one."""
    color, symbol, name = LOOKS[quantity]
    values = [getattr(row, quantity) for row in study.rows]
    hover = [
        f"{row.label}\n{name}: {number_text(value, 3)}"
        for row, value in zip(study.rows, values, strict=True)
    ]
    places = _places(study)
    marks: list[Points | Polyline] = [Points(places, values, name, color, symbol, 11, hover=hover)]
    for fit in study.fits:
        if fit.quantity == quantity:
            ends = np.array([min(places), max(places)])
            line = fit.factor * ends**fit.exponent
            marks.append(Polyline(ends, line, _law_text(fit), color, "dash", hover=None))
    return marks


def _places(study: Study) -> list[float]:
    """Where each network stands: its number, or its index where theory knows no law."""
    return [row.x if study.fits else float(index) for index, row in enumerate(study.rows)]


def _law_text(fit: Fit) -> str:
    """A fitted power law and the one of theory in words."""
    name = LOOKS[fit.quantity][2]
    return f"{name} ∝ x^{number_text(fit.exponent, 3)}, law x^{number_text(fit.law, 3)}"


def _expected(study: Study) -> list[Points]:
    """Hollow symbols of the closed form's σ, for the networks that have one."""
    forms = [
        (place, float(np.sqrt(np.mean(np.square(row.expected.sigma)))), row.label)
        for place, row in zip(_places(study), study.rows, strict=True)
        if row.expected is not None
    ]
    if not forms:
        return []
    places, sigmas, labels = zip(*forms, strict=True)
    hover = [
        f"{label}\nσ, closed form: {number_text(sigma, 3)}"
        for sigma, label in zip(sigmas, labels, strict=True)
    ]
    name = "σ, closed form"
    return [Points(places, sigmas, name, "input", "circle", 16, hollow=True, hover=hover)]


def _log_axis(x: Sequence[float], name: str) -> PlotAxis:
    """A logarithmic axis with a number for every network, or round numbers if these are many."""
    own = tuple(sorted(set(x)))
    air = (own[-1] / own[0]) ** AIR
    ticks = own if len(own) <= MOST_TICKS else None
    return PlotAxis(name, own[0] / air, own[-1] * air, log=True, ticks=ticks)
