"""Draws the grids of a board on a slide: cells, numbers, padding, hatching and captions.

Coordinates are points in axes that cover the slide; see `viz.features.sweep.board_layout`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection, QuadMesh
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize, to_rgba
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from core.layer.operations import operation_of
from core.layer.window import OUTSIDE
from viz import theme
from viz.features.sweep.board_layout import HEAD, Panel
from viz.features.sweep.board_words import Board, PanelName, View, number, plane_weights
from viz.slides.parts import MOST_VECTOR_CELLS, colormap, contrast, width_of
from viz.slides.style import SMALL, Style

Array = NDArray[Any]
SHEET, MOST_SHEETS = 4.0, 3
"""Offset, in points, of each plane behind a grid, and the largest number of them."""
LINES_FROM = 6.0
"""Smallest side of a cell, in points, with lines between it and its neighbors."""


@dataclass(frozen=True)
class Scale:
    """A color scale: grey from black at 0 to white, or from blue through white at 0 to red."""

    colormap: Colormap
    norm: Normalize

    def __call__(self, values: Any) -> Any:
        return self.colormap(self.norm(np.nan_to_num(values, neginf=self.norm.vmin)))


def scale(arrays: Sequence[Array], white: float = 255.0, signed: bool = False) -> Scale:
    """The color scale of arrays that are compared.

    Args:
        arrays: The arrays.
        white: Smallest value that is white on a grey scale.
        signed: Whether the scale is signed even if no value is negative.
    """
    finite = np.concatenate([array[np.isfinite(array)].ravel() for array in arrays])
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 0.0)
    if low < 0 or signed:
        most = max(-low, high) or 1.0
        return Scale(colormap("signed"), Normalize(-most, most))
    return Scale(colormap("grey"), Normalize(0, max(high, white)))


@dataclass(frozen=True)
class Scales:
    """The color scales of a board's grids; boards that are compared share input's and output's."""

    input: Scale
    kernel: Scale
    output: Scale


def scales_of(boards: Sequence[Board], view: View) -> list[Scales]:
    """The color scales of each board; equal values of a kind have equal colors on all boards."""
    most = max(int(board.counts.max()) for board in boards)
    counts = Scale(
        LinearSegmentedColormap.from_list("counts", theme.COUNTS), Normalize(0, max(1, most))
    )
    source = scale([boards[0].sweep.input])
    output = scale([board.sweep.output for board in boards])
    scales = []
    for board in boards:
        weight = board.sweep.weight
        kernel = scale([np.zeros(1) if weight is None else weight], 1.0, signed=True)
        counted = {name: counts for name in [board.counted(view)] if name}
        scales.append(Scales(**({"input": source, "kernel": kernel, "output": output} | counted)))
    return scales


