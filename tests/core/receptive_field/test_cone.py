"""The cone line by line: marks, taps and padding against the exact boxes over the graph."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from core.graph import network_graph
from core.networks import zoo
from core.receptive_field import cone, fields_of
from core.receptive_field.cone import Box
from core.receptive_field.outline import Line, outline


@cache
def lines_of(name: str) -> tuple[Line, ...]:
    graph = network_graph(zoo.build(name, "meta"), zoo.entry(name).input_size)
    return outline(graph, fields_of(graph))


@pytest.mark.parametrize("name", ["four_conv_pool", "resnet18", "googlenet", "dilated_stack"])
@pytest.mark.parametrize("axis", [0, 1])
def test_the_marks_are_cores_cone(name: str, axis: int) -> None:
    lines = lines_of(name)
    rng = np.random.default_rng(axis)
    for index in rng.integers(1, len(lines), 4).tolist():
        line = lines[index]
        unit = [int(rng.integers(n)) for n in line.node.grid]
        for follow, core in (
            (cone.ancestor_cone, line.field.ancestors),
            (cone.descendant_cone, line.field.descendants),
        ):
            marks = follow(lines, index, unit[axis], axis).marks
            expected: dict[str, Box] = core(unit)
            for other, own in zip(lines, marks, strict=True):
                box = expected.get(other.node.name)
                assert (own is None) == (box is None), other.node.name
                if own is not None and box is not None:
                    units = np.flatnonzero(own)
                    assert (units[0], units[-1]) == box[axis]


@pytest.mark.parametrize("name", sorted(zoo.NAMES)[::4])
def test_ties_lead_from_marked_units_to_marked_units_or_padding(name: str) -> None:
    lines = lines_of(name)
    index = min(len(lines) - 1, 9)
    unit_cone = cone.ancestor_cone(lines, index, lines[index].node.grid[1] // 2, 1)
    reached = {(index, lines[index].node.grid[1] // 2)}
    for tie in cone.tap_links(lines, unit_cone, 1):
        assert unit_cone.marks[tie.line][tie.unit]
        if 0 <= tie.tap < lines[tie.source].node.grid[1]:
            assert unit_cone.marks[tie.source][tie.tap]
            reached.add((tie.source, tie.tap))
        else:
            assert tie.tap in unit_cone.pads[tie.source]
    marked = {
        (place, unit)
        for place, own in enumerate(unit_cone.marks)
        if own is not None
        for unit in np.flatnonzero(own).tolist()
    }
    assert reached == marked


def test_padding_is_what_a_padded_convolution_reads() -> None:
    lines = lines_of("four_conv_pool")
    assert cone.padding_widths(lines, 1)[0] == (1, 1)
    first = cone.ancestor_cone(lines, 1, 0, 1)
    assert np.flatnonzero(first.marks[0]).tolist() == [0, 1]
    assert first.pads[0] == {-1}
    assert cone.image_position(lines[0], 1, -1) == -1
