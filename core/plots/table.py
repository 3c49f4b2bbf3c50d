"""Description of a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: One line; broken where its column is aligned to the left.
        look: Words of "unread" (hatched), "faint", "wrong", "chosen" (framed), "strong".
        hover: A text for the pointer on the screen; "" for none.
    """

    text: str
    look: str = ""
    hover: str = ""


@dataclass(frozen=True)
class Table:
    """A table. On a slide, columns and rows that do not fit are left out, with a note.

    Attributes:
        title: The heading.
        columns: Headings of the columns, the important ones first.
        rows: A cell for each column; see `texts` for rows of texts.
        subtitle: A line below the heading.
        align: "l", "c" or "r" for each column, all "c" as wide as the widest of them; the first
            left and the others right where empty.
        importance: A number for each row; the rows with the lowest are left out first.
        optional: Number of columns at the right that can be left out without a note. On the
            screen their texts stand in small type below the names of the rows.
        sentences: Whether cells are sentences, which are wrapped, and whose columns share the
            room.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    subtitle: str = ""
    align: str = ""
    importance: tuple[float, ...] = ()
    optional: int = 0
    sentences: bool = False


def texts(rows: Sequence[Sequence[str]], strong: int | None = None) -> tuple[tuple[Cell, ...], ...]:
    """Rows of plain cells; the row with the index ``strong`` is heavy."""
    return tuple(
        tuple(Cell(text, "strong" if number == strong else "") for text in row)
        for number, row in enumerate(rows)
    )
