"""The boxes of a network's graph: its operations, or its modules if these are too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, takewhile
from typing import TYPE_CHECKING

from core.text import int_pair_text, times

if TYPE_CHECKING:
    from core.graph import Graph, Node
    from core.receptive_field import ReceptiveField
    from core.receptive_field.outline import Line

KINDS = {
    "transposed": "finer",
    "resample": "finer",
    "pad": "frame",
    "crop": "frame",
    "pass": "other",
    "reshape": "other",
}
"""Kinds of `core.graph` that share the style of another kind."""

SHORT = {
    "conv1d": "conv",
    "conv2d": "conv",
    "conv_transpose1d": "transposed",
    "conv_transpose2d": "transposed",
    "cat": "concat",
    "adaptive_avg_pool2d": "avg pool",
    "adaptive_max_pool2d": "max pool",
    "avg_pool2d": "avg pool",
    "max_pool2d": "max pool",
}
"""Short names of operations of `core.graph`, where they differ from the long ones."""


@dataclass(frozen=True)
class GraphBox:
    """One box of the picture: an operation, or the operations of a module folded together.

    Attributes:
        title: First line of the box's text.
        style: a key of `core.plots.graphs.graph.STYLES`.
        shape: Shape of the output, without the batch.
        line: The last of the lines in the box, whose numbers it has.
        names: Graph nodes of all operations in the box.
        count: Number of lines in the box.
        parents: Indices of the boxes whose outputs it reads.
    """

    title: str
    style: str
    shape: tuple[int, ...]
    line: Line
    names: tuple[str, ...]
    count: int
    parents: tuple[int, ...]

    @property
    def lines(self) -> tuple[str, str, str]:
        """The box's text: the title, the output's shape, the receptive field."""
        field = self.line.field
        rows, cols = field.size
        side = f"{rows}" if rows == cols else f"{rows}×{cols}"
        sees = "whole image" if _sees_all(field) else f"RF {side}"
        sees = f"at most {sees}" if field.bound else sees
        sees += "" if field.aligned else ", not aligned"
        return self.title, times(self.shape), sees

    @property
    def hover(self) -> str:
        """The text for the pointer: operations, receptive field, stride, padding and notes."""
        line, field = self.line, self.line.field
        what = f"{self.count} operations; the numbers are those after the last one"
        lines = [line.node.module or line.node.name]
        lines.append(line.text if self.count == 1 else what)
        if line.folded:
            lines.append(f"then {', '.join(line.folded[:4])}{' …' if len(line.folded) > 4 else ''}")
        if not _sees_all(field):
            lines.append(f"receptive field {field.size[0]:,}×{field.size[1]:,} px")
            lines.append(f"effective stride {_pair_text(field.effective_stride)} px")
            lines.append(f"effective padding {_pair_text(field.effective_padding)} px")
        return "\n".join([*lines, *([field.note] if field.note else [])])


def folded_boxes(
    lines: Sequence[Line], graph: Graph, most: int, among: Sequence[int] | None = None
) -> tuple[GraphBox, ...]:
    """The boxes of a network: its lines, or its modules if these are too many.

    Lines of one module that run one after the other become one box; so no path leaves a box
    and comes back. Modules are cut at the deepest level at which there are few enough boxes;
    where there is none, all lines are kept.

    Args:
        lines: the lines of the network.
        graph: its graph.
        most: the number of boxes for which there is room.
        among: the indices of the lines that are drawn; all by default.
    """
    among = range(len(lines)) if among is None else among
    groups = [[index] for index in among]
    deepest = max((len(_module_path(line)) for line in lines), default=0)
    for depth in range(deepest, 0, -1):
        if len(groups) <= most:
            break
        groups = _groups_by_module(lines, depth, among)
    if len(groups) > most:
        groups = [[index] for index in among]
    home = {index: number for number, group in enumerate(groups) for index in group}
    return tuple(
        _box([lines[index] for index in group], home[group[0]], home, graph) for group in groups
    )


def _module_path(line: Line) -> list[str]:
    """The names of the nested modules that contain a line, outermost first."""
    return line.node.module.split(".") if line.node.module else []


def _groups_by_module(lines: Sequence[Line], depth: int, among: Sequence[int]) -> list[list[int]]:
    """Indices of lines that run one after the other in one module at ``depth``."""

    def module(index: int) -> tuple[object, ...]:
        path = _module_path(lines[index])
        inside = len(path) >= depth and lines[index].node.kind != "input"
        return tuple(path[:depth]) if inside else (index,)

    return [list(group) for _, group in groupby(among, module)]


def _box(lines: Sequence[Line], number: int, home: Mapping[int, int], graph: Graph) -> GraphBox:
    """The box of some lines of one module; ``home`` has the number of each line's box."""
    read = dict.fromkeys(home[index] for line in lines for index, _ in line.inputs if index in home)
    names = tuple(name for line in lines for name in (line.node.name, *line.folded))
    shape = graph[names[-1]].shape[1:]
    if len(lines) == 1:
        title, kind = _box_title(lines[0], graph), lines[0].node.kind
        style = KINDS.get(kind, kind)
    else:
        levels = zip(*map(_module_path, lines), strict=False)
        common = [parts[0] for parts in takewhile(lambda parts: len(set(parts)) == 1, levels)]
        title, style = ".".join(common[-2:]), "folded"
    parents = tuple(parent for parent in read if parent != number)
    return GraphBox(title, style, shape, lines[-1], names, len(lines), parents)


def _box_title(line: Line, graph: Graph) -> str:
    """The name of a box; it mentions folded operations that change the shape."""
    first, last = line.node, graph[line.folded[-1]] if line.folded else line.node
    name = _operation_text(first)
    if first.shape != last.shape and last.operation != first.operation:
        return f"{name}, {SHORT.get(last.operation, last.operation)}"
    return name


def _operation_text(node: Node) -> str:
    """A short name such as ``conv 3×3 s2``; the hover text has the rest."""
    if node.kind == "pad" and node.maps[0][0].n_out < node.maps[0][0].n_in:
        return "crop"
    words = [SHORT.get(node.operation, node.operation.replace("_", " "))]
    windows = [window for window in node.window if window]
    if windows and node.kind != "pad":
        first, last = windows[0], windows[-1]
        words.append(f"{first.kernel_size}×{last.kernel_size}")
        words += [
            f"{letter}{int_pair_text(pair)}"
            for letter, pair in (
                ("s", (first.stride, last.stride)),
                ("d", (first.dilation, last.dilation)),
            )
            if pair != (1, 1)
        ]
    return " ".join(words)


def _sees_all(field: ReceptiveField) -> bool:
    """Whether the units see the whole image along both axes."""
    return field.axes[0].whole and field.axes[1].whole


def _pair_text(values: tuple[float, float]) -> str:
    """``2×1``: a number along the height and one along the width."""
    return f"{values[0]:g}×{values[1]:g}"
