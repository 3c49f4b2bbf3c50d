"""Computations of the size page, cached for all visitors."""

from __future__ import annotations

from core.layer import LayerSpec, size_tables, sizes, solver
from core.layer.size_tables import ConventionResult, SizeTable
from core.layer.solver import Solution
from core.layer.window import Pair
from viz.server.cache import computed_once
from viz.server.torch_start import warm


@computed_once(512)
def measured_size(spec: LayerSpec, size: Pair) -> Pair | None:
    """(height, width) of torch's output for a layer; None if torch refuses it."""
    warm()
    return sizes.measured_size(spec, size)


@computed_once(128)
def size_table(spec: LayerSpec, size: Pair) -> SizeTable:
    """Output sizes of the layer for all strides (rows) and paddings (columns)."""
    warm()
    return size_tables.stride_padding_table(spec, size)


@computed_once(128)
def size_map(spec: LayerSpec, size: Pair, convention: str) -> SizeTable:
    """Output sizes of the layer for all kernel sizes (rows) and strides (columns)."""
    warm()
    return size_tables.kernel_stride_table(spec, size, convention=convention)


@computed_once(128)
def common_layers(inputs: tuple[Pair, ...]) -> SizeTable:
    """Output sizes of common layers on inputs of several sizes (columns)."""
    warm()
    return size_tables.common_layer_table(inputs)


@computed_once(128)
def conventions(spec: LayerSpec, size: Pair, run: bool) -> tuple[ConventionResult, ...]:
    """The layer under each padding convention; with the output values of torch if ``run``."""
    warm()
    return size_tables.convention_results(spec, size, run=run)


@computed_once(128)
def solutions(size: Pair, output: Pair, operation: str) -> tuple[Solution, ...]:
    """The layers of an operation that turn an input size into an output size."""
    return tuple(solver.solutions(size, output, operation=operation))
