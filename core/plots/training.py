"""Plots of training runs: curves over the steps, shifted images, final accuracies, time of a step.

Runs are records by (net, seed). Each net has a color, a dash and a symbol; the seeds of a net
share one line, through their mean, in a band from their lowest to their highest number.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import SpecError
from core.plots.axes import number_text
from core.plots.plot import SERIES, Bars, Mark, Panel, Plot, PlotAxis, Points, Polyline, Words

if TYPE_CHECKING:
    from core.training.records import Record, ShiftAccuracy, Snapshot

    Runs = Mapping[tuple[int, int], Sequence[Record]]

Floats = NDArray[np.float64]
"""An array of float64."""
Learning = Literal["loss", "train_accuracy", "test_accuracy"]
"""A key of `LEARNING`."""
MOST_NETS = 4
"""Largest number of nets in a plot."""
LOWEST = 1e-6
"""A smaller loss is drawn at this value, as a logarithmic axis has no zero."""
LOSS_FLOOR = 0.1
"""The axis of losses reaches down to here at least, so that it stays as it is during a run."""
LEARNING: dict[str, tuple[str, str]] = {
    "loss": ("Loss on the training batches", "nats"),
    "train_accuracy": ("Accuracy on the training batches", "%"),
    "test_accuracy": ("Accuracy on the test images", "%"),
}
"""(title, unit) of the numbers that can be drawn over the steps, by name."""
NOTHING = "Nothing to draw yet."
"""Note of a plot without data."""


@dataclass(frozen=True, eq=False)
class SeedBand:
    """Mean and range over seeds of a number, at some positions on the x axis.

    Attributes:
        x: (n,) positions, ascending.
        mean, low, high: (n,) over the seeds that have a number at the position.
        seeds: (n,) how many seeds have one.
    """

    x: Floats
    mean: Floats
    low: Floats
    high: Floats
    seeds: NDArray[np.int64]


def over_seeds(points: Iterable[tuple[float, float | None]]) -> SeedBand:
    """The band of (x, number) pairs; None, nan and infinite numbers are left out."""
    by_place: dict[float, list[float]] = defaultdict(list)
    for x, y in points:
        if y is not None and math.isfinite(y):
            by_place[x].append(y)
    places = sorted(by_place)
    samples = [by_place[place] for place in places]
    mean, low, high = (np.array([f(each) for each in samples], float) for f in (fmean, min, max))
    counts = np.array([len(each) for each in samples], dtype=np.int64)
    return SeedBand(np.array(places, float), mean, low, high, counts)


def _runs_of_net(runs: Runs, net: int) -> list[Sequence[Record]]:
    """The runs of a net that have records, one for each seed."""
    return [records for key, records in sorted(runs.items()) if key[0] == net and records]


def _bands(runs: Runs, nets: int, number: Callable[[Record], float | None]) -> list[SeedBand]:
    """The bands of a number of the records over the steps, one for each net."""
    return [
        over_seeds((r.step, number(r)) for records in _runs_of_net(runs, net) for r in records)
        for net in range(nets)
    ]


def final_snapshot(records: Sequence[Record]) -> Snapshot | None:
    """The snapshot after the last step of a run; None before that."""
    last = records[-1] if records else None
    return last.snapshot if last is not None and last.step == last.steps else None


def learning_plot(runs: Runs, names: Sequence[str], what: Learning, steps: int) -> Plot:
    """A number over the steps of training.

    Accuracies have an axis from 0 to 100 %, the loss has a logarithmic one.

    Args:
        runs: Records so far by (net, seed); seeds need not have come equally far.
        names: Names of the nets, at most four.
        what: A key of `LEARNING`.
        steps: Steps of a whole run, at which the axis ends.

    Raises:
        SpecError: There is no such number, or there are no nets or too many.
    """
    if what not in LEARNING:
        raise SpecError("what", f"must be one of {', '.join(LEARNING)}", what)
    number = {"loss": _loss, "train_accuracy": _train_accuracy, "test_accuracy": _test_accuracy}
    title, unit = LEARNING[what]
    curves = _bands(runs, len(names), number[what])
    up = (
        _loss_axis(curves)
        if what == "loss"
        else PlotAxis("accuracy (%)", 0, 102, ticks=(0, 25, 50, 75, 100))
    )
    panel = _curves_panel(curves, names, _step_axis(steps), up, unit)
    return _curves_plot(title, [panel], names, curves, runs, unit)


def _loss(record: Record) -> float | None:
    """The loss of a record, at least `LOWEST`."""
    return None if record.loss is None else max(record.loss, LOWEST)


def _train_accuracy(record: Record) -> float | None:
    """Accuracy in per cent on the training batches since the last record."""
    return None if record.train_accuracy is None else 100 * record.train_accuracy


def _test_accuracy(record: Record) -> float | None:
    """Accuracy in per cent on the test images, of a record with a snapshot."""
    return None if record.snapshot is None else 100 * record.snapshot.test_accuracy


def width_plot(runs: Runs, names: Sequence[str], steps: int) -> Plot:
    """σ of the center unit's effective field over the steps; see `learning_plot`."""
    title = "Width of the effective field while it learns"
    curves = _bands(runs, len(names), _sigma)
    up = PlotAxis("σ (px)", 0, _round_up(_highest(curves)))
    panel = _curves_panel(curves, names, _step_axis(steps), up, "px")
    return _curves_plot(title, [panel], names, curves, runs, "px")


