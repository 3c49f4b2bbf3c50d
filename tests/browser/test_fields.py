"""Journeys over the receptive-field page in a real browser."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from core.networks.zoo import TABLE, build
from core.receptive_field import receptive_fields
from tests.browser.conftest import new_tab
from tests.examples import others_slow

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

CONE = '[data-testid="cone"]'
LOOKS = 500

# Where a unit of a line stands on the screen, asked of the cone's model and of its state.
PLACE = """async (root, [lines, line, axis, unit]) => {
  const { Net } = await import("/_stcore/bidi-components/strides.cone/cone/model.js");
  const { rows, column } = JSON.parse(root.dataset.state);
  const box = root.querySelector(".marks").getBoundingClientRect();
  const [, y] = rows.find(([name]) => name === lines[line].name);
  const at = new Net(lines).place(line, axis, unit);
  return [box.x + column.x + at * column.scale, box.y + y];
}"""


class Visitor:
    """One visitor of the page."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.cone: Locator = page.locator(CONE).first

    def open(self, **link: Any) -> Visitor:
        self.page.goto(f"{self.url}/fields?{urlencode(link)}")
        return self.ready()

    def ready(self) -> Visitor:
        self.page.wait_for_selector(f"{CONE}[data-ready=true]")
        self.at_rest()
        return self

    def at_rest(self) -> None:
        self.page.wait_for_selector("[data-test-script-state=notRunning]")

    @property
    def state(self) -> dict[str, Any]:
        return json.loads(self.cone.get_attribute("data-state") or "{}")

    @property
    def link(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.page.url).query))

    @property
    def title(self) -> str:
        return self.cone.get_attribute("data-title") or ""

    @property
    def stage(self) -> Locator:
        return self.cone.locator(".section")

    @property
    def says(self) -> str:
        return self.cone.locator(".says").inner_text()

    def until(self, happened: Callable[[], bool], what: str) -> None:
        for _ in range(LOOKS):
            if happened():
                return
            self.page.wait_for_timeout(30)
        raise AssertionError(f"never {what}: {self.state}, {self.page.url}")

    def until_state(self, **wanted: Any) -> None:
        self.until(lambda: wanted.items() <= self.state.items(), f"in state {wanted}")

    def until_link(self, **wanted: str) -> None:
        self.until(lambda: wanted.items() <= self.link.items(), f"at a link with {wanted}")

    def button(self, name: str) -> Locator:
        return self.cone.locator(f"button[name={name}]")

    def point(self, lines: list[dict[str, Any]], line: int, unit: int) -> tuple[float, float]:
        """Where a unit stands, in reach of the mouse."""
        self.cone.locator(".section").scroll_into_view_if_needed()
        x, y = self.cone.evaluate(PLACE, [lines, line, self.state["axis"], unit])
        return x, y

    def wide(self) -> int:
        """How far the page's contents reach."""
        return self.page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")


@pytest.fixture
def visitor(regular: BrowserContext, app_url: str) -> Iterator[Visitor]:
    with new_tab(regular) as page:
        yield Visitor(page, app_url)


def lines_of(name: str) -> list[dict[str, Any]]:
    from viz.choices import network, network_analysis

    return network_analysis.cone_network(network.published_network(name))["lines"]


def boxes(name: str, layer: str, unit: tuple[int, int]) -> tuple[Any, Any]:
    """Unclipped and clipped box of a unit as the page's JSON has them."""
    fields = receptive_fields(build(name, device="meta"), TABLE[name].input_size)
    interval = fields[layer].interval(unit)
    assert interval.unclipped
    assert interval.clipped
    return [list(e) for e in interval.unclipped], [list(e) for e in interval.clipped]


@pytest.mark.journey
def test_point_keep_walk_reload_and_go_back(visitor: Visitor) -> None:
    visitor.open(network="four_strided")
    visitor.until_state(layer="conv4", unit=[2, 2], kept=True)
    lines = lines_of("four_strided")
    visitor.page.mouse.move(*visitor.point(lines, 3, 6))
    visitor.until_state(layer="conv3", kept=False)
    assert visitor.state["unit"][1] == 6
    visitor.page.mouse.move(5, 5)
    visitor.until_state(layer="conv4", unit=[2, 2], kept=True)
    visitor.page.mouse.click(*visitor.point(lines, 2, 0))
    visitor.until_link(layer="conv2")
    row, col = visitor.state["unit"]
    assert col == 0
    spans, seen = boxes("four_strided", "conv2", (row, col))
    assert (visitor.state["spans"], visitor.state["seen"]) == (spans, seen)
    assert f"Unit ({row}, 0) of conv2" in visitor.says
    assert "px of it inside the image" in visitor.says
    visitor.at_rest()
    visitor.stage.focus()
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowRight"):
        visitor.page.keyboard.press(key)
    visitor.until_link(layer="conv2", unit=f"{row + 1}.2")
    visitor.page.keyboard.press("ArrowUp")
    visitor.until_link(layer="conv3")
    visitor.button("height").click()
    visitor.button("descendants").click()
    visitor.until_link(axis="height", down="true")
    assert "It reaches" in visitor.says
    assert visitor.state["marked"][1] is None
    assert visitor.state["marked"][4]
    visitor.at_rest()
    before = visitor.state
    visitor.page.reload()
    visitor.ready()
    visitor.until_state(**{k: before[k] for k in ("layer", "unit", "axis", "down", "seen")})


