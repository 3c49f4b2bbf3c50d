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
CallMode = Literal["call", "work", "stream"]
"""How a worker runs a function: "call" returns its result, "work" runs the `Work` that it returns,
and "stream" reports each value of the generator that it returns."""
IDLE_S = 300.0
"""An idle worker ends after this many seconds, which frees its memory."""
NICENESS = 10
"""`nice` increment of queue workers, so that the web process wins when both want the CPU."""
ANSWER_S = 120.0
"""Time-out in seconds of a call for which a visitor's page waits."""


class WorkerEndedError(UnfinishedError):
    """A worker process ended before its call was finished."""

    def __init__(self, rule: str = FAILED) -> None:
        super().__init__(rule)


class WorkerKilledError(WorkerEndedError, MemoryError):
    """The worker was killed from outside, as an operating system does when memory runs out."""

    def __init__(self, rule: str = NO_MEMORY) -> None:
        super().__init__(rule)


class WorkerTimeoutError(WorkerEndedError):
    """The worker exceeded its time-out, so this module killed it."""

    def __init__(self, rule: str = "") -> None:
        super().__init__(
            rule or "took too long and was stopped; choose a smaller image or fewer layers"
        )


class WorkersBusyError(UnfinishedError):
    """No worker became free within the time-out."""

    def __init__(
        self, rule: str = "waits for others that take long here; try again in a minute"
    ) -> None:
        super().__init__(rule)


def report_timeout_s() -> float:
    """Return the time-out in seconds between two reports of a long computation.

    It allows for the largest piece of work on a slow core, which computes 10⁹ multiply–accumulates
    per second.
    """
    return ANSWER_S + settings().gmacs


class Worker:
    """One worker process, which runs one call at a time.

    Args:
        niceness: `nice` increment of the process.

    Attributes:
        call_unfinished: Whether a call is unfinished, so that the next message belongs to it.
        timed_out: Whether `run_function` killed the process because of a time-out.
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
        self._requests, self._responses = self._process.stdin, self._process.stdout
        self.call_unfinished = self.timed_out = False

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def run_function(
        self, limit: float, mode: CallMode, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Generator[tuple[Any, ...], bool | None, Any]:
        """Run a function; a generator that yields its reports and returns its result.

        After each report the generator must be sent whether the function shall continue.

        Args:
            limit: Time-out in seconds for each message.
            mode: How the function is run.
            name: Name of the function, ``package.module:name``.
            args, kwargs: Arguments of the function.

        Raises:
            WorkerTimeoutError: No message came for ``limit`` seconds.
        """
        self.call_unfinished = True
        message: Any = (name, args, kwargs, mode)
        while True:
            kind, value = self._send_and_receive(message, limit)
            if kind == "report":
                message = yield value
                continue
            self.call_unfinished = False
            if kind == "error":
                raise value
            return value

    def _send_and_receive(self, message: Any, limit: float) -> Any:
        """Send a message and return the worker's reply."""
        timer = Timer(limit, self._kill_after_timeout)
        timer.daemon = True
        timer.start()
        try:
            self._send(message)
            return self._receive()
        finally:
            timer.cancel()

    def _kill_after_timeout(self) -> None:
        """Kill the process because it exceeded its time-out."""
        self.timed_out = True
        self._process.kill()

    def _send(self, message: Any) -> None:
        """Send a message; raise `WorkerEndedError` if the process has ended."""
        try:
            pickle.dump(message, self._requests, pickle.HIGHEST_PROTOCOL)
            self._requests.flush()
        except BrokenPipeError:
            raise self._error_after_end() from None

    def _receive(self) -> Any:
        """Return the next message; raise `WorkerEndedError` if the process has ended."""
        try:
            return pickle.load(self._responses)
        except EOFError:
            raise self._error_after_end() from None

    def _error_after_end(self) -> WorkerEndedError:
        """Wait for the end of the process and return the error that says why it ended."""
        code = self._process.wait()
        if self.timed_out:
            return WorkerTimeoutError()
        return WorkerKilledError() if code == -getattr(signal, "SIGKILL", 0) else WorkerEndedError()

    def end(self) -> None:
        """Kill the process at once."""
        self._process.kill()
        self._process.communicate()


