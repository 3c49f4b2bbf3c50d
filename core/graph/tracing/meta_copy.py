"""Makes a copy of a module on the meta device: the same classes and settings, but no data.

The copy's parameters and buffers lie on torch's meta device, it has no hooks, and it is in eval
mode. Running it reads no trainable weight and computes nothing, and the caller's module is never
called. Wrappers by `torch.compile` and `torch.export` are removed. Modules that cannot be followed
raise an error that says what would work.

Source: https://docs.pytorch.org/docs/stable/meta.html
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import FunctionType
from typing import Any

import torch
from torch import fx, nn

from ...errors import SpecError
from ...torch_private import (
    COMPILED_CALL,
    MODULES,
    TENSORS,
    children_by_name,
    is_compiled,
    is_hooks,
    uncompiled,
)
from .constants import MAX_TRACKED_VALUES

MAX_MODULES = 40_000
"""The most submodules that a network may have."""


def unwrapped_module(module: object) -> nn.Module:
    """The module without the wrappers of `torch.compile` and `torch.export`.

    Raises:
        SpecError: the argument is no module, or it is a TorchScript module.
    """
    if isinstance(module, torch.export.ExportedProgram):
        return module.module(check_guards=False)
    if is_compiled(module):
        return unwrapped_module(uncompiled(module))
    if isinstance(module, torch.jit.ScriptModule | torch.jit.ScriptFunction):
        rule = "is TorchScript, which hides its layers; give the module that it was made from"
        raise SpecError("module", rule, _class_name(module))
    if isinstance(module, type) and issubclass(module, nn.Module):
        name = module.__name__
        raise SpecError("module", f"must be a network, not its class; write {name}(…)", name)
    if not isinstance(module, nn.Module):
        rule = "must be a network, an instance of torch.nn.Module, such as nn.Conv2d(3, 8, 3)"
        raise SpecError("module", rule, short_text(module))
    return module


def short_text(value: object) -> str:
    """A value as text of at most 80 characters, for error messages; a tensor as its shape."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def meta_copy(module: object) -> nn.Module:
    """A copy of a module in eval mode and without hooks, with all tensors on the meta device.

    Raises:
        SpecError: the argument is no module, has more than `MAX_MODULES` submodules, or cannot be
            copied.
    """
    module = unwrapped_module(module)
    if sum(1 for _ in _all_submodules(module)) > MAX_MODULES:
        raise SpecError("module", f"must have at most {MAX_MODULES} layers", "more")
    try:
        copied = _copy_on_meta(module, {})
    except SpecError:
        raise
    except Exception as error:
        raise SpecError(
            "module", f"cannot be copied: {first_line(error)}", _class_name(module)
        ) from error
    with suppress(NotImplementedError):  # exported modules have one mode
        copied.eval()
    return copied


def _all_submodules(module: nn.Module) -> Iterator[nn.Module]:
    """A module and all its submodules, shared ones repeatedly, up to just beyond `MAX_MODULES`."""
    stack, seen = [module], 0
    while stack and seen <= MAX_MODULES:
        seen += 1
        current = stack.pop()
        yield current
        stack.extend(m for m in children_by_name(current).values() if m is not None)


def _copy_on_meta(module: nn.Module, memo: dict[int, Any]) -> nn.Module:
    """The copy of one module; ``memo`` maps the ids of copied objects to their copies."""
    if id(module) in memo:
        return memo[id(module)]  # type: ignore[no-any-return]
    if is_compiled(module) or isinstance(module, torch.jit.ScriptModule):
        memo[id(module)] = _copy_on_meta(unwrapped_module(module), memo)
        return memo[id(module)]  # type: ignore[no-any-return]
    bare: nn.Module = module.__class__.__new__(module.__class__)
    memo[id(module)] = bare
    for key, value in module.__dict__.items():
        bare.__dict__[key] = _copy_attribute(key, value, memo)
    if isinstance(bare, fx.GraphModule):
        bare.recompile()  # gives the copy's own class the forward of its graph
    return bare


