"""The map of output sizes over kernel size and stride, and tables of output sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from core.plots.growth import short_number
from core.plots.plot import Box, Boxes, Heat, Panel, Plot, PlotAxis, Points, Scale
from core.plots.table import Cell, Table
from core.text import int_pair_text, plural, times

if TYPE_CHECKING:
    from core.layer.size_tables import SizeTable
    from core.layer.solver import Solution
    from core.layer.window import Pair

LONGEST = 4
"""Most characters of a size that has room in a cell of a map on half a slide."""
UNREAD_NOTE = "Hatched, in brackets: so many input pixels are unread (no window reads them)."


def size_map(sizes: SizeTable, title: str, chosen: Pair | None = None) -> Plot:
    """Output size over kernel size (downwards) and stride (across), as colors and numbers.

    Args:
        sizes: Sizes from `core.layer.size_tables.kernel_stride_table`.
        title: The heading.
        chosen: (kernel size, stride) of the cell that is framed; None for none.
    """
    columns, rows = ([float(value) for value in values] for values in (sizes.columns, sizes.rows))
    cells = [[_map_text(sizes, row, column) for column in range(len(columns))]
             for row in range(len(rows))]  # fmt: skip
    hover = [[_hover(sizes, row, column) for column in range(len(columns))]
             for row in range(len(rows))]  # fmt: skip
    sides, scale = _sides(sizes)
    left, top = columns[0] - 0.5, rows[0] - 0.5
    misfits = np.argwhere(~sizes.fits).tolist()
    unread = [(columns[c], rows[r]) for r, c in np.argwhere(sizes.unread > 0).tolist()]
    strips: list[Box] = [(x - 0.485, x - 0.39, y - 0.46, y + 0.46) for x, y in unread]
    framed: list[Box] = []
    if chosen and chosen[0] in sizes.rows and chosen[1] in sizes.columns:
        framed = [(chosen[1] - 0.5, chosen[1] + 0.5, chosen[0] - 0.5, chosen[0] + 0.5)]
    marks = (
        Heat(sides, scale, left, top, texts=cells, hover=hover, gaps=True),
        Boxes(strips, "unread pixels (a second number counts them)", "unread", width=0,
              fill="white", hatch="/"),
        Points([columns[c] for _, c in misfits], [rows[r] for r, _ in misfits], "does not fit",
               "padding", "hbar", hover=[hover[r][c] for r, c in misfits]),
        Boxes(framed, "the layer as set", "white", cased=True),
    )  # fmt: skip
    across = PlotAxis("stride (px)", left, columns[-1] + 0.5, ticks=tuple(columns), grid=False)
    down = PlotAxis("kernel size (px)", rows[-1] + 0.5, top, ticks=tuple(rows), grid=False)
    what = "the side of the output" if _are_square(sizes) else "height×width of the output"
    longest = max(len(text.split("\n")[0]) for row in cells for text in row)
    table = size_table(sizes, title, chosen=chosen, counts=False)
    return Plot(
        title,
        (Panel(marks, across, down, rows=len(rows)),),
        f"{title}. {_map_sentence(sizes)}",
        f"Each cell: {what} in pixels. {agreement(sizes)}",
        half_table=table if longest > LONGEST else None,
    )


def _are_square(sizes: SizeTable) -> bool:
    """Whether all outputs are as high as wide."""
    return bool((sizes.output[..., 0] == sizes.output[..., 1]).all())


def _sides(sizes: SizeTable) -> tuple[np.ndarray, Scale]:
    """Side of each output in pixels, nan where no layer fits, and the logarithmic scale of it."""
    sides = np.where(sizes.fits, np.sqrt(sizes.output.prod(axis=2)), np.nan)
    high = float(np.nanmax(sides)) if sizes.fits.any() else 1.0
    powers = [2**power for power in range(16) if 2**power <= max(high, 2.0)]
    powers = powers if len(powers) < 8 else powers[(len(powers) - 1) % 2 :: 2]
    label = "output side (px)"
    if not _are_square(sizes):
        label = "output side, geometric mean (px)"
    return sides, Scale(
        label, 1.0, max(high, 2.0), log=True, ticks=tuple(map(float, powers)),
        names=tuple(map(str, powers)),
    )  # fmt: skip


def _map_text(sizes: SizeTable, row: int, column: int) -> str:
    """Text of a cell: the output's size, and below it the number of unread pixels."""
    if not sizes.fits[row, column]:
        return ""
    unread = int(sizes.unread[row, column])
    text = int_pair_text(_pair(sizes.output[row, column]))
    count = f"{unread:,}" if unread < 100_000 else short_number(unread)
    return text + (f"\n{count}" if unread else "")


def _map_sentence(sizes: SizeTable) -> str:
    """What the map shows, in numbers."""
    outputs = sizes.output[sizes.fits]
    unread, misfits = int((sizes.unread > 0).sum()), int((~sizes.fits).sum())
    rest = f"{plural(unread, 'layer')} of {sizes.fits.size} leave pixels unread"
    rest += f", {misfits} do not fit." if misfits else "."
    if not len(outputs):
        return rest
    least, most = (int_pair_text(_pair(pick(outputs, axis=0))) for pick in (np.min, np.max))
    return f"Outputs from {least} to {most} px; {rest}"


