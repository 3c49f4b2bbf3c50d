"""From a torch module to a graph of windows. Its arithmetic (`core.graph.axes`) needs no torch,
which is loaded when one of these names is asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .graph import KINDS, Graph, InputSize, Node, input_sizes, network_graph

__all__ = ["KINDS", "Graph", "InputSize", "Node", "input_sizes", "network_graph"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import graph

    return getattr(graph, name)
