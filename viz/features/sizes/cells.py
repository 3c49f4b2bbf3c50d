"""Tables of output sizes as HTML: exact, copyable, readable on a wall and on a phone."""

from __future__ import annotations

from functools import lru_cache

from core.layer.size_tables import ConventionResult, SizeTable
from viz.page import words
from viz.page.tables import Cell, table


@lru_cache(maxsize=256)
def size_cells(
    sizes: SizeTable,
    heads: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
    chosen: tuple[int | str, int | str] | None = None,
) -> str:
    """The table as HTML: sizes, unread pixels (hatched, and how many), a dash where none fits.

    Args:
        heads: headings of the columns; their values when empty.
        notes: one small line under the heading of each row.
        chosen: the (row, column) to frame.
    """
    corner = f"{sizes.row_name} ↓ {sizes.column_name} →"
    rows = (
        [
            Cell(f"{name}", notes[row] if notes else "", head=True),
            *(
                _cell(sizes, row, column, (name, value) == chosen)
                for column, value in enumerate(sizes.columns)
            ),
        ]
        for row, name in enumerate(sizes.rows)
    )
    return table(corner, [corner, *(heads or map(str, sizes.columns))], rows, "sizes")


def _cell(sizes: SizeTable, row: int, column: int, chosen: bool) -> Cell:
    unread = int(sizes.unread[row, column])
    classes = {
        "misfit": not sizes.fits[row, column],
        "unread": unread > 0,
        "chosen": chosen,
        "wrong": not sizes.agrees[row, column],
    }
    text, notes, title = "–", [], sizes.refusals[row][column]
    if sizes.fits[row, column]:
        height, width = sizes.output[row, column].tolist()
        text = words.both((height, width))
        notes += [f"{unread:,} unread"] if unread else []
        rows, cols = sizes.remainder[row, column].tolist()
        title = f"{height}×{width}, remainder {rows} rows and {cols} columns, {unread} unread"
    if not sizes.agrees[row, column]:
        notes.append(f"torch: {words.times(_pair(sizes, row, column))}")
    return Cell(text, ", ".join(notes), " ".join(n for n, on in classes.items() if on), title)


def _pair(sizes: SizeTable, row: int, column: int) -> tuple[int, int]:
    height, width = sizes.measured[row, column].tolist()
    return height, width


@lru_cache(maxsize=256)
def convention_cells(results: tuple[ConventionResult, ...]) -> str:
    """Padding per side, output size and unread pixels under every convention."""
    heads = ("convention", "padding", "output", "torch", "unread pixels")
    rows = (
        [Cell(result.label, result.description, head=True), *_convention(result)]
        for result in results
    )
    return table("Padding conventions", heads, rows, "sizes")


def _convention(result: ConventionResult) -> list[str | Cell]:
    if result.pads is None or result.output is None:
        return [Cell(result.refusal, kind="misfit", span=4)]
    agrees = result.measured == result.output
    torch = words.times(result.measured) if result.measured else "refused"
    return [
        words.sides(result.pads, result.output_padding),
        words.times(result.output),
        Cell(f"{torch}{' ✓' if agrees else ''}", kind="" if agrees else "wrong"),
        Cell(f"{result.unread:,}", kind="unread" if result.unread else ""),
    ]
