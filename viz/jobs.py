"""Long computations: one queue for all visitors, every result computed once.

A visitor says which results the page wants now; what nobody wants any more is not begun,
and stopped at its next report if it runs. The first wish of every visitor comes before
anyone's second. Knows nothing of Streamlit.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.errors import SpecError

State = Literal["waiting", "running", "done", "failed"]
Report = Callable[[int, int, Any], bool]
"""Called by the work after each piece: (done, total, partial result) → whether to go on."""
Work = Callable[[Report], Any]

PATIENCE = 90.0
"""Seconds without a sign of a visitor after which the wish is taken for given up: a browser
lets a page in the background ask once a minute only."""
GRACE = 5.0
"""Seconds without a sign of a visitor whose connection is gone: a page that is loaded again, or
comes back over a bad line, finds its work going on."""
NO_MEMORY = "it needs more memory than is free here; choose a smaller image or fewer layers"
KEPT = 24
"""Finished results that are kept for whoever asks again."""


@dataclass(frozen=True)
class View:
    """What a visitor sees of one wish.

    Attributes:
        state: waiting, running, done or failed.
        ahead: jobs that come before it, while it waits.
        done, total: pieces of the work.
        partial: the result so far; None before the first report.
        result: once it is done.
        error: why it failed, for the screen.
    """

    state: State
    ahead: int = 0
    done: int = 0
    total: int = 0
    partial: Any = None
    result: Any = None
    error: str = ""


@dataclass(eq=False)
class _Job:
    key: Hashable
    work: Work
    rank: int
    number: int
    state: State = "waiting"
    progress: tuple[int, int, Any] = (0, 0, None)
    result: Any = None
    error: str = ""
    given_up: bool = False
    wanted: dict[str, float] = field(default_factory=dict)  # visitor → last sign


class Jobs:
    """The queue.

    Args:
        workers: jobs that run at the same time.
        patience: see `PATIENCE`.
        kept: see `KEPT`.
        connected: whether the visitor of that name is there; asked from any thread.
        grace: see `GRACE`.
    """

    def __init__(
        self,
        workers: int = 1,
        patience: float = PATIENCE,
        kept: int = KEPT,
        connected: Callable[[str], bool] = lambda visitor: True,
        grace: float = GRACE,
    ) -> None:
        self._connected, self._grace = connected, grace
        self._patience, self._kept, self._free = patience, kept, workers
        self._lock = threading.Lock()
        self._jobs: OrderedDict[Hashable, _Job] = OrderedDict()
        self._counter = 0

    def want(self, visitor: str, works: Mapping[Hashable, Work]) -> dict[Hashable, View]:
        """All that a visitor wants now, the most urgent first; whatever else was wanted is not.

        Returns:
            how each of them stands.
        """
        with self._lock:
            for job in self._jobs.values():
                if job.key not in works:
                    job.wanted.pop(visitor, None)
            self._drop()
            for rank, (key, work) in enumerate(works.items()):
                self._join(visitor, key, work, rank)
            self._start()
            return {key: self._view(self._jobs[key]) for key in works}

    def _join(self, visitor: str, key: Hashable, work: Work, rank: int) -> None:
        job = self._jobs.get(key)
        if job is None:
            self._counter += 1
            job = self._jobs[key] = _Job(key, work, rank, self._counter)
        job.rank = min(job.rank, rank)
        job.wanted[visitor] = time.monotonic()
        self._jobs.move_to_end(key)

    def _drop(self) -> None:
        """Forget what nobody waits for, and the oldest results beyond those kept."""
        now = time.monotonic()
        for job in self._jobs.values():
            for visitor in [v for v, seen in job.wanted.items() if self._gone(v, now - seen)]:
                del job.wanted[visitor]
        for key in [k for k, j in self._jobs.items() if j.state == "waiting" and not j.wanted]:
            del self._jobs[key]
        over = [k for k, j in self._jobs.items() if j.state in ("done", "failed") and not j.wanted]
        for key in over[: max(0, len(over) - self._kept)]:
            del self._jobs[key]

    def _gone(self, visitor: str, silence: float) -> bool:
        if silence > self._patience:
            return True
        return silence > self._grace and not self._connected(visitor)

    def waiting(self) -> int:
        """Visitors that have something coming."""
        with self._lock:
            unfinished = [job for job in self._jobs.values() if job.state in ("waiting", "running")]
            return len({visitor for job in unfinished for visitor in job.wanted})

    def _queue(self) -> list[_Job]:
        waiting = [job for job in self._jobs.values() if job.state == "waiting"]
        return sorted(waiting, key=lambda job: (job.rank, job.number))

    def _start(self) -> None:
        for job in self._queue()[: self._free]:
            job.state = "running"
            self._free -= 1
            threading.Thread(target=self._run, args=(job,), daemon=True).start()

    def _run(self, job: _Job) -> None:
        def report(done: int, total: int, partial: Any) -> bool:
            with self._lock:
                job.progress = done, total, partial
                self._drop()
                job.given_up = not job.wanted
                return not job.given_up

        state: State = "failed"
        result, why = None, "it failed here; the server's log says why"
        try:
            result, state, why = job.work(report), "done", ""
        except SpecError as error:
            why = NO_MEMORY if _out_of_memory(error) else str(error)
        except BaseException as error:  # one that exits, too: its slot must come free
            if not job.given_up:
                why = NO_MEMORY if _out_of_memory(error) else why
                logging.getLogger(__name__).exception("a job failed")
        with self._lock:  # all at once: nobody sees a running job that has failed
            job.state, job.result, job.error = state, result, why
            self._free += 1
            if job.given_up:  # stopped half-way: whoever wants it begins anew
                del self._jobs[job.key]
                if job.wanted:
                    again = _Job(job.key, job.work, job.rank, job.number, wanted=job.wanted)
                    self._jobs[job.key] = again
            self._drop()
            self._start()

    def _view(self, job: _Job) -> View:
        ahead = 0
        if job.state == "waiting":
            ahead = self._queue().index(job) + sum(
                other.state == "running" for other in self._jobs.values()
            )
        done, total, partial = job.progress
        return View(job.state, ahead, done, total, partial, job.result, job.error)


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or "torch" not in sys.modules:
        return isinstance(error, MemoryError)  # nothing is loaded where nothing fits
    from core.device import is_out_of_memory

    return is_out_of_memory(error)
