"""Turns a network's graph into lines for a picture, one for each operation that is drawn.

Operations whose units read exactly the unit of the same position (activations, norms, a gate that
multiplies) are folded into the line that they follow. Windows always have a line of their own,
even 1×1 windows. A line between a fork and a merge has the index of its branch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..graph.axes.axis_map import AxisMap, Window
from ..graph.graph import Graph, Node, map_data
from .cross_section import padding_copies, padding_widths
from .fields import ReceptiveField

KINDS_NEVER_FOLDED = ("input", "window", "transposed", "resample")
"""The kinds of nodes that always have a line of their own."""


@dataclass(frozen=True)
class Line:
    """One line of the picture of a network: an operation and what is folded into it.

    Attributes:
        node: the operation.
        field: the receptive field of the node.
        folded: the names of the nodes folded into the line, in running order.
        inputs: for each line that it reads, the line's index and the index of the node's input.
        branch: the index of the branch, i.e. of the input of the merge that follows, if the line
            lies on this branch alone; None on the trunk.
    """

    node: Node
    field: ReceptiveField
    folded: tuple[str, ...]
    inputs: tuple[tuple[int, int], ...]
    branch: int | None

    @property
    def label(self) -> str:
        """The qualified name of its module, or the node's name outside of all submodules."""
        return "image" if self.node.kind == "input" else self.node.module or self.node.name

    @property
    def text(self) -> str:
        """A short description of the operation, such as ``conv2d 3×3, stride 2``."""
        return describe(self.node)

    @property
    def short_text(self) -> str:
        """The `text` in fewer words: without the padding, such as ``conv 3×3, stride 2``."""
        return re.sub(r"2d\b|, padding [^,]*", "", self.text)

    def branch_through(self, own: int) -> int | None:
        """The branch of its connections through one input of the node; None on the trunk."""
        return own if len({source for source, _ in self.inputs}) > 1 else self.branch

    @property
    def strided(self) -> bool:
        """Whether its units are further apart in the image than the units that it reads."""
        return any(
            axis.advance > axis.period and not axis.whole
            for maps in self.node.maps
            for axis in maps
        )


def outline(graph: Graph, fields: Mapping[str, ReceptiveField]) -> tuple[Line, ...]:
    """The lines of all nodes that depend on the image, in running order.

    Args:
        graph: the network's graph, from `core.graph.network_graph`.
        fields: the receptive fields of this graph, from `core.receptive_field.fields_of`.
    """
    line_of: dict[str, int] = {}
    drafts: list[tuple[Node, list[str], tuple[tuple[int, int], ...]]] = []
    for name in fields:
        node = graph[name]
        inputs = [i for i, parent in enumerate(node.inputs) if parent in line_of]
        lines = {line_of[node.inputs[i]] for i in inputs}
        if (
            len(lines) == 1
            and node.kind not in KINDS_NEVER_FOLDED
            and all(_is_identity_of_input(node, i) for i in inputs)
        ):
            line_of[name] = lines.pop()
            drafts[line_of[name]][1].append(name)
            continue
        line_of[name] = len(drafts)
        drafts.append((node, [], tuple((line_of[node.inputs[i]], i) for i in inputs)))
    branches = _branch_indices([inputs for _, _, inputs in drafts])
    return tuple(
        Line(node, fields[node.name], tuple(folded), inputs, branch)
        for (node, folded, inputs), branch in zip(drafts, branches, strict=True)
    )


def _is_identity_of_input(node: Node, input_index: int) -> bool:
    """Whether each unit of a node reads only the unit of the same position of one input."""
    return all(axis.is_identity for axis in node.maps[input_index])


def _branch_indices(inputs: list[tuple[tuple[int, int], ...]]) -> list[int | None]:
    """The branch index of each line (see `Line.branch`), for nested merges the innermost one.

    Args:
        inputs: for each line, the lines that it reads and the indices of the node's inputs.
    """
    ancestors: list[int] = []  # for each line a bit set of itself and all lines it depends on
    branches: list[int | None] = [None] * len(inputs)
    for index, parents in enumerate(inputs):
        sets = [ancestors[line] for line, _ in parents]
        ancestors.append((1 << index) | _bit_union(sets))
        for branch, own in enumerate(sets) if len(sets) > 1 else ():
            exclusive = own & ~_bit_union(sets[:branch] + sets[branch + 1 :])
            for line in _set_bits(exclusive):
                if branches[line] is None:
                    branches[line] = branch
    return branches


def _bit_union(sets: list[int]) -> int:
    """The union of sets that are stored as the bits of integers."""
    union = 0
    for bits in sets:
        union |= bits
    return union


def _set_bits(value: int) -> list[int]:
    """The positions of the bits of an integer that are 1, in ascending order."""
    positions = []
    while value:
        low = value & -value
        positions.append(low.bit_length() - 1)
        value ^= low
    return positions


def describe(node: Node) -> str:
    """An operation in a few words, such as ``conv2d 3×3, stride 2, padding 1``."""
    rows, cols = node.window
    window = rows or cols
    if node.kind == "input":  # its operation is the name of forward's argument
        return "input"
    if window is None:
        return node.operation
    pair = (rows or Window(), cols or Window())
    words = [f"{node.operation} {_size_text(pair[0].kernel_size, pair[1].kernel_size)}"]
    if (pair[0].stride, pair[1].stride) != (1, 1):
        words.append(f"stride {_axes_text(pair[0].stride, pair[1].stride)}")
    pads = [w.padding for w in pair]
    if any(any(p) for p in pads):
        words.append(f"padding {_axes_text(_padding_text(pads[0]), _padding_text(pads[1]))}")
    if (pair[0].dilation, pair[1].dilation) != (1, 1):
        words.append(f"dilation {_axes_text(pair[0].dilation, pair[1].dilation)}")
    return ", ".join(words)


def _size_text(height: int, width: int) -> str:
    return f"{height}×{width}"


def _axes_text(height: object, width: object) -> str:
    """The values along (height, width) as text; one value if both are equal."""
    return f"{height}" if height == width else f"{height}×{width}"


def _padding_text(padding: tuple[int, int]) -> str:
    """The padding (before, after) along one axis as text; one number if both are equal."""
    before, after = padding
    return str(before) if before == after else f"{before}+{after}"


def as_data(lines: tuple[Line, ...]) -> list[dict[str, Any]]:
    """The lines as plain lists and numbers for JSON, from which a browser draws the picture.

    ``paths`` are those of `ReceptiveField.as_data`, and ``pads`` the `padding_widths` along both
    axes. A map has its `padding_copies` as ``copies``; its axis is ``null`` if it is the identity.
    """
    rows, cols = padding_widths(lines, 0), padding_widths(lines, 1)
    return [
        _line_data(line) | {"pads": [list(rows[at]), list(cols[at])]}
        for at, line in enumerate(lines)
    ]


def _line_data(line: Line) -> dict[str, Any]:
    field, node = line.field, line.node
    return {
        "name": node.name,
        "label": line.label,
        "text": line.text,
        "short_text": line.short_text,
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
        "paths": field.as_data()["paths"],
        "inputs": [
            {
                "line": index,
                "maps": [_axis_data(axis) for axis in node.maps[own]],
                "branch": line.branch_through(own),
            }
            for index, own in line.inputs
        ],
    }


def _axis_data(axis: AxisMap) -> dict[str, Any] | None:
    """A map along one axis as plain values; None for the identity."""
    if axis.is_identity:
        return None
    return map_data(axis) | {"copies": {str(at): unit for at, unit in padding_copies(axis).items()}}
