"""Cold start: a new server process and a new visitor, against a bare Streamlit app.

python -m tests.benchmarks.cold_start [--repeats 7]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

from playwright.sync_api import Browser

from tests.benchmarks.harness import APP, BARE, fresh_page, interleaved, launched, serving, table

# What a visitor sees first, and what shows that torch has answered. CSS pierces open shadow roots.
APP_FIRST = ".st-key-stride"
APP_READY = '[data-testid="sweep-player"][data-ready="true"]'
BARE_FIRST = ".st-key-stride"
BARE_READY = ".st-key-value p"
TIMEOUT_MS = 60_000


def cold(browser: Browser, script: Path, first: str, ready: str) -> dict[str, float]:
    """Seconds from the start of the process, and from the visit of the healthy server."""
    with fresh_page(browser) as page, serving(script) as server:
        healthy = perf_counter()
        page.goto(server.url, wait_until="commit")
        page.wait_for_selector(first, timeout=TIMEOUT_MS)
        seen = perf_counter()
        page.wait_for_selector(ready, timeout=TIMEOUT_MS)
        answered = perf_counter()
    return {
        "spawn → healthy": healthy - server.spawned,
        "visit → first control": seen - healthy,
        "visit → result": answered - healthy,
        "spawn → first control": seen - server.spawned,
        "spawn → result": answered - server.spawned,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, default=APP)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    with launched() as browser:
        measures = {
            "app": lambda: cold(browser, options.app, APP_FIRST, APP_READY),
            "bare": lambda: cold(browser, BARE, BARE_FIRST, BARE_READY),
        }
        interleaved(1, measures)  # fills the disk cache; not counted
        print(table(interleaved(options.repeats, measures), "app", "bare"))


if __name__ == "__main__":
    main()
