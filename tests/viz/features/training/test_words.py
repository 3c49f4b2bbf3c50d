"""Sentences about training runs: no more than the numbers say."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.loop import learning_rate
from core.training.records import Record, Snapshot, State
from core.training.spec import Digits, LongRange, TrainingSpec
from tests.viz.features.training.training_visit import asked, tiny
from viz.features.training import words as training_words
from viz.lessons.claims.chance import SIGMA_NOISE, all_above_range

NAMES = ("max pooling", "strided convolution", "blurred stride")


def run(accuracy: float, steps: int = 30, done: int = 30) -> tuple[Record, ...]:
    """A run that ended with such an accuracy."""
    state: Any = State("", done, 0.0, {})
    shot: Any = Snapshot(0.1, accuracy, None, None, None)  # type: ignore[arg-type]
    last = Record(done, steps, 3.0, 0.01, 0.0, 0.5, 0.5, (), (), shot, state)
    return (replace(last, step=0, snapshot=shot), last)


def told(*nets: list[float], seeds: int | None = None) -> str:
    """What is said of these accuracies of each net."""
    most = seeds or max(map(len, nets))
    variants = ",".join(("max", "strided", "blurred_stride")[: len(nets)])
    c = asked(**tiny(variants=variants, seeds=most))
    runs = {(n, s): run(each) for n, net in enumerate(nets) for s, each in enumerate(net)}
    return training_words.comparison_sentence(
        c, runs, training_words.accuracy, training_words.percent, "test accuracy"
    )


def test_bands_that_lie_apart_are_called_so() -> None:
    assert told([0.9, 0.95], [0.8, 0.85]) == (
        "Over 2 seeds, test accuracy: max pooling 92.5 % (90.0–95.0 %) and strided convolution "
        "82.5 % (80.0–85.0 %). Every seed of max pooling lies above every seed of the others."
    )


def test_bands_that_overlap_are_called_so() -> None:
    said = told([0.9, 0.95], [0.91, 0.93], [0.5, 0.6])
    assert "The range of max pooling overlaps that of strided convolution" in said
    assert "these seeds do not separate them" in said
    assert said.endswith("Every seed of max pooling lies above every seed of blurred stride.")


def test_one_seed_is_no_evidence() -> None:
    said = told([0.9], [0.5])
    assert said.startswith("With one seed, ")
    assert "One seed does not show the effect of chance" in said
    assert "above" not in said


def test_runs_that_are_not_done_are_not_counted() -> None:
    assert "Over 2 seeds, as far as there are results" in told([0.9, 0.8], [0.7, 0.6], seeds=3)
    assert told([], [], seeds=3) == ""


def test_nets_that_have_not_come_equally_far_are_called_so() -> None:
    said = told([0.9, 0.8, 0.7], [0.6], seeds=3)
    assert said.startswith("Over 1 to 3 seeds, as far as there are results, ")
    assert "above" not in said


@given(st.lists(st.lists(st.floats(0, 1), min_size=0, max_size=3), min_size=1, max_size=3))
def test_nobody_s_results_are_called_this_run(nets: list[list[float]]) -> None:
    assert "this run" not in told(*nets, seeds=3).lower()


def erf(sigma: float) -> Any:
    """An effective field so wide."""
    return SimpleNamespace(sigma=(sigma, sigma))


def grown(*nets: list[float]) -> str:
    """What is said of σ that grew by these factors in each net."""
    variants = ",".join(("max", "strided", "blurred_stride")[: len(nets)])
    c = asked(**tiny(variants=variants, seeds=max(map(len, nets))))
    runs = {}
    for net, factors in enumerate(nets):
        for seed, by in enumerate(factors):
            first, last = run(0.5)
            shots = (replace(first.snapshot, erf=erf(2.0)), replace(last.snapshot, erf=erf(2 * by)))  # type: ignore[type-var]
            runs[net, seed] = (replace(first, snapshot=shots[0]), replace(last, snapshot=shots[1]))
    return training_words.growth_sentence(c, runs)


@pytest.mark.parametrize(
    ("factors", "words"),
    [
        ([1.2, 1.3, 1.11], "wider in every seed"),
        ([1.2], "1.2, wider. "),
        ([1.2, 1.08, 1.3], "neither clearly wider nor clearly narrower"),
        ([1.07, 1.08, 1.06], "neither clearly wider nor clearly narrower"),
        ([1.01, 0.99, 1.0], "as wide as before in every seed"),
        ([0.94, 0.95, 0.93], "neither clearly wider nor clearly narrower"),
        ([0.7, 0.9, 0.8], "narrower in every seed"),
        ([0.8, 1.3, 1.2], "neither clearly wider nor clearly narrower"),
    ],
)
def test_growth_is_called_so_only_beyond_what_images_make_of_it(
    factors: list[float], words: str
) -> None:
    assert words in grown(factors)


@pytest.mark.parametrize("factors", [[1.2, 1.3, 1.4], [0.8, 0.7, 0.9], [1.06, 1.2, 1.07]])
def test_the_lab_and_claim_15_agree(factors: list[float]) -> None:
    wider = all_above_range(factors, SIGMA_NOISE, SIGMA_NOISE**2)
    assert (wider is True) == ("wider in every seed" in grown(factors))
    assert wider is not False or "narrower in every seed" in grown(factors)


@pytest.mark.parametrize(
    ("steps", "warm_up", "words"),
    [
        (300, 30, "rises over 30 steps and falls to 0 over the other 270: a run with fewer"),
        (300, 0, "The learning rate falls to 0 over 300: a run"),
        (40, 40, "The learning rate rises over 40 steps: a run"),
    ],
)
def test_the_schedule_is_that_of_the_run(steps: int, warm_up: int, words: str) -> None:
    spec = TrainingSpec(steps=steps, warm_up=warm_up)
    said = training_words.schedule(spec)
    assert words in said
    rates = [learning_rate(spec, step) for step in range(steps)]
    assert ("rises" in said) == (warm_up > 0)
    assert ("falls to 0" in said) == (rates[-1] < rates[min(warm_up, steps - 1)])


@pytest.mark.parametrize(
    ("variants", "confused"),
    [
        ("max,strided", True),
        ("average,extra_conv", True),
        ("max,blurred_stride", False),
        ("strided,extra_conv", False),
    ],
)
def test_the_two_nets_without_pooling_are_told_apart(variants: str, confused: bool) -> None:
    said = training_words.confusable_nets_note(asked(**tiny(variants=variants)))
    assert bool(said) == confused


accuracies = st.lists(
    st.lists(st.floats(0, 1).map(lambda x: round(x, 3)), min_size=2, max_size=5),
    min_size=2,
    max_size=3,
).filter(lambda nets: len({len(net) for net in nets}) == 1)


@given(accuracies)
def test_apart_is_said_exactly_where_every_seed_is_better(nets: list[list[float]]) -> None:
    said = told(*nets)
    best = max(nets, key=lambda net: sum(net) / len(net))
    place = nets.index(best)
    others = [each for n, net in enumerate(nets) if n != place for each in net]
    assert ("every seed of the others" in said) == (min(best) > max(others))
    assert ("do not separate them" in said) == (min(best) <= max(others))


@pytest.mark.parametrize(
    "vary, link, sentence",
    [
        (
            "downsampling",
            {"variants": "max,strided,dilated", "seeds": 3, "steps": 1200},
            "Three nets that differ only in how they downsample, 3 seeds each, 1,200 steps, "
            "the same batches",
        ),
        (
            "depth",
            {"vary": "depth", "variants": "2", "seeds": 1, "steps": 30},
            "One net (depth 2), 1 seed, 30 steps, batches of 64",
        ),
    ],
)
def test_the_experiment_in_a_sentence(vary: str, link: dict[str, Any], sentence: str) -> None:
    assert training_words.heading(asked(**link), vary) == sentence


@pytest.mark.parametrize(
    "seconds, text",
    [(0.2, "1 s"), (12.4, "12 s"), (33, "35 s"), (56, "1 min"), (200, "3 min")],
)
def test_times_are_rounded(seconds: float, text: str) -> None:
    assert training_words.duration(seconds) == text


def test_what_is_left_is_told_from_what_was_taken() -> None:
    runs = {0: run(0.5, steps=100, done=20), 1: run(0.5, steps=100, done=10)}
    assert training_words.seconds_left(runs, 2, 100) == pytest.approx(6.0 / 30 * 170)
    assert training_words.seconds_left({0: run(0.5, done=0)}, 2, 100) is None
    assert training_words.seconds_left({}, 2, 100) is None


def test_what_is_to_be_told() -> None:
    assert training_words.task_text(Digits()) == "handwritten digits"
    assert (
        training_words.task_text(Digits(distractors=1))
        == "handwritten digits among 1 piece of others"
    )
    assert "12 px" in training_words.task_text(LongRange())


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.97, "97.0 %"), (0.958, "95.8 %"), (1, "100 %"), (0.99999, "above 99.9 %"), (0, "0 %")],
)
def test_shares_have_one_decimal(share: float, text: str) -> None:
    assert training_words.percent(share) == text
