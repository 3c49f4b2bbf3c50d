"""Worker processes, which run heavy computations outside the web process.

Only one thread of a Python process runs at a time, so ten milliseconds of Python for one visitor
are ten that all others wait. Long computations are sent to processes of lower priority instead.
They are started when first needed, reused, and end when they have been idle for a while or the
server is gone.

Functions are passed by name, arguments and results as pickles. These travel only between a server
and its own child processes; nothing that a visitor sends is unpickled.
"""

from __future__ import annotations

import logging
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, wraps
from threading import BoundedSemaphore, Lock, Timer
from typing import Any, Literal, ParamSpec, TypeVar

from viz.server.queue import FAILED, NO_MEMORY, Report, UnfinishedError, Work
from viz.server.settings import settings

P = ParamSpec("P")
R = TypeVar("R")
Way = Literal["call", "work", "stream"]
"""How a worker runs a function: for its result, as work that reports, or as a generator."""
IDLE = 300.0
"""An idle worker ends after this many seconds, which frees its memory."""
NICENESS = 10
"""`nice` increment of queue workers, so that the web process wins when both want the CPU."""
ANSWER_S = 120.0
"""Time-out in seconds of a call for which a visitor's page waits."""


class GoneError(UnfinishedError):
    """A worker process ended in the middle of its work."""

    def __init__(self, rule: str = FAILED) -> None:
        super().__init__(rule)


class KilledError(GoneError, MemoryError):
    """The worker was killed from outside, which a system does when it runs out of memory."""

    def __init__(self, rule: str = NO_MEMORY) -> None:
        super().__init__(rule)


class LateError(GoneError):
    """The worker was killed by this module because it exceeded its time-out."""

    def __init__(self, rule: str = "") -> None:
        super().__init__(
            rule or "took too long and was stopped; choose a smaller image or fewer layers"
        )


class BusyError(UnfinishedError):
    """No worker became free within the time-out."""

    def __init__(
        self, rule: str = "waits for others that take long here; try again in a minute"
    ) -> None:
        super().__init__(rule)


def silence_s() -> float:
    """Time-out in seconds between two reports of a long computation.

    It allows for the largest piece of work on a slow core, which does 10⁹ multiply–accumulates a
    second.
    """
    return ANSWER_S + settings().gmacs


