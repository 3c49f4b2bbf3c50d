"""Checkpointed blocks are called once while a run is listened to, and as ever elsewhere."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

from core.erf.engine import effective_receptive_field
from core.graph.tracing.checkpoints import plain_checkpoints
from core.receptive_field import receptive_fields
from core.receptive_field.measured import measure_receptive_field

WAYS = pytest.mark.parametrize("reentrant", [False, True])


class Checkpointed(nn.Module):
    """Two convolutions of 3×3 that are run again in a backward pass, and one that is not."""

    def __init__(self, reentrant: bool) -> None:
        super().__init__()
        self.reentrant = reentrant
        self.a = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1))
        self.b = nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(checkpoint(self.a, x, use_reentrant=self.reentrant))


class InPieces(Checkpointed):
    """The same through `checkpoint_sequential`, and inside another checkpoint."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        def inner(x: torch.Tensor) -> torch.Tensor:
            return checkpoint_sequential(self.a, 2, x, use_reentrant=self.reentrant)

        return self.b(checkpoint(inner, x, use_reentrant=self.reentrant))


@WAYS
@pytest.mark.parametrize("net", [Checkpointed, InPieces])
def test_every_way_of_following_runs_a_checkpointed_block_once(net: Any, reentrant: bool) -> None:
    module = net(reentrant)
    assert receptive_fields(module, (1, 24, 24))["b"].size == (7, 7)
    assert measure_receptive_field(module, (1, 24, 24), "b").size == (7, 7)
    assert measure_receptive_field(module, (1, 24, 24), "a.0").size == (3, 3)
    erf = effective_receptive_field(module, (1, 24, 24), layer="b", draws=1)
    rows, cols = erf.map.nonzero()
    assert (rows.max() - rows.min(), cols.max() - cols.min()) == (6, 6)


@WAYS
def test_another_thread_still_checkpoints(reentrant: bool) -> None:
    calls: list[str] = []

    def block(x: torch.Tensor) -> torch.Tensor:
        calls.append(threading.current_thread().name)
        return x.relu()

    def train() -> None:
        x = torch.ones(2, requires_grad=True)
        checkpoint(block, x, use_reentrant=reentrant).sum().backward()

    with plain_checkpoints():
        other = threading.Thread(target=train, name="other")
        other.start()
        other.join()
        train()
    assert calls == ["other", "other", threading.current_thread().name]


@WAYS
def test_afterwards_everything_is_as_before(reentrant: bool) -> None:
    names = ("CheckpointFunction", "_checkpoint_without_reentrant_generator")
    module = torch.utils.checkpoint
    before = [getattr(module, name) for name in names]
    with pytest.raises(ZeroDivisionError), plain_checkpoints(), plain_checkpoints():
        checkpoint(lambda x: x / 0, 1, use_reentrant=reentrant)
    assert [getattr(module, name) for name in names] == before
