"""Shares the gradient of a maximum equally among values that tie.

On a black background all pixels of a max-pooling window are equal except for rounding errors.
These differ between processors, which add up numbers in different orders. torch passes the whole
gradient to the largest value, so the effective receptive field would depend on the processor.
Here, if several values of a window tie, each gets an equal share of the gradient; otherwise
torch's own gradient is used.

Two values tie when they differ by no more than

    ROUNDING_FACTOR · ε32 · largest magnitude of the channel + ε · |maximum|

ε is the machine epsilon of the values' dtype, ε32 that of the dtype in which sums are accumulated
(float32, or float64 for float64). The first term is the typical error of a sum of a few hundred
products. This error grows with the size of the terms, which the channel's largest value measures,
and not with the sum, which may be small because the terms cancel. The second term is the rounding
error of the values themselves. For generic values, about one window in 10⁴ ties by chance, and
the effect on the gradient is smaller than that.

This covers max pooling (1-D to 3-D, also adaptive), ``amax``, ``amin``, ``max`` and ``min`` over
dimensions or of two tensors, ``maximum`` and ``minimum``. A ReLU needs no such rule. Where its
input is exactly 0, as sums of zeros are on every processor, its gradient is 0, as in torch; and
rounding moves the input of single units across 0, not that of a whole background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import torch

from .rules.call import names_in
from .rules.windows import per_axis

ROUNDING_FACTOR = 16
"""The error of a sum that counts as rounding: this many ε32 times its channel's largest value."""

SPARSE_RATIO = 16
"""If less than 1/SPARSE_RATIO of the maxima have ties, their gradient is computed by index."""
RELU_NODE = "ReluBackward0"
"""The name of the autograd node of a ReLU."""

Index = tuple[slice, ...]
"""An index with one slice for each dimension."""
Pieces = Sequence[tuple[Index, Index]]
"""Pairs of slices: a part of the input, and the outputs whose maximum runs over this part.

The pair of tap t of a max pooling has the inputs at tap t of all windows, and all windows.
"""


def share_ties(operation: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Any:
    """The result of a torch call, whose gradient is shared among values that tie.

    Args:
        operation: the name of the call, as in `core.graph.tracing.trace.Listener.called`.
        args, kwargs: the arguments of the call.
        out: the result of the call; it is returned unchanged if the call computes no maximum.
    """
    sharing_function = _SHARING_FUNCTIONS.get(operation)
    values = out if isinstance(out, torch.Tensor) else out[0] if isinstance(out, tuple) else None
    if sharing_function is None or not isinstance(values, torch.Tensor) or not values.requires_grad:
        return out
    values = sharing_function(operation, args, kwargs, values)
    if isinstance(out, torch.Tensor):
        return values
    results = (values, *out[1:])
    return results if type(out) is tuple else type(out)(results)


class _SharedGradient(torch.autograd.Function):
    """The identity on maxima; its gradient goes in equal shares to the inputs that tie.

    ``sign`` is 1 for maxima and -1 for minima, of which the negative inputs are compared.
    """

    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, sign: int, pieces: Pieces, *inputs: torch.Tensor
    ) -> torch.Tensor:
        """Returns a copy of the maxima and saves them with the inputs for the backward pass."""
        ctx.save_for_backward(values, *inputs)
        ctx.sign, ctx.pieces = sign, pieces
        ctx.rectified = inputs[0].grad_fn is not None and inputs[0].grad_fn.name() == RELU_NODE
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        """Passes the gradient of untied maxima to torch, and shares of the rest to the inputs."""
        try:
            values, *inputs = ctx.saved_tensors
        except RuntimeError:  # the network has overwritten them in place, so ties are unknown
            return gradient, None, None, *(None for _ in ctx.needs_input_grad[3:])
        smallest_tie = values * ctx.sign - _tolerance(values, [values] if ctx.rectified else inputs)
        elementwise = _one_value_per_maximum(inputs, smallest_tie, ctx.pieces)
        counts = _tie_counts(inputs, ctx.sign, smallest_tie, ctx.pieces, elementwise)
        tied = counts > 1
        if ctx.rectified:  # the ReLU stops the gradient of a maximum of 0, whichever input gets it
            tied &= values > 0
        tied_count = int(tied.count_nonzero())
        if not tied_count:
            return gradient, None, None, *(None for _ in inputs)
        untied_gradient = gradient.clone()
        if elementwise and tied_count * SPARSE_RATIO < counts.numel():
            rows = tied.nonzero()
            index = rows.unbind(1)
            sparse = rows, smallest_tie[index], gradient[index] / counts[index]
            untied_gradient[index] = 0
            input_gradients = [_sparse_gradient(x, ctx.sign, ctx.pieces, *sparse) for x in inputs]
        else:
            shares = gradient / counts.masked_fill_(tied.logical_not(), 1)
            shares.masked_fill_(tied.logical_not(), 0)
            untied_gradient.masked_fill_(tied, 0)
            input_gradients = [
                _dense_gradient(x, ctx.sign, ctx.pieces, smallest_tie, shares) for x in inputs
            ]
        return untied_gradient, None, None, *input_gradients


