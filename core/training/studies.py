"""Several training runs, of nets side by side and seed by seed, and their summary numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import mean, stdev
from typing import NamedTuple

from ..errors import SpecError
from .loop import train
from .records import Record
from .spec import MAX_NETS, MAX_SEEDS, Downsampling, Net, TrainingSpec

COMPARED: tuple[Downsampling, ...] = ("max", "strided", "blurred_stride")


def default_comparison() -> tuple[TrainingSpec, ...]:
    """Max pooling, stride and blurred stride on the same task, convolutions and batches."""
    return tuple(TrainingSpec(Net(each)) for each in COMPARED)


class RunRecord(NamedTuple):
    """A record of one of several runs.

    Attributes:
        net: index of the spec among the compared ones.
        seed: the run's seed.
        record: the record.
    """

    net: int
    seed: int
    record: Record


def compare(
    specs: Sequence[TrainingSpec], seeds: Sequence[int], *, device: str | None = "cpu"
) -> Iterator[RunRecord]:
    """Train every spec with every seed.

    The seeds run one after the other; the nets of a seed take turns, one record each. Close the
    generator to stop.

    Raises:
        SpecError: no specs or seeds, too many, or one that `train` refuses.
    """
    for name, many, most in (("nets", len(specs), MAX_NETS), ("seeds", len(seeds), MAX_SEEDS)):
        if not 1 <= many <= most:
            raise SpecError(name, f"must be 1 to {most}", many)
    first = [train(replace(spec, seed=seeds[0]), device=device) for spec in specs]
    return _side_by_side(first, specs, seeds, device)


def _side_by_side(
    first: list[Iterator[Record]],
    specs: Sequence[TrainingSpec],
    seeds: Sequence[int],
    device: str | None,
) -> Iterator[RunRecord]:
    """The records of all runs; the caller made the first seed's, so that errors come at once."""
    for place, seed in enumerate(seeds):
        runs = first if not place else [train(replace(s, seed=seed), device=device) for s in specs]
        going = dict(enumerate(runs))
        while going:
            for net, run in tuple(going.items()):
                record = next(run, None)
                if record is None:
                    del going[net]
                else:
                    yield RunRecord(net, seed, record)


def widening(records: Sequence[Record]) -> float:
    """σ of the ERF after the run divided by σ before it; nan where either has no ERF.

    σ is the root mean square of both axes.
    """
    sigmas = [
        math.nan if record.snapshot is None or record.snapshot.erf is None
        else math.hypot(*record.snapshot.erf.sigma) / math.sqrt(2)
        for record in (records[0], records[-1])
    ]  # fmt: skip
    return sigmas[1] / sigmas[0]


def accuracy(records: Sequence[Record]) -> float:
    """Accuracy on the test set after the last step."""
    last = records[-1].snapshot
    assert last is not None  # the last record of a whole run has one
    return last.test_accuracy


def reaching(records: Sequence[Record]) -> float:
    """The share of the gradient that reaches the first convolution; 0 where none does.

    It is the gradient norm of the first convolution divided by that of the last one, as a
    geometric mean over the records.
    """
    shares = []
    for record in records:
        if record.flow:
            norms = [each.gradient for each in record.flow if each.layer.startswith("body")]
            if norms[0] <= 0 or norms[-1] <= 0:
                return 0.0
            shares.append(math.log(norms[0] / norms[-1]))
    return math.exp(mean(shares))


def roughness(records: Sequence[Record]) -> float:
    """Standard deviation of the change of log loss between records; 0 for a steady decrease."""
    losses = [math.log(max(r.loss, 1e-12)) for r in records if r.loss is not None]
    changes = [b - a for a, b in pairwise(losses)]
    return stdev(changes)


@dataclass(frozen=True)
class SeedSpread:
    """Mean and extremes of one number over seeds.

    Attributes:
        mean, low, high: over the seeds.
    """

    mean: float
    low: float
    high: float


def over_seeds(values: Sequence[float]) -> SeedSpread:
    """Mean and extremes of some values."""
    return SeedSpread(mean(values), min(values), max(values))
