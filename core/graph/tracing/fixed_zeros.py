"""Which numbers of a network are zero by construction.

A mask, a one-sided kernel or a pruned weight has taps that no training brings back: they are
no part of what a unit reads. Such zeros stand in buffers, in tensors that a module has as
plain attributes and in frozen parameters (``requires_grad=False``). A parameter that is being
trained has none: its numbers change. A tensor that is all zero is taken for one that has not
been set yet, such as the last scale of a residual branch, and has none either.
"""

from __future__ import annotations

import torch
from torch import nn


def fixed_zeros(tensor: torch.Tensor) -> torch.Tensor | None:
    """Where a module's tensor is zero by construction, as booleans; None where nowhere."""
    if tensor.is_meta or (isinstance(tensor, nn.Parameter) and tensor.requires_grad):
        return None
    zeros = tensor.detach() == 0
    return zeros if zeros.any() and not zeros.all() else None
