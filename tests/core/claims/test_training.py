"""Claims 15, 20 and 26: what is known, where it changes, what a broken experiment says.

Short runs of one seed, whose verdicts are not those of longer ones: what is tested is that they
follow the runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest
import torch

from core.claims import claim
from core.claims import training as subject
from core.claims.claim import VERDICTS, Values
from core.training import studies
from core.training.loop import train
from core.training.records import Record
from core.training.spec import Net, TrainingSpec
from core.training.text import from_text


def with_steps_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights stay as they were drawn."""
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: None)


def with_one_net_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strided net pools as well."""
    monkeypatch.setattr(subject, "POOLED_OR_STRIDED", ("max", "max"))


def with_nothing_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The all-convolutional nets pool as well."""
    monkeypatch.setattr(subject, "ALL_CONVOLUTIONAL", ("max", "max", "max"))


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    15: with_steps_that_change_nothing,
    20: with_one_net_twice,
    26: with_nothing_replaced,
}
SHORT: dict[int, dict[str, Any]] = {
    15: {"steps": 30, "seeds": 1},
    20: {"steps": 30, "seeds": 1, "depth": 1},
    26: {"steps": 30, "seeds": 1},
}
KNOWN = {15: "holds", 20: "holds when", 26: "does not hold"}
NUMBERS = sorted(KNOWN)


@pytest.mark.parametrize("number", NUMBERS)
def test_the_verdict_where_it_is_known_and_where_the_experiment_is_broken(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert claim(number).run(SHORT[number]).verdict == KNOWN[number]
    SABOTAGES[number](monkeypatch)
    assert claim(number).run(SHORT[number]).verdict != KNOWN[number]


def test_a_mark_close_by_narrows_what_a_far_one_widens() -> None:
    outcome = claim(15).run({"distance": 4, "steps": 60, "seeds": 1})
    assert outcome.verdict == "does not hold"
    assert float(outcome.evidence.rows[0][3]) < 0.9


# --- How numbers are worded, with small nets and three steps as a stand-in ------------------------


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    def few(spec: TrainingSpec, **more: Any) -> Iterator[Record]:
        net = replace(spec.net, width=4, levels=1, depth=1)
        few = {"steps": 3, "warm_up": 0, "records": min(3, spec.records), "snapshots": 1}
        return train(replace(spec, net=net, batch=8, erf_draws=1, **few), **more)

    monkeypatch.setattr(studies, "train", few)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("seeds", [1, 2])
def test_an_outcome_has_a_row_for_every_seed(number: int, seeds: int) -> None:
    outcome = claim(number).run({"steps": 30, "seeds": seeds})
    evidence = outcome.evidence
    assert outcome.verdict in VERDICTS
    assert bool(outcome.condition) == (outcome.verdict == "holds when")
    assert f"over {seeds} seed" in outcome.sentence
    assert outcome.sentence.startswith("In this run")
    assert outcome.sentence.endswith(".")
    assert len(evidence.rows) == len(evidence.agrees) == (2 * seeds if number == 20 else seeds)
    assert all(len(row) == len(evidence.columns) for row in evidence.rows)
    assert {type(cell) for row in evidence.rows for cell in row} <= {int, float, str}
    assert outcome.chart.series


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("number", "measure", "values", "verdict"),
    [
        (15, "widening", (1.2, 1.2), "holds"),
        (15, "widening", (1.2, 1.01), "holds when"),
        (15, "widening", (0.9, 1.01), "does not hold"),
        (20, "reaching", (1.0, 0.5), "holds when"),
        (26, "accuracy", (0.9, 0.9, 0.9, 0.9, 0.9, 0.9), "holds"),
        (26, "accuracy", (0.99, 0.90, 0.9, 0.99, 0.98, 0.9), "holds when"),
        (26, "accuracy", (0.99, 0.90, 0.9, 0.99, 0.80, 0.9), "does not hold"),
    ],
)
def test_the_verdict_follows_the_numbers(
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    measure: str,
    values: Sequence[float],
    verdict: str,
) -> None:
    told, rough = cycle(values), cycle((1.0, 2.0))
    monkeypatch.setattr(studies, measure, lambda records: next(told))
    # Strides steadier in no seed: one half of claim 20 is left.
    monkeypatch.setattr(studies, "roughness", lambda records: next(rough))
    outcome = claim(number).run({"steps": 30, "seeds": 2})
    assert outcome.verdict == verdict
    assert bool(outcome.condition) == (verdict == "holds when")


# --- The training lab with the same runs ----------------------------------------------------------


def specs_of(number: int, values: Values, monkeypatch: pytest.MonkeyPatch) -> list[TrainingSpec]:
    """Those that the experiment trains."""
    seen: list[TrainingSpec] = []

    class StopError(Exception):
        pass

    def stop(specs: Sequence[TrainingSpec], seeds: Sequence[int]) -> Any:
        seen.extend(specs)
        raise StopError

    with monkeypatch.context() as patch:
        patch.setattr(studies, "compare", stop)
        with pytest.raises(StopError):
            claim(number).run(values)
    return seen


@pytest.mark.parametrize(
    ("number", "values"),
    [
        (15, {}),
        (15, {"distance": 5, "steps": 40, "seeds": 3}),
        (15, {"task": subject.NEAR}),
        (20, {}),
        (20, {"norm": "batch norm", "depth": 3, "steps": 77}),
        (26, {}),
        (26, {"distractors": 4, "seeds": 1}),
    ],
)
def test_the_link_opens_the_lab_with_the_runs_of_the_experiment(
    number: int, values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = claim(number)
    trained = specs_of(number, values, monkeypatch)
    link = one.link(one.defaults | values)
    query = dict(link.query)
    assert link.page == "training"
    assert query.pop("variants").split(",") == [spec.net.downsampling for spec in trained]
    assert int(query.pop("seeds")) == (one.defaults | values)["seeds"]
    del query["tab"]
    for spec in trained:
        words = (f"{name}={value}" for name, value in query.items())
        opened = from_text(" ".join([spec.net.downsampling, *words]))
        looks = {"records": spec.records, "snapshots": spec.snapshots}
        assert replace(opened, **looks, erf_draws=spec.erf_draws) == spec


def test_how_often_a_run_is_looked_at_does_not_change_it() -> None:
    """The lab makes other records than the experiments do; its nets come to the same weights."""
    spec = TrainingSpec(Net("strided", 1, 1, 4), steps=8, batch=8, warm_up=2)
    often, seldom = (
        list(train(replace(spec, records=records, snapshots=1, erf_draws=draws)))[-1]
        for records, draws in ((8, 2), (1, 1))
    )
    assert often.state.arrays.keys() == seldom.state.arrays.keys()
    for name, array in often.state.arrays.items():
        assert (array == seldom.state.arrays[name]).all(), name
