"""The first picture, before torch is imported, and what follows when it is."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.layer.operations import OPERATIONS
from tests.viz.components.test_player import decoded
from tests.viz.values import defaults
from viz.choices import board as choices_board
from viz.choices import layer
from viz.server import torch_start

ROOT = Path(__file__).resolve().parents[4]
VISIT_WITHOUT_TORCH = """
import json, sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == "torch":
            raise ImportError("torch is blocked")
sys.meta_path.insert(0, Blocker())
from streamlit.testing.v1 import AppTest
main, *operations = sys.argv[1:]
for operation in operations:
    at = AppTest.from_file(main, default_timeout=60)
    at.query_params["operation"] = operation
    at.run()
    assert not at.exception, at.exception[0].value
    print(*(each.proto.json for each in at.get("bidi_component") if "boards" in each.proto.json))
"""


def board_of(operation: str) -> Any:
    values, _ = layer.make_runnable(defaults(operation=operation))
    return layer.board_spec(values)


def test_the_page_needs_no_torch() -> None:
    """Every operation is drawn with its values where torch cannot be imported."""
    main = str(ROOT / "viz" / "shell" / "main.py")
    command = [sys.executable, "-c", VISIT_WITHOUT_TORCH, main, *OPERATIONS]
    run = subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=ROOT)
    assert run.returncode == 0, run.stderr
    for operation, line in zip(OPERATIONS, run.stdout.splitlines(), strict=True):
        data = json.loads(line)
        [shown], [size] = data["boards"], data["frame"]["sizes"]
        assert not shown["by_torch"]
        assert (size["agrees"], size["verdict"]) == (None, "torch is loading")
        expected = board_of(operation).run()
        np.testing.assert_allclose(decoded(shown["output"]), expected.output, rtol=1e-5, atol=1e-3)


def test_torch_replaces_the_values_and_gives_its_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    board = board_of("convolution")
    with monkeypatch.context() as patch:
        patch.setattr(choices_board, "is_warm", lambda: False)
        assert not choices_board.player_data(board)["by_torch"]
        assert choices_board.size_line_data(board)["agrees"] is None
    torch_start.warm()
    data = choices_board.player_data(board)
    assert data["by_torch"]
    assert np.array_equal(decoded(data["output"]), board.run().output)
    assert choices_board.size_line_data(board)["verdict"] == "torch gives 4×4 ✓"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_difference_is_told(operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch_start.warm()
    board = board_of(operation)
    result = board.run()
    size = (result.output.shape[1], result.output.shape[2])
    verdict = choices_board._verdict.__wrapped__
    right = choices_board._sweep_in_numpy(board)
    output = right.output.copy()
    output[0, -1, -1] += 1
    agrees, clause = verdict(board, size)
    assert agrees
    assert clause.endswith("✓")
    agrees, clause = verdict(board, (size[0] + 1, size[1]))
    assert not agrees
    assert clause.endswith("it differs from the formula")
    wrong = replace(right, output=output)
    monkeypatch.setattr(choices_board, "_sweep_in_numpy", lambda board: wrong)
    agrees, clause = verdict(board, size)
    assert not agrees
    assert clause.endswith("but other values than NumPy")


def page() -> None:
    from viz.page import frame

    frame.draw_again_with_torch()


def test_the_import_does_not_begin_while_the_page_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    monkeypatch.setattr(torch_start, "is_warm", lambda: False)
    monkeypatch.setattr(torch_start, "warm_in_background", lambda: begun.append(True))
    assert not AppTest.from_function(page).run().exception
    assert not begun