class Grids:
    """Draws the parts of a board that do not move in a film.

    Args:
        axes: Axes that cover the slide.
        board: The board.
        view: Channel and filter that are drawn, and whether as read counts.
        style: Style of the slide.
        scales: Color scales of the grids.
        width: Width of the board in points; longer captions are shortened.
        legends: Whether a grid without numbers has a color scale below it.

    Attributes:
        points: Font size of captions and of the largest numbers.
        captions: Captions of the grids by name.
        output_numbers: Whether outputs are written into their cells where these are large enough.
    """

    def __init__(
        self,
        axes: Axes,
        board: Board,
        view: View,
        style: Style,
        scales: Scales,
        width: float,
        legends: bool = True,
    ) -> None:
        self.axes, self.board, self.view, self.style = axes, board, view, style
        self.scales, self.points, self.legends = scales, SMALL * style.points, legends
        self.ink, self.output_numbers = style.ink, True
        captions = {name: (text, text.partition(",")[0]) for name, text in board.captions.items()}
        counts = captions.pop("counts")[0], "counts"
        captions |= {name: counts for name in [board.counted(view)] if name}
        captions["kernel"] = captions["kernel"][0], captions["kernel"][0].rpartition(" ")[0]
        self.captions = {
            name: long if self.caption_width(long) <= 0.45 * width else short
            for name, (long, short) in captions.items()
        }

    def caption_width(self, text: str) -> float:
        """Width of a caption in points, from its colored square to the end of its text."""
        return 1.1 * self.points + 72 * width_of(text, self.points, bold=True)

    # -- pieces

    def mesh(self, panel: Panel, faces: Array) -> None:
        """Fill the cells with colors, (rows, cols, 4) in RGBA."""
        if max(panel.rows, panel.cols) > MOST_VECTOR_CELLS:
            extent = (panel.x, panel.x + panel.width, panel.y + panel.height, panel.y)
            self.axes.imshow(faces, extent=extent, interpolation="none", aspect="auto", zorder=1)
            return
        across = panel.x + panel.cell * np.arange(panel.cols + 1)
        down = panel.y + panel.cell * np.arange(panel.rows + 1)
        corners = np.stack(np.meshgrid(across, down), axis=-1)
        flat = faces.reshape(-1, 4)
        mesh = QuadMesh(
            corners, facecolors=flat, edgecolors=flat, linewidth=0.4, antialiased=True, zorder=1
        )
        self.axes.add_collection(mesh, autolim=False)

    def lines(self, panel: Panel, zorder: float = 2.0, animated: bool = False) -> Line2D:
        """Draw lines between the cells, if these are large enough."""
        right, bottom = panel.x + panel.width, panel.y + panel.height
        across, down = [], []
        if panel.cell >= LINES_FROM:
            for y in panel.y + panel.cell * np.arange(panel.rows + 1):
                across += [panel.x, right, np.nan]
                down += [y, y, np.nan]
            for x in panel.x + panel.cell * np.arange(panel.cols + 1):
                across += [x, x, np.nan]
                down += [panel.y, bottom, np.nan]
        drawn = Line2D(across, down, color=self.ink["line"], linewidth=0.8, zorder=zorder)
        drawn.set(animated=animated, solid_capstyle="butt")
        self.axes.add_line(drawn)
        return drawn

    def numbers(
        self,
        panel: Panel,
        texts: Sequence[Sequence[str]],
        ink: Any,
        raised: bool = False,
        last: int | None = None,
    ) -> bool:
        """Write a text into each cell if all of them fit; returns whether they do.

        Args:
            panel: The grid.
            texts: Text of each cell by row and column; "" for none.
            ink: Function of (row, column) that returns the color of the text.
            raised: Whether to write above the middle of a cell, for a mark below.
            last: Index of the last cell, in reading order, whose text is written; None for all.
        """
        size = fitting(panel, [text for row in texts for text in row], self.points)
        if size is None:
            return False
        for row, line in enumerate(texts):
            for col, text in enumerate(line):
                if text and (last is None or row * panel.cols + col <= last):
                    self.number(panel, row, col, text, ink(row, col), size, raised)
        return True

    def number(
        self,
        panel: Panel,
        row: int,
        col: int,
        text: str,
        color: Any,
        size: float,
        raised: bool = False,
        **look: Any,
    ) -> Any:
        """Write the text of one cell; ``raised`` moves it above the middle."""
        x, y = panel.center(row - 0.18 * raised, col)
        usual: dict[str, Any] = {"ha": "center", "va": "center_baseline", "zorder": 3}
        return self.axes.text(x, y, text, color=color, fontsize=size, **(usual | look))

    def frame(self, panel: Panel, color: str, width: float = 2.5, **look: Any) -> Rectangle:
        """Draw a frame around a grid."""
        usual: dict[str, Any] = {"fill": False, "edgecolor": color, "linewidth": width}
        look = usual | {"zorder": 4} | look
        box = Rectangle((panel.x, panel.y), panel.width, panel.height, **look)
        self.axes.add_patch(box)
        return box

    def sheets(self, panel: Panel, name: PanelName) -> None:
        """Draw the edges of further planes behind the one that is drawn, downwards to the right."""
        for i in range(round(behind(self.board, name) / SHEET), 0, -1):
            corner = panel.x + i * SHEET, panel.y + i * SHEET
            look: dict[str, Any] = {"facecolor": self.ink["panel"], "edgecolor": self.ink["muted"]}
            self.axes.add_patch(
                Rectangle(corner, panel.width, panel.height, linewidth=0.8, zorder=0.5, **look)
            )

    def caption(self, panel: Panel, name: PanelName) -> None:
        """Draw the caption above a grid: a square of its color and a text."""
        text, color = self.captions[name], theme.MEANINGS["window" if name == "kernel" else name]
        side = 0.7 * self.points
        y = panel.y - (HEAD - 1.0) * self.points * 0.75
        self.axes.add_patch(
            Rectangle((panel.x, y - side / 2), side, side, color=color, linewidth=0, zorder=3)
        )
        look: dict[str, Any] = {
            "va": "center_baseline",
            "color": self.ink["text"],
            "fontweight": "bold",
        }
        self.axes.text(panel.x + 1.4 * side, y, text, fontsize=self.points, **look)

    def legend(self, panel: Panel, scale: Scale) -> float:
        """A color scale with its two end values, below a grid whose cells have no numbers in them.

        Returns its width in points, 0 where there is no room for it.
        """
        ends = float(scale.norm.vmin or 0), float(scale.norm.vmax or 0)
        points, y = self.points, panel.y + panel.height + 0.7 * self.points
        low, high = (72 * width_of(number(end), points) for end in ends)
        length = min(120.0, panel.width - low - high - 10)
        if length < 16:
            return 0.0
        x, step = panel.x + low + 5, length / 32
        for i, face in enumerate(scale(np.linspace(*ends, 32))):
            box = (x + i * step, y), step, 0.7 * points
            self.axes.add_patch(Rectangle(*box, facecolor=face, edgecolor=face, linewidth=0.4))
        for end, where, align in ((ends[0], x - 4, "right"), (ends[1], x + length + 4, "left")):
            look: dict[str, Any] = {"ha": align, "va": "center_baseline", "color": self.ink["text"]}
            self.axes.text(where, y + 0.35 * points, number(end), fontsize=points, **look)
        return low + length + high + 10

    def _legend_below(self, panel: Panel, scale: Scale, name: PanelName) -> None:
        """Draw the color scale below a grid and its planes, if legends are wanted."""
        if self.legends:
            self.legend(replace(panel, y=panel.y + behind(self.board, name)), scale)

    # -- grids

    def input(self, panel: Panel, raised: bool) -> None:
        """Draw the padded input, or how many windows read each of its cells."""
        sweep, (real, outside) = self.board.sweep, cell_masks(self.board)
        values = grid_values(self.board, self.view.channel)
        self.sheets(panel, "input")
        if self.board.counted(self.view) == "input":
            self._counts(panel, self.scales.input, "input")
        else:
            faces = self.scales.input(values)
            copied = ~real & (sweep.row_values >= 0)[:, None] & (sweep.col_values >= 0)[None, :]
            pad = _over(faces, to_rgba(self.ink["panel"]), 0.35 * copied)
            pad[outside] = to_rgba(self.ink["background"])
            faces[~real] = pad[~real]
            self.mesh(panel, faces)
            texts = [
                ["" if outside[r, c] else number(values[r, c]) for c in range(panel.cols)]
                for r in range(panel.rows)
            ]
            inks = (
                [[contrast(faces[r, c]) for c in range(panel.cols)] for r in range(panel.rows)]
                if panel.cell > 12
                else []
            )
            if not self.numbers(
                panel, texts, lambda r, c: inks[r][c] if real[r, c] else self.ink["text"], raised
            ):
                self._legend_below(panel, self.scales.input, "input")
        self.lines(panel)
        self._padding(panel, real)
        self.hatch(panel, ~read_mask(self.board) & ~outside & (real | (not self.board.transposed)))
        rows, cols = np.flatnonzero(sweep.rows.source >= 0), np.flatnonzero(sweep.cols.source >= 0)
        x, y = panel.corner(rows[0], cols[0])
        size = (cols[-1] - cols[0] + 1) * panel.cell, (rows[-1] - rows[0] + 1) * panel.cell
        outline = Rectangle(
            (x, y), *size, fill=False, edgecolor=theme.INPUT, linewidth=2.5, zorder=4
        )
        self.axes.add_patch(outline)

    def _counts(self, panel: Panel, scale: Scale, name: PanelName) -> None:
        """Draw the read counts of the board (`Board.counts`) as colors and numbers."""
        faces = scale(self.board.counts)
        self.mesh(panel, faces)
        texts = [[str(count) for count in row] for row in self.board.counts.tolist()]
        self.numbers(panel, texts, lambda r, c: contrast(faces[r, c]))
        self._legend_below(panel, scale, name)

    def _padding(self, panel: Panel, real: Array) -> None:
        """Draw a dashed square in each cell outside ``real``, the mask of input cells."""
        if panel.cell < LINES_FROM:
            return
        inset = min(1.5, panel.cell / 10)
        side = panel.cell - 2 * inset
        boxes = [
            Rectangle((panel.corner(r, c)[0] + inset, panel.corner(r, c)[1] + inset), side, side)
            for r, c in zip(*np.nonzero(~real), strict=True)
        ]
        look: dict[str, Any] = {
            "facecolor": "none",
            "edgecolor": theme.PADDING,
            "linestyle": (0, (3, 2)),
        }
        self.axes.add_collection(
            PatchCollection(boxes, zorder=2.2, linewidth=0.9, **look), autolim=False
        )

    def hatch(self, panel: Panel, mask: Array) -> None:
        """Hatch the cells of a mask, which no window reads."""
        strokes = []
        for row, col in zip(*np.nonzero(mask), strict=True):
            (x, y), s = panel.corner(row, col), panel.cell
            strokes.append([(x, y + s), (x + s, y)])
            if s >= 12:
                strokes += [
                    [(x, y + s / 2), (x + s / 2, y)],
                    [(x + s / 2, y + s), (x + s, y + s / 2)],
                ]
        width = max(0.8, min(2.0, panel.cell / 14))
        self.axes.add_collection(
            LineCollection(strokes, colors=theme.UNREAD, linewidth=width, zorder=2.5), autolim=False
        )

    def kernel(self, panel: Panel) -> None:
        """Draw the weights of the view's filter and channel, or one word where there are none."""
        weights = plane_weights(self.board, self.view)
        self.sheets(panel, "kernel")
        if weights is None:
            paper = to_rgba(self.ink["panel"])
            self.mesh(panel, np.broadcast_to(paper, (panel.rows, panel.cols, 4)))
        else:
            faces = self.scales.kernel(weights)
            self.mesh(panel, faces)
            texts = [[number(w) for w in row] for row in weights.tolist()]
            self.numbers(panel, texts, lambda r, c: contrast(faces[r, c]))
        self.lines(panel)
        self.frame(panel, theme.WINDOW)
        if weights is None:
            self._word(panel, window_word(self.board))

    def _word(self, panel: Panel, word: str) -> None:
        """Write one word over the middle of a grid, as large as fits."""
        size = min(self.points, 0.8 * panel.width / (72 * width_of(word, 1)), 0.6 * panel.height)
        x, y = panel.center((panel.rows - 1) / 2, (panel.cols - 1) / 2)
        behind = {"facecolor": self.ink["panel"], "linewidth": 0, "pad": 0.15 * size}
        look: dict[str, Any] = {"ha": "center", "va": "center_baseline", "color": self.ink["text"]}
        self.axes.text(x, y, word, fontsize=size, zorder=4.5, bbox=behind, **look)

    def output(self, panel: Panel, done: int, raised: bool) -> None:
        """Draw the outputs up to the step ``done``; later cells stay empty."""
        self.sheets(panel, "output")
        if self.board.counted(self.view) == "output":
            self._counts(panel, self.scales.output, "output")
        else:
            self._outputs(panel, done, raised)
        self.lines(panel)
        self.frame(panel, theme.OUTPUT)

    def _outputs(self, panel: Panel, done: int, raised: bool) -> None:
        """Draw the output values up to the step ``done``."""
        values = self.board.sweep.output[self.view.filter]
        faces = self.scales.output(values)
        later = np.arange(values.size).reshape(values.shape) > done
        faces[later] = to_rgba(self.ink["panel"])
        self.mesh(panel, faces)
        texts = [[number(value) for value in row] for row in values.tolist()]
        if not self.output_numbers or not self.numbers(
            panel, texts, lambda r, c: contrast(faces[r, c]), raised, done
        ):
            self._legend_below(panel, self.scales.output, "output")


