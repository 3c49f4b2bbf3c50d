"""From a key press on the stride slider to the changed picture, against a bare Streamlit app.

Timed inside the page: from the time stamp of the key event to the mutation of the result.

python -m tests.benchmarks.control_latency [--presses 40]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from playwright.sync_api import Page

from tests.benchmarks.harness import APP, BARE, fresh_page, interleaved, launched, serving, table

SLIDER = '.st-key-stride input[type="range"]'  # React Aria's, visually hidden
KEYS = ("ArrowRight", "ArrowLeft")  # there and back: stays inside every range
APP_READY = '[data-testid="sweep-player"][data-ready="true"]'
APP_RESULT = ('[data-testid="sweep-player"]', ["data-version", "data-title"])
BARE_READY = ".st-key-value p"
BARE_RESULT: tuple[str, list[str]] = (".st-key-value", [])  # no attributes: its text
SETTLE_MS = 400
PATIENCE_MS = 15_000

# Arms a watch: window.elapsed resolves to the milliseconds from the next key to the change.
WATCH = """
([selector, attributes, patience]) => {
  const find = (root) => {
    const hit = root.querySelector(selector);
    if (hit) return hit;
    for (const element of root.querySelectorAll("*")) {
      const inner = element.shadowRoot && find(element.shadowRoot);
      if (inner) return inner;
    }
    return null;
  };
  const read = (node) =>
    attributes.length ? attributes.map((name) => node.getAttribute(name)).join() : node.textContent;
  const everything = { subtree: true, childList: true, characterData: true, attributes: true };
  let target = find(document);
  const before = read(target);
  let pressed = null;
  addEventListener("keydown", (event) => { pressed = event.timeStamp; },
                   { capture: true, once: true });
  window.elapsed = new Promise((resolve, reject) => {
    const observer = new MutationObserver(() => {
      if (!target?.isConnected) {
        target = find(document);
        if (target) observer.observe(target.getRootNode(), everything);
      }
      if (pressed === null || !target || read(target) === before) return;
      observer.disconnect();
      resolve(performance.now() - pressed);
    });
    observer.observe(document, { subtree: true, childList: true });
    observer.observe(target.getRootNode(), everything);
    setTimeout(() => reject(new Error(`unchanged: ${before}`)), patience);
  });
}
"""


def presser(
    page: Page, url: str, ready: str, result: tuple[str, list[str]]
) -> Callable[[], dict[str, float]]:
    """Opens the app; the function returned presses one key and times its effect in seconds."""
    page.goto(url)
    page.wait_for_selector(ready)
    page.wait_for_selector(SLIDER, state="attached")
    keys = cycle(KEYS)

    def press() -> dict[str, float]:
        page.wait_for_timeout(SETTLE_MS)
        page.locator(SLIDER).focus()
        page.evaluate(WATCH, [*result, PATIENCE_MS])
        page.keyboard.press(next(keys))
        elapsed: float = page.evaluate("window.elapsed")
        return {"key → changed": elapsed / 1e3}

    return press


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, default=APP)
    parser.add_argument("--presses", type=int, default=40)
    options = parser.parse_args()
    with launched() as browser, serving(options.app) as app, serving(BARE) as bare:
        with fresh_page(browser) as app_page, fresh_page(browser) as bare_page:
            measures = {
                "app": presser(app_page, app.url, APP_READY, APP_RESULT),
                "bare": presser(bare_page, bare.url, BARE_READY, BARE_RESULT),
            }
            interleaved(2, measures)  # warms both values up; not counted
            print(table(interleaved(options.presses, measures), "app", "bare"))


if __name__ == "__main__":
    main()
