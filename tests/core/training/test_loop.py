"""Training: the same bits again, stopped or not, and what it tells against a plain loop."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from core.device import threads
from core.errors import SpecError
from core.training import Digits, LongRange, Net, TrainingSpec
from core.training.loop import MOMENTUM, learning_rate, train, trained_network
from core.training.nets import model
from core.training.records import State
from core.training.tasks import source_of

SMALL = TrainingSpec(
    Net("max", levels=2, width=4),
    Digits(),
    batch=8,
    steps=9,
    warm_up=3,
    records=3,
    snapshots=1,
    erf_draws=2,
)


def same_bits(a: State, b: State) -> bool:
    return a.arrays.keys() == b.arrays.keys() and all(
        np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays
    )


@pytest.mark.parametrize(
    ("optimizer", "net"),
    [("adamw", SMALL.net), ("sgd", Net("strided", 1, 2, 4, batch_norm=False, skips=True))],
)
def test_stopped_and_taken_up_it_comes_to_the_same_bits(optimizer, net):
    spec = replace(SMALL, optimizer=optimizer, net=net)
    whole = list(train(spec))
    for stop in range(1, len(whole)):
        run = train(spec)
        first = list(islice(run, stop))
        run.close()
        rest = list(train(spec, state=first[-1].state.to_bytes()))
        assert first + rest == whole
        assert same_bits(rest[-1].state, whole[-1].state)
        assert [r.snapshot is None for r in first + rest] == [r.snapshot is None for r in whole]
    assert same_bits(list(train(spec))[-1].state, whole[-1].state)


def test_neither_other_random_numbers_nor_threads_change_a_run():
    plain = list(train(SMALL))
    run, disturbed = train(SMALL), []
    with threads(2):
        for record in run:
            disturbed.append(record)
            torch.manual_seed(record.step)
            np.random.seed(record.step)
        assert torch.get_num_threads() == 2
    assert disturbed == plain
    assert same_bits(disturbed[-1].state, plain[-1].state)


def test_another_seed_is_another_run():
    one, other = (list(train(replace(SMALL, seed=seed)))[-1] for seed in (0, 1))
    assert one != other
    assert not same_bits(one.state, other.state)


def test_the_end_of_a_finished_run_has_nothing_more():
    last = list(train(SMALL))[-1]
    assert list(train(SMALL, state=last.state)) == []


def test_a_state_belongs_to_its_run():
    state = next(iter(train(SMALL))).state
    for other in (replace(SMALL, seed=1), replace(SMALL, net=Net("average", levels=2, width=4))):
        with pytest.raises(SpecError, match="state must be of"):
            train(other, state=state)
        with pytest.raises(SpecError, match="state must be of"):
            trained_network(other, state)
    data = state.to_bytes()
    for damaged in (b"", b"PK", data[:-40], data[: len(data) // 2], b"\x80\x04N."):
        with pytest.raises(SpecError, match="state must be the saved state"):
            train(SMALL, state=damaged)


def test_states_are_copies():
    run = train(SMALL)
    first = next(run).state
    kept = {name: array.copy() for name, array in first.arrays.items()}
    list(run)
    assert all(np.array_equal(first.arrays[name], kept[name]) for name in kept)
    with pytest.raises(ValueError, match="read-only"):
        first.arrays["net/linear.weight"][:] = 0


@pytest.mark.parametrize("net", [SMALL.net, Net("blurred_stride", 1, 2, 4, skips=True)])
def test_what_is_told_is_what_a_plain_loop_finds(net):
    """SGD written out: momentum, decay, schedule, gradients of the mean loss by autograd.

    Every step begins with the weights of the record before, or rounding would add up; and the
    memory format is that of the run, or ReLUs over even ground would fall to the other side.
    """
    spec = replace(SMALL, optimizer="sgd", net=net, records=SMALL.steps, weight_decay=0.1)
    found = list(train(spec))
    plain, source = model(spec.net, spec.task, spec.seed), source_of(spec.task)
    plain = plain.to(memory_format=torch.channels_last)
    learned = [(n, p) for n, p in plain.named_parameters() if p.requires_grad]
    memory = {name: torch.zeros_like(p) for name, p in learned}
    relus = {n: m for n, m in plain.named_modules() if isinstance(m, torch.nn.ReLU)}
    outputs: dict[str, torch.Tensor] = {}
    for name, module in relus.items():
        module.register_forward_hook(lambda m, i, o, name=name: outputs.update({name: o}))
    with threads(1):
        for step, record in enumerate(found[1:]):
            before = found[step].state.arrays
            weights = {n: torch.tensor(before[f"net/{n}"]) for n in plain.state_dict()}
            plain.load_state_dict(weights)
            images, labels = source.batch(spec.seed, step, spec.batch)
            scores = plain.train()(images)
            loss = -scores.log_softmax(1)[range(spec.batch), labels].mean()
            gradients = torch.autograd.grad(loss, [p for _, p in learned])
            assert record.loss == pytest.approx(loss.item(), rel=1e-4)
            assert record.train_accuracy == (scores.argmax(1) == labels).float().mean()
            told = {each.layer: each for each in record.flow}
            for (name, p), gradient in zip(learned, gradients, strict=True):
                rate, old = learning_rate(spec, step), p.detach().clone()
                pulled = gradient + (0.1 * old if p.ndim > 1 else 0)
                memory[name] = MOMENTUM * memory[name] + pulled if step else pulled
                p.data -= rate * (pulled + MOMENTUM * memory[name])
                new = record.state.arrays[f"net/{name}"]
                np.testing.assert_allclose(new, p.detach().numpy(), rtol=1e-3, atol=1e-5)
                if p.ndim > 1:
                    each = told.pop(name.removesuffix(".weight"))
                    assert each.gradient == pytest.approx(gradient.norm().item(), rel=1e-3)
                    share = (p.detach() - old).norm() / old.norm()
                    assert each.update == pytest.approx(share.item(), rel=1e-3)
            assert not told
            assert [each.layer for each in record.dead] == list(relus)
            for each in record.dead:
                out = outputs[each.layer].detach()
                alive = {c for n, c, y, x in (out > 0).nonzero().tolist()}
                assert each.channels == pytest.approx(1 - len(alive) / out.shape[1])
                assert each.zeros == pytest.approx((out == 0).float().mean().item(), abs=1e-3)


def test_the_schedule_rises_and_falls():
    spec = TrainingSpec(steps=50, warm_up=10, learning_rate=0.2)
    rates = [learning_rate(spec, step) for step in range(50)]
    assert rates[9] == rates[10] == 0.2 == max(rates)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[0] == pytest.approx(0.02)
    assert 0 < rates[-1] < 0.001


def test_records_and_snapshots_stand_where_the_spec_says():
    spec = replace(SMALL, records=4, snapshots=2)
    found = list(train(spec))
    assert tuple(r.step for r in found) == spec.record_steps == (0, 2, 4, 7, 9)
    assert tuple(r.step for r in found if r.snapshot) == spec.snapshot_steps == (0, 4, 9)
    assert [r.snapshot.shifted is None for r in found if r.snapshot] == [True, True, False]
    assert found[0].loss is None
    assert found[0].flow == found[0].dead == ()


def test_a_snapshot_is_of_the_net_as_it_is():
    last = list(train(SMALL))[-1]
    net = trained_network(SMALL, last.state)
    images, labels = source_of(SMALL.task).test_set()
    with torch.no_grad():
        scores = net(images)
        moved = net(torch.cat([images[..., -5:], images[..., :-5]], dim=3))
    shot = last.snapshot
    assert shot is not None
    assert shot.test_accuracy == pytest.approx((scores.argmax(1) == labels).float().mean().item())
    assert shot.test_loss == pytest.approx(F.cross_entropy(scores, labels).item(), rel=1e-4)
    assert shot.shifted is not None
    assert shot.shifted.accuracy[0] == shot.test_accuracy
    right = (moved.argmax(1) == labels).float().mean().item()
    assert shot.shifted.accuracy[5] == pytest.approx(right, abs=0.005)
    assert shot.shifted.agreement[0] == 1
    np.testing.assert_array_equal(shot.kernels, net.body.conv0.weight.detach().numpy())


def test_a_run_that_blows_up_is_refused_in_words():
    spec = replace(SMALL, optimizer="sgd", learning_rate=10.0, warm_up=0, steps=60, records=1)
    spec = replace(spec, net=replace(SMALL.net, batch_norm=False))
    with pytest.raises(SpecError, match="learning_rate must be smaller"):
        list(train(spec))


def test_numbers_as_json():
    told = [record.as_dict() for record in train(SMALL)]
    assert told[0]["loss"] is None
    assert "test_accuracy" not in told[1]
    assert told[-1]["flow"][0]["layer"] == "body.conv0"
    assert len(told[-1]["shifted"]["accuracy"]) == 9


def field_test(levels: int, depth: int, steps: int) -> float:
    spec = TrainingSpec(
        Net("max", levels, depth, 8, head="center"),
        LongRange(8),
        batch=32,
        steps=steps,
        warm_up=5,
        records=1,
        snapshots=1,
        erf_draws=1,
    )
    shot = list(train(spec))[-1].snapshot
    assert shot is not None
    return shot.test_accuracy


@pytest.mark.slow
def test_what_the_field_does_not_reach_cannot_be_learned():
    """512 tests: a coin comes to 0.5 ± 0.022. RF 8 against 32 pixels, the mark 8 away."""
    assert abs(field_test(1, 1, 60) - 0.5) < 0.1
    assert field_test(2, 2, 60) > 0.9
