"""Max pooling by loops, whose gradient goes in equal shares to all that tie."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn

EPS = 2.0**-23
"""Of float32."""
Pool = tuple[int, int, int, int, bool]
"""Kernel size, stride, padding, dilation, ceil_mode."""


def tied(x: torch.Tensor, pool: Pool) -> torch.Tensor:
    """(N, C, h, w): of each window the mean of those that differ from its maximum by rounding."""
    k, s, p, d, ceil = pool
    size = nn.MaxPool2d(k, s, p, d, ceil_mode=ceil)(x.detach()).shape
    out = []
    for n in range(size[0]):
        for c in range(size[1]):
            plane = x[n, c]
            slack = 16 * EPS * float(plane.detach().abs().max())
            for i in range(size[2]):
                for j in range(size[3]):
                    rows = [r for t in range(k) if 0 <= (r := i * s - p + t * d) < x.shape[2]]
                    cols = [q for t in range(k) if 0 <= (q := j * s - p + t * d) < x.shape[3]]
                    cells = plane[rows][:, cols].flatten()
                    most = float(cells.detach().max())
                    out.append(cells[cells >= most - slack - EPS * abs(most)].mean())
    return torch.stack(out).reshape(size)


class TiedPool(nn.Module):
    """`tied` as a layer."""

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        told = (pool.kernel_size, pool.stride, pool.padding, pool.dilation)
        k, s, p, d = (int(each[0] if isinstance(each, tuple) else each) for each in told)
        self.pool: Pool = (k, s, p, d, pool.ceil_mode)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return tied(x, self.pool)


def in_loops(module: nn.Module) -> nn.Module:
    """A copy in float64 whose max pools are loops."""
    copied = copy.deepcopy(module).double()
    for layer in list(copied.modules()):
        for name, child in layer.named_children():
            if isinstance(child, nn.MaxPool2d):
                setattr(layer, name, TiedPool(child))
    return copied


def by_hand(module: nn.Module, image: torch.Tensor, row: int, column: int) -> np.ndarray:
    """(H, W) squared gradient of the predicted class's score at one unit, summing to 1.

    In float64, and with max pooling by loops in which tied pixels share.
    """
    told = int(module(image).argmax())
    module = in_loops(module)
    body, linear = module.get_submodule("body"), module.get_submodule("linear")
    pixels = image.double().requires_grad_()
    features = body(pixels)[0, :, row, column]
    score = linear.get_parameter("weight")[told] @ features
    (gradient,) = torch.autograd.grad(score, pixels)
    energy = gradient[0].double().square().sum(0).numpy()
    return np.asarray(energy / energy.sum())
