"""Data for the figures of training runs, for Plotly and Matplotlib alike, which it does not import:
ranges over seeds, names of layers, the nets' colors.
"""

from __future__ import annotations

import math
import re
import textwrap
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from core.errors import SpecError
from viz.plots.parts import LINES

if TYPE_CHECKING:
    from core.erf import EffectiveReceptiveField
    from core.training.records import Record, ShiftAccuracy, Snapshot

Floats = NDArray[np.float64]
"""An array of float64."""
Learning = Literal["loss", "train_accuracy", "test_accuracy"]
"""A key of `LEARNING`."""
Flowing = Literal["gradient", "update"]
"""A key of `FLOWING`."""
MOST_NETS = 4
"""Largest number of nets in a figure."""
DIGITS = (
    (1,),
    (1, 2, 5),
    (1, 1.5, 2, 3, 5, 7),
    (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9),
    *(tuple(ten / 10 for ten in range(10, 100, step)) for step in (5, 2, 1)),
)
"""Sets of first digits of the numbers on a logarithmic axis, from few to many."""
LOWEST = 1e-6
"""A smaller loss is drawn at this value, as a logarithmic axis has no zero."""
LEARNING: dict[str, tuple[str, str]] = {
    "loss": ("Loss on the training batches", "cross-entropy (nats)"),
    "train_accuracy": ("Accuracy on the training batches", "accuracy (%)"),
    "test_accuracy": ("Accuracy on the test images", "accuracy (%)"),
}
"""(title, axis label) of the numbers that can be drawn over the steps, by name."""
FLOWING: dict[str, tuple[str, str]] = {
    "gradient": ("Gradient of every layer", "norm of the loss's gradient for the weights"),
    "update": ("Update of every layer", "what a step changes, as a share of the weights' norm"),
}
"""(title, label of the color bar) of the numbers that can be drawn by layer and step, by name."""
NOTHING = "Nothing to draw yet."
"""Text in place of a figure without data."""


@dataclass(frozen=True, eq=False)
class Band:
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


def over_seeds(points: Iterable[tuple[float, float | None]]) -> Band:
    """The band of (x, number) pairs; None, nan and infinite numbers are left out."""
    by_place: dict[float, list[float]] = defaultdict(list)
    for x, y in points:
        if y is not None and math.isfinite(y):
            by_place[x].append(y)
    places = sorted(by_place)
    samples = [by_place[place] for place in places]
    mean, low, high = (np.array([f(each) for each in samples], float) for f in (np.mean, min, max))
    counts = np.array([len(each) for each in samples], dtype=np.int64)
    return Band(np.array(places, float), mean, low, high, counts)


def runs_of_net(
    runs: Mapping[tuple[int, int], Sequence[Record]], net: int
) -> list[Sequence[Record]]:
    """The runs of a net that have records, one for each seed."""
    return [records for key, records in sorted(runs.items()) if key[0] == net and records]


def bands(
    runs: Mapping[tuple[int, int], Sequence[Record]],
    nets: int,
    number: Callable[[Record], float | None],
) -> list[Band]:
    """The bands of a number of the records over the steps, one for each net."""
    return [
        over_seeds((r.step, number(r)) for records in runs_of_net(runs, net) for r in records)
        for net in range(nets)
    ]


def learning(what: str) -> Callable[[Record], float | None]:
    """The function that reads a number of `LEARNING` from a record; accuracies in per cent.

    Raises:
        SpecError: There is no such number.
    """
    if what not in LEARNING:
        raise SpecError("what", f"must be one of {', '.join(LEARNING)}", what)
    if what == "loss":
        return _loss
    return _train_accuracy if what == "train_accuracy" else _test_accuracy


def _loss(record: Record) -> float | None:
    """The loss of a record, at least `LOWEST`."""
    return None if record.loss is None else max(record.loss, LOWEST)


def _train_accuracy(record: Record) -> float | None:
    """Accuracy in per cent on the training batches since the last record."""
    return None if record.train_accuracy is None else 100 * record.train_accuracy


def _test_accuracy(record: Record) -> float | None:
    """Accuracy in per cent on the test images, of a record with a snapshot."""
    return None if record.snapshot is None else 100 * record.snapshot.test_accuracy


def sigma(record: Record) -> float | None:
    """σ of a record's effective field in pixels, the root mean square of both axes."""
    if record.snapshot is None or record.snapshot.erf is None:
        return None
    return math.hypot(*record.snapshot.erf.sigma) / math.sqrt(2)


def final_snapshot(records: Sequence[Record]) -> Snapshot | None:
    """The snapshot after the last step of a run; None before that."""
    last = records[-1] if records else None
    return last.snapshot if last is not None and last.step == last.steps else None


def final_accuracies(
    runs: Mapping[tuple[int, int], Sequence[Record]], net: int
) -> dict[int, float]:
    """Test accuracy in per cent of the finished runs, by seed."""
    ends = {
        seed: final_snapshot(records) for (of, seed), records in sorted(runs.items()) if of == net
    }
    return {seed: 100 * shot.test_accuracy for seed, shot in ends.items() if shot is not None}


def paces(runs: Mapping[tuple[int, int], Sequence[Record]], net: int) -> Floats:
    """Milliseconds per step of every record but the first."""
    milliseconds = [
        1000 * r.seconds_per_step for records in runs_of_net(runs, net) for r in records if r.step
    ]
    return np.asarray(milliseconds, dtype=np.float64)


