"""The cone's model against core: what a unit depends on, what depends on it, and the picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from torch import nn

from core.graph import Graph, network_graph
from core.networks.zoo import TABLE, build
from core.receptive_field import fields_of
from core.receptive_field.cone import ancestor_boxes, descendant_boxes
from core.receptive_field.cross_section import Cone, image_positions, unit_cone
from core.receptive_field.folding import folded_rows
from core.receptive_field.outline import Line, as_data, outline
from tests.browser.conftest import complaints_of
from tests.core.random_networks import branching, chains, fits
from tests.examples import examples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# For every asked (line, row, column) both ways along both axes, what is covered and what seen.
ASK = """async ([lines, asked, drawn]) => {
  const { Net } = await import("/_stcore/bidi-components/strides.cone/cone/model.js");
  const shown = new Set(drawn), net = new Net(lines), both = (f) => [0, 1].map(f);
  const ties = (cone, axis) => {
    const all = net.bundles(cone, axis, shown).flatMap(({ to, from, branch, pairs }) =>
      pairs.map(([u, tap]) => [to, u, from, tap, branch]));
    return all.length < 2000 ? all : null;
  };
  const ends = ({ marks }) => marks.map((own) => own && [own.indexOf(1), own.lastIndexOf(1)]);
  return asked.map(([line, ...unit]) => ({
    before: net.ancestors(line, unit).map(ends),
    after: net.descendants(line, unit).map(ends),
    spans: both((axis) => net.span(line, axis, unit[axis])),
    seen: net.seen(line, unit),
    ties: ["ancestors", "descendants"].map((way) =>
      net[way](line, unit).map((cone, axis) => ties(cone, axis))),
    places: both((axis) => [-2, 0, net.lines[line].grid[axis]].map((u) => net.place(line, axis, u))),
    off: both((axis) => net.place(line, axis, unit[axis])
      - net.place(line, axis, net.nearest(line, axis, net.place(line, axis, unit[axis])))),
  }));
}"""
ZOO = ("lenet5", "resnet18", "googlenet", "unet", "efficientnet_b0", "dilated_stack")
Unit = tuple[int, int, int]


@pytest.fixture(scope="module")
def modules(browser: Browser, app_url: str) -> Iterator[Page]:
    """The app, once the page has been open, serves the cone's modules."""
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(120_000)
    complaints = complaints_of(page)
    page.goto(f"{app_url}/?")
    page.locator('[data-testid="stSidebarNav"]').get_by_text("Receptive fields").click()
    page.wait_for_selector('[data-testid="cone"][data-ready=true]')
    yield page
    context.close()
    assert not complaints, "\n".join(complaints)


def check(
    page: Page, graph: Graph, lines: tuple[Line, ...], asked: list[Unit], most: int = 999
) -> list[Any]:
    """The answers about units of lines, each (line, row, column), compared with core's.

    The connections are those of a picture with at most so many rows.
    """
    drawn = [row.line for row in folded_rows(lines, most)]
    answers: list[Any] = page.evaluate(ASK, [as_data(lines), [list(unit) for unit in asked], drawn])
    for (index, *unit), answer in zip(asked, answers, strict=True):
        line, place = lines[index], (unit[0], unit[1])
        if not line.field.network.has_blind_branches():
            interval = line.field.interval(place)
            assert pair(answer["spans"]) == interval.unclipped
            assert pair(answer["seen"]) == interval.clipped
        for axis in (0, 1):
            for down in (False, True):
                cone = unit_cone(lines, index, place, axis, down, drawn)
                check_ties(lines, cone, axis, answer["ties"][down][axis])
            positions = image_positions(line, axis, [-2, 0, line.node.grid[axis]]).tolist()
            assert answer["places"][axis] == pytest.approx(positions)
        for way, boxes_of in (("before", ancestor_boxes), ("after", descendant_boxes)):
            boxes = boxes_of(graph, line.node.name, place)
            ends = zip(lines, *answer[way], strict=True)
            own = {each.node.name: pair((rows, cols)) for each, rows, cols in ends}
            assert own == {each.node.name: boxes.get(each.node.name) for each in lines}
    return answers


def check_ties(
    lines: tuple[Line, ...], cone: Cone, axis: int, ties: list[list[int]] | None
) -> None:
    """The connections one by one. The browser draws those to copied units in the padding."""
    if ties is None:
        return
    expected = {
        (each.line, unit, each.source, tap, each.branch)
        for each in cone.connections
        for unit, tap in zip(each.units.tolist(), each.taps.tolist(), strict=True)
    }
    copies = any(
        line.node.maps[own][axis].edge != "zero" for line in lines for _, own in line.inputs
    )
    assert copies or {*map(tuple, ties)} == expected


def pair(ends: Any) -> Any:
    """(first, last) of both axes; None where one has none."""
    return (tuple(ends[0]), tuple(ends[1])) if ends[0] and ends[1] else None


def followed(module: nn.Module, size: tuple[int, ...]) -> tuple[Graph, tuple[Line, ...]]:
    graph = network_graph(module, size)
    return graph, outline(graph, fields_of(graph))


@pytest.mark.parametrize("name", ZOO)
def test_the_model_answers_as_core_does(modules: Page, name: str) -> None:
    channels, *size = (min(side, 188) for side in TABLE[name].input_size)
    graph, lines = followed(build(name, device="meta"), (channels, *size))
    few = lines[:: max(1, len(lines) // 10)]
    asked = [
        (lines.index(line), row, col)
        for line in (*few, lines[-1])
        for row, col in ((0, line.node.grid[1] // 2), (line.node.grid[0] - 1, 0))
    ]
    for answer in check(modules, graph, lines, asked, most=20):
        assert answer["off"] == [0, 0], "the nearest unit to where a unit stands stands there"


@examples(40, suppress_health_check=list(HealthCheck))
@given(chains(2) | branching(2) | chains(1), st.data())
def test_random_networks(
    modules: Page, drawn: tuple[nn.Module, tuple[int, ...]], choice: st.DataObject
) -> None:
    module, size = drawn
    assume(fits(module, size))
    graph, lines = followed(module, size)
    asked = []
    for _ in range(6):
        index = choice.draw(st.integers(0, len(lines) - 1))
        rows, cols = lines[index].node.grid
        row, col = choice.draw(st.integers(0, rows - 1)), choice.draw(st.integers(0, cols - 1))
        asked.append((index, row, col))
    check(modules, graph, lines, asked, choice.draw(st.sampled_from([3, 6, 999])))
