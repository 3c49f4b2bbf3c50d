"""Layers and blocks that several architectures of the zoo use.

No activation works in place, because hooks and gradients read the outputs of layers.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn


def named_sequential(**modules: nn.Module) -> nn.Sequential:
    """An ``nn.Sequential`` whose modules have the names of the arguments."""
    return nn.Sequential(OrderedDict(modules))


def conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    """A convolution with padding ``kernel // 2``, which preserves the size for an odd kernel."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)


def conv_bn(
    inputs: int,
    outputs: int,
    kernel: int,
    stride: int = 1,
    groups: int = 1,
    act: type[nn.Module] | None = nn.ReLU,
    eps: float = 1e-5,
) -> nn.Sequential:
    """A convolution without bias, batch norm and, unless ``act`` is None, an activation."""
    layer = named_sequential(
        conv=conv(inputs, outputs, kernel, stride, groups), bn=nn.BatchNorm2d(outputs, eps=eps)
    )
    if act is not None:
        layer.add_module("act", act())
    return layer


def pooled_head(classifier: nn.Module) -> dict[str, nn.Module]:
    """Global average pooling and a classifier, as named modules for the end of a sequence."""
    return {"avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "classifier": classifier}


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of each pixel of (N, C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SqueezeExcitation(nn.Sequential):
    """Scales each channel by a gate computed from the channel means.

    Source: Hu et al. 2018, https://arxiv.org/abs/1709.01507.
    """

    def __init__(self, channels: int, squeezed: int, act: type[nn.Module] = nn.ReLU) -> None:
        layers: dict[str, nn.Module] = {
            "avgpool": nn.AdaptiveAvgPool2d(1),
            "fc1": nn.Conv2d(channels, squeezed, 1),
            "act": act(),
            "fc2": nn.Conv2d(squeezed, channels, 1),
            "gate": nn.Sigmoid(),
        }
        super().__init__(OrderedDict(layers))

    def forward(self, x: Tensor) -> Tensor:
        gate: Tensor = super().forward(x)  # type: ignore[no-untyped-call]
        return x * gate
