"""The layer table without a screen: its rows, and the edits a visitor makes in it.

A message of the table is a mapping; nothing in it is trusted:

    do    "set", "insert", "remove", "move" or "copy"; in a history also "undo" and "redo"
    path  of the row it is about, as in ``core.networks.rows``; for "insert" the place where
          the new layers go. A path of even length is a branch of a block: "remove" takes it
          away (a shortcut becomes the identity), "insert" puts a new one before it.
    text  for "set" and "insert": the layers, in notation
    to    for "move": the new place, in the network without the row
    was   optional: the text the visitor saw in the row; refused if it is not there any more
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.errors import SpecError
from core.networks import (
    Block,
    ConcatBlock,
    Layer,
    NetworkSpec,
    Path,
    Repeat,
    ResidualBlock,
    layer_at,
    move,
    remove,
    rows,
    with_row,
)
from core.networks.notation import layer_to_notation, parse_notation
from core.networks.notation.words import WORDS
from core.networks.rules import MAX_LAYERS, MAX_NESTING

MAX_TEXT = 4_000
"""Characters typed into one row."""
MAX_WHOLE = 400
"""Characters of a folded block; a longer one can only be edited unfolded."""
MAX_WHOLE_ROWS = 40
MAX_UNDO = 50
MAX_PATH = 2 * MAX_NESTING + 2
EDITS = ("set", "insert", "remove", "move", "copy")

MENU = (
    *("conv3 p1", "conv1", "conv3 s2 p1", "conv3 p1 dw", "conv3 p2 d2", "maxpool2", "avgpool2"),
    *("bn", "relu", "up2", "gap", "flatten, fc10"),
    *("residual[conv3 p1, relu, conv3 p1]", "concat[conv1 | conv3 p1]", "3x[conv3 p1, relu]"),
)
"""What the table offers to insert; the first is what a key inserts."""
SUGGESTIONS = (*(word.example for word in WORDS.values()), *MENU[-3:])
"""What a row suggests while it is typed."""

_HEAD = re.compile(r"residual|concat|[0-9]{1,9}x", re.IGNORECASE)


def table_rows(spec: NetworkSpec, columns: Mapping[Path, tuple[str, ...]]) -> list[dict[str, Any]]:
    """The rows of the table, one for each layer, blocks before what they hold.

    Args:
        spec: the network.
        columns: for each path the computed cells, as text; a path may be missing.

    Returns:
        dicts for JSON: ``path``; ``kind``; ``text``, what is edited (of a block its head, as in
        ``3x``); ``whole``, of a block its whole notation, empty where too long to edit in one
        line; ``branches``, of a block (name, number of layers) each; ``of``, how many layers
        are in its own branch; ``cells``.
    """
    table = rows(spec)
    inside = _counts([row.path for row in table])
    lengths = _lengths([row.path for row in table])
    return [
        {
            "path": list(row.path),
            "kind": row.kind,
            "text": _as_text(row.layer),
            "whole": _whole(row.layer, inside[row.path]) if row.branches else "",
            "branches": [
                [name, lengths.get((*row.path, index), 0)]
                for index, name in enumerate(row.branches)
            ],
            "of": lengths[row.path[:-1]],
            "cells": list(columns.get(row.path, ())),
        }
        for row in table
    ]


def _counts(paths: list[Path]) -> dict[Path, int]:
    """How many rows each row holds, at any depth."""
    counts = dict.fromkeys(paths, 0)
    for path in paths:
        for end in range(1, len(path), 2):
            counts[path[:end]] += 1
    return counts


def _lengths(paths: list[Path]) -> dict[Path, int]:
    """How many layers stand in each branch that has any; ``()`` is the network itself."""
    lengths: dict[Path, int] = {}
    for path in paths:
        lengths[path[:-1]] = lengths.get(path[:-1], 0) + 1
    return lengths


def _as_text(layer: Layer) -> str:
    if isinstance(layer, Repeat):
        return f"{layer.times}x"
    return layer.kind if isinstance(layer, Block) else layer_to_notation(layer)


def _whole(layer: Layer, inside: int) -> str:
    text = layer_to_notation(layer) if inside <= MAX_WHOLE_ROWS else ""
    return text if len(text) <= MAX_WHOLE else ""


def apply(spec: NetworkSpec, message: Mapping[str, Any]) -> NetworkSpec:
    """The network after one edit; the old one is left as it is.

    Raises:
        SpecError: the message is none of the table's, is about a row that is not there or has
            changed, its text cannot be read, or the network would break a rule.
    """
    do, path = _edit_of(message), _path(message, "path")
    if len(path) % 2 == 0:
        return _with_branches_changed(spec, do, path, message)
    if do == "insert":
        return _spliced(spec, path, 0, _layers(message))
    layer = layer_at(spec, path)
    _check_same(layer, message)
    if do == "remove":
        return remove(spec, path)
    if do == "move":
        return move(spec, path, _path(message, "to"))
    if do == "copy":
        return _spliced(spec, path, 0, (layer,))
    return _spliced(spec, path, 1, _replacement(layer, message))


def _edit_of(message: object) -> str:
    if not isinstance(message, Mapping):
        raise SpecError("edit", "must be a message of the layer table", type(message).__name__)
    do = message.get("do")
    if not isinstance(do, str) or do not in EDITS:
        raise SpecError("edit", f"must be one of {', '.join(EDITS)}", _short(do))
    return do


def _path(message: Mapping[str, Any], name: str) -> Path:
    steps = message.get(name)
    if not isinstance(steps, list | tuple) or not 1 <= len(steps) <= MAX_PATH:
        raise SpecError(name, f"must be a list of 1 to {MAX_PATH} whole numbers", _short(steps))
    for step in steps:
        if type(step) is not int or not 0 <= step <= MAX_LAYERS:
            raise SpecError(name, f"must hold whole numbers from 0 to {MAX_LAYERS:,}", _short(step))
    return tuple(steps)


def _text(message: Mapping[str, Any]) -> str:
    text = message.get("text")
    if not isinstance(text, str):
        raise SpecError("text", "must be a text", _short(text))
    if len(text) > MAX_TEXT:
        rule = f"must have at most {MAX_TEXT:,} characters in one row"
        raise SpecError("text", rule, f"{len(text):,}")
    return text


def _short(value: object) -> str:
    """What a message has room for; what is long or deep is named by its type."""
    if isinstance(value, str):
        return repr(value[:40])
    small = isinstance(value, int | float) and abs(value) < 1e15
    return repr(value) if small or value is None else type(value).__name__


def _check_same(layer: Layer, message: Mapping[str, Any]) -> None:
    """Refuses an edit of a row that another edit has put in this place meanwhile."""
    was = message.get("was")
    if was is not None and was not in (_as_text(layer), layer_to_notation(layer)):
        rule = "is not what was in this row when it was edited; look again"
        raise SpecError("row", rule, _as_text(layer))


def _layers(message: Mapping[str, Any]) -> tuple[Layer, ...]:
    return parse_notation(_text(message)).layers


def _replacement(layer: Layer, message: Mapping[str, Any]) -> tuple[Layer, ...]:
    """The layers typed into a row; of a block its head alone keeps what it holds."""
    head = _text(message).strip().replace("×", "x")
    if isinstance(layer, Block) and _HEAD.fullmatch(head):
        return (_recast(layer, head.lower()),)
    return _layers(message)


def _recast(block: Block, head: str) -> Block:
    """The block's branches in a block of another kind, or repeated another number of times."""
    branches = block.branches
    if head == block.kind:
        return block
    if head == "concat":
        return ConcatBlock(branches if len(branches) > 1 else (*branches, ()))
    if head == "residual":
        if len(branches) > 2:
            raise SpecError("branches", "must be body and shortcut in a residual", len(branches))
        return ResidualBlock(*branches)
    filled = [each for each in branches if each]
    if len(filled) > 1:
        raise SpecError("branches", "must be one in a repeat", len(filled))
    return Repeat(int(head[:-1]), *filled)


