"""Claims 11 to 13: what is known of them, where it changes, and what a broken experiment says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from tests.examples import examples
from viz.lessons.claims import claim
from viz.lessons.claims import fields as subject


def with_one_pixel_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch finds one pixel more in every field."""
    honest = subject.Chain.measured
    broken = property(lambda chain: [each + 1 for each in honest.func(chain)])
    monkeypatch.setattr(subject.Chain, "measured", broken)


def with_the_table_s_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch finds, after every pool, what the copied table says."""
    honest = subject.Chain.measured

    def broken(chain: subject.Chain) -> list[int]:
        found: list[int] = honest.func(chain)
        told = [2 ** (place + 2) - 2 for place in range(1, len(found) + 1)]
        return [told[i // 2] if "pool" in chain.line else each for i, each in enumerate(found)]

    monkeypatch.setattr(subject.Chain, "measured", property(broken))


def without_strides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every layer is built with stride 1."""
    honest = subject.width_conv_notation
    monkeypatch.setattr(
        subject,
        "width_conv_notation",
        lambda kernel, stride=1, dilation=1: honest(kernel, 1, dilation),
    )


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    11: with_one_pixel_more,
    12: with_the_table_s_numbers,
    13: without_strides,
}
KNOWN = {11: "holds", 12: "does not hold", 13: "holds"}
ELSEWHERE: dict[int, tuple[dict[str, Any], str]] = {
    11: ({"dilation": 2}, "does not hold"),
    12: ({"kernel_size": 1}, "holds when"),
    13: ({"stride": 1}, "does not hold"),
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


def test_the_numbers_of_the_copied_table_and_torch_s() -> None:
    rows = claim(12).run().evidence.rows
    assert [row[1] for row in rows] == [3, 7, 15, 31]
    assert [row[2] for row in rows] == [6, 14, 30, 62]
    assert [row[3] for row in rows] == [3, 8, 18, 38]
    assert [row[4] for row in rows] == [row[5] for row in rows] == [4, 10, 22, 46]


@examples(25)
@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))
def test_a_unit_is_reached_by_the_taps_of_all_layers(
    layers: int, kernel_size: int, stride: int, dilation: int
) -> None:
    values = {"layers": layers, "kernel_size": kernel_size}
    reached = {0}
    for _ in range(layers):
        reached = {u * stride + dilation * tap for u in reached for tap in range(kernel_size)}
    span = max(reached) - min(reached) + 1
    if span > subject.MAX_REACH:
        with pytest.raises(SpecError, match="layers"):
            claim(11).run(values | {"stride": stride, "dilation": dilation})
        return
    outcome = claim(11).run(values | {"stride": stride, "dilation": dilation})
    assert outcome.evidence.rows[-1][3] == outcome.evidence.rows[-1][2] == span


@pytest.mark.slow
@examples(6)
@given(st.integers(2, 6), st.integers(1, 5), st.integers(1, 4))
def test_each_layer_behind_a_stride_adds_that_much_more(
    layers: int, kernel_size: int, stride: int
) -> None:
    outcome = claim(13).run({"layers": layers, "kernel_size": kernel_size, "stride": stride})
    for place, closed, measured, later, _, _ in outcome.evidence.rows:
        told = 1 + (kernel_size - 1) * (int(place) + stride * int(later))
        assert closed == measured == told
    multiplies = stride > 1 and kernel_size > 1
    assert outcome.verdict == ("holds" if multiplies else "does not hold")


@pytest.mark.slow
@pytest.mark.parametrize("number", KNOWN)
def test_the_ends_of_all_settings_are_run_or_refused(number: int) -> None:
    one = claim(number)
    for end in ("low", "high"):
        try:
            outcome = one.run({each.name: getattr(each, end) for each in one.settings})
        except SpecError as error:
            assert error.parameter == "layers"  # noqa: PT017
        else:
            assert outcome.evidence.rows
