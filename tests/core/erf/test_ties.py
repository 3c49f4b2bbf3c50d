"""The gradient of a maximum goes in equal shares to all that tie for it within rounding."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.erf import effective_receptive_field
from core.graph.ties import share_ties
from tests.core.tied_pools import tied

EPS = torch.finfo(torch.float32).eps


def gradient(call: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Of the sum of squares of a call's result, by torch; the calls have positive results."""
    leaf = x.clone().requires_grad_()
    call(leaf).square().sum().backward()
    assert leaf.grad is not None
    return leaf.grad


def pooled(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    out: torch.Tensor = share_ties(
        "max_pool2d", (x, *args), kwargs, F.max_pool2d(x, *args, **kwargs)
    )
    return out


POOLS: list[tuple[int, int, int, int, bool]] = [
    *((2, 2, 0, 1, False), (3, 2, 1, 1, False), (3, 1, 1, 2, False), (2, 2, 0, 1, True)),
    (3, 3, 1, 1, True),
]


@pytest.mark.parametrize("pool", POOLS, ids=str)
@pytest.mark.parametrize("flat", ["all", "half", "few", "none"])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_every_window_shares_among_those_that_tie(
    pool: tuple[int, int, int, int, bool], flat: str, order: torch.memory_format
) -> None:
    k, s, p, d, ceil = pool
    x = torch.rand(2, 3, 9, 11, generator=torch.Generator().manual_seed(0)) + 1
    noise = EPS * torch.randint(-2, 3, x.shape, generator=torch.Generator().manual_seed(1))
    background = torch.zeros_like(x, dtype=torch.bool)
    if flat == "half":
        background[:, :, :, 5:] = True
    elif flat != "none":
        background[:, :, :: 1 if flat == "all" else 8] = True
    x = torch.where(background, 3 + noise, x).to(memory_format=order)
    expected = gradient(lambda v: tied(v.double(), (k, s, p, d, ceil)), x)
    found = gradient(lambda v: pooled(v, k, s, p, d, ceil), x)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "name, call, of",
    [
        ("amax", lambda x: x.amax((2, 3)), lambda x: x.flatten(2)),
        ("amax", lambda x: torch.amax(x, 1, keepdim=True), lambda x: x.movedim(1, -1)),
        ("max", lambda x: x.max(2), lambda x: x.movedim(2, -1)),
        ("max", lambda x: x.max(), lambda x: x.flatten()[None]),
        ("adaptive_max_pool2d", lambda x: F.adaptive_max_pool2d(x, 1), lambda x: x.flatten(2)),
        ("max_pool1d", lambda x: F.max_pool1d(x[0], 5), None),
    ],
)
def test_relatives_of_pooling_share_too(name: str, call: Any, of: Any) -> None:
    base = torch.full((2, 3, 5, 5), 2.0)
    x = base + EPS * torch.randint(-2, 3, base.shape, generator=torch.Generator().manual_seed(2))
    leaf = x.clone().requires_grad_()
    out = call(leaf)
    with torch.no_grad():
        args = {"max_pool1d": (leaf[0], 5), "adaptive_max_pool2d": (leaf, 1)}
    if name == "max_pool1d":
        rows = leaf[0]
        out = F.max_pool1d(rows, 5)
        values = share_ties(name, (rows, 5), {}, out)
    else:
        given = args.get(name) or _given(call, leaf)
        values = share_ties(name, given, {}, out)
    values = values[0] if isinstance(values, tuple) else values
    values.sum().backward()
    assert leaf.grad is not None
    got = leaf.grad[0] if name == "max_pool1d" else leaf.grad
    group = 5 if of is None else of(x).shape[-1]
    torch.testing.assert_close(got, torch.full_like(got, 1 / group))


