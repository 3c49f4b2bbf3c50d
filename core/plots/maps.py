"""Maps of cells: their size in pixels of a picture, means of blocks, texts in their cells."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import ceil

import numpy as np

from core.plots.axes import number_text, span
from core.plots.plot import Heat, Numbers, Panel, Plot, PlotAxis


def cell_pixels(across: float, down: float, room: float) -> int:
    """Side in pixels of a map's cells: the largest that fits, and at least 1.

    Args:
        across, down: How many cells the map is wide and high.
        room: Pixels for the longer side of the map.
    """
    return max(1, int(room / max(across, down) + 1e-6))


def cells_across(panel: Panel) -> float:
    """How many cells of a panel's map its horizontal axis is long."""
    left, right = span(panel, "x")
    return abs(right - left) / panel.cell


def cells_down(panel: Panel) -> float:
    """How many cells of a panel's map its vertical axis is long."""
    low, high = span(panel, "y")
    return abs(high - low) / panel.cell


def with_block_means(heat: Heat, most: float) -> tuple[Heat, int]:
    """A map of at most ``most`` cells a side, and how many cells a side each of them stands for.

    A larger map becomes one of means of square blocks; blank cells do not count in them, and
    hover texts and texts in cells are left out.
    """
    block = block_side(max(heat.values.shape), most)
    if block == 1:
        return heat, 1
    values = np.asarray(heat.values, dtype=np.float64)
    blank = np.isnan(values)
    sums, counts = _block_sums(np.where(blank, 0.0, values), block), _block_sums(~blank, block)
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    width, height = heat.width * block, heat.height * block
    return replace(heat, values=means, width=width, height=height, texts=(), hover=()), block


def block_side(cells: float, most: float) -> int:
    """How many cells a side a drawn cell stands for, so that at most ``most`` are drawn of these."""
    return max(1, ceil(cells / most - 1e-9))


def _block_sums(values: Numbers, block: int) -> Numbers:
    """Sums of square blocks; those at the lower and right edge may be smaller."""
    values = np.asarray(values, dtype=np.float64)
    for axis in (0, 1):
        values = np.add.reduceat(values, np.arange(0, values.shape[axis], block), axis=axis)
    return values


def most_cells(heat: Heat, panel: Panel, room: float) -> float:
    """Most cells a side of a map with which none is smaller than a pixel.

    Args:
        heat: The map, which may be a part of the panel only.
        panel: The panel.
        room: Pixels for the longer side of the panel.
    """
    if not panel.cell:
        return room
    left, right, top, bottom = heat.box
    whole = panel.cell * max(cells_across(panel), cells_down(panel))
    return room * max(right - left, bottom - top) / whole


def block_notes(plot: Plot, room: Callable[[Panel], float]) -> list[str]:
    """A sentence for each size of block of which a plot's maps show the means.

    Args:
        plot: The plot.
        room: Pixels for the longer side of a panel's map.
    """
    blocks: set[tuple[int, int]] = set()
    for panel in plot.panels:
        for heat in (mark for mark in panel.marks if isinstance(mark, Heat)):
            block = block_side(max(heat.values.shape), most_cells(heat, panel, room(panel)))
            rows, cols = (min(block, side) for side in heat.values.shape)
            blocks |= {(rows, cols)} if block > 1 else set()
    return [f"Each cell shows the mean of {rows}×{cols} values." for rows, cols in sorted(blocks)]


def first_lines(heat: Heat) -> list[list[str]]:
    """The first lines of the texts in a map's cells."""
    return [[text.split("\n")[0] for text in row] for row in heat.texts]


def cell_texts(values: Numbers, digits: int = 3) -> list[list[str]]:
    """Texts for the cells of a map: significant digits, a true minus; "" for nan."""
    return [[cell_text(float(value), digits) for value in row] for row in values]


def cell_text(value: float, digits: int = 3) -> str:
    """A number in a cell: no zero before the point, a true minus; "" for nan.

    Numbers from a million on, and those below 0.0001, become powers of ten.
    """
    if value != value:
        return ""
    text = f"{float(f'{value:.{digits}g}'):g}"
    if "e" in text:
        return number_text(value, digits, most=1e6)
    text = "0" if text == "-0" else text
    if text.startswith(("0.", "-0.")):
        text = text.replace("0.", ".", 1)
    return text.replace("-", "−")


def bare_axes(rows: int, columns: int) -> tuple[PlotAxis, PlotAxis]:
    """The horizontal and the vertical axis of a map of so many cells, which are not drawn."""
    across = PlotAxis(low=-0.5, high=columns - 0.5, hidden=True)
    return across, PlotAxis(low=rows - 0.5, high=-0.5, hidden=True)


def pixel_axes(
    rows: tuple[float, float], columns: tuple[float, float], *, named: bool = True
) -> tuple[PlotAxis, PlotAxis]:
    """The horizontal and the vertical axis of a map in pixels of an image.

    Args:
        rows, columns: First and last edge.
        named: Whether the axes have names.
    """
    across = PlotAxis("column (px)" if named else "", *columns, whole=True, grid=False)
    down = PlotAxis("row (px)" if named else "", rows[1], rows[0], whole=True, grid=False)
    return across, down
