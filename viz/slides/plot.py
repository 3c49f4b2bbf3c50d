"""A plot's description as a Matplotlib figure, laid out in inches.

The paper is divided from the outside in: title, notes, legend and color bars take their strips,
and the panels share what is left. Maps are whole multiples of a cell in dots of the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from math import ceil
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from core.plots.axes import span, ticks
from core.plots.legend import bar_numbers, color_bars, entries
from core.plots.maps import block_notes, cells_across, cells_down
from core.plots.plot import Panel, Plot, Scale
from core.plots.signs import sign_notes
from viz.slides.marks import MOST_CELLS, colormap, draw_mark, draw_swatch, sign_cue
from viz.slides.parts import MARGIN, SPACING, caption_height, sheet, titled, width_of, wrapped
from viz.slides.style import SMALL, Film, Style, type_unit

GAP = 0.12
"""Inches between two strips, and between two panels."""
ASPECT = 0.62
"""Height over width of a panel that is not a map, where there is room."""
BAR_WIDTH = 0.22
"""Width of a color bar in inches."""
SWATCH = 0.5
"""Width of a swatch of the legend in inches."""
FRAMES_PER_SECOND = 2.0
"""Frames per second of films made of plots."""


@dataclass
class Area:
    """A rectangle on the paper in inches from its upper left corner.

    Attributes:
        left, top, width, height: The rectangle.
        heading: Width of the heading above it.
    """

    left: float
    top: float
    width: float
    height: float
    heading: float = 0.0

    def take_foot(self, height: float) -> Area:
        """Cut a strip off the foot."""
        self.height -= height
        return Area(self.left, self.top + self.height, self.width, height)

    def take_right(self, width: float) -> Area:
        """Cut a strip off the right."""
        self.width -= width
        return Area(self.left + self.width, self.top, width, self.height)


def draw(plot: Plot, style: Style) -> Figure:
    """Draw a plot on a slide."""
    return _Drawing(_for_paper(plot, style), style).figure


def film(plots: Sequence[Plot], style: Style, fps: float = FRAMES_PER_SECOND) -> Film:
    """A film whose frames are plots that differ in marks, subtitle and headings only."""
    frames = [_for_paper(plot, style) for plot in plots]
    drawing = _Drawing(_with_longest_texts(frames), style)
    artists = [drawing.marks, *(drawing.draw_marks(frame) for frame in frames[1:])]
    everything = [artist for each in artists for artist in each]

    def show(number: int) -> Sequence[Any]:
        for place, each in enumerate(artists):
            for artist in each:
                artist.set(visible=place == number)
        return [*drawing.write_changing(frames[number]), *everything]

    show(0)
    return Film(drawing.figure, len(plots), show, fps)


def _with_longest_texts(frames: Sequence[Plot]) -> Plot:
    """The first of some plots with the longest subtitle and headings of all, for the layout."""
    panels = [
        replace(
            same[0],
            title=max((panel.title for panel in same), key=len),
            note=max((panel.note for panel in same), key=len),
        )
        for same in zip(*(frame.panels for frame in frames), strict=True)
    ]
    subtitle = max((frame.subtitle for frame in frames), key=len)
    return replace(frames[0], subtitle=subtitle, panels=tuple(panels))


def _for_paper(plot: Plot, style: Style) -> Plot:
    """The plot with only as many panels as it has on half a slide, if it is half a slide."""
    if style.inches[0] > 8 or not plot.half or len(plot.panels) <= plot.half:
        return plot
    note = f"The first {plot.half} of {len(plot.panels)} panels."
    return replace(plot, panels=plot.panels[: plot.half], notes=(*plot.notes, note))


class _Drawing:
    """A figure with its strips and panels.

    Attributes:
        figure: The figure.
        marks: The artists of the marks, the hindmost first.
    """

    def __init__(self, plot: Plot, style: Style) -> None:
        self.style, self.figure = style, sheet(style)
        top = titled(self.figure, plot.title, plot.subtitle, style) + GAP
        lines = len(self._subtitle_lines(plot))
        self._subtitle = self.figure.texts[len(self.figure.texts) - lines :]
        self.figure.set_layout_engine("none")
        width, height = style.inches
        foot = MARGIN + caption_height(style)
        self.area = Area(MARGIN, top, width - 2 * MARGIN, height - top - foot)
        self._paper = self._overlay()
        signs = sign_notes(plot, lambda heat, _: sign_cue(heat))
        self._write_notes([*plot.notes, *signs, *block_notes(plot, lambda panel: MOST_CELLS)])
        self._draw_legend(plot)
        bars = color_bars(plot)
        strip = self.area.take_right(self._bars_width(bars)) if bars else None
        self.boxes = _panel_boxes(plot, self.area, style)
        self.axes = [
            self._axes(panel, box) for panel, box in zip(plot.panels, self.boxes, strict=True)
        ]
        for axes in self.axes[1:] if plot.shared_rows else ():
            axes.set(yticklabels=[], ylabel="")
        self._headings = [
            self._heading(panel, box) for panel, box in zip(plot.panels, self.boxes, strict=True)
        ]
        if strip is not None:
            self._draw_bars(bars, strip)
        self.marks = self.draw_marks(plot)

    def draw_marks(self, plot: Plot) -> list[Any]:
        """Draw the marks of a plot into the panels; returns their artists."""
        return [
            artist
            for panel, axes, box in zip(plot.panels, self.axes, self.boxes, strict=True)
            for mark in panel.marks
            for artist in draw_mark(axes, mark, panel, (box.width, box.height), self.style)
        ]

    def write_changing(self, plot: Plot) -> list[Any]:
        """Write the subtitle and the headings of another plot; returns the texts."""
        texts = []
        for text, line in zip_longest(self._subtitle, self._subtitle_lines(plot), fillvalue=""):
            if isinstance(text, Text):
                text.set_text(line)
                texts.append(text)
        for text, panel, box in zip(self._headings, plot.panels, self.boxes, strict=True):
            if text is not None:
                text.set_text("\n".join(_heading_lines(panel, box.heading, self.style)))
                texts.append(text)
        return texts

    def _subtitle_lines(self, plot: Plot) -> list[str]:
        """The lines of a plot's subtitle."""
        return wrapped(plot.subtitle, self.style.points, self.style.inches[0] - 2 * MARGIN)

    def _overlay(self) -> Axes:
        """Bare axes over all of the paper, in inches from its upper left corner."""
        axes = self.figure.add_axes((0, 0, 1, 1))
        width, height = self.style.inches
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
        axes.set_zorder(5)
        return axes

    def _write(self, x: float, y: float, text: str, **look: Any) -> Any:
        """Write a text at a place of the paper."""
        settings: dict[str, Any] = {"va": "center", "fontsize": self.style.points} | look
        return self._paper.text(x, y, text, **settings)

    def _write_notes(self, notes: Sequence[str]) -> None:
        """Write the notes in small type at the foot."""
        points = SMALL * self.style.points
        lines = [line for note in notes for line in wrapped(note, points, 0.98 * self.area.width)]
        if not lines:
            return
        step = SPACING * points / 72
        strip = self.area.take_foot(step * len(lines) + GAP)
        for number, line in enumerate(lines):
            y = strip.top + GAP + (number + 0.5) * step
            self._write(strip.left, y, line, fontsize=points, color=self.style.ink["muted"])

    def _draw_legend(self, plot: Plot) -> None:
        """Draw the legend: beside a single map on a wide slide, below the panels otherwise."""
        keys = entries(plot)
        if not keys:
            return
        points = 0.85 * self.style.points
        step = 1.25 * SPACING * points / 72
        widths = [SWATCH + GAP + width_of(entry.name, points) + 3 * GAP for entry in keys]
        beside = len(plot.panels) == 1 and bool(plot.panels[0].cell) and self.style.inches[0] > 8
        if beside:
            strip = self.area.take_right(max(widths))
            top = strip.top + max(0.0, (strip.height - step * len(keys)) / 2)
            places = [(strip.left + 2 * GAP, top + (n + 0.5) * step) for n in range(len(keys))]
        else:
            cells, rows = _in_rows(widths, self.area.width)
            strip = self.area.take_foot(step * rows + GAP)
            places = [(strip.left + x, strip.top + GAP + (row + 0.5) * step) for x, row in cells]
        for entry, (x, y) in zip(keys, places, strict=True):
            draw_swatch(self._paper, entry.mark, (x, y), SWATCH, self.style)
            self._write(x + SWATCH + GAP, y, entry.name, fontsize=points)

    def _bars_width(self, bars: Sequence[Scale]) -> float:
        """Inches that the color bars take on the right."""
        points = 0.85 * self.style.points
        numbers = max(width_of(name, points) for scale in bars for _, name in bar_numbers(scale))
        return 2 * GAP + BAR_WIDTH + 0.1 + numbers + self._label_width(bars)

    def _label_width(self, bars: Sequence[Scale]) -> float:
        """Inches that the longest label takes, which runs upwards in lines."""
        lines = max(len(self._label(scale, len(bars))) for scale in bars)
        return lines * SPACING * 0.85 * self.style.points / 72 + GAP

    def _label(self, scale: Scale, bars: int) -> list[str]:
        """The label of one of so many color bars in lines, each of which may be a bar's share long."""
        return wrapped(scale.label, 0.85 * self.style.points, 0.9 * self.area.height / bars)

    def _draw_bars(self, bars: Sequence[Scale], strip: Area) -> None:
        """Draw the color bars, together as high as the panels if their type needs no more."""
        top = min(box.top for box in self.boxes)
        bottom = max(box.top + box.height for box in self.boxes)
        right = max(box.left + max(box.width, box.heading) for box in self.boxes)
        left = min(strip.left, right) + 2 * GAP
        each = (bottom - top - GAP * (len(bars) - 1)) / len(bars)
        points = 0.85 * self.style.points
        labels = [self._label(scale, len(bars)) for scale in bars]
        longest = max(width_of(line, points) for label in labels for line in label)
        steps = max(len(bar_numbers(scale)) for scale in bars) - 1
        numbers = 1.5 * steps * SPACING * points / 72  # the end ones are moved in by half a line
        each = max(each, numbers, longest if len(bars) > 1 else 0)
        first = (top + bottom - each - (each + GAP) * (len(bars) - 1)) / 2
        for number, (scale, label) in enumerate(zip(bars, labels, strict=True)):
            self._bar(scale, label, Area(left, first + number * (each + GAP), BAR_WIDTH, each))

    def _bar(self, scale: Scale, label: Sequence[str], box: Area) -> None:
        """Draw one color bar with its numbers and the lines of its label."""
        axes = self.figure.add_axes(self._share(box))
        gradient = [[n / 255] for n in range(256)]
        look: dict[str, Any] = {"cmap": colormap(scale), "vmin": 0, "vmax": 1, "aspect": "auto"}
        axes.imshow(gradient, extent=(0, 1, 0, 1), origin="lower", **look)
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_linewidth(0.8)
        points = 0.85 * self.style.points
        numbers = bar_numbers(scale)
        half = 0.5 * SPACING * points / 72
        for place, name in numbers:
            y = box.top + box.height * (1 - place)
            y = min(max(y, box.top + half), box.top + box.height - half)
            self._write(box.left + BAR_WIDTH + 0.08, y, name, fontsize=points)
        widest = max(width_of(name, points) for _, name in numbers)
        x = box.left + BAR_WIDTH + 0.08 + widest + GAP
        look = {"rotation": 90, "va": "center", "ha": "left", "linespacing": 1.1}
        self._write(x, box.top + box.height / 2, "\n".join(label), fontsize=points, **look)

    def _share(self, box: Area) -> tuple[float, float, float, float]:
        """A rectangle as Matplotlib takes it: shares of the paper from its lower left corner."""
        width, height = self.style.inches
        up = height - box.top - box.height
        return box.left / width, up / height, box.width / width, box.height / height

    def _axes(self, panel: Panel, box: Area) -> Axes:
        """The axes of a panel with their numbers and names."""
        axes = self.figure.add_axes(self._share(box))
        ink, points = self.style.ink, 0.85 * self.style.points
        sides: tuple[Literal["x", "y"], ...] = ("x", "y")
        for side, axis in zip(sides, (panel.x, panel.y), strict=True):
            artist = getattr(axes, f"{side}axis")
            if axis.log:
                artist.axes.set(**{f"{side}scale": "log"})
            getattr(axes, f"set_{side}lim")(*span(panel, side))
            numbers = _axis_numbers(panel, side, box, self.style)
            artist.set_ticks([] if axis.hidden else [place for place, _ in numbers])
            artist.set_ticks([], minor=True)
            if not axis.hidden:
                artist.set_ticklabels([name for _, name in numbers], fontsize=points)
                artist.set_label_text(axis.name, fontsize=points)
            if axis.grid and not axis.hidden:
                axes.grid(True, axis=side, linewidth=0.8, color=ink["line"])
        axes.set_axisbelow(True)
        axes.tick_params(length=0 if panel.cell else 3.5)
        if not panel.cell:
            axes.spines[["top", "right"]].set_visible(False)
        if panel.cell:
            axes.spines[:].set(color=ink["line"], linewidth=0.8)
        elif panel.x.hidden and panel.y.hidden:
            axes.spines[:].set_visible(False)
        return axes

    def _heading(self, panel: Panel, box: Area) -> Any:
        """The heading above a panel; None for none."""
        lines = _heading_lines(panel, box.heading, self.style)
        if not lines:
            return None
        look: dict[str, Any] = {"va": "bottom", "linespacing": 1.1}
        return self._write(
            box.left, box.top - 0.05, "\n".join(lines), fontsize=0.85 * self.style.points, **look
        )


