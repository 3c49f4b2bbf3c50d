"""The slide of a study: sizes of effective fields, and their share of the theoretical ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from viz.plots.effective_field import recipe_lines
from viz.slides.margins import legend, noted, room
from viz.slides.parts import plain, sheet, titled, width_of, wrapped
from viz.slides.style import Style
from viz.theme import INPUT, OUTPUT, PADDING, PINNED, WINDOW

if TYPE_CHECKING:
    from core.erf.study import Fit, Study, StudyRow

LOOKS = {
    "sigma": (WINDOW, "o", "σ"),
    "side": (OUTPUT, "s", "side above 4.55 %"),
    "share": (PINNED, "D", "side / theory"),
}
"""(color, marker, name) of each quantity, an attribute of `StudyRow`."""
TICKS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Round numbers for logarithmic axes."""


def study(result: Study, style: Style) -> Figure:
    """Draw sizes in pixels, and their share of the theoretical field.

    With fits both panels have logarithmic axes, on which a power law is a line; the legend
    has its exponent beside the one of the law. Without, every row has a place of its own.
    """
    figure = sheet(style)
    titled(figure, f"Effective receptive field against {result.name}", "", style)
    noted(figure, _notes(result), style)
    fitted = bool(result.fits)
    x = [row.x for row in result.rows] if fitted else list(range(len(result.rows)))
    if fitted:
        above, below = figure.subplots(1, 2)
    else:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.6, 1))
    handles = [*_measured(above, result, x, "sigma"), *_measured(above, result, x, "side")]
    handles.append(_marks(above, result.rows, x, "reach", PADDING, "_", "theory"))
    handles += _expected(above, result.rows, x) + _measured(below, result, x, "share")
    above.set(ylabel="size (px)")
    below.set(ylabel="share")
    for axes in (above, below):
        plain(axes)
        if fitted:
            _logarithmic(axes, x)
            axes.set(xlabel=result.x_label)
        else:
            axes.set_ylim(bottom=0)
    if not fitted:
        _categories(below, [row.label for row in result.rows], figure, style)
    legend(figure, handles, style)
    return figure


def _notes(result: Study) -> list[str]:
    """A note with the recipe of the study's maps."""
    return recipe_lines([(row.label, row.erf) for row in result.rows], places=False)[:1]


def _measured(axes: Axes, result: Study, x: Sequence[float], quantity: str) -> list[Any]:
    """Draw one quantity's marks and its fitted power law, if any; returns the legend's handles."""
    color, mark, name = LOOKS[quantity]
    handles = [_marks(axes, result.rows, x, quantity, color, mark, name)]
    for fit in (fit for fit in result.fits if fit.quantity == quantity):
        handles.append(_line(axes, fit, x, color))
    return handles


def _marks(
    axes: Axes,
    rows: Sequence[StudyRow],
    x: Sequence[float],
    quantity: str,
    color: str,
    mark: str,
    name: str,
) -> Any:
    """Draw the marks of one quantity, an attribute of `StudyRow`; returns the legend's handle."""
    values = [getattr(row, quantity) for row in rows]
    look: dict[str, Any] = {"ls": "", "marker": mark, "ms": 11, "mew": 3 if mark == "_" else 0}
    (line,) = axes.plot(list(x), values, color=color, label=name, clip_on=False, **look)
    return line


def _line(axes: Axes, fit: Fit, x: Sequence[float], color: str) -> Any:
    """Draw the fitted power law as a dashed line; returns the legend's handle."""
    ends = np.array([min(x), max(x)])
    text = f"∝ x^{fit.exponent:.3g}, law x^{fit.law:.3g}".replace("-", "−")
    (line,) = axes.plot(ends, fit.factor * ends**fit.exponent, color=color, ls="--", label=text)
    return line


def _expected(axes: Axes, rows: Sequence[StudyRow], x: Sequence[float]) -> list[Any]:
    """Hollow markers of the closed form's σ, for rows that have one."""
    from core.erf import metrics  # brings torch: not before there is something to draw

    predicted = [
        (place, float(np.sqrt(np.mean(np.square(metrics.sigma(row.expected.map))))))
        for place, row in zip(x, rows, strict=True)
        if row.expected is not None
    ]
    if not predicted:
        return []
    places, sigma = zip(*predicted, strict=True)
    look: dict[str, Any] = {"ls": "", "marker": "o", "ms": 17, "mew": 2.5, "mfc": "none"}
    return list(axes.plot(places, sigma, mec=INPUT, label="σ, closed form", **look))


def _logarithmic(axes: Axes, x: Sequence[float]) -> None:
    """Make both axes logarithmic, with plain numbers that do not overlap."""
    axes.set(xscale="log", yscale="log")
    own = sorted(set(x))
    ticks = own if len(own) <= 6 else [tick for tick in TICKS if own[0] <= tick <= own[-1]]
    low, high = axes.get_ylim()
    for axis, places in ((axes.xaxis, ticks), (axes.yaxis, _numbers(low, high))):
        axis.set_major_locator(FixedLocator(places))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_minor_formatter(NullFormatter())
    room_below = (own[-1] / own[0]) ** 0.06
    axes.set_xlim(own[0] / room_below, own[-1] * room_below)


def _numbers(low: float, high: float) -> list[float]:
    """Numbers for an axis from low to high: of `TICKS`, or equally spaced if these are too few."""
    ticks = [tick for tick in TICKS if low <= tick <= high]
    if len(ticks) > 2:
        return ticks
    step = 10 ** np.floor(np.log10(high - low))
    step = step / 2 if (high - low) / step < 3 else step
    return [float(tick) for tick in np.arange(np.ceil(low / step), high / step + 1e-9) * step]


def _categories(axes: Axes, names: Sequence[str], figure: Figure, style: Style) -> None:
    """Write the rows' labels below the x axis, upright if they are too wide."""
    points = 0.8 * style.points
    across = 0.92 * (room(figure, style)[0] - 1.2) / len(names)
    upright = max(width_of(word, points) for name in names for word in name.split()) > across
    lines = list(names) if upright else ["\n".join(wrapped(n, points, across)) for n in names]
    axes.set_xticks(range(len(names)), lines, fontsize=points, rotation=90 if upright else 0)
    axes.set_xlim(-0.5, len(names) - 0.5)
