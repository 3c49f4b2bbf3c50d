"""The frame of every page in a browser: heading, title, tabs, type, contrast, menu, and a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests import polling
from viz.pages import PAGES, tab_title, title_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLD = 900
"""Height of the screen in pixels: what is below is seen after scrolling."""
SMALLEST_TEXT, SMALLEST_IN_FIGURE = 13, 12
"""Smallest font sizes in pixels."""
LEGIBLE = 4.5
"""Lowest contrast of text (WCAG 2.2, success criterion 1.4.3)."""
CONTROLS = {
    "sweep": ["operation", "kernel_size", "stride", "padding", "dilation"],
    "sizes": ["input height", "operation", "kernel_size", "stride", "padding", "dilation"],
    "fields": ["network"],
    "erf": ["network", "layer"],
    "blocks": ["compare", "picture"],
    "gradients": ["layers", "picture", "input height", "input width"],
    "shift": ["picture", "kernel_size", "stride", "blur"],
    "training": ["task", "vary", "variants"],
    "exercises": ["kinds", "level", "class code"],
}
"""Beginnings of the labels of the settings that matter most, by page."""
TEXTS = """() => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const parent = (e) => e.assignedSlot ?? e.parentElement ?? e.getRootNode().host;
  const chain = (e) => e ? [e, ...chain(parent(e))] : [];
  const contrast = (element, style) => {
    const around = chain(element);
    const grounds = around.map((e) => rgba(getComputedStyle(e).backgroundColor)).reverse();
    const ground = grounds.reduce((below, top) => over(top, below), [255, 255, 255]);
    const ink = rgba(style.color);
    ink[3] *= around.reduce((product, e) => product * getComputedStyle(e).opacity, 1);
    const [low, high] = [luminance(over(ink, ground)), luminance(ground)].sort((a, b) => a - b);
    return ink[3] > 0.05 ? (high + 0.05) / (low + 0.05) : 21;
  };
  const roots = (root) => [root, ...[...root.querySelectorAll("*")].flatMap((e) => e.shadowRoot ? roots(e.shadowRoot) : [])];
  const found = [];
  for (const root of roots(document)) {
    const walker = document.createTreeWalker(root === document ? document.body : root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const node = walker.currentNode, element = node.parentElement;
      if (!node.data.trim() || !element?.checkVisibility({ checkVisibilityCSS: true, checkOpacity: true })) continue;
      if (element.closest("style, script, noscript, .katex, [data-testid=stIconMaterial], [data-testid=stCode], [data-stale=true]")) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const box = range.getBoundingClientRect();
      if (box.width < 2 || box.height < 2) continue;
      const style = getComputedStyle(element);
      found.push({
        text: node.data.trim().slice(0, 40),
        size: parseFloat(style.fontSize),
        figure: element instanceof SVGElement || Boolean(element.closest("[class*=st-key-plot_], .samples")),
        component: root !== document,
        caption: Boolean(element.closest("[data-testid=stCaptionContainer]:not(:has(code))")),
        contrast: element instanceof SVGElement ? 21 : contrast(element, style),
      });
    }
  }
  return found;
}"""
"""All visible text with its font size and its contrast. Left out are formulas, whose scripts are
smaller by TeX's rules, icons, code in Streamlit's own colors, and what waits faded to be drawn anew;
a figure's text may lie on marks."""
SCHEME = "() => getComputedStyle(document.querySelector('[data-testid=stApp]')).colorScheme"
FRAME = """() => {
  const roots = (root) => [root, ...[...root.querySelectorAll("*")].flatMap((e) => e.shadowRoot ? roots(e.shadowRoot) : [])];
  const all = (selector) => roots(document).flatMap((root) => [...root.querySelectorAll(selector)]);
  const main = document.querySelector("[data-testid=stMain]");
  const header = document.querySelector("[data-testid=stHeader]");
  return main && header && {
    headings: all("h1").map((e) => e.innerText),
    anchors: all("[data-testid=stHeadingWithActionElements] a[href^='#']").length,
    levels: [...document.querySelectorAll(":is(h1, h2, h3, h4, h5, h6)")].map((e) => Number(e.tagName[1])),
    tabs: all("[role=tablist]").map((e) => e.getBoundingClientRect().top),
    labels: [...document.querySelectorAll("[data-testid=stSidebar] [data-testid=stWidgetLabel]")]
      .map((e) => [e.innerText, e.getBoundingClientRect().bottom]),
    header: getComputedStyle(header).backgroundColor,
    sideways: main.scrollWidth - main.clientWidth,
  };
}"""
"""Facts about the page, also about what lies in the shadow roots of components."""


