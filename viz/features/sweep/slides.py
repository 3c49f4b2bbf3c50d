"""Slides of the sweep page: input, kernel and output at a step, the sum, and the size formula.

They look like the player (`viz/components/player/draw.js`) with larger text. A still and a film
are drawn by the same code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from viz import theme
from viz.features.sweep.board_grids import Grids, grid_values, readable, scales_of
from viz.features.sweep.board_layout import Box, Grid, Panel, Place, places
from viz.features.sweep.board_marks import BADGES_FROM, WindowMarks, mark_reach, mark_readers
from viz.features.sweep.board_words import (
    Board,
    Focus,
    View,
    focus_of,
    number,
    plane_weights,
    sizes,
)
from viz.slides.parts import MARGIN, SMALL, room, sheet, titled, width_of, wrapped
from viz.slides.style import Film, Style, film_steps

LINE = 1.35
"""Line spacing of text below the grids, as a multiple of its font size."""
SPACE = 22.0
"""Space between two boards, in points."""
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
    figure = sheet(style)
    titled(figure, board.title, "", style)
    paper, free = _slide_axes(figure, style)
    count = min(count, board.steps)
    steps = [round(i * (board.steps - 1) / max(1, count - 1)) for i in range(count)]
    columns = count if count <= 4 and style.inches[0] > 8 else -(-count // 2)
    [scales] = scales_of([board])
    boxes, grids_of = [], []
    for step, box in zip(steps, _grid_of_boxes(free, count, columns), strict=True):
        look = _clamped_view(board, view)
        grids_of.append(Grids(paper, board, look, style, scales, box.width, legends=False))
        boxes.append(
            _with_title(paper, f"step {step + 1} of {board.steps}", box, grids_of[-1].points, style)
        )
    for grids, where, step in zip(
        grids_of,
        _layouts(grids_of, boxes, 0.4 * grids_of[0].points, with_kernel=False),
        steps,
        strict=True,
    ):
        _draw_grids(grids, where, step)
        WindowMarks(grids, where, None).to(step)
    return figure


def _draw(
    boards: Sequence[Board], view: View, style: Style, moving: bool
) -> tuple[Figure, list[WindowMarks]]:
    """Draw some boards; returns the figure, and the marks that a film moves."""
    if len(boards) == 1:
        return _draw_single(boards[0], view, style, moving)
    figure = sheet(style)
    titled(figure, f"{len(boards)} layers on the same input", "", style)
    paper, box = _slide_axes(figure, style)
    points, scales = SMALL * style.points, scales_of(boards)
    all_grids = [
        Grids(paper, board, _clamped_view(board, view), style, each, box.width / 2, legends=False)
        for board, each in zip(boards, scales, strict=True)
    ]
    box = _legend(all_grids[0], box)
    boxes = [
        _with_title(paper, f"{letter}  {board.title}", each, points, style)
        for letter, board, each in zip(
            LETTERS, boards, _grid_of_boxes(box, len(boards), 2), strict=False
        )
    ]
    lines = [grids.board.formulas if len(boards) == 2 else () for grids in all_grids]
    high = max(len(formulas) for formulas in lines) * LINE * points
    free = [replace(each, height=each.height - high) for each in boxes]
    where = _layouts(all_grids, free, with_kernel=len(boards) == 2, foot=0.4 * points)
    movers = []
    for grids, place, focus in zip(all_grids, where, focus_of(list(boards), view), strict=True):
        movers += _draw_board(grids, place, focus, None, moving)[0]
    for grids, each, formulas in zip(all_grids, free, lines, strict=True):
        _write_lines(grids, formulas, each)
    return figure, movers


def _draw_single(
    board: Board, view: View, style: Style, moving: bool
) -> tuple[Figure, list[WindowMarks]]:
    """As `_draw`, for a single board, with its sum and its size formula below it."""
    figure = sheet(style)
    titled(figure, board.title, "", style)
    paper, box = _slide_axes(figure, style)
    grids = Grids(paper, board, _clamped_view(board, view), style, scales_of([board])[0], box.width)
    points = grids.points
    below = [*board.formulas, *([board.unread] if board.unread else [])]
    lines = [line for text in below for line in wrapped(text, points, box.width / 72)]
    free = replace(box, height=box.height - (len(lines) + 1) * LINE * points)
    [where] = _layouts([grids], [free], foot=1.9 * points)
    [focus] = focus_of([board], view)
    sum_at = (box.x, free.y + free.height + 0.65 * LINE * points, box.width / 72)
    movers, words = _draw_board(grids, where, focus, sum_at, moving)
    _write_lines(grids, [words, *lines], free)
    return figure, movers


def _clamped_view(board: Board, view: View) -> View:
    """The view with channel and filter clamped to those of the board."""
    channel = min(view.channel, board.sweep.input.shape[0] - 1)
    return replace(view, channel=channel, filter=min(view.filter, board.sweep.output.shape[0] - 1))


def _draw_board(
    grids: Grids,
    where: Place,
    focus: Focus,
    sum_at: tuple[float, float, float] | None,
    moving: bool,
) -> tuple[list[WindowMarks], str]:
    """Draw a board's grids and mark its focus; returns the moving marks, and the focus in words."""
    board = grids.board
    if grids.view.reads:
        sum_at = None  # the counts on show are no operands
    if focus.panel == "output":
        step = focus.cell[0] * board.sweep.output.shape[2] + focus.cell[1]
        _draw_grids(grids, where, board.steps if moving else step)
        marks = WindowMarks(grids, where, sum_at, moving)
        marks.to(step)
        return [marks], ""
    _draw_grids(grids, where, board.steps)
    mark = mark_readers if focus.panel == "input" else mark_reach
    return [], mark(grids, where, focus.cell)


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


