"""Larger pictures: every length in pixels grows by the factor, and no data does."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from viz.plots.enlarge import enlarged
from viz.plots.figure import Figure

TRACE = {
    "type": "heatmap",
    "x": np.arange(3.0),
    "width": 0.5,
    "textfont": {"size": 11},
    "marker": {"size": np.array([4.0, 6.0]), "line": {"width": 2}},
    "contours": {"size": 0.1},
}
LAYOUT = {"height": 300, "margin": {"l": 10, "t": 20}, "xaxis": {"range": [0, 5], "dtick": 1}}


@given(st.floats(1.1, 4))
def test_pixels_grow_and_data_stay(by: float) -> None:
    trace, layout = enlarged(TRACE, by), enlarged(LAYOUT, by, "layout")
    assert trace["textfont"]["size"] == 11 * by
    assert (trace["marker"]["size"] == TRACE["marker"]["size"] * by).all()
    assert trace["marker"]["line"]["width"] == 2 * by
    assert (trace["x"] == TRACE["x"]).all()
    assert (trace["width"], trace["contours"]["size"]) == (0.5, 0.1)
    assert (layout["height"], layout["margin"]) == (300 * by, {"l": 10 * by, "t": 20 * by})
    assert layout["xaxis"] == LAYOUT["xaxis"]


def test_a_figure_goes_to_the_browser_larger_and_stays_as_it_was(monkeypatch) -> None:
    figure = Figure([TRACE], LAYOUT)
    desk = figure.to_dict()["layout"]
    monkeypatch.setattr(Figure, "scale", staticmethod(lambda: 1.5))
    wall = figure.to_dict()["layout"]
    assert (desk["height"], wall["height"], wall["font"]["size"]) == (300, 450, 18)
    assert LAYOUT["height"] == 300
