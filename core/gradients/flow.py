"""Gradient norms through a deep network at initialization.

The network is a plain stack of 3×3 convolutions of equal width that downsamples at evenly spaced
layers. The backward pass starts from a random upstream gradient of norm 1 at the last layer's
output. The norm of the gradient is measured at the output of every earlier layer, over many draws
of weights, input and upstream gradient.

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
"""The pooling layer of each way to downsample, except by stride."""
DTYPE = torch.float64
"""Data type of all tensors: in single precision, gradients underflow after many layers."""
BAND = (10, 90)
"""Percentiles over the draws that `GradientFlow.band` lies between."""


@dataclass(frozen=True, eq=False)
class GradientFlow:
    """Norms of the gradient at every layer, for each draw of the network.

    On axes of length depth + 1, index 0 is the image and index i the output of layer i.

    Attributes:
        spec: the network.
        norms: (draws, depth + 1) norm of the gradient at the image and at each layer's output;
            1 at the last layer.
        weight_norms: (draws, depth) norm of the gradient of each layer's weights.
        zeros: (draws, depth + 1) share of the gradient's entries that are exactly 0.
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
    def factor_per_layer(self) -> float:
        """Factor by which each layer of the backward pass scales the median norm, on average.

        It is the geometric mean; below 1 the gradient vanishes, above 1 it explodes.
        """
        return float((self.median[0] / self.median[-1]) ** (1 / self.spec.depth))

    def vanishing_layer(self, share: float = 1e-3) -> int | None:
        """The deepest layer whose median norm is below ``share`` times the last layer's.

        The backward pass reaches this layer first. 0 is the image; None if there is none.
        """
        low = np.flatnonzero(self.median < share * self.median[-1])
        return int(low[-1]) if len(low) else None


@dataclass(frozen=True)
class FlowProgress:
    """Progress of `gradient_flow` after a draw.

    Attributes:
        done: number of draws completed.
        total: number of draws in all.
        partial: the result from the draws completed.
    """

    done: int
    total: int
    partial: GradientFlow


def gradient_flow(
    spec: FlowSpec, progress: Callable[[FlowProgress], bool | None] | None = None
) -> GradientFlow:
    """Draw the network's weights repeatedly and measure the gradient's norm at every layer.

    Args:
        spec: the network and the number of draws.
        progress: function called after every draw; if it returns False, the run ends with the
            draws completed.
    """
    rows: list[tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]] = []
    flow = None
    for draw in range(spec.draws):
        rows.append(_norms_and_zeros_of_draw(spec, spec.seed + draw))
        stacked = [np.stack(part) for part in zip(*rows, strict=True)]
        flow = GradientFlow(spec, stacked[0], stacked[1], stacked[2])
        if progress and progress(FlowProgress(draw + 1, spec.draws, flow)) is False:
            break
    assert flow is not None
    return flow


def _norms_and_zeros_of_draw(
    spec: FlowSpec, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The rows of ``norms``, ``weight_norms`` and ``zeros`` of `GradientFlow` for one draw."""
    generator = torch.Generator().manual_seed(seed)
    shape = (spec.batch, spec.width, spec.side, spec.side)
    x = torch.randn(shape, generator=generator, dtype=DTYPE)
    weights = [_random_weight(spec, generator).requires_grad_() for _ in range(spec.depth)]
    with torch.enable_grad():
        outputs = [x.requires_grad_()]
        for index, weight in enumerate(weights, start=1):
            outputs.append(
                _layer_output(spec, outputs[-1], weight, index in spec.downsampling_layers)
            )
        upstream = torch.randn(outputs[-1].shape, generator=generator, dtype=DTYPE)
        upstream /= upstream.norm()
        gradients = torch.autograd.grad(outputs[-1], [*outputs, *weights], upstream)
    of_outputs, of_weights = gradients[: len(outputs)], gradients[len(outputs) :]
    return (
        np.array([float(g.norm()) for g in of_outputs]),
        np.array([float(g.norm()) for g in of_weights]),
        np.array([float((g == 0).double().mean()) for g in of_outputs]),
    )


def _random_weight(spec: FlowSpec, generator: torch.Generator) -> Tensor:
    """One random draw of the (width, width, 3, 3) weights of a convolution."""
    weight = torch.empty(spec.width, spec.width, 3, 3, dtype=DTYPE)
    if spec.weights == "he":
        return nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
    if spec.weights == "xavier":
        return nn.init.xavier_normal_(weight, generator=generator)
    if spec.weights == "orthogonal":
        return nn.init.orthogonal_(weight, generator=generator)
    return nn.init.kaiming_uniform_(weight, a=5**0.5, generator=generator)  # as nn.Conv2d does


def _layer_output(spec: FlowSpec, x: Tensor, weight: Tensor, downsamples: bool) -> Tensor:
    """The output of one layer: convolution, batch norm, activation, pooling, skip connection."""
    strided = downsamples and spec.downsampling == "stride"
    y = nn.functional.conv2d(x, weight, stride=2 if strided else 1, padding=1)
    if spec.batch_norm:
        y = nn.functional.batch_norm(y, None, None, training=True)
    y = ACTIVATIONS[spec.activation]()(y)
    if downsamples and not strided:
        y = _downsampled(spec.downsampling, y)
    if not spec.skips:
        return y
    if not downsamples:
        return x + y
    return y + (x[:, :, ::2, ::2] if strided else _downsampled(spec.downsampling, x))


def _downsampled(downsampling: Downsampling, x: Tensor) -> Tensor:
    """The map downsampled by 2 with maxima, means or a blur."""
    width = x.shape[1]
    spec = replace(_POOLS[downsampling], in_channels=width)
    if downsampling != "blur":
        return OPERATIONS[spec.operation].run(spec, x, None, None)
    # The operation blur_pooling computes in single precision, so a convolution is used instead.
    weight = torch.from_numpy(blur_weight(spec)).to(x.dtype)
    spec = replace(spec, operation="convolution", out_channels=width, groups=width)
    return OPERATIONS["convolution"].run(spec, x, weight, None)


@dataclass(frozen=True)
class ZeroGradientShare:
    """Share of the image's pixels whose gradient is 0 after stacked 2×2 max-pools.

    Attributes:
        levels: number of max-pools in the stack.
        measured: share of exact zeros in the input gradient that torch computes for all outputs.
        expected: ``1 − 4^−levels``, as one pixel in ``4^levels`` is the maximum at every level.
    """

    levels: int
    measured: float
    expected: float


def zero_gradient_shares(levels: int = 5, seed: int = 0) -> tuple[ZeroGradientShare, ...]:
    """Measure `ZeroGradientShare` for stacks of 1 to ``levels`` max-pools on an image of noise.

    Raises:
        SpecError: ``levels`` is above `MAX_LEVELS`.
    """
    if whole("levels", levels, 1) > MAX_LEVELS:
        raise SpecError("levels", f"must be at most {MAX_LEVELS}", levels)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(1, 1, 2**levels, 2**levels, generator=generator, requires_grad=True)
    y, shares = x, []
    with torch.enable_grad():
        for level in range(1, levels + 1):
            y = _downsampled("max", y)
            (gradient,) = torch.autograd.grad(y.sum(), x, retain_graph=True)
            dead = float((gradient == 0).double().mean())
            shares.append(ZeroGradientShare(level, dead, 1 - 4.0**-level))
    return tuple(shares)
