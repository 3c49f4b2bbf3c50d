"""Maps of training runs, by their data against the records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.plots.axes import span
from core.plots.plot import Boxes, Heat, Plot, Words
from core.plots.training import NOTHING
from core.plots.training_maps import (
    DECADES,
    kernel_at,
    kernels_plot,
    layer_names,
    layers_plot,
    tiled,
)
from core.training.records import DeadChannels, LayerFlow
from tests.core.plots.reading import marks_of
from tests.core.plots.training_runs import SEEDS, SPECS, STEPS, Runs, begun, trained

RUN = (1, SEEDS[0])
RECORD_STEPS = SPECS[0].record_steps


def heat(plot: Plot) -> Heat:
    (mark,) = marks_of(plot, Heat)
    return mark


@pytest.mark.parametrize("what", ["gradient", "update"])
def test_a_layer_s_row_is_its_norms(what: Any) -> None:
    plot = layers_plot(trained(), RUN, what, RECORD_STEPS, "a net, seed 3")
    mark, records = heat(plot), trained()[RUN][1:]
    assert plot.panels[0].y.names == ("conv 1", "conv 2", "conv 3", "linear")
    assert span(plot.panels[0], "y")[0] > span(plot.panels[0], "y")[1], "the input's on top"
    for row, values in enumerate(mark.values):
        norms = [getattr(record.flow[row], what) for record in records]
        assert list(values) == norms
        layer = records[0].flow[row].layer
        for text, norm, record in zip(mark.hover[row], norms, records, strict=True):
            assert layer in text
            assert f"step {record.step}: {norm:.3g}" in text
    assert plot.subtitle == "a net, seed 3"


@pytest.mark.parametrize("steps", [(0, 3, 6, 9, 12), (0, 8, 15, 22, 30, 38, 45), (0, 1)])
def test_a_record_s_cell_is_over_its_step(steps: tuple[int, ...]) -> None:
    records = [replace(trained()[RUN][1], step=step, steps=steps[-1]) for step in steps[1:]]
    plot = layers_plot({RUN: tuple(records)}, RUN, "gradient", steps)
    mark = heat(plot)
    for place, step in enumerate(steps[1:]):
        left = mark.left + mark.width * place
        assert left <= step <= left + mark.width
    assert span(plot.panels[0], "x") == pytest.approx(mark.box[:2]), "nothing blank at the ends"


@pytest.mark.parametrize("what", ["gradient", "update"])
def test_all_nets_and_seeds_have_one_scale(what: Any) -> None:
    scales = {heat(layers_plot(trained(), key, what, RECORD_STEPS)).scale for key in trained()}
    (scale,) = scales
    every = [getattr(f, what) for records in trained().values() for r in records for f in r.flow]
    assert scale.low <= max(min(every), scale.high / 10**DECADES)
    assert max(every) <= scale.high <= 10 * max(every)
    assert all(np.log10(tick) == pytest.approx(round(np.log10(tick))) for tick in scale.ticks)


def with_flow(gradients: list[float]) -> Runs:
    records = trained()[RUN]
    flow = tuple(LayerFlow(f"body.conv{n}", value, value) for n, value in enumerate(gradients))
    return {RUN: (records[0], replace(records[1], flow=flow))}


def test_zeros_and_nan_are_blank_and_the_color_bar_says_so() -> None:
    runs = with_flow([0.0, float("nan"), 1.0, 1e-9])
    mark = heat(layers_plot(runs, RUN, "gradient", RECORD_STEPS))
    shares = mark.scale.shares(mark.values)[:, 0]
    assert np.isnan(shares).tolist() == [True, True, False, False]
    assert shares[2:].tolist() == [1, 0]
    assert "blank: 0" in mark.scale.label
    silent = heat(layers_plot(with_flow([0.0, 0.0]), RUN, "gradient", RECORD_STEPS))
    assert np.isnan(silent.scale.shares(silent.values)).all()
    assert silent.scale.low < silent.scale.high
    full = heat(layers_plot(with_flow([1.0, 2.0]), RUN, "gradient", RECORD_STEPS))
    assert "blank" not in full.scale.label, "although later records are still blank"


@pytest.mark.parametrize("layers, written", [(1, 1), (20, 20), (31, 16)])
def test_names_of_layers_have_room_and_stand_at_their_rows(layers: int, written: int) -> None:
    plot = layers_plot(with_flow([1.0] * layers), RUN, "update", RECORD_STEPS)
    axis = plot.panels[0].y
    assert len(axis.names) == written
    assert axis.ticks is not None
    for tick, name in zip(axis.ticks, axis.names, strict=True):
        assert heat(plot).hover[int(tick)][0].startswith(f"{name} (")
    assert heat(plot).values.shape[0] == layers


def test_an_unfinished_run_has_the_axes_of_a_whole_one() -> None:
    whole = layers_plot(trained(), RUN, "gradient", RECORD_STEPS)
    part = layers_plot(begun(), RUN, "gradient", RECORD_STEPS)
    assert span(part.panels[0], "x") == span(whole.panels[0], "x")
    assert heat(part).values.shape == heat(whole).values.shape
    done = begun()[RUN][-1].step
    assert done < STEPS
    places = [step for step in RECORD_STEPS[1:] if step <= done]
    assert np.isnan(heat(part).values[:, len(places) :]).all()
    assert not np.isnan(heat(part).values[:, : len(places)]).any()


def test_a_run_without_records_is_a_sentence() -> None:
    for plot in (
        layers_plot(begun(), (1, SEEDS[1]), "gradient", RECORD_STEPS),
        layers_plot({}, (0, 0), "dead", RECORD_STEPS),
    ):
        assert not marks_of(plot, Heat)
        assert plot.notes == (NOTHING,)


def test_an_unknown_number_is_refused() -> None:
    with pytest.raises(SpecError, match="what"):
        layers_plot(trained(), RUN, "loss", RECORD_STEPS)  # type: ignore[arg-type]


def test_dead_channels_are_those_of_the_records() -> None:
    records = trained()[RUN]
    plot = layers_plot(trained(), RUN, "dead", RECORD_STEPS)
    expected = [[100 * each.channels for each in record.dead] for record in records[1:]]
    np.testing.assert_allclose(heat(plot).values.T, expected)
    assert ("No channel is dead at any of these steps." in plot.notes) == (not np.any(expected))
    dead = (DeadChannels("body.relu1", 0.25, 0.5), DeadChannels("body.relu3", 1.0, 1.0))
    few = {RUN: (records[0], replace(records[-1], dead=dead))}
    mark = heat(layers_plot(few, RUN, "dead", RECORD_STEPS))
    assert mark.values[:, -1].tolist() == [25, 100]
    assert (mark.scale.low, mark.scale.high) == (0, 100)


@pytest.mark.parametrize(
    "torch, names",
    [
        (["body.conv0", "body.conv4", "linear"], ("conv 1", "conv 2", "linear")),
        (["body.conv0", "body.residual3.body.conv0"], ("conv 1", "conv 2")),
        (["body.conv0", "linear"], ("conv 1", "linear")),
        (["body.relu2", "body.relu4"], ("ReLU 1", "ReLU 2")),
        ([], ()),
    ],
)
def test_layers_are_counted_from_the_input(torch: list[str], names: tuple[str, ...]) -> None:
    assert layer_names(torch) == names


@given(st.integers(1, 32), st.integers(1, 4))
def test_every_kernel_is_on_the_board_once_and_its_number_above_it(
    count: int, channels: int
) -> None:
    kernels = np.arange(count * channels * 9, dtype=np.float32).reshape(count, channels, 3, 3)
    board, places = tiled(kernels)
    assert np.array_equal(np.sort(board[~np.isnan(board)]), kernels.ravel())
    assert board.shape[1] <= 4 * max(board.shape[0], 4 * channels), "not one long row"
    for kernel, (row, column) in zip(kernels, places, strict=True):
        left = round(column - (channels * 4 - 2) / 2)
        for channel, plane in enumerate(kernel):
            start = left + 4 * channel
            assert np.array_equal(board[round(row) : round(row) + 3, start : start + 3], plane)
        assert np.isnan(board[round(row) - 1]).all(), "a free row for the number"
    words = marks_of(kernels_plot([(0, kernels)], 0), Words)[0]
    assert list(words.texts) == [str(number) for number in range(count)]
    assert list(zip(words.y, words.x, strict=True)) == [(row - 1, col) for row, col in places]


@pytest.mark.parametrize("shape", [(1, 1, 3, 3), (12, 1, 3, 3), (7, 3, 5, 5)])
def test_every_cell_of_the_board_is_of_one_kernel(shape: tuple[int, ...]) -> None:
    kernels = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    board, _ = tiled(kernels)
    for number in range(shape[0]):
        (frame,) = marks_of(kernels_plot([(0, kernels)], 0, "", number), Boxes)
        ((left, right, top, bottom),) = frame.boxes
        assert (right - left, bottom - top) == (shape[1] * (shape[3] + 1) - 1, shape[2])
        rows, columns = np.arange(board.shape[0]), np.arange(board.shape[1])
        inside = np.outer((top < rows) & (rows < bottom), (left < columns) & (columns < right))
        inside &= ~np.isnan(board)
        assert np.array_equal(np.sort(board[inside]), np.sort(kernels[number].ravel()))
        for row, column in np.argwhere(inside).tolist():
            assert kernel_at(shape, row, column) == number
    assert kernel_at(shape, 0, 0) is None, "the row of the numbers"


def test_kernels_of_all_steps_have_one_scale_around_zero() -> None:
    shots = [(r.step, r.snapshot.kernels) for r in trained()[RUN] if r.snapshot is not None]
    plots = [kernels_plot(shots, index, "a net") for index in range(len(shots))]
    top = max(float(np.abs(weights).max()) for _, weights in shots)
    for plot, (step, weights) in zip(plots, shots, strict=True):
        mark = heat(plot)
        assert (mark.scale.low, mark.scale.high, mark.scale.colors) == (-top, top, "signed")
        assert plot.panels[0].title == f"Step {step}"
        assert f"{len(weights)} kernels" in plot.alt
    assert plots[0].title == plots[-1].title, "frames of one film"


def test_the_pointer_reads_a_weight_s_place() -> None:
    kernels = np.random.default_rng(0).normal(size=(5, 2, 3, 3)).astype(np.float32)
    mark = heat(kernels_plot([(0, kernels)], 0))
    for text, value in zip(
        (text for row in mark.hover for text in row), mark.values.ravel(), strict=True
    ):
        assert (text == "") == bool(np.isnan(value))
        if text:
            assert f"{value:.3f}".replace("-", "−") in text
    assert mark.hover[1][0].startswith("kernel 0, channel 0, row 0, column 0: ")


def test_kernels_of_zeros_and_of_several_channels() -> None:
    flat = kernels_plot([(0, np.zeros((4, 1, 3, 3), np.float32))], 0)
    assert heat(flat).scale.low < heat(flat).scale.high
    assert flat.notes == ()
    color = kernels_plot([(0, np.zeros((8, 3, 3, 3), np.float32))], 0)
    assert "3 input channels" in color.notes[0]
