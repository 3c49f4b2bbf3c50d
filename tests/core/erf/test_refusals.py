"""What an effective receptive field refuses: a sentence that says what would do."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor, nn

from core.erf import effective_receptive_field
from core.erf.cli import main
from core.errors import SpecError
from tests.core.erf_oracle import stack

ASKED = {"draws": 1, "budget": 8 * 10**6}


def test_a_budget_that_is_too_small_quotes_the_callers_size_and_names_what_is_enough():
    net = stack(30, 16, between=nn.ReLU)  # of the image, 96×61 pixels are run
    with pytest.raises(SpecError, match="would fit, or take budget=") as refused:
        effective_receptive_field(net, (3, 96, 500), **ASKED)
    assert refused.value.value == (3, 96, 500)
    enough = int(re.findall(r"budget=([\d_]+)", refused.value.rule)[0])
    assert effective_receptive_field(net, (3, 96, 500), draws=1, budget=enough).total > 0


def test_what_would_fit_of_a_sequence_is_a_length():
    layers = (part for _ in range(20) for part in (nn.Conv1d(16, 16, 3, padding=1), nn.ReLU()))
    net = nn.Sequential(*layers)
    with pytest.raises(SpecError, match=r"about 1×\d+ pixels") as refused:
        effective_receptive_field(net, (16, 9000), crop=False, **ASKED)
    length = int(re.findall(r"1×(\d+) pixels", refused.value.rule)[0])
    assert effective_receptive_field(net, (16, length), crop=False, **ASKED).total > 0


def test_the_command_line_takes_a_budget(capsys: pytest.CaptureFixture[str]):
    arguments = ["tests.core.erf_oracle:stack2", "--input", "3,20,20", "--draws", "1"]
    with pytest.raises(SystemExit):
        main([*arguments, "--budget", "1e3"])
    assert "Budget is too small" in capsys.readouterr().err
    main([*arguments, "--budget", "8e9"])


class WithClassToken(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches, self.token = nn.Conv2d(1, 4, 4, 4), nn.Parameter(torch.zeros(1, 1, 4))
        self.block = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.block(torch.cat([self.token, tokens], 1))


def test_a_class_token_is_refused_with_the_layer_before_it():
    with pytest.raises(SpecError, match="class token") as refused:
        effective_receptive_field(WithClassToken(), (1, 16, 16), "block")
    before = refused.value.rule.split()[-1]
    assert effective_receptive_field(WithClassToken(), (1, 16, 16), before).grid == (4, 4)


def test_several_inputs_are_refused_with_a_way_out():
    with pytest.raises(SpecError, match="into a module of one"):
        effective_receptive_field(nn.Bilinear(2, 2, 1), ((1, 4, 4), (1, 4, 4)))  # type: ignore[arg-type]