def test_back_leads_to_the_cone_before(visitor: Visitor) -> None:
    visitor.open(network="four_strided", layer="conv2", unit="3.4")
    visitor.stage.focus()
    visitor.page.keyboard.press("ArrowUp")
    visitor.until_link(layer="conv3")
    visitor.at_rest()
    visitor.page.go_back()
    visitor.until_state(layer="conv2", unit=[3, 4])
    visitor.until_link(layer="conv2", unit="3.4")


def test_zoom(visitor: Visitor) -> None:
    visitor.open(network="vgg16", layer="features.2", unit="100.100", zoom="true")
    assert visitor.button("zoom").get_attribute("aria-pressed") == "true"
    visitor.until(lambda: visitor.state.get("unit") == [100, 100], "at its unit")
    assert visitor.says.startswith("Unit (100, 100) of features.2")
    visitor.button("zoom").click()
    visitor.until(lambda: "zoom" not in visitor.link, "seen whole again")


def test_a_row_of_the_table_opens_its_cone(visitor: Visitor) -> None:
    visitor.open(network="four_strided")
    visitor.page.locator(".row-links[data-ready]").wait_for(state="attached")
    visitor.page.locator(".table tbody tr").nth(1).get_by_role("cell").first.click()
    visitor.until_state(layer="conv1")
    visitor.until_link(layer="conv1")


def test_layers_typed_pasted_refused_and_edited(visitor: Visitor) -> None:
    visitor.open(network="own", layers="conv3, relu", tab="edit")
    page = visitor.page
    box = page.locator(".st-key-layers_text textarea")
    box.fill("conv5 s2, conv3")
    box.press("Control+Enter")
    visitor.until_link(layers="conv5 s2, conv3")
    visitor.until_state(layer="conv1")
    assert visitor.state["spans"][0][1] - visitor.state["spans"][0][0] == 8
    visitor.at_rest()
    box.fill("nn.Sequential(nn.Conv2d(3, 8, 7, stride=2, padding=3), nn.ReLU())")
    box.press("Control+Enter")
    visitor.until_link(layers="conv7 s2 p3 c8, relu")
    visitor.until(lambda: box.input_value() == "conv7 s2 p3 c8, relu", "converted")
    visitor.at_rest()
    shown = visitor.state
    box.fill("conv7 s2 p3 c8, rellu")
    box.press("Control+Enter")
    page.get_by_text("Line 1, column 17: the notation has no such layer").wait_for()
    visitor.at_rest()
    assert box.input_value() == "conv7 s2 p3 c8, rellu"
    assert visitor.state["layer"] == shown["layer"]
    assert visitor.link["layers"] == "conv7 s2 p3 c8, relu"
    row = page.locator('[data-testid="layer-table"]').get_by_label("Layer 0", exact=True)
    row.fill("conv3 s2 p1 c8")
    row.press("Enter")
    visitor.until_link(layers="conv3 s2 p1 c8, relu")
    visitor.until(lambda: box.input_value() == "conv3 s2 p1 c8, relu", "the text follows the table")
    visitor.until(lambda: " sees 3×3 px" in visitor.says, "the cone follows the table")


def test_a_pair_side_by_side(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.url}/fields?tab=compare")
    visitor.page.get_by_role("button", name="Dilated or strided").click()
    visitor.until_link(network="dilated_stack", compare="four_strided")
    visitor.until(lambda: visitor.page.locator(CONE).count() == 2, "two cones")
    last = visitor.page.locator(f"{CONE}[data-ready=true]").nth(1)
    last.wait_for()
    assert last.get_attribute("data-title") == TABLE["four_strided"].title
    visitor.page.locator(".st-key-plot_compare .plot-container").wait_for(state="attached")


@pytest.mark.journey
@pytest.mark.parametrize(
    "scheme, link",
    others_slow(
        [
            ("light", {"network": "four_conv_pool"}),
            ("dark", {"network": "googlenet", "layer": "inception4a"}),
            ("light", {"network": "own", "tab": "edit"}),
            ("dark", {"network": "three_3x3", "compare": "one_7x7", "tab": "compare"}),
        ]
    ),
    ids=lambda value: value if isinstance(value, str) else value.get("tab", "layers"),
)
def test_nothing_scrolls_sideways_on_a_phone(
    visitor: Visitor, scheme: Any, link: dict[str, str]
) -> None:
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    visitor.page.emulate_media(color_scheme=scheme)
    visitor.open(**link)
    assert visitor.wide() <= 390
    section = visitor.cone.locator(".section").bounding_box()
    assert section
    assert section["x"] + section["width"] <= 390


