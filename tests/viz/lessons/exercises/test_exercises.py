"""Generated questions: right by torch, never ambiguous, never repeated in a row, the same anywhere."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer.operations import check
from core.networks import resolve
from tests.viz.lessons.exercise_oracles import ORACLES
from viz.lessons.exercises import (
    KINDS,
    LEVELS,
    LayerSubject,
    NetworkSubject,
    Question,
    answer_text,
    judge,
    kind_in_series,
    letter,
    question,
    series,
)
from viz.lessons.exercises.seeded_random import SeededRandom

ROOT = Path(__file__).parents[4]
EVERY = [(kind, level) for kind in KINDS for level in LEVELS]
CHECKED = 350
"""Questions of each kind and level that torch is asked about: over a thousand a kind."""


@cache
def many(kind: str, level: int) -> tuple[Question, ...]:
    return tuple(question(kind, level, 0, number) for number in range(CHECKED))


def questions(kind: str, level: int, count: int = CHECKED, seed: int = 0) -> list[Question]:
    if seed == 0:
        return list(many(kind, level)[:count])
    return [question(kind, level, seed, number) for number in range(count)]


def test_every_kind_has_an_oracle() -> None:
    assert list(ORACLES) == list(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("kind, level", EVERY)
def test_torch_gives_the_same_answer(kind: str, level: int) -> None:
    for each in questions(kind, level):
        assert ORACLES[kind](each) == each.answer, each.text


@pytest.mark.parametrize("kind, level", EVERY)
def test_nothing_is_ambiguous(kind: str, level: int) -> None:
    for each in questions(kind, level):
        wrong = [answer for answer, _ in each.mistakes]
        assert each.answer not in wrong
        assert len(set(wrong)) == len(wrong)
        assert all(why.strip().endswith((".", ")")) for _, why in each.mistakes), each.mistakes
        assert len(set(each.options)) == len(each.options)
        assert (each.form == "choice") == bool(each.options)
        if each.form == "choice":
            assert sorted([*wrong, each.answer]) == list(range(len(each.options)))
        assert each.text.strip()
        assert each.solution.strip()
        worked = each.solution.replace(r"\,", ",").replace("-", "−")
        parts = [answer_text(each, each.answer)] if each.form != "side" else [str(each.answer[0])]
        assert all(part in worked for part in parts if each.form != "pair"), worked


@pytest.mark.parametrize("kind, level", EVERY)
def test_none_follows_itself_and_few_come_again(kind: str, level: int) -> None:
    texts = [each.text + each.code for each in questions(kind, level)]
    assert all(one != other for one, other in itertools.pairwise(texts))
    assert len(set(texts)) > 90
    assert max(Counter(texts).values()) < 15


@pytest.mark.parametrize("kind", KINDS)
def test_levels_differ(kind: str) -> None:
    texts = [{each.text + each.code for each in questions(kind, level)} for level in LEVELS]
    assert not texts[0] & texts[1]
    assert not texts[1] & texts[2]
    assert not texts[0] & texts[2]


@pytest.mark.parametrize("kind", KINDS)
def test_most_questions_know_several_mistakes(kind: str) -> None:
    counts = [len(each.mistakes) for level in LEVELS for each in questions(kind, level, 100)]
    assert sum(count >= 2 for count in counts) > 0.9 * len(counts)


def test_seeds_and_numbers_make_other_questions() -> None:
    for kind, level in EVERY:
        first, second = (
            [each.text + each.code for each in questions(kind, level, 40, seed)] for seed in (0, 1)
        )
        assert first != second


SAME = """
import json, sys
from viz.lessons.exercises import KINDS, question
print(json.dumps([str(question(k, l, 11, n)) for k in KINDS for l in (1, 2, 3) for n in range(4)]))
print("torch" in sys.modules)
"""


def test_another_process_makes_the_same_and_needs_no_torch() -> None:
    outs = [
        subprocess.run(
            [sys.executable, "-c", SAME],
            capture_output=True,
            text=True,
            check=True,
            cwd=ROOT,
            env={"PYTHONHASHSEED": salt, "PYTHONPATH": str(ROOT)},
        ).stdout.splitlines()
        for salt in ("1", "2")
    ]
    here = [
        str(question(kind, level, 11, number))
        for kind in KINDS
        for level in LEVELS
        for number in range(4)
    ]
    assert [json.loads(out[0]) for out in outs] == [here, here]
    assert [out[1] for out in outs] == ["False", "False"]


@pytest.mark.parametrize("kind, level", EVERY)
def test_subjects_can_be_looked_at(kind: str, level: int) -> None:
    for each in questions(kind, level, 60, seed=2):
        if isinstance(each.subject, LayerSubject):
            rows, cols = check(each.subject.layer, each.subject.size, None)
            if each.subject.output:
                assert each.subject.output[0] < rows
                assert each.subject.output[1] < cols
        else:
            assert isinstance(each.subject, NetworkSubject)
            channels, *size = each.subject.input_size
            resolve(each.subject.network, channels, tuple(size))


@given(
    st.sets(st.sampled_from(list(KINDS)), min_size=1),
    st.sampled_from(list(LEVELS)),
    st.integers(0, 9999),
)
def test_a_mixed_series_asks_each_kind_once_a_round(kinds: set[str], level: int, seed: int) -> None:
    for turn in range(3):
        places = range(turn * len(kinds), (turn + 1) * len(kinds))
        assert {kind_in_series(tuple(kinds), level, seed, place) for place in places} == kinds
    asked = [series(tuple(kinds), level, seed, number) for number in range(4)]
    assert all(a.text + a.code != b.text + b.code for a, b in itertools.pairwise(asked))


@pytest.mark.parametrize(
    "place, parameter",
    [
        (("nonsense", 1, 0, 0), "kind"),
        (("reach", 4, 0, 0), "level"),
        (("reach", 1, -1, 0), "seed"),
        (("reach", 1, 0, 10_000), "number"),
    ],
)
def test_no_such_question(place: tuple[str, int, int, int], parameter: str) -> None:
    with pytest.raises(SpecError) as refused:
        question(*place)
    assert refused.value.parameter == parameter


def test_no_kind_chosen() -> None:
    with pytest.raises(SpecError):
        series((), 1, 0, 0)


def test_draws_are_even_and_cover_everything() -> None:
    rng = SeededRandom("fair", 1)
    counts = Counter(rng.below(6) for _ in range(6000))
    assert set(counts) == set(range(6))
    assert min(counts.values()) > 850
    assert sorted(rng.shuffled(range(9))) == list(range(9))
    assert {SeededRandom("s", i).shuffled("ab")[0] for i in range(20)} == {"a", "b"}


@pytest.mark.parametrize("kind, level", EVERY)
def test_the_right_answer_is_judged_right_and_each_mistake_explained(kind: str, level: int) -> None:
    for each in questions(kind, level, 40, seed=5):
        assert judge(each, answer_text(each, each.answer)).right is True
        for wrong, why in each.mistakes:
            verdict = judge(each, answer_text(each, wrong))
            assert verdict.right is False
            assert why in verdict.message
            assert verdict.solution == each.solution
        if each.options:
            assert judge(each, each.options[each.answer]).right
            assert judge(each, letter(each.answer).lower()).right