def _in_rows(widths: Sequence[float], room: float) -> tuple[list[tuple[float, int]], int]:
    """(x, row) of entries of these widths in rows as long as the room, and the number of rows."""
    places, x, row = [], 0.0, 0
    for width in widths:
        if x and x + width > room:
            x, row = 0.0, row + 1
        places.append((x, row))
        x += width
    return places, row + 1


def _heading_lines(panel: Panel, inches: float, style: Style) -> list[str]:
    """The lines of a panel's heading: at most two of its title, and its note."""
    points = 0.85 * style.points
    title = wrapped(panel.title, points, inches)
    if len(title) > 2:
        last = title[1]
        while " " in last and width_of(f"{last}…", points) > inches:
            last = last.rsplit(" ", 1)[0]
        title = [title[0], f"{last}…"]
    return [*title, *wrapped(panel.note, points, inches)]


def _heading_width(panel: Panel, most: float, style: Style) -> float:
    """Inches of the longest line of a panel's heading, wrapped to at most ``most`` inches."""
    points = 0.85 * style.points
    lines = _heading_lines(panel, most, style)
    return max((width_of(line, points) for line in lines), default=0.0)


def _axis_numbers(panel: Panel, side: Any, box: Area, style: Style) -> list[tuple[float, str]]:
    """The numbers on an axis, as many as fit beside each other."""
    points = 0.85 * style.points
    axis, ends = getattr(panel, side), span(panel, side)
    length = box.width if side == "x" else box.height
    for most in (9, 7, 6, 5, 4, 3, 2, 1):
        numbers = ticks(axis, ends, most)
        needed = sum(
            (width_of(name, points) + 0.15) if side == "x" else 1.5 * points / 72
            for _, text in numbers
            for name in (max(text.split("\n"), key=len),)
        )
        if needed <= length or axis.ticks is not None:
            break
    names_stay = axis.names and not panel.cell and (side == "x" or panel.rows)
    if axis.ticks is not None and needed > length and not names_stay:
        numbers = numbers[:: ceil(needed / length)]
    return numbers