def _copy_attribute(key: str, value: Any, memo: dict[int, Any]) -> Any:
    """The copy of one entry of a module's ``__dict__``."""
    if key == MODULES:
        return {name: m if m is None else _copy_on_meta(m, memo) for name, m in value.items()}
    if key in TENSORS:
        return {name: _meta_tensor(tensor, memo) for name, tensor in value.items()}
    if key == COMPILED_CALL:
        return None
    if is_hooks(key):
        return type(value)() if hasattr(value, "clear") else value
    if isinstance(value, bool | int | float | str | type | FunctionType | None):
        return value
    if isinstance(value, torch.Tensor):
        return _meta_tensor(value, memo)
    if isinstance(value, tuple) and all(isinstance(part, int | str) for part in value):
        return value
    return copy.deepcopy(value, memo)


def _meta_tensor(tensor: torch.Tensor | None, memo: dict[int, Any]) -> torch.Tensor | None:
    """A tensor of the same shape and dtype on the meta device; shared tensors stay shared.

    The result has an attribute ``stands_for`` if its values are fixed, i.e. unless it is a
    trainable parameter.
    """
    if tensor is None:
        return None
    if nn.parameter.is_lazy(tensor):
        raise SpecError(
            "module", "must be run once first: it has lazy layers", type(tensor).__name__
        )
    if id(tensor) not in memo:
        bare = empty_on_meta(tensor)
        is_parameter = isinstance(tensor, nn.Parameter)
        bare = nn.Parameter(bare, requires_grad=False) if is_parameter else bare
        if not (is_parameter and tensor.requires_grad):  # core.graph.tracing.constants reads them
            small = not tensor.is_meta and tensor.numel() <= MAX_TRACKED_VALUES
            bare.stands_for = tensor.detach() if small else None  # type: ignore[attr-defined]
        memo[id(tensor)] = bare
    return memo[id(tensor)]  # type: ignore[no-any-return]


def first_line(error: Exception) -> str:
    """The first line of an error's text, at most 200 characters; its type's name if it is empty."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:200].rstrip(".")


def empty_on_meta(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of the same shape, strides and dtype on the meta device.

    It is faster there than `torch.empty_like`, which torch implements in Python.
    """
    return torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device="meta")


def _class_name(module: object) -> str:
    return type(module).__name__


def input_names(module: nn.Module, sizes: Sequence[tuple[int, ...]]) -> list[str]:
    """The names of the arguments of forward that the inputs of these sizes are passed to.

    Keyword-only arguments, as in ``forward(self, *, image)``, come last.

    Raises:
        SpecError: there are fewer sizes than forward requires, or more than it accepts.
    """
    positional, named, more = _forward_parameters(module)
    needed = [p.name for p in (*positional, *named) if p.default is p.empty]
    if len(sizes) < len(needed):
        raise SpecError("input_size", f"must give one size for each of {', '.join(needed)}", sizes)
    names = [p.name for p in positional[: len(sizes) - len(named)]]
    if more:
        names += [f"input_{i}" for i in range(len(names), len(sizes) - len(named))]
    names += [p.name for p in named]
    if len(names) < len(sizes):
        raise SpecError("input_size", f"must be at most {len(names)} sizes", sizes)
    return names


def split_arguments(module: nn.Module, inputs: Sequence[Any]) -> tuple[list[Any], dict[str, Any]]:
    """The inputs of a module as (positional, keyword-only) arguments of its forward."""
    _, named, _ = _forward_parameters(module)
    count = len(inputs) - len(named)
    return list(inputs[:count]), dict(zip((p.name for p in named), inputs[count:], strict=True))


def _forward_parameters(
    module: nn.Module,
) -> tuple[list[inspect.Parameter], list[inspect.Parameter], bool]:
    """The parameters of forward.

    Returns:
        The positional parameters, the required keyword-only ones, and whether there is ``*args``.

    Raises:
        SpecError: the signature of forward is not available.
    """
    try:
        parameters = list(inspect.signature(module.forward).parameters.values())
    except ValueError as error:
        raise SpecError(
            "module", "is compiled and cannot be followed", _class_name(module)
        ) from error
    plain = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    named = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    return plain, named, any(p.kind is p.VAR_POSITIONAL for p in parameters)


def floating_dtype(module: nn.Module) -> torch.dtype:
    """The dtype of the module's first floating-point tensor; float32 if it has none."""
    tensors = (*module.parameters(), *module.buffers())
    return next((t.dtype for t in tensors if t.is_floating_point()), torch.float32)
