"""The measurement where it used to fail, against NaN poisoning or torch's own gradients."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.erf import effective_receptive_field
from core.errors import SpecError
from core.receptive_field.measured import measure_receptive_field

SIZE = (1, 16, 16)
Body = Callable[["Net", Tensor], Tensor]


class Net(nn.Module):
    """Two convolutions and what a case puts between them."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        return self.body(self, x)


def assigned(net: Net, x: Tensor) -> Tensor:
    y = torch.zeros(1, 2, 16, 16)
    y[:, :, 1:-1, 1:-1] = net.a(x)[:, :, 1:-1, 1:-1]
    return net.b(y)


def unpooled(net: Net, x: Tensor) -> Tensor:
    values, places = net.pool(net.a(x))
    return net.b(F.max_unpool2d(values, places, 2))


def spectral(net: Net, x: Tensor) -> Tensor:
    return net.b(torch.fft.irfft2(torch.fft.rfft2(net.a(x))))


def along_rows(net: Net, x: Tensor) -> Tensor:
    return net.b(torch.fft.irfft(torch.fft.rfft(net.a(x), dim=3) * 2, dim=3))


def complex_parts(net: Net, x: Tensor) -> Tensor:
    y = net.a(x)
    return net.b(torch.view_as_real(torch.complex(y, y)).sum(-1))


BODIES: dict[str, Body] = {
    "checkpoint": lambda net, x: net.b(checkpoint(net.a, x, use_reentrant=False)),
    "reentrant checkpoint": lambda net, x: net.b(checkpoint(net.a, x, use_reentrant=True)),
    "rfft2 and back": spectral,
    "rfft along rows": along_rows,
    "complex": complex_parts,
    "max_pool3d": lambda net, x: net.b(
        F.max_pool3d(net.a(x)[:, None], (1, 3, 3), 1, (0, 1, 1))[:, 0]
    ),
    "lp_pool3d": lambda net, x: net.b(F.lp_pool3d(net.a(x)[:, None], 2, (1, 3, 3), 1)[:, 0]),
    "adaptive_max_pool3d": lambda net, x: net.b(
        F.adaptive_max_pool3d(net.a(x)[:, None], (2, 8, 8))[:, 0]
    ),
    "assignment to a part": assigned,
    "topk": lambda net, x: net.b(net.a(x).topk(2, 1)[0]),
    "max_unpool2d": unpooled,
}
BOXES = {
    "checkpoint": ((6, 10), (6, 10)),
    "reentrant checkpoint": ((6, 10), (6, 10)),
    "rfft2 and back": ((0, 15), (0, 15)),
    "rfft along rows": ((6, 10), (0, 15)),
    "complex": ((6, 10), (6, 10)),
    "max_pool3d": ((5, 11), (5, 11)),
    "lp_pool3d": ((5, 11), (5, 11)),
    "adaptive_max_pool3d": ((5, 12), (5, 12)),
    "assignment to a part": ((6, 10), (6, 10)),
    "topk": ((6, 10), (6, 10)),
    "max_unpool2d": ((5, 10), (5, 10)),
}
"""By hand, of the unit in the middle; a Fourier transform adds up a whole axis."""


@pytest.mark.parametrize("name", BODIES)
def test_no_foreign_exception_and_the_right_box(name: str) -> None:
    found = measure_receptive_field(Net(BODIES[name]), SIZE, "b")
    assert found.box == BOXES[name]
    assert measure_receptive_field(Net(BODIES[name]), SIZE, "a").size == (3, 3)


@pytest.mark.parametrize("name", ["rfft2 and back", "rfft along rows", "max_pool3d", "lp_pool3d"])
def test_what_is_poisoned_is_what_is_measured(name: str) -> None:
    net, rows = Net(BODIES[name]).eval(), BOXES[name][0]
    for line in range(16):
        image = torch.zeros(1, *SIZE)
        image[:, :, line] = torch.nan
        output = net(image)[0]
        middle = output[:, output.shape[1] // 2, output.shape[2] // 2]
        assert bool(middle.isnan().any()) == (rows[0] <= line <= rows[1])


@pytest.mark.parametrize("reentrant", [True, False])
def test_the_effective_field_of_a_checkpointed_network_is_that_without(reentrant: bool) -> None:
    plain = Net(lambda net, x: net.b(net.a(x)))
    same = Net(lambda net, x: net.b(checkpoint(net.a, x, use_reentrant=reentrant)))
    same.load_state_dict(plain.state_dict())
    maps = [effective_receptive_field(net, SIZE, "b", draws=2).map for net in (plain, same)]
    assert np.array_equal(*maps)


def test_an_assignment_is_a_layer() -> None:
    net = Net(BODIES["assignment to a part"])
    assert measure_receptive_field(net, SIZE, "setitem", (8, 8)).box == ((7, 9), (7, 9))
    assert measure_receptive_field(net, SIZE, "setitem", (0, 8)).box is None  # its zero border


def test_a_module_goes_before_a_node_of_its_name() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.add = nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.add(torch.add(self.first(x), 1))

    assert measure_receptive_field(Named(), SIZE, "add").size == (5, 5)


def test_too_much_work_names_the_layers_own_need_and_what_would_fit() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 64, 9, padding=4))
    assert measure_receptive_field(net, SIZE, "0", max_flops=10_000).size == (3, 3)
    with pytest.raises(SpecError) as refused:
        measure_receptive_field(net, SIZE, "1", max_flops=10**6)
    assert refused.value.parameter == "max_flops"
    need = float(refused.value.rule.split(" for ")[0].split()[-1])
    side = int(refused.value.rule.split("about ")[1].split("×")[0])
    assert measure_receptive_field(net, SIZE, "1", max_flops=int(need)).box is not None
    measure_receptive_field(net, (1, side, side), "1", max_flops=10**6)
