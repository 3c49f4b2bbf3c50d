"""Whoever asks, and however many at once: every answer is computed once."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest

from viz.server.cache import computed_once
from viz.server.queue import UnfinishedError

PATIENCE_S = 20


def test_many_who_ask_at_once_cause_one_computation() -> None:
    together, calls = Barrier(8), Counter[int]()

    @computed_once(4)
    def square(number: int) -> int:
        calls[number] += 1
        return number**2

    def ask(number: int) -> int:
        together.wait(PATIENCE_S)
        return square(number)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, [2, 3] * 4)) == [4, 9] * 4
    assert calls == {2: 1, 3: 1}


def test_nobody_waits_for_another_question() -> None:
    first_is_in, second_is_done = Event(), Event()

    @computed_once(4)
    def answer(name: str) -> bool:
        if name == "second":
            return True
        first_is_in.set()
        return second_is_done.wait(PATIENCE_S)

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(answer, "first")
        assert first_is_in.wait(PATIENCE_S)
        assert answer("second")
        second_is_done.set()
        assert first.result()


def test_an_error_is_not_kept_and_holds_up_nobody() -> None:
    calls = Counter[int]()

    @computed_once(4)
    def fail(number: int) -> None:
        calls[number] += 1
        raise ValueError(number)

    for _ in range(2):
        with pytest.raises(ValueError, match="7"):
            fail(7)
    assert calls == {7: 2}


def test_the_oldest_answers_go() -> None:
    calls = Counter[int]()

    @computed_once(2)
    def same(number: int) -> int:
        calls[number] += 1
        return number

    for number in (1, 2, 3, 1, 3):
        same(number)
    assert calls == {1: 2, 2: 1, 3: 1}


def test_nobody_waits_for_ever_for_one_who_never_answers() -> None:
    is_in, go_on = Event(), Event()

    @computed_once(4, wait=0.05)
    def answer(number: int) -> int:
        is_in.set()
        go_on.wait(PATIENCE_S)
        return number

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(answer, 1)
        assert is_in.wait(PATIENCE_S)
        with pytest.raises(UnfinishedError, match="still going on for somebody else"):
            answer(1)
        go_on.set()
        assert first.result() == answer(1) == answer(2) - 1
