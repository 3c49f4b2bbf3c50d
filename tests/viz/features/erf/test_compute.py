"""What the page asks of core: the same as anyone would get from it, and not too much."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core import data
from core.erf import Stopped, effective_receptive_field, studies
from core.erf.study import Study
from core.errors import SpecError
from core.graph import graph
from core.networks import build, swaps
from core.networks.notation import parse_notation
from tests.examples import examples
from tests.viz.features.erf.erf_visit import requested, tiny
from viz.choices import network_analysis
from viz.choices.network import Network
from viz.features.erf import compute
from viz.features.erf.compute import DRAWS
from viz.features.erf.params import AGGREGATES, STUDIES, WEIGHTS, Request
from viz.server.settings import ServerSettings

LAYERS = "conv3 p1 c3, relu, maxpool2, residual[conv3 p1 c3, relu], conv3 p1 c2"


def ran(asked: Request) -> Any:
    return compute.work(asked)(lambda *_: True)


def analysis(asked: Request) -> network_analysis.Analysis:
    return network_analysis.analysis(asked.network)


@given(
    weights=st.sampled_from(list(WEIGHTS)),
    aggregate=st.sampled_from(list(AGGREGATES)),
    inputs=st.sampled_from(["noise", "picture"]),
    unit=st.sampled_from(["centre", "corner", "3.5"]),
    draw_seed=st.integers(0, 3),
    draws=st.sampled_from([1, 4]),
)
@examples(12)
def test_the_map_is_cores(weights: Any, aggregate: Any, inputs: str, **more: Any) -> None:
    link = tiny(LAYERS, weights=weights, aggregate=aggregate, inputs=inputs) | more
    asked = requested(**link)
    torch.manual_seed(more["draw_seed"])
    module = build(parse_notation(LAYERS), 3, (16, 16))
    image = data.picture("china", (16, 16), 3)
    given_inputs: Any = (image - image.mean()) / image.std() if inputs == "picture" else "noise"
    expected = effective_receptive_field(
        module, (3, 16, 16), asked.layer, unit=asked.unit, draws=more["draws"], inputs=given_inputs,
        weights=weights, aggregate=aggregate, seed=more["draw_seed"],
    )  # fmt: skip
    found = ran(asked)
    np.testing.assert_allclose(found.map, expected.map, rtol=1e-6, atol=1e-12)
    assert found.origin == expected.origin


@pytest.mark.parametrize(
    "change, swap",
    [
        ({"activation": "tanh"}, lambda m: swaps.with_activation(m, "tanh")),
        ({"pooling": "blur"}, lambda m: swaps.with_pooling(m, "blur", (3, 16, 16), 0)),
        ({"skips": False}, swaps.without_skips),
    ],
    ids=["activation", "pooling", "skips"],
)
def test_what_is_swapped_is_swapped(change: dict[str, Any], swap: Any) -> None:
    asked = requested(**tiny(LAYERS), **change)
    torch.manual_seed(0)
    module = swap(build(parse_notation(LAYERS), 3, (16, 16)))
    expected = effective_receptive_field(
        module, (3, 16, 16), asked.layer, unit=asked.unit, draws=1, weights="he"
    )
    np.testing.assert_allclose(ran(asked).map, expected.map, rtol=1e-6, atol=1e-12)
    same = ran(requested(**tiny(LAYERS))).map
    assert same.shape != expected.map.shape or not np.allclose(same, expected.map)


def test_weights_as_they_are_come_from_the_seed_alone() -> None:
    asked = requested(**tiny(LAYERS), weights="as_is", draw_seed=5)
    states = []
    for other in (1, 2):
        torch.manual_seed(other)
        before = torch.get_rng_state()
        states.append(compute.network(asked).state_dict())
        assert torch.equal(torch.get_rng_state(), before), "nobody else's numbers are changed"
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_looking_at_shapes_leaves_the_generator_to_the_others() -> None:
    """Another thread may draw meanwhile: the state must never be set, not even set back."""
    asked = requested(**tiny(LAYERS), pooling="strided")
    touched = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("manual_seed", "set_rng_state"):
            patch.setattr(torch, name, lambda *_, name=name: touched.append(name))
        meta = compute._meta_module(compute.Structure.of(asked))
    assert not touched
    assert {parameter.device.type for parameter in meta.parameters()} == {"meta"}


TOO_MUCH = [
    {"network": "vgg16", "draws": 64},
    {"network": "vgg16", "input_height": 1024, "input_width": 1024, "draws": 4},
    {"network": "own", "layers": "8x[conv9 p4 c256, relu]", "draws": 256, "input_height": 512},
    {"network": "own", "layers": "conv3 p1 c128, 24x[conv31 p15 c128]", "draws": 1},
]


@pytest.mark.parametrize("link", TOO_MUCH, ids=lambda link: str(link))
def test_too_much_is_refused_with_what_would_do(link: dict[str, Any]) -> None:
    asked = requested(**link)
    found = analysis(asked)
    most = compute.most_draws(asked, found)
    assert most == 0 or most in DRAWS
    assert most < asked.draws
    with pytest.raises(SpecError) as refusal:
        compute.check_request(asked, found)
    if most:
        assert f"draws must be at most {most} for this network" in str(refusal.value)
        compute.check_request(requested(**link | {"draws": most}), found)
        later = [draws for draws in DRAWS if draws > most]
        with pytest.raises(SpecError):
            compute.check_request(requested(**link | {"draws": later[0]}), found)
    else:
        assert "input_size must be smaller" in str(refusal.value)


def test_one_draw_that_is_too_much_is_never_offered() -> None:
    assert any(
        compute.most_draws(asked := requested(**link), analysis(asked)) == 0 for link in TOO_MUCH
    )


def test_only_the_part_that_is_run_counts() -> None:
    side = {"input_height": 1024, "input_width": 1024}
    asked = requested(network="own", layers="8x[conv3 p1 c64, relu]", draws=256, **side)
    found = analysis(asked)
    assert 256 * sum(cost.macs for cost in found.costs.values()) > 10 * ServerSettings().macs
    compute.check_request(asked, found)


@pytest.mark.parametrize(
    "change, said",
    [
        ({"pooling": "max"}, "module must have"),
        ({"activation": "tanh"}, "module must have activation modules"),
        ({"skips": False}, "module"),
    ],
)
def test_nothing_to_swap_is_refused(change: dict[str, Any], said: str) -> None:
    asked = requested(**tiny("conv3 p1 c2, conv3 p1 c2"), **change)
    with pytest.raises(SpecError, match=said):
        compute.check_request(asked, analysis(asked))


def test_progress_is_told_and_a_no_ends_it() -> None:
    asked = requested(**tiny(draws=16))
    told: list[tuple[int, int]] = []
    partials = []

    def report(done: int, total: int, partial: Any) -> bool:
        told.append((done, total))
        partials.append(partial)
        return len(told) < 2

    with pytest.raises(Stopped):
        compute.work(asked)(report)
    assert told == [(4, 16), (8, 16)]
    same = ran(requested(**tiny(draws=4))).map
    np.testing.assert_allclose(partials[0].map, same, rtol=1e-6)


def test_theory_is_asked_once_for_all_that_changes_nothing_of_it() -> None:
    first = compute.expected(requested(**tiny(LAYERS)))
    assert first is not None
    for change in ({"draws": 64}, {"draw_seed": 3}, {"inputs": "picture"}):
        assert compute.expected(requested(**tiny(LAYERS) | change)) is first
    uniform = compute.expected(requested(**tiny(LAYERS), weights="uniform"))
    assert uniform is not None
    assert (first.weights, uniform.weights) == ("random", "uniform")
    for change in ({"unit": "corner"}, {"weights": "xavier"}, {"skips": False}):
        other = compute.expected(requested(**tiny(LAYERS) | change))
        assert other is not None
        assert other.map.shape != first.map.shape or not np.allclose(other.map, first.map)


def test_theory_belongs_to_the_recipe() -> None:
    by = {
        (w, a): compute.expected(requested(**tiny(LAYERS), weights=w, aggregate=a))
        for w in ("he", "uniform")
        for a in ("energy", "abs", "relu", "signed")
    }
    assert by.pop(("he", "signed")) is None
    assert all(found is not None and (found.aggregate == a) for (_, a), found in by.items())


def test_theory_that_cannot_say_is_none() -> None:
    assert compute.expected(requested(**tiny("conv3, relu"), pooling="max")) is None


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_passes_on_what_core_reports(name: str, monkeypatch: Any) -> None:
    """With core's function replaced by one that reports once: the studies take a while."""
    function, told = STUDIES[name][1], []
    progress = type("Progress", (), {"done": 1, "total": 3})()
    monkeypatch.setattr(studies, function, lambda progress: (progress, name))
    call, got = compute.study_work(function)(lambda *seen: told.append(seen) or False)
    assert got == name
    assert call(progress) is False
    assert told == [(1, 3, None)]


