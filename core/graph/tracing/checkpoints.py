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

from torch.utils import checkpoint as _checkpoint_module

_lock = threading.Lock()
_thread_state = threading.local()
_open_contexts = 0
_REENTRANT = "CheckpointFunction"
_NON_REENTRANT = "_checkpoint_without_reentrant_generator"
_originals: dict[str, Any] = {}


class _CheckpointFunctionReplacement:
    """Stands for `torch.utils.checkpoint.CheckpointFunction`."""

    @staticmethod
    def apply(function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        if getattr(_thread_state, "depth", 0):
            return function(*args)
        return _originals[_REENTRANT].apply(function, preserve, *args)


def _generator_replacement(*args: Any, **kwargs: Any) -> Generator[None]:
    """What stands around the call of a block that is not reentrant: nothing in this thread."""
    if getattr(_thread_state, "depth", 0):
        yield
    else:
        yield from _originals[_NON_REENTRANT](*args, **kwargs)


@contextmanager
def plain_checkpoints() -> Iterator[None]:
    """While it is open, checkpointed blocks of this thread are called as they are."""
    _install_replacements()
    _thread_state.depth = getattr(_thread_state, "depth", 0) + 1
    try:
        yield
    finally:
        _thread_state.depth -= 1
        _remove_replacements()


def _install_replacements() -> None:
    global _open_contexts
    with _lock:
        if _open_contexts == 0:
            for name, instead in (
                (_REENTRANT, _CheckpointFunctionReplacement),
                (_NON_REENTRANT, _generator_replacement),
            ):
                _originals.setdefault(name, getattr(_checkpoint_module, name))
                setattr(_checkpoint_module, name, instead)
        _open_contexts += 1


def _remove_replacements() -> None:
    global _open_contexts
    with _lock:
        _open_contexts -= 1
        if _open_contexts == 0:
            for name, original in _originals.items():
                setattr(_checkpoint_module, name, original)
