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
from ..rules.call import Draft, Link, Maps, Outcome, Source, names_in, same_dims
from ..rules.links import link_by_dims, unfollowed_link
from ..rules.shapes import JOINED_NOTE, reshaped_link
from .patches import Patch, Patches, VisibleContents
from .views import (
    Placement,
    Strip,
    crops_of,
    in_base_order,
    link_from_base,
    link_into_base,
    link_with_restored_axes,
    placement_in,
    uncrop_map,
    untouched_strips,
    whole_placement,
)

UNPLACED_WRITE_BOUND = "what is written to a part of a tensor could not be placed"
MIXED_CHANNELS_BOUND = (
    "its channels read different places, and some of them are taken or overwritten"
)
IRREGULAR_VIEW_BOUND = "a view of other elements than a grid of them"
CHANNELWISE = ("pass", "merge", "pad", "crop", "resample")
"""Kinds of operations (core.graph.KINDS) in which channels do not meet, or need not."""
ELEMENTWISE = names_in(
    "batch_norm celu dropout dropout2d elu gelu hardsigmoid hardswish hardtanh identity leaky_relu mish relu "
    "relu6 selu sigmoid silu softplus tanh"
)
"""Operations of one tensor that give the same whether a part is taken before or after them."""
PERMUTATIONS = names_in("movedim moveaxis permute swapaxes swapdims transpose")
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
    log: _WriteLog
    seen: int


@dataclass(eq=False)
class _WriteLog:
    """The writes to one memory, in order: the view that was written to, and its content."""

    writes: list[tuple[_TensorView, Draft | None]] = field(default_factory=list)
    root: _TensorView | None = None


class NodeRegistry(Protocol):
    """The interface that makes nodes; the recorder implements it."""

    def add_node(self, operation: str, outcome: Outcome, shape: Shape) -> Draft:
        """A node of a tensor that no call has returned."""

    def node_of(self, tensor: torch.Tensor) -> Draft | None:
        """The node of a tensor as far as calls have told; None for constants."""

    def bind(self, draft: Draft | None, tensor: torch.Tensor) -> None:
        """From now on a tensor holds what a node gives; None for constants."""


