"""Claims 15, 20 and 26: their verdicts follow from the records, on both sides of every threshold
and between, whatever a short training comes to; a broken experiment has other records.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.training import loop, studies
from core.training.loop import train
from core.training.records import Record
from core.training.spec import Net, TrainingSpec
from core.training.text import from_text
from tests.core.plots.reading import all_marks
from viz.lessons.claims import claim, convolutional, runs
from viz.lessons.claims import training as subject
from viz.lessons.claims.chance import MIN_SEEDS, SIGMA_NOISE, all_above_range, second_lies_below
from viz.lessons.claims.claim import VERDICTS, Values
from viz.lessons.claims.grid import grid_points, grid_verdict

SEEDS = 3


@pytest.fixture(autouse=True, scope="module")
def apart_from_other_modules() -> Iterator[None]:
    """The stand-ins are these tests' own."""
    runs.training_records.cache_clear()
    yield
    runs.training_records.cache_clear()


@pytest.fixture
def anew(apart_from_other_modules: None) -> Iterator[None]:
    """No run is taken from another test, or left to one."""
    runs.training_records.cache_clear()
    yield
    runs.training_records.cache_clear()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small nets and three steps as a stand-in."""

    def few(spec: TrainingSpec, **more: Any) -> Iterator[Record]:
        net = replace(spec.net, width=4, levels=1, depth=1)
        few = {"steps": 3, "warm_up": 0, "records": min(3, spec.records), "snapshots": 1}
        return train(replace(spec, net=net, batch=8, erf_draws=1, **few), **more)

    monkeypatch.setattr(loop, "train", few)


def with_steps_that_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights stay as they were drawn."""
    monkeypatch.setattr(torch.optim.AdamW, "step", lambda self: None)


def with_one_net_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The strided net pools as well."""
    monkeypatch.setattr(subject, "POOLED_OR_STRIDED", ("max", "max"))


def with_nothing_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The all-convolutional nets pool as well."""
    monkeypatch.setattr(
        convolutional, "REPLACEMENTS", dict.fromkeys(convolutional.REPLACEMENTS, "max")
    )


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    15: with_steps_that_change_nothing,
    20: with_one_net_twice,
    26: with_nothing_replaced,
}
NUMBERS = sorted(SABOTAGES)


@pytest.mark.slow
@pytest.mark.usefixtures("anew")
def test_weights_that_stay_widen_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with_steps_that_change_nothing(monkeypatch)
    outcome = claim(15).run({"seeds": SEEDS})
    assert {row[3] for row in outcome.evidence.rows} == {1.0}
    assert outcome.verdict == "does not hold"


@pytest.mark.slow
@pytest.mark.usefixtures("anew")
def test_a_net_beside_itself_differs_in_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with_one_net_twice(monkeypatch)
    outcome = claim(20).run({"seeds": SEEDS})
    assert all(row[2] == row[3] for row in outcome.evidence.rows)
    assert outcome.verdict == "not decided here"


@pytest.mark.slow
@pytest.mark.usefixtures("anew")
def test_a_net_in_place_of_itself_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = claim(26).run({"seeds": SEEDS})
    assert any(row[1] != row[2] for row in honest.evidence.rows)
    runs.training_records.cache_clear()
    with_nothing_replaced(monkeypatch)
    outcome = claim(26).run({"seeds": SEEDS})
    assert all(row[1] == row[2] for row in outcome.evidence.rows)


