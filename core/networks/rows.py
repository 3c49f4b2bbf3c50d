"""A network as a flat table of its layers, and edits of that table.

The path of a layer is its index; inside a block it is the block's path, the index of the branch,
and the layer's index there. ``(4, 1, 0)`` is the first layer of branch 1 of the fifth layer.
Edits return a new, checked spec and never change the old one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from ..errors import SpecError
from .blocks import BLOCKS, Layer, NetworkSpec, Repeat
from .resolve import Path


@dataclass(frozen=True)
class Row:
    """One row of the table: a layer or a block of layers.

    Attributes:
        path: position of the layer in the spec, explained in the module's docstring.
        kind: kind of the layer, e.g. ``"conv"``, or of the block: ``"residual"``, ``"concat"``,
            ``"repeat"``.
        settings: (name, value) of each setting that can be edited in the table.
        branches: names of the block's branches, in the order of their indices in a path.
        layer: the layer or block.
    """

    path: Path
    kind: str
    settings: tuple[tuple[str, object], ...]
    branches: tuple[str, ...]
    layer: Layer

    @property
    def depth(self) -> int:
        """The number of blocks that contain this layer."""
        return len(self.path) // 2


def rows(spec: NetworkSpec) -> tuple[Row, ...]:
    """A row for every layer of the spec; a block comes before its layers, repeats appear once."""
    return tuple(_rows(spec.layers, ()))


def _rows(layers: tuple[Layer, ...], prefix: Path) -> list[Row]:
    """The rows of a sequence of layers; ``prefix`` is the path of the enclosing branch."""
    table = []
    for index, layer in enumerate(layers):
        path = (*prefix, index)
        names = layer.branch_names if isinstance(layer, BLOCKS) else ()
        table.append(Row(path, layer.kind, _settings(layer), names, layer))
        if isinstance(layer, BLOCKS):
            for branch, inner in enumerate(layer.branches):
                table += _rows(inner, (*path, branch))
    return table


def _settings(layer: Layer) -> tuple[tuple[str, object], ...]:
    """(name, value) of each setting of a layer; of blocks only ``times`` of a repeat."""
    if isinstance(layer, BLOCKS):
        return (("times", layer.times),) if isinstance(layer, Repeat) else ()
    return tuple((each.name, getattr(layer, each.name)) for each in fields(layer))


def layer_at(spec: NetworkSpec, path: Path) -> Layer:
    """The layer at a path.

    Raises:
        SpecError: there is no layer at this path.
    """
    layers, index = _branch_at(spec.layers, path)
    if not 0 <= index < len(layers):
        raise _no_such_path(path)
    return layers[index]


def with_row(
    spec: NetworkSpec, path: Path, layer: Layer | None = None, **settings: object
) -> NetworkSpec:
    """The spec with another layer at ``path``, or the same one with other settings.

    Raises:
        SpecError: there is no layer at the path, it has no such setting, or the value is invalid.
    """
    new: Any = layer_at(spec, path) if layer is None else layer
    names = [name for name, _ in _settings(new)]
    for name, value in settings.items():
        if name not in names:
            rule = f"is no setting of {new.kind}, which has {', '.join(names) or 'none'}"
            raise SpecError(name, rule, value)
    return _with_layers_replaced(spec, path, 1, (replace(new, **settings) if settings else new,))


def insert(spec: NetworkSpec, path: Path, layer: Layer) -> NetworkSpec:
    """The spec with ``layer`` inserted before the layer at ``path``, or at the end of its branch.

    Raises:
        SpecError: there is no such path, or there are too many layers.
    """
    return _with_layers_replaced(spec, path, 0, (layer,))


def remove(spec: NetworkSpec, path: Path) -> NetworkSpec:
    """The spec without the layer or block at ``path``.

    Raises:
        SpecError: there is no layer at the path, or it is the only one where one is required.
    """
    return _with_layers_replaced(spec, path, 1, ())


def move(spec: NetworkSpec, path: Path, to: Path) -> NetworkSpec:
    """The spec with the layer at ``path`` moved to ``to``.

    ``to`` is a path in the spec from which the layer has already been removed. Within one branch
    it is the layer's new position.

    Raises:
        SpecError: there is no layer at ``path``, no such path ``to``, or the layer is the only
            one where one is required.
    """
    layer = layer_at(spec, path)
    if to == path:  # includes an only layer, which could not be removed
        return spec
    return insert(remove(spec, path), to, layer)


def _no_such_path(path: object) -> SpecError:
    return SpecError("path", "must be that of a row of the table", path)


def _branch_at(layers: tuple[Layer, ...], path: Path) -> tuple[tuple[Layer, ...], int]:
    """The layers of the branch that contains a path's last layer, and the layer's index there."""
    if len(path) % 2 == 0 or not all(type(step) is int and step >= 0 for step in path):
        raise _no_such_path(path)
    for index, branch in zip(path[:-1:2], path[1::2], strict=True):
        block = layers[index] if index < len(layers) else None
        if not isinstance(block, BLOCKS) or branch >= len(block.branches):
            raise _no_such_path(path)
        layers = block.branches[branch]
    return layers, path[-1]


def _with_layers_replaced(
    spec: NetworkSpec, path: Path, count: int, new: tuple[Layer, ...]
) -> NetworkSpec:
    """The spec with ``count`` layers, from ``path`` on, replaced by the layers ``new``."""
    layers, index = _branch_at(spec.layers, path)
    if index + count > len(layers):
        raise _no_such_path(path)
    chain = (*layers[:index], *new, *layers[index + count :])
    for level in range(len(path) - 3, -1, -2):
        block_path, branch = path[: level + 1], path[level + 1]
        block = layer_at(spec, block_path)
        assert isinstance(block, BLOCKS)
        branches = (*block.branches[:branch], chain, *block.branches[branch + 1 :])
        outer, position = _branch_at(spec.layers, block_path)
        chain = (*outer[:position], block.with_branches(branches), *outer[position + 1 :])
    return NetworkSpec(chain)
