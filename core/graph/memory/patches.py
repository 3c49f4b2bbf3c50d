"""Tensors whose channels hold different contents.

Writing to some channels of a tensor, or joining tensors along their channels, gives a tensor of
which each channel reads places of its own. A node has one map for all of its channels: the
union. `Patches` remembers what makes up the union, so that a part of the tensor, or what is
left of it after another write, reads what it shows and nothing else.
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import NamedTuple

import numpy as np

from ..axes.layout import Layout
from ..rules.call import Draft
from .views import Placement, Strip, untouched_strips

MAX_CHANNELS = 1_000_000
"""Most channels that are looked at one by one."""


class Patch(NamedTuple):
    """A part of a tensor and what was written there; None for constants."""

    placement: Placement
    draft: Draft | None


class VisibleContents(NamedTuple):
    """The contents that are visible in a part of a tensor.

    Attributes:
        patches: the patches that are at least partly visible.
        base: the boxes in which something is seen of what was there before all of them; a box
            without ranges is the whole image.
        exact: False when some of that may be hidden behind a later patch.
    """

    patches: tuple[Patch, ...]
    base: tuple[Strip, ...]
    exact: bool


class Patches(NamedTuple):
    """A tensor as what it held first and what was written on it, in order.

    Attributes:
        base: what it held first; None for constants.
        written: the patches.
        mixed: the base's channels read different places, and it is not known which.
        elementwise_source: a tensor of which the base is an elementwise function; None where there is none.
    """

    base: Draft | None
    written: tuple[Patch, ...] = ()
    mixed: bool = False
    elementwise_source: Draft | None = None

    def with_patch(self, patch: Patch) -> Patches:
        """The tensor after one more write; what lies wholly behind it is forgotten."""
        left = (p for p in self.written if not p.placement.is_inside(patch.placement))
        return self._replace(written=(*left, patch), elementwise_source=None)

    def visible(self, region: Placement, layout: Layout) -> VisibleContents:
        """The contents that are visible in a part of the tensor.

        Args:
            region: the part.
            layout: of the whole tensor: its dimensions without the image are its channels.
        """
        seen = tuple(p for p in self.written if not p.placement.is_disjoint(region))
        over = any(not a.placement.is_disjoint(b.placement) for a, b in combinations(seen, 2))
        channels = [dim for dim, parts in enumerate(layout) if not parts]
        free = _has_unwritten_channel(seen, region, channels)
        if self.base is None:
            return VisibleContents(seen, (), not over)
        boxes = _visible_base_strips(seen, layout, channels) if free is False else ({},)
        some = seen or not all(region.covers(dim) for dim in channels)
        exact = not over and free is not None and boxes is not None and not (self.mixed and some)
        return VisibleContents(seen, ({},) if boxes is None else boxes, exact)


def _visible_base_strips(
    seen: tuple[Patch, ...], layout: Layout, channels: list[int]
) -> tuple[Strip, ...] | None:
    """Where patches on all channels leave something of the base; None if it is not known."""
    axes = [dim for dim, parts in enumerate(layout) if parts]
    partly = [p.placement for p in seen if not all(map(p.placement.covers, axes))]
    if not partly:
        return ()
    if len(partly) > 1:
        return None
    (placement,) = partly
    ranges = list(placement.ranges)
    for dim in channels:
        ranges[dim] = range(placement.shape[dim])
    boxes = untouched_strips(placement._replace(ranges=tuple(ranges)), layout)
    return None if boxes is None else tuple(boxes)


def _has_unwritten_channel(
    patches: tuple[Patch, ...], region: Placement, channels: list[int]
) -> bool | None:
    """Whether some channel of a region has nothing written on it; None if there are too many."""
    if math.prod(region.shape[dim] for dim in channels) > MAX_CHANNELS:
        return None
    free = np.ones([region.shape[dim] for dim in channels], dtype=bool)

    def part(placement: Placement) -> tuple[slice, ...]:
        ranges = (placement.ranges[dim] for dim in channels)
        return tuple(slice(r.start, r.stop, r.step) for r in ranges)

    for patch in patches:
        free[part(patch.placement)] = False
    return bool(free[part(region)].any())