def shift_bands(
    runs: Mapping[tuple[int, int], Sequence[Record]],
    nets: int,
    number: Callable[[ShiftAccuracy], Sequence[float]],
) -> list[Band]:
    """The bands of a share, in per cent, over the shift of the images in pixels."""
    bands = []
    for net in range(nets):
        ends = [final_snapshot(records) for records in runs_of_net(runs, net)]
        moved = [shot.shifted for shot in ends if shot is not None and shot.shifted is not None]
        points = ((s, 100 * y) for m in moved for s, y in zip(m.shifts, number(m), strict=True))
        bands.append(over_seeds(points))
    return bands


@dataclass(frozen=True, eq=False)
class Table:
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


def flow_table(records: Sequence[Record], what: str) -> Table:
    """Gradient or update of every layer with weights.

    Raises:
        SpecError: ``what`` is no key of `FLOWING`.
    """
    if what not in FLOWING:
        raise SpecError("what", f"must be one of {', '.join(FLOWING)}", what)
    measured = [record for record in records if record.flow]
    rows = [[getattr(each, what) for each in record.flow] for record in measured]
    return _layer_by_step_table(
        [each.layer for each in measured[0].flow] if measured else [], measured, rows
    )


def dead_table(records: Sequence[Record]) -> Table:
    """Share of each ReLU's channels that are dead, in per cent."""
    measured = [record for record in records if record.dead]
    rows = [[100 * each.channels for each in record.dead] for record in measured]
    return _layer_by_step_table(
        [each.layer for each in measured[0].dead] if measured else [], measured, rows
    )


def _layer_by_step_table(
    names: Sequence[str], records: Sequence[Record], rows: Sequence[Sequence[float]]
) -> Table:
    """The table of (records, layers) numbers, with short names for the layers."""
    values = np.asarray(rows, dtype=np.float64).reshape(len(records), len(names)).T
    return Table(layer_names(names), tuple(names), tuple(r.step for r in records), values)


def layer_names(names: Sequence[str]) -> tuple[str, ...]:
    """``conv 1``, ``conv 2``, …, ``linear``: by kind, counted from the input on."""
    kinds = [re.sub(r"\d+$", "", name.rpartition(".")[2]).replace("relu", "ReLU") for name in names]
    many, so_far = Counter(kinds), Counter[str]()
    labels = []
    for kind in kinds:
        so_far[kind] += 1
        labels.append(f"{kind} {so_far[kind]}" if many[kind] > 1 or kind == "conv" else kind)
    return tuple(labels)


def some_maps(
    shots: Sequence[tuple[int, EffectiveReceptiveField]], most: int
) -> list[tuple[int, EffectiveReceptiveField]]:
    """At most ``most`` of the (step, field), evenly spaced, including the first and the last."""
    places = np.linspace(0, len(shots) - 1, min(most, len(shots))).round().astype(int)
    return [shots[place] for place in places.tolist()]


def check_net_count(names: Sequence[str]) -> None:
    """Check that there are 1 to `MOST_NETS` nets.

    Raises:
        SpecError: there are none, or too many.
    """
    if not 1 <= len(names) <= MOST_NETS:
        raise SpecError("names", f"must be of 1 to {MOST_NETS} nets", len(names))


def log_ticks(span: tuple[float, float]) -> tuple[list[float], list[str]]:
    """Round numbers for a logarithmic axis, at least three if possible.

    Args:
        span: The axis's ends as powers of ten.

    Returns:
        The numbers' powers of ten, and the numbers as text.
    """
    low, high = span
    powers = range(math.floor(low), math.ceil(high) + 1)
    ticks: list[float] = []
    for digits in DIGITS:
        ticks = [math.log10(d * 10.0**power) for power in powers for d in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) > 2:
            break
    ticks = ticks if len(ticks) > 1 else [low, high]
    return ticks, [f"{10.0**tick:.3g}".replace("e-0", "e-").replace("-", "−") for tick in ticks]


def short_sigma(erf: EffectiveReceptiveField) -> tuple[float, float]:
    """(σ_y, σ_x) in pixels, rounded to two digits."""
    rows, cols = (float(f"{value:.2g}") for value in erf.sigma)
    return rows, cols


def rgba(color: str, opacity: float) -> str:
    """A color ``#RRGGBB`` with an opacity below 1."""
    red, green, blue = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:.3f})"


def look(net: int) -> tuple[str, str, str, str]:
    """The color, dash, marker and hatching of a net."""
    return LINES[net % len(LINES)]


def wrapped(name: str, width: int = 14) -> list[str]:
    """A net's name wrapped into lines, to stand beside a line or an axis."""
    return textwrap.wrap(name, width) or [""]


def spread_label(low: float, high: float) -> str:
    """``97.1 to 99``, or one number if both are equal."""
    one, other = f"{low:.3g}", f"{high:.3g}"
    return one if one == other else f"{one} to {other}"


def seeds_note(runs: Mapping[tuple[int, int], Sequence[Record]], nets: int) -> list[str]:
    """A note that explains a figure's lines and bands."""
    begun = [runs_of_net(runs, net) for net in range(nets)]
    seeds = max(map(len, begun), default=0)
    if seeds < 2:
        return ["One seed." if seeds else NOTHING]
    ends = {records[-1].step for of in begun for records in of}
    uneven = " that have got there" if len(ends) > 1 else ""
    return [f"Line: mean of the seeds{uneven}; band: lowest to highest of up to {seeds} seeds."]
