"""Experiments on blocks: layers whose answers are known, loops, and the claims of the issue."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.blocks.facts import block_facts
from core.blocks.probe import (
    feature_maps,
    gradient_spread,
    linearity,
    normalized_input,
    shift_response,
)
from core.data import picture
from core.networks import build
from core.networks.notation import parse_notation
from tests.examples import examples


def made(line: str, channels: int, side: int, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(parse_notation(line), channels, (side, side))


VERDICTS = {
    "conv3 nobias": "linear",
    "avgpool2": "linear",
    "conv3 s2 nobias, avgpool2, conv1 nobias": "linear",
    "up2 bilinear": "linear",
    "conv3": "affine",
    "conv3 nobias, bn": "linear",
    "maxpool2": "not linear",
    "relu": "not linear",
    "conv3, relu": "not linear",
    "lppool2": "not linear",
    "residual[conv3 p1 nobias]": "linear",
}


@pytest.mark.parametrize("line", VERDICTS)
def test_linearity(line: str) -> None:
    for seed in range(3):
        assert linearity(made(line, 2, 8, seed), (2, 8, 8), seed).verdict == VERDICTS[line]


@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
@examples(30, deadline=None)
def test_share_of_zeros_by_operation(kernel: int, stride: int, seed: int) -> None:
    side, image = 12, np.random.default_rng(seed).standard_normal((2, 12, 12))
    image = image.astype(np.float32)
    starts = range(0, side - kernel + 1, stride)
    read = np.zeros((side, side), bool)
    winners = np.zeros((2, side, side), bool)
    for row in starts:
        for col in starts:
            read[row : row + kernel, col : col + kernel] = True
            for channel in range(2):
                window = image[channel, row : row + kernel, col : col + kernel]
                up, across = np.unravel_index(window.argmax(), window.shape)
                winners[channel, row + up, col + across] = True
    for line in (f"conv{kernel} s{stride}", f"avgpool{kernel} s{stride}"):
        found = gradient_spread(made(line, 2, side, seed), image, seed)
        assert found.zero_entries == pytest.approx(1 - read.mean())
        assert found.zero_pixels == pytest.approx(1 - read.mean())
        assert ((found.map == 0) == ~read).all()
    found = gradient_spread(made(f"maxpool{kernel} s{stride}", 2, side), image, seed)
    assert found.zero_entries == pytest.approx(1 - winners.mean())
    assert found.zero_pixels == pytest.approx(1 - winners.any(0).mean())
    assert ((found.map != 0) == winners[0]).all()


@pytest.mark.parametrize("name", ["china", "flower"])
def test_the_issues_shares_on_photographs(name: str) -> None:
    image = normalized_input(picture(name, (32, 32), 3), 4)
    shares = {
        line: gradient_spread(made(line, 4, 32), image).zero_entries
        for line in ("maxpool2", "conv1 s2", "avgpool2", "conv2 s2", "conv3 s2 p1")
    }
    assert shares == {
        "maxpool2": 0.75, "conv1 s2": 0.75, "avgpool2": 0, "conv2 s2": 0, "conv3 s2 p1": 0
    }  # fmt: skip


def test_gradient_of_an_average_by_hand() -> None:
    image = np.random.default_rng(0).standard_normal((1, 6, 6)).astype(np.float32)
    found = gradient_spread(nn.AvgPool2d(2), image, seed=5)
    coming = torch.randn(1, 1, 3, 3, generator=torch.Generator().manual_seed(5)).numpy()[0, 0]
    np.testing.assert_allclose(found.map, np.abs(np.kron(coming, np.full((2, 2), 0.25))), rtol=1e-5)
    assert found.ratio == pytest.approx(0.5)
    assert found.mean == pytest.approx(np.abs(coming).mean() / 4)
    assert found.nonzero_gradients == 0


def test_dead_parameters_do_not_learn() -> None:
    net = made("conv1 c2, relu", 1, 4)
    with torch.no_grad():
        net.get_submodule("conv0").weight.copy_(torch.tensor([1.0, 1.0]).reshape(2, 1, 1, 1))
        net.get_submodule("conv0").bias.copy_(torch.tensor([9.0, -9.0]))
    image = np.full((1, 4, 4), 0.5, np.float32)
    assert gradient_spread(net, image).nonzero_gradients == 2, (
        "the second filter is always below zero"
    )


LINES = (
    "conv3 s2 p1 c3", "maxpool2", "avgpool3 s2 p1", "conv4 s4 c2, relu", "conv3 p1, relu, maxpool2",
    "residual[conv3 s2 p1 c2 | avgpool2 ceil nopad, conv1 c2]", "conv3 d2 c2",
)  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_moving_by_the_stride_moves_the_output(line: str) -> None:
    facts = block_facts(parse_notation(line), (3, 32, 32))
    image = normalized_input(picture("flower", (32, 40), 3), 3)
    found = shift_response(made(line, 3, 32), image, facts.field, 32)
    assert found is not None
    assert found.follows_shift
    assert found.stride == facts.field.effective_stride[1]
    assert found.by_one > 0.01
    change = image[..., 1:33] - image[..., :32]
    expected = np.linalg.norm(change) / np.linalg.norm(image[..., :32])
    assert found.input_by_one == pytest.approx(expected, rel=1e-4)


class Positional(nn.Module):
    """Adds the column's number: what no convolution does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.arange(x.shape[-1], dtype=x.dtype)


def test_what_does_not_move_along_is_seen() -> None:
    facts = block_facts(parse_notation("conv1"), (3, 16, 16))
    image = normalized_input(picture("flower", (16, 20), 3), 3)
    found = shift_response(Positional(), image, facts.field, 16)
    assert found is not None
    assert not found.follows_shift


def test_no_answer_where_there_is_none() -> None:
    image = normalized_input(picture("flower", (8, 10), 3), 3)
    for line in ("gap", "conv8 p3", "conv8", "concat[conv1 | maxpool2, up2]"):
        facts = block_facts(parse_notation(line), (3, 8, 8))
        if line.startswith("concat"):
            assert facts.field.axes[1].paths[0].period > 1 or len(facts.field.axes[1].paths) > 1
        assert shift_response(made(line, 3, 8), image, facts.field, 8) is None
    facts = block_facts(parse_notation("conv4 s4"), (3, 8, 8))
    assert shift_response(made("conv4 s4", 3, 8), image, facts.field, 8) is None, "too narrow"


@given(st.integers(1, 6), st.integers(0, 9))
def test_channels_of_a_picture(channels: int, seed: int) -> None:
    planes = picture("china", (8, 9), 3)
    made_ = normalized_input(planes, channels, seed)
    assert made_.shape == (channels, 8, 9)
    assert made_.std() == pytest.approx(1, rel=1e-3)
    if channels == 3:
        assert np.corrcoef(made_.ravel(), planes.ravel())[0, 1] == pytest.approx(1)
    assert np.isfinite(normalized_input(np.zeros((3, 4, 4), np.float32), channels)).all()


def test_feature_maps_are_the_outputs() -> None:
    net, image = made("conv3 c5, relu", 3, 8), np.ones((3, 8, 8), np.float32)
    with torch.no_grad():
        expected = net.eval()(torch.ones(1, 3, 8, 8))[0, :4].numpy()
    np.testing.assert_allclose(feature_maps(net, image), expected, rtol=1e-6)
    assert feature_maps(made("flatten", 3, 8), image).shape == (0, 0, 0)
