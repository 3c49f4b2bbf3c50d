"""The Plotly renderer: a panel's figure says what its description says."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import ceil
from typing import Any, get_args

import numpy as np
import plotly.graph_objects as go
import pytest

from core.plots.maps import bare_axes, cell_texts, cells_across, cells_down, pixel_axes
from core.plots.plot import Boxes, Color, Heat, Panel, Scale
from tests.viz.plots.gallery import LOG, PLOTS, SIGNED, line_panel, map_panel
from viz.plots import sizes
from viz.plots.colors import GROUND, color_at, ink_on, luminance, screen_color
from viz.plots.panel import panel_figure
from viz.plots.sizes import map_size, margins, panel_height, width_for_texts
from viz.theme import UNREAD

EVERY = [pytest.param(panel, id=f"{name} {n}")
         for name, plot in PLOTS.items() for n, panel in enumerate(plot.panels)]  # fmt: skip


@pytest.mark.parametrize("panel", EVERY)
@pytest.mark.parametrize("dark", [False, True])
def test_plotly_accepts_every_panel(panel: Panel, dark: bool) -> None:
    figure = panel_figure(panel, 1.5, dark=dark)
    sent = figure.to_dict()
    checked = go.Figure(panel_figure(panel, 1.5, dark=dark))  # raises where it is not valid
    assert len(checked.data) == len(sent["data"])
    assert checked.layout.height == panel_height(panel, 1.5)
    assert not checked.layout.showlegend


@pytest.mark.parametrize("side", [1, 3, 22, 23, 100, 224, 520])
@pytest.mark.parametrize("enlarged", [1.0, 1.5])
def test_a_map_is_a_whole_multiple_of_its_cells(side: int, enlarged: float) -> None:
    panel = map_panel(side)
    width, height = map_size(panel, enlarged)
    assert width % cells_across(panel) == height % cells_down(panel) == 0
    assert width <= 520 * enlarged < width + side


@pytest.mark.parametrize("size", ["small", "medium", "large"])
@pytest.mark.parametrize("side", [1, 7, 19, 48, 56, 96, 133, 150, 224, 265, 300, 1000])
def test_a_map_has_200_pixels_and_whole_ones_for_what_it_draws(side: int, size: Any) -> None:
    panel = replace(map_panel(side), size=size)
    assert 200 <= map_size(panel)[0] <= 520
    across, _ = sizes.drawn_cells(panel)
    drawn = panel_figure(panel).data[0].z.shape[1]
    assert drawn == ceil(across - 1e-9)
    assert map_size(panel)[0] / across == pytest.approx(
        round(map_size(panel)[0] / across), rel=0.01
    )


def test_a_map_that_is_too_large_becomes_one_of_means() -> None:
    figure = panel_figure(map_panel(1000, LOG))
    z = np.asarray(figure.data[0].z)
    assert max(z.shape) <= 520
    assert figure.data[0].x[0] == -0.5
    assert figure.data[0].x[-1] >= 999.5


def test_a_map_keeps_values_gaps_and_axes() -> None:
    panel = map_panel()
    heat = panel.marks[0]
    assert isinstance(heat, Heat)
    figure = panel_figure(panel)
    drawn = figure.data[0]
    np.testing.assert_allclose(drawn.customdata, heat.values, rtol=1e-6)
    np.testing.assert_allclose(drawn.z, SIGNED.shares(heat.values), rtol=1e-6)
    assert list(drawn.x) == list(drawn.y) == [-0.5, 0.5, 1.5, 2.5, 3.5, 4.5]
    assert list(figure.layout.yaxis.range) == [4.5, -0.5]
    assert figure.layout.yaxis.scaleanchor == "x"
    assert figure.layout.xaxis.title.text == "column (px)"


def test_texts_in_cells_are_black_or_white_by_luminance_and_need_room() -> None:
    panel = map_panel()
    heat = panel.marks[0]
    assert isinstance(heat, Heat)
    (texts,) = (t for t in panel_figure(panel).data if t.type == "scatter" and t.mode == "text")
    assert [t for row in heat.texts for t in row] == list(texts.text)
    inks = np.array(texts.textfont.color).reshape(5, 5)
    shares = SIGNED.shares(heat.values)
    for place in np.ndindex(5, 5):
        if np.isfinite(shares[place]):
            assert inks[place] == ink_on(color_at(SIGNED, float(shares[place])))
    assert not [
        t for t in panel_figure(map_panel(30)).data if t.type == "scatter" and t.mode == "text"
    ]


def test_cells_that_are_too_low_have_the_first_lines_of_their_texts_only() -> None:
    def texts(rows: int) -> set[str]:
        values = np.ones((rows, 2))
        heat = Heat(values, SIGNED, texts=[["4\n12"] * 2] * rows, hover=[["a\nb"] * 2] * rows)
        figure = panel_figure(Panel((heat,)))
        assert figure.data[0].hovertext[0][0] == "a<br>b"
        return {text for t in figure.data if t.type == "scatter" for text in t.text}

    assert texts(4) == {"4<br>12"}
    assert texts(12) == {"4"}
    assert not texts(40)


def test_texts_need_cells_of_their_width() -> None:
    def width(text: str, columns: int) -> int:
        heat = Heat(np.ones((1, columns)), SIGNED, texts=[[text] * columns])
        return width_for_texts(Panel((heat,)))

    assert width("", 4) < width("4", 4) < width("4096×4096", 4) < width("4096×4096", 8)
    low = Heat(np.ones((50, 9)), SIGNED, texts=[["0.123"] * 9] * 50)
    assert width_for_texts(line_panel()) == width_for_texts(Panel((low,))) == 0


@pytest.mark.parametrize("color, ink", [("#FFFFFF", "#000000"), ("#000000", "#FFFFFF"),
                                        ("#B2182B", "#FFFFFF"), ("#FEE838", "#000000")])  # fmt: skip
def test_ink_has_the_higher_contrast(color: str, ink: str) -> None:
    assert ink_on(color) == ink


def test_a_click_can_select_every_cell() -> None:
    (spots,) = (
        t
        for t in panel_figure(map_panel()).data
        if t.type == "scatter" and t.mode == "markers" and t.opacity == 0
    )
    assert sorted(zip(spots.y, spots.x, strict=True)) == [
        (r, c) for r in range(5) for c in range(5)
    ]


def test_lines_bands_bars_and_words_are_drawn() -> None:
    figure = panel_figure(line_panel())
    names = [trace.name for trace in figure.data]
    assert {"squares", "bars", "unread"} <= set(names)
    line = figure.data[names.index("squares")]
    assert list(line.y) == [n**2 for n in range(1, 9)]
    band = figure.data[names.index("squares") - 1]
    assert (min(band.y), max(band.y), band.fill) == (0, 65, "toself")
    bars = figure.data[names.index("bars")]
    assert list(bars.y) == [10, 20]
    edge, error = (trace.error_y for trace in figure.data if trace.error_y.array is not None)
    assert (list(error.array), list(error.arrayminus)) == ([2, 2], [2, 2])
    assert edge.thickness > error.thickness
    assert bars.error_y.array is None, "it would lie below the edge"
    assert any("a &amp; b" in str(trace.text) for trace in figure.data)


def test_a_dark_edge_has_the_dashes_of_its_line() -> None:
    """Plotly's own dashes grow with the width of the line, and would show beside it."""
    for dash, lengths in (("dash", "9px,9px"), ("dot", "3px,3px"), ("solid", "solid")):
        boxes = Boxes([(0, 1, 0, 1)], dash=dash, width=2.5, cased=True)  # type: ignore[arg-type]
        edge, line = panel_figure(Panel((boxes,))).data
        assert edge.line.width > line.line.width
        assert (edge.line.dash, line.line.dash) == (lengths, dash)


