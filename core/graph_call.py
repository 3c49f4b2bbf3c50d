"""One recorded call of torch, and how the image's two axes pass through it.

Every tensor that depends on the input has a `Draft`: which of its dimensions runs along
the image's height and which along its width (None once an axis is gone), and the grid of
units along both. A sequence of tokens has both axes in one dimension, row by row.
Rules turn a `Call` into `Link`s, one for each input; `settle` fits these together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import torch

from core.axis_map import AxisMap, Window, identity, whole
from core.constants import Constants

Dims = tuple[int | None, int | None]
Maps = tuple[AxisMap, AxisMap]
Shape = tuple[int, ...]


@dataclass(eq=False)
class Draft:
    """A node while the graph is being recorded; `core.graph.Node` says what each field is."""

    name: str
    operation: str
    kind: str
    shape: Shape
    dims: Dims = (None, None)
    grid: tuple[int, int] = (1, 1)
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
    def is_tokens(self) -> bool:
        """Height and width lie row by row in one dimension."""
        return self.node.dims[0] is not None and self.node.dims[0] == self.node.dims[1]

    @property
    def held(self) -> frozenset[int]:
        """The dimensions that run along the image."""
        return frozenset(dim for dim in self.node.dims if dim is not None)


class Link(NamedTuple):
    """How one input's two image axes arrive in the output.

    Attributes:
        source: the input's node.
        dims: the output dimension of each image axis; None where it is gone.
        maps: which input unit each output unit reads, along each image axis.
        lost: the axes could not be followed.
    """

    source: Draft
    dims: Dims
    maps: Maps
    lost: bool = False


@dataclass(frozen=True)
class Call:
    """A call of a torch function on at least one tensor that depends on the input."""

    operation: str
    function: object
    args: tuple[object, ...]
    kwargs: Mapping[str, object]
    out: Shape
    sources: tuple[Source, ...]
    known: Mapping[int, Draft]
    constants: Constants

    def get(self, position: int, name: str, default: object = None) -> object:
        """An argument by its position or its name."""
        if name in self.kwargs:
            return self.kwargs[name]
        return self.args[position] if position < len(self.args) else default

    def source_of(self, value: object) -> Source | None:
        """The input that an argument is; None for constants and plain values."""
        node = self.known.get(id(value)) if isinstance(value, torch.Tensor) else None
        return (
            Source(node, tuple(value.shape)) if node and isinstance(value, torch.Tensor) else None
        )


@dataclass(frozen=True)
class Outcome:
    """What a rule found.

    Attributes:
        kind: see `core.graph.KINDS`.
        links: one for each input.
        note: what a reader must know about the numbers; empty when nothing.
        bound: why the maps are only an upper bound, as in "lstm has no rule"; empty when
            they are exact. What structurally reads everything, such as global pooling or
            attention, is exact.
        part: for calls that return a tuple: how its parts were cut (core.graph_shapes).
    """

    kind: str
    links: Sequence[Link]
    note: str = ""
    bound: str = ""
    part: tuple[str, int, tuple[int, ...]] | None = field(default=None)


def lost(source: Source) -> Link:
    """A link of which only an upper bound is known: everything."""
    return Link(source.node, (None, None), _everything(source.node.grid), lost=True)


def _everything(grid: tuple[int, int]) -> Maps:
    """One output that reads every unit; of an axis of one unit, that unit."""
    rows, cols = (identity(1) if n == 1 else whole(n, 1) for n in grid)
    return rows, cols


def by_dims(
    source: Source,
    out: Shape,
    dims: Mapping[int, int],
    maps: Mapping[int, AxisMap] | None = None,
    mixed: Collection[int] = (),
) -> Link:
    """A link told in tensor dimensions.

    Args:
        source: the input.
        out: the output's shape.
        dims: the output dimension of each input dimension that is kept; all others are
            summed over.
        maps: what is read along an input dimension, where that is not the same unit.
        mixed: input dimensions in which every output reads every input.
    """
    ends: list[tuple[int | None, AxisMap] | None] = [
        _axis_link(source, axis, out, dims, maps or {}, mixed) for axis in (0, 1)
    ]
    (rows, cols) = ends
    if rows is None or cols is None:
        return lost(source)
    return Link(source.node, (rows[0], cols[0]), (rows[1], cols[1]))


def _axis_link(
    source: Source,
    axis: int,
    out: Shape,
    dims: Mapping[int, int],
    maps: Mapping[int, AxisMap],
    mixed: Collection[int],
) -> tuple[int | None, AxisMap] | None:
    dim, n = source.node.dims[axis], source.node.grid[axis]
    if dim is None:
        return None, identity(n)
    target = dims.get(dim)
    if target is None:
        taken = maps.get(dim) if not source.is_tokens else None
        return None, taken or (whole(n, 1) if n > 1 else identity(1))
    same = source.shape[dim] == out[target]
    if dim in mixed:
        return (
            (target, whole(n, n if same else out[target])) if same or not source.is_tokens else None
        )
    if source.is_tokens:
        return (target, identity(n)) if same and dim not in maps else None
    if dim in maps:
        return target, maps[dim]
    if same:
        return target, identity(n)
    return (target, identity(1).spread(out[target])) if n == 1 else None


class Settled(NamedTuple):
    """The output's axes, and the maps from each input to them."""

    dims: Dims
    grid: tuple[int, int]
    maps: tuple[Maps, ...]
    lost: bool