class Memory:
    """The views of every memory that a run has made, and what was written through them."""

    def __init__(self, nodes: NodeRegistry) -> None:
        self.nodes = nodes
        self.views: dict[int, _TensorView] = {}
        self.logs: dict[int, _WriteLog] = {}
        self.patches_of: dict[int, Patches] = {}

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
            log = self.logs.setdefault(key, _WriteLog())
            view = _TensorView(tensor, log.root, log, len(log.writes) if log.root is None else -1)
            log.root = log.root or view
            self.views[id(tensor)] = view
        return view

    def mark_current(self, tensor: torch.Tensor) -> None:
        """Note that a call has bound its result to a node."""
        view = self._view(tensor)
        if view is not None:
            view.seen = len(view.log.writes)

    def record_write(self, tensor: torch.Tensor, draft: Draft | None) -> None:
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
            self._bring_up_to_date(view)

    def _bring_up_to_date(self, view: _TensorView) -> None:
        old, tracked = self.nodes.node_of(view.tensor), view.seen >= 0
        new = [
            w
            for w in view.log.writes[max(view.seen, 0) :]
            if tracked and not _are_disjoint(view, w[0])
        ]
        view.seen = len(view.log.writes)
        if tracked and not new:
            return
        if tracked and all(_is_descendant(writer, view) for writer, _ in new):
            draft = old
            for writer, written in new:
                draft = self._node_after_write(draft, view, writer, written)
        elif view.parent is not None:
            draft = self._read_from_parent(view, view.parent)
        else:
            return
        if draft is not old:
            self.nodes.bind(draft, view.tensor)

    def _content(self, view: _TensorView) -> Draft | None:
        if view.seen != len(view.log.writes):
            self._bring_up_to_date(view)
        return self.nodes.node_of(view.tensor)

    def _read_from_parent(self, view: _TensorView, parent: _TensorView) -> Draft | None:
        """The node of a view, from its parent's node."""
        return self._view_node(view, parent, self._content(parent))

    def _view_node(
        self, view: _TensorView, parent: _TensorView, node: Draft | None
    ) -> Draft | None:
        placement = placement_in(view.tensor, parent.tensor)
        if node is None or (placement and placement.is_whole_base):
            return node
        source, out = Source(node, tuple(parent.tensor.shape)), tuple(view.tensor.shape)
        if placement:
            return self.part_node(node, placement, out)
        if _same_order(view.tensor, parent.tensor):
            outcome = Outcome("reshape", [reshaped_link(source, out)])
        else:
            outcome = Outcome(
                "unknown", [unfollowed_link(source)], IRREGULAR_VIEW_BOUND, IRREGULAR_VIEW_BOUND
            )
        return self.nodes.add_node("view", outcome, out)

    def record_concatenation(
        self, node: Draft, parts: Sequence[tuple[Draft | None, int]], dim: int
    ) -> None:
        """A tensor was joined from others along a dimension without the image.

        Args:
            node: its node.
            parts: the node of each, None for constants, and its length along the dimension.
            dim: the dimension.
        """
        nodes = [part for part, _ in parts if part]
        if len(set(map(_single_input_chain, nodes))) == 1 and not any(
            id(n) in self.patches_of for n in nodes
        ):
            return
        whole, start, patches = whole_placement(node.shape), 0, Patches(None)
        for part, length in parts:
            ranges = list(whole.ranges)
            ranges[dim] = range(start, start + length)
            patches = patches.with_patch(Patch(whole._replace(ranges=tuple(ranges)), part))
            start += length
        self.patches_of[id(node)] = patches

    def record_split(self, node: Draft, source: Draft) -> None:
        """A node stands for all parts of a tensor that was split."""
        if id(source) in self.patches_of:
            self.patches_of[id(node)] = self.patches_of[id(source)]

    def record_channelwise_call(self, node: Draft, outcome: Outcome) -> None:
        """A node whose channels each read their own of a tensor whose channels differ."""
        own = (
            outcome.kind in CHANNELWISE
            or "pool" in node.operation
            or node.operation in PERMUTATIONS
        )
        mixed = [link for link in outcome.links if id(link.source) in self.patches_of]
        others = (link for link in outcome.links if link not in mixed)
        if not (own and mixed) or any(_reads_whole_image(link) for link in others):
            return
        alike = len(outcome.links) == 1 and node.operation in ELEMENTWISE
        self.patches_of[id(node)] = Patches(
            node, mixed=True, elementwise_source=mixed[0].source if alike else None
        )

    def channel_part(self, tensor: torch.Tensor, node: Draft) -> tuple[Draft | None] | None:
        """The node of a view of a tensor whose channels hold different things.

        Args:
            tensor: the view, just made.
            node: the node of what it is a view of.

        Returns:
            The node, None in it for constants; None where the call's own rule knows as much.
        """
        view = self.views.get(id(tensor))
        if id(node) not in self.patches_of or view is None or view.parent is None:
            return None
        base = view.parent
        while self.patches_of[id(node)].mixed and base.parent is not None:
            above = self._content(base.parent)
            if above is None or id(above) not in self.patches_of:
                break
            base, node = base.parent, above
        placement = placement_in(view.tensor, base.tensor)
        return (self.part_node(node, placement, tuple(tensor.shape)),) if placement else None

    def part_node(self, node: Draft, placement: Placement, out: Shape) -> Draft | None:
        """What a part of a tensor holds.

        Args:
            node: what the tensor holds.
            placement: the part.
            out: its shape.

        Returns:
            The node of the part; None where it holds constants.
        """
        patches, bound = self.patches_of.get(id(node)), ""
        some = any(not (parts or placement.covers(dim)) for dim, parts in enumerate(node.layout))
        if patches and patches.elementwise_source and some:
            inner = self.part_node(patches.elementwise_source, placement, out)
            if inner is None:
                return None
            own = Source(inner, out)
            outcome = Outcome("pass", [link_by_dims(own, out, same_dims(own))])
            return self.nodes.add_node(node.operation, outcome, out)
        if patches and some:
            visible = patches.visible(placement, node.layout)
            if [patch.placement for patch in visible.patches] == [placement]:
                return visible.patches[0].draft
            cut = any(self._is_cut(patch, placement) for patch in visible.patches)
            bound = "" if visible.exact and not cut else MIXED_CHANNELS_BOUND
            whole = patches.visible(whole_placement(placement.shape), node.layout)
            if visible.exact and (visible.patches, visible.base) != (whole.patches, whole.base):
                links = self._visible_links(patches.base, visible, placement.shape)
                if not links:
                    return None
                node = self._setitem_node(links, placement, "")
        link = link_from_base(Source(node, placement.shape), placement, out)
        part = self.nodes.add_node("getitem", Outcome("crop", [link], bound, bound), out)
        if patches:
            self.patches_of[id(part)] = Patches(part, mixed=True)
        return part

    def _node_after_write(
        self, old: Draft | None, base: _TensorView, writer: _TensorView, written: Draft | None
    ) -> Draft | None:
        """The node of a base after a write through a view of it."""
        if writer is base:
            return written
        placement = placement_in(writer.tensor, base.tensor)
        if placement:
            return self.overwritten(old, placement, written)
        step = writer
        while step.parent is not base and step.parent is not None:
            step = step.parent
        if step.parent is None or not _same_order(step.tensor, base.tensor):
            return self._node_of_unplaced_write(old, written, tuple(base.tensor.shape))
        inner = self._node_after_write(self._view_node(step, base, old), step, writer, written)
        if inner is None:
            return None
        source, shape = Source(inner, tuple(step.tensor.shape)), tuple(base.tensor.shape)
        outcome = Outcome("reshape", [reshaped_link(source, shape)])
        return self.nodes.add_node("view", outcome, shape)

    def _node_of_unplaced_write(
        self, old: Draft | None, written: Draft | None, shape: Shape
    ) -> Draft | None:
        """An upper bound: every element may hold both the old and the written content."""
        links = [unfollowed_link(Source(d, d.shape)) for d in (old, written) if d]
        if not links:
            return None
        return self.nodes.add_node(
            "setitem", Outcome("unknown", links, UNPLACED_WRITE_BOUND, UNPLACED_WRITE_BOUND), shape
        )

    def _is_cut(self, patch: Patch, region: Placement) -> bool:
        """Whether a region has some channels of a patch whose own channels differ."""
        return id(patch.draft) in self.patches_of and not patch.placement.is_inside(region)

    def overwritten(
        self, old: Draft | None, placement: Placement, written: Draft | None
    ) -> Draft | None:
        """What a tensor holds once a part of it was overwritten.

        Args:
            old: what it node; None for constants.
            placement: the part.
            written: what is written there, in the part's shape; None for constants.
        """
        shape = placement.shape
        if old is None and written is None:
            return None
        base = Source(old, shape).layout if old else None
        patch = self._patch_of(written, placement, base)
        new = _patch_link(patch.draft, patch.placement) if patch.draft else None
        layout = base or (new.layout if new else ())
        left = untouched_strips(placement, layout)
        if left is None:
            return self._node_after_channel_write(old, patch, layout)
        links = [self._strip_link(Source(old, shape), strip) for strip in left] if old else []
        links += [new] if new else []
        joined = self._setitem_node(links, placement, "") if links else None
        if joined and left and id(old) in self.patches_of:
            self.patches_of[id(joined)] = Patches(joined, mixed=True)
        return joined

    def _node_after_channel_write(
        self, old: Draft | None, patch: Patch, layout: Layout
    ) -> Draft | None:
        """The node of a tensor after a write to some of its channels."""
        before = self.patches_of.get(id(old)) or Patches(old)
        patches = before.with_patch(patch)
        visible = patches.visible(whole_placement(patch.placement.shape), layout)
        links = self._visible_links(patches.base, visible, patch.placement.shape)
        if not links:
            return None
        joined = self._setitem_node(
            links, patch.placement, "" if visible.exact else MIXED_CHANNELS_BOUND
        )
        self.patches_of[id(joined)] = patches
        return joined

    def _visible_links(
        self, base: Draft | None, visible: VisibleContents, shape: Shape
    ) -> list[Link]:
        """The links of a tensor to the nodes of its visible contents."""
        links: list[Link] = []
        if base:
            whole = Source(base, shape)
            links += [
                self._strip_link(whole, strip)
                if strip
                else link_by_dims(whole, shape, same_dims(whole))
                for strip in visible.base
            ]
        return links + [
            _patch_link(patch.draft, patch.placement) for patch in visible.patches if patch.draft
        ]

    def _patch_of(self, written: Draft | None, placement: Placement, base: Layout | None) -> Patch:
        """The written content as a patch, with the image axis that the part's shape lacks."""
        if written is None:
            return Patch(placement, None)
        back = link_with_restored_axes(
            Source(written, tuple(placement.view_shape())), placement, base
        )
        if back is None:
            return Patch(placement, written)
        shape, link = back
        return Patch(
            in_base_order(placement),
            self.nodes.add_node("unsqueeze", Outcome("reshape", [link]), shape),
        )

    def _strip_link(self, old: Source, strip: Strip) -> Link:
        """The link to the old content that remains in one box, at its place."""
        out = tuple(len(strip.get(dim, range(n))) for dim, n in enumerate(old.shape))
        cut = link_by_dims(old, out, same_dims(old), crops_of(old.shape, strip))
        part = Source(self.nodes.add_node("getitem", Outcome("crop", [cut]), out), out)
        back = {d: uncrop_map(old.shape[d], t) for d, t in strip.items() if len(t) != old.shape[d]}
        return link_by_dims(part, old.shape, same_dims(part), back)

    def _setitem_node(self, links: Sequence[Link], placement: Placement, bound: str) -> Draft:
        bound = UNPLACED_WRITE_BOUND if any(link.unfollowed for link in links) else bound
        layout = links[-1].layout
        inside = any(parts and not placement.covers(dim) for dim, parts in enumerate(layout))
        note = JOINED_NOTE if inside and len(links) > 1 else bound
        kind = "unknown" if bound == UNPLACED_WRITE_BOUND else "merge" if len(links) > 1 else "pad"
        return self.nodes.add_node("setitem", Outcome(kind, links, note, bound), placement.shape)


