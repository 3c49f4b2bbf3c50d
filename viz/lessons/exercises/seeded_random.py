"""Seeded random numbers that are the same in every process, machine and library version."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeVar

T = TypeVar("T")


class SeededRandom:
    """A random generator whose numbers are the SHA-256 digests of its key and a counter.

    It does not depend on a library's generator, which a new version may change: a link that a
    lecturer has printed must lead to the same questions for years.

    Args:
        *key: Values that identify the sequence; equal keys give equal numbers.
    """

    def __init__(self, *key: object) -> None:
        self._key = "/".join(map(str, key))
        self._count = 0

    def below(self, n: int) -> int:
        """Return a random integer from 0 to n − 1."""
        self._count += 1
        digest = sha256(f"{self._key}:{self._count}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % n

    def between(self, low: int, high: int) -> int:
        """Return a random integer from ``low`` to ``high``, both included."""
        return low + self.below(high - low + 1)

    def choice(self, options: Sequence[T]) -> T:
        """Return a random option."""
        return options[self.below(len(options))]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """Return the options in a random order (Fisher–Yates shuffle)."""
        mixed = list(options)
        for last in range(len(mixed) - 1, 0, -1):
            other = self.below(last + 1)
            mixed[last], mixed[other] = mixed[other], mixed[last]
        return mixed


def random_bit(text: str) -> int:
    """Return a pseudorandom bit that depends on the text alone."""
    return sha256(text.encode()).digest()[0] % 2
