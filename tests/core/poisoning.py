"""The receptive field of a unit by NaN poisoning: it shares no code with the product."""

from __future__ import annotations

import torch
from torch import nn

Span = tuple[int, int]


@torch.no_grad()
def poisoned_box(
    net: nn.Module, size: tuple[int, ...], unit: tuple[int, ...]
) -> tuple[Span, ...] | None:
    """First and last index of the input along each image axis that reaches a unit.

    One row or column of the input is NaN at a time; it reaches the unit where the output of
    the untouched network is NaN in some channel. None where nothing does.
    """
    image = torch.rand(1, *size, generator=torch.Generator().manual_seed(0))
    spans = []
    for axis in range(2, image.ndim):
        hit = []
        for index in range(image.shape[axis]):
            bad = image.clone()
            bad.select(axis, index).fill_(float("nan"))
            if net(bad)[(0, slice(None), *unit)].isnan().any():
                hit.append(index)
        if not hit:
            return None
        spans.append((hit[0], hit[-1]))
    return tuple(spans)
