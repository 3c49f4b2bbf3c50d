"""The folding of a network's lines into rows: which lines are one row, and what a row says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from core.graph import network_graph
from core.networks import zoo
from core.receptive_field import fields_of
from core.receptive_field.folding import (
    MAX_ROWS,
    ConeRow,
    folded_rows,
    layer_count,
    row_label,
    row_text,
    rows_as_data,
    unfolded_at,
)
from core.receptive_field.outline import Line, outline
from tests.core.random_networks import branching, chains, fits
from tests.core.receptive_field.test_cross_section import Blocks, net_and_lines
from tests.examples import examples


@cache
def lines_of(name: str) -> tuple[Line, ...]:
    graph = network_graph(zoo.build(name, "meta"), zoo.entry(name).input_size)
    return outline(graph, fields_of(graph))


def every_row(rows: Iterable[ConeRow]) -> list[ConeRow]:
    return [one for row in rows for one in (row, *every_row(row.inner))]


def labels(lines: Sequence[Line], rows: Iterable[ConeRow]) -> list[str]:
    return [row_label(lines, row) for row in rows]


@examples(25)
@given(chains(2) | branching(2), st.data())
def test_rows_are_all_lines_once_and_unfold_to_any_line(
    drawn: tuple[nn.Module, tuple[int, ...]], choice: st.DataObject
) -> None:
    module, size = drawn
    assume(fits(module, size))
    graph = network_graph(module, size)
    lines = outline(graph, fields_of(graph))
    rows = folded_rows(lines, choice.draw(st.integers(2, 9)))
    everything = list(range(len(lines)))
    assert sorted(at for row in rows for at in row.lines) == everything
    for row in every_row(rows):
        assert row.line == row.lines[-1], "a row's numbers are those after its last layer"
        assert (
            sorted(at for one in row.inner for at in one.lines) == list(row.lines) or not row.inner
        )
    index = choice.draw(st.integers(0, len(lines) - 1))
    unfolded = unfolded_at(rows, index)
    assert index in [row.line for row in unfolded]
    assert sorted(at for row in unfolded for at in row.lines) == everything
    assert sum(layer_count(lines, row) for row in unfolded) == sum(
        line.node.kind != "merge" for line in lines
    )


@pytest.mark.parametrize("name", ["resnet50", "densenet121", "efficientnet_b0", "unet"])
def test_only_the_line_that_is_drawn_is_read_by_other_rows(name: str) -> None:
    """Else a connection would begin at units that are not drawn."""
    lines = lines_of(name)
    for row in every_row(folded_rows(lines, MAX_ROWS)):
        inside = {*row.lines}
        for at, line in enumerate(lines):
            if at not in inside:
                assert {source for source, _ in line.inputs} & inside <= {row.line}


def test_blocks_and_1x1_layers_are_folded() -> None:
    _, lines = net_and_lines(Blocks)
    rows = folded_rows(lines, 6)
    folded = {row_label(lines, row): [lines[at].label for at in row.lines] for row in rows}
    assert folded == {
        "image": ["image"],
        "stem": ["stem"],
        "sum": ["enter", "window", "leave", "short", "sum"],
        "join": ["between", "small", "wide", "join"],
        "after": ["after"],
    }


def test_a_line_that_is_looked_at_stays() -> None:
    _, lines = net_and_lines(Blocks)
    for index in range(len(lines)):
        assert index in [row.line for row in unfolded_at(folded_rows(lines, 2), index)]


@pytest.mark.parametrize("name", zoo.NAMES)
def test_every_network_has_room_in_a_picture(name: str) -> None:
    lines = lines_of(name)
    rows = folded_rows(lines, MAX_ROWS)
    assert len(rows) <= MAX_ROWS
    assert all(len(row.inner) <= MAX_ROWS for row in every_row(rows))
    if len(lines) <= MAX_ROWS:
        assert not any(row.inner for row in rows), "what fits is not folded"


def test_a_deep_chain_unfolds_step_by_step() -> None:
    net = nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=1) for _ in range(300)))
    graph = network_graph(net, (1, 9, 9))
    lines = outline(graph, fields_of(graph))
    rows = folded_rows(lines, 5)
    assert len(rows) <= 5
    assert len(unfolded_at(rows, 123)) <= 5 * 5


def test_a_residual_network_is_one_row_a_block() -> None:
    lines = lines_of("resnet50")
    rows = folded_rows(lines, MAX_ROWS)
    blocks = [f"layer{1 + stage}.{at}" for stage, n in enumerate((3, 4, 6, 3)) for at in range(n)]
    assert labels(lines, rows) == ["image", "conv1", "maxpool", *blocks, "avgpool"]
    strided = next(row for row in rows if row_label(lines, row) == "layer2.0")
    assert (row_text(lines, strided), layer_count(lines, strided)) == ("conv 3×3, stride 2", 4)
    names = ["conv1", "conv2", "conv3", "downsample.0"]
    assert labels(lines, strided.inner) == [*(f"layer2.0.{name}" for name in names), "layer2.0"]


def test_blocks_in_a_row_become_one_but_not_those_that_downsample() -> None:
    lines = lines_of("resnet34")
    rows = folded_rows(lines, 15)
    assert labels(lines, rows) == [
        *("image", "conv1", "maxpool", "layer1.1", "layer1.2", "layer2.0", "layer2.2"),
        *("layer2.3", "layer3.0", "layer3.2", "layer3.4", "layer3.5", "layer4.0", "layer4.2"),
        "avgpool",
    ]
    run = rows[3]
    assert labels(lines, run.inner) == ["layer1.0", "layer1.1"]
    assert row_text(lines, run) == "4× conv 3×3"
    for row in rows:
        assert len(row.lines) < 5 or not any(lines[at].strided for at in row.lines)


def test_coarser_maps_between_a_fork_and_its_merge_stay() -> None:
    lines = lines_of("unet")
    strides = {max(lines[row.line].field.effective_stride) for row in folded_rows(lines, 24)}
    assert strides == {1, 2, 4, 8, 16}


def test_rows_as_data_nest_as_rows_do() -> None:
    _, lines = net_and_lines(Blocks)
    _, stem, block, *_ = rows_as_data(lines, folded_rows(lines, 6))
    assert stem == 1
    assert isinstance(block, dict)
    assert block == {
        "label": "sum",
        "text": "conv 3×3, stride 2",
        "layers": 4,
        "strided": True,
        "rows": [2, 3, 4, 5, 6],
    }
