"""Waiting on a page: stopping, going on, leaving, on a queue that steps when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Mapping
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from core.errors import SpecError
from tests import polling
from viz.page import progress
from viz.server.queue import Jobs, Report, View, Work

WAIT = 30.0
BOARD: dict[str, Any] = {}
"""What the page below is to show, and what it has shown."""


class Gate:
    """A work of many pieces, each done when the test says so."""

    def __init__(self, pieces: int = 9) -> None:
        self.pieces, self.begun, self.went_on = pieces, 0, True
        self._steps, self._told = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, report: Report) -> str:
        self.begun += 1
        for piece in range(1, self.pieces + 1):
            assert self._steps.acquire(timeout=WAIT)
            self.went_on = report(piece, self.pieces, f"part {piece}")
            self._told.release()
            if not self.went_on:
                raise RuntimeError("given up")
        return "whole"

    def step(self, times: int = 1) -> None:
        for _ in range(times):
            self._steps.release()
            assert self._told.acquire(timeout=WAIT)


@pytest.fixture(autouse=True)
def jobs(monkeypatch: pytest.MonkeyPatch) -> Jobs:
    found = Jobs()
    monkeypatch.setattr(progress, "queue", lambda: found)
    BOARD.clear()
    return found


def board() -> None:
    """Show what the test has put up."""
    if BOARD.get("resume"):
        progress.resume()
    if BOARD.pop("only the fragment", False):
        BOARD["follow"]()
        return
    for slot, works in BOARD["slots"].items():

        def draw(views: Mapping[Hashable, View], slot: str = slot) -> None:
            BOARD.setdefault("drawn", {})[slot] = dict(views)
            for key, view in views.items():
                if view.state in ("waiting", "running"):
                    progress.progress_bar(slot, key, view, f"{key}")
                elif view.error and view.error != progress.STOPPED:
                    progress.status_line(slot, key, view, f"{key}", name=f"Map {key}")
                elif view.error:
                    st.button(f"go on with {key}", on_click=progress.resume, args=(key,))

        BOARD.setdefault("returned", {})[slot] = progress.request_and_draw(slot, works, draw)
    progress.withdraw_requests(*BOARD.get("left", ()))


def page() -> None:
    from tests.viz.page.test_progress import board

    board()


def visit(**slots: dict[str, Work]) -> AppTest:
    BOARD["slots"] = slots
    return again(AppTest.from_function(page, default_timeout=60))


def again(at: AppTest) -> AppTest:
    at.run()
    assert not at.exception, at.exception[0].value
    return at


def seen(slot: str = "map") -> dict[str, View]:
    return BOARD["drawn"][slot]


def until(at: AppTest, key: str, state: str, slot: str = "map") -> View:
    def look() -> bool:
        if seen(slot)[key].state != state:
            again(at)
        return seen(slot)[key].state == state

    polling.until(look, lambda: seen(slot))
    return seen(slot)[key]


def press(at: AppTest, label: str, number: int = 0) -> None:
    [each for each in at.button if each.label == label][number].click()
    again(at)


def test_what_is_done_is_returned_and_drawn() -> None:
    gate = Gate(1)
    at = visit(map={"a": gate})
    assert BOARD["returned"]["map"]["a"].state == "running"
    gate.step()
    assert until(at, "a", "done").result == "whole"
    assert BOARD["returned"]["map"]["a"].result == "whole"
    assert gate.begun == 1
    assert not at.button


def test_stop_keeps_the_part_and_go_on_begins_again() -> None:
    gate = Gate(3)
    at = visit(map={"a": gate})
    gate.step(2)
    again(at)
    press(at, "Stop")
    view = seen()["a"]
    assert (view.error, view.partial, view.state) == (progress.STOPPED, "part 2", "failed")
    gate.step()
    assert not gate.went_on
    assert again(at).button[0].label == "go on with a"
    assert gate.begun == 1
    other = Gate(1)
    BOARD["slots"] = {"map": {"a": other}}
    press(at, "go on with a")
    other.step()
    assert until(at, "a", "done").result == "whole"


def test_a_stop_is_seen_by_the_fragment_that_is_already_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The browser runs it alone, as it was made before the stop."""

    def fragment(run_every: float) -> Any:
        return lambda follow: BOARD.setdefault("follow", follow)

    monkeypatch.setattr(st, "fragment", fragment)
    gate = Gate()
    at = visit(map={"a": gate})
    BOARD["only the fragment"] = True
    press(at, "Stop")
    assert seen()["a"].error == progress.STOPPED
    gate.step()
    assert not gate.went_on


def test_stopping_one_does_not_wake_another() -> None:
    gates = {name: Gate() for name in "abc"}
    at = visit(compare=gates)
    press(at, "Stop")
    press(at, "Stop")
    states = {key: view.error for key, view in seen("compare").items()}
    assert states == {"a": progress.STOPPED, "b": progress.STOPPED, "c": ""}
    press(at, "go on with a")
    states = {key: view.error for key, view in seen("compare").items()}
    assert states == {"a": "", "b": progress.STOPPED, "c": ""}


