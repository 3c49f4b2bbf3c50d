"""What the training lab keeps: the newest state of each run, so many bytes, from many threads."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training import Net, TrainingSpec
from core.training.loop import train, trained_network
from core.training.records import Record
from viz.choices.lab_store import RECORD_BYTES, ByteLimitedLRU, Run

SPEC = TrainingSpec(
    Net("max", 1, 1, 4), batch=8, steps=4, warm_up=2, records=4, snapshots=1, erf_draws=2
)
MOST = 20


@pytest.fixture(scope="module")
def records() -> list[Record]:
    return list(train(SPEC))


def run_of(records: list[Record]) -> Run:
    run = Run()
    for record in records:
        run = run.with_record(record)
    return run


class NaiveShelf:
    """A list, the latest at its end."""

    def __init__(self) -> None:
        self.things: list[tuple[str, int]] = []

    def get(self, name: str) -> int | None:
        for pair in self.things:
            if pair[0] == name:
                self.things.remove(pair)
                self.things.append(pair)
                return pair[1]
        return None

    def put(self, name: str, thing: int) -> int:
        before = self.get(name)
        if before is not None and before >= thing:
            return before
        self.things = [pair for pair in self.things if pair[0] != name]
        if thing <= MOST:
            self.things.append((name, thing))
        while sum(size for _, size in self.things) > MOST:
            del self.things[0]
        return thing


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.none() | st.integers(1, MOST + 3))))
def test_a_shelf_does_what_a_list_would(asked: list[tuple[str, int | None]]) -> None:
    shelf: ByteLimitedLRU[int] = ByteLimitedLRU(MOST, lambda size: size)
    naive = NaiveShelf()
    for name, size in asked:
        if size is None:
            assert shelf.get(name) == naive.get(name)
        else:
            assert shelf.put(name, size, int.__gt__) == naive.put(name, size)
        assert shelf.bytes == sum(size for _, size in naive.things) <= MOST
    assert {name: shelf.get(name) for name in "abcd"} == {n: naive.get(n) for n in "abcd"}


def test_without_a_rule_the_last_one_stays() -> None:
    shelf: ByteLimitedLRU[int] = ByteLimitedLRU(MOST, lambda size: size)
    shelf.put("a", 3)
    assert shelf.put("a", 2) == shelf.get("a") == shelf.bytes == 2


def test_many_threads_leave_the_longest_and_lose_no_byte() -> None:
    shelf: ByteLimitedLRU[int] = ByteLimitedLRU(MOST * 1000, lambda size: size)
    names = "abcdefgh"

    def busy(seed: int) -> None:
        generator = random.Random(seed)
        for size in generator.sample(range(1, 500), 300):
            shelf.put(generator.choice(names), size, int.__gt__)
            shelf.get(generator.choice(names))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(busy, range(8)))
    longest = dict.fromkeys(names, 0)
    for seed in range(8):
        generator = random.Random(seed)
        for size in generator.sample(range(1, 500), 300):
            name = generator.choice(names)
            longest[name] = max(longest[name], size)
            generator.choice(names)
    assert {name: shelf.get(name) for name in names} == longest
    assert shelf.bytes == sum(longest.values())


def test_only_the_newest_record_keeps_its_state(records: list[Record]) -> None:
    run = run_of(records[:3])
    assert list(run.records) == records[:3]
    assert [bool(each.state.arrays) for each in run.records] == [False, False, True]
    assert run.state is not None
    assert run.state.arrays.keys() == records[2].state.arrays.keys()
    assert not run.over
    assert all(each.state.arrays for each in records)  # the caller's are left alone


def test_from_there_it_goes_on_to_the_same_numbers(records: list[Record]) -> None:
    assert list(train(SPEC, state=run_of(records[:3]).state)) == records[3:]


def test_a_finished_run_keeps_its_weights_alone(records: list[Record]) -> None:
    run = run_of(records)
    assert run.finished
    assert run.over
    assert run.state is not None
    assert {name.split("/")[0] for name in run.state.arrays} == {"net"}
    kept = trained_network(SPEC, run.state).state_dict()
    whole = trained_network(SPEC, records[-1].state).state_dict()
    assert kept.keys() == whole.keys()
    assert all(np.array_equal(kept[name], whole[name]) for name in kept)


def test_the_size_is_that_of_its_arrays(records: list[Record]) -> None:
    first, last = records[0].snapshot, records[-1].snapshot
    assert first
    assert first.erf
    assert last
    assert last.erf
    shots = [first.kernels, first.erf.map, last.kernels, last.erf.map]
    weights = [v for k, v in records[-1].state.arrays.items() if k.startswith("net/")]
    arrays = sum(each.nbytes for each in (*shots, *weights))
    assert run_of(records).nbytes == arrays + len(records) * RECORD_BYTES
    assert run_of(records).nbytes < run_of(records[:-1]).nbytes + last.erf.map.nbytes + RECORD_BYTES


def test_nobody_can_write_into_what_all_see(records: list[Record]) -> None:
    arrays = {name: each.copy() for name, each in records[2].state.arrays.items()}
    state = replace(records[2].state, arrays=arrays)
    run_of([replace(records[2], state=state)])
    with pytest.raises(ValueError, match="read-only"):
        next(iter(arrays.values()))[...] = 0


def test_further_is_more_steps_or_the_knowledge_that_there_are_none(records: list[Record]) -> None:
    order = [Run(), *(run_of(records[:count]) for count in range(1, 4))]
    order.append(replace(order[-1], error="no longer a number"))
    for i, a in enumerate(order):
        for j, b in enumerate(order):
            assert a.further_than(b) == (i > j)
    assert order[-1].over
    assert not order[-1].finished
