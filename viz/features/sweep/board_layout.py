"""The layout of a board's grids on a slide: from the sizes of grids to their rectangles.

Lengths are points, 72 to an inch, with y downwards. The grids of a board have cells of the same
size if numbers can be read in them; otherwise kernel and output get larger cells if there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

BIGGEST, SMALLEST = 60.0, 0.05
"""Largest and smallest side of a cell."""
GAP = 40.0
"""Space between two grids side by side, with the sign ∗ or = in it."""
HEAD = 1.9
"""Height of a grid's caption, as a multiple of its font size."""


@dataclass(frozen=True)
class Box:
    """A rectangle of the slide; x and y are its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Panel:
    """A grid of square cells on the slide.

    Attributes:
        x, y: Upper left corner.
        rows, cols: Number of rows and columns.
        cell: Side of a cell.
    """

    x: float
    y: float
    rows: int
    cols: int
    cell: float

    @property
    def width(self) -> float:
        return self.cols * self.cell

    @property
    def height(self) -> float:
        return self.rows * self.cell

    def corner(self, row: float, col: float) -> tuple[float, float]:
        """(x, y) of a cell's upper left corner."""
        return self.x + col * self.cell, self.y + row * self.cell

    def center(self, row: float, col: float) -> tuple[float, float]:
        """(x, y) of the middle of a cell."""
        return self.corner(row + 0.5, col + 0.5)


@dataclass(frozen=True)
class Grid:
    """The requirements of a grid before it has a position.

    Attributes:
        rows, cols: Number of rows and columns.
        caption: Width of the caption above it.
        readable: Smallest side of a cell in which its numbers can be read.
        behind: Length by which the planes behind it stand out below it and on its right.
    """

    rows: int
    cols: int
    caption: float
    readable: float
    behind: float = 0.0

    def width(self, cell: float) -> float:
        """Width of the grid, its caption and the planes behind it, with cells of a side."""
        return max(self.cols * cell + self.behind, self.caption)


@dataclass(frozen=True)
class Place:
    """The layout of a board.

    Attributes:
        input, kernel, output: Its grids; the kernel is None if it stands elsewhere.
        signs: Centers (x, y) of the signs ∗ and =; None for a sign without a gap.
        bottom: Lower edge of the grids.
    """

    input: Panel
    kernel: Panel | None
    output: Panel
    signs: tuple[tuple[float, float] | None, tuple[float, float] | None]
    bottom: float

    @property
    def cell(self) -> float:
        return self.input.cell


Grids = tuple[Grid, Grid | None, Grid]
"""Input, kernel (None if it stands elsewhere) and output."""
Arrangement = Callable[[Box, Grids, float, float, float], Place]
"""Function that lays out a board: box, grids, font size, space below a grid, largest cell."""


def places(
    boxes: Sequence[Box], boards: Sequence[Grids], points: float, foot: float
) -> list[Place]:
    """The layouts of boards that are compared, all in the same arrangement.

    Of those arrangements whose cells are about as large as the largest, it is the first in which
    most grids have cells that are large enough for numbers. All boards have cells of the same size.

    Args:
        boxes: The part of the slide for each board.
        boards: The grids of each board.
        points: Font size of the captions.
        foot: Space below a grid.
    """
    foot += max(grid.behind for grids in boards for grid in grids if grid)
    if len(set(boards)) > 1:  # cells of different boards have the same size
        boards = [_without_growth(grids) for grids in boards]
    candidates = []
    for arrange in (_row, _side, _column):
        each = [arrange(b, g, points, foot, BIGGEST) for b, g in zip(boxes, boards, strict=True)]
        legible = sum(_legible(place, g) for place, g in zip(each, boards, strict=True))
        candidates.append((arrange, min(place.cell for place in each), legible))
    most = max(cell for _, cell, _ in candidates)
    large = [candidate for candidate in candidates if candidate[1] >= 0.88 * most]
    arrange, cell, _ = max(large, key=lambda candidate: candidate[2])
    placed = [arrange(b, g, points, foot, cell) for b, g in zip(boxes, boards, strict=True)]
    spare = min(b.y + b.height - foot - m.bottom for b, m in zip(boxes, placed, strict=True))
    lower = [replace(box, y=box.y + max(0.0, spare) / 2) for box in boxes]
    return [arrange(b, g, points, foot, cell) for b, g in zip(lower, boards, strict=True)]


def _legible(place: Place, grids: Grids) -> int:
    """Number of grids whose cells are large enough for numbers."""
    pairs = zip((place.input, place.kernel, place.output), grids, strict=True)
    return sum(bool(panel and grid and panel.cell >= grid.readable) for panel, grid in pairs)


def _without_growth(grids: Grids) -> Grids:
    """The grids, of which only the kernel may have larger cells than the others."""
    source, kernel, output = grids
    return source, kernel, replace(output, readable=0)


def _largest(fits: Callable[[float], bool], most: float) -> float:
    """The largest side of a cell that fits, at most ``most``."""
    cell = most
    while cell > SMALLEST and not fits(cell):
        cell -= 0.5 if cell > 4 else 0.05
    return max(cell, SMALLEST)


def _grown(grid: Grid | None, cell: float, fits: Callable[[float], bool]) -> float:
    """Side of a kernel's or output's cells: ``cell``, or up to twice that to make them readable."""
    if grid is None or cell >= grid.readable or not fits(grid.readable):
        return cell
    return min(grid.readable, 2 * cell)


