"""The data of the layer table: its rows, and the edits that a visitor makes in it.

The browser sends an edit as a mapping, in which nothing can be trusted:

    do    "set", "insert", "remove", "move" or "copy"; for a history also "undo" and "redo"
    path  Path of the edited row, as in ``core.networks.rows``; for "insert" the position of the new
          layers. A path of even length means a branch of a block: "remove" removes it (a shortcut
          becomes the identity), "insert" inserts a new one before it.
    text  The layers in notation, for "set" and "insert".
    to    The new position in the network without the row, for "move".
    was   Optional: the text that the visitor saw in the row; if the row has another text by now,
          the edit is refused.
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
"""Largest number of characters in one row."""
MAX_BLOCK_TEXT = 400
"""Largest number of characters of a block that can be edited while it is folded."""
MAX_BLOCK_ROWS = 40
"""Largest number of rows in a block that can be edited while it is folded."""
MAX_UNDO = 50
"""Number of edits that can be undone."""
MAX_PATH_LENGTH = 2 * MAX_NESTING + 2
EDITS = ("set", "insert", "remove", "move", "copy")

MENU = (
    *("conv3 p1", "conv1", "conv3 s2 p1", "conv3 p1 dw", "conv3 p2 d2", "maxpool2", "avgpool2"),
    *("bn", "relu", "up2", "gap", "flatten, fc10"),
    *("residual[conv3 p1, relu, conv3 p1]", "concat[conv1 | conv3 p1]", "3x[conv3 p1, relu]"),
)
"""Layers that the table's menu offers to insert; a key inserts the first one."""
SUGGESTIONS = (*(word.example for word in WORDS.values()), *MENU[-3:])
"""Texts that a row suggests while the visitor types."""

_BLOCK_HEAD = re.compile(r"residual|concat|[0-9]{1,9}x", re.IGNORECASE)


def table_rows(spec: NetworkSpec, columns: Mapping[Path, tuple[str, ...]]) -> list[dict[str, Any]]:
    """Return the rows of the table, one for each layer; a block comes before its layers.

    Args:
        spec: The network.
        columns: The computed cells as text, by the row's path; a path may be missing.

    Returns:
        Dictionaries for JSON with the keys ``path``; ``kind``; ``text``, the editable text, which
        for a block is its head such as ``3x``; ``whole``, a block's whole notation, or "" if it is
        too long for one line; ``branches``, (name, number of layers) of each branch of a block;
        ``of``, the number of layers in the branch to which the row belongs; and ``cells``.
    """
    table = rows(spec)
    inside = _rows_inside([row.path for row in table])
    lengths = _branch_lengths([row.path for row in table])
    return [
        {
            "path": list(row.path),
            "kind": row.kind,
            "text": _row_text(row.layer),
            "whole": _block_text(row.layer, inside[row.path]) if row.branches else "",
            "branches": [
                [name, lengths.get((*row.path, index), 0)]
                for index, name in enumerate(row.branches)
            ],
            "of": lengths[row.path[:-1]],
            "cells": list(columns.get(row.path, ())),
        }
        for row in table
    ]


def _rows_inside(paths: list[Path]) -> dict[Path, int]:
    """Return for each row how many rows it contains, at any depth."""
    counts = dict.fromkeys(paths, 0)
    for path in paths:
        for end in range(1, len(path), 2):
            counts[path[:end]] += 1
    return counts


def _branch_lengths(paths: list[Path]) -> dict[Path, int]:
    """Return the number of layers of each branch that has any; ``()`` is the network itself."""
    lengths: dict[Path, int] = {}
    for path in paths:
        lengths[path[:-1]] = lengths.get(path[:-1], 0) + 1
    return lengths


def _row_text(layer: Layer) -> str:
    """Return the editable text of a row: a block's head, or the notation of another layer."""
    if isinstance(layer, Repeat):
        return f"{layer.times}x"
    return layer.kind if isinstance(layer, Block) else layer_to_notation(layer)


def _block_text(layer: Layer, inside: int) -> str:
    """Return the notation of a block with ``inside`` rows; "" if it is too long for one line."""
    text = layer_to_notation(layer) if inside <= MAX_BLOCK_ROWS else ""
    return text if len(text) <= MAX_BLOCK_TEXT else ""


