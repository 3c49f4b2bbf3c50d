"""What the benchmarks share: a browser, interleaved repeats, medians and a table.

Absolute times belong to the machine; the ratio to the bare app is what carries over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Page, sync_playwright

from tests.chromium import ARGUMENTS, chromium_path
from tests.serving import APP, ROOT, serving

__all__ = [
    "APP",
    "BARE",
    "BARE_PAGES",
    "ROOT",
    "fresh_page",
    "interleaved",
    "launched",
    "serving",
    "table",
]

BARE = Path(__file__).with_name("bare_app.py")
BARE_PAGES = Path(__file__).with_name("bare_pages.py")
Times = dict[str, list[float]]


@contextmanager
def launched() -> Iterator[Browser]:
    """A headless Chromium."""
    path = chromium_path()
    if path is None:
        raise SystemExit("no Chromium: install it, or name it in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def fresh_page(browser: Browser) -> Iterator[Page]:
    """A visitor with an empty cache."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    yield context.new_page()
    context.close()


def interleaved(
    repeats: int, measures: Mapping[str, Callable[[], Mapping[str, float]]]
) -> dict[str, Times]:
    """Calls every measure in turn, ``repeats`` times, so that slow drifts hit all alike.

    Args:
        repeats: calls of each measure.
        measures: name → function that returns quantity → seconds.

    Returns:
        name → quantity → seconds of every repeat.
    """
    results: dict[str, Times] = {name: {} for name in measures}
    for _ in range(repeats):
        for name, measure in measures.items():
            for quantity, seconds in measure().items():
                results[name].setdefault(quantity, []).append(seconds)
    return results


def table(results: Mapping[str, Times], subject: str, base: str) -> str:
    """One line a quantity: both medians in milliseconds, their ratio, the subject's range."""
    width = max(map(len, results[subject]))
    lines = [f"{'median, ms':{width}} {subject:>9} {base:>9} {'ratio':>7}   range of {subject}"]
    for quantity, seconds in results[subject].items():
        mine, theirs = median(seconds), median(results[base][quantity])
        span = f"{min(seconds) * 1e3:.0f}–{max(seconds) * 1e3:.0f} ({len(seconds)})"
        times = f"{mine * 1e3:9.1f} {theirs * 1e3:9.1f} {mine / theirs:7.2f}"
        lines.append(f"{quantity:{width}} {times}   {span}")
    return "\n".join(lines)