def _panel_boxes(plot: Plot, area: Area, style: Style) -> list[Area]:
    """The rectangles of the panels' axes: as large as possible, else without an empty place."""
    count = len(plot.panels)
    options = [count] if plot.shared_rows else range(1, min(count, plot.columns or count) + 1)
    whole = [columns for columns in options if columns % plot.together == 0]
    layouts = {columns: _layout(plot, area, style, columns) for columns in whole or options}

    def quality(columns: int) -> tuple[bool, float, int, int]:
        right, foot = area.left + area.width + GAP, area.top + area.height
        fits = all(
            box.left + box.width <= right and box.top + box.height <= foot
            for box in layouts[columns]
        )
        smallest = min(min(ASPECT * box.width, box.height) for box in layouts[columns])
        return fits, round(smallest, 3), -(-count % columns), columns

    return layouts[max(layouts, key=quality)]


def _layout(plot: Plot, area: Area, style: Style, columns: int) -> list[Area]:
    """The rectangles of the panels' axes in so many columns."""
    rows = ceil(len(plot.panels) / columns)
    cell = Area(0, 0, area.width / columns - GAP, area.height / rows - GAP)
    left, top, bottom = _around(plot.panels, cell, style)
    if plot.shared_rows:
        return _in_one_row(plot, area, (left, top, bottom))
    width = max(0.3, cell.width - left - 0.2)
    height = max(0.3, cell.height - top - bottom)
    sizes = [_size(panel, width, height, style) for panel in plot.panels]
    widest, tallest = (max(size[i] for size in sizes) for i in (0, 1))
    heading = max(widest, *(_heading_width(panel, width, style) for panel in plot.panels))
    pitch = heading + left + 0.2 + GAP
    spare = max(0.0, area.width - columns * pitch) / 2
    down = max(0.0, area.height - rows * (tallest + top + bottom + GAP)) / 2
    spare, down = (spare, down) if plot.panels[0].cell or plot.panels[0].in_type else (0.0, 0.0)
    boxes = []
    for number, (wide, high) in enumerate(sizes):
        row, column = divmod(number, columns)
        x = area.left + spare + column * pitch + left
        y = area.top + down + row * (tallest + top + bottom + GAP) + top
        boxes.append(Area(_on_dots(x, style), _on_dots(y, style), wide, high, heading + 0.01))
    return boxes


