"""Maps of training runs, by their data against the records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.training.records import DeadChannels, LayerFlow
from tests.viz.features.training.runs import SEEDS, STEPS, Runs, begun, trained
from viz.features.training import map_plots as maps
from viz.features.training import plot_parts as parts
from viz.features.training import plots as figures
from viz.features.training.plot_parts import NOTHING, layer_names
from viz.plots.effective_field import DECADES

RUN = (1, SEEDS[0])


def heat(figure: go.Figure) -> Any:
    (found,) = figure.data
    assert found.type == "heatmap"
    return found


@pytest.mark.parametrize("what", ["gradient", "update"])
def test_a_layer_s_row_is_its_norms(what: Any) -> None:
    figure = figures.flow_figure(trained(), *RUN, what, "a net")
    found, records = heat(figure), trained()[RUN][1:]
    assert list(found.x) == [record.step for record in records]
    assert list(figure.layout.yaxis.ticktext) == ["conv 1", "conv 2", "conv 3", "linear"]
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1], "the input's on top"
    for row, line in enumerate(found.z):
        norms = [getattr(record.flow[row], what) for record in records]
        shown = np.where(np.isnan(line), 0, 10.0 ** np.asarray(line))
        floor = 10.0**found.zmin
        np.testing.assert_allclose(shown, np.where(norms, np.maximum(norms, floor), 0), rtol=1e-4)
        layer = records[0].flow[row].layer
        for text, norm, record in zip(found.hovertext[row], norms, records, strict=True):
            assert layer in text
            assert f"step {record.step}: {norm:.3g}" in text
    assert "a net, seed 3" in figure.layout.title.text.replace("<br>", " ")


@pytest.mark.parametrize("what", ["gradient", "update"])
def test_all_nets_and_seeds_share_the_colours(what: Any) -> None:
    spans = {(heat(figures.flow_figure(trained(), *key, what)).zmin,
              heat(figures.flow_figure(trained(), *key, what)).zmax) for key in trained()}  # fmt: skip
    assert len(spans) == 1
    ((low, high),) = spans
    every = [getattr(f, what) for records in trained().values() for r in records for f in r.flow]
    assert 10.0**high == pytest.approx(max(every))
    assert low == pytest.approx(max(np.log10(min(v for v in every if v)), high - DECADES))


def with_flow(gradients: list[float]) -> Runs:
    records = trained()[RUN]
    flow = tuple(LayerFlow(f"body.conv{n}", value, value) for n, value in enumerate(gradients))
    return {RUN: (records[0], replace(records[1], flow=flow))}


def test_zeros_and_what_is_no_number_are_left_blank() -> None:
    found = heat(figures.flow_figure(with_flow([0.0, float("nan"), 1.0, 1e-9]), *RUN, "gradient"))
    column = np.asarray(found.z)[:, 0]
    assert np.isnan(column).tolist() == [True, True, False, False]
    assert column[2:].tolist() == [0, -DECADES]
    assert "blank" in found.colorbar.title.text
    assert not found.hoverongaps
    silent = heat(figures.flow_figure(with_flow([0.0, 0.0]), *RUN, "gradient"))
    assert np.isnan(silent.z).all()
    assert silent.zmin < silent.zmax


@pytest.mark.parametrize("layers", [1, 25])
def test_every_layer_has_its_name_and_room(layers: int) -> None:
    figure = figures.flow_figure(with_flow([1.0] * layers), *RUN, "update")
    assert len(figure.layout.yaxis.ticktext) == layers
    margin = figure.layout.margin
    assert (figure.layout.height - margin.t - margin.b) / layers >= 15
    assert heat(figure).zmin < heat(figure).zmax


def test_an_unfinished_run_keeps_the_axis_of_a_whole_one() -> None:
    figure = figures.flow_figure(begun(), *RUN, "gradient")
    assert heat(figure).x[-1] < STEPS < figure.layout.xaxis.range[1]
    for figure in (
        figures.flow_figure(begun(), 1, SEEDS[1], "gradient"),
        figures.dead_figure({}, 0, 0),
    ):
        assert not figure.data
        assert NOTHING in figure.layout.annotations[0].text


def test_neither_gradient_nor_update_is_refused() -> None:
    with pytest.raises(SpecError, match="what"):
        figures.flow_figure(trained(), *RUN, "loss")  # type: ignore[arg-type]


def test_dead_channels_are_those_of_the_records() -> None:
    records = trained()[RUN]
    dead = (DeadChannels("body.relu1", 0.25, 0.5), DeadChannels("body.relu3", 1.0, 1.0))
    runs = {RUN: (*records[:-1], replace(records[-1], dead=dead))}
    figure = figures.dead_figure(trained(), *RUN)
    expected = [[100 * each.channels for each in record.dead] for record in records[1:]]
    np.testing.assert_allclose(np.asarray(heat(figure).z).T, expected)
    silent = "No channel is dead" in figure.layout.annotations[0].text
    assert silent == (not np.any(expected))
    few = heat(figures.dead_figure({RUN: (records[0], runs[RUN][-1])}, *RUN))
    assert np.asarray(few.z).T.tolist() == [[25, 100]]
    assert (few.zmin, few.zmax) == (0, 100)


@pytest.mark.parametrize(
    "torch, shown",
    [
        (["body.conv0", "body.conv4", "linear"], ("conv 1", "conv 2", "linear")),
        (["body.conv0", "body.residual3.body.conv0"], ("conv 1", "conv 2")),
        (["body.conv0", "linear"], ("conv 1", "linear")),
        (["body.relu2", "body.relu4"], ("ReLU 1", "ReLU 2")),
        ([], ()),
    ],
)
def test_layers_are_counted_from_the_input(torch: list[str], shown: tuple[str, ...]) -> None:
    assert layer_names(torch) == shown


@given(st.floats(-9, 3), st.floats(0.02, 4))
def test_ticks_are_inside_and_say_what_they_are(low: float, wide: float) -> None:
    ticks, names = parts.log_ticks((low, low + wide))
    assert 2 <= len(ticks) <= 12
    for tick, name in zip(ticks, names, strict=True):
        assert low <= tick <= low + wide
        assert float(name.replace("−", "-")) == pytest.approx(10.0**tick, rel=0.01)


@given(st.integers(1, 32), st.integers(1, 4), st.integers(1, 9))
def test_every_kernel_stands_on_the_board_once(count: int, channels: int, across: int) -> None:
    kernels = np.arange(count * channels * 9, dtype=np.float32).reshape(count, channels, 3, 3)
    board, places = maps.tiled(kernels, across)
    assert np.array_equal(np.sort(board[~np.isnan(board)]), kernels.ravel())
    for kernel, (row, column) in zip(kernels, places, strict=True):
        left = round(column - (channels * 4 - 2) / 2)
        for channel, plane in enumerate(kernel):
            start = left + 4 * channel
            assert np.array_equal(board[round(row) : round(row) + 3, start : start + 3], plane)
        assert np.isnan(board[round(row) - 1]).all(), "a free row for the number"


def test_kernels_are_numbered_on_one_scale_around_zero() -> None:
    shot = trained()[RUN][-1].snapshot
    assert shot is not None
    figure = figures.kernels_figure(shot.kernels, 12)
    found = heat(figure)
    top = float(np.abs(shot.kernels).max())
    assert (found.zmin, found.zmax) == (-top, top)
    assert {n.text for n in figure.layout.annotations[1:]} == {str(n) for n in range(4)}
    assert "step 12" in figure.layout.title.text
    flat = heat(figures.kernels_figure(np.zeros((4, 1, 3, 3), np.float32), 0))
    assert flat.zmin < flat.zmax
    colour = figures.kernels_figure(np.zeros((8, 3, 3, 3), np.float32), 0)
    assert "3 input channels" in colour.layout.annotations[0].text
