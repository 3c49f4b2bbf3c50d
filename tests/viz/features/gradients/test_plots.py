"""Figures of gradients, by their data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.data import picture
from core.errors import SpecError
from core.gradients.flow import GradientFlow, gradient_flow
from core.gradients.pattern import InputGradient, contribution_counts, input_gradient
from core.gradients.rebuild import BackwardPass, backward_by_hand_and_autograd
from core.gradients.recipe import FlowSpec, UpstreamGradient
from core.layer import LayerSpec
from viz.features.gradients import plots as figures
from viz.theme import OUTPUT

CONV = LayerSpec("convolution", (3, 3), (2, 2), ((1, 1), (1, 1)), out_channels=2)
POOL = LayerSpec("max_pooling", (2, 2), (2, 2))
WEIGHT = np.arange(1, 19, dtype=np.float32).reshape(2, 1, 3, 3) - 9.5


def measured(side: int = 8, kind: str = "unit", unit: tuple[int, int] = (1, 2)) -> InputGradient:
    arriving = UpstreamGradient(kind, unit if kind == "unit" else (0, 0), int(kind == "unit"))  # type: ignore[arg-type]
    return input_gradient(CONV, picture("china", (side, side)), WEIGHT, None, arriving)


def pooled(side: int = 8) -> InputGradient:
    return input_gradient(POOL, picture("china", (side, side)))


def heats(figure: Any) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def test_grids_hold_the_gradients() -> None:
    found = measured()
    figure = figures.gradient_figure(found, "a layer", 3.0)
    above, below = heats(figure)
    np.testing.assert_array_equal(above.z, found.gradient[0])
    np.testing.assert_array_equal(below.z, found.upstream[1])
    assert "a layer" in figure.layout.title.text
    captions = [note.text for note in figure.layout.annotations]
    assert captions[0] == "at the input: 9 of 64 px reached"
    assert captions[1].endswith("4×4, filter 1")
    for heat in (above, below):
        assert (heat.zmin, heat.zmax) == (-3, 3)
    assert above.showscale
    assert not below.showscale
    assert figure.layout.yaxis.range == (7.5, -0.5), "rows go down"


def test_the_chosen_unit_is_framed_and_all_units_can_be_clicked() -> None:
    figure = figures.gradient_figure(measured(), "a layer", 3.0)
    edge = next(trace for trace in figure.data if trace.name == "chosen unit")
    assert (min(edge.x[:5]), max(edge.x[:5]), min(edge.y[:5]), max(edge.y[:5])) == (
        1.5,
        2.5,
        0.5,
        1.5,
    )
    assert edge.line.color == OUTPUT
    click = figure.data[-1]
    assert {*zip(click.y, click.x, strict=True)} == {(r, c) for r in range(4) for c in range(4)}
    assert click.opacity == 0
    whole = figures.gradient_figure(measured(kind="all"), "a layer", 3.0)
    assert not [trace for trace in whole.data if trace.name == "chosen unit"]


@pytest.mark.parametrize("side", [4, 8, 11, 16, 17, 32])
def test_numbers_stand_in_cells_of_22_px_or_more(side: int) -> None:
    figure = figures.gradient_figure(measured(side, "random"), "a layer", 3.0)
    heat = heats(figure)[0]
    layout = figure.layout
    plot = layout.width - layout.margin.l - layout.margin.r
    cell = plot * (layout.xaxis.domain[1] - layout.xaxis.domain[0]) / side
    room = layout.height - layout.margin.t - layout.margin.b
    tall = room * (layout.yaxis.domain[1] - layout.yaxis.domain[0]) / side
    assert cell == pytest.approx(tall, rel=1e-6), "cells are square"
    assert (heat.text is not None) == (cell >= 22) == (side <= 16)
    assert layout.width <= 390, "fits a phone"
    if heat.text is not None:
        for row, col in np.ndindex(heat.z.shape):
            shown = float(heat.text[row][col].replace("−", "-"))
            assert shown == pytest.approx(float(heat.z[row][col]), rel=0.06)


@pytest.mark.parametrize(
    "value, cell, text",
    [
        (0, 40, "0"),
        (0.25, 28, ".25"),
        (-0.125, 40, "−.125"),
        (-0.125, 22, "−.12"),
        (-10.5, 40, "−10.5"),
        (10.04, 40, "10"),
    ],
)
def test_numbers_are_short(value: float, cell: int, text: str) -> None:
    assert figures.short(value, cell) == text


def test_one_scale_for_all() -> None:
    found = [measured(), measured(kind="random"), pooled()]
    top = figures.shared_top(found)
    assert top == max(float(np.abs(a).max()) for f in found for a in (f.gradient, f.upstream))
    silent = input_gradient(
        CONV, picture("china", (8, 8)), 0 * WEIGHT, None, UpstreamGradient("all")
    )
    assert figures.shared_top([silent]) == 1


def test_counts_say_whether_they_agree() -> None:
    reads = POOL.window.read_counts((8, 8))
    sent = contribution_counts(POOL, picture("china", (8, 8)))[0]
    figure = figures.counts_figure(reads, sent, "a pool", 1.0, even=True)
    above, below = heats(figure)
    np.testing.assert_array_equal(above.z, reads)
    np.testing.assert_array_equal(below.z, sent)
    captions = [note.text for note in figure.layout.annotations]
    assert captions[0].endswith(" evenly")
    assert captions[1].endswith("not the same")
    same = figures.counts_figure(reads, reads, "a layer", 1.0, even=False).layout.annotations
    assert same[0].text.endswith("unevenly")
    assert same[1].text.endswith(": the same")


def by_hand() -> BackwardPass:
    spec = LayerSpec("convolution", (3, 3), (2, 2), ((1, 1), (1, 1)))
    return backward_by_hand_and_autograd(spec, (8, 8), WEIGHT[:1], np.arange(16.0).reshape(1, 4, 4))


def test_steps_of_the_backward_pass() -> None:
    found = by_hand()
    (first,) = heats(figures.backward_figure(found, "arriving"))
    np.testing.assert_array_equal(first.z, found.upstream[0])
    (second,) = heats(figures.backward_figure(found, "inserted"))
    np.testing.assert_array_equal(second.z, found.surrounded[0])
    kernel, flipped = heats(figures.backward_figure(found, "flipped"))
    np.testing.assert_array_equal(kernel.z, WEIGHT[0, 0])
    np.testing.assert_array_equal(flipped.z, WEIGHT[0, 0, ::-1, ::-1])
    with pytest.raises(SpecError, match="step"):
        figures.backward_figure(found, "sweep")


def flow(activation: str = "relu") -> GradientFlow:
    return gradient_flow(
        FlowSpec(activation=activation, depth=6, levels=2, side=8, width=4, batch=2, draws=4)
    )


@pytest.mark.parametrize("weights", [False, True])
def test_flow_has_medians_and_bands(weights: bool) -> None:
    flows = {"ReLU": flow(), "sigmoid": flow("sigmoid")}
    figure = figures.flow_figure(flows, "by activation", ["noted"], weights=weights)
    lines = [trace for trace in figure.data if trace.name]
    assert [line.name for line in lines] == list(flows)
    assert len({(line.line.color, line.line.dash) for line in lines}) == 2
    for index, (line, found) in enumerate(zip(lines, flows.values(), strict=True)):
        norms = found.weight_norms if weights else found.norms
        np.testing.assert_allclose(line.y, np.median(norms, axis=0))
        np.testing.assert_array_equal(line.x, np.arange(norms.shape[1]) + weights)
        low, high = figure.data[3 * index : 3 * index + 2]
        assert (np.asarray(low.y) <= line.y).all()
        assert (np.asarray(high.y) >= line.y).all()
        halved = {x for x, s in zip(line.x, line.marker.symbol, strict=True) if s != "circle"}
        assert halved == found.spec.downsampling_layers
    low, high = (10.0**end for end in figure.layout.yaxis.range)
    assert all(low <= y <= high for trace in figure.data for y in trace.y)
    inside = [tick for tick in figure.layout.yaxis.tickvals if low <= tick <= high]
    assert 2 <= len(inside) <= 12
    assert "noted" in figure.layout.annotations[0].text


@pytest.mark.parametrize("count", [0, 6])
def test_flows_are_one_to_five(count: int) -> None:
    one = flow()
    with pytest.raises(SpecError, match="flows"):
        figures.flow_figure({str(n): one for n in range(count)}, "none")
