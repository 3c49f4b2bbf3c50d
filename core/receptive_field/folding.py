"""Folds the lines of a deep network into the rows of a picture, which has no room for all of them.

A row is one line, or several lines that can be unfolded. The lines of a block, which is what lies
between a fork and the merge of all its branches, are one row, such as a residual block or an
Inception module; so are a 1×1 layer and its neighbor. Where that is not enough, rows that follow
each other without a change of the effective stride become one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from .cross_section import reads_single_units

if TYPE_CHECKING:
    from .outline import Line

MAX_ROWS = 24
"""The number of rows that a cone has room for, on the screen and on a slide."""
Group = tuple[int, ...]
"""The indices of lines that are one row, in running order."""


@dataclass(frozen=True)
class ConeRow:
    """A row of a picture: a single line, or lines that are folded.

    Attributes:
        line: the index of the line whose units are drawn, which is the last one of the row.
        inner: the rows into which it unfolds, in running order; () for a single line.
    """

    line: int
    inner: tuple[ConeRow, ...] = ()

    @property
    def lines(self) -> Group:
        """The indices of all lines of the row, in running order."""
        inside = sorted(at for row in self.inner for at in row.lines)
        return tuple(inside) or (self.line,)


def folded_rows(lines: Sequence[Line], most: int) -> tuple[ConeRow, ...]:
    """The rows of a picture of a network, each line in exactly one of them.

    A block whose maps are coarser than those at both of its ends, as in a U-Net, is not folded, and
    rows that change the effective stride are not joined with others.

    Args:
        lines: the lines of the network.
        most: the number of rows that a picture has room for, at least 2. There are more where
            lines can neither be folded nor joined, and no row is folded where all lines fit.
    """
    return _Folding(lines, most).rows(tuple(range(len(lines))))


def unfolded_at(rows: Iterable[ConeRow], index: int) -> tuple[ConeRow, ...]:
    """The rows when those that contain a line without drawing it are unfolded.

    Args:
        rows: from `folded_rows`.
        index: the index of the line that is to be drawn.
    """
    drawn: list[ConeRow] = []
    for row in rows:
        closed = not row.inner or row.line == index or index not in row.lines
        drawn += [row] if closed else unfolded_at(row.inner, index)
    return tuple(sorted(drawn, key=lambda row: row.line))


def row_label(lines: Sequence[Line], row: ConeRow) -> str:
    """The name of a row: of the module that has exactly these lines, otherwise of its line."""
    own = lines[row.line].label
    if not row.inner:
        return own
    inside = row.lines
    parts = [lines[at].label.split(".") for at in inside]
    levels = takewhile(lambda level: len(set(level)) == 1, zip(*parts, strict=False))
    module = ".".join(level[0] for level in levels)
    others = (line.label for at, line in enumerate(lines) if at not in inside)
    shared = any(f"{other}.".startswith(f"{module}.") for other in others)
    return module if module and not shared else own


def row_text(lines: Sequence[Line], row: ConeRow) -> str:
    """What a row does in a few words: its windows larger than 1×1, such as ``2× conv 3×3``."""
    inside = [lines[at] for at in row.lines]
    windows = [each for each in inside if any(w and w.kernel_size > 1 for w in each.node.window)]
    counts = Counter(each.short_text for each in windows if row.inner)
    parts = [f"{n}× {text}" if n > 1 else text for text, n in counts.items()]
    return " + ".join(parts) or lines[row.line].short_text


def layer_count(lines: Sequence[Line], row: ConeRow) -> int:
    """The number of layers of a row; additions and concatenations do not count."""
    return sum(lines[at].node.kind != "merge" for at in row.lines)


def rows_as_data(lines: Sequence[Line], rows: Iterable[ConeRow]) -> list[int | dict[str, Any]]:
    """Rows as plain values for JSON: a single line's index, or the words and rows of a folded row."""
    return [
        {
            "label": row_label(lines, row),
            "text": row_text(lines, row),
            "layers": layer_count(lines, row),
            "strided": any(lines[at].strided for at in row.lines),
            "rows": rows_as_data(lines, row.inner),
        }
        if row.inner
        else row.line
        for row in rows
    ]


