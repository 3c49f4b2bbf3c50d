"""A sweep against plain loops, and its terms against its output."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS, blur_weight, operation_of
from core.layer.padding import padding_source
from core.layer.sweep import Sweep, agree, sweep, sweep_in_numpy
from core.layer.window import OUTSIDE, PAD
from tests.core import naive
from tests.core.strategies import runs
from tests.examples import examples

Run = tuple[LayerSpec, np.ndarray, np.ndarray | None, np.ndarray | None]


def places(result: Sweep) -> list[tuple[int, int, int]]:
    """The outputs whose terms are looked at: all of a few, else corners and middle."""
    ranges = [range(n) if n <= 3 else (0, n // 2, n - 1) for n in result.output.shape]
    return list(product(*ranges))


@pytest.mark.parametrize("operation", OPERATIONS)
@examples(50)
@given(data=st.data())
def test_output_is_what_plain_loops_find(operation: str, data: st.DataObject) -> None:
    spec, x, weight, bias = data.draw(runs(operation))
    expected = naive.layer(spec, x, weight, bias)
    result = sweep(spec, x, weight, bias)
    assert result.output.shape == expected.shape
    np.testing.assert_allclose(result.output, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("operation", OPERATIONS)
@examples(50)
@given(data=st.data())
def test_numpy_gives_what_torch_gives(operation: str, data: st.DataObject) -> None:
    """For every operation, padding mode, group count and channel count; also the positions."""
    run = data.draw(runs(operation))
    by_torch, by_numpy = sweep(*run), sweep_in_numpy(*run)
    np.testing.assert_allclose(by_numpy.output, by_torch.output, rtol=1e-4, atol=1e-5)
    assert by_numpy.output.dtype == np.float32
    assert agree(by_torch, by_numpy)
    for each in fields(Sweep):
        if each.name not in ("output", "rows", "cols"):
            np.testing.assert_array_equal(
                getattr(by_numpy, each.name), getattr(by_torch, each.name), each.name
            )


@given(runs("max_pooling"))
def test_numpy_and_torch_take_the_first_of_equals(run: Run) -> None:
    spec, x, _, _ = run
    few_values = np.sign(x.round())
    assert agree(sweep(spec, few_values), sweep_in_numpy(spec, few_values))


@pytest.mark.parametrize("operation", OPERATIONS)
@examples(30)
@given(data=st.data())
def test_one_wrong_output_is_no_agreement(operation: str, data: st.DataObject) -> None:
    run = data.draw(runs(operation))
    result, wrong = sweep(*run), sweep_in_numpy(*run)
    place = data.draw(st.sampled_from(places(result)))
    output = wrong.output.copy()
    magnitude = float(np.abs(run[1]).max()) + float(
        0 if wrong.weight is None else np.abs(wrong.weight).sum()
    )
    output[place] = 1 if np.isneginf(output[place]) else output[place] + 0.01 * (1 + magnitude) ** 2
    assert not agree(result, replace(wrong, output=output))
    assert not agree(result, replace(wrong, output=result.output[:, :-1]))
    if wrong.winner is not None:
        winner = wrong.winner.copy()
        winner[place] += 1
        assert not agree(result, replace(wrong, winner=winner))


@pytest.mark.parametrize("name", ["max_pooling", "average_pooling"])
def test_a_window_that_would_start_in_padding_is_left_out(name: str) -> None:
    """Of ceil_mode with padding below and right only, which torch does not have by itself."""
    spec = LayerSpec(name, (2, 2), (3, 3), ((0, 1), (0, 1)), ceil_mode=True)
    x = np.arange(-4, 5, dtype=np.float32).reshape(1, 3, 3)
    result = sweep(spec, x)
    assert result.output.tolist() == naive.layer(spec, x, None, None).tolist()
    assert result.output.shape == (1, 1, 1)


@pytest.mark.parametrize("operation", OPERATIONS)
@examples(50)
@given(data=st.data())
def test_terms_add_up_to_the_output(operation: str, data: st.DataObject) -> None:
    result = sweep(*data.draw(runs(operation)))
    for place in places(result):
        total, value = result.terms(*place).total, float(result.output[place])
        if np.isfinite(value):
            np.testing.assert_allclose(total, value, rtol=1e-4, atol=1e-5)
        else:
            assert result.winner is not None
            assert result.winner[place] == -1


@given(runs())
def test_terms_read_the_input_where_they_say(run: Run) -> None:
    spec, x, weight, bias = run
    result = sweep(spec, x, weight, bias)
    for place in places(result):
        terms = result.terms(*place)
        assert set(terms.channel.tolist()) == set(result.channels_of(place[0]))
        count = len(result.channels_of(place[0])) * spec.kernel_size[0] * spec.kernel_size[1]
        assert len(terms.value) == len(terms.weight) == len(terms.row) == count
        rows, cols = (
            np.where((at >= 0) & (at < n) & (at == np.floor(at)), at, -1).astype(int)
            for at, n in zip((terms.row, terms.column), x.shape[1:], strict=True)
        )
        real = (rows >= 0) & (cols >= 0)
        assert np.array_equal(terms.value[real], x[terms.channel, rows, cols][real])
        if spec.padding_mode == "zeros":
            assert (terms.value[~real] == result.fill_value).all()


@given(runs())
def test_terms_stand_where_the_window_stands(run: Run) -> None:
    """Offsets within a window are kernel cells times dilation, and windows step by stride."""
    spec, x, weight, bias = run
    result = sweep(spec, x, weight, bias)
    terms = result.terms(0, 0, 0)
    shape = (-1, *spec.kernel_size)
    rows, cols = terms.row.reshape(shape)[0, :, 0], terms.column.reshape(shape)[0, 0]
    transposed = spec.operation == "transposed_convolution"
    for axis, (at, n) in enumerate(zip((rows, cols), x.shape[1:], strict=True)):
        between = spec.stride[axis] if transposed and n > 1 else 1
        step = spec.dilation[axis] / between
        first = -spec.padding[axis][0]
        if transposed:
            span = spec.window.effective_kernel_size[axis]
            first = spec.padding[axis][0] - (span - 1)
        np.testing.assert_allclose(at, first / between + np.arange(len(at)) * step)


@given(runs("max_pooling"))
def test_one_term_wins_and_it_is_the_largest(run: Run) -> None:
    spec, x, _, _ = run
    result = sweep(spec, x)
    for place in places(result):
        terms = result.terms(*place)
        if np.isfinite(result.output[place]):
            assert sorted(terms.weight)[-1] == 1
            assert terms.weight.sum() == 1
            assert terms.product.sum() == terms.value.max()
            assert terms.value.argmax() == terms.weight.argmax(), "the first of equals"


@given(runs("average_pooling"))
def test_a_mean_divides_by_what_counts(run: Run) -> None:
    spec, x, _, _ = run
    result = sweep(spec, x)
    assert result.divisor is not None
    for i, j in product(*map(range, result.divisor.shape)):
        rows = result.rows.source[result.rows.taps[i]]
        cols = result.cols.source[result.cols.taps[j]]
        cells = [(r, c) for r in rows for c in cols if OUTSIDE not in (r, c)]
        if not spec.count_include_pad:
            cells = [cell for cell in cells if PAD not in cell]
        assert result.divisor[i, j] == len(cells)


def test_products_of_minus_infinity_and_zero_are_zero() -> None:
    spec = LayerSpec("max_pooling", padding=((1, 1), (1, 1)))
    terms = sweep(spec, np.ones((1, 3, 3), dtype=np.float32)).terms(0, 0, 0)
    assert np.isneginf(terms.value).sum() == 5
    assert terms.product.sum() == terms.total == 1


@given(runs("convolution"))
def test_grid_shows_what_the_fill_puts_there(run: Run) -> None:
    spec, x, weight, bias = run
    result = sweep(spec, x, weight, bias)
    for axis, shown in enumerate((result.row_values, result.col_values)):
        filled = padding_source(x.shape[axis + 1], *spec.padding[axis], spec.padding_mode)
        assert np.array_equal(shown, filled)


@given(runs())
def test_groups_share_out_the_channels(run: Run) -> None:
    spec, x, weight, bias = run
    result = sweep(spec, x, weight, bias)
    read = [set(result.channels_of(o)) for o in range(len(result.output))]
    assert set.union(*read) == set(range(spec.in_channels))
    if operation_of(spec).channelwise:
        assert read == [{c} for c in range(spec.in_channels)]
    else:
        assert all(len(group) == spec.in_channels // spec.groups for group in read)
        assert len({tuple(sorted(group)) for group in read}) == spec.groups


@given(runs())
def test_nothing_given_is_changed_or_shared(run: Run) -> None:
    spec, x, weight, bias = run
    before = x.copy()
    result = sweep(spec, x, weight, bias)
    assert np.array_equal(x, before)
    assert result.output.dtype == np.float32
    assert not np.shares_memory(result.output, x)


def test_blur_weights_are_laid_open() -> None:
    spec = LayerSpec("blur_pooling", in_channels=2)
    weight = sweep(spec, np.zeros((2, 4, 4), dtype=np.float32)).weight
    assert weight is not None
    assert np.array_equal(weight, blur_weight(spec))


GOOD: dict[str, Any] = {
    "spec": LayerSpec(bias=True),
    "x": np.zeros((1, 5, 5)),
    "weight": np.zeros((1, 1, 3, 3)),
    "bias": np.zeros(1),
}


@pytest.mark.parametrize(
    "change, parameter",
    [
        ({"x": np.zeros((2, 5, 5))}, "input"),
        ({"x": np.zeros((5, 5))}, "input"),
        ({"x": np.zeros((1, 2, 5))}, "kernel_size"),
        ({"weight": None}, "weight"),
        ({"weight": np.zeros((1, 1, 3, 2))}, "weight"),
        ({"bias": None}, "bias"),
        ({"bias": np.zeros(2)}, "bias"),
        ({"spec": LayerSpec()}, "bias"),
        ({"spec": LayerSpec("fold")}, "operation"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], parameter: str) -> None:
    assert sweep(**GOOD).output.shape == (1, 3, 3)
    with pytest.raises(SpecError) as caught:
        sweep(**(GOOD | change))
    assert caught.value.parameter == parameter
