"""Answers that are kept for all visitors, each computed by the first who asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from threading import Lock
from typing import Any, ParamSpec, TypeVar

from viz.server.processes import ANSWER_S, beside
from viz.server.queue import UnfinishedError

P = ParamSpec("P")
R = TypeVar("R")


WAIT_S = 3 * ANSWER_S
"""Seconds that one who asks waits for the one who computes: longer than two workers may take."""


class _Turns:
    """One lock for each key that somebody is busy with, and none for the others."""

    def __init__(self, wait: float) -> None:
        self._guard, self._wait = Lock(), wait
        self._busy: dict[Any, tuple[Lock, int]] = {}

    @contextmanager
    def of(self, key: Any) -> Iterator[None]:
        """This key's turn: nobody else is busy with it meanwhile.

        Raises:
            UnfinishedError: somebody else was for too long.
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


def shared(
    maxsize: int, *, outside: bool = False, wait: float = WAIT_S
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Like `functools.lru_cache`, which has all threads that ask at the same moment compute it:
    a class that opens one link. Here one does, and the others wait for it. What is raised is kept
    for nobody.

    The function must not come back to its own key by way of the others that are shared.

    Args:
        maxsize: answers that are kept.
        outside: computed by a worker process where the server has some (`viz.server.processes.beside`).
        wait: seconds after which one who waits for another is told to come back.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        kept: Callable[P, R] = lru_cache(maxsize)(beside(function) if outside else function)  # type: ignore[assignment]
        turns = _Turns(wait)

        @wraps(function)
        def ask(*args: P.args, **kwargs: P.kwargs) -> R:
            with turns.of((args, tuple(sorted(kwargs.items())))):
                return kept(*args, **kwargs)

        return ask

    return decorate