class Worker:
    """One worker process, which runs one call at a time.

    Attributes:
        talking: whether a call is unfinished, so that its next message belongs to that call.
        late: whether `converse` killed the process because of a time-out.
    """

    def __init__(self, niceness: int) -> None:
        here = os.pathsep.join(path or os.getcwd() for path in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "viz.server.process_main", str(niceness)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": here, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C reaches only the server; the worker ends with it
        )
        assert self._process.stdin
        assert self._process.stdout
        self._questions, self._answers = self._process.stdin, self._process.stdout
        self.talking = self.late = False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def converse(
        self, limit: float, way: Way, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Generator[tuple[Any, ...], bool | None, Any]:
        """Run a function: yields its reports, is sent whether to go on, and returns the result.

        Raises:
            LateError: no message came for ``limit`` seconds.
        """
        self.talking = True
        message: Any = (name, args, kwargs, way)
        while True:
            kind, value = self._answer(message, limit)
            if kind == "report":
                message = yield value
                continue
            self.talking = False
            if kind == "error":
                raise value
            return value

    def _answer(self, message: Any, limit: float) -> Any:
        """Send a message and return the worker's reply."""
        clock = Timer(limit, self._overdue)
        clock.daemon = True
        clock.start()
        try:
            self._send(message)
            return self._receive()
        finally:
            clock.cancel()

    def _overdue(self) -> None:
        self.late = True
        self._process.kill()

    def _send(self, message: Any) -> None:
        try:
            pickle.dump(message, self._questions, pickle.HIGHEST_PROTOCOL)
            self._questions.flush()
        except BrokenPipeError:
            raise self._end_error() from None

    def _receive(self) -> Any:
        try:
            return pickle.load(self._answers)
        except EOFError:
            raise self._end_error() from None

    def _end_error(self) -> GoneError:
        code = self._process.wait()
        if self.late:
            return LateError()
        return KilledError() if code == -getattr(signal, "SIGKILL", 0) else GoneError()

    def end(self) -> None:
        """Kill the process at once."""
        self._process.kill()
        self._process.communicate()


class Pool:
    """A pool of workers for one kind of work.

    Args:
        most: how many workers run at a time; further calls wait for one to become free.
        niceness: `nice` increment of the workers.
        idle: see `IDLE`; None means that idle workers never end.
        limit: time-out in seconds for a worker's next message, after which it is killed and
            replaced, and for a worker to become free.
    """

    def __init__(
        self,
        most: int,
        niceness: int = NICENESS,
        idle: float | None = IDLE,
        limit: float = ANSWER_S,
    ) -> None:
        self._turns, self._niceness, self._idle = BoundedSemaphore(most), niceness, idle
        self._limit = limit
        self._lock = Lock()
        self._idle_workers: dict[Worker, Timer | None] = {}

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call the function ``package.module:name`` in a worker; returns or raises what it does.

        Raises:
            UnfinishedError: the worker died or took too long, or none became free.
        """
        return self._run(lambda *progress: True, "call", name, args, kwargs)

    def work(self, name: str, *args: Any, **kwargs: Any) -> Work:
        """The work that a function returns, as work for the queue that a worker runs."""
        return lambda report: self._run(report, "work", name, args, kwargs)

    def _run(self, report: Callable[..., bool], *request: Any) -> Any:
        with self._worker() as worker:
            talk, goes_on = worker.converse(self._limit, *request), None
            try:
                while True:
                    goes_on = report(*talk.send(goes_on))
            except StopIteration as end:
                return end.value

    def stream(self, name: str, *args: Any) -> Iterator[Any]:
        """Iterate over a generator function that runs in a worker; closing stops it at its next value."""
        with self._worker() as worker:
            talk = worker.converse(self._limit, "stream", name, args, {})
            try:
                report = next(talk)
                while True:
                    yield report[0]
                    report = talk.send(True)
            except StopIteration:
                return
            except GeneratorExit:
                with suppress(StopIteration):
                    talk.send(False)
                raise

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        """An idle worker, or a new one if none is idle."""
        if not self._turns.acquire(timeout=self._limit):
            raise BusyError
        try:
            worker = self._take_idle() or Worker(self._niceness)
            try:
                yield worker
            finally:
                if worker.talking:  # its next message would belong to the abandoned call
                    worker.end()
                else:
                    self._put_idle(worker)
        finally:
            self._turns.release()

    def _take_idle(self) -> Worker | None:
        with self._lock:
            while self._idle_workers:
                worker, timer = self._idle_workers.popitem()
                if timer:
                    timer.cancel()
                if worker.alive:
                    return worker
        return None

    def _put_idle(self, worker: Worker) -> None:
        timer = None
        if self._idle is not None:
            timer = Timer(self._idle, self._retire, [worker])
            timer.daemon = True
            timer.start()
        with self._lock:
            self._idle_workers[worker] = timer

    def _retire(self, worker: Worker) -> None:
        with self._lock:
            was_idle = self._idle_workers.pop(worker, None) is not None
        if was_idle:
            worker.end()

    def close(self) -> None:
        """End the idle workers."""
        while worker := self._take_idle():
            worker.end()


@cache
def trainers() -> Pool:
    """The pool for training runs; it exists with and without the other pools."""
    return Pool(settings().training_slots, limit=silence_s())


def stream(function: str, *args: Any) -> Iterator[Any]:
    """Iterate over a generator function ``package.module:name`` in a worker process for training.

    Raises:
        UnfinishedError: the process died or took too long.
        Exception: any exception of the function itself.
    """
    return trainers().stream(function, *args)


@dataclass
class _WorkerPools:
    """The pools of this process; both are None unless `open_worker_pools` opened them."""

    analysis: Pool | None = None
    queue: Pool | None = None


_pools = _WorkerPools()


def open_worker_pools() -> None:
    """Open the pools, if the settings ask for some, when a server starts."""
    chosen = settings()
    if chosen.workers:
        _pools.analysis = Pool(chosen.workers, niceness=0, idle=None)
        _pools.queue = Pool(chosen.queue_workers, limit=silence_s())
        _pools.analysis.call("viz.server.torch_start:warm")


def in_worker(function: Callable[P, R]) -> Callable[P, R]:
    """Runs the function in a worker process if there are some, otherwise in this process."""
    name = f"{function.__module__}:{function.__qualname__}"

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        pool = _pools.analysis
        if pool is None:
            return function(*args, **kwargs)
        try:
            result: R = pool.call(name, *args, **kwargs)
        except (
            KilledError,
            LateError,
        ) as error:  # usually this call is the cause and would kill another worker
            logging.getLogger(__name__).warning("a worker's %s: %s", name, error)
            raise
        except GoneError as error:  # the cause lies elsewhere, so another worker is tried
            logging.getLogger(__name__).warning("a worker's %s: %s", name, error)
            result = pool.call(name, *args, **kwargs)
        return result

    return call


def queued(make: Callable[P, Work]) -> Callable[P, Work]:
    """Has the work that ``make`` returns run in a queue worker if there are some."""
    name = f"{make.__module__}:{make.__qualname__}"

    @wraps(make)
    def submit(*args: P.args, **kwargs: P.kwargs) -> Work:
        def run(report: Report) -> Any:
            pool = _pools.queue
            work = make(*args, **kwargs) if pool is None else pool.work(name, *args, **kwargs)
            return work(report)

        return run

    return submit
