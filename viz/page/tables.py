"""Tables of words and numbers as HTML, and numbers as words in their cells. No Streamlit here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

UNKNOWN = "–"
WAITING = "…"


@dataclass(frozen=True)
class Line:
    """One row of a table: what is told, how it was found, and a cell for each block."""

    name: str
    how: str
    cells: tuple[str, ...]


def scaled(amount: float, unit: str = "") -> str:
    """``1.85 G``, ``38.5 MB``, ``12.3 ms``: three digits and a prefix, fewer without one."""
    for size, prefix in ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ")):
        if abs(amount) >= size * 0.9995:
            number = amount / size
            digits = max(0, 3 - len(str(int(abs(number) + 0.0005))))
            text = f"{number:.{digits}f}" if prefix else f"{number:.3g}"
            return f"{text} {prefix}{unit}".rstrip()
    return f"0 {unit}".rstrip()


def percent(share: float) -> str:
    """``75 %``; never a 0 or a 100 that is not exactly one."""
    if share in (0, 1):
        return f"{100 * share:g} %"
    text = f"{100 * share:.1f}".removesuffix(".0")
    if text in ("0", "100"):
        return "below 0.1 %" if text == "0" else "above 99.9 %"
    return f"{text} %"


_TABLE = (
    'style="width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; '
    'font-size: 0.875rem; line-height: 1.3"'
)
_CELL = "padding: 0.2rem 0.6rem 0.2rem 0; border-bottom: 1px solid rgba(128, 128, 128, 0.25); vertical-align: top"


def html(
    titles: Sequence[str],
    lines: Sequence[Line],
    second: Sequence[str] = (),
    name: str = "blocks",
    *,
    compact: bool = False,
) -> str:
    """The table; where it is wider than a phone it scrolls by itself.

    Args:
        titles: of the columns.
        lines: the rows.
        second: words below the titles.
        name: for screen readers.
        compact: how things are found is told on hover only.
    """
    below = second or [""] * len(titles)
    heads = "".join(
        f'<th scope="col" style="{_CELL}; text-align: left; min-width: 8.5rem">{escape(title)}'
        f"{_small(words)}</th>"
        for title, words in zip(titles, below, strict=True)
    )
    rows = "".join(
        f'<tr><th scope="row" style="{_CELL}; text-align: left; font-weight: 600; '
        f'min-width: 8rem" title="{escape(line.how)}">{escape(line.name)}'
        f"{'' if compact else _small(line.how)}</th>"
        + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in line.cells)
        + "</tr>"
        for line in lines
    )
    return (
        f'<div style="overflow-x: auto" tabindex="0" role="region" aria-label="{escape(name)}">'
        f"<table {_TABLE}><thead><tr><td></td>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _small(text: str) -> str:
    if not text:
        return ""
    return (
        '<br><span style="font-size: 0.75rem; font-weight: 400; opacity: 0.75; '
        f'overflow-wrap: anywhere">{escape(text)}</span>'
    )
