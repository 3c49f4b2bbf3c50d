"""Trainings beside a class: what a move on a light page takes without them, and with them.

Visitors of the training lab press "Train", each for a net of their own; others move controls on
light pages meanwhile. Prints what the moves took alone and beside the trainings.

python -m tests.benchmarks.training_class [--trainings 3] [--visitors 20]
"""

from __future__ import annotations

import argparse
import asyncio

from tests.benchmarks.harness import APP, serving
from tests.load.load import Settings, run_load
from tests.load.report import Report, family, percentile, resident_megabytes
from tests.load.visitor import Visitor

LIGHT = ("sweep", "sizes")
LINK = "variants=max&seeds=1&steps=2000&seed={seed}"
"""Longer than the measurement."""


async def light(url: str, visitors: int) -> list[Report]:
    """Visitors on light pages who move a control every second or so, some on each page."""
    each = visitors // len(LIGHT)
    settings = [
        Settings(url, sessions=each, actions=20, think=1.0, page=page, seed=number)
        for number, page in enumerate(LIGHT)
    ]
    return list(await asyncio.gather(*map(run_load, settings)))


def told(reports: list[Report]) -> tuple[list[float], str]:
    """Milliseconds of all moves, and a line about them."""
    times = [1e3 * seconds for report in reports for seconds in report.times("move")]
    errors = sum(len(report.errors) + report.lost for report in reports)
    marks = ", ".join(f"p{p} {percentile(times, p):.0f} ms" for p in (50, 95, 99))
    return times, f"{marks} (n {len(times)}, {errors} errors)"


async def run(url: str, server: int, trainings: int, visitors: int) -> str:
    """One run; the report."""
    alone, line = told(await light(url, visitors))
    lines = [f"{visitors} light visitors alone:            {line}"]
    trainers = [
        Visitor(url, "training", LINK.format(seed=number), timeout=120)
        for number in range(trainings)
    ]
    for trainer in trainers:
        await trainer.open()
        await trainer.rerun()
        await trainer.press("training_start")
    watching = [asyncio.create_task(trainer.settle()) for trainer in trainers]
    await asyncio.sleep(10)  # until the worker processes are up
    beside, line = told(await light(url, visitors))
    lines.append(f"the same beside {trainings} trainings:        {line}")
    ratios = [percentile(beside, p) / percentile(alone, p) for p in (50, 95)]
    lines.append(f"beside / alone: median {ratios[0]:.2f}, p95 {ratios[1]:.2f}")
    going = sum(bool(trainer.follows) for trainer in trainers)
    errors = sum(len(trainer.errors) for trainer in trainers)
    lines.append(f"trainings still going at the end: {going} of {trainings}, {errors} errors")
    sizes = [resident_megabytes(pid) for pid in family(server)]
    lines.append(f"memory: server {sizes[0]:.0f} MB, its workers {sum(sizes[1:]):.0f} MB")
    for task in watching:
        task.cancel()
    for trainer in trainers:
        await trainer.close()
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trainings", type=int, default=3)
    parser.add_argument("--visitors", type=int, default=20)
    options = parser.parse_args()
    environment = {"STRIDES_TRAINING_SLOTS": str(options.trainings), "STRIDES_WORKERS": "1"}
    with serving(APP, environment=environment) as server:
        found = run(server.url, server.process.pid, options.trainings, options.visitors)
        print(asyncio.run(found))


if __name__ == "__main__":
    main()
