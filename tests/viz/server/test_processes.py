"""Worker processes: they answer as the function itself would, stop when told, and leave nothing."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from core.errors import SpecError
from tests.polling import until
from viz.server import processes
from viz.server.processes import Pool, in_worker, queued
from viz.server.queue import Report, UnfinishedError, Work

WAIT_S = 60.0
HERE = __name__


# What the workers are asked to do.


def double(number: int, *, plus: int = 0) -> int:
    print("a library that prints must not spoil the answer")
    return 2 * number + plus


def who() -> int:
    return os.getpid()


def refuse(number: int) -> None:
    raise SpecError("stride", "must be at least 1", number)


class OddError(Exception):
    """Comes back from a pickle as a failure of its own."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def odd() -> None:
    raise OddError(1, 2)


def unspeakable() -> Callable[[], None]:
    return lambda: None


def die(how: int) -> None:
    os.kill(os.getpid(), how)


def count(last: int, told: str) -> Iterator[int]:
    """Says in a file when it is closed."""
    try:
        yield from range(last)
    finally:
        with open(told, "a") as file:
            file.write("closed")


def pieces(last: int) -> Work:
    def run(report: Report) -> str:
        done = 0
        while done < last and report(done, last, who()):
            done += 1
        return f"{done} of {last}"

    return run


def told_by(*parts: object) -> str:
    return f"{os.getpid()} {parts}"


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(2)
    yield made
    made.close()


def name(function: Callable[..., Any]) -> str:
    return f"{HERE}:{function.__name__}"


def test_a_function_answers_from_another_process_of_low_priority(pool: Pool) -> None:
    assert pool.call(name(double), 3, plus=1) == 7
    worker = pool.call(name(who))
    assert worker != os.getpid()
    assert pool.call(name(who)) == worker, "it is used again"
    if hasattr(os, "getpriority"):
        usual = os.getpriority(os.PRIO_PROCESS, 0)
        there = os.getpriority(os.PRIO_PROCESS, worker)
        assert there == min(19, usual + processes.NICENESS)


def test_its_errors_are_ours_and_it_goes_on(pool: Pool) -> None:
    worker = pool.call(name(who))
    with pytest.raises(SpecError, match="stride must be at least 1 \\(got 0\\)") as caught:
        pool.call(name(refuse), 0)
    assert (caught.value.parameter, caught.value.value) == ("stride", 0)
    with pytest.raises(RuntimeError, match="Odd"):
        pool.call(name(odd))
    with pytest.raises(Exception, match="pickle"):
        pool.call(name(unspeakable))
    assert pool.call(name(who)) == worker


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("how", "error", "said"),
    [
        (signal.SIGKILL, MemoryError, "this computation needs more memory than is free here"),
        (signal.SIGTERM, processes.WorkerEndedError, "this computation failed here"),
    ],
)
def test_one_that_dies_is_replaced(pool: Pool, how: int, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said) as caught:
        pool.call(name(die), int(how))
    assert isinstance(caught.value, SpecError), "pages show it beside the control"
    assert pool.call(name(double), 1) == 2


def test_one_that_died_at_rest_is_replaced(pool: Pool) -> None:
    worker = pool.call(name(who))
    os.kill(worker, signal.SIGTERM)
    until(lambda: not alive(worker))
    assert pool.call(name(who)) != worker


@in_worker
def frail(told: str, how: int) -> int:
    """Dies the first time."""
    with open(told, "a") as file:
        file.write("x")
    if Path(told).read_text() == "x":
        die(how)
    return 7


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_question_whose_worker_ends_is_asked_again_but_not_one_that_has_killed_it(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processes, "_pools", processes._WorkerPools(analysis=pool))
    assert frail(str(tmp_path / "ended"), int(signal.SIGTERM)) == 7
    with pytest.raises(UnfinishedError, match="memory"):
        frail(str(tmp_path / "killed"), int(signal.SIGKILL))
    assert (tmp_path / "killed").read_text() == "x", "no second worker dies of it"
    assert [f"{HERE}:frail" in record.getMessage() for record in caplog.records] == [True, True]


def deaf(told: str) -> None:
    """Hangs as native code does: deaf to everything."""
    with open(told, "a") as file:
        file.write(f"{os.getpid()}\n")
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP})
    time.sleep(10 * WAIT_S)


def deaf_after(reports: int, told: str) -> Work:
    def run(report: Report) -> None:
        for done in range(reports):
            report(done, reports, None)
        deaf(told)

    return run


