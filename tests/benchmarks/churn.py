"""An hour of a classroom in a few minutes: visitors come, move some controls, and go, in bursts.

What a visit leaves behind would add up. Streamlit keeps a visit that has gone for
``disconnectedSessionTTL`` seconds, two minutes as a rule; here they are fewer.

python -m tests.benchmarks.churn [--sessions 3000] [--at-once 50]
python -m tests.benchmarks.churn --at-once 20 --pause 40            a real hour
"""

from __future__ import annotations

import argparse
import asyncio
import time

from tests.benchmarks.harness import serving
from tests.load.load import Settings, run_load
from tests.load.report import resident_megabytes

KEPT_S = 5


async def burst(url: str, sessions: int, seed: int) -> list[str]:
    """A class comes, does three things each, and goes; what went wrong."""
    settings = Settings(url, sessions=sessions, actions=3, think=0.2, seed=seed, timeout=120)
    return (await run_load(settings)).errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=3000)
    parser.add_argument("--at-once", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=60.0, help="at most")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two bursts")
    chosen = parser.parse_args()
    environment = {"STREAMLIT_SERVER_DISCONNECTED_SESSION_TTL": str(KEPT_S)}
    with serving(environment=environment) as server:
        start, errors, done = time.perf_counter(), list[str](), 0
        print(f"start: {resident_megabytes(server.process.pid):.0f} MB", flush=True)
        while done < chosen.sessions and time.perf_counter() - start < 60 * chosen.minutes:
            errors += asyncio.run(burst(server.url, chosen.at_once, done))
            done += chosen.at_once
            memory = resident_megabytes(server.process.pid)
            seconds = time.perf_counter() - start
            print(
                f"{done:6} visits, {seconds:5.0f} s: {memory:.0f} MB, {len(errors)} errors",
                flush=True,
            )
            time.sleep(chosen.pause)
        time.sleep(2 * KEPT_S)
        print(f"all gone: {resident_megabytes(server.process.pid):.0f} MB")
        print(*sorted(set(errors))[:10], sep="\n")


if __name__ == "__main__":
    main()
