"""The stages of a network: runs of layers between two changes of the output's size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..cost.layers import CostTotals, LayerCost, totals
from ..receptive_field.outline import Line

Grid = tuple[int, int]


@dataclass(frozen=True)
class Stage:
    """Layers that run one after the other on maps of one size.

    Attributes:
        lines: the stage's lines of the outline.
        grid: units along (height, width) at the stage's end.
        cost: the sum over all its layers, for a batch of one.
    """

    lines: tuple[Line, ...]
    grid: Grid
    cost: CostTotals

    @property
    def first(self) -> Line:
        """The line that changed the size; the image in the first stage."""
        return self.lines[0]

    @property
    def last(self) -> Line:
        """The last line of this size that lies on no branch; the next stage reads it."""
        own = [line for line in self.lines if line.node.grid == self.grid]
        return next((line for line in reversed(own) if line.branch is None), own[-1])

    @property
    def channels(self) -> int:
        """The number of channels of the stage's output."""
        return self.last.node.shape[1]


def stages(lines: Sequence[Line], costs: Iterable[LayerCost] = ()) -> tuple[Stage, ...]:
    """The stages of a network. Their costs add up to the whole.

    A map of one unit that is followed by larger maps is a gate (squeeze-and-excitation), which
    does not begin a stage.

    Args:
        lines: of `core.receptive_field.outline.outline`.
        costs: of `core.cost.layer_costs`, of the same network; without them all are 0.
    """
    groups: list[list[Line]] = []
    for place, line in enumerate(lines):
        grid = line.node.grid
        if not groups or (grid != _grid(groups[-1]) and not _gate(lines[place:])):
            groups.append([])
        groups[-1].append(line)
    shared, rest = costs_of(groups, costs)
    shared[-1] += rest
    return tuple(
        Stage(tuple(group), _grid(group), totals(share))
        for group, share in zip(groups, shared, strict=True)
    )


def _grid(group: Sequence[Line]) -> Grid:
    return group[0].node.grid


def _gate(rest: Sequence[Line]) -> bool:
    return rest[0].node.grid == (1, 1) and any(line.node.grid != (1, 1) for line in rest[1:])


def costs_of(
    groups: Sequence[Sequence[Line]], costs: Iterable[LayerCost]
) -> tuple[list[list[LayerCost]], list[LayerCost]]:
    """The costs of each group of lines, and those that belong to none.

    A line has those of what is folded into it, and of the tensors it reads itself, which the
    network names just before they are used.
    """
    owner = {
        name: place
        for place, group in enumerate(groups)
        for line in group
        for name in (line.node.name, *line.folded)
    }
    shared: list[list[LayerCost]] = [[] for _ in groups]
    loose: list[LayerCost] = []
    for cost in costs:
        loose.append(cost)
        if cost.name in owner:
            shared[owner[cost.name]] += loose
            loose = []
    return shared, loose
