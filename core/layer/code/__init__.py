"""Source code of one layer in PyTorch, Keras and JAX, to paste and run.

Every snippet is a complete program: it has its imports, defines a callable ``layer`` and an
input ``x``, and prints ``y = layer(x)``. The tests execute the PyTorch snippets and compare them
with the numbers on screen; Keras and JAX are no dependencies of this project.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import SpecError
from ..operations import check, operation_of
from ..spec import LayerSpec
from ..window import Pair
from . import jax, keras, pytorch
from .text import FIXED, Lines, Writer, array_literal, program_text

LITERAL_SIDE = 12
"""Largest side of a single-channel input whose pixels a snippet lists as numbers."""


@dataclass(frozen=True)
class Framework:
    """The code templates of one framework.

    Attributes:
        label: name on screen.
        writers: the function that writes each operation of ``OPERATIONS``, by operation.
        imports: import statement by alias; a snippet contains the ones it uses.
        picture: template of an input, to format with the text of a nested list (height, width).
        placeholder: template of a random input, to format with channels, height and width.
        call: the lines that run the layer and print its output.
    """

    label: str
    writers: dict[str, Writer]
    imports: dict[str, str]
    picture: str
    placeholder: str
    call: Lines


FRAMEWORKS: dict[str, Framework] = {
    name: Framework(label, code.WRITERS, code.IMPORTS, code.PICTURE, code.PLACEHOLDER, code.CALL)
    for name, label, code in (
        ("pytorch", "PyTorch", pytorch),
        ("keras", "Keras", keras),
        ("jax", "JAX", jax),
    )
}
"""The frameworks by name; each can write every operation."""


def snippet(
    framework: str,
    spec: LayerSpec,
    size: Pair,
    weight: NDArray[np.floating] | None = None,
    bias: NDArray[np.floating] | None = None,
    x: NDArray[np.floating] | None = None,
) -> str:
    """Write the layer as a runnable program.

    Args:
        framework: a key of ``FRAMEWORKS``.
        spec: the layer.
        size: input (height, width), on which "same" padding and cropping depend.
        weight, bias: the parameters in torch's layout, as ``core.layer.sweep.sweep`` takes
            them. They are written as the shortest decimals that give the same float32.
        x: (C, H, W) input. It is written as numbers if it has one channel of at most
            ``LITERAL_SIDE`` pixels a side; otherwise the program makes a random one.

    Raises:
        SpecError: no such framework, the layer does not fit the input, or an array has the
            wrong shape or holds numbers that are not finite.
    """
    if framework not in FRAMEWORKS:
        raise SpecError("framework", f"must be one of {', '.join(FRAMEWORKS)}", framework)
    check(spec, size)
    _check_arrays(spec, size, weight, bias, x)
    code = FRAMEWORKS[framework]
    write = code.writers.get(spec.operation) or code.writers[FIXED]
    lines = write(spec, size, weight, bias)
    return program_text(code.imports, [*lines, "", _input_line(code, spec, size, x), *code.call])


def _input_line(
    code: Framework, spec: LayerSpec, size: Pair, x: NDArray[np.floating] | None
) -> str:
    """The line of code that defines the input ``x``."""
    if x is not None and spec.in_channels == 1 and max(size) <= LITERAL_SIDE:
        return code.picture.format(array_literal(x[0]))
    return code.placeholder.format(channels=spec.in_channels, height=size[0], width=size[1])


def _check_arrays(
    spec: LayerSpec,
    size: Pair,
    weight: NDArray[np.floating] | None,
    bias: NDArray[np.floating] | None,
    x: NDArray[np.floating] | None,
) -> None:
    """Raise SpecError for an array of the wrong shape, or with infinite or nan entries."""
    operation = operation_of(spec)
    wanted = {
        "weight": (weight, operation.weight_shape(spec) if operation.learned else None),
        "bias": (bias, (spec.out_channels,) if spec.bias else None),
        "input": (x, None if x is None else (spec.in_channels, *size)),
    }
    for name, (array, shape) in wanted.items():
        if (None if array is None else array.shape) != shape:
            rule = "is nothing this layer has; leave it" if shape is None else f"must be {shape}"
            raise SpecError(name, rule, None if array is None else array.shape)
        if array is not None and not np.isfinite(array).all():
            raise SpecError(name, "must hold finite numbers only", "inf or nan")