def _hover(sizes: SizeTable, row: int, column: int) -> str:
    """Text for the pointer on the cell of one layer."""
    names = (sizes.row_name, sizes.rows[row]), (sizes.column_name, sizes.columns[column])
    lines = [", ".join(f"{name.replace('_', ' ')} {value}" for name, value in names)]
    if not sizes.fits[row, column]:
        return "\n".join([*lines, sizes.refusals[row][column].replace("; ", ";\n")])
    remainder = _pair(sizes.remainder[row, column])
    unread, pixels = int(sizes.unread[row, column]), int(sizes.inputs[row, column].prod())
    return "\n".join(
        [
            *lines,
            f"output {times(_pair(sizes.output[row, column]))}, "
            f"PyTorch {times(_pair(sizes.measured[row, column]))}",
            f"remainder {plural(remainder[0], 'row')}, {plural(remainder[1], 'column')}",
            f"{unread:,} of {pixels:,} pixels unread ({unread / pixels:.3g} of the input)",
        ]
    )


def _pair(values: Sequence[int]) -> Pair:
    """A size as a pair of int."""
    return int(values[0]), int(values[1])


def agreement(sizes: SizeTable) -> str:
    """A sentence about whether torch gives the sizes of the table."""
    cells, differ = sizes.agrees.size, int((~sizes.agrees).sum())
    if differ:
        return f"PyTorch differs in {differ} of {cells} cells."
    return f"PyTorch agrees in all {cells} cells."


def size_table(
    sizes: SizeTable,
    title: str,
    *,
    heads: Sequence[str] = (),
    notes: tuple[str, Sequence[str]] = ("", ()),
    chosen: tuple[int | str, int | str] | None = None,
    counts: bool = True,
) -> Table:
    """Output sizes in rows and columns, unread pixels hatched, a dash where no layer fits.

    Args:
        sizes: The sizes.
        title: The heading.
        heads: Headings of the columns; empty for the columns' values.
        notes: Heading of a last column with a text for each row, and the texts; empty for none.
        chosen: Values of the row and the column of the cell that is framed.
        counts: Whether the numbers of unread pixels stand in the cells.
    """
    framed = chosen and chosen[0] in sizes.rows and chosen[1] in sizes.columns
    subtitle = [agreement(sizes)]
    note = UNREAD_NOTE if counts else "Hatched: some input pixels are unread."
    subtitle += [note] if (sizes.unread > 0).any() else []
    subtitle += ["Framed: the layer as set."] if framed else []
    last = bool(notes[1])
    corner = f"{sizes.row_name} ↓ {sizes.column_name} →".replace("_", " ")
    columns = [corner, *(heads or map(str, sizes.columns))]
    rows = tuple(
        (
            Cell(str(name)),
            *(_size_cell(sizes, row, column, chosen, counts) for column in range(len(columns) - 1)),
            *(Cell(text, "faint") for text in notes[1][row : row + 1]),
        )
        for row, name in enumerate(sizes.rows)
    )
    align = "l" + "c" * len(sizes.columns) + "l" * last
    heading = (*columns, notes[0]) if last else tuple(columns)
    return Table(title, heading, rows, " ".join(subtitle), align, optional=int(last))


def _size_cell(
    sizes: SizeTable,
    row: int,
    column: int,
    chosen: tuple[int | str, int | str] | None,
    counts: bool,
) -> Cell:
    """The cell of one layer; ``row`` and ``column`` are indices."""
    unread, fits = int(sizes.unread[row, column]), bool(sizes.fits[row, column])
    looks = {
        "unread": unread > 0,
        "faint": not fits,
        "chosen": (sizes.rows[row], sizes.columns[column]) == chosen,
        "wrong": not sizes.agrees[row, column],
    }
    text = int_pair_text(_pair(sizes.output[row, column])) if fits else "–"
    text += f" ({unread:,})" if unread and counts else ""
    if looks["wrong"]:
        text += f", PyTorch {times(_pair(sizes.measured[row, column]))}"
    look = " ".join(name for name, holds in looks.items() if holds)
    return Cell(text, look, _hover(sizes, row, column))


def solutions_table(
    layers: Sequence[Solution], title: str, chosen: Solution | None = None
) -> Table:
    """The layers that turn one size into another, the most usual first.

    Args:
        layers: Solutions, at least one.
        title: The heading.
        chosen: Solution whose row is framed and never left out.
    """
    count = f"{len(layers)} layers give it" if len(layers) > 1 else "One layer gives it"
    columns = (
        "kernel size (px)", "stride (px)", "padding (px)", "dilation", "unread pixels",
        "remainder (px)",
    )  # fmt: skip
    cells = [
        [
            *map(str, (each.kernel_size, each.stride, each.padding, each.dilation)),
            f"{each.unread:,}",
            times(each.remainder),
        ]
        for each in layers
    ]
    looks = ["chosen strong" if each == chosen else "" for each in layers]
    rows = tuple(
        tuple(
            Cell(text, f"{look} unread" if column == 4 and each.unread else look)
            for column, text in enumerate(row)
        )
        for row, look, each in zip(cells, looks, layers, strict=True)
    )
    wanted = tuple(float(each == chosen) for each in layers)
    return Table(title, columns, rows, f"{count}, the most usual first.", "c" * 6, wanted)
