"""The closed form against poisoned inputs, on networks as they are published.

Five layers, two units, both axes of each network; every first and last pixel must be right.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
import torch
from torch import nn

from core.graph import network_graph
from core.receptive_field import ReceptiveField, receptive_fields
from tests.networks.poisoning import extent_is_exact
from tests.networks.published import NETWORKS

LAYERS = 5


def _layers(network: nn.Module, fields: dict[str, ReceptiveField]) -> list[str]:
    """Modules that run once and return a map, evenly spread over the depth."""
    calls = Counter(field.module for field in fields.values())
    candidates = [
        name
        for name, field in fields.items()
        if field.module
        and calls[field.module] == 1
        and name == field.module.replace(".", "_")
        and min(field.grid) > 1
    ]
    spread = (len(candidates) - 1) / (LAYERS - 1)
    return [candidates[round(i * spread)] for i in range(LAYERS)]


@pytest.mark.parametrize("name", NETWORKS)
def test_every_extent_is_that_of_poisoned_inputs(name: str) -> None:
    build, size = NETWORKS[name]
    torch.manual_seed(0)
    network = build().eval()
    draw = random.Random(name)
    graph = network_graph(network, size)
    fields = receptive_fields(network, size)
    image = torch.rand(size)
    wrong, checked = [], 0
    for layer in _layers(network, fields):
        field, dims = fields[layer], graph[layer].dims
        rows, cols = field.grid
        for unit in ((rows // 2, cols // 2), (draw.randrange(rows), draw.randrange(cols))):
            box = field.interval(unit).clipped
            for axis, extent in enumerate(box):
                checked += 1
                if not extent_is_exact(network, image, field.module, dims, unit, axis, extent):
                    wrong.append((layer, unit, axis, extent))
    assert checked == 4 * LAYERS
    assert not wrong