def _one_value_per_maximum(
    inputs: Sequence[torch.Tensor], smallest_tie: torch.Tensor, pieces: Pieces
) -> bool:
    """Whether each piece of an input has one value for each of its maxima."""
    return all(
        x[inner].shape == smallest_tie[outer].shape for x in inputs for inner, outer in pieces
    )


def _tie_counts(
    inputs: Sequence[torch.Tensor],
    sign: int,
    smallest_tie: torch.Tensor,
    pieces: Pieces,
    elementwise: bool,
) -> torch.Tensor:
    """The number of values that tie for each maximum.

    Args:
        inputs: the tensors of which the maxima were taken.
        sign: 1 for maxima, -1 for minima.
        smallest_tie: for each maximum, the smallest value that ties.
        pieces: the parts of the inputs that each maximum runs over.
        elementwise: whether each piece has one value for each of its maxima.
    """
    fits_in_byte = elementwise and len(inputs) * len(pieces) < 256
    counts = torch.zeros_like(smallest_tie, dtype=torch.uint8 if fits_in_byte else torch.int32)
    for x in inputs:
        for inner, outer in pieces:
            tied = (x[inner] if sign > 0 else -x[inner]) >= smallest_tie[outer]
            part = counts[outer]
            part += tied.view(torch.uint8) if elementwise else tied.sum_to_size(part.shape)
    return counts


def _dense_gradient(
    x: torch.Tensor, sign: int, pieces: Pieces, smallest_tie: torch.Tensor, shares: torch.Tensor
) -> torch.Tensor:
    """The gradient of an input: each value gets the shares of all maxima for which it ties."""
    result = torch.zeros_like(x, dtype=shares.dtype)
    for inner, outer in pieces:
        result[inner] += (x[inner] * sign >= smallest_tie[outer]) * shares[outer]
    return result


def _sparse_gradient(
    x: torch.Tensor,
    sign: int,
    pieces: Pieces,
    tied_indices: torch.Tensor,
    smallest_tie: torch.Tensor,
    shares: torch.Tensor,
) -> torch.Tensor:
    """`_dense_gradient` for a few maxima, whose indices are the rows of ``tied_indices``."""
    result = torch.zeros_like(x, dtype=shares.dtype)
    for inner, outer in pieces:
        inside = torch.ones_like(smallest_tie, dtype=torch.bool)
        for column, part in zip(tied_indices.unbind(1), outer, strict=True):
            if part.start is not None:
                inside &= (column >= part.start) & (column < part.stop)
        index = tuple(
            column if one.start is None else (column - other.start) * one.step + one.start
            for column, one, other in zip(tied_indices[inside].unbind(1), inner, outer, strict=True)
        )
        result[index] += (x[index] * sign >= smallest_tie[inside]) * shares[inside]
    return result