def deaf_stream(told: str) -> Iterator[int]:
    yield 1
    deaf(told)


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize("way", ["call", "beside", "work", "stream"])
def test_one_that_hangs_is_killed_and_replaced(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, told = Pool(1, limit=WAIT_S), tmp_path / "told"
    assert pool.call(name(double), 1) == 2, "one is there"
    seen: list[Any] = []

    def report(*each: Any) -> bool:
        seen.append(each)
        return True

    asked: dict[str, Callable[[], Any]] = {
        "call": lambda: pool.call(name(deaf), str(told)),
        "beside": lambda: in_worker(deaf)(str(told)),
        "work": lambda: pool.work(name(deaf_after), 2, str(told))(report),
        "stream": lambda: seen.extend(pool.stream(name(deaf_stream), str(told))),
    }
    monkeypatch.setattr(processes, "_pools", processes._WorkerPools(analysis=pool))
    pool._limit = 0.5
    with pytest.raises(processes.WorkerTimeoutError, match="took too long and was stopped"):
        asked[way]()
    pool._limit = WAIT_S
    assert len(seen) == {"work": 2, "stream": 1}.get(way, 0)
    (process,) = told.read_text().split()  # it is not asked again
    assert not alive(int(process))
    assert pool.call(name(double), 1) == 2
    pool.close()


def test_whoever_finds_no_worker_free_is_told_so() -> None:
    pool, reported, go_on = Pool(1, limit=WAIT_S), Event(), Event()

    def report(*told: Any) -> bool:
        reported.set()
        go_on.wait(WAIT_S)
        pool._limit = WAIT_S
        return False

    with ThreadPoolExecutor(1) as other:
        first = other.submit(lambda: pool.work(name(pieces), 9)(report))
        assert reported.wait(WAIT_S)
        pool._limit = 0.05
        with pytest.raises(processes.WorkersBusyError, match="try again in a minute"):
            pool.call(name(who))
        go_on.set()
        first.result()
    pool.close()


@pytest.mark.parametrize(
    "error",
    [
        processes.WorkerKilledError(),
        processes.WorkerTimeoutError(),
        processes.WorkersBusyError(),
        UnfinishedError("is late"),
    ],
)
def test_what_was_not_finished_survives_the_way_through_a_pipe(error: UnfinishedError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (type(error), str(error))
    assert str(error) == f"this computation {error.rule}"


def alive(process: int) -> bool:
    """A child that has ended, and was not yet asked for its status, is gone too."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_generator_is_followed_and_closed(pool: Pool, tmp_path: Path) -> None:
    told = tmp_path / "told"
    assert list(pool.stream(name(count), 5, str(told))) == [0, 1, 2, 3, 4]
    assert told.read_text() == "closed"
    worker = pool.call(name(who))
    stream = pool.stream(name(count), 10**9, str(told))
    assert [next(stream), next(stream)] == [0, 1]
    stream.close()  # type: ignore[attr-defined]
    assert told.read_text() == "closedclosed"
    assert pool.call(name(who)) == worker


def test_work_for_the_queue_reports_and_stops(pool: Pool) -> None:
    reports: list[tuple[int, int, int]] = []

    def report(done: int, total: int, partial: Any) -> bool:
        reports.append((done, total, partial))
        return done < 3

    assert pool.work(name(pieces), 9)(report) == "3 of 9"
    assert [each[:2] for each in reports] == [(0, 9), (1, 9), (2, 9), (3, 9)]
    assert {each[2] for each in reports} == {pool.call(name(who))}


def test_a_report_that_fails_here_ends_the_worker(pool: Pool) -> None:
    worker = pool.call(name(who))

    def report(*told: Any) -> bool:
        raise KeyError("here")

    with pytest.raises(KeyError):
        pool.work(name(pieces), 9)(report)
    assert not alive(worker)
    assert pool.call(name(double), 1) == 2


def test_no_more_work_at_a_time_than_there_are_places() -> None:
    pool = Pool(1)
    with ThreadPoolExecutor(4) as threads:
        assert len(set(threads.map(lambda _: pool.call(name(who)), range(8)))) == 1
    pool.close()


def test_one_without_work_ends_after_a_while() -> None:
    pool = Pool(1, idle=0.05)
    worker = pool.call(name(who))
    until(lambda: not alive(worker))
    assert pool.call(name(who)) != worker
    pool.close()


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; from viz.server.processes import Pool\n"
        f"print(Pool(1).call('{HERE}:who'), flush=True); os._exit(0)"
    )
    import subprocess

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    until(lambda: not alive(int(said.stdout)))


ask = in_worker(told_by)


@queued
def asked(*parts: object) -> Work:
    return lambda report: told_by(*parts)


def test_what_is_beside_is_done_here_until_a_server_opens_its_pools(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, go_on = str(os.getpid()), lambda *told: True
    assert ask(1).startswith(here)
    assert asked(1)(go_on).startswith(here)
    monkeypatch.setattr(processes, "_pools", processes._WorkerPools())
    monkeypatch.setenv("STRIDES_WORKERS", "0")
    processes.open_worker_pools()
    assert ask(1).startswith(here)
    monkeypatch.setenv("STRIDES_WORKERS", "1")
    processes.open_worker_pools()
    pools = processes._pools.analysis, processes._pools.queue
    try:
        assert not ask(1, "a").startswith(here)
        assert ask(1, "a").endswith(" (1, 'a')")
        assert not asked(2)(go_on).startswith(here)
    finally:
        for pool in pools:
            assert pool is not None
            pool.close()
