"""Computes how the receptive field grows with depth, over a network's layers in running order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate

from ..errors import SpecError
from .fields import ReceptiveField
from .notes import Number

LAYER_KINDS = ("window", "transposed", "resample")
"""The kinds of nodes that count as a layer: those that read neighboring units or rescale."""


@dataclass(frozen=True)
class GrowthCurve:
    """The size of the receptive field after each layer of a network, along one axis.

    Attributes:
        name: the name of the network.
        layers: the qualified name of each layer, or the node's name outside of all submodules.
        sizes: the size of the receptive field after each layer in pixels, not clipped to the image.
        strides: the effective stride after each layer in pixels.
        strided: whether the layer's units are further apart than the units that it reads.
        finer: whether the layer's units are closer together than the units that it reads.
        whole: whether a global operation precedes, so that every unit reads the whole image.
        image: the length of the input along this axis in pixels.
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


def growth_curve(name: str, fields: Mapping[str, ReceptiveField], axis: int = 1) -> GrowthCurve:
    """The growth curve of a network along one axis.

    Convolutions on the single unit after a global operation, as in the gates of
    squeeze-and-excitation, are left out because they are no layers of the feature map.

    Args:
        name: the name of the network in the figure.
        fields: the result of `core.receptive_field.receptive_fields`.
        axis: 0 for the height, 1 for the width.

    Raises:
        SpecError: ``fields`` is empty, or there is no such axis.
    """
    if not fields:
        raise SpecError("fields", "must be those of a network", "none")
    if axis not in (0, 1):
        raise SpecError("axis", "must be 0 for height or 1 for width", axis)
    layers = [field for field in fields.values() if _is_layer(field)]
    steps = [
        (_largest_input_stride(field, fields, axis), field.effective_stride[axis])
        for field in layers
    ]
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
    """Whether a node counts as a layer of the feature map."""
    squeezed = field.grid == (1, 1) and field.axes[0].whole and field.axes[1].whole
    return field.kind in LAYER_KINDS and not squeezed


def _largest_input_stride(
    field: ReceptiveField, fields: Mapping[str, ReceptiveField], axis: int
) -> Number:
    """The largest effective stride among the nodes that a node reads."""
    inputs = field.network.graph[field.name].inputs
    return max(fields[name].effective_stride[axis] for name in inputs if name in fields)
