"""Draws the marks on a board: a window and its output, an input cell and the outputs that read it,
or a weight and the inputs that it multiplies.

The marks of a window are made once and then moved, for films.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from core.layer.window import OUTSIDE, PAD
from viz import theme
from viz.features.sweep.board_grids import Grids
from viz.features.sweep.board_layout import Panel, Place
from viz.features.sweep.board_words import number, plane_weights, sum_lines, value_line
from viz.slides.parts import width_of

BADGES_FROM = 46.0
"""Smallest side of a cell, in points, with room for a weight below its number."""

MOST_SUMS = 36
"""Most steps of a film that writes sums; longer films are too fast to read them."""


class WindowMarks:
    """The marks of a step: outline and taps of the window, weights, output, and the sum as text.

    Args:
        grids: The grids of the board.
        place: Their layout.
        sum_at: (x, y, width in inches) of each line of the sum.
        covers: Whether to cover the outputs of later steps, for a film.
    """

    def __init__(
        self,
        grids: Grids,
        place: Place,
        sum_at: Sequence[tuple[float, float, float]],
        covers: bool = False,
    ) -> None:
        self.grids, self.place, self.sum_at = grids, place, sum_at
        sweep = grids.board.sweep
        self.taps = len(sweep.rows.offsets) * len(sweep.cols.offsets)
        self.reads = grids.view.channel in sweep.channels_of(grids.view.filter)
        spans = [int(axis.offsets[-1]) + 1 for axis in (sweep.rows, sweep.cols)]
        self.span = spans
        self.spread = self.taps != spans[0] * spans[1]
        counted = grids.board.counted(grids.view) == "output"
        self.covers = self._covers() if covers and not counted else []
        self.holes = self._boxes(self.spread, facecolor=theme.WINDOW, alpha=0.35, linewidth=0)
        self.badges = self._badges()
        self.winner = self._ring(theme.OUTPUT, 3.5) if sweep.winner is not None else None
        self.outline = self._outline()
        self.ring = self._ring(theme.WINDOW, 4)
        self.sums = [self._sum(x, y) for x, y, _ in sum_at]

    def artists(self) -> list[Artist]:
        """All artists of the marks, from back to front."""
        artists: list[Artist] = [*self.covers, *self.holes]
        for patch, text in self.badges:
            artists += [patch, text]
        artists += [
            artist for artist in (self.winner, self.outline, self.ring, *self.sums) if artist
        ]
        return artists

    # -- creation

    def _patch(self, **look: Any) -> Rectangle:
        """A movable rectangle, added to the axes."""
        patch = Rectangle((0, 0), 1, 1, animated=True, **look)
        self.grids.axes.add_patch(patch)
        return patch

    def _boxes(self, wanted: bool, **look: Any) -> list[Rectangle]:
        """One movable square for each tap, or none unless ``wanted``."""
        cell = self.place.input.cell
        boxes = [self._patch(zorder=2.6, **look) for _ in range(self.taps if wanted else 0)]
        for box in boxes:
            box.set(width=cell, height=cell)
        return boxes

    def _ring(self, color: str, width: float) -> Rectangle:
        return self._patch(fill=False, edgecolor=color, linewidth=width, zorder=5)

    def _outline(self) -> Rectangle:
        """The movable outline of the window; dashed if the filter does not read the channel."""
        cell = self.place.input.cell
        outline = self._ring(theme.WINDOW, 4.5 if cell > 12 else 3)
        outline.set(width=self.span[1] * cell, height=self.span[0] * cell)
        outline.set_linestyle("-" if self.reads else "--")
        return outline

    def _badges(self) -> list[tuple[Rectangle, Text]]:
        """A movable label with the weight of each tap, if the cells have room for it."""
        weights = plane_weights(self.grids.board, self.grids.view)
        panel, size = self.place.input, self.grids.points
        if weights is None or panel.cell < BADGES_FROM or self.grids.view.reads:
            return []
        badges = []
        for weight in weights.ravel().tolist():
            text = "×" + number(weight, 2)
            patch = self._patch(facecolor=theme.WINDOW, linewidth=0, zorder=5.2)
            patch.set(width=width_of(text, size) * 72 + 5, height=1.15 * size)
            look: dict[str, Any] = {
                "ha": "right",
                "va": "center_baseline",
                "zorder": 5.3,
                "animated": True,
            }
            badges.append(
                (patch, self.grids.axes.text(0, 0, text, fontsize=size, color="#000000", **look))
            )
        return badges

    def _covers(self) -> list[Artist]:
        """Two rectangles that cover later outputs, with lines and a frame above them."""
        panel, paper = self.place.output, self.grids.ink["panel"]
        covers: list[Artist] = [
            self._patch(facecolor=paper, linewidth=0, zorder=3.5) for _ in range(2)
        ]
        lines = self.grids.lines(panel, 3.6, animated=True)
        return [*covers, lines, self.grids.frame(panel, theme.OUTPUT, zorder=4, animated=True)]

    def _sum(self, x: float, y: float) -> Text:
        """One line of the sum, still empty."""
        look: dict[str, Any] = {
            "va": "center_baseline",
            "animated": True,
            "color": self.grids.ink["text"],
        }
        return self.grids.axes.text(x, y, "", fontsize=self.grids.points, **look)

    # -- movement

    def to(self, step: int) -> None:
        """Move the marks to the window of a step."""
        board, place = self.grids.board, self.place
        row, col = board.output_cell_at(step)
        top, left = int(board.sweep.rows.starts[row]), int(board.sweep.cols.starts[col])
        self.outline.set_xy(place.input.corner(top, left))
        taps = [
            (top + down, left + right)
            for down in board.sweep.rows.offsets.tolist()
            for right in board.sweep.cols.offsets.tolist()
        ]
        for hole, tap in zip(self.holes, taps, strict=False):
            hole.set_xy(place.input.corner(*tap))
        for (patch, text), tap in zip(self.badges, taps, strict=False):
            x, y = place.input.corner(tap[0] + 1, tap[1] + 1)
            patch.set_xy((x - patch.get_width() - 2, y - patch.get_height() - 2))
            text.set_position((x - 4.5, y - 2 - patch.get_height() / 2))
        around(self.ring, place.output, row, col)
        self._mark_winner(row, col)
        self._cover(row, col)
        if self.sums:
            view, width = self.grids.view, self.sum_at[0][2]
            lines = sum_lines(board, view, (row, col), self.grids.points, width)
            if self.covers and board.steps > MOST_SUMS:
                lines = [value_line(board.sweep, view.filter, (row, col))]
            for text, line in zip(self.sums, lines, strict=False):
                text.set_text(line)

    def _mark_winner(self, row: int, col: int) -> None:
        """Move the ring around the input that is the maximum of an output's window."""
        sweep = self.grids.board.sweep
        if self.winner is None or sweep.winner is None:
            return
        flat = int(sweep.winner[self.grids.view.filter, row, col])
        self.winner.set_visible(flat >= 0)
        if flat >= 0:
            source = divmod(flat, sweep.input.shape[2])
            at = [
                int(np.flatnonzero(axis.source == i)[0])
                for axis, i in zip((sweep.rows, sweep.cols), source, strict=True)
            ]
            around(self.winner, self.place.input, *at)

    def _cover(self, row: int, col: int) -> None:
        """Move the covers to the outputs after (row, col)."""
        if not self.covers:
            return
        panel, (rest, below) = self.place.output, self.covers[:2]
        x, y = panel.corner(row, col + 1)
        rest.set(xy=(x, y), width=panel.x + panel.width - x, height=panel.cell)
        x, y = panel.corner(row + 1, 0)
        below.set(xy=(x, y), width=panel.width, height=panel.y + panel.height - y)


