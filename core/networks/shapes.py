"""Shape inference for single layers: output channels and size, and torch's rules on inputs.

The size formulas of windows are those of `core.layer.window`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..errors import SpecError
from ..layer.window import Pair, Window2d, span_of
from . import rules
from .layers import (
    Activation,
    AdaptivePool,
    AvgPool,
    BatchNorm,
    Conv,
    ConvTranspose,
    Dropout,
    Flatten,
    GroupNorm,
    InstanceNorm,
    LayerNorm,
    Leaf,
    Linear,
    LpPool,
    MaxPool,
    Pad,
    PixelShuffle,
    PixelUnshuffle,
    SqueezeExciteLayer,
    Upsample,
)


@dataclass(frozen=True)
class Shape:
    """The shape of a layer's input or output, without the batch axis.

    Attributes:
        channels: number of channels, or of features if ``flat``; None if unknown.
        size: (height, width); None if unknown or ``flat``.
        flat: whether the values are flattened to one axis of features.
    """

    channels: int | None
    size: Pair | None = None
    flat: bool = False

    def __str__(self) -> str:
        channels = "unknown" if self.channels is None else self.channels
        if self.flat:
            return f"{channels} features"
        rows, cols = self.size or ("H", "W")
        return f"{channels}×{rows}×{cols}"

    @property
    def features(self) -> int | None:
        """The number of values, or None where it cannot be inferred."""
        if self.flat or self.channels is None:
            return self.channels
        return None if self.size is None else self.channels * math.prod(self.size)


def output_shape(layer: Leaf, shape: Shape) -> Shape:
    """The shape of a layer's output for an input of ``shape``.

    Raises:
        SpecError: the layer does not fit the input, or its output would be empty or larger than
            `core.networks.rules` allows.
    """
    after = SHAPE_RULES[type(layer)](layer, shape)
    limit = rules.MAX_INPUTS if after.flat else rules.MAX_CHANNELS
    if after.channels is not None and after.channels > limit:
        raise SpecError("channels", f"must be at most {limit:,} after this layer", after.channels)
    if after.size is not None and max(after.size) > rules.MAX_SIDE:
        rule = f"must be at most {rules.MAX_SIDE:,} pixels a side after this layer"
        raise SpecError("size", rule, f"{after.size[0]}×{after.size[1]}")
    return after


def channels_and_groups(layer: Conv | ConvTranspose, channels: int) -> tuple[int, int]:
    """(out_channels, groups) of a convolution with this number of input channels."""
    groups = channels if isinstance(layer.groups, str) else layer.groups
    return channels if layer.out_channels is None else layer.out_channels, groups


def _convolution_channels(layer: Conv | ConvTranspose, shape: Shape) -> int | None:
    """The output channels of a convolution, None if unknown; checks that groups divide them."""
    if shape.channels is None:
        return layer.out_channels
    out, groups = channels_and_groups(layer, shape.channels)
    if shape.channels % groups:
        raise SpecError("groups", f"must divide the {shape.channels} channels that arrive", groups)
    if out % groups:
        raise SpecError("out_channels", f"must be a multiple of the {groups} groups", out)
    return out


def _conv(layer: Conv, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    channels = _convolution_channels(layer, shape)
    if isinstance(layer.padding, str):
        pads = [n - 1 for n in map(span_of, layer.kernel_size, layer.dilation)]
        _check_padding(
            layer.padding_mode, max(pads[0] - pads[0] // 2, pads[1] - pads[1] // 2), shape
        )
        return replace(shape, channels=channels)
    _check_padding(layer.padding_mode, max(*layer.padding[0], *layer.padding[1]), shape)
    window = Window2d(layer.kernel_size, layer.stride, layer.padding, layer.dilation)
    return Shape(channels, shape.size and window.output_size(shape.size))


def _check_padding(mode: str, padding: int, shape: Shape) -> None:
    """Check torch's limit on padding that copies pixels; ``padding`` is the largest side."""
    if shape.size is None or mode not in ("reflect", "circular"):
        return
    room = min(shape.size) - (mode == "reflect")
    if padding > room:
        rule = f"must be at most {room} with {mode} on {shape.size[0]}×{shape.size[1]} pixels"
        raise SpecError("padding", rule, padding)


