"""Makes a copy of a network whose gradient shows which units read which.

The copy's weights are positive, maxima become averages, and activations never saturate. The copy
preserves the connections of the network and nothing else. Its gradient is reduced to its support
(0 or 1) after every operation. So it neither overflows nor vanishes, however deep the network is,
and no two paths cancel.

If all weights of a convolution or a linear layer are positive, every output channel of a group
reads the same positions. So one channel is enough: torch's own operation, with all its settings,
runs on the mean of a group's channels, and its result is copied to all output channels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn
from torch.overrides import TorchFunctionMode

from ..graph.plain_copy import plain_copy
from ..graph.rules.call import names_in
from ..graph.rules.windows import per_axis
from ..graph.tracing.fixed_zeros import fixed_zeros
from ..layer.window import span_of
from ..torch_private import own_buffers, own_parameters

NOISE_LENGTH = 10_007
"""The number of different random weights; it is prime, so that rows of a matrix differ."""
MAX_STORED = 1 << 20
"""The most numbers stored for one tensor; in a larger tensor each row repeats one number."""


def positive_copy(module: nn.Module) -> nn.Module:
    """A copy in float64 and eval mode whose weights average and whose norms and biases do nothing.

    Values that are zero by construction (`fixed_zeros`) stay zero. All other weights are new, so
    the module may lie on the meta device.

    Raises:
        SpecError: the module cannot be copied.
    """
    noise = 1 + torch.rand(NOISE_LENGTH, generator=torch.Generator().manual_seed(1)).double() / 2
    replaced: dict[int, Any] = {}
    for name, tensor in _named_tensors(module):
        if id(tensor) not in replaced:
            start = 31 * len(replaced)  # tensors must differ, since equal ones could cancel
            replaced[id(tensor)] = _positive_tensor(name, tensor, noise.roll(start))
    return plain_copy(module, replaced)


def _named_tensors(module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """All tensors of a module and of the modules inside it, each with its name in its own module."""
    for part in module.modules():
        for name, tensor in (
            *own_parameters(part).items(),
            *own_buffers(part).items(),
            *vars(part).items(),
        ):
            if isinstance(tensor, torch.Tensor):
                yield name, tensor


def _positive_tensor(name: str, tensor: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """A tensor of the same shape with positive values that differ slightly from each other.

    Args:
        name: the unqualified name of the tensor, which distinguishes weights from biases.
        tensor: the tensor; integers are copied instead.
        noise: random factors around 1.
    """
    if not (tensor.is_floating_point() or tensor.is_complex()):
        return torch.zeros_like(tensor, device="cpu") if tensor.is_meta else tensor.cpu().clone()
    stored = tensor.shape
    if tensor.numel() > MAX_STORED:
        stored = torch.Size((tensor.shape[0], *[1] * (tensor.ndim - 1)))
    values = (noise * _mean_value(name, tensor)).repeat(-(stored.numel() // -NOISE_LENGTH))
    shaped = values[: stored.numel()].reshape(stored).expand(tensor.shape)
    shaped = shaped.to(torch.complex128) if tensor.is_complex() else shaped
    zeros = fixed_zeros(tensor)
    if zeros is not None:
        shaped = shaped.masked_fill(zeros.cpu(), 0)
    return nn.Parameter(shaped, False) if isinstance(tensor, nn.Parameter) else shaped


def _mean_value(name: str, tensor: torch.Tensor) -> float:
    """The scale of the new values: 1 / fan-in for weights, 1 for scales, 0 for biases and means."""
    if tensor.ndim > 1:
        return 1 / max(1, tensor.numel() // tensor.shape[0])
    return 0.0 if "bias" in name or "mean" in name else 1.0


class PositiveMode(TorchFunctionMode):
    """A mode that replaces maxima and saturating activations, and reduces gradients to support."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "").strip("_")
        out = _as_double(_positive_result(name, func, args, kwargs), name, args)
        for tensor in out if isinstance(out, tuple) else (out,):
            if isinstance(tensor, torch.Tensor) and tensor.grad_fn is not None:
                tensor.register_hook(_gradient_support)  # type: ignore[no-untyped-call]
        return out


def _as_double(out: Any, name: str, args: Sequence[Any]) -> Any:
    """The result of a call in a form that the float64 copy can use.

    Constants that the network's code creates in single precision become float64. A parameter whose
    rows repeat one stored number becomes contiguous when code gets its ``data`` attribute, because
    the code may write to it.
    """
    if not isinstance(out, torch.Tensor):
        return out
    if out.dtype == torch.float32 and not any(isinstance(a, torch.Tensor) for a in args):
        return out.double()
    return out.contiguous() if name == "get" and isinstance(args[0], nn.Parameter) else out


