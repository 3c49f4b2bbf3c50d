"""Descriptions of plots: panels with marks, axes and scales of colors.

A description knows no drawing library. `viz.plots` draws it for the screen, `viz.slides` for a
file. Coordinates are those of the panel's axes; in maps x counts columns and y counts rows
downwards, and the cell (0, 0) is centered on the origin. Colors are named by their meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.plots.table import Table

Numbers = NDArray[Any]
"""An array of numbers."""
Color = Literal[
    "input", "window", "output", "unread", "padding", "pinned", "sky", "olive",
    "text", "muted", "white", "black",
]  # fmt: skip
"""Names of colors. The first six have the same meaning on every page."""
Dash = Literal["solid", "dash", "dot", "dashdot", "longdash"]
Symbol = Literal[
    "circle", "square", "diamond", "up", "down", "left", "cross", "x", "hbar", "vbar", "none"
]
Hatch = Literal["", "/", "\\", "x", ".", "-"]
Side = Literal["left", "right", "above", "below", "center"]
Size = Literal["large", "medium", "small"]
Box = tuple[float, float, float, float]
"""Left, right, top and bottom edge."""

SERIES: tuple[tuple[Color, Dash, Symbol, Hatch], ...] = (
    ("input", "solid", "circle", ""),
    ("window", "dash", "square", "/"),
    ("output", "dot", "diamond", "x"),
    ("pinned", "dashdot", "up", "\\"),
    ("unread", "longdash", "x", "."),
)
"""Color, dash, symbol and hatch of the series of a plot, in order."""


@dataclass(frozen=True)
class Scale:
    """How the values of heat maps become colors. Equal scales share one color bar.

    Attributes:
        label: What is measured, with its unit; "" for no color bar.
        low, high: Values at the ends of the colors.
        colors: "magnitude"; "signed", centered on zero; "grey", for photographs; "overlay",
            orange that is transparent where values are low.
        log: Whether colors follow the logarithm of the absolute value. Values below ``low`` get
            the first color then, and zeros stay blank.
        ticks: Values that are written on the color bar; () for both ends and the middle.
        names: Texts of ``ticks``; () for the numbers themselves.
        zero: Color of cells whose value is exactly 0; "" for that of the scale.
    """

    label: str
    low: float
    high: float
    colors: Literal["magnitude", "signed", "grey", "overlay"] = "magnitude"
    log: bool = False
    ticks: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    zero: Color | Literal[""] = ""

    def bar_ticks(self) -> list[tuple[float, float]]:
        """(value, position from 0 to 1) of the numbers on the color bar."""
        middle = (self.low * self.high) ** 0.5 if self.log else (self.low + self.high) / 2
        values = self.ticks or tuple(dict.fromkeys((self.low, middle, self.high)))
        places = replace(self, zero="").shares(np.array(values))
        return list(zip(values, places.tolist(), strict=True))

    def shares(self, values: Numbers) -> NDArray[np.float64]:
        """Positions of values on the scale, 0 to 1; nan where a cell has no color of the scale."""
        values = np.asarray(values, dtype=np.float64)
        low, high = self.low, self.high
        if self.zero:
            values = np.where(values == 0, np.nan, values)
        if self.log:
            with np.errstate(divide="ignore"):
                values = np.log10(np.abs(values))
            values = np.where(np.isneginf(values), np.nan, values)
            low, high = np.log10(low), np.log10(high)
        span = (high - low) or 1.0
        return np.asarray(np.clip((values - low) / span, 0, 1), dtype=np.float64)


def signed_scale(label: str, *values: Numbers, top: float | None = None) -> Scale:
    """A scale centered on zero for some arrays; nan is ignored.

    Args:
        label: What is measured, with its unit.
        values: Arrays that share the scale.
        top: Value at the upper end; None for the largest absolute value, or 1 if all are 0.
    """
    finite = (np.abs(each[np.isfinite(each)]) for each in map(np.asarray, values))
    most = top or max((float(each.max()) for each in finite if each.size), default=0.0) or 1.0
    return Scale(label, -most, most, "signed", ticks=(-most, 0.0, most))


@dataclass(frozen=True, eq=False)
class Heat:
    """A map of colored cells.

    Attributes:
        values: (H, W) numbers; nan for a blank cell.
        scale: How they become colors.
        left, top: Edges of the first cell.
        width, height: Size of a cell.
        texts: (H, W) texts in the cells; () for none. Where cells are too small, only the first
            lines are written, or none.
        hover: (H, W) texts for the pointer; () for row, column and value.
        unit: Words behind the value for the pointer, such as "px"; "" for none.
        names: What the pointer calls row and column; () for the names of the axes.
        opacity: Below 1 over a photograph.
        gaps: Whether lines separate the cells.
        select: Whether a click on a cell selects it.
    """

    values: Numbers
    scale: Scale
    left: float = -0.5
    top: float = -0.5
    width: float = 1.0
    height: float = 1.0
    texts: Sequence[Sequence[str]] = ()
    hover: Sequence[Sequence[str]] = ()
    unit: str = ""
    names: tuple[str, ...] = ()
    opacity: float = 1.0
    gaps: bool = False
    select: bool = False

    @property
    def box(self) -> Box:
        """The outer edges."""
        rows, cols = self.values.shape
        right, bottom = self.left + cols * self.width, self.top + rows * self.height
        return self.left, right, self.top, bottom


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph below the other marks; pixel (0, 0) is centered on the origin.

    Attributes:
        pixels: (H, W, 3) or (H, W), from 0 to 255.
    """

    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Polyline:
    """A line through points, and the band between two other lines.

    Attributes:
        x, y: (n,) coordinates; nan for a gap.
        name: Text in the legend; "" for no entry.
        color, dash, width: How it looks; the width is in pixels.
        symbol: Symbol at the points.
        cased: Whether it has a dark edge, to be seen on every color of a map.
        low, high: (n,) edges of the band; None for no band.
        hover: (n,) texts for the pointer; () for name, x and y; None for none.
    """

    x: Numbers | Sequence[float]
    y: Numbers | Sequence[float]
    name: str = ""
    color: Color = "input"
    dash: Dash = "solid"
    width: float = 2.5
    symbol: Symbol = "none"
    cased: bool = False
    low: Numbers | None = None
    high: Numbers | None = None
    hover: Sequence[str] | None = ()