def _over(front: Array, back: Any, share: Any) -> Array:
    """Colors in front of another one with an opacity (``share``), as opaque colors."""
    mixed = np.array(back) + (np.array(front) - np.array(back)) * np.asarray(share)[..., None]
    mixed[..., 3] = 1.0
    return np.asarray(mixed)


def fitting(panel: Panel, texts: Sequence[str], points: float) -> float | None:
    """The largest font size, at most ``points``, at which every text fits a cell; None if too small."""
    longest = max((width_of(text, points) * 72 for text in set(texts)), default=0.0)
    size = min(points, points * 0.92 * panel.cell / max(longest, 1e-9), 0.75 * panel.cell)
    return size if size >= 0.88 * points else None


def readable(texts: Sequence[str], points: float) -> float:
    """Smallest side of a cell for which `fitting` returns a font size for these texts."""
    longest = max((width_of(text, points) * 72 for text in set(texts)), default=0.0)
    return 0.88 * max(longest / 0.92, points / 0.75) + 0.01


def behind(board: Board, name: PanelName) -> float:
    """Points by which the planes behind a grid stand out below it and on its right."""
    sweep = board.sweep
    weights = 1 if sweep.weight is None else sweep.weight.shape[1]
    planes = {"input": len(sweep.input), "kernel": weights, "output": len(sweep.output)}
    return SHEET * min(planes[name] - 1, MOST_SHEETS)