def test_resume_without_a_name_wakes_all() -> None:
    at = visit(compare={name: Gate() for name in "ab"})
    press(at, "Stop")
    press(at, "Stop")
    BOARD["resume"] = True
    again(at)
    assert [view.error for view in seen("compare").values()] == ["", ""]


def test_only_so_many_stopped_ones_are_remembered() -> None:
    at = visit(map={"0": Gate()})
    for name in map(str, range(progress.MAX_STOPPED + 3)):
        BOARD["slots"] = {"map": {name: Gate()}}
        again(at)
        press(at, "Stop")
    stopped = at.session_state["stopped"]
    assert len(stopped) == progress.MAX_STOPPED
    assert str(progress.MAX_STOPPED + 2) in stopped
    assert "0" not in stopped


def test_what_has_left_the_page_is_given_up() -> None:
    gate, other = Gate(), Gate(1)
    at = visit(compare={"a": gate})
    gate.step()
    assert gate.went_on
    BOARD["slots"], BOARD["left"] = {"map": {"other": other}}, ["compare"]
    again(at)
    gate.step()
    assert not gate.went_on
    other.step()
    assert until(at, "other", "done").result == "whole"


def test_a_changed_wish_gives_up_the_old_one() -> None:
    old, new = Gate(), Gate(1)
    at = visit(map={"old": old})
    BOARD["slots"] = {"map": {"new": new}}
    again(at)
    old.step()
    assert not old.went_on
    new.step()
    assert until(at, "new", "done").result == "whole"


def test_two_visitors_have_names_of_their_own_and_share_the_work() -> None:
    gate = Gate(1)
    one = visit(map={"a": gate})
    two = visit(map={"a": gate})
    assert one.session_state["visitor"] != two.session_state["visitor"]
    gate.step()
    until(one, "a", "done")
    until(two, "a", "done")
    assert gate.begun == 1


def test_progress_says_what_is_done_and_what_comes_before() -> None:
    gate = Gate(4)
    at = visit(map={"a": gate})
    two = visit(map={"b": Gate()})
    told = [each.proto.text for each in two.get("progress")]
    assert told == ["In the queue: 1 computation before this one."]
    gate.step(3)
    BOARD["slots"] = {"map": {"a": gate}}
    again(at)
    (bar,) = at.get("progress")
    assert (bar.proto.text, bar.proto.value) == ("a: 3 of 4 draws", 75)


def test_looks_come_seldomer_the_more_wait_and_the_dearer_they_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress, "_poll_costs", {"dear": 0.05})
    assert (
        progress.poll_interval("new", 1)
        == progress.poll_interval("dear", 1)
        == progress.POLL_INTERVAL_S
    )
    for visitors in (20, 40):
        for slot, cost in (("dear", 0.05), ("new", progress.DEFAULT_POLL_COST_S)):
            share = visitors * cost / progress.poll_interval(slot, visitors)
            assert share == pytest.approx(progress.POLL_BUDGET) or share < progress.POLL_BUDGET
    assert (
        progress.poll_interval("dear", 40)
        == 2 * progress.poll_interval("dear", 20)
        > progress.POLL_INTERVAL_S
    )


def test_what_a_look_takes_is_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    costs: dict[str, float] = {}
    monkeypatch.setattr(progress, "_poll_costs", costs)
    visit(main={"map": Gate()})
    assert set(costs) == {"main"}
    assert 0 < costs["main"] < 1


def fails(error: Exception) -> Work:
    def run(report: Report) -> None:
        raise error

    return run


@pytest.mark.parametrize("trainings", [False, True])
def test_what_has_failed_stands_with_a_button_that_tries_again(
    jobs: Jobs, trainings: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trainings:  # the other queue's failures are found by the same button
        monkeypatch.setattr(progress, "queue", lambda: other)
        monkeypatch.setattr(progress, "training_queue", lambda: jobs)
        other = Jobs()
        show = progress.request_and_draw
        monkeypatch.setattr(progress, "request_and_draw", lambda *given: show(*given, jobs=jobs))
    at = visit(map={"a": fails(KeyError("x"))})
    until(at, "a", "failed")
    (warning,) = at.warning
    assert warning.value == "Map a: it failed here; the server's log says why."
    assert [each.label for each in at.button] == ["Try again"]
    gate = Gate(1)
    BOARD["slots"] = {"map": {"a": gate}}
    press(at, "Try again")
    gate.step()
    assert until(at, "a", "done").result == "whole"
    again(at)
    assert not at.warning


def test_what_was_refused_stands_without_one() -> None:
    at = visit(map={"a": fails(SpecError("draws", "must be fewer", 9))})
    until(at, "a", "failed")
    assert at.warning[0].value == "Map a: draws must be fewer (got 9)."
    assert not at.button
