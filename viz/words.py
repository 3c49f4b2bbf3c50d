"""Settings as short English, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.board import BoardSpec, Upload
from core.data import PICTURES
from core.kernels import filter_names
from core.layer import LayerSpec
from core.operations import OPERATIONS, Operation
from core.padding import CONVENTIONS
from core.sizes import AxisFormula
from core.window import Pads, Pair


def times(size: Pair) -> str:
    """``8×6``."""
    return f"{size[0]}×{size[1]}"


def both(value: Pair) -> str:
    """``2``, or ``2×3`` where height and width differ."""
    return str(value[0]) if value[0] == value[1] else times(value)


def pads(padding: Pads) -> str:
    """``1``, ``1×2``, or each side by name where they differ."""
    (top, bottom), (left, right) = padding
    if top == bottom and left == right:
        return both((top, left))
    sides = {"top": top, "bottom": bottom, "left": left, "right": right}
    return " ".join(f"{name} {value}" for name, value in sides.items())


def sides(padding: Pads, output_padding: Pair = (0, 0)) -> str:
    """``1 on every side``, ``0 before, 1 after``, or each side by name; then what is added."""
    (top, bottom), (left, right) = padding
    text = f"top {top}, bottom {bottom}, left {left}, right {right}"
    if (top, bottom) == (left, right):
        text = f"{top} on every side" if top == bottom else f"{top} before, {bottom} after"
    return text + (f", output_padding {both(output_padding)}" if any(output_padding) else "")


def title(spec: LayerSpec) -> str:
    """``3×3 convolution, stride 2, padding 1``: what a screenshot needs."""
    parts = [
        f"{times(spec.kernel_size)} {OPERATIONS[spec.operation].label.lower()}",
        f"stride {both(spec.stride)}",
        f"padding {pads(spec.padding)}",
    ]
    if spec.padding_mode != "zeros":
        parts[-1] += f" ({spec.padding_mode})"
    if spec.dilation != (1, 1):
        parts.append(f"dilation {both(spec.dilation)}")
    if spec.groups > 1:
        parts.append(f"groups {spec.groups}")
    if spec.output_padding != (0, 0):
        parts.append(f"output_padding {both(spec.output_padding)}")
    if spec.ceil_mode:
        parts.append("ceil_mode")
    return ", ".join(parts)


def way_of_padding(name: str, operation: Operation) -> str:
    """``number``, ``sides`` or a named convention, as it stands in a list to choose from."""
    if name == "number":
        return "a number (PyTorch)"
    if name == "sides":
        return "each side on its own"
    rule = CONVENTIONS[name]
    return f"{rule.label}: {rule.described(operation.has('output_padding'))}"


COLOURS = ("red", "green", "blue")


def channel_names(picture: object, channels: int) -> list[str]:
    """Names of the input planes: colours where the picture has them."""
    coloured = isinstance(picture, Upload) or PICTURES[str(picture)].colour
    if channels == 3 and coloured:
        return list(COLOURS)
    return [f"channel {i}" for i in range(channels)]


def labels(board: BoardSpec, output: Pair) -> dict[str, Any]:
    """What the player writes beside the grids of one board."""
    spec, size = board.layer, board.source.size
    operation = OPERATIONS[spec.operation]
    channels = channel_names(board.source.picture, board.source.channels)
    filters = channels
    if not operation.channelwise:
        names = filter_names(board.kernel.preset, spec.out_channels)
        filters = [f"{i}: {name.replace('_', ' ')}" for i, name in enumerate(names)]
    return {
        "title": title(spec),
        "channels": channels,
        "filters": filters,
        "captions": {
            "input": _input_caption(spec, size, operation.has("output_padding")),
            "kernel": f"{_kernel_word(operation)} {times(spec.kernel_size)}",
            "output": f"output {times(output)}",
        },
    }


def _kernel_word(operation: Operation) -> str:
    if not operation.learned:
        return "window"
    return "flipped kernel" if operation.has("output_padding") else "kernel"


def _input_caption(spec: LayerSpec, size: Pair, stretched: bool) -> str:
    (top, bottom), (left, right) = spec.padding
    if stretched:
        between = "" if spec.stride == (1, 1) else ", stretched with zeros"
        return f"input {times(size)}{between}"
    if not any((top, bottom, left, right)):
        return f"input {times(size)}"
    return f"input {times(size)}, padded {times((size[0] + top + bottom, size[1] + left + right))}"


def formulas(rows: AxisFormula, cols: AxisFormula) -> list[str]:
    """The size formula with its numbers: one line, or one for each axis where they differ."""
    if rows.text == cols.text:
        return [rows.text.replace("-", "−")]
    return [f"height: {rows.text}".replace("-", "−"), f"width: {cols.text}".replace("-", "−")]


def unread_sentence(mask: NDArray[np.bool_]) -> str:
    """What is never read, by rows and columns where whole ones are lost."""
    rows = np.flatnonzero(mask.all(axis=1)).tolist()
    cols = np.flatnonzero(mask.all(axis=0)).tolist()
    parts = [_lines("row", rows, mask.shape[0]), _lines("column", cols, mask.shape[1])]
    count = int(mask.sum())
    pixels = f"{count} of {mask.size} pixels"
    whole = " and ".join(part for part in parts if part)
    return f"No window reads {whole}: {pixels} (hatched) never count."


def remainder_sentence(rows: int, cols: int) -> str:
    """What is left over where no pixel of the picture is lost; "" where nothing is."""
    parts = [_last("row", rows), _last("column", cols)]
    over = " and ".join(part for part in parts if part)
    if not over:
        return ""
    count = (
        str(rows) if rows == cols or not cols else str(cols) if not rows else f"{rows} and {cols}"
    )
    return (
        f"Remainder {count}: no window reads {over} of the padded input (hatched). "
        "It is padding only: nothing of the picture is lost."
    )


def _last(word: str, count: int) -> str:
    if count == 0:
        return ""
    return f"the last {word}" if count == 1 else f"the last {count} {word}s"


def _lines(word: str, indices: list[int], n: int) -> str:
    """``the last row``, ``row 3``, ``4 rows``."""
    if not indices:
        return ""
    if indices == list(range(n - len(indices), n)):
        return _last(word, len(indices))
    if len(indices) == 1:
        return f"{word} {indices[0]}"
    return f"{len(indices)} {word}s"


def pair(values: Sequence[float], sign: str = "×") -> str:
    """``3×5``; one number where both are the same."""
    first, second = (f"{value:g}" for value in values)
    return first if first == second else f"{first}{sign}{second}"
