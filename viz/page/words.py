"""Texts about a layer's settings, sizes and cost, the same on every page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from core.data import PICTURES
from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.board import BoardSpec, Upload
from core.layer.kernels import filter_names
from core.layer.operations import OPERATIONS, Operation
from core.layer.padding import CONVENTIONS
from core.layer.sizes import AxisFormula
from core.layer.window import Pair
from core.text import int_pair_text, short_padding_text
from core.text import times as times

if TYPE_CHECKING:
    from core.layer.sweep import Sweep
    from core.receptive_field import ReceptiveField


def layer_title(spec: LayerSpec) -> str:
    """A layer with its settings: ``3×3 convolution, stride 2, padding 1``; defaults are left out."""
    parts = [
        f"{times(spec.kernel_size)} {OPERATIONS[spec.operation].label.lower()}",
        f"stride {int_pair_text(spec.stride)}",
        f"padding {short_padding_text(spec.padding)}",
    ]
    if spec.padding_mode != "zeros":
        parts[-1] += f" ({spec.padding_mode})"
    if spec.dilation != (1, 1):
        parts.append(f"dilation {int_pair_text(spec.dilation)}")
    if spec.groups > 1:
        parts.append(f"groups {spec.groups}")
    if spec.output_padding != (0, 0):
        parts.append(f"output_padding {int_pair_text(spec.output_padding)}")
    if spec.ceil_mode:
        parts.append("ceil_mode")
    return ", ".join(parts)


def convention_label(name: str, operation: Operation) -> str:
    """Label of a way to give the padding: ``number``, ``sides`` or a convention's name."""
    if name == "number":
        return "a number (PyTorch)"
    if name == "sides":
        return "each side on its own"
    rule = CONVENTIONS[name]
    return f"{rule.label}: {rule.description_for(operation.has('output_padding'))}"


COLOR_CHANNELS = ("red", "green", "blue")


def channel_names(picture: object, channels: int) -> list[str]:
    """Names of the input channels: the colors if the picture is a color photograph."""
    in_color = isinstance(picture, Upload) or PICTURES[str(picture)].color
    if channels == 3 and in_color:
        return list(COLOR_CHANNELS)
    return [f"channel {i}" for i in range(channels)]


def player_labels(board: BoardSpec, result: Sweep) -> dict[str, Any]:
    """Texts for one board and its result, on screen and on slides.

    Returns:
        title: the layer and its settings in words.
        channels, filters: a short name for each channel of the input and of the output.
        planes: under "input" and "output" for each of these channels which one it is, such as
            ``channel 0 of 3 (red)``; "" for a single one.
        captions: captions of the grids by name, and under "counts" that of the read counts.
    """
    spec, size = board.layer, board.source.size
    operation = OPERATIONS[spec.operation]
    channels, planes = _channel_texts(board, result.input)
    filters, output_planes = channels, planes
    if not operation.channelwise:
        output_planes = _numbered("filter", len(result.output))
        names = filter_names(board.kernel.preset, spec.out_channels)
        filters = [f"{i}: {name.replace('_', ' ')}" for i, name in enumerate(names)]
    return {
        "title": layer_title(spec),
        "channels": channels,
        "filters": filters,
        "planes": {"input": planes, "output": output_planes},
        "captions": {
            "input": _input_caption(spec, size, operation.has("output_padding")),
            "kernel": f"{_kernel_word(operation)} {times(spec.kernel_size)}",
            "output": f"output {times(result.output.shape[1:])}",
            "counts": "How many pixels each output adds up"
            if operation.has("output_padding")
            else "How many windows read each pixel",
        },
    }


