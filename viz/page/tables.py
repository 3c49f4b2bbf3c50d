"""HTML tables, and the text of numbers in their cells. This module does not import Streamlit.

All tables look alike: the first column names the rows, columns of numbers are aligned to the right,
headings name the units, and a table that is larger than its box scrolls below its headings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from math import floor, isfinite, log10
from typing import Any

from core.plots.table import Table

UNKNOWN = "–"
"""Cell of a value that cannot be computed."""
WAITING = "…"
"""Cell of a value that is not computed yet."""
PLACEHOLDERS = (UNKNOWN, WAITING, "")
"""Cells without a value."""
MAX_ROWS = 500
"""Largest number of rows that the browser gets."""
LONG = 14
"""Number of rows from which a table scrolls in a box of its own."""
PROSE = 30
"""Number of characters from which a cell is wrapped into lines that are not too short."""
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"))
"""Metric prefixes by size, largest first."""
_NUMBER = re.compile(
    r"(?:at most |below |above |more than )?[^A-Za-z]*\d(?:e[-−+]?\d|\bto\b|[^A-Za-z])*"
)
"""A cell that holds a number, a size such as ``46×46``, a range or a pair."""


@dataclass(frozen=True)
class TableRow:
    """One row of a table that compares blocks or networks.

    Attributes:
        name: The quantity.
        method: How it was measured or computed.
        cells: Its value for each column, without the unit.
        unit: Unit of the values; "" for none.
        notes: Small text below each value; () for none.
    """

    name: str
    method: str
    cells: tuple[str, ...]
    unit: str = ""
    notes: tuple[str, ...] = ()

    @property
    def heading(self) -> str:
        """The quantity and its unit, such as ``effective stride (px)``."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def lines(self) -> list[str]:
        """Each value with its note on one line, such as ``7.40 (4×)``."""
        notes = self.notes or ("",) * len(self.cells)
        pairs = zip(self.cells, notes, strict=True)
        return [f"{cell} ({note})" if note else cell for cell, note in pairs]


def with_metric_prefix(amount: float, unit: str = "") -> str:
    """An amount with a metric prefix: ``1.85 G``, ``38.5 MB``, ``12.3 ms``.

    It has three significant digits, without trailing zeros if there is no prefix.
    """
    for size, prefix in PREFIXES:
        if abs(amount) >= size * 0.9995:
            number = amount / size
            digits = max(0, 3 - len(str(int(abs(number) + 0.0005))))
            text = f"{number:.{digits}f}" if prefix else f"{number:.3g}"
            return f"{text} {prefix}{unit}".rstrip()
    return f"0 {unit}".rstrip()


PREFIX_WORDS = {"G": "billion", "M": "million", "k": "thousand", "": ""}
"""Prefixes of counts, which have no unit, in words."""


def amounts_row(
    name: str,
    method: str,
    amounts: Sequence[float | None],
    unit: str = "",
    notes: tuple[str, ...] = (),
    *,
    missing: str = UNKNOWN,
) -> TableRow:
    """A row of amounts with one metric prefix, which stands with the unit in the row's name.

    It is the largest prefix with which no amount other than 0 is below 1.

    Args:
        name, method, notes: As in `TableRow`.
        amounts: The values in the unit; None for those that are not known.
        unit: Such as "B" or "s"; "" for counts, whose prefix is written as a word.
        missing: Cell of a value that is not known.
    """
    size, prefix = common_prefix(amounts)
    texts = number_texts([None if n is None else n / size for n in amounts])
    cells = tuple(
        missing if amount is None else text for amount, text in zip(amounts, texts, strict=True)
    )
    return TableRow(name, method, cells, prefix + unit if unit else PREFIX_WORDS[prefix], notes)


def common_prefix(amounts: Iterable[float | None]) -> tuple[float, str]:
    """The largest metric prefix, as its size and letter, with which no amount is below 1.

    Zeros and None do not count; ``(1, "")`` if there is no other amount.
    """
    least = min((abs(amount) for amount in amounts if amount), default=1.0)
    return next((pair for pair in PREFIXES if least >= pair[0] * 0.9995), PREFIXES[-1])


