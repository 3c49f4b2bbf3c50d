"""The HTML tables of a page, read back for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from streamlit.testing.v1 import AppTest


@dataclass
class HtmlTable:
    """A table as it was sent to the browser.

    Attributes:
        name: Its name for screen readers.
        heads: Headings of its columns, with the text below them.
        rows: Cells of each row, without the texts below them.
        notes: The texts below the cells.
        numbers: Indices of the columns that are aligned to the right.
        choices: The choices of its rows.
    """

    name: str
    heads: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    notes: list[list[str]] = field(default_factory=list)
    numbers: set[int] = field(default_factory=set)
    choices: list[str] = field(default_factory=list)

    @property
    def columns(self) -> dict[str, list[str]]:
        """The cells of each column, by its heading."""
        return {head: [row[i] for row in self.rows] for i, head in enumerate(self.heads)}

    def row(self, name: str) -> list[str]:
        """The cells of the row of that name, with the texts below them in brackets."""
        found = next(i for i, row in enumerate(self.rows) if row[0] == name)
        pairs = zip(self.rows[found][1:], self.notes[found][1:], strict=True)
        return [f"{cell} ({note})" if note else cell for cell, note in pairs]


class _Reader(HTMLParser):
    """Reads tables with the attributes that `viz.page.tables` writes."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[HtmlTable] = []
        self._in_head = self._in_note = self._in_cell = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "div" and "table" in (values.get("class") or "").split():
            self.tables.append(HtmlTable(values["aria-label"] or ""))
        elif tag in ("thead", "tbody"):
            self._in_head = tag == "thead"
        elif tag == "tr" and not self._in_head:
            self.tables[-1].rows.append([])
            self.tables[-1].notes.append([])
        elif tag in ("th", "td"):
            self._begin_cell("number" in (values.get("class") or "").split())
        elif tag == "a":
            self.tables[-1].choices.append(values["data-choice"] or "")
        elif tag == "small":
            self._in_note = True

    def _begin_cell(self, number: bool) -> None:
        self._in_cell, table = True, self.tables[-1]
        if self._in_head:
            table.heads.append("")
            table.numbers |= {len(table.heads) - 1} if number else set()
        else:
            table.rows[-1].append("")
            table.notes[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "small":
            self._in_note = False
        elif tag in ("th", "td"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        if not self._in_cell:
            return
        table = self.tables[-1]
        if self._in_head:
            table.heads[-1] += data
        else:
            (table.notes if self._in_note else table.rows)[-1][-1] += data


def tables_in(html: str) -> list[HtmlTable]:
    """The tables in HTML, in order."""
    reader = _Reader()
    reader.feed(html)
    return reader.tables


def tables_of(at: AppTest) -> list[HtmlTable]:
    """The tables of a page, in order."""
    return tables_in(html_of(at))


def table_of(at: AppTest, name: str = "") -> HtmlTable:
    """The table of that name, or the first one."""
    return next(table for table in tables_of(at) if not name or table.name == name)


def html_of(at: Any) -> str:
    """All HTML of a page."""
    return "\n".join(element.proto.body for element in at.get("html"))
