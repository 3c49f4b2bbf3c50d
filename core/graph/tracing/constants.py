"""Tracks the values of tensors that do not depend on the input, during a run without data.

Masks and fixed kernels are small, so the results that a forward pass derives from them can be
computed alongside the run: ``weight * mask`` is zero where the mask is. The values of a trainable
parameter change, so only their being nonzero is known. Random positive numbers represent them, and
results that depend on the exact values, such as ``weight > 0``, are not tracked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import nn

from ...torch_private import DisableTorchFunction
from .fixed_zeros import fixed_zeros

MAX_TRACKED_VALUES = 1 << 22
"""The most elements of one tensor whose values are computed."""
MAX_COMPUTED_VALUES = 1 << 26
"""The most elements whose values are computed in one run."""

_DEPENDS_ON_VALUES = [
    "eq",
    "ne",
    "gt",
    "lt",
    "ge",
    "le",
    "isclose",
    "relu",
    "relu6",
    "clamp",
    "clamp_min",
    "clamp_max",
    "clip",
    "hardtanh",
    "hardsigmoid",
    "hardswish",
    "softshrink",
    "hardshrink",
    "threshold",
    "sign",
    "sgn",
    "round",
    "floor",
    "ceil",
    "trunc",
    "frac",
    "topk",
    "sort",
    "argsort",
    "argmax",
    "argmin",
    "nonzero",
    "heaviside",
    "bool",
    "where",
    "dropout",
]
"""Operations whose result on trainable parameters is not tracked, as it depends on their values."""
_ALWAYS_COMPUTED = [
    "tril",
    "triu",
    "pad",
    "setitem",
    "zero",
    "fill",
    "masked_fill",
    "index_fill",
    "diag",
    "diag_embed",
    "where",
    "data",
    "detach",
    "getitem",
]
"""Operations whose result on trainable parameters is computed, as it may contain zeros.

