"""Follows writes to a part of a tensor's memory.

A write through one tensor (``p.add_(…)``, ``x[:, :2] = …``, ``out=y``) changes every tensor that
has an element in common with it. Each memory has a log of its writes. A tensor is brought up to
date when it is next read: nodes are then added for the remaining old content and for the written
content. Contents that are never read get no node.
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
    crop_maps,
    in_base_order,
    link_from_base,
    link_into_base,
    link_with_restored_axes,
    placement_in,
    uncrop_map,
    untouched_strips,
    whole_placement,
)

UNPLACED_WRITE_REASON = "what is written to a part of a tensor could not be placed"
"""Why maps are only an upper bound: a part of the tensor with no known placement was written to."""
MIXED_CHANNELS_REASON = (
    "its channels read different places, and some of them are taken or overwritten"
)
"""Why maps are only an upper bound: channels that read different units were taken apart."""
IRREGULAR_VIEW_REASON = "a view of other elements than a grid of them"
"""Why a view's maps are only an upper bound: its elements are not a regular grid in its base."""
CHANNELWISE_KINDS = ("pass", "merge", "pad", "crop", "resample")
"""Kinds of operations (core.graph.KINDS) whose output channels may each read one input channel."""
ELEMENTWISE_OPERATIONS = names_in(
    "batch_norm celu dropout dropout2d elu gelu hardsigmoid hardswish hardtanh identity leaky_relu mish relu "
    "relu6 selu sigmoid silu softplus tanh"
)
"""Operations of one tensor that commute with taking a part of it."""
PERMUTING_OPERATIONS = names_in("movedim moveaxis permute swapaxes swapdims transpose")
"""Operations that reorder whole dimensions, so that a slice of channels remains one."""


@dataclass(eq=False)
class _TensorView:
    """A tensor as a view of its memory.

    Attributes:
        tensor: the tensor.
        parent: the view that it was made from; None for the first tensor of the memory.
        log: the writes to the memory.
        included_writes: the number of writes that its node already includes; -1 if its content is
            unknown.
    """

    tensor: torch.Tensor
    parent: _TensorView | None
    log: _WriteLog
    included_writes: int


@dataclass(eq=False)
class _WriteLog:
    """The writes to one memory.

    Attributes:
        writes: for each write the view that was written to, and the node of its new content.
        root: the first tensor of the memory.
    """

    writes: list[tuple[_TensorView, Draft | None]] = field(default_factory=list)
    root: _TensorView | None = None


class NodeRegistry(Protocol):
    """The interface to the nodes of a graph; the recorder implements it."""

    def add_node(self, operation: str, outcome: Outcome, shape: Shape) -> Draft:
        """Adds a node for a tensor's content that no torch call of the network has returned."""

    def node_of(self, tensor: torch.Tensor) -> Draft | None:
        """The node bound to a tensor, regardless of pending writes; None for constants."""

    def bind(self, draft: Draft | None, tensor: torch.Tensor) -> None:
        """Sets the node whose output a tensor contains; None for constants."""


