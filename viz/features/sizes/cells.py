"""Tables of output sizes as HTML: exact, copyable, readable on a wall and on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape

from core.layer.size_tables import ConventionResult, SizeTable
from viz.page import words
from viz.theme import UNREAD

_STYLE = f"""<style>
.sizes {{ overflow-x: auto; }}
.sizes table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%;
  table-layout: fixed; }}
.sizes th, .sizes td {{ border: 1px solid color-mix(in srgb, currentColor 18%, transparent);
  padding: .32rem .45rem; text-align: center; vertical-align: middle; line-height: 1.2; }}
.sizes th {{ font-weight: 600; font-size: .86em; }}
.sizes th[scope=row] {{ text-align: left; }}
.sizes th:first-child {{ width: 21%; }}
.sizes small {{ display: block; font-size: .74em; font-weight: 400; opacity: .85; }}
.sizes td.unread {{ background: repeating-linear-gradient(-45deg, {UNREAD}59 0 1.5px,
  transparent 1.5px 8px); }}
.sizes td.misfit {{ opacity: .55; }}
.sizes td.chosen {{ outline: 3px solid currentColor; outline-offset: -3px; }}
.sizes td.wrong {{ background: {UNREAD}; color: white; }}
@media (max-width: 640px) {{
  .sizes th, .sizes td {{ padding: .25rem .15rem; font-size: .82em; }}
  .sizes small {{ font-size: .78em; }}
}}
</style>"""

PLOT_STYLE = """<style>
:is(.st-key-conventions, .st-key-size_map) :is(.annotation-text, .legendtext, .xtick text,
.x2tick text, .ytick text, .g-xtitle text, .g-x2title text, .g-ytitle text, .cbaxis text,
.cbtitle text) { fill: currentColor !important; }
</style>"""
"""Full contrast for the words of the pictures: they are read on a wall."""


@lru_cache(maxsize=256)
def size_cells(
    table: SizeTable,
    heads: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
    chosen: tuple[int | str, int | str] | None = None,
) -> str:
    """The table as HTML: sizes, unread pixels (hatched, and how many), a dash where none fits.

    Args:
        heads: headings of the columns; their values when empty.
        notes: one small line under the heading of each row.
        chosen: the (row, column) to frame.
    """
    corner = f"{table.row_name} ↓ {table.column_name} →"
    lines = [_heading(corner, heads or tuple(f"{c}" for c in table.columns))]
    for row, name in enumerate(table.rows):
        note = f"<small>{escape(notes[row])}</small>" if notes else ""
        cells = [
            _cell(table, row, column, (name, value) == chosen)
            for column, value in enumerate(table.columns)
        ]
        lines.append(f"<tr><th scope='row'>{escape(f'{name}')}{note}</th>{''.join(cells)}</tr>")
    return _wrapped(lines)


def _wrapped(lines: Sequence[str]) -> str:
    return f"{_STYLE}<div class='sizes'><table>{''.join(lines)}</table></div>"


def _heading(corner: str, heads: Sequence[str]) -> str:
    cells = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    return f"<tr><th>{escape(corner)}</th>{cells}</tr>"


def _cell(table: SizeTable, row: int, column: int, chosen: bool) -> str:
    unread = int(table.unread[row, column])
    classes = {
        "misfit": not table.fits[row, column],
        "unread": unread > 0,
        "chosen": chosen,
        "wrong": not table.agrees[row, column],
    }
    names = " ".join(name for name, on in classes.items() if on)
    inside, title = "–", table.refusals[row][column]
    if table.fits[row, column]:
        height, width = table.output[row, column].tolist()
        inside = words.both((height, width))
        inside += f"<small>{unread:,} unread</small>" if unread else ""
        rows, cols = table.remainder[row, column].tolist()
        title = f"{height}×{width}, remainder {rows} rows and {cols} columns, {unread} unread"
    if not table.agrees[row, column]:
        inside += f"<small>torch: {words.times(_pair(table, row, column))}</small>"
    return f"<td class='{names}' title='{escape(title, quote=True)}'>{inside}</td>"


def _pair(table: SizeTable, row: int, column: int) -> tuple[int, int]:
    height, width = table.measured[row, column].tolist()
    return height, width


@lru_cache(maxsize=256)
def convention_cells(results: tuple[ConventionResult, ...]) -> str:
    """Padding per side, output size and unread pixels under every convention."""
    lines = [_heading("convention", ("padding", "output", "torch", "unread pixels"))]
    for result in results:
        note = f"<small>{escape(result.description)}</small>"
        head = f"<th scope='row'>{escape(result.label)}{note}</th>"
        lines.append(f"<tr>{head}{_convention(result)}</tr>")
    return _wrapped(lines)


def _convention(result: ConventionResult) -> str:
    if result.pads is None or result.output is None:
        return f"<td colspan='4' class='misfit'>{escape(result.refusal)}</td>"
    agrees = result.measured == result.output
    torch = words.times(result.measured) if result.measured else "refused"
    unread = f"<td class='unread'>{result.unread:,}</td>" if result.unread else "<td>0</td>"
    return (
        f"<td>{words.sides(result.pads, result.output_padding)}</td><td>{words.times(result.output)}</td>"
        f"<td class='{'' if agrees else 'wrong'}'>{torch}{' ✓' if agrees else ''}</td>{unread}"
    )