def _in_one_row(plot: Plot, area: Area, around: tuple[float, float, float]) -> list[Area]:
    """The rectangles of panels with one vertical axis, whose numbers stand at the first."""
    left, top, bottom = around
    count, between = len(plot.panels), 0.3
    width = (area.width - left - between * count) / count
    height = area.height - top - bottom
    return [
        Area(area.left + left + n * (width + between), area.top + top, width, height, width)
        for n in range(count)
    ]


def _on_dots(inches: float, style: Style) -> float:
    """A place moved to the nearest dot of the file."""
    return round(inches * style.dpi) / style.dpi


def _around(panels: Sequence[Panel], cell: Area, style: Style) -> tuple[float, float, float]:
    """Inches left of, above and below each panel's axes for their numbers, names and heading."""
    points, step = 0.85 * style.points, SPACING * 0.85 * style.points / 72
    left = top = bottom = 0.1
    for panel in panels:
        numbers = [] if panel.y.hidden else _axis_numbers(panel, "y", cell, style)
        widest = max(
            (width_of(line, points) for _, name in numbers for line in name.split("\n")), default=0
        )
        left = max(left, widest + 0.16 + (step if panel.y.name and not panel.y.hidden else 0))
        lines = 0
        if not panel.x.hidden:
            numbers = _axis_numbers(panel, "x", cell, style)
            lines = max((name.count("\n") + 1 for _, name in numbers), default=0)
        named = bool(panel.x.name) and not panel.x.hidden
        bottom = max(bottom, (lines + 1.15 * named) * step + 0.12)
    for panel in panels:
        headings = _heading_lines(panel, cell.width - left - 0.2, style)
        top = max(top, len(headings) * step + 0.1)
    return left, top, bottom


def _size(panel: Panel, width: float, height: float, style: Style) -> tuple[float, float]:
    """Width and height of a panel's axes: of a map whole multiples of its cells in dots."""
    if panel.in_type:
        (left, right), (low, high) = span(panel, "x"), span(panel, "y")
        across, down = abs(right - left), abs(high - low)
        unit = min(type_unit(style), width / across, height / down)
        return unit * across, unit * down
    if not panel.cell:
        return width, height if panel.rows else min(height, max(ASPECT * width, 2.0))
    across, down = cells_across(panel), cells_down(panel)
    dots = min(width / across, height / down) * style.dpi
    dots = int(dots) if dots >= 1 else dots
    return dots * across / style.dpi, dots * down / style.dpi
