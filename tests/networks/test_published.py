"""The closed form against poisoned inputs, on networks as they are published.

Five layers, two units, both axes of each network; every first and last pixel must be right.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
import torch

from core.graph import Graph, network_graph
from core.receptive_field import ReceptiveField, receptive_fields
from tests.networks.poisoning import extent_is_exact
from tests.networks.published import BLOCKS, NETWORKS

LAYERS = 5
USUAL = ("fasternet", "res2net", "shufflenet_v2", "swin_tiny", "unet")
"""Networks of plain pytest, of different operations: channels left aside, cut up and shuffled,
shifted windows, and a way up. The others are slow tests."""


def _is_plain_map(graph: Graph, name: str) -> bool:
    """Whether rows and columns are a dimension each, not windows or tokens."""
    node = graph[name]
    rows, cols = node.dims
    if rows is None or cols is None or rows == cols:
        return False
    return (node.shape[rows], node.shape[cols]) == node.grid and node.shape[0] == 1


def _layers(graph: Graph, fields: dict[str, ReceptiveField]) -> list[str]:
    """Modules that run once and return a map, evenly spread over the depth."""
    calls = Counter(field.module for field in fields.values())
    candidates = [
        name
        for name, field in fields.items()
        if field.module
        and calls[field.module] == 1
        and name == field.module.replace(".", "_")
        and min(field.grid) > 1
        and _is_plain_map(graph, name)
    ]
    spread = (len(candidates) - 1) / (LAYERS - 1)
    return [candidates[round(i * spread)] for i in range(LAYERS)]


@pytest.mark.parametrize(
    "name",
    [name if name in USUAL else pytest.param(name, marks=pytest.mark.slow) for name in NETWORKS],
)
def test_every_extent_is_that_of_poisoned_inputs(name: str) -> None:
    build, size = NETWORKS[name]
    torch.manual_seed(0)
    network = build().eval()
    draw = random.Random(name)
    graph = network_graph(network, size)
    fields = receptive_fields(network, size)
    image = torch.rand(size)
    wrong, checked = [], 0
    layers = [fields[node].module for node in _layers(graph, fields)]
    for layer in (*layers, *BLOCKS.get(name, ())):
        field, dims = fields[layer], graph.find(layer).dims
        rows, cols = field.grid
        for unit in ((rows // 2, cols // 2), (draw.randrange(rows), draw.randrange(cols))):
            box = field.interval(unit).clipped
            for axis, extent in enumerate(box):
                checked += 1
                if not extent_is_exact(network, image, layer, dims, unit, axis, extent):
                    wrong.append((layer, unit, axis, extent))
    assert checked == 4 * (LAYERS + len(BLOCKS.get(name, ())))
    assert not wrong
