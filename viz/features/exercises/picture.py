"""The small picture beside a question: the input, its padding, the first two windows.

SVG as text: numbers alone come in, never a visitor's text.
"""

from __future__ import annotations

from typing import NamedTuple

from core.layer import LayerSpec
from core.layer.operations import operation_of, output_size
from viz.lessons.exercises import LayerSubject, Question
from viz.theme import INPUT, OUTPUT, PADDING, WINDOW

INK = "#808080"
"""Of words: reads on light and on dark."""
SIDE = 230
"""Pixels of the picture's longer side."""
MOST_CELLS = 26
"""Cells a side up to which single ones are drawn."""


class Drawing(NamedTuple):
    """An SVG, and what it shows for those who cannot see it."""

    svg: str
    alt: str


def picture(question: Question) -> Drawing | None:
    """A drawing that helps to see the layer, and gives nothing away; None where none does."""
    subject = question.subject
    if not isinstance(subject, LayerSubject) or question.kind in ("cost", "gradient"):
        return None
    spec = subject.layer
    if operation_of(spec).has("output_padding"):
        return None
    if question.kind == "reach":
        return _columns(subject)
    return _grid(subject, padded=question.kind != "padding")


def _svg(width: float, height: float, label: str, parts: list[str]) -> Drawing:
    return Drawing(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="sans-serif" font-size="11" '
        f'fill="{INK}">{"".join(parts)}</svg>',
        label,
    )


def _box(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" {style}/>'


def _text(x: float, y: float, text: object, style: str = "") -> str:
    return f'<text x="{x:g}" y="{y:g}" text-anchor="middle" {style}>{text}</text>'


def _stroke(colour: str, width: float = 1, dashes: str = "", fill: str = "none") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'fill="{fill}" stroke="{colour}" stroke-width="{width:g}"{dashed}'


def _grid(subject: LayerSubject, padded: bool) -> Drawing:
    """The padded input from above, with the first window and the next one."""
    spec, (rows, cols) = subject.layer, subject.size
    (top, bottom), (left, right) = spec.padding if padded else ((0, 0), (0, 0))
    across, down = cols + left + right, rows + top + bottom
    cell = SIDE / max(across, down)
    margin = 18.0
    parts = [_text(margin + (left + cols / 2) * cell, 12, f"{cols} columns"),
             _box(margin, margin, across * cell, down * cell, _stroke(PADDING, 1, "4 3")),
             _box(margin + left * cell, margin + top * cell, cols * cell, rows * cell,
                  _stroke(INPUT, 1.5, fill=INPUT + "22"))]  # fmt: skip
    if max(rows, cols) <= MOST_CELLS:
        parts.append(_lines(margin + left * cell, margin + top * cell, rows, cols, cell))
    if padded:
        parts += _windows(spec, across, margin, cell)
    if top or left or bottom or right:
        words = f"padding {top}" if top == bottom == left == right else "padding"
        parts.append(_text(margin + across * cell / 2, margin + down * cell + 13, words,
                           f'fill="{PADDING}"'))  # fmt: skip
    label = f"input of {rows} rows and {cols} columns with its padding and the first windows"
    return _svg(margin * 2 + across * cell, margin * 2 + down * cell, label, parts)


def _lines(x: float, y: float, rows: int, cols: int, cell: float) -> str:
    flat = "".join(f"M{x:g} {y + i * cell:g}h{cols * cell:g}" for i in range(1, rows))
    upright = "".join(f"M{x + i * cell:g} {y:g}v{rows * cell:g}" for i in range(1, cols))
    return f'<path d="{flat}{upright}" stroke="{INPUT}" stroke-opacity="0.45" stroke-width="0.6"/>'


def _windows(spec: LayerSpec, across: int, margin: float, cell: float) -> list[str]:
    """The first window with its taps, the next one dashed."""
    (height, width), (k_rows, k_cols) = spec.window.effective_kernel_size, spec.kernel_size
    d_rows, d_cols = spec.dilation
    taps = [
        _box(margin + c * d_cols * cell + cell * 0.12, margin + r * d_rows * cell + cell * 0.12,
             cell * 0.76, cell * 0.76, f'fill="{WINDOW}" fill-opacity="0.55"')
        for r in range(k_rows) for c in range(k_cols)
    ]  # fmt: skip
    step = spec.stride[1]
    windows = [_box(margin, margin, width * cell, height * cell, _stroke(WINDOW, 2.5))]
    if step + width <= across:
        x = margin + step * cell
        windows.append(_box(x, margin, width * cell, height * cell, _stroke(WINDOW, 1.5, "5 3")))
    return taps + windows


def _columns(subject: LayerSubject) -> Drawing:
    """Input columns above output columns, numbered; the one asked about filled."""
    cols, outputs = subject.size[1], output_size(subject.layer, subject.size)[1]
    cell = min(30.0, 2 * SIDE / max(cols, outputs))
    width = max(cols, outputs) * cell + 4
    marked_output = subject.output[1] if subject.output else None
    marked_input = subject.pixel[1] if subject.pixel else None
    parts = ['<text x="2" y="12">input columns</text>',
             *_row(cols, 18, cell, INPUT, marked_input),
             f'<text x="2" y="{34 + 2 * cell:g}">output columns</text>',
             *_row(outputs, 40 + 2 * cell, cell, OUTPUT, marked_output)]  # fmt: skip
    label = f"a row of {cols} input columns and a row of {outputs} output columns"
    return _svg(width, 44 + 3 * cell, label, parts)


def _row(count: int, y: float, cell: float, colour: str, marked: int | None) -> list[str]:
    parts = []
    for i in range(count):
        fill = colour if i == marked else colour + "22"
        parts.append(_box(2 + i * cell, y, cell, cell, _stroke(colour, 1, fill=fill)))
        style = 'fill="#fff" font-weight="700"' if i == marked else ""
        parts.append(_text(2 + (i + 0.5) * cell, y + cell / 2 + 4, i, style))
    return parts
