"""Supplies the values of constants to code that needs them during a run without data.

A run on torch's meta device has shapes but no values. Some networks read values of their own
constants in forward, such as settings in buffers or tables on the CPU. These values are available
from `core.graph.tracing.constants`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from ...tensors import tensors_in
from .constants import MAX_TRACKED_VALUES, Constants
from .meta_copy import empty_on_meta

_RETURN_PYTHON_NUMBERS = frozenset(
    ("item", "tolist", "numpy", "__int__", "__float__", "__bool__", "__index__", "is_nonzero")
)
"""Functions of one tensor that return its values as Python numbers."""
_INDEXING = ("__getitem__", "__setitem__")
"""Functions whose second argument is an index."""


class ConstantStandIns:
    """Meta tensors that replace constants with data; each constant always gets the same one.

    Attributes:
        constants: the values of the run's constants.
    """

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self._by_key: dict[tuple[int, bool], tuple[torch.Tensor, torch.Tensor]] = {}

    def constant_read_by(self, operation: str, args: Sequence[Any]) -> torch.Tensor | None:
        """The values of the constant that a call such as ``tensor.item()`` turns into numbers.

        None if the call is no such call, or if the values are not fixed.
        """
        if (
            operation not in _RETURN_PYTHON_NUMBERS
            or len(args) != 1
            or not isinstance(args[0], torch.Tensor)
        ):
            return None
        return self.constants.fixed_values(args[0]) if args[0].is_meta else None

    def run_call(
        self, func: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[Any, Sequence[Any], Mapping[str, Any]]:
        """Runs a torch call, with stand-ins if torch cannot run it on the original tensors.

        Stand-ins replace constants that have data, and constant boolean masks in an index.

        Returns:
            The result, and the arguments and keyword arguments that were used in the end.
        """
        try:
            return func(*args, **kwargs), args, kwargs
        except (RuntimeError, NotImplementedError):
            if not any(tensor.is_meta for tensor in tensors_in((*args, *kwargs.values()))):
                raise  # this is a run with data, in which tensors may depend on the input
            indexed = getattr(func, "__name__", "") in _INDEXING
            instead = [
                self._with_stand_ins(arg, indexed and position == 1)
                for position, arg in enumerate(args)
            ]
            named = {name: self._with_stand_ins(value, False) for name, value in kwargs.items()}
        return func(*instead, **named), instead, named

    def _with_stand_ins(self, value: Any, is_index: bool) -> Any:
        """An argument of a call in which stand-ins replace constants, also inside lists."""
        if isinstance(value, torch.Tensor):
            return self._stand_in_for(value, is_index)
        if isinstance(value, slice) and is_index:
            return slice(*map(self._slice_bound, (value.start, value.stop, value.step)))
        if isinstance(value, list | tuple):
            parts = [self._with_stand_ins(part, is_index) for part in value]
            return parts if isinstance(value, list) else tuple(parts)
        return value

    def _slice_bound(self, value: Any) -> Any:
        """The start, stop or step of a slice, with a constant tensor turned into an int."""
        number = self.constants.fixed_values(value) if isinstance(value, torch.Tensor) else None
        return value if number is None else int(number)

    def _stand_in_for(self, tensor: torch.Tensor, is_index: bool) -> torch.Tensor:
        """The stand-in for a constant, and any other tensor itself."""
        is_mask = is_index and tensor.dtype == torch.bool and tensor.ndim == 1
        numbers = self.constants.fixed_values(tensor) if not tensor.is_meta or is_mask else None
        if numbers is None or numbers.numel() > MAX_TRACKED_VALUES:
            return tensor
        if is_mask:
            numbers = numbers.nonzero().flatten()
        key = id(tensor), is_mask
        if key not in self._by_key:
            bare = empty_on_meta(numbers)
            bare.stands_for = numbers  # type: ignore[attr-defined]
            self._by_key[key] = tensor, bare
        return self._by_key[key][1]
