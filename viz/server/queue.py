"""A queue of long computations for all visitors, which computes every result once.

Every visitor's page states which results it wants now. A job that nobody wants anymore is not
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
"""A function that `Work` calls after each piece with (pieces done, pieces in all, partial result);
it returns whether to continue."""
Work = Callable[[Report], Any]
"""A long computation: it calls `Report` after each piece and returns its result."""

PATIENCE = 90.0
"""A visitor's wish expires after this many seconds without a poll. Browsers let a page in the
background poll only once a minute."""
GRACE = 5.0
"""Seconds without a poll after which a wish expires if the visitor's connection is closed; they
suffice to reload the page or to reconnect."""
NO_MEMORY = "needs more memory than is free here; choose a smaller image or fewer layers"
FAILED = "failed here; the server's log says why"
CACHED_RESULTS = 24
"""Number of finished results that stay in memory for later requests."""
LOGGED_KEY_LENGTH = 300
"""Number of characters of a job's key in the log."""


def run_now(work: Work) -> Any:
    """Return the result of work that is computed in this thread and never stopped."""
    return work(lambda done, total, partial: True)


class UnfinishedError(SpecError):
    """A computation ended without a result, and may succeed when it is tried again.

    It is a `SpecError`, so that pages show it where they show a refusal, but it is never cached.

    Args:
        rule: The rest of a sentence that starts with "this computation".
    """

    def __init__(self, rule: str) -> None:
        super().__init__("this computation", rule, "")
        self.args = (rule,)  # unpickling calls the class with these

    def __str__(self) -> str:
        return f"{self.parameter} {self.rule}"


