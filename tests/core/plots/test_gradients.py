"""Plots of gradients, by their marks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.data import picture
from core.errors import SpecError
from core.gradients.counts import ReadCounts, windows_per_pixel
from core.gradients.flow import GradientFlow, ZeroGradientShare, gradient_flow
from core.gradients.pattern import InputGradient, contribution_counts, input_gradient
from core.gradients.rebuild import BackwardPass, backward_by_hand_and_autograd
from core.gradients.recipe import FlowSpec, UpstreamGradient
from core.layer import LayerSpec
from core.layer.operations import output_size
from core.plots.axes import span
from core.plots.gradients import (
    AT_INPUT,
    AT_OUTPUT,
    backward_plot,
    flow_plot,
    gradients_plot,
    read_counts_plot,
    zero_gradients_plot,
)
from core.plots.legend import color_bars, entries
from core.plots.plot import Bars, Boxes, Heat, Panel, Points, Polyline
from tests.core.plots.reading import marks_of, named
from tests.examples import examples

PLAIN = str.maketrans({"≈": "", "−": "-", ",": ""})
"""Removes what Python does not read in a number."""
CONV = LayerSpec("convolution", (3, 3), (2, 2), ((1, 1), (1, 1)), out_channels=2)
POOL = LayerSpec("max_pooling", (2, 2), (2, 2))
WEIGHT = np.arange(1, 19, dtype=np.float32).reshape(2, 1, 3, 3) - 9.5


def measured(side: int = 8, kind: str = "unit") -> InputGradient:
    unit = (1, 2) if kind == "unit" else (0, 0)
    upstream = UpstreamGradient(kind, unit, int(kind == "unit"))  # type: ignore[arg-type]
    return input_gradient(CONV, picture("china", (side, side)), WEIGHT, None, upstream)


def pooled(side: int = 8) -> InputGradient:
    return input_gradient(POOL, picture("china", (side, side)))


def heat_of(panel: Panel) -> Heat:
    (heat,) = marks_of(panel, Heat)
    return heat


def test_the_cause_stands_before_the_effect() -> None:
    result = measured()
    plot = gradients_plot({"a layer": result, "a pool": pooled()}, "gradients")
    cause, effect = plot.panels[:2]
    assert plot.together == 2
    assert cause.title == "a layer"
    assert cause.note == f"{AT_OUTPUT}, 4×4, filter 1"
    assert AT_INPUT in effect.title
    assert effect.note == "9 of 64 pixels reached"
    np.testing.assert_array_equal(heat_of(cause).values, result.upstream[1])
    np.testing.assert_array_equal(heat_of(effect).values, result.gradient[0])
    assert "a layer: 9 of 64 pixels reached" in plot.alt
    assert span(cause, "y") == (3.5, -0.5), "rows go down"


def test_the_chosen_unit_is_framed_and_only_units_can_be_clicked() -> None:
    plot = gradients_plot({"a layer": measured()})
    cause, effect = plot.panels
    assert named(plot, Boxes, "chosen unit").boxes == [(1.5, 2.5, 0.5, 1.5)]
    assert [heat_of(panel).select for panel in (cause, effect)] == [True, False]
    assert not marks_of(gradients_plot({"a layer": measured(kind="all")}), Boxes)


def test_all_layers_share_one_signed_scale() -> None:
    results = {"unit": measured(), "random": measured(kind="random"), "pool": pooled()}
    plot = gradients_plot(results)
    top = max(float(np.abs(a).max()) for r in results.values() for a in (r.gradient, r.upstream))
    assert {(heat.scale.low, heat.scale.high) for heat in marks_of(plot, Heat)} == {(-top, top)}
    assert len(color_bars(plot)) == 1
    zeros = input_gradient(
        CONV, picture("china", (8, 8)), 0 * WEIGHT, None, UpstreamGradient("all")
    )
    assert marks_of(gradients_plot({"zeros": zeros}), Heat)[1].texts[0][0] == "0"


@examples(100)
@given(st.integers(0, 2**32 - 1), st.floats(0.1, 1e4))
def test_numbers_in_cells_are_near_the_values(seed: int, top: float) -> None:
    values = np.random.default_rng(seed).normal(size=(1, 4, 4)) * top
    values[0, 0, 0], values[0, 0, 1] = 0, 1e-9 * top
    result = measured()
    forged = InputGradient(result.spec, result.output, result.upstream, values, None)
    effect = heat_of(gradients_plot({"": forged}).panels[1])
    most = max(np.abs(values).max(), 1.0)
    assert effect.texts[0][:2] == ["0", "≈0"]
    for row, col in np.ndindex(4, 4):
        text = effect.texts[row][col].translate(PLAIN)
        assert float(text) == pytest.approx(values[0, row, col], rel=0.06, abs=0.006 * most)


@pytest.mark.parametrize("side, size", [(4, "small"), (8, "small"), (9, "medium"),
                                        (14, "medium"), (20, "large"), (32, "medium")])  # fmt: skip
def test_panels_are_as_large_as_their_numbers_need(side: int, size: str) -> None:
    assert {panel.size for panel in gradients_plot({"a layer": measured(side, "all")}).panels} == {
        size
    }


def test_counts_say_whether_they_agree() -> None:
    reads = windows_per_pixel(POOL, (8, 8))
    sent = contribution_counts(POOL, picture("china", (8, 8)))[0]
    plot = read_counts_plot(
        {"a pool": ReadCounts(reads, sent, True), "sums": ReadCounts(reads, reads, False)}
    )
    for panel, counts in zip(plot.panels, (reads, sent, reads, reads), strict=True):
        np.testing.assert_array_equal(heat_of(panel).values, counts)
    notes = [panel.note for panel in plot.panels]
    assert notes[0].endswith(": evenly")
    assert notes[2].endswith(": unevenly")
    assert notes[1::2] == ["not the same", "the same"]
    (scale,) = color_bars(plot)
    assert all(tick == int(tick) for tick in scale.ticks)
    assert "a pool: 1 windows read a pixel, 0 to 1 units send it a gradient" in plot.alt


def by_hand(stride: tuple[int, int] = (2, 2), dilation: int = 1) -> BackwardPass:
    spec = LayerSpec("convolution", (3, 3), stride, ((1, 1), (1, 1)), (dilation, dilation))
    rows, cols = output_size(spec, (9, 8))
    upstream = np.arange(1.0, 1 + rows * cols).reshape(1, rows, cols)
    return backward_by_hand_and_autograd(spec, (9, 8), WEIGHT[:1], upstream)


def test_steps_of_the_backward_pass() -> None:
    result = by_hand()
    plot = backward_plot(result, "a layer")
    arrays = (result.upstream, result.surrounded, result.kernel[0], result.gradient)
    for panel, array in zip(plot.panels, arrays, strict=True):
        np.testing.assert_array_equal(heat_of(panel).values, array[0])
        assert heat_of(panel).gaps
    notes = [panel.note for panel in plot.panels]
    assert notes[0].startswith("at the output, ")
    assert notes[3] == "at the input, 9×8"
    kernel, flipped = backward_plot(result, steps=("kernel", "flipped")).panels
    np.testing.assert_array_equal(heat_of(kernel).values, WEIGHT[0, 0])
    np.testing.assert_array_equal(heat_of(flipped).values, WEIGHT[0, 0, ::-1, ::-1])
    assert plot.subtitle.endswith(": the same.")
    with pytest.raises(SpecError, match="steps"):
        backward_plot(result, steps=("sweep",))


def covered(boxes: Boxes, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """How many rectangles cover the middle of each cell."""
    counts = np.zeros(shape, np.int64)
    for row, col in np.ndindex(*shape):
        for left, right, top, bottom in boxes.boxes:
            counts[row, col] += left < col < right and top < row < bottom
    return counts


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1), (1, 4)])
@pytest.mark.parametrize("dilation", [1, 2])
def test_every_inserted_zero_is_hatched_and_every_gradient_framed(
    stride: tuple[int, int], dilation: int
) -> None:
    result = by_hand(stride, dilation)
    (panel,) = backward_plot(result, steps=("inserted",)).panels
    values = heat_of(panel).values
    between, around, units = marks_of(panel, Boxes)
    assert between.hatch
    assert around.hatch not in ("", between.hatch)
    counts = [covered(boxes, values.shape) for boxes in (between, around, units)]
    assert (sum(counts) == 1).all(), "each cell is of one kind"
    assert (values[counts[2] == 1] == result.upstream.ravel()).all()
    assert (values[counts[2] == 0] == 0).all()
    texts = np.array(heat_of(panel).texts)
    assert ((texts != "") == (counts[2] == 1)).all()
    named_entries = {entry.name for entry in entries(backward_plot(result))}
    assert (between.name in named_entries) == (stride != (1, 1))
    assert f"{2 * dilation} around" in panel.note


def flow(activation: str = "relu") -> GradientFlow:
    return gradient_flow(
        FlowSpec(activation=activation, depth=6, levels=2, side=8, width=4, batch=2, draws=4)
    )


@pytest.mark.parametrize("weights", [False, True])
def test_lines_are_medians_in_bands_of_the_draws(weights: bool) -> None:
    flows = {"ReLU": flow(), "sigmoid": flow("sigmoid")}
    plot = flow_plot(flows, "by activation", ["noted"], weights=weights)
    (panel,) = plot.panels
    low, high = span(panel, "y")
    for label, result in flows.items():
        line = named(plot, Polyline, label)
        norms = result.weight_norms if weights else result.norms
        np.testing.assert_allclose(line.y, np.median(norms, axis=0))
        np.testing.assert_array_equal(line.x, np.arange(norms.shape[1]) + weights)
        assert line.low is not None
        assert line.high is not None
        assert (low <= line.low).all()
        assert (line.low <= line.y).all()
        assert (line.high >= line.y).all()
        assert (line.high <= high).all()
    for points, result in zip(marks_of(plot, Points), flows.values(), strict=True):
        assert set(points.x) == result.spec.downsampling_layers
    assert [entry.name for entry in entries(plot)] == [*flows, "downsampling layer"]
    assert panel.y.log
    assert plot.notes == ("noted",)
    assert "sigmoid: " in plot.alt


def test_a_norm_of_zero_lies_below_the_panel() -> None:
    result = flow()
    norms = result.norms.copy()
    norms[:, 0] = 0
    plot = flow_plot({"dead": GradientFlow(result.spec, norms, result.weight_norms, norms)}, "")
    low, high = span(plot.panels[0], "y")
    assert norms[norms > 0].min() / 10 < low < norms[norms > 0].min()
    assert high < 10 * norms.max()
    assert np.asarray(named(plot, Polyline, "dead").y)[0] < low
    assert plot.alt.endswith("Median norm at the image: dead: 0.")


@pytest.mark.parametrize("count", [0, 6])
def test_flows_are_one_to_five(count: int) -> None:
    one = flow()
    with pytest.raises(SpecError, match="flows"):
        flow_plot({str(n): one for n in range(count)}, "none")


def test_bars_are_measured_and_symbols_the_formula() -> None:
    shares = [ZeroGradientShare(level, 1 - 4.0**-level, 1 - 4.0**-level) for level in (1, 2, 3)]
    plot = zero_gradients_plot(shares)
    (bars,) = marks_of(plot, Bars)
    (points,) = marks_of(plot, Points)
    assert list(bars.length) == list(points.y) == [0.75, 0.9375, 0.984375]
    assert list(bars.texts) == ["75 %", "93.75 %", "98.438 %"]


def test_every_digit_of_a_count_is_written() -> None:
    counts = np.full((3, 3), 121)
    plot = read_counts_plot({"a": ReadCounts(counts, counts, even=True)})
    assert {text for row in marks_of(plot, Heat)[0].texts for text in row} == {"121"}
