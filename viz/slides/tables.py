"""Tables for slides: as many rows and columns as fit in large type, with a note on the others.

Drawn in inches on a `viz.slides.parts.canvas`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from core.plots.table import Cell, Table
from viz.slides.parts import SPACING, canvas, sheet, titled, width_of, wrapped
from viz.slides.style import SMALL, Style
from viz.slides.word_table import word_table
from viz.theme import UNREAD

GUTTER, PAD = 0.2, 0.09
"""Inches between two columns, and above and below the type of a row."""
TYPE_SIZES = (1.0, 0.95, 0.9, 0.85, SMALL)
"""Sizes of type that are tried, as shares of the ordinary one."""
MIN_FIRST_SHARE = 0.24
"""Least share of the table's width for the first column; if it gets less, a column is left out."""


Row = Sequence[Cell]
"""The cells of one row, one for each column."""


@dataclass(frozen=True)
class _Plan:
    """The layout of a table: type in points, widths of columns and heights of rows in inches."""

    points: float
    columns: tuple[int, ...]
    widths: tuple[float, ...]
    lines: tuple[tuple[tuple[str, ...], ...], ...]
    heights: tuple[float, ...]
    head: tuple[tuple[str, ...], ...]

    @property
    def head_height(self) -> float:
        """Height of the headings in inches."""
        return max(map(len, self.head)) * SPACING * self.points / 72 + PAD

    @property
    def height(self) -> float:
        """Height of the whole table in inches."""
        return self.head_height + sum(self.heights)


def table(
    axes: Axes,
    columns: Sequence[str],
    rows: Sequence[Row],
    style: Style,
    align: str = "",
    importance: Sequence[float] = (),
    optional: int = 0,
) -> list[int]:
    """Draw a table; columns that do not fit are left out from the right, and rows as needed.

    Args:
        axes: a `canvas`; all of it is used.
        columns: headings, the important ones first.
        rows: a cell for each column.
        style: Size, resolution and colors.
        align: "l", "c" or "r" for each column, all "c" as wide as the widest of them; the first
            left and the others right where empty.
        importance: A number for each row; the rows with the lowest are left out first.
        optional: Number of columns at the right that can be left out without a note.

    Returns:
        indices of the rows that are shown.
    """
    align = align or "l" + "r" * (len(columns) - 1)
    width, height = float(axes.get_xlim()[1]), float(axes.get_ylim()[0])
    plan = _plan(columns, rows, style, align, width, height)
    left_out = columns[len(plan.columns) : len(columns) - optional]
    foot = SPACING * SMALL * style.points / 72 + 0.05 if left_out else 0.0
    fitting = _fitting_rows(plan, importance or [0.0] * len(rows), height - foot)
    lefts = [0.0, *accumulate(plan.widths)]
    y = _head(axes, plan, align, lefts, style)
    used = sum(plan.heights[i] for i in fitting)
    gap = SPACING * plan.points / 72
    gaps = _gap_count(fitting, len(rows))
    slack = height - foot - y - used - gaps * gap
    extra = max(0.0, min(slack / max(1, len(fitting)), 0.9 * plan.points / 72))
    before = -1
    for index in fitting:
        if index - before > 1:
            _write_text(axes, PAD, y + gap / 2, f"… {index - before - 1} more", plan.points, style)
            y += gap
        tall = plan.heights[index] + extra
        _row(axes, plan, rows[index], plan.lines[index], align, lefts, y, tall, style)
        y, before = y + tall, index
    if rest := len(rows) - 1 - before:
        _write_text(axes, PAD, y + gap / 2, f"… {rest} more", plan.points, style)
    if left_out:
        small = SMALL * style.points
        note = wrapped(f"Not shown: {', '.join(left_out)}.", small, width)[0]
        _write_text(axes, 0, height - foot / 2, note, small, style)
    return fitting


