"""A run as a line of text: every spec comes back as it was, everything else is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.training import (
    DOWNSAMPLINGS,
    HEADS,
    OPTIMIZERS,
    Digits,
    LongRange,
    Net,
    OwnImages,
    TrainingSpec,
)
from core.training.spec import MAX_SEED
from core.training.text import MAX_TEXT, from_text, to_text

OWN = OwnImages(
    "0123456789abcdef" * 2, np.zeros((8, 1, 8, 8), np.float32), np.arange(8) // 4, (0, 1)
)


def bounded_floats(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high) | st.integers(int(low) + 1, int(high)).map(float)


NETS = st.builds(
    Net,
    st.sampled_from(DOWNSAMPLINGS),
    st.integers(1, 4),
    st.integers(2, 6),
    st.integers(4, 32),
    st.booleans(),
    st.booleans(),
    st.sampled_from(HEADS),
)
SIDES = st.tuples(st.integers(8, 32), st.integers(8, 32)).map(sorted)
TASKS = st.one_of(
    st.builds(lambda sides, more: Digits(*sides, more), SIDES, st.integers(0, 4)),
    st.builds(LongRange, st.integers(3, 14), st.floats(-0.0, 1), st.sampled_from(["far", "agree"])),
    st.just(OWN),
)


@st.composite
def specs(draw: st.DrawFn) -> TrainingSpec:
    steps, records = draw(st.integers(1, 5000)), draw(st.integers(1, 200))
    return TrainingSpec(
        draw(NETS),
        draw(TASKS),
        draw(st.sampled_from(OPTIMIZERS)),
        draw(bounded_floats(1e-6, 10)),
        draw(st.floats(-0.0, 1)),
        draw(st.integers(2, 256)),
        steps,
        draw(st.integers(0, steps)),
        draw(st.integers(0, MAX_SEED)),
        records,
        draw(st.integers(1, min(20, records))),
        draw(st.integers(1, 64)),
    )


@given(specs())
def test_every_spec_comes_back(spec: TrainingSpec) -> None:
    text = to_text(spec)
    assert from_text(text, OWN) == spec
    assert text.split()[0] == spec.net.downsampling
    assert len(text) <= MAX_TEXT
    assert text.isascii()


@given(specs(), st.randoms())
def test_the_order_of_the_settings_is_free(spec: TrainingSpec, random: Any) -> None:
    first, *rest = to_text(spec).split()
    random.shuffle(rest)
    again = from_text(" ".join([first, *rest]), OWN)
    assert again == spec
    assert to_text(again) == to_text(spec)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (TrainingSpec(), "max"),
        (TrainingSpec(Net("strided", depth=2), LongRange(), seed=3),
         "strided depth=2 task=long_range seed=3"),
        (TrainingSpec(task=LongRange(10, 0.0)), "max task=long_range distance=10 noise=0.0"),
        (TrainingSpec(task=Digits(distractors=2)), "max distractors=2"),
        (TrainingSpec(Net(batch_norm=False), OWN, learning_rate=1),
         f"max batch_norm=false task=own digest={OWN.digest} learning_rate=1.0"),
        (TrainingSpec(learning_rate=1e-5), "max learning_rate=1e-05"),
    ],
)  # fmt: skip
def test_a_line_says_only_what_is_not_usual(spec: TrainingSpec, text: str) -> None:
    assert to_text(spec) == text
    assert from_text(text, OWN) == spec


WORDS = st.sampled_from(
    [
        *("max", "strided", "depth=2", "depth=2", "depth=-1", "depth=1_0", "depth=٣", "depth=1e1"),
        *(
            "width=99999999999",
            "skips=true",
            "skips=1",
            "batch_norm=True",
            "head=none",
            "head=av\n",
        ),
        *("task=own", f"digest={OWN.digest}", "digest=", "task=long_range", "task=", "distance=3"),
        *("smallest=9", "noise=nan", "noise=-0.0", "learning_rate=1e999", "learning_rate=inf"),
        *("steps=20", "warm_up=30", "seed=3", "net=max", "downsampling=max", "=", "", "seed", "\0"),
    ]
)


@given(st.lists(WORDS, max_size=6).map(" ".join) | st.text(max_size=60))
def test_whatever_a_link_says_gives_a_run_or_a_sentence(text: str) -> None:
    try:
        spec = from_text(text, OWN)
    except SpecError as error:
        told = str(error)
    else:
        assert from_text(to_text(spec), OWN) == spec
        return
    assert len(told) < 300


@pytest.mark.parametrize(
    ("text", "parameter", "rule"),
    [
        ("", "run", "must begin with one of max, average"),
        ("maximum", "run", "must begin with"),
        ("max " + "x" * MAX_TEXT, "run", "at most 600 characters"),
        ("max depth", "run", "name=value"),
        ("max depth=2 depth=2", "run", "each name once"),
        ("max depth=two", "depth", "a whole number"),
        ("max depth=9", "depth", "at most 6"),
        ("max skips=yes", "skips", "true or false"),
        ("max noise=0.2", "run", "settings of its net, task and training"),
        ("max task=long_range smallest=9", "run", "settings of"),
        ("max task=chess", "task", "one of digits, long_range, own"),
        ("max learning_rate=nan", "learning_rate", "a number"),
        ("max net=max", "run", "settings of"),
        ("max steps=20", "warm_up", "at most 20"),
        ("max task=own", "digest", "once more"),
        ("max task=own digest=" + "0" * 32, "digest", "once more"),
    ],
)
def test_what_is_wrong_is_said(text: str, parameter: str, rule: str) -> None:
    with pytest.raises(SpecError, match=rule) as told:
        from_text(text, OWN)
    assert told.value.parameter == parameter
    assert len(str(told.value)) < 300


def test_images_that_are_not_here_are_asked_for() -> None:
    with pytest.raises(SpecError, match="digest must be that of images that are here"):
        from_text(to_text(replace(TrainingSpec(), task=OWN)))
