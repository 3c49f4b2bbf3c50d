"""Slides of the sweep page: input, kernel and output at a step, the sum, and the size formula.

They look like the player (`viz/components/player/draw.js`) with larger text. A still and a film
are drawn by the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.errors import SpecError
from viz.features.sweep.board_grids import Grids, behind, grid_values, readable, scales_of
from viz.features.sweep.board_layout import BIGGEST, HEAD, Box, Grid, Panel, Place, places
from viz.features.sweep.board_marks import BADGES_FROM, WindowMarks, mark_reach, mark_readers
from viz.features.sweep.board_words import (
    Board,
    Focus,
    PanelName,
    View,
    focus_of,
    number,
    plane_weights,
    sizes,
    sum_lines,
)
from viz.slides.parts import MARGIN, room, sheet, titled, width_of, wrapped
from viz.slides.style import Film, Style, film_steps

LINE = 1.35
"""Line spacing of text below the grids, as a multiple of its font size."""
SPACE = 22.0
"""Space between two boards, in points."""
SMALLEST_INPUT = 20.0
"""Smallest longer side of an input on a slide, in points."""
LETTERS = "ABCD"


def board_picture(boards: Sequence[Board], view: View, style: Style) -> Figure:
    """One board, or several that are compared, at a step or with a cell pinned."""
    figure, _ = _draw(boards, view, style, moving=False)
    return figure


def board_film(boards: Sequence[Board], view: View, style: Style) -> Film:
    """A film of the whole sweep of all boards at once; long sweeps skip steps."""
    view = replace(view, pin="", step=0)
    figure, movers = _draw(boards, view, style, moving=True)
    total = max(board.steps for board in boards)
    steps, _ = film_steps(total)
    artists: list[Artist] = [artist for mover in movers for artist in mover.artists()]

    def show(frame: int) -> list[Artist]:
        for mover in movers:
            mover.to(min(steps[frame], mover.grids.board.steps - 1))
        return artists

    show(0)
    return Film(figure, len(steps), show, fps=min(20.0, max(2.0, len(steps) / 10)))


def board_strip(board: Board, view: View, style: Style, count: int) -> Figure:
    """Some steps of one board side by side, from the first to the last."""
    count = min(count, board.steps)
    steps = [round(i * (board.steps - 1) / max(1, count - 1)) for i in range(count)]
    view = _clamped_view(board, view)
    figure = sheet(style)
    titled(figure, board.title, _counts_title([board], view) or board.drawn_planes(view), style)
    columns = count if count <= 4 and style.inches[0] > 8 else -(-count // 2)
    titles = [f"step {step + 1} of {board.steps}" for step in steps]
    focuses = [Focus("output", board.output_cell_at(step)) for step in steps]
    plain = replace(board, formulas=())
    _draw_several(figure, [plain] * count, view, style, columns, titles, focuses)
    return figure


def _draw(
    boards: Sequence[Board], view: View, style: Style, moving: bool
) -> tuple[Figure, list[WindowMarks]]:
    """Draw some boards; returns the figure, and the marks that a film moves."""
    if len(boards) == 1:
        return _draw_single(boards[0], view, style, moving)
    figure = sheet(style)
    title = f"{len(boards)} layers on the same input"
    titled(figure, title, _counts_title(boards, view), style)
    titles = []
    for letter, board in zip(LETTERS, boards, strict=False):
        planes = board.drawn_planes(_clamped_view(board, view))
        titles.append(f"{letter}  {board.title}" + (f"; {planes}" if planes else ""))
    focuses = focus_of(list(boards), view)
    return figure, _draw_several(figure, boards, view, style, 2, titles, focuses, moving)


def _counts_title(boards: Sequence[Board], view: View) -> str:
    """What the counts on the boards are, for a slide whose grids have no room for it."""
    counted = {board.captions["counts"]: None for board in boards}
    return "; ".join(counted) if view.reads else ""


def _draw_several(
    figure: Figure,
    boards: Sequence[Board],
    view: View,
    style: Style,
    columns: int,
    titles: Sequence[str],
    focuses: Sequence[Focus],
    moving: bool = False,
) -> list[WindowMarks]:
    """Draw boards in rows of ``columns``, with their formulas; returns the marks of a film.

    More than two boards have the same kernel, which is drawn once, on their left.

    Args:
        figure: The slide, with its title.
        boards: The boards.
        view: Channel and filter that are drawn, and whether as read counts.
        style: Style of the slide.
        columns: Largest number of boards side by side; fewer where captions do not fit.
        titles: Title of each board.
        focuses: The marked cell of each board.
        moving: Whether the marks are moved in a film.

    Raises:
        SpecError: So many boards do not fit the slide.
    """
    paper, box = _slide_axes(figure, style)
    all_grids = [
        Grids(paper, board, _clamped_view(board, view), style, each, box.width / columns, False)
        for board, each in zip(boards, scales_of(boards, view), strict=True)
    ]
    box = _legend(all_grids, box)
    kernel, box = _shared_kernel(all_grids[0], box) if len(boards) > 2 else (None, box)
    where = _titled_layouts(all_grids, box, columns, titles, with_kernel=kernel is None)
    _unify_numbers(all_grids, where)
    movers = []
    for grids, place, focus in zip(all_grids, where, focuses, strict=True):
        movers += _draw_board(grids, place, focus, [], moving, kernel)[0]
    return movers


def _titled_layouts(
    boards: Sequence[Grids], box: Box, columns: int, titles: Sequence[str], with_kernel: bool
) -> list[Place]:
    """Write titles and formulas of boards; returns the layouts of their grids between them.

    The formulas of all boards are written, or none where one does not fit.
    """
    grids, points = boards[0], boards[0].points
    captions = [grid.caption for grid in _grid_requirements(grids)]
    columns = max(1, min(columns, int((box.width + SPACE) / (max(captions) + SPACE))))
    boxes = [
        _with_title(grids.axes, title, each, points, grids.style)
        for title, each in zip(titles, _grid_of_boxes(box, len(boards), columns), strict=True)
    ]
    formulas = [each.board.formulas for each in boards]
    if any(72 * width_of(line, points) > boxes[0].width for lines in formulas for line in lines):
        formulas = [()] * len(boards)
    high = max(map(len, formulas)) * LINE * points
    free = [replace(each, height=each.height - high) for each in boxes]
    for lines, each in zip(formulas, free, strict=True):
        _write_lines(grids, lines, each)
    where = _layouts(boards, free, 0.4 * points, with_kernel)
    if any(max(place.input.width, place.input.height) < SMALLEST_INPUT for place in where):
        raise SpecError("size", "must be larger, or the boards fewer", f"{len(boards)} boards")
    return where


def _shared_kernel(grids: Grids, box: Box) -> tuple[Panel, Box]:
    """Draw a kernel on the left of a wide box, or at the foot of another one.

    Returns:
        The grid of the kernel, and the box that is left.
    """
    grids.captions["kernel"] = grids.board.captions["kernel"]  # it has room for the long one
    kernel = _grid_requirements(grids)[1]
    head = HEAD * grids.points + kernel.behind
    most = min(BIGGEST, 0.2 * box.width / kernel.cols, (box.height - head) / kernel.rows)
    cell = min(most, max(kernel.readable, BIGGEST / 3))
    across, down = kernel.width(cell) + SPACE, head + kernel.rows * cell
    beside = box.width > 1.5 * box.height
    y = box.y + HEAD * grids.points + (box.height - down) / (2 if beside else 1)
    panel = Panel(box.x, y, kernel.rows, kernel.cols, cell)
    grids.kernel(panel)
    grids.caption(panel, "kernel")
    if not beside:
        return panel, replace(box, height=box.height - down - SPACE / 2)
    return panel, replace(box, x=box.x + across, width=box.width - across)


def _unify_numbers(boards: Sequence[Grids], where: Sequence[Place]) -> None:
    """Leave the outputs' numbers out on all boards if they do not fit into the cells of one."""
    fit = all(
        place.output.cell >= _grid_requirements(grids)[2].readable
        for grids, place in zip(boards, where, strict=True)
    )
    for grids in boards:
        grids.output_numbers = fit


