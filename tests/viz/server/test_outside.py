"""What worker processes do for a server: their answers are those of the server's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pytest

from core.gradients.recipe import FlowSpec
from core.shift.layer import DownsamplingLayer
from tests.viz.features.erf.erf_visit import requested, tiny
from viz.choices import network, network_analysis
from viz.choices.network import OWN, Network
from viz.features.blocks import compute as compute_blocks
from viz.features.blocks.params import Block
from viz.features.claims import compute as compute_claims
from viz.features.claims.params import default_settings
from viz.features.erf import compute as compute_erf
from viz.features.gradients import compute as compute_gradients
from viz.features.shift import compute as compute_shift
from viz.features.shift import params
from viz.features.shift.params import Scene
from viz.lessons.claims import claim
from viz.server.processes import Pool

LAYERS = "conv3 s2 p1 c4, bn, relu, residual[conv3 p1 c4, relu], maxpool2, gap, fc5"
NETWORK = Network(OWN, network.spec_from_notation(LAYERS), "", (3, 32, 32))
BLOCK = Block("a block", "conv3 p1 c4, relu, maxpool2", (3, 16, 16), 2, "china", 1)
LAYER, SCENE = DownsamplingLayer("max_pooling", 3, 2), Scene("china", 48, 0)
ERF = requested(**tiny("conv3 p1 c3, relu, maxpool2, conv3 p1 c2"))


def shift_request() -> params.Request:
    link = {"layers": "conv3 s2 p1 c4, relu", "input_height": "16"}
    values = network.with_suitable_input(params.ShiftSettings.decoded(link)[0])
    found = network_analysis.analysis(network.network(values))
    return params.requests(values, compute_shift.last_comparable_layer(found))[0]


ANSWERS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (network_analysis.analysis, (NETWORK,)),
    (network_analysis.analysis, (network.published_network("resnet18"),)),
    (network_analysis.strategies, (15, (3, 32, 32))),
    (compute_blocks.facts, (BLOCK,)),
    (compute_blocks.check_times, ((BLOCK,),)),
    (compute_blocks.stage_table, ("resnet18",)),
    (compute_blocks.saved_bytes, (BLOCK,)),
    (compute_shift.consistency, (LAYER, SCENE, "across")),
    (compute_shift.expected_cosines, (LAYER, SCENE, "across")),
    (compute_shift.spectrum, (LAYER, SCENE)),
    (compute_erf._smallest_crop, (ERF.network, ERF.layer, ERF.unit)),
    (compute_erf._expected, (ERF,)),
    (compute_claims.outcome, (1, default_settings(claim(1)))),
]
WORKS: list[tuple[Callable[..., Any], tuple[Any, ...]]] = [
    (network_analysis.field_measurement_work, (NETWORK, network_analysis.analysis(NETWORK).deepest.node.name,
                                    (0, 0))),
    (compute_blocks.probe_work, (BLOCK,)),
    (compute_shift.work, (shift_request(),)),
    (compute_erf.work, (ERF,)),
    (compute_gradients.flows_work, ((FlowSpec(depth=4, levels=1, width=4, side=16, batch=1, draws=2),),)),
    (compute_claims.claim_work, (7, default_settings(claim(7)))),
    (compute_claims.grid_work, (4,)),
]  # fmt: skip


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    made = Pool(1)
    yield made
    made.close()


def name(function: Callable[..., Any]) -> str:
    return f"{function.__module__}:{function.__qualname__}"


def same(one: Any, other: Any) -> bool:
    """Equal to the last bit, all the way down."""
    if type(one) is not type(other):
        return False
    if isinstance(one, np.ndarray):
        return one.dtype == other.dtype and bool(np.array_equal(one, other, equal_nan=True))
    if is_dataclass(one):
        return all(
            same(getattr(one, field.name), getattr(other, field.name))
            for field in fields(one)
            if field.compare and "seconds" not in field.name
        )
    if isinstance(one, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other or (one != one and other != other))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("function", "args"), ANSWERS, ids=lambda each: getattr(each, "__name__", "")
)
def test_a_worker_answers_as_the_server_does(
    pool: Pool, function: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    assert same(pool.call(name(function), *args), function(*args))


@pytest.mark.parametrize(("make", "args"), WORKS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_worker_does_the_queues_work(
    pool: Pool, make: Callable[..., Any], args: tuple[Any, ...]
) -> None:
    there: list[Any] = []
    here: list[Any] = []

    def into(reports: list[Any]) -> Callable[..., bool]:
        return lambda *told: reports.append(told) or True

    result = pool.work(name(make), *args)(into(there))
    assert same(result, make(*args)(into(here)))
    assert same(there, here)
