"""The HTML around a plot's panels: title, headings, legend, color bars and notes."""

from __future__ import annotations

import base64
from html import escape

from core.plots.legend import Entry, bar_numbers, color_bars, entries
from core.plots.maps import block_notes
from core.plots.plot import Bars, Boxes, Dash, Hatch, Panel, Plot, Points, Polyline, Scale, Symbol
from core.plots.signs import sign_notes
from viz.plots.colors import GROUND, TEXT, screen_color, stops
from viz.plots.layout import style_sheet
from viz.plots.sizes import MAP_ROOM, sign_cue

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


def head_html(plot: Plot, key: str, enlarged: float = 1.0, *, dark: bool = False) -> str:
    """The title and the subtitle of a plot, and its style sheet.

    Args:
        plot: The plot.
        key: The key of its container on the page.
        enlarged: Factor for all lengths, for projectors.
        dark: Whether the paper is dark; a plot keeps its paper where colors are forced.
    """
    title = f"<h2>{escape(plot.title)}</h2>" if plot.title else ""
    below = f"<p>{escape(plot.subtitle)}</p>" if plot.subtitle else ""
    paper = f"forced-color-adjust:none;background:{GROUND[dark]};color:{TEXT[dark]}"
    css = style_sheet(plot, key, enlarged)
    css += f"@media (forced-colors:active){{.st-key-plot_{key}{{{paper}}}}}"
    return f'<div class="plot-head">{title}{below}</div><style>{css}</style>'


def heading_html(panel: Panel) -> str:
    """The heading above a panel; "" for none."""
    if not (panel.title or panel.note):
        return ""
    note = f"<br>{escape(panel.note)}" if panel.note else ""
    return f'<div class="plot-heading"><b>{escape(panel.title)}</b>{note}</div>'


def foot_html(plot: Plot, *, dark: bool = False, enlarged: float = 1.0) -> str:
    """The legend and the notes of a plot; "" if it has neither."""
    keys = "".join(_entry_html(entry, dark) for entry in entries(plot))
    legend = f'<div class="plot-legend">{keys}</div>' if keys else ""
    sentences = [
        *plot.notes,
        *sign_notes(plot, lambda heat, panel: sign_cue(heat, panel, enlarged)),
        *block_notes(plot, lambda panel: MAP_ROOM[panel.size] * enlarged),
    ]
    notes = "".join(f"<p>{escape(note)}</p>" for note in sentences)
    notes = f'<div class="plot-notes">{notes}</div>' if notes else ""
    return f'<div class="plot-foot">{legend}{notes}</div>' if legend + notes else ""


def bars_html(plot: Plot, *, dark: bool = False) -> str:
    """The color bars of a plot; "" if it has none."""
    bars = "".join(_bar_html(scale, n, dark) for n, scale in enumerate(color_bars(plot)))
    return f'<div class="plot-bars">{bars}</div>' if bars else ""


def _bar_html(scale: Scale, number: int, dark: bool) -> str:
    """A color bar with its numbers below and its label above."""
    colors = ",".join(f"{color} {100 * place:.3g}%" for place, color in stops(scale, dark))
    numbers = "".join(
        f'<span style="left:{100 * place:.4g}%">{escape(name)}</span>'
        for place, name in bar_numbers(scale)
    )
    return (
        f'<div class="plot-bar bar-{number}">{escape(scale.label)}'
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
        body += f'<path d="{HATCHES[mark.hatch]}" stroke="{GROUND[dark]}" stroke-width="1.5"/>'
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
