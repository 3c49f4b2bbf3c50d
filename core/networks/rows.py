"""A network as the flat table of its layers, and the edits of that table.

A layer's path: its position, then for each block it is in the branch and the position
there, as in ``(4, 1, 0)``: the first layer of branch 1 of the fifth layer. Edits return a
new, checked spec and never change the old one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from ..errors import SpecError
from .blocks import BLOCKS, Layer, NetworkSpec, Repeat
from .resolve import Path


@dataclass(frozen=True)
class Row:
    """One layer in the table.

    Attributes:
        path: its position.
        kind: e.g. ``"conv"``; ``"residual"``, ``"concat"``, ``"repeat"`` contain other layers.
        settings: (name, value) of the settings that can be edited in place.
        branches: names of a block's branches, in the order of their indices in a path.
        layer: the layer itself.
    """

    path: Path
    kind: str
    settings: tuple[tuple[str, object], ...]
    branches: tuple[str, ...]
    layer: Layer

    @property
    def depth(self) -> int:
        """The number of blocks that contain it."""
        return len(self.path) // 2


def rows(spec: NetworkSpec) -> tuple[Row, ...]:
    """Every layer of the spec, blocks before what they hold; repeats once."""
    return tuple(_rows(spec.layers, ()))


def _rows(layers: tuple[Layer, ...], prefix: Path) -> list[Row]:
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
    if isinstance(layer, BLOCKS):
        return (("times", layer.times),) if isinstance(layer, Repeat) else ()
    return tuple((each.name, getattr(layer, each.name)) for each in fields(layer))


def layer_at(spec: NetworkSpec, path: Path) -> Layer:
    """The layer at a path.

    Raises:
        SpecError: no layer is there.
    """
    layers, index = _branch_at(spec.layers, path)
    if not 0 <= index < len(layers):
        raise _nowhere(path)
    return layers[index]


def with_row(
    spec: NetworkSpec, path: Path, layer: Layer | None = None, **settings: object
) -> NetworkSpec:
    """The spec with another layer at ``path``, or the same one with other settings.

    Raises:
        SpecError: no layer is there, it has no such setting, or the setting cannot work.
    """
    new: Any = layer_at(spec, path) if layer is None else layer
    names = [name for name, _ in _settings(new)]
    for name, value in settings.items():
        if name not in names:
            rule = f"is no setting of {new.kind}, which has {', '.join(names) or 'none'}"
            raise SpecError(name, rule, value)
    return _spliced(spec, path, 1, (replace(new, **settings) if settings else new,))


def insert(spec: NetworkSpec, path: Path, layer: Layer) -> NetworkSpec:
    """The spec with ``layer`` put before ``path``, or at the end of that branch.

    Raises:
        SpecError: no such place, or too many layers.
    """
    return _spliced(spec, path, 0, (layer,))


def remove(spec: NetworkSpec, path: Path) -> NetworkSpec:
    """The spec without the layer at ``path`` and all it holds.

    Raises:
        SpecError: no layer is there, or it is the last where one must be.
    """
    return _spliced(spec, path, 1, ())


def move(spec: NetworkSpec, path: Path, to: Path) -> NetworkSpec:
    """The spec with the layer of ``path`` at ``to``, a path in the spec without it.

    In one branch that is simply its new position.

    Raises:
        SpecError: no layer at ``path``, no such place, or it is the last where one must be.
    """
    layer = layer_at(spec, path)
    if to == path:  # also where the layer is the only one and could not be taken out
        return spec
    return insert(remove(spec, path), to, layer)


def _nowhere(path: object) -> SpecError:
    return SpecError("path", "must be that of a row of the table", path)


def _branch_at(layers: tuple[Layer, ...], path: Path) -> tuple[tuple[Layer, ...], int]:
    """The layers of the branch a path ends in, and the position there."""
    if len(path) % 2 == 0 or not all(type(step) is int and step >= 0 for step in path):
        raise _nowhere(path)
    for index, branch in zip(path[:-1:2], path[1::2], strict=True):
        block = layers[index] if index < len(layers) else None
        if not isinstance(block, BLOCKS) or branch >= len(block.branches):
            raise _nowhere(path)
        layers = block.branches[branch]
    return layers, path[-1]


def _spliced(spec: NetworkSpec, path: Path, cut: int, new: tuple[Layer, ...]) -> NetworkSpec:
    """The spec with ``cut`` layers at ``path`` replaced."""
    layers, index = _branch_at(spec.layers, path)
    if index + cut > len(layers):
        raise _nowhere(path)
    chain = (*layers[:index], *new, *layers[index + cut :])
    for level in range(len(path) - 3, -1, -2):
        here, branch = path[: level + 1], path[level + 1]
        block = layer_at(spec, here)
        assert isinstance(block, BLOCKS)
        branches = (*block.branches[:branch], chain, *block.branches[branch + 1 :])
        outer, position = _branch_at(spec.layers, here)
        chain = (*outer[:position], block.with_branches(branches), *outer[position + 1 :])
    return NetworkSpec(chain)
