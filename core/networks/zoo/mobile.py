"""Depthwise separable networks: MobileNetV1, MobileNetV2, EfficientNet-B0."""

from __future__ import annotations

from torch import Tensor, nn

from .blocks import SqueezeExcitation, conv_bn, named_sequential, pooled_head
from .entry import TORCHVISION, Architecture

V1_BLOCKS = (
    (64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2),
    *((512, 1),) * 5, (1024, 2), (1024, 1),
)  # fmt: skip
"""(output channels, stride) of each block of MobileNetV1, from Table 1 of the paper."""

V2_STAGES = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 3, 2, 32, 3), (6, 3, 2, 64, 4),
    (6, 3, 1, 96, 3), (6, 3, 2, 160, 3), (6, 3, 1, 320, 1),
)  # fmt: skip
"""The stages of MobileNetV2, from Table 2 of the paper.

(expansion, kernel size, stride of the first block, output channels, number of blocks)
"""
B0_STAGES = (
    (1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1),
)  # fmt: skip
"""The stages of EfficientNet-B0 in the form of ``V2_STAGES``, from Table 1 of the paper."""


def mobilenet_v1() -> nn.Module:
    """MobileNetV1: a 3×3 convolution, then thirteen pairs of a depthwise 3×3 and a 1×1."""
    features = nn.Sequential(conv_bn(3, 32, 3, 2))
    channels = 32
    for width, stride in V1_BLOCKS:
        depthwise = conv_bn(channels, channels, 3, stride, groups=channels)
        features.append(
            named_sequential(depthwise=depthwise, pointwise=conv_bn(channels, width, 1))
        )
        channels = width
    return named_sequential(features=features, **pooled_head(nn.Linear(channels, 1000)))


class InvertedResidual(nn.Module):
    """MobileNetV2's block: 1×1 expansion, depthwise convolution, 1×1 projection.

    The input is added if stride and channels allow. ``squeeze`` adds squeeze-and-excitation
    after the depthwise convolution.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int,
        expansion: int,
        act: type[nn.Module],
        squeeze: bool,
    ) -> None:
        super().__init__()
        width = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.block = nn.Sequential()
        if expansion > 1:
            self.block.add_module("expand", conv_bn(inputs, width, 1, act=act))
        depthwise = conv_bn(width, width, kernel, stride, groups=width, act=act)
        self.block.add_module("depthwise", depthwise)
        if squeeze:
            self.block.add_module("squeeze", SqueezeExcitation(width, inputs // 4, act))
        self.block.add_module("project", conv_bn(width, outputs, 1, act=None))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.block(x)
        return x + out if self.residual else out


def inverted_residual_net(
    stages: tuple[tuple[int, ...], ...], act: type[nn.Module], squeeze: bool
) -> nn.Module:
    """A network of inverted residuals between a 3×3 stem and a classifier of 1280 channels.

    Args:
        stages: see ``V2_STAGES``.
        act: class of all activations.
        squeeze: whether the blocks have squeeze-and-excitation.
    """
    features = nn.Sequential(conv_bn(3, 32, 3, 2, act=act))
    channels = 32
    for expansion, kernel, first_stride, width, blocks in stages:
        stage = nn.Sequential()
        for number in range(blocks):
            stride = first_stride if number == 0 else 1
            block = InvertedResidual(channels, width, kernel, stride, expansion, act, squeeze)
            stage.append(block)
            channels = width
        features.append(stage)
    features.append(conv_bn(channels, 1280, 1, act=act))
    classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 1000))
    return named_sequential(features=features, **pooled_head(classifier))


def mobilenet_v2() -> nn.Module:
    """MobileNetV2: inverted residuals with ReLU6."""
    return inverted_residual_net(V2_STAGES, nn.ReLU6, squeeze=False)


def efficientnet_b0() -> nn.Module:
    """EfficientNet-B0: inverted residuals with SiLU and squeeze-and-excitation.

    It has no stochastic depth, which is inactive in eval mode.
    """
    return inverted_residual_net(B0_STAGES, nn.SiLU, squeeze=True)


ENTRIES = (
    Architecture(
        name="mobilenet_v1",
        title="MobileNetV1",
        year=2017,
        paper="Howard et al., MobileNets, arXiv:1704.04861",
        family="mobile",
        input_size=(3, 224, 224),
        parameters=4_231_976,
        source="Keras' MobileNet summary (trainable parameters); the paper rounds to 4.2 M",
        sentence="Each convolution is split into a depthwise 3×3, which has the stride, and a 1×1.",
        make=mobilenet_v1,
        gmacs=0.569,
        gmacs_source="Table 4 of the paper (569 million mult-adds)",
    ),
    Architecture(
        name="mobilenet_v2",
        title="MobileNetV2",
        year=2018,
        paper="Sandler et al., MobileNetV2, arXiv:1801.04381",
        family="mobile",
        input_size=(3, 224, 224),
        parameters=3_504_872,
        source=TORCHVISION,
        sentence="Inverted residuals: widen by six, reduce in the depthwise 3×3, project back.",
        make=mobilenet_v2,
        gmacs=0.301,
    ),
    Architecture(
        name="efficientnet_b0",
        title="EfficientNet-B0",
        year=2019,
        paper="Tan & Le, EfficientNet, arXiv:1905.11946",
        family="mobile",
        input_size=(3, 224, 224),
        parameters=5_288_548,
        source=TORCHVISION,
        sentence="MobileNetV2's blocks with 5×5 kernels in places, and squeeze-and-excitation, "
        "which lets every unit see the whole image.",
        make=efficientnet_b0,
        gmacs=0.386,
    ),
)
