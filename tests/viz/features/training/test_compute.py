"""The training lab's runs: what core's own comparison gives, however they were come by."""

from __future__ import annotations

import csv
import io
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import SpecError
from core.training import Digits, OwnImages, TrainingSpec
from core.training.nets import run_costs
from core.training.records import Record
from core.training.studies import compare
from core.training.tasks import source_of
from core.training.text import to_text
from core.training.turns import ResumableRun, take_turns
from tests.core.tied_pools import by_hand
from viz.choices import lab_store
from viz.choices.lab_store import ByteLimitedLRU, Run
from viz.features.training import compute
from viz.features.training.params import Comparison, LabSettings, comparison
from viz.server import processes
from viz.server.queue import Jobs, View
from viz.server.settings import settings

DEFAULTS = LabSettings()
TINY = {"width": 4, "levels": 1, "steps": 8, "warm_up": 2, "batch": 8, "variants": "max,strided"}
GONE = {
    "steps": 30,
    "warm_up": 10,
    "optimizer": "sgd",
    "batch_norm": False,
    "levels": 2,
    "depth": 4,
}
Runs = dict[tuple[int, int], tuple[Record, ...]]


def tiny(own: OwnImages | None = None, **changes: Any) -> Comparison:
    """With fewer records than the page has."""
    c = comparison(DEFAULTS.updated(TINY | changes), own)
    fewer = {"records": 4, "snapshots": 1, "erf_draws": 1}
    return replace(c, specs=tuple(replace(spec, **fewer) for spec in c.specs))


def truth(c: Comparison) -> Runs:
    found: Runs = {}
    for net, seed, record in compare(c.specs, c.seeds):
        found[net, seed] = (*found.get((net, seed), ()), record)
    return found


def npz() -> bytes:
    buffer, images = io.BytesIO(), np.random.default_rng(0).random((24, 9, 8))
    np.savez(buffer, images=images, labels=np.repeat([3, 8], 12))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def default() -> tuple[Comparison, Runs]:
    c = tiny(seeds=2)
    return c, truth(c)


