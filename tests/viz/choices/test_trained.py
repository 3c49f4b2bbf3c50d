"""Nets of the training lab on other pages: their weights are the trained ones, as core has them."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from core import data
from core.erf import effective_receptive_field
from core.errors import SpecError
from core.shift.consistency import standardized
from core.shift.network import network_consistency, with_circular_padding
from core.training.probes import center_erf
from core.training.spec import DOWNSAMPLINGS
from core.training.tasks import source_of
from core.training.text import from_text
from tests.core.erf_oracle import on_the_image, plain_gradient
from tests.viz.choices.trained_net import SMALL, STRIDED, records, shelf
from tests.viz.features.erf.erf_visit import requested
from viz.choices import network as network_state
from viz.choices import network_analysis
from viz.choices.network import TRAINED
from viz.features.erf import compute as compute_erf
from viz.features.shift import compute as compute_shift
from viz.features.shift import params
from viz.features.training import compute as compute_training


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is finished on this server."""
    shelf(monkeypatch, STRIDED)


def erf_request(**link: Any) -> Any:
    return requested(network=TRAINED, run=STRIDED, draws=1, **link)


def ran(work: Any) -> Any:
    return work(lambda *_: True)


def shift_request(run: str = STRIDED, **link: Any) -> params.Request:
    values = params.ShiftSettings().updated({"network": TRAINED, "run": run, **link})
    values = network_state.with_suitable_input(values)
    found = network_analysis.analysis(network_state.network(values))
    return params.requests(values, compute_shift.last_comparable_layer(found))[0]


# --- Effective receptive fields -------------------------------------------------------------------


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("unit", ["centre", "corner", "3.5"])
def test_the_map_is_the_gradient_of_the_trained_net(unit: str) -> None:
    asked = erf_request(weights="as_is", inputs="picture", aggregate="signed", unit=unit)
    image = data.picture("china", (32, 32), 1)
    leaf = torch.from_numpy(np.asarray((image - image.mean()) / image.std(), np.float32))
    net = compute_training.trained_module(STRIDED)
    module = network_analysis.analysis(asked.network).graph.find(asked.layer).module
    expected = plain_gradient(net, leaf, module, asked.unit)[0]
    found = on_the_image(ran(compute_erf.work(asked)))
    np.testing.assert_allclose(found, expected / np.abs(expected).sum(), atol=1e-6)


@pytest.mark.usefixtures("here")
def test_the_net_of_the_page_has_the_field_that_its_last_record_tells() -> None:
    """Statistics of its normalisations, class scores, test images and all."""
    spec, last = from_text(STRIDED), records(STRIDED)[-1]
    asked = erf_request(weights="as_is")
    net = compute_erf.network(asked, weights=network_analysis.trained_weights(asked.network))
    assert not net.training
    assert last.snapshot is not None
    assert last.snapshot.erf is not None
    found = center_erf(net, source_of(spec.task).test_set()[0], spec)
    assert found is not None
    np.testing.assert_allclose(found.map, last.snapshot.erf.map, rtol=1e-5)
    before = records(STRIDED)[0].snapshot
    assert before is not None
    assert before.erf is not None
    assert not np.allclose(found.map, before.erf.map, rtol=0.1)


@pytest.mark.usefixtures("here")
def test_the_statistics_of_a_trained_net_count() -> None:
    asked = erf_request(weights="as_is")
    found = ran(compute_erf.work(asked))
    net = compute_training.trained_module(STRIDED)
    same = effective_receptive_field(net, (1, 32, 32), asked.layer, unit=asked.unit, draws=1)
    np.testing.assert_allclose(found.map, same.map, rtol=1e-6)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    fresh = effective_receptive_field(net, (1, 32, 32), asked.layer, unit=asked.unit, draws=1)
    assert not np.allclose(found.map, fresh.map, rtol=0.01)


def test_weights_that_are_drawn_wait_for_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, trained = erf_request(weights="he"), erf_request(weights="as_is")
    found = network_analysis.analysis(asked.network)
    shelf(monkeypatch)
    compute_erf.check_request(asked, found)
    drawn = ran(compute_erf.work(asked))
    for refused in (
        lambda: compute_erf.check_request(trained, found),
        lambda: ran(compute_erf.work(trained)),
    ):
        with pytest.raises(SpecError, match="run is not trained on this server"):
            refused()
    shelf(monkeypatch, STRIDED)
    np.testing.assert_array_equal(ran(compute_erf.work(asked)).map, drawn.map)
    compute_erf.check_request(trained, found)
    assert not np.allclose(ran(compute_erf.work(trained)).map, drawn.map)


