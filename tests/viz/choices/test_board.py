"""What the pages ask of core: computed once, the same for every visitor, never mixed up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given

from core.layer.board import BoardSpec, Upload
from core.layer.fixes import unread_mask as unread_mask
from core.layer.operations import OPERATIONS
from core.layer.sizes import formula
from tests.examples import examples
from tests.viz.values import all_values, defaults
from viz.choices import board as choices_board
from viz.choices import layer
from viz.features.sweep import compute
from viz.features.sweep.params import SweepSettings
from viz.server import torch_start

LOSSY = {"stride": 3, "padding": 0, "input_height": 7, "input_width": 7}


def board(**changes: Any) -> BoardSpec:
    return layer.board_spec(defaults(**changes))


def test_the_same_question_is_computed_once() -> None:
    assert choices_board.sweep(board()) is choices_board.sweep(board())
    assert choices_board.player_data(board()) is choices_board.player_data(board())
    assert choices_board.unread(board()) is choices_board.unread(board())


@pytest.mark.parametrize(
    "change",
    [
        {"kernel": "box"},
        {"weights": "0.0.1.1:5"},
        {"pixels": "0.1.1:5"},
        {"bias": 1.0},
        {"picture": "ramp"},
        {"stride": 1},
        {"input_width": 9},
    ],
    ids=str,
)
def test_another_question_gets_another_answer(change: dict[str, Any]) -> None:
    before, after = choices_board.sweep(board()).output, choices_board.sweep(board(**change)).output
    assert before.shape != after.shape or not np.array_equal(before, after)


def test_uploads_are_told_apart() -> None:
    values = defaults(picture=layer.UPLOAD)
    pictures = [Upload(np.full((9, 9, 3), n, np.uint8), f"digest {n}") for n in (1, 2)]
    seen = [
        choices_board.sweep(layer.board_spec(values, picture)).input.max() for picture in pictures
    ]
    assert seen == [1, 2]


def test_torch_uses_one_thread() -> None:
    torch_start.warm()
    assert torch.get_num_threads() == 1


@examples(60)
@given(values=all_values())
def test_the_sentence_and_the_fixes_agree_with_the_mask(values: SweepSettings) -> None:
    values, _ = layer.make_runnable(values)
    asked = layer.board_spec(values)
    lost, mask = choices_board.unread(asked), unread_mask(asked.layer, asked.source.size)
    rows, cols = formula(asked.layer, asked.source.size)
    assert bool(lost.sentence) == bool(mask.any() or rows.remainder or cols.remainder)
    assert mask.any() == ("hatched) never count" in lost.sentence)
    assert mask.any() or not lost.fixes
    for fix in lost.fixes:
        mended = values.updated(layer.values_of(fix.spec, fix.size))
        assert layer.make_runnable(mended) == (mended, [])
        repaired = choices_board.unread(layer.board_spec(mended))
        assert "never count" not in repaired.sentence
        assert not repaired.fixes


def test_a_lossy_layer_is_offered_fixes() -> None:
    lost = choices_board.unread(board(**LOSSY))
    assert lost.sentence.startswith("No window reads the last row and the last column: 13 of")
    assert lost.fixes


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_snippet_gives_the_boards_numbers(operation: str) -> None:
    values = defaults(operation=operation, in_channels=2, out_channels=2, bias=2.0)
    values, _ = layer.make_runnable(values)
    asked = layer.board_spec(values)
    names: dict[str, Any] = {}
    exec(compute.snippet("pytorch", asked), names)
    with torch.inference_mode():
        output = names["layer"](torch.from_numpy(asked.source.pixels())[None])[0].numpy()
    assert np.array_equal(output, choices_board.sweep(asked).output)