def _gradient_support(gradient: torch.Tensor | None) -> torch.Tensor | None:
    """The support of a gradient: 1 where it is nonzero and no NaN, else 0, in the same dtype."""
    if gradient is None:  # the tensor was not used
        return None
    return gradient.abs().gt_(0).to(gradient.dtype)  # abs is real for complex gradients


_SATURATING = names_in(
    "relu relu6 hardtanh hardsigmoid hardswish sigmoid tanh softshrink hardshrink tanhshrink threshold "
    "clamp clamp_min clamp_max clip sign sgn round floor ceil trunc frac logsigmoid softsign "
    "elu selu celu rrelu"
)


def _positive_result(name: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The result of a torch call, or of a function in its place that averages and never saturates.

    Args:
        name: the name of the function without underscores.
        func: the function.
        args, kwargs: its arguments.
    """
    if name in _PRODUCT_ARGUMENTS:
        return _product_per_group(name, func, args, kwargs)
    if (
        name in ("mul", "multiply", "rmul")
        and not _is_in_place(func)
        and _both_depend_on_input(args)
    ):
        return args[0] + args[1]  # products of products would overflow or underflow
    if name in _SATURATING:
        return (args[0] if args else kwargs["input"]) * 1.0
    if name in _NORMALIZATIONS:
        return _normalization_stand_in(name, *args, **kwargs)
    if name.startswith("max_pool"):
        out = func(*args, **kwargs)
        values = _mean_pool(out[0] if isinstance(out, tuple) else out, name, *args, **kwargs)
        return (values, *out[1:]) if isinstance(out, tuple) else values
    if name.startswith("lp_pool"):
        out = func(*args, **kwargs)
        return _lp_pool_stand_in(out, name, *args, **kwargs)
    if name.startswith("adaptive_max_pool") and not kwargs.get("return_indices"):
        average_pool = getattr(F, name.replace("max", "avg").removesuffix("_with_indices"))
        return average_pool(args[0], args[1] if len(args) > 1 else kwargs["output_size"])
    if name.startswith("max_unpool"):
        return _unpool_stand_in(func(*args, **kwargs), *args, **kwargs)
    if name.startswith("fft_"):
        return _fourier_stand_in(name, func(*args, **kwargs), *args, **kwargs)
    if name in ("amax", "amin"):
        return torch.mean(*args, **kwargs)
    if name in ("maximum", "minimum", "fmax", "fmin"):
        return args[0] + args[1]
    return func(*args, **kwargs)


def _is_in_place(func: Callable[..., Any]) -> bool:
    """Whether the name of a function is that of an in-place form, such as ``mul_``."""
    name = getattr(func, "__name__", "")
    return name.endswith("_") and not name.endswith("__")


def _both_depend_on_input(args: Sequence[Any]) -> bool:
    """Whether both factors of a product depend on the input, so that neither is a mask."""
    factors = [arg for arg in args if isinstance(arg, torch.Tensor) and arg.requires_grad]
    return len(factors) == 2


_CONVOLUTION_ARGUMENTS = names_in("input weight bias stride padding dilation groups")
_TRANSPOSED_ARGUMENTS = names_in("input weight bias stride padding output_padding groups dilation")
_PRODUCT_ARGUMENTS = {
    "linear": names_in("input weight bias"),
    "conv1d": _CONVOLUTION_ARGUMENTS,
    "conv2d": _CONVOLUTION_ARGUMENTS,
    "conv_transpose1d": _TRANSPOSED_ARGUMENTS,
    "conv_transpose2d": _TRANSPOSED_ARGUMENTS,
}
"""The operations that sum products with weights over channels, and the order of their arguments."""


def _product_per_group(name: str, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """The result of a convolution or a linear layer, computed on one channel for each group.

    If some weights are not positive, or depend on the input, the original function runs instead.
    """
    arguments = dict(zip(_PRODUCT_ARGUMENTS[name], args, strict=False)) | kwargs
    image, weight, bias = arguments["input"], arguments["weight"], arguments.get("bias")
    groups = arguments.get("groups", 1)
    transposed = name.startswith("conv_transpose")
    channels = (
        weight.shape[0] if transposed else weight.shape[-1 if name == "linear" else 1] * groups
    )
    fits = _is_batch_with_channels(image, weight, 1 - weight.ndim, channels)
    varies = any(tensor is not None and tensor.requires_grad for tensor in (weight, bias))
    if varies or not fits or not _all_positive(weight):
        return func(*args, **kwargs)
    if name == "linear":
        return image.mean(-1, keepdim=True) * _relative_weights(weight[:, 0])
    taps = torch.full((1, 1, *weight.shape[2:]), 1 / weight[0, 0].numel(), dtype=weight.dtype)
    mean = image.unflatten(1, (groups, -1)).mean(2).flatten(0, 1).unsqueeze(1)
    out = func(**arguments | {"input": mean, "weight": taps, "bias": None, "groups": 1})
    first = weight.unflatten(0, (groups, -1)).flatten(3)[..., 0]  # the weights of the first tap
    shares = _relative_weights(first[:, 0] if transposed else first[:, :, 0])
    spread = out.unflatten(0, (-1, groups)) * shares.reshape(*shares.shape, *[1] * (out.ndim - 2))
    return spread.flatten(1, 2)


def _is_batch_with_channels(
    image: torch.Tensor, weight: torch.Tensor, dim: int, channels: int
) -> bool:
    """Whether an input has a batch axis and, along ``dim``, the number ``channels`` of channels."""
    if weight.ndim < 2 or image.ndim < (2 if weight.ndim == 2 else weight.ndim):
        return False
    return image.numel() > 0 and image.shape[dim] == channels


def _all_positive(weight: torch.Tensor) -> bool:
    """Whether all weights are positive; a number that a row repeats is tested only once."""
    stored = weight[tuple(slice(1 if step == 0 else None) for step in weight.stride())]
    return stored.numel() > 0 and bool(stored.amin() > 0)


def _relative_weights(weights: torch.Tensor) -> torch.Tensor:
    """The weights divided by their mean: factors around 1 that differ between channels."""
    return weights / weights.mean()


_NORMALIZATIONS = names_in(
    "layer_norm rms_norm group_norm instance_norm softmax log_softmax softmin normalize"
)


def _normalization_stand_in(
    name: str, image: torch.Tensor, *args: Any, **kwargs: Any
) -> torch.Tensor:
    """The input plus its mean over the dimensions that a normalization sums over."""
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
    """The mean over the windows of a max pooling, including windows that ``ceil_mode`` adds.

    Args:
        out: the result of the max pooling.
        name: its name.
        image, kernel_size, stride, padding, dilation: its arguments.
    """
    axes = _axis_count(name)
    kernel, pads, dilations = (per_axis(v, axes) for v in (kernel_size, padding, dilation))
    strides = kernel if stride is None or stride == [] else per_axis(stride, axes)
    amounts: list[int] = []
    for n, m, k, s, p, d in zip(
        image.shape[-axes:], out.shape[-axes:], kernel, strides, pads, dilations, strict=True
    ):
        amounts = [p, max(0, (m - 1) * s + span_of(k, d) - n - p), *amounts]
    flat = F.pad(image, amounts).reshape(-1, 1, *_padded_sizes(image, amounts, axes))
    ones = torch.ones(1, 1, *kernel, dtype=image.dtype)
    mean = (F.conv1d, F.conv2d, F.conv3d)[axes - 1](flat, ones, stride=strides, dilation=dilations)
    windows: list[Any] = [..., *(slice(m) for m in out.shape[-axes:])]
    return mean[tuple(windows)].reshape(out.shape) / ones.numel()


def _padded_sizes(image: torch.Tensor, amounts: Sequence[int], axes: int) -> list[int]:
    """The lengths of the last ``axes`` dimensions after padding by ``amounts``, as in F.pad."""
    sums = [a + b for a, b in zip(amounts[::2], amounts[1::2], strict=True)][::-1]
    return [n + more for n, more in zip(image.shape[-axes:], sums, strict=True)]


def _axis_count(name: str) -> int:
    """The number of axes in the name of an operation such as ``max_pool3d``."""
    return next(int(letter) for letter in name if letter.isdigit())


def _lp_pool_stand_in(
    out: torch.Tensor,
    name: str,
    image: torch.Tensor,
    norm_type: Any,
    kernel_size: Any,
    stride: Any = None,
    *_: Any,
    **__: Any,
) -> torch.Tensor:
    """The mean over the windows of a power-average pooling with these arguments."""
    return _mean_pool(out, name, image, kernel_size, stride)


def _unpool_stand_in(out: torch.Tensor, image: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    """The maxima copied to all positions of their windows, as unpooling may write to any."""
    axes = image.ndim - 2
    if axes < 1 or out.shape[0] != image.shape[0]:
        return out
    return F.interpolate(image, size=out.shape[-axes:])


def _fourier_stand_in(
    name: str,
    out: Any,
    image: torch.Tensor,
    _: Any = None,
    dim: Any = None,
    *__: Any,
    **___: Any,
) -> Any:
    """The mean over the dimensions that a Fourier transform sums over, whose signs could cancel."""
    if not isinstance(out, torch.Tensor) or "shift" in name or "freq" in name:
        return out
    default: Any = (-2, -1) if name.endswith("2") else None if name.endswith("n") else -1
    real = image.real + image.imag if image.is_complex() else image
    mean = real.mean(default if dim is None else dim, keepdim=True)
    return mean.expand(out.shape).to(out.dtype)
