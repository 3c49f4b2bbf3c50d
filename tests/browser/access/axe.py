"""Faults that axe-core finds on a page, and which of them are Streamlit's own."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

RUN = """async (owners) => {
  const deep = (target) => target.flat().reduce((root, selector) =>
    root && (root.shadowRoot ?? root).querySelector(selector), document);
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap((violation) => violation.nodes.map((node) => {
    const element = deep(node.target);
    const owner = owners.findIndex(([rule, selector]) =>
      rule === violation.id && element?.matches(selector));
    return { rule: violation.id, target: node.target.flat().join(" "), html: node.html.slice(0, 200),
      why: [...node.any, ...node.all, ...node.none].map((check) => check.message).join("; "), owner };
  }));
}"""
"""Every node that violates a rule; its owner is the index in the list of Streamlit's faults, or -1."""
HEADINGS = """() => {
  const levels = [];
  const visit = (root) => {
    for (const element of root.querySelectorAll("*")) {
      if (/^H[1-6]$/.test(element.tagName) && element.getClientRects().length)
        levels.push([Number(element.tagName[1]), element.textContent.trim()]);
      if (element.shadowRoot) visit(element.shadowRoot);
    }
  };
  visit(document.querySelector("[data-testid=stMain]"));
  return levels;
}"""
"""Level and text of each visible heading of the page's main part, shadow roots included."""
CHARTS = """() => [...document.querySelectorAll("[data-testid=stPlotlyChart]")]
  .filter((chart) => chart.getAttribute("role") !== "figure" || !(chart.ariaLabel ?? "").trim())
  .map((chart) => chart.closest("[class*=st-key-]")?.className ?? "")"""
"""Charts that a screen reader does not announce as a figure with a name."""
WIDER = """() => Math.max(...[...document.querySelectorAll("html, [data-testid=stMain]")]
  .map((element) => element.scrollWidth - element.clientWidth))"""
"""Pixels by which the page is wider than its window."""
UNNAMED = re.compile(r'- (?:button|link|tab|switch)(?: "[a-z_]+ icon")?(?: \[[^]]*\])*:?$', re.M)
"""In an accessibility tree, a control without a name, or with the name of a glyph alone."""


@dataclass(frozen=True)
class Foreign:
    """A fault of Streamlit's, which a bare app with the same widgets has too.

    Attributes:
        rule: Name of axe's rule.
        selector: CSS selector of the elements.
        why: What Streamlit does.
        link: A page that has it, on a phone as well.
    """

    rule: str
    selector: str
    why: str
    link: str = "tour"


STREAMLIT = (
    Foreign(
        "list",
        "[data-testid=stSidebarNavItems]",
        "The list of pages has the headings of its groups as children that are no items.",
    ),
    Foreign(
        "listitem",
        "[data-testid=stSidebarNavItems] li",
        "The pages of a group are items of an element that is no list.",
    ),
    Foreign(
        "color-contrast",
        "[data-testid=stCode] .token",
        "The words of code have the colors of Streamlit's own palette.",
        "fields?tab=code",
    ),
    Foreign(
        "scrollable-region-focusable",
        "[data-testid=stCode] pre",
        "Code that is wider than its box scrolls sideways and takes no focus.",
        "fields?tab=code",
    ),
)
"""Faults that are Streamlit's own."""


def script() -> str:
    """axe-core itself."""
    package = pytest.importorskip("axe_playwright_python")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


def faults(page: Page) -> list[dict[str, str | int]]:
    """Every element of the page that violates a rule of axe-core."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(script())
    found: list[dict[str, str | int]] = page.evaluate(
        RUN, [[each.rule, each.selector] for each in STREAMLIT]
    )
    return found


def unseen_faults(page: Page) -> list[str]:
    """What axe-core does not see: headings, names that are glyphs, charts without a name, width."""
    headings = page.evaluate(HEADINGS)
    levels = [level for level, _ in headings]
    found = [] if levels.count(1) == 1 else [f"not one h1: {headings}"]
    found += [
        f"h{level} after h{before}: {text}"
        for before, (level, text) in zip([0, *levels], headings, strict=False)
        if level > before + 1
    ]
    tree = page.locator("body").aria_snapshot()
    found += [f"no name: {line.strip()}" for line in UNNAMED.findall(tree)]
    found += [f"a chart without a name: {name}" for name in page.evaluate(CHARTS)]
    if wide := page.evaluate(WIDER):
        found.append(f"{wide} px wider than its window")
    return found
