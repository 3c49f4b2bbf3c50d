"""Slides of training runs: curves over the steps, final accuracies, numbers by layer and step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator

from viz.features.training.map_plots import flow_span
from viz.features.training.plot_parts import (
    FLOWING,
    LEARNING,
    NOTHING,
    Band,
    Table,
    bands,
    dead_table,
    final_accuracies,
    flow_table,
    learning,
    log_ticks,
    look,
    paces,
    seeds_note,
    shift_bands,
    sigma,
)
from viz.slides.margins import bar, is_wide, legend, noted, room
from viz.slides.parts import colormap, dashes, plain, sheet, titled, wrapped
from viz.slides.style import Style

if TYPE_CHECKING:
    from core.training.records import Record

    Runs = Mapping[tuple[int, int], Sequence[Record]]

MOST_MARKS = 12
"""At most this many markers stand on a line; more would hide its dash."""
DOTS = ("o", "s", "D", "^")
"""The markers of the nets, as on the page."""
ROUND = [1, 2, 5, 10]
"""Steps of the numbers on an axis are these times a power of ten."""
BAND_OPACITY = 0.18
"""Opacity of a band."""


def curve(runs: Runs, names: Sequence[str], what: str, style: Style, *, task: str) -> Figure:
    """A number of `LEARNING` over the steps: the mean over the seeds, and the range as a band.

    Args:
        runs: Records by (net, seed).
        names: Names of the nets.
        what: A key of `LEARNING`.
        style: Size, resolution and colors.
        task: The task in words.
    """
    title, axis = LEARNING[what]
    curves = bands(runs, len(names), learning(what))
    figure, (axes,) = _framed(title, task, runs, names, curves, style)
    _draw(axes, curves)
    axes.set(xlabel="step", ylabel=axis)
    if what == "loss" and any(len(band.x) for band in curves):
        _decades(axes)
    return figure


def widths(runs: Runs, names: Sequence[str], style: Style, *, task: str) -> Figure:
    """σ of the center unit's effective field over the steps."""
    curves = bands(runs, len(names), sigma)
    title = "Width of the effective field while it learns"
    figure, (axes,) = _framed(title, task, runs, names, curves, style)
    _draw(axes, curves)
    axes.set(xlabel="step", ylabel="σ (px)")
    return figure


def shifts(runs: Runs, names: Sequence[str], style: Style, *, task: str) -> Figure:
    """Shifts of the test images: unchanged predictions and accuracy, of finished runs."""
    agreement = shift_bands(runs, len(names), lambda shifted: shifted.agreement)
    accuracy = shift_bands(runs, len(names), lambda shifted: shifted.accuracy)
    title = "Test images moved right by whole pixels"
    figure, drawn = _framed(title, task, runs, names, agreement, style, 2)
    for axes, curves, name in zip(
        drawn, (agreement, accuracy), ("unchanged", "accuracy"), strict=True
    ):
        _draw(axes, curves)
        axes.set(ylabel=f"{name} (%)")
    for axes in drawn if is_wide(style) else drawn[-1:]:
        axes.set(xlabel="moved by (px)")
    return figure


def _framed(
    title: str,
    task: str,
    runs: Runs,
    names: Sequence[str],
    curves: Sequence[Band],
    style: Style,
    panels: int = 1,
) -> tuple[Figure, list[Axes]]:
    """An empty figure with title, a note on lines and bands, and a legend of the nets."""
    figure = sheet(style)
    titled(figure, title, task, style)
    begun = {key: records for key, records in runs.items() if len(curves[key[0]].x)}
    noted(figure, seeds_note(begun, len(names)), style)
    drawn = [net for net, band in enumerate(curves) if len(band.x)]
    if drawn:
        legend(figure, [Line2D([], [], label=names[net], **_look(net)) for net in drawn], style)
    wide = is_wide(style)
    shape = (1, panels) if wide else (panels, 1)
    return figure, list(figure.subplots(*shape, squeeze=False, sharex=True).ravel())


def _look(net: int) -> dict[str, Any]:
    """Color, dashes and marker of a net, as arguments of ``Axes.plot``."""
    return {"color": look(net)[0], "ls": dashes(net), "marker": DOTS[net % len(DOTS)], "ms": 8}


def _draw(axes: Axes, curves: Sequence[Band]) -> None:
    """Draw the mean of each net as a line, and the range over the seeds as a band."""
    for net, band in enumerate(curves):
        if not len(band.x):
            continue
        every = max(1, -(-len(band.x) // MOST_MARKS))
        axes.plot(band.x, band.mean, markevery=every, **_look(net))
        if (band.seeds > 1).any():
            axes.fill_between(
                band.x, band.low, band.high, color=look(net)[0], alpha=BAND_OPACITY, linewidth=0
            )
    plain(axes)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True, steps=ROUND))
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=ROUND))
    axes.ticklabel_format(axis="y", useOffset=False)


