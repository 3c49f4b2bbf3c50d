"""Output sizes as slides: tables, the map over kernel size and stride, padding conventions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from core.layer.size_tables import ConventionResult, SizeTable
from core.layer.solver import Solution
from core.layer.window import Pair
from viz.page import words
from viz.slides.parts import (
    SMALL,
    SPACING,
    box,
    canvas,
    contrast,
    hatched,
    heat,
    sheet,
    titled,
    width_of,
)
from viz.slides.style import Style
from viz.slides.tables import Cell, table

UNREAD_NOTE = "Hatched, in brackets: so many input pixels are unread (no window reads them)."


def _agreement(sizes: SizeTable) -> str:
    """A sentence about whether torch gives the sizes of the table."""
    cells, differ = sizes.agrees.size, int((~sizes.agrees).sum())
    if differ:
        return f"PyTorch differs in {differ} of {cells} cells."
    return f"PyTorch agrees in all {cells} cells."


def size_table(
    sizes: SizeTable,
    style: Style,
    *,
    title: str,
    heads: Sequence[str] = (),
    notes: Sequence[str] = (),
    notes_head: str = "",
    chosen: tuple[int | str, int | str] | None = None,
) -> Figure:
    """Output sizes in rows and columns, unread pixels hatched, a dash where no layer fits.

    Args:
        sizes: The sizes.
        style: Style of the slide.
        title: Title of the slide.
        heads: Headings of the columns; empty for the columns' values.
        notes: A text for each row, in a last column; empty for no such column.
        notes_head: Heading of the column with the notes.
        chosen: Values of the row and the column of the cell that is framed.
    """
    figure = sheet(style)
    framed = chosen and chosen[0] in sizes.rows and chosen[1] in sizes.columns
    subtitle = [_agreement(sizes)]
    subtitle += [UNREAD_NOTE] if (sizes.unread > 0).any() else []
    subtitle += ["Framed: the layer as set."] if framed else []
    axes = canvas(figure, titled(figure, title, " ".join(subtitle), style), style)
    columns = [f"{sizes.row_name} ↓ {sizes.column_name} →"]
    columns += [str(head) for head in heads or sizes.columns]
    rows = [
        [
            Cell(str(name), look="strong"),
            *(_size_cell(sizes, row, column, chosen) for column in range(len(sizes.columns))),
            *([Cell(notes[row], look="faint")] if notes else []),
        ]
        for row, name in enumerate(sizes.rows)
    ]
    columns += [notes_head] if notes else []
    align = "l" + "c" * len(sizes.columns) + ("l" if notes else "")
    table(axes, columns, rows, style, align, optional=bool(notes))
    return figure


def _size_cell(
    sizes: SizeTable, row: int, column: int, chosen: tuple[int | str, int | str] | None
) -> Cell:
    """The cell of one layer; ``row`` and ``column`` are indices."""
    unread, fits = int(sizes.unread[row, column]), bool(sizes.fits[row, column])
    looks = ["unread"] if unread else []
    looks += [] if fits else ["faint"]
    looks += ["chosen"] if (sizes.rows[row], sizes.columns[column]) == chosen else []
    text = words.int_pair_text(_pair(sizes.output[row, column])) if fits else "–"
    text += f" ({unread:,})" if unread else ""
    if not sizes.agrees[row, column]:
        looks.append("wrong")
        text += f", torch {words.times(_pair(sizes.measured[row, column]))}"
    return Cell(text, " ".join(looks))


def _pair(values: Sequence[int]) -> Pair:
    """A size as a pair of int."""
    return int(values[0]), int(values[1])


def _narrowed(sizes: SizeTable, style: Style) -> SizeTable:
    """The table with only as many columns, from the left, as fit the slide with their numbers."""
    texts = [words.int_pair_text(_pair(size)) for size in sizes.output[sizes.fits]]
    widest = max((width_of(text, SMALL * style.points) for text in texts), default=0.1)
    most = max(1, int(0.74 * style.inches[0] / (1.1 * widest)))
    names = ("inputs", "output", "measured", "remainder", "unread")
    arrays: dict[str, Any] = {name: getattr(sizes, name)[:, :most] for name in names}
    refusals = tuple(row[:most] for row in sizes.refusals)
    return replace(sizes, columns=sizes.columns[:most], refusals=refusals, **arrays)


def size_map(sizes: SizeTable, style: Style, *, title: str, chosen: Pair | None = None) -> Figure:
    """Output size over kernel size (down) and stride (across), as colors and numbers.

    Args:
        sizes: Sizes from `core.layer.size_tables.kernel_stride_table`.
        style: Style of the slide.
        title: Title of the slide.
        chosen: (kernel size, stride) of the cell that is framed.
    """
    figure, sizes = sheet(style), _narrowed(sizes, style)
    subtitle = f"Output side by kernel size and stride, in pixels. {_agreement(sizes)}"
    if (sizes.unread > 0).any():
        subtitle += " Hatched: some pixels are unread."
    titled(figure, title, subtitle, style)
    axes = figure.add_subplot()
    sides = np.where(sizes.fits, np.log2(np.maximum(sizes.output.prod(axis=2), 1)) / 2, np.nan)
    high = float(np.nanmax(sides)) if sizes.fits.any() else 1.0
    artist = heat(
        axes,
        sides,
        (0.0, max(high, 1.0)),
        bar=False,
        origin=(float(sizes.rows[0]), float(sizes.columns[0])),
    )
    axes.set_aspect("auto")
    axes.set(xlabel="stride (pixels)", ylabel="kernel_size (pixels)")
    axes.set(xticks=sizes.columns, yticks=sizes.rows)
    axes.tick_params(length=0)
    _bar(figure, axes, artist, high)
    edges(axes, sizes, style)
    _map_numbers(figure, axes, sizes, artist, sides)
    if chosen and chosen[0] in sizes.rows and chosen[1] in sizes.columns:
        _frame(axes, chosen[1] - 0.5, chosen[1] + 0.5, chosen[0] - 0.5, chosen[0] + 0.5)
    return figure


def edges(axes: Axes, sizes: SizeTable, style: Style) -> None:
    """Hatching over the cells that leave pixels unread, and lines between all cells."""
    hatched(axes, (sizes.unread > 0) & sizes.fits, color="#FFFFFF")
    look: dict[str, Any] = {"color": style.ink["background"], "linewidth": 2}
    for x in sizes.columns[1:]:
        axes.axvline(float(x) - 0.5, **look)
    for y in sizes.rows[1:]:
        axes.axhline(float(y) - 0.5, **look)


def _bar(figure: Figure, axes: Axes, artist: ScalarMappable, high: float) -> None:
    """Draw the color bar of the map, whose scale is the logarithm of the output side."""
    ticks = [power for power in range(16) if power <= max(high, 1)]
    bar = figure.colorbar(artist, ax=axes, label="output side (pixels)", pad=0.02, fraction=0.06)
    bar.set_ticks(ticks, labels=[str(2**power) for power in ticks])
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)


def _frame(axes: Axes, left: float, right: float, top: float, bottom: float) -> None:
    """Draw a black frame with a white edge, which is visible on any color."""
    for color, width in (("#FFFFFF", 7), ("#000000", 3)):
        box(axes, left, right, top, bottom, edgecolor=color, linewidth=width, zorder=4)


def _map_numbers(
    figure: Figure,
    axes: Axes,
    sizes: SizeTable,
    artist: ScalarMappable,
    sides: np.ndarray[Any, Any],
) -> None:
    """Write the sizes into the cells, and the numbers of unread pixels if they fit all cells."""
    figure.draw_without_rendering()
    (x0, y0), (x1, y1) = axes.transData.transform([(0, 0), (1, 1)])
    wide, tall = abs(x1 - x0) / figure.dpi, abs(y1 - y0) / figure.dpi
    points = float(mpl.rcParams["font.size"])
    texts = {
        (row, column): words.int_pair_text(_pair(sizes.output[row, column]))
        for row, column in np.argwhere(sizes.fits).tolist()
    }
    counts = {at: f"{sizes.unread[at]:,}" for at in texts if sizes.unread[at]}
    longest = max((width_of(text, points) for text in texts.values()), default=0.1)
    size = max(SMALL * points, min(points, 0.86 * wide / longest * points, 72 * 0.7 * tall))
    small = SMALL * points
    both = tall * 72 >= SPACING * (size + small) and all(
        width_of(text, small) <= 0.92 * wide for text in counts.values()
    )
    weight = "bold" if both else "normal"
    for (row, column), text in texts.items():
        x, y = float(sizes.columns[column]), float(sizes.rows[row])
        back = artist.to_rgba(sides[row, column])
        look: dict[str, Any] = {"color": contrast(back), "ha": "center", "va": "center"}
        paper: dict[str, Any] = {
            "facecolor": back,
            "edgecolor": "none",
            "boxstyle": "square,pad=0.08",
        }
        count = counts.get((row, column)) if both else None
        lift = 0.5 * SPACING * small / 72 / tall if count else 0.0
        axes.text(x, y - lift, text, fontsize=size, bbox=paper, zorder=3, fontweight=weight, **look)
        if count:
            drop = 0.5 * SPACING * size / 72 / tall
            axes.text(x, y + drop, count, fontsize=small, bbox=paper, zorder=3, **look)
    for row, column in np.argwhere(~sizes.fits).tolist():
        x, y = float(sizes.columns[column]), float(sizes.rows[row])
        axes.text(x, y, "–", ha="center", va="center")


def conventions_table(results: Sequence[ConventionResult], style: Style, *, title: str) -> Figure:
    """Padding per side, output size and unread pixels under every convention."""
    figure = sheet(style)
    axes = canvas(figure, titled(figure, title, "", style), style)
    columns = ["convention", "output", "unread pixels", "padding", "PyTorch"]
    table(axes, columns, [_convention_row(result) for result in results], style, "lrrll")
    return figure


def _convention_row(result: ConventionResult) -> list[Cell]:
    """The row of a convention in the table."""
    name = Cell(result.label, look="strong")
    if result.pads is None or result.output is None:
        return [name, Cell("–", look="faint"), Cell(""), Cell("refused", look="faint"), Cell("")]
    agrees = result.measured == result.output
    torch = words.times(result.measured) if result.measured else "refused"
    return [
        name,
        Cell(words.times(result.output)),
        Cell(f"{result.unread:,}", look="unread" if result.unread else ""),
        Cell(words.padding_in_words(result.pads, result.output_padding)),
        Cell(torch + (" ✓" if agrees else ""), look="" if agrees else "wrong"),
    ]


def solutions(
    layers: Sequence[Solution], style: Style, *, title: str, chosen: Solution | None = None
) -> Figure:
    """The layers that turn one size into another, the most usual first.

    Args:
        layers: Solutions, at least one.
        style: Style of the slide.
        title: Title of the slide.
        chosen: Solution that is framed; its row is never left out.
    """
    figure = sheet(style)
    count = f"{len(layers)} layers give it" if len(layers) > 1 else "One layer gives it"
    top = titled(figure, title, f"{count}, the most usual first.", style)
    columns = ["kernel_size", "stride", "padding", "dilation", "unread pixels", "remainder"]
    rows = [
        [
            *(Cell(str(n)) for n in (each.kernel_size, each.stride, each.padding, each.dilation)),
            Cell(f"{each.unread:,}", look="unread" if each.unread else ""),
            Cell(words.times(each.remainder)),
        ]
        for each in layers
    ]
    if chosen in layers:
        row = rows[layers.index(chosen)]
        rows[layers.index(chosen)] = [Cell(cell.text, look=f"{cell.look} strong") for cell in row]
    wanted = [float(each == chosen) for each in layers]
    table(canvas(figure, top, style), columns, rows, style, "c" * 6, wanted)
    return figure
