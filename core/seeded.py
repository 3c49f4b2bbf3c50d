"""Random numbers of one block of code, decided by a seed alone.

torch draws from one generator that all threads of a process share, so ``torch.manual_seed``
decides nothing as soon as two threads build networks at once. `seeded` gives every random
operation of its block, and of its thread, a generator of its own. Since weights are drawn by
operations, this covers every layer there is, and modules of other people too.

Source: core.torch_private.TorchDispatchMode, which belongs to one thread; the tag
``nondeterministic_seeded``, which every operation of torch that draws random numbers has.
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
    """Make ``seed`` decide all random numbers that torch draws inside, in this thread alone.

        with seeded(3):
            network = resnet18()

    On the CPU the numbers are those after ``torch.manual_seed(seed)``. torch's global generator
    is neither read nor moved. Generators that are handed to torch explicitly stay in use; those
    of numpy and of Python's ``random`` are not touched.

    Args:
        seed: from 0 to 2⁶³ − 1.

    Raises:
        SpecError: no such seed.
    """
    if whole("seed", seed, 0) > MAX_SEED:
        raise SpecError("seed", "must be below 2^63", seed)
    with _OwnGenerators(seed):
        yield


class _OwnGenerators(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Hands a generator to every operation that would take the global one."""

    def __init__(self, seed: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seed = seed
        self.generators: dict[str, torch.Generator] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        drawing = _with_generator(func)
        device = _device(args, kwargs) if drawing else "meta"
        if drawing is None or device == "meta" or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        return drawing(*args, **kwargs, generator=self._generator(device))

    def _generator(self, device: str) -> torch.Generator:
        if device not in self.generators:
            self.generators[device] = torch.Generator(device).manual_seed(self.seed)
        return self.generators[device]


@cache
def _with_generator(operation: Any) -> Callable[..., Any] | None:
    """The same operation in the form that takes a generator; None where nothing is drawn."""
    if torch.Tag.nondeterministic_seeded not in operation.tags:
        return None
    names = _arguments(operation)
    if "generator" in names:
        return operation  # type: ignore[no-any-return]
    for overload in operation.overloadpacket.overloads():
        other = getattr(operation.overloadpacket, overload)
        if sorted(_arguments(other)) == sorted([*names, "generator"]):
            return other  # type: ignore[no-any-return]
    return None


def _arguments(operation: Any) -> list[str]:
    return [argument.name for argument in argument_specs(operation)]


def _device(args: Any, kwargs: Any) -> str:
    """Where the numbers are drawn: on the device of the tensors, or the one that is named."""
    for value in args:
        if isinstance(value, torch.Tensor):
            return str(value.device)
    return str(kwargs.get("device") or torch.get_default_device())
