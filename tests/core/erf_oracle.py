"""Effective receptive fields by the plainest means, and small networks to try them on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn


def plain_gradient(
    module: nn.Module,
    image: torch.Tensor,
    layer: str,
    unit: Sequence[int],
    dims: Sequence[int | None] = (2, 3),
) -> np.ndarray:
    """(C, H, W) gradient of a unit's channel sum: whole image, whole network, a hook."""
    outputs: list[torch.Tensor] = []
    modules = dict(module.named_modules())
    handle = modules[layer].register_forward_hook(lambda *args: outputs.append(args[2]))
    leaf = image[None].clone().requires_grad_()
    module.eval()(leaf)
    handle.remove()
    values = outputs[-1]
    for dim, place in zip(dims, unit, strict=True):
        if dim is not None:
            values = values.narrow(dim, place, 1)
    (gradient,) = torch.autograd.grad(values.sum(), leaf)
    return gradient[0].numpy()


def on_the_image(result, values: np.ndarray | None = None) -> np.ndarray:
    """A map put back at its place in an image of zeros."""
    size = result.input_size
    image = np.zeros((size[1] if len(size) == 3 else 1, size[-1]))
    shown = result.map if values is None else values
    (top, left), (rows, cols) = result.origin, shown.shape
    image[top : top + rows, left : left + cols] = shown
    return image


def self_convolution(kernels: Sequence[tuple[int, int, int]]) -> np.ndarray:
    """The profile of uniform weights: kernels of (size, jump, dilation), convolved."""
    profile = np.ones(1)
    for size, jump, dilation in kernels:
        taps = np.zeros((size - 1) * jump * dilation + 1)
        taps[:: jump * dilation] = 1 / size
        profile = np.convolve(profile, taps)
    return profile


def stack(
    depth: int,
    channels: int = 8,
    kernel: int = 3,
    between: type[nn.Module] | None = None,
    image: int = 3,
    bias: bool = True,
) -> nn.Sequential:
    """Convolutions that keep the size, with something after each."""
    layers: list[nn.Module] = []
    for index in range(depth):
        inputs = channels if index else image
        layers.append(nn.Conv2d(inputs, channels, kernel, padding=kernel // 2, bias=bias))
        layers += [between()] if between else []
    return nn.Sequential(*layers)


class Residual(nn.Module):
    """x + scale · convolution(x)."""

    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.conv, self.scale = nn.Conv2d(channels, channels, 3, padding=1), scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.scale * self.conv(x)


def stack2() -> nn.Sequential:
    """A network that a command line can name."""
    return stack(2)
