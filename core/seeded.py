"""Random numbers of one block of code that depend on a seed alone.

torch has one global generator that all threads of a process share, so ``torch.manual_seed`` does
not determine the weights of networks that several threads build at the same time. `seeded` gives
every random operation of its block, in its thread, a generator of its own. Because weights are
drawn by torch operations, this works for every layer, including those of other libraries.

Source: torch's TorchDispatchMode, which is active in one thread only, and the tag
``nondeterministic_seeded``, which all operations of torch that draw random numbers have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch

from .errors import SpecError, whole
from .torch_private import TorchDispatchMode, argument_specs

MAX_SEED = 2**63 - 1


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Make ``seed`` determine all random numbers that torch draws inside, in this thread.

        with seeded(3):
            network = resnet18()

    On the CPU the numbers are those after ``torch.manual_seed(seed)``. torch's global generator is
    neither used nor changed. Generators that are passed to torch explicitly are still used; those
    of numpy and of Python's ``random`` are not affected.

    Args:
        seed: from 0 to 2⁶³ − 1.

    Raises:
        SpecError: the seed is out of range.
    """
    if whole("seed", seed, 0) > MAX_SEED:
        raise SpecError("seed", "must be below 2^63", seed)
    with _SeededGenerators(seed):
        yield


class _SeededGenerators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Passes a generator to every operation that would use the global one, one per device."""

    def __init__(self, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seed = seed
        self.generators: dict[str, torch.Generator] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        with_generator = _overload_with_generator(func)
        device = _device_of_call(args, kwargs) if with_generator else "meta"
        if with_generator is None or device == "meta" or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        return with_generator(*args, **kwargs, generator=self._generator(device))

    def _generator(self, device: str) -> torch.Generator:
        if device not in self.generators:
            self.generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self.generators[device]


@cache
def _overload_with_generator(operation: Any) -> Callable[..., Any] | None:
    """The overload of an operation that takes a generator; None if it draws no random numbers."""
    if torch.Tag.nondeterministic_seeded not in operation.tags:
        return None
    names = _argument_names(operation)
    if "generator" in names:
        return operation  # type: ignore[no-any-return]
    for overload in operation.overloadpacket.overloads():
        other = getattr(operation.overloadpacket, overload)
        if sorted(_argument_names(other)) == sorted([*names, "generator"]):
            return other  # type: ignore[no-any-return]
    return None


def _argument_names(operation: Any) -> list[str]:
    """The names of an operation's arguments."""
    return [argument.name for argument in argument_specs(operation)]


def _device_of_call(args: Any, kwargs: Any) -> str:
    """The device of the random numbers: that of a tensor argument, or the argument ``device``."""
    for value in args:
        if isinstance(value, torch.Tensor):
            return str(value.device)
    return str(kwargs.get("device") or torch.get_default_device())
