"""Networks as frozen values: layers, blocks, shape inference, and conversion to torch modules.

Only ``build`` needs torch, and imports it when called.
"""

from .blocks import Block, ConcatBlock, Layer, NetworkSpec, Repeat, ResidualBlock
from .build import build
from .layers import (
    ACTIVATIONS,
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
from .resolve import LayerError, Path, ResolvedLayer, explicit, resolve
from .rows import Row, insert, layer_at, move, remove, rows, with_row
from .shapes import Shape

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "AdaptivePool",
    "AvgPool",
    "BatchNorm",
    "Block",
    "ConcatBlock",
    "Conv",
    "ConvTranspose",
    "Dropout",
    "Flatten",
    "GroupNorm",
    "InstanceNorm",
    "Layer",
    "LayerError",
    "LayerNorm",
    "Leaf",
    "Linear",
    "LpPool",
    "MaxPool",
    "NetworkSpec",
    "Pad",
    "Path",
    "PixelShuffle",
    "PixelUnshuffle",
    "Repeat",
    "ResidualBlock",
    "ResolvedLayer",
    "Row",
    "Shape",
    "SqueezeExciteLayer",
    "Upsample",
    "build",
    "explicit",
    "insert",
    "layer_at",
    "move",
    "remove",
    "resolve",
    "rows",
    "with_row",
]
