"""Functions that find the tensors in arguments and results, and that name torch's functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import torch

from .torch_private import OpOverload, OpOverloadPacket, qualified_name, storage_number


def tensors_in(values: Sequence[Any]) -> list[torch.Tensor]:
    """The tensors in arguments or results, in order.

    It searches lists, tuples, mappings and dataclass instances at any depth.
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
    """A number that identifies a tensor's memory; None for tensors without memory of their own."""
    try:
        return storage_number(tensor)
    except (NotImplementedError, RuntimeError):
        return None


def operation_name(func: Any) -> str:
    """The name of a torch function or operator.

    Operators of other libraries have the library as a prefix, e.g. ``torchvision::nms``.
    """
    if isinstance(func, OpOverload):
        func = func.overloadpacket
    if isinstance(func, OpOverloadPacket):
        library, _, name = qualified_name(func).partition("::")
        return (
            name if library == "aten" and name not in _DIFFERENT_SIGNATURE else f"{library}::{name}"
        )
    name = getattr(func, "__name__", str(func))
    return getattr(func.__self__, "__name__", name) if name == "__get__" else name


_DIFFERENT_SIGNATURE = ("unfold", "batch_norm")
"""Operators of aten whose arguments differ from those of torch's function of the same name."""