def apply_edit(spec: NetworkSpec, message: Mapping[str, Any]) -> NetworkSpec:
    """Return the network after one edit.

    Raises:
        SpecError: The message is not one of the table's, its row does not exist or has changed,
            its text cannot be parsed, or the network would break a rule.
    """
    edit, path = _edit_name(message), _checked_path(message, "path")
    if len(path) % 2 == 0:
        return _with_branch_edited(spec, edit, path, message)
    if edit == "insert":
        return _with_layers_replaced(spec, path, 0, _parsed_layers(message))
    layer = layer_at(spec, path)
    _check_unchanged(layer, message)
    if edit == "remove":
        return remove(spec, path)
    if edit == "move":
        return move(spec, path, _checked_path(message, "to"))
    if edit == "copy":
        return _with_layers_replaced(spec, path, 0, (layer,))
    return _with_layers_replaced(spec, path, 1, _replacement_layers(layer, message))


def _edit_name(message: object) -> str:
    """Return the ``do`` of a message; raise SpecError if it is not one of `EDITS`."""
    if not isinstance(message, Mapping):
        raise SpecError("edit", "must be a message of the layer table", type(message).__name__)
    edit = message.get("do")
    if not isinstance(edit, str) or edit not in EDITS:
        raise SpecError("edit", f"must be one of {', '.join(EDITS)}", _value_in_words(edit))
    return edit


def _checked_path(message: Mapping[str, Any], name: str) -> Path:
    """Return the path under a key of a message; raise SpecError if it is not a path."""
    steps = message.get(name)
    if not isinstance(steps, list | tuple) or not 1 <= len(steps) <= MAX_PATH_LENGTH:
        raise SpecError(
            name, f"must be a list of 1 to {MAX_PATH_LENGTH} whole numbers", _value_in_words(steps)
        )
    for step in steps:
        if type(step) is not int or not 0 <= step <= MAX_LAYERS:
            raise SpecError(
                name, f"must hold whole numbers from 0 to {MAX_LAYERS:,}", _value_in_words(step)
            )
    return tuple(steps)


def _checked_text(message: Mapping[str, Any]) -> str:
    """Return the ``text`` of a message; raise SpecError if it is missing or too long."""
    text = message.get("text")
    if not isinstance(text, str):
        raise SpecError("text", "must be a text", _value_in_words(text))
    if len(text) > MAX_TEXT:
        rule = f"must have at most {MAX_TEXT:,} characters in one row"
        raise SpecError("text", rule, f"{len(text):,}")
    return text


def _value_in_words(value: object) -> str:
    """Return a value for an error message; a long or nested one is named by its type only."""
    if isinstance(value, str):
        return repr(value[:40])
    short_number = isinstance(value, int | float) and abs(value) < 1e15
    return repr(value) if short_number or value is None else type(value).__name__


def _check_unchanged(layer: Layer, message: Mapping[str, Any]) -> None:
    """Raise SpecError if the row no longer has the text that the visitor saw."""
    previous_text = message.get("was")
    if previous_text is not None and previous_text not in (
        _row_text(layer),
        layer_to_notation(layer),
    ):
        rule = "is not what was in this row when it was edited; look again"
        raise SpecError("row", rule, _row_text(layer))


def _parsed_layers(message: Mapping[str, Any]) -> tuple[Layer, ...]:
    """Return the layers that the message's ``text`` means."""
    return parse_notation(_checked_text(message)).layers


def _replacement_layers(layer: Layer, message: Mapping[str, Any]) -> tuple[Layer, ...]:
    """Return the layers typed into a row; the head of a block alone preserves its branches."""
    head = _checked_text(message).strip().replace("×", "x")
    if isinstance(layer, Block) and _BLOCK_HEAD.fullmatch(head):
        return (_with_block_kind(layer, head.lower()),)
    return _parsed_layers(message)


def _with_block_kind(block: Block, head: str) -> Block:
    """Return a block with the same branches and another head: another kind or repeat count.

    Raises:
        SpecError: The branches are too many for this kind of block.
    """
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


