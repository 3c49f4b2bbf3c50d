"""Gradient norms through a deep network at initialization.

The network is a plain stack of 3×3 convolutions of equal width that halves its map at even
distances. A random upstream gradient of norm 1 is set at the last layer's output. The norm of the
gradient is measured at the output of every earlier layer, over many draws of weights, input and
upstream gradient.

Sources: Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
networks" (2010); He et al., "Delving Deep into Rectifiers" (2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import SpecError, whole
from ..layer.operations import OPERATIONS, blur_weight
from ..layer.spec import LayerSpec
from ..networks.swaps import ACTIVATIONS
from .recipe import MAX_LEVELS, Downsampling, FlowSpec

_POOLS = {
    "max": LayerSpec("max_pooling", (2, 2), (2, 2)),
    "average": LayerSpec("average_pooling", (2, 2), (2, 2)),
    "blur": LayerSpec("blur_pooling", (3, 3), (2, 2), ((1, 1), (1, 1)), padding_mode="reflect"),
}
DTYPE = torch.float64
"""Double precision: after many saturated layers a gradient underflows in single precision."""
BAND = (10, 90)
"""Percentiles of the draws between which a band is drawn."""


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """Norms of the gradient in every layer; index 0 is the image, ``depth`` the last layer.

    Attributes:
        spec: the network.
        norms: (draws, depth + 1) root of the sum of squares of the gradient at each layer's
            output; 1 at the last.
        weight_norms: (draws, depth) the same of the gradient at each layer's weights.
        zeros: (draws, depth + 1) share of the gradient's numbers that are exactly 0.
    """

    spec: FlowSpec
    norms: NDArray[np.float64]
    weight_norms: NDArray[np.float64]
    zeros: NDArray[np.float64]

    @property
    def draws(self) -> int:
        """The number of draws completed."""
        return len(self.norms)

    @property
    def median(self) -> NDArray[np.float64]:
        """(depth + 1,) median of the norms over the draws."""
        return np.asarray(np.median(self.norms, axis=0))

    @property
    def band(self) -> NDArray[np.float64]:
        """(2, depth + 1) the `BAND` percentiles of the norms."""
        return np.asarray(np.percentile(self.norms, BAND, axis=0))

    @property
    def per_layer(self) -> float:
        """Mean factor of the median norm per layer of the backward pass.

        Below 1 the gradient vanishes, above 1 it explodes.
        """
        return float((self.median[0] / self.median[-1]) ** (1 / self.spec.depth))

    def dies_at(self, share: float = 1e-3) -> int | None:
        """The layer at which the backward pass first falls below a share of the last layer's norm.

        None if no layer does.
        """
        low = np.flatnonzero(self.median < share * self.median[-1])
        return int(low[-1]) if len(low) else None


@dataclass(frozen=True)
class FlowProgress:
    """A report after every draw: the draws completed, their total, and the flow so far."""

    done: int
    total: int
    partial: GradientFlow


def gradient_flow(
    spec: FlowSpec, progress: Callable[[FlowProgress], bool | None] | None = None
) -> GradientFlow:
    """Draw the network again and again, and take the gradient's norm in every layer.

    Args:
        spec: the network.
        progress: called after every draw; returning False ends the run with the draws so far.
    """
    rows: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = []
    flow = None
    for draw in range(spec.draws):
        rows.append(_draw(spec, spec.seed + draw))
        stacked = [np.stack(part) for part in zip(*rows, strict=True)]
        flow = GradientFlow(spec, stacked[0], stacked[1], stacked[2])
        if progress and progress(FlowProgress(draw + 1, spec.draws, flow)) is False:
            break
    assert flow is not None
    return flow


def _draw(
    spec: FlowSpec, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Norms, weight norms and shares of zeros of one draw."""
    generator = torch.Generator().manual_seed(seed)
    shape = (spec.batch, spec.width, spec.side, spec.side)
    x = torch.randn(shape, generator=generator, dtype=DTYPE)
    weights = [_weight(spec, generator).requires_grad_() for _ in range(spec.depth)]
    with torch.enable_grad():
        outputs = [x.requires_grad_()]
        for index, weight in enumerate(weights, start=1):
            outputs.append(_layer(spec, outputs[-1], weight, index in spec.halved))
        upstream = torch.randn(outputs[-1].shape, generator=generator, dtype=DTYPE)
        upstream /= upstream.norm()
        gradients = torch.autograd.grad(outputs[-1], [*outputs, *weights], upstream)
    along, own = gradients[: len(outputs)], gradients[len(outputs) :]
    return (
        np.array([float(g.norm()) for g in along]),
        np.array([float(g.norm()) for g in own]),
        np.array([float((g == 0).double().mean()) for g in along]),
    )


def _weight(spec: FlowSpec, generator: torch.Generator) -> Tensor:
    weight = torch.empty(spec.width, spec.width, 3, 3, dtype=DTYPE)
    if spec.weights == "he":
        return nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
    if spec.weights == "xavier":
        return nn.init.xavier_normal_(weight, generator=generator)
    if spec.weights == "orthogonal":
        return nn.init.orthogonal_(weight, generator=generator)
    return nn.init.kaiming_uniform_(weight, a=5**0.5, generator=generator)  # as nn.Conv2d does


def _layer(spec: FlowSpec, x: Tensor, weight: Tensor, halves: bool) -> Tensor:
    strided = halves and spec.downsampling == "stride"
    y = nn.functional.conv2d(x, weight, stride=2 if strided else 1, padding=1)
    if spec.batch_norm:
        y = nn.functional.batch_norm(y, None, None, training=True)
    y = ACTIVATIONS[spec.activation]()(y)
    if halves and not strided:
        y = _pooled(spec.downsampling, y)
    if not spec.skips:
        return y
    if not halves:
        return x + y
    return y + (x[:, :, ::2, ::2] if strided else _pooled(spec.downsampling, x))


def _pooled(downsampling: Downsampling, x: Tensor) -> Tensor:
    width = x.shape[1]
    spec = replace(_POOLS[downsampling], in_channels=width)
    if downsampling != "blur":
        return OPERATIONS[spec.operation].run(spec, x, None, None)
    weight = torch.from_numpy(blur_weight(spec)).to(x.dtype)  # the row blurs in single precision
    spec = replace(spec, operation="convolution", out_channels=width, groups=width)
    return OPERATIONS["convolution"].run(spec, x, weight, None)


@dataclass(frozen=True)
class DeadShare:
    """Pixels of the image that no gradient reaches through stacked 2×2 max-pools.

    Attributes:
        levels: poolings in the stack.
        measured: share of exact zeros in the gradient of all last units, by torch.
        expected: ``1 − 4^−levels``: one pixel in ``4^levels`` wins all the way.
    """

    levels: int
    measured: float
    expected: float


def dead_shares(levels: int = 5, seed: int = 0) -> tuple[DeadShare, ...]:
    """The dead share of 1 to ``levels`` stacked max-pools of 2×2, stride 2, on a noise image.

    Raises:
        SpecError: more than `MAX_LEVELS`.
    """
    if whole("levels", levels, 1) > MAX_LEVELS:
        raise SpecError("levels", f"must be at most {MAX_LEVELS}", levels)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 1, 2**levels, 2**levels, generator=generator, requires_grad=True)
    y, shares = x, []
    with torch.enable_grad():
        for level in range(1, levels + 1):
            y = _pooled("max", y)
            (gradient,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
            dead = float((gradient == 0).double().mean())
            shares.append(DeadShare(level, dead, 1 - 4.0**-level))
    return tuple(shares)
