"""The network as a graph, by its data: boxes, folding, places, edges, words."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest
import torch
from torch import nn

from core.errors import SpecError
from core.graph import Graph, network_graph
from core.networks import build as build_spec
from core.networks.notation import parse_notation
from core.networks.zoo import build, entry
from core.receptive_field import ReceptiveField, fields_of
from core.receptive_field.outline import outline
from viz.features.fields.graph_boxes import Box, folded_boxes
from viz.features.fields.graph_plot import BOX_HEIGHT, MAX_BOXES, STYLES, graph_figure, pale

ZOO = ("resnet18", "googlenet", "unet", "densenet121", "dilated_stack", "efficientnet_b0")
Network = tuple[Graph, dict[str, ReceptiveField]]


@cache
def network(name: str) -> Network:
    graph = network_graph(build(name, "meta"), entry(name).input_size)
    return graph, fields_of(graph)


def written(notation: str, size: tuple[int, int, int] = (3, 64, 64)) -> Network:
    graph = network_graph(build_spec(parse_notation(notation), size[0], device="meta"), size)
    return graph, fields_of(graph)


def boxes_of(found: Network, most: int = MAX_BOXES) -> tuple[Box, ...]:
    return folded_boxes(outline(found[0], found[1]), found[0], most)


def traces(figure: go.Figure) -> dict[str, go.Scatter]:
    return {trace.name or trace.mode: trace for trace in figure.data}


def polygons(trace: go.Scatter) -> Iterator[np.ndarray]:
    """Each closed outline of a trace as (points, 2)."""
    points: list[tuple[float, float]] = []
    for x, y in zip(trace.x, trace.y, strict=True):
        if x is None:
            yield np.array(points)
            points = []
        else:
            points.append((x, y))


def drawn(figure: go.Figure) -> list[np.ndarray]:
    """(left, top, right, bottom) of every box."""
    labels = {style.label for style in STYLES.values()}
    shapes = [p for trace in figure.data if trace.name in labels for p in polygons(trace)]
    return [np.concatenate([shape.min(axis=0), shape.max(axis=0)]) for shape in shapes]


@pytest.mark.parametrize("name", ZOO)
def test_every_operation_is_in_one_box_and_no_two_boxes_overlap(name: str) -> None:
    graph, fields = network(name)
    boxes = boxes_of((graph, fields))
    names = [each for box in boxes for each in box.names]
    assert sorted(names) == sorted(fields)
    figure = graph_figure(graph, fields)
    rectangles = drawn(figure)
    assert len(rectangles) == len(boxes) <= MAX_BOXES
    for index, (left, top, right, bottom) in enumerate(rectangles):
        for other in rectangles[:index]:
            assert left >= other[2] or other[0] >= right or top >= other[3] or other[1] >= bottom
    assert json.loads(figure.to_json())


@pytest.mark.parametrize("name", ZOO)
def test_every_edge_goes_down_between_its_boxes_and_through_none(name: str) -> None:
    graph, fields = network(name)
    figure = graph_figure(graph, fields)
    texts = next(trace for trace in figure.data if trace.mode == "text")
    edges = list(polygons(figure.data[0]))
    boxes = boxes_of((graph, fields))
    wanted = [(parent, child) for child, box in enumerate(boxes) for parent in box.parents]
    assert len(edges) == len(wanted)
    inner = [np.array([*box[:2] + 0.001, *box[2:] - 0.001]) for box in drawn(figure)]
    for edge, (parent, child) in zip(edges, wanted, strict=True):
        assert (np.diff(edge[:, 1]) > 0).all()
        assert tuple(edge[0]) == (texts.x[parent], texts.y[parent] + BOX_HEIGHT / 2)
        assert tuple(edge[-1]) == (texts.x[child], texts.y[child] - BOX_HEIGHT / 2)
        fine = np.concatenate([np.linspace(a, b, 20) for a, b in pairwise(edge)])
        for left, top, right, bottom in inner:
            x, y = fine.T
            assert not ((x > left) & (x < right) & (y > top) & (y < bottom)).any()


def test_a_box_says_what_it_is_its_output_and_what_it_sees() -> None:
    boxes = boxes_of(network("resnet18"))
    assert boxes[1].text == "<b>conv 7×7 s2</b><br>64×112×112<br>RF 7"
    assert boxes[1].names == ("conv1", "bn1", "relu")
    assert "then bn1, relu" in boxes[1].hover
    assert "effective stride 2×2 px" in boxes[1].hover
    assert boxes[-1].text == "<b>avg pool, linear</b><br>1000<br>whole image"
    assert "effective" not in boxes[-1].hover
    assert [box.title for box in boxes].count("add") == 8
    dilated = [box.title for box in boxes_of(network("dilated_stack"))]
    assert dilated == ["input", "conv 3×3", *(f"conv 3×3 d{2**i}" for i in range(1, 5))]


def test_branches_that_are_not_aligned_are_told() -> None:
    boxes = boxes_of(network("unet"))
    apart = [box for box in boxes if "not aligned" in box.text]
    assert apart[0].title == "concat"
    assert apart[-1] is boxes[-1]
    assert "not aligned along the height" in apart[0].hover.replace("<br>", " ")
    assert [box.title for box in boxes if box.style == "frame"] == ["crop"] * 4
    assert [box.title for box in boxes if box.style == "finer"] == ["transposed 2×2 s2"] * 4


def test_kinds_differ_by_colour_outline_or_shape() -> None:
    looks = {(s.color, s.dash, s.width, s.cut) for s in STYLES.values()}
    assert len(looks) == len(STYLES)
    greys = {(s.dash, s.width, s.cut) for s in STYLES.values()}
    assert len(greys) >= len(STYLES) - 1  # the dash of "upsampling" is that of "padding" too
    shown = traces(graph_figure(*network("unet")))
    for name in ("input", "window", "finer", "merge", "frame"):
        assert STYLES[name].label in shown
        assert shown[STYLES[name].label].line.dash == STYLES[name].dash
    assert STYLES["global"].label not in shown
    corners = {
        name: len(np.unique(next(polygons(shown[STYLES[name].label])), axis=0))
        for name in ("window", "merge")
    }
    assert corners == {"window": 4, "merge": 8}


def test_text_reads_in_every_box() -> None:
    def luminance(colour: str) -> float:
        parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    shown = traces(graph_figure(*network("unet")))
    text = luminance(shown["text"].textfont.color)
    for name in ("input", "window", "finer", "merge", "frame"):
        inside = luminance(shown[STYLES[name].label].fillcolor)
        assert (inside + 0.05) / (text + 0.05) > 7
    assert pale("#000000") == "#CCCCCC"
    assert pale("#FFFFFF") == "#FFFFFF"


def test_what_forward_returns_is_framed() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            first = self.a(x).relu()
            return first, self.b(first)

    graph = network_graph(Two(), (3, 9, 9))
    frames = traces(graph_figure(graph, fields_of(graph)))["output of the network"]
    assert len(list(polygons(frames))) == 2


def test_long_networks_are_folded_by_module() -> None:
    boxes = boxes_of(network("densenet121"))
    assert len(boxes) < 80
    block = next(box for box in boxes if box.title == "denseblock2.3")
    assert (block.style, block.count) == ("folded", 3)
    assert block.shape == (256, 28, 28)
    assert block.line.node.operation == "cat"
    figure = graph_figure(*network("densenet121"), title="DenseNet")
    assert "folded into one box each" in figure.layout.title.text.replace("<br>", " ")
    few = boxes_of(network("resnet18"), most=15)
    assert [box.title for box in few if box.style == "folded"][:2] == ["layer1.0", "layer1.1"]
    assert len(boxes_of(network("resnet18"), most=10)) <= 10


def test_a_network_that_cannot_be_folded_is_cut_and_says_so() -> None:
    found = written("150x[conv3 p1 c4]")
    flat = network_graph(
        nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(150))), (3, 8, 8)
    )
    assert len(boxes_of(found)) <= MAX_BOXES
    figure = graph_figure(flat, fields_of(flat))
    assert "The first 120 of 151 operations" in figure.layout.title.text.replace("<br>", " ")
    assert len(drawn(figure)) == MAX_BOXES


def test_branches_stand_side_by_side() -> None:
    figure = graph_figure(*network("googlenet"))
    texts = next(trace for trace in figure.data if trace.mode == "text")
    assert len(set(texts.x)) == 4
    assert figure.layout.width == 600


@pytest.mark.parametrize(
    "notation, kind",
    [("conv3 c4, gap", "global"), ("up2, conv3 c4", "finer"), ("pad2, conv3 c4", "frame")],
)
def test_kinds_of_boxes(notation: str, kind: str) -> None:
    found = written(notation)
    assert kind in {box.style for box in boxes_of(found)}
    assert STYLES[kind].label in traces(graph_figure(*found))


def test_an_operation_that_is_not_known_is_marked() -> None:
    class Flip(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.bernoulli(x)

    graph = network_graph(nn.Sequential(nn.Conv2d(3, 3, 3), Flip()), (3, 8, 8))
    assert STYLES["unknown"].label in traces(graph_figure(graph, fields_of(graph)))


def test_every_kind_of_the_graph_has_a_style() -> None:
    from core.graph import KINDS as NODE_KINDS
    from viz.features.fields.graph_boxes import KINDS

    assert {KINDS.get(kind, kind) for kind in NODE_KINDS} <= set(STYLES)


def test_too_few_boxes_are_refused() -> None:
    with pytest.raises(SpecError, match="at least 2 boxes"):
        graph_figure(*network("dilated_stack"), most=1)