def _with_layers_replaced(
    spec: NetworkSpec, path: Path, count: int, new_layers: tuple[Layer, ...]
) -> NetworkSpec:
    """Return the network with ``count`` layers, from ``path`` on, replaced by ``new_layers``."""
    *outer, index = path
    layers = _branch_at(spec, tuple(outer))
    if index + count > len(layers):
        raise SpecError("path", "must be that of a row of the table", path)
    layers = (*layers[:index], *new_layers, *layers[index + count :])
    if not outer:
        return NetworkSpec(layers)
    block, branch = _block_at(spec, path[:-2]), path[-2]
    branches = (*block.branches[:branch], layers, *block.branches[branch + 1 :])
    return with_row(spec, path[:-2], block.with_branches(branches))


def _branch_at(spec: NetworkSpec, branch: Path) -> tuple[Layer, ...]:
    """Return the layers of a branch, whose path has an even length."""
    if not branch:
        return spec.layers
    block = _block_at(spec, branch[:-1])
    if branch[-1] >= len(block.branches):
        raise SpecError("path", "must be that of a branch of the table", branch)
    return block.branches[branch[-1]]


def _block_at(spec: NetworkSpec, path: Path) -> Block:
    """Return the block at a path; raise SpecError if another layer is there."""
    layer = layer_at(spec, path)
    if not isinstance(layer, Block):
        raise SpecError("path", "must lead through blocks of the table", path)
    return layer


def _with_branch_edited(
    spec: NetworkSpec, edit: str, path: Path, message: Mapping[str, Any]
) -> NetworkSpec:
    """Return the network with a branch of a concat inserted or removed, or a shortcut removed."""
    block, branch = _block_at(spec, path[:-1]), path[-1]
    branches = block.branches
    if edit == "insert" and isinstance(block, ConcatBlock) and branch <= len(branches):
        new_layers = (*branches[:branch], _parsed_layers(message), *branches[branch:])
    elif edit == "remove" and isinstance(block, ConcatBlock) and branch < len(branches):
        new_layers = (*branches[:branch], *branches[branch + 1 :])
    elif edit == "remove" and isinstance(block, ResidualBlock) and branch == 1:
        new_layers = (block.body, ())
    else:
        raise SpecError("edit", "must be one that this branch allows", edit)
    return with_row(spec, path[:-1], block.with_branches(new_layers))


@dataclass(frozen=True)
class History:
    """A network with its undo and redo steps.

    Attributes:
        spec: The current network.
        past: Earlier networks, the latest one last.
        future: Networks that were undone, the next one first.
    """

    spec: NetworkSpec
    past: tuple[NetworkSpec, ...] = ()
    future: tuple[NetworkSpec, ...] = ()

    def after_change(self, spec: NetworkSpec) -> History:
        """Return the history after a change to ``spec``; at most `MAX_UNDO` steps stay."""
        if spec == self.spec:
            return self
        return History(spec, (*self.past, self.spec)[-MAX_UNDO:])

    def undone(self) -> History:
        """Return the history after one undo; itself if there is nothing to undo."""
        if not self.past:
            return self
        return replace(
            self, spec=self.past[-1], past=self.past[:-1], future=(self.spec, *self.future)
        )

    def redone(self) -> History:
        """Return the history after one redo; itself if there is nothing to redo."""
        if not self.future:
            return self
        return replace(
            self, spec=self.future[0], past=(*self.past, self.spec), future=self.future[1:]
        )


def apply_message(history: History, message: Mapping[str, Any]) -> History:
    """Return the history after one message: an edit, "undo" or "redo"; raises as `apply_edit`."""
    edit = message.get("do") if isinstance(message, Mapping) else None
    if edit == "undo":
        return history.undone()
    if edit == "redo":
        return history.redone()
    return history.after_change(apply_edit(history.spec, message))


def refusal_data(message: object, error: SpecError) -> dict[str, Any]:
    """Return the data with which the table shows why an edit was refused.

    Returns:
        A dictionary with the ``path`` of the row, the ``sentence`` of the error, and the ``text``
        that the visitor typed, or None.
    """
    fields: Mapping[str, Any] = message if isinstance(message, Mapping) else {}
    try:
        path = _checked_path(fields, "path")
    except SpecError:
        path = ()
    text = fields.get("text") if fields.get("do") == "set" else None
    typed = text if isinstance(text, str) and len(text) <= MAX_TEXT else None
    return {"path": list(path), "sentence": str(error).removeprefix("line 1, "), "text": typed}
