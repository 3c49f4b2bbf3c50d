"""Claims 22 and 23: what is known, where it changes, what a broken experiment says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.shift import consistency, layer
from tests.examples import examples
from viz.lessons.claims import claim
from viz.lessons.claims import shift as subject


def with_one_pixel_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The output is compared with itself moved one pixel further."""
    honest = consistency.shifted

    def broken(maps: NDArray[Any], shift: Sequence[float]) -> NDArray[Any]:
        return honest(maps, [each + 1 for each in shift])

    monkeypatch.setattr(consistency, "shifted", broken)


def with_a_blur_that_blurs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of its weights only the middle one is left."""

    def broken(taps: int) -> NDArray[np.float32]:
        weight = np.zeros((1, 1, taps, taps), np.float32)
        weight[0, 0, layer.same_padding(taps)[0], layer.same_padding(taps)[0]] = 1
        return weight

    monkeypatch.setattr(layer, "blur_weights", broken)


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    22: with_one_pixel_too_many,
    23: with_a_blur_that_blurs_nothing,
}
KNOWN = {22: "holds when", 23: "holds"}
CONDITIONS = {22: "the shift is a multiple of the stride 2"}
ELSEWHERE: dict[int, list[tuple[dict[str, Any], str]]] = {
    22: [({"stride": 1}, "holds"), ({"picture": "checkerboard"}, "holds")],
    23: [
        ({"stride": 4, "picture": "random"}, "holds when"),
        ({"picture": "checkerboard"}, "does not hold"),
    ],
}
PICTURES, STRIDES = st.sampled_from(subject.PICTURES), st.integers(1, 4)
FILTERS, KERNELS = st.sampled_from(subject.FILTERS), st.integers(1, 5)


@pytest.mark.parametrize("number", KNOWN)
def test_the_verdict_where_it_is_told(number: int) -> None:
    outcome = claim(number).run()
    assert outcome.verdict == KNOWN[number]
    assert outcome.condition == CONDITIONS.get(number, "")


@pytest.mark.parametrize("number", ELSEWHERE)
def test_a_setting_changes_the_verdict(number: int) -> None:
    for values, verdict in ELSEWHERE[number]:
        assert claim(number).run(values).verdict == verdict, values


@pytest.mark.parametrize("number", SABOTAGES)
def test_a_broken_experiment_changes_the_verdict(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    SABOTAGES[number](monkeypatch)
    assert claim(number).run().verdict != KNOWN[number]


@given(PICTURES, STRIDES, KERNELS, FILTERS)
@examples(25)
def test_whole_strides_are_followed_and_the_closed_form_is_what_torch_does(
    picture: str, stride: int, kernel_size: int, kernel: str
) -> None:
    values = {"picture": picture, "stride": stride, "kernel_size": kernel_size, "kernel": kernel}
    outcome = claim(22).run(values)
    for (name, by, told, found, _), agree in zip(
        outcome.evidence.rows, outcome.evidence.agrees, strict=True
    ):
        assert found == pytest.approx(told, abs=1e-4)
        if int(by) % stride == 0:
            assert found == 1
        assert (agree is None) == (name == "strided convolution")
    if stride == 1:
        assert outcome.verdict == "holds"


def test_nothing_is_invariant_in_the_sense_of_staying_as_it_was() -> None:
    rows = claim(22).run({"picture": "random"}).evidence.rows
    assert all(float(row[4]) < 0.99 for row in rows)


@given(PICTURES, st.integers(2, 4), KERNELS, FILTERS)
@examples(20)
def test_blurs_cost_what_they_multiply(
    picture: str, stride: int, kernel_size: int, kernel: str
) -> None:
    values = {"picture": picture, "stride": stride, "kernel_size": kernel_size, "kernel": kernel}
    dense, kept = subject.SIDE**2, (subject.SIDE // stride) ** 2
    for name, taps, told, found, _, macs in claim(23).run(values).evidence.rows:
        assert float(found) == pytest.approx(float(told), abs=2e-4)
        weights = kernel_size**2 if name == "strided convolution" else 0
        blur = int(taps) ** 2 * kept if taps != 1 else 0
        assert macs == weights * (kept if taps == 1 else dense) + blur


def test_where_nothing_is_lost_nothing_is_given_back() -> None:
    rows = claim(23).run({"picture": "checkerboard"}).evidence.rows
    assert {row[4] for row in rows} == {"–", "0 %"}


def test_rows_of_one_layer_are_told_together() -> None:
    rows: list[subject.Row] = [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("c", 1)]
    told = subject._agreeing_rows_by_layer(rows, (True, True, None, True, False), "by {} px")
    assert told == "it is a by 1, 2 px or b by 2 px"
