"""Where the grids of a board stand on a slide: numbers in, rectangles out.

Lengths are points, 72 to an inch; y runs down. The grids of one board share their cells'
size where numbers can be read in them; kernel and output get larger ones where they need
them and there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

BIGGEST, SMALLEST = 60.0, 0.05
"""Side of a cell."""
GAP = 40.0
"""Between two grids that stand side by side; the signs ∗ and = stand there."""
HEAD = 1.9
"""Room for a grid's caption, as a share of its type."""


@dataclass(frozen=True)
class Box:
    """A rectangle of paper."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Panel:
    """A grid of square cells.

    Attributes:
        x, y: its upper left corner.
        rows, cols: how many cells.
        cell: their side.
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
    """What a grid asks of its place.

    Attributes:
        rows, cols: how many cells.
        caption: width of the text above it.
        readable: side from which numbers fit into its cells.
    """

    rows: int
    cols: int
    caption: float
    readable: float

    def wide(self, cell: float) -> float:
        return max(self.cols * cell, self.caption)


@dataclass(frozen=True)
class Place:
    """Where a board stands; ``signs``: the middles of the gaps for ∗ and =, None for no gap."""

    input: Panel
    kernel: Panel | None
    output: Panel
    signs: tuple[tuple[float, float] | None, tuple[float, float] | None]
    bottom: float

    @property
    def cell(self) -> float:
        return self.input.cell


Grids = tuple[Grid, Grid | None, Grid]
"""Input, kernel (None: not shown) and output."""
Way = Callable[[Box, Grids, float, float, float], Place]


def places(
    boxes: Sequence[Box], boards: Sequence[Grids], points: float, foot: float
) -> list[Place]:
    """The arrangement with the largest cells, the same for boards that are compared.

    Args:
        boxes: the paper of each board.
        boards: what each of them shows.
        points: size of the captions' type.
        foot: room below a grid.
    """
    if len(boards) > 1:  # what is compared keeps one size of cells
        boards = [_ungrown(grids) for grids in boards]
    candidates = []
    for way in (_row, _side, _column):
        each = [way(b, g, points, foot, BIGGEST) for b, g in zip(boxes, boards, strict=True)]
        candidates.append((way, min(each_place.cell for each_place in each)))
    most = max(cell for _, cell in candidates)
    way, cell = next(pair for pair in candidates if pair[1] >= 0.88 * most)
    placed = [way(b, g, points, foot, cell) for b, g in zip(boxes, boards, strict=True)]
    spare = min(b.y + b.height - foot - m.bottom for b, m in zip(boxes, placed, strict=True))
    lower = [replace(box, y=box.y + max(0.0, spare) / 2) for box in boxes]
    return [way(b, g, points, foot, cell) for b, g in zip(lower, boards, strict=True)]


def _ungrown(grids: Grids) -> Grids:
    source, kernel, output = grids
    return source, kernel and replace(kernel, readable=0), replace(output, readable=0)


def _largest(fits: Callable[[float], bool], most: float) -> float:
    cell = most
    while cell > SMALLEST and not fits(cell):
        cell -= 0.5 if cell > 4 else 0.05
    return max(cell, SMALLEST)


def _grown(grid: Grid | None, cell: float, fits: Callable[[float], bool]) -> float:
    """The cell of a kernel or an output: the common one, larger where that makes it readable."""
    if grid is None or cell >= grid.readable or not fits(grid.readable):
        return cell
    return min(grid.readable, 2 * cell)


