"""Blocks, i.e. layers that contain other layers, and whole networks, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, cast, get_args

from ..errors import SpecError
from . import rules
from .layers import Leaf
from .rules import bounded, set_fields


@dataclass(frozen=True)
class ResidualBlock:
    """A residual block, ``body(x) + shortcut(x)``; an empty shortcut is the identity.

    Attributes:
        body, shortcut: the layers of each branch.
        size: number of layers inside plus 1 for the block, with repeats unrolled.
        nesting: 1 plus the largest nesting of the blocks inside.
    """

    kind: ClassVar[str] = "residual"
    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()
    size: int = field(init=False, repr=False, compare=False)
    nesting: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        body, shortcut = (
            checked_layers("body", self.body, 1),
            checked_layers("shortcut", self.shortcut),
        )
        set_fields(self, body=body, shortcut=shortcut)
        set_fields(self, **_checked_size_and_nesting((body, shortcut), 1))

    @property
    def branches(self) -> tuple[tuple[Layer, ...], ...]:
        return self.body, self.shortcut

    @property
    def branch_names(self) -> tuple[str, ...]:
        return "body", "shortcut"

    def with_branches(self, branches: tuple[tuple[Layer, ...], ...]) -> ResidualBlock:
        """A residual block with these branches."""
        return ResidualBlock(*branches)


@dataclass(frozen=True)
class ConcatBlock:
    """A block that concatenates the outputs of its branches along the channels.

    An empty branch is the identity. ``size`` and ``nesting`` are those of `ResidualBlock`.
    """

    kind: ClassVar[str] = "concat"
    branches: tuple[tuple[Layer, ...], ...]
    size: int = field(init=False, repr=False, compare=False)
    nesting: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        value = cast(object, self.branches)
        if not isinstance(value, tuple | list):
            raise SpecError("branches", "must be a tuple of tuples of layers", value)
        bounded("number of branches", len(value), 2, rules.MAX_BRANCHES)
        branches = tuple(checked_layers("branch", branch) for branch in value)
        set_fields(self, branches=branches)
        set_fields(self, **_checked_size_and_nesting(branches, 1))

    @property
    def branch_names(self) -> tuple[str, ...]:
        return tuple(str(index) for index in range(len(self.branches)))

    def with_branches(self, branches: tuple[tuple[Layer, ...], ...]) -> ConcatBlock:
        """A concatenation of these branches."""
        return ConcatBlock(branches)


@dataclass(frozen=True)
class Repeat:
    """The layers ``body``, ``times`` times in sequence; every run has its own weights.

    Attributes:
        times: number of runs.
        body: the layers of one run.
        size: number of layers of all runs.
        nesting: 1 plus the largest nesting of the blocks inside.
    """

    kind: ClassVar[str] = "repeat"
    times: int
    body: tuple[Layer, ...]
    size: int = field(init=False, repr=False, compare=False)
    nesting: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        times, body = (
            bounded("times", self.times, 1, rules.MAX_LAYERS),
            checked_layers("body", self.body, 1),
        )
        set_fields(self, times=times, body=body)
        set_fields(self, **_checked_size_and_nesting((body,), 0, times))

    @property
    def branches(self) -> tuple[tuple[Layer, ...], ...]:
        return (self.body,)

    @property
    def branch_names(self) -> tuple[str, ...]:
        return ("body",)

    def with_branches(self, branches: tuple[tuple[Layer, ...], ...]) -> Repeat:
        """A repeat of other layers, as often as this one."""
        return Repeat(self.times, *branches)


Block = ResidualBlock | ConcatBlock | Repeat
"""A layer that contains other layers."""
Layer = Leaf | Block
"""A layer or a block of layers."""
LEAVES: tuple[type[Leaf], ...] = get_args(Leaf)
"""The classes of layers that contain no other layers."""
BLOCKS: tuple[type[Block], ...] = get_args(Block)
"""The classes of layers that contain other layers."""


@dataclass(frozen=True)
class NetworkSpec:
    """A network as a frozen, hashable value: a sequence of layers and blocks of layers.

    The number of input channels and pixels is not part of it.

    Attributes:
        layers: the layers in the order in which they run.
        size: number of layers with repeats unrolled; at most ``MAX_LAYERS``.
        nesting: largest depth of blocks inside blocks; at most ``MAX_NESTING``.

    Raises:
        SpecError: no layers, too many, nested too deeply, or values that are no layers.
    """

    layers: tuple[Layer, ...]
    size: int = field(init=False, repr=False, compare=False)
    nesting: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        layers = checked_layers("layers", self.layers, 1)
        set_fields(self, layers=layers)
        set_fields(self, **_checked_size_and_nesting((layers,), 0, own_nesting=0))


def checked_layers(parameter: str, value: object, minimum: int = 0) -> tuple[Layer, ...]:
    """Check that ``value`` is a sequence of at least ``minimum`` layers; return it as a tuple.

    Raises:
        SpecError: ``value`` is anything else; names ``parameter``.
    """
    if not isinstance(value, tuple | list):
        raise SpecError(parameter, "must be a tuple of layers", value)
    if len(value) < minimum:
        raise SpecError(parameter, "must have at least one layer", "none")
    if len(value) > rules.MAX_LAYERS:
        raise SpecError(parameter, f"must have at most {rules.MAX_LAYERS:,} layers", len(value))
    for layer in value:
        if not isinstance(layer, (*LEAVES, *BLOCKS)):
            raise SpecError(parameter, "must hold layers only", layer)
    return tuple(value)


def _checked_size_and_nesting(
    chains: tuple[tuple[Layer, ...], ...], own_layers: int, times: int = 1, own_nesting: int = 1
) -> dict[str, int]:
    """The fields ``size`` and ``nesting`` of a block, checked against their limits.

    Args:
        chains: the layers of each branch.
        own_layers: 1 if the block itself counts as a layer, otherwise 0.
        times: number of times that the branches run.
        own_nesting: 1 if the block itself counts as nesting, otherwise 0.
    """
    blocks = [layer for each in chains for layer in each if isinstance(layer, BLOCKS)]
    leaves = sum(map(len, chains)) - len(blocks)
    size = own_layers + times * (leaves + sum(block.size for block in blocks))
    nesting = own_nesting + max((block.nesting for block in blocks), default=0)
    if size > rules.MAX_LAYERS:
        rule = f"must be at most {rules.MAX_LAYERS:,}, repeats counted"
        raise SpecError("number of layers", rule, f"{size:,}")
    if nesting > rules.MAX_NESTING:
        raise SpecError("nesting of blocks", f"must be at most {rules.MAX_NESTING}", nesting)
    return {"size": size, "nesting": nesting}
