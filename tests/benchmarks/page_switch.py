"""From a click in the navigation to the new page's title, against a bare Streamlit app.

The bare app has the same navigation, and pages with a title, tabs, a slider and a sentence. Timed
inside the page: from the time stamp of the click to the frame that has another title.

python -m tests.benchmarks.page_switch [--app app.py] [--rounds 3]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from statistics import median

from playwright.sync_api import Page

from tests.benchmarks.harness import APP, BARE_PAGES, fresh_page, launched, serving
from viz.pages import PAGES

PATIENCE_MS = 60_000
SETTLE_MS = 600
TITLE = "[data-testid=stMainBlockContainer] :is(h1, h4)"
"""A page's title; it is a heading of the fourth level where a page has no other."""

# Arms a watch: window.switched resolves to the milliseconds from the click to another title, also
# of a page whose title is in a component.
WATCH = """
([selector, patience]) => {
  const title = () => document.querySelector(selector)?.textContent ?? deep()?.textContent ?? null;
  const deep = () => {
    for (const host of document.querySelectorAll("[data-testid=stMainBlockContainer] *"))
      if (host.shadowRoot?.querySelector("h1, h4")) return host.shadowRoot.querySelector("h1, h4");
    return null;
  };
  const before = title();
  let clicked = null;
  addEventListener("click", (event) => { clicked = event.timeStamp; }, { capture: true, once: true });
  window.switched = new Promise((resolve, reject) => {
    const look = () => {
      if (clicked !== null && title() !== null && title() !== before)
        return resolve(performance.now() - clicked);
      requestAnimationFrame(look);
    };
    look();
    setTimeout(() => reject(new Error(`still: ${before}`)), patience);
  });
}
"""


def visit_all(page: Page, url: str) -> dict[str, float]:
    """Milliseconds until the title of each page, visited one after the other."""
    times = {}
    for entry in (*PAGES[1:], PAGES[0]):
        page.wait_for_selector("[data-test-script-state=notRunning]", timeout=PATIENCE_MS)
        page.wait_for_timeout(SETTLE_MS)
        path = "/" if entry is PAGES[0] else f"/{entry.name}"
        link = page.locator(f'[data-testid=stSidebarNav] a[href="{url}{path}"]')
        link.wait_for()
        page.evaluate(WATCH, [TITLE, PATIENCE_MS])
        link.click()
        times[entry.name] = page.evaluate("window.switched")
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, default=APP)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with launched() as browser, serving(options.app) as app, serving(BARE_PAGES) as bare:
        with fresh_page(browser) as app_page, fresh_page(browser) as bare_page:
            rounds = []
            for each, server in ((app_page, app), (bare_page, bare)):
                each.goto(server.url)
                each.wait_for_selector("[data-testid=stSidebarNav]", timeout=PATIENCE_MS)
            for _ in range(options.rounds + 1):
                rounds.append((visit_all(app_page, app.url), visit_all(bare_page, bare.url)))
        print(f"{'click → title, ms':18} {'app':>7} {'bare':>7} {'ratio':>6}")
        for entry in PAGES:  # the first round loads code and fills caches
            mine, theirs = (median(each[i][entry.name] for each in rounds[1:]) for i in (0, 1))
            print(f"{entry.name:18} {mine:7.0f} {theirs:7.0f} {mine / theirs:6.2f}")


if __name__ == "__main__":
    main()