def _plan(
    columns: Sequence[str],
    rows: Sequence[Row],
    style: Style,
    align: str,
    width: float,
    height: float,
) -> _Plan:
    """The largest type at which everything fits; else the smallest, with fewer columns."""
    for share in TYPE_SIZES:
        plan = _column_layout(
            columns, rows, range(len(columns)), share * style.points, align, width
        )
        if plan is not None and plan.height <= height:
            return plan
    for count in range(len(columns), 0, -1):
        plan = _column_layout(columns, rows, range(count), SMALL * style.points, align, width)
        if plan is not None:
            return plan
    raise AssertionError("one column always fits")


def _column_layout(
    columns: Sequence[str],
    rows: Sequence[Row],
    chosen: Sequence[int],
    points: float,
    align: str,
    width: float,
) -> _Plan | None:
    """The layout of the chosen columns in this size of type; None if they are too wide."""
    widths = [_natural_width(columns[i], [row[i] for row in rows], points) for i in chosen]
    if align[0] == "l":
        widths[0] = max(widths[0], width_of(columns[0], points, True) + GUTTER)
    alike = [place for place, i in enumerate(chosen) if align[i] == "c"]
    widest = max((widths[place] for place in alike), default=0.0)
    widths = [widest if place in alike else wide for place, wide in enumerate(widths)]
    others = sum(widths[1:])
    words = [word for row in rows for word in row[0].text.split()]
    least = max(
        [MIN_FIRST_SHARE * width, *(width_of(word, points, True) + GUTTER for word in words)]
    )
    if others + min(widths[0], least) > width and len(chosen) > 1:
        return None
    widths[0] = min(widths[0], width - others)
    spread = alike or range(len(widths))
    spare = (width - sum(widths)) / len(spread)
    widths = [wide + spare * (place in spread) for place, wide in enumerate(widths)]
    rooms = [wide - GUTTER for wide in widths]
    head = tuple(
        tuple(wrapped(columns[i], points, rooms[place], True)) or ("",)
        for place, i in enumerate(chosen)
    )
    lines = tuple(
        tuple(
            tuple(wrapped(row[i].text, points, rooms[place]) or [""])
            if align[i] == "l"
            else (row[i].text,)
            for place, i in enumerate(chosen)
        )
        for row in rows
    )
    heights = tuple(max(map(len, cells)) * SPACING * points / 72 + PAD for cells in lines)
    return _Plan(points, tuple(chosen), tuple(widths), lines, heights, head)


def _natural_width(heading: str, cells: Sequence[Cell], points: float) -> float:
    """The width of a column whose heading may be broken between words."""
    words = [width_of(word, points, True) for word in heading.split()]
    texts = [width_of(cell.text, points, "strong" in cell.look) for cell in cells]
    return max([*words, *texts, 0.1]) + GUTTER


def _fitting_rows(plan: _Plan, importance: Sequence[float], height: float) -> list[int]:
    """The indices, in order, of the most important rows that fit into ``height`` inches."""
    count, gap = len(plan.heights), SPACING * plan.points / 72
    if plan.height <= height:
        return list(range(count))
    fitting: list[int] = []
    for index in sorted(range(count), key=lambda i: (-importance[i], i)):
        tried = sorted([*fitting, index])
        taken = plan.head_height + sum(plan.heights[i] for i in tried)
        if taken + _gap_count(tried, count) * gap <= height or not fitting:
            fitting = tried
    return fitting


def _gap_count(rows: Sequence[int], count: int) -> int:
    """Number of gaps, each one or more consecutive rows that are left out."""
    return sum(b - a > 1 for a, b in pairwise([-1, *rows, count]))


def _head(axes: Axes, plan: _Plan, align: str, lefts: Sequence[float], style: Style) -> float:
    """Draw the headings; returns the y of the line below them."""
    bottom = plan.head_height
    for place, (column, lines) in enumerate(zip(plan.columns, plan.head, strict=True)):
        x, side = _text_anchor(align[column], lefts[place], lefts[place + 1])
        for number, line in enumerate(reversed(lines)):
            y = bottom - PAD / 2 - (number + 0.5) * SPACING * plan.points / 72
            axes.text(x, y, line, fontsize=plan.points, fontweight="bold", ha=side, va="center")
    axes.plot([0, lefts[-1]], [bottom, bottom], color=style.ink["muted"], linewidth=1.5)
    return bottom