def _spliced(spec: NetworkSpec, path: Path, cut: int, new: tuple[Layer, ...]) -> NetworkSpec:
    """The network with ``cut`` layers at ``path`` replaced by ``new``."""
    *outer, index = path
    chain = _chain_at(spec, tuple(outer))
    if index + cut > len(chain):
        raise SpecError("path", "must be that of a row of the table", path)
    chain = (*chain[:index], *new, *chain[index + cut :])
    if not outer:
        return NetworkSpec(chain)
    block, branch = _block_at(spec, path[:-2]), path[-2]
    branches = (*block.branches[:branch], chain, *block.branches[branch + 1 :])
    return with_row(spec, path[:-2], block.with_branches(branches))


def _chain_at(spec: NetworkSpec, branch: Path) -> tuple[Layer, ...]:
    """The layers of a branch, a path of even length."""
    if not branch:
        return spec.layers
    block = _block_at(spec, branch[:-1])
    if branch[-1] >= len(block.branches):
        raise SpecError("path", "must be that of a branch of the table", branch)
    return block.branches[branch[-1]]


def _block_at(spec: NetworkSpec, path: Path) -> Block:
    layer = layer_at(spec, path)
    if not isinstance(layer, Block):
        raise SpecError("path", "must lead through blocks of the table", path)
    return layer