@pytest.mark.slow
@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("seeds", [1, SEEDS])
def test_an_outcome_has_a_row_for_every_seed(number: int, seeds: int) -> None:
    outcome = claim(number).run({"steps": 30, "seeds": seeds})
    evidence = outcome.evidence
    assert outcome.verdict in VERDICTS
    assert bool(outcome.condition) == (outcome.verdict == "holds when")
    assert f"ver {seeds} seed" in outcome.sentence
    assert outcome.sentence.endswith(".")
    rows = {15: seeds, 20: 2 * seeds, 26: seeds + 1}[number]
    assert len(evidence.rows) == len(evidence.agrees) == rows
    assert all(len(row) == len(evidence.columns) for row in evidence.rows)
    assert {type(cell) for row in evidence.rows for cell in row} <= {int, float, str}
    assert list(all_marks(outcome.chart))


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("seeds", range(1, MIN_SEEDS))
def test_too_few_seeds_decide_nothing(number: int, seeds: int) -> None:
    outcome = claim(number).run({"steps": 30, "seeds": seeds})
    assert outcome.verdict == "not decided here"
    assert f"At least {MIN_SEEDS} seeds are needed" in outcome.sentence


# --- Verdicts from records, on both sides of the threshold and between ----------------------------

LOW, HIGH = (0.2, 0.25, 0.3), (0.4, 0.5, 0.6)
ACROSS = (0.28, 0.3, 0.45)
EDGE = SIGMA_NOISE**2
TABLE: list[tuple[int, dict[str, Sequence[float]], str]] = [
    (15, {"erf_growth": (1.2, 1.2, 1.3)}, "holds"),
    (15, {"erf_growth": (EDGE + 0.001,) * 3}, "holds"),
    (15, {"erf_growth": (EDGE - 0.001, 1.2, 1.3)}, "not decided here"),
    (15, {"erf_growth": (0.9, 1.2, 1.3)}, "not decided here"),
    (15, {"erf_growth": (SIGMA_NOISE + 0.001,) * 3}, "not decided here"),
    (15, {"erf_growth": (SIGMA_NOISE - 0.001,) * 3}, "does not hold"),
    (15, {"erf_growth": (0.7, 0.9, 1.04)}, "does not hold"),
    (20, {"first_layer_gradient_share": (*HIGH, *LOW), "loss_roughness": (*HIGH, *LOW)}, "holds"),
    (
        20,
        {"first_layer_gradient_share": (*HIGH, *LOW), "loss_roughness": (*LOW, *HIGH)},
        "holds when",
    ),
    (
        20,
        {"first_layer_gradient_share": (*LOW, *HIGH), "loss_roughness": (*LOW, *HIGH)},
        "does not hold",
    ),
    (
        20,
        {"first_layer_gradient_share": (*HIGH, *ACROSS), "loss_roughness": (*HIGH, *LOW)},
        "not decided here",
    ),
    (
        20,
        {"first_layer_gradient_share": (*ACROSS, *ACROSS), "loss_roughness": (*LOW, *HIGH)},
        "not decided here",
    ),
    (26, {"final_test_accuracy": (0.98,) * 6}, "holds"),
    (26, {"final_test_accuracy": (*(0.90,) * 3, *(0.98,) * 3)}, "holds"),
    (26, {"final_test_accuracy": (*(0.98,) * 3, *(0.975,) * 3)}, "holds"),
    (26, {"final_test_accuracy": (*(0.98,) * 3, *(0.96,) * 3)}, "not decided here"),
    (26, {"final_test_accuracy": (0.98, 0.99, 0.97, 0.97, 0.96, 0.965)}, "not decided here"),
    (26, {"final_test_accuracy": (*(0.70,) * 3, *(0.67,) * 3)}, "not decided here"),
    (26, {"final_test_accuracy": (*(0.98,) * 3, *(0.90,) * 3)}, "does not hold"),
]
"""Of three seeds of the first net, then of the second. Of 450 test images of which 98 in 100 are
right, chance moves a difference by 1.9 points; of 70 in 100, by 6.1."""


