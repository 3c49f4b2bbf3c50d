"""Where the layer table's JavaScript says that rows go, against what Python makes of the edit."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import SpecError
from core.networks import ConcatBlock, Conv, NetworkSpec, Repeat, ResidualBlock, rows
from core.networks import Path as RowPath
from core.networks.notation import to_notation
from viz.components.layer_table.edits import apply_edit, table_rows

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MODEL = Path(__file__).resolve().parents[2] / "viz" / "components" / "layer_table" / "model.js"
ASK = """async ([source, name, rows, args]) => {
  const model = await import(`data:text/javascript;base64,${source}`);
  return model[name](...(rows ? [model.byKey(rows)] : []), ...args);
}"""
SHOWN = """async ([source, rows, folded]) => {
  const model = await import(`data:text/javascript;base64,${source}`);
  return model.linesOf(model.byKey(rows), new Set(folded)).map((line) => [line.branch ?? line.row.path, line.depth]);
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    yield opened
    opened.close()


def source() -> str:
    return b64encode(MODEL.read_bytes()).decode()


def ask(page: Page, name: str, spec: NetworkSpec | None, *args: Any) -> Any:
    table = None if spec is None else table_rows(spec, {})
    return page.evaluate(ASK, [source(), name, table, list(args)])


@st.composite
def marked(draw: st.DrawFn, least: int = 1) -> NetworkSpec:
    """A network of convolutions, each with a number of channels of its own."""
    numbers = iter(range(1, 1000))

    def chain(fewest: int, depth: int) -> tuple:
        return tuple(layer(depth) for _ in range(draw(st.integers(fewest, 3))))

    def layer(depth: int):
        kind = draw(st.sampled_from(["leaf", "leaf", "residual", "concat", "repeat"]))
        if kind == "leaf" or not depth:
            return Conv(1, next(numbers))
        if kind == "residual":
            return ResidualBlock(chain(1, depth - 1), chain(0, depth - 1))
        if kind == "concat":
            return ConcatBlock((chain(0, depth - 1), chain(0, depth - 1)))
        return Repeat(2, chain(1, depth - 1))

    return NetworkSpec(chain(least, 2))


def leaves(spec: NetworkSpec) -> dict[int, RowPath]:
    """Where each convolution stands, in reading order."""
    return {row.layer.out_channels: row.path for row in rows(spec) if isinstance(row.layer, Conv)}


def chain_length(spec: NetworkSpec, path: list[int]) -> int:
    return sum(
        row.path[:-1] == tuple(path[:-1]) for row in rows(spec) if len(row.path) == len(path)
    )


@given(marked(), st.data())
def test_rows_are_followed_through_every_edit(page: Page, spec: NetworkSpec, data) -> None:
    do = data.draw(st.sampled_from(["insert", "remove", "copy", "set", "move"]))
    path = list(data.draw(st.sampled_from([row.path for row in rows(spec)])))
    message: dict[str, Any] = {"do": do, "path": path, "text": "bn, relu"}
    if do == "move":
        by = (data.draw(st.sampled_from([-1, 1])), data.draw(st.booleans()))
        message["to"] = ask(page, "destination", spec, path, *by)
        assume(message["to"] is not None)
    try:
        after = apply_edit(spec, message)
    except SpecError:
        assume(False)
    grown = chain_length(after, path) - chain_length(spec, path)
    lost = {"remove": path, "set": path}.get(do)
    where = leaves(after)
    for number, old in leaves(spec).items():
        told = ask(page, "follow", None, list(old), message, grown)
        if lost and list(old[: len(lost)]) == lost:
            assert number not in where
            assert told is None or do == "set"
        elif do == "copy" and list(old[: len(path)]) == path:
            assert told == list(old)  # the first of the two
        else:
            assert told == list(where[number])


@given(marked(2), st.data())
def test_a_step_passes_what_is_beside_it_or_leaves_the_branch(page: Page, spec, data) -> None:
    row = data.draw(st.sampled_from(rows(spec)))
    by = data.draw(st.sampled_from([-1, 1]))
    beside = (*row.path[:-1], row.path[-1] + by)
    to = ask(page, "destination", spec, list(row.path), by, False)
    siblings = {each.path: each.layer for each in rows(spec)}
    if to is None:
        assert len(row.path) == 1
        assert beside not in siblings
        return
    try:
        moved = apply_edit(spec, {"do": "move", "path": list(row.path), "to": to})
    except SpecError:
        assume(False)
    before, after = list(leaves(spec)), list(leaves(moved))
    if beside not in siblings:
        assert before == after
        branch, block = row.path[-2], row.path[:-2]
        other = [*block, branch + by], [*block[:-1], block[-1] + (by > 0)]
        assert to[:-1] == other[0] or to == other[1]
        return
    assert tuple(to) == beside
    low, high = sorted([row.path, beside])
    first, second = (
        [number for number, path in leaves(spec).items() if path[: len(low)] == each]
        for each in (low, high)
    )
    start = before.index((first or second)[0]) if first or second else 0
    swapped = [*before[:start], *second, *first, *before[start + len(first) + len(second) :]]
    assert after == swapped


@given(marked(2), st.data())
def test_a_step_into_a_block_passes_nothing(page: Page, spec, data) -> None:
    row = data.draw(st.sampled_from(rows(spec)))
    by = data.draw(st.sampled_from([-1, 1]))
    beside = (*row.path[:-1], row.path[-1] + by)
    block = next((each for each in rows(spec) if each.path == beside and each.branches), None)
    to = ask(page, "destination", spec, list(row.path), by, True)
    if block is None:
        assert to is None
        return
    moved = apply_edit(spec, {"do": "move", "path": list(row.path), "to": to})
    assert list(leaves(moved)) == list(leaves(spec))
    assert len(to) == len(row.path) + 2


@given(marked(2), st.data())
def test_a_dropped_row_lands_before_the_place_it_was_dropped_on(page: Page, spec, data) -> None:
    paths = [row.path for row in rows(spec)]
    path, place = (data.draw(st.sampled_from(paths)) for _ in range(2))
    to = ask(page, "landing", None, list(path), list(place))
    if place[: len(path)] == path:
        assert to is None
        return
    if to is None:  # dropped where it is
        assert place == (*path[:-1], path[-1] + 1)
        return
    marker = {"do": "insert", "path": list(place), "text": "conv1 c8000"}
    planted = apply_edit(spec, marker)  # the row goes where a layer inserted there would be
    here = ask(page, "follow", None, list(path), marker, 1)
    try:
        wanted = apply_edit(planted, {"do": "remove", "path": here})
        moved = apply_edit(spec, {"do": "move", "path": list(path), "to": to})
    except SpecError:
        assume(False)
    assert list(leaves(wanted)[8000]) == to
    assert to_notation(apply_edit(moved, {"do": "remove", "path": to})) == to_notation(
        apply_edit(wanted, {"do": "remove", "path": to})
    )


@given(marked(), st.data())
def test_lines_are_the_rows_outside_of_folded_blocks(page: Page, spec, data) -> None:
    table = rows(spec)
    blocks = [row for row in table if row.branches]
    folded = data.draw(st.sets(st.sampled_from([row.path for row in blocks]))) if blocks else set()
    keys = [".".join(map(str, path)) for path in folded]
    lines = page.evaluate(SHOWN, [source(), table_rows(spec, {}), keys])
    hidden = [
        each for each in table for path in folded if each.path[: len(path)] == path != each.path
    ]
    shown = [row for row in table if row not in hidden]
    assert [path for path, _ in lines if len(path) % 2] == [list(row.path) for row in shown]
    assert all(depth == (len(path) - 1) // 2 for path, depth in lines if len(path) % 2)
    branches = [
        [*row.path, index]
        for row in shown
        if row.path not in folded and len(row.branches) > 1
        for index in range(len(row.branches))
    ]
    assert [path for path, _ in lines if len(path) % 2 == 0] == sorted(branches)
    assert [path for path, _ in lines] == sorted(path for path, _ in lines)