def _with_branches_changed(
    spec: NetworkSpec, do: str, path: Path, message: Mapping[str, Any]
) -> NetworkSpec:
    """The network with a branch more or less: of a concat, or a residual's shortcut."""
    block, branch = _block_at(spec, path[:-1]), path[-1]
    branches = block.branches
    if do == "insert" and isinstance(block, ConcatBlock) and branch <= len(branches):
        new = (*branches[:branch], _layers(message), *branches[branch:])
    elif do == "remove" and isinstance(block, ConcatBlock) and branch < len(branches):
        new = (*branches[:branch], *branches[branch + 1 :])
    elif do == "remove" and isinstance(block, ResidualBlock) and branch == 1:
        new = (block.body, ())
    else:
        raise SpecError("edit", "must be one that this branch allows", do)
    return with_row(spec, path[:-1], block.with_branches(new))


@dataclass(frozen=True)
class History:
    """A network and the ones before and after it that undo and redo lead to."""

    spec: NetworkSpec
    past: tuple[NetworkSpec, ...] = ()
    future: tuple[NetworkSpec, ...] = ()

    def to(self, spec: NetworkSpec) -> History:
        """Another network, the present one behind it; at most ``MAX_UNDO`` are kept."""
        if spec == self.spec:
            return self
        return History(spec, (*self.past, self.spec)[-MAX_UNDO:])

    def undone(self) -> History:
        """One step back, where there is one."""
        if not self.past:
            return self
        return replace(
            self, spec=self.past[-1], past=self.past[:-1], future=(self.spec, *self.future)
        )

    def redone(self) -> History:
        """One step forward again, where there is one."""
        if not self.future:
            return self
        return replace(
            self, spec=self.future[0], past=(*self.past, self.spec), future=self.future[1:]
        )


def step(history: History, message: Mapping[str, Any]) -> History:
    """The history after one message: an edit, "undo" or "redo". Raises as ``apply`` does."""
    do = message.get("do") if isinstance(message, Mapping) else None
    if do == "undo":
        return history.undone()
    if do == "redo":
        return history.redone()
    return history.to(apply(history.spec, message))


def refusal(message: object, error: SpecError) -> dict[str, Any]:
    """What the table is sent to show why an edit was refused: the row, a sentence, the text."""
    fields: Mapping[str, Any] = message if isinstance(message, Mapping) else {}
    try:
        path = _path(fields, "path")
    except SpecError:
        path = ()
    text = fields.get("text") if fields.get("do") == "set" else None
    typed = text if isinstance(text, str) and len(text) <= MAX_TEXT else None
    return {"path": list(path), "sentence": str(error).removeprefix("line 1, "), "text": typed}
