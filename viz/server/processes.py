"""Worker processes: heavy computations beside the server, not in its interpreter.

One thread of a Python process runs at a time: ten milliseconds of Python for one visitor are ten
that all others wait. What takes long is sent to processes of lower priority instead. They are
started when first needed, used again, and end when they have had nothing to do for a while or the
server is gone.

Functions are named, arguments and results are pickled: all of it our own, between a server and its
children. Nothing that a visitor sends is unpickled.
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
IDLE = 300.0
"""Seconds without work after which a worker ends, and its memory is free again."""
NICENESS = 10
"""Of what takes seconds: the server comes first wherever a core is wanted by both."""
ANSWER_S = 120.0
"""Seconds in which a question is answered for which a visitor's page waits."""


class GoneError(UnfinishedError):
    """A worker process ended in the middle of its work."""

    def __init__(self, rule: str = FAILED) -> None:
        super().__init__(rule)


class KilledError(GoneError, MemoryError):
    """It was killed. A system that runs out of memory does that; nothing else here does."""

    def __init__(self, rule: str = NO_MEMORY) -> None:
        super().__init__(rule)


class LateError(GoneError):
    """It was killed here, as nothing had come from it for too long."""

    def __init__(self, rule: str = "") -> None:
        super().__init__(
            rule or "took too long and was stopped; choose a smaller image or fewer layers"
        )


class BusyError(UnfinishedError):
    """No worker has become free for too long."""

    def __init__(
        self, rule: str = "waits for others that take long here; try again in a minute"
    ) -> None:
        super().__init__(rule)


def silence_s() -> float:
    """Seconds in which a long computation makes its next report: as long as the largest piece of
    work may take on a slow core, a thousand million multiply–accumulates a second."""
    return ANSWER_S + settings().gmacs


class Worker:
    """One process, for one conversation at a time.

    Attributes:
        talking: in the middle of one; what comes next from it belongs to that.
        late: killed by `converse`, which has waited for too long.
    """

    def __init__(self, niceness: int) -> None:
        here = os.pathsep.join(path or os.getcwd() for path in sys.path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "viz.server.process_main", str(niceness)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": here, "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is the server's; its end is the worker's, too
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
        """Yields every report, is sent whether to go on, returns the result.

        Raises:
            LateError: neither has come for ``limit`` seconds.
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
        """What comes back for a message."""
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
            raise self._lost() from None

    def _receive(self) -> Any:
        try:
            return pickle.load(self._answers)
        except EOFError:
            raise self._lost() from None

    def _lost(self) -> GoneError:
        code = self._process.wait()
        if self.late:
            return LateError()
        return KilledError() if code == -getattr(signal, "SIGKILL", 0) else GoneError()

    def end(self) -> None:
        """At once, whatever it does."""
        self._process.kill()
        self._process.communicate()


class Pool:
    """Workers for one kind of work.

    Args:
        most: at a time; who comes when all are at work waits.
        niceness: added to the server's own.
        idle: see `IDLE`; None: they stay.
        limit: seconds without an answer or a report after which a worker is killed, and replaced;
            also without a free worker.
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
        self._resting: dict[Worker, Timer | None] = {}

    def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        """What the function ``package.module:name`` returns, or raises.

        Raises:
            UnfinishedError: its worker died or took too long, or none has become free.
        """
        return self._run(lambda *told: True, "call", name, args, kwargs)

    def work(self, name: str, *args: Any, **kwargs: Any) -> Work:
        """What this function makes for the queue, done by a worker."""
        return lambda report: self._run(report, "work", name, args, kwargs)

    def _run(self, report: Callable[..., bool], *asked: Any) -> Any:
        with self._worker() as worker:
            talk, goes_on = worker.converse(self._limit, *asked), None
            try:
                while True:
                    goes_on = report(*talk.send(goes_on))
            except StopIteration as end:
                return end.value

    def stream(self, name: str, *args: Any) -> Iterator[Any]:
        """What this generator function yields; close it to stop it at its next value."""
        with self._worker() as worker:
            talk = worker.converse(self._limit, "stream", name, args, {})
            try:
                told = next(talk)
                while True:
                    yield told[0]
                    told = talk.send(True)
            except StopIteration:
                return
            except GeneratorExit:
                with suppress(StopIteration):
                    talk.send(False)
                raise

    @contextmanager
    def _worker(self) -> Iterator[Worker]:
        """One that rests, or else a new one."""
        if not self._turns.acquire(timeout=self._limit):
            raise BusyError
        try:
            worker = self._woken() or Worker(self._niceness)
            try:
                yield worker
            finally:
                if worker.talking:  # what it says next belongs to nobody
                    worker.end()
                else:
                    self._lay_down(worker)
        finally:
            self._turns.release()

    def _woken(self) -> Worker | None:
        with self._lock:
            while self._resting:
                worker, timer = self._resting.popitem()
                if timer:
                    timer.cancel()
                if worker.alive:
                    return worker
        return None

    def _lay_down(self, worker: Worker) -> None:
        timer = None
        if self._idle is not None:
            timer = Timer(self._idle, self._retire, [worker])
            timer.daemon = True
            timer.start()
        with self._lock:
            self._resting[worker] = timer

    def _retire(self, worker: Worker) -> None:
        with self._lock:
            resting = self._resting.pop(worker, None) is not None
        if resting:
            worker.end()

    def close(self) -> None:
        """End those that rest."""
        while worker := self._woken():
            worker.end()


@cache
def trainers() -> Pool:
    """For training runs: on a server and at home."""
    return Pool(settings().training_slots, limit=silence_s())


def stream(function: str, *args: Any) -> Iterator[Any]:
    """What a generator function ``package.module:name`` yields in a worker process for training.

    Raises:
        UnfinishedError: the process has died, or has taken too long.
        whatever the function raises.
    """
    return trainers().stream(function, *args)


@dataclass
class _Beside:
    """The pools of a server; a computer with one visitor has none, and starts nothing."""

    analysts: Pool | None = None
    queue: Pool | None = None


_beside = _Beside()


def open_beside() -> None:
    """Have what is `beside` and `queued` done by worker processes from now on: a server's start."""
    chosen = settings()
    if chosen.analysts:
        _beside.analysts = Pool(chosen.analysts, niceness=0, idle=None)
        _beside.queue = Pool(chosen.queue_workers, limit=silence_s())
        _beside.analysts.call("viz.server.torch_start:warm")


def beside(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose answer a worker finds where there are any."""
    name = f"{function.__module__}:{function.__qualname__}"

    @wraps(function)
    def ask(*args: P.args, **kwargs: P.kwargs) -> R:
        pool = _beside.analysts
        if pool is None:
            return function(*args, **kwargs)
        try:
            found: R = pool.call(name, *args, **kwargs)
        except (KilledError, LateError) as error:  # by this question, as a rule: it killed one
            logging.getLogger(__name__).warning("a worker's %s: %s", name, error)
            raise
        except GoneError as error:  # by something else: another worker can answer it
            logging.getLogger(__name__).warning("a worker's %s: %s", name, error)
            found = pool.call(name, *args, **kwargs)
        return found

    return ask


def queued(make: Callable[P, Work]) -> Callable[P, Work]:
    """What makes something for the queue, done by a worker where there are any."""
    name = f"{make.__module__}:{make.__qualname__}"

    @wraps(make)
    def made(*args: P.args, **kwargs: P.kwargs) -> Work:
        def run(report: Report) -> Any:
            pool = _beside.queue
            work = make(*args, **kwargs) if pool is None else pool.work(name, *args, **kwargs)
            return work(report)

        return run

    return made
