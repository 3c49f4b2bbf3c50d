"""Maps: whole multiples of a cell, means of blocks, texts in cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from core.plots import maps
from core.plots.plot import Heat, Panel, Plot, PlotAxis, Scale, signed_scale

SCALE = Scale("energy", 0, 1)
SMALL_MAPS = hnp.arrays(np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9),
                        elements=st.floats(-5, 5) | st.just(np.nan))  # fmt: skip


@given(SMALL_MAPS, st.integers(1, 10))
def test_blocks_hold_the_means_of_their_cells(values: np.ndarray, most: int) -> None:
    means, block = maps.with_block_means(Heat(values, SCALE), most)
    assert max(means.values.shape) <= most
    for row, col in np.ndindex(means.values.shape):
        cells = values[row * block : (row + 1) * block, col * block : (col + 1) * block]
        cells = cells[np.isfinite(cells)]
        expected = cells.mean() if cells.size else np.nan
        np.testing.assert_allclose(means.values[row, col], expected, atol=1e-12)
    assert means.width == block


def test_the_largest_whole_multiple_is_taken() -> None:
    panel = Panel((Heat(np.zeros((7, 10)), SCALE),), cell=1.0)
    assert maps.cell_pixels(10, 7, 99) == 9
    assert (maps.cells_across(panel), maps.cells_down(panel)) == (10, 7)


def test_means_are_said() -> None:
    plot = Plot("", (Panel((Heat(np.zeros((100, 40)), SCALE),), cell=1.0),), "")
    assert maps.block_notes(plot, lambda panel: 100) == []
    assert maps.block_notes(plot, lambda panel: 50) == ["Each cell shows the mean of 2×2 values."]
    row = Plot("", (Panel((Heat(np.zeros((1, 100)), SCALE),)),), "")
    assert maps.block_notes(row, lambda panel: 50) == ["Each cell shows the mean of 1×2 values."]


def test_a_scale_ignores_what_is_not_finite() -> None:
    assert signed_scale("", np.full((2, 2), np.nan)).high == 1
    assert signed_scale("", np.array([-3.0, np.inf, np.nan])).high == 3


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0"),
        (-0.0, "0"),
        (0.25, ".25"),
        (-0.5, "−.5"),
        (1234.5, "1230"),
        (np.nan, ""),
        (-2.99e7, "−2.99·10⁷"),
        (1e-5, "10⁻⁵"),
    ],
)
def test_texts_in_cells_are_short(value: float, text: str) -> None:
    assert maps.cell_text(value) == text


def test_pixel_axes_count_rows_downwards() -> None:
    across, down = maps.pixel_axes((-0.5, 3.5), (2.5, 9.5))
    assert (across.low, across.high, down.low, down.high) == (2.5, 9.5, 3.5, -0.5)
    assert isinstance(across, PlotAxis)


@given(SMALL_MAPS)
def test_signed_scales_are_centered_on_zero(values: np.ndarray) -> None:
    scale = signed_scale("gradient", np.nan_to_num(values))
    assert scale.low == -scale.high < 0
    assert scale.shares(np.zeros(1))[0] == 0.5


def test_logarithmic_scales_leave_zeros_blank_and_take_absolute_values() -> None:
    scale = Scale("energy", 1e-4, 1, log=True)
    shares = scale.shares(np.array([0.0, 1e-9, 1e-4, 1e-2, -1e-2, 1.0, 7.0]))
    np.testing.assert_allclose(shares, [np.nan, 0, 0, 0.5, 0.5, 1, 1])


def test_a_scale_of_one_value_has_one_number() -> None:
    assert Scale("value", 0.0, 0.0).bar_ticks() == [(0.0, 0.0)]
    assert [value for value, _ in Scale("value", 0.0, 2.0).bar_ticks()] == [0.0, 1.0, 2.0]
