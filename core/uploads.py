"""Limits for every uploaded file: its size, and the memory for reading it.

A small file can hold a large picture. `READING` unpacks a few files at a time, within one memory
budget for the whole process; further files wait for their turn.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition
from typing import TypeVar

from .errors import SpecError

T = TypeVar("T")
MAX_UPLOAD_BYTES = 8 * 2**20
READING_BYTES = 400 * 2**20
"""Bytes that all files may take together while being read; the largest picture needs nearly all."""
READERS = 2
"""Number of files that are read at the same time; each uses one CPU core."""
PATIENCE_S = 60.0
"""Seconds after which a waiting file is refused."""


def check_size(data: bytes, most: int, advice: str) -> None:
    """Refuse a file of more than ``most`` bytes.

    Raises:
        SpecError: it is larger; ``advice`` ends the sentence.
    """
    if len(data) > most:
        rule = f"must be at most {most >> 20} MB; {advice}"
        raise SpecError("upload", rule, f"{len(data) / 2**20:.1f} MB")


class Readers:
    """Threads that unpack files, in the order in which they come and within a budget of memory.

    Threads of their own, as the C library keeps for each thread some of what it has freed: twenty
    threads that have each unpacked one large picture hold on to twenty pictures' memory.

    Args:
        total: bytes that all work may take at the same time. One piece alone may take more.
        threads: pieces of work at the same time.
        patience: seconds after which waiting for a turn ends with a refusal.
    """

    def __init__(self, total: int, threads: int, patience: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="upload")
        self._total, self._patience = total, patience
        self._changed, self._taken = Condition(), list[int]()

    def run(self, size: int, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises, which takes at most ``size`` bytes.

        Raises:
            SpecError: its turn did not come in time.
        """
        future = self._pool.submit(self._within, size, work)
        try:
            return future.result(self._patience)
        except TimeoutError:
            if future.cancel():
                rule = "must wait, as many files are being read; choose it again in a minute"
                raise SpecError("upload", rule, "too many at a time") from None
            return future.result()

    def _within(self, size: int, work: Callable[[], T]) -> T:
        with self._changed:
            self._changed.wait_for(
                lambda: not self._taken or sum(self._taken) + size <= self._total
            )
            self._taken.append(size)
        try:
            return work()
        finally:
            with self._changed:
                self._taken.remove(size)
                self._changed.notify_all()


READING = Readers(READING_BYTES, READERS, PATIENCE_S)
"""The reading threads of this process, for every uploaded file."""
