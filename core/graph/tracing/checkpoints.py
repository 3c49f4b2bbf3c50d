"""Runs checkpointed blocks as plain calls.

`torch.utils.checkpoint.checkpoint` runs a function a second time during the backward pass. A
listener to the forward pass would then record it twice, and `torch.autograd.grad` does not support
the reentrant variant. Values and gradients are the same without checkpointing.

`checkpoint` looks up its helpers in its own module at every call, so replacing these helpers also
affects code that has imported the function itself. The replacement holds for the whole process,
so it checks the calling thread: all other threads checkpoint as usual.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils import checkpoint as _checkpoint_module

_lock = threading.Lock()
"""Guards the replacement of torch's helpers."""
_thread_state = threading.local()
"""``depth`` is the number of open contexts of a thread."""
_open_contexts = 0
"""The number of open contexts of all threads."""
_REENTRANT = "CheckpointFunction"
"""The name of torch's helper for the reentrant variant."""
_NON_REENTRANT = "_checkpoint_without_reentrant_generator"
"""The name of torch's helper for the non-reentrant variant."""
_originals: dict[str, Any] = {}
"""torch's own helpers by name."""


class _CheckpointFunctionReplacement:
    """The replacement of `torch.utils.checkpoint.CheckpointFunction`, the reentrant variant."""

    @staticmethod
    def apply(function: Callable[..., Any], preserve: bool, *args: Any) -> Any:
        """Calls the function, plainly in a thread that is inside `plain_checkpoints`."""
        if getattr(_thread_state, "depth", 0):
            return function(*args)
        return _originals[_REENTRANT].apply(function, preserve, *args)


def _generator_replacement(*args: Any, **kwargs: Any) -> Generator[None]:
    """The replacement of the generator that wraps a block in the non-reentrant variant.

    It does nothing in a thread that is inside `plain_checkpoints`.
    """
    if getattr(_thread_state, "depth", 0):
        yield
    else:
        yield from _originals[_NON_REENTRANT](*args, **kwargs)


@contextmanager
def plain_checkpoints() -> Iterator[None]:
    """A context in which this thread calls checkpointed blocks as plain functions."""
    _install_replacements()
    _thread_state.depth = getattr(_thread_state, "depth", 0) + 1
    try:
        yield
    finally:
        _thread_state.depth -= 1
        _remove_replacements()


def _install_replacements() -> None:
    """Replaces torch's helpers when the first context of the process opens."""
    global _open_contexts
    with _lock:
        if _open_contexts == 0:
            for name, replacement in (
                (_REENTRANT, _CheckpointFunctionReplacement),
                (_NON_REENTRANT, _generator_replacement),
            ):
                _originals.setdefault(name, getattr(_checkpoint_module, name))
                setattr(_checkpoint_module, name, replacement)
        _open_contexts += 1


def _remove_replacements() -> None:
    """Restores torch's helpers when the last context of the process closes."""
    global _open_contexts
    with _lock:
        _open_contexts -= 1
        if _open_contexts == 0:
            for name, original in _originals.items():
                setattr(_checkpoint_module, name, original)
