"""Limits for every uploaded file: its size, and the memory for reading it.

A small file can contain a large picture. `READER_POOL` unpacks a few files at a time, within one
memory budget for the whole process; other files wait.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Condition
from typing import TypeVar

from .errors import SpecError

T = TypeVar("T")
MAX_UPLOAD_BYTES = 8 * 2**20
"""Largest size of an uploaded file."""
READER_BYTES = 400 * 2**20
"""Memory limit for all files being read; the largest allowed picture needs nearly all of it."""
READER_THREADS = 2
"""Number of files that are read at the same time; each occupies one CPU core."""
PATIENCE_S = 60.0
"""Seconds after which a waiting file is refused."""


def check_size(data: bytes, max_bytes: int, advice: str) -> None:
    """Check that a file has at most ``max_bytes``.

    Raises:
        SpecError: the file is larger; ``advice`` ends the sentence.
    """
    if len(data) > max_bytes:
        rule = f"must be at most {max_bytes >> 20} MB; {advice}"
        raise SpecError("upload", rule, f"{len(data) / 2**20:.1f} MB")


class ReaderPool:
    """A pool of threads that read files in order of arrival, within a memory budget.

    Files are read in these few threads because the C library caches freed memory per thread: if
    twenty threads each unpack one large picture, the memory of twenty pictures stays allocated.

    Args:
        total: memory limit in bytes of all files being read. A single file may exceed it.
        threads: number of threads.
        patience: seconds after which a waiting file is refused.
    """

    def __init__(self, total: int, threads: int, patience: float) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="upload")
        self._total, self._patience = total, patience
        self._changed, self._taken = Condition(), list[int]()

    def run(self, size: int, work: Callable[[], T]) -> T:
        """Run ``work`` in one of the threads, and return its result or raise its error.

        Args:
            size: largest memory in bytes that ``work`` takes.
            work: the function that reads a file.

        Raises:
            SpecError: ``work`` could not start within ``patience`` seconds.
        """
        future = self._pool.submit(self._run_when_memory_is_free, size, work)
        try:
            return future.result(self._patience)
        except TimeoutError:
            if future.cancel():
                rule = "must wait, as many files are being read; choose it again in a minute"
                raise SpecError("upload", rule, "too many at a time") from None
            return future.result()

    def _run_when_memory_is_free(self, size: int, work: Callable[[], T]) -> T:
        """Wait until ``size`` bytes are free, then run ``work``."""
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


READER_POOL = ReaderPool(READER_BYTES, READER_THREADS, PATIENCE_S)
"""The reading threads of this process, for every uploaded file."""
