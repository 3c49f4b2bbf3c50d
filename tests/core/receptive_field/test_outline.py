"""The lines of the cone: which operations get one, what lies on a branch, what the browser gets."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from core.graph import Graph, network_graph
from core.networks import build
from core.networks.notation import parse_notation
from core.networks.zoo import TABLE
from core.networks.zoo import build as zoo
from core.receptive_field import fields_of
from core.receptive_field.outline import KINDS_NEVER_FOLDED, Line, as_data, outline
from tests.core.random_networks import branching, chains, fits
from tests.examples import examples


def lines_of(module: nn.Module, size: tuple[int, ...]) -> tuple[Graph, tuple[Line, ...]]:
    graph = network_graph(module, size)
    return graph, outline(graph, fields_of(graph))


def written(text: str, side: int = 32) -> tuple[Graph, tuple[Line, ...]]:
    """The outline of a line of notation on a small image."""
    module = build(parse_notation(text), 3, (side, side), device="meta")
    return lines_of(module, (3, side, side))


def check(graph: Graph, lines: tuple[Line, ...]) -> None:
    """What holds for the outline of every network."""
    fields = fields_of(graph)
    told = [name for line in lines for name in (line.node.name, *line.folded)]
    assert sorted(told) == sorted(fields), "every node that sees the image is in one line"
    order = list(graph)
    assert [order.index(line.node.name) for line in lines] == sorted(
        order.index(line.node.name) for line in lines
    )
    place = {name: i for i, line in enumerate(lines) for name in (line.node.name, *line.folded)}
    for index, line in enumerate(lines):
        assert (line.node.kind == "input") == (index == 0)
        assert all(earlier < index for earlier, _ in line.inputs)
        read = [name for name in line.node.inputs if name in place]
        assert [earlier for earlier, _ in line.inputs] == [place[name] for name in read]
        for name in line.folded:
            assert graph[name].kind not in KINDS_NEVER_FOLDED
            assert fields[name].axes == line.field.axes, "what is folded sees the same"
    json.dumps(as_data(lines), allow_nan=False)


SHAPES = ("lenet5", "resnet50_d", "googlenet", "densenet121", "unet", "convnext_tiny")


@pytest.mark.parametrize("name", [*SHAPES, "efficientnet_b0", "mobilenet_v2"])
def test_the_zoo(name: str) -> None:
    graph, lines = lines_of(zoo(name, device="meta"), TABLE[name].input_size)
    check(graph, lines)
    assert len(lines) < 300


@examples(30)
@given(chains(2) | branching(2) | chains(1))
def test_random_networks(drawn: tuple[nn.Module, tuple[int, ...]]) -> None:
    module, size = drawn
    assume(fits(module, size))
    check(*lines_of(module, size))


def test_norms_and_activations_fold_into_the_layer_before_them() -> None:
    graph, lines = written("conv3, bn, relu, conv1, gelu, maxpool2, dropout")
    assert [line.text for line in lines] == [
        "input",
        "conv2d 3×3",
        "conv2d 1×1",
        "max_pool2d 2×2, stride 2",
    ]
    assert [len(line.folded) for line in lines] == [0, 2, 1, 1]
    assert set(lines[1].folded) <= set(graph)


@pytest.mark.parametrize(
    "text, said",
    [
        ("conv3 s2 p1", "conv2d 3×3, stride 2, padding 1"),
        ("conv3x5 s1x2", "conv2d 3×5, stride 1×2"),
        ("conv3 d2 p2x1", "conv2d 3×3, padding 2×1, dilation 2"),
        ("conv4 same", "conv2d 4×4, padding 1+2"),
        ("convt4 s2 p1", "conv_transpose2d 4×4, stride 2, padding 1"),
        ("avgpool3 s2", "avg_pool2d 3×3, stride 2"),
    ],
)
def test_an_operation_in_words(text: str, said: str) -> None:
    assert written(text)[1][1].text == said


def test_the_image_is_called_so_whatever_the_argument_is_called() -> None:
    for name in ("unet", "four_strided"):
        line = lines_of(zoo(name, device="meta"), TABLE[name].input_size)[1][0]
        assert (line.label, line.text) == ("image", "input")


def test_branches_of_a_residual_block_and_the_trunk() -> None:
    _, lines = written("conv3 p1, residual[conv3 p1, relu, conv3 p1], conv1")
    assert [line.branch for line in lines] == [None, None, 0, 0, None, None]
    merge = lines[4]
    assert sorted(index for index, _ in merge.inputs) == [1, 3]


def test_branches_of_a_concat_are_told_apart_and_inner_ones_stand() -> None:
    _, lines = written("concat[conv1 c4 | conv3 p1 c4 | conv5 p2 c4]")
    assert [line.branch for line in lines[1:4]] == [0, 1, 2]
    inner = "residual[concat[conv1 c2 | conv3 p1 c1], conv1 c3 | conv1 c3]"
    _, lines = written(inner)
    by_text = {line.text: line.branch for line in lines if line.label != "image"}
    assert by_text["conv2d 3×3, padding 1"] == 1, "the inner merge's second branch"
    assert lines[-1].branch is None


def test_strided_lines_are_marked() -> None:
    _, lines = written("conv3 s2, conv3, maxpool2, up2, convt2 s2, gap")
    assert [line.strided for line in lines] == [False, True, False, True, False, False, False]


@given(st.sampled_from(["conv3 s2 p1, relu", "up2, conv3", "convt3 s2, conv3", "gap"]))
def test_the_browser_gets_the_fields_own_numbers(text: str) -> None:
    _, lines = written(text, 9)
    for line, data in zip(lines, as_data(lines), strict=True):
        field = line.field
        assert data["size"] == list(field.size)
        assert data["stride"] == list(field.effective_stride)
        assert data["padding"] == list(field.effective_padding)
        assert data["center"] == list(field.center)
        assert data["grid"] == list(field.grid)
        assert data["shape"] == list(field.output_shape)
        assert data["paths"] == field.as_data()["paths"]


def test_the_browser_gets_padding_and_branches_with_each_map() -> None:
    _, lines = lines_of(
        nn.Sequential(nn.ReflectionPad2d((2, 0, 1, 0)), nn.Conv2d(3, 3, 3)), (3, 9, 9)
    )
    (padding,) = as_data(lines)[1]["inputs"]
    assert [axis["copies"] for axis in padding["maps"]] == [{"-1": 1}, {"-2": 2, "-1": 1}]
    _, lines = written("residual[conv5x3 p2x1, conv1]")
    data = as_data(lines)
    assert [line["pads"] for line in data] == [[[2, 2], [1, 1]], *[[[0, 0], [0, 0]]] * 3]
    assert [[each["branch"] for each in line["inputs"]] for line in data] == [[], [0], [0], [0, 1]]


def test_a_short_text_leaves_out_the_padding_alone() -> None:
    _, lines = written("conv3 s2 p1 d2, maxpool2")
    assert [line.short_text for line in lines[1:]] == [
        "conv 3×3, stride 2, dilation 2",
        "max_pool 2×2, stride 2",
    ]
