"""The published architectures, in plain torch: nothing is downloaded, no weights are trained.

``TABLE`` has one row each: a new architecture is one more row of its family's ``ENTRIES``.
All are traceable by ``torch.fx`` and free of operations in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from difflib import get_close_matches
from types import MappingProxyType

import torch
from torch import nn

from ...errors import SpecError
from ...seeded import seeded
from . import branching, convnext, dense_prediction, mobile, plain, resnet, small
from .entry import Architecture

__all__ = ["NAMES", "TABLE", "Architecture", "build", "entry"]

_FAMILIES = (plain, resnet, mobile, branching, convnext, dense_prediction, small)

TABLE: Mapping[str, Architecture] = MappingProxyType(
    {row.name: row for family in _FAMILIES for row in family.ENTRIES}
)
NAMES: tuple[str, ...] = tuple(TABLE)


def entry(name: str) -> Architecture:
    """What is known about ``name``.

    Raises:
        SpecError: the zoo has no such architecture; names the nearest one it has.
    """
    if name in TABLE:
        return TABLE[name]
    near = get_close_matches(str(name).lower(), NAMES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"e.g. {NAMES[0]}"
    raise SpecError("name", f"must be one of the {len(NAMES)} of the zoo, {hint}", name)


def build(
    name: str, device: torch.device | str | None = None, *, seed: int | None = None
) -> nn.Module:
    """The architecture called ``name``, in train mode, as torch initializes its layers.

    Args:
        name: one of `NAMES`.
        device: of the weights. On ``"meta"`` there are none: shapes only, in no time and no
            memory.
        seed: decides the weights, whatever other threads do; without one torch's global
            generator draws them, and ``torch.manual_seed`` decides.

    Raises:
        SpecError: the zoo has no such architecture; no such seed.
    """
    row = entry(name)
    drawn = seed is not None and str(device) != "meta"
    with (
        nullcontext() if device is None else torch.device(device),
        seeded(seed or 0) if drawn else nullcontext(),
    ):
        return row.make()
