"""Copies of a network for measurements: eval mode, no hooks, no gradients of weights.

The caller's module is not modified. A copy shares the caller's parameters unless it needs its own
weights; its buffers are always separate.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Any

import torch
from torch import nn

from ..graph.plain_copy import plain_copy
from ..torch_private import ANY_BATCH_NORM, ANY_CONVOLUTION, ANY_RUNNING_NORM, own_buffers
from .recipe import Weights

_NORMS = (ANY_RUNNING_NORM, nn.LayerNorm, nn.GroupNorm, nn.RMSNorm)
"""Classes of normalization layers."""
_WEIGHTED_LAYERS = (ANY_CONVOLUTION, nn.Linear, nn.Bilinear, nn.MultiheadAttention)
"""Classes of layers whose parameters of two or more axes are weights."""


def private_copy(module: nn.Module, own_weights: bool) -> nn.Module:
    """A copy in eval mode without hooks, whose parameters require no gradient.

    Weights that torch's weight norm, spectral norm or pruning computes become parameters of the
    copy. Layers that work in place are changed not to; the values are the same.

    Args:
        module: any nn.Module; it is not modified.
        own_weights: whether to copy the parameters, so that they may be modified.

    Raises:
        SpecError: the module cannot be copied.
    """
    copied = plain_copy(module, _parameters_for_copy(module, own_weights))
    for layer in copied.modules():
        if getattr(layer, "inplace", None) is True:
            vars(layer)["inplace"] = False
    return copied


def _parameters_for_copy(module: nn.Module, own_weights: bool) -> dict[int, Any]:
    """The copy's parameter for each of the caller's, by id; it shares its memory or is cloned."""
    return {
        id(parameter): nn.Parameter(
            parameter.detach().clone() if own_weights else parameter.detach(), requires_grad=False
        )
        for parameter in module.parameters()
    }


def mixes_samples(module: nn.Module) -> bool:
    """Whether a batch norm has no running statistics, so that the samples of a batch interact."""
    return any(
        isinstance(layer, ANY_BATCH_NORM) and layer.running_mean is None
        for layer in module.modules()
    )


def has_new_statistics(module: nn.Module, paths: Collection[str]) -> bool:
    """Whether a batch norm still has the initial running mean 0 and variance 1.

    Args:
        module: the network.
        paths: qualified names of the submodules to check.
    """
    return any(
        isinstance(layer, ANY_RUNNING_NORM)
        and layer.running_mean is not None
        and layer.running_var is not None
        and not layer.num_batches_tracked
        and bool((layer.running_mean == 0).all() and (layer.running_var == 1).all())
        for path, layer in module.named_modules()
        if path in paths
    )


def draw_weights(
    copied: nn.Module, weights: Weights, module_paths: Collection[str], generator: torch.Generator
) -> None:
    """Draw new weights for a copy of a network, and reset biases and normalizations.

    Weights are the parameters of convolutions, linear layers and attention with two axes or more,
    and parameters of other modules in which two axes are longer than 1. Biases become 0.
    Normalizations become those of a new network: scale 1, shift 0, running mean 0 and variance 1.
    Other parameters, such as layer scales, are not changed. Entries that `torch.nn.utils.prune`
    has set to 0 stay 0.

    Args:
        copied: a copy with its own weights, which is modified.
        weights: the initialization; gains are 1 except for He's √2. ``"as_is"`` changes nothing.
        module_paths: qualified names of the modules that run; others are not changed.
        generator: source of random numbers on the CPU, so that a seed gives the same weights on
            every device.

    Source: torch.nn.init (kaiming_normal_, xavier_normal_, orthogonal_).
    """
    if weights == "as_is":
        return
    with torch.no_grad():
        for path, layer in copied.named_modules():
            if path not in module_paths:
                continue
            if isinstance(layer, _NORMS):
                _reset_norm(layer)
                continue
            for parameter in _biases(layer):
                parameter.zero_()
            for name, parameter in _named_weights(layer):
                fresh = torch.empty(parameter.shape, dtype=torch.float32)
                _SCHEMES[weights](fresh, layer, generator)
                parameter.copy_(fresh)
                pruned = own_buffers(layer).get(f"{name}_mask")
                if pruned is not None:
                    parameter.mul_(pruned)


def _reset_norm(norm: nn.Module) -> None:
    """Set a normalization's scale and running variance to 1, its shift and running mean to 0."""
    for name, value in (*norm.named_parameters(recurse=False), *norm.named_buffers(recurse=False)):
        if value.is_floating_point():
            value.fill_(1.0 if name in ("weight", "running_var") else 0.0)


def _biases(layer: nn.Module) -> Iterator[nn.Parameter]:
    yield from (p for name, p in layer.named_parameters(recurse=False) if name.endswith("bias"))


def _named_weights(layer: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield (name, parameter) of a layer's own weights; see `draw_weights`."""
    for name, parameter in layer.named_parameters(recurse=False):
        is_matrix = isinstance(layer, _WEIGHTED_LAYERS) or sum(n > 1 for n in parameter.shape) > 1
        if is_matrix and parameter.ndim > 1 and not name.endswith("bias"):
            yield name, parameter


def _fill_he(fresh: torch.Tensor, layer: nn.Module, generator: torch.Generator) -> None:
    """Fill a tensor with normal weights of variance 2/fan-in."""
    fresh.normal_(0, (2 / _fan_in(fresh, layer)) ** 0.5, generator=generator)


def _fill_xavier(fresh: torch.Tensor, layer: nn.Module, generator: torch.Generator) -> None:
    nn.init.xavier_normal_(fresh, generator=generator)


def _fill_orthogonal(fresh: torch.Tensor, layer: nn.Module, generator: torch.Generator) -> None:
    nn.init.orthogonal_(fresh, generator=generator)


def _fill_uniform(fresh: torch.Tensor, layer: nn.Module, generator: torch.Generator) -> None:
    """Fill a tensor with 1/fan-in."""
    fresh.fill_(1 / _fan_in(fresh, layer))


def _fan_in(weight: torch.Tensor, layer: nn.Module) -> float:
    """Number of terms summed in one output; of a transposed convolution the mean over phases."""
    if not (isinstance(layer, ANY_CONVOLUTION) and layer.transposed):
        return weight.numel() / weight.shape[0]
    steps = torch.tensor(layer.stride).prod().item()
    return max(1.0, weight.shape[0] / layer.groups * weight[0, 0].numel() / steps)


_SCHEMES: dict[str, Callable[[torch.Tensor, nn.Module, torch.Generator], None]] = {
    "he": _fill_he,
    "xavier": _fill_xavier,
    "orthogonal": _fill_orthogonal,
    "uniform": _fill_uniform,
}
"""Function that fills a tensor in place for a layer, for each initialization."""