def _sigma(record: Record) -> float | None:
    """σ of a record's effective field in pixels, the root mean square of both axes."""
    if record.snapshot is None or record.snapshot.erf is None:
        return None
    return math.hypot(*record.snapshot.erf.sigma) / math.sqrt(2)


def shift_plot(runs: Runs, names: Sequence[str]) -> Plot:
    """Shifts of the test images: unchanged predictions, and accuracy, of finished runs."""
    ended = {key: records for key, records in runs.items() if final_snapshot(records)}
    agreement = _shift_bands(ended, len(names), lambda shifted: shifted.agreement)
    accuracy = _shift_bands(ended, len(names), lambda shifted: shifted.accuracy)
    both = (*agreement, *accuracy)
    last = max((float(band.x[-1]) for band in both if len(band.x)), default=8.0)
    across = PlotAxis("images moved right by (px)", -0.02 * last, 1.02 * last, whole=True)
    low, high = _percent_ends([float(y) for band in both for y in band.low])
    panels = [
        _curves_panel(curves, names, across, PlotAxis(axis, low, high), "%")
        for axis, curves in (("prediction unchanged (%)", agreement), ("accuracy (%)", accuracy))
    ]
    title = "Test images moved by whole pixels"
    return _curves_plot(title, panels, names, agreement, ended, "% unchanged")


def _shift_bands(
    runs: Runs, nets: int, number: Callable[[ShiftAccuracy], Sequence[float]]
) -> list[SeedBand]:
    """The bands of a share, in per cent, over the shift of the images in pixels."""
    bands = []
    for net in range(nets):
        ends = [final_snapshot(records) for records in _runs_of_net(runs, net)]
        moved = [shot.shifted for shot in ends if shot is not None and shot.shifted is not None]
        points = ((s, 100 * y) for m in moved for s, y in zip(m.shifts, number(m), strict=True))
        bands.append(over_seeds(points))
    return bands


# --- Curves and axes


def _curves_plot(
    title: str, panels: Sequence[Panel], names: Sequence[str], curves: Sequence[SeedBand],
    runs: Runs, unit: str,
) -> Plot:  # fmt: skip
    """A plot of curves, with a note on its lines, and the numbers at their ends in words."""
    _check_net_count(names)
    ends = [
        f"{name} {number_text(float(band.mean[-1]), 3)} {unit} at {band.x[-1]:g}"
        for name, band in zip(names, curves, strict=True)
        if len(band.x)
    ]
    alt = f"{title}: {'; '.join(ends)}." if ends else f"{title}. {NOTHING}"
    note = _seeds_note(runs, len(names)) if ends else NOTHING
    return Plot(title, tuple(panels), alt, notes=(note,))


def _seeds_note(runs: Runs, nets: int) -> str:
    """A note that explains a plot's lines and bands."""
    begun = [_runs_of_net(runs, net) for net in range(nets)]
    seeds = max(map(len, begun))
    if seeds < 2:
        return "One seed."
    ends = {records[-1].step for of in begun for records in of}
    uneven = " that have got there" if len(ends) > 1 else ""
    return f"Line: mean of the seeds{uneven}; band: lowest to highest of up to {seeds} seeds."


