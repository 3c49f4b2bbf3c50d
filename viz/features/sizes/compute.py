"""Output sizes for the page, each table computed once for all."""

from __future__ import annotations

from core.layer import LayerSpec, size_tables, sizes, solver
from core.layer.size_tables import ConventionResult, SizeTable
from core.layer.solver import Solution
from core.layer.window import Pair
from viz.server.cache import computed_once
from viz.server.torch_start import warm


@computed_once(512)
def measured_size(spec: LayerSpec, size: Pair) -> Pair | None:
    """What torch gives for this layer; None where it refuses."""
    warm()
    return sizes.measured_size(spec, size)


@computed_once(128)
def size_table(spec: LayerSpec, size: Pair) -> SizeTable:
    """The layer at every stride and padding."""
    warm()
    return size_tables.size_table(spec, size)


@computed_once(128)
def size_map(spec: LayerSpec, size: Pair, convention: str) -> SizeTable:
    """The layer at every kernel size and stride."""
    warm()
    return size_tables.size_map(spec, size, convention=convention)


@computed_once(128)
def common_layers(inputs: tuple[Pair, ...]) -> SizeTable:
    """The common layers on these inputs."""
    warm()
    return size_tables.common_layers(inputs)


@computed_once(128)
def conventions(spec: LayerSpec, size: Pair, run: bool) -> tuple[ConventionResult, ...]:
    """The layer under every padding convention; ``run``: with torch's values."""
    warm()
    return size_tables.conventions(spec, size, run=run)


@computed_once(128)
def solutions(size: Pair, output: Pair, operation: str) -> tuple[Solution, ...]:
    """The layers that turn one size into the other."""
    return tuple(solver.solutions(size, output, operation=operation))
