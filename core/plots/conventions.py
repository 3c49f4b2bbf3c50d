"""One layer under several padding conventions: panels side by side, and a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.layer.window import INSERTED, OUTSIDE, PAD
from core.plots.maps import cell_texts
from core.plots.plot import (
    Box,
    Boxes,
    Dash,
    Heat,
    Panel,
    Plot,
    PlotAxis,
    Points,
    Scale,
    signed_scale,
)
from core.plots.table import Cell, Table
from core.text import padding_in_words, times

if TYPE_CHECKING:
    from core.layer.operations import FloatArray
    from core.layer.size_tables import ConventionResult
    from core.layer.window import Axis, BoolArray, IntArray

EMPTY: tuple[tuple[int, str, Dash], ...] = (
    (PAD, "padding", "dash"),
    (INSERTED, "inserted zero", "dot"),
    (OUTSIDE, "past the padding (ceil_mode)", "dashdot"),
)
"""Entries of `core.layer.window.Axis.source` without a pixel, with their names and dashes."""
DIFFERS = "differs from the first panel"
MOST_NUMBERED = 14
"""Most columns, padding included, of which each has its number."""
MOST_FRAMED = 8
"""Most rows or columns of values whose differences are framed; others get a dot."""


def conventions_plot(results: Sequence[ConventionResult], title: str) -> Plot:
    """A panel for each convention: the values, the windows, and the columns that they read.

    Values that are not those of the first result are marked. The panels have the same input
    columns and one scale; refused conventions stand in the notes.

    Args:
        results: Results of `core.layer.size_tables.convention_results` with ``run``.
        title: The heading.
    """
    drawn = [result for result in results if result.values is not None]
    refused = tuple(f"{r.label}: {r.refusal.split(';')[0]}." for r in results if r.refusal)
    if not drawn:
        return Plot(title, (Panel(()),), f"{title}: no convention can be run.", notes=refused)
    room = _Room(drawn)
    differing = [
        f"{result.label}: {times(result.output or ())}, {_difference(result)}"
        for result in drawn[1:]
    ]
    stretched = any((axis.source == INSERTED).any() for axis in room.axes)
    columns = "the input's columns with their padding" + (" and inserted zeros" * stretched)
    return Plot(
        title,
        tuple(_panel(result, axis, room) for result, axis in zip(drawn, room.axes, strict=True)),
        ". ".join([title, *(["; ".join(differing)] if differing else [])]) + ".",
        f"From top to bottom: the output, the windows, and {columns}.",
        refused,
        columns=3,
        half_table=conventions_table(results, title),
    )


class _Room:
    """What the panels share: the ends of their axes, heights of their parts, and the scale.

    Attributes:
        axes: Windows along the width, for each convention.
        scale: Colors of the output values.
        ends: First and last column of the widest padded input; negative before the picture.
        outputs: Rows and columns of the largest output.
        strip: Height of the input's columns, as a multiple of a row of values.
        lanes: Most rows of windows.
    """

    def __init__(self, drawn: Sequence[ConventionResult]) -> None:
        self.axes: list[Axis] = [result.cols for result in drawn if result.cols is not None]
        values = [result.values for result in drawn if result.values is not None]
        self.scale = _scale(values)
        places = np.concatenate([_columns(axis) for axis in self.axes])
        self.ends = int(places.min()), int(places.max())
        self.outputs = max(len(v) for v in values), max(v.shape[1] for v in values)
        self.strip = max(1.0, self.outputs[0] / 7)
        self.lanes = max(map(_lanes, self.axes))

    @property
    def lane(self) -> float:
        """Height of a row of windows, as a multiple of a row of values."""
        return self.strip * min(0.4, 2 / self.lanes)

    @property
    def windows(self) -> float:
        """Upper edge of the windows."""
        return self.outputs[0] + 0.3 * self.strip

    @property
    def inputs(self) -> float:
        """Upper edge of the input's columns."""
        return self.windows + self.lanes * self.lane + 0.15 * self.strip


def _scale(values: Sequence[FloatArray]) -> Scale:
    """The scale of all output values."""
    low, high = (float(pick([pick(v) for v in values])) for pick in (np.min, np.max))
    return signed_scale("output value", *values) if low < 0 else Scale("output value", low, high)


def _columns(axis: Axis) -> IntArray:
    """Position of each cell that windows can read; the first input column is at 0.

    Padding at the left has negative positions. Inserted zeros count as cells.
    """
    return np.arange(len(axis.source)) - int(np.flatnonzero(axis.source >= 0)[0])


