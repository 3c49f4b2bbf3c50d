"""Makes plain copies of a module: in eval mode, without hooks, and with weights as parameters.

`torch.nn.utils.weight_norm`, `spectral_norm` and `prune` store a weight as an attribute that a
hook recomputes before every forward pass. The copy has the computed weight as a plain parameter,
so that it makes the same torch calls as a layer without such a hook.

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
"""Suffixes of the tensors from which hooks compute a weight, as in ``weight_g``.

The mask of a pruned weight (``weight_mask``) is not among them: the copy retains it, so that code
which redraws the weight can apply it.
"""


def deep_copy(module: nn.Module, replacements: Mapping[int, Any] | None = None) -> nn.Module:
    """A deep copy of a module, in which non-leaf tensors in attributes are detached.

    Args:
        module: any nn.Module; it is not changed.
        replacements: the replacements of objects in the copy, by the objects' ids.

    Raises:
        SpecError: the module cannot be copied.
    """
    memo = dict(replacements or {})
    for layer in module.modules():
        for value in vars(layer).values():
            if isinstance(value, torch.Tensor) and not value.is_leaf:
                memo.setdefault(id(value), value.detach().clone())
    try:
        return copy.deepcopy(module, memo)
    except Exception as error:
        raise SpecError("module", f"cannot be copied: {error}", type(module).__name__) from error


def plain_copy(module: nn.Module, replacements: Mapping[int, Any] | None = None) -> nn.Module:
    """A copy in eval mode, without hooks, and with parameters that require no gradient.

    Args:
        module: any nn.Module; it is not changed.
        replacements: the replacements of objects in the copy, by the objects' ids.

    Raises:
        SpecError: the module cannot be copied.
    """
    memo = dict(replacements or {})
    for layer in module.modules():
        for key, value in vars(layer).items():
            if is_hooks(key) and isinstance(value, dict):
                memo[id(value)] = _torch_utility_hooks(value)
    copied = deep_copy(module, memo).eval().requires_grad_(False)
    with torch.no_grad():
        for layer in copied.modules():
            _replace_hooked_weights(layer)
    return copied


def _torch_utility_hooks(hooks: dict[Any, Any]) -> dict[Any, Any]:
    """The hooks that torch's own utilities have registered, without all others."""
    own = (item for item in hooks.items() if type(item[1]).__module__.startswith("torch.nn.utils."))
    return OrderedDict((key, copy.deepcopy(hook)) for key, hook in own)


def _replace_hooked_weights(layer: nn.Module) -> None:
    """Turns the weights that a layer's hooks compute into parameters and removes the hooks."""
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
    """A context that restores the forwards of a copy's modules, which a listener replaces."""
    layers = [(vars(layer), vars(layer).get("forward")) for layer in copied.modules()]
    try:
        yield
    finally:
        for own, forward in layers:
            own.pop("forward", None)
            if forward is not None:
                own["forward"] = forward
