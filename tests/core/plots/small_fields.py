"""Small measured and expected fields for tests of plots."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import nn

from core.erf import EffectiveReceptiveField, effective_receptive_field
from core.erf.expected import ExpectedErf, expected_erf

SIZE = (2, 32, 40)


def stack(dilation: int = 1, depth: int = 3) -> nn.Module:
    torch.manual_seed(0)
    pads: Any = {"padding": dilation, "dilation": dilation}
    return nn.Sequential(*(nn.Conv2d(2, 2, 3, **pads) for _ in range(depth)))


@cache
def measured(
    unit: tuple[int, int] | None = None,
    aggregate: str = "energy",
    dilation: int = 1,
    draws: int = 6,
) -> EffectiveReceptiveField:
    settings: Any = {"unit": unit, "draws": draws, "aggregate": aggregate, "weights": "he"}
    return effective_receptive_field(stack(dilation), SIZE, **settings)


@cache
def one_axis() -> EffectiveReceptiveField:
    net = nn.Sequential(nn.Conv1d(2, 2, 5, padding=2), nn.Conv1d(2, 2, 5, padding=2))
    return effective_receptive_field(net, (2, 40), draws=4, weights="he")


@cache
def closed(unit: tuple[int, int] | None = None) -> ExpectedErf:
    return expected_erf(stack(), SIZE, unit=unit)
