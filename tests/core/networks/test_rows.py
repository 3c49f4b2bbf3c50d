"""The table of a network's layers, and its edits."""

from __future__ import annotations

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.networks import (
    Activation,
    ConcatBlock,
    Conv,
    NetworkSpec,
    Repeat,
    ResidualBlock,
    insert,
    layer_at,
    move,
    remove,
    rows,
    with_row,
)
from tests.core.network_strategies import blocks, leaves, specs
from tests.examples import examples

RELU = Activation("relu")


def net(*layers: object) -> NetworkSpec:
    return NetworkSpec(layers)  # type: ignore[arg-type]


@st.composite
def picked(draw: st.DrawFn, branch_end: bool = False):
    """A spec and the path of one of its rows, or of the place behind it."""
    spec = draw(specs())
    path = draw(st.sampled_from([row.path for row in rows(spec)]))
    places = [path, (*path[:-1], path[-1] + 1)]
    row = next(row for row in rows(spec) if row.path == path)
    places += [(*path, index, 0) for index in range(len(row.branches))]
    return spec, draw(st.sampled_from(places)) if branch_end else path


@given(specs())
def test_rows_are_the_layers_in_reading_order(spec: NetworkSpec) -> None:
    table = rows(spec)
    paths = [row.path for row in table]
    assert paths == sorted(paths)
    assert len(set(paths)) == len(paths)
    for row in table:
        assert layer_at(spec, row.path) == row.layer
        assert row.kind == row.layer.kind
    assert [row.layer for row in table if row.depth == 0] == list(spec.layers)


@examples(40)
@given(specs())
def test_rows_alone_are_enough_to_build_the_spec_again(spec: NetworkSpec) -> None:
    table = {row.path: row for row in rows(spec)}

    def chain(prefix):
        found, index = [], 0
        while (*prefix, index) in table:
            row = table[(*prefix, index)]
            values = dict(row.settings)
            inner = tuple(chain((*row.path, each)) for each in range(len(row.branches)))
            if row.kind == "residual":
                found.append(ResidualBlock(*inner))
            elif row.kind == "concat":
                found.append(ConcatBlock(inner))
            elif row.kind == "repeat":
                found.append(Repeat(values["times"], *inner))
            else:
                found.append(type(row.layer)(**values))
            index += 1
        return tuple(found)

    assert NetworkSpec(chain(())) == spec


@examples(40)
@given(picked(branch_end=True), leaves() | blocks(1))
def test_insert_puts_a_layer_there_and_remove_takes_it_out(found, layer) -> None:
    spec, place = found
    grown = insert(spec, place, layer)
    assert layer_at(grown, place) == layer
    assert len(rows(grown)) == len(rows(spec)) + len(rows(net(layer)))
    assert remove(grown, place) == spec


@examples(40)
@given(picked(), leaves())
def test_with_row_changes_one_layer_and_nothing_else(found, layer) -> None:
    spec, path = found
    changed = with_row(spec, path, layer)
    assert layer_at(changed, path) == layer
    old = {row.path: row for row in rows(spec) if row.path[: len(path)] != path}
    new = {row.path: row for row in rows(changed) if row.path[: len(path)] != path}
    assert old.keys() == new.keys()
    outer = {path[:end] for end in range(1, len(path), 2)}
    assert all(old[each] == new[each] for each in old if each not in outer)
    assert with_row(changed, path, layer_at(spec, path)) == spec


@examples(40)
@given(picked())
def test_with_row_sets_settings(found) -> None:
    spec, path = found
    layer = layer_at(spec, path)
    known = [each.name for each in fields(layer) if each.init]
    assert with_row(spec, path) == spec
    with pytest.raises(SpecError, match="is no setting of"):
        with_row(spec, path, nothing=1)
    if "bias" in known:
        assert layer_at(with_row(spec, path, bias=not layer.bias), path).bias is not layer.bias
    if isinstance(layer, Repeat):
        assert layer_at(with_row(spec, path, times=5), path).times == 5


@examples(40)
@given(picked(), st.data())
def test_move_is_there_and_back_again(found, data) -> None:
    spec, path = found
    try:
        without = remove(spec, path)
    except SpecError:  # the only one where one must be
        assert move(spec, path, path) == spec
        return
    to = data.draw(st.sampled_from([row.path for row in rows(without)]))
    moved = move(spec, path, to)
    assert layer_at(moved, to) == layer_at(spec, path)
    assert remove(moved, to) == without
    assert move(moved, to, path) == spec


@pytest.mark.parametrize(
    "path", [(), (1,), (-1,), (0, 0), (0, 0, 0), (0, 9, 0), ("0",), (True,), (0.0,)]
)
def test_a_path_to_nowhere_is_refused(path) -> None:
    spec = net(RELU)
    for edit in (
        lambda: layer_at(spec, path),
        lambda: with_row(spec, path, RELU),
        lambda: remove(spec, path),
        lambda: move(spec, path, (0,)),
        lambda: insert(spec, (*path, 7), RELU),
    ):
        with pytest.raises(SpecError):
            edit()


def test_edits_are_checked() -> None:
    spec = net(ResidualBlock((RELU,)))
    with pytest.raises(SpecError, match="at least one layer"):
        remove(spec, (0, 0, 0))
    with pytest.raises(SpecError, match="at least one layer"):
        remove(spec, (0,))
    with pytest.raises(SpecError, match="stride"):
        with_row(net(Conv(3)), (0,), stride=0)
    with pytest.raises(SpecError, match="number of layers"):
        insert(spec, (0, 1, 0), Repeat(1999, (RELU,)))
