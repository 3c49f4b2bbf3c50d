"""The board of a layer: its result, computed once for all visitors, and the player's data.

Until torch is imported the result is NumPy's. Afterwards it is torch's, and compared with NumPy's.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.layer import sizes
from core.layer.board import BoardSpec
from core.layer.fixes import Fix, fixes
from core.layer.fixes import unread_mask as unread_mask
from core.layer.operations import operation_of
from core.layer.sweep import Sweep, agree
from core.layer.window import Axis, Pair
from viz.page.words import player_labels, remainder_sentence, size_formulas, times, unread_sentence
from viz.server.cache import computed_once
from viz.server.torch_start import is_warm, warm


@computed_once(256)
def sweep(board: BoardSpec) -> Sweep:
    """The result of the board's layer on its input, computed by torch."""
    warm()
    return board.run()


@computed_once(256)
def _sweep_in_numpy(board: BoardSpec) -> Sweep:
    """The result of the board's layer on its input, computed by NumPy."""
    return board.run_in_numpy()


def player_data(board: BoardSpec) -> dict[str, Any]:
    """The data of a board for the player (JavaScript): arrays, window positions and texts."""
    return _player_data(board, by_torch=is_warm())


@computed_once(128)
def _player_data(board: BoardSpec, by_torch: bool) -> dict[str, Any]:
    """The data of a board for the player, with the result of torch or of NumPy."""
    result = sweep(board) if by_torch else _sweep_in_numpy(board)
    operation = operation_of(result.spec)
    data: dict[str, Any] = {
        "by_torch": by_torch,
        "reduce": operation.reduce,
        "groups": result.groups,
        "transposed": operation.has("output_padding"),
        "counts_padding": result.spec.count_include_pad,
        "rows": _axis_data(result.rows, result.row_values),
        "cols": _axis_data(result.cols, result.col_values),
        "fill": "-inf" if np.isneginf(result.fill_value) else 0,
        "input": _array_data(result.input),
        "output": _array_data(result.output),
        "editable": {
            "kernel": operation.learned,
            "input": max(board.source.size) <= MAX_EDITABLE_SIDE,
        },
    }
    optional: dict[str, Any] = {
        "weight": result.weight,
        "bias": result.bias,
        "winner": result.winner,
        "divisor": result.divisor,
    }
    data |= {name: _array_data(a) for name, a in optional.items() if a is not None}
    return data | player_labels(board, result)


MAX_EDITABLE_SIDE = 16
"""Longest side, in pixels, of an input whose cells a visitor can edit."""


def _axis_data(axis: Axis, values: np.ndarray[Any, Any]) -> dict[str, list[int]]:
    """One axis of a board as lists of integers; ``values`` are indices into the input."""
    return {
        "source": axis.source.tolist(),
        "values": values.tolist(),
        "starts": axis.starts.tolist(),
        "offsets": axis.offsets.tolist(),
        "reads": axis.grid_reads.tolist(),
        "writes": axis.writes.tolist(),
    }


_KINDS: tuple[tuple[str, Callable[[np.ndarray[Any, Any]], Any]], ...] = (
    ("u1", lambda a: a.size == 0 or (a.min() >= 0 and a.max() <= 255)),
    ("i2", lambda a: a.min() >= -(2**15) and a.max() < 2**15),
)
"""NumPy's names of small integer types, and a function that tells whether an array fits."""


def _array_data(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """An array as Base64: whole numbers with one or two bytes each, others as float32."""
    kind = "f4"
    if np.isfinite(array).all() and (array == np.rint(array)).all():
        kind = next((name for name, fits in _KINDS if fits(array)), "f4")
    data = np.ascontiguousarray(array, dtype="<" + kind).tobytes()
    return {"kind": kind, "shape": list(array.shape), "data": b64encode(data).decode()}


@dataclass(frozen=True)
class UnreadReport:
    """What the windows of a layer leave unread.

    Attributes:
        sentence: A sentence about it; "" if they read everything.
        fixes: Changes of the layer or its input that would make the windows read everything.
    """

    sentence: str
    fixes: tuple[Fix, ...]


@computed_once(256)
def unread(board: BoardSpec) -> UnreadReport:
    """The input pixels, or else the padding, that no window of a board's layer reads."""
    spec, size = board.layer, board.source.size
    mask = unread_mask(spec, size)
    if mask.any():
        return UnreadReport(unread_sentence(mask), tuple(fixes(spec, size)))
    rows, cols = sizes.formula(spec, size)
    return UnreadReport(remainder_sentence(rows.remainder, cols.remainder), ())


def size_line_data(
    board: BoardSpec, name: str = "", note: str | None = None, fixes: Sequence[str] = ()
) -> dict[str, Any]:
    """Data for the player's line with the size formula of a board and torch's output size.

    Args:
        board: The layer on its input.
        name: Letter of the board, if there are several.
        note: Sentence below the formula; None for the one of `unread`.
        fixes: Labels of the fixes that are offered.
    """
    rows, cols = sizes.formula(board.layer, board.source.size)
    agrees, verdict = _verdict(board, (rows.outputs, cols.outputs)) if is_warm() else (None, "")
    return {
        "name": name,
        "formulas": size_formulas(rows, cols),
        "verdict": verdict or "torch is loading",
        "agrees": agrees,
        "unread": unread(board).sentence if note is None else note,
        "fixes": list(fixes),
    }


@computed_once(256)
def _verdict(board: BoardSpec, outputs: Pair) -> tuple[bool, str]:
    """Whether torch's output has the size of the formula and NumPy's values; a clause about it."""
    result = sweep(board)
    size = (result.output.shape[1], result.output.shape[2])
    if size != outputs:
        return False, f"torch gives {times(size)}: it differs from the formula"
    if not agree(result, _sweep_in_numpy(board)):
        return False, f"torch gives {times(size)}, but other values than NumPy"
    return True, f"torch gives {times(size)} ✓"
