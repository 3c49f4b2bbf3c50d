"""Stems (first layers) of larger networks, and small networks for comparisons."""

from __future__ import annotations

from torch import nn

from . import convnext, resnet
from .blocks import conv_bn, named_sequential
from .entry import BY_HAND, Architecture

CHANNELS = 64
"""Number of channels C of `three_3x3` (27C² weights) and `one_7x7` (49C² weights)."""
PAPERS = {entry.name: entry.paper for entry in resnet.ENTRIES + convnext.ENTRIES}
"""The paper of each ResNet and ConvNeXt, by the network's name."""


def vit_b_16_stem() -> nn.Module:
    """The patch embedding of ViT-B/16: a 16×16 convolution with stride 16 to 768 channels."""
    return named_sequential(conv_proj=nn.Conv2d(3, 768, 16, 16))


def resnet_stem() -> nn.Module:
    """ResNet's stem: a 7×7 convolution and a 3×3 max-pool, both with stride 2."""
    return named_sequential(**resnet.stem())


def efficientnet_stem() -> nn.Module:
    """EfficientNet's stem: a 3×3 convolution with stride 2, batch norm and SiLU."""
    return conv_bn(3, 32, 3, 2, act=nn.SiLU)


def four_convs(pool: bool) -> nn.Module:
    """Four 3×3 convolutions of 32 channels that each downsample by 2.

    They have stride 2, or with ``pool`` stride 1 and a 2×2 max-pool after each.
    """
    net, channels = nn.Sequential(), 3
    for index in range(1, 5):
        stride = 1 if pool else 2
        net.add_module(f"conv{index}", nn.Conv2d(channels, 32, 3, stride, 1))
        net.add_module(f"relu{index}", nn.ReLU())
        if pool:
            net.add_module(f"pool{index}", nn.MaxPool2d(2))
        channels = 32
    return net


def four_strided() -> nn.Module:
    """Four 3×3 convolutions with stride 2."""
    return four_convs(pool=False)


def four_conv_pool() -> nn.Module:
    """Four 3×3 convolutions with stride 1, each followed by a 2×2 max-pool."""
    return four_convs(pool=True)


def three_3x3() -> nn.Module:
    """Three 3×3 convolutions without bias, all with ``CHANNELS`` channels."""
    net = nn.Sequential()
    for index in range(1, 4):
        net.add_module(f"conv{index}", nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False))
        net.add_module(f"relu{index}", nn.ReLU())
    return net


def one_7x7() -> nn.Module:
    """One 7×7 convolution without bias, with ``CHANNELS`` channels."""
    return named_sequential(
        conv=nn.Conv2d(CHANNELS, CHANNELS, 7, padding=3, bias=False), relu=nn.ReLU()
    )


STEMS = (
    Architecture(
        name="vit_b_16_stem",
        title="ViT-B/16 patch embedding",
        year=2020,
        paper="Dosovitskiy et al., An Image Is Worth 16×16 Words, arXiv:2010.11929",
        family="stem",
        input_size=(3, 224, 224),
        parameters=590_592,
        source="768 · 3 · 16² + 768: conv_proj of torchvision's vit_b_16",
        sentence="Patches that do not overlap: 16 times smaller in one step.",
        make=vit_b_16_stem,
    ),
    Architecture(
        name="resnet_stem",
        title="ResNet's stem",
        year=2015,
        paper=PAPERS["resnet50"],
        family="stem",
        input_size=(3, 224, 224),
        parameters=9_536,
        source="64 · 3 · 7² + 128: conv1 and bn1 of torchvision's resnet50",
        sentence="A 7×7 with stride 2 and a 3×3 max-pool with stride 2: 4 times smaller.",
        make=resnet_stem,
    ),
    Architecture(
        name="efficientnet_stem",
        title="EfficientNet's stem",
        year=2019,
        paper="Tan & Le, EfficientNet, arXiv:1905.11946",
        family="stem",
        input_size=(3, 224, 224),
        parameters=928,
        source="32 · 3 · 3² + 64: features.0 of torchvision's efficientnet_b0",
        sentence="One 3×3 with stride 2: 2 times smaller.",
        make=efficientnet_stem,
    ),
    Architecture(
        name="convnext_stem",
        title="ConvNeXt's stem",
        year=2022,
        paper=PAPERS["convnext_tiny"],
        family="stem",
        input_size=(3, 224, 224),
        parameters=4_896,
        source="96 · 3 · 4² + 96 + 192: features.0 of torchvision's convnext_tiny",
        sentence="Patches of 4×4 that do not overlap: 4 times smaller.",
        make=convnext.stem,
    ),
)

ENTRIES = (
    *STEMS,
    Architecture(
        name="four_strided",
        title="Four 3×3 with stride 2",
        year=2014,
        paper="Springenberg et al., Striving for Simplicity, arXiv:1412.6806",
        family="teaching",
        input_size=(3, 64, 64),
        parameters=28_640,
        source=BY_HAND,
        sentence="Receptive fields 3, 7, 15, 31.",
        make=four_strided,
    ),
    Architecture(
        name="four_conv_pool",
        title="Four 3×3, each with a 2×2 max-pool",
        year=2014,
        paper="Springenberg et al., Striving for Simplicity, arXiv:1412.6806",
        family="teaching",
        input_size=(3, 64, 64),
        parameters=28_640,
        source=BY_HAND,
        sentence="Receptive fields 4, 10, 22, 46 after the pools, for the same parameters.",
        make=four_conv_pool,
    ),
    Architecture(
        name="three_3x3",
        title="Three 3×3",
        year=2014,
        paper="Simonyan & Zisserman, Very Deep Convolutional Networks, arXiv:1409.1556, section 2.3",
        family="teaching",
        input_size=(CHANNELS, 32, 32),
        parameters=27 * CHANNELS**2,
        source="27C² of the paper's section 2.3, with C = 64",
        sentence="A reach of 7 for 27C² weights.",
        make=three_3x3,
    ),
    Architecture(
        name="one_7x7",
        title="One 7×7",
        year=2014,
        paper="Simonyan & Zisserman, Very Deep Convolutional Networks, arXiv:1409.1556, section 2.3",
        family="teaching",
        input_size=(CHANNELS, 32, 32),
        parameters=49 * CHANNELS**2,
        source="49C² of the paper's section 2.3, with C = 64",
        sentence="A reach of 7 for 49C² weights.",
        make=one_7x7,
    ),
)