def _given(call: Any, leaf: torch.Tensor) -> tuple[Any, ...]:
    """The arguments that a call hands to torch."""
    seen: list[tuple[Any, ...]] = []

    class Listening(torch.overrides.TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            seen.append((*args, *(kwargs or {}).values()))
            return func(*args, **(kwargs or {}))

    with torch.no_grad(), Listening():
        call(leaf)
    return seen[0]


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_two_tensors_share_too(name: str) -> None:
    one = torch.full((1, 2, 3, 3), 2.0, requires_grad=True)
    other = (one.detach()[:, :1] * (1 + EPS)).requires_grad_()
    share_ties(name, (one, other), {}, getattr(torch, name)(one, other)).sum().backward()
    assert one.grad is not None
    assert other.grad is not None
    torch.testing.assert_close(one.grad, torch.full_like(one, 0.5))
    torch.testing.assert_close(other.grad, torch.full_like(other, 1.0))  # of two channels


def test_results_keep_their_kind() -> None:
    x = torch.rand(1, 2, 6, 6, requires_grad=True)
    named = share_ties("max", (x, 1), {}, x.max(1))
    assert torch.equal(named.values, x.max(1).values)
    assert torch.equal(named.indices, x.max(1).indices)
    pair = share_ties(
        "max_pool2d_with_indices", (x, 2), {}, F.max_pool2d(x, 2, return_indices=True)
    )
    assert isinstance(pair, tuple)
    assert pair[0].requires_grad
    assert share_ties("relu", (x,), {}, x) is x


def test_what_padding_with_minus_infinity_brings_does_not_tie() -> None:
    x = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0)) + 1
    expected = gradient(lambda v: F.max_pool2d(v, 3, 1, 1), x)
    found = gradient(lambda v: pooled(F.pad(v, (1,) * 4, value=float("-inf")), 3, 1), x)
    torch.testing.assert_close(found, expected)


class Noisy(nn.Module):
    """Adds what rounding on another processor would."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.seed = seed

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(self.seed)
        signs = torch.randint(-2, 3, x.shape[1:], generator=generator).to(x)
        return x * (1 + EPS * signs)


def test_a_field_over_a_flat_background_does_not_hang_on_rounding() -> None:
    image = torch.zeros(1, 28, 28)
    image[:, 10:18, 12:16] = torch.rand(8, 4, generator=torch.Generator().manual_seed(3))
    torch_net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.Tanh(), nn.MaxPool2d(2), nn.Conv2d(4, 4, 3, padding=1)
    )
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for parameter in torch_net.parameters():
            parameter.normal_(0, 0.5, generator=generator)
    maps = []
    for seed in range(3):
        conv, tanh, pool, last = torch_net
        net = nn.Sequential(conv, tanh, Noisy(seed), pool, last)
        found = effective_receptive_field(net, (1, 28, 28), "4", draws=1, inputs=image)
        assert "ties of maxima within rounding shared equally" in str(found.recipe)
        maps.append(found.map)
    np.testing.assert_allclose(maps[1], maps[0], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(maps[2], maps[0], rtol=1e-3, atol=1e-6)


def test_the_recipe_of_a_network_without_maxima_does_not_speak_of_ties() -> None:
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.ReLU())
    found = effective_receptive_field(net, (1, 9, 9), "0", draws=1, weights="uniform")
    assert "ties" not in str(found.recipe)


def test_chunks_change_no_bit() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.MaxPool2d(3, 2, 1), nn.Conv2d(2, 2, 3))
    flat, rough = torch.zeros(1, 20, 20), torch.rand(1, 20, 20)
    x = torch.stack([flat, rough])
    layers = list(net)

    def found(x: torch.Tensor) -> torch.Tensor:
        leaf = x.clone().requires_grad_()
        layers[2](pooled(layers[0](leaf), 3, 2, 1))[..., 4, 4].sum().backward()
        assert leaf.grad is not None
        return leaf.grad

    with torch.no_grad():
        layers[0].weight.fill_(0.25)
    both, alone = found(x), found(x[1:])
    torch.testing.assert_close(both[1:], alone, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("shape, out", [((7, 9), (3, 4)), ((6, 6), (6, 2))])
def test_adaptive_windows_share_among_those_that_tie(
    shape: tuple[int, int], out: tuple[int, int]
) -> None:
    x = torch.full((1, 1, *shape), 2.0, requires_grad=True)
    share_ties("adaptive_max_pool2d", (x, out), {}, F.adaptive_max_pool2d(x, out)).sum().backward()
    expected = torch.zeros(1, 1, *shape)
    for i, j in product(range(out[0]), range(out[1])):
        rows = slice(i * shape[0] // out[0], -(-(i + 1) * shape[0] // out[0]))
        cols = slice(j * shape[1] // out[1], -(-(j + 1) * shape[1] // out[1]))
        part = expected[:, :, rows, cols]
        part += 1 / part.numel()
    assert x.grad is not None
    torch.testing.assert_close(x.grad, expected)