def _draw_single(
    board: Board, view: View, style: Style, moving: bool
) -> tuple[Figure, list[WindowMarks]]:
    """As `_draw`, for a single board, with its sum and its size formula below it."""
    view = _clamped_view(board, view)
    figure = sheet(style)
    titled(figure, board.title, board.drawn_planes(view), style)
    paper, box = _slide_axes(figure, style)
    grids = Grids(paper, board, view, style, scales_of([board], view)[0], box.width)
    points, wide = grids.points, box.width / 72
    below = [*board.formulas, *([board.unread] if board.unread else [])]
    lines = [line for text in below for line in wrapped(text, points, wide)]
    [focus] = focus_of([board], view)
    sums = 1
    if focus.panel == "output":  # counts are no operands, and have no sum
        sums = 0 if view.reads else len(sum_lines(board, view, focus.cell, points, wide))
    free = replace(box, height=box.height - (len(lines) + max(1, sums)) * LINE * points)
    [where] = _layouts([grids], [free], foot=1.9 * points)
    sum_at = [(box.x, free.y + free.height + (i + 0.65) * LINE * points, wide) for i in range(sums)]
    movers, words = _draw_board(grids, where, focus, sum_at, moving)
    _write_lines(grids, [words, *lines] if words else [*[""] * sums, *lines], free)
    return figure, movers


