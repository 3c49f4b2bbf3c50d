"""Every trap that a published tool fell into, walked around."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from core.erf import effective_receptive_field
from core.errors import SpecError
from tests.core.erf_oracle import Residual, on_the_image, plain_gradient, self_convolution, stack


def test_zeros_behind_relu_without_bias_are_refused_not_drawn_as_a_black_map():
    net = stack(3, between=nn.ReLU, bias=False)
    with pytest.raises(SpecError, match="exactly 0 everywhere"):
        effective_receptive_field(net, (3, 20, 20), inputs=np.zeros((3, 20, 20)))
    assert effective_receptive_field(net, (3, 20, 20)).total > 0


def test_zeros_with_bias_open_the_same_gates_everywhere_and_noise_does_not():
    torch.manual_seed(0)
    net = stack(2, 6, between=nn.ReLU)
    zeros = np.zeros((3, 30, 30))
    units = [(10, 10), (17, 13)]
    same = [effective_receptive_field(net, (3, 30, 30), unit=u, inputs=zeros).map for u in units]
    noise = np.random.default_rng(0).normal(size=(3, 30, 30))
    other = [effective_receptive_field(net, (3, 30, 30), unit=u, inputs=noise).map for u in units]
    assert same[0] == pytest.approx(same[1], abs=1e-9)
    assert np.abs(other[0] - other[1]).sum() > 0.01


def test_where_a_constant_image_ties_every_maximum_each_pixel_has_its_share():
    net = nn.Sequential(*(nn.MaxPool2d(3, 1, 1) for _ in range(4)))
    constant = effective_receptive_field(net, (1, 40, 40), inputs=np.ones((1, 40, 40)), draws=1)
    noise = effective_receptive_field(net, (1, 40, 40), draws=400)
    box = np.ones(1)
    for _ in range(4):  # shares of 1/3 along each axis, layer by layer
        box = np.convolve(box, np.full(3, 1 / 3))
    shares = np.outer(box, box) ** 2  # squared gradients
    np.testing.assert_allclose(constant.map, shares / shares.sum(), rtol=1e-5)
    assert max(map(abs, noise.centroid_offset)) < 0.5


def test_batch_norm_in_train_mode_is_run_in_eval_mode_and_stays_in_train_mode():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 3))
    net[1].running_mean.uniform_(-0.5, 0.5)
    net[1].running_var.uniform_(0.5, 2)
    trained = effective_receptive_field(net.train(), (3, 20, 20))
    assert all(part.training for part in net.modules())
    assert trained.map.shape == trained.theory.size == (5, 5)
    assert np.array_equal(trained.map, effective_receptive_field(net.eval(), (3, 20, 20)).map)


def test_batch_norm_without_running_statistics_leaks_between_no_samples():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))
    result = effective_receptive_field(net, (3, 9, 9), draws=4)
    assert result.run.batch == 1
    assert "whole image" in result.theory.note


class InPlace(nn.Module):
    """The function in place, first of all on the input itself."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place, self.conv = in_place, nn.Conv2d(3, 16, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu_(x) if self.in_place else torch.relu(x)
        y = self.conv(x)
        y = y.mul_(2) if self.in_place else y * 2
        return torch.relu_(y) if self.in_place else torch.relu(y)


def test_working_in_place_changes_nothing():
    torch.manual_seed(0)
    for one, other in [
        (InPlace(True), InPlace(False)),
        (
            nn.Sequential(
                nn.ReLU(inplace=True), nn.Conv2d(3, 16, 3), nn.Tanh(), nn.ReLU(inplace=True)
            ),
            nn.Sequential(nn.ReLU(), nn.Conv2d(3, 16, 3), nn.Tanh(), nn.ReLU()),
        ),
    ]:
        other.load_state_dict(one.state_dict())
        image = torch.randn(3, 20, 20)
        kept = image.clone()
        maps = [
            effective_receptive_field(net, (3, 20, 20), inputs=image).map for net in (one, other)
        ]
        assert np.array_equal(*maps)
        assert torch.equal(image, kept)


def test_a_dead_channel_hides_nothing_because_all_channels_are_taken():
    torch.manual_seed(1)
    net = stack(2, 8, between=nn.ReLU)
    noise = torch.randn(32, 3, 20, 20)
    first = net(noise)[:, 0, 10, 10]
    assert 4 < int((first == 0).sum()) < 28  # about half of the draws would be lost
    totals = [
        effective_receptive_field(net, (3, 20, 20), inputs=image, draws=1).total for image in noise
    ]
    assert min(totals) > 0


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_even_kernels_have_half_pixel_centres_and_same_pads_one_before_and_two_after():
    valid = effective_receptive_field(
        nn.Conv2d(1, 1, 4), (1, 20, 20), unit=(8, 8), weights="uniform", draws=1
    )
    assert valid.theory.center == (9.5, 9.5)
    assert valid.square(0.99) == 4
    net = nn.Conv2d(1, 1, 4, padding="same")
    same = effective_receptive_field(net, (1, 20, 20), unit=(8, 8), weights="uniform", draws=1)
    assert same.origin == (7, 7)
    assert same.theory.unclipped.rows == (7, 10)
    for result in (valid, same):
        assert result.centroid == pytest.approx(result.theory.center)
        assert result.centroid_offset == pytest.approx((0, 0), abs=1e-6)


