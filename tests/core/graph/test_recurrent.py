"""Recurrence, running sums and masks: every unit against what poisoned inputs reach."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.graph import network_graph
from core.receptive_field import fields_of, receptive_fields
from tests.core.poisoned import check_by_gradient, check_every_unit
from tests.core.random_networks import Call
from tests.examples import examples

C, STEPS = 3, 12
CELLS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}


class Recurrent(nn.Module):
    """A convolution, a recurrence over the steps and a layer behind it."""

    def __init__(self, kind: str, tail: nn.Module, **settings: Any) -> None:
        super().__init__()
        self.first = nn.Conv1d(C, C, 3, padding=1)
        self.cells = CELLS[kind](C, C, batch_first=True, **settings)
        self.tail = tail

    def forward(self, x: Tensor) -> Tensor:
        return self.tail(self.cells(self.first(x).mT)[0].mT)


class Rows(nn.Module):
    """A recurrence along every row of an image."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.cells = nn.LSTM(C, C, batch_first=True, **settings)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        out = self.cells(x.permute(0, 2, 3, 1).reshape(n * h, w, c))[0]
        return out.reshape(n, h, w, -1).permute(0, 3, 1, 2)


class Backwards(nn.Module):
    """Flipped, run through and flipped back: every later step."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.GRU(C, C)

    def forward(self, x: Tensor) -> Tensor:
        return self.cells(x.permute(2, 0, 1).flip(0))[0].flip(0).permute(1, 2, 0)


def conv(x: Tensor) -> Tensor:
    return F.conv1d(x, torch.full((C, x.shape[1], 3), 0.1, dtype=x.dtype), padding=1)


def attend(x: Tensor, **settings: Any) -> Tensor:
    return F.scaled_dot_product_attention(x.mT, x.mT, x.mT, **settings).mT


def band(width: int) -> Tensor:
    places = torch.arange(STEPS)
    return (places[:, None] - places).abs() <= width


class Masked(nn.Module):
    """Attention over tokens with a mask in a buffer; true hides a key."""

    def __init__(self, hidden: Tensor) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(4, 2, batch_first=True)
        self.first = nn.Conv1d(C, 4, 3, padding=1)
        self.register_buffer("hidden", hidden)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.first(x).mT
        return self.attention(tokens, tokens, tokens, attn_mask=self.hidden)[0].mT


UNITS: dict[str, nn.Module] = {
    **{kind: Recurrent(kind, nn.Identity()) for kind in CELLS},
    "relu": Recurrent("rnn", nn.ReLU(), nonlinearity="relu"),
    "two layers, conv behind": Recurrent("lstm", nn.Conv1d(C, C, 3, padding=1), num_layers=2),
    "pooled behind": Recurrent("gru", nn.AvgPool1d(3, 2)),
    "both directions": Recurrent("lstm", nn.Conv1d(2 * C, C, 3), bidirectional=True),
    "strided before": nn.Sequential(
        nn.Conv1d(C, C, 4, 2, 1), Recurrent("rnn", nn.ConvTranspose1d(C, C, 4, 2, 1))
    ),
    "upsampled before": nn.Sequential(nn.Upsample(scale_factor=2), Recurrent("gru", nn.ReLU())),
    "later steps": Backwards(),
    "later steps, conv": nn.Sequential(nn.Conv1d(C, C, 3, padding=1), Backwards()),
    "earlier, then later steps": nn.Sequential(Recurrent("gru", nn.ReLU()), Backwards()),
    "cumsum": Call(lambda x: conv(conv(x).cumsum(2)), "cumsum"),
    "cumprod": Call(lambda x: conv(x).cumprod(-1), "cumprod"),
    "cummax": Call(lambda x: conv(x).cummax(2)[0], "cummax"),
    "logcumsumexp": Call(lambda x: conv(x).logcumsumexp(2), "logcumsumexp"),
    "cumsum over channels": Call(lambda x: conv(x).cumsum(1), "channels"),
    "residual": Call(lambda x: conv(x) + conv(x).cumsum(2), "residual"),
    "later sums": Call(lambda x: x.flip(2).cumsum(2).flip(2), "later"),
    "sums in blocks": Call(lambda x: conv(x.view(1, C, 4, 3).cumsum(3).flatten(2)), "blocks"),
    "sums over blocks": Call(lambda x: conv(x.view(1, C, 4, 3).cumsum(2).flatten(2)), "blocks"),
}
MASKED: dict[str, nn.Module] = {
    "causal attention": Call(lambda x: conv(attend(conv(x), is_causal=True)), "causal"),
    "causal attention in blocks": Call(
        lambda x: (
            attend(x.view(C, 3, 4).transpose(0, 1), is_causal=True)
            .transpose(0, 1)[None]
            .reshape(1, C, 12)
        ),
        "causal blocks",
    ),
    "band": Call(lambda x: attend(conv(x), attn_mask=band(2)), "band"),
    "triangle of numbers": Call(
        lambda x: attend(x, attn_mask=torch.full((STEPS, STEPS), -torch.inf).triu(1).to(x)),
        "triangle",
    ),
    "multi-head, causal": Masked(~torch.ones(STEPS, STEPS).tril().bool()),
    "multi-head, band": Masked(~band(1)),
}


@pytest.mark.parametrize("name", MASKED)
def test_every_unit_behind_a_mask(name: str):
    check_by_gradient(MASKED[name], (C, STEPS))


@pytest.mark.parametrize("name", UNITS)
def test_every_unit_of_a_sequence(name: str):
    check_every_unit(UNITS[name], (C, STEPS))


IMAGES: dict[str, nn.Module] = {
    "rows": Rows(),
    "rows, both directions": Rows(bidirectional=True),
    "conv, rows, conv": nn.Sequential(
        nn.Conv2d(C, C, 3, padding=1), Rows(), nn.Conv2d(C, C, 3, padding=1)
    ),
    "sums down the columns": Call(lambda x: x.cumsum(2), "columns"),
    "an integral image": Call(lambda x: x.cumsum(2).cumsum(3), "integral"),
}


@pytest.mark.parametrize("name", IMAGES)
def test_every_unit_of_an_image(name: str):
    check_every_unit(IMAGES[name], (C, 6, 5))


def test_the_numbers_and_words_of_a_recurrence():
    field = list(receptive_fields(Recurrent("lstm", nn.ReLU()), (C, 16)).values())[-1]
    assert field.interval(8) == (((0, 0), (0, 9)), ((0, 0), (0, 9)))
    assert (field.effective_stride[1], field.size[1], field.grid) == (1, 17, (1, 16))
    assert "sees every earlier step: lstm" in field.note
    rows = list(receptive_fields(Rows(), (C, 8, 8)).values())[-1]
    assert rows.interval((4, 4)).clipped == ((4, 4), (0, 4))
    assert rows.effective_stride == (1, 1)


class States(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cells = nn.LSTM(C, C)

    def forward(self, x: Tensor) -> Tensor:
        out, (hidden, _) = self.cells(x.permute(2, 0, 1))
        return out + hidden


def test_the_state_returned_has_seen_all_steps():
    fields = receptive_fields(States(), (C, 9))
    last = list(fields.values())[-1]
    assert (last.size[1], last.grid, last.exact) == (9, (1, 9), True)


class Loop(nn.Module):
    """A cell called step by step, whose last state is returned."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.cell, self.steps = nn.GRUCell(C, C), steps

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(1, C, dtype=x.dtype)
        for step in range(self.steps):
            state = self.cell(x[..., step], state)
        return state[..., None]