def around(ring: Rectangle, panel: Panel, row: int, col: int) -> None:
    """Move a ring to a cell."""
    ring.set(xy=panel.corner(row, col), width=panel.cell, height=panel.cell)


def mark_readers(grids: Grids, place: Place, cell: tuple[int, int]) -> str:
    """Mark an input cell and the outputs that read it, with their weights; returns it in words."""
    sweep, view = grids.board.sweep, grids.view
    weights = plane_weights(grids.board, view)
    copies = [
        _copies(v, i) for v, i in zip((sweep.row_values, sweep.col_values), cell, strict=True)
    ]
    _ring(grids, place.input, *cell, theme.PINNED, 4)
    for r in copies[0]:
        for c in copies[1]:
            if (r, c) != cell:
                _ring(grids, place.input, r, c, theme.PINNED, 3, linestyle="--")
    readers = [
        (o_r, o_c, k_r, k_c)
        for o_r, k_r in _reading(sweep.rows.taps, copies[0])
        for o_c, k_c in _reading(sweep.cols.taps, copies[1])
    ]
    for o_r, o_c, k_r, k_c in readers:
        _ring(grids, place.output, o_r, o_c, theme.WINDOW, 4)
        if place.kernel:
            _ring(grids, place.kernel, k_r, k_c, theme.PINNED, 3)
        if weights is not None and not view.reads:
            _badge(grids, place.output, o_r, o_c, "×" + number(float(weights[k_r, k_c]), 2))
    source = int(sweep.rows.source[cell[0]]), int(sweep.cols.source[cell[1]])
    if OUTSIDE in source:
        return "Cell past the padding: it counts in no output"
    other = "Padding cell" if PAD in source else "Inserted zero"
    name = f"Input ({source[0]}, {source[1]})" if min(source) >= 0 else other
    outputs = {(o_r, o_c) for o_r, o_c, _, _ in readers}  # one may read it and its copies
    if not outputs:
        return f"{name}: no output reads it"
    return f"{name}: {len(outputs)} {'output reads' if len(outputs) == 1 else 'outputs read'} it"


