"""The tensors inside arguments and results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch


def tensors_in(values: Sequence[Any]) -> list[torch.Tensor]:
    """The tensors in arguments or results, in order.

    Looks into lists, tuples, mappings and instances of dataclasses, however deep.
    """
    tensors: list[torch.Tensor] = []
    for value in values:
        if isinstance(value, torch.Tensor):
            tensors.append(value)
        elif isinstance(value, tuple | list):
            tensors += tensors_in(value)
        elif isinstance(value, Mapping):
            tensors += tensors_in(list(value.values()))
        elif is_dataclass(value) and not isinstance(value, type):
            tensors += tensors_in([getattr(value, part.name) for part in fields(value)])
    return tensors


def storage_of(tensor: torch.Tensor) -> int | None:
    """A number for a tensor's memory; None for those that have none of their own."""
    try:
        return int(tensor.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):
        return None