@pytest.fixture
def shelves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept yet."""
    monkeypatch.setattr(lab_store, "STORE", ByteLimitedLRU(10**8, lambda run: run.nbytes))
    monkeypatch.setattr(lab_store, "UPLOADS", ByteLimitedLRU(10**8, lambda own: own.images.nbytes))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, shelves: None) -> list[list[ResumableRun]]:
    """Trains in this process, and tells what it was asked to train."""
    asked: list[list[ResumableRun]] = []

    def stream(function: str, going: list[ResumableRun], device: str) -> Iterator[Any]:
        assert function == f"{take_turns.__module__}:{take_turns.__name__}"
        asked.append(pickle.loads(pickle.dumps(going)))
        for each in take_turns(asked[-1], device):
            yield pickle.loads(pickle.dumps(each))

    monkeypatch.setattr(processes, "stream", stream)
    return asked


def trained(c: Comparison) -> Runs:
    for seed in c.seeds:
        compute.work(c, seed)(lambda *_: True)
    return dict(compute.stored_records(c))


def stopped(c: Comparison, seed: int, reports: int) -> dict[int, tuple[Record, ...]]:
    number = count(1)
    found: dict[int, tuple[Record, ...]] = compute.work(c, seed)(lambda *_: next(number) < reports)
    return found


def test_runs_are_those_of_core(here: Any, default: tuple[Comparison, Runs]) -> None:
    c, expected = default
    assert compute.stored_records(c) == {}
    assert trained(c) == expected
    assert all(compute.is_over(c, seed) for seed in c.seeds)


@pytest.mark.parametrize("reports", [1, 2, 5, 9])
def test_stopped_and_gone_on_with_nothing_is_lost_or_other(
    here: list[list[ResumableRun]], default: tuple[Comparison, Runs], reports: int
) -> None:
    c, expected = default
    left = stopped(c, 0, reports)
    assert sum(map(len, left.values())) == reports - 1
    assert {net: records for net, records in left.items() if records} == {
        net: records for (net, _), records in compute.stored_records(c).items()
    }
    assert not compute.is_over(c, 0)
    assert trained(c) == expected
    again = here[1 if reports > 1 else 0]
    steps = [going.state.step if going.state else None for going in again]
    assert steps == [left[net][-1].step if left[net] else None for net in (0, 1)]


def test_what_is_finished_is_not_trained_again(here: list[list[ResumableRun]]) -> None:
    c = tiny(seeds=1)
    whole = trained(c)
    assert trained(c) == whole
    assert len(here) == 1
    wider = tiny(seeds=1, variants="strided,average")
    trained(wider)
    assert [to_text(going.spec) for going in here[1]] == [to_text(wider.specs[1])]
    assert compute.stored_records(wider)[0, 0] == whole[1, 0]


def test_reports_count_records_and_hold_all_of_them(here: Any) -> None:
    c = tiny(seeds=1)
    stopped(c, 0, 4)
    told: list[tuple[int, int, int]] = []
    compute.work(c, 0)(
        lambda done, total, runs: not told.append((done, total, sum(map(len, runs.values()))))
    )
    assert told == [(done, 10, done) for done in range(3, 11)]


def test_two_who_train_the_same_net_at_once_come_to_the_same(
    here: Any, default: tuple[Comparison, Runs]
) -> None:
    c, expected = default
    other = tiny(seeds=2, variants="max,average")
    start = threading.Barrier(4)

    def run(c: Comparison, seed: int) -> None:
        start.wait()
        compute.work(c, seed)(lambda *_: True)

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(run, each, seed) for each in (c, other) for seed in (0, 1)]
        for each in done:
            each.result()
    assert compute.stored_records(c) == expected
    assert compute.stored_records(other)[0, 1] == expected[0, 1]


def test_the_longer_run_stays(here: Any, default: tuple[Comparison, Runs]) -> None:
    """Somebody else finishes the same run while this one is at its beginning."""
    c, expected = default
    whole = Run()
    for record in expected[0, 0]:
        whole = whole.with_record(record)
    number, seen = count(), []

    def report(done: int, total: int, runs: dict[int, tuple[Record, ...]]) -> bool:
        if next(number) == 2:
            lab_store.STORE.put(to_text(c.run_spec(0, 0)), whole, Run.further_than)
        seen.append(len(runs[0]))
        return True

    compute.work(c, 0)(report)
    assert seen == sorted(seen)
    assert compute.stored_records(c)[0, 0] == expected[0, 0] == whole.records


def test_one_that_cannot_go_on_says_why_and_is_not_tried_again(
    here: list[list[ResumableRun]],
) -> None:
    c = tiny(**GONE, seeds=1, vary="learning_rate", variants="0.001,10")
    found = trained(c)
    assert list(compute.failures(c)) == [(1, 0)]
    assert "is no longer a number" in compute.failures(c)[1, 0]
    assert compute.is_over(c, 0)
    assert found[0, 0][-1].step == 30
    assert found[1, 0][-1].step < 30
    assert trained(c) == found
    assert len(here) == 1


@pytest.mark.slow
def test_a_worker_process_does_it_too(shelves: None, default: tuple[Comparison, Runs]) -> None:
    c, expected = default
    stopped(c, 1, 6)
    jobs = Jobs(settings().training_slots)
    wanted = {compute.queue_key(c, seed): compute.work(c, seed) for seed in c.seeds}
    views: dict[Any, View] = {}
    while not views or any(view.state in ("waiting", "running") for view in views.values()):
        views = jobs.set_wishes("visitor", wanted)
        threading.Event().wait(0.05)
    assert [view.error for view in views.values()] == ["", ""]
    assert compute.stored_records(c) == expected
    results = [view.result for view in views.values()]
    assert results == [{net: expected[net, seed] for net in (0, 1)} for seed in c.seeds]


def test_keys_of_the_queue_are_equal_for_equal_work_alone() -> None:
    own = compute.store_images(npz())
    found = [tiny(), tiny(), tiny(width=5), tiny(task="own", own=own, digest=own.digest)]
    keys = [compute.queue_key(c, 0) for c in found]
    assert keys[0] == keys[1]
    assert len({*keys, compute.queue_key(found[0], 1)}) == 4
    assert len(pickle.dumps(keys)) < 1000


def test_facts_are_cores_and_the_default_comparison_is_allowed() -> None:
    assert len(compute.facts(comparison(DEFAULTS))) == 3
    c = tiny()
    for spec, found in zip(c.specs, compute.facts(c), strict=True):
        planned = run_costs(spec)
        assert (found.parameters, found.macs) == (planned.parameters, planned.macs)
        assert (found.work, found.bytes, found.steps) == (planned.work, planned.bytes, 8)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"width": 32, "levels": 4, "depth": 6, "batch": 2}, "width"),
        ({"width": 32, "levels": 2, "depth": 2, "steps": 400, "batch": 64, "seeds": 5}, "steps"),
        ({"width": 32, "levels": 2, "depth": 2, "batch": 64}, "batch"),
    ],
)
def test_too_much_is_refused_with_what_would_do(
    changes: dict[str, Any], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "batch":
        monkeypatch.setenv("STRIDES_MEMORY_MB", "100")
    c = tiny(**changes)
    with pytest.raises(SpecError, match="must be") as told:
        compute.facts(c)
    assert told.value.parameter == name
    if name != "width":
        most = int("".join(filter(str.isdigit, told.value.rule)))
        assert 2 <= most < changes[name]
        compute.facts(tiny(**changes | {name: most}))


def test_a_visitors_images_are_learned_and_need_to_be_here(
    here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = compute.store_images(npz())
    assert compute.store_images(npz()) is own is lab_store.uploaded_images(own.digest)
    c = tiny(own, task="own", digest=own.digest, seeds=1)
    assert compute.facts(c)[0].parameters == run_costs(c.specs[0]).parameters
    assert trained(c) == truth(c)
    text = to_text(c.specs[0])
    assert compute.classify(text, 0).shape == (2,)
    images, labels = compute.test_images(c, 4)
    np.testing.assert_array_equal(images, source_of(own).test_set()[0][:4])
    np.testing.assert_array_equal(labels, source_of(own).test_set()[1][:4])
    monkeypatch.setattr(lab_store, "UPLOADS", ByteLimitedLRU(10**8, lambda own: 1))
    for ask in (compute.trained_module, lab_store.finished_run):
        with pytest.raises(SpecError, match="digest must be that of images that are here"):
            ask(text)
    with pytest.raises(SpecError, match="digest must be"):
        compute.work(c, 1)(lambda *_: True)


def test_bad_files_are_refused_and_nothing_is_kept(shelves: None) -> None:
    with pytest.raises(SpecError, match="upload must be an undamaged"):
        compute.store_images(b"no zip")
    assert lab_store.UPLOADS.bytes == 0
    assert lab_store.uploaded_images("") is None


def test_the_trained_net_is_as_good_as_its_last_record_says(here: Any) -> None:
    c = tiny(seeds=1, steps=30, width=8)
    for (net, seed), records in trained(c).items():
        module = compute.trained_module(to_text(c.run_spec(net, seed)))
        assert not module.training
        images, labels = source_of(Digits()).test_set()
        with torch.inference_mode():
            right = float((module(images).argmax(1) == labels).float().mean())
        first, last = (r.as_dict()["test_accuracy"] for r in (records[0], records[-1]))
        assert first != right == pytest.approx(last, abs=1e-6)
        spec, state = lab_store.finished_run(to_text(c.run_spec(net, seed)))
        assert (spec, state.step) == (c.run_spec(net, seed), 30)


def test_no_net_is_made_of_what_is_not_finished(here: Any) -> None:
    c = tiny(seeds=1)
    text = to_text(c.specs[0])
    stopped(c, 0, 9)
    with pytest.raises(SpecError, match="is not trained on this server; train it in the training"):
        compute.trained_module(text)
    with pytest.raises(SpecError, match="run must begin with"):
        compute.trained_module("<script>")


@pytest.mark.slow
@pytest.mark.parametrize("task", ["digits", "long_range"])
@pytest.mark.parametrize("unit", ["centre", "0.0", "3.40"])
def test_the_field_over_a_digit_is_autograds_with_ties_shared(
    here: Any, task: str, unit: str
) -> None:
    c = tiny(seeds=1, task=task)
    trained(c)
    rows = 16
    row, column = {"centre": (8, 8), "0.0": (0, 0), "3.40": (3, rows - 1)}[unit]
    images, _ = source_of(c.task).test_set()
    for net in range(2):
        text = to_text(c.specs[net])
        module = compute.trained_module(text)
        for index in (0, 7):
            expected = by_hand(module, images[index : index + 1], row, column)
            erf = compute.predicted_class_erf(text, index, unit)
            if not np.isfinite(expected).all():
                assert erf is None
                continue
            assert erf is not None
            assert erf.unit == (row, column)
            found = np.zeros((32, 32))
            top, left = erf.origin
            found[top : top + erf.map.shape[0], left : left + erf.map.shape[1]] = erf.map
            np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)


def test_a_unit_without_gradient_has_no_field(here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    c = tiny(seeds=1, width=6)
    trained(c)

    def dead(text: str) -> tuple[TrainingSpec, nn.Module]:
        spec, module = alive(text)
        nn.init.zeros_(module.get_submodule("linear").get_parameter("weight"))
        return spec, module

    alive = compute._trained_net
    monkeypatch.setattr(compute, "_trained_net", dead)
    assert compute.predicted_class_erf(to_text(c.specs[0]), 0) is None


def test_scores_are_those_of_the_net_and_sum_to_one(here: Any) -> None:
    c = tiny(seeds=1, width=5)
    trained(c)
    text = to_text(c.specs[1])
    images, labels = compute.test_images(c, 20)
    assert (images.shape, labels.shape) == ((20, 1, 32, 32), (20,))
    with torch.inference_mode():
        scores = compute.trained_module(text)(torch.from_numpy(images.copy())).numpy()
    expected = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    for index in (0, 19):
        found = compute.classify(text, index)
        np.testing.assert_allclose(found, expected[index], rtol=1e-4)
        assert found.sum() == pytest.approx(1, abs=1e-5)
    many = len(compute.test_images(c, 10**6)[0])
    with pytest.raises(SpecError, match=f"sample must be from 0 to {many - 1}"):
        compute.classify(text, many)


def test_files_hold_what_is_known(here: Any) -> None:
    c = tiny(seeds=1)
    runs = trained(c)
    rows = list(csv.DictReader(io.StringIO(compute.records_csv(c, runs))))
    assert [row["net"] for row in rows] == [c.names[net] for net, _ in runs for _ in range(5)]
    told = json.loads(compute.records_json(c, runs))
    assert [net["text"] for net in told["nets"]] == [to_text(spec) for spec in c.specs]
    losses = [record["loss"] for record in told["runs"][1]["records"]]
    assert losses == [record.loss for record in runs[1, 0]]


def test_the_lab_can_be_thought_of_without_torch_and_computed_without_streamlit() -> None:
    code = (
        "import sys, viz.features.training.compute; assert 'streamlit' not in sys.modules; "
        "import viz.features.training.params; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
