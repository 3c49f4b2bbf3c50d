"""Numbers and arguments as source text."""

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
LINE = 80
"""Most characters of a call on one line."""
Write = Callable[[LayerSpec, Pair, Array | None, Array | None], Lines]
"""``(spec, input size, weight, bias)`` to the lines that define a callable ``layer``."""


def number(value: np.floating | float) -> str:
    """The shortest decimal that is this float32 again, e.g. ``0.1``."""
    return str(np.float32(value) + np.float32(0))  # + 0: no "-0.0"


def plane(array: Array, column: int = 0) -> str:
    """An array as a nested list: one line for a vector, one line a row for the rest."""
    if array.ndim == 1:
        return "[" + ", ".join(number(value) for value in array) + "]"
    margin = " " * (column + 4)
    inner = "".join(f"{margin}{plane(part, column + 4)},\n" for part in array)
    return "[\n" + inner + " " * column + "]"


def one_or_pair(pair: Pair) -> str:
    """``3`` for (3, 3), ``(3, 5)`` otherwise."""
    return str(pair[0]) if pair[0] == pair[1] else str(pair)


def call(name: str, *positional: object, **named: str | None) -> str:
    """``name(positional, key=text, …)``; arguments that are None are left out."""
    arguments = [str(value) for value in positional]
    arguments += [f"{key}={text}" for key, text in named.items() if text is not None]
    line = f"{name}({', '.join(arguments)})"
    if len(line) <= LINE:
        return line
    return f"{name}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"


def unless(default: Pair, pair: Pair) -> str | None:
    """The pair as text, or None when it is the default."""
    return None if pair == default else one_or_pair(pair)


def function(body: Lines, name: str = "layer") -> Lines:
    """``def name(x):`` with the body indented."""
    return ["", "", f"def {name}(x):", *(indent(line, "    ") for line in body), "", ""]


def program(imports: dict[str, str], lines: Lines) -> str:
    """The lines, preceded by the imports that they use (``alias`` to import statement)."""
    code = "\n".join(lines)
    used = [line for alias, line in imports.items() if re.search(rf"\b{alias}\.", code)]
    text = "\n".join([*used, "", *lines]) + "\n"
    return re.sub(r"\n{4,}", "\n\n\n", text)


def unpadded(pads: Pads) -> bool:
    """Whether there is no padding on any side."""
    return pads == ((0, 0), (0, 0))


def overhang(spec: LayerSpec, size: Pair) -> Pair:
    """(rows, columns) by which the last window of ``ceil_mode`` extends past the padding."""
    rows, cols = operation_of(spec).axes(spec, size)
    return int((rows.source == OUTSIDE).sum()), int((cols.source == OUTSIDE).sum())


def extended(pads: Pads, extra: Pair) -> Pads:
    """The padding with ``extra`` rows below and columns to the right."""
    (top, bottom), (left, right) = pads
    return (top, bottom + extra[0]), (left, right + extra[1])
