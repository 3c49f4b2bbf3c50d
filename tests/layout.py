"""Layout shifts of a page from its load to its rest, as the browser counts them.

Shifts within half a second after an input are left out, as in the standard measure. The sum is over
all shifts, and so at least the standard measure, which takes the worst five seconds.
Source: https://web.dev/articles/cls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

STILL_MS = 1000
"""A page is at rest when nothing has moved for so long after all its elements have been drawn."""
PATIENCE_MS = 90_000
WATCH = """
window.shifts = [];
new PerformanceObserver((list) => {
  const name = ({ node, previousRect: from, currentRect: to }) => {
    const element = node?.nodeType === 1 ? node : node?.parentElement;
    const keyed = element?.closest("[class*=st-key-]")?.className.match(/st-key-(\\S+)/)?.[1];
    const text = (element?.textContent ?? "").trim().slice(0, 24);
    return `${element?.dataset.testid ?? element?.tagName} ${keyed ?? ""} "${text}": ` +
      `y ${Math.round(from.y)} → ${Math.round(to.y)}, height ${Math.round(from.height)} → ` +
      `${Math.round(to.height)}`;
  };
  for (const entry of list.getEntries())
    if (!entry.hadRecentInput)
      window.shifts.push({ at: entry.startTime, value: entry.value,
                           moved: entry.sources.map(name) });
}).observe({ type: "layout-shift", buffered: true });
"""
AT_REST = """(still) => {
  const drawn = document.querySelector('[data-testid=stMainBlockContainer] .stElementContainer');
  const waits = '[data-testid=stMain] [data-testid=stSkeleton], [data-testid=stSpinner]';
  const running = '[data-test-script-state=running], [data-test-script-state=initial]';
  const last = Math.max(window.busy ?? 0, ...window.shifts.map((shift) => shift.at));
  if (!drawn || document.querySelector(`${waits}, ${running}`)) window.busy = performance.now();
  return performance.now() - last > still;
}"""


@dataclass(frozen=True)
class Shift:
    """One layout shift.

    Attributes:
        at_ms: Time since the start of the navigation in milliseconds.
        value: The browser's score: share of the window that moved, times the share it moved by.
        moved: For each of the largest elements that moved, its name, place and size.
    """

    at_ms: float
    value: float
    moved: tuple[str, ...]


def shifts(context: BrowserContext, url: str) -> list[Shift]:
    """Open a page in a new tab, and return all its layout shifts until it is at rest."""
    page = context.new_page()
    page.add_init_script(WATCH)
    page.goto(url)
    page.wait_for_function(AT_REST, arg=STILL_MS, timeout=PATIENCE_MS)
    found = page.evaluate("window.shifts")
    page.close()
    return [Shift(each["at"], each["value"], tuple(each["moved"])) for each in found]


def total(found: list[Shift]) -> float:
    """The sum of the scores."""
    return sum(shift.value for shift in found)
