"""One layer as code to paste and run, in PyTorch, Keras and JAX.

Every snippet stands alone: it imports what it needs, defines a callable ``layer``, makes
an input ``x`` and prints ``y = layer(x)``. The PyTorch ones are executed by the tests and
give the numbers on screen; Keras and JAX are no dependencies of this project.
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
from .text import Lines, Write, plane, program

LITERAL_SIDE = 12
"""Longest side of a single-channel input that a snippet writes out as numbers."""


@dataclass(frozen=True)
class Framework:
    """One framework's way of writing layers.

    Attributes:
        label: name on screen.
        writers: the function that writes each operation of ``OPERATIONS``.
        imports: alias to import statement; a snippet has those it uses.
        picture: code of an input from the text of a nested list (height, width).
        placeholder: code of a random input from (channels, height, width).
        call: the lines that run the layer.
    """

    label: str
    writers: dict[str, Write]
    imports: dict[str, str]
    picture: str
    placeholder: str
    call: Lines


SNIPPETS: dict[str, Framework] = {
    name: Framework(label, code.WRITERS, code.IMPORTS, code.PICTURE, code.PLACEHOLDER, code.CALL)
    for name, label, code in (
        ("pytorch", "PyTorch", pytorch),
        ("keras", "Keras", keras),
        ("jax", "JAX", jax),
    )
}
"""Every framework; each writes every operation."""


def snippet(
    framework: str,
    spec: LayerSpec,
    size: Pair,
    weight: NDArray[np.floating] | None = None,
    bias: NDArray[np.floating] | None = None,
    x: NDArray[np.floating] | None = None,
) -> str:
    """The layer as a runnable program in ``framework``.

    Args:
        framework: a key of ``SNIPPETS``.
        spec: the layer.
        size: input (height, width); "same" padding and cropping depend on it.
        weight, bias: the learned numbers in torch's layout, as ``core.layer.sweep.sweep`` takes
            them; written out in the shortest decimals that give the same float32.
        x: (C, H, W) input. Written out when it has one channel of at most
            ``LITERAL_SIDE`` pixels a side; a random picture stands in for any other.

    Raises:
        SpecError: no such framework, the layer does not fit the input, or an array has the
            wrong shape or holds numbers that are not finite.
    """
    if framework not in SNIPPETS:
        raise SpecError("framework", f"must be one of {', '.join(SNIPPETS)}", framework)
    check(spec, size)
    _check_arrays(spec, size, weight, bias, x)
    parts = SNIPPETS[framework]
    lines = parts.writers[spec.operation](spec, size, weight, bias)
    return program(parts.imports, [*lines, "", _input(parts, spec, size, x), *parts.call])


def _input(parts: Framework, spec: LayerSpec, size: Pair, x: NDArray[np.floating] | None) -> str:
    if x is not None and spec.in_channels == 1 and max(size) <= LITERAL_SIDE:
        return parts.picture.format(plane(x[0]))
    return parts.placeholder.format(channels=spec.in_channels, height=size[0], width=size[1])


def _check_arrays(
    spec: LayerSpec,
    size: Pair,
    weight: NDArray[np.floating] | None,
    bias: NDArray[np.floating] | None,
    x: NDArray[np.floating] | None,
) -> None:
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
