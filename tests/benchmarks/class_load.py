"""A class of 100 in the app: each does something every three seconds, on all pages or on one.

The visitors share the machine with the server and speak its protocol; they draw nothing. The
bare app, asked by as many at the same pace just before, tells what the machine gives today.

python -m tests.benchmarks.class_load                       all pages, wandering
python -m tests.benchmarks.class_load --page sweep          one page; --each: one after another
python -m tests.benchmarks.class_load --page fields --query network=resnet50 --burst --actions 0
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import replace

from tests.benchmarks.harness import APP, BARE, serving
from tests.load.journeys import JOURNEYS
from tests.load.load import Settings, options, run_load, settings_of
from tests.load.report import Report, percentile


def warmed(settings: Settings) -> None:
    """Every page once: what only the first visitor of a server waits for is not counted."""
    for journey in JOURNEYS:
        once = replace(settings, page=journey.page, query=None, sessions=1, actions=2, think=0.1)
        asyncio.run(run_load(replace(once, widgets=(), burst=False, seed=1)))


def compared(report: Report, bare: Report) -> str:
    """The app's moves against the bare app's."""
    lines = []
    for p in (50, 95):
        mine, theirs = (percentile(each.times("move"), p) * 1e3 for each in (report, bare))
        lines.append(
            f"p{p} of a move: {mine:.0f} ms, bare app {theirs:.0f} ms: {mine / theirs:.1f}×"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options(parser, left_out=("server_pid",))
    parser.set_defaults(sessions=100, think=3.0, actions=20)
    parser.add_argument("--each", action="store_true", help="every page by itself")
    chosen = parser.parse_args()
    with serving(BARE) as server:
        plain = settings_of(server.url, chosen, server_pid=server.process.pid)
        bare = asyncio.run(run_load(replace(plain, page="", query="", widgets=("stride",))))
    print(f"bare app: {bare}\n")
    with serving(APP) as server:
        settings = settings_of(server.url, chosen, server_pid=server.process.pid)
        warmed(settings)
        pages = [each.page for each in JOURNEYS] if chosen.each else [settings.page]
        for page in pages:
            report = asyncio.run(run_load(replace(settings, page=page)))
            print(report, compared(report, bare) if report.times("move") else "", "", sep="\n")


if __name__ == "__main__":
    main()
