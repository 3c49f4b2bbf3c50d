"""Elements around the axes of a slide's figure: notes at the foot, the legend, color bars.

Each reserves a strip of the room that `viz.slides.parts.titled` has left to the axes: call them
after it, and `noted` before `legend`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.ticker import MaxNLocator

from viz.slides import parts
from viz.slides.parts import MARGIN, SMALL, SPACING, wrapped
from viz.slides.style import Style

GAP = 0.08
"""Inches between two strips."""


def is_wide(style: Style) -> bool:
    """Whether there is room for a legend beside the picture."""
    width, height = style.inches
    return width > 1.5 * height


def room(figure: Figure, style: Style) -> tuple[float, float]:
    """Inches (width, height) that all reserved strips leave to the axes."""
    across = _engine(figure).get()["rect"][2]
    return style.inches[0] * across - 2 * MARGIN, parts.room(figure, style)[1]


def _engine(figure: Figure) -> ConstrainedLayoutEngine:
    """The layout engine that `titled` has set."""
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)
    return engine


def noted(figure: Figure, notes: Sequence[str], style: Style) -> None:
    """Write notes in small type at the foot of the figure."""
    width, height = style.inches
    points = SMALL * style.points
    lines = [line for note in notes for line in wrapped(note, points, 0.96 * width - 2 * MARGIN)]
    if not lines:
        return
    high = SPACING * points * len(lines) / 72 + GAP
    bottom = _reserve(figure, style, below=high + GAP)
    for number, line in enumerate(lines):
        top = bottom + high - number * SPACING * points / 72
        look: dict[str, Any] = {"fontsize": points, "va": "top", "color": style.ink["muted"]}
        figure.text(MARGIN / width, top / height, line.replace("$", r"\$"), **look)


def legend(
    figure: Figure, handles: Sequence[Any], style: Style, *, beside: bool = False, title: str = ""
) -> Legend:
    """Draw the legend of all axes: on the right, or below in as many columns as fit.

    Args:
        figure: The figure after `titled` and `noted`.
        handles: Artists with labels.
        style: Size, resolution and colors.
        beside: Whether the legend is on the right.
        title: Text above the entries.
    """
    width, height = style.inches
    columns = 1 if beside else len(handles)
    room_across, room_down = room(figure, style)
    share = 0.5 if beside else 0.96
    while True:
        key = figure.legend(
            handles=list(handles),
            loc="upper left",
            bbox_to_anchor=(0.5, 0.5),
            ncols=columns,
            borderaxespad=0,
            borderpad=0.2,
            columnspacing=1.4,
            handlelength=2.2,
            labelspacing=0.6 if beside else 0.35,
            title=title or None,
            alignment="left",
        )
        key.set_in_layout(False)
        box = key.get_window_extent()
        wide, high = box.width / figure.dpi, box.height / figure.dpi
        if columns == 1 or wide <= share * room_across:
            break
        key.remove()
        columns -= 1
    if beside:
        bottom = _reserve(figure, style, right=wide + 2 * GAP)
        top = bottom + room_down / 2 + high / 2
        key.set_bbox_to_anchor((1 - (wide + MARGIN) / width, top / height), figure.transFigure)
    else:
        bottom = _reserve(figure, style, below=high + 2 * GAP) + GAP
        left = max(MARGIN, (width - wide) / 2)
        key.set_bbox_to_anchor((left / width, (bottom + high) / height), figure.transFigure)
    return key


def _reserve(figure: Figure, style: Style, below: float = 0.0, right: float = 0.0) -> float:
    """Reserve strips below and on the right of the axes, in inches.

    Returns:
        Inches from the lower edge of the paper to the strip below.
    """
    width, height = style.inches
    engine = _engine(figure)
    x, y, across, up = engine.get()["rect"]
    caption = height * up - MARGIN - parts.room(figure, style)[1]
    below, right = below / height, right / width
    engine.set(rect=(x, y + below, across - right, up - below))
    return float(y * height + max(caption, GAP))


def bar(
    axes: Any,
    artist: ScalarMappable,
    label: str,
    ticks: Sequence[float] | None = None,
    names: Sequence[str] | None = None,
    *,
    flat: bool = False,
    inches: float = 3.0,
) -> Colorbar:
    """Draw a color bar for some axes, its label wrapped.

    Args:
        axes: The axes, or several that share the bar.
        artist: The map that the bar explains.
        label: The measure and its unit.
        ticks, names: Numbers on the bar, and their texts; round numbers by default.
        flat: Whether the bar is below the axes, not beside them.
        inches: Width of the label's lines.
    """
    first = axes if isinstance(axes, Axes) else axes[0]
    figure = first.get_figure(root=True)
    assert figure is not None
    points = float(mpl.rcParams["font.size"])
    lines = wrapped(label, points, inches)
    if len(lines) == 2 and ", " in label:
        lines = label.replace(", ", ",\n", 1).split("\n")
    place: dict[str, Any] = {"location": "bottom" if flat else "right"}
    drawn: Colorbar = figure.colorbar(
        artist, ax=axes, pad=0.04, fraction=0.06, aspect=30 if flat else 20, **place
    )
    drawn.set_label("\n".join(lines), linespacing=1.1)
    drawn.outline.set_visible(False)
    if ticks is None:  # fixed before the layout: other numbers would need another width
        low, high = artist.get_clim()
        candidates = MaxNLocator(4).tick_values(low, high)
        ticks = [float(tick) for tick in candidates if low <= tick <= high]
    texts = [f"{tick:g}".replace("-", "−") for tick in ticks] if names is None else list(names)
    drawn.set_ticks(list(ticks), labels=texts)
    return drawn


def panels(
    figure: Figure,
    count: int,
    style: Style,
    aspect: float = 1.0,
    around: tuple[float, float] = (0.6, 0.5),
) -> list[Axes]:
    """Axes side by side in as many rows as make them largest.

    Args:
        figure: The figure after `titled`, `noted` and `legend`.
        count: Number of axes.
        style: Size, resolution and colors.
        aspect: Height over width of each.
        around: Inches (across, down) around each for its title and numbers.
    """
    across, down = room(figure, style)

    def size(columns: int) -> float:
        rows = ceil(count / columns)
        return min(across / columns - around[0], (down / rows - around[1]) / aspect)

    columns = max(range(1, count + 1), key=size)
    grid = figure.add_gridspec(ceil(count / columns), columns)
    return [figure.add_subplot(grid[divmod(index, columns)]) for index in range(count)]


def column_width(figure: Figure, axes: Axes, style: Style, beside: float = 0.0) -> float:
    """Width in inches of one panel in a row, less ``beside`` inches for other things."""
    place = axes.get_subplotspec()
    assert place is not None
    return (room(figure, style)[0] - beside) / place.get_gridspec().ncols
