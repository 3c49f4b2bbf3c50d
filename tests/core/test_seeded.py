"""Random numbers that one seed decides."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from core.errors import SpecError
from core.seeded import seeded


def drawn() -> list[torch.Tensor]:
    """What torch can draw, by every kind of its operations."""
    ones, zeros = torch.ones(4), torch.zeros(4)
    return [
        *(torch.rand(3), torch.randn(3), torch.randint(9, (3,)), torch.randint(2, 9, (3,))),
        *(torch.rand_like(ones), torch.randn_like(ones), torch.randint_like(ones, 9)),
        *(torch.randperm(9), torch.bernoulli(ones / 2), torch.poisson(ones), ones.multinomial(2)),
        *(torch.normal(0.0, 1.0, (3,)), torch.normal(zeros, 1.0), torch.normal(zeros, ones)),
        *(torch.empty(20).normal_(), torch.empty(20).uniform_(), torch.empty(3).exponential_()),
        *(torch.empty(3).cauchy_(), torch.empty(3).log_normal_(), torch.empty(3).geometric_(0.5)),
        *(torch.empty(3).random_(9), torch.randn(20, dtype=torch.complex64)),
        *(
            F.dropout(ones),
            F.dropout2d(ones[None, :, None, None]),
            F.alpha_dropout(ones, 0.5, True),
        ),
        *(F.rrelu(-ones, training=True), F.gumbel_softmax(ones)),
        F.fractional_max_pool2d(torch.rand(1, 1, 8, 8), 2, output_ratio=(0.5, 0.5)),
        torch.distributions.Gamma(ones, 1.0).sample(),
    ]


def test_the_numbers_are_those_after_manual_seed() -> None:
    torch.manual_seed(5)
    expected = drawn()
    torch.manual_seed(6)
    before = torch.get_rng_state()
    with seeded(5):
        found = drawn()
    assert torch.equal(torch.get_rng_state(), before)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_a_generator_that_is_handed_over_stays_in_use() -> None:
    expected = torch.rand(3, generator=torch.Generator().manual_seed(1))
    with seeded(2):
        found = torch.rand(3, generator=torch.Generator().manual_seed(1))
    assert torch.equal(found, expected)


def test_nothing_is_drawn_without_data() -> None:
    with seeded(0):
        nn.Conv2d(2, 3, 3, device="meta")
        found = torch.rand(3)
    with seeded(0):
        assert torch.equal(torch.rand(3), found)


def test_blocks_within_blocks_have_each_their_own() -> None:
    with seeded(1):
        first = torch.rand(2)
        with seeded(1):
            again = torch.rand(2)
        then = torch.rand(2)
    with seeded(1):
        assert torch.equal(torch.rand(4), torch.cat([first, then]))
    assert torch.equal(first, again)


@pytest.mark.parametrize("seed", [-1, 2**63, 1.5, "1"])
def test_what_is_no_seed_is_refused(seed: int) -> None:
    with pytest.raises(SpecError, match="seed"), seeded(seed):
        pass
