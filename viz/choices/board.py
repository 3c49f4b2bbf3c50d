"""The board of a layer: its result by torch, computed once for all visitors, and the player's data."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.layer import sizes
from core.layer.board import BoardSpec
from core.layer.fixes import Fix, fixes
from core.layer.fixes import unread_mask as unread_mask
from core.layer.operations import operation_of
from core.layer.window import Axis
from viz.page.words import player_labels, remainder_sentence, size_formulas, times, unread_sentence
from viz.server.cache import computed_once
from viz.server.torch_start import warm

if TYPE_CHECKING:
    from core.layer.sweep import Sweep


@computed_once(256)
def sweep(board: BoardSpec) -> Sweep:
    """The result of the board's layer on its input, computed by torch."""
    warm()
    return board.run()


@computed_once(128)
def player_data(board: BoardSpec) -> dict[str, Any]:
    """The data of a board for the player (JavaScript): arrays, window positions and texts."""
    result = sweep(board)
    operation = operation_of(result.spec)
    data: dict[str, Any] = {
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
    _, height, width = sweep(board).output.shape
    return {
        "name": name,
        "formulas": size_formulas(rows, cols),
        "torch": times((height, width)),
        "agrees": (rows.outputs, cols.outputs) == (height, width),
        "unread": unread(board).sentence if note is None else note,
        "fixes": list(fixes),
    }
