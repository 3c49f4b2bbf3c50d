"""Recognizes calls that overwrite a part of a tensor, such as x[:, 0] = y and copy_."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch

from ...torch_private import DisableTorchFunction, storage_number
from ..rules.call import names_in


class Assignment(NamedTuple):
    """A call's overwriting of a part of a tensor.

    Attributes:
        target: the tensor.
        part: the overwritten part as a view of the tensor; None if no view has just its elements.
        value: the written value, a tensor or a number.
    """

    target: torch.Tensor
    part: torch.Tensor | None
    value: object


_CONSTANT_WRITES = names_in(
    "zero_ normal_ uniform_ random_ bernoulli_ exponential_ cauchy_ log_normal_"
)
"""Operations that overwrite a whole tensor with values that do not depend on the input."""


def assignment_of(
    operation: str, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Assignment | None:
    """The assignment that a call has made; None for calls that are no assignments.

    Args:
        operation: torch's name of the function, with underscores.
        args, kwargs: the arguments of the call.
    """
    if not args or not isinstance(args[0], torch.Tensor):
        return None
    target, values = args[0], [*args[1:], *kwargs.values()]
    if operation in _CONSTANT_WRITES:
        return Assignment(target, target, 0)
    if operation in ("copy_", "fill_") and values:
        return Assignment(target, target, values[0])
    if operation == "__setitem__":
        return Assignment(target, _view_of_part(target, args[1]), args[2])
    if operation in ("index_copy_", "index_fill_") and len(values) == 3:
        index = (*[slice(None)] * (int(values[0]) % target.ndim), values[1])
        return Assignment(target, _view_of_part(target, index), values[2])
    return None


def _view_of_part(target: torch.Tensor, index: object) -> torch.Tensor | None:
    """The part of a tensor at an index as a view; None if the index cannot make a view."""
    items = [_as_view_index(item) for item in (index if isinstance(index, tuple) else (index,))]
    if any(item is NotImplemented for item in items):
        return None
    with torch.no_grad(), DisableTorchFunction():
        part = target[tuple(items)]
    return part if storage_number(part) == storage_number(target) else None


def _as_view_index(item: object) -> Any:
    """An item of an index in a form that makes a view; NotImplemented if there is none.

    An evenly spaced list of indices becomes a slice.
    """
    if item is None or item is ... or isinstance(item, slice):
        return item
    if isinstance(item, int) and not isinstance(item, bool):
        return item
    if isinstance(item, torch.Tensor) and item.ndim == 1 and not item.is_meta:
        item = item.tolist()
    if not isinstance(item, list) or not item or any(type(i) is not int for i in item):
        return NotImplemented
    step = item[1] - item[0] if len(item) > 1 else 1
    even = item[0] >= 0 and step > 0 and item == [*range(item[0], item[-1] + 1, step)]
    return slice(item[0], item[-1] + 1, step) if even else NotImplemented
