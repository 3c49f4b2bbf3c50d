"""What the layer table is sent."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.networks.notation import parse_notation
from viz.components.layer_table import layer_table as mount
from viz.components.layer_table.edits import MENU, SUGGESTIONS, table_rows

APP = Path(__file__).resolve().parents[2] / "browser" / "layer_table_app.py"


def sent(at: AppTest) -> dict[str, Any]:
    at.run()
    assert not at.exception, at.exception[0].value
    return json.loads(at.get("bidi_component")[0].proto.json)


def test_the_table_is_sent_the_rows_and_what_it_offers() -> None:
    at = AppTest.from_file(str(APP), default_timeout=60)
    at.query_params["net"] = "conv3 p1, 2x[relu]"
    data = sent(at)
    columns = {(0,): ("conv", "0"), (1,): ("repeat", "0"), (1, 0, 0): ("relu", "1")}
    assert data["rows"] == table_rows(parse_notation("conv3 p1, 2x[relu]"), columns)
    assert [column["title"] for column in data["columns"]] == ["kind", "depth"]
    assert (tuple(data["menu"]), tuple(data["suggestions"])) == (MENU, SUGGESTIONS)
    assert [data[name] for name in ("error", "selected", "answered")] == [None] * 3
    assert (data["undo"], data["redo"]) == (False, False)


def test_the_table_is_sent_what_was_refused_and_what_can_be_undone() -> None:
    at = AppTest.from_file(str(APP), default_timeout=60)
    sent(at)
    fault = {"path": [0], "sentence": "no", "text": "conv0"}
    history = at.session_state["history"]
    at.session_state["history"] = history.after_change(parse_notation("relu"))
    at.session_state["fault"] = fault
    at.session_state["selected"] = [0]
    data = sent(at)
    assert (data["error"], data["selected"]) == (fault, [0])
    assert (data["undo"], data["redo"]) == (True, False)


@pytest.mark.parametrize(
    "state, number",
    [
        (None, None),
        ({}, None),
        ({"edit": None, "select": None}, None),
        ({"edit": {"n": 7}}, 7),
        ({"edit": None, "select": {"n": 8, "path": [0]}}, 8),
        ({"edit": {"n": "7"}}, None),
        ({"edit": {"n": True}}, None),
        ({"edit": {"n": 10**400}}, None),
        ({"edit": [7]}, None),
        ("n", None),
    ],
)
def test_the_number_of_the_message_that_is_answered(monkeypatch, state, number) -> None:
    session = {"table": state}
    monkeypatch.setattr(mount, "st", SimpleNamespace(session_state=session))
    assert mount._last_answered("table") == number
    session["table"] = None  # a run without a message
    assert mount._last_answered("table") == number
