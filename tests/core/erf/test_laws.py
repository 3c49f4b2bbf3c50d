"""The engine against the laws of effective receptive fields, each computed another way."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.erf import effective_receptive_field
from tests.core.erf_oracle import Residual, self_convolution, stack
from tests.examples import examples

ONE = {"weights": "uniform", "aggregate": "abs", "draws": 1}
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA here")
    ),
]


@examples(25)
@given(
    st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 2), st.integers(1, 3)), min_size=1, max_size=5
    ),
    st.integers(1, 3),
)
def test_uniform_weights_give_the_self_convolution(layers, channels):
    convs, kernels, jump = [], [], 1
    for size, stride, dilation in layers:
        convs.append(nn.Conv2d(channels, channels, size, stride, dilation=dilation))
        kernels.append((size, jump, dilation))
        jump *= stride
    profile = self_convolution(kernels)
    side = len(profile) + 2 * jump
    result = effective_receptive_field(nn.Sequential(*convs), (channels, side, side), **ONE)
    assert result.map.shape == (len(profile), len(profile))
    assert np.abs(result.map - np.outer(profile, profile)).max() <= 1e-6 * profile.max() ** 2
    variance = sum((jump * d) ** 2 * (k * k - 1) / 12 for k, jump, d in kernels)
    assert result.sigma == pytest.approx((variance**0.5,) * 2, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("device", DEVICES)
def test_the_energy_of_uniform_weights_is_the_square_narrower_by_root_two(device):
    gradient = effective_receptive_field(stack(16, 2), (3, 64, 64), device=device, **ONE)
    energy = effective_receptive_field(
        stack(16, 2), (3, 64, 64), device=device, **{**ONE, "aggregate": "energy"}
    )
    assert np.allclose(energy.map, gradient.map**2 / (gradient.map**2).sum(), rtol=1e-5)
    assert gradient.sigma[0] / energy.sigma[0] == pytest.approx(2**0.5, rel=0.02)


def within(result, variance: float, tolerance: float) -> None:
    """Both widths together: the two axes are two samples of one number."""
    measured = np.mean(np.square(result.sigma)) ** 0.5
    assert measured == pytest.approx(variance**0.5, rel=tolerance)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("weights", ["he", "xavier", "orthogonal"])
def test_random_weights_are_as_wide_as_theory_says(weights, device):
    result = effective_receptive_field(
        stack(8, 24), (3, 48, 48), draws=64, weights=weights, device=device
    )
    within(result, 2 * 8 / 3, 0.02)
    assert result.theory.size == (17, 17)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("activation, weights", [(nn.ReLU, "he"), (nn.Tanh, "xavier")])
def test_activations_hardly_change_the_width(activation, weights, device):
    net = stack(8, 24, between=activation)
    result = effective_receptive_field(net, (3, 48, 48), draws=64, weights=weights, device=device)
    within(result, 2 * 8 / 3, 0.04)


@pytest.mark.parametrize("share", [0.25, 1.0, 4.0])
def test_residual_branches_shrink_the_variance_by_their_share(share):
    blocks = nn.Sequential(*(Residual(24, share**0.5) for _ in range(8)))
    result = effective_receptive_field(blocks, (24, 48, 48), draws=64, weights="xavier")
    within(result, 8 * 2 / 3 * share / (1 + share), 0.03)


def test_the_side_grows_like_the_root_of_depth_and_its_share_shrinks_like_it():
    depths = np.array([8, 16, 32, 64])
    sides, shares = [], []
    for depth in depths:
        result = effective_receptive_field(
            stack(int(depth), 1), (3, 160, 160), **{**ONE, "aggregate": "energy"}
        )
        sides.append(result.side)
        shares.append(result.side / result.theory.size[0])
    assert np.polyfit(np.log(depths), np.log(sides), 1)[0] == pytest.approx(0.5, abs=0.05)
    assert np.polyfit(np.log(depths), np.log(shares), 1)[0] == pytest.approx(-0.5, abs=0.05)


def test_growing_dilations_equal_strides_and_equal_dilations_leave_holes():
    dilated = nn.Sequential(*(nn.Conv2d(1, 1, 3, dilation=2**i, padding=2**i) for i in range(5)))
    strided = nn.Sequential(*(nn.Conv2d(1, 1, 3, 2, 1) for _ in range(5)))
    one, other = (
        effective_receptive_field(net, (1, 160, 160), **ONE) for net in (dilated, strided)
    )
    assert one.theory.size == other.theory.size == (63, 63)
    assert one.map == pytest.approx(other.map, abs=1e-9)
    holes = nn.Sequential(*(nn.Conv2d(1, 1, 3, dilation=2, padding=2) for _ in range(3)))
    result = effective_receptive_field(holes, (1, 40, 40), weights="he", draws=4)
    assert result.zeros_share == pytest.approx(1 - 49 / 169)
    assert round(result.zeros_share, 2) == 0.71


def test_absolute_gradients_of_random_weights_are_wider_by_about_root_two():
    maps = {
        name: effective_receptive_field(
            stack(8, 8), (3, 48, 48), draws=64, weights="he", aggregate=name
        )
        for name in ("energy", "abs", "relu", "signed")
    }
    for name in ("abs", "relu"):
        assert 1.3 < maps[name].sigma[0] / maps["energy"].sigma[0] < 1.45
    mean, spread = maps["signed"], maps["energy"]
    assert (mean.map < 0).any()
    assert np.abs(mean.map).sum() == pytest.approx(1)
    assert mean.total**2 < spread.total * mean.map.size  # it averages out: noise


def test_a_random_cotangent_is_unbiased_and_a_sum_of_channels_is_not():
    torch.manual_seed(0)
    net = stack(3, 6)
    image = torch.randn(3, 12, 12)
    leaf = image[None].requires_grad_()
    unit = net(leaf)[0, :, 6, 6]
    rows = [torch.autograd.grad(value, leaf, retain_graph=True)[0][0] for value in unit]
    exact = sum(row.square().sum(0) for row in rows).numpy()[3:10, 3:10]
    summed = sum(rows).square().sum(0).numpy()[3:10, 3:10]
    result = effective_receptive_field(net, (3, 12, 12), inputs=image.detach(), draws=2000)
    assert np.abs(result.map - exact / exact.sum()).sum() / 2 < 0.04
    assert result.total == pytest.approx(exact.sum(), rel=0.05)
    assert np.abs(summed / summed.sum() - exact / exact.sum()).sum() / 2 > 0.15
