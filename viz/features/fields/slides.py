"""Slides on receptive fields: growth with depth, and designs that reach a size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator

from viz.features.fields.plots import MOST_CURVES, PANELS, log_range
from viz.plots.parts import short
from viz.slides.margins import legend
from viz.slides.parts import SMALL, dashes, plain, sheet, titled
from viz.slides.style import Style
from viz.slides.tables import text_table
from viz.theme import BRANCHES, INPUT, UNREAD, WINDOW

if TYPE_CHECKING:
    from core.receptive_field.growth import GrowthCurve
    from core.receptive_field.strategies import Strategy

MARKS = ("o", "D", "s")
"""Markers of the layers of the first, second and third network."""
COARSER, FINER = "v", "^"
"""Markers of layers after which units are further apart, or closer together."""


def depth(
    curves: Sequence[GrowthCurve], style: Style, *, title: str = "Receptive field against depth"
) -> Figure:
    """Receptive field over depth: a mark for each layer, a line through the widest so far.

    Args:
        curves: one to three networks.
        style: Size, resolution and colors.
        title: Title of the figure.
    """
    assert 1 <= len(curves) <= MOST_CURVES
    figure = sheet(style)
    titled(figure, title, "", style)
    handles = [
        Line2D([], [], color=BRANCHES[i], linestyle=dashes(i), marker=MARKS[i], label=curve.name)
        for i, curve in enumerate(curves)
    ]
    legend(figure, [*handles, *_meanings(curves, style)], style)
    axes = figure.add_subplot()
    for index, curve in enumerate(curves):
        _curve(axes, curve, index)
    plain(axes)
    last = max(len(curve.layers) for curve in curves)
    for side in sorted({curve.image for curve in curves}):
        axes.axhline(side, color=INPUT, linestyle=(0, (6, 3)), linewidth=2)
        look: dict[str, Any] = {"va": "bottom", "fontsize": SMALL * style.points}
        axes.text(0.6, side * 1.02, f"image: {side} px", color=style.ink["text"], **look)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.minorticks_off()
    axes.margins(y=0.12)
    axes.set(xlim=(0.4, last + 0.6))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="layer, in the order they run", ylabel="receptive field (px)")
    return figure


def _curve(axes: Axes, curve: GrowthCurve, index: int) -> None:
    """Draw one network: the line of the widest field so far, and a mark for each layer."""
    places = list(range(1, len(curve.layers) + 1))
    color = BRANCHES[index]
    axes.plot(places, curve.widest, color=color, linestyle=dashes(index), zorder=2)
    for place, size, strided, finer, whole in zip(
        places, curve.sizes, curve.strided, curve.finer, curve.whole, strict=True
    ):
        mark = COARSER if strided else FINER if finer else MARKS[index]
        big = 12 if strided or finer else 6
        face = "none" if whole else color
        look: dict[str, Any] = {"markersize": big, "markerfacecolor": face, "zorder": 3}
        axes.plot([place], [size], mark, color=color, markeredgecolor=color, **look)


def _meanings(curves: Sequence[GrowthCurve], style: Style) -> list[Line2D]:
    """Legend entries of the marks, in gray as they hold for every network."""
    used = (
        (COARSER, "units further apart (stride)", any(any(c.strided) for c in curves), True),
        (FINER, "units closer together", any(any(c.finer) for c in curves), True),
        ("o", "sees the whole image", any(any(c.whole) for c in curves), False),
    )
    ink = style.ink["muted"]
    return [
        Line2D(
            [],
            [],
            linestyle="",
            marker=marker,
            markersize=11,
            color=ink,
            markerfacecolor=ink if full else "none",
            label=label,
        )
        for marker, label, is_used, full in used
        if is_used
    ]


def strategies(designs: Sequence[Strategy], style: Style, *, title: str) -> Figure:
    """Layers, parameters and MACs of each strategy; on half a slide as a table.

    Hollow marks have holes in their receptive field; a dash stands where a network does not
    fit on the input.
    """
    if style.inches[0] < 8:
        return _strategies_table(designs, style, title)
    figure = sheet(style)
    holes = any(design.read < 1 for design in designs)
    subtitle = "After each name what a unit sees, in pixels."
    subtitle += " Hollow: the receptive field has holes." if holes else ""
    titled(figure, title, subtitle, style)
    axes = figure.subplots(1, len(PANELS), sharey=True)
    for each, (field, name) in zip(axes, PANELS, strict=True):
        _panel(each, designs, field, name, style)
    points = SMALL * style.points
    names = [f"{design.title}: {design.size[0]}×{design.size[1]}" for design in designs]
    axes[0].set_yticks(range(len(designs)), names, fontsize=points)
    axes[0].set_ylim(len(designs) - 0.5, -0.5)
    return figure


def _panel(axes: Axes, designs: Sequence[Strategy], field: str, name: str, style: Style) -> None:
    """Draw the marks of all designs in one panel."""
    values = [getattr(design, field) for design in designs]
    numbers_there = [value for value in values if value is not None]
    points = SMALL * style.points
    low, high = log_range(numbers_there)
    axes.set(xscale="log", xlim=(10**low, 10 ** (high + 0.12 * (high - low))), title=name)
    for row, (design, value) in enumerate(zip(designs, values, strict=True)):
        if value is None:
            axes.plot(
                [min(numbers_there, default=1)], [row], "_", color=UNREAD, markersize=14, mew=3
            )
            axes.annotate(
                "does not fit", (min(numbers_there, default=1), row), (12, 0), **_beside(points)
            )
            continue
        face = "none" if design.read < 1 else WINDOW
        axes.plot([value], [row], "o", color=WINDOW, markersize=11, markerfacecolor=face, mew=2.5)
        axes.annotate(short(value), (value, row), (12, 0), **_beside(points))
    plain(axes)
    axes.grid(False, axis="y")
    axes.minorticks_off()
    axes.tick_params(axis="x", labelsize=points)
    axes.tick_params(axis="y", length=0)


def _beside(points: float) -> dict[str, Any]:
    """Arguments for a text beside a mark."""
    return {"textcoords": "offset points", "va": "center", "fontsize": points}


def _strategies_table(designs: Sequence[Strategy], style: Style, title: str) -> Figure:
    """The table of designs, for half a slide."""
    columns = ["strategy", *(name for _, name in PANELS), "sees", "stride"]
    rows = []
    for design in designs:
        numbers = [getattr(design, field) for field, _ in PANELS]
        cells = [short(n) if n is not None else "–" for n in numbers]
        sees = f"{design.size[0]}×{design.size[1]}"
        rows.append([design.title, *cells, sees, f"{max(design.effective_stride):g}"])
    return text_table(columns, rows, style, title=title)