class Pool:
    """A pool of worker processes; its methods are thread-safe.

    Args:
        max_workers: Number of workers that run at a time; further calls wait for one to become free.
        niceness: `nice` increment of the workers.
        idle: Seconds after which an idle worker ends; None means never.
        limit: Time-out in seconds for a worker's next message, after which it is killed, and for a
            worker to become free.
    """

    def __init__(
        self,
        max_workers: int,
        niceness: int = NICENESS,
        idle: float | None = IDLE_S,
        limit: float = ANSWER_S,
    ) -> None:
        self._slots, self._niceness, self._idle = BoundedSemaphore(max_workers), niceness, idle
        self._limit = limit
        self._lock = Lock()
        self._idle_workers: dict[Worker, Timer | None] = {}

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """Call the function ``package.module:name`` in a worker; return its result.

        Raises:
            UnfinishedError: The worker ended or took too long, or none became free.
            Exception: Any exception of the function itself.
        """
        return self._run(lambda *progress: True, "call", name, args, kwargs)

    def work(self, name: str, *args: Any, **kwargs: Any) -> Work:
        """Return work for the queue that runs, in a worker, the work that a function returns."""
        return lambda report: self._run(report, "work", name, args, kwargs)

    def _run(self, report: Callable[..., bool], *request: Any) -> Any:
        """Run a request in a worker; ``request`` are the arguments of `Worker.run_function`."""
        with self._worker() as worker:
            messages, may_continue = worker.run_function(self._limit, *request), None
            try:
                while True:
                    may_continue = report(*messages.send(may_continue))
            except StopIteration as end:
                return end.value

    def stream(self, name: str, *args: Any) -> Iterator[Any]:
        """Iterate over a generator that runs in a worker.

        Closing this iterator stops the generator at its next value.
        """
        with self._worker() as worker:
            messages = worker.run_function(self._limit, "stream", name, args, {})
            try:
                report = next(messages)
                while True:
                    yield report[0]
                    report = messages.send(True)
            except StopIteration:
                return
            except GeneratorExit:
                with suppress(StopIteration):
                    messages.send(False)
                raise

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        """Return a context manager that lends an idle worker, or a new one if none is idle."""
        if not self._slots.acquire(timeout=self._limit):
            raise WorkersBusyError
        try:
            worker = self._take_idle() or Worker(self._niceness)
            try:
                yield worker
            finally:
                if worker.call_unfinished:  # its next message would belong to the abandoned call
                    worker.end()
                else:
                    self._put_idle(worker)
        finally:
            self._slots.release()

    def _take_idle(self) -> Worker | None:
        """Remove and return an idle worker that still runs; None if there is none."""
        with self._lock:
            while self._idle_workers:
                worker, timer = self._idle_workers.popitem()
                if timer:
                    timer.cancel()
                if worker.alive:
                    return worker
        return None

    def _put_idle(self, worker: Worker) -> None:
        """Make a worker available, and start the timer that ends it when it stays idle."""
        timer = None
        if self._idle is not None:
            timer = Timer(self._idle, self._end_if_idle, [worker])
            timer.daemon = True
            timer.start()
        with self._lock:
            self._idle_workers[worker] = timer

    def _end_if_idle(self, worker: Worker) -> None:
        """End a worker if it is still idle."""
        with self._lock:
            was_idle = self._idle_workers.pop(worker, None) is not None
        if was_idle:
            worker.end()

    def close(self) -> None:
        """End all idle workers."""
        while worker := self._take_idle():
            worker.end()


@cache
def training_pool() -> Pool:
    """Return the pool for training runs, made on first use.

    Servers without the other pools have it too.
    """
    return Pool(settings().training_slots, limit=report_timeout_s())


def stream(function: str, *args: Any) -> Iterator[Any]:
    """Iterate over a generator function ``package.module:name`` in a worker process for training.

    Raises:
        UnfinishedError: The process ended or took too long.
        Exception: Any exception of the function itself.
    """
    return training_pool().stream(function, *args)


@dataclass
class _WorkerPools:
    """The worker pools of this process, None until `open_worker_pools` opens them.

    Attributes:
        analysis: For calls of functions that `in_worker` decorates.
        queue: For the work of functions that `queued` decorates.
    """

    analysis: Pool | None = None
    queue: Pool | None = None


_pools = _WorkerPools()


def open_worker_pools() -> None:
    """Open the worker pools that the settings ask for; called once when a server starts."""
    chosen = settings()
    if chosen.workers:
        _pools.analysis = Pool(chosen.workers, niceness=0, idle=None)
        _pools.queue = Pool(chosen.queue_workers, limit=report_timeout_s())
        _pools.analysis.call("viz.server.torch_start:warm")


def in_worker(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that a worker process runs it, or this process if there are none."""
    name = f"{function.__module__}:{function.__qualname__}"

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        pool = _pools.analysis
        if pool is None:
            return function(*args, **kwargs)
        try:
            result: R = pool.call(name, *args, **kwargs)
        except (WorkerKilledError, WorkerTimeoutError) as error:
            # Usually this call is the cause, so it would end another worker, too.
            logging.getLogger(__name__).warning("a worker's %s: %s", name, error)
            raise
        except WorkerEndedError as error:
            # The cause lies elsewhere, so another worker tries the call.
            logging.getLogger(__name__).warning("a worker's %s: %s", name, error)
            result = pool.call(name, *args, **kwargs)
        return result

    return call


def queued(make: Callable[P, Work]) -> Callable[P, Work]:
    """Decorate a function that returns work, so that a queue worker, if any, runs the work."""
    name = f"{make.__module__}:{make.__qualname__}"

    @wraps(make)
    def submit(*args: P.args, **kwargs: P.kwargs) -> Work:
        def run(report: Report) -> Any:
            pool = _pools.queue
            work = make(*args, **kwargs) if pool is None else pool.work(name, *args, **kwargs)
            return work(report)

        return run

    return submit
