"""A table of texts for slides: every cell is wrapped, so that all columns fit on the paper."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from viz.slides.parts import SPACING, canvas, sheet, titled, width_of, wrapped
from viz.slides.style import SMALL, Style

TYPE_SIZES = (1.0, 0.95, 0.9, 0.85, SMALL)
"""Sizes of type that are tried, as shares of the ordinary one."""
MAX_FIRST_SHARE = 0.3
"""Largest share of the table's width that the first column gets."""
GUTTER, PAD = 0.2, 0.12
"""Inches between two columns, and around the type of a row."""
FILL_SHARE = 0.97
"""Share of a column's width that text may fill: at low resolutions hinting makes it wider."""
Lines = list[list[str]]
"""The lines of each cell of a row."""


def word_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    style: Style,
    *,
    title: str,
    subtitle: str = "",
) -> Figure:
    """A table in the largest type in which it fits; the last rows are left out, and counted.

    Args:
        columns: headings; the first column names the rows.
        rows: the most important first.
        style: Size, resolution and colors.
        title, subtitle: Texts above the table.
    """
    figure = sheet(style)
    axes = canvas(figure, titled(figure, title, subtitle, style), style)
    width, height = float(axes.get_xlim()[1]), float(axes.get_ylim()[0])
    for share in TYPE_SIZES:
        points = share * style.points
        names = [row[0] for row in rows] + [columns[0]]
        words = [word for name in names for word in name.split()]
        least = max(width_of(word, points, True) for word in words) / FILL_SHARE + GUTTER
        wish = max(width_of(name, points, True) for name in names) / FILL_SHARE + GUTTER
        first = max(least, min(MAX_FIRST_SHARE * width, wish))
        widths = [first, *[(width - first) / (len(columns) - 1)] * (len(columns) - 1)]
        lines = [_lines(row, widths, points) for row in rows]
        head = _lines(columns, widths, points, True)
        step = SPACING * points / 72
        heights = [PAD + step * max(map(len, row)) for row in lines]
        top = PAD / 2 + step * max(map(len, head))
        if top + sum(heights) <= height and not any(
            _has_broken_word(row, widths, points) for row in (columns, *rows)
        ):
            break
    fitting = len(lines)
    while top + sum(heights[:fitting]) + (fitting < len(lines)) * step > height and fitting > 1:
        fitting -= 1
    spare = max(0.0, min(0.9 * step, (height - top - sum(heights)) / len(lines)))
    lefts = [sum(widths[:place]) for place in range(len(widths))]
    ink = style.ink

    def write(cells: Lines, y: float, bold: Sequence[int]) -> None:
        """Write the lines of a row's cells; ``bold`` has the indices of bold cells."""
        for place, (cell, x) in enumerate(zip(cells, lefts, strict=True)):
            weight = "bold" if place in bold else "normal"
            for number, line in enumerate(cell):
                at, text = y + (number + 0.5) * step, line
                axes.text(x, at, text, fontsize=points, fontweight=weight, va="center")

    write(head, 0.0, range(len(columns)))
    axes.plot([0, width], [top, top], color=ink["muted"], lw=1.5)
    y = top
    for row, high in zip(lines[:fitting], heights, strict=False):
        write(row, y + (PAD + spare) / 2, (0,))
        y += high + spare
        axes.plot([0, width], [y, y], color=ink["line"], lw=1)
    if rest := len(lines) - fitting:
        axes.text(0, y + 0.5 * step, f"… {rest} more", fontsize=points, va="center")
    return figure


def _lines(row: Sequence[str], widths: Sequence[float], points: float, bold: bool = False) -> Lines:
    """Each cell wrapped to its column's width; the first cell is bold."""
    return [
        wrapped(text, points, FILL_SHARE * (width - GUTTER), bold or not place) or [""]
        for place, (text, width) in enumerate(zip(row, widths, strict=True))
    ]


def _has_broken_word(row: Sequence[str], widths: Sequence[float], points: float) -> bool:
    """Whether a word is wider than its column, so that wrapping would break it."""
    return any(
        width_of(word, points, not place) > FILL_SHARE * (width - GUTTER)
        for place, (text, width) in enumerate(zip(row, widths, strict=True))
        for word in text.split()
    )
