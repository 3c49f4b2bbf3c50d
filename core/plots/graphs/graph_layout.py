"""The layout of a graph's boxes: rows by depth, branches side by side in lanes.

A box stands one row below the lowest box it reads. From each box its deepest child goes on
in the same lane: that is a chain. All other chains, and edges that pass by boxes, get the
nearest lane that is free along all of their rows, short ones nearest. So no two boxes share
a place, and an edge that passes a row passes it where no box stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

Parents = Sequence[Sequence[int]]
"""For each box the indices of the boxes that it reads."""


@dataclass(frozen=True)
class Chain:
    """A chain of boxes one below the other, or an edge that passes by without a box.

    Attributes:
        boxes: Boxes of the chain from top to bottom, one in each row.
        rows: Rows of the chain, and those below it through which its last box's edges pass.
        source: The box that the first one reads; None for the roots.
        right: whether it stands to the right of the trunk, where it hangs on that.
    """

    boxes: tuple[int, ...]
    rows: range
    source: int | None
    right: bool = True


@dataclass(frozen=True)
class GraphLayout:
    """The layout. Lanes are numbered from 0 on the left.

    Attributes:
        rows: the row of each box.
        lanes: the lane of each box.
        passes: box → the lane through which its edges go that pass by rows.
        lane_count, row_count: Number of lanes and of rows.
        empty: lanes without boxes.
    """

    rows: tuple[int, ...]
    lanes: tuple[int, ...]
    passes: dict[int, int]
    lane_count: int
    row_count: int
    empty: frozenset[int]


def compute_layout(parents: Parents) -> GraphLayout:
    """Compute rows and lanes for a graph.

    Args:
        parents: Indices of the boxes that each box reads, all of them smaller than its own.
    """
    rows = _row_of_each_box(parents)
    chains = _chains(parents, rows)
    owner = {box: number for number, chain in enumerate(chains) for box in chain.boxes}
    taken = _lane_of_each_chain(chains, owner)
    left = min(taken, default=0)
    lanes = [lane - left for lane in taken]
    passes = {
        chain.boxes[-1] if chain.boxes else chain.source: lanes[number]
        for number, chain in enumerate(chains)
    }
    count = max(lanes, default=-1) + 1
    full = {lanes[owner[box]] for box in owner}
    return GraphLayout(
        tuple(rows),
        tuple(lanes[owner[box]] for box in range(len(rows))),
        {box: lane for box, lane in passes.items() if box is not None},
        count,
        max(rows, default=-1) + 1,
        frozenset(range(count)) - full,
    )


def _row_of_each_box(parents: Parents) -> list[int]:
    """The row of each box, one below the lowest box that it reads."""
    rows: list[int] = []
    for read in parents:
        rows.append(max((rows[box] + 1 for box in read), default=0))
    return rows


def _chains(parents: Parents, rows: Sequence[int]) -> list[Chain]:
    """Chains that hold each box once, and empty chains for edges that need their own lane."""
    children = _children(parents)
    after = _next_in_chain(children, rows)
    followers = set(after.values())
    chains = []
    for start in (box for box in range(len(rows)) if box not in followers):
        boxes = [start]
        while boxes[-1] in after:
            boxes.append(after[boxes[-1]])
        end = max(rows[boxes[-1]], *(rows[box] - 1 for box in children[boxes[-1]]), 0)
        source = max(parents[start], key=lambda box: rows[box], default=None)
        right = source is None or after.get(source, -1) < start
        chains.append(Chain(tuple(boxes), range(rows[start], end + 1), source, right))
    for box in after:
        end = max(rows[child] for child in children[box])
        if end > rows[box] + 1:
            chains.append(Chain((), range(rows[box] + 1, end), box))
    return chains


def _children(parents: Parents) -> list[list[int]]:
    """The boxes that read each box."""
    children: list[list[int]] = [[] for _ in parents]
    for box, read in enumerate(parents):
        for parent in dict.fromkeys(read):
            children[parent].append(box)
    return children


def _next_in_chain(children: Sequence[Sequence[int]], rows: Sequence[int]) -> dict[int, int]:
    """For each box that has one, the child that continues its chain in the row below."""
    heights = [0] * len(rows)
    for box in reversed(range(len(rows))):
        heights[box] = max((heights[child] + 1 for child in children[box]), default=0)
    after: dict[int, int] = {}
    taken: set[int] = set()
    for box, below in enumerate(children):
        free = [child for child in below if rows[child] == rows[box] + 1 and child not in taken]
        if free:
            after[box] = max(free, key=lambda child: heights[child])
            taken.add(after[box])
    return after


def _lane_of_each_chain(chains: Sequence[Chain], owner: dict[int, int]) -> list[int]:
    """A lane for each chain; connected and shorter chains come first, so that they nest."""
    levels = [0] * len(chains)
    for number in sorted(range(len(chains)), key=lambda n: chains[n].rows.start):
        source = chains[number].source
        levels[number] = 0 if source is None else levels[owner[source]] + 1
    order = sorted(
        range(len(chains)),
        key=lambda n: (levels[n], -len(chains[n].rows) if not levels[n] else len(chains[n].rows)),
    )
    lanes, taken = [0] * len(chains), set[tuple[int, int]]()
    for number in order:
        chain = chains[number]
        lane = 0 if chain.source is None else lanes[owner[chain.source]]
        outward = lane > 0 or (lane == 0 and chain.right)  # away from the trunk, in lane 0
        while any((lane, row) in taken for row in chain.rows):
            lane += 1 if outward else -1
        lanes[number] = lane
        taken |= {(lane, row) for row in chain.rows}
    return lanes
