"""Published architectures in plain torch, with untrained weights; nothing is downloaded.

``TABLE`` has one row per architecture. To add one, add a row to the ``ENTRIES`` of its module.
``torch.fx`` can trace all of them, and none contains in-place operations.
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
"""Every architecture by its name."""
NAMES: tuple[str, ...] = tuple(TABLE)
"""The names of all architectures."""


def entry(name: str) -> Architecture:
    """The row of ``TABLE`` for an architecture.

    Raises:
        SpecError: there is no such architecture; the message suggests a similar name.
    """
    if name in TABLE:
        return TABLE[name]
    near = get_close_matches(str(name).lower(), NAMES, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]}?" if near else f"e.g. {NAMES[0]}"
    raise SpecError("name", f"must be one of the {len(NAMES)} of the zoo, {hint}", name)


def build(
    name: str, device: torch.device | str | None = None, *, seed: int | None = None
) -> nn.Module:
    """Build an architecture in train mode, with torch's default initialization.

    Args:
        name: one of `NAMES`.
        device: device of the weights. On ``"meta"`` the weights have shapes but no values, and
            take no memory.
        seed: seed of the weights, which then do not depend on other threads; None draws them
            from torch's global generator (``torch.manual_seed``).

    Raises:
        SpecError: there is no such architecture, or the seed is invalid.
    """
    architecture = entry(name)
    uses_seed = seed is not None and str(device) != "meta"
    with (
        nullcontext() if device is None else torch.device(device),
        seeded(seed or 0) if uses_seed else nullcontext(),
    ):
        return architecture.make()