def _single_input_chain(draft: Draft) -> tuple[Draft, tuple[Maps, ...]]:
    """The last node before a draft that reads several, and the maps from it on."""
    maps: list[Maps] = []
    while len(draft.inputs) == 1:
        if not all(axis.is_identity for axis in draft.maps[0]):
            maps.append(draft.maps[0])
        (draft,) = draft.inputs
    return draft, tuple(maps)


def _reads_whole_image(link: Link) -> bool:
    """Whether every unit reads the whole image, through one chain of nodes."""
    maps, draft = link.maps, link.source
    while not all(axis.whole for axis in maps):
        if len(draft.inputs) != 1 or draft.grid != (1, 1):
            return False
        (maps,), (draft,) = draft.maps, draft.inputs
    return True


def _patch_link(node: Draft, placement: Placement) -> Link:
    """What a tensor reads of the node of one part of it."""
    return link_into_base(Source(node, tuple(placement.view_shape())), placement)


def _same_order(view: torch.Tensor, base: torch.Tensor) -> bool:
    """Whether a view has all elements of its base, in the same order."""
    return (
        view.dtype == base.dtype
        and view.numel() == base.numel()
        and view.storage_offset() == base.storage_offset()
        and view.is_contiguous()
        and base.is_contiguous()
    )


def _is_descendant(view: _TensorView, base: _TensorView) -> bool:
    """Whether a view was made from a base, in one step or several."""
    while view is not base and view.parent is not None:
        view = view.parent
    return view is base


def _are_disjoint(one: _TensorView, other: _TensorView) -> bool:
    """Whether two views surely have no element in common."""
    ancestors = [*_ancestors(one)]
    common = next(v for v in _ancestors(other) if v in ancestors)
    places = [_covering_placement(view, common) for view in (one, other)]
    return places[0].is_disjoint(places[1])


def _ancestors(view: _TensorView | None) -> Iterable[_TensorView]:
    while view is not None:
        yield view
        view = view.parent


def _covering_placement(view: _TensorView, base: _TensorView) -> Placement:
    """Where a view lies in a base, or the smallest tensor around it of which that is known."""
    for around in _ancestors(view):
        if around is base:
            break
        placement = placement_in(around.tensor, base.tensor)
        if placement:
            return placement
    return whole_placement(tuple(base.tensor.shape))
