"""The backward pass of a strided convolution, computed step by step in numpy.

It is a transposed convolution: insert stride − 1 zeros between the upstream gradients, flip the
kernel, and slide it with stride 1.
Source: Dumoulin and Visin, "A guide to convolution arithmetic for deep learning" (2016), ch. 4.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..errors import SpecError
from ..layer.operations import check, operation_of
from ..layer.padding import padding_source
from ..layer.spec import LayerSpec
from ..layer.window import Pair, span_of

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class BackwardPass:
    """Every step from the gradient at a convolution's output to the gradient at its input.

    Attributes:
        spec: the convolution.
        upstream: (O, h, w) the gradient at the output.
        inserted: (O, (h−1)s + 1, (w−1)s + 1) the upstream gradient with s − 1 zeros between its
            rows and columns, where s is the stride.
        surrounded: ``inserted`` with span − 1 zeros on every side, and ``remainder`` more after.
        kernel: (C, O / groups, kernel height, kernel width) the kernel flipped, with input and
            output channels exchanged.
        padded: (C, H + pads, W + pads) the gradient at the padded input: ``surrounded``
            correlated with ``kernel`` at stride 1.
        gradient: (C, H, W) the gradient at the input. Where the padding copies a pixel, the
            gradient at the copy is added to that of the pixel.
        remainder: rows and columns of the padded input past the last window.
        autograd: (C, H, W) the gradient that torch's autograd computes in double precision; None
            if it was not computed (`backward_by_hand_and_autograd` does).
    """

    spec: LayerSpec
    upstream: Array
    inserted: Array
    surrounded: Array
    kernel: Array
    padded: Array
    gradient: Array
    remainder: Pair
    autograd: Array | None = None

    @property
    def difference(self) -> float:
        """Largest absolute difference from torch's gradient; nan where ``autograd`` is None."""
        if self.autograd is None:
            return float("nan")
        return float(np.abs(self.gradient - self.autograd).max())


def backward_by_hand(
    spec: LayerSpec,
    size: Pair,
    weight: NDArray[np.floating],
    upstream: NDArray[np.floating],
) -> BackwardPass:
    """Compute the input gradient of a convolution and every step of it with numpy alone.

    Args:
        spec: a convolution, of any stride, padding, dilation and groups.
        size: (H, W) of the input.
        weight: (O, C / groups, kernel height, kernel width).
        upstream: (O, h, w) the gradient at the output.

    Raises:
        SpecError: the operation is no convolution, or the shapes do not fit.
    """
    if spec.operation != "convolution":
        rule = "must be a convolution: the others have no kernel to flip"
        raise SpecError("operation", rule, spec.operation)
    shape = (spec.out_channels, *check(spec, size))
    for name, array, wanted in (
        ("upstream", upstream, shape),
        ("weight", weight, operation_of(spec).weight_shape(spec)),
    ):
        if array.shape != wanted:
            raise SpecError(name, f"must have shape {wanted}", array.shape)
    rows, cols = spec.window.axes(size)
    remainder = (rows.remainder, cols.remainder)
    kernel = _flipped_kernel(np.asarray(weight, dtype=np.float64), spec.groups)
    inserted = _with_zeros_between(np.asarray(upstream, dtype=np.float64), spec.stride)
    spans = spec.window.effective_kernel_size
    around = [(span - 1, span - 1 + over) for span, over in zip(spans, remainder, strict=True)]
    surrounded = np.pad(inserted, [(0, 0), *around])
    padded = _cross_correlation(surrounded, kernel, spec.dilation, spec.groups)
    gradient = _without_padding(padded, spec, size)
    steps = (inserted, surrounded, kernel, padded, gradient)
    return BackwardPass(spec, np.asarray(upstream, dtype=np.float64), *steps, remainder)


def _with_zeros_between(upstream: Array, stride: Pair) -> Array:
    """The gradients with stride − 1 zeros between neighboring rows and columns."""
    channels, rows, cols = upstream.shape
    grid = np.zeros((channels, (rows - 1) * stride[0] + 1, (cols - 1) * stride[1] + 1))
    grid[:, :: stride[0], :: stride[1]] = upstream
    return grid


def _flipped_kernel(weight: Array, groups: int) -> Array:
    """Convert (O, C/g, k, k) weights to (C, O/g, k, k), rotated by 180°; g is ``groups``."""
    outputs, inner, rows, cols = weight.shape
    grouped = weight.reshape(groups, outputs // groups, inner, rows, cols)
    swapped = grouped.swapaxes(1, 2).reshape(groups * inner, outputs // groups, rows, cols)
    return np.ascontiguousarray(swapped[:, :, ::-1, ::-1])


def _cross_correlation(grid: Array, kernel: Array, dilation: Pair, groups: int) -> Array:
    """Cross-correlate (O, H, W) with a (C, O/g, k, k) kernel at stride 1, giving (C, h, w)."""
    spans = list(map(span_of, kernel.shape[2:], dilation))
    windows = sliding_window_view(grid, spans, axis=(1, 2))[..., :: dilation[0], :: dilation[1]]
    by_group = windows.reshape(groups, -1, *windows.shape[1:])
    kernels = kernel.reshape(groups, -1, *kernel.shape[1:])
    sums = np.einsum("gohwij,gcoij->gchw", by_group, kernels, optimize=True)
    return np.asarray(sums.reshape(-1, *sums.shape[2:]))


def _without_padding(padded: Array, spec: LayerSpec, size: Pair) -> Array:
    """(C, H, W) the input gradient from the gradient at the padded input.

    Entries in zero padding are dropped; those of copied pixels are added to the pixels.
    """
    gradient = np.zeros((padded.shape[0], *size))
    rows, cols = (
        padding_source(n, *pads, spec.padding_mode)
        for n, pads in zip(size, spec.padding, strict=True)
    )
    real = np.ix_(np.arange(len(padded)), rows >= 0, cols >= 0)
    np.add.at(gradient, np.ix_(np.arange(len(padded)), rows[rows >= 0], cols[cols >= 0]),
              padded[real])  # fmt: skip
    return gradient


def backward_by_hand_and_autograd(
    spec: LayerSpec,
    size: Pair,
    weight: NDArray[np.floating],
    upstream: NDArray[np.floating],
) -> BackwardPass:
    """As `backward_by_hand`, with the gradient of torch's autograd in double precision added.

    Raises:
        SpecError: as `backward_by_hand`.
    """
    by_hand = backward_by_hand(spec, size, weight, upstream)
    x = torch.zeros((1, spec.in_channels, *size), dtype=torch.float64, requires_grad=True)
    w = torch.from_numpy(np.array(weight, dtype=np.float64))
    with torch.enable_grad():  # linear in x: the same gradient at every input
        y = operation_of(spec).run(spec, x, w, None)
        (gradient,) = torch.autograd.grad(y, x, torch.from_numpy(by_hand.upstream)[None])
    steps = {name: getattr(by_hand, name) for name in by_hand.__dataclass_fields__}
    return BackwardPass(**steps | {"autograd": gradient[0].numpy()})
