"""The small drawing beside a question: the input, its padding, and the first two windows.

It is an SVG text that contains numbers only, never text from a visitor.
"""

from __future__ import annotations

from typing import NamedTuple

from core.layer import LayerSpec
from core.layer.operations import operation_of, output_size
from viz.lessons.exercises import LayerSubject, Question
from viz.theme import INPUT, OUTPUT, PADDING, WINDOW

TEXT_COLOR = "#808080"
"""Color of text, legible on a light and on a dark background."""
LONGER_SIDE = 230
"""Length in pixels of the longer side of the padded input."""
MAX_GRID_CELLS = 26
"""Largest side, in cells, of an input that is drawn with a grid."""


class Drawing(NamedTuple):
    """An SVG text and its description for screen readers."""

    svg: str
    alt: str


def picture(question: Question) -> Drawing | None:
    """Return a drawing of a question's layer that does not reveal the answer; None if none fits."""
    subject = question.subject
    if not isinstance(subject, LayerSubject) or question.kind in ("cost", "gradient"):
        return None
    spec = subject.layer
    if operation_of(spec).has("output_padding"):
        return None
    if question.kind == "reach":
        return _columns_drawing(subject)
    return _grid_drawing(subject, padded=question.kind != "padding")


def _svg(width: float, height: float, label: str, parts: list[str]) -> Drawing:
    """Return a drawing of this size in pixels from its SVG elements and its description."""
    return Drawing(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" font-family="sans-serif" font-size="11" '
        f'fill="{TEXT_COLOR}">{"".join(parts)}</svg>',
        label,
    )


def _svg_rectangle(x: float, y: float, width: float, height: float, style: str) -> str:
    """Return an SVG rectangle; ``style`` is a string of attributes."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" {style}/>'


def _svg_text(x: float, y: float, text: object, style: str = "") -> str:
    """Return an SVG text that is centered at x with its baseline at y."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="middle" {style}>{text}</text>'


def _stroke_style(color: str, width: float = 1, dashes: str = "", fill: str = "none") -> str:
    """Return the SVG attributes of a stroke; ``dashes`` is an SVG dash pattern such as "4 3"."""
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'fill="{fill}" stroke="{color}" stroke-width="{width:g}"{dashed}'


def _grid_drawing(subject: LayerSubject, padded: bool) -> Drawing:
    """Return the input as a grid; if ``padded``, with its padding and the first two windows."""
    spec, (rows, cols) = subject.layer, subject.size
    (top, bottom), (left, right) = spec.padding if padded else ((0, 0), (0, 0))
    padded_cols, padded_rows = cols + left + right, rows + top + bottom
    cell = LONGER_SIDE / max(padded_cols, padded_rows)
    margin = 18.0
    parts = [_svg_text(margin + (left + cols / 2) * cell, 12, f"{cols} columns"),
             _svg_rectangle(margin, margin, padded_cols * cell, padded_rows * cell, _stroke_style(PADDING, 1, "4 3")),
             _svg_rectangle(margin + left * cell, margin + top * cell, cols * cell, rows * cell,
                  _stroke_style(INPUT, 1.5, fill=INPUT + "22"))]  # fmt: skip
    if max(rows, cols) <= MAX_GRID_CELLS:
        parts.append(_grid_lines(margin + left * cell, margin + top * cell, rows, cols, cell))
    if padded:
        parts += _first_windows(spec, padded_cols, margin, cell)
    if top or left or bottom or right:
        words = f"padding {top}" if top == bottom == left == right else "padding"
        parts.append(_svg_text(margin + padded_cols * cell / 2, margin + padded_rows * cell + 13, words,
                           f'fill="{PADDING}"'))  # fmt: skip
    label = f"input of {rows} rows and {cols} columns with its padding and the first windows"
    return _svg(margin * 2 + padded_cols * cell, margin * 2 + padded_rows * cell, label, parts)


def _grid_lines(x: float, y: float, rows: int, cols: int, cell: float) -> str:
    """Return the SVG path of the lines between the cells of a grid whose corner is (x, y)."""
    horizontal = "".join(f"M{x:g} {y + i * cell:g}h{cols * cell:g}" for i in range(1, rows))
    vertical = "".join(f"M{x + i * cell:g} {y:g}v{rows * cell:g}" for i in range(1, cols))
    return f'<path d="{horizontal}{vertical}" stroke="{INPUT}" stroke-opacity="0.45" stroke-width="0.6"/>'


def _first_windows(spec: LayerSpec, padded_cols: int, margin: float, cell: float) -> list[str]:
    """Return the first window with its taps, and the second one as a dashed outline.

    Args:
        spec: The layer.
        padded_cols: Width of the padded input in cells.
        margin: Position of the padded input's corner, in pixels.
        cell: Side of a cell in pixels.
    """
    (height, width), (k_rows, k_cols) = spec.window.effective_kernel_size, spec.kernel_size
    d_rows, d_cols = spec.dilation
    taps = [
        _svg_rectangle(margin + c * d_cols * cell + cell * 0.12, margin + r * d_rows * cell + cell * 0.12,
             cell * 0.76, cell * 0.76, f'fill="{WINDOW}" fill-opacity="0.55"')
        for r in range(k_rows) for c in range(k_cols)
    ]  # fmt: skip
    step = spec.stride[1]
    windows = [
        _svg_rectangle(margin, margin, width * cell, height * cell, _stroke_style(WINDOW, 2.5))
    ]
    if step + width <= padded_cols:
        x = margin + step * cell
        windows.append(
            _svg_rectangle(
                x, margin, width * cell, height * cell, _stroke_style(WINDOW, 1.5, "5 3")
            )
        )
    return taps + windows


def _columns_drawing(subject: LayerSubject) -> Drawing:
    """Return numbered input columns above output columns; the question's column is filled."""
    cols, outputs = subject.size[1], output_size(subject.layer, subject.size)[1]
    cell = min(30.0, 2 * LONGER_SIDE / max(cols, outputs))
    width = max(cols, outputs) * cell + 4
    marked_output = subject.output[1] if subject.output else None
    marked_input = subject.pixel[1] if subject.pixel else None
    parts = ['<text x="2" y="12">input columns</text>',
             *_cell_row(cols, 18, cell, INPUT, marked_input),
             f'<text x="2" y="{34 + 2 * cell:g}">output columns</text>',
             *_cell_row(outputs, 40 + 2 * cell, cell, OUTPUT, marked_output)]  # fmt: skip
    label = f"a row of {cols} input columns and a row of {outputs} output columns"
    return _svg(width, 44 + 3 * cell, label, parts)


def _cell_row(count: int, y: float, cell: float, color: str, marked: int | None) -> list[str]:
    """Return a row of numbered cells at height y; the one with index ``marked`` is filled."""
    parts = []
    for i in range(count):
        fill = color if i == marked else color + "22"
        parts.append(
            _svg_rectangle(2 + i * cell, y, cell, cell, _stroke_style(color, 1, fill=fill))
        )
        style = 'fill="#fff" font-weight="700"' if i == marked else ""
        parts.append(_svg_text(2 + (i + 0.5) * cell, y + cell / 2 + 4, i, style))
    return parts
