"""The closed form against autograd, against its own law, and against random networks."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from core.erf import effective_receptive_field, metrics
from core.erf.expected import HE_GAINS, UNIT_GAINS, Gains, expected_erf
from core.errors import SpecError
from core.graph import Node, network_graph
from core.graph.axes.units import unit_values
from core.networks.modules import Concat, Residual, SqueezeExcite
from core.networks.swaps import with_activation, with_pooling
from core.networks.zoo import build, entry
from core.receptive_field import receptive_fields
from tests.core.calls import Calls
from tests.core.random_networks import (
    CHANNELS,
    Branching,
    Draw,
    branching,
    chains,
    convolution,
    fits,
    moved,
    padded,
    per_axis,
    resized,
    sliced,
    transposed,
)
from tests.examples import examples, others_slow

Map = NDArray[np.float64]
BY_HAND = ("blocks", "permuted", "channels last")
"""Layers that cut, weigh or scale in their own code, where no graph can see by how much."""
FEW = examples(50, deadline=None)


def averaged(draw: Draw, axes: int) -> nn.Module:
    """Average pooling with all that torch lets it do."""
    kernel, stride = per_axis(draw, axes, 1, 4), per_axis(draw, axes, 1, 3)
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel)
    if draw(st.booleans()):
        return getattr(nn, f"AdaptiveAvgPool{axes}d")(per_axis(draw, axes, 2, 7))
    make = getattr(nn, f"AvgPool{axes}d")
    ceil, counts = draw(st.booleans()), draw(st.booleans())
    return make(kernel, stride, padding, ceil_mode=ceil, count_include_pad=counts)


LAYERS = (convolution, convolution, transposed, averaged, padded, resized, sliced, moved)


@st.composite
def linear_networks(draw: Draw) -> tuple[nn.Module, tuple[int, ...]]:
    """Chains of all kinds of linear windows, and branches that add or concatenate."""
    axes = draw(st.integers(1, 2))
    size = per_axis(draw, axes, 6, 16)

    def chain(longest: int) -> nn.Module:
        chosen = draw(st.lists(st.sampled_from(LAYERS), max_size=longest))
        return nn.Sequential(*(make(draw, axes) for make in chosen))

    if draw(st.booleans()):
        return chain(4), (CHANNELS, *size)
    branches = [chain(2) for _ in range(draw(st.integers(2, 3)))]
    way = draw(st.sampled_from(["add", "cat"]))
    return Branching(chain(1), branches, chain(1), way), (CHANNELS, *size)


def uniform(module: nn.Module) -> nn.Module:
    """Weights 1/fan-in, of a transposed convolution on average over its phases; no biases."""
    module = module.double().eval()
    with torch.no_grad():
        for layer in module.modules():
            for tensor in layer.parameters(recurse=False):
                phases = prod(layer.stride) if layer.transposed else 1
                tensor.fill_(phases / tensor[0].numel() if tensor.ndim > 1 else 0)
    return module


def gradient(module: nn.Module, size: tuple[int, ...], node: Node, unit: tuple[int, int]) -> Map:
    """|d unit / d pixel|, all channels of both summed: (rows, columns) of the whole image."""
    image = torch.rand(1, *size, dtype=torch.float64, requires_grad=True)
    unit_values(module(image), node.layout, unit).sum().backward()
    assert image.grad is not None
    return image.grad.abs().sum((0, 1)).reshape(-1, size[-1]).numpy()


def on_image(found: Any) -> Map:
    """The map in its place in the image."""
    full = np.zeros(found.input_size)
    (row, col), (height, width) = found.origin, found.map.shape
    full[row : row + height, col : col + width] = found.map
    return full


@FEW
@given(linear_networks(), st.data())
def test_uniform_weights_give_the_gradient_that_autograd_gives(
    case: tuple[nn.Module, tuple[int, ...]], data: st.DataObject
) -> None:
    module, size = case
    by_hand = any(word in repr(module) for word in BY_HAND)
    assume(not by_hand and fits(module, size))
    module = uniform(module)
    graph = network_graph(module, size)
    assume(not any(node.kind in ("global", "unknown") or node.bound for node in graph.values()))
    name = graph.outputs[0]
    unit = data.draw(st.tuples(*(st.integers(0, n - 1) for n in graph[name].grid)), label="unit")
    truth = gradient(module, size, graph[name], unit)
    if truth.sum() < 1e-12:
        with pytest.raises(SpecError, match="must read a pixel"):
            expected_erf(module, size, name, unit, weights="uniform", aggregate="abs")
        return
    found = expected_erf(module, size, name, unit, weights="uniform", aggregate="abs")
    np.testing.assert_allclose(on_image(found), truth / truth.sum(), atol=1e-6)
    assert found.map.sum() == pytest.approx(1)
    assert -1e-9 <= found.padding_loss < 1 or "bicubic" in repr(module)  # whose weights are signed


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
@pytest.mark.parametrize("shape", [(5, 4), (9, 30), (11, 7)])
@pytest.mark.parametrize("unit", [(0, 0), (2, 3), (4, 1)])
def test_smoothed_resampling_has_torchs_weights(
    mode: str, shape: tuple[int, int], unit: tuple[int, int]
) -> None:
    resize = Calls(lambda _, x: F.interpolate(x, shape, mode=mode, antialias=True))
    truth = gradient(resize, (4, 11, 17), network_graph(resize, (4, 11, 17))["interpolate"], unit)
    found = expected_erf(resize, (4, 11, 17), unit=unit, weights="uniform", aggregate="abs")
    np.testing.assert_allclose(on_image(found), truth / truth.sum(), atol=1e-6)


@FEW
@given(st.integers(1, 2).flatmap(lambda axes: chains(axes) | branching(axes)), st.data())
def test_energy_reaches_as_far_as_the_receptive_field(
    case: tuple[nn.Module, tuple[int, ...]], data: st.DataObject
) -> None:
    """Of any network, with maxima, norms and activations."""
    module, size = case
    assume(fits(module, size))
    field = list(receptive_fields(module, size).values())[-1]
    unit = data.draw(st.tuples(*(st.integers(0, n - 1) for n in field.grid)), label="unit")
    box = field.interval(unit).clipped
    if box is None:
        with pytest.raises(SpecError, match="must read a pixel"):
            expected_erf(module, size, field.name, unit)
        return
    found = expected_erf(module, size, field.name, unit)
    rows, cols = (np.flatnonzero(found.map.sum(1 - axis)) + found.origin[axis] for axis in (0, 1))
    assert ((rows[0], rows[-1]), (cols[0], cols[-1])) == box
    assert found.map.sum() == pytest.approx(1)
    assert (found.map >= 0).all()
    assert -1e-9 <= found.padding_loss <= 1


windows = st.tuples(st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))


@examples(40, deadline=None)
@given(st.lists(windows, min_size=1, max_size=6))
def test_variance_is_the_sum_over_the_layers(layers: list[tuple[int, int, int]]) -> None:
    jump, reach, variance = 1, 1, 0.0
    for k, s, d in layers:
        variance += (jump * d) ** 2 * (k**2 - 1) / 12
        reach += jump * d * (k - 1)
        jump *= s
    assume(reach <= 3000)
    net = nn.Sequential(*(nn.Conv1d(1, 1, k, s, dilation=d) for k, s, d in layers))
    for weights, aggregate in (("random", "energy"), ("uniform", "abs")):
        found = expected_erf(net, (1, reach + jump), unit=0, weights=weights, aggregate=aggregate)
        assert found.padding_loss == pytest.approx(0, abs=1e-12)
        assert metrics.sigma(found.map)[1] ** 2 == pytest.approx(variance, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("a", [0.25, 1.0, 3.0])
def test_residual_branches_shrink_the_variance(a: float) -> None:
    blocks = (Residual(nn.Conv2d(4, 4, 3, padding=1), nn.Identity()) for _ in range(9))
    found = expected_erf(nn.Sequential(*blocks), (4, 41, 41), gains=Gains(branch=a))
    expected = (9 * 2 / 3 * a / (1 + a)) ** 0.5
    assert metrics.sigma(found.map) == pytest.approx((expected, expected), rel=1e-9)
    assert found.map.shape == (19, 19)


def test_a_concatenation_shares_by_channels() -> None:
    wide, narrow = nn.Conv2d(2, 6, 1), nn.Conv2d(2, 2, 3, padding=1)
    found = expected_erf(nn.Sequential(Concat(wide, narrow), nn.Conv2d(8, 3, 1)), (2, 9, 9))
    kernel = np.full((3, 3), 0.25 / 9)
    kernel[1, 1] += 0.75
    np.testing.assert_allclose(found.map, kernel, atol=1e-12)


def test_an_average_lets_less_through_than_a_maximum() -> None:
    """3×3: one ninth of it, so that a parallel 1×1 path weighs nine times as much."""

    def net(pool: nn.Module) -> nn.Module:
        branches = Concat(nn.Conv2d(4, 4, 1), nn.Sequential(pool, nn.Conv2d(4, 4, 1)))
        return nn.Sequential(branches, nn.Conv2d(8, 4, 1))

    for pool, passed in ((nn.MaxPool2d(3, 1, 1), 1), (nn.AvgPool2d(3, 1, 1), 1 / 9)):
        found = expected_erf(net(pool), (4, 9, 9)).map
        assert found[0, 0] == pytest.approx(passed / 9 / (1 + passed))


def test_padding_swallows_energy_unless_it_copies_pixels() -> None:
    zeros, copies = (nn.Conv2d(2, 2, 3, padding=1, padding_mode=m) for m in ("zeros", "reflect"))
    corner = expected_erf(zeros, (2, 8, 8), unit=(0, 0))
    assert corner.padding_loss == pytest.approx(5 / 9)
    assert corner.map.shape == (2, 2)
    assert expected_erf(copies, (2, 8, 8), unit=(0, 0)).padding_loss == pytest.approx(0)
    assert expected_erf(zeros, (2, 8, 8), unit=(4, 4)).padding_loss == pytest.approx(0)


def test_maximum_in_padding_loses_nothing() -> None:
    assert expected_erf(
        nn.MaxPool2d(3, 2, 1), (2, 8, 8), unit=(0, 0)
    ).padding_loss == pytest.approx(0)


def random_energy(module: nn.Module, size: tuple[int, ...], draws: int) -> tuple[Map, Map]:
    """The energy of the middle unit over random weights, of the odd and the even draws."""
    halves = []
    for seed in range(2):
        generator, total = torch.Generator().manual_seed(seed), 0.0
        for _ in range(draws // 2):
            with torch.no_grad():
                for tensor in module.parameters():
                    fan_in = tensor[0].numel() if tensor.ndim > 1 else 1
                    tensor.normal_(0, fan_in**-0.5, generator=generator)
                    tensor *= tensor.ndim > 1
            image = torch.randn(1, *size, generator=generator).requires_grad_()
            unit = module(image)
            unit = unit[0, :, unit.shape[2] // 2, unit.shape[3] // 2]
            (unit @ torch.randn(unit.shape, generator=generator)).backward()
            assert image.grad is not None
            total = total + image.grad.square().sum((0, 1)).double().numpy()
        halves.append(total)
    return halves[0], halves[1]


def conv(*args: Any, **kwargs: Any) -> nn.Module:
    return nn.Conv2d(8, 8, *args, **kwargs)


RANDOM = {
    "chain": lambda: nn.Sequential(conv(3, padding=1), conv(3, 2, dilation=2), conv((2, 4))),
    "transposed": lambda: nn.Sequential(
        conv(3), nn.ConvTranspose2d(8, 8, 4, 2, 1), conv(3, 1, 1), conv(2)
    ),
    "average, then random": lambda: nn.Sequential(conv(3), nn.AvgPool2d(3, 1, 1), conv(3)),
    "averages apart": lambda: nn.Sequential(nn.AvgPool2d(2), conv(3), nn.AvgPool2d(2), conv(2)),
    "residual": lambda: nn.Sequential(
        Residual(nn.Sequential(conv(3, 1, 1), conv(3, 1, 1)), nn.Identity()),
        Residual(conv(5, 1, 2), conv(1)),
    ),
    "maximum of noise": lambda: nn.Sequential(nn.MaxPool2d(3, 2), conv(3)),
    "concatenation": lambda: nn.Sequential(
        Concat(nn.Sequential(conv(3, 1, 1), conv(3, 1, 1)), nn.Conv2d(8, 2, 1)),
        nn.Conv2d(10, 8, 3, padding=1),
    ),
    "shuffled": lambda: nn.Sequential(conv(3), nn.PixelShuffle(2), nn.Conv2d(2, 8, 3)),
    "bilinear": lambda: nn.Sequential(conv(3), nn.UpsamplingBilinear2d(scale_factor=2), conv(3)),
    "blurred": lambda: nn.Sequential(
        conv(3), with_pooling(nn.Sequential(nn.MaxPool2d(3, 2)), "blur"), conv(2)
    ),
}


@pytest.mark.parametrize("name", RANDOM)
def test_random_linear_networks_have_the_expected_energy(name: str) -> None:
    """As near to the closed form as half of the distance between two halves of the draws."""
    torch.manual_seed(0)
    module, size = RANDOM[name](), (8, 15, 15)
    odd, even = random_energy(module, size, 160)
    found = expected_erf(module, size)
    noise = metrics.total_variation(odd, even)
    assert noise < 0.2
    assert metrics.total_variation(odd + even, on_image(found)) < 0.75 * noise + 0.002


def test_the_wrong_branch_weight_shows() -> None:
    """The bound of the test above is tight enough to tell one factor from another."""
    torch.manual_seed(0)
    module, size = RANDOM["residual"](), (8, 15, 15)
    odd, even = random_energy(module, size, 160)
    wrong = on_image(expected_erf(module, size, gains=Gains(branch=0.5)))
    noise = metrics.total_variation(odd, even)
    assert metrics.total_variation(odd + even, wrong) > 0.75 * noise + 0.002


def test_it_is_the_engines_map_for_uniform_weights() -> None:
    for name, layer, unit in (
        ("dilated_stack", None, None),
        ("four_strided", "conv3", (0, 3)),
        ("patchgan70", None, (1, 0)),
    ):
        module = with_activation(build(name), "none").double()  # ReLU would gate the noise
        size = (entry(name).input_size[0], 64, 64)
        given = effective_receptive_field(
            module, size, layer, unit, draws=1, weights="uniform", aggregate="abs"
        )
        found = expected_erf(module, size, layer, unit, weights="uniform", aggregate="abs")
        assert (found.layer, found.unit, found.origin) == (given.layer, given.unit, given.origin)
        np.testing.assert_allclose(found.map, given.map, atol=1e-6)


def test_gains_of_he_weights_are_those_of_a_rectified_residual_network() -> None:
    def block() -> nn.Module:
        body = nn.Sequential(conv(3, padding=1), nn.ReLU(), conv(3, padding=1))
        return nn.Sequential(Residual(body, nn.Identity()), nn.ReLU())

    module, size = nn.Sequential(*(block() for _ in range(4))), (8, 41, 41)
    measured = effective_receptive_field(module, size, draws=64, weights="he").sigma[0]
    he, kept = (
        metrics.sigma(expected_erf(module, size, gains=g).map)[0] for g in (HE_GAINS, UNIT_GAINS)
    )
    assert he == pytest.approx(measured, rel=0.06)
    assert kept < 0.9 * measured


@pytest.mark.parametrize(
    "name", others_slow(["resnet18", "unet", "densenet121", "convnext_tiny"], 2)
)
def test_published_networks_have_maps_within_their_receptive_field(name: str) -> None:
    module, size = build(name, device="meta"), entry(name).input_size
    found = expected_erf(module, size)
    rows, cols = receptive_fields(module, size)[found.layer].interval(found.unit).clipped
    assert found.origin == (rows[0], cols[0])
    assert found.map.shape == (rows[1] - rows[0] + 1, cols[1] - cols[0] + 1)
    assert (found.map >= 0).all()
    assert 0 <= found.padding_loss < 1


def test_a_graph_gives_what_its_module_gives() -> None:
    module, size = build("resnet18", device="meta"), (3, 96, 96)
    whole, of_graph = expected_erf(module, size), expected_erf(network_graph(module, size))
    np.testing.assert_array_equal(whole.map, of_graph.map)
    assert whole.padding_loss == of_graph.padding_loss


def test_squeeze_and_excitation_adds_an_even_part_and_says_so() -> None:
    found = expected_erf(nn.Sequential(conv(3, padding=1), SqueezeExcite(8)), (8, 21, 21))
    far = found.map[np.r_[1:5, 16:20], 1:20]  # at the border the convolution reads less
    assert far.min() > 0
    assert far.min() == pytest.approx(far.max())
    assert found.map[9:12, 9:12].sum() > 0.99
    assert any("global" in note for note in found.notes)


def test_very_deep_networks_neither_overflow_nor_vanish() -> None:
    deep = nn.Sequential(
        *(Residual(nn.Conv2d(2, 2, 3, padding=1, groups=2), nn.Identity()) for _ in range(500)),
        *(nn.AvgPool2d(3, 1, 1) for _ in range(60)),
    )
    found = expected_erf(deep, (2, 9, 9))
    assert np.isfinite(found.map).all()
    assert found.map.sum() == pytest.approx(1)
    assert 0 < found.padding_loss <= 1
    assert any("overlapping averages" in note for note in found.notes)


def test_1d_transformers_and_transposed_axes_are_followed() -> None:
    tokens = Calls(lambda _, x: F.layer_norm(x.flatten(2).transpose(1, 2), (4,)))
    found = expected_erf(tokens, (4, 6, 5), unit=(2, 3))
    assert (found.origin, found.map.shape) == ((2, 3), (1, 1))
    turned = Calls(lambda s, x: s.conv(x.transpose(2, 3)), conv=nn.Conv2d(4, 4, (1, 3)))
    assert expected_erf(turned, (4, 9, 9)).map.shape == (3, 1)


LARGE = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Upsample(size=(4, 4)))
WIDE = nn.Sequential(*(nn.Conv1d(1, 1, 5001, padding=2500) for _ in range(2)))


@pytest.mark.parametrize(
    "call, parameter",
    [
        (lambda m: expected_erf(m, (2, 8, 8), weights="he"), "weights"),
        (lambda m: expected_erf(m, (2, 8, 8), gains=Gains(branch=-1)), "branch"),
        (lambda m: expected_erf(m), "input_size"),
        (lambda m: expected_erf(m, (2, 8, 8), "nothing"), "layer"),
        (lambda m: expected_erf(m, (2, 8, 8), unit=(9, 0)), "unit"),
        (lambda m: expected_erf(m, (2, 8, 8), unit=(0.5, 0)), "unit"),
        (lambda m: expected_erf(m, (2, 8, 8), unit=3), "unit"),
        (lambda m: expected_erf(LARGE, (2, 5000, 5000)), "input_size"),
        (lambda m: expected_erf(WIDE, (1, 1 << 18)), "kernel_size"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(call: Any, parameter: str) -> None:
    with pytest.raises(SpecError) as refused:
        call(nn.Conv2d(2, 2, 3))
    assert refused.value.parameter == parameter


@pytest.mark.parametrize("unit", [(9, 0), (0, -1), (1, 2, 3), (0.5, 0)])
def test_the_same_unit_is_refused_in_the_same_words_measured_or_expected(unit: Any):
    net = nn.Sequential(conv(1), nn.Conv2d(4, 4, 3))
    said = set()
    for call in (
        lambda: expected_erf(net, (1, 9, 9), unit=unit),
        lambda: effective_receptive_field(net, (1, 9, 9), unit=unit, draws=1),
        lambda: receptive_fields(net, (1, 9, 9))["1"].interval(unit),
    ):
        with pytest.raises(SpecError) as refused:
            call()
        said.add(str(refused.value))
    assert len(said) == 1
