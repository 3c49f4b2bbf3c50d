"""The studies against the laws, with small settings."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.erf import Stopped, metrics
from core.erf import studies as erf_studies
from core.erf import study as erf_study
from core.erf.studies import (
    MAX_LAYERS,
    REDUCTIONS,
    activation_study,
    depth_study,
    dilation_study,
    initialisation_study,
    kernel_study,
    padding_study,
    reduction_study,
    skip_study,
)
from core.erf.study import Case, Study, StudyProgress, StudySettings, compare, power_law, run_study
from core.errors import SpecError

FEW = StudySettings(channels=8, draws=8)
PLENTY = StudySettings(channels=16, draws=64)


def by_label(study: Study) -> dict[str, erf_study.StudyRow]:
    return {row.label: row for row in study.rows}


def test_depth_follows_the_square_root() -> None:
    study = depth_study((6, 12, 24), settings=PLENTY)
    for fit in study.fits:
        assert fit.exponent == pytest.approx(fit.law, abs=0.05)
        assert fit.r_squared > 0.99
    assert study.fit("sigma").factor == pytest.approx((2 / 3) ** 0.5, rel=0.1)
    assert [row.reach for row in study.rows] == [13, 25, 49]
    for row in study.rows:
        assert row.expected is not None
        assert row.sigma == pytest.approx((2 * row.x / 3) ** 0.5, rel=0.06)
        assert metrics.sigma(row.expected.map)[0] == pytest.approx((2 * row.x / 3) ** 0.5)
        assert (row.expected.layer, row.expected.unit) == (row.erf.layer, row.erf.unit)


def test_kernels_widen_in_proportion() -> None:
    study = kernel_study((3, 5, 9), depth=4, settings=FEW)
    assert study.fit("sigma").exponent == pytest.approx(1.06, abs=0.06)  # √(k² - 1), small k
    for row in study.rows:
        assert row.sigma == pytest.approx((4 * (row.x**2 - 1) / 12) ** 0.5, rel=0.06)
        assert row.reach == 4 * (row.x - 1) + 1


def test_activations_agree_and_uniform_weights_do_not() -> None:
    widths = [row.sigma for row in activation_study(depth=6, settings=PLENTY).rows]
    assert max(widths) / min(widths) < 1.08
    study = by_label(initialisation_study(depth=6, settings=replace(PLENTY, activation="none")))
    assert study["he"].sigma == pytest.approx(2, rel=0.04)
    assert study["orthogonal"].sigma == pytest.approx(2, rel=0.04)
    narrow = study["uniform"].sigma
    assert narrow == pytest.approx(2 / 2**0.5, rel=0.04)
    expected = study["uniform"].expected
    assert expected is not None
    np.testing.assert_allclose(study["uniform"].erf.map, expected.map, atol=1e-6)
    told = replace(FEW, aggregate="abs", activation="none")
    (row,) = initialisation_study(("uniform",), depth=6, settings=told).rows
    assert row.expected is not None
    np.testing.assert_allclose(row.erf.map, row.expected.map, atol=1e-6)
    signed = replace(told, aggregate="signed", draws=1)
    (row,) = initialisation_study(("he",), depth=2, settings=signed).rows
    assert row.expected is None


def test_dilations_reach_far_and_leave_holes() -> None:
    study = by_label(dilation_study(settings=FEW))
    assert study["1 2 4 8 16"].reach == 63
    assert study["1 2 4 8 16"].erf.zeros_share == 0
    assert study["2 2 2"].erf.zeros_share == pytest.approx(1 - 49 / 169)
    assert [row.x for row in study.values()] == [5, 6, 31]


def test_every_reduction_halves_and_is_what_theory_expects() -> None:
    study = by_label(reduction_study(stages=3, settings=PLENTY))
    assert list(study) == list(REDUCTIONS)
    assert study["none"].reach == 7
    assert study["stride"].reach == 15
    assert {study[kind].reach for kind in ("max", "average", "strided", "blur")} == {22}
    for row in study.values():
        assert row.expected is not None
        assert row.sigma == pytest.approx(metrics.sigma(row.expected.map)[0], rel=0.06)


def test_skips_narrow_the_field_that_theory_leaves_as_it_is() -> None:
    with_skips, without = skip_study(5, settings=PLENTY).rows
    assert with_skips.reach == without.reach == 21
    for row in (with_skips, without):
        assert row.expected is not None
        assert row.sigma == pytest.approx(metrics.sigma(row.expected.map)[0], rel=0.06)
    assert with_skips.sigma < 0.9 * without.sigma


def test_padding_matters_at_the_border_only() -> None:
    study = by_label(padding_study(("zeros", "reflect"), depth=4, settings=PLENTY))
    corner, center = study["zeros, corner"].erf, study["zeros, center"].erf
    assert center.unit == (4, 4)
    assert center.lost_to_padding == 0
    assert corner.unit == (0, 0)
    assert corner.lost_to_padding > 0.7
    assert study["reflect, corner"].erf.lost_to_padding == pytest.approx(0)
    border = study["zeros, border"].erf
    assert border.sigma[0] < 0.9 * border.sigma[1]
    assert border.centroid_offset[0] > 0.5
    assert abs(border.centroid_offset[1]) < 0.5


def test_any_networks_can_be_compared_and_stay_as_they_are() -> None:
    torch.manual_seed(0)
    before = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3))
    after = copy.deepcopy(before)
    with torch.no_grad():
        after[2].weight.zero_()[:, :, 1, 1] = 1
    kept = [p.clone() for p in after.parameters()]
    told = replace(erf_study.TRAINED_SETTINGS, draws=4)
    study = compare([("before", before), ("after", after)], (2, 20, 20), settings=told)
    assert [row.label for row in study.rows] == ["before", "after"]
    assert [row.erf.recipe.weights for row in study.rows] == ["as_is", "as_is"]
    assert study.rows[1].sigma < study.rows[0].sigma
    assert study.fits == ()
    assert all(torch.equal(a, b) for a, b in zip(kept, after.parameters(), strict=True))
    placed = compare([("before", before)], (2, 20, 20), "0", (0, 1), told).rows[0].erf
    assert (placed.layer, placed.unit) == ("_0", (0, 1))


def test_progress_is_reported_in_order_and_stops_where_it_is_told_to() -> None:
    seen: list[StudyProgress] = []
    study = depth_study((2, 3), settings=FEW, progress=seen.append)
    assert [(p.label, p.done, p.total) for p in seen if p.inner.done == 8] == [
        ("2", 0, 2),
        ("3", 1, 2),
    ]
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert len(study.rows) == 2

    for last in (4, 8):  # in the middle and at the end of a network
        seen.clear()

        def stop(p: StudyProgress, last: int = last) -> bool:
            seen.append(p)
            return p.inner.done < last

        with pytest.raises(Stopped) as stopped:
            depth_study((2, 3), settings=FEW, progress=stop)
        assert {p.label for p in seen} == {"2"}
        assert stopped.value.partial.convergence[-1].draws == last


def test_a_study_is_the_same_for_the_same_seed() -> None:
    a, b = (skip_study(2, settings=FEW) for _ in range(2))
    other = skip_study(2, settings=replace(FEW, seed=1))
    np.testing.assert_array_equal(a.rows[0].erf.map, b.rows[0].erf.map)
    assert not np.array_equal(a.rows[0].erf.map, other.rows[0].erf.map)
    state = torch.get_rng_state()
    skip_study(2, settings=FEW)
    assert torch.equal(state, torch.get_rng_state())


@given(
    st.floats(-3, 3),
    st.floats(0.01, 100),
    st.lists(st.floats(0.1, 1000), min_size=2, max_size=8, unique=True),
)
def test_power_laws_are_found_exactly(exponent: float, factor: float, x: list[float]) -> None:
    if max(x) / min(x) < 1.01:
        return
    found = power_law(x, [factor * value**exponent for value in x])
    assert found[0] == pytest.approx(exponent, abs=1e-6)
    assert found[1] == pytest.approx(factor, rel=1e-4)
    assert found[2] == pytest.approx(1, abs=1e-6)


def test_r_squared_tells_a_bad_fit() -> None:
    assert power_law([1, 2, 4, 8], [1, 9, 1, 9])[2] < 0.5


HUGE = Case("huge", 0, nn.Conv2d(64, 64, 31, padding=15), (64, 1024, 1024), StudySettings())


@pytest.mark.parametrize(
    "call, parameter",
    [
        (lambda: StudySettings(channels=0), "channels"),
        (lambda: StudySettings(channels=65), "channels"),
        (lambda: StudySettings(activation="step"), "activation"),
        (lambda: StudySettings(draws=0), "draws"),
        (lambda: StudySettings(weights="ones"), "weights"),
        (lambda: depth_study(()), "cases"),
        (lambda: depth_study((2,) * 65), "cases"),
        (lambda: depth_study((0,)), "number of layers"),
        (lambda: depth_study((MAX_LAYERS + 1,)), "number of layers"),
        (lambda: depth_study((2.5,)), "number of layers"),
        (lambda: skip_study("many"), "number of layers"),
        (lambda: kernel_study((4,)), "kernel_size"),
        (lambda: kernel_study((2001,)), "kernel_size"),
        (lambda: kernel_study((99,), 20, replace(FEW, channels=1)), "receptive field"),
        (lambda: kernel_study((63,), depth=16, settings=PLENTY), "kernel_size"),
        (lambda: reduction_study(("stride",), 12, replace(FEW, channels=1)), "receptive field"),
        (lambda: reduction_study(("half",)), "reductions"),
        (lambda: padding_study(("mirror",)), "padding_mode"),
        (lambda: padding_study(positions=("left",)), "positions"),
        (lambda: activation_study(("step",)), "activation"),
        (lambda: run_study("huge", "", [HUGE]), "draws"),
        (lambda: power_law([1, 1], [2, 3]), "x"),
        (lambda: power_law([1, 2], [0, 3]), "x"),
        (lambda: depth_study((2,), settings=FEW).fit("sigma"), "quantity"),
    ],
)
def test_what_cannot_be_studied_is_refused(call: Any, parameter: str) -> None:
    with pytest.raises(SpecError) as refused:
        call()
    assert refused.value.parameter == parameter


def test_every_study_is_offered_with_settings_and_progress() -> None:
    studies = [getattr(erf_studies, name) for name in dir(erf_studies) if name.endswith("_study")]
    calls = [s for s in studies if s.__module__ == "core.erf.studies"]
    assert len(calls) == 8
    for study in calls:
        assert {"settings", "progress"} <= set(study.__annotations__)
