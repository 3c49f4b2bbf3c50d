"""Checkpointed blocks run as plain calls.

`torch.utils.checkpoint.checkpoint` runs a function once more during the backward pass. Whoever
listens to a forward pass would then hear it twice, and `torch.autograd.grad` refuses the
reentrant form. Without it the values and the gradients are the same.

`checkpoint` looks up what it works with in its own module at every call, so replacing that
reaches every ``from torch.utils.checkpoint import checkpoint``. The replacement belongs to the
whole process, so it asks which thread calls: all others go on as before.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils import checkpoint as _module

_lock = threading.Lock()
_plain = threading.local()
_users = 0
_REENTRANT = "CheckpointFunction"
_OTHER = "_checkpoint_without_reentrant_generator"
_originals: dict[str, Any] = {}


class _Reentrant:
    """Stands for `torch.utils.checkpoint.CheckpointFunction`."""

    @staticmethod
    def apply(function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        if getattr(_plain, "depth", 0):
            return function(*args)
        return _originals[_REENTRANT].apply(function, preserve, *args)


def _around(*args: Any, **kwargs: Any) -> Generator[None]:
    """What stands around the call of a block that is not reentrant: nothing in this thread."""
    if getattr(_plain, "depth", 0):
        yield
    else:
        yield from _originals[_OTHER](*args, **kwargs)


@contextmanager
def plain_checkpoints() -> Iterator[None]:
    """While it is open, checkpointed blocks of this thread are called as they are."""
    _enter()
    _plain.depth = getattr(_plain, "depth", 0) + 1
    try:
        yield
    finally:
        _plain.depth -= 1
        _leave()


def _enter() -> None:
    global _users
    with _lock:
        if _users == 0:
            for name, instead in ((_REENTRANT, _Reentrant), (_OTHER, _around)):
                _originals.setdefault(name, getattr(_module, name))
                setattr(_module, name, instead)
        _users += 1


def _leave() -> None:
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            for name, original in _originals.items():
                setattr(_module, name, original)
