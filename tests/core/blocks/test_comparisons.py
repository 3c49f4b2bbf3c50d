"""The blocks that are compared: the issue's own figures, torch's shapes and counts, the zoo."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest
import torch
from hypothesis import assume, given
from torch import nn

from core.blocks import COMPARISONS, MAX_BLOCKS, BlockComparison, NamedBlock
from core.blocks.facts import BlockFacts, block_facts
from core.blocks.stages import stages
from core.cost import layer_costs, totals
from core.errors import SpecError
from core.graph import network_graph
from core.networks import build
from core.networks.notation import parse_notation
from core.networks.zoo import TABLE
from core.networks.zoo import build as build_zoo
from core.receptive_field import fields_of
from core.receptive_field.coverage import read_mask
from core.receptive_field.measured import LayerProbe
from core.receptive_field.outline import outline
from tests.architectures import DISTINCT
from tests.core.network_strategies import Case, networks
from tests.examples import examples


@cache
def facts_of(name: str) -> dict[str, BlockFacts]:
    found = COMPARISONS[name]
    return {b.title: block_facts(b.spec, found.input_size, found.batch) for b in found.blocks}


def blocks() -> Iterator[tuple[BlockComparison, NamedBlock]]:
    for comparison in COMPARISONS.values():
        for block in comparison.blocks:
            yield comparison, block


@pytest.mark.parametrize("name", COMPARISONS)
def test_every_comparison_runs_and_torch_agrees(name: str) -> None:
    found = COMPARISONS[name]
    assert 2 <= len(found.blocks) <= MAX_BLOCKS
    assert len({block.title for block in found.blocks}) == len(found.blocks)
    for block in found.blocks:
        facts = facts_of(name)[block.title]
        net = build(block.spec, found.input_size[0], found.input_size[1:]).eval()
        with torch.no_grad():
            assert facts.output_shape == net(torch.zeros(1, *found.input_size)).shape[1:]
        assert facts.parameters == sum(p.numel() for p in net.parameters())
        assert facts.agrees


def test_pooling_and_strided_block_differ_in_work_alone() -> None:
    strided, pooled, *_ = facts_of("blocks").values()
    assert COMPARISONS["blocks"].batch == strided.batch == 32
    assert strided.output_shape == pooled.output_shape == (128, 28, 28)
    assert strided.parameters == pooled.parameters == 64 * 128 * 9 + 2 * 128
    assert strided.macs == 32 * 28 * 28 * 128 * 64 * 9
    assert pooled.macs == 4 * strided.macs
    assert pooled.backward_bytes > 2.5 * strided.backward_bytes
    assert strided.field.size == (3, 3)
    assert pooled.field.size == (4, 4)


def test_two_small_nets() -> None:
    for facts in facts_of("small").values():
        assert facts.output_shape == (32, 15, 15)
        assert facts.parameters == 896
    strided, pooled = facts_of("small").values()
    assert pooled.macs == 4 * strided.macs
    assert strided.unread == pytest.approx(1 - (31 / 32) ** 2)
    assert pooled.unread == 0


def test_one_7x7_against_three_3x3() -> None:
    one, three = facts_of("seven").values()
    assert one.field.size == three.field.size == (7, 7)
    assert (one.parameters, three.parameters) == (49 * 64**2, 27 * 64**2)
    assert one.macs * 27 == three.macs * 49


STEMS = {
    "ResNet": ((9_408, 128), 4, 11),
    "EfficientNet": ((864, 64), 2, 3),
    "ConvNeXt": ((4_704, 192), 4, 4),
    "ViT-B/16": ((590_592,), 16, 16),
}


@pytest.mark.parametrize("title", STEMS)
def test_stems(title: str) -> None:
    layers, reduction, size = STEMS[title]
    facts = facts_of("stems")[title]
    assert tuple(row.parameters for row in facts.costs if row.parameters) == layers
    assert facts.reduction == (reduction, reduction) == facts.field.effective_stride
    assert facts.field.size == (size, size)
    assert facts.unread == 0


def test_residual_blocks_are_the_zoos() -> None:
    v1, v1_5, d = facts_of("residual").values()
    assert (v1.unread, v1_5.unread, d.unread) == (0.75, 0, 0)
    assert v1.parameters == v1_5.parameters == d.parameters
    assert v1.macs < v1_5.macs == d.macs
    for block, name in zip(
        COMPARISONS["residual"].blocks, ("resnet50_v1", "resnet50", "resnet50_d"), strict=True
    ):
        mine = build(block.spec, 256, (16, 16)).eval()
        theirs = build_zoo(name).get_submodule("layer2.0").eval()
        for own, published in zip(mine.parameters(), theirs.parameters(), strict=True):
            own.data.copy_(published.data)
        x = torch.randn(1, 256, 16, 16)
        torch.testing.assert_close(mine(x), theirs(x), rtol=1e-4, atol=1e-5)


@given(networks())
@examples(30, deadline=None)
def test_facts_of_any_block(case: Case) -> None:
    try:
        facts, more = (
            block_facts(case.spec, (case.in_channels, *case.size), batch) for batch in (2, 4)
        )
    except SpecError as refused:
        assume("training" not in refused.rule)  # torch's norms do not train on one value
        raise
    assert facts.output_shape == facts.torch_shape
    assert facts.macs == facts.torch_macs == more.macs // 2
    assert facts.forward_bytes == more.forward_bytes // 2
    assert facts.parameters == more.parameters == totals(facts.costs).parameters
    assert 0 <= facts.unread <= 1


@given(networks())
@examples(40, deadline=None)
def test_read_mask_is_the_support_of_the_gradient(case: Case) -> None:
    size = (case.in_channels, *case.size)
    module = build(case.spec, case.in_channels, case.size, device="meta")
    graph = network_graph(module, size)
    probe = LayerProbe(module, size, graph.outputs[0])  # all paths positive: nothing cancels
    (found,) = torch.autograd.grad(probe.output.sum(), probe.image)
    assert ((found[0] != 0).any(0).numpy() == read_mask(graph)).all()


def test_read_mask_by_hand() -> None:
    strided = nn.Conv2d(1, 1, 3, 2)
    mask = read_mask(network_graph(strided, (1, 6, 7)))
    assert mask[:5].all()
    assert not mask[5].any(), "the last of six rows"
    holes = nn.Sequential(nn.Conv2d(1, 1, 1, 2), nn.Conv2d(1, 1, 1, 2))
    mask = read_mask(network_graph(holes, (1, 8, 8)))
    assert mask.sum() == 4
    assert mask[::4, ::4].all()
    both = parse_notation("residual[conv1 s2 | conv3 s2 p1]")
    assert read_mask(network_graph(build(both, 1, device="meta"), (1, 8, 8))).all()


@pytest.mark.parametrize("name", [name for name in DISTINCT if name != "unet"])
def test_stages_add_up(name: str) -> None:
    entry, net = TABLE[name], build_zoo(name, "meta")
    graph = network_graph(net, entry.input_size)
    lines = outline(graph, fields_of(graph))
    costs = layer_costs(net, entry.input_size)
    found = stages(lines, costs)
    assert [line for stage in found for line in stage.lines] == list(lines)
    for column in ("parameters", "macs", "activation_bytes"):
        sums = sum(getattr(stage.cost, column) for stage in found)
        assert sums == getattr(totals(costs), column)
    assert all(a.grid != b.grid for a, b in pairwise(found))


def test_resnet_50_stage_by_stage() -> None:
    graph = network_graph(build_zoo("resnet50", "meta"), (3, 224, 224))
    found = stages(outline(graph, fields_of(graph)))
    grids = [224, 112, 56, 28, 14, 7, 1]
    assert [stage.grid for stage in found] == [(n, n) for n in grids]
    assert [stage.channels for stage in found[1:-1]] == [64, 256, 512, 1024, 2048]
    assert [stage.last.field.size[0] for stage in found[1:-1]] == [7, 35, 91, 267, 427]
    assert sum(stage.cost.macs for stage in found) == 0, "no costs were given"


def test_maps_too_large_to_follow_are_refused() -> None:
    net = build(parse_notation("conv1, up64, up64, maxpool64, maxpool64"), 1, device="meta")
    with pytest.raises(SpecError, match="at most 2,048 rows"):
        read_mask(network_graph(net, (1, 64, 64)))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(SpecError):
        block_facts(parse_notation("conv9"), (3, 4, 4))