Some set values to zero, and others return a view through which values may be set.
"""
_SECOND_TENSOR_UNUSED = ["to", "type_as", "expand_as", "view_as", "reshape_as"]
"""Operations whose second tensor gives only a shape or a type; its values do not matter."""
_VALUES_UNUSED = [
    "zeros_like",
    "ones_like",
    "full_like",
    "new_zeros",
    "new_ones",
    "new_full",
    "new_tensor",
]
"""Operations whose result does not depend on the values of any tensor."""
_RANDOM_OR_UNDEFINED = [
    "rand",
    "randn",
    "randint",
    "randperm",
    "rand_like",
    "randn_like",
    "bernoulli",
    "normal",
    "uniform",
    "empty",
    "empty_like",
    "new_empty",
    "empty_strided",
]
"""Operations whose result is random or undefined, so that it is not tracked."""


class Constants:
    """The tracked values of the constants of one run.

    A tensor is identified by its ``id``.

    Attributes:
        values: the values of tensors, on the CPU.
        trained_ids: the tensors that are computed from trainable parameters.
        references: all tracked tensors, which keeps their ids unique.
        computed_count: the number of elements computed so far.
        writes_in_place: whether the run has written to a constant in place.
        generator: the source of the random numbers that represent trainable parameters.
    """

    def __init__(self) -> None:
        self.values: dict[int, torch.Tensor] = {}
        self.trained_ids: set[int] = set()
        self.references: list[torch.Tensor] = []
        self.computed_count = 0
        self.writes_in_place = False
        self.generator = torch.Generator().manual_seed(0)

    def record_call(
        self,
        operation: str,
        function: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> None:
        """Updates the tracked values after a call whose arguments are all constants.

        Args:
            operation: torch's name of the function, with underscores.
            function: the function.
            args, kwargs: its arguments.
            out: its result, on the meta device.
        """
        name = operation.strip("_")
        in_place = operation.endswith("_") and not operation.endswith("__")
        self.writes_in_place |= (
            in_place or operation.startswith("__i") or name in ("set", "setitem")
        )
        results = [t for t in _flattened(out) if isinstance(t, torch.Tensor) and t.is_meta]
        read = [t for t in _flattened((args, dict(kwargs))) if isinstance(t, torch.Tensor)]
        read = [] if name in _VALUES_UNUSED else read[:1] if name in _SECOND_TENSOR_UNUSED else read
        written = [t for t in args[:1] if name in ("set", "setitem") and t.is_meta]
        if not results and not written:
            return
        self.references += [*results, *read]
        trained = any(self._is_trained(t) for t in read)
        by_numbers = (
            trained
            and name in _DEPENDS_ON_VALUES
            and not self._is_where_with_fixed_condition(name, args)
        )
        if by_numbers or name in _RANDOM_OR_UNDEFINED or not all(self.is_tracked(t) for t in read):
            self._stop_tracking([*results, *written])
            return
        if (
            trained
            and name not in _ALWAYS_COMPUTED
            and all(self._is_nonzero_without_value(t) for t in read)
        ):
            self.trained_ids.update(id(t) for t in results)
            return
        self._compute_values(name, function, args, kwargs, results)
        self.trained_ids.update(id(t) for t in (*results, *written) if trained)

    def is_tracked(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor's values are tracked, or at least known to be nonzero."""
        tracked = id(tensor) in self.values or id(tensor) in self.trained_ids
        return (
            tracked
            or not tensor.is_meta
            or isinstance(tensor, nn.Parameter)
            or _belongs_to_module(tensor)
        )

    def nonzero_mask(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """A boolean mask of the values that are not zero by construction; None if none is zero.

        The tensor must be tracked (`is_tracked`).
        """
        if self._is_nonzero_without_value(tensor) or tensor.numel() > MAX_TRACKED_VALUES:
            return None
        values = self._writable_values(tensor) if tensor.is_meta else tensor
        zeros = fixed_zeros(values)
        return None if zeros is None else ~zeros

    def fixed_values(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """The values, on the CPU, of a constant that training does not change; None for others."""
        if self._is_trained(tensor):
            return None
        if not tensor.is_meta:
            return None if isinstance(tensor, nn.Parameter) else tensor.detach().cpu()
        own = self.values.get(id(tensor), _module_values(tensor))
        return None if own is None else own.detach().cpu()

    def _is_where_with_fixed_condition(self, name: str, args: Sequence[Any]) -> bool:
        """Whether a call is torch.where with a condition that training does not change."""
        condition = args[0] if args else None
        return (
            name == "where"
            and isinstance(condition, torch.Tensor)
            and (not self._is_trained(condition))
        )

    def _is_trained(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor is a trainable parameter or computed from one."""
        if id(tensor) in self.trained_ids:
            return True
        return isinstance(tensor, nn.Parameter) and _module_values(tensor) is None

    def _is_nonzero_without_value(self, tensor: torch.Tensor) -> bool:
        """Whether nothing is known of a tensor but that its values are nonzero."""
        return id(tensor) not in self.values and tensor.is_meta and _module_values(tensor) is None

    def _writable_values(self, tensor: torch.Tensor) -> torch.Tensor:
        """The tracked values of a tensor, as a copy that may be written to; created if needed."""
        if id(tensor) not in self.values:
            own = tensor.detach() if not tensor.is_meta else _module_values(tensor)
            if own is None:
                drawn = torch.rand(tensor.shape, generator=self.generator) + 0.5
                own = drawn.to(tensor.dtype)
            self.computed_count += own.numel()
            self.values[id(tensor)] = own.cpu().clone()
            self.references.append(tensor)
        return self.values[id(tensor)]

    def _stop_tracking(self, tensors: Sequence[torch.Tensor]) -> None:
        """Stops tracking tensors."""
        for tensor in tensors:
            self.values.pop(id(tensor), None)
            self.trained_ids.discard(id(tensor))

    def _compute_values(
        self,
        name: str,
        function: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        results: Sequence[torch.Tensor],
    ) -> None:
        """Computes the values of a call's results on the CPU; errors leave them untracked."""
        first = 0 if name in _VALUES_UNUSED else 1 if name in _SECOND_TENSOR_UNUSED else len(args)

        def with_values(value: Any, position: int = 0) -> Any:
            if isinstance(value, torch.Tensor):
                if position >= first:
                    return torch.empty((), dtype=value.dtype).expand(value.shape)
                return self._writable_values(value)
            if isinstance(value, list | tuple) and type(value) in (list, tuple):
                return type(value)(with_values(part, position) for part in value)
            return "cpu" if isinstance(value, torch.device) else value

        self._stop_tracking([t for t in results if all(t is not a for a in args)])
        sizes = [t.numel() for t in (*results, *_flattened(args)) if isinstance(t, torch.Tensor)]
        self.computed_count += sum(sizes)
        if max(sizes, default=0) > MAX_TRACKED_VALUES or self.computed_count > MAX_COMPUTED_VALUES:
            return
        own = {key: with_values(value) for key, value in kwargs.items()}
        if "device" in own or not any(isinstance(t, torch.Tensor) for t in _flattened(args)):
            own["device"] = "cpu"
        with DisableTorchFunction(), torch.no_grad(), suppress(Exception):
            out = function(*(with_values(a, i) for i, a in enumerate(args)), **own)
            computed = [t for t in _flattened(out) if isinstance(t, torch.Tensor)]
            if name == "set" and len(args) == 2:  # ``tensor.data = other``
                self.values[id(args[0])] = self._writable_values(args[1])
            self.values.update((id(t), n) for t, n in zip(results, computed, strict=True))


def _belongs_to_module(tensor: torch.Tensor) -> bool:
    """Whether a tensor represents, in the meta copy, a tensor of the module with fixed values."""
    return hasattr(tensor, "stands_for")


def _module_values(tensor: torch.Tensor) -> torch.Tensor | None:
    """The fixed values that a tensor of the meta copy represents.

    None for trainable parameters and for tensors of more than `MAX_TRACKED_VALUES` elements.
    """
    values: torch.Tensor | None = getattr(tensor, "stands_for", None)
    return values


def _flattened(value: Any) -> list[Any]:
    """The items of nested lists, tuples and dicts in one list."""
    if isinstance(value, list | tuple):
        return [part for each in value for part in _flattened(each)]
    if isinstance(value, dict):
        return _flattened(list(value.values()))
    return [value]
