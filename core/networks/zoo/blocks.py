"""What several architectures are made of.

No activation works in place: hooks and gradients read what a layer gave out.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import Tensor, nn


def named(**modules: nn.Module) -> nn.Sequential:
    """Modules in sequence, with names to read instead of numbers."""
    return nn.Sequential(OrderedDict(modules))


def conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, bias: bool = False
) -> nn.Conv2d:
    """A convolution with padding ``kernel // 2``: stride 1 keeps the size if kernel is odd."""
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
    """Convolution without bias, batch norm and, unless it is None, the activation."""
    layer = named(
        conv=conv(inputs, outputs, kernel, stride, groups), bn=nn.BatchNorm2d(outputs, eps=eps)
    )
    if act is not None:
        layer.add_module("act", act())
    return layer


def pooled_head(classifier: nn.Module) -> dict[str, nn.Module]:
    """Global average pooling, then the classifier, as the last modules of a sequence."""
    return {"avgpool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "classifier": classifier}


class LayerNorm2d(nn.LayerNorm):
    """Layer norm over the channels of (N, C, H, W), each pixel on its own."""

    def forward(self, input: Tensor) -> Tensor:
        return super().forward(input.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class SqueezeExcitation(nn.Sequential):
    """Channels weighted by the whole image (Hu et al. 2018, https://arxiv.org/abs/1709.01507)."""

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
