"""Turns a torch module into a graph of windows: which input units each node reads.

torch is imported only on first use of one of these names, because the arithmetic in
`core.graph.axes` works without it.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .graph import KINDS, Graph, InputSize, Node, input_sizes, network_graph

__all__ = ["KINDS", "Graph", "InputSize", "Node", "input_sizes", "network_graph"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import graph

    return getattr(graph, name)
