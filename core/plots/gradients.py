"""Plots of gradients: at the input and output of layers, step by step, and through deep networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import floor, log10
from typing import TYPE_CHECKING

import numpy as np

from core.errors import SpecError
from core.plots.axes import AIR, number_text
from core.plots.maps import cell_text, pixel_axes
from core.plots.plot import (
    SERIES,
    Bars,
    Box,
    Boxes,
    Heat,
    Mark,
    Numbers,
    Panel,
    Plot,
    PlotAxis,
    Points,
    Polyline,
    Scale,
    Size,
    signed_scale,
)
from core.text import plural, times

if TYPE_CHECKING:
    from core.gradients.counts import ReadCounts
    from core.gradients.flow import GradientFlow, ZeroGradientShare
    from core.gradients.pattern import InputGradient
    from core.gradients.rebuild import BackwardPass

SIZES: tuple[tuple[int, Size], ...] = ((8, "small"), (14, "medium"), (20, "large"))
"""Most cells a side of grids whose numbers can be read, by the size of their panels."""
MOST_TICKS = 8
"""Most rows and columns that are all numbered."""
AT_OUTPUT, AT_INPUT = "upstream gradient at the output", "gradient at the input"
"""The cause and the effect of a backward pass, in headings."""


def gradients_plot(layers: Mapping[str, InputGradient], title: str = "") -> Plot:
    """The upstream gradient at each layer's output, and beside it the gradient at its input.

    All panels share one signed scale. Where a single unit has an upstream gradient, it is framed
    and its channel is drawn, else the first channel; the cells at the output can be clicked.

    Args:
        layers: Gradients of layers with one input channel, by the layer's name; at least one.
        title: The heading.
    """
    results = layers.values()
    arrays = [array for each in results for array in (each.upstream, each.gradient)]
    scale = signed_scale("gradient", *arrays)
    panels = [panel for item in layers.items() for panel in _layer_panels(*item, scale)]
    reached = "; ".join(f"{name}: {_reached(each)}" for name, each in layers.items())
    alt = f"Gradient at the input of {plural(len(layers), 'layer')}. {reached}."
    return Plot(title, tuple(panels), alt, together=2, half=4)


def _reached(result: InputGradient) -> str:
    """How many pixels get a gradient, in words."""
    return f"{result.statistics.reached} of {result.gradient[0].size} pixels reached"


def _layer_panels(name: str, result: InputGradient, scale: Scale) -> tuple[Panel, Panel]:
    """The gradients at the output and at the input of a layer."""
    units = np.argwhere(result.upstream)
    plane = int(units[0][0]) if len(units) == 1 else 0
    grid = times(result.upstream.shape[1:])
    of = f", filter {plane}" if len(result.upstream) > 1 else ""
    chosen: tuple[Mark, ...] = ()
    if len(units) == 1:
        _, row, col = (float(index) for index in units[0])
        chosen = (Boxes([_cell_box(row, col)], "chosen unit", "output", width=3),)
    size = _panel_size([result.upstream, result.gradient])
    cause = _grid(result.upstream[plane], scale, select=True)
    effect = _grid(result.gradient[0], scale)
    return (
        _panel(cause, name, f"{AT_OUTPUT}, {grid}{of}", size, chosen),
        _panel(effect, f"causes this {AT_INPUT}", _reached(result), size),
    )


def _panel_size(arrays: Sequence[Numbers]) -> Size:
    """The smallest panels in which the numbers of all grids can be read, if there are any."""
    most = max(max(array.shape[-2:]) for array in arrays)
    return next((size for cells, size in SIZES if most <= cells), "medium")


def _grid(values: Numbers, scale: Scale, *, select: bool = False) -> Heat:
    """A grid of numbers."""
    return Heat(values, scale, texts=_texts(values, scale), gaps=True, select=select)


def _texts(values: Numbers, scale: Scale) -> list[list[str]]:
    """Two digits of each number, none finer than a hundredth of the scale; ``≈0`` below that.

    Whole numbers are counts, of which every digit is written.
    """
    counts = np.asarray(values).dtype.kind in "iu"
    decimals, digits = (0, 4) if counts else (2 - floor(log10(scale.high)), 2)
    rounded = np.round(values.astype(np.float64), decimals)
    return [
        [
            "≈0" if value and not near else cell_text(near, digits)
            for value, near in zip(*rows, strict=True)
        ]
        for rows in zip(values.tolist(), rounded.tolist(), strict=True)
    ]


def _panel(grid: Heat, title: str, note: str, size: Size, marks: Sequence[Mark] = ()) -> Panel:
    """A panel with a grid and marks on it."""
    rows, cols = grid.values.shape
    axes = pixel_axes((-0.5, rows - 0.5), (-0.5, cols - 0.5), named=False)
    x, y = (
        replace(axis, ticks=tuple(map(float, range(count)))) if count <= MOST_TICKS else axis
        for axis, count in zip(axes, (cols, rows), strict=True)
    )
    return Panel((grid, *marks), x, y, title, note, cell=1.0, size=size)


def _cell_box(row: float, col: float) -> Box:
    """The edges of a cell."""
    return col - 0.5, col + 0.5, row - 0.5, row + 0.5


def read_counts_plot(layers: Mapping[str, ReadCounts], title: str = "") -> Plot:
    """The windows that read each pixel, and beside them the units that send it a gradient.

    Args:
        layers: Counts by the layer's name; at least one.
        title: The heading.
    """
    arrays = [array for each in layers.values() for array in (each.reads, each.sent)]
    top = max(1, *(int(array.max()) for array in arrays))
    ticks = tuple(map(float, range(0, top + 1, max(1, round(top / 5)))))
    scale = Scale("windows, or units", 0, top, ticks=ticks)
    panels = []
    for name, each in layers.items():
        size = _panel_size([each.reads, each.sent])
        evenly = "evenly" if each.even else "unevenly"
        same = "the same" if (each.reads == each.sent).all() else "not the same"
        reads, sent = _grid(each.reads, scale), _grid(each.sent, scale)
        panels += [
            _panel(reads, name, f"windows that read each pixel: {evenly}", size),
            _panel(sent, "units that send it a gradient", same, size),
        ]
    ends = "; ".join(
        f"{name}: {_range(each.reads)} windows read a pixel, {_range(each.sent)} units send it a "
        "gradient"
        for name, each in layers.items()
    )
    return Plot(title, tuple(panels), f"{ends}.", together=2, half=4)


def _range(counts: Numbers) -> str:
    """The least and the largest count, in words."""
    low, high = int(counts.min()), int(counts.max())
    return f"{low}" if low == high else f"{low} to {high}"


STEPS = ("upstream", "inserted", "kernel", "flipped", "gradient")
"""The panels of `backward_plot`, in the order of the computation."""


def backward_plot(
    result: BackwardPass,
    title: str = "",
    steps: Sequence[str] = ("upstream", "inserted", "flipped", "gradient"),
) -> Plot:
    """The backward pass of a convolution step by step: zeros put in, kernel turned, result.

    The inserted zeros are hatched, the upstream gradients among them framed.

    Args:
        result: The pass; its first channels are drawn.
        title: The heading.
        steps: Names of `STEPS`.

    Raises:
        SpecError: A name is not in `STEPS`.
    """
    arrays = {
        "upstream": result.upstream[0],
        "inserted": result.surrounded[0],
        "kernel": result.kernel[0, 0, ::-1, ::-1],
        "flipped": result.kernel[0, 0],
        "gradient": result.gradient[0],
    }
    if unknown := [step for step in steps if step not in arrays]:
        raise SpecError("steps", f"must be of {', '.join(STEPS)}", unknown[0])
    gradient = signed_scale("gradient", result.upstream[0], result.gradient[0])
    weight = signed_scale("", result.kernel[0, 0])
    size = _panel_size([arrays[step] for step in steps])
    panels = []
    for step in steps:
        scale = weight if step in ("kernel", "flipped") else gradient
        make = partial(_inserted_panel, result) if step == "inserted" else _panel
        panels.append(make(_grid(arrays[step], scale), *_step_words(step, result), size))
    sizes = ", ".join(
        f"{_step_words(step, result)[0]}: {times(arrays[step].shape)}" for step in steps
    )
    return Plot(title, tuple(panels), f"{sizes}.", _verdict(result) if title else "")


def _verdict(result: BackwardPass) -> str:
    """How far the result is from autograd's; "" where that was not computed."""
    if result.autograd is None:
        return ""
    verdict = "the same" if result.difference < 1e-6 else "they differ"
    return (
        f"By hand and by PyTorch's autograd the gradients differ by at most "
        f"{number_text(result.difference, 1)}: {verdict}."
    )