def _channel_texts(board: BoardSpec, planes: NDArray[np.floating]) -> tuple[list[str], list[str]]:
    """A short name and a long one for each of the input's planes, with those that are alike.

    Args:
        board: The layer on its input.
        planes: (C, H, W), the input.
    """
    names = channel_names(board.source.picture, len(planes))
    short, long = [], []
    for i, (name, number) in enumerate(zip(names, _numbered("channel", len(planes)), strict=True)):
        same = next((names[j] for j in range(i) if np.array_equal(planes[j], planes[i])), "")
        notes = [f"same as {same}"] if same else []
        short.append(f"{name} ({notes[0]})" if notes else name)
        notes = notes if name == f"channel {i}" else [name, *notes]
        long.append(f"{number} ({', '.join(notes)})" if number and notes else number)
    return short, long


def _numbered(word: str, count: int) -> list[str]:
    """Each of several things with its number, such as ``channel 0 of 3``; "" for a single one."""
    return [f"{word} {i} of {count}" for i in range(count)] if count > 1 else [""]


def _kernel_word(operation: Operation) -> str:
    """The caption's word for the kernel grid."""
    if not operation.learned:
        return "window"
    return "flipped kernel" if operation.has("output_padding") else "kernel"


def _input_caption(spec: LayerSpec, size: Pair, stretched: bool) -> str:
    """Caption of the input grid; ``stretched`` if the layer inserts zeros between the pixels."""
    (top, bottom), (left, right) = spec.padding
    if stretched:
        between = "" if spec.stride == (1, 1) else ", stretched with zeros"
        return f"input {times(size)}{between}"
    if not any((top, bottom, left, right)):
        return f"input {times(size)}"
    return f"input {times(size)}, padded {times((size[0] + top + bottom, size[1] + left + right))}"


def size_formulas(rows: AxisFormula, cols: AxisFormula) -> list[str]:
    """The size formula with numbers: one line for both axes, or one for each if they differ."""
    if rows.text == cols.text:
        return [rows.text]
    return [f"height: {rows.text}", f"width: {cols.text}"]


def first_tap_latex(axis: AxisFormula) -> str:
    """Input index of the first tap of output $o$, as LaTeX: ``2\\,o - 1``."""
    index = "o" if axis.stride == 1 else rf"{axis.stride}\,o"
    return index + (f" - {axis.before}" if axis.before else "")


SHRINKING = (
    "$n$ input pixels with the padding $p_0$ before and $p_1$ after make the padded input. The "
    "first window takes $k$ of its pixels; each further one needs $s$ (stride) more. The division "
    "counts the further windows, $+1$ the first."
)
ROUNDED_DOWN = (
    " A window must fit as a whole, so the quotient is rounded down; what the division leaves "
    "over is the *remainder*, which no window reads."
)
ROUNDED_UP = (
    " With `ceil_mode` the quotient is rounded up: the last window may reach past the padding. "
    "One that would start past the input and the padding before it is left out."
)
GROWING = (
    "A transposed convolution turns a convolution round: $n$ inputs stand $s$ (stride) apart in "
    "the output, each is multiplied by the whole kernel and spreads over $k$ pixels, and what "
    "overlaps is added. The padding $p_0$, $p_1$ is cut off both ends. Nothing is divided, so "
    "nothing is rounded."
)


def why_this_size(rows: AxisFormula, cols: AxisFormula) -> str:
    """Markdown with the size formula in letters for the layer's kind, and its derivation."""
    text = GROWING if rows.transposed else SHRINKING
    if not rows.transposed:
        text += ROUNDED_UP if rows.ceil_mode else ROUNDED_DOWN
    if max(rows.dilation, cols.dilation) > 1:
        spans = rows.span_text
        if cols.span_text != spans:
            spans += f" in height, {cols.span_text} in width"
        text += (
            " With dilation $d$ a kernel spans $k = d\\,(\\text{kernel size} - 1) + 1$ pixels: "
            f"here {spans}.".replace(" - ", " − ")
        )
    general = max(rows, cols, key=lambda axis: axis.output_padding)
    return f"$${general.rule}$$\n\n{text}"


