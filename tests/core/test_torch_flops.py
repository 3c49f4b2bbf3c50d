"""The count is torch's, and other threads do not notice it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from core.torch_flops import FlopCounter

NETWORK = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3, stride=2))


def gradient() -> torch.Tensor:
    """Of one output to the image, by backpropagation."""
    image = torch.randn(1, 3, 12, 12, requires_grad=True)
    (found,) = torch.autograd.grad(NETWORK(image)[0, 0, 1, 1], [image])
    return found


def test_it_counts_what_torch_counts() -> None:
    image = torch.randn(2, 3, 12, 12)
    with FlopCounterMode(display=False) as theirs:
        NETWORK(image)
    with FlopCounter() as ours:
        NETWORK(image)
    assert ours.get_total_flops() == theirs.get_total_flops() > 0


def test_another_thread_can_go_backward_meanwhile() -> None:
    with ThreadPoolExecutor(1) as pool, FlopCounter() as counter:
        assert pool.submit(gradient).result().shape == (1, 3, 12, 12)
    assert counter.get_total_flops() == 0, "that was another thread"


def test_with_torchs_own_it_cannot() -> None:
    with ThreadPoolExecutor(1) as pool, FlopCounterMode(display=False):
        with pytest.raises(RuntimeError, match="leaf node"):
            pool.submit(gradient).result()
