"""The queue: everything once, in turn, and nothing for nobody."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any, cast

import pytest

from core.errors import SpecError
from tests import polling
from viz.server.processes import WorkerKilledError, WorkerTimeoutError
from viz.server.queue import Jobs, Report, UnfinishedError, View, Work

WAIT = 30.0


class Gate:
    """A work that stops at a gate after each piece, and counts how often it was begun."""

    def __init__(self, pieces: int = 1) -> None:
        self.pieces, self.begun = pieces, 0
        self.steps = threading.Semaphore(0)
        self.reported = threading.Semaphore(0)
        self.went_on: list[bool] = []

    def __call__(self, report: Report) -> str:
        self.begun += 1
        for piece in range(self.pieces):
            assert self.steps.acquire(timeout=WAIT)
            goes_on = report(piece + 1, self.pieces, f"part {piece + 1}")
            self.went_on.append(goes_on)
            self.reported.release()
            if not goes_on:
                raise RuntimeError("given up")
        return f"whole of {self.pieces}"

    def step(self) -> None:
        self.steps.release()
        assert self.reported.acquire(timeout=WAIT)


def until(look: Callable[[], View], wanted: Callable[[View], bool]) -> View:
    def wish() -> View | None:
        view = look()
        return view if wanted(view) else None

    return cast(View, polling.until(wish))


def finished(jobs: Jobs, visitor: str, works: dict[Hashable, Work], key: Hashable) -> View:
    return until(
        lambda: jobs.set_wishes(visitor, works)[key], lambda v: v.state in ("done", "failed")
    )


def test_two_visitors_who_want_the_same_have_it_computed_once() -> None:
    jobs, gate = Jobs(), Gate()
    assert jobs.set_wishes("a", {"map": gate})["map"].state == "running"
    jobs.set_wishes("b", {"map": Gate()})
    gate.step()
    for visitor in ("a", "b", "later"):
        assert finished(jobs, visitor, {"map": gate}, "map").result == "whole of 1"
    assert gate.begun == 1


def test_who_waits_is_counted_once() -> None:
    jobs, gate = Jobs(), Gate()
    for visitor in ("a", "b"):
        jobs.set_wishes(visitor, {"map": gate, "other": Gate()})
    assert jobs.waiting() == 2
    jobs.set_wishes("b", {})
    assert jobs.waiting() == 1
    gate.step()
    finished(jobs, "a", {"map": gate}, "map")
    assert jobs.waiting() == 0


def test_progress_and_partial_results_are_seen() -> None:
    jobs, gate = Jobs(), Gate(3)
    jobs.set_wishes("a", {"map": gate})
    gate.step()
    view = jobs.set_wishes("a", {"map": gate})["map"]
    assert (view.state, view.done, view.total, view.partial) == ("running", 1, 3, "part 1")
    gate.step()
    gate.step()
    assert finished(jobs, "a", {"map": gate}, "map").result == "whole of 3"


def test_first_wishes_come_before_second_ones() -> None:
    jobs = Jobs()
    gates = {name: Gate() for name in ("a1", "a2", "b1", "c1")}
    order: list[str] = []

    def work(name: str) -> Work:
        def run(report: Report) -> Any:
            order.append(name)
            return gates[name](report)

        return run

    wishes: dict[str, dict[Hashable, Work]] = {
        "a": {"a1": work("a1"), "a2": work("a2")},
        "b": {"b1": work("b1")},
        "c": {"c1": work("c1")},
    }
    ahead = {
        key: view.ahead
        for who, works in wishes.items()
        for key, view in jobs.set_wishes(who, works).items()
    }
    assert ahead == {"a1": 0, "a2": 1, "b1": 1, "c1": 2}
    assert jobs.set_wishes("a", wishes["a"])["a2"].ahead == 3, "behind the first wishes of b and c"
    for name in ("a1", "b1", "c1", "a2"):
        gates[name].step()
        finished(jobs, name[0], wishes[name[0]], name)
    assert order == ["a1", "b1", "c1", "a2"]


def test_a_new_wish_replaces_the_old_one_that_never_began() -> None:
    jobs, first, old, new = Jobs(), Gate(), Gate(), Gate()
    jobs.set_wishes("other", {"first": first})
    jobs.set_wishes("a", {"old": old})
    jobs.set_wishes("a", {"new": new})
    first.step()
    new.step()
    finished(jobs, "a", {"new": new}, "new")
    assert old.begun == 0


def test_a_work_nobody_wants_any_more_is_told_to_stop_and_begins_anew() -> None:
    jobs, gate = Jobs(), Gate(9)
    jobs.set_wishes("a", {"map": gate})
    gate.step()
    jobs.set_wishes("a", {})
    gate.step()
    assert gate.went_on == [True, False]
    again = Gate()
    until(lambda: jobs.set_wishes("a", {"map": again})["map"], lambda v: again.begun == 1)
    again.step()
    assert finished(jobs, "a", {"map": again}, "map").result == "whole of 1"


def test_a_visitor_who_has_gone_silent_does_not_keep_a_work_going() -> None:
    jobs, gate = Jobs(patience=0.0), Gate(9)
    jobs.set_wishes("a", {"map": gate})
    threading.Event().wait(0.01)
    gate.step()
    assert gate.went_on == [False]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SpecError("draws", "must be fewer", 9), "draws must be fewer (got 9)"),
        (KeyError("x"), "log"),
    ],
)
def test_a_failure_is_told_and_the_next_one_runs(error: Exception, said: str) -> None:
    def fails(report: Report) -> None:
        raise error

    jobs, gate = Jobs(), Gate()
    view = finished(jobs, "a", {"bad": fails}, "bad")
    assert view.state == "failed"
    assert said in view.error
    jobs.set_wishes("a", {"good": gate})
    gate.step()
    assert finished(jobs, "a", {"good": gate}, "good").state == "done"


def test_only_so_many_results_are_kept() -> None:
    jobs = Jobs(cached=2)
    begun: list[int] = []

    def work(n: int) -> Work:
        def run(report: Report) -> int:
            begun.append(n)
            return n

        return run

    for n in range(4):
        finished(jobs, "a", {n: work(n)}, n)
    jobs.set_wishes("a", {})
    finished(jobs, "a", {3: work(3)}, 3)
    finished(jobs, "a", {0: work(0)}, 0)
    assert begun == [0, 1, 2, 3, 0]


class Failing:
    """A work that fails in the same way every time, and counts."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.begun = error, 0

    def __call__(self, report: Report) -> None:
        self.begun += 1
        raise self.error