def _row(box: Box, grids: Grids, points: float, foot: float, most: float) -> Place:
    """All grids side by side."""
    visible = [grid for grid in grids if grid]
    head, gaps = HEAD * points, GAP * (len(visible) - 1)
    room = box.height - head - foot

    def fits(cells: Sequence[float]) -> bool:
        pairs = list(zip(visible, cells, strict=True))
        return (
            sum(grid.width(cell) for grid, cell in pairs) + gaps <= box.width
            and max(grid.rows * cell for grid, cell in pairs) <= room
        )

    cells = [_largest(lambda c: fits([c] * len(visible)), most)] * len(visible)
    for i in range(len(visible) - 1, 0, -1):

        def larger(cell: float, i: int = i) -> bool:
            return fits([*cells[:i], min(cell, 2 * cells[i]), *cells[i + 1 :]])

        cells[i] = _grown(visible[i], cells[i], larger)
    widths = [grid.width(cell) for grid, cell in zip(visible, cells, strict=True)]
    tall = max(grid.rows * cell for grid, cell in zip(visible, cells, strict=True))
    x = box.x + (box.width - sum(widths) - gaps) / 2
    top = box.y + head
    panels, edges = [], []
    for grid, cell, width in zip(visible, cells, widths, strict=True):
        y = top + (tall - grid.rows * cell) / 2
        panels.append(Panel(x, y, grid.rows, grid.cols, cell))
        edges.append(x + width + GAP / 2)
        x += width + GAP
    middle = top + tall / 2
    signs = [(edge, middle) for edge in edges[:-1]]
    kernel = panels[1] if grids[1] else None
    both = (signs[0], signs[1]) if kernel else (None, signs[0])
    return Place(panels[0], kernel, panels[-1], both, top + tall)


def _side(box: Box, grids: Grids, points: float, foot: float, most: float) -> Place:
    """The input on the left, the output below the kernel on its right."""
    source, kernel, output = grids
    if kernel is None:
        return _row(box, grids, points, foot, most)
    head, gap = HEAD * points, 0.5 * GAP + kernel.behind

    def fits(cell: float, k: float, o: float) -> bool:
        right = max(kernel.width(k), output.width(o))
        tall = 2 * head + kernel.rows * k + gap + output.rows * o
        return (
            source.width(cell) + GAP + right <= box.width
            and max(head + source.rows * cell, tall) + foot <= box.height
        )

    cell = _largest(lambda c: fits(c, c, c), most)
    o = _grown(output, cell, lambda c: fits(cell, cell, min(c, 2 * cell)))
    k = _grown(kernel, cell, lambda c: fits(cell, min(c, 2 * cell), o))
    right = max(kernel.width(k), output.width(o))
    x = box.x + (box.width - source.width(cell) - GAP - right) / 2
    stacked = 2 * head + kernel.rows * k + gap + output.rows * o
    tall = max(head + source.rows * cell, stacked)
    first = Panel(x, box.y + head + (tall - head - source.rows * cell) / 2, *_size(source), cell)
    x += source.width(cell) + GAP
    y = box.y + (tall - stacked) / 2 + head
    second = Panel(x, y, *_size(kernel), k)
    third = Panel(x, second.y + second.height + gap + head, *_size(output), o)
    sign = (x - GAP / 2, second.y + second.height / 2)
    equals = (x - GAP / 2, third.y + third.height / 2)
    return Place(first, second, third, (sign, equals), box.y + tall)


def _column(box: Box, grids: Grids, points: float, foot: float, most: float) -> Place:
    """The input above, kernel and output below it, with the sign ∗ on the kernel's left."""
    source, kernel, output = grids
    head = HEAD * points

    def fits(cell: float, k: float, o: float) -> bool:
        below = output.width(o) + (kernel.width(k) + 2 * GAP if kernel else 0)
        low = max(output.rows * o, kernel.rows * k if kernel else 0)
        return (
            max(source.width(cell), below) <= box.width
            and 2 * (head + foot) + source.rows * cell + low <= box.height
        )

    cell = _largest(lambda c: fits(c, c, c), most)
    o = _grown(output, cell, lambda c: fits(cell, cell, min(c, 2 * cell)))
    k = _grown(kernel, cell, lambda c: fits(cell, min(c, 2 * cell), o))
    first = Panel(box.x + (box.width - source.width(cell)) / 2, box.y + head, *_size(source), cell)
    width = output.width(o) + (kernel.width(k) + 2 * GAP if kernel else 0)
    x, y = box.x + (box.width - width) / 2, first.y + first.height + foot + head
    low = max(output.rows * o, kernel.rows * k if kernel else 0)
    second, sign, equals = None, None, None
    if kernel:
        x += GAP
        second = Panel(x, y + (low - kernel.rows * k) / 2, *_size(kernel), k)
        sign = x - GAP / 2, y + low / 2
        x += kernel.width(k) + GAP
        equals = x - GAP / 2, y + low / 2
    third = Panel(x, y + (low - output.rows * o) / 2, *_size(output), o)
    return Place(first, second, third, (sign, equals), y + low)


def _size(grid: Grid) -> tuple[int, int]:
    """(rows, columns) of a grid."""
    return grid.rows, grid.cols
