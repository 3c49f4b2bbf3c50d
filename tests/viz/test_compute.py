"""What the pages ask of core: computed once, the same for every visitor, never mixed up."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from core.board import BoardSpec, Upload
from core.fixes import unread as unread_mask
from core.operations import OPERATIONS
from core.sizes import formula
from tests.viz.values import all_values, defaults
from viz import compute, state

LOSSY = {"stride": 3, "padding": 0, "input_height": 7, "input_width": 7}


def board(**changes: Any) -> BoardSpec:
    return state.board(defaults(**changes))


def test_the_same_question_is_computed_once() -> None:
    assert compute.sweep(board()) is compute.sweep(board())
    assert compute.payload(board()) is compute.payload(board())
    assert compute.unread(board()) is compute.unread(board())


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
    before, after = compute.sweep(board()).output, compute.sweep(board(**change)).output
    assert before.shape != after.shape or not np.array_equal(before, after)


def test_uploads_are_told_apart() -> None:
    values = defaults(picture=state.UPLOAD)
    pictures = [Upload(np.full((9, 9, 3), n, np.uint8), f"digest {n}") for n in (1, 2)]
    seen = [compute.sweep(state.board(values, picture)).input.max() for picture in pictures]
    assert seen == [1, 2]


def test_torch_uses_one_thread() -> None:
    compute.warm()
    assert torch.get_num_threads() == 1


@settings(max_examples=60)
@given(values=all_values())
def test_the_sentence_and_the_fixes_agree_with_the_mask(values: dict[str, Any]) -> None:
    state.settle(values)
    asked = state.board(values)
    lost, mask = compute.unread(asked), unread_mask(asked.layer, asked.source.size)
    rows, cols = formula(asked.layer, asked.source.size)
    assert bool(lost.sentence) == bool(mask.any() or rows.remainder or cols.remainder)
    assert mask.any() == ("hatched) never count" in lost.sentence)
    assert mask.any() or not lost.fixes
    for fix in lost.fixes:
        mended = values | state.values_of(fix.spec, fix.size)
        assert state.settle(mended) == []
        repaired = compute.unread(state.board(mended))
        assert "never count" not in repaired.sentence
        assert not repaired.fixes


def test_a_lossy_layer_is_offered_fixes() -> None:
    lost = compute.unread(board(**LOSSY))
    assert lost.sentence.startswith("No window reads the last row and the last column: 13 of")
    assert lost.fixes


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_snippet_gives_the_boards_numbers(operation: str) -> None:
    values = defaults(operation=operation, in_channels=2, out_channels=2, bias=2.0)
    state.settle(values)
    asked = state.board(values)
    names: dict[str, Any] = {}
    exec(compute.snippet("pytorch", asked), names)
    with torch.inference_mode():
        output = names["layer"](torch.from_numpy(asked.source.pixels())[None])[0].numpy()
    assert np.array_equal(output, compute.sweep(asked).output)
