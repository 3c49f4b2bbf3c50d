"""Networks that concatenate feature maps: GoogLeNet, DenseNet-121."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from .blocks import conv, conv_bn, named_sequential, pooled_head
from .entry import TORCHVISION, Architecture

INCEPTIONS: dict[str, tuple[int, int, int, int, int, int]] = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}
"""Output channels of the convolutions of each Inception block, from Table 1 of the paper.

In order: 1×1, 1×1 before the 3×3, 3×3, 1×1 before the "5×5", "5×5", 1×1 after the pooling.
"""
GROWTH = 32
"""Number of channels that each layer of DenseNet-121 adds."""

_conv_bn = partial(conv_bn, eps=1e-3)


class Inception(nn.Module):
    """GoogLeNet's block: four branches whose outputs are concatenated.

    The third branch has a 3×3 convolution as in torchvision, where the paper has a 5×5
    (https://github.com/pytorch/vision/issues/906); the published number of parameters is
    torchvision's.
    """

    def __init__(self, inputs: int, widths: tuple[int, int, int, int, int, int]) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, pooled = widths
        self.branch1 = _conv_bn(inputs, one, 1)
        self.branch2 = nn.Sequential(_conv_bn(inputs, reduce3, 1), _conv_bn(reduce3, three, 3))
        self.branch3 = nn.Sequential(_conv_bn(inputs, reduce5, 1), _conv_bn(reduce5, five, 3))
        pool = nn.MaxPool2d(3, 1, padding=1, ceil_mode=True)
        self.branch4 = nn.Sequential(pool, _conv_bn(inputs, pooled, 1))
        self.outputs = one + three + five + pooled

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], 1)


def googlenet() -> nn.Module:
    """GoogLeNet with batch norm and without auxiliary classifiers, as torchvision loads it."""
    net = named_sequential(
        conv1=_conv_bn(3, 64, 7, 2),
        maxpool1=nn.MaxPool2d(3, 2, ceil_mode=True),
        conv2=_conv_bn(64, 64, 1),
        conv3=_conv_bn(64, 192, 3),
        maxpool2=nn.MaxPool2d(3, 2, ceil_mode=True),
    )
    pools = {"inception3b": ("maxpool3", 3), "inception4e": ("maxpool4", 2)}
    channels = 192
    for name, widths in INCEPTIONS.items():
        block = Inception(channels, widths)
        net.add_module(name, block)
        channels = block.outputs
        if name in pools:
            pool, kernel = pools[name]
            net.add_module(pool, nn.MaxPool2d(kernel, 2, ceil_mode=True))
    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(channels, 1000))
    for name, module in pooled_head(head).items():
        net.add_module(name, module)
    return net


class DenseLayer(nn.Module):
    """DenseNet's layer: norm, ReLU, 1×1, norm, ReLU, 3×3; concatenated with the input."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        width = 4 * GROWTH
        self.norm1, self.relu1 = nn.BatchNorm2d(inputs), nn.ReLU()
        self.conv1 = conv(inputs, width, 1)
        self.norm2, self.relu2 = nn.BatchNorm2d(width), nn.ReLU()
        self.conv2 = conv(width, GROWTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        out = self.conv1(self.relu1(self.norm1(x)))
        return torch.cat([x, self.conv2(self.relu2(self.norm2(out)))], 1)


def _transition(inputs: int) -> nn.Sequential:
    """DenseNet's transition: a 1×1 convolution halves the channels, a pooling the size."""
    norm, squeeze = nn.BatchNorm2d(inputs), conv(inputs, inputs // 2, 1)
    return named_sequential(norm=norm, relu=nn.ReLU(), conv=squeeze, pool=nn.AvgPool2d(2))


def densenet121() -> nn.Module:
    """DenseNet-121: four dense blocks of 6, 12, 24 and 16 layers."""
    features = named_sequential(
        conv0=conv(3, 64, 7, 2),
        norm0=nn.BatchNorm2d(64),
        relu0=nn.ReLU(),
        pool0=nn.MaxPool2d(3, 2, padding=1),
    )
    channels = 64
    for index, depth in enumerate((6, 12, 24, 16), start=1):
        layers = (DenseLayer(channels + GROWTH * number) for number in range(depth))
        features.add_module(f"denseblock{index}", nn.Sequential(*layers))
        channels += GROWTH * depth
        if index < 4:
            features.add_module(f"transition{index}", _transition(channels))
            channels //= 2
    features.add_module("norm5", nn.BatchNorm2d(channels))
    features.add_module("relu5", nn.ReLU())
    return named_sequential(features=features, **pooled_head(nn.Linear(channels, 1000)))


ENTRIES = (
    Architecture(
        name="googlenet",
        title="GoogLeNet (Inception v1)",
        year=2014,
        paper="Szegedy et al., Going Deeper with Convolutions, arXiv:1409.4842",
        family="branching",
        input_size=(3, 224, 224),
        parameters=6_624_904,
        source=f"{TORCHVISION}, without the auxiliary classifiers",
        sentence="Branches of different reach side by side; torchvision's 5×5 branch is a 3×3.",
        make=googlenet,
        gmacs=1.498,
    ),
    Architecture(
        name="densenet121",
        title="DenseNet-121",
        year=2016,
        paper="Huang et al., Densely Connected Convolutional Networks, arXiv:1608.06993",
        family="branching",
        input_size=(3, 224, 224),
        parameters=7_978_856,
        source=TORCHVISION,
        sentence="Every layer sees the outputs of all before it, so reaches of all sizes meet.",
        make=densenet121,
        gmacs=2.834,
    ),
)
