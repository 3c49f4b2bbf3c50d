"""Costs leave the caller's module and other threads alone, and refuse in sentences."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import fx, nn

from core.cost import layer_costs, totals
from core.errors import SpecError
from core.networks.zoo import build
from tests.core.calls import Calls

# --- The caller's module ----------------------------------------------------------------------


def state_of(net: nn.Module) -> dict[str, Any]:
    """All that a caller could miss, tensors by identity and version."""
    return {
        "modes": [m.training for m in net.modules()],
        "tensors": [
            (k, id(v), v._version, v.device) for k, v in net.state_dict(keep_vars=True).items()
        ],
        "values": {k: v.clone() for k, v in net.state_dict().items()},
        "requires": [p.requires_grad for p in net.parameters()],
        "grads": [p.grad for p in net.parameters()],
        "hooks": [(dict(m._forward_hooks), dict(m._forward_pre_hooks)) for m in net.modules()],
        "attributes": [set(vars(m)) for m in net.modules()],
        "globals": (nn.Module.__call__, nn.Module.__getattr__, torch.is_grad_enabled()),
    }


def same(before: dict[str, Any], after: dict[str, Any]) -> bool:
    values = zip(before.pop("values").values(), after.pop("values").values(), strict=True)
    return all(torch.equal(a, b) for a, b in values) and before == after


def prepared(*extra: nn.Module) -> tuple[nn.Module, list[str]]:
    """A module in mixed modes, with hooks that tell, and a frozen layer."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU(), *extra)
    net[1].eval()
    net[0].requires_grad_(False)
    called: list[str] = []
    for part in net.modules():
        part.register_forward_hook(lambda *_: called.append("forward"))
        part.register_forward_pre_hook(lambda *_: called.append("pre"))
        part.register_full_backward_hook(lambda *_: called.append("backward"))
    return net, called


def test_the_module_is_untouched() -> None:
    net, called = prepared()
    before = state_of(net)
    layer_costs(net, (3, 8, 8))
    assert called == []
    assert same(before, state_of(net))
    net(torch.zeros(1, 3, 8, 8))
    assert called.count("pre") == 5  # the hooks still work


@pytest.mark.parametrize(
    "extra, size",
    [
        ((), (5, 8, 8)),
        ((nn.Linear(3, 3),), (3, 8, 8)),
        ((Calls(lambda _, x: x if x.sum() > 0 else -x),), (3, 8, 8)),
        ((), (0, 8, 8)),
    ],
)
def test_the_module_is_untouched_after_an_error(
    extra: tuple[nn.Module, ...], size: tuple[int, ...]
) -> None:
    net, called = prepared(*extra)
    before = state_of(net)
    with pytest.raises(SpecError):
        layer_costs(net, size)
    assert called == []
    assert same(before, state_of(net))


def test_a_touched_module_would_be_seen() -> None:
    net, _ = prepared()
    before = state_of(net)
    net[1].train()(torch.zeros(2, 4, 3, 3))
    assert not same(before, state_of(net))


def test_tensors_outside_parameters_and_buffers_are_left_alone() -> None:
    net = Calls(lambda m, x: x * m.scale)
    net.scale = torch.full((3,), 2.0)  # type: ignore[assignment]
    rows = layer_costs(net, (3,))
    assert totals(rows).parameters == 0
    assert net.scale.tolist() == [2.0, 2.0, 2.0]


def test_a_graph_module_keeps_its_names() -> None:
    net = build("lenet5", "meta")
    assert layer_costs(fx.symbolic_trace(net), (1, 32, 32)) == layer_costs(net, (1, 32, 32))


def test_other_threads_can_run_networks_meanwhile() -> None:
    """Nothing that a run is followed by belongs to the whole process: nobody else may notice."""
    other, stop = build("lenet5").eval(), threading.Event()
    troubles: list[Exception] = []

    def run() -> None:
        while not stop.is_set():
            try:
                other(torch.zeros(1, 1, 32, 32))
            except Exception as error:
                troubles.append(error)
                return

    def measure() -> None:
        for _ in range(3):
            if totals(layer_costs(net, (3, 224, 224))).macs != 1_814_073_344:
                troubles.append(AssertionError("another result"))

    net = build("resnet18", "meta")
    before = nn.Module.__call__, nn.Module.__getattr__
    runner, *measurers = [threading.Thread(target=t) for t in (run, measure, measure)]
    for thread in (runner, *measurers):
        thread.start()
    for thread in measurers:
        thread.join()
    stop.set()
    runner.join()
    assert troubles == []
    assert (nn.Module.__call__, nn.Module.__getattr__) == before


# --- Refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "size", [(), (0,), (3, -1, 4), (3, 2.0, 4), (3, True, 4), ("3", 4, 4), (3, None, 4)]
)
def test_sizes_that_are_none(size: Any) -> None:
    with pytest.raises(SpecError, match="input_size must be whole numbers of at least 1"):
        layer_costs(nn.ReLU(), size)


@pytest.mark.parametrize("size", [(2**62, 2**62, 2**62), (3, 10**400)])
def test_sizes_that_overflow_are_a_sentence(size: Any) -> None:
    with pytest.raises(SpecError, match="input_size does not fit"):
        layer_costs(nn.Sequential(nn.Conv2d(3, 3, 1)), size)


def test_what_does_not_fit_is_named() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(5, 4, 3))
    with pytest.raises(SpecError, match='input_size does not fit layer "2", which gets 4×6×6: '):
        layer_costs(net, (3, 8, 8))


@pytest.mark.parametrize(
    "forward",
    [
        lambda _, x: x if x.sum() > 0 else -x,
        lambda _, x: 1 / 0,
        lambda _, x: torch.tensor(x.tolist()),
    ],
)
def test_what_cannot_be_traced_is_a_sentence(forward: Any) -> None:
    with pytest.raises(SpecError, match=r"module decides by the values|input_size does not fit"):
        layer_costs(Calls(forward), (3, 8, 8))


def test_a_lazy_layer_is_a_sentence() -> None:
    with pytest.raises(SpecError, match="lazy"):
        layer_costs(nn.Sequential(nn.LazyLinear(3)), (8,))


def test_what_cannot_be_copied_is_a_sentence() -> None:
    net = nn.ReLU()
    net.lock = threading.Lock()  # type: ignore[assignment]
    with pytest.raises(SpecError, match="cannot be copied"):
        layer_costs(net, (8,))
