"""Whole networks under a shift: blurred, wrapped, measured; the original untouched."""

from __future__ import annotations

import copy
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core import data
from core.erf.expected import expected_erf
from core.errors import SpecError
from core.graph import network_graph
from core.networks import build
from core.networks.notation import parse_notation
from core.networks.swaps import with_pooling
from core.networks.zoo import build as zoo_build
from core.shift.consistency import ShiftStopped, standardized
from core.shift.network import (
    BlurPool,
    BlurredDownsampling,
    anti_aliased,
    coarsest_stride,
    compared_node,
    network_consistency,
    with_circular_padding,
)

NOTATIONS = (
    "conv3 p1 c8, relu, maxpool2, conv3 s2 p1 c8, relu",
    "conv4 s2 p1 c8, bn, relu, avgpool2, conv5 p2 c8",
    "conv2 s2 c8, relu, maxpool3 s2 p1, residual[conv1 s2 c8 | conv1 s2 c8]",
)


def made(notation: str, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return build(parse_notation(notation), 3)


def photo(name: str = "china", side: int = 32) -> np.ndarray[Any, Any]:
    return standardized(data.picture(name, (side, side), 3))


def shifts(side: int = 16) -> list[tuple[int, int]]:
    return [(0, right) for right in range(side)]


@pytest.mark.parametrize("notation", NOTATIONS)
@pytest.mark.parametrize("blurred", [False, True])
def test_wrapped_networks_follow_their_stride_to_the_last_bit(notation: str, blurred: bool) -> None:
    module = made(notation)
    module = (
        with_circular_padding(anti_aliased(module)) if blurred else with_circular_padding(module)
    )
    found = network_consistency(module, photo(), shifts())
    assert found.whole_outputs.sum() >= 2
    assert found.exact_at_multiples
    assert (found.cosine[found.whole_outputs] == 1).all()
    assert (found.cosine[~found.whole_outputs] < 1).all()
    assert found.maps is not None
    period = int(found.stride[1])
    np.testing.assert_array_equal(found.maps[period], np.roll(found.maps[0], 1, axis=1))


@pytest.mark.parametrize("name", ["china", "flower"])
@pytest.mark.parametrize("notation", NOTATIONS)
def test_a_blur_follows_better(notation: str, name: str) -> None:
    for seed in range(2):
        module = made(notation, seed)
        plain, blurred = (
            network_consistency(with_circular_padding(each), photo(name), shifts(8))
            for each in (module, anti_aliased(module))
        )
        assert plain.mean < blurred.mean < 1


def test_zero_padding_breaks_whole_shifts() -> None:
    found = network_consistency(made(NOTATIONS[0]), photo(), [(0, 0), (0, 4)])
    assert found.exact.tolist() == [True, False]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "vgg11", "densenet121"])
def test_zoo_keeps_its_sizes_and_weights(name: str) -> None:
    module = zoo_build(name, device="meta")
    blurred = anti_aliased(module)
    shape = torch.empty(1, 3, 64, 64, device="meta")
    for each in (blurred, with_circular_padding(module), with_circular_padding(blurred)):
        assert each.eval()(shape).shape == module.eval()(shape).shape
    count = sum(p.numel() for p in module.parameters())
    assert sum(p.numel() for p in blurred.parameters()) == count
    assert any(isinstance(part, BlurredDownsampling) for part in blurred.modules())
    assert not any(isinstance(part, BlurredDownsampling) for part in module.modules())


def test_a_residual_network_of_the_zoo() -> None:
    torch.manual_seed(0)
    module = zoo_build("resnet18").train()
    before = copy.deepcopy(module.state_dict())
    found = network_consistency(
        with_circular_padding(module), photo(), [(0, 0), (0, 3), (0, 8)], "layer2"
    )
    assert found.stride == (8, 8)
    assert found.exact.tolist() == [True, False, True]
    assert module.training
    assert all(torch.equal(before[name], value) for name, value in module.state_dict().items())
    assert all(m.padding_mode == "zeros" for m in module.modules() if isinstance(m, nn.Conv2d))


