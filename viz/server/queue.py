"""A queue of long computations for all visitors, which computes every result once.

Every visitor's page states which results it wants now. A job that nobody wants any more is not
started, or is stopped at its next report. The first wish of every visitor comes before anyone's
second. This module does not import Streamlit.
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
"""Work calls this after each piece with (done, total, partial result); returns whether to go on."""
Work = Callable[[Report], Any]

PATIENCE = 90.0
"""A visitor's wish expires after this many seconds without a poll. Browsers let a page in the
background poll only once a minute."""
GRACE = 5.0
"""As `PATIENCE`, for a visitor whose connection is closed. It leaves time to reload the page or to
reconnect."""
NO_MEMORY = "needs more memory than is free here; choose a smaller image or fewer layers"
FAILED = "failed here; the server's log says why"
CACHED_RESULTS = 24
"""How many finished results stay in memory for later requests."""
LOGGED = 300
"""How many characters of a job's key are logged."""


def run_now(work: Work) -> Any:
    """The result of a piece of work, computed in this thread and never stopped."""
    return work(lambda done, total, partial: True)


class UnfinishedError(SpecError):
    """A computation ended without a result, and may succeed when it is tried again.

    It is a `SpecError`, so that pages show it where they show a refusal, but it is never cached.

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
    """The state of one job as a visitor sees it.

    Attributes:
        state: waiting, running, done or failed.
        ahead: how many jobs come before it while it waits.
        done, total: pieces of the work.
        partial: the result so far; None before the first report.
        result: the result of a job that is done.
        error: why the job failed, in words for the screen.
        refused: whether its settings cannot work, so that another try would fail too.
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
    canceled: bool = False

    @property
    def lasting(self) -> bool:
        """Whether later requests get the same outcome: a result, or a refusal."""
        return self.state == "done" or self.refused

    wanted: dict[str, float] = field(default_factory=dict)  # visitor → last sign


class Jobs:
    """The queue.

    Args:
        workers: how many jobs run at the same time.
        patience: see `PATIENCE`.
        kept: see `CACHED_RESULTS`.
        connected: whether a visitor's connection is open; called from any thread.
        grace: see `GRACE`.
    """

    def __init__(
        self,
        workers: int = 1,
        patience: float = PATIENCE,
        cached: int = CACHED_RESULTS,
        connected: Callable[[str], bool] = lambda visitor: True,
        grace: float = GRACE,
    ) -> None:
        self._connected, self._grace = connected, grace
        self._patience, self._cached, self._free = patience, cached, workers
        self._lock = threading.Lock()
        self._jobs: OrderedDict[Hashable, _Job] = OrderedDict()
        self._counter = 0

    def set_wishes(self, visitor: str, works: Mapping[Hashable, Work]) -> dict[Hashable, View]:
        """Replace a visitor's wishes, most urgent first; any other wish of theirs is withdrawn.

        Returns:
            the state of each wanted job.
        """
        now = time.monotonic()
        with self._lock:
            for job in self._jobs.values():
                if job.wanted.pop(visitor, None) is not None and job.key in works:
                    job.wanted[visitor] = now  # before `_drop`, which forgets unwanted jobs
            self._drop()
            for rank, (key, work) in enumerate(works.items()):
                self._join(visitor, key, work, rank)
            self._start()
            return {key: self._view(self._jobs[key]) for key in works}

    def retry(self, key: Hashable) -> None:
        """Forget a failure, so that the next request computes it anew."""
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
        """Forget unwanted failures, and the oldest unwanted results beyond `CACHED_RESULTS`."""
        now = time.monotonic()
        for job in self._jobs.values():
            for visitor in [v for v, seen in job.wanted.items() if self._has_left(v, now - seen)]:
                del job.wanted[visitor]
        unwanted = {k: j for k, j in self._jobs.items() if j.state != "running" and not j.wanted}
        for key in [k for k, j in unwanted.items() if not j.lasting]:
            del self._jobs[key]
        over = [k for k, j in unwanted.items() if j.lasting]
        for key in over[: max(0, len(over) - self._cached)]:
            del self._jobs[key]

    def _has_left(self, visitor: str, silence: float) -> bool:
        if silence > self._patience:
            return True
        return silence > self._grace and not self._connected(visitor)

    def waiting(self) -> int:
        """How many visitors wait for an unfinished job."""
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
                job.canceled = not job.wanted
                return not job.canceled

        state: State = "failed"
        result, why, refused = None, "", False
        try:
            result, state = job.work(report), "done"
        except BaseException as error:  # even SystemExit: the slot must become free
            why, refused = _reason(error)
            if not (refused or job.canceled):
                name = repr(job.key)[:LOGGED]
                logging.getLogger(__name__).exception("this job failed: %s", name)
        with self._lock:  # in one step, so that no view is inconsistent
            job.state, job.result, job.error, job.refused = state, result, why, refused
            self._free += 1
            if job.canceled:  # it was stopped, so a new wish starts it again
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
    """Why a job failed, in words for the screen, and whether its settings are the cause."""
    if isinstance(error, UnfinishedError):
        return f"it {error.rule}", False
    if _out_of_memory(error):
        return f"it {NO_MEMORY}", False
    if isinstance(error, SpecError):
        return str(error), True
    return f"it {FAILED}", False


def _out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError) or "torch" not in sys.modules:
        return isinstance(
            error, MemoryError
        )  # without torch only Python itself can run out of memory
    from core.device import is_out_of_memory

    return is_out_of_memory(error)
