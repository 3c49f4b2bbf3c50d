"""The nets: what they cost, that core's analyses follow them trained, what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import fx, nn

from core.erf import effective_receptive_field
from core.errors import SpecError
from core.networks import build
from core.networks.notation import parse_notation
from core.networks.notation.writer import to_notation
from core.receptive_field import measure_receptive_field, receptive_fields
from core.shift.consistency import shift_consistency
from core.training import DOWNSAMPLINGS, HEADS, Digits, LongRange, Net, TrainingSpec
from core.training.loop import train, trained_network
from core.training.nets import MAX_WORK, architecture, layers_before_head, model, run_costs

NETS = [
    Net(kind, 2, 2, 4, batch_norm=norm, skips=skips, head=head)
    for kind in DOWNSAMPLINGS
    for norm, skips, head in ((True, False, "average"), (False, True, "center"))
]


@pytest.mark.parametrize("net", NETS, ids=lambda n: f"{n.downsampling}-{n.head}")
def test_cost_is_what_torch_has_and_weights_follow_the_seed(net):
    spec = TrainingSpec(net, batch=4, steps=2, warm_up=0)
    whole = model(net, spec.task, 3)
    assert run_costs(spec).parameters == sum(
        p.numel() for p in whole.parameters() if p.requires_grad
    )
    macs = 0

    def count(module, inputs, output):
        nonlocal macs
        macs += output[0].numel() * module.weight[0].numel()

    for module in whole.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(count)
    assert whole.eval()(torch.zeros(2, 1, 32, 32)).shape == (2, 10)
    assert run_costs(spec).macs == macs
    for (name, a), b in zip(
        whole.state_dict().items(), model(net, spec.task, 3).state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), name
    other = model(net, spec.task, 4)
    assert not torch.equal(whole.body.conv0.weight, other.body.conv0.weight)


@pytest.mark.parametrize("kind", DOWNSAMPLINGS)
def test_what_is_halved_and_how(kind):
    net = Net(kind, 2, 1, 4)
    size = receptive_fields(model(net, Digits(), 0).get_submodule("body"), (1, 32, 32))
    assert list(size.values())[-1].grid == ((32, 32) if kind == "dilated" else (8, 8))
    counts = {
        k: run_costs(TrainingSpec(replace(net, downsampling=k))).parameters for k in DOWNSAMPLINGS
    }
    extra = sum(9 * c * c + 2 * c for c in (4, 8))
    assert counts[kind] == counts["max"] + (extra if kind == "extra_conv" else 0)


def test_weights_begin_as_he_draws_them():
    net = model(Net("max", 2, 3, 32, batch_norm=False), Digits(), 0)
    weight = net.body.conv2.weight
    assert weight.std().item() == pytest.approx((2 / weight[0].numel()) ** 0.5, rel=0.05)
    assert not net.body.conv2.bias.any()


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("kind", ["max", "strided", "blurred_stride", "max_blur"])
def test_core_follows_the_trained_net(kind, head):
    net = Net(kind, 2, 1, 4, head=head)
    spec = TrainingSpec(net, batch=4, steps=2, warm_up=0, records=1, snapshots=1, erf_draws=1)
    last = list(train(spec))[-1]
    whole = trained_network(spec, last.state)
    fx.symbolic_trace(whole)
    fields = receptive_fields(whole, (1, 32, 32))
    layer = [name for name in fields if name.startswith("body")][-1]
    expected = receptive_fields(build(layers_before_head(net), 1, (32, 32)), (1, 32, 32))
    assert fields[layer].size == list(expected.values())[-1].size
    measured = measure_receptive_field(whole, (1, 32, 32), layer)
    assert measured.size == fields[layer].size
    erf = effective_receptive_field(whole, (1, 32, 32), layer, draws=2, device="cpu")
    assert np.isfinite(erf.sigma).all()
    found = shift_consistency(whole.get_submodule("body"), np.ones((1, 32, 32)), [(0, 4)])
    assert found.stride == (4, 4)


def test_blurs_stay_blurs():
    net = Net("blurred_stride", 1, 1, 4)
    spec = TrainingSpec(net, batch=4, steps=3, warm_up=0, records=1, snapshots=1, erf_draws=1)
    first, last = train(spec)
    moved = {
        n
        for n in first.state.arrays
        if not np.array_equal(first.state.arrays[n], last.state.arrays[n])
    }
    blur = next(n for n in first.state.arrays if n.startswith("net/body.conv3"))
    assert "net/body.conv0.weight" in moved
    assert blur not in moved
    tap = np.array([1, 2, 1]) / 4
    np.testing.assert_allclose(last.state.arrays[blur][2, 0], np.outer(tap, tap))


@pytest.mark.parametrize("kind", DOWNSAMPLINGS)
def test_the_architecture_can_be_written_down(kind):
    spec = architecture(Net(kind, 2, 2, 4, skips=True), 10)
    assert parse_notation(to_notation(spec)) == spec


def test_too_much_is_refused_before_the_start_with_what_would_do():
    large = TrainingSpec(Net("dilated", 4, 6, 32), steps=5000)
    with pytest.raises(SpecError, match=r"(steps|batch) must be at most"):
        train(large)
    wide = TrainingSpec(Net("dilated", 3, 1, 16), steps=5000)
    with pytest.raises(SpecError, match="steps must be at most") as error:
        run_costs(wide)
    most = int(error.value.rule.split()[4].replace(",", ""))
    assert run_costs(replace(wide, steps=most, warm_up=0)).work <= MAX_WORK
    with pytest.raises(SpecError):
        run_costs(replace(wide, steps=most + 1))
    heavy = TrainingSpec(Net("dilated", 4, 6, 16), steps=1, warm_up=0, batch=256)
    with pytest.raises(SpecError, match="batch must be at most") as error:
        run_costs(heavy)
    most = int(error.value.rule.split()[4].replace(",", ""))
    run_costs(replace(heavy, batch=most))


@pytest.mark.parametrize(
    ("make", "settings", "parameter"),
    [
        (Net, {"downsampling": "none"}, "downsampling"),
        (Net, {"head": "flat"}, "head"),
        (Net, {"levels": 0}, "levels"),
        (Net, {"levels": 2.0}, "levels"),
        (Net, {"depth": 7}, "depth"),
        (Net, {"width": 64}, "width"),
        (Net, {"batch_norm": 1}, "batch_norm"),
        (Net, {"skips": True}, "depth"),
        (Digits, {"smallest": 20, "largest": 19}, "largest"),
        (Digits, {"distractors": 5}, "distractors"),
        (LongRange, {"distance": 15}, "distance"),
        (LongRange, {"noise": float("nan")}, "noise"),
        (LongRange, {"rule": "near"}, "rule"),
        (TrainingSpec, {"optimizer": "adam"}, "optimizer"),
        (TrainingSpec, {"learning_rate": 0.0}, "learning_rate"),
        (TrainingSpec, {"batch": 1}, "batch"),
        (TrainingSpec, {"steps": 10, "warm_up": 11}, "warm_up"),
        (TrainingSpec, {"seed": -1}, "seed"),
        (TrainingSpec, {"records": 3, "snapshots": 4}, "snapshots"),
    ],
)
def test_bad_settings_are_refused(make, settings, parameter):
    with pytest.raises(SpecError) as error:
        make(**settings)
    assert error.value.parameter == parameter
