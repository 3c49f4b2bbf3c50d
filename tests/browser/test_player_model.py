"""The player's model against core: every window, reader and term, for every operation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from core.layer.fixes import unread_mask
from core.layer.operations import OPERATIONS
from core.layer.sweep import Sweep
from core.layer.window import PAD
from tests.browser.board import Board, board_of, payload, visit

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

# Everything the picture asks of the model, for every grid cell and every output.
ASK = """async (data) => {
  const { Board } = await import("/_stcore/bidi-components/strides.player/player/model.js");
  const board = new Board(data), cells = [], outputs = [];
  for (let row = 0; row < board.gridRows; row++) for (let col = 0; col < board.gridCols; col++)
    cells.push({ kind: board.kind(row, col), reads: board.reads(row, col), used: board.isRead(row, col),
      value: String(board.value(0, row, col)),
      readers: board.readers(row, col).map((r) => [r.row, r.col, r.kr, r.kc]) });
  const writes = [];
  for (let row = 0; row < board.outRows; row++) for (let col = 0; col < board.outCols; col++)
    writes.push(board.writes(row, col));
  for (let filter = 0; filter < board.output.shape[0]; filter++)
    for (let row = 0; row < board.outRows; row++) for (let col = 0; col < board.outCols; col++)
      outputs.push({ value: String(board.outputAt(filter, row, col)),
        terms: board.channelsOf(filter).flatMap((channel) => board.terms(filter, row, col, channel)
          .map((t) => [channel, String(t.value), t.weight, t.wins, t.kind])) });
  return { cells, outputs, writes, counted: board.counted, most: board.mostCounted };
}"""
LAYERS: dict[str, dict[str, Any]] = {
    **{name: {"operation": name, "in_channels": 2, "out_channels": 2} for name in OPERATIONS},
    "lossy": {"stride": 3, "padding": 0, "input_height": 7},
    "mirrored": {"padding_mode": "reflect", "padding": 2, "kernel": "random"},
    "wrapped": {"padding_mode": "circular", "convention": "same_lower", "kernel_size": 4},
    "groups": {"in_channels": 4, "out_channels": 4, "groups": 2, "kernel": "random", "bias": 1.0},
    "stretched": {
        "operation": "transposed_convolution",
        "input_height": 4,
        "stride": 3,
        "dilation": 2,
        "output_padding": 2,
        "in_channels": 2,
        "out_channels": 4,
        "groups": 2,
        "kernel": "random",
    },
    "overhanging": {"operation": "average_pooling", "kernel_size": 3, "ceil_mode": True},
    "dilated pool": {"operation": "max_pooling", "kernel_size": 2, "dilation": 3, "padding": 1},
}


@pytest.fixture(scope="module")
def board(regular: BrowserContext, app_url: str) -> Iterator[Board]:
    """The app, once open, serves the player's modules."""
    with visit(regular, app_url) as opened:
        yield opened.open(step=0)


@pytest.mark.parametrize("name", LAYERS)
def test_the_model_answers_as_core_does(board: Board, name: str) -> None:
    sweep = board_of(**LAYERS[name]).run()
    answers = board.page.evaluate(ASK, payload(**LAYERS[name]))
    check_cells(sweep, answers["cells"])
    check_outputs(sweep, answers["outputs"])
    writes = np.outer(sweep.rows.writes, sweep.cols.writes)
    assert answers["writes"] == writes.ravel().tolist()
    grown = OPERATIONS[sweep.spec.operation].has("output_padding")
    reads = np.outer(sweep.rows.grid_reads, sweep.cols.grid_reads)
    assert answers["counted"] == ("output" if grown else "input")
    assert answers["most"] == (writes if grown else reads).max()


def number(text: str) -> float:
    """A number as JavaScript writes it."""
    return float(text.replace("Infinity", "inf"))


def check_cells(sweep: Sweep, cells: list[dict[str, Any]]) -> None:
    rows, cols = sweep.rows, sweep.cols
    grid = [(r, c) for r in range(len(rows.source)) for c in range(len(cols.source))]
    assert len(cells) == len(grid)
    lost = unread_mask(sweep.spec, sweep.input.shape[1:])
    for (row, col), cell in zip(grid, cells, strict=True):
        source = rows.source[row], cols.source[col]
        shown = sweep.row_values[row], sweep.col_values[col]
        assert (cell["kind"] == "input") == (min(source) >= 0)
        assert (cell["kind"] == "pad") == (PAD in source and cell["kind"] != "outside")
        assert cell["reads"] == rows.grid_reads[row] * cols.grid_reads[col]
        value = sweep.input[0][shown] if min(shown) >= 0 else sweep.fill_value
        assert number(cell["value"]) == value
        if min(source) >= 0:
            assert cell["used"] != lost[source]
        assert sorted(map(tuple, cell["readers"])) == readers(sweep, row, col)


def readers(sweep: Sweep, row: int, col: int) -> list[tuple[int, ...]]:
    """(output row, column, tap row, column) of all that read a grid cell or its copies."""
    found = []
    for axis, values, index in (
        (sweep.rows, sweep.row_values, row),
        (sweep.cols, sweep.col_values, col),
    ):
        copies = np.flatnonzero(values == values[index]) if values[index] >= 0 else [index]
        found.append(np.argwhere(np.isin(axis.taps, copies)).tolist())
    return sorted((r[0], c[0], r[1], c[1]) for r in found[0] for c in found[1])


def check_outputs(sweep: Sweep, outputs: list[dict[str, Any]]) -> None:
    cells = list(np.ndindex(sweep.output.shape))
    for cell, shown in zip(cells, outputs, strict=True):
        terms = sweep.terms(*cell)
        assert number(shown["value"]) == sweep.output[cell]
        channels, values, weights, wins, kinds = zip(*shown["terms"], strict=True)
        assert channels == tuple(terms.channel)
        assert [number(value) for value in values] == terms.value.tolist()
        if sweep.weight is not None:
            assert weights == pytest.approx(terms.weight.tolist(), abs=0)
        elif sweep.winner is not None:
            assert list(wins) == (terms.weight == 1).tolist()
        else:
            counted = [k == "input" or (k == "pad" and sweep.spec.count_include_pad) for k in kinds]
            assert sum(counted) == sweep.divisor[cell[1:]]
