"""The board of a chosen layer: swept once for all, and packed for the player."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.layer import sizes
from core.layer.board import BoardSpec
from core.layer.fixes import Fix, fixes
from core.layer.fixes import unread as unread_mask
from core.layer.operations import operation_of
from core.layer.window import Axis
from viz.page.words import formulas, labels, remainder_sentence, times, unread_sentence
from viz.server.cache import computed_once
from viz.server.torch_start import warm

if TYPE_CHECKING:
    from core.layer.sweep import Sweep


@computed_once(256)
def sweep(board: BoardSpec) -> Sweep:
    """The board's layer run by torch; a class that asks the same thing computes it once."""
    warm()
    return board.run()


@computed_once(128)
def payload(board: BoardSpec) -> dict[str, Any]:
    """One sweep as the player takes it: arrays and window starts, never a frame per step."""
    result = sweep(board)
    operation = operation_of(result.spec)
    data: dict[str, Any] = {
        "reduce": operation.reduce,
        "groups": result.groups,
        "transposed": operation.has("output_padding"),
        "counts_padding": result.spec.count_include_pad,
        "rows": _axis(result.rows, result.row_values),
        "cols": _axis(result.cols, result.col_values),
        "fill": "-inf" if np.isneginf(result.fill_value) else 0,
        "input": _array(result.input),
        "output": _array(result.output),
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
    data |= {name: _array(a) for name, a in optional.items() if a is not None}
    return data | labels(board, (result.output.shape[1], result.output.shape[2]))


MAX_EDITABLE_SIDE = 16
"""Longest side of an input whose cells can be typed by hand."""


def _axis(axis: Axis, values: np.ndarray[Any, Any]) -> dict[str, list[int]]:
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


def _array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Base64 of the smallest exact type: whole numbers as one or two bytes, else float32."""
    kind = "f4"
    if np.isfinite(array).all() and (array == np.rint(array)).all():
        kind = next((name for name, fits in _KINDS if fits(array)), "f4")
    data = np.ascontiguousarray(array, dtype="<" + kind).tobytes()
    return {"kind": kind, "shape": list(array.shape), "data": b64encode(data).decode()}


@dataclass(frozen=True)
class Lost:
    """What a layer does not read: a sentence ("" when it reads all), and repairs."""

    sentence: str
    fixes: tuple[Fix, ...]


@computed_once(256)
def unread(board: BoardSpec) -> Lost:
    """What the windows of a layer leave over, in words, with what would mend it."""
    spec, size = board.layer, board.source.size
    mask = unread_mask(spec, size)
    if mask.any():
        return Lost(unread_sentence(mask), tuple(fixes(spec, size)))
    rows, cols = sizes.formula(spec, size)
    return Lost(remainder_sentence(rows.remainder, cols.remainder), ())


def size_line(
    board: BoardSpec, name: str = "", lost: str | None = None, fixes: Sequence[str] = ()
) -> dict[str, Any]:
    """The size formula of one board beside what torch gives, as the player shows it.

    Args:
        board: the layer on its input.
        name: letter of the board where there are several.
        lost: a sentence below the formula; what no window reads, where it is None.
        fixes: labels of the repairs that are offered.
    """
    rows, cols = sizes.formula(board.layer, board.source.size)
    _, height, width = sweep(board).output.shape
    return {
        "name": name,
        "formulas": formulas(rows, cols),
        "torch": times((height, width)),
        "agrees": (rows.outputs, cols.outputs) == (height, width),
        "lost": unread(board).sentence if lost is None else lost,
        "fixes": list(fixes),
    }
