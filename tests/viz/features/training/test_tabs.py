"""The tabs of the training lab: what is made of its runs."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from core.training.text import to_text
from tests.viz.features.training.training_visit import (
    READY,
    RECORDS,
    Server,
    again,
    asked,
    chart,
    charts,
    lines,
    plot_text,
    press,
    tiny,
    trained,
    until,
    until_done,
    visit,
)
from tests.viz.visit import components_of, link_of, text_of
from viz.choices import layer
from viz.features.sweep.params import SweepSettings
from viz.features.training import compute, files_tab, nets
from viz.features.training.params import TABS


@pytest.fixture
def server(monkeypatch: Any) -> Server:
    """Trains at once."""
    return Server(monkeypatch, held=False)


@pytest.fixture
def held(monkeypatch: Any) -> Server:
    """Makes a record when it is let."""
    return Server(monkeypatch, held=True)


KEYS = {
    "curves": {
        "training_test_accuracy",
        "training_loss",
        "training_train_accuracy",
        "training_accuracy",
    },
    "flow": {"training_gradient", "training_update", "training_dead"},
    "shifts": {"training_shifts"},
    "erf": {"training_erf", "training_sigma", "training_film"},
    "kernels": {"training_kernels"},
    "click": {"training_digit"},
    "files": set(),
}


@pytest.mark.slow
@pytest.mark.parametrize("tab", TABS)
def test_every_tab_while_nothing_and_something_and_all_is_there(tab: str, held: Server) -> None:
    link = tiny(seed=20, variants="max", tab=tab)
    at = visit(**link)
    assert not charts(at)
    press(at, "Train")
    held.go(9)
    until(at, lambda at: any("8 of 30 steps" in line for line in lines(at)))
    held.go()
    until_done(at)
    assert charts(at) >= KEYS[tab]
    assert not at.warning
    assert "save_training" in {each.key for each in at.button}


@pytest.mark.parametrize("tab", ["flow", "erf", "kernels", "click"])
def test_another_net_is_looked_at(tab: str, server: Server) -> None:
    at = visit(**tiny(seed=READY, tab=tab))
    before = chart(at, min(KEYS[tab]))
    at.segmented_control(key="net").set_value(1)
    again(at)
    assert link_of(at)["net"] == "1"
    assert chart(at, min(KEYS[tab])) != before


def test_another_step_is_looked_at(server: Server) -> None:
    at = visit(**tiny(seed=READY, tab="kernels"))
    last = chart(at, "training_kernels")
    at.select_slider(key="training_at").set_value(0)
    again(at)
    assert link_of(at)["at"] == "0"
    assert chart(at, "training_kernels") != last
    at.select_slider(key="training_at").set_value(5)
    again(at)
    assert "at" not in link_of(at), "the last one, however many there are"
    assert chart(at, "training_kernels") == last


def test_a_kernel_is_swept_over_a_digit(server: Server) -> None:
    at = visit(**tiny(seed=READY, tab="kernels", net=1, kernel=2))
    (link,) = (e.proto for e in at.get("page_link") if e.proto.label.startswith("Open kernel 2 "))
    told = dict(part.split("=") for part in link.query_string.replace("%3A", ":").split("&"))
    board = layer.board_spec(SweepSettings().updated(state_values(told)))
    record = compute.stored_records(asked(**tiny(seed=READY)))[1, READY][-1]
    np.testing.assert_allclose(
        kernel_of(board), record.snapshot.kernels[2], atol=5e-4, rtol=0, strict=False
    )
    assert board.layer.stride == (2, 2), "as the layer has it"
    assert board.source.picture == "digit"


def state_values(query: dict[str, str]) -> dict[str, Any]:
    rules = {p.name: p for p in SweepSettings.params()}
    return {name: rules[name].parse(text) for name, text in query.items()}


def kernel_of(board: Any) -> np.ndarray:
    kernel = np.zeros((1, 3, 3))
    for (_, channel, row, column), value in board.kernel.edits:
        kernel[channel, row, column] = value
    return kernel


def test_one_image_after_another_is_told(server: Server) -> None:
    link = tiny(seed=READY, tab="click")
    at = visit(**link)
    _, truth = compute.test_images(asked(**link), 3)
    text = to_text(asked(**link).run_spec(0, READY))
    for place in (0, 1, 2):
        assert f"It is {truth[place]}; the net predicts" in plot_text(at, "training_digit")
        told = int(compute.classify(text, place).argmax())
        verdict = "right" if told == truth[place] else "wrong"
        assert f"The net predicts **{told}**, which is {verdict}." in text_of(at)
        at.button(key="training_sample_1").click()
        again(at)
    assert link_of(at)["sample"] == "3"
    at.selectbox(key="unit").set_value("0.3")
    again(at)
    assert link_of(at)["unit"] == "0.3"


@pytest.mark.slow
def test_the_code_gives_the_same_runs(server: Server) -> None:
    link = tiny(seed=READY, tab="files", task="long_range", batch_norm=False, head="average")
    at = trained(**link)
    code = at.code[0].value.replace("print(net, seed, record", "told.append((net, seed, record")
    shown: dict[str, Any] = {"told": []}
    exec(
        compile(code.replace("record.train_accuracy)", "record.train_accuracy))"), "", "exec"),
        shown,
    )
    runs = compute.stored_records(asked(**link))
    for net in (0, 1):
        ours = [(net, READY, r.step, r.loss, r.train_accuracy) for r in runs[net, READY]]
        assert [each for each in shown["told"] if each[0] == net] == ours
    exec(compile(at.code[1].value, "", "exec"), shown)
    wanted = sum(p.numel() for p in shown["net"].parameters())
    linear = 8 * 2 + 2
    assert compute.facts(asked(**link))[0].parameters == wanted + linear


def test_files_and_links(server: Server, monkeypatch: Any) -> None:
    files: dict[str, Any] = {}
    monkeypatch.setattr(
        files_tab.st,
        "download_button",
        lambda _, make, name, *a, **k: files.update({name: make}),
    )
    link = tiny(seed=READY, tab="files")
    at = visit(**link)
    assert files["training.csv"]().count("\n") == 2 * RECORDS + 1
    assert len(json.loads(files["training.json"]())["runs"]) == 2
    found = {e.proto.page.rpartition("/")[2]: e.proto.query_string for e in at.get("page_link")}
    assert "network=trained" in str(found)
    for net in (0, 1):
        run = nets.page_links(asked(**link), net, READY)["erf"]
        assert run["run"] == to_text(asked(**link).run_spec(net, READY))
        assert run["weights"] == "as_is"


def test_a_unit_is_chosen_on_the_map_over_the_image(server: Server) -> None:
    at = visit(**tiny(seed=READY, tab="click", unit="2.3"))
    assert not components_of(at)
    at.session_state["training_cone"] = True
    (cone,) = [json.loads(each.json) for each in components_of(again(at))]
    assert cone["view"]["unit"] == [2, 3]
    assert cone["lines"][-1]["name"] == cone["view"]["layer"]
    assert cone["picture"].startswith("data:image/png")
