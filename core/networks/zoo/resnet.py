"""Residual networks: ResNet v1 and v1.5, and ResNet-D.

In v1 (He et al. 2015, https://arxiv.org/abs/1512.03385) the first 1×1 convolution of a bottleneck
downsamples, in v1.5 (torchvision's) its 3×3. He et al. 2018, https://arxiv.org/abs/1812.01187,
call v1.5 ResNet-B; their ResNet-D adds a stem of three 3×3 convolutions and shortcuts that
downsample by averaging.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from .blocks import conv, named_sequential
from .entry import TORCHVISION, Architecture


@dataclass(frozen=True)
class _ResNetVariant:
    """The variant of a ResNet, which decides where it downsamples.

    Attributes:
        stride_first: whether the first 1×1 of a bottleneck has the stride (v1) or the 3×3 (v1.5).
        deep_stem: whether three 3×3 convolutions replace the 7×7 of the stem (ResNet-D).
        averaged_shortcut: whether shortcuts downsample by a 2×2 average (ResNet-D).
    """

    stride_first: bool = False
    deep_stem: bool = False
    averaged_shortcut: bool = False


V1, V1_5 = _ResNetVariant(stride_first=True), _ResNetVariant()
D = _ResNetVariant(deep_stem=True, averaged_shortcut=True)


def _shortcut(inputs: int, outputs: int, stride: int, variant: _ResNetVariant) -> nn.Module:
    """The shortcut of a block: the identity, or a 1×1 convolution where the shape changes."""
    if stride == 1 and inputs == outputs:
        return nn.Identity()
    if variant.averaged_shortcut and stride > 1:
        pool = nn.AvgPool2d(stride, ceil_mode=True, count_include_pad=False)
        return nn.Sequential(pool, conv(inputs, outputs, 1), nn.BatchNorm2d(outputs))
    return nn.Sequential(conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))


class BasicBlock(nn.Module):
    """The residual block of ResNet-18 and -34: two 3×3 convolutions."""

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, variant: _ResNetVariant) -> None:
        super().__init__()
        self.conv1 = conv(inputs, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = conv(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(inputs, width, stride, variant)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        result: Tensor = self.relu2(out + self.downsample(x))
        return result


class Bottleneck(nn.Module):
    """The residual block of ResNet-50 and deeper: 1×1, 3×3 and 1×1 convolutions."""

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, variant: _ResNetVariant) -> None:
        super().__init__()
        outputs = width * self.expansion
        first, second = (stride, 1) if variant.stride_first else (1, stride)
        self.conv1 = conv(inputs, width, 1, first)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu1 = nn.ReLU()
        self.conv2 = conv(width, width, 3, second)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu2 = nn.ReLU()
        self.conv3 = conv(width, outputs, 1)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _shortcut(inputs, outputs, stride, variant)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        result: Tensor = self.relu3(self.bn3(self.conv3(out)) + self.downsample(x))
        return result


def stem(variant: _ResNetVariant = V1_5) -> dict[str, nn.Module]:
    """ResNet's first layers by name: a convolution and a max-pool, both with stride 2.

    The convolution is a 7×7, or three 3×3 for a variant with ``deep_stem``.
    """
    first: nn.Module = conv(3, 64, 7, 2)
    if variant.deep_stem:
        first = nn.Sequential(
            conv(3, 32, 3, 2), nn.BatchNorm2d(32), nn.ReLU(),
            conv(32, 32, 3), nn.BatchNorm2d(32), nn.ReLU(),
            conv(32, 64, 3),
        )  # fmt: skip
    pool = nn.MaxPool2d(3, 2, padding=1)
    return {"conv1": first, "bn1": nn.BatchNorm2d(64), "relu": nn.ReLU(), "maxpool": pool}


def resnet(
    block: type[BasicBlock] | type[Bottleneck],
    depths: tuple[int, ...],
    variant: _ResNetVariant = V1_5,
) -> nn.Module:
    """A ResNet with four stages of strides 1, 2, 2, 2.

    Args:
        block: class of the residual blocks.
        depths: number of blocks in each stage.
        variant: see `_ResNetVariant`.
    """
    stages: dict[str, nn.Module] = {}
    channels = 64
    for index, depth in enumerate(depths):
        width, stage = 64 << index, nn.Sequential()
        for number in range(depth):
            stride = 2 if index > 0 and number == 0 else 1
            stage.append(block(channels, width, stride, variant))
            channels = width * block.expansion
        stages[f"layer{index + 1}"] = stage
    head: dict[str, nn.Module] = {"avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten()}
    return named_sequential(**stem(variant), **stages, **head, fc=nn.Linear(channels, 1000))


Maker = Callable[..., nn.Module]
MAKERS: dict[int, Maker] = {
    18: partial(resnet, BasicBlock, (2, 2, 2, 2)),
    34: partial(resnet, BasicBlock, (3, 4, 6, 3)),
    50: partial(resnet, Bottleneck, (3, 4, 6, 3)),
    101: partial(resnet, Bottleneck, (3, 4, 23, 3)),
    152: partial(resnet, Bottleneck, (3, 8, 36, 3)),
}
"""Function that builds the ResNet of each depth; it takes the ``variant``."""
PUBLISHED = {
    18: (11_689_512, 1.814),
    34: (21_797_672, 3.664),
    50: (25_557_032, 4.089),
    101: (44_549_160, 7.801),
    152: (60_192_808, 11.514),
}
"""(parameters, 10⁹ multiply–accumulates) of the ResNet of each depth, as torchvision has them."""
PAPER = "He et al., Deep Residual Learning for Image Recognition, arXiv:1512.03385"


def _entry(depth: int) -> Architecture:
    """The description of torchvision's ResNet of a depth, which is v1.5 from depth 50 on."""
    parameters, gmacs = PUBLISHED[depth]
    sentence = "Two 3×3 in each block; the stride is in the first, so v1 and v1.5 are the same."
    if depth >= 50:
        sentence = "Version 1.5: a bottleneck reduces in its 3×3 and reads all of its input."
    return Architecture(
        name=f"resnet{depth}",
        title=f"ResNet-{depth}" + (" (v1.5)" if depth >= 50 else ""),
        year=2015,
        paper=PAPER,
        family="residual",
        input_size=(3, 224, 224),
        parameters=parameters,
        source=TORCHVISION,
        sentence=sentence,
        make=MAKERS[depth],
        gmacs=gmacs,
    )