def _copies(values: Any, index: int) -> list[int]:
    """Rows (or columns) of the grid with the same input row: itself and its copies in the padding."""
    if values[index] < 0:
        return [index]
    return [int(i) for i in np.flatnonzero(values == values[index])]


def _reading(taps: Any, lines: Sequence[int]) -> list[tuple[int, int]]:
    """(output, tap) indices along an axis at which a window reads one of the rows or columns."""
    pairs = np.argwhere(np.isin(taps, lines))
    return [(int(out), int(tap)) for out, tap in pairs]


def mark_reach(grids: Grids, place: Place, cell: tuple[int, int]) -> str:
    """Mark a kernel cell and all input cells that it is multiplied with; returns it in words."""
    sweep = grids.board.sweep
    rows = (sweep.rows.starts + sweep.rows.offsets[cell[0]]).tolist()
    cols = (sweep.cols.starts + sweep.cols.offsets[cell[1]]).tolist()
    for r in rows:
        for c in cols:
            box = place.input.corner(r, c), place.input.cell, place.input.cell
            grids.axes.add_patch(
                Rectangle(
                    *box,
                    facecolor=(*_rgb(theme.WINDOW), 0.4),
                    edgecolor=theme.WINDOW,
                    linewidth=2,
                    zorder=4.5,
                )
            )
    if place.kernel:
        _ring(grids, place.kernel, *cell, theme.PINNED, 4)
    name = "Kernel cell" if plane_weights(grids.board, grids.view) is None else "Weight"
    met = len(rows) * len(cols)
    cells = "the marked cell" if met == 1 else f"the {met} marked cells"
    return f"{name} ({cell[0]}, {cell[1]}) meets {cells}, one for each output"


def _ring(
    grids: Grids, panel: Panel, row: int, col: int, color: str, width: float, **look: Any
) -> None:
    ring = Rectangle((0, 0), 1, 1, fill=False, edgecolor=color, linewidth=width, zorder=5, **look)
    around(ring, panel, row, col)
    grids.axes.add_patch(ring)


def _badge(grids: Grids, panel: Panel, row: int, col: int, text: str) -> None:
    """Draw a label in the lower right corner of a cell, if it has room for it."""
    size = grids.points
    wide, high = width_of(text, size) * 72 + 5, 1.15 * size
    if panel.cell < BADGES_FROM or wide > panel.cell:
        return
    x, y = panel.corner(row + 1, col + 1)
    box = Rectangle(
        (x - wide - 2, y - high - 2), wide, high, color=theme.WINDOW, linewidth=0, zorder=5.2
    )
    grids.axes.add_patch(box)
    look: dict[str, Any] = {
        "ha": "right",
        "va": "center_baseline",
        "zorder": 5.3,
        "color": "#000000",
    }
    grids.axes.text(x - 4.5, y - 2 - high / 2, text, fontsize=size, **look)


def _rgb(color: str) -> tuple[float, float, float]:
    """(red, green, blue) of a color, each from 0 to 1."""
    from matplotlib.colors import to_rgb

    return to_rgb(color)
