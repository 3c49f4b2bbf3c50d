"""Several runs: nets side by side, seed by seed, and what they come to."""

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
    """Maximum, stride and blurred stride: same task, same convolutions, same batches."""
    return tuple(TrainingSpec(Net(each)) for each in COMPARED)


class Step(NamedTuple):
    """A record of one of several runs.

    Attributes:
        net: place of the spec among those compared.
        seed: that it runs with.
        record: what it tells.
    """

    net: int
    seed: int
    record: Record


def compare(
    specs: Sequence[TrainingSpec], seeds: Sequence[int], *, device: str | None = "cpu"
) -> Iterator[Step]:
    """Trains every spec with every seed, seed after seed, the nets of a seed side by side: each
    makes its next record in turn. Close it to stop.

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
) -> Iterator[Step]:
    """The first seed's runs were made before, so that all that is wrong is told at once."""
    for place, seed in enumerate(seeds):
        runs = first if not place else [train(replace(s, seed=seed), device=device) for s in specs]
        going = dict(enumerate(runs))
        while going:
            for net, run in tuple(going.items()):
                record = next(run, None)
                if record is None:
                    del going[net]
                else:
                    yield Step(net, seed, record)


def widening(records: Sequence[Record]) -> float:
    """The ERF's σ after the run over that before it; of both axes, the root of the mean square.
    nan where either has none."""
    sigmas = [
        math.nan if record.snapshot is None or record.snapshot.erf is None
        else math.hypot(*record.snapshot.erf.sigma) / math.sqrt(2)
        for record in (records[0], records[-1])
    ]  # fmt: skip
    return sigmas[1] / sigmas[0]


def accuracy(records: Sequence[Record]) -> float:
    """On the test set, after the last step."""
    last = records[-1].snapshot
    assert last is not None  # the last record of a whole run has one
    return last.test_accuracy


def reaching(records: Sequence[Record]) -> float:
    """Gradient norm of the first convolution over that of the last one, geometric mean over the
    records: how much of the gradient reaches the beginning. 0 where none does."""
    shares = []
    for record in records:
        if record.flow:
            norms = [each.gradient for each in record.flow if each.layer.startswith("body")]
            if norms[0] <= 0 or norms[-1] <= 0:
                return 0.0
            shares.append(math.log(norms[0] / norms[-1]))
    return math.exp(mean(shares))


def roughness(records: Sequence[Record]) -> float:
    """How unsteadily the loss falls: the standard deviation of the change of its logarithm from
    one record to the next. 0 where it falls evenly."""
    losses = [math.log(max(r.loss, 1e-12)) for r in records if r.loss is not None]
    changes = [b - a for a, b in pairwise(losses)]
    return stdev(changes)


@dataclass(frozen=True)
class Spread:
    """One number over seeds.

    Attributes:
        mean, low, high: over the seeds.
    """

    mean: float
    low: float
    high: float


def over_seeds(values: Sequence[float]) -> Spread:
    """Mean and extremes."""
    return Spread(mean(values), min(values), max(values))