def test_a_real_study() -> None:
    study = compute.study_work("skip_study")(lambda *_: True)
    assert isinstance(study, Study)
    assert len(study.rows) > 1


@pytest.mark.parametrize(
    "change, traces",
    [
        ({"unit": "centre"}, 1),  # all of the image is run
        ({"unit": "corner"}, 2),  # of the image, and of the part of it that is run
        ({"unit": "corner", "activation": "tanh"}, 4),  # before and after the swap
        ({"unit": "corner", "aggregate": "abs", "draws": 4}, 2),
    ],
)
def test_a_network_is_built_and_followed_once_a_request(
    change: dict[str, Any], traces: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Built twice: without weights for all that is closed form, with weights for the draws."""
    layers = f"conv3 p1 c{3 + len(change)}, relu, 4x[conv3 p1 c4, relu]"  # known to no other test
    side = {"input_height": 8, "input_width": 8 if change["unit"] == "centre" else 40}
    calls: list[str] = []

    def counted(name: str, function: Any) -> Any:
        return lambda *args, **kwargs: calls.append(name) or function(*args, **kwargs)

    monkeypatch.setattr(Network, "build", counted("build", Network.build))
    monkeypatch.setattr(graph, "run_on_meta", counted("trace", graph.run_on_meta))
    asked = requested(**tiny(layers) | side | change)
    compute.check_request(asked, analysis(asked))
    assert compute.expected(asked)
    assert ran(asked).map.sum() == pytest.approx(1)
    assert (calls.count("build"), calls.count("trace")) == (2, traces)
    calls.clear()
    compute.check_request(asked, analysis(asked))
    again = ran(asked)
    assert (calls.count("build"), calls.count("trace")) == (1, traces == 4)
    options: dict[str, Any] = {
        name: getattr(asked, name) for name in ("unit", "draws", "weights", "aggregate", "seed")
    }
    size = asked.network.input_size
    alone = effective_receptive_field(compute.network(asked), size, asked.layer, **options)
    np.testing.assert_allclose(again.map, alone.map, rtol=1e-6, atol=1e-12)