def settle(links: Sequence[Link], out: Shape) -> Settled:
    """One layout for the output from all the links; everything is global if they disagree.

    Nothing is lost where every input has one unit: the output reads it.
    """
    placed = [_axis_place(links, axis, out) for axis in (0, 1)]
    if any(link.lost for link in links) or any(place is None for place in placed):
        return _all_lost(links)
    (row_dim, rows), (col_dim, cols) = (place for place in placed if place is not None)
    if row_dim is not None and row_dim == col_dim and rows * cols != out[row_dim]:
        return _all_lost(links)
    if row_dim != col_dim and not (_fits(out, row_dim, rows) and _fits(out, col_dim, cols)):
        return _all_lost(links)
    maps = [(_fit(link.maps[0], rows), _fit(link.maps[1], cols)) for link in links]
    return Settled((row_dim, col_dim), (rows, cols), tuple(maps), False)


def _fits(out: Shape, dim: int | None, n: int) -> bool:
    return n == (1 if dim is None else out[dim])


def _fit(axis: AxisMap, n_out: int) -> AxisMap:
    return axis if axis.n_out == n_out else axis.spread(n_out)


def _axis_place(links: Sequence[Link], axis: int, out: Shape) -> tuple[int | None, int] | None:
    """The output dimension and length of an image axis; None when inputs disagree."""
    targets = {link.dims[axis] for link in links} - {None}
    lengths = {link.maps[axis].n_out for link in links} - {1}
    if len(targets) > 1 or len(lengths) > 1:
        return None
    target = next(iter(targets), None)
    return target, next(iter(lengths), 1)


def _all_lost(links: Sequence[Link]) -> Settled:
    maps = tuple(_everything(link.source.grid) for link in links)
    loses = any(max(link.source.grid) > 1 for link in links)
    return Settled((None, None), (1, 1), maps, loses)


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


def unknown(call: Call, why: str = "") -> Outcome:
    """An operation that no rule describes: an upper bound, and its name."""
    kept = [
        by_dims(s, call.out, same(s), mixed=[d for d in s.held if s.shape[d] > 1])
        if s.shape == call.out
        else lost(s)
        for s in call.sources
    ]
    spread = any(max(s.node.grid) > 1 for s in call.sources)
    taken = ": taken as the whole image" if spread else ""
    return Outcome(
        "unknown",
        kept,
        f"unknown operation {call.operation} ({why or 'no rule for it'}){taken}",
        f"{call.operation}: {why}" if why else f"{call.operation} has no rule",
    )


def words(text: str) -> tuple[str, ...]:
    """The words of a text."""
    return tuple(text.split())
