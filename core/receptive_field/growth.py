"""The growth of the receptive field with depth, over a network's layers in running order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from ..errors import SpecError
from .fields import ReceptiveField
from .notes import Number

LAYERS = ("window", "transposed", "resample")
"""Kinds of nodes that count as a layer: those that read neighbors, or rescale."""


@dataclass(frozen=True)
class GrowthCurve:
    """Size of the receptive field after each layer, along one axis.

    Attributes:
        name: of the network.
        layers: qualified names, or the nodes' where they run at the top.
        sizes: pixels, unclipped.
        strides: effective strides, in pixels.
        strided: whether the layer's units stand further apart than those it reads.
        finer: whether they stand closer together.
        whole: whether a global operation lies before, so that every unit sees the image.
        image: side of the input along this axis, in pixels.
    """

    name: str
    layers: tuple[str, ...]
    sizes: tuple[Number, ...]
    strides: tuple[Number, ...]
    strided: tuple[bool, ...]
    finer: tuple[bool, ...]
    whole: tuple[bool, ...]
    image: int

    @property
    def widest(self) -> tuple[Number, ...]:
        """The running maximum of the sizes, so that a smaller branch does not lower the curve."""
        return tuple(accumulate(self.sizes, max))


def curve(name: str, fields: Mapping[str, ReceptiveField], axis: int = 1) -> GrowthCurve:
    """The curve of a network along one axis: 0 height, 1 width.

    Windows on a single unit that a global operation left (the gates of squeeze-and-excitation)
    are no layers of the map, and left out.

    Args:
        name: what the network is called on the figure.
        fields: what `core.receptive_field.receptive_fields` returned.
        axis: 0 or 1.

    Raises:
        SpecError: no fields, or no such axis.
    """
    if not fields:
        raise SpecError("fields", "must be those of a network", "none")
    if axis not in (0, 1):
        raise SpecError("axis", "must be 0 for height or 1 for width", axis)
    layers = [field for field in fields.values() if _is_layer(field)]
    steps = [(_before(field, fields, axis), field.effective_stride[axis]) for field in layers]
    return GrowthCurve(
        name,
        tuple(field.module or field.name for field in layers),
        tuple(field.size[axis] for field in layers),
        tuple(stride for _, stride in steps),
        tuple(stride > before for before, stride in steps),
        tuple(0 < stride < before for before, stride in steps),
        tuple(field.axes[axis].whole for field in layers),
        next(iter(fields.values())).grid[axis],
    )


def _is_layer(field: ReceptiveField) -> bool:
    squeezed = field.grid == (1, 1) and field.axes[0].whole and field.axes[1].whole
    return field.kind in LAYERS and not squeezed


def _before(field: ReceptiveField, fields: Mapping[str, ReceptiveField], axis: int) -> Number:
    """The largest effective stride among the nodes that a node reads."""
    inputs = field.network.graph[field.name].inputs
    return max(fields[name].effective_stride[axis] for name in inputs if name in fields)