def number_texts(numbers: Sequence[float | None], digits: int = 3) -> list[str]:
    """Numbers as texts that can be compared: with the same number of decimals.

    Args:
        numbers: Whole numbers get no decimals; None and NaN become `UNKNOWN`. Where three decimals
            would turn a number into 0, each number gets its own significant digits.
        digits: Significant digits of the smallest number other than 0; the largest gets at most
            one more, so that it does not look more precise than it is.
    """
    sizes = [abs(n) for n in numbers if n is not None and isfinite(n)]
    decimals = 0
    if any(sizes) and not all(float(n).is_integer() for n in sizes):
        least, most = min(n for n in sizes if n), max(sizes)
        decimals = max(0, min(_decimals(most, digits) + 1, _decimals(least, digits)))
        decimals = max(decimals, min(3, _decimals(least, 1)))
        if round(least, decimals) == 0:
            return [_number_text(number, f".{digits}g") for number in numbers]
    return [_number_text(number, f",.{decimals}f") for number in numbers]


def _number_text(number: float | None, form: str) -> str:
    """A number in a format, with a real minus sign; `UNKNOWN` if there is none."""
    if number is None or not isfinite(number):
        return UNKNOWN
    return format(number, form).replace("-", "−")


def _decimals(number: float, digits: int) -> int:
    """The decimals with which a number other than 0 has so many significant digits."""
    return digits - 1 - floor(log10(number) + 1e-9)


def percent(share: float) -> str:
    """A share in per cent to one decimal, as ``75 %``; ``below 0.1 %`` or ``above 99.9 %`` where
    rounding would give 0 or 100."""
    return f"{percent_number(share)} %"


def percent_number(share: float) -> str:
    """As `percent`, without the sign, for a table whose heading has it."""
    if share in (0, 1):
        return f"{100 * share:g}"
    text = f"{100 * share:.1f}".removesuffix(".0")
    if text in ("0", "100"):
        return "below 0.1" if text == "0" else "above 99.9"
    return text


def percents_row(
    name: str,
    method: str,
    shares: Sequence[float | None],
    notes: tuple[str, ...] = (),
    *,
    missing: str = UNKNOWN,
) -> TableRow:
    """A row of shares in per cent, all with one decimal if one of them needs it.

    Args:
        name, method, notes: As in `TableRow`.
        shares: From 0 to 1; None for those that are not known.
        missing: Cell of a share that is not known.
    """
    texts = [missing if share is None else percent_number(share) for share in shares]
    return TableRow(name, method, with_equal_decimals(texts), "%", notes)


def with_equal_decimals(texts: Sequence[str]) -> tuple[str, ...]:
    """Numbers with at most one decimal as texts, all with one if one of them has it."""
    if not any("." in text for text in texts):
        return tuple(texts)
    return tuple(f"{text}.0" if text.isdigit() else text for text in texts)


@dataclass(frozen=True)
class Cell:
    """The content and look of one cell of a table.

    Attributes:
        text: Text of the cell.
        note: Small text below it.
        kind: CSS classes, such as "unread".
        title: Tooltip.
        choice: Value that a click on the row chooses, see `viz.page.rows`; None for none. Only
            the first cell of a row has one.
        href: Address that opens the page with this choice.
    """

    text: str
    note: str = ""
    kind: str = ""
    title: str = ""
    choice: str | None = None
    href: str = ""

    def html(self, scope: str = "") -> str:
        """The cell as HTML; ``scope`` is "col" or "row" for the heading of a column or row."""
        tag = "th" if scope else "td"
        written = _attributes(scope=scope, **{"class": self.kind}, title=self.title)
        text = escape(self.text)
        if self.choice is not None:
            link = _attributes(href=self.href, **{"data-choice": self.choice})
            text = f"<a{link}>{text}</a>"
        note = f"<small>{escape(self.note)}</small>" if self.note else ""
        return f"<{tag}{written}>{text}{note}</{tag}>"


def _attributes(**values: str) -> str:
    """HTML attributes, without those that are empty."""
    return "".join(f" {name}='{escape(text)}'" for name, text in values.items() if text)


def is_number(text: str) -> bool:
    """Whether a cell's text is a number, a size, a range or a pair, without a unit."""
    return len(text) < 60 and bool(_NUMBER.fullmatch(text))


def _number_columns(rows: Sequence[Sequence[Cell]], count: int) -> set[int]:
    """The columns, by index, of which half of the known values or more are numbers."""
    numbers = set()
    for column in range(1, count):
        texts = [row[column].text for row in rows if column < len(row)]
        measured = [text for text in texts if text not in PLACEHOLDERS]
        if measured and 2 * sum(map(is_number, measured)) >= len(measured):
            numbers.add(column)
    return numbers


