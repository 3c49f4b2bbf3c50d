"""Tensors whose channels read different places: parts of them, against poisoned inputs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.receptive_field import receptive_fields
from tests.core.poisoned import check_every_unit
from tests.examples import examples

CHANNELS, SIDE = 6, 7
SIZE = (2, SIDE, SIDE)


class Joined(nn.Module):
    """Convolutions of several sizes, joined along channels, and what is done with that."""

    def __init__(self, kernels: tuple[int, ...], then: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        widths = [CHANNELS // len(kernels)] * len(kernels)
        self.branches = nn.ModuleList(
            nn.Conv2d(SIZE[0], width, kernel, padding=kernel // 2)
            for width, kernel in zip(widths, kernels, strict=True)
        )
        self.then = then

    def forward(self, x: Tensor) -> Tensor:
        return self.then(torch.cat([branch(x) for branch in self.branches], 1)) + 0


PARTS: dict[str, Callable[[Tensor], Tensor]] = {
    "one part": lambda y: y[:, 2:4],
    "a piece of one part": lambda y: y[:, 4:5],
    "two parts": lambda y: y[:, 1:3],
    "all parts": lambda y: y[:, 1:6],
    "every other": lambda y: y[:, ::2],
    "chunk": lambda y: y.chunk(3, 1)[1],
    "split": lambda y: y.split([1, 5], 1)[0],
    "unbind": lambda y: y.unbind(1)[5],
    "select": lambda y: y.select(1, 2),
    "narrow": lambda y: y.narrow(1, 0, 2),
    "channels and columns": lambda y: y[:, 2:4, :, 1:5],
    "columns": lambda y: y[..., 1:5],
    "part of a part": lambda y: y[:, 2:][:, :2],
    "one part overwritten": lambda y: overwritten(y),
    "after relu": lambda y: torch.relu(y)[:, :2],
    "after two functions": lambda y: F.silu(torch.relu_(y)).chunk(3, 1)[1],
    "after softmax over channels": lambda y: torch.softmax(y, 1),
    "gated by all of the image": lambda y: (y * y.mean((2, 3), keepdim=True))[:, :2],
    "after a permutation": lambda y: y.permute(0, 2, 3, 1)[..., :2].permute(0, 3, 1, 2),
    "after a transposition": lambda y: y.transpose(1, 3)[..., 2:4].transpose(1, 3),
    "parts joined again": lambda y: torch.cat([y[:, 4:], y[:, :2]], 1)[:, 2:],
}


def overwritten(y: Tensor) -> Tensor:
    y[:, 4:] = F.max_pool2d(y[:, :2], 3, 1, 1)
    return y


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_joined_channels_reads_what_it_shows(name: str) -> None:
    check_every_unit(Joined((1, 3, 5), PARTS[name]), SIZE)


@examples(25)
@given(st.data())
def test_any_slice_of_joined_channels(data: st.DataObject) -> None:
    kernels = data.draw(st.permutations([1, 3, 5]).map(tuple))
    start = data.draw(st.integers(0, CHANNELS - 1))
    stop = data.draw(st.integers(start + 1, CHANNELS))
    step = data.draw(st.integers(1, 3))
    check_every_unit(Joined(kernels, lambda y: y[:, start:stop:step]), SIZE)


def test_channels_that_read_the_same_are_all_alike() -> None:
    net = Joined((3, 3, 3), lambda y: torch.relu(y)[:, :3])
    check_every_unit(net, SIZE)


@pytest.mark.parametrize("between", [lambda y: F.max_pool2d(y, 3, 1, 1), lambda y: y * 2 + y])
def test_a_part_after_another_operation_is_a_bound(between: Callable[[Tensor], Tensor]) -> None:
    net = Joined((1, 3, 5), lambda y: between(y)[:, :2])
    whole = Joined((1, 3, 5), between)
    (*_, part), (*_, all_of_it) = (receptive_fields(n, SIZE).values() for n in (net, whole))
    assert "channels read different places" in part.bound
    assert part.size == all_of_it.size
    assert all_of_it.exact