def _step_words(step: str, result: BackwardPass) -> tuple[str, str]:
    """Heading and note of a step's panel."""
    kernel = times(result.kernel.shape[2:])
    if step != "inserted":
        return {
            "upstream": (
                "1 · upstream gradient",
                f"at the output, {times(result.upstream.shape[1:])}",
            ),
            "kernel": ("kernel", kernel),
            "flipped": ("3 · kernel, turned", kernel),
            "gradient": ("4 · gradient", f"at the input, {times(result.gradient.shape[1:])}"),
        }[step]
    between = [stride - 1 for stride in result.spec.stride]
    around = [span - 1 for span in result.spec.window.effective_kernel_size]
    size = times(result.surrounded.shape[1:])
    return (
        "2 · zeros put in",
        f"{size}: {_pair(between)} between, {_pair(around)} around",
    )


def _pair(counts: Sequence[int]) -> str:
    """A number for both axes, or one for each."""
    rows, cols = counts
    return f"{rows}" if rows == cols else f"{rows} (rows) and {cols} (columns)"


def _inserted_panel(result: BackwardPass, grid: Heat, title: str, note: str, size: Size) -> Panel:
    """The grid with hatching on the inserted zeros and frames around the upstream gradients."""
    starts = [span - 1 for span in result.spec.window.effective_kernel_size]
    rows, cols = (
        [start + step * index for index in range(count)]
        for start, step, count in zip(
            starts, result.spec.stride, result.upstream.shape[1:], strict=True
        )
    )
    units = [_cell_box(row, col) for row in rows for col in cols]
    values = grid.values
    texts = [
        [text if row in rows and col in cols else "" for col, text in enumerate(line)]
        for row, line in enumerate(grid.texts)
    ]
    marks = (
        Boxes(_zeros_between(rows, cols), "zero between", "padding", width=0,
              hatch="/"),
        Boxes(_zeros_around(rows, cols, values.shape), "zero around",
              "padding", width=0, hatch="x"),
        Boxes(units, "upstream gradient", "output", width=2),
    )  # fmt: skip
    return _panel(replace(grid, texts=texts), title, note, size, marks)


