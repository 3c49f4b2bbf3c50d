"""Journeys over the size page in a real browser."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from core.layer import LayerSpec
from core.layer.size_tables import stride_padding_table
from core.layer.solver import solutions
from tests.examples import others_slow
from viz.features.sizes.params import TABS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def opened(page: Page, url: str) -> Page:
    page.goto(url)
    page.get_by_role("tab").first.wait_for()
    return page


def heading(page: Page, text: str) -> None:
    """Waits for the heading to say this."""
    page.get_by_role("heading", name=text).wait_for()


def test_a_link_opens_the_exact_picture(app_url: str, visitor: Page, browser: Browser) -> None:
    link = "?kernel_size=7&padding=3&input_height=224&input_width=224&tab=kernels"
    opened(visitor, f"{app_url}/sizes{link}")
    heading(visitor, "7×7 convolution, stride 2, padding 3, on 224×224")
    visitor.get_by_text("PyTorch gives 112×112 for the same layer").wait_for()
    selected = visitor.get_by_role("tab", selected=True)
    assert selected.inner_text() == TABS["kernels"]
    visitor.locator(".st-key-plot_size_map .heatmaplayer").wait_for(state="attached")
    assert visitor.url.endswith(link)
    visitor.reload()
    heading(visitor, "7×7 convolution, stride 2, padding 3, on 224×224")
    assert visitor.url.endswith(link)


def test_stride_by_keyboard(app_url: str, visitor: Page) -> None:
    opened(visitor, f"{app_url}/sizes")
    slider = visitor.locator(".st-key-stride").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    heading(visitor, "3×3 convolution, stride 3, padding 1, on 8×8")
    visitor.get_by_text("PyTorch gives 3×3 for the same layer").wait_for()
    visitor.wait_for_url("**/sizes?stride=3")
    visitor.go_back()
    heading(visitor, "3×3 convolution, stride 2, padding 1, on 8×8")


@pytest.mark.journey
def test_a_solution_opens_on_the_board(app_url: str, visitor: Page) -> None:
    opened(visitor, f"{app_url}/sizes?input_height=224&input_width=224&output_height=112"
           "&output_width=112&tab=solver")  # fmt: skip
    visitor.locator(".row-links[data-ready]").wait_for(state="attached")
    visitor.get_by_text("3×3 convolution, stride 2, padding 1: PyTorch gives 112×112").wait_for()
    visitor.locator(".table tbody tr").nth(2).get_by_role("cell").first.click()
    third = solutions((224, 224), (112, 112))[2]
    name = f"k{third.kernel_size}s{third.stride}p{third.padding}d{third.dilation}"
    visitor.wait_for_url(f"**solution={name}**")
    visitor.get_by_role("button", name="Open on the board").click()
    visitor.wait_for_url(re.compile(r"//[^/]+/(sweep)?\?.*input_height=64"))
    assert f"kernel_size={third.kernel_size}" in visitor.url
    assert f"padding={third.padding}" in visitor.url
    visitor.locator(".st-key-player").wait_for()


def test_the_file_holds_the_table(app_url: str, visitor: Page, tmp_path: Path) -> None:
    opened(visitor, f"{app_url}/sizes?input_height=7&input_width=9&padding=0")
    with visitor.expect_download() as download:
        visitor.get_by_role("button", name="Save table").click()
    file = tmp_path / "table.csv"
    download.value.save_as(file)
    assert download.value.suggested_filename == "stride_padding.csv"
    assert file.read_text() == stride_padding_table(LayerSpec(stride=(2, 2)), (7, 9)).csv()


@pytest.mark.parametrize("tab", others_slow(TABS))
def test_nothing_scrolls_sideways_on_a_phone(app_url: str, visitor: Page, tab: str) -> None:
    visitor.set_viewport_size({"width": 390, "height": 844})
    opened(visitor, f"{app_url}/sizes?tab={tab}&input_height=224&input_width=200&dilation=2"
           "&output_height=112&output_width=100")  # fmt: skip
    shown = {"kernels": ".heatmaplayer", "conventions": ".heatmaplayer", "solver": ".table table"}
    visitor.locator(shown.get(tab, ".table table")).first.wait_for(state="attached")
    wide = visitor.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert wide <= 390


def test_nonsense_is_said(app_url: str, visitor: Page) -> None:
    opened(visitor, f"{app_url}/sizes?stride=<script>alert(1)</script>&nonsense=1&kernel_size=99")
    said = visitor.get_by_test_id("stAlert").inner_text()
    assert "nonsense is no setting of this page" in said
    assert "kernel_size must be from 1 to 11 (got 99)" in said
    heading(visitor, "3×3 convolution, stride 2, padding 1, on 8×8")
