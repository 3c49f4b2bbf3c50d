"""Slides that compare blocks: feature maps, input gradients, times, memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from viz.features.blocks.plots import BRIGHTEST, KINDS
from viz.slides.margins import bar, column_width, legend, noted, panels, room
from viz.slides.parts import heat, plain, sheet, titled, width_of, wrapped
from viz.slides.style import Style
from viz.theme import INPUT, UNREAD, WINDOW

if TYPE_CHECKING:
    from core.cost.timing import Timing

Map = NDArray[np.float32]
"""(H, W), or (maps, H, W)."""
HATCHES = {"/": "//", "x": "xx", ".": "..", "-": "--", "": ""}
"""Matplotlib's hatching by Plotly's."""


def maps(
    named: Mapping[str, Map], style: Style, *, title: str, notes: Sequence[str] = (), most: int = 4
) -> Figure:
    """Each block's first feature maps in a row, all on one color scale.

    Args:
        named: (maps, H, W) of each block, by its name.
        style: Size, resolution and colors.
        title: Title of the figure.
        notes: lines at the foot.
        most: maps in a row.
    """
    selected = {name: planes[:most] for name, planes in named.items() if planes.size}
    values = np.concatenate([planes.ravel() for planes in selected.values()])
    signed = bool((values < 0).any())
    top = float(np.percentile(np.abs(values), BRIGHTEST)) or 1.0
    span, scale = (-top if signed else 0.0, top), "signed" if signed else "magnitude"
    figure = sheet(style)
    titled(figure, title, "", style)
    noted(figure, notes, style)
    columns = max(map(len, selected.values()))
    grid = figure.subplots(len(selected), columns, squeeze=False)
    high = room(figure, style)[1] / len(selected)
    points = 0.85 * style.points
    for row, (name, planes) in zip(grid, selected.items(), strict=True):
        for axes in row[len(planes) :]:
            axes.axis("off")
        for axes, one in zip(row, planes, strict=False):
            artist = heat(axes, one, span, scale, bar=False)
            _bare(axes)
        lines = wrapped(name, points, 0.24 * style.inches[0])[: max(1, int(high / points * 55))]
        row[0].set_ylabel("\n".join(lines), rotation=0, ha="right", va="center", fontsize=points)
    for channel, axes in enumerate(grid[0]):
        axes.set_title(f"channel {channel}", fontsize=points)
    bar(list(grid.ravel()), artist, "value of the output", inches=0.8 * room(figure, style)[1])
    return figure


def gradients(
    picture: Map,
    named: Mapping[str, tuple[Map, str]],
    style: Style,
    *,
    title: str,
    notes: Sequence[str] = (),
) -> Figure:
    """The picture, and the magnitudes of each block's input gradient on one color scale.

    Args:
        picture: (H, W) 0 to 255.
        named: (H, W) magnitudes and a caption of each block, by its name.
        style: Size, resolution and colors.
        title: Title of the figure.
        notes: lines at the foot.
    """
    values = np.concatenate([gradient.ravel() for gradient, _ in named.values()])
    top = float(np.percentile(values, BRIGHTEST)) or float(values.max()) or 1.0
    figure = sheet(style)
    titled(figure, title, "", style)
    noted(figure, notes, style)
    legend(figure, [Patch(fc=UNREAD, label="gradient exactly 0")], style)
    points = 0.85 * style.points
    first, *others = panels(figure, 1 + len(named), style, around=(0.3, 4.4 * points / 72))
    across = column_width(figure, first, style, 1.0) - 0.15
    heat(first, picture, (0, 255), "grey", bar=False)
    _headed(first, ["the picture"], points, across)
    for axes, (name, (gradient, words)) in zip(others, named.items(), strict=True):
        artist = heat(axes, np.where(gradient == 0, np.nan, gradient), (0, top), bar=False)
        axes.set_facecolor(UNREAD)  # seen where the map is empty
        _headed(axes, [name, words], points, across)
    bar([first, *others], artist, "magnitude of the gradient", inches=0.8 * room(figure, style)[1])
    return figure


def _headed(axes: Axes, parts: Sequence[str], points: float, inches: float) -> None:
    """Write the text above a panel: up to two lines of the first part, one of the second."""
    lines = wrapped(parts[0], points, inches)
    lines = lines if len(lines) <= 2 else [lines[0], f"{lines[1]}…"]
    lines += [line for part in parts[1:] for line in wrapped(part, points, inches)]
    axes.set_title("\n".join(lines), fontsize=points, linespacing=1.1)
    _bare(axes)


def _bare(axes: Axes) -> None:
    """Remove ticks and spines."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def times(
    named: Mapping[str, Timing],
    style: Style,
    *,
    title: str = "Time of one forward and one backward pass",
) -> Figure:
    """Median times as bars, with the quartiles as lines."""
    first = next(iter(named.values()))
    size = "×".join(map(str, (first.batch, *first.input_size)))
    few = min(timing.repeats for timing in named.values())
    threads = "1 CPU thread" if first.threads == 1 else f"{first.threads} CPU threads"
    note = (
        f"Median and quartiles of {few} repeats after {first.warm_up} that warm up; "
        f"input {size}, float32, training mode, {threads}."
    )
    figure, axes = _bars_sheet(list(named), title, [note], style)
    handles = []
    looks = (("forward", INPUT, ""), ("backward", WINDOW, "//"))
    for place, (part, color, hatch) in enumerate(looks):
        spreads = [timing.spreads[part] for timing in named.values()]
        medians = np.array([1000 * each.median for each in spreads])
        off = [[1000 * each.low for each in spreads], [1000 * each.high for each in spreads]]
        error = np.abs(np.array(off) - medians)
        at = np.arange(len(spreads)) + (place - 0.5) * 0.36
        look: dict[str, Any] = {"color": color, "hatch": hatch, "edgecolor": "white"}
        ink: dict[str, Any] = {"ecolor": style.ink["text"], "capsize": 5, "error_kw": {"lw": 2}}
        handles.append(axes.barh(at, medians, 0.36, xerr=error, label=part, **look, **ink))
    axes.set_xlabel("time (ms)")
    axes.set_xlim(left=0)
    legend(figure, handles, style)
    return figure


