"""Claims 17, 18, 19 and 21: what is known, where it changes, what a broken experiment says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.gradients import flow, rebuild
from core.gradients.recipe import FlowSpec
from core.layer.padding import FILLS
from core.plots.plot import Polyline
from tests.core.plots.reading import marks_of
from tests.examples import examples
from viz.lessons.claims import backward, claim, depth
from viz.lessons.claims import gradients as subject


def with_maxima_for_means(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch takes the maximum where it is asked for the mean."""

    def broken(x: torch.Tensor, size: Any, stride: Any, *_: Any) -> torch.Tensor:
        return torch.nn.functional.max_pool2d(x, size, stride)

    monkeypatch.setattr(torch.nn.functional, "avg_pool2d", broken)


def with_sums_for_means(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch forgets to divide."""
    honest = torch.nn.functional.avg_pool2d

    def broken(x: torch.Tensor, size: Any, *rest: Any) -> torch.Tensor:
        return honest(x, size, *rest) * size[0] * size[1]

    monkeypatch.setattr(torch.nn.functional, "avg_pool2d", broken)


def with_a_kernel_unflipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's channels are exchanged, and it is not turned."""
    honest = rebuild._flipped_kernel
    monkeypatch.setattr(
        rebuild, "_flipped_kernel", lambda w, groups: honest(w, groups)[:, :, ::-1, ::-1]
    )


def with_larger_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own initialisation with the variance of He's."""
    honest = flow._random_weight
    monkeypatch.setattr(flow, "_random_weight", lambda *given: honest(*given) * 6**0.5)


SABOTAGES: dict[int, Callable[[pytest.MonkeyPatch], None]] = {
    17: with_maxima_for_means,
    18: with_sums_for_means,
    19: with_a_kernel_unflipped,
    21: with_larger_weights,
}
KNOWN = {17: "holds when", 18: "holds", 19: "holds", 21: "holds"}
CONDITIONS = {17: "the convolution's kernel is at least as large as its stride"}
ELSEWHERE: dict[int, list[tuple[dict[str, Any], str]]] = {
    17: [
        ({"kernel_size": 2}, "holds"),
        ({"kernel_size": 2, "weights": "Sobel"}, "holds when"),
        ({"stride": 4, "kernel_size": 1}, "does not hold"),
    ],
    18: [
        ({"kernel_size": 3}, "holds when"),
        ({"kernel_size": 5, "stride": 1, "padding": 2}, "does not hold"),
        ({"kernel_size": 3, "arriving": subject.ONE_UNIT}, "holds"),
        ({"kernel_size": 3, "stride": 3}, "holds"),
    ],
    19: [
        ({"output_padding": backward.NO_OUTPUT_PADDING}, "holds when"),
        ({"padding_mode": "circular"}, "does not hold"),
    ],
    21: [
        ({"weights": "he"}, "does not hold"),
        ({"depth": "5"}, "holds when"),
        ({"weights": "he", "activation": "sigmoid", "depth": "10"}, "holds"),
    ],
}


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
    before = claim(number).run()
    SABOTAGES[number](monkeypatch)
    after = claim(number).run()
    assert (after.verdict, after.condition) != (before.verdict, before.condition)


def test_a_shortcut_of_1x1_starves_three_quarters() -> None:
    rows = claim(17).run().evidence.rows
    assert {row[0]: row[4] for row in rows} == {
        "2×2 max pooling, stride 2": "75 %",
        "2×2 average pooling, stride 2": "0 %",
        "1×1 convolution, stride 2": "75 %",
        "2×2 convolution, stride 2": "0 %",
        "3×3 convolution, stride 2": "0 %",
    }


@given(st.integers(1, 4), st.integers(1, 5), st.integers(1, 4))
@examples(25)
def test_windows_by_hand_say_who_gets_none(stride: int, kernel_size: int, pool: int) -> None:
    outcome = claim(17).run({"stride": stride, "kernel_size": kernel_size, "pool": pool})
    sizes = (pool, *range(kernel_size, kernel_size + subject.COMPARED_KERNELS))
    for row, size in zip(outcome.evidence.rows[1:], sizes, strict=True):
        read = {
            start * stride + tap for start in range(subject.WINDOWS_PER_SIDE) for tap in range(size)
        }
        starved = f"{100 * (1 - (len(read) / int(row[1])) ** 2):.4g} %"
        assert row[3] == row[4] == starved
    top = outcome.evidence.rows[0]
    assert (top[3] == top[4]) == (stride >= pool) or pool > stride


@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 2))
@examples(25)
def test_one_unit_always_shares_as_told(kernel_size: int, stride: int, padding: int) -> None:
    values = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    if padding > kernel_size // 2:
        with pytest.raises(SpecError):
            claim(18).run(values)
        return
    assert claim(18).run(values | {"arriving": subject.ONE_UNIT}).verdict == "holds"
    if kernel_size <= stride:
        assert claim(18).run(values).verdict == "holds"


@given(st.integers(1, 7), st.integers(1, 4), st.sampled_from(sorted(FILLS)))
@examples(25)
def test_backward_needs_the_remainder_and_zeros_around(k: int, stride: int, fill: str) -> None:
    values = {"kernel_size": k, "stride": stride, "padding_mode": fill}
    outcome = claim(19).run(values)
    assert (outcome.verdict == "holds") == (fill == "zeros" or k == 1)
    short = claim(19).run(values | {"output_padding": backward.NO_OUTPUT_PADDING})
    for row, agree in zip(short.evidence.rows, short.evidence.agrees, strict=True):
        n = int(str(row[0]).split("×")[0])
        assert row[1] == (n + 2 * (k // 2) - k) % stride
        assert agree == (row[1] == 0 and (fill == "zeros" or k == 1))


@pytest.mark.parametrize("downsampling", ["none", "stride", "average", "blur"])
@pytest.mark.parametrize(("weights", "activation"), [("torch", "relu"), ("xavier", "none")])
def test_the_factor_of_a_layer_in_closed_form(
    downsampling: Any, weights: Any, activation: str
) -> None:
    spec = FlowSpec(downsampling, activation, weights, depth=8, levels=2, draws=16, batch=2)
    expected = depth.expected_factor(spec)
    assert expected is not None
    assert flow.gradient_flow(spec).factor_per_layer == pytest.approx(expected, rel=0.1)


def test_no_closed_form_where_maxima_or_skips_are() -> None:
    assert depth.expected_factor(FlowSpec("max")) is None
    assert depth.expected_factor(FlowSpec("stride", skips=True)) is None


def test_the_place_where_it_dies_is_the_curve_s() -> None:
    outcome = claim(21).run()
    lines = marks_of(outcome.chart, Polyline)
    for row, line in zip(outcome.evidence.rows, lines, strict=True):
        below = np.flatnonzero(np.array(line.y) < depth.VANISHED)
        assert row[4] == (below[-1] if len(below) else "never")
        assert line.y[-1] == 1


@pytest.mark.slow
def test_the_deepest_networks_run() -> None:
    found = claim(21).run({"depth": "40", "help": "both", "weights": "orthogonal"})
    assert np.isfinite([line.y for line in marks_of(found.chart, Polyline)]).all()