@dataclass(frozen=True)
class View:
    """The state of one job as a visitor sees it.

    Attributes:
        state: "waiting", "running", "done" or "failed".
        ahead: Number of jobs that come before it while it waits.
        done, total: Number of finished pieces, and of all pieces of the work.
        partial: The result so far; None before the first report.
        result: The result of a job that is done.
        error: Why the job failed, in words for the screen.
        refused: Whether its settings cannot work, so that another try would fail, too.
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
    """A computation that at least one visitor has requested.

    Attributes:
        key: Identifies the result; equal keys share one job.
        work: The computation.
        rank: The job's best position among any visitor's wishes; 0 is the most urgent.
        number: Counts jobs in the order in which they were first requested.
        state, result, error, refused: As in `View`.
        progress: The arguments of the last report.
        canceled: Whether the last report told the work to stop.
        wanted: For each visitor who wants the result, the time of their last poll in seconds.
    """

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
    wanted: dict[str, float] = field(default_factory=dict)

    @property
    def has_final_outcome(self) -> bool:
        """Whether later requests get the same outcome: a result, or a refusal."""
        return self.state == "done" or self.refused


class Jobs:
    """The queue of all jobs, with the results of finished ones; its methods are thread-safe.

    Args:
        workers: Number of jobs that run at the same time.
        patience: Seconds without a poll after which a wish expires, see `PATIENCE`.
        cached: Number of finished results in memory, see `CACHED_RESULTS`.
        connected: Function that returns whether a visitor's connection is open; it is called from
            any thread.
        grace: Seconds after which a disconnected visitor's wish expires, see `GRACE`.
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
        self._patience, self._cached, self._free_slots = patience, cached, workers
        self._lock = threading.Lock()
        self._jobs: OrderedDict[Hashable, _Job] = OrderedDict()
        self._counter = 0

    def set_wishes(self, visitor: str, works: Mapping[Hashable, Work]) -> dict[Hashable, View]:
        """Replace a visitor's wishes, most urgent first; any other wish of theirs is withdrawn.

        Returns:
            The state of each wanted job, by its key.
        """
        now = time.monotonic()
        with self._lock:
            for job in self._jobs.values():
                if job.wanted.pop(visitor, None) is not None and job.key in works:
                    job.wanted[visitor] = now  # renewed before `_forget_unwanted` drops the job
            self._forget_unwanted()
            for rank, (key, work) in enumerate(works.items()):
                self._add_wish(visitor, key, work, rank)
            self._start_jobs()
            return {key: self._view(self._jobs[key]) for key in works}

    def retry(self, key: Hashable) -> None:
        """Forget a failure, so that the next request computes it anew."""
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.state == "failed":
                del self._jobs[key]

    def _add_wish(self, visitor: str, key: Hashable, work: Work, rank: int) -> None:
        """Record that a visitor wants a job, and create the job if it does not exist."""
        job = self._jobs.get(key)
        if job is None:
            self._counter += 1
            job = self._jobs[key] = _Job(key, work, rank, self._counter)
        job.rank = min(job.rank, rank)
        job.wanted[visitor] = time.monotonic()
        self._jobs.move_to_end(key)

    def _forget_unwanted(self) -> None:
        """Forget unwanted failures, and the oldest unwanted results beyond `CACHED_RESULTS`."""
        now = time.monotonic()
        for job in self._jobs.values():
            for visitor in [
                v for v, last_seen in job.wanted.items() if self._is_gone(v, now - last_seen)
            ]:
                del job.wanted[visitor]
        unwanted = {k: j for k, j in self._jobs.items() if j.state != "running" and not j.wanted}
        for key in [k for k, j in unwanted.items() if not j.has_final_outcome]:
            del self._jobs[key]
        forgettable = [k for k, j in unwanted.items() if j.has_final_outcome]
        for key in forgettable[: max(0, len(forgettable) - self._cached)]:
            del self._jobs[key]

    def _is_gone(self, visitor: str, silence: float) -> bool:
        """Return whether a visitor has left, after ``silence`` seconds without a poll."""
        if silence > self._patience:
            return True
        return silence > self._grace and not self._connected(visitor)

    def waiting(self) -> int:
        """Return the number of visitors who wait for an unfinished job."""
        with self._lock:
            unfinished = [job for job in self._jobs.values() if job.state in ("waiting", "running")]
            return len({visitor for job in unfinished for visitor in job.wanted})

    def _waiting_jobs(self) -> list[_Job]:
        """Return the waiting jobs in the order in which they will start."""
        waiting = [job for job in self._jobs.values() if job.state == "waiting"]
        return sorted(waiting, key=lambda job: (job.rank, job.number))

    def _start_jobs(self) -> None:
        """Start a thread for as many waiting jobs as there are free slots."""
        for job in self._waiting_jobs()[: self._free_slots]:
            job.state = "running"
            self._free_slots -= 1
            threading.Thread(target=self._run, args=(job,), daemon=True).start()

    def _run(self, job: _Job) -> None:
        """Run a job in this thread, record its outcome, and start the next jobs."""

        def report(done: int, total: int, partial: Any) -> bool:
            with self._lock:
                job.progress = done, total, partial
                self._forget_unwanted()
                job.canceled = not job.wanted
                return not job.canceled

        state: State = "failed"
        result, why, refused = None, "", False
        try:
            result, state = job.work(report), "done"
        except BaseException as error:  # even SystemExit: the slot must become free
            why, refused = _failure_reason(error)
            if not (refused or job.canceled):
                name = repr(job.key)[:LOGGED_KEY_LENGTH]
                logging.getLogger(__name__).exception("this job failed: %s", name)
        with self._lock:  # in one step, so that no view is inconsistent
            job.state, job.result, job.error, job.refused = state, result, why, refused
            self._free_slots += 1
            if job.canceled:  # it was stopped, so a new wish starts it again
                del self._jobs[job.key]
                if job.wanted:
                    renewed = _Job(job.key, job.work, job.rank, job.number, wanted=job.wanted)
                    self._jobs[job.key] = renewed
            self._forget_unwanted()
            self._start_jobs()

    def _view(self, job: _Job) -> View:
        """Return the state of a job as a visitor sees it."""
        ahead = 0
        if job.state == "waiting":
            ahead = self._waiting_jobs().index(job) + sum(
                other.state == "running" for other in self._jobs.values()
            )
        done, total, partial = job.progress
        return View(job.state, ahead, done, total, partial, job.result, job.error, job.refused)


def _failure_reason(error: BaseException) -> tuple[str, bool]:
    """Return why a job failed, in words for the screen, and whether its settings are the cause."""
    if isinstance(error, UnfinishedError):
        return f"it {error.rule}", False
    if _out_of_memory(error):
        return f"it {NO_MEMORY}", False
    if isinstance(error, SpecError):
        return str(error), True
    return f"it {FAILED}", False


def _out_of_memory(error: BaseException) -> bool:
    """Return whether Python or torch ran out of memory."""
    if isinstance(error, MemoryError):
        return True
    if "torch" not in sys.modules:
        return False
    from core.device import is_out_of_memory

    return is_out_of_memory(error)
