"""Computes the textbook recurrence of receptive fields for the plain windows of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import SpecError
from ..graph.graph import Node

if TYPE_CHECKING:
    from .fields import ReceptiveField


@dataclass(frozen=True)
class Recurrence:
    """One step of the textbook recurrence: the effect of one window along one axis.

    The equations are ``r_out = r_in + (k_eff - 1) * j_in`` and ``j_out = j_in * stride``, both
    exact (Araujo, Norris and Sim, 2019).

    Attributes:
        name: the name of the node.
        k_eff: the effective kernel size, ``dilation * (kernel_size - 1) + 1``.
        stride: the stride of the window.
        r_in, r_out: the size of the receptive field before and after the window, in pixels.
        j_in, j_out: the effective stride (jump) before and after the window, in pixels.
    """

    name: str
    k_eff: int
    stride: int
    r_in: int
    j_in: int
    r_out: int
    j_out: int

    def __str__(self) -> str:
        return (
            f"{self.name}: r = {self.r_in} + ({self.k_eff} − 1)·{self.j_in} = {self.r_out}, "
            f"j = {self.j_in}·{self.stride} = {self.j_out}"
        )


def recurrence(fields: Mapping[str, ReceptiveField], name: str, axis: int = 1) -> list[Recurrence]:
    """The steps of the windows from the image to a node, along its widest path.

    The recurrence holds for plain windows only. So the list begins after the last operation that
    is global or whose outputs read in a pattern of several phases.

    Args:
        fields: the result of `receptive_fields`.
        name: the name of a node.
        axis: 0 for height, 1 for width.

    Raises:
        SpecError: there is no such node.
    """
    if name not in fields:
        raise SpecError("layer", "must be a node of the network", name)
    steps: list[Recurrence] = []
    while True:
        node = fields[name].network.graph[name]
        parents = [i for i, parent in enumerate(node.inputs) if parent in fields]
        if not parents:
            return steps[::-1]
        widest = max(parents, key=lambda i: fields[node.inputs[i]].size[axis])
        parent = fields[node.inputs[widest]]
        node_steps = _recurrence_steps(node, widest, parent, axis)
        if node_steps is None:
            return steps[::-1]
        steps += node_steps
        name = parent.name


def _recurrence_steps(
    node: Node, input_index: int, parent: ReceptiveField, axis: int
) -> list[Recurrence] | None:
    """The step of one node as a list of at most one; None if the recurrence does not hold for it.

    Args:
        node: the node.
        input_index: the index of the input that is followed.
        parent: the receptive field of this input.
        axis: 0 for height, 1 for width.
    """
    spec, passed = node.maps[input_index][axis].window, parent.axes[axis]
    if node.maps[input_index][axis].is_identity or (spec and spec.span == spec.stride == 1):
        return []
    plain = len(passed.paths) == 1 and passed.paths[0].period == 1 and not passed.whole
    if spec is None or spec.transposed or not plain or not passed.paths[0].sizes:
        return None
    size, jump = passed.paths[0].sizes[0], passed.paths[0].advance
    grown = size + (spec.span - 1) * jump
    return [Recurrence(node.name, spec.span, spec.stride, size, jump, grown, jump * spec.stride)]
