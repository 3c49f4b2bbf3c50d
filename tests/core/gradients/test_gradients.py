"""Input gradients of one layer against plain loops, their counts against one unit at a time."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st

from core.data import picture
from core.errors import SpecError
from core.gradients.counts import reads_evenly, windows_per_phase, windows_per_pixel
from core.gradients.pattern import (
    contribution_counts,
    expected_gradient,
    input_gradient,
    statistics,
)
from core.gradients.recipe import KINDS, UpstreamGradient
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS, output_size
from core.layer.sweep import sweep
from tests.core import naive
from tests.core.strategies import runs
from tests.examples import examples

Run = tuple[LayerSpec, np.ndarray, np.ndarray | None, np.ndarray | None]


def distinct(run: Run, seed: int = 0) -> Run:
    """The same layer on whole numbers of which no two are equal, so that no window is a tie."""
    spec, x, weight, bias = run
    values = np.random.default_rng(seed).permutation(x.size).reshape(x.shape)
    return spec, values.astype(np.float32), weight, bias


def downstream_of(data: st.DataObject, run: Run, kind: str) -> UpstreamGradient:
    shape = sweep(*run).output.shape
    channel, *unit = (data.draw(st.integers(0, n - 1)) for n in shape)
    return UpstreamGradient(kind, tuple(unit), channel, data.draw(st.integers(0, 99)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", OPERATIONS)
@examples(20)
@given(data=st.data())
def test_gradient_is_what_a_small_step_changes(
    operation: str, kind: str, data: st.DataObject
) -> None:
    spec, x, weight, bias = run = distinct(data.draw(runs(operation)))
    found = input_gradient(*run, downstream_of(data, run, kind))
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    step = rng.uniform(-0.4, 0.4, x.shape)  # the order of whole numbers stays
    up, down = (naive.layer(spec, x + sign * step, weight, bias) for sign in (1, -1))
    change = np.where(np.isfinite(up), up, 0) - np.where(np.isfinite(down), down, 0)
    told = float((found.upstream * change).sum() / 2)
    scale = float(np.abs(found.upstream * change).sum()) + 1
    assert float((found.gradient * step).sum()) == pytest.approx(told, abs=1e-4 * scale)


@pytest.mark.parametrize("operation", OPERATIONS)
@examples(30)
@given(data=st.data())
def test_one_units_gradient_is_its_taps_weights(operation: str, data: st.DataObject) -> None:
    run = data.draw(runs(operation))
    unit = downstream_of(data, run, "unit")
    found = input_gradient(*run, unit)
    expected = expected_gradient(sweep(*run), unit.channel, *unit.unit)
    np.testing.assert_allclose(found.gradient, expected, rtol=1e-5, atol=1e-6)
    assert found.upstream.sum() == 1


def each_alone(run: Run) -> np.ndarray:
    """Contributions by one backward pass a unit."""
    spec, x, weight, bias = run
    tensors = [None if a is None else torch.from_numpy(a) for a in (weight, bias)]
    leaf = torch.from_numpy(x)[None].requires_grad_()
    y = OPERATIONS[spec.operation].run(spec, leaf, *tensors)
    counts = np.zeros(x.shape, dtype=int)
    for value in y.flatten():
        (gradient,) = torch.autograd.grad(value, leaf, retain_graph=True)
        counts += (gradient[0] != 0).numpy()
    return counts


@pytest.mark.parametrize("operation", OPERATIONS)
@examples(15, suppress_health_check=[HealthCheck.filter_too_much])
@given(data=st.data())
def test_contributions_are_those_of_each_unit_alone(operation: str, data: st.DataObject) -> None:
    run = data.draw(runs(operation))
    output = sweep(*run).output
    assume(output.size <= 300)
    assume(np.isfinite(output).all())  # torch's own backward pass is not safe there
    np.testing.assert_array_equal(contribution_counts(*run), each_alone(run))


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "max_pooling"])
@examples(20)
@given(data=st.data())
def test_without_zero_weights_every_window_that_reads_contributes(
    operation: str, data: st.DataObject
) -> None:
    spec, x, weight, bias = data.draw(runs(operation))
    if weight is not None:
        weight = np.abs(weight) + 1
    counts = contribution_counts(spec, x, weight, bias)
    groups = OPERATIONS[operation].groups(spec)
    per_pixel = OPERATIONS[operation].out_channels(spec) // groups
    reads = windows_per_pixel(spec, x.shape[1:])
    np.testing.assert_array_equal(counts, np.broadcast_to(reads * per_pixel, x.shape))
    if spec.padding_mode == "zeros" and not OPERATIONS[operation].has("output_padding"):
        np.testing.assert_array_equal(reads, spec.window.read_counts(x.shape[1:]))


@pytest.mark.parametrize("dilation", [3, 6, 50])
def test_maxima_over_padding_alone_send_nothing(dilation: int) -> None:
    """torch's own backward pass writes past the end of the input here."""
    pads = ((1, 1), (1, 1))
    spec = LayerSpec("max_pooling", (2, 2), (1, 1), pads, (dilation, dilation))
    n = dilation - 1
    x = np.arange(n * n, dtype=np.float32).reshape(1, n, n)
    found = input_gradient(spec, x)
    assert found.winner is not None
    assert found.winner.tolist() == [[[-1]]]
    assert np.isneginf(found.output).all()
    assert not found.gradient.any()
    assert not contribution_counts(spec, x).any()


