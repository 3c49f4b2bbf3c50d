"""The backward pass by hand against autograd: every stride, padding, dilation and remainder."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.gradients.pattern import input_gradient
from core.gradients.rebuild import backward_by_hand, backward_by_hand_and_autograd
from core.gradients.recipe import UpstreamGradient
from core.layer import LayerSpec
from core.layer.operations import output_size
from core.layer.sweep import sweep
from tests.core.strategies import runs
from tests.examples import examples


@examples(100)
@given(run=runs("convolution"), seed=st.integers(0, 99))
def test_equals_autograd(
    run: tuple[LayerSpec, np.ndarray, np.ndarray, np.ndarray | None], seed: int
) -> None:
    spec, x, weight, bias = run
    size = (x.shape[1], x.shape[2])
    downstream = UpstreamGradient("random", seed=seed)
    single = input_gradient(spec, x, weight, bias, downstream)
    found = backward_by_hand_and_autograd(spec, size, weight, single.upstream)
    assert found.autograd is not None
    scale = np.abs(found.autograd).max() + 1
    assert found.difference <= 1e-9 * scale
    np.testing.assert_allclose(found.gradient, single.gradient, atol=1e-5 * scale)
    by_hand = backward_by_hand(spec, size, weight, single.upstream)
    np.testing.assert_array_equal(by_hand.gradient, found.gradient)
    assert np.isnan(by_hand.difference)


def every_remainder() -> list[tuple[int, int, int, int, int]]:
    """Kernel, stride, padding, dilation and input side, with every remainder of every stride."""
    found = []
    for kernel, stride, padding, dilation in product((1, 2, 3, 5), (1, 2, 3, 4), (0, 1, 2), (1, 2)):
        span = dilation * (kernel - 1) + 1
        first = max(1, span - 2 * padding)
        found += [
            (kernel, stride, padding, dilation, n)
            for n in range(first + stride, first + 2 * stride)
        ]
    return found


def test_every_stride_padding_dilation_and_remainder() -> None:
    rng, remainders = np.random.default_rng(0), set()
    for kernel, stride, padding, dilation, n in every_remainder():
        pads = ((padding, padding), (padding, padding))
        spec = LayerSpec(
            "convolution", (kernel, kernel), (stride, stride), pads, (dilation, dilation)
        )
        weight = rng.standard_normal((1, 1, kernel, kernel))
        arriving = rng.standard_normal((1, *output_size(spec, (n, n))))
        found = backward_by_hand_and_autograd(spec, (n, n), weight, arriving)
        assert found.difference < 1e-9, (kernel, stride, padding, dilation, n)
        remainders.add((stride, found.remainder[0]))
    assert remainders == {(s, r) for s in (1, 2, 3, 4) for r in range(s)}


@examples(40)
@given(run=runs("convolution"))
def test_its_steps_are_those_of_a_transposed_convolution(
    run: tuple[LayerSpec, np.ndarray, np.ndarray, np.ndarray | None],
) -> None:
    spec, x, weight, bias = run
    arriving = input_gradient(spec, x, weight, bias).upstream * 2
    found = backward_by_hand(spec, (x.shape[1], x.shape[2]), weight, arriving)
    rows, cols = spec.stride
    np.testing.assert_array_equal(found.inserted[:, ::rows, ::cols], arriving)
    assert np.count_nonzero(found.inserted) == np.count_nonzero(arriving)
    assert found.surrounded.sum() == found.inserted.sum()
    plain = LayerSpec(
        "convolution",
        spec.kernel_size,
        dilation=spec.dilation,
        in_channels=spec.out_channels,
        out_channels=spec.in_channels,
        groups=spec.groups,
    )
    again = sweep(plain, found.surrounded, found.kernel)
    np.testing.assert_allclose(again.output, found.padded, rtol=1e-4, atol=1e-4)
    if spec.padding_mode != "zeros" or spec.padding == ((0, 0), (0, 0)):  # nothing is cut off
        assert found.gradient.sum() == pytest.approx(found.padded.sum(), abs=1e-9)


SPEC = LayerSpec("convolution", (3, 3), (2, 2), ((1, 1), (1, 1)))
GOOD: dict[str, Any] = {
    "spec": SPEC,
    "size": (8, 8),
    "weight": np.ones((1, 1, 3, 3)),
    "upstream": np.ones((1, 4, 4)),
}


@pytest.mark.parametrize(
    "change, parameter",
    [
        ({"spec": LayerSpec("max_pooling", (2, 2))}, "operation"),
        ({"spec": LayerSpec("transposed_convolution", (3, 3), (2, 2))}, "operation"),
        ({"weight": np.ones((1, 1, 2, 2))}, "weight"),
        ({"upstream": np.ones((1, 4, 3))}, "upstream"),
        ({"size": (9, 9)}, "upstream"),
        ({"spec": LayerSpec("convolution", (11, 11))}, "kernel_size"),
    ],
)
def test_what_does_not_fit_is_refused(change: dict[str, Any], parameter: str) -> None:
    assert backward_by_hand(**GOOD).remainder == (1, 1)
    with pytest.raises(SpecError) as caught:
        backward_by_hand(**(GOOD | change))
    assert caught.value.parameter == parameter
