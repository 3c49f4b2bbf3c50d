"""How much moves while a page loads, page by page and tab by tab, against a bare Streamlit app.

The bare app has the same navigation. Nothing is timed, so the sums carry over to other machines
but for the order in which things arrive.

python -m tests.benchmarks.layout_shift [--app app.py] [--only sweep,fields] [--details]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from tests.benchmarks.harness import APP, BARE_PAGES, launched, serving
from tests.layout import Shift, shifts, total
from viz.pages import PAGES

TABS = {
    "sizes": ("padding", "common", "kernels", "conventions", "solver"),
    "fields": ("layers", "edit", "depth", "graph", "compare", "reach", "code"),
    "erf": ("sections", "energy", "compare", "studies", "files"),
    "blocks": ("pictures", "cost", "properties"),
    "gradients": ("numbers", "counts", "back", "depth"),
    "shift": ("layers", "curve", "spectra", "network"),
    "training": ("curves", "flow", "kernels", "click", "files"),
    "exercises": ("practice", "interview"),
}
"""The open tab in the link, of every page that has tabs."""
LEAST_SHOWN = 0.005


def addresses(only: list[str]) -> Iterator[str]:
    """The addresses of all pages and tabs."""
    for page in PAGES:
        if not only or page.name in only:
            for tab in TABS.get(page.name, ("",)):
                yield f"{page.name}?tab={tab}" if tab else page.name


def lines(found: list[Shift]) -> Iterator[str]:
    """One line for each shift that is not tiny, and one for each element that moved."""
    for shift in found:
        if shift.value >= LEAST_SHOWN:
            yield f"    {shift.at_ms:6.0f} ms  {shift.value:.3f}"
            yield from (f"        {moved}" for moved in shift.moved)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", type=Path, default=APP)
    parser.add_argument("--only", default="", help="names of pages, with commas")
    parser.add_argument("--size", default="1440x900", help="of the window")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--details", action="store_true", help="what moved, and when")
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    only = [name for name in options.only.split(",") if name]
    with launched() as browser, serving(options.app) as app, serving(BARE_PAGES) as bare:
        context = browser.new_context(viewport={"width": width, "height": height})
        shifts(context, app.url)  # loads torch, and fills the browser's cache; not counted
        print(f"{'sum of shifts, median':28} {'app':>6} {'bare':>6} {'more':>6}")
        for address in addresses(only):
            mine = [shifts(context, f"{app.url}/{address}") for _ in range(options.repeats)]
            theirs = [
                total(shifts(context, f"{bare.url}/{address}")) for _ in range(options.repeats)
            ]
            own, base = median(map(total, mine)), median(theirs)
            print(f"{address:28} {own:6.3f} {base:6.3f} {own - base:6.3f}", flush=True)
            if options.details:
                print("\n".join(lines(mine[-1])))
        context.close()


if __name__ == "__main__":
    main()
