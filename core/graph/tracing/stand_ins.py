"""Constants whose numbers a run without data asks for: settings kept in buffers, tables on the CPU.

A run on torch's meta device knows shapes and no numbers. What a network reads of its own
constants is known all the same: of a module's buffers from the module, of tensors that its code
holds itself from those (`core.graph.tracing.constants`).
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


class StandIns:
    """Tensors without data in the place of constants that have some, the same one each time.

    Attributes:
        constants: what is known of the numbers of the run's other constants.
    """

    def __init__(self, constants: Constants) -> None:
        self.constants = constants
        self._by_key: dict[tuple[int, bool], tuple[torch.Tensor, torch.Tensor]] = {}

    def constant_read_by(self, operation: str, args: Sequence[Any]) -> torch.Tensor | None:
        """The constant that a call reads numbers of; None where it reads none that are known."""
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
        """A call's result and the arguments that it was made with.

        What torch cannot do with tensors without data is tried again with stand-ins: for those
        that have data, and for masks as an index, whose places are known.
        """
        try:
            return func(*args, **kwargs), args, kwargs
        except (RuntimeError, NotImplementedError):
            if not any(tensor.is_meta for tensor in tensors_in((*args, *kwargs.values()))):
                raise  # a run with data, whose tensors may hang on the input
            indexed = getattr(func, "__name__", "") in _INDEXING
            instead = [
                self._with_stand_ins(arg, indexed and place == 1) for place, arg in enumerate(args)
            ]
            named = {name: self._with_stand_ins(value, False) for name, value in kwargs.items()}
        return func(*instead, **named), instead, named

    def _with_stand_ins(self, value: Any, is_index: bool) -> Any:
        if isinstance(value, torch.Tensor):
            return self._stand_in_for(value, is_index)
        if isinstance(value, slice) and is_index:
            return slice(*map(self._slice_bound, (value.start, value.stop, value.step)))
        if isinstance(value, list | tuple):
            parts = [self._with_stand_ins(part, is_index) for part in value]
            return parts if isinstance(value, list) else tuple(parts)
        return value

    def _slice_bound(self, value: Any) -> Any:
        """The end of a slice as a number."""
        number = self.constants.fixed_values(value) if isinstance(value, torch.Tensor) else None
        return value if number is None else int(number)

    def _stand_in_for(self, tensor: torch.Tensor, is_index: bool) -> torch.Tensor:
        """What stands for a constant in a run without data; any other tensor as it is."""
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
