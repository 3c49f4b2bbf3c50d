"""The network as a graph, by its data: boxes, folding, places, edges, words."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from core.errors import SpecError
from core.graph import Graph, network_graph
from core.networks import build as build_spec
from core.networks.notation import parse_notation
from core.networks.zoo import build, entry
from core.plots.graphs.graph import MOST_BOXES, STYLES, block_plot, folded_blocks, graph_plot
from core.plots.graphs.graph_boxes import GraphBox, folded_boxes
from core.plots.legend import entries
from core.plots.plot import Boxes, Plot, Polyline, Words, corners
from core.receptive_field import ReceptiveField, fields_of
from core.receptive_field.outline import outline
from tests.core.plots.reading import marks_of, named

ZOO = ("resnet18", "googlenet", "unet", "densenet121", "dilated_stack", "efficientnet_b0")
Network = tuple[Graph, dict[str, ReceptiveField]]


@cache
def network(name: str) -> Network:
    graph = network_graph(build(name, "meta"), entry(name).input_size)
    return graph, fields_of(graph)


def written(notation: str, size: tuple[int, int, int] = (3, 64, 64)) -> Network:
    graph = network_graph(build_spec(parse_notation(notation), size[0], device="meta"), size)
    return graph, fields_of(graph)


def boxes_of(found: Network, most: int = MOST_BOXES) -> tuple[GraphBox, ...]:
    return folded_boxes(outline(found[0], found[1]), found[0], most)


def legend(plot: Plot) -> list[str]:
    return [entry.name for entry in entries(plot)]


def drawn(plot: Plot) -> list[np.ndarray]:
    """(left, right, top, bottom) of every box."""
    labels = {style.label for style in STYLES.values()}
    return [np.array(box) for m in marks_of(plot, Boxes) if m.name in labels for box in m.boxes]


def edges(plot: Plot) -> list[np.ndarray]:
    """Each edge as (points, 2)."""
    lines = []
    for line in marks_of(plot, Polyline):
        points = np.column_stack([line.x, line.y])
        ends = np.flatnonzero(np.isnan(points[:, 0]))
        lines += [part[~np.isnan(part[:, 0])] for part in np.split(points, ends + 1)[:-1]]
    return lines


PAGES = [None, (62.0, 28.0), (38.0, 25.0), (20.0, 6.0)]
"""No page, a whole slide, half of one, and almost nothing, in sizes of the type."""


@pytest.mark.parametrize("name", ZOO)
@pytest.mark.parametrize("page", PAGES)
def test_no_two_boxes_overlap_and_all_lie_inside(
    name: str, page: tuple[float, float] | None
) -> None:
    plot = graph_plot(*network(name), page=page)
    (panel,) = plot.panels
    rectangles = drawn(plot)
    for index, (left, right, top, bottom) in enumerate(rectangles):
        assert 0 <= left < right <= (panel.x.high or 0)
        assert 0 <= top < bottom <= (panel.y.low or 0)
        for other in rectangles[:index]:
            assert left >= other[1] or other[0] >= right or top >= other[3] or other[2] >= bottom
    if page is not None and len(rectangles) > 1:
        assert (panel.x.high or 0) <= page[0]
        assert (panel.y.low or 0) <= page[1]


@pytest.mark.parametrize("name", ZOO)
def test_every_operation_is_in_one_box(name: str) -> None:
    graph, fields = network(name)
    boxes = boxes_of((graph, fields))
    assert sorted(each for box in boxes for each in box.names) == sorted(fields)
    assert len(drawn(graph_plot(graph, fields))) == len(boxes) <= MOST_BOXES


@pytest.mark.parametrize("name", ZOO)
def test_every_edge_goes_down_between_its_boxes_and_through_none(name: str) -> None:
    graph, fields = network(name)
    plot = graph_plot(graph, fields)
    boxes = boxes_of((graph, fields))
    titles, sees = marks_of(plot, Words)[0], marks_of(plot, Words)[2]
    middles = [(x, (a + b) / 2) for x, a, b in zip(titles.x, titles.y, sees.y, strict=True)]
    wanted = sorted(
        (*middles[parent], *middles[child])
        for child, box in enumerate(boxes)
        for parent in box.parents
    )
    lines = edges(plot)
    half = (drawn(plot)[0][3] - drawn(plot)[0][2]) / 2
    ends = sorted((*(line[0] - [0, half]), *(line[-1] + [0, half])) for line in lines)
    np.testing.assert_allclose(ends, wanted, atol=1e-9)
    inner = [box + np.array([1, -1, 1, -1]) * 1e-3 for box in drawn(plot)]
    for line in lines:
        assert (np.diff(line[:, 1]) >= 0).all()
        x, y = np.concatenate([np.linspace(a, b, 20) for a, b in pairwise(line)]).T
        for left, right, top, bottom in inner:
            assert not ((x > left) & (x < right) & (y > top) & (y < bottom)).any()


def test_a_box_says_what_it_is_its_output_and_what_it_sees() -> None:
    boxes = boxes_of(network("resnet18"))
    assert boxes[1].lines == ("conv 7×7 s2", "64×112×112", "RF 7")
    assert boxes[1].names == ("conv1", "bn1", "relu")
    assert "then bn1, relu" in boxes[1].hover
    assert "effective stride 2×2 px" in boxes[1].hover
    assert boxes[-1].lines == ("avg pool, linear", "1000", "whole image")
    assert "effective" not in boxes[-1].hover
    assert [box.title for box in boxes].count("add") == 8
    dilated = [box.title for box in boxes_of(network("dilated_stack"))]
    assert dilated == ["input", "conv 3×3", *(f"conv 3×3 d{2**i}" for i in range(1, 5))]


def test_branches_that_are_not_aligned_are_told() -> None:
    boxes = boxes_of(network("unet"))
    apart = [box for box in boxes if "not aligned" in box.lines[2]]
    assert apart[0].title == "concat"
    assert apart[-1] is boxes[-1]
    assert "not aligned along the height" in apart[0].hover
    assert [box.title for box in boxes if box.style == "frame"] == ["crop"] * 4
    assert [box.title for box in boxes if box.style == "finer"] == ["transposed 2×2 s2"] * 4


def test_kinds_differ_by_colour_outline_or_shape() -> None:
    looks = {(s.color, s.dash, s.width, s.cut) for s in STYLES.values()}
    assert len(looks) == len(STYLES)
    greys = {(s.dash, s.width, s.cut) for s in STYLES.values()}
    assert len(greys) >= len(STYLES) - 1  # the dash of "upsampling" is that of "padding" too
    plot = graph_plot(*network("unet"))
    for name in ("input", "window", "finer", "merge", "frame"):
        assert named(plot, Boxes, STYLES[name].label).dash == STYLES[name].dash
    assert STYLES["global"].label not in legend(plot)
    cut = {name: named(plot, Boxes, STYLES[name].label).cut for name in ("window", "merge")}
    assert {name: len(corners((0, 9, 0, 9), cut[name])) for name in cut} == {
        "window": 4,
        "merge": 8,
    }


def test_what_forward_returns_is_framed() -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            first = self.a(x).relu()
            return first, self.b(first)

    graph = network_graph(Two(), (3, 9, 9))
    frames = named(graph_plot(graph, fields_of(graph)), Boxes, "output of the network")
    assert len(frames.boxes) == 2


def test_long_networks_are_folded_by_module() -> None:
    boxes = boxes_of(network("densenet121"))
    assert len(boxes) < 80
    block = next(box for box in boxes if box.title == "denseblock2.3")
    assert (block.style, block.count) == ("folded", 3)
    assert block.shape == (256, 28, 28)
    assert block.line.node.operation == "cat"
    plot = graph_plot(*network("densenet121"), title="DenseNet")
    assert "folded into one box each" in plot.notes[0]
    few = boxes_of(network("resnet18"), most=15)
    assert [box.title for box in few if box.style == "folded"][:2] == ["layer1.0", "layer1.1"]
    assert len(boxes_of(network("resnet18"), most=10)) <= 10


def test_a_network_that_cannot_be_folded_is_cut_and_says_so() -> None:
    found = written("150x[conv3 p1 c4]")
    flat = network_graph(
        nn.Sequential(*(nn.Conv2d(3, 3, 3, padding=1) for _ in range(150))), (3, 8, 8)
    )
    assert len(boxes_of(found)) <= MOST_BOXES
    plot = graph_plot(flat, fields_of(flat))
    assert "The first 120 of 151 operations" in plot.notes[0]
    assert len(drawn(plot)) == MOST_BOXES


def test_branches_stand_side_by_side() -> None:
    titles = marks_of(graph_plot(*network("googlenet")), Words)[0]
    assert len(set(titles.x)) == 4


@pytest.mark.parametrize(
    "notation, kind",
    [("conv3 c4, gap", "global"), ("up2, conv3 c4", "finer"), ("pad2, conv3 c4", "frame")],
)
def test_kinds_of_boxes(notation: str, kind: str) -> None:
    found = written(notation)
    assert kind in {box.style for box in boxes_of(found)}
    assert STYLES[kind].label in legend(graph_plot(*found))


def test_an_operation_that_is_not_known_is_marked() -> None:
    class Flip(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.bernoulli(x)

    graph = network_graph(nn.Sequential(nn.Conv2d(3, 3, 3), Flip()), (3, 8, 8))
    assert STYLES["unknown"].label in legend(graph_plot(graph, fields_of(graph)))


def test_every_kind_of_the_graph_has_a_style() -> None:
    from core.graph import KINDS as NODE_KINDS
    from core.plots.graphs.graph_boxes import KINDS

    assert {KINDS.get(kind, kind) for kind in NODE_KINDS} <= set(STYLES)


def test_too_few_boxes_are_refused() -> None:
    with pytest.raises(SpecError, match="at least 2 boxes"):
        graph_plot(*network("dilated_stack"), most=1)


HALF = (44.0, 41.0)


@pytest.mark.parametrize("name", ["resnet50", "googlenet", "densenet121"])
def test_a_folded_block_is_drawn_in_detail_with_what_it_reads(name: str) -> None:
    graph, fields = network(name)
    blocks = folded_blocks(graph, fields, HALF)
    assert {box.title for box in blocks} <= {
        *marks_of(graph_plot(graph, fields, page=HALF), Words)[0].texts
    }
    block = blocks[-1]
    lines = outline(graph, fields)
    inside = {at for at, line in enumerate(lines) if line.node.name in block.names}
    assert len(inside) == block.count > 1
    sources = {source for at in inside for source, _ in lines[at].inputs} - inside
    plot = block_plot(graph, fields, block, HALF)
    assert block.title in plot.title
    count = int(plot.alt.split(":")[1].split()[0])
    assert count == len(inside | sources) or "Modules are folded" in plot.notes[0]


@pytest.mark.parametrize("name", ["vgg16", "four_conv_pool", "one_7x7"])
def test_what_fits_a_page_has_no_folded_blocks(name: str) -> None:
    assert folded_blocks(*network(name), (90.0, 44.0)) == ()
