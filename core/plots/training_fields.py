"""Plots of effective fields of a training run: at several steps, and over one test image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.plots.effective_field import (
    center_mark,
    field_panel,
    peak_scale,
    pixels,
    recipe_lines,
    whole_view,
)
from core.plots.maps import pixel_axes
from core.plots.plot import Heat, Panel, Plot, Scale
from core.text import sentence_case

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField

MOST_FIELDS = 9
"""At most this many fields stand side by side."""


def fields_plot(
    named: Mapping[str, EffectiveReceptiveField], title: str, subtitle: str = ""
) -> Plot:
    """Fields of one unit side by side, on one logarithmic scale.

    Args:
        named: Fields by heading, at least one.
        title: The title.
        subtitle: A line below it, such as the net's name.
    """
    erfs = list(named.values())
    scale = peak_scale(erfs, log=True)
    panels = tuple(
        _unnamed(field_panel(erf, scale, title=label, note=f"σ {short_sigma(erf)}", size="small"))
        for label, erf in named.items()
    )
    sigmas = ", ".join(f"{label} {short_sigma(erf)}" for label, erf in named.items())
    notes = _recipes(list(named.items()))
    below = "; ".join(filter(None, (subtitle, "rows and columns in pixels")))
    return Plot(title, panels, f"{title}: σ is {sigmas}.", sentence_case(below), notes=notes)


def _unnamed(panel: Panel) -> Panel:
    """A panel without names of its axes, which leave the map more room."""
    return replace(panel, x=replace(panel.x, name=""), y=replace(panel.y, name=""))


def _recipes(named: Sequence[tuple[str, EffectiveReceptiveField]]) -> tuple[str, ...]:
    """The recipe of the first field, and what differs in the others, which have one recipe."""
    first, last = named[0], named[-1]
    return tuple(recipe_lines([first, last if len(named) < 3 else ("Later steps", last[1])]))


def field_frames(
    shots: Sequence[tuple[int, EffectiveReceptiveField]], title: str, subtitle: str = ""
) -> list[Plot]:
    """The field of one unit at every step, one plot each, on one logarithmic scale.

    Args:
        shots: (step, field), at least one.
        title: The title.
        subtitle: A line below it, such as the net's name.
    """
    scale = peak_scale([erf for _, erf in shots], log=True)
    notes = _recipes([(f"Step {step:,}", erf) for step, erf in shots])
    plots = []
    for step, erf in shots:
        heading, note = f"Step {step:,}", f"σ {short_sigma(erf)}"
        panel = field_panel(erf, scale, title=heading, note=note)
        alt = f"{title}: {note} at {heading.lower()}."
        plots.append(Plot(title, (panel,), alt, subtitle, notes=notes))
    return plots


def some_steps(
    shots: Sequence[tuple[int, EffectiveReceptiveField]], most: int
) -> dict[str, EffectiveReceptiveField]:
    """At most ``most`` of the (step, field) by heading, evenly spaced, with the first and last."""
    places = np.linspace(0, len(shots) - 1, min(most, len(shots))).round().astype(int)
    return {f"Step {step:,}": erf for step, erf in (shots[place] for place in places.tolist())}


def short_sigma(erf: EffectiveReceptiveField) -> str:
    """σ of both axes in pixels, rounded to two digits."""
    rows, columns = (float(f"{value:.2g}") for value in erf.sigma)
    return pixels((rows, columns))


def image_plot(
    image: NDArray[np.float32],
    erf: EffectiveReceptiveField | None,
    label: str,
    predicted: str,
    subtitle: str = "",
) -> Plot:
    """A test image in gray, and over it in orange the pixels that change a unit's score.

    Args:
        image: (C, H, W); of several channels their mean is drawn.
        erf: Effective field of the unit in this image; None if no gradient reaches the image.
        label: Name of the true class.
        predicted: Name of the predicted class.
        subtitle: A line below the title, such as the net's name.
    """
    wrong = "" if predicted == label else ", which is wrong"
    title = f"It is {label}; the net predicts {predicted}{wrong}"
    plane = np.asarray(image.mean(0), dtype=np.float64)
    gray = Heat(plane, Scale("", float(plane.min()), float(plane.max()), "grey"))
    view = whole_view((image.shape[1], image.shape[2]))
    notes = [f"Gray: mean of {image.shape[0]} channels."] if image.shape[0] > 1 else []
    if erf is None:
        x, y = pixel_axes(*view)
        panel = Panel((gray,), x, y, cell=1.0)
        note = "No gradient reaches the image from this unit."
    else:
        scale = peak_scale([erf], colors="overlay")
        mark = center_mark(erf.theory.center)
        panel = field_panel(erf, scale, view=view, below=(gray,), above=(mark,), sizes=True)
        note = f"Unit {erf.unit} of {erf.grid[0]}×{erf.grid[1]}; squared gradient, this image only."
    return Plot(title, (panel,), f"{title}. {note}", subtitle, notes=(note, *notes))
