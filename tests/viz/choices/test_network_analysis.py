"""What the receptive-field page asks of core: once for all visitors, and never mixed up."""

from __future__ import annotations

from base64 import b64decode
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from core.cost import layer_costs
from core.data import PICTURES
from core.errors import SpecError
from core.layer.board import Upload
from core.networks.notation import parse_notation
from core.networks.zoo import TABLE
from core.receptive_field import receptive_fields
from core.receptive_field.outline import as_data
from viz.choices import network_analysis
from viz.choices.network import OWN, Network, published_network


def own(text: str, side: int = 32) -> Network:
    return Network(OWN, parse_notation(text), "", (3, side, side))


@pytest.mark.parametrize("name", ["four_conv_pool", "resnet18", "unet", "convnext_stem"])
def test_an_analysis_is_what_core_says(name: str) -> None:
    network = published_network(name)
    found = network_analysis.analysis(network)
    module = network.build("meta")
    expected = receptive_fields(module, network.input_size)
    assert {n: (f.size, f.effective_stride) for n, f in found.fields.items()} == {
        n: (f.size, f.effective_stride) for n, f in expected.items()
    }
    assert tuple(found.costs.values()) == layer_costs(module, network.input_size)
    assert sum(cost.parameters for cost in found.costs.values()) == TABLE[name].parameters
    assert found.cost_note == ""
    assert network_analysis.cone_network(network)["lines"] == as_data(found.lines)


def test_the_same_question_is_answered_once() -> None:
    first, same = own("conv3, relu"), own("conv3,   relu")
    assert network_analysis.analysis(first) is network_analysis.analysis(same)
    assert network_analysis.cone_network(first) is network_analysis.cone_network(same)
    assert network_analysis.analysis(first) is not network_analysis.analysis(
        first.with_image_size(33, 32)
    )


@pytest.mark.parametrize(
    "text, deepest",
    [
        ("conv3, maxpool2, relu, gap, fc10", "max_pool2d 2×2, stride 2"),
        ("conv3 c4, se2, conv5", "conv2d 3×3"),
        ("flatten, fc10", "input"),
        ("conv32", "conv2d 32×32"),
        ("conv3, conv3, conv28, flatten, fc10", "conv2d 28×28"),
        ("conv3 c4, gap, conv1", "conv2d 3×3"),
        ("conv32x1", "conv2d 32×1"),
    ],
)
def test_the_deepest_line_is_a_map_whose_units_do_not_see_all_by_structure(
    text: str, deepest: str
) -> None:
    assert network_analysis.analysis(own(text)).deepest.text == deepest


def test_without_any_map_the_last_line_stands() -> None:
    found = network_analysis.analysis(own("conv1, relu", 1))
    assert found.deepest is found.lines[-1]


def test_a_line_is_found_by_node_folded_node_and_module() -> None:
    found = network_analysis.analysis(published_network("resnet18"))
    for line in found.lines:
        assert found.line(line.node.name) is line
        assert all(found.line(name) is line for name in line.folded)
    named = found.line("layer1.0.conv1")
    assert named is not None
    assert named.node.module == "layer1.0.conv1"
    block = found.line("layer1.0")
    assert block is not None
    assert block.node.kind == "merge" or block.text == "add"
    assert found.line("nowhere") is None
    assert found.line("") is None


def test_refusals_come_through() -> None:
    with pytest.raises(SpecError, match="kernel_size spans 9"):
        network_analysis.analysis(own("conv9", 8))
    with pytest.raises(SpecError, match="grows beyond"):
        network_analysis.analysis(own(", ".join(["conv3 s8 p1"] * 40), 64))


def test_a_measurement_is_work_for_the_queue() -> None:
    network = published_network("four_strided")
    line = network_analysis.analysis(network).deepest
    measured = network_analysis.field_measurement_work(network, line.node.name, (2, 2))(
        lambda *_: True
    )
    assert measured.box == line.field.interval((2, 2)).clipped == ((17, 47), (17, 47))


def test_strategies_reach_their_target() -> None:
    found = network_analysis.strategies(15, (3, 64, 64))
    assert found
    assert network_analysis.strategies(15, (3, 64, 64)) is found
    for strategy in found:
        if not strategy.refusal:
            reached = network_analysis.analysis(own(strategy.notation, 64)).deepest.field.size
            assert min(reached) >= 15


def pixels(url: str) -> np.ndarray:
    head, data = url.split(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(BytesIO(b64decode(data))))


@pytest.mark.parametrize(
    "size, shape",
    [
        ((64, 64), (64, 64)),
        ((32, 48), (32, 48)),
        ((1, 1), (1, 1)),
        ((1024, 512), (288, 144)),
        ((1, 1024), (1, 288)),
    ],
)
def test_a_picture_has_the_inputs_shape_and_is_small(
    size: tuple[int, int], shape: tuple[int, int]
) -> None:
    assert pixels(network_analysis.picture_data_url("china", size)).shape == (*shape, 3)


def test_uploads_are_told_apart() -> None:
    uploads = [Upload(np.full((9, 9, 3), n, np.uint8), f"digest {n}") for n in (0, 200)]
    seen = [
        pixels(network_analysis.picture_data_url("china", (8, 8), upload)).mean()
        for upload in uploads
    ]
    assert seen == pytest.approx([0, 200], abs=3)


def test_a_drawn_picture_follows_its_seed() -> None:
    name = next(name for name, row in PICTURES.items() if row.seeded)
    first, again, other = (
        network_analysis.picture_data_url(name, (16, 16), seed=s) for s in (0, 0, 1)
    )
    assert first == again != other
