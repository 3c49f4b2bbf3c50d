"""Choice of the device that torch computes on, number of threads, and memory budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from .errors import SpecError, whole

KINDS = ("cpu", "cuda", "mps")
"""The kinds of device that can be chosen."""
MEMORY_BUDGET = 2 * 10**9
"""Default memory limit of one computation, in bytes."""
MAX_THREADS = 1024


def pick(device: str | None = None) -> torch.device:
    """The torch device of a name such as ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or ``"mps"``.

    Args:
        device: the name; None chooses CUDA if available, otherwise MPS, otherwise the CPU.

    Raises:
        SpecError: the kind is unknown, or this machine does not have the device.
    """
    if device is None:
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if _device_count(kind)))
    kind, _, index = str(device).partition(":")
    if kind not in KINDS or (index and not index.isdecimal()):
        raise SpecError("device", f"must be one of {', '.join(KINDS)}", device)
    count = _device_count(kind)
    if int(index or 0) >= count:
        here = ", ".join(available())
        raise SpecError("device", f"must be one that this machine has: {here}", device)
    return torch.device(device)


def available() -> tuple[str, ...]:
    """The kinds of device that this machine has; always includes the CPU."""
    return tuple(kind for kind in KINDS if _device_count(kind))


def _device_count(kind: str) -> int:
    """The number of devices of a kind on this machine."""
    if kind == "cuda":
        return torch.cuda.device_count() if torch.cuda.is_available() else 0
    return int(kind == "cpu" or torch.backends.mps.is_available())


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use ``count`` CPU threads inside the block; afterwards the old number is restored.

    The number applies to the whole process, so it also affects torch calls of other threads.

    Raises:
        SpecError: ``count`` is no whole number from 1 to `MAX_THREADS`.
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
    """Whether an error, or an error that caused it, is a failed memory allocation on any device.

    For the CPU, torch has no error class for this, so the message is checked.
    """
    if error is None or isinstance(error, MemoryError | torch.OutOfMemoryError):
        return error is not None
    cpu_refused = isinstance(error, RuntimeError) and "can't allocate memory" in str(error)
    return cpu_refused or is_out_of_memory(error.__cause__)
