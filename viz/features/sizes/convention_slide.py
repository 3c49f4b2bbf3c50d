"""Padding conventions side by side as a slide: padded columns, windows, and torch's values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from core.layer.size_tables import ConventionResult
from core.layer.window import INSERTED, PAD, Axis
from viz.page import words
from viz.slides.parts import (
    SMALL,
    SPACING,
    Entry,
    canvas,
    colormap,
    contrast,
    key,
    sheet,
    titled,
    width_of,
    wrapped,
)
from viz.slides.style import Style
from viz.theme import INPUT, PADDING, UNREAD, WINDOW

GAP = 0.14
"""Inches between two conventions."""
CELL, LANE = 0.3, 0.15
"""Largest height of a cell and of a row of windows, in inches."""


class Band(NamedTuple):
    """The row of one convention on the slide, in inches: its top and height, and where its words,
    its windows and its values stand across.
    """

    result: ConventionResult
    top: float
    tall: float
    words: float
    strip: tuple[float, float]
    values: tuple[float, float]


def conventions(results: Sequence[ConventionResult], style: Style, *, title: str) -> Figure:
    """One layer and picture under each rule; values that differ from the first are framed.

    Args:
        results: Results of `core.layer.size_tables.convention_results` with ``run``.
        style: Style of the slide.
        title: The layer and its input in words.
    """
    figure = sheet(style)
    scale, norm, shift = _shades(results), _norm(results), _columns(results)
    ends = "blue, white 0, red" if scale == "signed" else "dark to bright"
    grown = any((r.cols.source == INSERTED).any() for r in results if r.cols is not None)
    subtitle = "Input columns with their padding" + (" and inserted zeros" if grown else "")
    subtitle += ", the windows below them, and the output: "
    subtitle += f"{norm.vmin:.3g} {ends} {norm.vmax:.3g}."
    axes = canvas(figure, titled(figure, title, subtitle, style), style)
    width, height = float(axes.get_xlim()[1]), float(axes.get_ylim()[0])
    entries = _entries(results, style)
    foot = key(axes, entries, style, draw=False)
    key(axes, entries, style, height - foot)
    bands = _bands(results, width, height - foot - 0.1)
    for band in bands:
        _words(axes, band, style)
        if band.result.cols is not None:
            _strip(axes, band, shift, style)
            _values(axes, band, scale, norm, style)
    return figure


def _bands(results: Sequence[ConventionResult], width: float, height: float) -> list[Band]:
    """The row of each convention, from top to bottom; lengths are inches."""
    tall = (height - GAP * (len(results) - 1)) / len(results)
    most = max((r.output[1] / r.output[0] for r in results if r.output), default=1.0)
    right = min(0.22 * width, tall * max(1.0, most))
    text_width = 0.3 * width if width > 8 else 0.34 * width
    strip = text_width + 0.1, width - right - 0.25
    return [
        Band(result, place * (tall + GAP), tall, text_width, strip, (width - right, width))
        for place, result in enumerate(results)
    ]


def _columns(results: Sequence[ConventionResult]) -> tuple[int, int]:
    """First and last column of the widest padded input; negative before the picture."""
    columns_of = [_numbers(result.cols) for result in results if result.cols is not None]
    return min(int(n[0]) for n in columns_of), max(int(n[-1]) for n in columns_of)


def _numbers(axis: Axis) -> np.ndarray[Any, Any]:
    """Position of each cell of an axis; the first input column is at 0."""
    return np.arange(len(axis.source)) - int(np.flatnonzero(axis.source >= 0)[0])


def _words(axes: Axes, band: Band, style: Style) -> None:
    """Write the name of a convention, its output size and its padding."""
    result, small, narrow = band.result, SMALL * style.points, style.inches[0] < 8
    size = f" → {words.times(result.output)}" if result.output and not narrow else ""
    name = wrapped(result.label + size, style.points, band.words, True)
    lines = [(line, style.points, True) for line in name]
    text, room = f"refused: {result.refusal}", band.values[1]
    if result.pads is not None:
        text, room = words.padding_in_words(result.pads, result.output_padding), band.words
        if result.differs is not None and result.differs.any() and not narrow:
            text += f"; {int(result.differs.sum())} of {result.differs.size} values differ"
    elif width_of(text, small) > room:
        text = "refused"
    lines += [(line, small, False) for line in wrapped(text, small, room)]
    y = band.top
    for line, points, bold in lines:
        step = SPACING * points / 72
        if y + step > band.top + band.tall + 0.6 * GAP:
            break
        weight, ink = ("bold", "text") if bold else ("normal", "muted")
        look: dict[str, Any] = {"va": "center", "color": style.ink[ink], "fontweight": weight}
        axes.text(0, y + step / 2, line, fontsize=points, **look)
        y += step


def _strip(axes: Axes, band: Band, shift: tuple[int, int], style: Style) -> None:
    """The padded columns, and below them each window."""
    axis = band.result.cols
    assert axis is not None
    left, right = band.strip
    wide = min((right - left) / (shift[1] - shift[0] + 1), 0.9)
    lanes = _lanes(axis)
    tall = min(CELL, 0.5 * band.tall)
    lane = min(LANE, (band.tall - tall - 0.06) / lanes)
    numbers = _numbers(axis).tolist()
    points = SMALL * style.points
    fits = wide > width_of("88", points) * 1.1 and tall > points / 72
    for column, source, reads in zip(
        numbers, axis.source.tolist(), axis.grid_reads.tolist(), strict=True
    ):
        x = left + (column - shift[0]) * wide
        look, ink = _cell_look(source, reads, style)
        axes.add_patch(Rectangle((x + 0.015, band.top), wide - 0.03, tall, **look))
        if fits and source >= 0:
            middle = x + wide / 2, band.top + tall / 2
            axes.text(*middle, str(source), color=ink, fontsize=points, ha="center", va="center")
    for number, window in enumerate((axis.taps + numbers[0]).tolist()):
        y = band.top + tall + 0.06 + (number % lanes + 0.15) * lane
        for column in window:
            x = left + (column - shift[0]) * wide
            axes.add_patch(Rectangle((x, y), wide, 0.7 * lane, facecolor=WINDOW, edgecolor="none"))
        span = (window[-1] - window[0] + 1) * wide
        x = left + (window[0] - shift[0]) * wide
        axes.add_patch(Rectangle((x, y), span, 0.7 * lane, fill=False, edgecolor=WINDOW))


def _cell_look(source: int, reads: int, style: Style) -> tuple[dict[str, Any], str]:
    """Look of a column's cell (inserted zero, padding, read or unread), and color of its number."""
    if source == INSERTED:
        return {"fill": False, "edgecolor": PADDING, "linestyle": (0, (1, 3))}, ""
    if source < 0:
        return {"fill": False, "edgecolor": PADDING, "linestyle": (0, (2, 1.5))}, ""
    if reads:
        return {"facecolor": INPUT, "edgecolor": "none"}, "#FFFFFF"
    return {"fill": False, "edgecolor": UNREAD, "hatch": "///"}, style.ink["text"]


