"""One plot with every kind of mark, and plots at the extremes, for the tests of both renderers."""

from __future__ import annotations

import numpy as np

from core.plots.maps import cell_texts, pixel_axes
from core.plots.plot import (
    Bars,
    Boxes,
    Heat,
    Panel,
    Photo,
    Plot,
    PlotAxis,
    Points,
    Polyline,
    Scale,
    Words,
    signed_scale,
)

RNG = np.random.default_rng(0)
SIGNED = signed_scale("gradient", np.array([-2.0, 1.0]))
LOG = Scale("energy, share of the peak", 1e-4, 1, log=True)


def map_panel(side: int = 5, scale: Scale = SIGNED, title: str = "a map") -> Panel:
    """A map with numbers, outlines and a symbol."""
    values = RNG.uniform(-2, 2, (side, side))
    values[0, 0] = np.nan
    marks = (
        Heat(values, scale, texts=cell_texts(values), gaps=True, select=True),
        Boxes([(0.5, 2.5, 0.5, 2.5)], "field <1>", "window", "dash", cased=True),
        Polyline([0, 1, np.nan, 2], [0, 1, 1, 2], "σ", "white", cased=True),
        Points([2], [2], "center", "output", "cross", 11),
    )
    return Panel(marks, *pixel_axes((-0.5, side - 0.5), (-0.5, side - 0.5)), title, "σ 2 px", 1.0)


def line_panel(log: bool = False) -> Panel:
    """Lines, a band, bars and words."""
    x = np.arange(1.0, 9.0)
    marks = (
        Polyline(x, x**2, "squares", symbol="diamond", low=x**2 - 1, high=x**2 + 1),
        Bars([2, 4], [10, 20], "bars", "output", "/", low=np.array([8, 18]),
             high=np.array([12, 22]), texts=("ten", "twenty")),
        Words([3], [40], ["a & b"], "above", bold=True),
        Boxes([(5, 6, 5, 20)], "unread", "unread", width=0, hatch="/"),
    )  # fmt: skip
    return Panel(marks, PlotAxis("step", whole=True), PlotAxis("loss (nats)", log=log))


def photo_panel() -> Panel:
    """A photograph below a transparent map."""
    values = np.abs(RNG.normal(size=(8, 12)))
    heat = Heat(values, Scale("share", 0, 1, "overlay"))
    pixels = RNG.integers(0, 255, (8, 12, 3)).astype(np.uint8)
    return Panel((Photo(pixels), heat), *pixel_axes((-0.5, 7.5), (-0.5, 11.5)), cell=1.0)


def bar_panel() -> Panel:
    """Bars from left to right with long names."""
    names = ("3×3 convolution, stride 2, then ReLU", "max pooling")
    bars = Bars([0, 1], [3.5, 12], "time", hatch="x", across=True, texts=("3.5 ms", "12 ms"))
    down = PlotAxis(low=1.6, high=-0.6, ticks=(0.0, 1.0), names=names, grid=False)
    return Panel((bars,), PlotAxis("time (ms)", low=0, high=16), down, rows=2)


def layer_panel() -> Panel:
    """A map with more named rows than fit on half a slide."""
    names = tuple(f"layer {number}" for number in range(20))
    places = tuple(map(float, range(20)))
    down = PlotAxis(low=19.5, high=-0.5, ticks=places, names=names, grid=False)
    return Panel((Heat(RNG.uniform(0, 1, (20, 9)), LOG),), PlotAxis("step"), down)


NOTE = "A note that is long enough to need more than one line on half a slide, for it goes on."
PLOTS = {
    "map": Plot("A map", (map_panel(),), "A map.", notes=(NOTE,)),
    "log": Plot("Energy", (map_panel(30, LOG), map_panel(30, LOG)), "Two maps.", "below the title"),
    "large": Plot("Large", (map_panel(1000, LOG),), "A large map.", notes=(NOTE,)),
    "lines": Plot("Lines", (line_panel(), line_panel(log=True)), "Lines.", notes=(NOTE,)),
    "photo": Plot("Photograph", (photo_panel(),), "A photograph."),
    "bars": Plot("Bars", (bar_panel(), bar_panel()), "Bars.", shared_rows=True),
    "empty": Plot("Nothing", (Panel(()),), "Nothing.", notes=("Nothing to draw yet.",)),
    "many": Plot("Many", tuple(map_panel(9) for _ in range(6)), "Six maps.", half=2),
    "row": Plot(
        "A row", tuple(map_panel(30, LOG) for _ in range(6)), "Six maps.", notes=(NOTE,) * 3
    ),
    "layers": Plot("Layers", (layer_panel(),), "Twenty layers."),
    "two scales": Plot("Two", (map_panel(), map_panel(6, LOG)), "Two scales."),
}
"""Plots by what is special about them."""
