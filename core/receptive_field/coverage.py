"""Finds the input pixels that a network reads at all, from its graph of windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..graph.axes.axis_map import AxisMap, matrix_of_reads
from ..graph.graph import Graph

BoolArray = NDArray[np.bool_]
MAX_SIDE = 2048
"""The most units along an axis of any map; the work grows with the square of this number."""


def read_mask(graph: Graph, name: str | None = None) -> BoolArray:
    """A boolean mask (H, W) that is True for the pixels that some unit of a node reads.

    Args:
        graph: the network's graph, from `core.graph.network_graph`.
        name: the name of the node; by default all outputs of the network.

    Raises:
        SpecError: a map has more than `MAX_SIDE` rows or columns.
    """
    side = max(max(node.grid) for node in graph.values())
    if side > MAX_SIDE:
        rule = f"must be smaller: maps may have at most {MAX_SIDE:,} rows and columns here"
        raise SpecError("input_size", rule, f"{side:,}")
    source = graph.inputs[0]
    ends = (name,) if name else graph.outputs
    marks = {end: np.ones(graph[end].grid, bool) for end in ends}
    for current in reversed(list(graph)):
        if current == source or current not in marks:
            continue
        mark = marks.pop(current)
        for parent, (rows, cols) in zip(graph[current].inputs, graph[current].maps, strict=True):
            read = _rows_read(_rows_read(mark, rows).T, cols).T
            marks[parent] = marks[parent] | read if parent in marks else read
    return marks.get(source, np.zeros(graph[source].grid, bool))


def _rows_read(mark: BoolArray, axis: AxisMap) -> BoolArray:
    """The units that marked units read along the first axis of ``mark``."""
    if axis.is_identity:
        return mark
    if axis.whole:
        return np.repeat(mark.any(axis=0, keepdims=True), axis.n_in, axis=0)
    read: BoolArray = matrix_of_reads(axis).T @ mark.astype(np.float32) > 0
    return read