def window_sentence(rows: AxisFormula, cols: AxisFormula) -> str:
    """A sentence with the positions of the layer's windows, in numbers."""
    gaps = number_pair_text((rows.dilation, cols.dilation))
    if rows.transposed:
        zeros = number_pair_text((rows.stride - 1, cols.stride - 1))
        inserted = f"{zeros} zero{'' if zeros == '1' else 's'} between neighboring inputs"
        with_zeros = "" if zeros == "0" else f", with {inserted}"
        taps = "" if gaps == "1" else f", its taps {gaps} apart,"
        return (
            f"The flipped kernel{taps} moves by 1 over the input{with_zeros}; each place makes "
            "one output."
        )
    text = (
        f"The window moves by the stride, {number_pair_text((rows.stride, cols.stride))}, and each place makes "
        f"one output. Its first tap for output $o$ is at row ${first_tap_latex(rows)}$ and column "
        f"${first_tap_latex(cols)}$"
    )
    return f"{text}; its taps are {gaps} apart." if gaps != "1" else f"{text}."


def cost_sentence(operation: Operation, parameters: int, macs: int) -> str:
    """A sentence with the layer's numbers of parameters and of multiply–accumulates."""
    learns = "learns nothing"
    if parameters:
        learns = f"learns **{parameters:,}** number{'' if parameters == 1 else 's'} (parameters)"
    if not macs:
        return f"This layer {learns}, and it multiplies nothing."
    fixed = " (its weights are fixed)" if not operation.learned else ""
    count = f"**{macs:,}** multiply–accumulate{'' if macs == 1 else 's'}"
    return f"This layer {learns}{fixed} and needs {count} on this input."


def unread_sentence(mask: NDArray[np.bool_]) -> str:
    """A sentence about the input pixels that no window reads, by whole rows and columns.

    Args:
        mask: (H, W), True where no window reads the pixel; not all False.
    """
    rows = np.flatnonzero(mask.all(axis=1)).tolist()
    cols = np.flatnonzero(mask.all(axis=0)).tolist()
    parts = [_lines_text("row", rows, mask.shape[0]), _lines_text("column", cols, mask.shape[1])]
    count = int(mask.sum())
    pixels = f"{count} of {mask.size} pixels"
    whole = " and ".join(part for part in parts if part)
    return f"No window reads {whole}: {pixels} (hatched) never count."


def remainder_sentence(rows: int, cols: int) -> str:
    """A sentence about a remainder that consists of padding only; "" if there is no remainder.

    Args:
        rows, cols: Rows and columns of the padded input past the last window.
    """
    parts = [_last_lines_text("row", rows), _last_lines_text("column", cols)]
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


def _last_lines_text(word: str, count: int) -> str:
    """``the last row``, ``the last 2 rows``; "" for a count of 0."""
    if count == 0:
        return ""
    return f"the last {word}" if count == 1 else f"the last {count} {word}s"


def _lines_text(word: str, indices: list[int], total: int) -> str:
    """Rows or columns in words: ``the last row``, ``row 3``, ``4 rows``; ``total`` of them exist."""
    if not indices:
        return ""
    if indices == list(range(total - len(indices), total)):
        return _last_lines_text(word, len(indices))
    if len(indices) == 1:
        return f"{word} {indices[0]}"
    return f"{len(indices)} {word}s"


def number_pair_text(values: Sequence[float], sign: str = "×") -> str:
    """Two numbers as ``3×5``; one number if they are equal."""
    first, second = (f"{value:g}" for value in values)
    return first if first == second else f"{first}{sign}{second}"


def field_size_text(field: ReceptiveField) -> str:
    """Size of a receptive field: ``37×37``, ``at most 37×37``, ``whole image``."""
    whole = all(axis.whole for axis in field.axes)
    size = "whole image" if whole else number_pair_text(field.size)
    return f"at most {size}" if field.bound else size


def error_sentence(error: SpecError) -> str:
    """An error as a sentence in Markdown, in which a visitor's text is escaped."""
    text = str(error).translate({ord(c): f"\\{c}" for c in "`*_$<>[]#~:"})
    end = "" if text.endswith(("?", ".")) else "."
    return f"{text[:1].upper()}{text[1:]}{end}"