def _clamped_view(board: Board, view: View) -> View:
    """The view with channel and filter clamped to those of the board."""
    channel = min(view.channel, board.sweep.input.shape[0] - 1)
    return replace(view, channel=channel, filter=min(view.filter, board.sweep.output.shape[0] - 1))


def _draw_board(
    grids: Grids,
    where: Place,
    focus: Focus,
    sum_at: Sequence[tuple[float, float, float]],
    moving: bool,
    kernel: Panel | None = None,
) -> tuple[list[WindowMarks], str]:
    """Draw a board's grids and mark its focus; returns the moving marks, and the focus in words.

    ``kernel`` is the grid of a kernel that is drawn already, for all boards.
    """
    board = grids.board
    if focus.panel == "output":
        step = focus.cell[0] * board.sweep.output.shape[2] + focus.cell[1]
        _draw_grids(grids, where, board.steps if moving else step)
        marks = WindowMarks(grids, where, sum_at, moving)
        marks.to(step)
        return [marks], ""
    _draw_grids(grids, where, board.steps)
    mark = mark_readers if focus.panel == "input" else mark_reach
    return [], mark(grids, replace(where, kernel=kernel or where.kernel), focus.cell)


def _write_lines(grids: Grids, texts: Sequence[str], above: Box) -> None:
    """Lines of text below a box."""
    look: dict[str, Any] = {
        "va": "center_baseline",
        "color": grids.ink["text"],
        "fontsize": grids.points,
    }
    for i, text in enumerate(texts):
        y = above.y + above.height + (i + 0.65) * LINE * grids.points
        grids.axes.text(above.x, y, text, **look)


def _legend(boards: Sequence[Grids], box: Box) -> Box:
    """Draw the color scales of all boards at the bottom; returns the box that is left above."""
    scales = {}
    for grids in boards:
        counted = grids.board.counted(grids.view)
        for name, scale in (("input", grids.scales.input), ("output", grids.scales.output)):
            scales["counts" if name == counted else name] = scale
    grids = boards[0]
    high = 1.6 * grids.points
    x, y = box.x, box.y + box.height - high
    names = {name: 72 * width_of(name, grids.points) + 10 for name in scales}
    room = (box.width - sum(names.values())) / len(names) - SPACE
    for name, scale in scales.items():
        _write_lines(grids, [name], Box(x, y + 0.17 * grids.points, 0, 0))
        x += names[name]
        x += grids.legend(Panel(x, y, 0, 1, room), scale) + SPACE
    return replace(box, height=box.height - high)


