"""Training: the default comparison over seeds, and the ERF on the long-range task.

Runs are shared out among worker processes of one thread each. Asked for: the comparison in under a
minute on two cores, above 95 % test accuracy, and an ERF that training widens by 1.3 or more.

python -m tests.benchmarks.training [--seeds 3] [--workers 2] [--steps 300]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from time import perf_counter, process_time

from core.device import threads
from core.training import TrainingSpec
from core.training.loop import train
from core.training.nets import run_costs
from core.training.spec import LONG_RANGE
from core.training.studies import default_comparison, erf_growth


@dataclass(frozen=True)
class Result:
    """One run. Times in seconds: on the clock, and of the processor."""

    spec: TrainingSpec
    clock: float
    processor: float
    accuracy: float
    moved: float
    growth: float


def run(spec: TrainingSpec) -> Result:
    """Trains to the end."""
    clock, processor = perf_counter(), process_time()
    with threads(1):
        records = tuple(train(spec))
    last = records[-1].snapshot
    assert last is not None
    assert last.shifted is not None
    times = perf_counter() - clock, process_time() - processor
    growth = erf_growth(records)
    return Result(spec, *times, last.test_accuracy, min(last.shifted.agreement), growth)


def told(results: Sequence[Result], seconds: float, workers: int) -> str:
    """A table, one line a run."""
    lines = [
        f"{'net':<16}{'seed':>5}{'parameters':>12}{'MMACs':>7}{'clock s':>9}{'CPU s':>7}"
        f"{'accuracy':>10}{'moved':>8}{'ERF σ ×':>9}"
    ]
    for each in results:
        cost = run_costs(each.spec)
        lines.append(
            f"{each.spec.net.downsampling:<16}{each.spec.seed:>5}{cost.parameters:>12,}"
            f"{cost.macs / 1e6:>7.2f}{each.clock:>9.1f}{each.processor:>7.1f}"
            f"{each.accuracy:>10.1%}{each.moved:>8.1%}{each.growth:>9.2f}"
        )
    total = sum(each.processor for each in results)
    lines.append(f"{seconds:.1f} s on the clock, {workers} workers; {total:.1f} s of processor")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--steps", type=int)
    asked = parser.parse_args()
    compared = [replace(s, seed=n) for n in range(asked.seeds) for s in default_comparison()]
    if asked.steps:
        compared = [replace(spec, steps=asked.steps) for spec in compared]
    far = [replace(LONG_RANGE, seed=n) for n in range(asked.seeds)]
    with ProcessPoolExecutor(asked.workers, get_context("spawn")) as pool:
        for name, specs in (("default comparison", compared), ("long range", far)):
            begun = perf_counter()
            results = list(pool.map(run, specs))
            print(f"{name}\n{told(results, perf_counter() - begun, asked.workers)}\n")


if __name__ == "__main__":
    main()
