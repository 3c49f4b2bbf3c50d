"""HTML tables of output sizes and of padding conventions."""

from __future__ import annotations

from functools import lru_cache

from core.layer.size_tables import ConventionResult, SizeTable
from viz.page import words
from viz.page.tables import Cell, table


@lru_cache(maxsize=256)
def size_table_html(
    sizes: SizeTable,
    heads: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
    chosen: tuple[int | str, int | str] | None = None,
) -> str:
    """A table of output sizes as HTML, with a dash where the layer does not fit.

    Cells with unread pixels are hatched and give their number.

    Args:
        sizes: The sizes.
        heads: Headings of the columns; empty for the columns' values.
        notes: A small line below the heading of each row; empty for none.
        chosen: Values of the row and the column of the cell that is framed.
    """
    corner = f"{sizes.row_name} ↓ {sizes.column_name} →"
    rows = (
        [
            Cell(f"{name}", notes[row] if notes else "", head=True),
            *(
                _size_cell(sizes, row, column, (name, value) == chosen)
                for column, value in enumerate(sizes.columns)
            ),
        ]
        for row, name in enumerate(sizes.rows)
    )
    return table(corner, [corner, *(heads or map(str, sizes.columns))], rows, "sizes")


def _size_cell(sizes: SizeTable, row: int, column: int, chosen: bool) -> Cell:
    """The cell of one layer; ``row`` and ``column`` are indices."""
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
        text = words.int_pair_text((height, width))
        notes += [f"{unread:,} unread"] if unread else []
        rows, cols = sizes.remainder[row, column].tolist()
        title = f"{height}×{width}, remainder {rows} rows and {cols} columns, {unread} unread"
    if not sizes.agrees[row, column]:
        notes.append(f"torch: {words.times(_measured_size(sizes, row, column))}")
    return Cell(text, ", ".join(notes), " ".join(n for n, on in classes.items() if on), title)


def _measured_size(sizes: SizeTable, row: int, column: int) -> tuple[int, int]:
    """(height, width) of torch's output for one layer."""
    height, width = sizes.measured[row, column].tolist()
    return height, width


@lru_cache(maxsize=256)
def convention_table_html(results: tuple[ConventionResult, ...]) -> str:
    """A table as HTML: padding, output size and unread pixels under each padding convention."""
    heads = ("convention", "padding", "output", "torch", "unread pixels")
    rows = (
        [Cell(result.label, result.description, head=True), *_convention_row_cells(result)]
        for result in results
    )
    return table("Padding conventions", heads, rows, "sizes")


def _convention_row_cells(result: ConventionResult) -> list[str | Cell]:
    """The cells of a convention, after its name."""
    if result.pads is None or result.output is None:
        return [Cell(result.refusal, kind="misfit", span=4)]
    agrees = result.measured == result.output
    torch = words.times(result.measured) if result.measured else "refused"
    return [
        words.padding_in_words(result.pads, result.output_padding),
        words.times(result.output),
        Cell(f"{torch}{' ✓' if agrees else ''}", kind="" if agrees else "wrong"),
        Cell(f"{result.unread:,}", kind="unread" if result.unread else ""),
    ]
