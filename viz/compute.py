"""The only caller of core's heavy functions: caches, threads, and the player's payload."""

from __future__ import annotations

import gc
import os
import sys
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from core import size_tables, sizes, solver
from core.board import BoardSpec
from core.fixes import Fix, fixes
from core.fixes import unread as unread_mask
from core.layer import LayerSpec
from core.operations import operation_of
from core.size_tables import Padded, SizeTable
from core.solver import Solution
from core.window import Axis, Pair
from viz.shared import shared
from viz.words import formulas, labels, remainder_sentence, times, unread_sentence

if TYPE_CHECKING:
    from core.sweep import Sweep


_WARMING = Lock()


def warm() -> None:
    """Import torch once and set it up for many small jobs side by side.

    One visitor does, the others wait: all of a class come in the same second, and the turns
    below would be made shorter by each of them.
    """
    with _WARMING:
        _warm()


@cache
def _warm() -> None:
    """Import torch and set it up.

    The import holds the interpreter for five milliseconds at a time, and a page comes in a
    hundred small requests that each wait for it: shorter turns while it lasts.
    """
    # torch.set_num_threads holds in the thread that calls it; the scripts of visitors are others.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 20)
    try:
        import torch

        import core.sweep  # noqa: F401
    finally:
        sys.setswitchinterval(usual)
    torch.set_num_threads(1)
    gc.freeze()  # what is loaded by now stays: no collection needs to walk it


def is_warm() -> bool:
    """Whether torch is loaded, so that a first result comes at once."""
    return _warm.cache_info().currsize > 0


@shared(256)
def sweep(board: BoardSpec) -> Sweep:
    """The board's layer run by torch; a class that asks the same thing computes it once."""
    warm()
    return board.run()


@shared(128)
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


@shared(256)
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


@shared(64)
def snippet(framework: str, board: BoardSpec) -> str:
    """The board's layer as code."""
    from core.snippets import snippet as write

    return write(
        framework,
        board.layer,
        board.source.size,
        board.weight(),
        board.bias(),
        board.source.pixels(),
    )


@shared(512)
def measured_size(spec: LayerSpec, size: Pair) -> Pair | None:
    """What torch gives for this layer; None where it refuses."""
    warm()
    return sizes.measured_size(spec, size)


@shared(128)
def size_table(spec: LayerSpec, size: Pair) -> SizeTable:
    """The layer at every stride and padding."""
    warm()
    return size_tables.size_table(spec, size)


@shared(128)
def size_map(spec: LayerSpec, size: Pair, convention: str) -> SizeTable:
    """The layer at every kernel size and stride."""
    warm()
    return size_tables.size_map(spec, size, convention=convention)


@shared(128)
def common_layers(inputs: tuple[Pair, ...]) -> SizeTable:
    """The common layers on these inputs."""
    warm()
    return size_tables.common_layers(inputs)


@shared(128)
def conventions(spec: LayerSpec, size: Pair, run: bool) -> tuple[Padded, ...]:
    """The layer under every padding convention; ``run``: with torch's values."""
    warm()
    return size_tables.conventions(spec, size, run=run)


@shared(128)
def solutions(size: Pair, output: Pair, operation: str) -> tuple[Solution, ...]:
    """The layers that turn one size into the other."""
    return tuple(solver.solutions(size, output, operation=operation))
