"""Runs that go on side by side, each from where it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from core.errors import SpecError
from core.training import Net, TrainingSpec
from core.training.loop import train
from core.training.records import Record
from core.training.studies import compare
from core.training.turns import ResumableRun, take_turns

TINY = TrainingSpec(
    Net("max", 1, 1, 4), batch=8, steps=6, warm_up=2, records=3, snapshots=1, erf_draws=2
)
OTHER = replace(TINY, net=Net("strided", 1, 1, 4))
WILD = replace(
    TINY, net=Net("max", 2, 4, 4, batch_norm=False), optimizer="sgd", learning_rate=10, steps=30
)


def test_from_the_beginning_they_are_a_comparison() -> None:
    found = list(take_turns([ResumableRun(0, TINY, None), ResumableRun(1, OTHER, None)]))
    assert found == [(step.net, step.record) for step in compare((TINY, OTHER), (0,))]


def test_each_goes_on_from_where_it_is() -> None:
    whole, other = list(train(TINY)), list(train(OTHER))
    found = list(
        take_turns([ResumableRun(3, TINY, whole[1].state), ResumableRun(5, OTHER, other[2].state)])
    )
    assert found == [(3, whole[2]), (5, other[3]), (3, whole[3])]


def test_one_that_is_done_has_nothing_more() -> None:
    assert list(take_turns([ResumableRun(0, TINY, list(train(TINY))[-1].state)])) == []


def test_one_that_cannot_go_on_says_why_and_leaves_the_others_alone() -> None:
    found = list(take_turns([ResumableRun(0, WILD, None), ResumableRun(1, TINY, None)]))
    assert [told for name, told in found if name == 1] == list(train(TINY))
    *before, last = [told for name, told in found if name == 0]
    assert all(isinstance(each, Record) for each in before)
    assert isinstance(last, SpecError)
    assert last.parameter == "learning_rate"


def test_what_is_wrong_from_the_beginning_is_raised() -> None:
    with pytest.raises(SpecError, match="state must be of the run"):
        list(take_turns([ResumableRun(0, OTHER, next(train(TINY)).state)]))
