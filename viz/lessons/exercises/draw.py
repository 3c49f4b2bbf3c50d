"""Seeded draws that are the same in every process, on every machine, in every version."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


class Draw:
    """A stream of draws, decided by its key alone: SHA-256 of the key and a counter.

    Libraries may change their generators; a link that a lecturer has printed may not change
    its questions.
    """

    def __init__(self, *key: object) -> None:
        self._key = "/".join(map(str, key))
        self._count = 0

    def below(self, n: int) -> int:
        """A whole number in [0, n)."""
        self._count += 1
        digest = sha256(f"{self._key}:{self._count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % n

    def between(self, low: int, high: int) -> int:
        """A whole number in [low, high]."""
        return low + self.below(high - low + 1)

    def of(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """The options in another order (Fisher and Yates)."""
        mixed = list(options)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed


def parity(text: str) -> int:
    """0 or 1, decided by the text alone."""
    return sha256(text.encode()).digest()[0] % 2
