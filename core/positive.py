"""Networks in which a gradient cannot hide: positive weights, means for maxima, open gates.

A positive copy keeps who reads whom and nothing else. Its gradient is reduced to its
support (0 or 1) after every operation, so that nothing overflows or vanishes however deep
the network is, and no two paths cancel.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from core.errors import SpecError
from core.graph_call import words


def positive_copy(module: nn.Module) -> nn.Module:
    """A deep copy in float64 and eval mode: weights average, norms and biases do nothing."""
    try:
        copied = copy.deepcopy(module).to("cpu", torch.float64).eval()
    except Exception as error:
        raise SpecError("module", f"cannot be copied: {error}", type(module).__name__) from error
    noise = torch.Generator().manual_seed(1)  # channels that are equal could cancel
    with torch.no_grad():
        for name, tensor in (*copied.named_parameters(), *copied.named_buffers()):
            if tensor.is_floating_point():
                tensor.fill_(_level(name.rpartition(".")[2], tensor))
                tensor *= 1 + torch.rand(tensor.shape, generator=noise, dtype=tensor.dtype) / 2
    return copied.requires_grad_(False)


def _level(name: str, tensor: torch.Tensor) -> float:
    if tensor.ndim > 1:
        return 1 / max(1, tensor.numel() // tensor.shape[0])
    return 0.0 if "bias" in name or "mean" in name else 1.0


class Positive(TorchFunctionMode):
    """Means for maxima, open gates, and gradients reduced to their support."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").strip("_")
        out = _stand_in(name, func, args, kwargs)
        for tensor in out if isinstance(out, tuple) else (out,):
            if isinstance(tensor, torch.Tensor) and tensor.grad_fn is not None:
                tensor.register_hook(_support)  # type: ignore[no-untyped-call]
        return out


def _support(gradient: torch.Tensor | None) -> torch.Tensor | None:
    if gradient is None:  # of a part that nobody used
        return None
    return ((gradient != 0) & ~gradient.isnan()).to(gradient.dtype)


_GATES = words(
    "relu6 hardtanh hardsigmoid hardswish sigmoid tanh softshrink hardshrink tanhshrink threshold "
    "clamp clamp_min clamp_max clip sign sgn round floor ceil trunc frac logsigmoid softsign "
    "elu selu celu rrelu"
)


def _stand_in(name: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The function's result, or that of the open, averaging function in its place."""
    if name in _GATES:
        return (args[0] if args else kwargs["input"]) * 1.0
    if name in _NORMS:
        return _plus_mean(name, *args, **kwargs)
    if name.startswith("max_pool"):
        out = func(*args, **kwargs)
        values = _mean_pool(out[0] if isinstance(out, tuple) else out, name, *args, **kwargs)
        return (values, *out[1:]) if isinstance(out, tuple) else values
    if name.startswith("lp_pool"):
        out = func(*args, **kwargs)
        return _lp_as_mean(out, *args, **kwargs)
    if name.startswith("adaptive_max_pool") and not kwargs.get("return_indices"):
        instead = getattr(F, name.replace("max", "avg").removesuffix("_with_indices"))
        return instead(args[0], args[1] if len(args) > 1 else kwargs["output_size"])
    if name in ("amax", "amin"):
        return torch.mean(*args, **kwargs)
    if name in ("maximum", "minimum", "fmax", "fmin"):
        return args[0] + args[1]
    return func(*args, **kwargs)


_NORMS = words("layer_norm rms_norm group_norm instance_norm softmax log_softmax softmin normalize")


def _plus_mean(name: str, image: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Each value and the mean of all that a normalisation divides it by."""
    if name in ("layer_norm", "rms_norm"):
        count = len(args[0] if args else kwargs["normalized_shape"])
        return image + image.mean(tuple(range(-count, 0)), keepdim=True)
    if name == "group_norm":
        return image + image.mean(tuple(range(1, image.ndim)), keepdim=True)
    if name == "instance_norm":
        statistics = args[4] if len(args) > 4 else kwargs.get("use_input_stats", True)
        return image + image.mean(tuple(range(2, image.ndim)), keepdim=True) * bool(statistics)
    place, default = (1, 1) if name == "normalize" else (0, -1)
    dim = args[place] if len(args) > place else kwargs.get("dim")
    return image + image.mean(default if dim is None else dim, keepdim=True)


def _mean_pool(
    out: torch.Tensor,
    name: str,
    image: torch.Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    *_: Any,
    **__: Any,
) -> torch.Tensor:
    """The mean over the same taps as max pooling's, ceil_mode's overhang included."""
    axes = 1 if "1d" in name else 2
    kernel, pads, holes = (_list(v, axes) for v in (kernel_size, padding, dilation))
    strides = kernel if stride is None or stride == [] else _list(stride, axes)
    amounts: list[int] = []
    for n, m, k, s, p, d in zip(
        image.shape[-axes:], out.shape[-axes:], kernel, strides, pads, holes, strict=True
    ):
        amounts = [p, max(0, (m - 1) * s + d * (k - 1) + 1 - n - p), *amounts]
    flat = F.pad(image, amounts).reshape(-1, 1, *_padded(image, amounts, axes))
    ones = torch.ones(1, 1, *kernel, dtype=image.dtype)
    mean = (F.conv1d if axes == 1 else F.conv2d)(flat, ones, stride=strides, dilation=holes)
    keep: list[Any] = [..., *(slice(m) for m in out.shape[-axes:])]
    cut = mean[tuple(keep)]
    return cut.reshape(out.shape) / ones.numel()


def _padded(image: torch.Tensor, amounts: Sequence[int], axes: int) -> list[int]:
    sums = [a + b for a, b in zip(amounts[::2], amounts[1::2], strict=True)][::-1]
    return [n + more for n, more in zip(image.shape[-axes:], sums, strict=True)]


def _lp_as_mean(
    out: torch.Tensor,
    image: torch.Tensor,
    norm: Any,
    kernel_size: Any,
    stride: Any = None,
    *_: Any,
    **__: Any,
) -> torch.Tensor:
    name = f"lp_pool{1 if isinstance(kernel_size, int) and image.ndim == 3 else 2}d"
    return _mean_pool(out, name, image, kernel_size, stride)


def _list(value: Any, axes: int) -> list[int]:
    values = [int(v) for v in value] if isinstance(value, tuple | list) else [int(value)]
    return values * axes if len(values) == 1 else values
