"""Comparisons of blocks on the same input, each block as one line of notation. Needs no torch.

Published blocks are taken from the notation of the zoo's networks (`core.networks.zoo_lines`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import SpecError
from ..networks import NetworkSpec, ResidualBlock
from ..networks.notation import chain_to_notation, parse_notation
from ..networks.zoo_lines import NOTATIONS

MAX_BLOCKS = 4
"""Largest number of blocks in one comparison."""
InputSize = tuple[int, int, int]
"""(channels, height, width)."""


@dataclass(frozen=True)
class NamedBlock:
    """A block with its name.

    Attributes:
        title: name on screen.
        layers: the block's layers in the notation of `core.networks.notation`.
    """

    title: str
    layers: str

    @property
    def spec(self) -> NetworkSpec:
        """The block as a spec; raises SpecError if ``layers`` is not valid notation."""
        return parse_notation(self.layers)


@dataclass(frozen=True)
class BlockComparison:
    """Several blocks that are compared on the same input.

    Attributes:
        title: name on screen.
        sentence: one sentence on what the comparison shows.
        blocks: two to `MAX_BLOCKS` blocks.
        input_size: (C, H, W) of the blocks' input.
        batch: number of images in the input.
    """

    title: str
    sentence: str
    blocks: tuple[NamedBlock, ...]
    input_size: InputSize
    batch: int


def _first_downsampling_block(name: str) -> str:
    """The first block of the zoo's ``name`` whose shortcut downsamples, and the ReLU after it."""
    layers = parse_notation(NOTATIONS[name]).layers
    for index, layer in enumerate(layers):
        if isinstance(layer, ResidualBlock) and any(map(_is_strided, layer.shortcut)):
            return chain_to_notation(layers[index : index + 2])
    raise SpecError("name", "must have a shortcut that downsamples", name)


def _is_strided(layer: object) -> bool:
    return getattr(layer, "stride", (1, 1)) != (1, 1)


CONV = "conv3 p1 c128 nobias, bn, relu"
"""A 3×3 convolution with stride 1, batch norm and ReLU."""
BLUR = "pad1 reflect, avgpool2 s1, avgpool2"
"""Two 2×2 averages, which blur by [1 2 1] along both axes; the second one downsamples."""

_COMPARISONS = {
    "blocks": BlockComparison(
        "a downsampling block, 64 to 128 channels",
        "One job, done by a stride, by pooling, and by pooling with a blur.",
        (
            NamedBlock("strided 3×3", "conv3 s2 p1 c128 nobias, bn, relu"),
            NamedBlock("3×3, then max-pool", f"{CONV}, maxpool2"),
            NamedBlock("3×3, then average pool", f"{CONV}, avgpool2"),
            NamedBlock("3×3, then max at stride 1 and blur", f"{CONV}, maxpool2 s1, {BLUR}"),
        ),
        (64, 56, 56),
        32,
    ),
    "layers": BlockComparison(
        "the downsampling layer alone",
        "What pooling saves beside a convolution with a stride, and what it throws away.",
        (
            NamedBlock("max-pool 2×2", "maxpool2"),
            NamedBlock("average pool 2×2", "avgpool2"),
            NamedBlock("3×3, stride 2", "conv3 s2 p1 c64 nobias"),
            NamedBlock("1×1, stride 2", "conv1 s2 c64 nobias"),
        ),
        (64, 56, 56),
        32,
    ),
    "small": BlockComparison(
        "two small nets on 32×32×3",
        "A convolution with stride 2, and one with stride 1 before a 2×2 max-pool.",
        (
            NamedBlock("strided", "conv3 s2 c32, relu"),
            NamedBlock("pooled", "conv3 c32, relu, maxpool2"),
        ),
        (3, 32, 32),
        32,
    ),
    "seven": BlockComparison(
        "one 7×7 or three 3×3",
        "49C² weights in one layer, or 27C² in three.",
        (
            NamedBlock("one 7×7", NOTATIONS["one_7x7"]),
            NamedBlock("three 3×3", NOTATIONS["three_3x3"]),
        ),
        (64, 32, 32),
        8,
    ),
    "stems": BlockComparison(
        "stems",
        "The first layers of four architectures on the same photograph.",
        (
            NamedBlock("ResNet", NOTATIONS["resnet_stem"]),
            NamedBlock("EfficientNet", NOTATIONS["efficientnet_stem"]),
            NamedBlock("ConvNeXt", NOTATIONS["convnext_stem"]),
            NamedBlock("ViT-B/16", NOTATIONS["vit_b_16_stem"]),
        ),
        (3, 224, 224),
        1,
    ),
    "residual": BlockComparison(
        "ResNet's downsampling block",
        "The stride in the 1×1 (v1), in the 3×3 (v1.5), and with a shortcut that averages "
        "before its 1×1 (D).",
        (
            NamedBlock("ResNet v1: stride in the 1×1", _first_downsampling_block("resnet50_v1")),
            NamedBlock("ResNet v1.5: stride in the 3×3", _first_downsampling_block("resnet50")),
            NamedBlock("ResNet-D: averaged shortcut", _first_downsampling_block("resnet50_d")),
        ),
        (256, 56, 56),
        1,
    ),
}

COMPARISONS: Mapping[str, BlockComparison] = MappingProxyType(_COMPARISONS)
"""Every comparison by its name, which links contain."""
