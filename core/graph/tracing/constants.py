"""The values of tensors that do not depend on the input, during a run without data.

Masks and fixed kernels are small and known, and what a forward pass makes of them can be
computed beside the run: ``weight * mask`` has zeros where the mask has. Of a parameter that is
being trained only one thing is known, that its numbers are not zero: it stands in as random
positive numbers, and what decides by its numbers (``weight > 0``) is not followed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import nn

from ...torch_private import DisableTorchFunction
from .fixed_zeros import fixed_zeros

MAX_NUMBERS = 1 << 22
"""Most elements of a tensor whose values are computed."""
MAX_ALL = 1 << 26
"""Most elements whose values are computed in one run."""

_BY_NUMBERS = [
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
_COMPUTED = [
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
"""What makes zeros of numbers that are none, or another name for numbers that may be written to."""
_LIKE = ["to", "type_as", "expand_as", "view_as", "reshape_as"]
"""Operations whose second tensor gives only a shape or a type; its values do not matter."""
_FILLED = [
    "zeros_like",
    "ones_like",
    "full_like",
    "new_zeros",
    "new_ones",
    "new_full",
    "new_tensor",
]
"""Operations whose result does not depend on the values of any tensor."""
_DRAWN = [
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


class Constants:
    """Tracks the values of a run's constants; see the module's text.

    Attributes:
        writes: the run has written to a constant in place.
    """

    def __init__(self) -> None:
        self.numbers: dict[int, torch.Tensor] = {}
        self.trained: set[int] = set()
        self.alive: list[torch.Tensor] = []
        self.computed = 0
        self.writes = False
        self.generator = torch.Generator().manual_seed(0)

    def follow(
        self,
        operation: str,
        function: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        out: Any,
    ) -> None:
        """A call on constants alone has returned ``out``."""
        name = operation.strip("_")
        in_place = operation.endswith("_") and not operation.endswith("__")
        self.writes |= in_place or operation.startswith("__i") or name in ("set", "setitem")
        results = [t for t in _flat(out) if isinstance(t, torch.Tensor) and t.is_meta]
        read = [t for t in _flat((args, dict(kwargs))) if isinstance(t, torch.Tensor)]
        read = [] if name in _FILLED else read[:1] if name in _LIKE else read
        written = [t for t in args[:1] if name in ("set", "setitem") and t.is_meta]
        if not results and not written:
            return
        self.alive += [*results, *read]
        trained = any(self._is_trained(t) for t in read)
        by_numbers = trained and name in _BY_NUMBERS and not self._is_plain_where(name, args)
        if by_numbers or name in _DRAWN or not all(self.is_tracked(t) for t in read):
            self._forget([*results, *written])
            return
        if trained and name not in _COMPUTED and all(self._has_no_zeros(t) for t in read):
            self.trained.update(id(t) for t in results)
            return
        self._compute(name, function, args, kwargs, results)
        self.trained.update(id(t) for t in (*results, *written) if trained)

    def is_tracked(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor's values are tracked, or at least that none of them is zero."""
        tracked = id(tensor) in self.numbers or id(tensor) in self.trained
        return tracked or not tensor.is_meta or isinstance(tensor, nn.Parameter) or _is_own(tensor)

    def present(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """Which numbers of a constant are there, as booleans; None where all are.

        Ask `is_known` first.
        """
        if self._has_no_zeros(tensor) or tensor.numel() > MAX_NUMBERS:
            return None
        numbers = self._numbers(tensor) if tensor.is_meta else tensor
        zeros = fixed_zeros(numbers)
        return None if zeros is None else ~zeros

    def fixed(self, tensor: torch.Tensor) -> torch.Tensor | None:
        """The numbers of a constant that no training changes, on the CPU; None of others."""
        if self._is_trained(tensor):
            return None
        if not tensor.is_meta:
            return None if isinstance(tensor, nn.Parameter) else tensor.detach().cpu()
        own = self.numbers.get(id(tensor), _numbers_of(tensor))
        return None if own is None else own.detach().cpu()

    def _is_plain_where(self, name: str, args: Sequence[Any]) -> bool:
        condition = args[0] if args else None
        return (
            name == "where"
            and isinstance(condition, torch.Tensor)
            and (not self._is_trained(condition))
        )

    def _is_trained(self, tensor: torch.Tensor) -> bool:
        if id(tensor) in self.trained:
            return True
        return isinstance(tensor, nn.Parameter) and _numbers_of(tensor) is None

    def _has_no_zeros(self, tensor: torch.Tensor) -> bool:
        """Whether all that is tracked of a tensor is that it has no zeros."""
        return id(tensor) not in self.numbers and tensor.is_meta and _numbers_of(tensor) is None

    def _numbers(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor's numbers, of its own, so that it can be written to."""
        if id(tensor) not in self.numbers:
            own = tensor.detach() if not tensor.is_meta else _numbers_of(tensor)
            if own is None:
                drawn = torch.rand(tensor.shape, generator=self.generator) + 0.5
                own = drawn.to(tensor.dtype)
            self.computed += own.numel()
            self.numbers[id(tensor)] = own.cpu().clone()
            self.alive.append(tensor)
        return self.numbers[id(tensor)]

    def _forget(self, tensors: Sequence[torch.Tensor]) -> None:
        for tensor in tensors:
            self.numbers.pop(id(tensor), None)
            self.trained.discard(id(tensor))

    def _compute(
        self,
        name: str,
        function: Any,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        results: Sequence[torch.Tensor],
    ) -> None:
        first = 0 if name in _FILLED else 1 if name in _LIKE else len(args)

        def real(value: Any, place: int = 0) -> Any:
            if isinstance(value, torch.Tensor):
                if place >= first:
                    return torch.empty((), dtype=value.dtype).expand(value.shape)
                return self._numbers(value)
            if isinstance(value, list | tuple) and type(value) in (list, tuple):
                return type(value)(real(part, place) for part in value)
            return "cpu" if isinstance(value, torch.device) else value

        self._forget([t for t in results if all(t is not a for a in args)])
        sizes = [t.numel() for t in (*results, *_flat(args)) if isinstance(t, torch.Tensor)]
        self.computed += sum(sizes)
        if max(sizes, default=0) > MAX_NUMBERS or self.computed > MAX_ALL:
            return
        own = {key: real(value, 0) for key, value in kwargs.items()}
        if "device" in own or not any(isinstance(t, torch.Tensor) for t in _flat(args)):
            own["device"] = "cpu"
        with DisableTorchFunction(), torch.no_grad(), suppress(Exception):
            out = function(*(real(a, i) for i, a in enumerate(args)), **own)
            computed = [t for t in _flat(out) if isinstance(t, torch.Tensor)]
            if name == "set" and len(args) == 2:  # ``tensor.data = other``
                self.numbers[id(args[0])] = self._numbers(args[1])
            self.numbers.update((id(t), n) for t, n in zip(results, computed, strict=True))


def _is_own(tensor: torch.Tensor) -> bool:
    """Whether a tensor belongs to the module."""
    return hasattr(tensor, "stands_for")


def _numbers_of(tensor: torch.Tensor) -> torch.Tensor | None:
    """What a module's tensor on the meta device stands for (core.graph.tracing.trace), if that is fixed."""
    numbers: torch.Tensor | None = getattr(tensor, "stands_for", None)
    return numbers


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [part for each in value for part in _flat(each)]
    if isinstance(value, dict):
        return _flat(list(value.values()))
    return [value]