@pytest.mark.parametrize(("number", "measures", "verdict"), TABLE)
def test_the_verdict_follows_the_numbers(
    number: int,
    measures: dict[str, Sequence[float]],
    verdict: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, values in measures.items():
        told = iter(values)
        monkeypatch.setattr(studies, name, lambda records, told=told: next(told))
    outcome = claim(number).run({"steps": 30, "seeds": SEEDS})
    assert outcome.verdict == verdict
    assert bool(outcome.condition) == (verdict == "holds when")


BAND = st.lists(st.floats(0.01, 10), min_size=1, max_size=5)


@given(BAND, BAND)
def test_bands_that_touch_decide_nothing(first: list[float], second: list[float]) -> None:
    ways = second_lies_below(first, second), second_lies_below(second, first)
    assert ways in ((True, False), (False, True), (None, None))
    assert second_lies_below(first, first) is None
    if ways[0]:
        assert all(b < a for a in first for b in second)


@given(BAND, st.floats(0.01, 5), st.floats(0, 5))
def test_a_quantity_is_large_or_small_in_every_seed(
    values: list[float], low: float, more: float
) -> None:
    found = all_above_range(values, low, low + more)
    assert found is None or all((each > low + more) == found for each in values)
    assert found is not None or (min(values) <= low + more and max(values) >= low)


# --- Over the grid --------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("anew")
def test_one_run_serves_two_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pooled net on digits is part of claims 15 and 26."""
    made: list[TrainingSpec] = []
    honest = loop.train

    def counted(spec: TrainingSpec, **more: Any) -> Iterator[Record]:
        made.append(spec)
        return honest(spec, **more)

    monkeypatch.setattr(loop, "train", counted)
    for number in (15, 26):
        for values in grid_points(claim(number)):
            claim(number).run(values)
    assert len(made) == len(set(made)) == SEEDS * (2 + 2)


@pytest.mark.slow
@pytest.mark.usefixtures("anew")
@pytest.mark.parametrize("number", NUMBERS)
def test_nothing_is_trained_beyond_the_pieces(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks between the pieces whether to go on can stop at every run."""
    made: list[TrainingSpec] = []
    honest = loop.train

    def counted(spec: TrainingSpec, **more: Any) -> Iterator[Record]:
        made.append(spec)
        return honest(spec, **more)

    monkeypatch.setattr(loop, "train", counted)
    one = claim(number)
    for place, piece in enumerate(one.pieces(one.defaults), start=1):
        piece()
        assert len(made) == place
    one.run()
    assert len(made) == place


@pytest.mark.slow
def test_what_training_does_depends_on_the_task_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far, near = (1.3, 1.2, 1.4), (1.0, 0.9, 1.0)
    told = iter((*far, *near))
    monkeypatch.setattr(studies, "erf_growth", lambda records: next(told))
    found = grid_verdict(claim(15), [(v, claim(15).run(v)) for v in grid_points(claim(15))])
    assert found.verdict == "holds when"
    assert found.condition.startswith("the task needs a far view")


@pytest.mark.slow
def test_adding_a_convolution_and_moving_the_stride_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = iter((*(0.98,) * 3, *(0.98,) * 3, *(0.98,) * 3, *(0.93,) * 3))
    monkeypatch.setattr(studies, "final_test_accuracy", lambda records: next(told))
    found = grid_verdict(claim(26), [(v, claim(26).run(v)) for v in grid_points(claim(26))])
    assert found.verdict == "holds when"
    assert "added in the pooling's place" in found.condition


# --- The training lab with the same runs ----------------------------------------------------------


def specs_of(number: int, values: Values, monkeypatch: pytest.MonkeyPatch) -> list[TrainingSpec]:
    """Those that the experiment trains, with its first seed."""
    seen: list[TrainingSpec] = []

    def noted(spec: TrainingSpec) -> tuple[Record, ...]:
        seen.append(spec)
        return tuple(loop.train(spec))

    with monkeypatch.context() as patch:
        patch.setattr(runs, "training_records", noted)
        claim(number).run(values)
    return [spec for spec in seen if spec.seed == 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "values"),
    [
        (15, {}),
        (15, {"distance": 5, "steps": 40, "seeds": 3}),
        (15, {"task": subject.DIGITS}),
        (20, {}),
        (20, {"norm": "batch norm", "depth": 3, "steps": 77}),
        (26, {}),
        (26, {"distractors": 4, "seeds": 1}),
        (26, {"in_place": convolutional.MOVED_STRIDE}),
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