def _zeros_between(rows: Sequence[int], cols: Sequence[int]) -> list[Box]:
    """Rectangles of zeros between the cells in these rows and columns."""
    left, right = cols[0] - 0.5, cols[-1] + 0.5
    boxes = [(left, right, above + 0.5, below - 0.5) for above, below in pairwise(rows)]
    boxes += [
        (before + 0.5, after - 0.5, row - 0.5, row + 0.5)
        for row in rows
        for before, after in pairwise(cols)
    ]
    return _with_area(boxes)


def _zeros_around(rows: Sequence[int], cols: Sequence[int], shape: tuple[int, ...]) -> list[Box]:
    """Rectangles of zeros outside the cells in these rows and columns, in a grid of this shape."""
    bottom, right = (count - 0.5 for count in shape)
    (left, to), (top, down) = ((cells[0] - 0.5, cells[-1] + 0.5) for cells in (cols, rows))
    return _with_area(
        [
            (-0.5, right, -0.5, top),
            (-0.5, right, down, bottom),
            (-0.5, left, top, down),
            (to, right, top, down),
        ]
    )


def _with_area(boxes: Sequence[Box]) -> list[Box]:
    """The boxes that have an area."""
    return [box for box in boxes if box[0] < box[1] and box[2] < box[3]]