def _slide_axes(figure: Figure, style: Style) -> tuple[Axes, Box]:
    """Axes that cover the figure, in points with y downwards, and the box that is free in them."""
    width, height = (72 * inches for inches in style.inches)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axes.axis("off")
    engine = figure.get_layout_engine()
    top = height * (1 - engine.get()["rect"][3]) if engine else 0.0
    free = room(figure, style)
    figure.set_layout_engine("none")  # everything has its place
    return axes, Box(72 * MARGIN, top + 4, 72 * free[0], 72 * free[1] - 4)


def _grid_of_boxes(box: Box, count: int, columns: int) -> list[Box]:
    """Boxes of equal size for ``count`` boards in rows of ``columns``."""
    rows = -(-count // columns)
    width = (box.width - SPACE * (columns - 1)) / columns
    height = (box.height - SPACE * (rows - 1)) / rows
    return [
        Box(
            box.x + (i % columns) * (width + SPACE),
            box.y + (i // columns) * (height + SPACE),
            width,
            height,
        )
        for i in range(count)
    ]


def _with_title(paper: Axes, words: str, box: Box, points: float, style: Style) -> Box:
    """Draw the title of a board in its box; returns the box that is left below it."""
    lines = wrapped(words, points, box.width / 72, bold=True)
    for i, line in enumerate(lines):
        look: dict[str, Any] = {
            "fontweight": "bold",
            "color": style.ink["text"],
            "va": "center_baseline",
        }
        paper.text(box.x, box.y + (i + 0.5) * LINE * points, line, fontsize=points, **look)
    used = len(lines) * LINE * points
    return replace(box, y=box.y + used, height=box.height - used)


def _layouts(
    boards: Sequence[Grids], boxes: Sequence[Box], foot: float, with_kernel: bool = True
) -> list[Place]:
    """The layouts of boards in their boxes, with space ``foot`` below each grid."""
    wanted = [
        (source, kernel if with_kernel else None, output)
        for source, kernel, output in map(_grid_requirements, boards)
    ]
    return places(boxes, wanted, boards[0].points, foot)


def _grid_requirements(grids: Grids) -> tuple[Grid, Grid, Grid]:
    """The sizes of a board's grids, their captions and their numbers, for the layout."""
    board, points = grids.board, grids.points
    shapes = sizes(board)

    def grid(name: PanelName, values: np.ndarray) -> Grid:
        texts = [number(value) for value in values.ravel().tolist()]
        caption = grids.caption_width(grids.captions[name])
        return Grid(*shapes[name], caption, readable(texts, points), behind(board, name))

    weights = plane_weights(board, grids.view)
    values = {
        "input": grid_values(board, grids.view.channel),
        "kernel": np.zeros(0) if weights is None else weights,
        "output": board.sweep.output[grids.view.filter],
    } | {name: board.counts for name in [board.counted(grids.view)] if name}
    return (
        grid("input", values["input"]),
        grid("kernel", values["kernel"]),
        grid("output", values["output"]),
    )


def _draw_grids(grids: Grids, where: Place, done: int) -> None:
    """Draw the grids of a board without marks, with the outputs up to the step ``done``."""
    board, weights = grids.board, plane_weights(grids.board, grids.view)
    grids.input(where.input, raised=where.cell >= BADGES_FROM and weights is not None)
    grids.caption(where.input, "input")
    if where.kernel:
        grids.kernel(where.kernel)
        grids.caption(where.kernel, "kernel")
    grids.output(where.output, done, raised=False)
    grids.caption(where.output, "output")
    reads_channel = grids.view.channel in board.sweep.channels_of(grids.view.filter)
    if grids.view.reads or not reads_channel:
        return  # no operands of this output
    equation = where.kernel and weights is not None
    for sign, text in zip(where.signs, "∗=" if equation else "→→", strict=True):
        if sign:
            look: dict[str, Any] = {"ha": "center", "va": "center", "color": grids.ink["muted"]}
            grids.axes.text(*sign, text, fontsize=1.2 * grids.style.points, **look)