def test_a_cell_in_a_loop_has_seen_the_steps_it_was_given():
    field = list(receptive_fields(Loop(5), (C, 9)).values())[-1]
    assert field.exact
    assert field.interval(0).clipped == ((0, 0), (0, 4))


LAYERS: dict[str, Callable[[Tensor], Tensor]] = {
    "conv": conv,
    "earlier": lambda x: x.cumsum(2),
    "later": lambda x: x.flip(2).cumsum(2).flip(2),
    "flip": lambda x: x.flip(2),
    "pool": lambda x: F.avg_pool1d(x, 2),
    "up": lambda x: F.interpolate(x, scale_factor=2),
    "shift": lambda x: F.pad(x, (2, -2)),
    "skip": lambda x: x + x.cumsum(2),
    "thin": lambda x: x[..., ::2],
}


@examples(60, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=4))
def test_random_chains_equal_what_poison_reaches(names: list[str]):
    def run(x: Tensor) -> Tensor:
        for name in names:
            x = LAYERS[name](x)
        return x

    check_every_unit(Call(run, " ".join(names)), (C, 16))


def test_the_cone_of_a_recurrence_holds_every_earlier_step():
    graph = network_graph(Recurrent("gru", nn.ReLU()), (C, STEPS))
    field = list(fields_of(graph).values())[-1]
    image = graph.inputs[0]
    for unit in range(STEPS):
        assert field.ancestors(unit)[image].cols == (0, min(STEPS - 1, unit + 1))
    heirs = fields_of(graph)[image].descendants(5)
    assert heirs[field.name].cols == (4, STEPS - 1)
    data = next(node for node in graph.as_data() if node["operation"] == "gru")
    assert data["maps"][0][1]["causal"]
    assert np.array_equal(graph[data["name"]].maps[0][1].table()[3][:5], [0, 1, 2, 3, STEPS])
