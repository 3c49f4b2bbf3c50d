"""The stages of a network: consecutive layers whose feature maps have one size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..cost.layers import CostTotals, LayerCost, totals
from ..receptive_field.outline import Line

Grid = tuple[int, int]
"""Number of units along (height, width) of a feature map."""


@dataclass(frozen=True)
class Stage:
    """Consecutive layers whose feature maps have one size.

    Attributes:
        lines: the stage's lines of the network's outline.
        grid: number of units along (height, width) of the feature maps.
        cost: total cost of the stage's layers, for a batch of one.
    """

    lines: tuple[Line, ...]
    grid: Grid
    cost: CostTotals

    @property
    def first(self) -> Line:
        """The line whose layer changed the size; in the first stage, that of the image."""
        return self.lines[0]

    @property
    def last(self) -> Line:
        """The last line of this size that lies on no branch, whose output the next stage reads."""
        same_size = [line for line in self.lines if line.node.grid == self.grid]
        return next((line for line in reversed(same_size) if line.branch is None), same_size[-1])

    @property
    def channels(self) -> int:
        """The number of channels of the stage's output."""
        return self.last.node.shape[1]


def stages(lines: Sequence[Line], costs: Iterable[LayerCost] = ()) -> tuple[Stage, ...]:
    """Divide a network into stages; the costs of the stages add up to those of the network.

    A map of one unit that is followed by larger maps is a gate (squeeze-and-excitation), which
    does not begin a stage.

    Args:
        lines: the network's outline, from `core.receptive_field.outline.outline`.
        costs: the network's costs, from `core.cost.layer_costs`; without them all are 0.
    """
    groups: list[list[Line]] = []
    for index, line in enumerate(lines):
        grid = line.node.grid
        if not groups or (
            grid != _grid_of_stage(groups[-1]) and not _begins_with_gate(lines[index:])
        ):
            groups.append([])
        groups[-1].append(line)
    group_costs, unassigned = costs_by_group(groups, costs)
    group_costs[-1] += unassigned
    return tuple(
        Stage(tuple(group), _grid_of_stage(group), totals(costs_of_group))
        for group, costs_of_group in zip(groups, group_costs, strict=True)
    )


def _grid_of_stage(group: Sequence[Line]) -> Grid:
    """Grid of a stage that is being collected."""
    return group[0].node.grid


def _begins_with_gate(lines: Sequence[Line]) -> bool:
    """Whether the first of these lines has one unit and a later one has more."""
    return lines[0].node.grid == (1, 1) and any(line.node.grid != (1, 1) for line in lines[1:])


def costs_by_group(
    groups: Sequence[Sequence[Line]], costs: Iterable[LayerCost]
) -> tuple[list[list[LayerCost]], list[LayerCost]]:
    """Assign the costs of all nodes to the groups of lines.

    A line also has the costs of the nodes folded into it. Costs of nodes that are in no line
    belong to the next node that is, which reads them.

    Returns:
        The costs of each group, and those that follow the last node in any line.
    """
    group_of = {
        name: index
        for index, group in enumerate(groups)
        for line in group
        for name in (line.node.name, *line.folded)
    }
    group_costs: list[list[LayerCost]] = [[] for _ in groups]
    unassigned: list[LayerCost] = []
    for cost in costs:
        unassigned.append(cost)
        if cost.name in group_of:
            group_costs[group_of[cost.name]] += unassigned
            unassigned = []
    return group_costs, unassigned