class Memory:
    """The views of all memories of a run, and the writes through them.

    Attributes:
        nodes: the nodes of the graph.
        views: the views by the ``id`` of their tensor.
        logs: the writes to each memory, by its number.
        patches_of: the contents of tensors whose channels differ, by the ``id`` of their node.
    """

    def __init__(self, nodes: NodeRegistry) -> None:
        self.nodes = nodes
        self.views: dict[int, _TensorView] = {}
        self.logs: dict[int, _WriteLog] = {}
        self.patches_of: dict[int, Patches] = {}

    def add_views(self, results: Iterable[torch.Tensor], read: Sequence[torch.Tensor]) -> None:
        """Registers results of a call that share memory with its arguments as views of these."""
        for result in results:
            if id(result) in self.views or any(result is tensor for tensor in read):
                continue
            key = storage_of(result)
            sharing = [t for t in read if storage_of(t) == key]
            if sharing and key is not None:
                parent = self._view_of_tensor(sharing[0])
                if parent is not None:
                    self.views[id(result)] = _TensorView(
                        result, parent, parent.log, len(parent.log.writes)
                    )

    def _view_of_tensor(self, tensor: torch.Tensor) -> _TensorView | None:
        """The view of a tensor, registered on first use; None for tensors without memory."""
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
        """Marks a tensor's node as up to date with all writes so far."""
        view = self._view_of_tensor(tensor)
        if view is not None:
            view.included_writes = len(view.log.writes)

    def record_write(self, tensor: torch.Tensor, draft: Draft | None) -> None:
        """Adds to the log that a tensor was overwritten with a node's output (None: constants)."""
        view = self._view_of_tensor(tensor)
        if view is not None:
            view.log.writes.append((view, draft))
            view.included_writes = len(view.log.writes)

    def refresh(self, tensor: torch.Tensor) -> None:
        """Brings a tensor's node up to date with the writes to its memory."""
        view = self.views.get(id(tensor))
        if view is None:
            key = storage_of(tensor)
            if key not in self.logs:
                return
            view = self._view_of_tensor(tensor)
        if view is not None and view.included_writes != len(view.log.writes):
            self._bring_up_to_date(view)

    def _bring_up_to_date(self, view: _TensorView) -> None:
        """Binds a view's tensor to a new node if writes since the last update have changed it."""
        old, tracked = self.nodes.node_of(view.tensor), view.included_writes >= 0
        new = [
            w
            for w in view.log.writes[max(view.included_writes, 0) :]
            if tracked and not _are_disjoint(view, w[0])
        ]
        view.included_writes = len(view.log.writes)
        if tracked and not new:
            return
        if tracked and all(_is_descendant(writer, view) for writer, _ in new):
            draft = old
            for writer, written in new:
                draft = self._node_after_write(draft, view, writer, written)
        elif view.parent is not None:
            draft = self._node_from_parent(view, view.parent)
        else:
            return
        if draft is not old:
            self.nodes.bind(draft, view.tensor)

    def _current_node(self, view: _TensorView) -> Draft | None:
        """The up-to-date node of a view; None for constants."""
        if view.included_writes != len(view.log.writes):
            self._bring_up_to_date(view)
        return self.nodes.node_of(view.tensor)

    def _node_from_parent(self, view: _TensorView, parent: _TensorView) -> Draft | None:
        """The node of a view, made from the up-to-date node of its parent."""
        return self._node_of_view(view, parent, self._current_node(parent))

    def _node_of_view(
        self, view: _TensorView, parent: _TensorView, node: Draft | None
    ) -> Draft | None:
        """The node of a view, made from ``node``, the content of its parent."""
        placement = placement_in(view.tensor, parent.tensor)
        if node is None or (placement and placement.is_whole_base):
            return node
        source, out = Source(node, tuple(parent.tensor.shape)), tuple(view.tensor.shape)
        if placement:
            return self.node_of_part(node, placement, out)
        if _has_all_elements_in_order(view.tensor, parent.tensor):
            outcome = Outcome("reshape", [reshaped_link(source, out)])
        else:
            outcome = Outcome(
                "unknown", [unfollowed_link(source)], IRREGULAR_VIEW_REASON, IRREGULAR_VIEW_REASON
            )
        return self.nodes.add_node("view", outcome, out)

    def record_concatenation(
        self, node: Draft, parts: Sequence[tuple[Draft | None, int]], dim: int
    ) -> None:
        """Stores that a tensor was concatenated along a dimension without the image.

        Args:
            node: the node of the result.
            parts: the node (None for constants) and the length of each concatenated tensor.
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
        """Copies the patches of ``source``, a tensor that is split, to the node of the split."""
        if id(source) in self.patches_of:
            self.patches_of[id(node)] = self.patches_of[id(source)]

    def record_channelwise_call(self, node: Draft, outcome: Outcome) -> None:
        """Marks a node as mixed if its channels each read one channel of an input with patches."""
        channelwise = (
            outcome.kind in CHANNELWISE_KINDS
            or "pool" in node.operation
            or node.operation in PERMUTING_OPERATIONS
        )
        mixed = [link for link in outcome.links if id(link.source) in self.patches_of]
        others = (link for link in outcome.links if link not in mixed)
        if not (channelwise and mixed) or any(_reads_whole_image(link) for link in others):
            return
        elementwise = len(outcome.links) == 1 and node.operation in ELEMENTWISE_OPERATIONS
        self.patches_of[id(node)] = Patches(
            node, mixed=True, elementwise_source=mixed[0].source if elementwise else None
        )

    def node_of_channel_part(self, tensor: torch.Tensor, node: Draft) -> tuple[Draft | None] | None:
        """The node of a new view of a tensor whose channels differ.

        Args:
            tensor: the view.
            node: the node of the tensor of which it is a view.

        Returns:
            A tuple with the node (None for constants); None instead of the tuple if the rule of
            the call that made the view is already as precise.
        """
        view = self.views.get(id(tensor))
        if id(node) not in self.patches_of or view is None or view.parent is None:
            return None
        base = view.parent
        while self.patches_of[id(node)].mixed and base.parent is not None:
            above = self._current_node(base.parent)
            if above is None or id(above) not in self.patches_of:
                break
            base, node = base.parent, above
        placement = placement_in(view.tensor, base.tensor)
        return (self.node_of_part(node, placement, tuple(tensor.shape)),) if placement else None

    def node_of_part(self, node: Draft, placement: Placement, out: Shape) -> Draft | None:
        """The node of a part of a tensor.

        Args:
            node: the node of the tensor.
            placement: the placement of the part in the tensor.
            out: the shape of the part.

        Returns:
            The node; None if the part contains constants.
        """
        patches, bound = self.patches_of.get(id(node)), ""
        has_some_channels = any(
            not (parts or placement.covers(dim)) for dim, parts in enumerate(node.layout)
        )
        if patches and patches.elementwise_source and has_some_channels:
            inner = self.node_of_part(patches.elementwise_source, placement, out)
            if inner is None:
                return None
            own = Source(inner, out)
            outcome = Outcome("pass", [link_by_dims(own, out, same_dims(own))])
            return self.nodes.add_node(node.operation, outcome, out)
        if patches and has_some_channels:
            visible = patches.visible(placement, node.layout)
            if [patch.placement for patch in visible.patches] == [placement]:
                return visible.patches[0].draft
            cut = any(self._takes_some_channels(patch, placement) for patch in visible.patches)
            bound = "" if visible.exact and not cut else MIXED_CHANNELS_REASON
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
        """The node of a base after a write through a view of it.

        Args:
            old: the content of the base before; None for constants.
            base: the base.
            writer: the view that was written to.
            written: the written content; None for constants.
        """
        if writer is base:
            return written
        placement = placement_in(writer.tensor, base.tensor)
        if placement:
            return self.node_after_overwrite(old, placement, written)
        step = writer
        while step.parent is not base and step.parent is not None:
            step = step.parent
        if step.parent is None or not _has_all_elements_in_order(step.tensor, base.tensor):
            return self._node_of_unplaced_write(old, written, tuple(base.tensor.shape))
        inner = self._node_after_write(self._node_of_view(step, base, old), step, writer, written)
        if inner is None:
            return None
        source, shape = Source(inner, tuple(step.tensor.shape)), tuple(base.tensor.shape)
        outcome = Outcome("reshape", [reshaped_link(source, shape)])
        return self.nodes.add_node("view", outcome, shape)

    def _node_of_unplaced_write(
        self, old: Draft | None, written: Draft | None, shape: Shape
    ) -> Draft | None:
        """The node of an upper bound: every element may have the old or the written content."""
        links = [unfollowed_link(Source(d, d.shape)) for d in (old, written) if d]
        if not links:
            return None
        return self.nodes.add_node(
            "setitem",
            Outcome("unknown", links, UNPLACED_WRITE_REASON, UNPLACED_WRITE_REASON),
            shape,
        )

    def _takes_some_channels(self, patch: Patch, region: Placement) -> bool:
        """Whether a region contains only some channels of a patch whose own channels differ."""
        return id(patch.draft) in self.patches_of and not patch.placement.is_inside(region)

    def node_after_overwrite(
        self, old: Draft | None, placement: Placement, written: Draft | None
    ) -> Draft | None:
        """The node of a tensor after a part of it was overwritten.

        Args:
            old: the node of the tensor before; None for constants.
            placement: the placement of the part in the tensor.
            written: the node of the written value, in the part's shape; None for constants.

        Returns:
            The node; None if the tensor contains only constants.
        """
        shape = placement.shape
        if old is None and written is None:
            return None
        base = Source(old, shape).layout if old else None
        patch = self._patch_of(written, placement, base)
        new = _patch_link(patch.draft, patch.placement) if patch.draft else None
        layout = base or (new.layout if new else ())
        unchanged = untouched_strips(placement, layout)
        if unchanged is None:
            return self._node_after_channel_write(old, patch, layout)
        links = [self._strip_link(Source(old, shape), strip) for strip in unchanged] if old else []
        links += [new] if new else []
        joined = self._setitem_node(links, placement, "") if links else None
        if joined and unchanged and id(old) in self.patches_of:
            self.patches_of[id(joined)] = Patches(joined, mixed=True)
        return joined

    def _node_after_channel_write(
        self, old: Draft | None, patch: Patch, layout: Layout
    ) -> Draft | None:
        """The node of a tensor after a write that leaves some channels or pixels unchanged."""
        before = self.patches_of.get(id(old)) or Patches(old)
        patches = before.with_patch(patch)
        visible = patches.visible(whole_placement(patch.placement.shape), layout)
        links = self._visible_links(patches.base, visible, patch.placement.shape)
        if not links:
            return None
        joined = self._setitem_node(
            links, patch.placement, "" if visible.exact else MIXED_CHANNELS_REASON
        )
        self.patches_of[id(joined)] = patches
        return joined

    def _visible_links(
        self, base: Draft | None, visible: VisibleContents, shape: Shape
    ) -> list[Link]:
        """The links from the visible contents of a tensor to the tensor."""
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
        """The written content as a patch, extended by an image axis that its shape lacks."""
        if written is None:
            return Patch(placement, None)
        restored = link_with_restored_axes(
            Source(written, tuple(placement.view_shape())), placement, base
        )
        if restored is None:
            return Patch(placement, written)
        shape, link = restored
        return Patch(
            in_base_order(placement),
            self.nodes.add_node("unsqueeze", Outcome("reshape", [link]), shape),
        )

    def _strip_link(self, old: Source, strip: Strip) -> Link:
        """The link from one rectangle of a tensor's old content, which stays at its position."""
        out = tuple(len(strip.get(dim, range(n))) for dim, n in enumerate(old.shape))
        cut = link_by_dims(old, out, same_dims(old), crop_maps(old.shape, strip))
        part = Source(self.nodes.add_node("getitem", Outcome("crop", [cut]), out), out)
        uncrop = {
            d: uncrop_map(old.shape[d], t) for d, t in strip.items() if len(t) != old.shape[d]
        }
        return link_by_dims(part, old.shape, same_dims(part), uncrop)

    def _setitem_node(self, links: Sequence[Link], placement: Placement, bound: str) -> Draft:
        """A new node for a tensor whose contents are linked, after a write to ``placement``."""
        bound = UNPLACED_WRITE_REASON if any(link.unfollowed for link in links) else bound
        layout = links[-1].layout
        inside = any(parts and not placement.covers(dim) for dim, parts in enumerate(layout))
        note = JOINED_NOTE if inside and len(links) > 1 else bound
        kind = "unknown" if bound == UNPLACED_WRITE_REASON else "merge" if len(links) > 1 else "pad"
        return self.nodes.add_node("setitem", Outcome(kind, links, note, bound), placement.shape)


