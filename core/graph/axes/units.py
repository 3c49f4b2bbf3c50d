"""Units, i.e. positions (row, column) of a feature map: their validation and their values."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any

import torch

from ...errors import SpecError
from .layout import Layout, units_in_channels


def middle_unit(grid: tuple[int, int]) -> tuple[int, int]:
    """(row, column) of the unit in the middle of a map of ``grid`` = (rows, columns) units."""
    return grid[0] // 2, grid[1] // 2


def checked_unit(grid: tuple[int, int], unit: int | Sequence[int], layer: str) -> tuple[int, int]:
    """The (row, column) of a unit, checked against the size of its map.

    Args:
        grid: rows and columns of the map.
        unit: (row, column); the column alone is enough where the map has one row.
        layer: what the error message calls the map.

    Raises:
        SpecError: the unit is no pair of whole numbers, or lies outside the map.
    """
    rows, cols = grid
    try:
        indices = [index(u) for u in (unit if isinstance(unit, Sequence) else [unit])]
    except TypeError:
        raise SpecError("unit", "must be whole numbers (row, column)", unit) from None
    if len(indices) == 1 and rows == 1:
        indices = [0, *indices]
    if len(indices) != 2 or not (0 <= indices[0] < rows and 0 <= indices[1] < cols):
        raise SpecError("unit", f"must lie in the {rows}×{cols} units of {layer}", unit)
    return indices[0], indices[1]


def unit_values(output: torch.Tensor, layout: Layout, unit: tuple[int, int]) -> torch.Tensor:
    """The values of all channels of one unit, for every sample of a batch.

    Args:
        output: the output of a node for a batch, so its first dimension is the node's times the
            batch size.
        layout: the layout of the node (`core.graph.Node.layout`).
        unit: (row, column).
    """
    channel_units = units_in_channels(layout)
    sizes: list[int] = []
    indices: list[Any] = []
    for n, parts in zip(output.shape, layout, strict=True):
        if len(parts) == 1 and parts[0].stride == 1 == channel_units[parts[0].axis or 0]:
            sizes.append(n)  # n may be less than part.size: the map of a crop of the image
            indices.append(unit[parts[0].axis or 0])
            continue
        count = prod(part.size for part in parts)
        if not parts or n != count:
            sizes.append(n // count)
            indices.append(slice(None))
        for part in parts:
            sizes.append(part.size)
            inside = part.axis is None or part.stride < channel_units[part.axis]
            position = (
                0 if inside else unit[part.axis or 0] * channel_units[part.axis or 0] // part.stride
            )
            indices.append(slice(None) if inside else position % part.size)
    return output.reshape(sizes)[tuple(indices)]