@examples(30)
@given(data=st.data())
def test_maxima_send_one_gradient_to_their_winner(data: st.DataObject) -> None:
    run = data.draw(runs("max_pooling"))
    found = input_gradient(*run)
    assert found.winner is not None
    wins = np.zeros(found.gradient.shape)
    for channel, row, col in product(*map(range, found.winner.shape)):
        winner = found.winner[channel, row, col]
        wins[channel].flat[winner] += winner >= 0
    np.testing.assert_array_equal(found.gradient, wins)
    np.testing.assert_array_equal(contribution_counts(*run), wins)


@given(
    kernel=st.integers(1, 12),
    stride=st.integers(1, 12),
    dilation=st.integers(1, 4),
    padding=st.integers(0, 3),
)
def test_counts_are_even_exactly_when_the_phases_are(
    kernel: int, stride: int, dilation: int, padding: int
) -> None:
    spec = LayerSpec("convolution", (kernel, 1), (stride, 1), ((padding, 0), (0, 0)), (dilation, 1))
    span = dilation * (kernel - 1) + 1
    n = 3 * span + 4 * stride
    reads = windows_per_pixel(spec, (n, 1))[span : span + 2 * stride, 0]
    assert reads_evenly(spec) == (np.ptp(reads) == 0)
    if dilation == 1:
        assert reads_evenly(spec) == (kernel % stride == 0)
    shifted = [
        windows_per_phase(kernel, stride, dilation)[(i + padding) % stride] for i in range(n)
    ]
    np.testing.assert_array_equal(reads, shifted[span : span + 2 * stride])


def test_the_checkerboard() -> None:
    spec = LayerSpec("convolution", (3, 3), (2, 2), ((1, 1), (1, 1)))
    reads = windows_per_pixel(spec, (8, 8))
    assert reads[2:4, 2:4].tolist() == [[1, 2], [2, 4]]
    assert not reads_evenly(spec)
    assert reads_evenly(LayerSpec("transposed_convolution", (3, 3), (2, 2)))


def layer(operation: str, kernel: int, padding: int = 0) -> LayerSpec:
    pads = ((padding, padding), (padding, padding))
    return LayerSpec(operation, (kernel, kernel), (2, 2), pads)


