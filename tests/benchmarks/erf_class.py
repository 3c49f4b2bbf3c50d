"""A class at the effective-receptive-field page: as many maps at once as there are visitors.

Everybody asks for a map of their own at the same moment, while one visitor moves a control
on the sweep page. Prints how long each waited, whether they came in turn, and what the
moves took without the others, and with them. The visitors speak the server's protocol and
draw nothing; they look at the queue as often as a browser does.

python -m tests.benchmarks.erf_class [--visitors 10] [--layers NOTATION] [--draws 64]
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import urlencode

from tests.benchmarks.harness import APP, serving
from tests.load.report import percentile
from tests.load.visitor import Visitor

LAYERS = "8x[conv3 p1 c128, relu]"
MOVED = ("stride", "padding", "dilation")
PAUSE = 0.3
ALONE = 30
"""Moves that are timed before the others come."""


@dataclass(frozen=True)
class Wait:
    """One visitor's: seconds until the map was there, and when it was, on one clock."""

    number: int
    seconds: float
    done: float


async def asks(url: str, number: int, link: dict[str, str], opened: asyncio.Barrier) -> Wait:
    """Open the page with one's own seed, and look until the map is there."""
    query = urlencode({**link, "draw_seed": str(number)})
    visitor = Visitor(url, "erf", query, timeout=600)
    await visitor.open()
    await opened.wait()
    start = time.perf_counter()
    await visitor.rerun()
    await visitor.settle()
    end = time.perf_counter()
    await visitor.close()
    if visitor.errors:
        raise RuntimeError(visitor.errors)
    return Wait(number, end - start, end)


async def moves(visitor: Visitor, many: int | None, stop: asyncio.Event) -> list[float]:
    """Seconds of each move of a control, so many or until it is told to stop."""
    rng, times = random.Random(0), list[float]()
    while not stop.is_set() and (many is None or len(times) < many):
        widget = visitor.find(MOVED[len(times) % len(MOVED)])
        assert widget is not None, "the sweep page has this control"
        widget.move(rng)
        times.append((await visitor.rerun(widget)).seconds)
        await asyncio.sleep(PAUSE)
    return times


async def run(url: str, visitors: int, link: dict[str, str]) -> str:
    """One run; the report."""
    light, stop = Visitor(url), asyncio.Event()
    await light.open()
    await light.rerun()
    alone = await moves(light, ALONE, stop)
    beside = asyncio.create_task(moves(light, None, stop))
    opened = asyncio.Barrier(visitors)
    found = await asyncio.gather(*(asks(url, n, link, opened) for n in range(visitors)))
    stop.set()
    return report(found, alone, await beside)


def report(found: list[Wait], alone: list[float], beside: list[float]) -> str:
    """What was measured, as a table."""
    order = sorted(found, key=lambda wait: wait.done)
    apart = [b.done - a.done for a, b in pairwise(order)]
    lines = [f"visitor {w.number}: its map after {w.seconds:5.1f} s" for w in order]
    if apart:
        lines.append(f"one after another, {min(apart):.1f} to {max(apart):.1f} s apart")
    for name, times in (("alone", alone), ("beside them", beside)):
        told = ", ".join(f"p{p} {percentile(times, p) * 1e3:.0f} ms" for p in (50, 95))
        lines.append(f"a move on the sweep page, {name}: {told} (n {len(times)})")
    ratio = percentile(beside, 50) / percentile(alone, 50)
    return "\n".join([*lines, f"median, beside / alone: {ratio:.1f}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=10)
    parser.add_argument("--layers", default=LAYERS)
    parser.add_argument("--draws", default="64")
    options = parser.parse_args()
    link = {"layers": options.layers, "draws": options.draws}
    with serving(APP) as server:
        print(asyncio.run(run(server.url, options.visitors, link)))


if __name__ == "__main__":
    main()
