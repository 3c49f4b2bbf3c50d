"""The taps of a convolution's kernel whose weights are not zero by construction.

Masked convolutions have zero taps. Source: van den Oord et al., "Pixel Recurrent Neural Networks"
(2016): masks of type A exclude the kernel's own (center) pixel, masks of type B include it.
"""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import NamedTuple

import torch

from ..tracing.constants import Constants

UNTRACKED_WEIGHT_REASON = "weight computed in forward: the whole window is taken"
"""Why maps are only an upper bound: the weight is computed, so that its zeros are unknown."""


class KernelTaps(NamedTuple):
    """The taps of a kernel that are not zero by construction.

    Attributes:
        axes: for each axis the kernel indices with a nonzero weight; None if all have one.
        note: a sentence with the number of nonzero taps, and whether the kernel's own pixel is
            one; "" if all taps are nonzero.
        bound: the reason why a window of these taps is only an upper bound; "" if it is exact.
    """

    axes: tuple[tuple[int, ...] | None, ...]
    note: str = ""
    bound: str = ""


def kernel_taps(constants: Constants, weight: torch.Tensor) -> KernelTaps:
    """The nonzero taps of a weight (channels, channels, *kernel) that is independent of the input.

    Args:
        constants: the values of the network's constants.
        weight: the weight argument of a (transposed) convolution.
    """
    every = (None,) * (weight.ndim - 2)
    if not constants.is_tracked(weight):
        return KernelTaps(every, bound=UNTRACKED_WEIGHT_REASON)
    present = constants.nonzero_mask(weight)
    if present is None:
        return KernelTaps(every)
    pattern = present.any(0).any(0)
    axes = tuple(_nonzero_positions(pattern, axis) for axis in range(pattern.ndim))
    return KernelTaps(axes, _taps_note(pattern), _unequal_channels_reason(present))


def _any_along(pattern: torch.Tensor, axis: int) -> torch.Tensor:
    """The boolean vector along one axis that is True where any tap of ``pattern`` is nonzero."""
    others = [other for other in range(pattern.ndim) if other != axis]
    return reduce(lambda rest, other: rest.any(other), reversed(others), pattern)


def _nonzero_positions(pattern: torch.Tensor, axis: int) -> tuple[int, ...] | None:
    """The kernel indices along one axis with a nonzero tap; None if all have one."""
    nonzero = _any_along(pattern, axis)
    return None if nonzero.all() else tuple(nonzero.nonzero().flatten().tolist())


def _taps_note(pattern: torch.Tensor) -> str:
    """The sentence `KernelTaps.note` about a boolean pattern of nonzero taps."""
    count = int(pattern.sum())
    if count == pattern.numel():
        return ""
    verb = "is" if count == 1 else "are"
    text = f"{count} of the kernel's {pattern.numel()} taps {verb} not zero by construction"
    odd = all(side % 2 for side in pattern.shape)
    if odd and not pattern[tuple(side // 2 for side in pattern.shape)]:
        text += "; its own pixel is not read"
    if count < prod(int(_any_along(pattern, axis).sum()) for axis in range(pattern.ndim)):
        text += "; they fill no rectangle, so units at the border may read less than their box"
    return text


def _unequal_channels_reason(present: torch.Tensor) -> str:
    """The reason `KernelTaps.bound`, if the first or last nonzero taps differ between channels.

    Later layers may mix such channels in any way, so only the union of their taps is known.
    """
    for own in (0, 1):
        channels = present.any(1 - own)
        channels = channels[channels.flatten(1).any(1)]
        for axis in range(1, channels.ndim):
            ends = {_first_and_last(channel, axis - 1) for channel in channels}
            if len(ends) > 1:
                return "the taps of the kernel differ from channel to channel"
    return ""


def _first_and_last(channel: torch.Tensor, axis: int) -> tuple[int, int]:
    """The first and last kernel index along one axis with a nonzero tap."""
    indices = _any_along(channel, axis).nonzero().flatten()
    return int(indices[0]), int(indices[-1])
