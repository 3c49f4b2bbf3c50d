"""The input gradient of one layer, computed by torch's autograd on data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..layer.operations import FloatArray, operation_of, output_size, winner_positions
from ..layer.padding import padding_source
from ..layer.spec import LayerSpec
from ..layer.sweep import Sweep, checked_tensors
from ..layer.window import BoolArray, IntArray
from .counts import read_masks_by_axis
from .recipe import UpstreamGradient

MAX_BATCH_ELEMENTS = 2**22
"""Largest number of output entries in one batch of backward passes of `contribution_counts`."""


@dataclass(frozen=True)
class Statistics:
    """Summary statistics of an input gradient g over all its entries.

    Attributes:
        mean_abs: mean of |g|.
        std: standard deviation of g.
        reached: number of entries that are not exactly 0.
        zeros: share of entries that are exactly 0.
        ratio: largest |g| divided by the smallest nonzero |g|; nan where all entries are 0.
    """

    mean_abs: float
    std: float
    reached: int
    zeros: float
    ratio: float


def statistics(gradient: NDArray[np.floating]) -> Statistics:
    """The statistics of a gradient of any shape."""
    magnitude = np.abs(np.asarray(gradient, dtype=np.float64))
    nonzero = magnitude[magnitude > 0]
    return Statistics(
        float(magnitude.mean()),
        float(np.std(gradient, dtype=np.float64)),
        int(nonzero.size),
        1 - nonzero.size / magnitude.size,
        float(nonzero.max() / nonzero.min()) if nonzero.size else float("nan"),
    )


@dataclass(frozen=True, eq=False)
class InputGradient:
    """The gradient at a layer's input for an upstream gradient at its output.

    Attributes:
        spec: the layer.
        output: (O, h, w) the layer's output.
        upstream: (O, h, w) the gradient at the output.
        gradient: (C, H, W) the gradient at the input, computed by torch.
        winner: (C, h, w) flat input position of each maximum, -1 where it is in the padding;
            None unless the operation is a maximum.
    """

    spec: LayerSpec
    output: FloatArray
    upstream: FloatArray
    gradient: FloatArray
    winner: IntArray | None

    @property
    def statistics(self) -> Statistics:
        """Mean magnitude, spread, and share of zeros of the input gradient, and the other statistics."""
        return statistics(self.gradient)


def input_gradient(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
    bias: NDArray[np.floating] | None = None,
    upstream: UpstreamGradient | None = None,
) -> InputGradient:
    """Run the layer and its backward pass with torch.

    Args:
        spec: the layer.
        x: (C, H, W) input.
        weight: the weights in torch's layout; None for an operation without learned weights.
        bias: (O,) the bias, which changes no gradient; None unless ``spec.bias``.
        upstream: the gradient at the output; by default it is 1 at every unit.

    Raises:
        SpecError: the layer does not fit the input, or the unit lies outside the output.
    """
    operation = operation_of(spec)
    inputs, *parameters = checked_tensors(spec, x, weight, bias)
    inputs.requires_grad_()
    with torch.enable_grad():
        y = _output_with_safe_backward(spec, inputs, *parameters)
        at_output = (upstream or UpstreamGradient("all")).values(
            (y.shape[1], y.shape[2], y.shape[3])
        )
        (gradient,) = torch.autograd.grad(y, inputs, torch.from_numpy(at_output)[None])
    with torch.inference_mode():
        winner = winner_positions(spec, inputs)[0].numpy() if operation.reduce == "max" else None
    return InputGradient(spec, y.detach()[0].numpy(), at_output, gradient[0].numpy(), winner)


def _output_with_safe_backward(
    spec: LayerSpec, x: Tensor, weight: Tensor | None, bias: Tensor | None
) -> Tensor:
    """The layer's output, computed so that its backward pass is safe.

    A window of a dilated max pooling may hold only padding. PyTorch then records a maximum past
    the end of the input, and its backward pass writes out of bounds. Here the padding is applied
    before the layer, so that this maximum is a cell of the padding.
    """
    operation = operation_of(spec)
    if operation.reduce != "max":
        return operation.run(spec, x, weight, bias)
    height, width = output_size(spec, (x.shape[2], x.shape[3]))
    (top, bottom), (left, right) = spec.padding
    padded = torch.nn.functional.pad(x, [left, right, top, bottom], value=float("-inf"))
    y = operation.run(replace(spec, padding=((0, 0), (0, 0))), padded, weight, bias)
    return y[:, :, :height, :width]


def contribution_counts(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
    bias: NDArray[np.floating] | None = None,
) -> IntArray:
    """(C, H, W) the number of output units with a nonzero gradient at each input value, measured.

    Units whose windows have no pixel in common share one backward pass, because their gradients
    do not overlap. The closed form of the windows decides which units these are.

    Raises:
        SpecError: as `input_gradient`.
    """
    inputs, *parameters = checked_tensors(spec, x, weight, bias)
    rows, cols = (
        _disjoint_groups(reads) for reads in read_masks_by_axis(spec, (x.shape[1], x.shape[2]))
    )
    with torch.no_grad():
        shape = _output_with_safe_backward(spec, inputs, *parameters).shape
    passes = [
        (channel, r, c)
        for channel in range(shape[1])
        for r in range(rows.max() + 1)
        for c in range(cols.max() + 1)
    ]
    step = max(1, MAX_BATCH_ELEMENTS // shape.numel())
    counts = np.zeros(x.shape, dtype=np.int64)
    for first in range(0, len(passes), step):
        chunk = passes[first : first + step]
        at_output = np.zeros((len(chunk), *shape[1:]), dtype=np.float32)
        for copy, (channel, r, c) in enumerate(chunk):
            at_output[copy, channel] = np.outer(rows == r, cols == c)
        batch = inputs.expand(len(chunk), -1, -1, -1).clone().requires_grad_()
        with torch.enable_grad():
            y = _output_with_safe_backward(spec, batch, *parameters)
            (gradient,) = torch.autograd.grad(y, batch, torch.from_numpy(at_output))
        counts += (gradient != 0).sum(0).numpy()
    return counts


def _disjoint_groups(reads: BoolArray) -> IntArray:
    """(outputs,) a group number for each output; no two outputs of a group read the same index.

    Args:
        reads: (outputs, n) whether each output reads each input index.
    """
    group = np.zeros(len(reads), dtype=np.int64)
    read_by_group: list[BoolArray] = []
    for output, mask in enumerate(reads):
        disjoint = (i for i, used in enumerate(read_by_group) if not (used & mask).any())
        index = next(disjoint, len(read_by_group))
        if index == len(read_by_group):
            read_by_group.append(np.zeros_like(mask))
        read_by_group[index] |= mask
        group[output] = index
    return group


def expected_gradient(result: Sweep, channel: int, row: int, column: int) -> NDArray[np.float64]:
    """(C, H, W) the gradient of one output unit at the input, in closed form.

    At each pixel it is the weight of the tap that reads the pixel: the kernel's weight for a
    convolution, 1/divisor for a mean, and 1 at a maximum. A tap that reads a copy of a pixel in
    the padding counts for that pixel.

    Args:
        result: the layer's forward pass.
        channel, row, column: index of the output unit.
    """
    terms = result.terms(channel, row, column)
    planes = len(result.channels_of(channel))
    expected = np.zeros(result.input.shape)
    rows = _input_index_of_taps(result, 0, row)
    cols = _input_index_of_taps(result, 1, column)
    shape = (planes, len(rows), len(cols))
    index = np.broadcast_arrays(
        terms.channel.reshape(shape), rows[None, :, None], cols[None, None, :]
    )
    in_input = (index[1] >= 0) & (index[2] >= 0)
    weights = terms.weight.reshape(shape)
    np.add.at(expected, tuple(part[in_input] for part in index), weights[in_input])
    return expected


def _input_index_of_taps(result: Sweep, axis: int, output: int) -> IntArray:
    """(taps,) the input index that each tap of an output reads along an axis, else negative."""
    windows, n = (result.rows, result.cols)[axis], result.input.shape[1 + axis]
    values: IntArray = windows.source
    if result.spec.padding_mode != "zeros":
        values = padding_source(n, *result.spec.padding[axis], result.spec.padding_mode)
    return np.asarray(values[windows.taps[output]])
