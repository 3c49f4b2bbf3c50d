"""The device that torch computes on, its number of threads, and the memory budget of a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .errors import SpecError, whole

KINDS = ("cpu", "cuda", "mps")
MEMORY_BUDGET = 2 * 10**9
"""Default limit of one computation, in bytes."""
MAX_THREADS = 1024


def pick(device: str | None = None) -> torch.device:
    """The device of that name: ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``.

    Args:
        device: None takes CUDA where there is one, then MPS, then the CPU.

    Raises:
        SpecError: no such kind, or this machine has none.
    """
    if device is None:
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if _count(kind)))
    kind, _, index = str(device).partition(":")
    if kind not in KINDS or (index and not index.isdecimal()):
        raise SpecError("device", f"must be one of {', '.join(KINDS)}", device)
    count = _count(kind)
    if int(index or 0) >= count:
        here = ", ".join(available())
        raise SpecError("device", f"must be one that this machine has: {here}", device)
    return torch.device(device)


def available() -> tuple[str, ...]:
    """The kinds of device this machine has; the CPU always."""
    return tuple(kind for kind in KINDS if _count(kind))


def _count(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    return int(kind == "cpu" or torch.backends.mps.is_available())


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` CPU threads inside the block; the old number is restored after it.

    The number belongs to the whole process, so it affects the torch calls of other threads too.

    Raises:
        SpecError: not a whole number from 1 to `MAX_THREADS`.
    """
    if whole("threads", count, 1) > MAX_THREADS:
        raise SpecError("threads", f"must be at most {MAX_THREADS}", count)
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an allocation failed, on any device, or was the cause of this error; torch's own
    allocator on the CPU has no kind of error of its own for that."""
    if error is None or isinstance(error, MemoryError | torch.OutOfMemoryError):
        return error is not None
    cpu_refused = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return cpu_refused or is_out_of_memory(error.__cause__)
