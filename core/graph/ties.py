"""Maxima whose winner rounding would decide hand their gradient on in equal shares.

On a black background all pixels of a max-pooling window are equal but for rounding, and rounding
differs between processors, as they add up in different orders. torch gives the whole gradient to
the largest of them, so the effective field would hang on the processor. Here, where several
values of a window tie, each gets the same share; where one wins, torch's own gradient is used.

Two values tie when they differ by no more than

    ROUNDING · ε32 · largest magnitude of the channel + ε · |maximum|

ε is the machine epsilon of the values' type, ε32 that of the type sums are added up in (float32,
or float64 for float64). The first term is what sums of a few hundred products are off by: the
error of a sum grows with the size of its terms, of which the channel's largest value is the
measure, not with the sum, which may be small because the terms cancel. The second term is the
last digit of the values themselves. So of generic values about one window in 10⁴ ties by
chance, and the map moves by less than that.

Covered are max pooling (1-D to 3-D, adaptive too), ``amax``, ``amin``, ``max`` and ``min`` over
dimensions or of two tensors, ``maximum`` and ``minimum``. A rectifier needs no such rule: where
its input is exactly 0, as sums of zeros are on every processor, its gradient is 0, as in torch;
and an input that rounding moves over 0 is that of one unit, not of a whole background.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

import torch

from .rules.call import names_in

ROUNDING = 16
"""Machine epsilons by which a sum may be off, against the largest magnitude of its channel."""

SPARSE = 16
"""Where fewer than one maximum in so many ties, each is looked up by itself."""
RECTIFIER = "ReluBackward0"

Index = tuple[slice, ...]
Pieces = Sequence[tuple[Index, Index]]
"""Parts of an input, each beside the part of the output whose maxima it takes part in."""


def share_ties(operation: str, args: Sequence[Any], kwargs: Mapping[str, Any], out: Any) -> Any:
    """The result of a torch call, with its gradient shared among values that tie.

    Args:
        operation: name of the call, as `core.graph.tracing.trace.Listener.called` has it.
        args, kwargs: it was called with.
        out: its result; returned as it is where the call takes no maximum.
    """
    way = _SHARING_FUNCTIONS.get(operation)
    values = out if isinstance(out, torch.Tensor) else out[0] if isinstance(out, tuple) else None
    if way is None or not isinstance(values, torch.Tensor) or not values.requires_grad:
        return out
    values = way(operation, args, kwargs, values)
    if isinstance(out, torch.Tensor):
        return values
    results = (values, *out[1:])
    return results if type(out) is tuple else type(out)(results)


class _SharedGradient(torch.autograd.Function):
    """The identity on maxima, whose gradient goes in equal shares to the values that tie."""

    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, sign: int, pieces: Pieces, *inputs: torch.Tensor
    ) -> torch.Tensor:
        ctx.save_for_backward(values, *inputs)
        ctx.sign, ctx.pieces = sign, pieces
        ctx.rectified = inputs[0].grad_fn is not None and inputs[0].grad_fn.name() == RECTIFIER
        return values.clone()

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[Any, ...]:
        try:
            values, *inputs = ctx.saved_tensors
        except RuntimeError:  # the network has written to them since: what tied is not known
            return gradient, None, None, *(None for _ in ctx.needs_input_grad[3:])
        limit = values * ctx.sign - _tolerance(values, [values] if ctx.rectified else inputs)
        single = _pieces_match(inputs, limit, ctx.pieces)
        counts = _tie_counts(inputs, ctx.sign, limit, ctx.pieces, single)
        several = counts > 1
        if ctx.rectified:  # whoever gets the gradient of a 0 behind a rectifier, it ends there
            several &= values > 0
        many = int(several.count_nonzero())
        if not many:
            return gradient, None, None, *(None for _ in inputs)
        rest = gradient.clone()
        if single and many * SPARSE < counts.numel():
            where = several.nonzero()
            place = where.unbind(1)
            few = where, limit[place], gradient[place] / counts[place]
            rest[place] = 0
            input_gradients = [_sparse_gradient(x, ctx.sign, ctx.pieces, *few) for x in inputs]
        else:
            shares = gradient / counts.masked_fill_(several.logical_not(), 1)
            shares.masked_fill_(several.logical_not(), 0)
            rest.masked_fill_(several, 0)
            input_gradients = [
                _dense_gradient(x, ctx.sign, ctx.pieces, limit, shares) for x in inputs
            ]
        return rest, None, None, *input_gradients


def _pieces_match(inputs: Sequence[torch.Tensor], limit: torch.Tensor, pieces: Pieces) -> bool:
    """Whether each piece of an input holds one value for each maximum."""
    return all(x[inner].shape == limit[outer].shape for x in inputs for inner, outer in pieces)


def _tie_counts(
    inputs: Sequence[torch.Tensor], sign: int, limit: torch.Tensor, pieces: Pieces, single: bool
) -> torch.Tensor:
    """The number of values that tie for each maximum."""
    few = single and len(inputs) * len(pieces) < 256
    counts = torch.zeros_like(limit, dtype=torch.uint8 if few else torch.int32)
    for x in inputs:
        for inner, outer in pieces:
            tied = (x[inner] if sign > 0 else -x[inner]) >= limit[outer]
            part = counts[outer]
            part += tied.view(torch.uint8) if single else tied.sum_to_size(part.shape)
    return counts


def _dense_gradient(
    x: torch.Tensor, sign: int, pieces: Pieces, limit: torch.Tensor, shares: torch.Tensor
) -> torch.Tensor:
    """An input's gradient: for each value the shares of all maxima that it ties for."""
    result = torch.zeros_like(x, dtype=shares.dtype)
    for inner, outer in pieces:
        result[inner] += (x[inner] * sign >= limit[outer]) * shares[outer]
    return result