class _Folding:
    """The folding of one network's lines into at most ``most`` rows where that is possible."""

    def __init__(self, lines: Sequence[Line], most: int) -> None:
        self.lines, self.most = lines, most
        self.paths = _Paths.of(lines)
        self.blocks = self.paths.blocks(lines)

    def rows(self, members: Group) -> tuple[ConeRow, ...]:
        """The rows of some lines: of all, or of those of one block."""
        if len(members) <= self.most:
            return tuple(ConeRow(at) for at in members)
        groups = self._blocks_among(members)
        merged = self._with_neighbors(groups)
        return self._tree(merged if len(merged) > 1 else groups)

    def _blocks_among(self, members: Group) -> list[Group]:
        """The outermost blocks among some lines, and the lines outside of them."""
        inside = set(members)
        groups: dict[int, Group] = {at: (at,) for at in members}
        for merge, inner in self.blocks.items():
            if inside.issuperset(inner) and merge in inside and len(inner) + 1 < len(members):
                for at in inner:
                    groups.pop(at, None)
                groups[merge] = (*inner, merge)
        return sorted(groups.values(), key=lambda group: group[-1])

    def _with_neighbors(self, groups: list[Group]) -> list[Group]:
        """Joins 1×1 layers with the row before or after, whichever has more of their name."""
        group_of = {at: group for group in groups for at in group}
        for at in (group[0] for group in groups if len(group) == 1):
            if not reads_single_units(self.lines[at]):
                continue
            own = group_of[at]
            beside = self._row_after(own, group_of), self._row_before(own, group_of)
            near = max(
                (group for group in beside if group),
                key=lambda group: self._common_parts(group, at),
                default=own,
            )
            joined = tuple(sorted({*near, *own}))
            group_of |= dict.fromkeys(joined, joined)
        return sorted(set(group_of.values()), key=lambda group: group[-1])

    def _row_before(self, group: Group, group_of: dict[int, Group]) -> Group | None:
        """The only row that a row reads, if no other one reads that; None for the image."""
        sources = {source for at in group for source, _ in self.lines[at].inputs} - {*group}
        if len(sources) != 1 or sources == {0}:
            return None
        (source,) = sources
        before = group_of.get(source)
        only_reader = self.paths.readers[source] & ~sum(1 << at for at in group) == 0
        return before if before and before[-1] == source and only_reader else None

    def _row_after(self, group: Group, group_of: dict[int, Group]) -> Group | None:
        """The only row that reads a row, if that reads no other one."""
        readers = self.paths.readers[group[-1]]
        after = group_of.get(readers.bit_length() - 1)
        return after if after and self._row_before(after, group_of) == group else None

    def _common_parts(self, group: Group, index: int) -> int:
        """How many parts of its name a line has in common with some line of a row."""
        name = self.lines[index].label.split(".")

        def common(other: str) -> int:
            pairs = zip(name, other.split("."), strict=False)
            return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))

        return max(common(self.lines[at].label) for at in group)

    def _tree(self, groups: list[Group]) -> tuple[ConeRow, ...]:
        """The rows of groups; neighbors are joined until there are few enough."""
        chains = self._chains(groups)
        size = 1
        while (
            len(groups) > self.most
            and _row_count(chains, size) > self.most
            and size < len(groups) - 1
        ):
            size += 1
        runs = [chain[at : at + size] for chain in chains for at in range(0, len(chain), size)]
        return tuple(
            ConeRow(run[-1][-1], self._tree(run)) if len(run) > 1 else self._row(run[0])
            for run in sorted(runs, key=lambda run: run[-1][-1])
        )

    def _row(self, group: Group) -> ConeRow:
        """The row of a block, or of a 1×1 layer and its neighbor."""
        return ConeRow(group[-1], self.rows(group) if len(group) > 1 else ())

    def _chains(self, groups: list[Group]) -> list[list[Group]]:
        """Groups that follow each other on one path without a change of the effective stride."""
        group_of = {at: group for group in groups for at in group}
        chains: dict[Group, list[Group]] = {}
        for group in groups:
            before = self._row_before(group, group_of)
            if before in chains and not (
                self._changes_stride(group) or self._changes_stride(before)
            ):
                chains[group] = [*chains.pop(before), group]
            else:
                chains[group] = [group]
        return list(chains.values())

    def _changes_stride(self, group: Group) -> bool:
        """Whether a row's units stand further apart, or closer, than those that it reads."""
        sources = {source for at in group for source, _ in self.lines[at].inputs} - {*group}
        own = self.lines[group[-1]].field.effective_stride
        return any(self.lines[source].field.effective_stride != own for source in sources)


def _row_count(chains: Sequence[Sequence[Group]], size: int) -> int:
    """The number of rows when up to ``size`` groups of a chain are one."""
    return sum(-(-len(chain) // size) for chain in chains)


class _Paths(NamedTuple):
    """What lies on the paths from the image to each line; sets of lines are bits of integers.

    Attributes:
        readers: for each line, the lines that read it.
        ancestors: for each line, itself and all lines that it depends on.
        dominators: for each line, itself and the lines that lie on all paths to it.
    """

    readers: list[int]
    ancestors: list[int]
    dominators: list[int]

    @staticmethod
    def of(lines: Sequence[Line]) -> _Paths:
        """The paths of a network's lines."""
        paths = _Paths([0] * len(lines), [1] * len(lines), [1] * len(lines))
        for at, line in enumerate(lines[1:], 1):
            before, common = 0, -1
            for source, _ in line.inputs:
                paths.readers[source] |= 1 << at
                before |= paths.ancestors[source]
                common &= paths.dominators[source]
            paths.ancestors[at], paths.dominators[at] = before | 1 << at, common | 1 << at
        return paths

    def blocks(self, lines: Sequence[Line]) -> dict[int, tuple[int, ...]]:
        """The lines strictly between a fork and its merge, by the index of the merge's line."""
        blocks: dict[int, tuple[int, ...]] = {}
        for at in range(1, len(lines)):
            fork = (self.dominators[at] ^ 1 << at).bit_length() - 1
            region = self.ancestors[at] & ~self.ancestors[fork]
            inner = tuple(index for index in range(fork + 1, at) if region >> index & 1)
            left_only_at_merge = all(self.readers[index] & ~region == 0 for index in inner)
            if inner and left_only_at_merge and not _is_coarser_inside(lines, inner, (fork, at)):
                blocks[at] = inner
        return blocks


def _is_coarser_inside(lines: Sequence[Line], inner: Sequence[int], ends: Sequence[int]) -> bool:
    """Whether some inner line has larger effective strides than the lines at both ends."""

    def stride(index: int) -> float:
        return max(map(float, lines[index].field.effective_stride))

    return max(map(stride, inner), default=0.0) > max(map(stride, ends))