def _lanes(axis: Axis) -> int:
    """Number of rows in which windows can be drawn without overlap."""
    starts, span = axis.starts, int(axis.offsets[-1]) + 1
    step = int(starts[1] - starts[0]) if len(starts) > 1 else span
    return min(len(starts), -(-span // step))


def _shades(results: Sequence[ConventionResult]) -> str:
    """Name of the color scale for all output values."""
    values = [result.values for result in results if result.values is not None]
    return "signed" if any((v < 0).any() for v in values) else "magnitude"


def _norm(results: Sequence[ConventionResult]) -> Normalize:
    """Range of the color scale for all output values."""
    values = np.concatenate([r.values.ravel() for r in results if r.values is not None])
    high = float(np.abs(values).max()) or 1.0
    return Normalize(-high if (values < 0).any() else float(values.min()), high)


def _values(axes: Axes, band: Band, scale: str, norm: Normalize, style: Style) -> None:
    """The output as cells; what differs from the first convention is framed."""
    values, differs = band.result.values, band.result.differs
    assert values is not None
    rows, cols = values.shape
    left, right = band.values
    side = min((right - left) / cols, band.tall / rows)
    shades = colormap(scale)
    for (row, col), value in np.ndenumerate(values):
        x, y = left + col * side, band.top + row * side
        fill = shades(norm(float(value)))
        look: dict[str, Any] = {
            "facecolor": fill,
            "edgecolor": style.ink["background"],
            "linewidth": 0.6,
        }
        axes.add_patch(Rectangle((x, y), side, side, **look))
        if differs is not None and differs[row, col]:
            inner = (x + 0.28 * side, y + 0.28 * side), 0.44 * side, 0.44 * side
            edge = contrast(fill)
            axes.add_patch(Rectangle(*inner, fill=False, edgecolor=edge, linewidth=1.2))


def _entries(results: Sequence[ConventionResult], style: Style) -> list[Entry]:
    """The entries of the legend."""
    unread = any((r.cols.reads == 0).any() for r in results if r.cols is not None)
    differ = any(r.differs.any() for r in results if r.differs is not None)
    read = Entry("input column", _cell_look(0, 1, style)[0])
    sources = {source for r in results if r.cols is not None for source in r.cols.source.tolist()}
    entries = [read]
    for source, name in ((PAD, "padding"), (INSERTED, "inserted zero")):
        entries += [Entry(name, _cell_look(source, 0, style)[0])] if source in sources else []
    entries += [Entry("unread", _cell_look(0, 0, style)[0])] if unread else []
    entries.append(Entry("window", {"facecolor": WINDOW, "edgecolor": "none"}))
    span = next(r.cols for r in results if r.cols is not None).offsets
    if int(span[-1]) + 1 > len(span):
        entries.append(Entry("window, holes included", {"fill": False, "edgecolor": WINDOW}))
    edge = {"fill": False, "edgecolor": style.ink["text"]}
    return entries + ([Entry("value differs from the first", edge)] if differ else [])