def open_page(visitor: Page, address: str) -> dict[str, Any]:
    """Open an address, wait until nothing runs, and return the facts about the page."""
    visitor.goto(address)
    visitor.wait_for_selector("[data-test-script-state=notRunning]")
    visitor.locator("h1").first.wait_for()
    visitor.get_by_test_id("stSkeleton").first.wait_for(state="detached")
    facts: dict[str, Any] = visitor.evaluate(FRAME)
    return facts


def too_small(text: dict[str, Any]) -> bool:
    in_figure = text["figure"] or text["component"]
    return text["size"] < (SMALLEST_IN_FIGURE if in_figure else SMALLEST_TEXT) - 0.01


@pytest.mark.parametrize("page", [page.name for page in PAGES])
def test_a_page_has_its_heading_and_its_title_and_can_be_read(
    app_url: str, visitor: Page, page: str
) -> None:
    facts = open_page(visitor, f"{app_url}/{'' if page == PAGES[0].name else page}")
    assert len(facts["headings"]) == 1, facts["headings"]
    assert visitor.title() == tab_title(title_of(page))
    assert not facts["anchors"], "a link to a heading is a stop of the Tab key for nothing"
    assert all(top < FOLD for top in facts["tabs"])
    for beginning in CONTROLS.get(page, ()):
        bottoms = [bottom for label, bottom in facts["labels"] if label.startswith(beginning)]
        assert bottoms, beginning
        assert min(bottoms) < FOLD, f"{beginning} needs scrolling"
    for scheme in ("light", "dark"):
        visitor.emulate_media(color_scheme=scheme)
        polling.until(lambda: visitor.evaluate(SCHEME) == scheme)  # noqa: B023
        texts = visitor.evaluate(TEXTS)
        assert not [text for text in texts if too_small(text)]
        assert not [t for t in texts if t["caption"] and t["contrast"] < LEGIBLE]
        ground = visitor.evaluate(FRAME)["header"]
        assert ground.startswith("rgb("), "content would show through the header"
    for width in (390, 320):
        visitor.set_viewport_size({"width": width, "height": 844})
        polling.until(lambda: visitor.evaluate(FRAME)["sideways"] <= 0)


def test_an_open_claim_is_in_the_title_and_headings_skip_no_level(
    app_url: str, visitor: Page
) -> None:
    facts = open_page(visitor, f"{app_url}/claims?claim=7")
    assert visitor.title() == tab_title("Claim 7", "Claims")
    assert len(facts["headings"]) == 1
    facts = open_page(visitor, f"{app_url}/claims")
    assert set(facts["levels"]) == {1, 2}
    assert not facts["anchors"]


def test_the_menu_is_short_and_its_focus_is_seen(app_url: str, visitor: Page) -> None:
    open_page(visitor, f"{app_url}/gradients")
    menu = visitor.get_by_test_id("stSidebarNav")
    box = menu.bounding_box()
    assert box
    assert box["height"] < 0.4 * FOLD, "the settings below it are in view"
    links = menu.get_by_role("link")
    first, second = links.nth(0).bounding_box(), links.nth(1).bounding_box()
    assert first
    assert second
    assert first["y"] == second["y"]
    links.nth(0).focus()
    visitor.keyboard.press("Tab")
    outline = links.nth(1).evaluate("e => getComputedStyle(e).outline")
    assert "solid 2px" in outline
    fields = visitor.get_by_test_id("stNumberInput").locator("input")
    tops = {field.bounding_box()["y"] for field in fields.all()}  # type: ignore[index]
    assert len(tops) == 1, "fields beside each other are in line, however their labels wrap"


def test_a_heading_is_not_hidden_below_the_header(app_url: str, visitor: Page) -> None:
    open_page(visitor, f"{app_url}/claims")
    top = visitor.evaluate(
        """() => {
          const heading = [...document.querySelectorAll("h2")].at(1);
          heading.scrollIntoView();
          return heading.getBoundingClientRect().top
            - document.querySelector("[data-testid=stHeader]").getBoundingClientRect().bottom;
        }"""
    )
    assert top >= 0


def test_on_a_phone_a_button_opens_the_settings_above_the_menu(app_url: str, visitor: Page) -> None:
    visitor.set_viewport_size({"width": 390, "height": 844})
    open_page(visitor, f"{app_url}/gradients")
    button = visitor.get_by_test_id("stExpandSidebarButton")
    assert "Settings" in button.evaluate("e => getComputedStyle(e, '::after').content")
    assert button.bounding_box()["height"] >= 44  # type: ignore[index]
    button.click()
    label = visitor.get_by_text("layers, side by side")
    label.wait_for()
    menu = visitor.get_by_test_id("stSidebarNav").bounding_box()
    assert menu
    field = visitor.get_by_test_id("stMultiSelect")
    polling.until(lambda: field.bounding_box()["y"] < 800)  # type: ignore[index]
    assert menu["y"] > label.bounding_box()["y"]  # type: ignore[index]
