"""Sizes on the screen of a panel and of what stands in it, in pixels."""

from __future__ import annotations

from math import ceil
from textwrap import wrap
from typing import Any

from core.plots.axes import span, ticks
from core.plots.maps import block_side, cell_pixels, cells_across, cells_down, most_cells
from core.plots.plot import Heat, Panel, Size
from core.plots.signs import Cue

MAP_ROOM: dict[Size, int] = {"large": 520, "medium": 352, "small": 264}
"""Pixels for the longer side of a map."""
LEAST_MAP = 200
"""Pixels that the longer side of a map has at least, where its column is wide enough."""
HEIGHTS: dict[Size, int] = {"large": 340, "medium": 250, "small": 170}
"""Height in pixels of a panel that is not a map."""
ROW = 46
"""Height in pixels of a row of a panel with rows."""
TYPE = 12
"""Size of type in pixels."""
READABLE = 22
"""Least side in pixels of a cell that holds a text."""
LEAST_DASHED = 4
"""Least side in pixels of a cell in which a dash can be seen."""
DIGIT = 0.52
"""Width of a digit as a share of the size of type."""
LINE = 1.3
"""Height of a line as a multiple of the size of type."""
FRAME = 2.0
"""Pixels around a map without axes, for its frame."""
PHONE_CHARACTERS = 48
"""Characters that have room below a panel on a phone."""
LONGEST_NAME = 18
"""Most characters in a line of a name on an axis."""


def map_size(panel: Panel, enlarged: float = 1.0) -> tuple[int, int]:
    """Width and height in pixels of a map: whole multiples of what it draws as one cell."""
    across, down = drawn_cells(panel, enlarged)
    room = MAP_ROOM[panel.size] * enlarged
    side = max(cell_pixels(across, down, room), _least_cell(across, down))
    return round(across * side), round(down * side)


def least_map_width(panel: Panel, enlarged: float = 1.0) -> int:
    """Least width in pixels of a map whose longer side has `LEAST_MAP` pixels."""
    across, down = drawn_cells(panel, enlarged)
    return round(across * _least_cell(across, down))


def _least_cell(across: float, down: float) -> int:
    """Side in pixels of the cells of a map whose longer side has at least `LEAST_MAP` pixels."""
    return ceil(LEAST_MAP / max(across, down) - 1e-6)


def drawn_cells(panel: Panel, enlarged: float = 1.0) -> tuple[float, float]:
    """How many drawn cells a map is wide and high; a drawn cell may be the mean of a block."""
    across, down = cells_across(panel), cells_down(panel)
    block = block_side(max(across, down), MAP_ROOM[panel.size] * enlarged)
    return across / block, down / block


def fixed_width(panel: Panel, enlarged: float = 1.0) -> int | None:
    """Width in pixels of a panel's figure, which scrolls on a narrow screen; None if it adapts."""
    if not panel.in_type:
        return None
    around = margins(panel, enlarged)
    return type_size(panel, enlarged)[0] + around["l"] + around["r"]


def type_size(panel: Panel, enlarged: float = 1.0) -> tuple[int, int]:
    """Width and height in pixels of a panel whose axes count in sizes of the type."""
    (left, right), (low, high) = span(panel, "x"), span(panel, "y")
    unit = TYPE * enlarged
    return round(abs(right - left) * unit), round(abs(high - low) * unit)


def margins(panel: Panel, enlarged: float = 1.0) -> dict[str, int]:
    """Pixels around the axes for their numbers and names."""
    type_size = TYPE * enlarged
    left = right = 8.0
    top = bottom = 6.0
    if panel.cell and panel.x.hidden and panel.y.hidden:
        left = right = top = bottom = FRAME
    if not panel.y.hidden:
        names = [name for _, name in axis_numbers(panel, "y", enlarged)]
        left = (
            0.6 * type_size * max((len(n) for name in names for n in name.split("\n")), default=0)
        )
        left += 10 + (1.5 * type_size if panel.y.name else 0)
        top = 8.0
    if not panel.x.hidden:
        names = [name for _, name in axis_numbers(panel, "x", enlarged)]
        lines = max((name.count("\n") + 1 for name in names), default=0)
        bottom = 1.3 * type_size * lines + 6 + (1.5 * type_size if panel.x.name else 0)
        right = 0.3 * type_size * len(names[-1]) + 6 if names else right
    return {"l": round(left), "r": round(right), "t": round(top), "b": round(bottom)}


