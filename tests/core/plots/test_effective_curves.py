"""Cross-sections, energy and convergence of an effective field, tested by the plots' data."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.plots.axes import span, ticks
from core.plots.effective_curves import convergence_plot, energy_plot, sections_plot
from core.plots.legend import entries
from core.plots.plot import Points, Polyline
from tests.core.plots.reading import marks_of, named
from tests.core.plots.small_fields import closed, measured, one_axis


def test_sections_are_the_marginals_beside_gaussian_and_closed_form() -> None:
    erf, expected = measured((0, 1)), closed((0, 1))
    plot = sections_plot(erf, expected)
    for axis, panel in enumerate(plot.panels):
        line = named(panel, Polyline, "measured")
        np.testing.assert_allclose(line.y, erf.map.sum(1 - axis))
        np.testing.assert_array_equal(line.x, erf.origin[axis] + np.arange(erf.map.shape[axis]))
        gaussian = named(panel, Polyline, "Gaussian, same σ")
        normal = np.exp(-(((line.x - erf.centroid[axis]) / erf.sigma[axis]) ** 2) / 2)
        np.testing.assert_allclose(gaussian.y, normal / normal.sum(), rtol=1e-4, atol=1e-7)
        form = named(panel, Polyline, "closed form")
        np.testing.assert_allclose(form.y, expected.map.sum(1 - axis))
        assert form.x[0] == expected.origin[axis]
        assert panel.x.name == f"{('row', 'column')[axis]} (px)"
    assert len({span(panel, "y") for panel in plot.panels}) == 1, "compared on one axis"
    assert len({mark.dash for mark in marks_of(plot.panels[0], Polyline)}) == 3
    assert len(entries(plot)) == 3
    assert len(entries(sections_plot(erf))) == 2
    assert "seed 0" in plot.notes[0]


def test_one_axis_has_one_section() -> None:
    erf = one_axis()
    (panel,) = sections_plot(erf).panels
    np.testing.assert_allclose(named(panel, Polyline, "measured").y, erf.map[0])
    assert panel.x.name == "column (px)"


def test_energy_grows_to_one_and_marks_its_squares() -> None:
    erf = measured()
    plot = energy_plot(erf)
    sides, shares = erf.cumulative_energy()
    line = named(plot, Polyline, "measured")
    np.testing.assert_array_equal(line.x, sides)
    np.testing.assert_allclose(line.y, shares)
    squares = named(plot, Points, "smallest squares")
    share_at = dict(zip(squares.x, squares.y, strict=True))
    assert set(share_at) == set(erf.squares.values())
    for share, side in erf.squares.items():
        assert share_at[side] >= share * (1 - 1e-9)
        assert f"{100 * share:g} %" in plot.subtitle
    assert plot.subtitle == ", ".join(squares.hover or ()) + "."
    assert list(named(plot, Polyline, "theory, 7 px").x) == [7, 7]
    (panel,) = plot.panels
    assert span(panel, "y") == (0, 1.05)
    assert span(panel, "x")[1] > max(7, sides[-1])


@pytest.mark.parametrize("draws", [1, 6])
def test_convergence_follows_the_draws(draws: int) -> None:
    erf = measured(draws=draws)
    plot = convergence_plot(erf)
    points = erf.convergence
    difference, down, across = marks_of(plot, Polyline)
    for line in (difference, down, across):
        assert list(line.x) == [point.draws for point in points]
    np.testing.assert_array_equal(difference.y, [point.difference for point in points])
    assert list(down.y) == [point.sigma[0] for point in points]
    assert list(across.y) == [point.sigma[1] for point in points]
    for panel in plot.panels:
        low, high = span(panel, "x")
        assert panel.x.log
        assert low < 1 <= draws < high
        powers = [tick for tick, _ in ticks(panel.x, (low, high))]
        assert powers[:2] == [1, 2]
        assert all(math.log2(power).is_integer() for power in powers)
    names = [entry.name for entry in entries(plot)]
    assert ("difference" in names) == (draws > 1), "one draw has no difference"
    assert "nan" not in plot.alt
