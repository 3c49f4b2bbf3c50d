"""One unit: checked against a map, and picked out of a tensor however the image's axes lie in its dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any

import torch

from ...errors import SpecError
from .layout import Layout, units_in_channels


def middle_unit(grid: tuple[int, int]) -> tuple[int, int]:
    """(row, column) of the unit in the middle of a grid."""
    return grid[0] // 2, grid[1] // 2


def checked_unit(grid: tuple[int, int], unit: int | Sequence[int], of: str) -> tuple[int, int]:
    """A unit, given as (row, column) or as i where there is one row, as (row, column).

    Raises:
        SpecError: it is no pair of whole numbers, or lies outside the grid.
    """
    rows, cols = grid
    try:
        indices = [index(u) for u in (unit if isinstance(unit, Sequence) else [unit])]
    except TypeError:
        raise SpecError("unit", "must be whole numbers (row, column)", unit) from None
    if len(indices) == 1 and rows == 1:
        indices = [0, *indices]
    if len(indices) != 2 or not (0 <= indices[0] < rows and 0 <= indices[1] < cols):
        raise SpecError("unit", f"must lie in the {rows}×{cols} units of {of}", unit)
    return indices[0], indices[1]


def unit_values(output: torch.Tensor, layout: Layout, unit: tuple[int, int]) -> torch.Tensor:
    """All channels of one unit, of every sample.

    Args:
        output: a node's, its first dimension longer by the number of samples in a batch.
        layout: of the node, as `core.graph.Node` has it.
        unit: (row, column).
    """
    wide = units_in_channels(layout)
    sizes: list[int] = []
    places: list[Any] = []
    for n, parts in zip(output.shape, layout, strict=True):
        if len(parts) == 1 and parts[0].stride == 1 == wide[parts[0].axis or 0]:
            sizes.append(n)  # also of a part of the image, whose maps are smaller
            places.append(unit[parts[0].axis or 0])
            continue
        count = prod(part.size for part in parts)
        if not parts or n != count:
            sizes.append(n // count)
            places.append(slice(None))
        for part in parts:
            sizes.append(part.size)
            inside = part.axis is None or part.stride < wide[part.axis]
            place = 0 if inside else unit[part.axis or 0] * wide[part.axis or 0] // part.stride
            places.append(slice(None) if inside else place % part.size)
    return output.reshape(sizes)[tuple(places)]
