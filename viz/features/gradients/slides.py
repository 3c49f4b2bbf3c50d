"""Slides of the gradient page: grids of numbers, read counts, the backward pass, gradient norms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from numpy.typing import NDArray

from viz.features.gradients.plots import CURVES
from viz.slides.margins import bar, column_width, legend, noted, room
from viz.slides.parts import SMALL, box, cells, dashes, heat, plain, sheet, titled, wrapped
from viz.slides.style import Style
from viz.theme import OUTPUT

if TYPE_CHECKING:
    from core.gradients.flow import GradientFlow, ZeroGradientShare
    from core.gradients.pattern import InputGradient
    from core.gradients.rebuild import BackwardPass

Numbers = NDArray[Any]
Drawn = tuple[Axes, Any, Numbers]
"""Axes of a grid, the artist that draws it, and its numbers."""
MARKS = ("o", "s", "^", "v", "X")
BAR = 1.0
"""Inches that a color bar with its words takes beside the panels."""
MOST_NUMBERS = 12
"""Cells a side up to which numbers are tried in them."""


def layers(named: Mapping[str, InputGradient], style: Style, *, title: str, top: float) -> Figure:
    """Layers side by side: the gradient at the input above, the upstream gradient below.

    Args:
        named: Gradients by name of the layer, for layers with one input channel.
        style: Style of the slide.
        title: Title of the slide.
        top: Value at the upper end of the color scale, in all panels.
    """
    subtitle = "above: the gradient at the input; below: the upstream gradient at the output"
    figure, grid = _pairs(list(named), title, subtitle, style)
    points, across = SMALL * style.points, column_width(figure, grid[0][0], style, BAR) - 0.15
    above: list[Drawn] = []
    below: list[Drawn] = []
    for (first, second), (name, result) in zip(grid.T, named.items(), strict=False):
        plane, chosen = _chosen(result.upstream)
        of = f"{result.statistics.reached} of {result.gradient[0].size} px"
        size = "×".join(map(str, result.upstream.shape[1:]))
        for axes, values, row, words in (
            (first, result.gradient[0], above, [name, of]),
            (second, result.upstream[plane], below, [size]),
        ):
            row.append((axes, heat(axes, values, (-top, top), "signed", bar=False), values))
            _headed(axes, words, points, across)
        if chosen is not None:
            _framed(second, chosen)
    ticks = (-top, 0.0, top)
    names = [f"{tick:.3g}".replace("-", "−") for tick in ticks]
    inches = 0.8 * room(figure, style)[1]
    bar(list(grid.ravel()), above[0][1], "gradient", ticks, names, inches=inches)
    _numbered(above)
    _numbered(below)
    return figure


def _pairs(names: Sequence[str], title: str, subtitle: str, style: Style) -> tuple[Figure, Any]:
    """A sheet with two panels for each name, as many as can be headed legibly."""
    figure = sheet(style)
    titled(figure, title, subtitle, style)
    most = int(style.inches[0] / (1.55 * style.points / 14))
    if names[most:]:
        noted(figure, [f"Not shown: {'; '.join(names[most:])}."], style)
    return figure, figure.subplots(2, min(most, len(names)), squeeze=False)


def _chosen(arriving: Numbers) -> tuple[int, tuple[int, int] | None]:
    """The plane that is shown, and its unit where a single one sends a gradient."""
    if np.count_nonzero(arriving) != 1:
        return 0, None
    plane, row, col = (int(axis[0]) for axis in np.nonzero(arriving))
    return plane, (row, col)


def _framed(axes: Axes, unit: tuple[int, int]) -> None:
    """Draw a frame around a unit."""
    row, col = unit
    box(axes, col - 0.5, col + 0.5, row - 0.5, row + 0.5, edgecolor=OUTPUT, linewidth=4)


def _headed(axes: Axes, parts: Sequence[str], points: float, inches: float) -> None:
    """Words above a grid, in place of numbers beside it; after `heat`, which sets those."""
    lines = [line for part in parts for line in wrapped(part, points, inches)]
    axes.set_title("\n".join(lines), fontsize=points, linespacing=1.1)
    axes.set(xticks=[], yticks=[])


def _numbered(drawn: Sequence[Drawn]) -> None:
    """Write numbers into the cells of all grids if they fit in each of them; zeros stay empty."""
    figure = drawn[0][0].get_figure(root=True)
    assert figure is not None
    engine, done = figure.get_layout_engine(), True
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # one layout is enough to measure a cell
    for axes, artist, values in drawn:
        some = np.where(values == 0, np.nan, np.round(values.astype(float), 3))
        done = done and max(values.shape) <= MOST_NUMBERS and cells(axes, artist, some, ".2g")
    figure.set_layout_engine(engine)
    if not done:
        for axes, _, _ in drawn:
            for text in list(axes.texts):
                text.remove()


def counts(
    named: Mapping[str, tuple[Numbers, Numbers, bool]], style: Style, *, title: str
) -> Figure:
    """Windows that read each pixel, in closed form, above the units that send it a gradient.

    Args:
        named: Reads, sent gradients and evenness (see `compute.ReadCounts`) by name of the layer.
        style: Style of the slide.
        title: Title of the slide.
    """
    subtitle = "above: windows that read a pixel; below: units that send it a gradient"
    figure, grid = _pairs(list(named), title, subtitle, style)
    top = float(max(max(reads.max(), sent.max()) for reads, sent, _ in named.values()))
    points, across = SMALL * style.points, column_width(figure, grid[0][0], style, BAR) - 0.15
    drawn = []
    for pair, (name, (reads, sent, even)) in zip(grid.T, named.items(), strict=False):
        same = "the same" if (reads == sent).all() else "not the same"
        words = [[name, "even" if even else "uneven"], [same]]
        for axes, values, parts in zip(pair, (reads, sent), words, strict=True):
            drawn.append((axes, heat(axes, values, (0, top), bar=False), values))
            _headed(axes, parts, points, across)
    ticks = list(range(0, int(top) + 1, max(1, round(top / 5))))
    inches = 0.8 * room(figure, style)[1]
    bar(list(grid.ravel()), drawn[0][1], "windows, or units", ticks, inches=inches)
    _numbered(drawn)
    return figure


def backward(result: BackwardPass, style: Style, *, title: str) -> Figure:
    """The backward pass by hand: upstream gradient, zeros between, kernel turned, result."""
    same = "the same" if result.difference < 1e-6 else "they differ"
    subtitle = f"by hand and by PyTorch's autograd: off by at most {result.difference:.1g}, {same}"
    figure = sheet(style)
    titled(figure, f"{title}: its backward pass", subtitle, style)
    steps = {
        "1 upstream gradient": result.upstream[0],
        "2 zeros between": result.surrounded[0],
        "3 kernel, turned": result.kernel[0, 0],
        "4 gradient": result.gradient[0],
    }
    wide = style.inches[0] > 8
    grid = figure.subplots(1 if wide else 2, 4 if wide else 2, squeeze=False)
    across = column_width(figure, grid[0][0], style) - 0.3
    points, drawn = 0.85 * style.points, []
    for axes, (name, values) in zip(grid.ravel(), steps.items(), strict=True):
        size = "×".join(map(str, values.shape))
        top = float(np.abs(values).max()) or 1.0
        drawn.append((axes, heat(axes, values, (-top, top), "signed", bar=False), values))
        _headed(axes, [name, size], points, across)
    noted(figure, ["Blue: negative, red: positive, empty: 0; each grid on its own scale."], style)
    for each in drawn:
        _numbered([each])
    return figure


def flow(
    flows: Mapping[str, GradientFlow],
    style: Style,
    *,
    title: str,
    notes: Sequence[str] = (),
    weights: bool = False,
) -> Figure:
    """Norm of the gradient over the layers: a line through the medians, a band of the draws.

    Args:
        flows: One to five networks by label.
        style: Style of the slide.
        title: Title of the slide.
        notes: Lines at the foot.
        weights: Whether to draw the norms at the layers' weights instead of at their outputs.
    """
    figure = sheet(style)
    titled(figure, title, "", style)
    noted(figure, notes, style)
    axes = figure.add_subplot()
    handles = [
        _flow(axes, number, label, each, weights)
        for number, (label, each) in enumerate(flows.items())
    ]
    axes.set_yscale("log")
    _decades(axes)
    plain(axes)
    what = "norm at the weights" if weights else "gradient norm"
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set(xlabel="layer (0: the image)", ylabel=what)
    legend(figure, handles, style)
    return figure


def _flow(axes: Axes, number: int, label: str, flow: GradientFlow, weights: bool) -> Line2D:
    """Draw the band and the line of a network; returns the line for the legend."""
    norms = flow.weight_norms if weights else flow.norms
    tiny = np.finfo(np.float64).tiny  # a logarithmic axis has no zero
    middle = np.maximum(np.median(norms, axis=0), tiny)
    low, high = np.maximum(np.percentile(norms, (10, 90), axis=0), tiny)
    x, color = np.arange(norms.shape[1]) + weights, CURVES[number][0]
    axes.fill_between(x, low, high, color=color, alpha=0.18, linewidth=0)
    every = max(1, -(-len(x) // 24))
    look: dict[str, Any] = {"color": color, "ls": dashes(number), "marker": MARKS[number]}
    (line,) = axes.plot(x, middle, label=label, markevery=every, ms=7, **look)
    downsampled = [
        int(place) for place in np.flatnonzero(np.isin(x, list(flow.spec.downsampling_layers)))
    ]
    axes.plot(x[downsampled], middle[downsampled], ls="", marker="<", ms=13, color=color)
    return line


def _decades(axes: Axes) -> None:
    """At most eight numbers on a logarithmic axis, all in one spelling."""
    low, high = (float(np.log10(edge)) for edge in axes.get_ylim())
    digits = (1, 1.5, 2, 3, 5, 7) if high - low < 1 else (1, 2, 5) if high - low < 3 else (1,)
    step = max(1, int(np.ceil((high - low) / 7)))
    powers = range(int(np.floor(low / step)) * step, int(np.ceil(high)) + 1, step)
    ticks = [digit * 10.0**power for power in powers for digit in digits]
    axes.yaxis.set_major_locator(FixedLocator([t for t in ticks if 10**low <= t <= 10**high]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(lambda value, _: _power(value))


def _power(value: float) -> str:
    """``0.05``, ``1e−6``."""
    return f"{value:g}".replace("e-0", "e-").replace("-", "−")


def dead(shares: Sequence[ZeroGradientShare], style: Style) -> Figure:
    """Pixels without a gradient below stacked max-pools, measured beside 1 − 4^−L."""
    figure = sheet(style)
    subtitle = "of each 2×2 window one pixel wins; through L layers one of 4ᴸ is left"
    titled(figure, "Pixels that stacked max pooling sends no gradient", subtitle, style)
    axes = figure.add_subplot()
    levels = [share.levels for share in shares]
    look: dict[str, Any] = {"color": OUTPUT, "hatch": "//", "edgecolor": "white"}
    bars = axes.bar(levels, [share.measured for share in shares], 0.6, label="measured", **look)
    ring: dict[str, Any] = {"ls": "", "marker": "D", "ms": 12, "color": style.ink["text"]}
    (marks,) = axes.plot(levels, [s.expected for s in shares], label="1 − 4⁻ᴸ", **ring)
    for share in shares:
        text = f"{100 * share.measured:.5g} %"
        axes.text(share.levels, 0.5 * share.measured, text, ha="center", color="white",
                  fontweight="bold", fontsize=0.85 * style.points,
                  bbox={"fc": "#1A1A1A", "ec": "none", "pad": 3})  # fmt: skip
    plain(axes)
    axes.grid(False, axis="x")
    axes.set(xlabel="2×2 max-pools, one behind the other, L", ylabel="share of the image")
    axes.set(xticks=levels, ylim=(0, 1.08))
    legend(figure, [bars, marks], style)
    return figure
