"""The contents of tensors after a write to a part of their memory.

A write goes through one tensor (``p.add_(…)``, ``x[:, :2] = …``, ``out=y``) and changes every
tensor that has an element in common with it. Each memory has a log of what was written to it.
A tensor is brought up to date when it is next read: then nodes are made for what is left of
the old content and what was written, and none for what nobody reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch

from ...tensors import storage_of
from ..axes.layout import Layout, Shape
from ..rules.call import Draft, Link, Maps, Outcome, Source, same, words
from ..rules.links import by_dims, unfollowed
from ..rules.shapes import JOINED, regrouped_link
from .patches import Patch, Patches, VisibleParts
from .views import (
    Placement,
    Strip,
    cuts,
    everything,
    in_order,
    link_from_base,
    link_into_base,
    placement,
    put_back,
    strips,
    with_gone_axes,
)

PARTLY = "what is written to a part of a tensor could not be placed"
MIXED = "its channels read different places, and some of them are taken or overwritten"
VIEWED = "a view of other elements than a grid of them"
CHANNELWISE = ("pass", "merge", "pad", "crop", "resample")
"""Kinds of operations (core.graph.KINDS) in which channels do not meet, or need not."""
ELEMENTWISE = words(
    "batch_norm celu dropout dropout2d elu gelu hardsigmoid hardswish hardtanh identity leaky_relu mish relu "
    "relu6 selu sigmoid silu softplus tanh"
)
"""Operations of one tensor that give the same whether a part is taken before or after them."""
TURNED = words("movedim moveaxis permute swapaxes swapdims transpose")
"""Operations that put whole dimensions in another order: a slice after them is one of channels."""
MAX_WRITES = 4096
"""Most writes to one memory that are followed one by one."""


@dataclass(eq=False)
class _TensorView:
    """A tensor that views some memory.

    Attributes:
        parent: the tensor that it was made from; None for the first one.
        seen: how many of the writes it is up to date with; −1 when its content is not known.
    """

    tensor: torch.Tensor
    parent: _TensorView | None
    log: _Log
    seen: int


@dataclass(eq=False)
class _Log:
    """The writes to one memory, in order: the view that was written to, and its content."""

    writes: list[tuple[_TensorView, Draft | None]] = field(default_factory=list)
    root: _TensorView | None = None


class Nodes(Protocol):
    """The interface that makes nodes; the recorder implements it."""

    def note(self, operation: str, outcome: Outcome, shape: Shape) -> Draft:
        """A node of a tensor that no call has returned."""

    def content(self, tensor: torch.Tensor) -> Draft | None:
        """The node of a tensor as far as calls have told; None for constants."""

    def bind(self, draft: Draft | None, tensor: torch.Tensor) -> None:
        """From now on a tensor holds what a node gives; None for constants."""


class Memory:
    """The views of every memory that a run has made, and what was written through them."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        self.views: dict[int, _TensorView] = {}
        self.logs: dict[int, _Log] = {}
        self.patched: dict[int, Patches] = {}

    def add_views(self, results: Iterable[torch.Tensor], read: Sequence[torch.Tensor]) -> None:
        """Register those results of a call that share memory with its arguments as views."""
        for result in results:
            if id(result) in self.views or any(result is tensor for tensor in read):
                continue
            key = storage_of(result)
            near = [t for t in read if storage_of(t) == key]
            if near and key is not None:
                parent = self._view(near[0])
                if parent is not None:
                    self.views[id(result)] = _TensorView(
                        result, parent, parent.log, len(parent.log.writes)
                    )

    def _view(self, tensor: torch.Tensor) -> _TensorView | None:
        """The view that a tensor is, made when it is first needed."""
        view = self.views.get(id(tensor))
        if view is None:
            key = storage_of(tensor)
            if key is None:
                return None
            log = self.logs.setdefault(key, _Log())
            view = _TensorView(tensor, log.root, log, len(log.writes) if log.root is None else -1)
            log.root = log.root or view
            self.views[id(tensor)] = view
        return view

    def holds(self, tensor: torch.Tensor) -> None:
        """Note that a call has bound its result to a node."""
        view = self._view(tensor)
        if view is not None:
            view.seen = len(view.log.writes)

    def wrote(self, tensor: torch.Tensor, draft: Draft | None) -> None:
        """Note that a tensor was overwritten with a node's output; None for constants."""
        view = self._view(tensor)
        if view is not None:
            view.log.writes.append((view, draft))
            view.seen = len(view.log.writes)

    def refresh(self, tensor: torch.Tensor) -> None:
        """Update a tensor's node with the writes to its memory."""
        view = self.views.get(id(tensor))
        if view is None:
            key = storage_of(tensor)
            if key not in self.logs:
                return
            view = self._view(tensor)
        if view is not None and view.seen != len(view.log.writes):
            self._refresh(view)

    def _refresh(self, view: _TensorView) -> None:
        old, tracked = self.nodes.content(view.tensor), view.seen >= 0
        new = [
            w for w in view.log.writes[max(view.seen, 0) :] if tracked and not _apart(view, w[0])
        ]
        view.seen = len(view.log.writes)
        if tracked and not new:
            return
        if tracked and all(_inside(writer, view) for writer, _ in new):
            draft = old
            for writer, written in new:
                draft = self._put(draft, view, writer, written)
        elif view.parent is not None:
            draft = self._read(view, view.parent)
        else:
            return
        if draft is not old:
            self.nodes.bind(draft, view.tensor)

    def _content(self, view: _TensorView) -> Draft | None:
        if view.seen != len(view.log.writes):
            self._refresh(view)
        return self.nodes.content(view.tensor)

    def _read(self, view: _TensorView, parent: _TensorView) -> Draft | None:
        """The node of a view, from its parent's node."""
        return self._seen_through(view, parent, self._content(parent))

    def _seen_through(
        self, view: _TensorView, parent: _TensorView, held: Draft | None
    ) -> Draft | None:
        place = placement(view.tensor, parent.tensor)
        if held is None or (place and place.is_everything):
            return held
        source, out = Source(held, tuple(parent.tensor.shape)), tuple(view.tensor.shape)
        if place:
            return self.taken(held, place, out)
        if _same_order(view.tensor, parent.tensor):
            outcome = Outcome("reshape", [regrouped_link(source, out)])
        else:
            outcome = Outcome("unknown", [unfollowed(source)], VIEWED, VIEWED)
        return self.nodes.note("view", outcome, out)

    def joins(self, held: Draft, parts: Sequence[tuple[Draft | None, int]], dim: int) -> None:
        """A tensor was joined from others along a dimension without the image.

        Args:
            held: its node.
            parts: the node of each, None for constants, and its length along the dimension.
            dim: the dimension.
        """
        nodes = [part for part, _ in parts if part]
        if len(set(map(_reads, nodes))) == 1 and not any(id(n) in self.patched for n in nodes):
            return
        whole, start, patches = everything(held.shape), 0, Patches(None)
        for part, length in parts:
            ranges = list(whole.ranges)
            ranges[dim] = range(start, start + length)
            patches = patches.put(Patch(whole._replace(ranges=tuple(ranges)), part))
            start += length
        self.patched[id(held)] = patches

    def splits(self, held: Draft, source: Draft) -> None:
        """A node stands for all parts of a tensor that was split."""
        if id(source) in self.patched:
            self.patched[id(held)] = self.patched[id(source)]

    def follows(self, held: Draft, outcome: Outcome) -> None:
        """A node whose channels each read their own of a tensor whose channels differ."""
        own = outcome.kind in CHANNELWISE or "pool" in held.operation or held.operation in TURNED
        mixed = [link for link in outcome.links if id(link.source) in self.patched]
        others = (link for link in outcome.links if link not in mixed)
        if not (own and mixed) or any(_sees_everything(link) for link in others):
            return
        alike = len(outcome.links) == 1 and held.operation in ELEMENTWISE
        self.patched[id(held)] = Patches(held, mixed=True, alike=mixed[0].source if alike else None)

    def part(self, tensor: torch.Tensor, held: Draft) -> tuple[Draft | None] | None:
        """The node of a view of a tensor whose channels hold different things.

        Args:
            tensor: the view, just made.
            held: the node of what it is a view of.

        Returns:
            The node, None in it for constants; None where the call's own rule knows as much.
        """
        view = self.views.get(id(tensor))
        if id(held) not in self.patched or view is None or view.parent is None:
            return None
        base = view.parent
        while self.patched[id(held)].mixed and base.parent is not None:
            above = self._content(base.parent)
            if above is None or id(above) not in self.patched:
                break
            base, held = base.parent, above
        place = placement(view.tensor, base.tensor)
        return (self.taken(held, place, tuple(tensor.shape)),) if place else None

    def taken(self, held: Draft, place: Placement, out: Shape) -> Draft | None:
        """What a part of a tensor holds.

        Args:
            held: what the tensor holds.
            place: the part.
            out: its shape.

        Returns:
            The node of the part; None where it holds constants.
        """
        patches, bound = self.patched.get(id(held)), ""
        some = any(not (parts or place.covers(dim)) for dim, parts in enumerate(held.layout))
        if patches and patches.alike and some:
            inner = self.taken(patches.alike, place, out)
            if inner is None:
                return None
            own = Source(inner, out)
            outcome = Outcome("pass", [by_dims(own, out, same(own))])
            return self.nodes.note(held.operation, outcome, out)
        if patches and some:
            visible = patches.visible(place, held.layout)
            if [patch.place for patch in visible.patches] == [place]:
                return visible.patches[0].held
            cut = any(self._is_cut(patch, place) for patch in visible.patches)
            bound = "" if visible.exact and not cut else MIXED
            whole = patches.visible(everything(place.shape), held.layout)
            if visible.exact and (visible.patches, visible.base) != (whole.patches, whole.base):
                links = self._links(patches.base, visible, place.shape)
                if not links:
                    return None
                held = self._joined(links, place, "")
        link = link_from_base(Source(held, place.shape), place, out)
        part = self.nodes.note("getitem", Outcome("crop", [link], bound, bound), out)
        if patches:
            self.patched[id(part)] = Patches(part, mixed=True)
        return part

    def _put(
        self, old: Draft | None, base: _TensorView, writer: _TensorView, written: Draft | None
    ) -> Draft | None:
        """The node of a base after a write through a view of it."""
        if writer is base:
            return written
        place = placement(writer.tensor, base.tensor)
        if place:
            return self.put(old, place, written)
        step = writer
        while step.parent is not base and step.parent is not None:
            step = step.parent
        if step.parent is None or not _same_order(step.tensor, base.tensor):
            return self._anywhere(old, written, tuple(base.tensor.shape))
        inner = self._put(self._seen_through(step, base, old), step, writer, written)
        if inner is None:
            return None
        source, shape = Source(inner, tuple(step.tensor.shape)), tuple(base.tensor.shape)
        outcome = Outcome("reshape", [regrouped_link(source, shape)])
        return self.nodes.note("view", outcome, shape)

    def _anywhere(self, old: Draft | None, written: Draft | None, shape: Shape) -> Draft | None:
        """An upper bound: every element may hold both the old and the written content."""
        links = [unfollowed(Source(d, d.shape)) for d in (old, written) if d]
        if not links:
            return None
        return self.nodes.note("setitem", Outcome("unknown", links, PARTLY, PARTLY), shape)

    def _is_cut(self, patch: Patch, region: Placement) -> bool:
        """Whether a region has some channels of a patch whose own channels differ."""
        return id(patch.held) in self.patched and not patch.place.within(region)

    def put(self, old: Draft | None, place: Placement, written: Draft | None) -> Draft | None:
        """What a tensor holds once a part of it was overwritten.

        Args:
            old: what it held; None for constants.
            place: the part.
            written: what is written there, in the part's shape; None for constants.
        """
        shape = place.shape
        if old is None and written is None:
            return None
        base = Source(old, shape).layout if old else None
        patch = self._patch(written, place, base)
        new = _link(patch.held, patch.place) if patch.held else None
        layout = base or (new.layout if new else ())
        left = strips(place, layout)
        if left is None:
            return self._patched(old, patch, layout)
        links = [self._strip(Source(old, shape), strip) for strip in left] if old else []
        links += [new] if new else []
        joined = self._joined(links, place, "") if links else None
        if joined and left and id(old) in self.patched:
            self.patched[id(joined)] = Patches(joined, mixed=True)
        return joined

    def _patched(self, old: Draft | None, patch: Patch, layout: Layout) -> Draft | None:
        """The node of a tensor after a write to some of its channels."""
        before = self.patched.get(id(old)) or Patches(old)
        patches = before.put(patch)
        visible = patches.visible(everything(patch.place.shape), layout)
        links = self._links(patches.base, visible, patch.place.shape)
        if not links:
            return None
        joined = self._joined(links, patch.place, "" if visible.exact else MIXED)
        self.patched[id(joined)] = patches
        return joined

    def _links(self, base: Draft | None, visible: VisibleParts, shape: Shape) -> list[Link]:
        """The links of a tensor to the nodes of its visible contents."""
        links: list[Link] = []
        if base:
            whole = Source(base, shape)
            links += [
                self._strip(whole, strip) if strip else by_dims(whole, shape, same(whole))
                for strip in visible.base
            ]
        return links + [_link(patch.held, patch.place) for patch in visible.patches if patch.held]

    def _patch(self, written: Draft | None, place: Placement, base: Layout | None) -> Patch:
        """The written content as a patch, with the image axis that the part's shape lacks."""
        if written is None:
            return Patch(place, None)
        back = with_gone_axes(Source(written, tuple(place.part_shape())), place, base)
        if back is None:
            return Patch(place, written)
        shape, link = back
        return Patch(
            in_order(place), self.nodes.note("unsqueeze", Outcome("reshape", [link]), shape)
        )

    def _strip(self, old: Source, strip: Strip) -> Link:
        """The link to the old content that remains in one box, at its place."""
        out = tuple(len(strip.get(dim, range(n))) for dim, n in enumerate(old.shape))
        cut = by_dims(old, out, same(old), cuts(old.shape, strip))
        part = Source(self.nodes.note("getitem", Outcome("crop", [cut]), out), out)
        back = {d: put_back(old.shape[d], t) for d, t in strip.items() if len(t) != old.shape[d]}
        return by_dims(part, old.shape, same(part), back)

    def _joined(self, links: Sequence[Link], place: Placement, bound: str) -> Draft:
        bound = PARTLY if any(link.unfollowed for link in links) else bound
        layout = links[-1].layout
        inside = any(parts and not place.covers(dim) for dim, parts in enumerate(layout))
        note = JOINED if inside and len(links) > 1 else bound
        kind = "unknown" if bound == PARTLY else "merge" if len(links) > 1 else "pad"
        return self.nodes.note("setitem", Outcome(kind, links, note, bound), place.shape)


