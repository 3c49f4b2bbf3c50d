"""Which taps of a convolution's kernel are there: those whose weights are not zero by construction.

Source: van den Oord et al., "Pixel Recurrent Neural Networks" (2016), for masks of type A,
which leave out the kernel's own pixel, and of type B, which keep it.
"""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import NamedTuple

import torch

from ..tracing.constants import Constants

UNTRACKED_WEIGHT_BOUND = "weight computed in forward: the whole window is taken"


class KernelTaps(NamedTuple):
    """The taps of a kernel that are not zero by construction.

    Attributes:
        axes: for each axis the places in the kernel with a weight that is there; None for all.
        note: how many taps are there, and whether the kernel's own pixel is one; "" if all are.
        bound: why the windows are only an upper bound; "" if they are exact.
    """

    axes: tuple[tuple[int, ...] | None, ...]
    note: str = ""
    bound: str = ""


def kernel_taps(constants: Constants, weight: torch.Tensor) -> KernelTaps:
    """The taps of a weight (channels, channels, *kernel) that does not hang on the input."""
    every = (None,) * (weight.ndim - 2)
    if not constants.is_tracked(weight):
        return KernelTaps(every, bound=UNTRACKED_WEIGHT_BOUND)
    present = constants.nonzero_mask(weight)
    if present is None:
        return KernelTaps(every)
    pattern = present.any(0).any(0)
    axes = tuple(_nonzero_positions(pattern, axis) for axis in range(pattern.ndim))
    return KernelTaps(axes, _taps_note(pattern), _channel_bound(present))


def _any_along(pattern: torch.Tensor, axis: int) -> torch.Tensor:
    """Along one axis, the places at which anything is there."""
    others = [other for other in range(pattern.ndim) if other != axis]
    return reduce(lambda rest, other: rest.any(other), reversed(others), pattern)


def _nonzero_positions(pattern: torch.Tensor, axis: int) -> tuple[int, ...] | None:
    there = _any_along(pattern, axis)
    return None if there.all() else tuple(there.nonzero().flatten().tolist())


def _taps_note(pattern: torch.Tensor) -> str:
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


def _channel_bound(present: torch.Tensor) -> str:
    """Channels whose taps end at different places may meet in any order in later layers."""
    for own in (0, 1):
        channels = present.any(1 - own)
        channels = channels[channels.flatten(1).any(1)]
        for axis in range(1, channels.ndim):
            there = [_first_and_last(channel, axis - 1) for channel in channels]
            if len(set(there)) > 1:
                return "the taps of the kernel differ from channel to channel"
    return ""


def _first_and_last(channel: torch.Tensor, axis: int) -> tuple[int, int]:
    places = _any_along(channel, axis).nonzero().flatten()
    return int(places[0]), int(places[-1])
