"""Blocks for comparison side by side, each as one line of notation. Needs no torch.

A comparison holds blocks that get the same input. Published ones are cut out of the zoo's
own lines (`core.networks.zoo_lines`), so that there is one copy of each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..errors import SpecError
from ..networks import NetworkSpec, ResidualBlock
from ..networks.notation import chain_to_notation, parse_notation
from ..networks.zoo_lines import NOTATIONS

MOST_BLOCKS = 4
"""Most blocks of one comparison."""
InputSize = tuple[int, int, int]


@dataclass(frozen=True)
class NamedBlock:
    """One block with its name.

    Attributes:
        title: the name on screen.
        layers: the block in the notation of `core.networks.notation`.
    """

    title: str
    layers: str

    @property
    def spec(self) -> NetworkSpec:
        """The block as a value; raises SpecError when the line is not valid notation."""
        return parse_notation(self.layers)


@dataclass(frozen=True)
class BlockComparison:
    """Several blocks on one input.

    Attributes:
        title: the name on screen.
        sentence: one sentence on what the comparison shows.
        blocks: two to `MOST_BLOCKS`.
        input_size: (C, H, W) of their input.
        batch: number of images they are measured with.
    """

    title: str
    sentence: str
    blocks: tuple[NamedBlock, ...]
    input_size: InputSize
    batch: int


def _first_reducing(name: str) -> str:
    """The first block of the zoo's ``name`` whose shortcut downsamples, with its ReLU."""
    layers = parse_notation(NOTATIONS[name]).layers
    for place, layer in enumerate(layers):
        if isinstance(layer, ResidualBlock) and any(_strided(each) for each in layer.shortcut):
            return chain_to_notation(layers[place : place + 2])
    raise SpecError("name", "must have a shortcut that downsamples", name)


def _strided(layer: object) -> bool:
    return getattr(layer, "stride", (1, 1)) != (1, 1)


CONV = "conv3 p1 c128 nobias, bn, relu"
BLUR = "pad1 reflect, avgpool2 s1, avgpool2"
"""Two 2×2 averages are a blur by [1 2 1] along both axes; the second one subsamples."""


def _table() -> dict[str, BlockComparison]:
    blocks = (
        NamedBlock("strided 3×3", "conv3 s2 p1 c128 nobias, bn, relu"),
        NamedBlock("3×3, then max-pool", f"{CONV}, maxpool2"),
        NamedBlock("3×3, then average pool", f"{CONV}, avgpool2"),
        NamedBlock("3×3, then max at stride 1 and blur", f"{CONV}, maxpool2 s1, {BLUR}"),
    )
    alone = (
        NamedBlock("max-pool 2×2", "maxpool2"),
        NamedBlock("average pool 2×2", "avgpool2"),
        NamedBlock("3×3, stride 2", "conv3 s2 p1 c64 nobias"),
        NamedBlock("1×1, stride 2", "conv1 s2 c64 nobias"),
    )
    small = (
        NamedBlock("strided", "conv3 s2 c32, relu"),
        NamedBlock("pooled", "conv3 c32, relu, maxpool2"),
    )
    residual = tuple(
        NamedBlock(title, _first_reducing(name))
        for title, name in (
            ("ResNet v1: stride in the 1×1", "resnet50_v1"),
            ("ResNet v1.5: stride in the 3×3", "resnet50"),
            ("ResNet-D: averaged shortcut", "resnet50_d"),
        )
    )
    stems = tuple(
        NamedBlock(title, NOTATIONS[name])
        for title, name in (
            ("ResNet", "resnet_stem"),
            ("EfficientNet", "efficientnet_stem"),
            ("ConvNeXt", "convnext_stem"),
            ("ViT-B/16", "vit_b_16_stem"),
        )
    )
    seven = (
        NamedBlock("one 7×7", NOTATIONS["one_7x7"]),
        NamedBlock("three 3×3", NOTATIONS["three_3x3"]),
    )
    return {
        "blocks": BlockComparison(
            "a block that halves, 64 to 128 channels",
            "One job, done by a stride, by pooling, and by pooling with a blur.",
            blocks,
            (64, 56, 56),
            32,
        ),
        "layers": BlockComparison(
            "the downsampling layer alone",
            "What pooling saves beside a convolution with a stride, and what it throws away.",
            alone,
            (64, 56, 56),
            32,
        ),
        "small": BlockComparison(
            "two small nets on 32×32×3",
            "A convolution with stride 2, and one with stride 1 before a 2×2 max-pool.",
            small,
            (3, 32, 32),
            32,
        ),
        "seven": BlockComparison(
            "one 7×7 or three 3×3",
            "49C² weights in one layer, or 27C² in three.",
            seven,
            (64, 32, 32),
            8,
        ),
        "stems": BlockComparison(
            "stems",
            "The first layers of four architectures on the same photograph.",
            stems,
            (3, 224, 224),
            1,
        ),
        "residual": BlockComparison(
            "ResNet's block that halves",
            "The stride in the 1×1 (v1), in the 3×3 (v1.5), and with a shortcut that averages "
            "before its 1×1 (D).",
            residual,
            (256, 56, 56),
            1,
        ),
    }


COMPARISONS: Mapping[str, BlockComparison] = MappingProxyType(_table())
"""Every comparison by its name."""
