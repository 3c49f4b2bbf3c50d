"""A network on the page about shifts: built without weights and followed once for both requests."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.graph import graph
from core.shift.consistency import standardized
from core.shift.network import network_consistency
from viz.choices import network, network_analysis
from viz.choices.network import Network
from viz.features.shift import compute
from viz.features.shift.params import ShiftSettings

LINK = {"network": "own", "layers": "conv3 p1 c5, relu, conv3 s2 p1 c3", "direction": "across"}


def test_a_network_is_built_and_followed_once_a_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once without weights, and once with weights for each request; a blur makes another graph."""
    calls: list[str] = []

    def counted(name: str, function: Any) -> Any:
        return lambda *args, **kwargs: calls.append(name) or function(*args, **kwargs)

    monkeypatch.setattr(Network, "build", counted("build", Network.build))
    monkeypatch.setattr(graph, "run_on_meta", counted("trace", graph.run_on_meta))
    size = {"input_height": 16, "input_width": 16}
    values = network.with_suitable_input(ShiftSettings().updated(LINK | size))
    analysis = network_analysis.analysis(network.network(values))
    values, ignored = compute.fit_layer(analysis, values)
    assert ignored == []
    pair = compute.requests_of(analysis, values)
    shifts = [compute.network_shifts(request) for request in pair]
    results = [compute.work(request)(lambda *_: True) for request in pair]
    changed = sum(request.taps > 1 or request.wrap for request in pair)
    assert (calls.count("build"), calls.count("trace")) == (1 + 2, 1 + changed)
    for request, shift, result in zip(pair, shifts, results, strict=True):
        image = standardized(compute._network_picture(request))
        alone = network_consistency(compute.module(request), image, shift, request.layer)
        np.testing.assert_allclose(result.cosine, alone.cosine, rtol=1e-6)