PASSING = [
    WorkerKilledError(),
    WorkerTimeoutError(),
    UnfinishedError("is late"),
    MemoryError(),
    KeyError("x"),
]
REFUSAL = SpecError("draws", "must be fewer", 9)


@pytest.mark.parametrize("error", [*PASSING, REFUSAL], ids=repr)
def test_a_failure_is_kept_for_nobody_and_a_refusal_for_all(error: Exception) -> None:
    jobs, work = Jobs(), Failing(error)
    view = finished(jobs, "a", {"map": work}, "map")
    assert view.refused == (error is REFUSAL)
    for _ in range(3):  # as long as somebody looks at it, it is not begun again and again
        assert finished(jobs, "a", {"map": work}, "map").error == view.error
    assert work.begun == 1
    jobs.set_wishes("a", {})
    finished(jobs, "b", {"map": work}, "map")
    assert work.begun == (1 if error is REFUSAL else 2)


def test_who_has_been_silent_for_long_still_sees_what_failed() -> None:
    jobs, work = Jobs(), Failing(WorkerKilledError())
    finished(jobs, "a", {"map": work}, "map")
    begun = work.begun
    jobs._jobs["map"].wanted["a"] -= 10_000
    assert jobs.set_wishes("a", {"map": work})["map"].state == "failed"
    assert work.begun == begun


@pytest.mark.parametrize("error", [*PASSING, REFUSAL], ids=repr)
def test_what_has_failed_is_tried_again_when_somebody_says_so(error: Exception) -> None:
    jobs, work, gate = Jobs(cached=0), Failing(error), Gate()
    finished(jobs, "a", {"map": work}, "map")
    jobs.retry("map")
    jobs.retry("nothing")
    assert jobs.set_wishes("a", {"map": gate})["map"].state == "running"
    jobs.retry("map")
    gate.step()
    assert finished(jobs, "a", {"map": gate}, "map").result == "whole of 1"
    jobs.retry("map")
    assert finished(jobs, "a", {"map": gate}, "map").result == "whole of 1"
    assert gate.begun == 1, "neither what runs nor what is done is begun again"


@pytest.mark.parametrize("error", [*PASSING, REFUSAL], ids=repr)
def test_the_log_says_which_job_has_failed(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    key = ("erf", "resnet18", "x" * 10_000)
    finished(Jobs(), "a", {key: Failing(error)}, key)
    told = [record.getMessage() for record in caplog.records]
    if error is REFUSAL:
        assert told == []
        return
    (line,) = told
    assert "resnet18" in line
    assert len(line) < 400
    assert caplog.records[0].exc_info, "with its traceback"