def _reads(draft: Draft) -> tuple[Draft, tuple[Maps, ...]]:
    """The last node before a draft that reads several, and the maps from it on."""
    maps: list[Maps] = []
    while len(draft.inputs) == 1:
        if not all(axis.is_identity for axis in draft.maps[0]):
            maps.append(draft.maps[0])
        (draft,) = draft.inputs
    return draft, tuple(maps)


def _sees_everything(link: Link) -> bool:
    """Whether every unit reads the whole image, through one chain of nodes."""
    maps, draft = link.maps, link.source
    while not all(axis.whole for axis in maps):
        if len(draft.inputs) != 1 or draft.grid != (1, 1):
            return False
        (maps,), (draft,) = draft.maps, draft.inputs
    return True


def _link(held: Draft, place: Placement) -> Link:
    """What a tensor reads of the node of one part of it."""
    return link_into_base(Source(held, tuple(place.part_shape())), place)


def _same_order(view: torch.Tensor, base: torch.Tensor) -> bool:
    """Whether a view has all elements of its base, in the same order."""
    return (
        view.dtype == base.dtype
        and view.numel() == base.numel()
        and view.storage_offset() == base.storage_offset()
        and view.is_contiguous()
        and base.is_contiguous()
    )


def _inside(view: _TensorView, base: _TensorView) -> bool:
    """Whether a view was made from a base, in one step or several."""
    while view is not base and view.parent is not None:
        view = view.parent
    return view is base


def _apart(one: _TensorView, other: _TensorView) -> bool:
    """Whether two views surely have no element in common."""
    ancestors = [*_line(one)]
    common = next(v for v in _line(other) if v in ancestors)
    places = [_area(view, common) for view in (one, other)]
    return places[0].apart(places[1])


def _line(view: _TensorView | None) -> Iterable[_TensorView]:
    while view is not None:
        yield view
        view = view.parent


def _area(view: _TensorView, base: _TensorView) -> Placement:
    """Where a view lies in a base, or the smallest tensor around it of which that is known."""
    for around in _line(view):
        if around is base:
            break
        place = placement(around.tensor, base.tensor)
        if place:
            return place
    return everything(tuple(base.tensor.shape))
