"""Tables, lists and their rows in a real browser: how they are aligned, and how they scroll."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

PHONE = {"width": 390, "height": 844}
CELLS = """table => [...table.querySelectorAll('td.number')].map((cell) => {
  const style = getComputedStyle(cell);
  return [style.textAlign, style.fontVariantNumeric, parseFloat(style.fontSize)];
})"""
EDGES = """table => [...table.rows].map((row) => [...row.cells]
  .filter((cell) => cell.classList.contains('number'))
  .map((cell) => Math.round(cell.getBoundingClientRect().right)))"""


def opened(visitor: Page, url: str) -> Any:
    """The first table of a page."""
    visitor.goto(url)
    table = visitor.locator(".table").first
    table.wait_for()
    visitor.wait_for_selector("[data-test-script-state=notRunning]")
    return table


def test_numbers_stand_below_each_other(app_url: str, visitor: Page) -> None:
    table = opened(visitor, f"{app_url}/fields").locator("table")
    looks = table.evaluate(CELLS)
    assert {(align, variant) for align, variant, _ in looks} == {("right", "tabular-nums")}
    assert min(size for *_, size in looks) >= 13
    edges = table.evaluate(EDGES)
    assert len(edges[0]) >= 5, "columns of numbers"
    assert all(row == edges[0] for row in edges), "also their headings end where the numbers end"
    heads = table.locator("thead th").all_inner_texts()
    assert all(heads)
    assert "RF (px)" in heads
    assert table.locator("tbody th[scope=row]").count() == len(edges) - 1
    assert visitor.get_by_test_id("stDataFrame").count() == 0


def test_a_long_table_scrolls_below_its_headings(app_url: str, visitor: Page) -> None:
    table = opened(visitor, f"{app_url}/fields?network=resnet18")
    table.evaluate("table => { table.scrollTop = 0; }")
    box, page = table.bounding_box(), visitor.viewport_size
    assert box
    assert page
    assert box["height"] < 0.6 * page["height"]
    head = table.locator("thead th").first
    before = head.bounding_box()
    table.evaluate("table => { table.scrollTop = 300; }")
    assert table.evaluate("table => table.scrollTop") == 300
    assert head.bounding_box() == before


def test_on_a_phone_names_stay_and_the_table_says_that_it_scrolls(
    app_url: str, visitor: Page
) -> None:
    visitor.set_viewport_size(PHONE)  # type: ignore[arg-type]  # a mapping of its two sizes
    table = opened(visitor, f"{app_url}/fields")
    assert table.evaluate("table => table.scrollWidth > table.clientWidth")
    assert table.get_attribute("role") == "region"
    assert table.get_attribute("aria-label")
    hint = "table => getComputedStyle(table, '::after').display"
    assert table.evaluate(hint) == "block"
    table.focus()
    name, second = table.locator("tbody th").nth(2), table.locator("tbody td").nth(2)
    before, other = name.bounding_box(), second.bounding_box()
    visitor.keyboard.press("ArrowRight")
    visitor.wait_for_function("() => document.activeElement.scrollLeft > 0")
    table.evaluate("table => { table.scrollLeft = 150; }")
    assert before
    assert other
    assert name.bounding_box() == before
    moved = second.bounding_box()
    assert moved
    assert moved["x"] < other["x"]
    wide = visitor.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= PHONE["width"]


def test_a_table_that_fits_does_not_speak_of_scrolling(app_url: str, visitor: Page) -> None:
    table = opened(visitor, f"{app_url}/sizes?tab=padding")
    assert table.evaluate("table => getComputedStyle(table, '::after').display") == "none"


def test_a_row_chosen_by_keyboard_keeps_the_focus_and_the_scrolling(
    app_url: str, visitor: Page
) -> None:
    table = opened(visitor, f"{app_url}/fields?network=resnet18")
    visitor.locator(".row-links[data-ready]").wait_for(state="attached")
    row = table.locator("a[data-choice]").nth(14)
    row.focus()
    scrolled = table.evaluate("table => table.scrollTop")
    name = row.get_attribute("data-choice")
    visitor.keyboard.press("Enter")
    visitor.wait_for_url(f"**layer={name}**")
    visitor.wait_for_selector(f"a[data-choice='{name}'][aria-current=true]")
    visitor.wait_for_selector("[data-test-script-state=notRunning]")
    assert visitor.evaluate("document.activeElement.dataset.choice") == name
    assert abs(table.evaluate("table => table.scrollTop") - scrolled) <= 1
    assert table.locator("a[aria-current]").count() == 1


def test_verdicts_of_claims_stand_in_a_column(app_url: str, visitor: Page) -> None:
    visitor.goto(f"{app_url}/claims?claim=4")
    for number in (4, 12):
        visitor.get_by_role("heading", name=f"{number} · ", level=1).wait_for()
        visitor.get_by_role("heading", name="Over its settings").wait_for()
        visitor.wait_for_selector("[data-test-script-state=notRunning]")
        visitor.get_by_role("button", name="All claims").click()
        visitor.locator(".row-links[data-ready]").wait_for(state="attached")
        visitor.wait_for_selector("[data-test-script-state=notRunning]")
        if number == 4:
            visitor.locator("a[data-choice='12']").click()
    verdicts = visitor.locator(".claims .verdict").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().left)"
    )
    assert len(verdicts) == 2
    assert len(set(verdicts)) == 1
    numbers = visitor.locator(".claims b").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().right)"
    )
    statements = visitor.locator(".claims a > span:first-of-type").evaluate_all(
        "all => all.map((each) => each.getBoundingClientRect().left)"
    )
    assert len(set(numbers)) == len(set(statements)) == 1
    first = visitor.locator(".claims a").first.bounding_box()
    assert first
    assert first["y"] + first["height"] < 900, "above the fold"
    row = visitor.locator("a[data-choice='5']")
    still = row.evaluate("row => getComputedStyle(row).backgroundColor")
    row.hover()
    assert row.evaluate("row => getComputedStyle(row).backgroundColor") != still
