"""Maps of one training run: a number by layer and step, and the first layer's kernels."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import SpecError
from core.plots.maps import bare_axes, cell_texts
from core.plots.plot import Boxes, Heat, Mark, Panel, Plot, PlotAxis, Scale, Words, signed_scale
from core.plots.training import NOTHING, Floats

if TYPE_CHECKING:
    from core.plots.training import Runs
    from core.training.records import Record

LayerNumber = Literal["gradient", "update", "dead"]
"""A key of `LAYERS`."""
LAYERS: dict[str, tuple[str, str]] = {
    "gradient": ("Gradient of every layer", "norm of the loss's gradient for the weights"),
    "update": ("Update of every layer", "what a step changes, as a share of the weights' norm"),
    "dead": ("Dead channels of every ReLU", "dead channels (%)"),
}
"""(title, label of the color bar) of the numbers that can be drawn by layer and step, by name."""
DECADES = 4
"""Logarithmic colors reach at most so many powers of ten down."""
MOST_NAMES = 20
"""Most layers whose names are written beside their rows; of more, every second or third is."""
BOARD_ASPECT = 1.5
"""Width over height of a board of kernels, about."""


@dataclass(frozen=True, eq=False)
class LayerTable:
    """One number for every layer and every record.

    Attributes:
        layers: Short names of the layers, from the input on.
        torch: Names of the layers' modules in the net.
        steps: (columns,) the records' steps.
        values: (layers, columns) the numbers.
    """

    layers: tuple[str, ...]
    torch: tuple[str, ...]
    steps: tuple[int, ...]
    values: Floats


def layer_table(records: Sequence[Record], what: LayerNumber) -> LayerTable:
    """Gradient or update of every layer with weights, or dead channels of every ReLU in per cent.

    Raises:
        SpecError: ``what`` is no key of `LAYERS`.
    """
    if what not in LAYERS:
        raise SpecError("what", f"must be one of {', '.join(LAYERS)}", what)
    if what == "dead":
        dead = [record for record in records if record.dead]
        rows = [[100 * each.channels for each in record.dead] for record in dead]
        return _table([each.layer for each in dead[0].dead] if dead else [], dead, rows)
    flow = [record for record in records if record.flow]
    rows = [[float(getattr(each, what)) for each in record.flow] for record in flow]
    return _table([each.layer for each in flow[0].flow] if flow else [], flow, rows)


def _table(
    names: Sequence[str], records: Sequence[Record], rows: Sequence[Sequence[float]]
) -> LayerTable:
    """The table of (records, layers) numbers, with short names for the layers."""
    values = np.asarray(rows, dtype=np.float64).reshape(len(records), len(names)).T
    return LayerTable(layer_names(names), tuple(names), tuple(r.step for r in records), values)


def layer_names(names: Sequence[str]) -> tuple[str, ...]:
    """``conv 1``, ``conv 2``, …, ``linear``: by kind, counted from the input on."""
    kinds = [re.sub(r"\d+$", "", name.rpartition(".")[2]).replace("relu", "ReLU") for name in names]
    many, so_far = Counter(kinds), Counter[str]()
    labels = []
    for kind in kinds:
        so_far[kind] += 1
        labels.append(f"{kind} {so_far[kind]}" if many[kind] > 1 or kind == "conv" else kind)
    return tuple(labels)


def layers_plot(
    runs: Runs, run: tuple[int, int], what: LayerNumber, record_steps: Sequence[int],
    subtitle: str = "",
) -> Plot:  # fmt: skip
    """A number by layer (the first on top) and step, of one run.

    Gradients and updates have logarithmic colors, the same for all nets and seeds of the runs.

    Args:
        runs: Records so far by (net, seed).
        run: (net, seed) of the run that is drawn.
        what: A key of `LAYERS`.
        record_steps: The steps of all records of a whole run, evenly spaced, the first of them 0.
        subtitle: A line below the title, such as the net's name.

    Raises:
        SpecError: There is no such number.
    """
    table = layer_table(runs.get(run, ()), what)
    title, measure = LAYERS[what]
    blank = "" if np.all(table.values > 0) or what == "dead" else " (blank: 0)"
    scale = Scale(measure, 0, 100) if what == "dead" else _log_scale(measure + blank, runs, what)
    panel, notes = _layers_panel(table, scale, record_steps), []
    if not table.layers:
        notes.append(NOTHING)
    elif what == "dead" and not np.nan_to_num(table.values).any():
        notes.append("No channel is dead at any of these steps.")
    elif what != "dead" and len(runs) > 1:
        notes.append("All nets and seeds have the same color scale.")
    return Plot(title, (panel,), _layers_alt(title, table, what), subtitle, notes=tuple(notes))


def _log_scale(label: str, runs: Runs, what: LayerNumber) -> Scale:
    """The scale of a number of all runs, from one power of ten to another, at most `DECADES`."""
    values = [layer_table(records, what).values.ravel() for records in runs.values()]
    numbers = np.concatenate([*values, np.empty(0)])
    numbers = numbers[np.isfinite(numbers) & (numbers > 0)]
    if not numbers.size:
        return Scale(label, 0.1, 1.0, log=True)
    high = math.ceil(math.log10(numbers.max()) - 1e-9)
    low = min(math.floor(math.log10(numbers.min()) + 1e-9), high - 1)
    low = max(low, high - DECADES)
    ticks = tuple(10.0**power for power in range(low, high + 1))
    return Scale(label, ticks[0], ticks[-1], log=True, ticks=ticks)


def _layers_panel(table: LayerTable, scale: Scale, record_steps: Sequence[int]) -> Panel:
    """A row for each layer and a column for each record of a whole run, blank before it exists."""
    rows, steps = len(table.layers), list(record_steps)
    # The records are evenly spaced but for rounding to whole steps: equal cells are right.
    wide = steps[-1] / max(1, len(steps) - 1)
    values = np.full((rows, len(steps) - 1), np.nan)
    hover = [[""] * (len(steps) - 1) for _ in range(rows)]
    for column, step in enumerate(table.steps):
        place = steps.index(step) - 1
        values[:, place] = table.values[:, column]
        for row, (layer, torch) in enumerate(zip(table.layers, table.torch, strict=True)):
            hover[row][place] = f"{layer} ({torch})\nstep {step}: {table.values[row, column]:.3g}"
    marks = (Heat(values, scale, left=wide / 2, width=wide, hover=hover),) if rows else ()
    across = PlotAxis("step", wide / 2, steps[-1] + wide / 2, whole=True, grid=False)
    every = math.ceil(max(rows, 1) / MOST_NAMES)
    ticks, names = tuple(map(float, range(0, rows, every))), table.layers[::every]
    down = PlotAxis("", max(rows, 1) - 0.5, -0.5, ticks=ticks, names=names, grid=False)
    return Panel(marks, across, down)


def _layers_alt(title: str, table: LayerTable, what: LayerNumber) -> str:
    """What a map of layers shows, in a sentence."""
    if not table.layers:
        return f"{title}. {NOTHING}"
    unit = " %" if what == "dead" else ""
    first, last = (f"{table.values[row, -1]:.3g}{unit}" for row in (0, -1))
    return (
        f"{title}: at step {table.steps[-1]:,} {first} in {table.layers[0]} and {last} in "
        f"{table.layers[-1]}."
    )


# --- Kernels


def kernels_plot(
    shots: Sequence[tuple[int, NDArray[np.float32]]],
    index: int,
    subtitle: str = "",
    chosen: int | None = None,
) -> Plot:
    """The first layer's kernels after a step, numbered from 0, on a scale centered on zero.

    The scale is the same at all steps. A click selects a cell; `kernel_at` says which kernel's.

    Args:
        shots: (step, (filters, channels, rows, columns) weights) of one run.
        index: Which of them is drawn.
        subtitle: A line below the title, such as the net's name.
        chosen: Number of the kernel that is framed; None for none.
    """
    step, kernels = shots[index]
    scale = signed_scale("weight", *(weights for _, weights in shots))
    board, places = tiled(kernels)
    rows, cols = board.shape
    marks: tuple[Mark, ...] = (
        Heat(board, scale, texts=cell_texts(board, 2), hover=_kernel_hovers(kernels), select=True),
        *([] if chosen is None else [_kernel_frame(kernels.shape, places[chosen])]),
        Words(
            [column for _, column in places],
            [row - 1 for row, _ in places],
            [str(number) for number in range(len(places))],
        ),
    )
    across, down = bare_axes(rows, cols)
    title = "Kernels of the first layer"
    channels = kernels.shape[1]
    notes = (f"The {channels} input channels of a kernel stand side by side.",)
    heading = f"Step {step:,}"
    alt = (
        f"{title}, {heading.lower()}: {len(kernels)} kernels, weights from {kernels.min():.3g} to "
        f"{kernels.max():.3g}."
    )
    panel = Panel(marks, across, down, title=heading, cell=1.0)
    return Plot(title, (panel,), alt, subtitle, notes=notes if channels > 1 else ())


def _kernel_frame(shape: tuple[int, ...], place: tuple[float, float]) -> Boxes:
    """A frame around a kernel with the middle of its first row at this (row, column)."""
    _, channels, high, wide = shape
    (top, middle), half = place, (channels * (wide + 1) - 1) / 2
    edges = (middle - half, middle + half, top - 0.5, top + high - 0.5)
    return Boxes([edges], "chosen kernel", "output", width=3)


def kernel_at(shape: tuple[int, ...], row: int, column: int) -> int | None:
    """The number of the kernel with a cell of the board from `tiled`; None for a gap.

    Args:
        shape: (filters, channels, rows, columns) of the kernels.
        row, column: The cell.
    """
    numbers = np.broadcast_to(np.arange(shape[0], dtype=np.float32)[:, None, None, None], shape)
    number = float(tiled(numbers)[0][row, column])
    return None if math.isnan(number) else int(number)


def tiled(kernels: NDArray[np.float32]) -> tuple[Floats, list[tuple[float, float]]]:
    """All kernels as one board, with a column and row of nan between them.

    Args:
        kernels: (filters, channels, rows, columns); the channels of a filter stand side by side.

    Returns:
        The board; and the (row, column) of the middle of each kernel's first row, in cells.
    """
    count, channels, high, wide = kernels.shape
    block = channels * (wide + 1) - 1
    in_row = _kernels_in_row(count, block + 1, high + 1)
    rows = math.ceil(count / in_row)
    board = np.full((rows * (high + 1), in_row * (block + 1) - 1), np.nan)
    places = []
    for number, kernel in enumerate(kernels):
        row, column = divmod(number, in_row)
        top, left = row * (high + 1) + 1, column * (block + 1)
        for channel, plane in enumerate(kernel):
            start = left + channel * (wide + 1)
            board[top : top + high, start : start + wide] = plane
        places.append((float(top), left + (block - 1) / 2))
    return board, places


def _kernels_in_row(count: int, wide: int, high: int) -> int:
    """How many kernels stand in a row so that the cells of the board can be large."""

    def side(in_row: int) -> float:
        return max(in_row * wide / BOARD_ASPECT, math.ceil(count / in_row) * high)

    return min(range(1, count + 1), key=side)


def _kernel_hovers(kernels: NDArray[np.float32]) -> list[list[str]]:
    """A text for each cell of the board of kernels."""
    indices = np.arange(kernels.size, dtype=np.float32).reshape(kernels.shape)
    board, _ = tiled(indices)
    texts = [
        f"kernel {n}{f', channel {c}' if kernels.shape[1] > 1 else ''}, row {row}, "
        f"column {column}: {value:.3f}".replace("-", "−")
        for (n, c, row, column), value in np.ndenumerate(kernels)
    ]
    return [["" if i != i else texts[int(i)] for i in line] for line in board.tolist()]
