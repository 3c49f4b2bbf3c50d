"""Tensors that share memory, and calls that no torch call reports: against NaN poisoning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.erf.engine import effective_receptive_field
from core.errors import SpecError
from core.receptive_field import receptive_fields
from tests.core.poisoning import poisoned_box

CHANNELS, SIDE = 4, 12
UNITS = ((6, 6), (0, 0), (3, 9), (5, 4))


@torch.jit.script
def pooled(x: Tensor) -> Tensor:
    return torch.relu(F.max_pool2d(x, [3, 3], [1, 1], [1, 1]) + 1.0)


@torch.jit.script
def adds_one(x: Tensor) -> None:
    x += 1


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x * 2


_LIBRARY = torch.library.Library("tests_of_memory", "DEF")
_LIBRARY.define("add_to(Tensor(a!) x, Tensor y) -> ()")
_LIBRARY.impl("add_to", lambda x, y: (x.add_(y), None)[1], "CompositeExplicitAutograd")


class Net(nn.Module):
    """A function between two convolutions of 3×3, with layers that it may use."""

    def __init__(self, function: Callable[[Net, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.first = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.conv = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)
        self.pair = nn.Conv2d(CHANNELS // 2, CHANNELS // 2, 3, padding=1)
        self.last = nn.Conv2d(CHANNELS, CHANNELS, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.function(self, self.first(x)))


Function = Callable[[Net, Tensor], Tensor]
FUNCTIONS: dict[str, Function] = {}


def case(function: Function) -> Function:
    FUNCTIONS[function.__name__] = function
    return function


# What runs without a torch call that is reported


@case
def vmap(net: Net, x: Tensor) -> Tensor:
    return torch.vmap(F.relu)(x)


@case
def vmap_over_channels(net: Net, x: Tensor) -> Tensor:
    return torch.vmap(lambda t: F.max_pool2d(t, 3, 1, 1), in_dims=1, out_dims=1)(x)


@case
def scripted(net: Net, x: Tensor) -> Tensor:
    return pooled(x)


@case
def scripted_in_place(net: Net, x: Tensor) -> Tensor:
    y = net.conv(x)
    adds_one(y)
    return y


@case
def autograd_function(net: Net, x: Tensor) -> Tensor:
    return Doubled.apply(x)


@case
def forward_derivative(net: Net, x: Tensor) -> Tensor:
    return torch.func.jvp(torch.sin, (x,), (net.conv(x),))[1]


@case
def gradient(net: Net, x: Tensor) -> Tensor:
    return torch.vmap(torch.func.grad(lambda t: (t**2).sum()))(x)


# What is written through other tensors


@case
def out_argument(net: Net, x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    torch.add(net.conv(x), 1, out=y)
    return y


@case
def chunk(net: Net, x: Tensor) -> Tensor:
    p, q = x.chunk(2, 1)
    p.add_(net.pair(q))
    return x


@case
def chunk_that_is_not_written(net: Net, x: Tensor) -> Tensor:
    p, q = x.chunk(2, 1)
    p.add_(net.pair(q))
    return torch.cat([q, q], 1)


@case
def chunk_that_is_written(net: Net, x: Tensor) -> Tensor:
    p, q = x.chunk(2, 1)
    q.add_(net.pair(p))
    return torch.cat([q, q], 1)


@case
def halves_of_one_tensor(net: Net, x: Tensor) -> Tensor:
    x[:, :2].add_(net.pair(x[:, 2:]))
    x[:, 2:, :, 1:].mul_(x[:, :2, :, :-1])
    return x


@case
def slice_in_place(net: Net, x: Tensor) -> Tensor:
    y = x[:, :2]
    y += net.pair(x[:, 2:])
    return x


@case
def augmented_slice(net: Net, x: Tensor) -> Tensor:
    x[:, :2] += net.pair(x[:, 2:])
    return x


@case
def copied(net: Net, x: Tensor) -> Tensor:
    x[:, :2].copy_(net.pair(x[:, 2:]))
    return x


@case
def through_view(net: Net, x: Tensor) -> Tensor:
    x.view(1, 2, 2, *x.shape[2:])[:, 0].copy_(net.pair(x[:, 2:]))
    return x


@case
def through_unbind(net: Net, x: Tensor) -> Tensor:
    parts = x.unbind(1)
    parts[0].copy_(net.pair(x[:, 2:])[:, 0])
    return x


@case
def through_transpose(net: Net, x: Tensor) -> Tensor:
    x.transpose(2, 3).add_(net.conv(x).transpose(2, 3))
    return x


@case
def through_narrow(net: Net, x: Tensor) -> Tensor:
    x.narrow(1, 0, 2).mul_(net.pair(x[:, 2:]))
    return x


@case
def through_select(net: Net, x: Tensor) -> Tensor:
    x.select(1, 0).add_(net.conv(x)[:, 1])
    return x


@case
def through_t(net: Net, x: Tensor) -> Tensor:
    x[0, 0].T.add_(net.conv(x)[0, 1].T)
    return x


@case
def through_data(net: Net, x: Tensor) -> Tensor:
    x.data[:, :2] = net.pair(x[:, 2:])
    return x


@case
def through_dropout(net: Net, x: Tensor) -> Tensor:
    y = F.dropout(x, 0.5, False)
    y += net.conv(x)
    return x


@case
def relu_of_views(net: Net, x: Tensor) -> Tensor:
    F.relu(x[:, :2], inplace=True)
    torch.relu_(x[..., 0])
    return x


@case
def column_in_place(net: Net, x: Tensor) -> Tensor:
    x[..., 4] += net.conv(x)[..., 8]
    return x


# Assignments to parts


@case
def rows(net: Net, x: Tensor) -> Tensor:
    x[:, :, 2:5] = net.conv(net.conv(x))[:, :, 2:5]
    return x


@case
def padding(net: Net, x: Tensor) -> Tensor:
    y = x.new_zeros(1, CHANNELS, x.shape[2] + 2, x.shape[3] + 2)
    y[:, :, 1:-1, 1:-1] = x
    return y


@case
def every_second(net: Net, x: Tensor) -> Tensor:
    y = torch.zeros(1, CHANNELS, 2 * x.shape[2], 2 * x.shape[3])
    y[:, :, ::2, ::2] = x
    return y


@case
def four_phases(net: Net, x: Tensor) -> Tensor:
    y = torch.zeros(1, CHANNELS, 2 * x.shape[2], 2 * x.shape[3])
    y[:, :, ::2, ::2] = x
    y[..., 1::2, ::2] = net.conv(x)
    y[..., ::2, 1::2] = x
    y[..., 1::2, 1::2] = net.conv(net.conv(x))
    return y


@case
def every_third_row_in_place(net: Net, x: Tensor) -> Tensor:
    x[:, :, 1::3] = net.conv(net.conv(x))[:, :, 1::3]
    return x


@case
def inner_part(net: Net, x: Tensor) -> Tensor:
    y = net.conv(x)
    y[..., 4:-4, 4:-4] = net.conv(x[..., 4:-4, 4:-4])
    return y


@case
def zeroed_columns(net: Net, x: Tensor) -> Tensor:
    x[..., :3] = 0.0
    return x


@case
def zeroed_rectangle(net: Net, x: Tensor) -> Tensor:
    x[..., 3:6, 3:6].zero_()
    return x


@case
def row_by_row(net: Net, x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    for i in range(x.shape[2]):
        y[:, :, i] = x[:, :, i]
    return y


@case
def temporal_shift(net: Net, x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, :2, :, 1:] = x[:, :2, :, :-1]
    y[:, 2:, :, :-1] = x[:, 2:, :, 1:]
    return y


@case
def list_of_channels(net: Net, x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    y[:, [0, 1]] = net.pair(x[:, 2:])
    return y


@case
def filled_with_a_row(net: Net, x: Tensor) -> Tensor:
    y = net.conv(x)
    y[:, :, 3:5] = x[:, :, 8:9]
    return y


@case
def joined_along_an_axis(net: Net, x: Tensor) -> Tensor:
    return torch.cat([net.conv(net.conv(x))[..., :6], x[..., 6:]], 3)


def module_of(function: Function) -> nn.Module:
    """A network whose weights are all positive, so that nothing cancels."""
    net = Net(function).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in net.parameters():
        parameter.data = torch.rand(parameter.shape, generator=generator) + 0.1
    return net


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_read_is_what_nan_shows(name: str) -> None:
    net, size = module_of(FUNCTIONS[name]), (CHANNELS, SIDE, SIDE)
    field = receptive_fields(net, size)["last"]
    assert field.exact
    for unit in UNITS:
        assert field.interval(unit).clipped == poisoned_box(net, size, unit), unit


def by_extension(net: Net, x: Tensor) -> Tensor:
    y = torch.zeros_like(x)
    torch.ops.tests_of_memory.add_to(y, net.conv(x))
    return y


def by_values(net: Net, x: Tensor) -> Tensor:
    x[x > 0.5] = net.conv(x).mean()
    return x


@pytest.mark.parametrize("function", [by_extension, by_values])
def test_what_cannot_be_placed_is_a_bound(function: Function) -> None:
    net, size = module_of(function), (CHANNELS, SIDE, SIDE)
    field = receptive_fields(net, size)["last"]
    assert not field.exact
    assert field.interval((6, 6)).clipped == ((0, SIDE - 1), (0, SIDE - 1))


def test_what_an_effective_field_cannot_be_measured_at_is_said() -> None:
    net, size = module_of(FUNCTIONS["inner_part"]), (CHANNELS, SIDE, SIDE)
    with pytest.raises(SpecError, match="must be what a torch call gives"):
        effective_receptive_field(net, size, layer="setitem", draws=1)
    with pytest.raises(SpecError, match="must be what a torch call gives"):
        effective_receptive_field(module_of(pooled_twice), size, layer="relu", draws=1)
    assert effective_receptive_field(net, size, layer="last", draws=1).theory.size == (7, 7)


def pooled_twice(net: Net, x: Tensor) -> Tensor:
    return pooled(pooled(x))


def test_what_nobody_reads_is_no_node() -> None:
    def unused(net: Net, x: Tensor) -> Tensor:
        p, q = x.chunk(2, 1)
        p.add_(1)
        return torch.cat([p, q], 1)

    names = list(receptive_fields(Net(unused), (CHANNELS, SIDE, SIDE)))
    assert names == ["x", "first", "chunk", "getitem", "add", "getitem_1", "cat", "last"]
