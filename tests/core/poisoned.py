"""What every unit reads, by poisoning: rows or columns of the input are NaN, one at a time.

It runs the untouched module on real data and knows no rule of any operation.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from core.graph.axes.layout import Layout
from core.graph.axes.units import unit_values
from core.receptive_field import receptive_fields

Image = tuple[int, ...]


def reads(module: nn.Module, size: Image, axis: int) -> list[Tensor]:
    """For each place along an axis whether each number of the output reads it.

    Args:
        module: anything that takes one tensor and gives one.
        size: (C, H, W) or (C, L).
        axis: 0 for the height, 1 for the width.
    """
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((1, *size), generator=generator, dtype=torch.float64) + 0.5
    found = []
    for place in range(size[axis - 2]):
        poisoned = image.clone()
        poisoned.select(axis - 2, place).fill_(torch.nan)
        with torch.no_grad():
            found.append(torch.isnan(module(poisoned)))
    return found


def carries(module: nn.Module, size: Image, layout: Layout, unit: tuple[int, int]) -> Tensor:
    """The pixels whose gradient of one unit is not zero: for what multiplies by a zero."""
    generator = torch.Generator().manual_seed(0)
    image = torch.rand((1, *size), generator=generator, dtype=torch.float64) + 0.5
    value = unit_values(module(image.requires_grad_()), layout, unit)
    scores = torch.rand(value.shape, generator=generator, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((value * scores).sum(), image)
    return (gradient[0] != 0).any(0).reshape(-1, size[-1])


def check_by_gradient(module: nn.Module, size: Image) -> None:
    """As `check_every_unit`, where hidden values count as not read though 0 times NaN is NaN."""
    module = module.double().eval()
    field = list(receptive_fields(module, size).values())[-1]
    assert field.exact, field.bound
    layout = field.network.graph[field.name].layout
    for unit in np.ndindex(field.grid):
        seen = carries(module, size, layout, unit)
        rows, cols = (seen.any(1 - axis).nonzero().flatten().tolist() for axis in (0, 1))
        wanted = ((rows[0], rows[-1]), (cols[0], cols[-1])) if rows else None
        assert field.interval(unit).clipped == wanted, (unit, field.note)


def check_every_unit(module: nn.Module, size: Image) -> None:
    """The field of the last node is exact, and that of every one of its units is what it reads."""
    module = module.double().eval()
    field = list(receptive_fields(module, size).values())[-1]
    assert field.exact, field.bound
    layout = field.network.graph[field.name].layout
    for axis in (0, 1) if len(size) == 3 else (1,):
        read = reads(module, size, axis)
        for unit in np.ndindex(field.grid):
            places = [n for n, marks in enumerate(read) if unit_values(marks, layout, unit).any()]
            ends = (places[0], places[-1]) if places else None
            box = field.interval(unit).clipped
            assert (box and box[axis]) == ends, (unit, axis, field.note)