def _lanes(axis: Axis) -> int:
    """Number of rows in which windows can be drawn without overlap."""
    starts, span = axis.starts, int(axis.offsets[-1]) + 1
    step = int(starts[1] - starts[0]) if len(starts) > 1 else span
    return min(len(starts), -(-span // step))


def _panel(result: ConventionResult, axis: Axis, room: _Room) -> Panel:
    """One convention."""
    marks = (*_input_marks(axis, room), *_window_marks(axis, room), *_value_marks(result, room))
    note = padding_in_words(result.pads or ((0, 0), (0, 0)), result.output_padding)
    first, last = room.ends
    across = PlotAxis("input column", first - 0.5, last + 0.5, hidden=True)
    down = PlotAxis(low=room.inputs + 1.05 * room.strip, high=0, hidden=True)
    title = f"{result.label} → {times(result.output or ())}"
    return Panel(marks, across, down, title, note, size="medium")


def _difference(result: ConventionResult) -> str:
    """How many values differ from the first result's."""
    assert result.differs is not None
    return f"{int(result.differs.sum())} of {result.differs.size} values differ"


def _value_marks(result: ConventionResult, room: _Room) -> Iterator[Heat | Boxes | Points]:
    """The output values, and a mark on each that differs from the first result's."""
    assert result.values is not None
    assert result.differs is not None
    left = room.ends[0] - 0.5
    width = (room.ends[1] - room.ends[0] + 1) / room.outputs[1]
    hover = [
        [f"output row {row}, column {column}: {value:.6g}".replace("-", "−")
         for column, value in enumerate(values)]
        for row, values in enumerate(result.values.tolist())
    ]  # fmt: skip
    yield Heat(
        result.values, room.scale, left, 0.0, width, texts=cell_texts(result.values), hover=hover,
        gaps=True,
    )  # fmt: skip
    places = np.argwhere(result.differs).tolist()
    if max(room.outputs) <= MOST_FRAMED:
        boxes = [
            (left + (c + 0.05) * width, left + (c + 0.95) * width, r + 0.09, r + 0.91)
            for r, c in places
        ]
        yield Boxes(boxes, DIFFERS, "white", width=1, cased=True)
    else:
        x, y = [left + (c + 0.5) * width for _, c in places], [r + 0.5 for r, _ in places]
        yield Points(x, y, DIFFERS, "black", size=3, hover=None)


def _window_marks(axis: Axis, room: _Room) -> Iterator[Boxes]:
    """Each window's taps as filled boxes, and around the holes of dilated ones an outline."""
    lanes, taps, spans = _lanes(axis), list[Box](), list[Box]()
    for number, window in enumerate(axis.taps + int(_columns(axis)[0])):
        top = room.windows + (number % lanes) * room.lane
        bottom = top + 0.75 * room.lane
        runs = np.split(window, np.flatnonzero(np.diff(window) > 1) + 1)
        taps += [(int(run[0]) - 0.5, int(run[-1]) + 0.5, top, bottom) for run in runs]
        spans.append((int(window[0]) - 0.5, int(window[-1]) + 0.5, top, bottom))
    yield Boxes(taps, "window", "window", width=0, fill="window")
    if len(taps) > len(spans):
        yield Boxes(spans, "window, holes included", "window", width=1)


def _input_marks(axis: Axis, room: _Room) -> Iterator[Boxes | Heat]:
    """The columns that windows slide over: read, unread, and those without a pixel."""
    top, bottom = room.inputs, room.inputs + room.strip

    def boxes(holds: BoolArray, margin: float) -> list[Box]:
        """A box for each column of which something holds."""
        places = _columns(axis)[holds].tolist()
        inset = margin * room.strip
        return [(x - 0.5 + margin, x + 0.5 - margin, top + inset, bottom - inset) for x in places]

    pixel, read = axis.source >= 0, axis.grid_reads > 0
    yield Boxes(boxes(pixel & read, 0.03), "input", "input", width=1, fill="input", opacity=0.35)
    for kind, name, dash in EMPTY:
        yield Boxes(boxes(axis.source == kind, 0.1), name, "padding", dash, 1.5)
    yield Boxes(boxes(pixel & ~read, 0.06), "unread", "unread", width=1, hatch="/")
    step = -(-(room.ends[1] - room.ends[0] + 1) // MOST_NUMBERED)
    places = _columns(axis)[pixel]
    width = float(step * (places[1] - places[0] if len(places) > 1 else 1))
    names = [str(number) if reads else "" for number, reads in enumerate(axis.reads.tolist())]
    blank = np.full((1, len(names[::step])), np.nan)
    yield Heat(blank, room.scale, -width / 2, top, width, room.strip, texts=[names[::step]])


def conventions_table(results: Sequence[ConventionResult], title: str) -> Table:
    """Output size, unread pixels and padding under every convention, and the convention's rule."""
    columns = ("convention", "output", "unread pixels", "padding", "PyTorch", "rule")
    rows = tuple(tuple(_row(result)) for result in results)
    return Table(title, columns, rows, align="lrrlll", optional=1)


def _row(result: ConventionResult) -> Iterator[Cell]:
    """The row of a convention in the table."""
    yield Cell(result.label)
    if result.pads is None or result.output is None:
        yield from (Cell("–", "faint"), Cell("–", "faint"), Cell("–", "faint"))
        yield from (Cell("refused", "faint"), Cell(f"{result.description}; {result.refusal}"))
        return
    agrees = result.measured == result.output
    measured = times(result.measured) if result.measured else "refused"
    yield Cell(times(result.output))
    yield Cell(f"{result.unread:,}", "unread" if result.unread else "")
    yield Cell(padding_in_words(result.pads, result.output_padding))
    yield Cell(measured, "" if agrees else "wrong")
    yield Cell(result.description)