def test_logarithmic_axes_have_the_same_numbers() -> None:
    axis = panel_figure(line_panel(log=True)).layout.yaxis
    assert axis.type == "log"
    assert all(10 ** axis.range[0] <= tick <= 10 ** axis.range[1] for tick in axis.tickvals)
    steps = [b / a for a, b in pairwise(axis.tickvals)]
    assert min(steps) > 1


def test_margins_hold_the_longest_name_on_an_axis() -> None:
    (bars, _) = PLOTS["bars"].panels
    narrow = replace(bars, y=replace(bars.y, names=("a", "b")))
    assert margins(bars)["l"] > margins(narrow)["l"] + 60
    longest = max(len(line) for _, name in sizes.axis_numbers(bars, "y", 1)
                  for line in name.split("\n"))  # fmt: skip
    assert longest <= sizes.LONGEST_NAME


def test_everything_in_pixels_grows_with_the_projector() -> None:
    def lengths(enlarged: float) -> list[Any]:
        figure = panel_figure(line_panel(), enlarged)
        names = [trace.name for trace in figure.data]
        line = figure.data[names.index("squares")]
        return [line.line.width, line.marker.size, figure.layout.xaxis.tickfont.size]

    assert lengths(2.0) == [2 * length for length in lengths(1.0)]


