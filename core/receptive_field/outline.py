"""A network's graph as lines for a picture, one for each operation that is drawn.

Operations whose units read exactly their own unit (activations, norms, a gate that multiplies)
are folded into the line they follow; windows always have a line of their own, 1×1 ones
too. A line that lies on one branch only, between a fork and a merge, has that branch's index.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..graph.axes.axis_map import AxisMap, Window
from ..graph.graph import Graph, Node, map_data
from .fields import ReceptiveField

ALWAYS = ("input", "window", "transposed", "resample")
"""Kinds of nodes that always have a line of their own."""


@dataclass(frozen=True)
class Line:
    """One line of the picture.

    Attributes:
        node: the operation.
        field: its receptive field.
        folded: names of the operations folded into it, in order.
        inputs: indices of the lines it reads, and which input of the node each is.
        branch: index of the merge's input whose branch it lies on alone; None on the trunk.
    """

    node: Node
    field: ReceptiveField
    folded: tuple[str, ...]
    inputs: tuple[tuple[int, int], ...]
    branch: int | None

    @property
    def label(self) -> str:
        """The qualified name of its module; at the top of the network the node's name."""
        return "image" if self.node.kind == "input" else self.node.module or self.node.name

    @property
    def text(self) -> str:
        """What it is: ``conv2d 3×3, stride 2``."""
        return describe(self.node)

    @property
    def strided(self) -> bool:
        """Whether its units stand further apart than those it reads."""
        return any(
            axis.advance > axis.period and not axis.whole
            for maps in self.node.maps
            for axis in maps
        )


def outline(graph: Graph, fields: Mapping[str, ReceptiveField]) -> tuple[Line, ...]:
    """The lines of the nodes that depend on the image, in the order they run.

    Args:
        graph: of `core.graph.network_graph`.
        fields: of `core.receptive_field.fields_of`, of the same graph.
    """
    places: dict[str, int] = {}
    drafts: list[tuple[Node, list[str], tuple[tuple[int, int], ...]]] = []
    for name, field in fields.items():
        node = graph[name]
        seen = [i for i, parent in enumerate(node.inputs) if parent in places]
        lines = {places[node.inputs[i]] for i in seen}
        if len(lines) == 1 and node.kind not in ALWAYS and all(_own(node, i) for i in seen):
            places[name] = lines.pop()
            drafts[places[name]][1].append(name)
            continue
        places[name] = len(drafts)
        drafts.append((node, [], tuple((places[node.inputs[i]], i) for i in seen)))
        assert field.name == name
    branches = _branches([inputs for _, _, inputs in drafts])
    return tuple(
        Line(node, fields[node.name], tuple(folded), inputs, branch)
        for (node, folded, inputs), branch in zip(drafts, branches, strict=True)
    )


def _own(node: Node, index: int) -> bool:
    """Whether each unit reads its own unit of this input and nothing else."""
    return all(axis.is_identity for axis in node.maps[index])


def _branches(inputs: list[tuple[tuple[int, int], ...]]) -> list[int | None]:
    """The branch of each line; where merges are nested, that of the innermost merge."""
    before: list[int] = []  # lines that each line depends on, itself included, as bits
    branches: list[int | None] = [None] * len(inputs)
    for index, parents in enumerate(inputs):
        sets = [before[line] for line, _ in parents]
        before.append((1 << index) | _union(sets))
        for place, own in enumerate(sets) if len(sets) > 1 else ():
            alone = own & ~_union(sets[:place] + sets[place + 1 :])
            for line in _bits(alone):
                if branches[line] is None:
                    branches[line] = place
    return branches


def _union(sets: list[int]) -> int:
    together = 0
    for each in sets:
        together |= each
    return together


def _bits(value: int) -> list[int]:
    positions = []
    while value:
        low = value & -value
        positions.append(low.bit_length() - 1)
        value ^= low
    return positions


def describe(node: Node) -> str:
    """An operation in a few words: ``conv2d 3×3, stride 2, padding 1``."""
    rows, cols = node.window
    window = rows or cols
    if node.kind == "input":  # of which the graph knows the argument's name
        return "input"
    if window is None:
        return node.operation
    pair = (rows or Window(), cols or Window())
    words = [f"{node.operation} {_times(pair[0].kernel_size, pair[1].kernel_size)}"]
    if (pair[0].stride, pair[1].stride) != (1, 1):
        words.append(f"stride {_pair(pair[0].stride, pair[1].stride)}")
    pads = [w.padding for w in pair]
    if any(any(p) for p in pads):
        words.append(f"padding {_pair(_side(pads[0]), _side(pads[1]))}")
    if (pair[0].dilation, pair[1].dilation) != (1, 1):
        words.append(f"dilation {_pair(pair[0].dilation, pair[1].dilation)}")
    return ", ".join(words)


def _times(a: int, b: int) -> str:
    return f"{a}×{b}"


def _pair(a: object, b: object) -> str:
    return f"{a}" if a == b else f"{a}×{b}"


def _side(padding: tuple[int, int]) -> str:
    before, after = padding
    return str(before) if before == after else f"{before}+{after}"


def as_data(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    """Plain lists and numbers for JSON: what a browser needs to draw and to follow units.

    ``paths`` are left out where size, stride and padding say it all; ``null`` axes of a
    map read their own unit.
    """
    return [_line_data(line) for line in lines]


def _line_data(line: Line) -> dict[str, Any]:
    field, node = line.field, line.node
    data: dict[str, Any] = {
        "name": node.name,
        "label": line.label,
        "text": line.text,
        "kind": node.kind,
        "shape": list(node.shape[1:]),
        "grid": list(node.grid),
        "size": list(field.size),
        "stride": list(field.effective_stride),
        "padding": list(field.effective_padding),
        "center": list(field.center),
        "aligned": field.aligned,
        "note": field.note,
        "bound": field.bound,
        "strided": line.strided,
        "branch": line.branch,
        "folded": list(line.folded),
        "inputs": [
            {"line": index, "maps": [_axis(axis) for axis in node.maps[place]], "place": place}
            for index, place in line.inputs
        ],
    }
    plain = all(
        len(axis.paths) == 1 and axis.paths[0].period == 1 and not axis.grows for axis in field.axes
    )
    if not plain:
        data["paths"] = field.as_data()["paths"]
    return data


def _axis(axis: AxisMap) -> dict[str, Any] | None:
    return None if axis.is_identity else map_data(axis)
