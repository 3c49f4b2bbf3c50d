"""A cache of results for all visitors, in which only the first of several callers computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from viz.server.processes import ANSWER_S, in_worker
from viz.server.queue import UnfinishedError

P = ParamSpec("P")
R = TypeVar("R")


WAIT_S = 3 * ANSWER_S
"""Seconds a caller waits while another one computes: longer than two workers may take."""


class _KeyLocks:
    """A lock for each key, which exists only while somebody holds it or waits for it.

    Args:
        wait: Time-out in seconds for a lock.
    """

    def __init__(self, wait: float) -> None:
        self._guard, self._wait = Lock(), wait
        self._busy: dict[Any, tuple[Lock, int]] = {}

    @contextmanager
    def hold(self, key: Any) -> Iterator[None]:
        """Return a context manager that holds the lock of a key.

        Raises:
            UnfinishedError: Another caller held the lock for longer than the time-out.
        """
        with self._guard:
            lock, waiting = self._busy.get(key, (Lock(), 0))
            self._busy[key] = lock, waiting + 1
        try:
            if not lock.acquire(timeout=self._wait):
                raise UnfinishedError("is still going on for somebody else; try again in a minute")
            try:
                yield
            finally:
                lock.release()
        finally:
            with self._guard:
                lock, waiting = self._busy.pop(key)
                if waiting > 1:
                    self._busy[key] = lock, waiting - 1


def computed_once(
    maxsize: int, *, outside: bool = False, wait: float = WAIT_S
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function with an LRU cache in which concurrent equal calls compute only once.

    With `functools.lru_cache` alone, a class that opens one link at the same moment would compute
    the result in every thread. Exceptions are not cached. The function is not re-entrant: a call
    that leads to itself with the same arguments deadlocks.

    Args:
        maxsize: Number of cached results.
        outside: Whether a worker process computes the result, if the server has some
            (`viz.server.processes.in_worker`).
        wait: Seconds a caller waits for another one that computes the same result.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        cached: Callable[P, R] = lru_cache(maxsize)(in_worker(function) if outside else function)  # type: ignore[assignment]
        locks = _KeyLocks(wait)

        @wraps(function)
        def computed(*args: P.args, **kwargs: P.kwargs) -> R:
            with locks.hold((args, tuple(sorted(kwargs.items())))):
                return cached(*args, **kwargs)

        return computed

    return decorate