def _row(box: Box, grids: Grids, points: float, foot: float, most: float) -> Place:
    visible = [grid for grid in grids if grid]
    gaps, room = GAP * (len(visible) - 1), box.height - HEAD * points - foot

    def fits(cells: Sequence[float]) -> bool:
        pairs = list(zip(visible, cells, strict=True))
        return (
            sum(grid.wide(cell) for grid, cell in pairs) + gaps <= box.width
            and max(grid.rows * cell for grid, cell in pairs) <= room
        )

    cells = [_largest(lambda c: fits([c] * len(visible)), most)] * len(visible)
    for i in range(len(visible) - 1, 0, -1):

        def larger(cell: float, i: int = i) -> bool:
            return fits([*cells[:i], min(cell, 2 * cells[i]), *cells[i + 1 :]])

        cells[i] = _grown(visible[i], cells[i], larger)
    widths = [grid.wide(cell) for grid, cell in zip(visible, cells, strict=True)]
    tall = max(grid.rows * cell for grid, cell in zip(visible, cells, strict=True))
    x = box.x + (box.width - sum(widths) - gaps) / 2
    top = box.y + HEAD * points
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
    head = HEAD * points

    def fits(cell: float, k: float, o: float) -> bool:
        right = max(kernel.wide(k), output.wide(o))
        tall = 2 * head + kernel.rows * k + 0.5 * GAP + output.rows * o
        return (
            source.wide(cell) + GAP + right <= box.width
            and max(head + source.rows * cell, tall) + foot <= box.height
        )

    cell = _largest(lambda c: fits(c, c, c), most)
    o = _grown(output, cell, lambda c: fits(cell, cell, min(c, 2 * cell)))
    k = _grown(kernel, cell, lambda c: fits(cell, min(c, 2 * cell), o))
    right = max(kernel.wide(k), output.wide(o))
    x = box.x + (box.width - source.wide(cell) - GAP - right) / 2
    stacked = 2 * head + kernel.rows * k + 0.5 * GAP + output.rows * o
    tall = max(head + source.rows * cell, stacked)
    first = Panel(x, box.y + head + (tall - head - source.rows * cell) / 2, *_size(source), cell)
    x += source.wide(cell) + GAP
    y = box.y + (tall - stacked) / 2 + head
    second = Panel(x, y, *_size(kernel), k)
    third = Panel(x, second.y + second.height + 0.5 * GAP + head, *_size(output), o)
    sign = (x - GAP / 2, second.y + second.height / 2)
    equals = (x - GAP / 2, third.y + third.height / 2)
    return Place(first, second, third, (sign, equals), box.y + tall)


def _column(box: Box, grids: Grids, points: float, foot: float, most: float) -> Place:
    """The input above, kernel and output below it."""
    source, kernel, output = grids
    head = HEAD * points

    def fits(cell: float, k: float, o: float) -> bool:
        below = output.wide(o) + (kernel.wide(k) + GAP if kernel else 0)
        low = max(output.rows * o, kernel.rows * k if kernel else 0)
        return (
            max(source.wide(cell), below) <= box.width
            and 2 * (head + foot) + source.rows * cell + low <= box.height
        )

    cell = _largest(lambda c: fits(c, c, c), most)
    o = _grown(output, cell, lambda c: fits(cell, cell, min(c, 2 * cell)))
    k = _grown(kernel, cell, lambda c: fits(cell, min(c, 2 * cell), o))
    first = Panel(box.x + (box.width - source.wide(cell)) / 2, box.y + head, *_size(source), cell)
    below = replace(box, y=first.y + first.height + foot, height=0)
    width = output.wide(o) + (kernel.wide(k) + GAP if kernel else 0)
    x, y = below.x + (below.width - width) / 2, below.y + head
    low = max(output.rows * o, kernel.rows * k if kernel else 0)
    second = None
    if kernel:
        second = Panel(x, y + (low - kernel.rows * k) / 2, *_size(kernel), k)
        x += kernel.wide(k) + GAP
    third = Panel(x, y + (low - output.rows * o) / 2, *_size(output), o)
    equals = (x - GAP / 2, y + low / 2) if kernel else None
    return Place(first, second, third, (None, equals), y + low)


def _size(grid: Grid) -> tuple[int, int]:
    return grid.rows, grid.cols