def _legend(grids: Grids, box: Box) -> Box:
    """Draw the color scales of all boards at the bottom; returns the box that is left above."""
    high = 1.6 * grids.points
    x, y = box.x, box.y + box.height - high
    for name, scale in (("input", grids.scales.input), ("output", grids.scales.output)):
        _write_lines(grids, [name], Box(x, y + 0.17 * grids.points, 0, 0))
        x += 72 * width_of(name, grids.points) + 10
        x += grids.legend(Panel(x, y, 0, 1, 240), scale) + 30
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
    wanted = [_grid_requirements(grids, with_kernel) for grids in boards]
    return places(boxes, wanted, boards[0].points, foot)


def _grid_requirements(grids: Grids, with_kernel: bool) -> tuple[Grid, Grid | None, Grid]:
    """The sizes of a board's grids, their captions and their numbers, for the layout."""
    board, points = grids.board, grids.points
    shapes = sizes(board)

    def grid(name: str, texts: list[str]) -> Grid:
        caption = grids.caption_width(grids.captions[name])
        return Grid(*shapes[name], caption, readable(texts, points))

    kernel = plane_weights(board, grids.view)
    weights = ["max", "mean"] if kernel is None else [number(w) for w in kernel.ravel().tolist()]
    values = {
        "input": grid_values(board, grids.view.channel),
        "output": board.sweep.output[grids.view.filter],
    } | {name: board.counts for name in [board.counted(grids.view)] if name}
    texts = {name: [number(v) for v in plane.ravel().tolist()] for name, plane in values.items()}
    three = grid("input", texts["input"]), grid("kernel", weights), grid("output", texts["output"])
    return three if with_kernel else (three[0], None, three[2])


def _draw_grids(grids: Grids, where: Place, done: int) -> None:
    """Draw the grids of a board without marks, with the outputs up to the step ``done``."""
    board, captions = grids.board, grids.captions
    badges = where.cell >= BADGES_FROM and plane_weights(board, grids.view) is not None
    grids.input(where.input, raised=badges)
    grids.caption(where.input, captions["input"], theme.INPUT)
    if where.kernel:
        grids.kernel(where.kernel)
        grids.caption(where.kernel, captions["kernel"], theme.WINDOW)
    grids.output(where.output, done, raised=False)
    grids.caption(where.output, captions["output"], theme.OUTPUT)
    if grids.view.reads:
        return
    weighted = board.sweep.weight is not None
    for sign, text in zip(
        where.signs, ("∗" if weighted else "→", "=" if weighted else "→"), strict=True
    ):
        if sign:
            look: dict[str, Any] = {"ha": "center", "va": "center", "color": grids.ink["muted"]}
            grids.axes.text(*sign, text, fontsize=1.2 * grids.style.points, **look)