def test_lines_separate_cells_with_gaps_and_zeros_lie_on_their_color() -> None:
    values = np.array([[0.0, 1.0]])
    scale = Scale("gradient", 0, 1, zero="unread")
    axes = pixel_axes((-0.5, 0.5), (-0.5, 1.5))
    figure = panel_figure(Panel((Heat(values, scale, gaps=True),), *axes, cell=1.0))
    cells, lines = figure.data
    assert set(lines.x) - {None} == {-0.5, 0.5, 1.5}
    assert set(lines.y) - {None} == {-0.5, 0.5}
    assert np.isnan(np.asarray(cells.z)[0, 0])
    assert np.asarray(cells.customdata)[0, 0] == 0
    area, frame = figure.layout.shapes
    assert frame.xref == "x domain"
    assert (area.fillcolor, area.layer) == (UNREAD, "below")
    assert (area.x0, area.x1, area.y0, area.y1) == (-0.5, 1.5, -0.5, 0.5)


def test_the_sign_of_cells_without_numbers_is_marked_in_both_themes() -> None:
    signed = np.array([[-2.0, 2.0], [0.0, -0.1]])
    for side, texts, dashed in ((2, False, True), (2, True, False), (100, False, False)):
        values = np.kron(signed, np.ones((side // 2, side // 2)))
        heat = Heat(values, SIGNED, texts=cell_texts(values) if texts else ())
        panel = Panel((heat,), *bare_axes(side, side), cell=1.0, size="small")
        for dark in (False, True):
            _, *marks = panel_figure(panel, dark=dark).data
            lines = [mark for mark in marks if mark.mode == "lines"]
            assert len(lines) == dashed
            if dashed:
                assert list(lines[0].x[:2]) == [-0.25, 0.25]
                assert contrast(lines[0].line.color, color_at(SIGNED, 0, dark)) >= 3
                assert contrast(lines[0].line.color, color_at(SIGNED, 0.45, dark)) >= 3


def contrast(one: str, other: str) -> float:
    """Contrast of two colors (WCAG 2)."""
    low, high = sorted(map(luminance, (one, other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("dark", [False, True])
def test_colors_are_seen_on_their_paper(dark: bool) -> None:
    for color in get_args(Color):
        if color not in ("white", "black"):
            least = 7 if color == "text" else 4.5 if color == "muted" else 2.2
            assert contrast(screen_color(color, dark), GROUND[dark]) >= least, color
    if dark:
        for color in ("input", "window", "output", "unread", "padding", "pinned"):
            assert contrast(screen_color(color, dark), GROUND[dark]) >= 4, color