def _transposed(layer: ConvTranspose, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    (rows, cols), extra = layer.padding, layer.output_padding
    pads = ((rows, rows), (cols, cols))
    window = Window2d(layer.kernel_size, layer.stride, pads, layer.dilation)
    size = shape.size and window.transposed_output_size(shape.size, extra)
    return Shape(_convolution_channels(layer, shape), size)


def _pool(layer: MaxPool | AvgPool | LpPool, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    rows, cols = (0, 0) if isinstance(layer, LpPool) else layer.padding
    dilation = layer.dilation if isinstance(layer, MaxPool) else (1, 1)
    pads = ((rows, rows), (cols, cols))
    window = Window2d(layer.kernel_size, layer.stride, pads, dilation, layer.ceil_mode)
    return replace(shape, size=shape.size and window.output_size(shape.size))


def _adaptive(layer: AdaptivePool, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    return replace(shape, size=layer.output_size)


def _group_norm(layer: GroupNorm, shape: Shape) -> Shape:
    if shape.channels is not None and shape.channels % layer.num_groups:
        rule = f"must divide the {shape.channels} channels that arrive"
        raise SpecError("num_groups", rule, layer.num_groups)
    if shape.channels == layer.num_groups and (shape.flat or shape.size == (1, 1)):
        rule = "must leave each group more than one value, which minus its mean is always 0"
        raise SpecError("num_groups", rule, layer.num_groups)
    return shape


def _instance_norm(layer: InstanceNorm, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    if shape.size == (1, 1):
        raise SpecError("size", "must be more than one pixel for instancenorm", "1×1")
    return shape


def _dropout(layer: Dropout, shape: Shape) -> Shape:
    if layer.spatial:
        _check_not_flat(layer, shape)
    return shape


def _upsample(layer: Upsample, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    rows, cols = layer.scale_factor
    return replace(shape, size=shape.size and (shape.size[0] * rows, shape.size[1] * cols))


def _shuffle(layer: PixelShuffle, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    r = layer.upscale_factor
    if shape.channels is not None and shape.channels % r**2:
        rule = f"must have a square that divides the {shape.channels} channels that arrive"
        raise SpecError("upscale_factor", rule, r)
    channels = None if shape.channels is None else shape.channels // r**2
    return Shape(channels, shape.size and (shape.size[0] * r, shape.size[1] * r))


def _unshuffle(layer: PixelUnshuffle, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    r = layer.downscale_factor
    if shape.size is not None and (shape.size[0] % r or shape.size[1] % r):
        rule = f"must divide both sides of the {shape.size[0]}×{shape.size[1]} pixels that arrive"
        raise SpecError("downscale_factor", rule, r)
    channels = None if shape.channels is None else shape.channels * r**2
    return Shape(channels, shape.size and (shape.size[0] // r, shape.size[1] // r))


def _pad(layer: Pad, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    (top, bottom), (left, right) = layer.padding
    _check_padding(layer.padding_mode, max(top, bottom, left, right), shape)
    size = shape.size
    return replace(shape, size=size and (size[0] + top + bottom, size[1] + left + right))


def _flatten(layer: Flatten, shape: Shape) -> Shape:
    return Shape(shape.features, flat=True)


def _linear(layer: Linear, shape: Shape) -> Shape:
    features, in_features = shape.features, layer.in_features
    if features is None and in_features is None:
        rule = "cannot be told without the input's size; write it, or pool to a size before"
        raise SpecError("in_features", rule, "unknown")
    if features is not None and in_features not in (None, features):
        raise SpecError("in_features", f"must be {features}, the features that arrive", in_features)
    if features is None and shape.channels is not None and (in_features or 0) % shape.channels:
        rule = f"must be a multiple of the {shape.channels} channels that arrive"
        raise SpecError("in_features", rule, in_features)
    return Shape(layer.out_features, flat=True)


def _squeeze(layer: SqueezeExciteLayer, shape: Shape) -> Shape:
    _check_not_flat(layer, shape)
    return shape


def _unchanged(layer: Leaf, shape: Shape) -> Shape:
    return shape


def _check_not_flat(layer: Leaf, shape: Shape) -> None:
    """Raise SpecError if a layer that needs height and width gets flattened input."""
    if shape.flat:
        raise SpecError(layer.kind, "needs a picture; put it before flatten and fc", str(shape))


SHAPE_RULES: dict[type[Leaf], Callable[[Any, Shape], Shape]] = {
    Conv: _conv,
    ConvTranspose: _transposed,
    MaxPool: _pool,
    AvgPool: _pool,
    LpPool: _pool,
    AdaptivePool: _adaptive,
    BatchNorm: _unchanged,
    InstanceNorm: _instance_norm,
    GroupNorm: _group_norm,
    LayerNorm: _unchanged,
    Activation: _unchanged,
    Dropout: _dropout,
    Upsample: _upsample,
    PixelShuffle: _shuffle,
    PixelUnshuffle: _unshuffle,
    Pad: _pad,
    Flatten: _flatten,
    Linear: _linear,
    SqueezeExciteLayer: _squeeze,
}
"""The function that infers each layer's output shape."""
