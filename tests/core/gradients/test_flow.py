"""Gradients through depth: against torch modules, against what norms must do, dead shares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.errors import SpecError
from core.gradients.flow import FlowProgress, GradientFlow, gradient_flow, zero_gradient_shares
from core.gradients.recipe import ACTIVATIONS, DOWNSAMPLINGS, WEIGHTS, FlowSpec
from core.networks import swaps
from tests.examples import examples

SMALL: dict[str, Any] = {"depth": 6, "levels": 2, "side": 8, "width": 4, "batch": 2, "draws": 3}

specs = st.builds(
    FlowSpec,
    downsampling=st.sampled_from(DOWNSAMPLINGS),
    activation=st.sampled_from(ACTIVATIONS),
    weights=st.sampled_from(WEIGHTS),
    batch_norm=st.booleans(),
    skips=st.booleans(),
    depth=st.integers(4, 8),
    levels=st.integers(0, 2),
    width=st.just(4),
    side=st.sampled_from([8, 16]),
    batch=st.just(2),
    draws=st.integers(1, 3),
    seed=st.integers(0, 99),
)


@examples(40)
@given(spec=specs)
def test_every_network_has_a_norm_in_every_layer(spec: FlowSpec) -> None:
    flow = gradient_flow(spec)
    assert flow.norms.shape == flow.zeros.shape == (spec.draws, spec.depth + 1)
    assert flow.weight_norms.shape == (spec.draws, spec.depth)
    np.testing.assert_allclose(flow.norms[:, -1], 1, rtol=1e-5)
    assert np.isfinite(flow.norms).all()
    assert ((flow.zeros >= 0) & (flow.zeros <= 1)).all()
    assert len(spec.downsampling_layers) == (0 if spec.downsampling == "none" else spec.levels)
    again = gradient_flow(spec)
    np.testing.assert_array_equal(again.norms, flow.norms)


POOLS = {
    "max": lambda: nn.MaxPool2d(2),
    "average": lambda: nn.AvgPool2d(2),
    "stride": nn.Identity,
    "none": nn.Identity,
}


class Layer(nn.Module):
    """One layer as a torch module."""

    def __init__(self, spec: FlowSpec, halves: bool) -> None:
        super().__init__()
        self.halves, self.spec = halves, spec
        stride = 2 if halves and spec.downsampling == "stride" else 1
        self.conv = nn.Conv2d(spec.width, spec.width, 3, stride, 1, bias=False)
        self.norm = nn.BatchNorm2d(spec.width) if spec.batch_norm else nn.Identity()
        self.pool = POOLS[spec.downsampling]() if halves else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.pool(torch.relu(self.norm(self.conv(x))))
        if not self.spec.skips:
            return y
        strided = self.halves and self.spec.downsampling == "stride"
        return y + (x[..., ::2, ::2] if strided else self.pool(x))


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("downsampling", POOLS)
def test_norms_are_those_that_hooks_see(downsampling: str, skips: bool, batch_norm: bool) -> None:
    """The same draws put into modules; the norms by backward hooks."""
    spec = FlowSpec(downsampling, batch_norm=batch_norm, skips=skips, **SMALL | {"draws": 1})  # type: ignore[arg-type]
    generator = torch.Generator().manual_seed(spec.seed)
    shape = (spec.batch, spec.width, spec.side, spec.side)
    x = torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
    layers = [
        Layer(spec, index in spec.downsampling_layers).double()
        for index in range(1, spec.depth + 1)
    ]
    norms: list[float] = []
    for layer in layers:
        nn.init.kaiming_normal_(layer.conv.weight, nonlinearity="relu", generator=generator)
        layer.register_full_backward_hook(lambda _m, _i, out: norms.append(float(out[0].norm())))
    y = nn.Sequential(*layers)(x)
    arriving = torch.randn(y.shape, generator=generator, dtype=torch.float64)
    y.backward(arriving / arriving.norm())
    assert x.grad is not None
    flow = gradient_flow(spec)
    np.testing.assert_allclose(flow.norms[0], [float(x.grad.norm()), *norms[::-1]], rtol=1e-4)
    own = [float(layer.conv.weight.grad.norm()) for layer in layers]
    np.testing.assert_allclose(flow.weight_norms[0], own, rtol=1e-4)


def flow_of(**settings: Any) -> GradientFlow:
    return gradient_flow(FlowSpec(**{"draws": 12, "side": 16, "levels": 3, **settings}))


def test_linear_averages_halve_the_norm_and_maxima_keep_it() -> None:
    """Each of 4 pixels gets g/4, so the sum of squares is a quarter; one pixel gets all of g."""
    factors = {}
    for kind in ("max", "average"):
        flow = flow_of(downsampling=kind, activation="none", depth=4)
        at = sorted(flow.spec.downsampling_layers)
        factors[kind] = np.median(flow.norms[:, [i - 1 for i in at]] / flow.norms[:, at])
    assert factors["max"] / factors["average"] == pytest.approx(2, rel=0.1)


def test_saturating_activations_let_it_die_and_he_keeps_it() -> None:
    sigmoid, he, default = (
        flow_of(activation="sigmoid", downsampling="none"),
        flow_of(downsampling="none"),
        flow_of(downsampling="none", weights="torch"),
    )
    assert sigmoid.factor_per_layer < 0.5 < 0.9 < he.factor_per_layer < 1.1
    assert default.factor_per_layer < 0.6
    assert he.vanishing_layer() is None
    layer = sigmoid.vanishing_layer()
    assert layer is not None
    assert sigmoid.median[layer] < 1e-3 <= sigmoid.median[layer + 1]


def test_the_smallest_gradients_are_still_numbers() -> None:
    deep = flow_of(activation="sigmoid", downsampling="average", depth=80, draws=1, width=4)
    assert 0 < deep.median[0] < 1e-40


def test_skips_keep_it_alive() -> None:
    plain, skipped = (
        flow_of(activation="tanh", weights="torch", downsampling="stride", skips=skips)
        for skips in (False, True)
    )
    assert skipped.median[0] > 100 * plain.median[0]


def test_the_band_holds_the_median_and_most_draws() -> None:
    flow = flow_of(draws=20, depth=6)
    low, high = flow.band
    assert ((low <= flow.median) & (flow.median <= high)).all()
    inside = (flow.norms >= low) & (flow.norms <= high)
    assert inside.mean() > 0.75


def test_progress_is_told_and_can_end_it() -> None:
    told: list[FlowProgress] = []

    def report(progress: FlowProgress) -> bool:
        told.append(progress)
        return progress.done < 2

    flow = gradient_flow(FlowSpec(**SMALL), report)
    assert [(p.done, p.total) for p in told] == [(1, 3), (2, 3)]
    assert flow.draws == 2
    np.testing.assert_array_equal(flow.norms, gradient_flow(FlowSpec(**SMALL)).norms[:2])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_stacked_maxima_starve_all_but_one_in_four_to_the_l(seed: int) -> None:
    for share in zero_gradient_shares(5, seed):
        assert share.measured == share.expected == 1 - 4.0**-share.levels


@pytest.mark.parametrize(
    "settings, parameter",
    [
        ({"downsampling": "crop"}, "downsampling"),
        ({"activation": "step"}, "activation"),
        ({"weights": "ones"}, "weights"),
        ({"depth": 0}, "depth"),
        ({"depth": 101}, "depth"),
        ({"levels": 20}, "levels"),
        ({"levels": 3, "depth": 3}, "levels"),
        ({"side": 33}, "side"),
        ({"side": 8}, "side"),
        ({"width": 65}, "width"),
        ({"batch": 0}, "batch"),
        ({"draws": 10**6}, "draws"),
        ({"seed": -1}, "seed"),
        ({"depth": 2.5}, "depth"),
    ],
)
def test_what_cannot_be_is_refused(settings: dict[str, Any], parameter: str) -> None:
    with pytest.raises(SpecError) as caught:
        FlowSpec(**settings)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize("levels", [0, 7])
def test_stacks_are_bounded(levels: int) -> None:
    with pytest.raises(SpecError, match="levels"):
        zero_gradient_shares(levels)


def test_every_activation_has_a_module() -> None:
    assert set(ACTIVATIONS) == set(swaps.ACTIVATIONS)
