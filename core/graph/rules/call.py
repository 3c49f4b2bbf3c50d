"""The record of one torch call, and of how the image's two axes pass through it.

Every tensor that depends on the network's input has a `Draft`, which holds its `Layout`
(core.graph.axes.layout) and its number of units along height and width. A rule turns a `Call`
into one `Link` for each input, with the help of `link_by_dims`; `fit_links` (both are in
core.graph.rules.links) then combines the links of all inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import torch

from ..axes.axis_map import AxisMap, Window
from ..axes.layout import Grid, Layout, Shape
from ..tracing.constants import Constants

Maps = tuple[AxisMap, AxisMap]
"""The maps along (height, width)."""


class Split(NamedTuple):
    """How a call cuts one tensor into parts.

    Attributes:
        operation: ``"chunk"``, ``"split"``, ``"tensor_split"``, ``"split_with_sizes"`` or
            ``"unbind"``.
        dim: the dimension that is cut.
        shape: the shape of the tensor before the cut.
    """

    operation: str
    dim: int
    shape: Shape


@dataclass(eq=False)
class Draft:
    """A node of the graph while the graph is being recorded.

    The fields mean what those of `core.graph.Node` mean, except that ``grid`` and ``maps`` count
    every unit, including those that lie among the channels of one position. ``split`` is set for
    the node of a tensor that a call has cut into parts.
    """

    name: str
    operation: str
    kind: str
    shape: Shape
    layout: Layout = ()
    grid: Grid = (1, 1)
    module: str = ""
    inputs: tuple[Draft, ...] = ()
    maps: tuple[Maps, ...] = ()
    note: str = ""
    bound: str = ""
    split: Split | None = None


class Source(NamedTuple):
    """An input of a call: its node, and its shape at the time of the call."""

    node: Draft
    shape: Shape

    @property
    def layout(self) -> Layout:
        """The parts of the image axes that run along each dimension of the input."""
        return self.node.layout or ((),) * len(self.shape)

    @property
    def image_dims(self) -> frozenset[int]:
        """The dimensions that hold a part of an image axis."""
        return frozenset(dim for dim, parts in enumerate(self.layout) if parts)


class Link(NamedTuple):
    """What the output of a call reads of one of its inputs.

    Attributes:
        source: the node of the input.
        layout: the layout that the output has if only this input is considered.
        maps: the input units that each output unit reads, along (height, width).
        unfollowed: whether the image axes could not be followed, so that ``maps`` are the upper
            bound in which every output reads the whole input.
    """

    source: Draft
    layout: Layout
    maps: Maps
    unfollowed: bool = False


@dataclass(frozen=True)
class Call:
    """A call of a torch function on at least one tensor that depends on the network's input.

    Attributes:
        operation: torch's name of the function, without underscores of in-place forms.
        function: the function itself.
        args, kwargs: the arguments of the call, whose tensors lie on the meta device.
        out: the shape of the (first) output.
        sources: the inputs that depend on the network's input, in the order of the arguments.
        draft_of: the nodes by the ``id`` of the tensor that holds their output.
        constants: the values of tensors that do not depend on the network's input.
    """

    operation: str
    function: object
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    out: Shape
    sources: tuple[Source, ...]
    draft_of: Mapping[int, Draft]
    constants: Constants

    def get(self, position: int, name: str, default: object = None) -> object:
        """The value of an argument, which the caller may have passed by position or by name."""
        if name in self.kwargs:
            return self.kwargs[name]
        return self.args[position] if position < len(self.args) else default

    def source_of(self, value: object) -> Source | None:
        """The source that an argument stands for; None for constants and plain values."""
        node = self.draft_of.get(id(value)) if isinstance(value, torch.Tensor) else None
        return (
            Source(node, tuple(value.shape)) if node and isinstance(value, torch.Tensor) else None
        )


@dataclass(frozen=True)
class Outcome:
    """The result of a rule: what the output of a call reads.

    Attributes:
        kind: one of `core.graph.KINDS`.
        links: one link for each input.
        note: caveats about the numbers; empty for none.
        bound: the reason why the maps are only an upper bound, as in "lstm has no rule"; empty
            when they are exact. Global pooling and attention read everything by construction, so
            their maps are exact.
        states: the outcome of the other results, for calls that also return tensors of another
            shape, such as the final states of an LSTM.
        split: how the output is cut, for calls that return the parts of one tensor.
        joined: for tensors concatenated along a dimension without the image: the node (None for
            constants) and the length of each tensor, and that dimension.
    """

    kind: str
    links: Sequence[Link]
    note: str = ""
    bound: str = ""
    split: Split | None = None
    states: Outcome | None = None
    joined: tuple[list[tuple[Draft | None, int]], int] | None = None


def window_of(node_maps: Sequence[Maps], axis: int) -> Window | None:
    """The window that a node of one input applies along an axis.

    Args:
        node_maps: the maps of the node, one pair for each input.
        axis: 0 for the height, 1 for the width.

    Returns:
        The window; None if the node has several inputs or applies no window.
    """
    windows = [maps[axis].window for maps in node_maps]
    return windows[0] if len(windows) == 1 else None


def broadcast_dims(shape: Shape, out: Shape) -> dict[int, int]:
    """Maps each input dimension to its output dimension under broadcasting, aligned at the end."""
    return {dim: dim + len(out) - len(shape) for dim in range(len(shape))}


def same_dims(source: Source) -> dict[int, int]:
    """Maps each dimension of an input to itself, for operations that do not move dimensions."""
    return {dim: dim for dim in range(len(source.shape))}


def normalized_dims(value: object, rank: int) -> list[int]:
    """The ``dim`` argument of a torch function as a list of non-negative dimensions.

    None and the empty tuple mean all ``rank`` dimensions.
    """
    if value is None or value == ():
        return list(range(rank))
    chosen = value if isinstance(value, Sequence) else [value]
    return [int(cast(int, dim)) % max(rank, 1) for dim in chosen]


def names_in(text: str) -> tuple[str, ...]:
    """The names in a text that separates them by white space."""
    return tuple(text.split())
