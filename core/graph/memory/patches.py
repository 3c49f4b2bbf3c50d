"""Represents tensors whose channels come from different nodes.

After a write to some channels of a tensor, or a concatenation along the channels, the channels
read different input units. A node has one map for all of its channels, which is the union.
`Patches` stores the contents that make up this union. So a part of the tensor, or its rest after
another write, is linked only to the contents that are visible in it.
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
"""The most channels for which a boolean mask is made."""


class Patch(NamedTuple):
    """A part of a tensor, and the node whose output was written there (None for constants)."""

    placement: Placement
    draft: Draft | None


class VisibleContents(NamedTuple):
    """The contents that are visible in a part of a tensor.

    Attributes:
        patches: the patches that overlap the part.
        base: the rectangles in which the base of the tensor is visible; a rectangle without
            ranges is the whole image.
        exact: whether all of this is surely visible, and not hidden behind a later patch.
    """

    patches: tuple[Patch, ...]
    base: tuple[Strip, ...]
    exact: bool


class Patches(NamedTuple):
    """The contents of a tensor: a base, and patches written over it.

    Attributes:
        base: the node of the tensor's first content; None for constants.
        written: the patches in the order of the writes.
        mixed: whether the channels of the base read different units in an unknown way.
        elementwise_source: the node of a tensor with patches of which the base is an elementwise
            function; None if there is none.
    """

    base: Draft | None
    written: tuple[Patch, ...] = ()
    mixed: bool = False
    elementwise_source: Draft | None = None

    def with_patch(self, patch: Patch) -> Patches:
        """The contents after one more write, without the patches that it covers completely."""
        uncovered = (p for p in self.written if not p.placement.is_inside(patch.placement))
        return self._replace(written=(*uncovered, patch), elementwise_source=None)

    def visible(self, region: Placement, layout: Layout) -> VisibleContents:
        """The contents that are visible in a part of the tensor.

        Args:
            region: the placement of the part in the tensor.
            layout: the layout of the tensor; dimensions without the image count as channels.
        """
        overlapping = tuple(p for p in self.written if not p.placement.is_disjoint(region))
        overlap = any(
            not a.placement.is_disjoint(b.placement) for a, b in combinations(overlapping, 2)
        )
        channels = [dim for dim, parts in enumerate(layout) if not parts]
        unwritten = _has_unwritten_channel(overlapping, region, channels)
        if self.base is None:
            return VisibleContents(overlapping, (), not overlap)
        strips = (
            _visible_base_strips(overlapping, layout, channels) if unwritten is False else ({},)
        )
        partial = overlapping or not all(region.covers(dim) for dim in channels)
        determined = unwritten is not None and strips is not None
        exact = determined and not overlap and not (self.mixed and partial)
        return VisibleContents(overlapping, ({},) if strips is None else strips, exact)


def _visible_base_strips(
    patches: tuple[Patch, ...], layout: Layout, channels: list[int]
) -> tuple[Strip, ...] | None:
    """The rectangles of the image that patches on all channels do not cover; None if unknown."""
    axes = [dim for dim, parts in enumerate(layout) if parts]
    partly = [p.placement for p in patches if not all(map(p.placement.covers, axes))]
    if not partly:
        return ()
    if len(partly) > 1:
        return None
    (placement,) = partly
    ranges = list(placement.ranges)
    for dim in channels:
        ranges[dim] = range(placement.shape[dim])
    strips = untouched_strips(placement._replace(ranges=tuple(ranges)), layout)
    return None if strips is None else tuple(strips)


def _has_unwritten_channel(
    patches: tuple[Patch, ...], region: Placement, channels: list[int]
) -> bool | None:
    """Whether no patch touches some channel of a region; None for too many channels to test."""
    if math.prod(region.shape[dim] for dim in channels) > MAX_CHANNELS:
        return None
    unwritten = np.ones([region.shape[dim] for dim in channels], dtype=bool)

    def part(placement: Placement) -> tuple[slice, ...]:
        ranges = (placement.ranges[dim] for dim in channels)
        return tuple(slice(r.start, r.stop, r.step) for r in ranges)

    for patch in patches:
        unwritten[part(patch.placement)] = False
    return bool(unwritten[part(region)].any())
