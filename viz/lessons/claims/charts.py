"""Charts of claims: lines, or bars side by side, of a few series of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.plots.axes import number_text
from core.plots.plot import SERIES, Bars, Mark, Numbers, Panel, Plot, PlotAxis, Polyline
from core.plots.shift import cosine_axis

MOST_TICKS = 16
"""Most places that each have a number of their own on the horizontal axis."""
MOST_SYMBOLS = 40
"""Most points of a line that has symbols."""
BARS_WIDTH = 0.7
"""Width of the bars at one place together, as a share of the distance of two places."""
DIGITS = 6
"""Significant digits of the values that the pointer shows."""


@dataclass(frozen=True)
class Series:
    """One line or one set of bars, with equally many x and y values.

    Attributes:
        name: Text in the legend, where there are several series.
        x: (n,) places: numbers, or names of categories.
        y: (n,) values.
    """

    name: str
    x: tuple[float | str, ...]
    y: tuple[float, ...]


def line_plot(title: str, x: str, y: str, series: Sequence[Series], *, log: bool = False) -> Plot:
    """Lines through the values of each series.

    Args:
        title: The heading.
        x, y: Names of the axes, with their units.
        series: At least one.
        log: Whether the vertical axis is logarithmic.
    """
    few = all(len(each.x) <= MOST_SYMBOLS for each in series)
    marks = []
    for index, each in enumerate(series):
        color, dash, symbol, _ = SERIES[index % len(SERIES)]
        places = _places(series, each)
        marks.append(
            Polyline(
                places, np.array(each.y), _legend_name(series, each), color, dash,
                symbol=symbol if few else "none", hover=_hovers(each),
            )
        )  # fmt: skip
    return _plot(title, x, PlotAxis(y, log=log, zero=not log), series, marks)


def cosine_plot(title: str, x: str, y: str, series: Sequence[Series]) -> Plot:
    """Lines through cosines, on an axis on which 0.9, 0.99 and 0.999 are equally far apart.

    Args:
        title: The heading.
        x, y: Names of the axes.
        series: At least one; its values are cosines.
    """
    plot = line_plot(title, x, y, series)
    (panel,) = plot.panels
    up, one, note = cosine_axis(np.array([value for each in series for value in each.y]))
    marks = tuple(
        replace(line, y=np.maximum(1 - np.asarray(line.y), one))
        for line in panel.marks
        if isinstance(line, Polyline)
    )
    return replace(
        plot, panels=(replace(panel, marks=marks, y=replace(up, name=y)),), notes=(note,)
    )


def bar_plot(title: str, x: str, y: str, series: Sequence[Series], *, log: bool = False) -> Plot:
    """Bars of the values of each series, side by side; with a single series also as numbers.

    Args:
        title: The heading.
        x, y: Names of the axes, with their units.
        series: At least one.
        log: Whether the vertical axis is logarithmic; all values are positive then.
    """
    low = 10 ** np.floor(np.log10(min(v for s in series for v in s.y)) - 0.01) if log else 0.0
    distances = np.diff(sorted({place for each in series for place in _places(series, each)}))
    width = BARS_WIDTH * float(min(distances, default=1.0)) / len(series)
    marks = []
    for index, each in enumerate(series):
        color, _, _, hatch = SERIES[index % len(SERIES)]
        places = _places(series, each) + (index - (len(series) - 1) / 2) * width
        values = np.array(each.y, dtype=np.float64)
        texts = [number_text(value, 3) for value in each.y] if len(series) == 1 else ()
        marks.append(
            Bars(
                places, values - low, _legend_name(series, each), color, hatch,
                base=np.full(len(values), low), width=width, texts=texts, hover=_hovers(each),
            )
        )  # fmt: skip
    up = PlotAxis(y, low=float(low) if log else None, log=log, zero=not log)
    return _plot(title, x, up, series, marks)


def _plot(
    title: str, x: str, up: PlotAxis, series: Sequence[Series], marks: Sequence[Mark]
) -> Plot:
    """A plot of one panel; ``x`` is the name of its horizontal axis."""
    ranges = "; ".join(
        f"{each.name} from {number_text(min(each.y), 3)} to {number_text(max(each.y), 3)}"
        for each in series
    )
    panel = Panel(tuple(marks), _across(x, series), up, size="medium")
    return Plot(title, (panel,), f"{title}. {up.name}: {ranges}.")


def _across(name: str, series: Sequence[Series]) -> PlotAxis:
    """The horizontal axis: a name at each category, or a number at each of a few whole places."""
    if categories := _categories(series):
        count = len(categories)
        ticks = tuple(map(float, range(count)))
        return PlotAxis(name, -0.5, count - 0.5, ticks=ticks, names=categories, grid=False)
    places = sorted({float(x) for each in series for x in each.x})
    if len(places) <= MOST_TICKS and all(place.is_integer() for place in places):
        return PlotAxis(name, ticks=tuple(places))
    return PlotAxis(name)


def _categories(series: Sequence[Series]) -> tuple[str, ...]:
    """The names of the places, each once, in order; none if all places are numbers."""
    names = [x for each in series for x in each.x]
    return tuple(dict.fromkeys(map(str, names))) if any(isinstance(x, str) for x in names) else ()


def _places(series: Sequence[Series], each: Series) -> Numbers:
    """(n,) places of one of the series on the horizontal axis."""
    if categories := _categories(series):
        return np.array([categories.index(str(x)) for x in each.x], dtype=np.float64)
    return np.array(each.x, dtype=np.float64)


def _legend_name(series: Sequence[Series], each: Series) -> str:
    """Text in the legend; "" for a single series, which needs none."""
    return each.name if len(series) > 1 else ""


def _hovers(series: Series) -> list[str]:
    """Texts for the pointer."""
    return [
        f"{series.name}\n{x if isinstance(x, str) else number_text(x)}: {number_text(y, DIGITS)}"
        for x, y in zip(series.x, series.y, strict=True)
    ]
