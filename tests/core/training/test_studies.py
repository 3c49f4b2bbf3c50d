"""Runs side by side, and what is made of their records."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from core.errors import SpecError
from core.training import LongRange, Net, TrainingSpec
from core.training.loop import train
from core.training.spec import LONG_RANGE
from core.training.studies import (
    compare,
    default_comparison,
    erf_growth,
    final_test_accuracy,
    first_layer_gradient_share,
    loss_roughness,
    seed_spread,
)

TINY = TrainingSpec(
    Net("max", 2, 1, 4), batch=8, steps=6, warm_up=2, records=3, snapshots=1, erf_draws=2
)
NETS = (TINY, replace(TINY, net=Net("strided", 2, 1, 4)))


def test_nets_of_a_seed_take_turns_and_come_to_what_each_comes_to_alone():
    found = list(compare(NETS, (4, 2)))
    turns = [(step.seed, step.record.step, step.net) for step in found]
    assert turns == [(s, n, net) for s in (4, 2) for n in (0, 2, 4, 6) for net in (0, 1)]
    for net, spec in enumerate(NETS):
        alone = list(train(replace(spec, seed=2)))
        assert [step.record for step in found if (step.net, step.seed) == (net, 2)] == alone


def test_unlike_lengths_end_each_at_its_end():
    short = replace(TINY, steps=2, warm_up=0, records=1)
    steps = [(step.net, step.record.step) for step in compare((TINY, short), (0,))]
    assert steps == [(0, 0), (1, 0), (0, 2), (1, 2), (0, 4), (0, 6)]


def test_a_comparison_can_be_stopped():
    run = compare(NETS, (0, 1))
    assert len(list(islice(run, 3))) == 3
    run.close()
    assert list(run) == []


@pytest.mark.parametrize(
    ("specs", "seeds", "parameter"),
    [
        ((), (0,), "nets"),
        ((TINY,) * 5, (0,), "nets"),
        ((TINY,), (), "seeds"),
        (NETS, range(6), "seeds"),
    ],
)
def test_bad_comparisons_are_refused_at_once(specs, seeds, parameter):
    with pytest.raises(SpecError) as error:
        compare(specs, seeds)
    assert error.value.parameter == parameter
    with pytest.raises(SpecError, match="seed"):
        compare(NETS, (-1,))


def test_the_default_comparison_differs_in_the_downsampling_alone():
    nets = default_comparison()
    assert {replace(s, net=replace(s.net, downsampling="max")) for s in nets} == {nets[0]}
    assert len({s.net.downsampling for s in nets}) == 3


def test_numbers_from_records():
    records = list(train(TINY))
    first, last = records[0].snapshot, records[-1].snapshot
    assert first is not None
    assert last is not None
    energy = [np.square(s.erf.sigma).mean() for s in (first, last)]
    assert erf_growth(records) == pytest.approx(math.sqrt(energy[1] / energy[0]))
    assert final_test_accuracy(records) == last.test_accuracy
    shares = [r.flow[0].gradient / r.flow[2].gradient for r in records[1:]]
    assert [r.layer for r in records[1].flow] == [
        "body.conv0",
        "body.conv4",
        "body.conv8",
        "linear",
    ]
    assert first_layer_gradient_share(records) == pytest.approx(math.prod(shares) ** (1 / 3))
    losses = [r.loss for r in records[1:]]
    assert loss_roughness(records) == pytest.approx(np.diff(np.log(losses)).std(ddof=1))
    assert seed_spread([1.0, 2.0, 6.0]) == type(seed_spread([1.0]))(3.0, 1.0, 6.0)


def test_the_long_range_net_reaches_the_marks():
    from core.receptive_field import receptive_fields
    from core.training.nets import model

    assert isinstance(LONG_RANGE.task, LongRange)
    body = model(LONG_RANGE.net, LONG_RANGE.task, 0).get_submodule("body")
    field = list(receptive_fields(body, (1, 32, 32)).values())[-1]
    box = field.interval((8, 8)).unclipped
    far = LONG_RANGE.task.distance
    for low, high in box:
        assert low <= 16 - far + 1
        assert high >= 16 + far - 1
