"""Networks whose output is a map: U-Net, PatchGAN, a stack of dilated convolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .blocks import named_sequential
from .entry import BY_HAND, Architecture

WIDTHS = (64, 128, 256, 512, 1024)
"""Number of channels of each level of the U-Net."""
CROPS = (88, 40, 16, 4)
"""Cells that the U-Net crops from each side of a skip: 568→392, 280→200, 136→104, 64→56."""
DILATIONS = (1, 2, 4, 8, 16)
"""Dilations of the layers of `dilated_stack`."""


def _double_conv(inputs: int, outputs: int) -> nn.Sequential:
    """Two 3×3 convolutions without padding, each followed by a ReLU."""
    return named_sequential(
        conv1=nn.Conv2d(inputs, outputs, 3),
        relu1=nn.ReLU(),
        conv2=nn.Conv2d(outputs, outputs, 3),
        relu2=nn.ReLU(),
    )


class _Up(nn.Module):
    """U-Net's upsampling block: upsamples by 2, concatenates the cropped skip, convolves twice."""

    def __init__(self, inputs: int, crop: int) -> None:
        super().__init__()
        self.upsample = nn.ConvTranspose2d(inputs, inputs // 2, 2, 2)
        self.crop = nn.ZeroPad2d(-crop)
        self.convs = _double_conv(inputs, inputs // 2)

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        both = torch.cat([self.crop(skip), self.upsample(x)], 1)
        result: Tensor = self.convs(both)
        return result


class UNet(nn.Module):
    """The U-Net of the paper's Figure 1: valid convolutions, one input channel, two classes.

    The crops are the same for all input sizes, but every map must be even where it is pooled:
    height − 12 and width − 12 must be multiples of 16, as for 572.
    """

    def __init__(self) -> None:
        super().__init__()
        ins = (1, *WIDTHS[:-1])
        self.down = nn.ModuleList(map(_double_conv, ins, WIDTHS))
        self.pool = nn.ModuleList(nn.MaxPool2d(2) for _ in CROPS)
        self.up = nn.ModuleList(map(_Up, reversed(WIDTHS), reversed(CROPS)))
        self.head = nn.Conv2d(WIDTHS[0], 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        skips = []
        for double, pool in zip(self.down, self.pool, strict=False):
            skips.append(double(x))
            x = pool(skips[-1])
        x = self.down[-1](x)
        for up, skip in zip(self.up, reversed(skips), strict=True):
            x = up(x, skip)
        result: Tensor = self.head(x)
        return result


def patchgan70() -> nn.Module:
    """The discriminator C64-C128-C256-C512 of pix2pix, with one logit per 70×70 patch.

    The last two convolutions have stride 1.
    """
    net = named_sequential(conv1=nn.Conv2d(3, 64, 4, 2, 1), act1=nn.LeakyReLU(0.2))
    for index, (inputs, stride) in enumerate(((64, 2), (128, 2), (256, 1)), start=2):
        net.add_module(f"conv{index}", nn.Conv2d(inputs, 2 * inputs, 4, stride, 1, bias=False))
        net.add_module(f"norm{index}", nn.BatchNorm2d(2 * inputs))
        net.add_module(f"act{index}", nn.LeakyReLU(0.2))
    net.add_module("conv5", nn.Conv2d(512, 1, 4, 1, 1))
    return net


def dilated_stack() -> nn.Module:
    """Five dilated 3×3 convolutions of 32 channels that preserve the size."""
    net, channels = nn.Sequential(), 3
    for index, rate in enumerate(DILATIONS, start=1):
        net.add_module(f"conv{index}", nn.Conv2d(channels, 32, 3, padding=rate, dilation=rate))
        net.add_module(f"relu{index}", nn.ReLU())
        channels = 32
    return net


ENTRIES = (
    Architecture(
        name="unet",
        title="U-Net",
        year=2015,
        paper="Ronneberger et al., U-Net, arXiv:1505.04597",
        family="dense prediction",
        input_size=(1, 572, 572),
        parameters=31_030_658,
        source="layer by layer from the paper's Figure 1 (1 channel in, 2 classes out, no padding, "
        "2×2 up-convolutions, no batch norm); the same total in public summaries of that variant",
        sentence="Down and up again: transposed convolutions double the size, and cropped skips "
        "bring small receptive fields back beside large ones.",
        make=UNet,
    ),
    Architecture(
        name="patchgan70",
        title="PatchGAN 70×70",
        year=2016,
        paper="Isola et al., Image-to-Image Translation with Conditional Adversarial Networks, "
        "arXiv:1611.07004",
        family="dense prediction",
        input_size=(3, 256, 256),
        parameters=2_765_633,
        source="the pix2pix code's 2,768,705 (2.769 M in its log) is for 6 channels, the input and "
        "the output image stacked; one image of 3 takes 3 · 64 · 16 = 3,072 fewer",
        sentence="A discriminator whose every logit judges one 70×70 patch.",
        make=patchgan70,
    ),
    Architecture(
        name="dilated_stack",
        title="Dilated stack (1, 2, 4, 8, 16)",
        year=2015,
        paper="Yu & Koltun, Multi-Scale Context Aggregation by Dilated Convolutions, "
        "arXiv:1511.07122; in one dimension Bai et al., TCN, arXiv:1803.01271",
        family="dense prediction",
        input_size=(3, 64, 64),
        parameters=37_888,
        source=BY_HAND,
        sentence="The reach doubles with every layer and the resolution stays.",
        make=dilated_stack,
    ),
)
