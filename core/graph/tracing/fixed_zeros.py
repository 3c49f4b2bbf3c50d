"""Finds the values of a network's tensors that are zero by construction.

A mask, a one-sided kernel or a pruned weight has zero taps that training does not change, so a
unit never reads through them. Such zeros occur in buffers, in tensors that a module has as plain
attributes, and in frozen parameters (``requires_grad=False``). Trainable parameters have none,
because their values change. A tensor that is zero everywhere counts as not yet initialized, such
as the last scale of a residual branch, and has none either.
"""

from __future__ import annotations

import torch
from torch import nn


def fixed_zeros(tensor: torch.Tensor) -> torch.Tensor | None:
    """A boolean mask of the zeros by construction in a module's tensor; None if it has none."""
    if tensor.is_meta or (isinstance(tensor, nn.Parameter) and tensor.requires_grad):
        return None
    zeros = tensor.detach() == 0
    return zeros if zeros.any() and not zeros.all() else None
