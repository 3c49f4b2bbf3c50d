"""The input pixels that a network reads at all, from its graph of windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError
from ..graph.axes.axis_map import AxisMap
from ..graph.graph import Graph
from .cone import read_matrix

BoolArray = NDArray[np.bool_]
MAX_SIDE = 2048
"""Most units along an axis of any map; the work grows with the square of their number."""


def read_mask(graph: Graph, name: str | None = None) -> BoolArray:
    """(H, W) whether any unit of a node reads the pixel.

    Args:
        graph: of `core.graph.network_graph`.
        name: of the node; by default what the network returns.

    Raises:
        SpecError: maps of more than `MAX_SIDE` rows or columns.
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
            read = _along(_along(mark, rows).T, cols).T
            marks[parent] = marks[parent] | read if parent in marks else read
    return marks.get(source, np.zeros(graph[source].grid, bool))


def _along(mark: BoolArray, axis: AxisMap) -> BoolArray:
    """What the marked units read along the first axis."""
    if axis.is_identity:
        return mark
    if axis.whole:
        return np.repeat(mark.any(axis=0, keepdims=True), axis.n_in, axis=0)
    read: BoolArray = read_matrix(axis).T @ mark.astype(np.float32) > 0
    return read
