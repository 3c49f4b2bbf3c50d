"""What the figures of the pages measure in a real browser: sizes, type, contrast, color bars."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.conftest import new_tab
from tests.examples import others_slow
from viz.plots.colors import GROUND, luminance

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

LEAST_MAP, LEAST_TYPE = 200, 12
"""Pixels of the longer side of a map on a desktop, and of type in a figure."""
SLACK = 2.5
"""Pixels by which a color bar may be longer or shorter than its maps."""
PAGES = {
    "shift_convolution": "shift",
    "gradients": "gradients",
    "erf_map": "erf?layers=2x[conv3 p1 c2, relu]&input_height=16&input_width=16&draws=1",
    "shift_network": "shift?tab=network",
}
"""Links by the key of a plot of maps on their page."""
MEASURE = """key => {
  const plot = document.querySelector(`.st-key-plot_${key}`);
  const box = each => (({ left, right, width, height }) => ({ left, right, width, height }))(
    each.getBoundingClientRect());
  return {
    column: box(plot).width,
    maps: [...plot.querySelectorAll('.nsewdrag')].map(box),
    bars: [...plot.querySelectorAll('.plot-bar i')].map(box),
    labels: [...plot.querySelectorAll('.plot-bar')].map(each => each.firstChild.textContent),
    texts: [...plot.querySelectorAll('svg text')].filter(each => each.textContent.trim()).map(each => ({
      size: parseFloat(getComputedStyle(each).fontSize), color: getComputedStyle(each).fill,
      family: getComputedStyle(each).fontFamily,
      tick: !!each.closest('.xtick, .ytick, .g-xtitle, .g-ytitle') })),
    html: [...plot.querySelectorAll('h4, p, .plot-heading, .plot-bar, .plot-legend')].map(
      each => parseFloat(getComputedStyle(each).fontSize)),
    family: getComputedStyle(document.body).fontFamily || getComputedStyle(plot).fontFamily,
    modebars: document.querySelectorAll('.modebar-btn').length,
  };
}"""


def open_plot(page: Page, url: str, key: str) -> dict[str, Any]:
    """Open a page and measure one of its plots when it does not change any more."""
    page.goto(url)
    plot = page.locator(f".st-key-plot_{key}")
    plot.locator(".nsewdrag").last.wait_for(state="attached")
    page.wait_for_selector("[data-test-script-state=notRunning]")
    page.wait_for_function(
        "key => { const now = JSON.stringify([...document.querySelectorAll(`.st-key-plot_${key} "
        ".nsewdrag`)].map(each => each.getBoundingClientRect())); const same = window.before === now; "
        "window.before = now; return same; }",
        arg=key,
        polling=300,
    )
    return page.evaluate(MEASURE, key)


@pytest.fixture
def visitor(regular: BrowserContext) -> Iterator[Page]:
    with new_tab(regular) as page:
        yield page


def contrast(color: str, ground: str) -> float:
    """Contrast of a color ``rgb(…)`` on a ground ``#RRGGBB``."""
    channels = [int(part) for part in re.findall(r"\d+", color)[:3]]
    low, high = sorted((luminance("#{:02X}{:02X}{:02X}".format(*channels)), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def row_ends(boxes: list[dict[str, float]]) -> tuple[float, float]:
    """The left and the right end of a row of maps."""
    return min(box["left"] for box in boxes), max(box["right"] for box in boxes)


@pytest.mark.parametrize("scheme, key", others_slow(
    [("light", "shift_convolution"), ("dark", "erf_map"), ("light", "gradients"), ("dark", "shift_network")]
))  # fmt: skip
def test_maps_type_and_color_bars(visitor: Page, app_url: str, scheme: Any, key: str) -> None:
    visitor.emulate_media(color_scheme=scheme)
    seen = open_plot(visitor, f"{app_url}/{PAGES[key]}", key)
    for one in seen["maps"]:
        assert max(one["width"], one["height"]) >= LEAST_MAP, seen["maps"]
    assert not seen["modebars"]
    for text in seen["texts"]:
        assert text["size"] >= LEAST_TYPE, text
        assert text["family"].split(",")[0].strip('"') == "Source Sans"
        assert not text["tick"] or contrast(text["color"], GROUND[scheme == "dark"]) >= 7
    assert "Source Sans" in seen["family"]
    assert min(seen["html"]) >= LEAST_TYPE
    maps, bars = seen["maps"], seen["bars"]
    assert bars
    rows = [maps[: len(maps) // 2], maps[len(maps) // 2 :]] if len(bars) == 2 else [maps]
    for bar, row in zip(bars, rows, strict=True):
        assert row_ends([bar]) == pytest.approx(row_ends(row), abs=SLACK)
    last = max(box["right"] for box in chain(maps, bars))
    first = min(box["left"] for box in maps)
    if len(maps) > 3:
        assert last - first > 0.85 * seen["column"], "the column is filled"


@pytest.mark.slow
def test_error_lines_are_seen_on_dark_paper(visitor: Page, app_url: str) -> None:
    visitor.emulate_media(color_scheme="dark")
    open_plot(visitor, f"{app_url}/blocks?tab=cost", "blocks_times")
    lines = visitor.locator(".st-key-plot_blocks_times .errorbar path")
    colors = lines.evaluate_all("all => all.map(each => getComputedStyle(each).stroke)")
    assert max(contrast(color, GROUND[True]) for color in colors) >= 7


@pytest.mark.parametrize("key", others_slow(["shift_convolution", "gradients"]))
def test_a_phone_has_no_mode_bar_and_scrolls_down_only(
    browser: Browser, app_url: str, key: str
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    try:
        with new_tab(context) as page:
            seen = open_plot(page, f"{app_url}/{PAGES[key]}", key)
            assert not seen["modebars"]
            assert all(box["right"] <= 390 for box in chain(seen["maps"], seen["bars"]))
            assert min(text["size"] for text in seen["texts"] or [{"size": 12}]) >= LEAST_TYPE
    finally:
        context.close()
