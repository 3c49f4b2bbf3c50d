"""The engine's own copy of a network: eval mode, no hooks, nothing to train, weights at will.

The caller's module is only read. A copy shares the caller's parameters until it is given
weights of its own; buffers are always its own.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from typing import Any

import torch
from torch import nn

from core.erf.recipe import Weights
from core.errors import SpecError

_NORMS = (nn.modules.batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
_LAYERS = (nn.modules.conv._ConvNd, nn.Linear, nn.Bilinear, nn.MultiheadAttention)


def private_copy(module: nn.Module, own_weights: bool) -> nn.Module:
    """A copy in eval mode without hooks, no parameter of which asks for a gradient.

    Hooks that torch's own weight and spectral normalisation live in are kept. Layers that
    work in place no longer do: the values are the same.

    Args:
        module: any nn.Module; not changed.
        own_weights: copy the parameters too, so that they may be written to.

    Raises:
        SpecError: the module cannot be copied.
    """
    try:
        copied = copy.deepcopy(module, _memo(module, own_weights))
    except Exception as error:
        raise SpecError("module", f"cannot be copied: {error}", type(module).__name__) from error
    for layer in copied.modules():
        if getattr(layer, "inplace", None) is True:
            vars(layer)["inplace"] = False
    return copied.eval().requires_grad_(False)


def _memo(module: nn.Module, own_weights: bool) -> dict[int, Any]:
    """What deepcopy shall take instead of tensors that share memory and of hooks."""
    memo: dict[int, Any] = {}
    for layer in module.modules():
        for key, value in vars(layer).items():
            if key.endswith("_hooks") and isinstance(value, dict):
                memo[id(value)] = _kept(value)
            elif isinstance(value, torch.Tensor):  # a plain attribute, perhaps with a history
                memo[id(value)] = value.detach()
        for parameter in layer._parameters.values():
            if parameter is not None:
                data = parameter.detach()
                data = data.clone() if own_weights else data
                memo[id(parameter)] = nn.Parameter(data, requires_grad=False)
    return memo


def _kept(hooks: dict[Any, Any]) -> dict[Any, Any]:
    """torch's own hooks of a module, without the caller's."""
    own = (item for item in hooks.items() if type(item[1]).__module__.startswith("torch.nn.utils."))
    return OrderedDict(own)


def mixes_samples(module: nn.Module) -> bool:
    """Batch norm that keeps no running statistics: one sample's output depends on the others."""
    return any(
        isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is None
        for layer in module.modules()
    )


def draw_weights(
    copied: nn.Module, weights: Weights, ran: Collection[str], generator: torch.Generator
) -> None:
    """Give a copy the weights of a network that has just been made.

    Weights are the parameters of convolutions, linear layers and attention with two axes
    or more, and those of other modules that join two axes. Biases become 0. Normalisations
    become those of a new network: scale 1, shift 0, running mean 0 and variance 1. Layer
    scales, embeddings of one axis and other parameters stay as they are.

    Args:
        copied: a copy with weights of its own.
        weights: the scheme; gains are 1 except for He's √2. ``"as_is"`` changes nothing.
        ran: qualified names of the modules that run; the others are left.
        generator: on the CPU, so that a seed means the same weights on every device.

    Source: torch.nn.init (kaiming_normal_, xavier_normal_, orthogonal_).
    """
    if weights == "as_is":
        return
    with torch.no_grad():
        for name, layer in copied.named_modules():
            if name not in ran:
                continue
            if isinstance(layer, _NORMS):
                _as_new(layer)
                continue
            for parameter in _biases(layer):
                parameter.zero_()
            for parameter in _weights(layer):
                fresh = torch.empty(parameter.shape, dtype=torch.float32)
                _SCHEMES[weights](fresh, layer, generator)
                parameter.copy_(fresh)


def _as_new(norm: nn.Module) -> None:
    for name, value in (*norm.named_parameters(recurse=False), *norm.named_buffers(recurse=False)):
        if value.is_floating_point():
            value.fill_(1.0 if name in ("weight", "running_var") else 0.0)


def _biases(layer: nn.Module) -> Iterator[nn.Parameter]:
    yield from (p for name, p in layer.named_parameters(recurse=False) if name.endswith("bias"))


def _weights(layer: nn.Module) -> Iterator[nn.Parameter]:
    for name, parameter in layer.named_parameters(recurse=False):
        joins = isinstance(layer, _LAYERS) or sum(n > 1 for n in parameter.shape) > 1
        if joins and parameter.ndim > 1 and not name.endswith("bias"):
            yield parameter


def _he(fresh: torch.Tensor, layer: nn.Module, generator: torch.Generator) -> None:
    fresh.normal_(0, (2 / _fan_in(fresh, layer)) ** 0.5, generator=generator)


def _xavier(fresh: torch.Tensor, layer: nn.Module, generator: torch.Generator) -> None:
    nn.init.xavier_normal_(fresh, generator=generator)


def _orthogonal(fresh: torch.Tensor, layer: nn.Module, generator: torch.Generator) -> None:
    nn.init.orthogonal_(fresh, generator=generator)


def _uniform(fresh: torch.Tensor, layer: nn.Module, generator: torch.Generator) -> None:
    fresh.fill_(1 / _fan_in(fresh, layer))


def _fan_in(weight: torch.Tensor, layer: nn.Module) -> float:
    """Terms summed in one output; on average over the phases of a transposed convolution."""
    if not (isinstance(layer, nn.modules.conv._ConvNd) and layer.transposed):
        return weight.numel() / weight.shape[0]
    steps = torch.tensor(layer.stride).prod().item()
    return max(1.0, weight.shape[0] / layer.groups * weight[0, 0].numel() / steps)


_SCHEMES: dict[str, Callable[[torch.Tensor, nn.Module, torch.Generator], None]] = {
    "he": _he,
    "xavier": _xavier,
    "orthogonal": _orthogonal,
    "uniform": _uniform,
}