CLAIMED: list[tuple[LayerSpec, int, float]] = [
    (layer("max_pooling", 2), 1, 0.75),
    (layer("average_pooling", 2), 4, 0.0),
    (layer("convolution", 2), 4, 0.0),
    (layer("convolution", 3, 1), 9, 0.0),
    (layer("convolution", 1), 1, 0.75),
]
"""Layer, pixels that an interior unit reaches, share of zeros when all units send."""


@pytest.mark.parametrize("spec, reached, zeros", CLAIMED)
@pytest.mark.parametrize("side", [8, 16, 32])
def test_what_teaching_material_says(
    spec: LayerSpec, reached: int, zeros: float, side: int
) -> None:
    x = picture("china", (side, side))
    weight = np.ones((1, 1, *spec.kernel_size), np.float32)
    run = (spec, x, weight if spec.operation == "convolution" else None, None)
    assert input_gradient(*run, UpstreamGradient("unit", (1, 1))).statistics.reached == reached
    assert input_gradient(*run).statistics.zeros == zeros
    if reached == 9:
        assert input_gradient(*run, UpstreamGradient("unit")).statistics.reached == 4


@given(values=st.lists(st.floats(-5, 5, width=32, allow_subnormal=False), min_size=1, max_size=30))
def test_statistics(values: list[float]) -> None:
    found = statistics(np.array(values, dtype=np.float32))
    some = [abs(v) for v in values if v]
    assert found.mean_abs == pytest.approx(sum(map(abs, values)) / len(values))
    mean = sum(values) / len(values)
    variance = sum((v - mean) ** 2 for v in values) / len(values)
    assert found.std == pytest.approx(variance**0.5, abs=1e-6)
    assert found.reached == len(some)
    assert found.zeros == pytest.approx(values.count(0) / len(values))
    if some:
        assert found.ratio == pytest.approx(max(some) / min(some))
    else:
        assert np.isnan(found.ratio)


def test_random_downstream_gradients_follow_their_seed() -> None:
    first, again, other = (
        UpstreamGradient("random", seed=s).values((2, 40, 40)) for s in (3, 3, 4)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    assert abs(first.mean()) < 0.1
    assert abs(first.std() - 1) < 0.1


GOOD: dict[str, Any] = {
    "spec": layer("convolution", 3, 1),
    "x": np.zeros((1, 8, 8), np.float32),
    "weight": np.ones((1, 1, 3, 3), np.float32),
}


@pytest.mark.parametrize(
    "change, parameter",
    [
        ({"x": np.zeros((2, 8, 8))}, "input"),
        ({"x": np.zeros((8, 8))}, "input"),
        ({"weight": None}, "weight"),
        ({"weight": np.ones((1, 1, 2, 2))}, "weight"),
        ({"spec": layer("max_pooling", 2)}, "weight"),
        ({"bias": np.zeros(1)}, "bias"),
        ({"spec": replace(GOOD["spec"], bias=True)}, "bias"),
        ({"spec": replace(GOOD["spec"], kernel_size=(11, 11))}, "kernel_size"),
        ({"upstream": UpstreamGradient("unit", (4, 0))}, "unit"),
        ({"upstream": UpstreamGradient("unit", channel=1)}, "unit"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], parameter: str) -> None:
    assert input_gradient(**GOOD).gradient.shape == (1, 8, 8)
    assert output_size(GOOD["spec"], (8, 8)) == (4, 4)
    with pytest.raises(SpecError) as caught:
        input_gradient(**(GOOD | change))
    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    "settings, parameter",
    [
        ({"kind": "some"}, "kind"),
        ({"unit": (-1, 0)}, "unit"),
        ({"unit": (0.5, 0)}, "unit"),
        ({"channel": -1}, "channel"),
        ({"seed": -1}, "seed"),
    ],
)
def test_no_such_downstream_gradient(settings: dict[str, Any], parameter: str) -> None:
    with pytest.raises(SpecError) as caught:
        UpstreamGradient(**settings)
    assert caught.value.parameter == parameter
