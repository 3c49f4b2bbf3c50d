"""The HTML around a plot's panels: title, headings, legend, color bars, notes, and their sizes."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from core.plots.legend import Entry, bar_numbers, color_bars, entries
from core.plots.maps import block_notes, cells_across, cells_down
from core.plots.plot import Bars, Boxes, Dash, Hatch, Panel, Plot, Points, Polyline, Scale, Symbol
from viz.plots.colors import screen_color, stops
from viz.plots.sizes import (
    MAP_ROOM,
    fixed_width,
    map_size,
    margins,
    panel_height,
    width_for_texts,
)

DASHES: dict[Dash, str] = {
    "solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "7 3 2 3", "longdash": "11 4",
}  # fmt: skip
"""Dash patterns of SVG."""
HATCHES: dict[Hatch, str] = {
    "/": "M0 12 12 0M12 12 24 0M-12 12 0 0M24 12 36 0",
    "\\": "M0 0 12 12M12 0 24 12M-12 0 0 12M24 0 36 12",
    "x": "M0 12 12 0M12 12 24 0M0 0 12 12M12 0 24 12",
    ".": "M4 4h2M12 4h2M20 4h2M8 9h2M16 9h2",
    "-": "M0 3h26M0 7h26M0 11h26",
    "": "",
}
"""SVG paths of hatchings in a swatch."""
SHAPES: dict[Symbol, str] = {
    "circle": "M13 2a5 5 0 1 0 .01 0z",
    "square": "M8.5 2.5h9v9h-9z",
    "diamond": "M13 1l6 6-6 6-6-6z",
    "up": "M13 1.5l5.5 10h-11z",
    "down": "M13 12.5l5.5-10h-11z",
    "left": "M7.5 7l10-5.5v11z",
    "cross": "M11.5 2h3v3.5h3.5v3h-3.5v3.5h-3v-3.5h-3.5v-3h3.5z",
    "x": "M9 3l8 8M17 3l-8 8",
    "hbar": "M6 7h14",
    "vbar": "M13 0v14",
    "none": "",
}
"""SVG paths of symbols in a swatch of 26×14."""
LEAST_WIDTH = 210
"""Least width in pixels of the axes of a panel that is not a map, beside others."""
COLUMN_GAP = 22
"""Pixels between two panels side by side."""
WIDEST_BAR = 420
"""Largest width in pixels of a color bar."""


def head_html(plot: Plot, names: Sequence[str], enlarged: float = 1.0) -> str:
    """The title and the subtitle of a plot, and a style sheet with the sizes of its panels.

    Args:
        plot: The plot.
        names: CSS classes of the panels' boxes.
        enlarged: Factor for all lengths, for projectors.
    """
    title = f"<h4>{escape(plot.title)}</h4>" if plot.title else ""
    below = f"<p>{escape(plot.subtitle)}</p>" if plot.subtitle else ""
    css = [
        _panel_css(panel, name, enlarged) for panel, name in zip(plot.panels, names, strict=True)
    ]
    return f'<div class="plot-head">{title}{below}</div><style>{"".join(css)}{_columns_css(plot, names, enlarged)}</style>'


def _columns_css(plot: Plot, names: Sequence[str], enlarged: float) -> str:
    """Equal widths of panels that are not maps, where all columns of the plot have room."""
    if not plot.columns or plot.panels[0].cell:
        return ""
    count = min(plot.columns, len(plot.panels))
    boxes = ",".join(f'[data-testid="stLayoutWrapper"]:has(> .{name})' for name in names)
    room = count * (LEAST_WIDTH + margins(plot.panels[0], enlarged)["l"]) + (count - 1) * COLUMN_GAP
    width = f"calc((100cqw - {(count - 1) * COLUMN_GAP}px)/{count} - 0.1px)"
    return f"@container (min-width:{room}px){{{boxes}{{flex:0 0 {width}}}}}"


def _panel_css(panel: Panel, name: str, enlarged: float) -> str:
    """Width and height of a panel, and from which width on texts are written into its cells.

    A map is a whole multiple of its cells wide on every screen.
    """
    whole, first = (width_for_texts(panel, enlarged, lines) for lines in (None, 1))
    rule = "@container chart (max-width:{}px){{.{} .textpoint{}{{display:none}}}}"
    css = rule.format(first - 1, name, "") if first else ""
    css += rule.format(whole - 1, name, " .line:nth-child(n+2)") if whole > first else ""
    return css + _size_css(panel, name, enlarged)


def _size_css(panel: Panel, name: str, enlarged: float) -> str:
    """Width and height of a panel."""
    height = panel_height(panel, enlarged)
    box = f'[data-testid="stLayoutWrapper"]:has(> .{name})'
    chart = f'.{name} [data-testid="stPlotlyChart"]'
    around = margins(panel, enlarged)
    if panel.in_type:
        scrolled = f"{box}{{flex:0 1 auto;min-width:0}}.{name}{{overflow-x:auto}}"
        width = fixed_width(panel, enlarged)
        return f"{scrolled}.{name} > *{{min-width:{width}px}}{chart}{{height:{height}px}}"
    if not panel.cell:
        least = f"min({LEAST_WIDTH + around['l']}px,100cqw)"
        return f"{box}{{flex:1 1 {least};min-width:{least}}}{chart}{{height:{height}px}}"
    beside, outside = around["l"] + around["r"], around["t"] + around["b"]
    width, _ = map_size(panel, enlarged)
    count = max(1, round(cells_across(panel)))
    step = count if count <= width else 1
    ratio = cells_down(panel) / cells_across(panel)
    room = f"100cqw - {beside}px"
    fitting = f"max(round(down,{room},{step}px),min({room},{step}px))"
    return (
        f"{box}{{--map:min({width}px,{fitting});flex:0 0 auto;width:calc(var(--map) + {beside}px)}}"
        f"{chart}{{height:calc(var(--map)*{ratio:.6f} + {outside}px)}}"
    )


def heading_html(panel: Panel) -> str:
    """The heading above a panel; "" for none."""
    if not (panel.title or panel.note):
        return ""
    note = f"<br>{escape(panel.note)}" if panel.note else ""
    return f'<div class="plot-heading"><b>{escape(panel.title)}</b>{note}</div>'


def foot_html(plot: Plot, *, dark: bool = False, enlarged: float = 1.0) -> str:
    """The legend, the color bars and the notes of a plot; "" if it has none of them."""
    keys = "".join(_entry_html(entry, dark) for entry in entries(plot))
    legend = f'<div class="plot-legend">{keys}</div>' if keys else ""
    indent = margins(plot.panels[0], enlarged)["l"]
    bars = "".join(_bar_html(scale, plot, enlarged) for scale in color_bars(plot))
    bars = f'<div class="plot-bars" style="margin-left:{indent}px">{bars}</div>' if bars else ""
    sentences = [*plot.notes, *block_notes(plot, lambda panel: MAP_ROOM[panel.size] * enlarged)]
    notes = "".join(f"<p>{escape(note)}</p>" for note in sentences)
    notes = f'<div class="plot-notes">{notes}</div>' if notes else ""
    return f'<div class="plot-foot">{bars}{legend}{notes}</div>' if bars + legend + notes else ""


def _bar_html(scale: Scale, plot: Plot, enlarged: float) -> str:
    """A color bar with its numbers below and its label above."""
    first = plot.panels[0]
    width = map_size(first, enlarged)[0] if first.cell and len(plot.panels) == 1 else WIDEST_BAR
    colors = ",".join(f"{color} {100 * place:.3g}%" for place, color in stops(scale))
    numbers = "".join(
        f'<span style="left:{100 * place:.4g}%">{escape(name)}</span>'
        for place, name in bar_numbers(scale)
    )
    return (
        f'<div class="plot-bar" style="width:min(100%,{width}px)">{escape(scale.label)}'
        f'<i style="background:linear-gradient(to right,{colors})"></i><div>{numbers}</div></div>'
    )


def _entry_html(entry: Entry, dark: bool) -> str:
    """An entry of the legend: the mark's look as a small picture, and its name."""
    svg = swatch_svg(entry, dark)
    source = base64.b64encode(svg.encode()).decode()
    return (
        f'<span><img alt="" src="data:image/svg+xml;base64,{source}" width="26" height="14">'
        f"{escape(entry.name)}</span>"
    )


