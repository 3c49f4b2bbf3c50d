"""HTML tables, and the text of numbers in their cells. This module does not import Streamlit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from core.plots.table import Table

UNKNOWN = "–"
"""Cell of a value that cannot be computed."""
WAITING = "…"
"""Cell of a value that is not computed yet."""


@dataclass(frozen=True)
class TableRow:
    """One row of a table of measurements.

    Attributes:
        name: The quantity.
        method: How it was measured or computed.
        cells: Its value for each column.
    """

    name: str
    method: str
    cells: tuple[str, ...]


def with_metric_prefix(amount: float, unit: str = "") -> str:
    """An amount with a metric prefix: ``1.85 G``, ``38.5 MB``, ``12.3 ms``.

    It has three significant digits, without trailing zeros if there is no prefix.
    """
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ")):
        if abs(amount) >= size * 0.9995:
            number = amount / size
            digits = max(0, 3 - len(str(int(abs(number) + 0.0005))))
            text = f"{number:.{digits}f}" if prefix else f"{number:.3g}"
            return f"{text} {prefix}{unit}".rstrip()
    return f"0 {unit}".rstrip()


def percent(share: float) -> str:
    """A share in per cent to one decimal, as ``75 %``; ``below 0.1 %`` or ``above 99.9 %`` where
    rounding would give 0 or 100."""
    if share in (0, 1):
        return f"{100 * share:g} %"
    text = f"{100 * share:.1f}".removesuffix(".0")
    if text in ("0", "100"):
        return "below 0.1 %" if text == "0" else "above 99.9 %"
    return f"{text} %"


@dataclass(frozen=True)
class Cell:
    """The content and look of one cell of a table.

    Attributes:
        text: Text of the cell.
        note: Small text below it.
        kind: CSS classes, such as "number".
        title: Tooltip.
        head: Whether the cell is the heading of its row.
    """

    text: str
    note: str = ""
    kind: str = ""
    title: str = ""
    head: bool = False

    def html(self, scope: str = "") -> str:
        """The cell as HTML; ``scope`` is "col" for the heading of a column."""
        scope = scope or ("row" if self.head else "")
        if not self.text:
            scope = ""  # a corner heads nothing: screen readers would announce an empty heading
        tag = "th" if scope else "td"
        attributes = {"scope": scope, "class": self.kind, "title": self.title}
        written = "".join(f" {n}='{escape(text)}'" for n, text in attributes.items() if text)
        note = f"<small>{escape(self.note)}</small>" if self.note else ""
        return f"<{tag}{written}>{escape(self.text)}{note}</{tag}>"


def table(
    name: str,
    heads: Sequence[str | Cell],
    rows: Iterable[Sequence[str | Cell]],
    kind: str = "",
) -> str:
    """A table as HTML, which scrolls sideways if it is wider than the screen.

    Args:
        name: Name for screen readers.
        heads: Headings of the columns; empty for a table without headings.
        rows: Cells of each row; their texts are escaped.
        kind: CSS classes besides "table".
    """

    def line(cells: Sequence[str | Cell], scope: str = "") -> str:
        full = (Cell(cell) if isinstance(cell, str) else cell for cell in cells)
        return f"<tr>{''.join(cell.html(scope) for cell in full)}</tr>"

    head = f"<thead>{line(heads, 'col')}</thead>" if heads else ""
    return (
        f"<div class='{f'table {kind}'.strip()}' tabindex='0' role='region' "
        f"aria-label='{escape(name)}'><table>{head}<tbody>{''.join(map(line, rows))}</tbody>"
        "</table></div>"
    )


def described_table(content: Table, kind: str = "") -> str:
    """A table's description as HTML, below its title and subtitle.

    Args:
        content: The table. Texts of its optional columns stand below the names of the rows.
        kind: CSS classes besides "table".
    """
    count = len(content.columns) - content.optional
    rows = (
        [
            Cell(row[0].text, ", ".join(cell.text for cell in row[count:]), head=True),
            *(Cell(cell.text, kind=cell.look, title=cell.hover) for cell in row[1:count]),
        ]
        for row in content.rows
    )
    below = f"<p>{escape(content.subtitle)}</p>" if content.subtitle else ""
    head = f"<div class='plot-head'><h4>{escape(content.title)}</h4>{below}</div>"
    return head + table(content.title, content.columns[:count], rows, kind)


def comparison_table(
    titles: Sequence[str],
    lines: Sequence[TableRow],
    subheadings: Sequence[str] = (),
    name: str = "blocks",
    *,
    compact: bool = False,
) -> str:
    """An HTML table that compares several blocks or networks: one column for each.

    Args:
        titles: Headings of the columns.
        lines: Rows of the table.
        subheadings: Small text below each heading.
        name: Name for screen readers.
        compact: Whether the rows' methods are tooltips only.
    """
    below = subheadings or [""] * len(titles)
    heads = [Cell(title, words) for title, words in zip(titles, below, strict=True)]
    rows: Iterable[list[str | Cell]] = (
        [Cell(row.name, "" if compact else row.method, title=row.method, head=True), *row.cells]
        for row in lines
    )
    return table(name, ["", *heads], rows, "wide")
