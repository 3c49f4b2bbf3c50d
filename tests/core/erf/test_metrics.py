"""Each metric against its definition, in loops or from a known distribution."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from core.erf import metrics
from core.errors import SpecError

maps = npst.arrays(
    np.float64,
    npst.array_shapes(min_dims=2, max_dims=2, max_side=7),
    elements=st.sampled_from([0.0, 0.0, 0.01, 0.3, 1.0, 2.5, 7.0]),
).filter(lambda energy: energy.sum() > 0)


@given(maps)
def test_moments_equal_their_sums_over_pixels(energy):
    total = energy.sum()
    pixels = list(np.ndenumerate(energy))
    center = [sum(place[axis] * e for place, e in pixels) / total for axis in (0, 1)]
    moments = {
        order: [
            sum((place[axis] - center[axis]) ** order * e for place, e in pixels) / total
            for axis in (0, 1)
        ]
        for order in (2, 4)
    }
    assert metrics.centroid(energy) == pytest.approx(tuple(center))
    sigma = metrics.sigma(energy)
    assert sigma == pytest.approx([math.sqrt(max(m, 0)) for m in moments[2]], abs=1e-7)
    for axis in (0, 1):
        if sigma[axis] > 1e-3:
            excess = moments[4][axis] / moments[2][axis] ** 2 - 3
            assert metrics.excess_kurtosis(energy)[axis] == pytest.approx(
                excess, rel=1e-6, abs=1e-6
            )


@given(maps, st.sampled_from([0.2, 0.3, 0.5, 0.99, 1.0]), st.data())
def test_the_smallest_square_is_the_first_that_holds_enough(energy, share, data):
    halves = st.integers(0, 12).map(lambda n: n / 2)
    row, col = data.draw(halves), data.draw(halves)
    wanted = None
    for side in range(1, 60):  # every side: those that fall between pixels hold the same
        held = sum(
            e
            for (y, x), e in np.ndenumerate(energy)
            if max(abs(y - row), abs(x - col)) <= (side - 1) / 2
        )
        if held >= share * energy.sum() * (1 - 1e-9):
            wanted = side
            break
    assert metrics.smallest_square(energy, share, (row, col)) == wanted


@given(maps)
def test_counts_equal_their_definitions(energy):
    peak = max(energy.flat)
    for share in (metrics.TAIL, metrics.HALF):
        area = sum(e > share * peak for e in energy.flat)
        assert metrics.area_above(energy, share) == area
        assert metrics.side_above(energy, share) == area**0.5
    assert metrics.zeros_share(energy) == sum(e == 0 for e in energy.flat) / energy.size
    ratio = sum(energy.flat) ** 2 / sum(e * e for e in energy.flat)
    assert metrics.participation_ratio(energy) == pytest.approx(ratio)
    assert 1 - 1e-9 <= ratio <= energy.size + 1e-9


@given(maps, st.floats(0.1, 1e3))
def test_no_metric_depends_on_the_scale(energy, factor):
    for function in (metrics.sigma, metrics.centroid):
        assert function(energy * factor) == pytest.approx(function(energy), abs=1e-6)
    assert metrics.participation_ratio(energy * factor) == pytest.approx(
        metrics.participation_ratio(energy)
    )
    assert metrics.total_variation(energy, energy * factor) == pytest.approx(0, abs=1e-9)


def test_a_gaussian_has_the_numbers_of_a_gaussian():
    places = np.arange(-60.0, 61)
    rows, cols = metrics.gaussian(places, 0, 6), metrics.gaussian(places, 0, 9)
    energy = np.outer(rows, cols)
    assert metrics.sigma(energy) == pytest.approx((6, 9), rel=1e-6)
    assert metrics.excess_kurtosis(energy) == pytest.approx((0, 0), abs=1e-6)
    assert [profile.sum() for profile in metrics.marginals(energy)] == pytest.approx([1, 1])
    assert metrics.participation_ratio(energy) == pytest.approx(4 * math.pi * 6 * 9, rel=1e-6)
    area = 2 * math.pi * 6 * 9 * math.log(1 / metrics.TAIL)  # inside the ellipse at 4.55 %
    assert metrics.area_above(energy, metrics.TAIL) == pytest.approx(area, rel=0.01)
    assert metrics.gaussian(places, 3, 0)[63] == 1


def test_the_energy_held_grows_to_all_of_it():
    energy = np.arange(1.0, 21).reshape(4, 5)
    sides, held = metrics.cumulative_energy(energy, (1.5, 2))
    assert (np.diff(sides) > 0).all()
    assert (np.diff(held) >= 0).all()
    assert held[-1] == pytest.approx(1)


def test_maps_apart_and_empty_maps():
    one, other = np.eye(2), 1 - np.eye(2)
    assert metrics.total_variation(one, other) == 1
    nothing = np.zeros((3, 3))
    assert math.isnan(metrics.sigma(nothing)[0])
    assert math.isnan(metrics.participation_ratio(nothing))
    assert metrics.smallest_square(nothing, 0.5, (1, 1)) == 0
    for share in (0, -1, 1.01, math.nan):
        with pytest.raises(SpecError, match="above 0 and at most 1"):
            metrics.smallest_square(one, share, (0, 0))