def flow_plot(
    flows: Mapping[str, GradientFlow],
    title: str,
    notes: Sequence[str] = (),
    *,
    weights: bool = False,
) -> Plot:
    """Norm of the gradient by layer: a line through the medians, a band for most of the draws.

    A norm of 0, which a logarithmic axis does not have, lies below the panel.

    Args:
        flows: One to five networks by label.
        title: The heading.
        notes: Lines at the foot.
        weights: Whether to draw the norms at the layers' weights instead of at their outputs.

    Raises:
        SpecError: There is no network, or there are more than five.
    """
    if not 1 <= len(flows) <= len(SERIES):
        raise SpecError("flows", f"must be 1 to {len(SERIES)} networks", len(flows))
    marks: list[Mark] = []
    for number, (label, flow) in enumerate(flows.items()):
        marks += _flow_marks(number, label, flow, weights)
    lines = [mark for mark in marks if isinstance(mark, Polyline)]
    panel = Panel(
        tuple(marks),
        PlotAxis("layer (0: the image; the gradient runs leftwards)", whole=True),
        PlotAxis(f"norm at the {'weights' if weights else 'output'}", *_ends(lines), log=True),
    )
    keys = (Points([], [], "downsampling layer", "padding", "left", 12),)
    ends = "; ".join(
        f"{label}: {_norm_text(float(line.y[0]))}"
        for (label, _), line in zip(flows.items(), lines, strict=True)
    )
    where = "first layer's weights" if weights else "image"
    alt = f"{title}. Median norm at the {where}: {ends}."
    downsampled = any(flow.spec.downsampling_layers for flow in flows.values())
    return Plot(title, (panel,), alt, notes=tuple(notes), keys=keys if downsampled else ())


def _ends(lines: Sequence[Polyline]) -> tuple[float, float]:
    """Ends of a logarithmic axis that holds all bands but for norms of 0."""
    edges = [edge for line in lines for edge in (line.low, line.high) if edge is not None]
    norms = np.concatenate(edges)
    norms = norms[norms > TINY] if (norms > TINY).any() else np.ones(1)
    low, high = float(norms.min()), float(norms.max())
    room = 1.05 * (high / low) ** AIR
    return low / room, high * room


TINY = float(np.finfo(np.float64).tiny)
"""Stands for a norm of 0 on a logarithmic axis."""


def _norm_text(norm: float) -> str:
    """A norm with three digits."""
    return number_text(norm, 3) if norm > TINY else "0"


def _flow_marks(number: int, label: str, flow: GradientFlow, weights: bool) -> tuple[Mark, ...]:
    """The line of a network with its band, and symbols on its downsampling layers."""
    norms = flow.weight_norms if weights else flow.norms
    middle = np.maximum(np.median(norms, axis=0), TINY)
    low, high = np.maximum(np.percentile(norms, (10, 90), axis=0), TINY)
    x = np.arange(norms.shape[1]) + weights
    color, dash, symbol, _ = SERIES[number]
    line = Polyline(x, middle, label, color, dash, symbol=symbol, low=low, high=high)
    places = [i for i, layer in enumerate(x.tolist()) if layer in flow.spec.downsampling_layers]
    hover = [f"{label}\nlayer {x[i]}, downsampling: {_norm_text(float(middle[i]))}" for i in places]
    down = Points(x[places], middle[places], color=color, symbol="left", size=12, hover=hover)
    return line, down


def zero_gradients_plot(shares: Sequence[ZeroGradientShare]) -> Plot:
    """Pixels without a gradient below stacked max-pools, measured beside 1 − 4^−L."""
    levels = [float(share.levels) for share in shares]
    measured = [share.measured for share in shares]
    expected = [share.expected for share in shares]
    texts = [f"{100 * share:.5g} %" for share in measured]
    panel = Panel(
        (
            Bars(levels, measured, "measured", "output", "/", width=0.6, texts=texts),
            Points(levels, expected, "1 − 4⁻ᴸ", "text", "diamond", 12),
        ),
        PlotAxis("2×2 max-pools, one behind the other, L", whole=True, grid=False),
        PlotAxis("share of the image", 0, 1.15, ticks=(0, 0.25, 0.5, 0.75, 1)),
    )
    title = "Pixels that stacked max pooling sends no gradient"
    last = shares[-1]
    alt = f"{title}: {texts[0]} below one pool, {texts[-1]} below {last.levels}."
    subtitle = "Of each 2×2 window one pixel wins; through L layers one of 4ᴸ is left."
    return Plot(title, (panel,), alt, subtitle)