def _v1_entry(depth: int, gmacs: float) -> Architecture:
    """The description of the published ResNet, with the stride in a bottleneck's first 1×1."""
    return Architecture(
        name=f"resnet{depth}_v1",
        title=f"ResNet-{depth} v1",
        year=2015,
        paper=PAPER,
        family="residual",
        input_size=(3, 224, 224),
        parameters=PUBLISHED[depth][0],
        source=f"{TORCHVISION}; moving a stride moves no parameter",
        sentence="As in the paper: a bottleneck reduces in its first 1×1, which leaves three "
        "quarters of its input unread.",
        make=partial(MAKERS[depth], variant=V1),
        gmacs=gmacs,
        gmacs_source="Table 1 of the paper (FLOPs, which are multiply-adds)",
    )


ENTRIES = (
    *map(_entry, MAKERS),
    _v1_entry(50, 3.8),
    _v1_entry(101, 7.6),
    _v1_entry(152, 11.3),
    Architecture(
        name="resnet50_d",
        title="ResNet-50-D",
        year=2018,
        paper="He et al., Bag of Tricks for Image Classification, arXiv:1812.01187",
        family="residual",
        input_size=(3, 224, 224),
        parameters=25_576_264,
        source="timm's results tables (resnet50d, 25.58 M)",
        sentence="Three 3×3 replace the 7×7 stem, and the shortcut averages 2×2 before its 1×1.",
        make=partial(MAKERS[50], variant=D),
        gmacs=4.3,
        gmacs_source="Table 5 of the paper (FLOPs, which are multiply-adds)",
    ),
)
