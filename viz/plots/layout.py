"""The style sheet of a plot: a grid of panels and color bars that fills the page's column.

A plot has as many columns as its column of the page has room for, so that no row of panels is
shorter than another one has to be. Maps are whole multiples of their cells on every screen.
"""

from __future__ import annotations

from itertools import pairwise
from math import ceil

from core.plots.legend import color_bars
from core.plots.plot import Heat, Panel, Plot, Scale
from viz.plots.sizes import (
    drawn_cells,
    fixed_width,
    height_for_texts,
    least_map_width,
    map_size,
    margins,
    panel_height,
    width_for_texts,
)

LEAST_WIDTH = 210
"""Least width in pixels of the axes of a panel that is not a map, beside others."""
GROWTH = 1.34
"""Factor by which maps may be wider where they stand below each other, as on a phone."""
COLUMN_GAP = 22
"""Pixels between two panels side by side."""
HIGHEST = "var(--room,9999px)"
"""Largest height of a panel in CSS: on a wall the component `presentation` limits it."""


def panel_class(key: str, number: int) -> str:
    """The CSS class of the box of a panel; the plot's is ``st-key-plot_KEY``."""
    return f"st-key-panel_{key}_{number}"


def style_sheet(plot: Plot, key: str, enlarged: float = 1.0) -> str:
    """The rules for the sizes and places of a plot's panels and color bars.

    Args:
        plot: The plot.
        key: The key of its container on the page.
        enlarged: Factor for all lengths, for projectors.
    """
    rules = [_panel_css(p, panel_class(key, n), enlarged) for n, p in enumerate(plot.panels)]
    least = max(_least_width(panel, enlarged) for panel in plot.panels)
    track = "max-content" if plot.panels[0].cell else "minmax(0,1fr)"
    for columns in column_counts(plot):
        grow = GROWTH if columns == 1 < len(plot.panels) else 1
        grid = f".st-key-panels_{key}{{--columns:{columns};--grow:{grow};grid-template-columns:repeat({columns},{track})}}"
        bars = "".join(
            f".st-key-panels_{key} .bar-{number}{{{_bar_css(scale, plot, columns, enlarged)}}}"
            for number, scale in enumerate(color_bars(plot))
        )
        room = columns * least + (columns - 1) * COLUMN_GAP if columns > 1 else 0
        rules.append(f"@container plot (min-width:{room}px){{{grid}{bars}}}")
    return "".join(rules)


def column_counts(plot: Plot) -> list[int]:
    """The possible numbers of columns, ascending: those whose rows are equally long, or nearly.

    Four panels stand in rows of 4, of 2 or of 1, never in one of 3 and one of 1.
    """
    together, count = plot.together, len(plot.panels)
    groups = ceil(count / together)
    even = {together * ceil(groups / rows) for rows in range(1, groups + 1)}
    return sorted({1} | {columns for columns in even if columns <= (plot.columns or count)})


def _least_width(panel: Panel, enlarged: float) -> int:
    """Least width in pixels of a panel beside others."""
    around = margins(panel, enlarged)
    if panel.cell:
        return least_map_width(panel, enlarged) + around["l"] + around["r"]
    return LEAST_WIDTH + around["l"]


def _bar_css(scale: Scale, plot: Plot, columns: int, enlarged: float) -> str:
    """The place of a color bar below the columns whose maps have its scale, as long as these."""
    panels = [
        (number % columns, panel)
        for number, panel in enumerate(plot.panels)
        if any(isinstance(mark, Heat) and mark.scale == scale for mark in panel.marks)
    ]
    used = sorted({column for column, _ in panels})
    if any(after - before > 1 for before, after in pairwise(used)):
        used = list(range(columns))
    first, last = (
        next(
            (p for column, p in panels if column == end),
            plot.panels[min(end, len(plot.panels) - 1)],
        )
        for end in (used[0], used[-1])
    )
    left, right = margins(first, enlarged)["l"], margins(last, enlarged)["r"]
    return f"grid-column:{used[0] + 1}/{used[-1] + 2};margin:0 {right}px 0 {left}px"


def _panel_css(panel: Panel, name: str, enlarged: float) -> str:
    """Width and height of a panel, and from which size on texts are written into its cells."""
    rule = "@container chart (max-{}:{}px){{.{} .textpoint{}{{display:none}}}}"
    css = ""
    for side, least in (("width", width_for_texts), ("height", height_for_texts)):
        whole, first = (least(panel, enlarged, lines) for lines in (None, 1))
        css += rule.format(side, first - 1, name, "") if first else ""
        css += rule.format(side, whole - 1, name, " .line:nth-child(n+2)") if whole > first else ""
    return css + _size_css(panel, name, enlarged)


def _size_css(panel: Panel, name: str, enlarged: float) -> str:
    """Width and height of a panel."""
    height = panel_height(panel, enlarged)
    # A skeleton has the chart's place while the browser loads the code that draws it.
    chart = f'.{name} :is([data-testid="stPlotlyChart"],[data-testid="stSkeleton"])'
    around = margins(panel, enlarged)
    if panel.in_type:
        width = fixed_width(panel, enlarged)
        return f".{name}{{overflow-x:auto}}.{name} > *{{min-width:{width}px}}{chart}{{height:{height}px}}"
    if not panel.cell:
        least = min(height, height_for_texts(panel, enlarged, 1))
        return f"{chart}{{height:clamp({least}px,{HIGHEST},{height}px)}}"
    beside, outside = around["l"] + around["r"], around["t"] + around["b"]
    width, _ = map_size(panel, enlarged)
    across, down = drawn_cells(panel, enlarged)
    ratio = f"{down / across:.6f}"
    column = f"(100cqw - {COLUMN_GAP}px*(var(--columns) - 1))/var(--columns) - {beside}px"
    room = f"min({column},({HIGHEST} - {outside}px)/{ratio})"
    fitting = f"max(round(down,{room},{across:.6g}px),min({room},{across:.6g}px))"
    return (
        f'[data-testid="stLayoutWrapper"]:has(> .{name})'
        f"{{--map:min({width}px*var(--grow),{fitting});width:calc(var(--map) + {beside}px)}}"
        f"{chart}{{height:calc(var(--map)*{ratio} + {outside}px)}}"
    )