def test_theory_says_nothing_of_trained_weights() -> None:
    assert compute_erf.expected(erf_request(weights="as_is")) is None
    assert compute_erf.expected(erf_request(weights="he")) is not None


def test_swaps_keep_the_trained_weights(here: None) -> None:
    asked = erf_request(weights="as_is", activation="tanh")
    weights = network_analysis.trained_weights(asked.network)
    net, plain = (
        compute_erf.network(asked, weights=weights),
        compute_training.trained_module(STRIDED),
    )
    assert any(isinstance(module, nn.Tanh) for module in net.modules())
    for one, other in zip(net.parameters(), plain.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_worker_process_is_given_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no runs of its own."""
    shelf(monkeypatch, STRIDED)
    erf, shift = erf_request(weights="as_is"), shift_request()
    weights = network_analysis.trained_weights(erf.network)
    here = ran(compute_erf.work(erf)), ran(compute_shift.work(shift))
    sent = pickle.loads(pickle.dumps((erf, shift, weights)))
    shelf(monkeypatch)
    np.testing.assert_array_equal(ran(compute_erf._work(sent[0], sent[2])).map, here[0].map)
    there = ran(compute_shift._work(sent[1], sent[2]))
    np.testing.assert_array_equal(there.cosine, here[1].cosine)


# --- Shifts ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("here")
def test_the_shifts_are_those_of_the_trained_net() -> None:
    asked = shift_request()
    found = ran(compute_shift.work(asked))
    net = with_circular_padding(compute_training.trained_module(STRIDED))
    image = standardized(data.picture("china", (32, 32), 1, 0))
    shifts = compute_shift.network_shifts(asked)
    expected = network_consistency(net, image, shifts, asked.layer)
    np.testing.assert_allclose(found.cosine, expected.cosine, rtol=1e-6)
    untrained = network_consistency(
        with_circular_padding(asked.network.build("cpu").eval()), image, shifts, asked.layer
    )
    assert not np.allclose(found.cosine, untrained.cosine, rtol=1e-3)


def test_shifts_wait_for_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf(monkeypatch)
    with pytest.raises(SpecError, match="run is not trained on this server"):
        compute_shift.network_shifts(shift_request())


@pytest.mark.slow
@pytest.mark.parametrize("kind", DOWNSAMPLINGS)
def test_every_kind_of_net_is_moved_with_and_without_a_blur(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = f"{kind} levels=2 depth=2 skips=true width=4 batch=8 steps=30"
    shelf(monkeypatch, run)
    values = network_state.with_suitable_input(params.ShiftSettings(network=TRAINED, run=run))
    found = network_analysis.analysis(network_state.network(values))
    pair = params.requests(values, compute_shift.last_comparable_layer(found))
    results = [ran(compute_shift.work(each)) for each in pair[: 1 if kind == "dilated" else 2]]
    for result in results:
        stride = 1 if kind == "dilated" else 4
        assert result.stride == (stride, stride)
        whole = (result.shifts % stride == 0).all(axis=1)
        # 2×2 maxima at stride 1 are one fewer than pixels: nothing to wrap round there.
        np.testing.assert_allclose(
            result.cosine[whole], 1, atol=0.01 if kind == "max_blur" else 1e-4
        )


# --- Receptive fields -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DOWNSAMPLINGS)
@pytest.mark.parametrize("rest", ["", "depth=2 skips=true batch_norm=false head=center"])
def test_the_closed_form_is_what_backpropagation_measures(kind: str, rest: str) -> None:
    run = f"{kind} {SMALL} {rest}".strip()
    values = network_state.with_suitable_input(
        network_state.NetworkSettings(network=TRAINED, run=run)
    )
    network = network_state.network(values)
    found = network_analysis.analysis(network)
    line, (rows, cols) = found.deepest, found.deepest.node.grid
    for unit in ((rows // 2, cols // 2), (0, cols - 1)):
        measured = ran(network_analysis.field_measurement_work(network, line.node.name, unit))
        closed = line.field.interval(unit).clipped
        assert closed is not None
        assert measured.box == (closed.rows, closed.cols)
