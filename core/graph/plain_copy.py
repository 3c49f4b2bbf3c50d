"""Copies of a module that run by themselves: eval mode, no hooks, weights that are parameters.

`torch.nn.utils.weight_norm`, `spectral_norm` and `prune` keep a weight as an attribute that a
hook computes anew before every forward pass. A copy has the weight that the hook computes as
a plain parameter, so that it makes the same torch calls as the bare layer, and nothing else.

Source: torch.nn.utils.weight_norm, torch.nn.utils.spectral_norm, torch.nn.utils.prune.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from ..errors import SpecError
from ..torch_private import is_hooks, own_buffers, own_parameters, pre_hooks

_SOURCE_SUFFIXES = ("g", "v", "u", "orig")
"""What a weight is computed from: ``weight_g``, ``weight_v``, …. A pruned weight's
``weight_mask`` stays, for whoever draws the weight anew."""


def deep_copy(module: nn.Module, replaced: Mapping[int, Any] | None = None) -> nn.Module:
    """A deep copy; tensors that a module has as plain attributes lose their history.

    Args:
        module: any nn.Module; not changed.
        replaced: what the copy has in place of an object, by the object's id.

    Raises:
        SpecError: the module cannot be copied.
    """
    memo = dict(replaced or {})
    for layer in module.modules():
        for value in vars(layer).values():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo.setdefault(id(value), value.detach().clone())
    try:
        return copy.deepcopy(module, memo)
    except Exception as error:
        raise SpecError("module", f"cannot be copied: {error}", type(module).__name__) from error


def plain_copy(module: nn.Module, replaced: Mapping[int, Any] | None = None) -> nn.Module:
    """A copy in eval mode without hooks, no parameter of which asks for a gradient.

    Args:
        module: any nn.Module; not changed.
        replaced: as in `deep_copy`.

    Raises:
        SpecError: the module cannot be copied.
    """
    memo = dict(replaced or {})
    for layer in module.modules():
        for key, value in vars(layer).items():
            if is_hooks(key) and isinstance(value, dict):
                memo[id(value)] = _without_caller_hooks(value)
    copied = deep_copy(module, memo).eval().requires_grad_(False)
    with torch.no_grad():
        for layer in copied.modules():
            _replace_hooked_weights(layer)
    return copied


def _without_caller_hooks(hooks: dict[Any, Any]) -> dict[Any, Any]:
    """The hooks that torch's own utilities have put on a module, without the caller's."""
    own = (item for item in hooks.items() if type(item[1]).__module__.startswith("torch.nn.utils."))
    return OrderedDict((key, copy.deepcopy(hook)) for key, hook in own)


def _replace_hooked_weights(layer: nn.Module) -> None:
    """Make parameters of the weights that hooks compute, in the order in which they run."""
    hooks = list(pre_hooks(layer).values())
    names = [str(vars(hook).get("_tensor_name") or vars(hook)["name"]) for hook in hooks]
    for hook in hooks:
        hook(layer, ())
    weights = {name: getattr(layer, name).detach() for name in names}
    sources = {f"{name}_{part}" for name in names for part in _SOURCE_SUFFIXES}
    for name in (*weights, *sources):
        for holder in (vars(layer), own_parameters(layer), own_buffers(layer)):
            holder.pop(name, None)
    for name, weight in weights.items():
        if name not in sources:
            setattr(layer, name, nn.Parameter(weight, requires_grad=False))
    pre_hooks(layer).clear()


@contextmanager
def restored_forwards(copied: nn.Module) -> Iterator[None]:
    """Restore the forwards of a copy's modules after a run with a listener."""
    layers = [(vars(layer), vars(layer).get("forward")) for layer in copied.modules()]
    try:
        yield
    finally:
        for own, forward in layers:
            own.pop("forward", None)
            if forward is not None:
                own["forward"] = forward
