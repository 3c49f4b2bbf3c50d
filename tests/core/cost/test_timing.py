"""Measured times: what is measured and when it ends; no test depends on how long it took."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.cost import timing
from core.cost.timing import MIN_TURNS, WARM_UP_TURNS, Timing, check_work, measure_times, quartiles
from core.errors import SpecError
from core.networks import build
from core.networks.notation import parse_notation


class Counting(nn.Module):
    """A convolution that writes down what it is called with."""

    calls: list[tuple[str, tuple[int, ...], int, bool]]

    def __init__(self, name: str, book: list[Any]) -> None:
        super().__init__()
        self.conv, self.name = nn.Conv2d(2, 3, 3), name
        self.note = lambda x: book.append(  # a function is shared by copies
            (name, tuple(x.shape), torch.get_num_threads(), self.training)
        )

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != "meta":
            self.note(x)
        return self.conv(x)


def test_modules_take_turns_after_warming_up() -> None:
    book: list[Any] = []
    pair = [Counting("a", book), Counting("b", book)]
    found = measure_times(pair, (2, 6, 7), 5, repeats=4, thread_count=1)
    assert [call[0] for call in book] == ["a", "b"] * (WARM_UP_TURNS + 4)
    assert {call[1] for call in book} == {(5, 2, 6, 7)}
    assert {call[2] for call in book} == {1}
    for each in found:
        assert each.repeats == len(each.forward) == len(each.backward) == 4
        assert min(each.forward) > 0
        assert min(each.backward) > 0
        assert (each.input_size, each.batch, each.threads) == ((2, 6, 7), 5, 1)
        assert each.spreads["forward"].median == pytest.approx(np.median(each.forward))
        assert each.spreads["backward"].median == pytest.approx(np.median(each.backward))


def test_threads_are_put_back() -> None:
    before = torch.get_num_threads()
    book: list[Any] = []
    measure_times([Counting("a", book)], (2, 6, 6), repeats=1, thread_count=2)
    assert {call[2] for call in book} == {2}
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("stop", range(1, 9))
def test_a_stop_comes_between_two_runs(stop: int) -> None:
    told: list[tuple[int, int, tuple[Timing, ...]]] = []

    def progress(done: int, total: int, partial: tuple[Timing, ...]) -> bool:
        told.append((done, total, partial))
        return done < stop

    book: list[Any] = []
    pair = [Counting("a", book), Counting("b", book)]
    found = measure_times(pair, (2, 6, 6), repeats=5, progress=progress)
    assert len(book) == stop
    assert [done for done, _, _ in told] == list(range(1, stop + 1))
    assert {total for _, total, _ in told} == {2 * (WARM_UP_TURNS + 5)}
    assert found == told[-1][2]
    counted = max(0, stop - 2 * WARM_UP_TURNS)
    assert [each.repeats for each in found] == [(counted + 1) // 2, counted // 2]


def test_time_is_up_after_the_least() -> None:
    net = nn.Conv2d(1, 1, 1)
    (found,) = measure_times([net], (1, 2, 2), repeats=50, seconds=0)
    assert found.repeats == MIN_TURNS


def test_modules_stay_as_they_are() -> None:
    net = build(parse_notation("conv3, bn, relu"), 1, (8, 8)).eval()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    measure_times([net], (1, 8, 8), 2, repeats=1)
    assert not net.training
    assert all(p.grad is None for p in net.parameters())
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())


def test_without_parameters_and_below_no_grad() -> None:
    with torch.no_grad():
        (found,) = measure_times([nn.MaxPool2d(2)], (1, 4, 4), repeats=2)
    assert found.repeats == 2


@given(st.lists(st.floats(1e-6, 10), min_size=1, max_size=30))
def test_spread(durations: list[float]) -> None:
    found = quartiles(durations)
    assert found.median == pytest.approx(float(np.median(durations)))
    assert found.low <= found.median <= found.high
    below = sum(d <= found.low for d in durations)
    assert below >= len(durations) / 4 - 1


def test_work_is_refused_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    book: list[Any] = []
    pair = [Counting("a", book), Counting("b", book)]
    one = 2 * 3 * (4 * 4 * 3 * 2 * 9)  # both, forward and twice backward
    monkeypatch.setattr(timing, "MAX_MACS", 4 * one)
    measure_times(pair, (2, 6, 6), 4, repeats=1)
    book.clear()
    with pytest.raises(SpecError, match="batch must be at most 4 here"):
        measure_times(pair, (2, 6, 6), 5, repeats=1)
    monkeypatch.setattr(timing, "MAX_MACS", one - 1)
    with pytest.raises(SpecError, match="input_size must be smaller"):
        measure_times(pair, (2, 6, 6), 1, repeats=1)
    assert book == []


def test_memory_is_refused_before_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "MEMORY_BUDGET", 10**6)
    check_work([nn.MaxPool2d(2)], (1, 64, 64), 1)
    with pytest.raises(SpecError, match="bytes"):
        check_work([nn.MaxPool2d(2)], (1, 64, 64), 1000)
    check_work([nn.MaxPool2d(2)] * 50, (1, 64, 64), 1)  # one after the other, never together


@pytest.mark.parametrize("repeats", [0, -1, 201, 1.5])
def test_repeats_have_bounds(repeats: Any) -> None:
    with pytest.raises(SpecError):
        measure_times([nn.MaxPool2d(2)], (1, 4, 4), repeats=repeats)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SpecError):
        measure_times([nn.Conv2d(3, 4, 3)], (2, 8, 8))
