"""Ends of axes and the numbers on them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.plots.axes import number_text, span, ticks
from core.plots.plot import Bars, Boxes, Heat, Panel, PlotAxis, Points, Polyline, Scale

ENDS = st.floats(-1e6, 1e6)
SCALE = Scale("", 0, 1)


@given(ENDS, st.floats(1e-3, 1e6), st.integers(2, 12), st.booleans())
def test_round_numbers_lie_inside_and_are_equally_spaced(
    low: float, extent: float, most: int, whole: bool
) -> None:
    high = low + extent
    places = [place for place, _ in ticks(PlotAxis(whole=whole), (low, high), most)]
    air = 1e-6 * extent + 1e-9 * abs(low)
    assert len(places) <= most
    assert all(low - air <= place <= high + air for place in places)
    assert np.allclose(np.diff(places, 2), 0, atol=1e-6 * extent + 1e-6)
    assert not whole or all(place == round(place) for place in places)


@given(ENDS, st.floats(1e-3, 1e6), st.integers(3, 12), st.booleans())
def test_an_axis_has_at_least_two_numbers(
    low: float, extent: float, most: int, whole: bool
) -> None:
    extent = max(extent, 1e-6 * abs(low), 2.0 if whole else 0.0)
    assert len(ticks(PlotAxis(whole=whole), (low, low + extent), most)) >= 2


@given(st.floats(-6, 12), st.floats(0.01, 12), st.integers(2, 9))
def test_a_logarithmic_axis_has_at_least_two_numbers(low: float, extent: float, most: int) -> None:
    ends = 10**low, 10 ** (low + extent)
    places = [place for place, _ in ticks(PlotAxis(log=True), ends, most)]
    assert 2 <= len(places) <= max(most, 2)
    assert places == sorted(places)
    assert all(ends[0] * 0.99 <= place <= ends[1] * 1.01 for place in places)


def test_a_whole_logarithmic_axis_has_whole_numbers() -> None:
    places = [place for place, _ in ticks(PlotAxis(log=True, whole=True), (2.9, 5.1))]
    assert places == [3, 4, 5]


def test_an_axis_that_is_turned_round_has_the_same_numbers() -> None:
    assert ticks(PlotAxis(), (9.5, -0.5)) == ticks(PlotAxis(), (-0.5, 9.5))


def test_numbers_that_are_set_are_written_where_they_are_inside() -> None:
    axis = PlotAxis(ticks=(0, 1, 2), names=("a", "b", "c"))
    assert ticks(axis, (0.5, 2.5)) == [(1, "b"), (2, "c")]


@pytest.mark.parametrize(
    "value, text",
    [
        (0, "0"), (-0.0, "0"), (-2.5, "−2.5"), (123456, "123,456"), (1e7, "10⁷"),
        (-2.5e9, "−2.5·10⁹"), (1e-5, "10⁻⁵"), (0.25, "0.25"), (1 / 3, "0.333333"),
        (np.nan, "nan"), (-np.inf, "−inf"),
    ],
)  # fmt: skip
def test_numbers_are_written_with_a_true_minus_and_powers(value: float, text: str) -> None:
    assert number_text(value) == text


@given(st.floats(-1e12, 1e12, allow_subnormal=False))
def test_a_number_can_be_read_again(value: float) -> None:
    text = number_text(value).replace("−", "-").replace(",", "")
    if "10" in text and any(c in text for c in "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"):
        back = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
        head, _, power = text.rpartition("10")
        mantissa = float(head.rstrip("·") + ("1" if head in ("", "-") else ""))
        read = mantissa * 10.0 ** int(power.translate(back))
    else:
        read = float(text)
    # From 1,000 on no decimals are written.
    assert math.isclose(read, value, rel_tol=1e-5, abs_tol=0.5 if abs(value) >= 1000 else 1e-12)


def test_open_ends_are_those_of_the_marks_with_a_margin() -> None:
    panel = Panel((Points([1, 3], [10, 20]), Polyline([2, 5], [np.nan, 30])))
    assert span(panel, "x") == pytest.approx((0.8, 5.2))
    assert span(panel, "y") == pytest.approx((9, 31))


def test_zero_is_included_and_has_no_margin() -> None:
    panel = Panel((Points([1, 3], [10, 20]),), y=PlotAxis(zero=True))
    assert span(panel, "y") == pytest.approx((0, 21))


def test_bands_bars_and_boxes_belong_to_the_marks() -> None:
    low, high = np.array([-1.0, 0.0]), np.array([4.0, 5.0])
    band = Panel((Polyline([0, 1], [1, 2], low=low, high=high),))
    assert span(band, "y") == pytest.approx((-1.3, 5.3))
    bars = Panel((Bars([0, 1], [2, 8], base=np.array([0.0, 1.0]), across=True, width=1),))
    assert span(bars, "x") == pytest.approx((-0.45, 9.45))
    assert span(bars, "y") == pytest.approx((-0.6, 1.6))
    boxes = Panel((Boxes([(0, 10, -2, 2)]),))
    assert span(boxes, "y") == pytest.approx((-2.2, 2.2))


def test_a_map_fills_its_axes() -> None:
    panel = Panel((Heat(np.zeros((3, 4)), SCALE),), cell=1.0)
    assert span(panel, "x") == (-0.5, 3.5)
    assert span(panel, "y") == (-0.5, 2.5)


def test_a_logarithmic_axis_leaves_zeros_out() -> None:
    panel = Panel((Points([0, 1], [0, 100]), Points([2], [1])), y=PlotAxis(log=True))
    low, high = span(panel, "y")
    assert 0.5 < low < 1 < 100 < high < 200


def test_axes_without_marks_have_ends() -> None:
    for log in (False, True):
        low, high = span(Panel((), y=PlotAxis(log=log)), "y")
        assert high - low > 0
        assert not log or low > 0