@dataclass(frozen=True, eq=False)
class Points:
    """Symbols at points, with texts beside them.

    Attributes:
        x, y: (n,) coordinates.
        name: Text in the legend; "" for no entry.
        color, symbol, size: How they look; the size is in pixels.
        hollow: Whether only the outlines are drawn.
        texts: (n,) texts beside the points; () for none.
        side: Where the texts stand.
        hover: (n,) texts for the pointer; () for name, x and y; None for none.
    """

    x: Numbers | Sequence[float]
    y: Numbers | Sequence[float]
    name: str = ""
    color: Color = "input"
    symbol: Symbol = "circle"
    size: float = 9.0
    hollow: bool = False
    texts: Sequence[str] = ()
    side: Side = "right"
    hover: Sequence[str] | None = ()


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars from a base.

    Attributes:
        at: (n,) positions on the axis that the bars stand on.
        length: (n,) lengths from the base.
        name: Text in the legend; "" for no entry.
        color, hatch: How they look.
        base: (n,) positions where they begin; None for 0.
        width: Width on the axis that they stand on.
        across: Whether they run from left to right, not upwards.
        low, high: (n,) ends of the error lines; None for none.
        texts: (n,) texts at their ends; () for none.
        hover: (n,) texts for the pointer; () for name and length; None for none.
    """

    at: Numbers | Sequence[float]
    length: Numbers | Sequence[float]
    name: str = ""
    color: Color = "input"
    hatch: Hatch = ""
    base: Numbers | None = None
    width: float = 0.7
    across: bool = False
    low: Numbers | None = None
    high: Numbers | None = None
    texts: Sequence[str] = ()
    hover: Sequence[str] | None = ()


@dataclass(frozen=True, eq=False)
class Boxes:
    """Rectangles.

    Attributes:
        boxes: Their edges.
        name: Text in the legend; "" for no entry.
        color, dash, width: The outlines; a width of 0 for none.
        fill: Color of the area; "" for none.
        hatch: Hatching of the area, in ``color``.
        opacity: Of the filled area.
        cased: Whether the outlines have a dark edge, to be seen on every color of a map.
        cut: How far the corners are cut off, in units of the axes.
        hover: A text for the pointer on each box; () for none.
    """

    boxes: Sequence[Box]
    name: str = ""
    color: Color = "input"
    dash: Dash = "solid"
    width: float = 2.5
    fill: Color | Literal[""] = ""
    hatch: Hatch = ""
    opacity: float = 1.0
    cased: bool = False
    cut: float = 0.0
    hover: Sequence[str] = ()


@dataclass(frozen=True, eq=False)
class Words:
    """Texts at points.

    Attributes:
        x, y: (n,) coordinates.
        texts: (n,) lines of text.
        side: Where each text stands, seen from its point.
        color: Color of the type.
        bold: Whether the type is heavy.
    """

    x: Sequence[float]
    y: Sequence[float]
    texts: Sequence[str]
    side: Side = "center"
    color: Color = "text"
    bold: bool = False


def corners(box: Box, cut: float = 0.0) -> list[tuple[float, float]]:
    """The corners (x, y) of a rectangle, in order round it, each cut off by ``cut``."""
    left, right, top, bottom = box
    if not cut:
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
    down = cut if bottom > top else -cut
    return [
        *((left, top + down), (left + cut, top), (right - cut, top), (right, top + down)),
        *((right, bottom - down), (right - cut, bottom)),
        *((left + cut, bottom), (left, bottom - down)),
    ]


Mark = Heat | Photo | Polyline | Points | Bars | Boxes | Words
"""Anything that a panel can contain."""


@dataclass(frozen=True)
class PlotAxis:
    """One axis of a panel.

    Attributes:
        name: What it measures, with its unit.
        low, high: Its ends, from left to right or from the bottom up; None for those of the marks,
            with a margin. ``low > high`` turns the axis round.
        log: Whether it is logarithmic.
        zero: Whether an end that is left open includes zero.
        whole: Whether only whole numbers are written on it.
        ticks: Positions of its numbers; None for round ones.
        names: Texts of ``ticks``; () for the numbers themselves.
        grid: Whether faint lines cross the panel at the numbers.
        hidden: Whether it is not drawn.
    """

    name: str = ""
    low: float | None = None
    high: float | None = None
    log: bool = False
    zero: bool = False
    whole: bool = False
    ticks: tuple[float, ...] | None = None
    names: tuple[str, ...] = ()
    grid: bool = True
    hidden: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """One pair of axes with marks.

    Attributes:
        marks: What is drawn, the hindmost first.
        x, y: The axes.
        title: Heading above it; "" for none.
        note: A line below the heading.
        cell: Size of a map's cell in units of both axes, which are drawn equally long then, in
            whole multiples of a cell; 0 if the axes have nothing to do with each other.
        in_type: Whether both axes count in sizes of the type, so that the panel has a fixed size.
        size: How large it is drawn on the screen.
        rows: Number of text rows that share the panel, for panels whose height grows with their
            rows; 0 for others.
    """

    marks: tuple[Mark, ...]
    x: PlotAxis = field(default_factory=PlotAxis)
    y: PlotAxis = field(default_factory=PlotAxis)
    title: str = ""
    note: str = ""
    cell: float = 0.0
    in_type: bool = False
    size: Size = "large"
    rows: int = 0


@dataclass(frozen=True, eq=False)
class Plot:
    """A plot: panels, with one legend and one color bar for each scale.

    Attributes:
        title: The heading.
        panels: At least one.
        alt: A sentence on what the data show, for people who cannot see the plot.
        subtitle: A line below the heading.
        notes: Lines at the foot.
        keys: Marks without data that stand in the legend only, after the named marks.
        columns: Most panels side by side; 0 for as many as there is room for.
        together: Number of consecutive panels that stay side by side where there is room.
        half: Most panels on half a slide; 0 for all.
        half_table: The table that takes the plot's place on half a slide; None for none.
        shared_rows: Whether the panels have the same vertical axis. On a slide they stand side by
            side then, and only the first has numbers.
    """

    title: str
    panels: tuple[Panel, ...]
    alt: str
    subtitle: str = ""
    notes: tuple[str, ...] = ()
    keys: tuple[Mark, ...] = ()
    columns: int = 0
    together: int = 1
    half: int = 0
    half_table: Table | None = None
    shared_rows: bool = False