def _single_input_chain(draft: Draft) -> tuple[Draft, tuple[Maps, ...]]:
    """The nearest node up the graph that has several inputs or none, and the maps from it.

    The node may be the draft itself. Identity maps are left out, so that drafts with equal results
    read the same units.
    """
    maps: list[Maps] = []
    while len(draft.inputs) == 1:
        if not all(axis.is_identity for axis in draft.maps[0]):
            maps.append(draft.maps[0])
        (draft,) = draft.inputs
    return draft, tuple(maps)


def _reads_whole_image(link: Link) -> bool:
    """Whether every unit of a link's output reads the whole image.

    Only a chain of nodes with one input each is followed.
    """
    maps, draft = link.maps, link.source
    while not all(axis.whole for axis in maps):
        if len(draft.inputs) != 1 or draft.grid != (1, 1):
            return False
        (maps,), (draft,) = draft.maps, draft.inputs
    return True


def _patch_link(node: Draft, placement: Placement) -> Link:
    """The link from the content of a part of a tensor to the tensor."""
    return link_into_base(Source(node, tuple(placement.view_shape())), placement)


def _has_all_elements_in_order(view: torch.Tensor, base: torch.Tensor) -> bool:
    """Whether a view has all elements of its base, in the same order."""
    return (
        view.dtype == base.dtype
        and view.numel() == base.numel()
        and view.storage_offset() == base.storage_offset()
        and view.is_contiguous()
        and base.is_contiguous()
    )


def _is_descendant(view: _TensorView, base: _TensorView) -> bool:
    """Whether a view was made from a base, directly or through other views."""
    while view is not base and view.parent is not None:
        view = view.parent
    return view is base


def _are_disjoint(one: _TensorView, other: _TensorView) -> bool:
    """Whether two views of one memory are known to have no element in common."""
    ancestors = [*_ancestors(one)]
    common = next(v for v in _ancestors(other) if v in ancestors)
    placements = [_covering_placement(view, common) for view in (one, other)]
    return placements[0].is_disjoint(placements[1])


def _ancestors(view: _TensorView | None) -> Iterable[_TensorView]:
    """The view itself, its parent, the parent's parent and so on."""
    while view is not None:
        yield view
        view = view.parent


def _covering_placement(view: _TensorView, base: _TensorView) -> Placement:
    """The placement in a base of a view, or of its nearest ancestor that has a known one."""
    for around in _ancestors(view):
        if around is base:
            break
        placement = placement_in(around.tensor, base.tensor)
        if placement:
            return placement
    return whole_placement(tuple(base.tensor.shape))