def _curves_panel(
    curves: Sequence[SeedBand], names: Sequence[str], across: PlotAxis, up: PlotAxis, unit: str
) -> Panel:
    """A panel with a line through each net's means, and the bands of those with several seeds."""
    marks = [
        _curve(net, names[net], band, "step" if across.name == "step" else "moved", unit)
        for net, band in enumerate(curves)
        if len(band.x)
    ]
    return Panel(tuple(marks), across, up, size="medium")


def _curve(net: int, name: str, band: SeedBand, where: str, unit: str) -> Polyline:
    """A net's line with its band."""
    color, dash, symbol, _ = SERIES[net]
    several = bool((band.seeds > 1).any())
    hover = [
        f"{name}\n{where} {x:g}: {number_text(mean, 3)} {unit}"
        + (f"\n{_spread_text(low, high)}, {seeds} seeds" if seeds > 1 else "")
        for x, mean, low, high, seeds in zip(
            *(each.tolist() for each in (band.x, band.mean, band.low, band.high, band.seeds)),
            strict=True,
        )
    ]
    low, high = (band.low, band.high) if several else (None, None)
    return Polyline(
        band.x, band.mean, name, color, dash, symbol=symbol, low=low, high=high, hover=hover
    )


def _spread_text(low: float, high: float) -> str:
    """``97.1 to 99``, or one number if both are equal."""
    one, other = number_text(low, 3), number_text(high, 3)
    return one if one == other else f"{one} to {other}"


def _step_axis(steps: int) -> PlotAxis:
    """The axis of a whole run, with room for the symbols at its ends."""
    return PlotAxis("step", -0.02 * steps, 1.02 * steps, whole=True)


def _highest(curves: Sequence[SeedBand]) -> float:
    """The highest number of some bands; 1 if there is none."""
    return max((float(band.high.max()) for band in curves if len(band.x)), default=1.0)


def _loss_axis(curves: Sequence[SeedBand]) -> PlotAxis:
    """A logarithmic axis whose ends change only when a loss passes a round number."""
    least = min((float(band.low.min()) for band in curves if len(band.x)), default=1.0)
    low = min(LOSS_FLOOR, 10.0 ** math.floor(math.log10(least)))
    return PlotAxis("cross-entropy (nats)", low, max(1.0, _round_up(_highest(curves))), log=True)


