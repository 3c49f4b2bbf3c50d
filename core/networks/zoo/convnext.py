"""ConvNeXt-T of Liu et al. 2022, https://arxiv.org/abs/2201.03545.

The pointwise layers are 1×1 convolutions, which the authors' code calls equivalent. There is no
stochastic depth, which is inactive in eval mode.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import LayerNorm2d, conv, named_sequential
from .entry import TORCHVISION, Architecture

DEPTHS, WIDTHS = (3, 3, 9, 3), (96, 192, 384, 768)
"""Number of blocks and of channels of each stage."""


class ConvNeXtBlock(nn.Module):
    """ConvNeXt's residual block: depthwise 7×7, norm, 1×1 to 4C channels, GELU, 1×1, scale."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = conv(channels, channels, 7, groups=channels, bias=True)
        self.norm = LayerNorm2d(channels, eps=1e-6)
        self.expand = nn.Conv2d(channels, 4 * channels, 1)
        self.act = nn.GELU()
        self.project = nn.Conv2d(4 * channels, channels, 1)
        self.layer_scale = nn.Parameter(torch.full((channels, 1, 1), 1e-6))

    def forward(self, x: Tensor) -> Tensor:
        out = self.project(self.act(self.expand(self.norm(self.depthwise(x)))))
        result: Tensor = x + self.layer_scale * out
        return result


def stem() -> nn.Sequential:
    """ConvNeXt's stem: a 4×4 convolution with stride 4 and a layer norm."""
    return named_sequential(
        conv=nn.Conv2d(3, WIDTHS[0], 4, 4), norm=LayerNorm2d(WIDTHS[0], eps=1e-6)
    )


def convnext_tiny() -> nn.Module:
    """ConvNeXt-T: four stages, with a layer norm and a 2×2 convolution of stride 2 between."""
    net = named_sequential(stem=stem())
    for index, (depth, width) in enumerate(zip(DEPTHS, WIDTHS, strict=True)):
        if index > 0:
            before = WIDTHS[index - 1]
            norm, reduce = LayerNorm2d(before, eps=1e-6), nn.Conv2d(before, width, 2, 2)
            net.add_module(f"downsample{index}", named_sequential(norm=norm, conv=reduce))
        net.add_module(f"stage{index + 1}", nn.Sequential(*map(ConvNeXtBlock, [width] * depth)))
    net.add_module("avgpool", nn.AdaptiveAvgPool2d(1))
    net.add_module("norm", LayerNorm2d(WIDTHS[-1], eps=1e-6))
    net.add_module("flatten", nn.Flatten())
    net.add_module("head", nn.Linear(WIDTHS[-1], 1000))
    return net


ENTRIES = (
    Architecture(
        name="convnext_tiny",
        title="ConvNeXt-T",
        year=2022,
        paper="Liu et al., A ConvNet for the 2020s, arXiv:2201.03545",
        family="residual",
        input_size=(3, 224, 224),
        parameters=28_589_128,
        source=TORCHVISION,
        sentence="It reduces only between stages, by convolutions whose windows do not overlap "
        "(4×4 stride 4, 2×2 stride 2), and reaches far with 7×7 depthwise.",
        make=convnext_tiny,
        gmacs=4.456,
    ),
)