def swatch_svg(entry: Entry, dark: bool) -> str:
    """The look of an entry's mark as an SVG of 26×14."""
    mark = entry.mark
    color = screen_color(mark.color, dark)
    body = ""
    if isinstance(mark, Polyline):
        body = _line_svg(mark.dash, color, mark.width, mark.cased)
        body += _symbol_svg(mark.symbol, color, hollow=False)
    elif isinstance(mark, Points):
        body = _symbol_svg(mark.symbol, color, hollow=mark.hollow)
    elif isinstance(mark, Bars):
        body = f'<path d="M2 1h22v12h-22z" fill="{color}"/>'
        body += f'<path d="{HATCHES[mark.hatch]}" stroke="white" stroke-width="1.5"/>'
    elif isinstance(mark, Boxes):
        body = _box_svg(mark, color, dark)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="26" height="14" viewBox="0 0 26 14" '
        f'fill="none">{body}</svg>'
    )


def _line_svg(dash: Dash, color: str, width: float, cased: bool) -> str:
    """A horizontal line."""
    pattern = f'stroke-dasharray="{DASHES[dash]}" ' if DASHES[dash] else ""
    line = f'<path d="M1 7h24" {pattern}stroke="{{}}" stroke-width="{{}}"/>'
    edge = line.format("#333", width + 2) if cased else ""
    return edge + line.format(color, width)


def _symbol_svg(symbol: Symbol, color: str, *, hollow: bool) -> str:
    """A symbol in the middle."""
    lines = hollow or symbol in ("x", "hbar", "vbar")
    look = f'stroke="{color}" stroke-width="{2 if hollow else 3}"' if lines else f'fill="{color}"'
    return f'<path d="{SHAPES[symbol]}" {look}/>' if SHAPES[symbol] else ""


def _box_svg(mark: Boxes, color: str, dark: bool) -> str:
    """A rectangle with its outline, its area and its hatching."""
    fill = screen_color(mark.fill, dark) if mark.fill else "none"
    area = f'fill="{fill}" fill-opacity="{mark.opacity}"'
    pattern = f'stroke-dasharray="{DASHES[mark.dash]}" ' if DASHES[mark.dash] else ""
    outline = '<path d="M2.5 2h21v10h-21z" {} {}stroke="{}" stroke-width="{}"/>'
    edge = outline.format('fill="none"', pattern, "#333", mark.width + 2) if mark.cased else ""
    hatching = f'<path d="{HATCHES[mark.hatch]}" stroke="{color}" stroke-width="1.2"/>'
    return edge + outline.format(area, pattern, color, mark.width) + hatching
