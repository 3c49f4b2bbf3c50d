"""Claims 1 to 3: what is known of them, where it changes, and what a broken experiment says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer import LayerSpec, operations
from viz.lessons.claims import claim
from viz.lessons.claims import sizes as subject


def with_another_stride(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch is given one more than the stride asked for."""
    name = "convolution"
    honest = operations.OPERATIONS[name].run

    def broken(spec: LayerSpec, *given: Any) -> Any:
        rows, cols = spec.stride
        return honest(replace(spec, stride=(rows + 1, cols + 1)), *given)

    row = replace(operations.OPERATIONS[name], run=broken)
    monkeypatch.setitem(operations.OPERATIONS, name, row)


def with_a_wrong_formula(monkeypatch: pytest.MonkeyPatch) -> None:
    """The closed form forgets the + 1."""
    honest = subject.formula

    def broken(*given: Any) -> Any:
        return tuple(replace(axis, outputs=axis.outputs - 1) for axis in honest(*given))

    monkeypatch.setattr(subject, "formula", broken)


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    1: with_a_wrong_formula,
    2: with_another_stride,
    3: with_another_stride,
}
KNOWN = {1: "holds", 2: "holds", 3: "holds when"}
ELSEWHERE: dict[int, tuple[dict[str, Any], str]] = {
    1: ({"layer": subject.LAYER_KINDS[2]}, "holds when"),
    2: ({"n": 7}, "holds when"),
    3: ({"sizes": 1}, "holds"),
}


@pytest.mark.parametrize("number", KNOWN)
def test_the_verdict_where_it_is_told(number: int) -> None:
    assert claim(number).run().verdict == KNOWN[number]


@pytest.mark.parametrize("number", ELSEWHERE)
def test_a_setting_changes_the_verdict(number: int) -> None:
    values, verdict = ELSEWHERE[number]
    assert claim(number).run(values).verdict == verdict


@pytest.mark.parametrize("number", SABOTAGES)
def test_a_broken_experiment_changes_the_verdict(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    SABOTAGES[number](monkeypatch)
    assert claim(number).run().verdict != KNOWN[number]


def test_one_that_torch_breaks_changes_the_formula_s_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_another_stride(monkeypatch)
    assert claim(1).run().verdict != "holds"


@given(
    st.sampled_from(subject.LAYER_KINDS[:2]),
    st.integers(1, 7),
    st.integers(1, 6),
    st.integers(0, 4),
    st.integers(1, 4),
)
def test_the_formula_holds_for_every_layer_that_rounds_down(
    layer: str, kernel_size: int, stride: int, padding: int, dilation: int
) -> None:
    values = {"layer": layer, "kernel_size": kernel_size, "stride": stride}
    values |= {"padding": padding, "dilation": dilation}
    if layer != subject.LAYER_KINDS[0] and padding > kernel_size // 2:
        with pytest.raises(SpecError):
            claim(1).run(values)
        return
    assert claim(1).run(values).verdict == "holds"


@given(st.integers(1, 7), st.integers(2, 6))
def test_rounding_up_agrees_with_the_formula_where_the_division_is_whole(
    kernel_size: int, stride: int
) -> None:
    values = {"layer": subject.LAYER_KINDS[2], "kernel_size": kernel_size, "stride": stride}
    outcome = claim(1).run(values | {"padding": 0})
    for (n, _, told, own, torch), agrees in zip(
        outcome.evidence.rows, outcome.evidence.agrees, strict=True
    ):
        windows = range(0, int(n), stride)
        fits = [start for start in windows if start + kernel_size <= int(n)]
        assert told == len(fits)
        assert own == torch
        assert agrees == (torch == len(fits))


@given(st.integers(3, 32), st.integers(1, 3), st.integers(2, 6))
def test_the_rows_left_over_are_those_past_the_last_window(
    n: int, kernel_size: int, stride: int
) -> None:
    outcome = claim(2).run({"n": n, "kernel_size": kernel_size, "stride": stride})
    starts = range(0, n - kernel_size + 1, stride)
    read = {start + tap for start in starts for tap in range(kernel_size)}
    assert outcome.evidence.rows[1][-1] == n - len(read)


@given(st.integers(7, 512))
def test_halving_needs_a_multiple_of_the_stride(n: int) -> None:
    outcome = claim(3).run({"n": n, "sizes": 1})
    agree = dict(
        zip((row[0] for row in outcome.evidence.rows), outcome.evidence.agrees, strict=True)
    )
    assert agree["3×3 s2 p1"] == agree["4×4 s2 p1"] == agree["7×7 s2 p3"] == (n % 2 == 0)
    assert agree["3×3 s1 p1"]
    assert agree["4×4 s4 p0"] == (n % 4 == 0)