def table(
    name: str,
    heads: Sequence[str | Cell],
    rows: Iterable[Sequence[str | Cell]],
    kind: str = "",
) -> str:
    """A table as HTML, in a box that scrolls if the table is wider than the screen, or long.

    Args:
        name: Name for screen readers.
        heads: Headings of the columns, none of them empty; the first column names the rows.
        rows: Cells of each row; their texts are escaped. Columns of numbers are aligned to the
            right. Rows after the first `MAX_ROWS` are counted, not drawn.
        kind: CSS classes besides "table".
    """
    full = [[_cell(cell) for cell in row] for row in rows]
    titles = [_cell(cell) for cell in heads]
    drawn, left_out = full[:MAX_ROWS], len(full) - MAX_ROWS
    for column in range(1, len(titles)):
        _move_unit_to_heading(titles, drawn, column)
    numbers = _number_columns(drawn, len(heads))
    classes = " ".join(filter(None, ("table", kind, "long" if len(full) > LONG else "")))
    head = _row_html(titles, numbers, "col", "col")
    body = "".join(_row_html(row, numbers, "row") for row in drawn)
    if left_out > 0:
        body += f"<tr><th scope='row' colspan='{len(heads)}'>… {left_out:,} more rows</th></tr>"
    return (
        f"<div class='{classes}' tabindex='0' role='region' aria-label='{escape(name)}'>"
        f"<table><thead>{head}</thead><tbody>{body}</tbody></table></div>"
    )


def _move_unit_to_heading(heads: list[Cell], rows: Sequence[list[Cell]], column: int) -> None:
    """Where all cells of a column are numbers with the same unit, write it in the heading alone."""
    measured = [row for row in rows if row[column].text not in PLACEHOLDERS]
    parts = [row[column].text.rpartition(" ") for row in measured]
    units = {unit for number, _, unit in parts if is_number(number)}
    if len(units) != 1 or not all(number and is_number(number) for number, _, _ in parts):
        return
    (unit,) = units
    if is_number(unit):  # such as a range of two numbers
        return
    heads[column] = replace(heads[column], text=f"{heads[column].text} ({unit})")
    for row, (number, _, _) in zip(measured, parts, strict=True):
        row[column] = replace(row[column], text=number)


def _cell(cell: str | Cell) -> Cell:
    """The cell; a text becomes one."""
    return Cell(cell) if isinstance(cell, str) else cell


def _row_html(cells: Sequence[Cell], numbers: set[int], first: str, others: str = "") -> str:
    """A row as HTML; ``first`` and ``others`` are the scopes of its first and further cells."""
    texts = []
    for index, cell in enumerate(cells):
        looks = (cell.kind, "number" * (index in numbers), "prose" * (len(cell.text) > PROSE))
        look = replace(cell, kind=" ".join(filter(None, looks)))
        texts.append(look.html(others if index else first))
    return f"<tr>{''.join(texts)}</tr>"


def column_table(name: str, columns: Mapping[str, Sequence[Any]], digits: int = 3) -> str:
    """A table as HTML, from its columns by heading; the numbers of a column have equal decimals.

    Args:
        name: Name for screen readers.
        columns: Texts, cells or numbers; a column that has anything but numbers and None is written
            as it is.
        digits: Significant digits of the smallest number in a column, see `number_texts`.
    """
    written = [_column_texts(values, digits) for values in columns.values()]
    return table(name, list(columns), zip(*written, strict=True))


def _column_texts(values: Sequence[Any], digits: int) -> Sequence[str | Cell]:
    """The cells of a column."""
    measured = [value for value in values if value is not None]
    if measured and all(isinstance(value, int | float) for value in measured):
        return number_texts(values, digits)
    return [UNKNOWN if value is None else value for value in values]


def described_table(content: Table, kind: str = "") -> str:
    """A table's description as HTML, below its title and subtitle.

    Args:
        content: The table. Texts of its optional columns stand below the names of the rows.
        kind: CSS classes besides "table".
    """
    count = len(content.columns) - content.optional
    rows = (
        [
            Cell(row[0].text, ", ".join(cell.text for cell in row[count:])),
            *(Cell(cell.text, kind=cell.look, title=cell.hover) for cell in row[1:count]),
        ]
        for row in content.rows
    )
    below = f"<p>{escape(content.subtitle)}</p>" if content.subtitle else ""
    head = f"<div class='plot-head'><h2>{escape(content.title)}</h2>{below}</div>"
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
    rows = (
        [
            Cell(line.heading, "" if compact else line.method, title=line.method),
            *map(Cell, line.cells, line.notes or ("",) * len(line.cells)),
        ]
        for line in lines
    )
    return table(name, ["quantity", *heads], rows)
