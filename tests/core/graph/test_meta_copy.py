"""Modules that are wrapped, exported or given otherwise than as a network, and sizes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, fx, nn

from core.errors import SpecError
from core.graph import network_graph
from core.receptive_field import receptive_fields


def small() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 5))


def test_graph_modules_are_followed_and_left_alone() -> None:
    module = fx.symbolic_trace(small())
    before = type(module).forward
    assert list(receptive_fields(module, (3, 16, 16)).values())[-1].size == (7, 7)
    assert type(module).forward is before
    assert module.graph.owning_module is module


@pytest.mark.parametrize("wrapped", [lambda net: net, nn.Sequential])
def test_compiled_modules_are_what_they_were_made_from(wrapped: Any) -> None:
    module = wrapped(torch.compile(small()))
    assert list(receptive_fields(module, (3, 16, 16)).values())[-1].size == (7, 7)


class Keyword(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, *, image: Tensor) -> Tensor:
        return self.conv(image)


def test_arguments_that_must_be_named() -> None:
    assert network_graph(Keyword(), (3, 16, 16)).inputs == ("image",)


class Constant(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(1, 3)


@pytest.mark.parametrize(
    ("module", "size", "sentence"),
    [
        (nn.ReLU, (3, 8, 8), "not its class"),
        ("resnet50", (3, 8, 8), "must be a network"),
        (None, (3, 8, 8), "must be a network"),
        (torch.jit.script(nn.ReLU()), (3, 8, 8), "TorchScript"),
        (Constant(), (3, 8, 8), "no tensor that depends on its input"),
        (small(), (1, 3, 224, 224), r"leave the batch out: \(3, 224, 224\)"),
        (small(), torch.zeros(1, 3, 8, 8), "a tensor of shape"),
        (small(), (4, 8, 8), 'in layer "0", which takes 3 channels'),
    ],
)
def test_what_cannot_be_followed_is_a_sentence(module: Any, size: Any, sentence: str) -> None:
    with pytest.raises(SpecError, match=sentence) as error:
        receptive_fields(module, size)
    assert len(str(error.value)) < 500