def _text_anchor(align: str, left: float, right: float) -> tuple[float, str]:
    """The x and horizontal alignment of text in a column aligned "l", "r" or "c"."""
    if align == "l":
        return left + GUTTER / 2, "left"
    if align == "r":
        return right - GUTTER / 2, "right"
    return (left + right) / 2, "center"


def _row(
    axes: Axes,
    plan: _Plan,
    cells: Row,
    lines: Sequence[Sequence[str]],
    align: str,
    lefts: Sequence[float],
    y: float,
    tall: float,
    style: Style,
) -> None:
    """Draw one row, ``tall`` inches high, with its upper edge at ``y``."""
    for place, (column, texts) in enumerate(zip(plan.columns, lines, strict=True)):
        cell, left, right = cells[column], lefts[place], lefts[place + 1]
        ink = _draw_background(axes, cell.look, (left, y, right - left, tall), style)
        x, side = _text_anchor(align[column], left, right)
        step = SPACING * plan.points / 72
        start = y + (tall - len(texts) * step) / 2
        weight = "bold" if "strong" in cell.look else "normal"
        look: dict[str, Any] = {"ha": side, "va": "center", "color": ink, "fontweight": weight}
        for number, line in enumerate(texts):
            axes.text(x, start + (number + 0.5) * step, line, fontsize=plan.points, **look)
    axes.plot([0, lefts[-1]], [y + tall, y + tall], color=style.ink["line"], linewidth=0.8)


def _draw_background(
    axes: Axes, look: str, box: tuple[float, float, float, float], style: Style
) -> str:
    """Draw the background of a cell; returns the color of its text."""
    left, top, wide, tall = box
    looks = look.split()
    if "unread" in looks:
        edge = mixed(UNREAD, style.ink["background"], 0.6)
        axes.add_patch(
            Rectangle((left, top), wide, tall, fill=False, hatch="//", edgecolor=edge, linewidth=0)
        )
    if "wrong" in looks:
        axes.add_patch(Rectangle((left, top), wide, tall, facecolor=UNREAD, edgecolor="none"))
        return "#000000"
    if "chosen" in looks:
        inner = (left + 0.03, top + 0.03), wide - 0.06, tall - 0.06
        axes.add_patch(Rectangle(*inner, fill=False, edgecolor=style.ink["text"], linewidth=3))
    return style.ink["muted" if "faint" in looks else "text"]


def mixed(color: str, paper: str, share: float) -> str:
    """The color that results from a color of opacity ``share`` on paper."""
    pairs = zip(to_rgb(color), to_rgb(paper), strict=True)
    red, green, blue = (share * a + (1 - share) * b for a, b in pairs)
    return to_hex((red, green, blue))


def _write_text(axes: Axes, x: float, y: float, text: str, points: float, style: Style) -> None:
    """Write a note in the muted color."""
    axes.text(x, y, text, fontsize=points, va="center", color=style.ink["muted"])


def draw_table(content: Table, style: Style) -> Figure:
    """Draw a table under its title; the cells of the first column are heavy."""
    if content.sentences:
        rows = [[cell.text for cell in row] for row in content.rows]
        columns, words = content.columns, {"title": content.title, "subtitle": content.subtitle}
        return word_table(columns, rows, style, **words)
    figure = sheet(style)
    axes = canvas(figure, titled(figure, content.title, content.subtitle, style), style)
    cells = [(replace(row[0], look=f"strong {row[0].look}"), *row[1:]) for row in content.rows]
    table(axes, content.columns, cells, style, content.align, content.importance, content.optional)
    return figure
