"""The sign of a map's values in something besides its color."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from core.plots.plot import Heat, Numbers, Panel, Plot

Cue = Literal["numbers", "dashes", "colors"]
"""What shows the sign of a map's values: numbers in the cells, dashes in them, or colors alone."""
LEAST_SHARE = 0.1
"""Dashes mark negative values beyond this share of the color scale; colors of others are faint."""
DASH = 0.5
"""Length of a dash as a share of its cell's width."""
SENTENCES: dict[Cue, str] = {
    "dashes": "A dash marks negative values beyond a tenth of the color scale.",
    "colors": "Blue is negative, red is positive.",
}


def is_signed(heat: Heat) -> bool:
    """Whether a map has colors for both signs, and negative values."""
    return heat.scale.colors == "signed" and bool((np.asarray(heat.values) < 0).any())


def dashes(heat: Heat) -> tuple[Numbers, Numbers]:
    """The x and y of a line with gaps: a dash in each cell whose value is clearly negative."""
    rows, columns = np.nonzero(np.asarray(heat.values) < -LEAST_SHARE * heat.scale.high)
    middle = heat.left + heat.width * (columns + 0.5)
    half, gap = DASH * heat.width / 2, np.full(len(rows), np.nan)
    x = np.stack([middle - half, middle + half, gap], axis=1).ravel()
    y = np.repeat(heat.top + heat.height * (rows + 0.5), 3)
    return x, y


def sign_notes(plot: Plot, cue: Callable[[Heat, Panel], Cue]) -> list[str]:
    """A sentence for each way in which the signs of a plot's maps are shown without numbers.

    Args:
        plot: The plot.
        cue: How a renderer shows the signs of a map in a panel.
    """
    cues = [
        cue(mark, panel)
        for panel in plot.panels
        for mark in panel.marks
        if isinstance(mark, Heat) and is_signed(mark)
    ]
    return [sentence for way, sentence in SENTENCES.items() if way in cues]
