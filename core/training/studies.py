"""Comparisons of training runs of several networks and seeds, and numbers that summarize a run."""

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
"""Ways of downsampling in the default comparison."""


def default_comparison() -> tuple[TrainingSpec, ...]:
    """Runs with max pooling, with stride and with blurred stride, on the same task and batches."""
    return tuple(TrainingSpec(Net(each)) for each in COMPARED)


class RunRecord(NamedTuple):
    """A record of one of several runs.

    Attributes:
        net: index of the run's spec among the compared specs.
        seed: seed of the run.
        record: the record.
    """

    net: int
    seed: int
    record: Record


def compare(
    specs: Sequence[TrainingSpec], seeds: Sequence[int], *, device: str | None = "cpu"
) -> Iterator[RunRecord]:
    """Train every spec with every seed, and yield the records of all runs.

    The seeds run in sequence; the networks of one seed run in turn, one record each. Close the
    generator to stop.

    Raises:
        SpecError: no specs or seeds, too many, or a spec that `train` refuses.
    """
    for name, count, limit in (("nets", len(specs), MAX_NETS), ("seeds", len(seeds), MAX_SEEDS)):
        if not 1 <= count <= limit:
            raise SpecError(name, f"must be 1 to {limit}", count)
    first = [train(replace(spec, seed=seeds[0]), device=device) for spec in specs]
    return _interleaved_records(first, specs, seeds, device)


def _interleaved_records(
    first_seed_runs: list[Iterator[Record]],
    specs: Sequence[TrainingSpec],
    seeds: Sequence[int],
    device: str | None,
) -> Iterator[RunRecord]:
    """Yield the records of all runs.

    ``first_seed_runs`` has the runs of the first seed, which the caller starts so that errors are raised at
    once.
    """
    for index, seed in enumerate(seeds):
        runs = (
            first_seed_runs
            if not index
            else [train(replace(s, seed=seed), device=device) for s in specs]
        )
        active = dict(enumerate(runs))
        while active:
            for net, run in tuple(active.items()):
                record = next(run, None)
                if record is None:
                    del active[net]
                else:
                    yield RunRecord(net, seed, record)


def erf_growth(records: Sequence[Record]) -> float:
    """σ of the ERF after the run divided by σ before it; nan if either has no ERF.

    σ is the root mean square of σ_y and σ_x.
    """
    sigmas = [
        math.nan if record.snapshot is None or record.snapshot.erf is None
        else math.hypot(*record.snapshot.erf.sigma) / math.sqrt(2)
        for record in (records[0], records[-1])
    ]  # fmt: skip
    return sigmas[1] / sigmas[0]


def final_test_accuracy(records: Sequence[Record]) -> float:
    """Accuracy on the test set after the last step of a complete run."""
    last = records[-1].snapshot
    assert last is not None  # the last record of a complete run has one
    return last.test_accuracy


def first_layer_gradient_share(records: Sequence[Record]) -> float:
    """Gradient norm of the first convolution divided by that of the last; 0 if either is 0.

    It is the geometric mean over the records.
    """
    shares = []
    for record in records:
        if record.flow:
            norms = [each.gradient for each in record.flow if each.layer.startswith("body")]
            if norms[0] <= 0 or norms[-1] <= 0:
                return 0.0
            shares.append(math.log(norms[0] / norms[-1]))
    return math.exp(mean(shares))


def loss_roughness(records: Sequence[Record]) -> float:
    """Standard deviation of the change of the log loss from record to record.

    It is 0 if the log loss decreases linearly.
    """
    losses = [math.log(max(r.loss, 1e-12)) for r in records if r.loss is not None]
    changes = [b - a for a, b in pairwise(losses)]
    return stdev(changes)


@dataclass(frozen=True)
class SeedSpread:
    """Mean and extremes of one number over several seeds.

    Attributes:
        mean, low, high: mean, smallest and largest value.
    """

    mean: float
    low: float
    high: float


def seed_spread(values: Sequence[float]) -> SeedSpread:
    """The mean and extremes of a number's values for several seeds."""
    return SeedSpread(mean(values), min(values), max(values))