def _tolerance(values: torch.Tensor, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """For each maximum, the largest difference at which values tie (formula in the module text)."""
    first = min(2, values.ndim - 1)
    reduced = [d for d in range(values.ndim) if d >= first or values.shape[d] != inputs[0].shape[d]]
    largest = torch.stack([_largest_magnitude(x.to(values.dtype), reduced) for x in inputs]).amax(0)
    own = torch.finfo(values.dtype).eps
    return (
        largest * (ROUNDING_FACTOR * min(own, torch.finfo(torch.float32).eps)) + values.abs() * own
    )


def _largest_magnitude(x: torch.Tensor, dims: list[int]) -> torch.Tensor:
    """The largest magnitude along dimensions, without infinities, which pad max pooling."""
    largest = torch.maximum(x.amax(dims, keepdim=True), -x.amin(dims, keepdim=True))
    if not largest.isfinite().all():
        largest = x.abs().masked_fill(x.isinf(), 0).amax(dims, keepdim=True)
    return largest


def _share_pooling(
    operation: str, args: Sequence[Any], kwargs: Mapping[str, Any], values: torch.Tensor
) -> torch.Tensor:
    """Shares the gradient of max_poolNd and adaptive_max_poolNd."""
    names = names_in("input kernel_size stride padding dilation")
    arguments = dict(zip(names, args, strict=False)) | dict(kwargs)
    image: torch.Tensor = arguments["input"]
    count = int(operation.removesuffix("_with_indices")[-2])
    sizes = zip(image.shape[-count:], values.shape[-count:], strict=True)
    if operation.startswith("adaptive"):
        axes = [_adaptive_window_slices(n, m) for n, m in sizes]
    else:
        kernel = per_axis(arguments["kernel_size"], count)
        stride = per_axis(arguments.get("stride") or kernel, count)
        padding, dilation = (
            per_axis(arguments.get("padding", 0), count),
            per_axis(arguments.get("dilation", 1), count),
        )
        settings = zip(sizes, kernel, stride, padding, dilation, strict=True)
        axes = [list(_tap_slices(*size, *setting)) for size, *setting in settings]
    leading = (slice(None),) * (image.ndim - count)
    pieces = [
        ((*leading, *(one for one, _ in parts)), (*leading, *(other for _, other in parts)))
        for parts in product(*axes)
    ]
    return _SharedGradient.apply(values, 1, pieces, image)  # type: ignore[no-any-return,no-untyped-call]


def _tap_slices(
    input_length: int, window_count: int, kernel_size: int, stride: int, padding: int, dilation: int
) -> Iterator[tuple[slice, slice]]:
    """For each tap along one axis, the inputs at this tap and the windows that read them.

    Args:
        input_length: number of inputs.
        window_count: number of windows.
        kernel_size: kernel size.
        stride: stride.
        padding: padding.
        dilation: dilation.
    """
    for first in range(-padding, kernel_size * dilation - padding, dilation):
        low, high = (
            max(0, -(first // stride)),
            min(window_count, (input_length - 1 - first) // stride + 1),
        )
        if low < high:
            start = first + low * stride
            yield slice(start, start + (high - 1 - low) * stride + 1, stride), slice(low, high)


def _adaptive_window_slices(n_in: int, n_out: int) -> list[tuple[slice, slice]]:
    """For each window of adaptive pooling from n to m units, its inputs and its own index."""
    return [
        (slice(i * n_in // n_out, -(-(i + 1) * n_in // n_out), 1), slice(i, i + 1))
        for i in range(n_out)
    ]


def _share_reduction(
    operation: str, args: Sequence[Any], kwargs: Mapping[str, Any], values: torch.Tensor
) -> torch.Tensor:
    """Shares the gradient of amax(input, dim), max(input), max(input, dim), max(input, other)."""
    arguments = dict(zip(names_in("input dim keepdim"), args, strict=False)) | dict(kwargs)
    other = arguments.get("other", arguments.get("dim"))
    if isinstance(other, torch.Tensor):
        return _share_elementwise(operation, (arguments["input"], other), {}, values)
    image: torch.Tensor = arguments["input"]
    dims = range(image.ndim) if other is None or other == () else other
    reduced = sorted({d % image.ndim for d in ([dims] if isinstance(dims, int) else dims)})
    expanded = values.reshape([1 if d in reduced else n for d, n in enumerate(image.shape)])
    whole = (slice(None),) * image.ndim
    result: torch.Tensor = _SharedGradient.apply(
        expanded, _sign_of_extremum(operation), [(whole, whole)], image
    )  # type: ignore[no-untyped-call]
    return result.reshape(values.shape)


def _share_elementwise(
    operation: str, args: Sequence[Any], kwargs: Mapping[str, Any], values: torch.Tensor
) -> torch.Tensor:
    """Shares the gradient of maximum(input, other) and of its aliases."""
    arguments = dict(zip(names_in("input other"), args, strict=False)) | dict(kwargs)
    whole = (slice(None),) * values.ndim
    both = [arguments[name].expand(values.shape) for name in ("input", "other")]
    return _SharedGradient.apply(values, _sign_of_extremum(operation), [(whole, whole)], *both)  # type: ignore[no-any-return,no-untyped-call]


def _sign_of_extremum(operation: str) -> int:
    """-1 for operations that take minima, 1 for maxima."""
    return -1 if operation in ("amin", "min", "minimum", "fmin") else 1


SharingFunction = Callable[[str, Sequence[Any], Mapping[str, Any], torch.Tensor], torch.Tensor]
"""(operation, arguments, keyword arguments, maxima) → the maxima with a shared gradient."""
_SHARING_FUNCTIONS: dict[str, SharingFunction] = {
    **{
        f"{kind}max_pool{n}d{tail}": _share_pooling
        for kind in ("", "adaptive_")
        for n in (1, 2, 3)
        for tail in ("", "_with_indices")
    },
    **dict.fromkeys(names_in("amax amin max min"), _share_reduction),
    **dict.fromkeys(names_in("maximum minimum fmax fmin"), _share_elementwise),
}
MAXIMA = frozenset(_SHARING_FUNCTIONS)
"""The names of the operations whose gradient is shared among ties."""