def window_word(board: Board) -> str:
    """The word for a window without weights; a filter has none for a channel that it does not read."""
    return {"max": "max", "mean": "mean", "sum": "not read"}[operation_of(board.sweep.spec).reduce]


def grid_values(board: Board, channel: int) -> Array:
    """(rows, cols) values of the padded input in one channel, as windows read them."""
    sweep = board.sweep
    rows, cols = sweep.row_values, sweep.col_values
    plane = sweep.input[channel][np.ix_(rows.clip(min=0), cols.clip(min=0))]
    real = (rows >= 0)[:, None] & (cols >= 0)[None, :]
    return np.where(real, plane, sweep.fill_value)


def cell_masks(board: Board) -> tuple[Array, Array]:
    """Masks of the input grid: cells of the input itself, and cells past the padding."""
    rows, cols = board.sweep.rows.source, board.sweep.cols.source
    real = (rows >= 0)[:, None] & (cols >= 0)[None, :]
    return real, (rows == OUTSIDE)[:, None] | (cols == OUTSIDE)[None, :]


def read_mask(board: Board) -> Array:
    """Mask of the input grid: cells that a window reads, or whose copy in the padding it reads."""

    def along(reads: Array, values: Array) -> Array:
        """The same along one axis."""
        read = set(values[reads > 0].tolist())
        return (reads > 0) | np.array([v >= 0 and v in read for v in values.tolist()])

    sweep = board.sweep
    rows = along(sweep.rows.grid_reads, sweep.row_values)
    cols = along(sweep.cols.grid_reads, sweep.col_values)
    return np.asarray(rows[:, None] & cols[None, :])
