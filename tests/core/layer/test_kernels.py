"""Kernel presets keep their promises at every size; edits land where they are typed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer.kernels import (
    MAX_WEIGHT,
    PRESETS,
    box,
    filter_names,
    gaussian,
    identity,
    kernel,
    laplacian,
    sharpen,
    sobel_x,
    sobel_y,
)
from tests.core.strategies import pairs

Pair = tuple[int, int]
SIZES = pairs(1, 11)
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 3), st.integers(1, 5), st.integers(1, 5))


def test_three_by_three_are_the_classics() -> None:
    assert sobel_x(3, 3).tolist() == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert sobel_y(3, 3).tolist() == [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]
    assert laplacian(3, 3).tolist() == [[0, 1, 0], [1, -4, 1], [0, 1, 0]]
    assert sharpen(3, 3).tolist() == [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]
    assert (gaussian(3, 3) * 16).tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]
    assert identity(3, 3).tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    assert (box(3, 3) * 9).tolist() == [[1, 1, 1]] * 3


@given(SIZES)
def test_smoothing_keeps_the_mean(size: Pair) -> None:
    for smooth in (box, gaussian, identity, sharpen):
        assert smooth(*size).shape == size
        assert np.isclose(smooth(*size).sum(), 1)
    assert (gaussian(*size) > 0).all()


@given(SIZES)
def test_differences_answer_a_constant_with_zero(size: Pair) -> None:
    for difference in (sobel_x, sobel_y, laplacian):
        assert difference(*size).shape == size
        assert np.isclose(difference(*size).sum(), 0)


@given(SIZES)
def test_sobel_answers_to_its_own_edges_alone(size: Pair) -> None:
    rows, cols = size
    ramp = np.broadcast_to(np.arange(cols), size)
    assert (sobel_x(rows, cols) * ramp).sum() == (2.0 ** (rows + cols - 3) if cols > 1 else 0)
    assert np.isclose((sobel_y(rows, cols) * ramp).sum(), 0)
    assert np.array_equal(sobel_y(rows, cols), sobel_x(cols, rows).T)


@given(SIZES)
def test_symmetry(size: Pair) -> None:
    rows, cols = size
    assert np.allclose(gaussian(rows, cols), gaussian(rows, cols)[::-1, ::-1])
    assert np.allclose(sobel_x(rows, cols), -sobel_x(rows, cols)[:, ::-1])
    assert np.allclose(laplacian(rows, cols), laplacian(cols, rows).T)


@given(st.integers(1, 11))
def test_gaussian_is_repeated_averaging_of_neighbours(length: int) -> None:
    row = np.ones(1)
    for _ in range(length - 1):
        row = np.convolve(row, [0.5, 0.5])
    assert np.allclose(gaussian(length, length), np.outer(row, row))


@pytest.mark.parametrize("preset", PRESETS)
@given(SHAPES)
def test_every_preset_has_every_shape(preset: str, shape: tuple[int, int, int, int]) -> None:
    weights = kernel(preset, shape)
    assert weights.shape == shape
    assert weights.dtype == np.float32
    assert np.isfinite(weights).all()
    assert np.abs(weights).max() <= MAX_WEIGHT
    if preset != "random":
        assert (weights == weights[:, :1]).all(), "every channel alike"


@pytest.mark.parametrize("preset", [name for name in PRESETS if name != "random"])
def test_filters_take_the_presets_in_turn(preset: str) -> None:
    names = filter_names(preset, len(PRESETS) + 1)
    assert names[0] == preset
    assert set(names[: len(PRESETS) - 1]) == set(PRESETS) - {"random"}
    assert names[len(PRESETS) - 1] == preset, "then again from the first"
    weights = kernel(preset, (len(names), 2, 3, 3))
    for name, plane in zip(names, weights[:, 0], strict=True):
        assert np.array_equal(plane, kernel(name, (1, 1, 3, 3))[0, 0])


@given(SHAPES, st.integers(0, 2**32 - 1))
def test_random_follows_its_seed(shape: tuple[int, int, int, int], seed: int) -> None:
    weights = kernel("random", shape, seed)
    assert np.array_equal(weights, kernel("random", shape, seed))
    assert np.allclose(weights * 10, np.round(weights * 10), atol=1e-4), "to one decimal"


def test_random_draws_every_filter_and_channel_anew() -> None:
    planes = kernel("random", (2, 2, 5, 5)).reshape(4, 25)
    assert len(np.unique(planes, axis=0)) == 4
    assert not np.array_equal(kernel("random", (1, 1, 5, 5), 1), kernel("random", (1, 1, 5, 5), 2))
    assert filter_names("random", 3) == ("random",) * 3


def test_edits_change_one_weight_each() -> None:
    plain = kernel("box", (2, 1, 3, 3))
    edited = kernel("box", (2, 1, 3, 3), edits=(((1, 0, 2, 1), 5.0), ((0, 0, 0, 0), -1.5)))
    assert edited[1, 0, 2, 1] == 5
    assert edited[0, 0, 0, 0] == -1.5
    assert (plain != edited).sum() == 2


@pytest.mark.parametrize(
    "index", [(0, 0, 3, 0), (0, 0, 0, 3), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, -1, 0)]
)
def test_edits_outside_the_kernel_are_left_out(index: tuple[int, int, int, int]) -> None:
    edited = kernel("box", (1, 1, 3, 3), edits=((index, 5.0),))
    assert np.array_equal(edited, kernel("box", (1, 1, 3, 3)))


@pytest.mark.parametrize("value", [MAX_WEIGHT, -MAX_WEIGHT, 0.0])
def test_weights_up_to_the_limit_are_taken(value: float) -> None:
    assert kernel("box", (1, 1, 1, 1), edits=(((0, 0, 0, 0), value),)).item() == value


@pytest.mark.parametrize("value", [MAX_WEIGHT + 1, float("inf"), float("-inf"), float("nan")])
def test_weights_past_the_limit_are_refused(value: float) -> None:
    with pytest.raises(SpecError, match="weights must be numbers from -1000 to 1000"):
        kernel("box", (1, 1, 1, 1), edits=(((0, 0, 0, 0), value),))


def test_unknown_preset_is_refused() -> None:
    with pytest.raises(SpecError, match="kernel must be one of sobel_x"):
        kernel("prewitt", (1, 1, 3, 3))