def _round_up(value: float) -> float:
    """The next round number that is not smaller, so that an axis keeps its end for a while."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(
        digit * power
        for digit in (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 20)
        if digit * power >= value
    )


def _percent_ends(values: Sequence[float]) -> tuple[float, float]:
    """Ends of an axis in per cent: multiples of 10 around the values, or of 2 if they are near."""
    if not values:
        return 0.0, 102.0
    low, high = min(values), max(values)
    step = 10 if high - low > 5 else 2
    bottom, top = max(0, step * math.floor(low / step)), min(100, step * math.ceil(high / step))
    bottom, top = (bottom, top) if top > bottom else (max(0, top - step), bottom + step)
    air = 0.02 * (top - bottom)
    return bottom - air, top + air


def _check_net_count(names: Sequence[str]) -> None:
    """Check that there are 1 to `MOST_NETS` nets.

    Raises:
        SpecError: There are none, or too many.
    """
    if not 1 <= len(names) <= MOST_NETS:
        raise SpecError("names", f"must be of 1 to {MOST_NETS} nets", len(names))


# --- A row for each net


def accuracy_plot(runs: Runs, names: Sequence[str]) -> Plot:
    """Test accuracy after the last step: a symbol for each seed, a bar for their mean.

    Raises:
        SpecError: There are no nets, or too many.
    """
    _check_net_count(names)
    finals = [_final_accuracies(runs, net) for net in range(len(names))]
    seeds = sorted({seed for each in finals for seed in each})
    ends = _percent_ends([y for each in finals for y in each.values()])
    across = PlotAxis("accuracy (%)", *ends)
    marks: list[Mark] = []
    for net, each in enumerate(finals):
        marks += _accuracy_marks(net, names[net], each, seeds)
        marks += [] if each else [Words([ends[0]], [net], ["not finished"], "right", "muted")]
    title = "Test accuracy after the last step"
    means = [f"{name} {_mean_text(each)}" for name, each in zip(names, finals, strict=True) if each]
    alt = f"{title}: {', '.join(means)}." if means else f"{title}. {NOTHING}"
    note = "Every symbol is a seed; the long bar is their mean." if means else NOTHING
    return Plot(title, (_rows_panel(marks, names, across),), alt, notes=(note,))


def _final_accuracies(runs: Runs, net: int) -> dict[int, float]:
    """Test accuracy in per cent of the finished runs, by seed."""
    ends = {key[1]: final_snapshot(r) for key, r in sorted(runs.items()) if key[0] == net}
    return {seed: 100 * shot.test_accuracy for seed, shot in ends.items() if shot is not None}


def _mean_text(accuracies: Mapping[int, float]) -> str:
    """The mean of some accuracies: ``97.1 %``."""
    return f"{fmean(accuracies.values()):.3g} %"


def _accuracy_marks(
    net: int, name: str, accuracies: Mapping[int, float], seeds: Sequence[int]
) -> list[Mark]:
    """A net's seeds, each at its own height in the row, and their mean."""
    if not accuracies:
        return []
    color, _, symbol, _ = SERIES[net]
    mean = fmean(accuracies.values())
    apart = 0.24 / max(1, len(seeds) - 1)
    middle = (len(seeds) - 1) / 2
    heights = [net + apart * (seeds.index(seed) - middle) for seed in accuracies]
    hover = [f"{name}, seed {seed}: {value:.4g} %" for seed, value in accuracies.items()]
    bar = [net - 0.26, net, net + 0.26]
    of_mean = [f"{name}, mean of {len(accuracies)}: {mean:.4g} %"] * 3
    return [
        Polyline([mean] * 3, bar, color=color, width=3, hover=of_mean),
        Points(list(accuracies.values()), heights, color=color, symbol=symbol, hover=hover),
        Words([mean], [bar[0]], [_mean_text(accuracies)], "above"),
    ]


def pace_plot(runs: Runs, names: Sequence[str]) -> Plot:
    """Time of a step: the median over the records as a bar, the quartiles as a line.

    Raises:
        SpecError: There are no nets, or too many.
    """
    _check_net_count(names)
    paces = [_paces(runs, net) for net in range(len(names))]
    quarters = {
        net: [float(q) for q in np.percentile(each, (25, 50, 75))]
        for net, each in enumerate(paces)
        if each.size
    }
    marks = [_pace_bar(net, names[net], *each) for net, each in quarters.items()]
    most = max((each[2] for each in quarters.values()), default=1.0)
    across = PlotAxis("time of a step (ms)", 0, _round_up(1.2 * most))
    title = "Time of a step"
    medians = [f"{names[net]} {each[1]:.3g} ms" for net, each in quarters.items()]
    alt = f"{title}: {', '.join(medians)}." if medians else f"{title}. {NOTHING}"
    note = "Median of the records, without their own time; thin line: the middle half of them."
    return Plot(
        title, (_rows_panel(marks, names, across),), alt,
        notes=(note if medians else NOTHING,),
    )  # fmt: skip


def _paces(runs: Runs, net: int) -> Floats:
    """Milliseconds per step of every record but the first."""
    records = [record for each in _runs_of_net(runs, net) for record in each if record.step]
    return np.array([1000 * record.seconds_per_step for record in records], dtype=np.float64)


def _pace_bar(net: int, name: str, low: float, middle: float, high: float) -> Bars:
    """The bar of a net's median, and the line between its quartiles."""
    color, _, _, hatch = SERIES[net]
    hover = [f"{name}: {middle:.3g} ms ({low:.3g} to {high:.3g})"]
    return Bars(
        [net], [middle], color=color, hatch=hatch, width=0.5, across=True, low=np.array([low]),
        high=np.array([high]), texts=[f"{middle:.3g} ms"], hover=hover,
    )  # fmt: skip


def _rows_panel(marks: Sequence[Mark], names: Sequence[str], across: PlotAxis) -> Panel:
    """A panel with a row for each net, the first on top."""
    rows = tuple(map(float, range(len(names))))
    down = PlotAxis(low=len(names) - 0.4, high=-0.7, ticks=rows, names=tuple(names), grid=False)
    return Panel(tuple(marks), across, down, rows=len(names) + 1)
