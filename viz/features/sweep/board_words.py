"""A board with its texts for slides: numbers, the sum of a window, and the view.

The player writes the same texts (`viz/components/player/words.js`); here each fits into one line.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import TYPE_CHECKING, Literal

import numpy as np

from core.layer.operations import operation_of
from core.layer.window import OUTSIDE
from viz.slides.parts import width_of

if TYPE_CHECKING:
    from core.layer.sweep import Sweep

PanelName = Literal["input", "kernel", "output"]
PANELS: dict[str, PanelName] = {"i": "input", "k": "kernel", "o": "output"}
"""Grid of a board by its letter in a pin."""


@dataclass(frozen=True)
class View:
    """The view of the boards, as in a link.

    Attributes:
        step: Index of the output in reading order; -1 for the last.
        pin: Cell that is marked: ``"o3.4"`` for output (3, 4) of the first board, ``"1:i2.2"`` for
            input (2, 2) of the second; "" for none.
        channel, filter: Input channel and output channel that are drawn.
        reads: Whether cells show how many windows read them, instead of their values.
    """

    step: int = -1
    pin: str = ""
    channel: int = 0
    filter: int = 0
    reads: bool = False


@dataclass(frozen=True, eq=False)
class Board:
    """A layer on its input, with its result and texts.

    Attributes:
        sweep: The result by torch.
        title: The layer and its settings in words.
        captions: Captions of the grids by name, and under "counts" that of the read counts.
        planes: Each channel of the input and of the output in words, as in
            `viz.page.words.player_labels`.
        formulas: The size formula with its numbers: one line, or one for each axis.
        unread: A sentence about what no window reads; "" for nothing.
    """

    sweep: Sweep
    title: str
    captions: dict[str, str]
    planes: dict[str, list[str]]
    formulas: tuple[str, ...] = ()
    unread: str = ""

    @property
    def transposed(self) -> bool:
        """Whether the layer is a transposed convolution."""
        return operation_of(self.sweep.spec).has("output_padding")

    @property
    def counts(self) -> np.ndarray:
        """(rows, cols) windows that read each input cell; transposed: inputs added in each output."""
        rows, cols = self.sweep.rows, self.sweep.cols
        if self.transposed:
            return np.outer(rows.writes, cols.writes)
        return np.outer(rows.grid_reads, cols.grid_reads)

    def drawn_planes(self, view: View) -> str:
        """Which channels of the input and of the output are drawn; "" if each has just one."""
        planes = ("input", view.channel), ("output", view.filter)
        return "; ".join(
            f"{name}: {self.planes[name][index]}"
            for name, index in planes
            if self.planes[name][index]
        )

    def counted(self, view: View) -> PanelName | None:
        """The grid that shows counts in place of its values; None for no grid."""
        if not view.reads:
            return None
        return "output" if self.transposed else "input"

    @property
    def steps(self) -> int:
        """Number of steps of the sweep, which is that of output units."""
        return int(np.prod(self.sweep.output.shape[1:]))

    def output_cell_at(self, step: int) -> tuple[int, int]:
        """(row, column) of the output at a step; the last one for -1 and for steps past the end."""
        row, col = divmod(
            step if 0 <= step < self.steps else self.steps - 1, self.sweep.output.shape[2]
        )
        return row, col


@dataclass(frozen=True)
class Focus:
    """The cell of a board that is marked.

    Attributes:
        panel: Grid of the cell.
        cell: (row, column) in that grid.
    """

    panel: PanelName
    cell: tuple[int, int]


def focus_of(boards: list[Board], view: View) -> list[Focus]:
    """The marked cell of each board: the pinned cell on its board, the output of the step elsewhere."""
    own = [Focus("output", board.output_cell_at(view.step)) for board in boards]
    match = re.fullmatch(r"(?:(\d):)?([iko])(\d+)\.(\d+)", view.pin)
    index = int(match[1] or 0) if match else len(boards)
    if match is None or index >= len(boards):
        return own
    focus = Focus(PANELS[match[2]], (int(match[3]), int(match[4])))
    if all(i < n for i, n in zip(focus.cell, sizes(boards[index])[focus.panel], strict=True)):
        own[index] = focus
        if focus.panel == "output":  # the boards keep step
            step = focus.cell[0] * boards[index].sweep.output.shape[2] + focus.cell[1]
            own = [
                Focus("output", board.output_cell_at(min(step, board.steps - 1)))
                for board in boards
            ]
    return own


def sizes(board: Board) -> dict[str, tuple[int, int]]:
    """(rows, columns) of each grid by name."""
    sweep = board.sweep
    return {
        "input": (len(sweep.rows.source), len(sweep.cols.source)),
        "kernel": (len(sweep.rows.offsets), len(sweep.cols.offsets)),
        "output": (sweep.output.shape[1], sweep.output.shape[2]),
    }


def plane_weights(board: Board, view: View) -> np.ndarray | None:
    """(rows, cols) weights of the view's filter for the view's channel; None if there are none."""
    sweep = board.sweep
    planes = sweep.channels_of(view.filter)
    if sweep.weight is None or view.channel not in planes:
        return None
    return np.asarray(sweep.weight[view.filter, view.channel - planes[0]])


def number(value: float, digits: int = 3) -> str:
    """A number with at most ``digits`` significant digits and a typographic minus sign.

    Whole numbers below a million are written in full. The player's ``format`` writes the same.
    """
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == int(value) and abs(value) < 1e6:
        return str(int(value)).replace("-", "−")
    # JavaScript rounds a half away from zero, and writes powers of ten below 1e-6.
    rounded = Context(prec=digits, rounding=ROUND_HALF_UP).create_decimal(float(value)).normalize()
    if abs(rounded) >= Decimal("1e-6"):
        return f"{rounded:f}".replace("-", "−")
    return re.sub(r"e-0*", "e−", f"{float(rounded)!r}").replace("-", "−")


def sum_lines(
    board: Board, view: View, cell: tuple[int, int], points: float, inches: float
) -> list[str]:
    """The sum of an output as text: ``output (1, 1) = 0·1 + 12·2 + … = 148``.

    If the output adds up several channels, the sum is that of the channels' sums, and a second
    line has the terms of the drawn channel, if the output reads it.

    Args:
        board: The layer and its result.
        view: The channel and the filter that are drawn.
        cell: (row, column) of the output.
        points: Font size.
        inches: Width of a line, into which as many terms go as fit.
    """
    sweep, head = board.sweep, f"output ({cell[0]}, {cell[1]}) = "
    terms, before, after = _terms(sweep, view.filter, cell)
    sign = ", " if before == "max(" else " + "
    channels = list(sweep.channels_of(view.filter))
    if len(channels) == 1:
        return [_fitting_sum(head + before, terms, sign, after, points, inches)]
    products = sweep.terms(view.filter, *cell).product.reshape(len(channels), -1)
    sums = [_bracketed(number(value, 5)) for value in products.sum(axis=1).tolist()]
    lines = [_fitting_sum(head, sums, sign, after, points, inches)]
    if view.channel in channels:
        i, taps = channels.index(view.channel), products.shape[1]
        drawn, total = terms[i * taps : (i + 1) * taps], f" = {sums[i].strip('()')}"
        head = f"{board.planes['input'][view.channel]}: "
        lines.append(_fitting_sum(head, drawn, sign, total, points, inches))
    return lines


def _fitting_sum(
    before: str, terms: list[str], sign: str, after: str, points: float, inches: float
) -> str:
    """A sum as one line of at most this width: with all terms, or with … for some of them."""

    def line(selected: list[str]) -> str:
        return before + sign.join(selected) + after

    for count in range(len(terms), 0, -1):
        selected = terms if count == len(terms) else [*terms[: count - 1], "…", terms[-1]]
        if width_of(line(selected), points) <= inches:
            return line(selected)
    return line(["…"])


def value_line(sweep: Sweep, plane: int, cell: tuple[int, int]) -> str:
    """The value of an output as text, ``output (1, 1) = 148``, for films too fast to read a sum."""
    value = number(float(sweep.output[(plane, *cell)]), 5)
    return f"output ({cell[0]}, {cell[1]}) = {value}"


def _terms(sweep: Sweep, plane: int, cell: tuple[int, int]) -> tuple[list[str], str, str]:
    """The terms of an output as texts, and the text before and after them."""
    terms, reduce = sweep.terms(plane, *cell), operation_of(sweep.spec).reduce
    total = number(float(sweep.output[(plane, *cell)]), 5)
    counts = _taps_in_output(sweep, cell, len(sweep.channels_of(plane)))
    values = [_bracketed(number(value, 4)) for value in terms.value[counts].tolist()]
    if reduce == "max":
        return values, "max(", f") = {total}"
    if sweep.divisor is not None:
        return values, "(", f") / {int(sweep.divisor[cell])} = {total}"
    weights = [_bracketed(number(weight, 4)) for weight in terms.weight[counts].tolist()]
    bias = "" if sweep.bias is None else f" + {_bracketed(number(terms.bias, 4))}"
    products = [f"{value}·{weight}" for value, weight in zip(values, weights, strict=True)]
    return products, "", f"{bias} = {total}"


def _taps_in_output(sweep: Sweep, cell: tuple[int, int], planes: int) -> np.ndarray:
    """(planes · taps) mask of the taps that enter an output.

    Taps past the padding (ceil_mode) do not, nor do taps in padding that a mean does not count.
    """
    rows = sweep.rows.source[sweep.rows.taps[cell[0]]]
    cols = sweep.cols.source[sweep.cols.taps[cell[1]]]
    inside = (rows != OUTSIDE)[:, None] & (cols != OUTSIDE)[None, :]
    if sweep.divisor is not None and not sweep.spec.count_include_pad:
        inside &= (rows >= 0)[:, None] & (cols >= 0)[None, :]
    return np.tile(inside.ravel(), planes)


def _bracketed(text: str) -> str:
    """A number's text, in brackets if it is negative."""
    return f"({text})" if text.startswith("−") else text