def memory(
    named: Mapping[str, Mapping[str, int]],
    forward: Mapping[str, int],
    style: Style,
    *,
    title: str = "Memory that backward makes necessary",
    notes: Sequence[str] = (),
) -> Figure:
    """Bytes saved for the backward pass, by kind, and a mark for those of all layers' outputs.

    Args:
        named: Bytes by kind of `core.cost.saved_tensors` of each block, by its name.
        forward: Bytes of all layers' outputs of each block, by its name.
        style: Size, resolution and colors.
        title: Title of the figure.
        notes: lines at the foot.
    """
    figure, axes = _bars_sheet(list(named), title, notes, style)
    handles: list[Any] = []
    before, at = np.zeros(len(named)), np.arange(len(named))
    for kind, (name, color, shape) in KINDS.items():
        sizes = np.array([saved.get(kind, 0) / 1e6 for saved in named.values()])
        if sizes.any():
            look: dict[str, Any] = {"color": color, "hatch": HATCHES[shape], "edgecolor": "white"}
            handles.append(axes.barh(at, sizes, 0.5, left=before, label=name, **look))
            before = before + sizes
    everything = [forward[name] / 1e6 for name in named]
    mark: dict[str, Any] = {"ls": "", "marker": "|", "mew": 4, "color": UNREAD}
    axes.plot(everything, at, ms=34, **mark)
    handles.append(Line2D([], [], ms=16, label="all outputs of forward", **mark))
    axes.set_xlabel("memory (MB)")
    axes.set_xlim(0, 1.03 * max(before.max(), *everything))
    legend(figure, handles, style)
    return figure


def _bars_sheet(
    names: Sequence[str], title: str, notes: Sequence[str], style: Style
) -> tuple[Figure, Axes]:
    """An empty figure for horizontal bars from the top, each with its name beside it."""
    figure = sheet(style)
    titled(figure, title, "", style)
    noted(figure, notes, style)
    axes = figure.add_subplot()
    points = 0.85 * style.points
    widest = max(width_of(name, points) for name in names)
    across = min(widest, 0.32 * style.inches[0]) + 0.01
    lines = ["\n".join(wrapped(name, points, across)) for name in names]
    axes.set_yticks(range(len(names)), lines, fontsize=points)
    axes.set_ylim(len(names) - 0.5, -0.5)
    plain(axes)
    axes.grid(False, axis="y")
    return figure, axes
