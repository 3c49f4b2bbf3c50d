"""Tables of words and numbers as HTML, and numbers as words in their cells. No Streamlit here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

UNKNOWN = "–"
WAITING = "…"


@dataclass(frozen=True)
class TableRow:
    """One row of a table: what is told, how it was found, and a cell for each block."""

    name: str
    how: str
    cells: tuple[str, ...]


def scaled(amount: float, unit: str = "") -> str:
    """``1.85 G``, ``38.5 MB``, ``12.3 ms``: three digits and a prefix, fewer without one."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ")):
        if abs(amount) >= size * 0.9995:
            number = amount / size
            digits = max(0, 3 - len(str(int(abs(number) + 0.0005))))
            text = f"{number:.{digits}f}" if prefix else f"{number:.3g}"
            return f"{text} {prefix}{unit}".rstrip()
    return f"0 {unit}".rstrip()


def percent(share: float) -> str:
    """``75 %``; never a 0 or a 100 that is not exactly one."""
    if share in (0, 1):
        return f"{100 * share:g} %"
    text = f"{100 * share:.1f}".removesuffix(".0")
    if text in ("0", "100"):
        return "below 0.1 %" if text == "0" else "above 99.9 %"
    return f"{text} %"


@dataclass(frozen=True)
class Cell:
    """What stands in one cell of a table, and how.

    Attributes:
        text: large.
        note: small, below it.
        kind: classes of the style sheet, such as "number".
        title: said while the pointer rests on it.
        head: whether it is the heading of its row.
        span: columns that it takes.
    """

    text: str
    note: str = ""
    kind: str = ""
    title: str = ""
    head: bool = False
    span: int = 1

    def html(self, scope: str = "") -> str:
        """The cell; ``scope`` is "col" in a heading line."""
        scope = scope or ("row" if self.head else "")
        tag, span = "th" if scope else "td", str(self.span) if self.span > 1 else ""
        attributes = {"scope": scope, "class": self.kind, "title": self.title, "colspan": span}
        written = "".join(f" {n}='{escape(text)}'" for n, text in attributes.items() if text)
        note = f"<small>{escape(self.note)}</small>" if self.note else ""
        return f"<{tag}{written}>{escape(self.text)}{note}</{tag}>"


def table(
    name: str,
    heads: Sequence[str | Cell],
    rows: Iterable[Sequence[str | Cell]],
    kind: str = "",
) -> str:
    """A table as HTML; where it is wider than a phone it scrolls by itself.

    Args:
        name: for screen readers.
        heads: of the columns; no line of headings without any.
        rows: the cells, texts or more than that; nothing of them is read as HTML.
        kind: classes of the style sheet, beside "table".
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


def comparison_table(
    titles: Sequence[str],
    lines: Sequence[TableRow],
    second: Sequence[str] = (),
    name: str = "blocks",
    *,
    compact: bool = False,
) -> str:
    """A table with a column for each block.

    Args:
        titles: of the columns.
        lines: the rows.
        second: words below the titles.
        name: for screen readers.
        compact: how things are found is told on hover only.
    """
    below = second or [""] * len(titles)
    heads = [Cell(title, words) for title, words in zip(titles, below, strict=True)]
    rows: Iterable[list[str | Cell]] = (
        [Cell(row.name, "" if compact else row.how, title=row.how, head=True), *row.cells]
        for row in lines
    )
    return table(name, ["", *heads], rows, "wide")
