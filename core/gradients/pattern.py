"""The input gradient of one layer, by torch's autograd on real data."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import SpecError
from ..layer.operations import FloatArray, check, operation_of, output_size, winners
from ..layer.padding import fill_source
from ..layer.spec import LayerSpec
from ..layer.sweep import Sweep
from ..layer.window import BoolArray, IntArray
from .counts import axis_reads
from .recipe import UpstreamGradient

CHUNK = 2**22
"""Most numbers in the outputs of one batch of `contributions`."""


@dataclass(frozen=True)
class Statistics:
    """Summary statistics of an input gradient g, over all its pixels.

    Attributes:
        mean_abs: mean of |g|.
        std: standard deviation of g.
        reached: pixels that are not exactly 0.
        zeros: share of pixels that are exactly 0.
        ratio: largest |g| over the smallest that is not 0; 1 where it is spread evenly, nan
            where all are 0.
    """

    mean_abs: float
    std: float
    reached: int
    zeros: float
    ratio: float


def statistics(gradient: NDArray[np.floating]) -> Statistics:
    """The statistics of a gradient of any shape."""
    size = np.abs(np.asarray(gradient, dtype=np.float64))
    some = size[size > 0]
    return Statistics(
        float(size.mean()),
        float(np.std(gradient, dtype=np.float64)),
        int(some.size),
        1 - some.size / size.size,
        float(some.max() / some.min()) if some.size else float("nan"),
    )


@dataclass(frozen=True, eq=False)
class InputGradient:
    """The gradient at a layer's input for an upstream gradient at its output.

    Attributes:
        spec: the layer.
        output: (O, h, w) the layer's output.
        upstream: (O, h, w) the gradient at the output.
        gradient: (C, H, W) the gradient at the input, torch's own.
        winner: (C, h, w) flat input position of each maximum (-1: none); None without one.
    """

    spec: LayerSpec
    output: FloatArray
    upstream: FloatArray
    gradient: FloatArray
    winner: IntArray | None

    @property
    def statistics(self) -> Statistics:
        return statistics(self.gradient)


def input_gradient(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
    bias: NDArray[np.floating] | None = None,
    upstream: UpstreamGradient | None = None,
) -> InputGradient:
    """Run the layer and its backward pass.

    Args:
        spec: the layer.
        x: (C, H, W) input.
        weight: in torch's own layout for the operation, when it has learned weights.
        bias: (O,), when ``spec.bias``; it changes no gradient.
        upstream: the gradient at the output; by default it is 1 at every unit.

    Raises:
        SpecError: the layer does not fit the input, or the unit lies outside the output.
    """
    row = operation_of(spec)
    inputs, parameters = _tensors(spec, x, weight, bias)
    inputs.requires_grad_()
    with torch.enable_grad():
        y = _run(spec, inputs, *parameters)
        at_output = (upstream or UpstreamGradient("all")).values(
            (y.shape[1], y.shape[2], y.shape[3])
        )
        (gradient,) = torch.autograd.grad(y, inputs, torch.from_numpy(at_output)[None])
    with torch.inference_mode():
        winner = winners(spec, inputs)[0].numpy() if row.reduce == "max" else None
    return InputGradient(spec, y.detach()[0].numpy(), at_output, gradient[0].numpy(), winner)


def _run(spec: LayerSpec, x: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    """The layer's output, computed so that its backward pass is safe.

    A window of a dilated max pooling may hold nothing but padding. torch then notes a winner past
    the end of the input, and its backward pass writes there. Here the padding is applied before
    the layer, so that the winner is a cell of the padding, whose gradient is cut off.
    """
    row = operation_of(spec)
    if row.reduce != "max":
        return row.run(spec, x, weight, bias)
    height, width = output_size(spec, (x.shape[2], x.shape[3]))
    (top, bottom), (left, right) = spec.padding
    padded = torch.nn.functional.pad(x, [left, right, top, bottom], value=float("-inf"))
    y = row.run(replace(spec, padding=((0, 0), (0, 0))), padded, weight, bias)
    return y[:, :, :height, :width]


def _tensors(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None,
    bias: NDArray[np.floating] | None,
) -> tuple[Tensor, tuple[Tensor | None, Tensor | None]]:
    """The input as (1, C, H, W), and weight and bias; checked."""
    operation = operation_of(spec)
    if x.ndim != 3 or x.shape[0] != spec.in_channels:
        raise SpecError("input", f"must be ({spec.in_channels}, height, width)", x.shape)
    check(spec, (x.shape[1], x.shape[2]))
    shape = operation.weight_shape(spec) if operation.learned else None
    weight_shape = None if weight is None else weight.shape
    if weight_shape != shape:
        raise SpecError("weight", f"must have shape {shape}", weight_shape)
    if (bias is None) == spec.bias:
        raise SpecError("bias", "must be given if and only if it is set", bias)
    parameters = [None if a is None else _tensor(a) for a in (weight, bias)]
    return _tensor(x)[None], (parameters[0], parameters[1])


def _tensor(array: NDArray[np.floating]) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32))


def contributions(
    spec: LayerSpec,
    x: NDArray[np.floating],
    weight: NDArray[np.floating] | None = None,
    bias: NDArray[np.floating] | None = None,
) -> IntArray:
    """(C, H, W) how many output units send each input value a gradient, measured.

    Units whose windows have no pixel in common share one backward pass: their gradients
    cannot mix. Which they are is read from the closed form of the windows.

    Raises:
        SpecError: as `input_gradient`.
    """
    inputs, parameters = _tensors(spec, x, weight, bias)
    rows, cols = (_groups(reads) for reads in axis_reads(spec, (x.shape[1], x.shape[2])))
    with torch.no_grad():
        shape = _run(spec, inputs, *parameters).shape
    passes = [
        (channel, r, c)
        for channel in range(shape[1])
        for r in range(rows.max() + 1)
        for c in range(cols.max() + 1)
    ]
    step = max(1, CHUNK // shape.numel())
    counts = np.zeros(x.shape, dtype=np.int64)
    for first in range(0, len(passes), step):
        chunk = passes[first : first + step]
        at_output = np.zeros((len(chunk), *shape[1:]), dtype=np.float32)
        for copy, (channel, r, c) in enumerate(chunk):
            at_output[copy, channel] = np.outer(rows == r, cols == c)
        batch = inputs.expand(len(chunk), -1, -1, -1).clone().requires_grad_()
        with torch.enable_grad():
            y = _run(spec, batch, *parameters)
            (gradient,) = torch.autograd.grad(y, batch, torch.from_numpy(at_output))
        counts += (gradient != 0).sum(0).numpy()
    return counts


def _groups(reads: BoolArray) -> IntArray:
    """(outputs,) the group of each output; no two outputs of a group read the same index."""
    group = np.zeros(len(reads), dtype=np.int64)
    taken: list[BoolArray] = []
    for output, own in enumerate(reads):
        free = (i for i, used in enumerate(taken) if not (used & own).any())
        index = next(free, len(taken))
        if index == len(taken):
            taken.append(np.zeros_like(own))
        taken[index] |= own
        group[output] = index
    return group


def expected_gradient(result: Sweep, channel: int, row: int, column: int) -> NDArray[np.float64]:
    """(C, H, W) one unit's input gradient in closed form: the weight of each tap, at its pixel.

    The taps are the kernel's weights for a convolution, 1/divisor for a mean, and a single 1
    at the winner of a maximum. Taps in the padding count where the padding copies a pixel.
    """
    terms = result.terms(channel, row, column)
    planes = len(result.channels_of(channel))
    expected = np.zeros(result.input.shape)
    rows = _pixels(result, 0, row)
    cols = _pixels(result, 1, column)
    shape = (planes, len(rows), len(cols))
    index = np.broadcast_arrays(
        terms.channel.reshape(shape), rows[None, :, None], cols[None, None, :]
    )
    real = (index[1] >= 0) & (index[2] >= 0)
    weights = terms.weight.reshape(shape)
    np.add.at(expected, tuple(part[real] for part in index), weights[real])
    return expected


def _pixels(result: Sweep, axis: int, output: int) -> IntArray:
    """The input index that each tap of an output reads along an axis; negative for none."""
    windows, n = (result.rows, result.cols)[axis], result.input.shape[1 + axis]
    values: IntArray = windows.source
    if result.spec.padding_mode != "zeros":
        values = fill_source(n, *result.spec.padding[axis], result.spec.padding_mode)
    return np.asarray(values[windows.taps[output]])
