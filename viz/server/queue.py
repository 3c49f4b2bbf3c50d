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
NO_MEMORY = "needs more memory than is free here; choose a smaller image or fewer layers"
FAILED = "failed here; the server's log says why"
KEPT = 24
"""Finished results that are kept for whoever asks again."""
LOGGED = 300
"""Characters of a job's key in the log."""


class UnfinishedError(SpecError):
    """A computation that was ended before it had an answer: tried again, it may have one.

    A `SpecError`, so that it is shown wherever a refusal is; never kept as one.

    Args:
        rule: the rest of a sentence that starts with the computation.
    """

    def __init__(self, rule: str) -> None:
        super().__init__("this computation", rule, "")
        self.args = (rule,)  # what a pickle calls the class with

    def __str__(self) -> str:
        return f"{self.parameter} {self.rule}"


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
        refused: it failed as its settings cannot work; another try would end alike.
    """

    state: State
    ahead: int = 0
    done: int = 0
    total: int = 0
    partial: Any = None
    result: Any = None
    error: str = ""
    refused: bool = False


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
    refused: bool = False
    given_up: bool = False

    @property
    def lasting(self) -> bool:
        """Whether whoever asks later gets the same: a result, or a refusal."""
        return self.state == "done" or self.refused

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
        now = time.monotonic()
        with self._lock:
            for job in self._jobs.values():
                if job.wanted.pop(visitor, None) is not None and job.key in works:
                    job.wanted[visitor] = now  # before what nobody wants is forgotten
            self._drop()
            for rank, (key, work) in enumerate(works.items()):
                self._join(visitor, key, work, rank)
            self._start()
            return {key: self._view(self._jobs[key]) for key in works}

    def retry(self, key: Hashable) -> None:
        """Forget a failure, so that whoever wants it next has it computed anew."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.state == "failed":
                del self._jobs[key]

    def _join(self, visitor: str, key: Hashable, work: Work, rank: int) -> None:
        job = self._jobs.get(key)
        if job is None:
            self._counter += 1
            job = self._jobs[key] = _Job(key, work, rank, self._counter)
        job.rank = min(job.rank, rank)
        job.wanted[visitor] = time.monotonic()
        self._jobs.move_to_end(key)

    def _drop(self) -> None:
        """Forget what nobody waits for: failures, and the oldest results beyond those kept."""
        now = time.monotonic()
        for job in self._jobs.values():
            for visitor in [v for v, seen in job.wanted.items() if self._gone(v, now - seen)]:
                del job.wanted[visitor]
        unwanted = {k: j for k, j in self._jobs.items() if j.state != "running" and not j.wanted}
        for key in [k for k, j in unwanted.items() if not j.lasting]:
            del self._jobs[key]
        over = [k for k, j in unwanted.items() if j.lasting]
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
        result, why, refused = None, "", False
        try:
            result, state = job.work(report), "done"
        except BaseException as error:  # one that exits, too: its slot must come free
            why, refused = _reason(error)
            if not (refused or job.given_up):
                name = repr(job.key)[:LOGGED]
                logging.getLogger(__name__).exception("this job failed: %s", name)
        with self._lock:  # all at once: nobody sees a running job that has failed
            job.state, job.result, job.error, job.refused = state, result, why, refused
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
        return View(job.state, ahead, done, total, partial, job.result, job.error, job.refused)


def _reason(error: BaseException) -> tuple[str, bool]:
    """Why a job failed, for the screen, and whether its settings are the reason."""
    if isinstance(error, UnfinishedError):
        return f"it {error.rule}", False
    if _out_of_memory(error):
        return f"it {NO_MEMORY}", False
    if isinstance(error, SpecError):
        return str(error), True
    return f"it {FAILED}", False


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or "torch" not in sys.modules:
        return isinstance(error, MemoryError)  # nothing is loaded where nothing fits
    from core.device import is_out_of_memory

    return is_out_of_memory(error)