def axis_numbers(panel: Panel, side: Any, enlarged: float) -> list[tuple[float, str]]:
    """The numbers on one axis of a panel, as many as fit on a phone."""
    most = {"large": 7, "medium": 5, "small": 4}[panel.size]
    numbers = ticks(getattr(panel, side), span(panel, side), most)
    longest = LONGEST_NAME
    if side == "x" and numbers:  # beside each other on a phone
        longest = max(8, min(LONGEST_NAME, PHONE_CHARACTERS // len(numbers)))
    return [(place, _in_lines(name, longest)) for place, name in numbers]


def _in_lines(name: str, longest: int) -> str:
    """A name of an axis's number in lines of at most ``longest`` characters; words stay whole."""
    return name if len(name) <= longest else "\n".join(wrap(name, longest, break_long_words=False))


def panel_height(panel: Panel, enlarged: float = 1.0) -> int:
    """Height of a panel's figure in pixels, its margins included."""
    around = margins(panel, enlarged)
    return _inside_height(panel, enlarged) + around["t"] + around["b"]


def _inside_height(panel: Panel, enlarged: float) -> int:
    """Height of a panel's axes in pixels."""
    if panel.cell:
        return map_size(panel, enlarged)[1]
    if panel.in_type:
        return type_size(panel, enlarged)[1]
    return round((ROW * panel.rows if panel.rows else HEIGHTS[panel.size]) * enlarged)


def cell_height(heat: Heat, panel: Panel, enlarged: float) -> float:
    """Height of a map's cells in pixels."""
    low, high = span(panel, "y")
    return _inside_height(panel, enlarged) * heat.height / abs(high - low)


def sign_cue(heat: Heat, panel: Panel, enlarged: float) -> Cue:
    """How the signs of a map are shown on the screen."""
    room = MAP_ROOM[panel.size] * enlarged
    block = block_side(max(heat.values.shape), most_cells(heat, panel, room))
    high = block * cell_height(heat, panel, enlarged)
    if len(heat.texts) and block == 1 and high >= READABLE:
        return "numbers"
    return "dashes" if high >= LEAST_DASHED else "colors"


def height_for_texts(panel: Panel, enlarged: float = 1.0, lines: int | None = None) -> int:
    """Least height of a panel's figure in pixels with which texts fit their cells; 0 for none.

    Args:
        panel: The panel.
        enlarged: Factor for all lengths, for projectors.
        lines: Number of lines of each text that count; None for all.
    """
    low, high = span(panel, "y")
    heights = [
        LINE * TYPE * enlarged * len(text.split("\n")[:lines]) * abs(high - low) / mark.height
        for mark in panel.marks
        if isinstance(mark, Heat)
        for row in mark.texts
        for text in row
    ]
    around = margins(panel, enlarged)
    return round(max(heights)) + around["t"] + around["b"] if heights else 0


def width_for_texts(panel: Panel, enlarged: float = 1.0, lines: int | None = None) -> int:
    """Least width of a panel's figure in pixels with which texts fit their cells; 0 for none.

    Args:
        panel: The panel.
        enlarged: Factor for all lengths, for projectors.
        lines: Number of lines of each text that count; None for all.
    """
    left, right = span(panel, "x")
    least = READABLE if panel.cell else 0
    widths = [
        max(least, DIGIT * TYPE * enlarged * (len(line) - 0.5 * line.count(".")) + 1)
        * abs(right - left)
        / mark.width
        for mark in panel.marks
        if isinstance(mark, Heat) and cell_height(mark, panel, enlarged) >= READABLE
        for row in mark.texts
        for text in row
        for line in text.split("\n")[:lines]
    ]
    around = margins(panel, enlarged)
    return round(max(widths)) + around["l"] + around["r"] if widths else 0