def test_a_network_that_cannot_run_offers_a_way_on(visitor: Visitor) -> None:
    visitor.page.goto(f"{visitor.url}/fields?network=alexnet&input_height=1&layer=<script>")
    visitor.page.get_by_text("Kernel size can't be greater than actual input size").wait_for()
    visitor.page.get_by_text("layer must be the name of a layer").wait_for()
    visitor.page.get_by_role("button", name="Use the published input").click()
    visitor.ready()
    assert visitor.title == "AlexNet on 224×224"


SIZES = {"desktop": (1440, 900), "phone": (390, 844)}
DEEP = {
    "resnet50": {"network": "resnet50"},
    "an inner layer": {"network": "resnet152", "layer": "layer3.20.conv2"},
    "few layers": {"network": "three_3x3"},
    "u-net": {"network": "unet"},
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("link", others_slow(DEEP))
def test_the_whole_cone_is_in_view(visitor: Visitor, link: str, size: str) -> None:
    """From the tabs to the image's row and its columns, with the unit's line, and without a scroll."""
    width, height = SIZES[size]
    visitor.page.set_viewport_size({"width": width, "height": height})
    visitor.open(**DEEP[link])
    visitor.until(lambda: "rows" in visitor.state, "drawn")
    tabs = visitor.page.locator("[data-testid=stTabs] [role=tablist]").first.bounding_box()
    stage = visitor.stage.bounding_box()
    assert tabs
    assert stage
    assert tabs["y"] + tabs["height"] <= stage["y"]
    assert stage["y"] + stage["height"] <= height, "the axis of columns is in the window"
    inner = visitor.stage.evaluate("each => each.scrollHeight - each.clientHeight")
    assert inner <= 1, "nothing scrolls inside"
    rows = visitor.state["rows"]
    assert len(rows) <= 30
    assert visitor.state["layer"] in [name for name, _, _ in rows]
    lowest = max(y for _, y, _ in rows)
    assert rows[0][1] == lowest, "the image is the lowest row"
    ends = [y for _, y, _ in rows]
    assert all(0 < y < stage["height"] for y in ends)
    apart = {round(a - b) for a, b in itertools.pairwise(ends)}
    assert max(apart) - min(apart) <= 1, "rows stand evenly"


def test_a_folded_row_unfolds_and_folds(visitor: Visitor) -> None:
    visitor.open(network="resnet50", layer="layer2.3")
    visitor.until_state(layer="add_6")
    before = visitor.state["rows"]
    visitor.stage.focus()
    visitor.page.keyboard.press("Enter")
    visitor.until(lambda: len(visitor.state["rows"]) == len(before) + 3, "unfolded")
    assert visitor.state["layer"] == "add_6", "the unit is the same"
    visitor.page.keyboard.press("ArrowDown")
    visitor.until_state(layer="layer2_3_conv3")
    visitor.page.keyboard.press("Enter")
    visitor.until_state(layer="add_6")
    assert visitor.state["rows"] == before
    _, y, _ = before[4]
    box = visitor.stage.bounding_box()
    assert box
    visitor.page.mouse.click(box["x"] + 8, box["y"] + y)  # the triangle of layer1.1
    visitor.until(lambda: len(visitor.state["rows"]) == len(before) + 3, "unfolded by a click")
    assert visitor.state["layer"] == "add_6"
    visitor.page.mouse.click(box["x"] + 8, box["y"] + visitor.state["rows"][7][1])
    visitor.until(lambda: visitor.state["rows"] == before, "folded by a click")


def test_centers_are_off_where_they_would_hide_the_image(visitor: Visitor) -> None:
    visitor.open(network="three_3x3")
    centers = visitor.button("grid")
    visitor.until(lambda: centers.get_attribute("aria-pressed") == "false", "off by default")
    centers.click()
    visitor.until_link(centres="true")
    visitor.open(network="four_conv_pool")
    visitor.until(lambda: centers.get_attribute("aria-pressed") == "true", "on: they stand apart")


def test_a_tab_changes_what_one_sees(visitor: Visitor) -> None:
    visitor.open(network="own", tab="edit")
    table = visitor.page.locator('[data-testid="layer-table"]')
    table.wait_for()
    editor, stage = table.bounding_box(), visitor.stage.bounding_box()
    assert editor
    assert stage
    assert editor["x"] + editor["width"] <= stage["x"], "the cone stands beside the editor"
    assert abs(editor["y"] - stage["y"]) < 200
    visitor.page.get_by_role("tab", name="Code").click()
    visitor.page.locator("[data-testid=stCode]").first.wait_for()
    assert visitor.page.locator(CONE).count() == 0
    first = visitor.page.locator("[data-testid=stCode]").first.bounding_box()
    assert first
    assert first["y"] < 900