def test_border_units_are_narrower_shifted_inward_and_lose_energy():
    net = stack(8, 6)
    asked = {"weights": "he", "draws": 48}
    inner = effective_receptive_field(net, (3, 40, 40), **asked)
    border = effective_receptive_field(net, (3, 40, 40), unit=(0, 20), **asked)
    assert border.sigma[0] < 0.8 * inner.sigma[0]
    assert border.sigma[1] == pytest.approx(inner.sigma[1], rel=0.15)
    assert border.centroid_offset[0] > 1
    assert abs(border.centroid_offset[1]) < 0.3
    assert (inner.is_cut, inner.lost_to_padding) == (False, 0)
    assert border.is_cut
    assert border.lost_to_padding == pytest.approx(1 - border.total / inner.total, abs=0.1)
    small = effective_receptive_field(net, (3, 9, 9), **asked)
    assert small.map.shape == (9, 9)
    assert small.theory.size == (17, 17)
    assert small.lost_to_padding > 0


def test_a_span_with_holes_is_a_span():
    net = nn.Sequential(nn.Conv2d(3, 3, 1, 2), nn.Conv2d(3, 3, 3, dilation=2))
    result = effective_receptive_field(net, (3, 40, 40))
    assert result.theory.size == result.map.shape == (9, 9)
    assert np.count_nonzero(result.map) == 9
    assert result.zeros_share == pytest.approx(1 - 9 / 81)


class Backwards(nn.Module):
    """Layers registered in another order than they run in, one of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.last, self.twice = nn.Conv2d(6, 4, 5), nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.twice(self.twice(x)) + x
        return self.last(torch.cat([y, x], 1))


def test_the_order_of_registration_is_not_the_order_of_the_graph():
    net, image = Backwards(), torch.randn(3, 24, 24)
    asked = {"inputs": image, "aggregate": "signed", "draws": 1}
    result = effective_receptive_field(net, (3, 24, 24), "last", (9, 9), **asked)
    assert result.theory.size == (9, 9)
    wanted = plain_gradient(net, image, "last", (9, 9)).sum(0)
    assert on_the_image(result) == pytest.approx(wanted / np.abs(wanted).sum(), abs=1e-6)
    for node, size in (("twice", 3), ("twice_1", 5), ("add", 5)):
        assert effective_receptive_field(net, (3, 24, 24), node, (9, 9)).theory.size == (size, size)


@pytest.mark.parametrize("weight, depth", [(1.0, 60), (1e-3, 20), (1e3, 12)])
def test_gradients_beyond_float32_are_scaled_back(weight, depth):
    net = stack(depth, 1, image=1, bias=False)
    for parameter in net.parameters():
        nn.init.constant_(parameter, weight)
    side = 2 * depth + 1
    image = np.full((1, side, side), 1e-30)
    result = effective_receptive_field(net, (1, side, side), inputs=image, draws=1, aggregate="abs")
    profile = self_convolution([(3, 1, 1)] * depth)
    assert np.abs(result.map - np.outer(profile, profile)).max() < 1e-6 * profile.max()


def test_what_cannot_be_kept_finite_is_refused():
    net = stack(300, 1, image=1, bias=False)
    for parameter in net.parameters():
        nn.init.constant_(parameter, 9.0)
    with pytest.raises(SpecError, match="finite"):
        effective_receptive_field(net, (1, 20, 20), draws=1)
    assert effective_receptive_field(net, (1, 20, 20), draws=1, weights="uniform").total > 0


def test_residual_blocks_need_the_graph():
    net = nn.Sequential(*(Residual(3, 1.0) for _ in range(3)))
    result = effective_receptive_field(net, (3, 20, 20), "1", (10, 10), weights="uniform")
    assert result.theory.size == (5, 5)
    profile = np.outer(*[self_convolution([(3, 1, 1)])] * 2)
    alone = np.zeros((3, 3))
    alone[1, 1] = 1
    assert result.module == "1"
    assert result.map.argmax() == 12  # the skip's pixel, in the middle
    assert effective_receptive_field(
        nn.Sequential(Residual(1, 1.0)), (1, 9, 9), weights="uniform", aggregate="abs"
    ).map == pytest.approx((profile + alone) / 2, abs=1e-6)
