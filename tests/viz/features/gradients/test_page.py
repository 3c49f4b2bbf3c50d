"""The gradient page as a visitor meets it: claims, links, clicks, nonsense, the backward pass."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as hyp
from streamlit.testing.v1 import AppTest

from core.gradients.recipe import ACTIVATIONS, KINDS, UpstreamGradient
from core.layer.operations import OPERATIONS
from core.layer.padding import CONVENTIONS, FILLS
from tests.examples import examples
from tests.viz.html_tables import tables_of
from tests.viz.visit import open_page, run_until
from viz.choices import board as choices_board
from viz.choices import layer as state
from viz.features.gradients import compute, controls, params
from viz.features.gradients.params import (
    ACTIVATION_LABELS,
    BY_HAND,
    COMPARED,
    DEPTHS,
    LAYERS,
    OWN,
    TABS,
    GradientSettings,
    layer,
    upstream_gradient,
)
from viz.features.gradients.tabs import EVEN_READING

MAIN = Path(__file__).parents[4] / "viz" / "shell" / "main.py"
DEFAULTS = GradientSettings()
QUICK = {"depth": "5", "levels": "1", "draws": "8", "compare": "skips"}


def visit(**link: Any) -> AppTest:
    """The page, opened by a link."""
    app = AppTest.from_file(str(MAIN), default_timeout=60)
    open_page(app, "gradients")
    for name, value in link.items():
        app.query_params[name] = str(value)
    return again(app)


def again(app: AppTest) -> AppTest:
    app.run()
    assert not app.exception, [e.value for e in app.exception]
    return app


def words_of(app: AppTest) -> str:
    return "\n".join(m.value for m in (*app.title, *app.header, *app.markdown))


def url_of(app: AppTest) -> dict[str, str]:
    return {name: "".join(value) for name, value in app.query_params.items()}


def players(app: AppTest) -> list[Any]:
    """The player of the backward pass, if it is there."""
    return [each for each in app.get("bidi_component") if each.key == "backward_player"]


def cells(app: AppTest, name: str) -> list[list[str]]:
    """The rows that start with this layer, in all tables; whole numbers without decimals."""
    rows = [row[1:] for table in tables_of(app) for row in table.rows if row[0] == name]
    return [[re.sub(r"\.0+$", "", cell) for cell in row] for row in rows]


CLAIMED = {
    "2×2 max pooling, stride 2, padding 0": ["1", "1", "75", "75", "0 to 1", "yes"],
    "2×2 average pooling, stride 2, padding 0": ["4", "4", "0", "0", "1", "yes"],
    "2×2 convolution, stride 2, padding 0": ["4", "4", "0", "0", "1", "yes"],
    "3×3 convolution, stride 2, padding 1": ["9", "4", "0", "0", "1 to 4", "no"],
    "1×1 convolution, stride 2, padding 0": ["1", "1", "75", "75", "0 to 1", "no"],
    "4×4 convolution, stride 2, padding 1": ["16", "9", "0", "0", "4", "yes"],
}


@pytest.mark.parametrize("side", [8, 32])
def test_the_claims_are_measured(side: int) -> None:
    app = visit(input_height=side, input_width=side, tab="numbers")
    for name, told in CLAIMED.items():
        assert cells(app, name)[-1] == told
    assert not app.warning
    assert ("input_height" in url_of(app)) == (side != 8)


def test_the_rule_on_even_reading_holds_for_every_row_above_it() -> None:
    app = visit(tab="numbers")
    assert any(EVEN_READING in caption.value for caption in app.caption)
    for name, spec in LAYERS.items():
        title = layer(DEFAULTS, name).title
        row = cells(app, title)[-1]
        (kernel, _), (stride, _) = spec.kernel_size, spec.stride
        grown = spec.operation == "transposed_convolution"
        assert (row[-1] == "yes") == (grown or kernel % stride == 0), title


def test_opens_with_four_layers_and_their_numbers() -> None:
    app = visit()
    assert url_of(app) == {}
    assert len(app.get("plotly_chart")) == 8
    numbers = visit(tab="numbers")
    assert cells(numbers, "3×3 convolution, stride 2, padding 1")[0][0] == "9"
    corner = visit(unit="corner", tab="numbers")
    assert cells(corner, "3×3 convolution, stride 2, padding 1")[0][0] == "4"


def test_every_operation_has_a_row() -> None:
    assert {spec.operation for spec in LAYERS.values()} == set(OPERATIONS)
    assert set(ACTIVATION_LABELS) <= set(ACTIVATIONS)


@pytest.mark.parametrize("tab", [name for name in TABS if name != "depth"])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_in_every_tab(operation: str, kind: str, tab: str) -> None:
    app = visit(shown="own.max2", operation=operation, arriving=kind, tab=tab)
    if tab == "numbers":
        assert len(cells(app, "2×2 max pooling, stride 2, padding 0")) == 2
    else:
        assert players(app) if tab == "back" else app.get("plotly_chart")
    assert not app.warning


def test_what_a_click_changes_is_in_the_link() -> None:
    app = visit(arriving="all")
    app.session_state["page:gradients"]["pending"] = {"unit": "1.3", "arriving": "unit"}
    again(app)
    assert url_of(app) == {"unit": "1.3"}
    assert app.selectbox(key="unit").value == "1.3"


@pytest.mark.parametrize(
    "told", [None, {}, {"selection": {"points": []}}, {"selection": {"points": [{"x": "a"}]}}]
)
def test_a_click_that_chooses_nothing_changes_nothing(
    told: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: list[object] = []
    monkeypatch.setattr(controls, "change_settings", lambda *args: changes.append(args))
    monkeypatch.setattr(controls.st, "session_state", {"panel": told})
    controls.on_click("panel")
    assert changes == []


def test_a_click_is_told_by_row_and_column(monkeypatch: pytest.MonkeyPatch) -> None:
    changes: list[Any] = []
    state = {"panel": {"selection": {"points": [{"x": 3, "y": 1}]}}}
    monkeypatch.setattr(controls, "change_settings", lambda *args: changes.append(args))
    monkeypatch.setattr(controls.st, "session_state", state)
    controls.on_click("panel")
    assert changes == [("gradients", {"unit": "1.3", "arriving": "unit"})]


def test_units_of_smaller_grids_are_the_nearest() -> None:
    app = visit(unit="7.7", shown="max2.conv3.own", stride=1, tab="numbers")
    assert "Part of the link" not in "".join(w.value for w in app.warning)
    assert url_of(app)["unit"] == "7.7"
    assert cells(app, "2×2 max pooling, stride 2, padding 0")[0][0] == "1"


def test_no_layer_at_all_is_said() -> None:
    app = visit(shown="none")
    assert "Choose at least one layer" in app.info[0].value
    next(button for button in app.button if button.label == "Show the usual four").click()
    again(app)
    assert len(app.get("plotly_chart")) == 8
    assert url_of(app) == {}


@pytest.mark.parametrize("step", BY_HAND)
def test_steps_of_the_backward_pass(step: str) -> None:
    app = visit(tab="back", back_step=step, arriving="random", dilation=2, back_layer="own")
    assert "the same :material/check:" in words_of(app)
    assert len(players(app)) == (step == "sweep")
    panels = {"arriving": 1, "inserted": 2, "flipped": 2, "sweep": 0}
    assert len(app.get("plotly_chart")) == panels[step]


def sweeps(values: Mapping[str, Any], name: str) -> None:
    """The board of a backward pass gives what autograd gives."""
    shown = layer(DEFAULTS.updated(values), name)
    downstream = upstream_gradient(DEFAULTS.updated(values), shown)
    found = compute.backward(shown.board, downstream)
    board = compute.backward_board(shown.board, downstream)
    wanted = found.gradient if shown.board.layer.padding_mode == "zeros" else found.padded
    result = choices_board.sweep(board)
    np.testing.assert_allclose(result.output, wanted, atol=1e-4 * (np.abs(wanted).max() + 1))
    assert choices_board.player_data(board)["transposed"]
    np.testing.assert_array_equal(board.weight(), shown.board.weight())


@pytest.mark.parametrize("name", [n for n, s in LAYERS.items() if s.operation == "convolution"])
@pytest.mark.parametrize("side", [4, 7, 16])
def test_the_player_is_sent_the_backward_pass(name: str, side: int) -> None:
    sweeps({"input_height": side, "input_width": side + 1, "arriving": "random"}, name)


@examples(30)
@given(
    stride=hyp.integers(1, 8),
    kernel_size=hyp.integers(1, 5),
    dilation=hyp.integers(1, 3),
    fill=hyp.sampled_from(sorted(FILLS)),
    convention=hyp.sampled_from(["number", "sides", *CONVENTIONS]),
    height=hyp.integers(4, 14),
)
def test_the_player_is_sent_any_backward_pass(fill: str, height: int, **values: Any) -> None:
    values |= {"padding_mode": fill, "input_height": height, "out_channels": 2, "pad_top": 2}
    full, _ = params.make_valid(DEFAULTS.updated(values))
    sweeps(full.updated(arriving="random").flat, OWN)


def test_links_carry_what_the_player_shows() -> None:
    app = visit(tab="back", step=5, pin="o1.1")
    sent = json.loads(players(app)[0].proto.json)
    assert (sent["view"]["step"], sent["view"]["pin"]) == (5, "o1.1")
    assert sent["boards"][0]["signed"]  # a gradient has the colours of signed values
    assert url_of(app) == {"tab": "back", "step": "5", "pin": "o1.1"}
    assert state.player_view_values({"step": 7, "pin": "o0.1", "loop": True}) == (
        {"step": 7, "pin": "o0.1", "loop": True, "channel": 0, "filter": 0, "speed": 0}
        | {"reads": False}
    )
    assert state.player_view_values("nonsense") == {}
    assert "step" not in state.player_view_values({"step": "x", "pin": "q"})


def settled(app: AppTest) -> AppTest:
    """Run the page until all draws are there."""

    def has_all(app: AppTest) -> bool:
        both = cells(app, "with"), cells(app, "without")
        return all(rows and rows[0][-1] == "8" for rows in both)

    return run_until(app, again, has_all)


def test_flow_through_depth() -> None:
    app = settled(visit(tab="depth", **QUICK))
    assert {len(row) for row in (*cells(app, "with"), *cells(app, "without"))} == {5}
    for levels in range(1, 6):
        measured, expected = cells(app, str(levels))[0]
        assert measured == expected
    assert len(app.get("plotly_chart")) == 1
    assert url_of(app) == QUICK | {"tab": "depth"}


def test_flows_are_told_as_they_come_and_end_when_nobody_waits() -> None:
    specs = tuple(
        params.flow_specs(DEFAULTS.updated({"depth": 5, "levels": 1, "draws": 8})).values()
    )
    told: list[tuple[int, int, Any]] = []

    def report(done: int, total: int, partial: Any) -> bool:
        told.append((done, total, partial))
        return done < 10

    found = compute.flows_work(specs)(report)
    assert [(done, total) for done, total, _ in told] == [(n, 40) for n in range(1, 11)]
    assert list(found) == list(specs[:2])
    assert [flow.draws for flow in found.values()] == [8, 2]
    assert {spec: flow.draws for spec, flow in told[8][2].items()} == {specs[0]: 8, specs[1]: 1}


@pytest.mark.parametrize("depth", DEPTHS)
def test_no_choice_is_too_deep_or_halved_too_often(depth: int) -> None:
    for levels in range(5):
        specs = params.flow_specs(DEFAULTS.updated(depth=depth, levels=levels))
        assert {len(s.downsampling_layers) for s in specs.values() if s.downsampling != "none"} == {
            levels
        }


@pytest.mark.parametrize("name", COMPARED)
def test_every_comparison_has_its_networks(name: str) -> None:
    flows = params.flow_specs(DEFAULTS.updated({"compare": name}))
    assert len(flows) == len(COMPARED[name][1]) == len(set(flows.values()))
    assert [getattr(spec, name) for spec in flows.values()] == list(COMPARED[name][1])


HOSTILE = [
    "nonsense", " ", "-1", "99999999999999999999", "1e3", "NaN", "²",
    "<script>alert(1)</script>", "`code` **bold** $x$ [a](javascript:1)", "\x00\x1b[31m",
    "x" * 5000, "1" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE)
def test_nonsense_in_a_link_is_said_and_left_out(text: str) -> None:
    names = ["shown", "arriving", "unit", "stride", "input_height", "tab", "back_step",
             "back_layer", "compare", "depth", "draws", "flow_skips", "weights"]  # fmt: skip
    app = visit(**dict.fromkeys(names, text))
    said = app.warning[0].value
    assert all(f"`{name}`" in said for name in names)
    assert "<script" not in said
    assert url_of(app) == {}


def test_an_input_out_of_range_is_said() -> None:
    app = visit(input_height=64, input_width=3)
    assert "`input_height` must be from 4 to 32" in app.warning[0].value
    assert "`input_width` must be from 4 to 32" in app.warning[0].value


def test_a_layer_that_cannot_be_is_mended_and_said() -> None:
    app = visit(shown="own", kernel_size=9, padding=0)
    assert "`kernel_size` to 8" in app.warning[0].value
    assert len(app.get("plotly_chart")) == 2


@examples(12, suppress_health_check=[HealthCheck.too_slow])
@given(
    link=hyp.fixed_dictionaries(
        {},
        optional={
            "shown": hyp.lists(hyp.sampled_from([*LAYERS, OWN]), max_size=6, unique=True).map(
                lambda names: ".".join(names) or "none"
            ),
            "arriving": hyp.sampled_from(KINDS),
            "unit": hyp.tuples(*[hyp.integers(0, 40)] * 2).map(lambda u: f"{u[0]}.{u[1]}"),
            "unit_filter": hyp.integers(0, 3),
            "operation": hyp.sampled_from(sorted(OPERATIONS)),
            "convention": hyp.sampled_from(["number", "sides", *CONVENTIONS]),
            "padding_mode": hyp.sampled_from(sorted(FILLS)),
            "ceil_mode": hyp.sampled_from(["true", "false"]),
            "kernel_size": hyp.integers(1, 11),
            "stride": hyp.integers(1, 8),
            "padding": hyp.integers(0, 10),
            "dilation": hyp.integers(1, 6),
            "out_channels": hyp.integers(1, 4),
            "input_height": hyp.integers(4, 32),
            "input_width": hyp.integers(4, 32),
            "tab": hyp.sampled_from([name for name in TABS if name != "depth"]),
            "back_step": hyp.sampled_from(list(BY_HAND)),
        },
    )
)
def test_any_link_shows_a_picture(link: dict[str, Any]) -> None:
    app = visit(**link)
    shown = link.get("shown", "max2.average2.conv3.conv1")
    on_panels = link.get("tab", "panels") == "panels"
    charts = len(shown.split(".")) if on_panels and shown != "none" else 0
    assert len(app.get("plotly_chart")) >= 2 * charts
    assert "they differ" not in words_of(app)


def test_a_link_reads_back_as_it_was_written() -> None:
    changed = {"shown": ["own", "conv1"], "unit": "2.3", "depth": 40, "tab": TABS["counts"]}
    written = DEFAULTS.updated(changed).query()
    assert written == {"shown": "own.conv1", "unit": "2.3", "depth": "40", "tab": "counts"}
    read = {
        p.name: p.parse(written[p.name]) for p in GradientSettings.params() if p.name in written
    }
    assert read == changed
    assert UpstreamGradient("unit", (2, 3)).unit == (2, 3)
