"""One recorded call of torch, and how the image's two axes pass through it.

Every tensor that depends on the input has a `Draft`: its `Layout` (core.graph.axes.layout) and
the grid of units along height and width. Rules turn a `Call` into `Link`s, one for each
input, made by `by_dims`; `settle` (both in core.graph.rules.links) fits these together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import torch

from ..axes.axis_map import AxisMap, Window
from ..axes.layout import Grid, Layout, Shape
from ..tracing.constants import Constants

Maps = tuple[AxisMap, AxisMap]


@dataclass(eq=False)
class Draft:
    """A node while the graph is being recorded; `core.graph.Node` says what each field is.

    ``grid`` and ``maps`` count every unit, those among the channels of one position too.
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
    part: tuple[str, int, tuple[int, ...]] | None = None


class Source(NamedTuple):
    """An input of a call: its node and its shape when the call was made."""

    node: Draft
    shape: Shape

    @property
    def layout(self) -> Layout:
        """Which parts of the image run along each dimension."""
        return self.node.layout or ((),) * len(self.shape)

    @property
    def held(self) -> frozenset[int]:
        """The dimensions that run along the image."""
        return frozenset(dim for dim, parts in enumerate(self.layout) if parts)


class Link(NamedTuple):
    """How one input's two image axes arrive in the output.

    Attributes:
        source: the input's node.
        layout: of the output, as far as this input says.
        maps: which input unit each output unit reads, along each image axis.
        lost: the axes could not be followed.
    """

    source: Draft
    layout: Layout
    maps: Maps
    unfollowed: bool = False


@dataclass(frozen=True)
class Call:
    """A call of a torch function on at least one tensor that depends on the input."""

    operation: str
    function: object
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    out: Shape
    sources: tuple[Source, ...]
    draft_of: Mapping[int, Draft]
    constants: Constants

    def get(self, position: int, name: str, default: object = None) -> object:
        """An argument by its position or its name."""
        if name in self.kwargs:
            return self.kwargs[name]
        return self.args[position] if position < len(self.args) else default

    def source_of(self, value: object) -> Source | None:
        """The input that an argument is; None for constants and plain values."""
        node = self.draft_of.get(id(value)) if isinstance(value, torch.Tensor) else None
        return (
            Source(node, tuple(value.shape)) if node and isinstance(value, torch.Tensor) else None
        )


@dataclass(frozen=True)
class Outcome:
    """The result of a rule.

    Attributes:
        kind: see `core.graph.KINDS`.
        links: one for each input.
        note: caveats about the numbers; empty for none.
        bound: why the maps are only an upper bound, as in "lstm has no rule"; empty when
            they are exact. What structurally reads everything, such as global pooling or
            attention, is exact.
        states: for calls that return tensors of another shape too: what those read.
        part: for calls that return a tuple: how its parts were cut (core.graph.rules.shapes).
        joined: for tensors joined along channels: the node and the length of each, None for
            constants, and the dimension.
    """

    kind: str
    links: Sequence[Link]
    note: str = ""
    bound: str = ""
    part: tuple[str, int, tuple[int, ...]] | None = field(default=None)
    states: Outcome | None = None
    joined: tuple[list[tuple[Draft | None, int]], int] | None = None


def window_of(node_maps: Sequence[Maps], axis: int) -> Window | None:
    """The window a node applies along an axis, if it applies one."""
    windows = [maps[axis].window for maps in node_maps]
    return windows[0] if len(windows) == 1 else None


def right_aligned(shape: Shape, out: Shape) -> dict[int, int]:
    """Dimensions matched from the last one back, as broadcasting does."""
    return {dim: dim + len(out) - len(shape) for dim in range(len(shape))}


def same(source: Source) -> dict[int, int]:
    """Every dimension stays where it is."""
    return {dim: dim for dim in range(len(source.shape))}


def dims_of(value: object, rank: int) -> list[int]:
    """A dim argument as non-negative dims; None means all."""
    if value is None or value == ():
        return list(range(rank))
    chosen = value if isinstance(value, Sequence) else [value]
    return [int(cast(int, dim)) % max(rank, 1) for dim in chosen]


def words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())
