"""Looks up nodes of a network by their own name or by the name of their module."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Protocol, TypeVar

from ..errors import SpecError

MAX_SUGGESTIONS = 3
"""The most similar names that an error message suggests."""


class NoLayerError(SpecError, KeyError):
    """The error that no node and no module has a name; its text suggests similar names."""


class ModuleMember(Protocol):
    """The interface of values that belong to a module, such as the nodes of a graph."""

    @property
    def module(self) -> str:
        """The qualified name of the module."""


T = TypeVar("T", bound=ModuleMember)
"""The type of the values in a mapping of nodes."""


def find_node(nodes: Mapping[str, T], name: object) -> T:
    """The node of this name, or the last node of the module with this qualified name.

    Raises:
        NoLayerError: neither a node nor a module has this name.
    """
    exact = nodes.get(name) if isinstance(name, str) else None
    if exact is not None:
        return exact
    in_module = [n for n in nodes.values() if name and f"{n.module}.".startswith(f"{name}.")]
    if not in_module:
        raise NoLayerError("layer", _missing_name_rule(nodes, name), name)
    return in_module[-1]


def _missing_name_rule(nodes: Mapping[str, T], name: object) -> str:
    """The text of the error for a name that does not exist, with similar names."""
    names = [*nodes, *(node.module for node in nodes.values() if node.module)]
    similar = get_close_matches(str(name), dict.fromkeys(names), MAX_SUGGESTIONS)
    suggestion = f"; near it are {', '.join(similar)}" if similar else ""
    return f"must be the name of a node or a module that ran{suggestion}"


class NodeMapping(dict[str, T]):
    """A mapping from node names to values, in which a module's name also finds its last node."""

    def __missing__(self, name: object) -> T:
        """Looks up a module's name; see `find_node`."""
        return find_node(self, name)
