"""The formula of the output size with its numbers, as a slide."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.layer.sizes import AxisFormula
from viz.slides.parts import SPACING, canvas, sheet, titled, wrapped
from viz.slides.style import SMALL, Style

LARGEST = 2.6
"""Largest size of the formula's type, as a multiple of the slide's."""
TALL = 2.3
"""Height of a line with a fraction, as a multiple of its size of type."""
LETTERS = (
    "n: input pixels; p₀, p₁: padding before and after; k: pixels that the kernel spans; s: stride"
)


def formula(axes_formulas: tuple[AxisFormula, AxisFormula], style: Style, *, title: str) -> Figure:
    """The rule in letters, then with the numbers of height and width, step by step.

    Args:
        axes_formulas: Formulas of height and width, from `core.layer.sizes.formula`.
        style: Style of the slide.
        title: The layer and its input in words.
    """
    figure = sheet(style)
    output = f"{axes_formulas[0].outputs}×{axes_formulas[1].outputs}"
    axes = canvas(figure, titled(figure, title, f"Output {output}.", style), style)
    width, height = float(axes.get_xlim()[1]), float(axes.get_ylim()[0])
    rule = axes_formulas[0].rule.replace(r"\textit{output padding}", r"\mathit{output\ padding}")
    points = SMALL * style.points
    step = SPACING * points / 72
    letters = wrapped(LETTERS, points, width - 0.2)
    layouts = [
        [rf"\mathrm{{output}} = {rule}", *_lines(axes_formulas, in_lines)]
        for in_lines in (True, False)
    ]
    room = width - 0.2, height - (len(letters) + 1) * step
    size, lines = max((_fitting(axes, lines, room, style), lines) for lines in layouts)
    y = 0.5 * TALL * size / 72
    muted, text = style.ink["muted"], style.ink["text"]
    axes.text(0.1, y, f"${lines[0]}$", parse_math=True, fontsize=size, va="center", color=muted)
    y += 0.5 * TALL * size / 72
    for number, line in enumerate(letters):
        at = y + (number + 0.5) * step
        axes.text(0.1, at, line, fontsize=points, va="center", color=muted)
    y += (len(letters) + 1) * step
    for number, line in enumerate(lines[1:]):
        at = y + (number + 0.5) * TALL * size / 72
        axes.text(0.1, at, f"${line}$", parse_math=True, fontsize=size, va="center", color=text)
    return figure


def _lines(axes_formulas: tuple[AxisFormula, AxisFormula], in_lines: bool) -> list[str]:
    """The formulas with numbers, one for both axes where they are alike.

    Args:
        axes_formulas: Formulas of height and width.
        in_lines: Whether each step has its own line.
    """
    height, width = axes_formulas
    alike = height.latex_steps == width.latex_steps
    named = [(r"height\ =\ width", height)] if alike else [("height", height), ("width", width)]
    lines = []
    for name, axis in named:
        span = f"k = {axis.span_text}"
        lines += [span] if axis.span > axis.kernel_size and span not in lines else []
        steps = [rf"\mathrm{{{name}}} = {axis.latex_steps[0]}"]
        steps += [f"= {step}" for step in axis.latex_steps[1:]]
        lines += (
            [rf"\quad {step}" if step[0] == "=" else step for step in steps]
            if in_lines
            else [" ".join(steps)]
        )
    return lines


def _fitting(axes: Axes, lines: Sequence[str], room: tuple[float, float], style: Style) -> float:
    """The largest type in points at which all lines fit a width and a height in inches."""
    size = min(LARGEST * style.points, 72 * room[1] / (TALL * len(lines)))
    figure = axes.get_figure(root=True)
    assert figure is not None
    for line in lines:
        text = axes.text(0, 0, f"${line}$", parse_math=True, fontsize=size)
        wide = text.get_window_extent().width / figure.dpi
        text.remove()
        size *= min(1.0, room[0] / wide)
    return size
