"""Looking up what a network runs, by the name of a node or of a module."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Protocol, TypeVar

from ..errors import SpecError

MAX_SUGGESTIONS = 3
"""Most suggestions in an error message."""


class NoLayerError(SpecError, KeyError):
    """No node and no module has the name; the sentence says which names are near."""


class ModuleMember(Protocol):
    """A node of a graph, or a value that belongs to one."""

    @property
    def module(self) -> str:
        """Qualified name of the module in which it runs."""


T = TypeVar("T", bound=ModuleMember)


def find_node(nodes: Mapping[str, T], name: object) -> T:
    """A node by its own name, or the last one of a module by its qualified name.

    Raises:
        NoLayerError: neither.
    """
    own = nodes.get(name) if isinstance(name, str) else None
    if own is not None:
        return own
    within = [n for n in nodes.values() if name and f"{n.module}.".startswith(f"{name}.")]
    if not within:
        raise NoLayerError("layer", _missing_name_rule(nodes, name), name)
    return within[-1]


def _missing_name_rule(nodes: Mapping[str, T], name: object) -> str:
    names = [*nodes, *(node.module for node in nodes.values() if node.module)]
    near = get_close_matches(str(name), dict.fromkeys(names), MAX_SUGGESTIONS)
    suggestion = f"; near it are {', '.join(near)}" if near else ""
    return f"must be the name of a node or a module that ran{suggestion}"


class ByName(dict[str, T]):
    """A mapping from node names to values; a module's name means its last node."""

    def __missing__(self, name: object) -> T:
        """As `find`."""
        return find_node(self, name)
