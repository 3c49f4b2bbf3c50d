"""Formatting of numbers, arrays, calls and functions as source code."""

from __future__ import annotations

import re
from collections.abc import Callable
from textwrap import indent

import numpy as np
from numpy.typing import NDArray

from ..operations import operation_of
from ..spec import LayerSpec
from ..window import OUTSIDE, Pads, Pair

Lines = list[str]
Array = NDArray[np.floating]
MAX_LINE_LENGTH = 80
"""Longest call, in characters, that is written on one line."""
Writer = Callable[[LayerSpec, Pair, Array | None, Array | None], Lines]
"""Function from (spec, input size, weight, bias) to the lines that define ``layer``."""
FIXED = "fixed weights"
"""Key of the writer of operations whose weights are not learned."""


def fixed_weight(spec: LayerSpec) -> Array:
    """torch's weight of an operation whose weights are not learned."""
    make = operation_of(spec).fixed_weight
    assert make is not None
    return make(spec)


def float_text(value: np.floating | float) -> str:
    """The shortest decimal that rounds to this float32, e.g. ``0.1``."""
    return str(np.float32(value) + np.float32(0))  # + 0: no "-0.0"


def array_literal(array: Array, indent_width: int = 0) -> str:
    """An array as a nested list, with one line for each innermost row.

    Args:
        array: an array of any number of axes.
        indent_width: indent, in spaces, of the line on which the list begins.
    """
    if array.ndim == 1:
        return "[" + ", ".join(float_text(value) for value in array) + "]"
    margin = " " * (indent_width + 4)
    inner = "".join(f"{margin}{array_literal(part, indent_width + 4)},\n" for part in array)
    return "[\n" + inner + " " * indent_width + "]"


def one_or_pair(pair: Pair) -> str:
    """A pair as an argument: ``3`` for (3, 3), but ``(3, 5)`` for unequal numbers."""
    return str(pair[0]) if pair[0] == pair[1] else str(pair)


def call_text(name: str, *positional: object, **named: str | None) -> str:
    """A call as code, e.g. ``name(1, key=text)``; named arguments of None are left out."""
    arguments = [str(value) for value in positional]
    arguments += [f"{key}={text}" for key, text in named.items() if text is not None]
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= MAX_LINE_LENGTH:
        return line
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


def pair_unless_default(default: Pair, pair: Pair) -> str | None:
    """The pair as text, or None when it equals the default."""
    return None if pair == default else one_or_pair(pair)


def function_lines(body: Lines, name: str = "layer") -> Lines:
    """The lines of a function ``def name(x):`` with this body, and blank lines around it."""
    return ["", "", f"def {name}(x):", *(indent(line, "    ") for line in body), "", ""]


def program_text(imports: dict[str, str], lines: Lines) -> str:
    """The program text: the imports whose alias the lines use, then the lines.

    Args:
        imports: import statement by alias.
        lines: the lines of code.
    """
    code = "\n".join(lines)
    used = [line for alias, line in imports.items() if re.search(rf"\b{alias}\.", code)]
    text = "\n".join([*used, "", *lines]) + "\n"
    return re.sub(r"\n{4,}", "\n\n\n", text)


def is_unpadded(pads: Pads) -> bool:
    """Whether the padding is 0 on every side."""
    return pads == ((0, 0), (0, 0))


def ceil_mode_overhang(spec: LayerSpec, size: Pair) -> Pair:
    """(rows, columns) by which the last window of ``ceil_mode`` extends past the padding."""
    rows, cols = operation_of(spec).axes(spec, size)
    return int((rows.source == OUTSIDE).sum()), int((cols.source == OUTSIDE).sum())


def with_more_padding_after(pads: Pads, extra: Pair) -> Pads:
    """The padding with ``extra`` (rows, columns) more at the bottom and the right."""
    (top, bottom), (left, right) = pads
    return (top, bottom + extra[0]), (left, right + extra[1])