def _sparse_gradient(
    x: torch.Tensor,
    sign: int,
    pieces: Pieces,
    where: torch.Tensor,
    limit: torch.Tensor,
    shares: torch.Tensor,
) -> torch.Tensor:
    """As `_all`, for only those maxima whose indices are the rows of ``where``."""
    result = torch.zeros_like(x, dtype=shares.dtype)
    for inner, outer in pieces:
        inside = torch.ones_like(limit, dtype=torch.bool)
        for column, part in zip(where.unbind(1), outer, strict=True):
            if part.start is not None:
                inside &= (column >= part.start) & (column < part.stop)
        place = tuple(
            column if one.start is None else (column - other.start) * one.step + one.start
            for column, one, other in zip(where[inside].unbind(1), inner, outer, strict=True)
        )
        result[place] += (x[place] * sign >= limit[inside]) * shares[inside]
    return result


def _tolerance(values: torch.Tensor, inputs: Sequence[torch.Tensor]) -> torch.Tensor:
    """The largest difference at which values still tie, for each maximum."""
    first = min(2, values.ndim - 1)
    reduced = [d for d in range(values.ndim) if d >= first or values.shape[d] != inputs[0].shape[d]]
    largest = torch.stack([_largest_magnitude(x.to(values.dtype), reduced) for x in inputs]).amax(0)
    own = torch.finfo(values.dtype).eps
    return largest * (ROUNDING * min(own, torch.finfo(torch.float32).eps)) + values.abs() * own


def _largest_magnitude(x: torch.Tensor, dims: list[int]) -> torch.Tensor:
    """The largest magnitude along dimensions; without infinities, with which images are padded."""
    largest = torch.maximum(x.amax(dims, keepdim=True), -x.amin(dims, keepdim=True))
    if not largest.isfinite().all():
        largest = x.abs().masked_fill(x.isinf(), 0).amax(dims, keepdim=True)
    return largest


def _share_pooling(
    operation: str, args: Sequence[Any], kwargs: Mapping[str, Any], values: torch.Tensor
) -> torch.Tensor:
    """max_poolNd(input, kernel_size, stride, padding, dilation, …), adaptive_max_poolNd(input, …)."""
    names = names_in("input kernel_size stride padding dilation")
    arguments = dict(zip(names, args, strict=False)) | dict(kwargs)
    image: torch.Tensor = arguments["input"]
    count = int(operation.removesuffix("_with_indices")[-2])
    sizes = zip(image.shape[-count:], values.shape[-count:], strict=True)
    if operation.startswith("adaptive"):
        axes = [_window_slices(n, m) for n, m in sizes]
    else:
        kernel = _per_axis(arguments["kernel_size"], count)
        stride = _per_axis(arguments.get("stride") or kernel, count)
        padding, dilation = (
            _per_axis(arguments.get("padding", 0), count),
            _per_axis(arguments.get("dilation", 1), count),
        )
        settings = zip(sizes, kernel, stride, padding, dilation, strict=True)
        axes = [list(_tap_slices(*size, *setting)) for size, *setting in settings]
    lead = (slice(None),) * (image.ndim - count)
    pieces = [
        ((*lead, *(one for one, _ in parts)), (*lead, *(other for _, other in parts)))
        for parts in product(*axes)
    ]
    return _SharedGradient.apply(values, 1, pieces, image)  # type: ignore[no-any-return,no-untyped-call]


def _per_axis(value: Any, count: int) -> list[int]:
    numbers = [int(v) for v in value] if isinstance(value, tuple | list) else [int(value)]
    return numbers * count if len(numbers) == 1 else numbers


def _tap_slices(n: int, m: int, k: int, s: int, p: int, d: int) -> Iterator[tuple[slice, slice]]:
    """For each tap along one axis: the inputs that it reads, and the windows it reads them for."""
    for first in range(-p, k * d - p, d):
        low, high = max(0, -(first // s)), min(m, (n - 1 - first) // s + 1)
        if low < high:
            start = first + low * s
            yield slice(start, start + (high - 1 - low) * s + 1, s), slice(low, high)


def _window_slices(n: int, m: int) -> list[tuple[slice, slice]]:
    """For each window along one axis: the inputs that it reads, and its place."""
    return [(slice(i * n // m, -(-(i + 1) * n // m), 1), slice(i, i + 1)) for i in range(m)]


def _share_reduction(
    operation: str, args: Sequence[Any], kwargs: Mapping[str, Any], values: torch.Tensor
) -> torch.Tensor:
    """amax(input, dim, keepdim), max(input), max(input, dim, keepdim), max(input, other)."""
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
        expanded, _sign(operation), [(whole, whole)], image
    )  # type: ignore[no-untyped-call]
    return result.reshape(values.shape)


def _share_elementwise(
    operation: str, args: Sequence[Any], kwargs: Mapping[str, Any], values: torch.Tensor
) -> torch.Tensor:
    """maximum(input, other) and its like."""
    arguments = dict(zip(names_in("input other"), args, strict=False)) | dict(kwargs)
    whole = (slice(None),) * values.ndim
    both = [arguments[name].expand(values.shape) for name in ("input", "other")]
    return _SharedGradient.apply(values, _sign(operation), [(whole, whole)], *both)  # type: ignore[no-any-return,no-untyped-call]


def _sign(operation: str) -> int:
    return -1 if operation in ("amin", "min", "minimum", "fmin") else 1


SharingFunction = Callable[[str, Sequence[Any], Mapping[str, Any], torch.Tensor], torch.Tensor]
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
"""Names of the operations whose gradient is shared."""