def _decades(axes: Axes) -> None:
    """Make the y axis logarithmic, with all its numbers in one notation."""
    axes.set_yscale("log")
    low, high = (float(np.log10(edge)) for edge in axes.get_ylim())
    ticks, names = log_ticks((low, high))
    axes.yaxis.set_major_locator(FixedLocator([10.0**tick for tick in ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_ticklabels(names)


def accuracies(runs: Runs, names: Sequence[str], style: Style, *, task: str) -> Figure:
    """Test accuracy after the last step: every seed a mark, their mean a line across."""
    figure = sheet(style)
    titled(figure, "Test accuracy after the last step", task, style)
    noted(figure, ["Every mark is a seed; the long line is their mean."], style)
    axes = _rows(figure, names, style)
    for net in range(len(names)):
        values = list(final_accuracies(runs, net).values())
        if not values:
            axes.text(0.01, net, "not finished", va="center", transform=axes.get_yaxis_transform())
            continue
        mark = _look(net) | {"ls": "", "ms": 11, "mec": style.ink["background"], "clip_on": False}
        axes.plot(values, net + np.linspace(-0.1, 0.1, len(values)), **mark)
        mean, color = float(np.mean(values)), look(net)[0]
        axes.plot([mean, mean], [net - 0.24, net + 0.24], color=color, lw=3.5)
        axes.text(mean, net - 0.27, f"{mean:.3g} %", ha="center", va="bottom")
    axes.set(xlabel="accuracy (%)")
    axes.margins(x=0.12)
    return figure


def pace(runs: Runs, names: Sequence[str], style: Style, *, task: str) -> Figure:
    """Time of a step: the median of the records, and the middle half of them."""
    figure = sheet(style)
    titled(figure, "Time of a step", task, style)
    noted(figure, ["Median of the records; thin line: the middle half of them."], style)
    axes = _rows(figure, names, style)
    for net in range(len(names)):
        milliseconds = paces(runs, net)
        if not milliseconds.size:
            continue
        low, middle, high = (float(each) for each in np.percentile(milliseconds, (25, 50, 75)))
        color, _, _, hatch = look(net)
        axes.barh(net, middle, 0.5, color=color, hatch=hatch, edgecolor=style.ink["background"])
        ends: dict[str, Any] = {"color": style.ink["muted"], "lw": 2.5, "marker": "|", "ms": 10}
        axes.plot([low, high], [net, net], **ends)
        axes.text(high, net, f"  {middle:.3g} ms", va="center")
    axes.set(xlabel="time of a step (ms)")
    axes.set_xlim(0, 1.3 * axes.get_xlim()[1])
    return figure


def _rows(figure: Figure, names: Sequence[str], style: Style) -> Axes:
    """A row for each net, its name on the left, the first on top."""
    axes = figure.add_subplot()
    plain(axes)
    axes.grid(False, axis="y")
    across = 0.3 * style.inches[0]
    lines = ["\n".join(wrapped(name, 0.85 * style.points, across)) for name in names]
    axes.set_yticks(range(len(names)), lines)
    axes.set_ylim(len(names) - 0.5, -0.6)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=ROUND))
    return axes


def layers(runs: Runs, run: tuple[int, int], what: str, style: Style, *, title: str) -> Figure:
    """A number by layer (the first on top) and step, of one run.

    Args:
        runs: by (net, seed); those of `FLOWING` have one scale for all of them.
        run: (net, seed) of the run that is drawn.
        what: A key of `FLOWING`, or "dead" for the share of dead channels of every ReLU.
        style: Size, resolution and colors.
        title: Title of the figure: the net's name.
    """
    records = runs.get(run, ())
    dead = what == "dead"
    table = dead_table(records) if dead else flow_table(records, what)
    heading = "Dead channels of every ReLU" if dead else FLOWING[what][0]
    figure = sheet(style)
    titled(figure, heading, title, style)
    scale = [] if dead or len(runs) < 2 else ["One color scale for all nets and seeds."]
    noted(figure, scale if table.layers else [NOTHING], style)
    axes = figure.add_subplot()
    if not table.layers:
        axes.axis("off")
        return figure
    span = (0.0, 100.0) if dead else flow_span(runs, what)
    ticks, names = ([0.0, 50.0, 100.0], ["0", "50", "100"]) if dead else log_ticks(span)
    artist = _layer_step_map(axes, table, span, not dead)
    _named(axes, table, style)
    label = "dead channels (%)" if dead else FLOWING[what][1]
    bar(axes, artist, label, ticks, names, inches=0.85 * room(figure, style)[1])
    return figure


def _layer_step_map(axes: Axes, table: Table, span: tuple[float, float], log: bool) -> Any:
    """Draw a table as a color map with a row for each layer and a column for each record."""
    values = table.values
    if log:
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.log10(values)
        values = np.where(np.isfinite(values), np.maximum(values, span[0]), np.nan)
    steps = np.array(table.steps, dtype=float)
    middles = (steps[1:] + steps[:-1]) / 2
    half = (steps[1] - steps[0]) / 2 if len(steps) > 1 else 0.5
    edges = np.concatenate([[steps[0] - half], middles, [steps[-1] + half]])
    rows = np.arange(len(table.layers) + 1) - 0.5
    look: dict[str, Any] = {"cmap": colormap("magnitude"), "vmin": span[0], "vmax": span[1]}
    return axes.pcolormesh(edges, rows, np.ma.masked_invalid(values), edgecolors="face", **look)


def _named(axes: Axes, table: Table, style: Style) -> None:
    """Write the layers' names at the left, as many as fit, and the steps below."""
    count = len(table.layers)
    every = max(1, -(-count // int(style.inches[1] * 72 / style.points / 2)))
    places = range(0, count, every)
    axes.set_yticks(list(places), [table.layers[place] for place in places])
    axes.set_ylim(count - 0.5, -0.5)
    axes.set(xlabel="step")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, steps=ROUND))
