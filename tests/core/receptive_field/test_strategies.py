"""Strategies: each measured anew by backprop, and none longer than it must be."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.cost import layer_costs, totals
from core.errors import SpecError
from core.graph import Graph, network_graph
from core.networks import build
from core.networks.notation import parse, to_notation
from core.receptive_field import fields_of, measure_receptive_field
from core.receptive_field.strategies import (
    FAMILIES,
    MAX_TARGET,
    Strategy,
    fewest_steps,
    share_of_pixels_read,
    strategies,
)
from tests.examples import examples

BY_NAME = {kind.name: kind for kind in FAMILIES}
TARGETS = (1, 32)


@cache
def found(target: int, side: int = 64, channels: int = 2) -> dict[str, Strategy]:
    return {way.name: way for way in strategies(target, (3, side, side), channels)}


def graph_of(notation: str, side: int = 256) -> Graph:
    return network_graph(build(parse(notation), device="meta"), (3, side, side))


def pixels_read(notation: str, side: int) -> torch.Tensor:
    """Where the gradient of the middle unit is not zero: positive weights, means for maxima."""
    module = build(parse(notation)).double()
    for name, layer in [*module.named_modules()]:
        if isinstance(layer, nn.MaxPool2d):
            mean = nn.AvgPool2d(layer.kernel_size, layer.stride, layer.padding)
            module.get_submodule(name.rpartition(".")[0])._modules[name.rpartition(".")[2]] = mean
    for weight in module.parameters():
        nn.init.constant_(weight, 1 / max(1, weight[0].numel()) if weight.ndim > 1 else 0)
    image = torch.ones(1, 3, side, side, dtype=torch.double, requires_grad=True)
    out = module(image)
    out[..., out.shape[2] // 2, out.shape[3] // 2].sum().backward()
    return image.grad[0].sum(0) > 0


@pytest.mark.parametrize("name", BY_NAME)
def test_field_stride_and_holes_are_what_backprop_measures(name: str):
    way = found(18)[name]
    side = int(way.size[0] + 4 * way.effective_stride[0])
    measured = measure_receptive_field(
        build(parse(way.notation)), (3, side, side), list(graph_of(way.notation))[-1]
    )
    assert measured.size == way.size
    assert measured.effective_stride == way.effective_stride
    read = pixels_read(way.notation, side)
    rows, cols = (torch.nonzero(read.any(dim)).flatten() for dim in (1, 0))
    box = read[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    assert box.shape == way.size
    assert way.read == pytest.approx(box.double().mean().item())


@pytest.mark.parametrize("target", [1, 20, 65])
@pytest.mark.parametrize("kind", FAMILIES, ids=lambda kind: kind.name)
def test_no_shorter_network_of_a_kind_reaches_the_target(kind, target: int):
    steps = fewest_steps(kind, target, 2)
    sizes = []
    for count in range(max(1, steps - 1), steps + 1):
        graph = graph_of(to_notation(kind.network(count, 2)), 1024)
        sizes.append(min(list(fields_of(graph).values())[-1].size))
    assert sizes[-1] >= target
    assert steps == 1 or sizes[0] < target


@pytest.mark.parametrize("target", TARGETS)
def test_costs_and_sizes_are_those_of_the_network_as_written(target: int):
    for way in found(target).values():
        spec = parse(way.notation)
        assert to_notation(spec) == way.notation
        module = build(spec)
        windows = [m for m in module.modules() if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
        assert way.layers == len(windows)
        assert way.parameters == sum(weight.numel() for weight in module.parameters())
        assert way.macs == totals(layer_costs(module, (3, 64, 64))).macs
        assert way.output_size == tuple(module(torch.zeros(1, 3, 64, 64)).shape[2:])
        assert (way.refusal, bool(way.sentence), bool(way.title)) == ("", True, True)


def test_what_a_lecturer_knows_of_a_view_of_32():
    ways = found(32, 224, 64)
    assert list(ways) == list(BY_NAME)
    assert (ways["stack3"].layers, ways["stack3"].size) == (16, (33, 33))
    assert ways["stack3"].notation == "16x[conv3 p1 c64, relu]"
    assert ways["strided"].size == ways["dilated"].size == (63, 63)
    assert ways["strided"].parameters == ways["dilated"].parameters
    assert ways["pooled"].notation.count("maxpool2") == 3
    assert ways["patches"].notation == "conv32 s32 c64"
    assert ways["dilated_same"].read == pytest.approx((17 / 33) ** 2)
    holes = [name for name, way in ways.items() if way.read < 1]
    assert holes == ["dilated_same"]


@pytest.mark.parametrize("target", range(3, 40, 6))
def test_mixed_and_doubled_dilations_leave_no_holes(target: int):
    for name in ("dilated", "dilated_mixed"):
        kind = BY_NAME[name]
        graph = graph_of(to_notation(kind.network(fewest_steps(kind, target, 1), 1)))
        assert share_of_pixels_read(graph, list(graph)[-1]) == 1


WINDOWS = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3)), min_size=1, max_size=3
)


@given(WINDOWS)
@examples(40)
def test_the_share_read_is_that_of_a_gradient(windows: list[tuple[int, int, int]]):
    text = ", ".join(f"conv{k} s{s} d{d} c1" for k, s, d in windows)
    graph = graph_of(text)
    last = list(graph)[-1]
    rows, cols = fields_of(graph)[last].size
    read = pixels_read(text, int(rows))  # an image that one unit just covers
    assert read.shape == (rows, cols)
    assert share_of_pixels_read(graph, last) == pytest.approx(read.double().mean().item())


def test_the_share_read_of_other_chains():
    assert share_of_pixels_read(graph_of("conv1 s2 c1, conv3 c1"), "conv1") == pytest.approx(
        (3 / 5) ** 2
    )
    three = "conv3 d2 p2 c1, conv3 d2 p2 c1, conv3 d2 p2 c1"
    assert share_of_pixels_read(graph_of(three), "conv2") == pytest.approx((7 / 13) ** 2)
    assert share_of_pixels_read(graph_of("conv3x1 d4x1 c1"), "conv0") == pytest.approx(3 / 9)
    assert share_of_pixels_read(graph_of("convt4 s2 p1 c1, conv3 c1"), "conv1") == 1
    with pytest.raises(SpecError, match="branches meet"):
        share_of_pixels_read(graph_of("residual[conv3 p1 c3 | ]"), "residual0")
    with pytest.raises(SpecError, match="name of a node"):
        share_of_pixels_read(graph_of("conv3 c1"), "conv7")


def test_an_input_that_is_too_small_is_told_and_the_rest_stays():
    ways = found(32, 7)
    assert [name for name, way in ways.items() if way.refusal] == ["pooled", "patches"]
    pooled = ways["pooled"]
    assert (pooled.output_size, pooled.macs, pooled.size) == (None, None, (38, 38))
    assert pooled.parameters == found(32)["pooled"].parameters
    assert "maxpool" in pooled.refusal
    assert "32" in ways["patches"].refusal


def test_the_largest_target_is_within_reach_of_every_kind():
    for kind in FAMILIES:
        if kind.name not in ("stack5", "dilated_same", "separable"):  # as the 3×3 stack, slower
            assert fewest_steps(kind, MAX_TARGET, 1) <= kind.max_steps


@pytest.mark.parametrize("target", [0, -3, MAX_TARGET + 1, 1.5, "32", True, None])
def test_a_target_out_of_bounds_is_refused(target: object):
    with pytest.raises(SpecError, match="target"):
        strategies(target, (3, 8, 8))


@pytest.mark.parametrize(
    "size", [(3, 8), (0, 8, 8), (3, 0, 8), ((3, 8, 8), (3, 8, 8)), 8, (9999, 8, 8)]
)
def test_an_input_that_is_no_image_is_refused(size: object):
    with pytest.raises(SpecError, match="input_size"):
        strategies(8, size)


@pytest.mark.parametrize("channels", [0, 10_000, "64"])
def test_channels_out_of_bounds_are_refused(channels: object):
    with pytest.raises(SpecError, match="channels"):
        strategies(8, (3, 8, 8), channels)


def test_a_kind_that_is_cut_short_says_so():
    with pytest.raises(SpecError, match="out of reach of 3×3, stride 2 in 20 steps"):
        fewest_steps(BY_NAME["strided"], 1 << 30, 1)
