"""The formula of the output size with its numbers, as a slide."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from core.layer.sizes import AxisFormula
from viz.slides.parts import SMALL, SPACING, canvas, sheet, titled, wrapped
from viz.slides.style import Style

LARGEST = 1.9
"""Largest font size of the formula, as a multiple of the slide's font size."""
TALL = 2.3
"""Height of a line with a fraction, as a multiple of its font size."""
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
    alike = axes_formulas[0].latex_steps == axes_formulas[1].latex_steps
    named = (
        [("height = width", axes_formulas[0])]
        if alike
        else list(zip(("height", "width"), axes_formulas, strict=True))
    )
    points = SMALL * style.points
    foot = wrapped(LETTERS, points, width)
    top = height - SPACING * points / 72 * len(foot)
    for number, line in enumerate(foot):
        y = top + (number + 0.5) * SPACING * points / 72
        axes.text(0, y, line, fontsize=points, va="center", color=style.ink["muted"])
    rule = axes_formulas[0].rule.replace(r"\textit{output padding}", r"\mathit{output\ padding}")
    blocks = [[rf"\mathrm{{output}} = {rule}"], *(_steps(name, axis) for name, axis in named)]
    size = _fitting(axes, [line for block in blocks for line in block], top, len(blocks), style)
    y = 0.0
    for place, block in enumerate(blocks):
        for line in block:
            y += TALL * size / 72
            ink = style.ink["muted" if place == 0 else "text"]
            axes.text(
                0.1, y - 0.5 * TALL * size / 72, f"${line}$", fontsize=size, va="center", color=ink
            )
        y += 0.5 * size / 72
    return figure


def _steps(name: str, axis: AxisFormula) -> list[str]:
    """The lines of an axis: the kernel's span if it is dilated, and the formula down to its result."""
    spans = [f"k = {axis.span_text}"] if axis.span > axis.kernel_size else []
    first, *rest = axis.latex_steps
    label = name.replace(" ", r"\ ")
    return [*spans, " = ".join([rf"\mathrm{{{label}}}", first, *rest])]


def _fitting(axes: Axes, lines: list[str], height: float, blocks: int, style: Style) -> float:
    """The largest font size in points at which all lines fit the width and ``height`` in inches."""
    high = len(lines) * TALL + 0.5 * blocks
    size = min(LARGEST * style.points, 72 * height / high)
    room = float(axes.get_xlim()[1]) - 0.2
    figure = axes.get_figure(root=True)
    assert figure is not None
    for line in lines:
        text = axes.text(0, 0, f"${line}$", fontsize=size)
        wide = text.get_window_extent().width / figure.dpi
        text.remove()
        size *= min(1.0, room / wide)
    return size