@pytest.mark.parametrize("taps", [2, 3, 4, 5, 6, 7])
def test_blurred_layers_by_hand(taps: int) -> None:
    x = torch.randn(2, 3, 12, 16, generator=torch.Generator().manual_seed(taps))
    row = torch.tensor((np.poly1d([0.5, 0.5]) ** (taps - 1)).coefficients).float()
    weight = torch.outer(row, row).expand(3, 1, taps, taps)
    pads = [(taps - 1) // 2, taps // 2] * 2

    def blur(dense: torch.Tensor) -> torch.Tensor:
        return F.conv2d(F.pad(dense, pads, mode="reflect"), weight, stride=2, groups=3)

    convolution = nn.Conv2d(3, 3, 3, 2, 1)
    swapped = anti_aliased(convolution, taps)
    torch.testing.assert_close(
        swapped(x), blur(F.conv2d(x, convolution.weight, convolution.bias, 1, 1))
    )
    pool = anti_aliased(nn.MaxPool2d(3, 2, 1), taps)
    torch.testing.assert_close(pool(x), blur(F.max_pool2d(x, 3, 1, 1)))
    torch.testing.assert_close(BlurPool(taps)(x), blur(x))
    assert convolution.stride == (2, 2)


def test_what_cannot_be_blurred_stays() -> None:
    odd = nn.Sequential(
        nn.Conv2d(3, 4, 3, (1, 2)),
        nn.MaxPool2d(2, ceil_mode=True),
        nn.Conv2d(4, 4, 3),
        nn.AvgPool2d(2),
    )
    swapped = anti_aliased(odd)
    assert [isinstance(part, BlurredDownsampling) for part in swapped.children()] == [False] * 3 + [
        True
    ]
    with pytest.raises(SpecError, match="strided layers"):
        anti_aliased(nn.Conv2d(3, 3, 3))
    with pytest.raises(SpecError, match="taps"):
        anti_aliased(odd, 8)
    with pytest.raises(SpecError, match="convolutions or pooling"):
        with_circular_padding(nn.ReLU())


def test_layers_are_found_and_refused() -> None:
    module = made("conv3 p1 c8, relu, conv3 s2 c8, gap, fc10")
    graph = network_graph(module, (3, 32, 32))
    assert compared_node(graph, (32, 32)).name == "relu1"  # 15 units do not divide 32 pixels
    with pytest.raises(SpecError, match="multiple of the layer's stride"):
        network_consistency(module, photo(), [(0, 1)], "conv2")
    with pytest.raises(SpecError, match="multiple of the layer's stride"):
        network_consistency(made("conv3 s2 c8"), photo(), [(0, 1)])  # not the input itself
    with pytest.raises(SpecError, match="side by side"):
        network_consistency(module, photo(), [(0, 1)], "fc4")
    with pytest.raises(SpecError, match="name of a node"):
        network_consistency(module, photo(), [(0, 1)], "nothing")


def test_a_network_stops() -> None:
    with pytest.raises(ShiftStopped):
        network_consistency(
            made(NOTATIONS[0]), photo(), shifts(), progress=lambda done, total: done < 3
        )


def dark_at_the_border(side: int = 32) -> np.ndarray[Any, Any]:
    """A picture whose border is 0, so that no padding is seen after a shift by a pixel or two."""
    image = np.zeros((3, side, side), np.float32)
    image[:, 8:-8, 8:-8] = photo(side=side)[:, 8:-8, 8:-8]
    return image


@pytest.mark.parametrize(
    "network, units",
    [
        (nn.ConvTranspose2d(3, 2, 4, 2, 1, bias=False), 2),
        (nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.Upsample(scale_factor=3)), 3),
        (nn.Sequential(nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.PixelShuffle(4)), 4),
        (nn.Sequential(nn.AvgPool2d(2), nn.ConvTranspose2d(3, 2, 8, 8, bias=False)), 4),
    ],
)
def test_networks_that_enlarge_move_by_several_units_a_pixel(
    network: nn.Module, units: int
) -> None:
    picture = dark_at_the_border()
    found = network_consistency(network, picture, [(0, 1), (2, 0), (2, 2)])
    assert found.stride == (Fraction(1, units), Fraction(1, units))
    assert found.whole_outputs.all()
    with torch.no_grad():
        still, turned = (
            network(torch.from_numpy(np.roll(picture, shift, (1, 2)))[None]).numpy()[0]
            for shift in ((0, 0), (2, 2))
        )
    by_hand = np.array_equal(turned, np.roll(still, (2 * units, 2 * units), (1, 2)))
    assert by_hand  # 2 px are a multiple of every stride inside
    assert found.exact[2]


def test_the_layer_of_a_decoder_is_its_last() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, 1, 1),
        nn.ConvTranspose2d(4, 2, 4, 4),
    )
    graph = network_graph(module, (3, 32, 32))
    assert compared_node(graph, (32, 32)).name == "_3"
    assert network_consistency(module, photo(), [(0, 2)]).stride == (Fraction(1, 2),) * 2
    assert (
        coarsest_stride(graph, compared_node(graph, (32, 32)), (32, 32)) == 2
    )  # of the maps within


@pytest.mark.parametrize("wraps", [False, True])
def test_sequences_are_moved_along_their_length(wraps: bool) -> None:
    torch.manual_seed(0)
    mode = "circular" if wraps else "zeros"
    module = nn.Sequential(nn.Conv1d(2, 4, 5, 4, 2, padding_mode=mode), nn.ReLU())
    sequence = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32)
    found = network_consistency(module, sequence, [(0, 0), (0, 1), (0, 4)])
    assert found.stride == (1, 4)
    assert found.whole_outputs.tolist() == [True, False, True]
    with torch.no_grad():
        still, turned = (
            module(torch.from_numpy(np.roll(sequence, shift, 1))[None]).numpy()[0]
            for shift in (0, 4)
        )
    assert found.exact[2] == np.array_equal(turned, np.roll(still, 1, 1)) == wraps


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(SpecError, match=r"must be \(C, H, W\), or \(C, L\)"):
        network_consistency(nn.Conv2d(3, 2, 3), np.zeros((1, 3, 8, 8)), [(0, 1)])


def test_a_blur_pool_is_known_as_a_fixed_window() -> None:
    """Its weights are read by the closed form, and another pooling can take its place."""
    net = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), BlurPool(3, padding_mode="circular"))
    expected = expected_erf(net, (1, 24, 24))
    squares = np.convolve(np.square([0.25, 0.5, 0.25]), [1.0, 1.0, 1.0])
    energy = np.outer(squares, squares)
    np.testing.assert_allclose(expected.map, energy / energy.sum(), rtol=1e-5)
    swapped = with_pooling(net, "max")
    assert not any(isinstance(part, BlurPool) for part in swapped.modules())
