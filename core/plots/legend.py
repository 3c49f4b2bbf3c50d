"""The entries of a plot's legend, and the scales that need a color bar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.plots.axes import number_text, span
from core.plots.plot import Bars, Box, Boxes, Heat, Mark, Panel, Plot, Points, Polyline, Scale


@dataclass(frozen=True, eq=False)
class Entry:
    """One entry of a legend.

    Attributes:
        name: Its text.
        mark: The mark whose look stands beside the text.
    """

    name: str
    mark: Polyline | Points | Bars | Boxes


def entries(plot: Plot) -> list[Entry]:
    """One entry for each name of marks that can be seen, then those of ``plot.keys``."""
    drawn = [mark for panel in plot.panels for mark in panel.marks if _is_visible(mark, panel)]
    named: dict[str, Entry] = {}
    for mark in (*drawn, *plot.keys):
        if isinstance(mark, Polyline | Points | Bars | Boxes) and mark.name:
            named.setdefault(mark.name, Entry(mark.name, mark))
    return list(named.values())


def color_bars(plot: Plot) -> list[Scale]:
    """The labeled scales of a plot's maps, each once, in the order of the panels."""
    scales = [m.scale for panel in plot.panels for m in panel.marks if isinstance(m, Heat)]
    return list(dict.fromkeys(scale for scale in scales if scale.label))


def bar_numbers(scale: Scale) -> list[tuple[float, str]]:
    """(position from 0 to 1, text) of the numbers on a scale's color bar."""
    numbers = scale.bar_ticks()
    names = scale.names or tuple(number_text(value, 3) for value, _ in numbers)
    return [(place, name) for (_, place), name in zip(numbers, names, strict=True)]


def _is_visible(mark: Mark, panel: Panel) -> bool:
    """Whether a part of a mark lies inside the panel's axes."""
    if isinstance(mark, Bars):
        return len(mark.at) > 0
    across, down = sorted(span(panel, "x")), sorted(span(panel, "y"))
    view = (across[0], across[1], down[0], down[1])
    if isinstance(mark, Boxes):
        return any(_edge_in(box, view) or mark.fill != "" for box in mark.boxes)
    if isinstance(mark, Polyline | Points):
        x, y = np.asarray(mark.x, dtype=float), np.asarray(mark.y, dtype=float)
        if isinstance(mark, Polyline) and len(x) > 1:
            # A segment may cross the view although both of its ends lie outside.
            x = np.linspace(x[:-1], x[1:], 9).ravel()
            y = np.linspace(y[:-1], y[1:], 9).ravel()
        inside = (x >= view[0]) & (x <= view[1]) & (y >= view[2]) & (y <= view[3])
        return bool(inside.any())
    return True


def _edge_in(box: Box, view: Box) -> bool:
    """Whether a part of a box's outline lies inside a view."""
    left, right, top, bottom = box
    columns = any(view[0] <= edge <= view[1] for edge in (left, right))
    rows = any(view[2] <= edge <= view[3] for edge in (top, bottom))
    meets_rows = top <= view[3] and bottom >= view[2]
    meets_columns = left <= view[1] and right >= view[0]
    return (columns and meets_rows) or (rows and meets_columns)
