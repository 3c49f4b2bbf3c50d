"""The cross-section of a network, folded or not, against runs in which single units are NaN."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import nn

from core.graph import network_graph
from core.graph.axes.axis_map import AxisMap
from core.receptive_field import cross_section, fields_of
from core.receptive_field.cross_section import Cone, unit_cone
from core.receptive_field.folding import folded_rows, unfolded_at
from core.receptive_field.outline import Line, outline
from tests.core.random_networks import branching, chains, fits
from tests.examples import examples

SIZE = (2, 19, 16)


class Sum(nn.Module):
    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return x + y


class Concat(nn.Module):
    def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
        return torch.cat(tensors, 1)


class Chain(nn.Sequential):
    """Every way to pad, a stride, a dilation, a pooling, and a transposed convolution."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(2, 2, 3, padding=1),
            nn.ReLU(),
            nn.ReflectionPad2d(2),
            nn.Conv2d(2, 2, 3, dilation=2),
            nn.MaxPool2d(3, 2, 1),
            nn.CircularPad2d((0, 0, 1, 1)),
            nn.Conv2d(2, 2, (3, 1)),
            nn.Conv2d(2, 2, 5, 2, padding=3),
            nn.ConvTranspose2d(2, 2, 3, 2),
            nn.ReplicationPad2d(1),
            nn.Conv2d(2, 2, 3),
        )


class Blocks(nn.Module):
    """A residual bottleneck with a stride, two parallel convolutions, and 1×1 layers between."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(2, 2, 3, padding=1)
        self.enter = nn.Conv2d(2, 3, 1)
        self.window = nn.Conv2d(3, 2, 3, 2, padding=1)
        self.leave = nn.Conv2d(2, 2, 1)
        self.short = nn.Conv2d(2, 2, 1, 2)
        self.sum = Sum()
        self.between = nn.Conv2d(2, 2, 1)
        self.small = nn.Conv2d(2, 2, 3, padding=1)
        self.wide = nn.Conv2d(2, 1, 3, padding=3, dilation=3)
        self.join = Concat()
        self.after = nn.Conv2d(3, 1, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x).relu()
        x = self.sum(self.leave(self.window(self.enter(x))), self.short(x))
        x = self.between(x)
        return self.after(self.join(self.small(x), self.wide(x)))


NETS = (Chain, Blocks)


@cache
def net_and_lines(make: type[nn.Module]) -> tuple[nn.Module, tuple[Line, ...]]:
    net = make().double().eval()
    for parameter in net.parameters():
        nn.init.constant_(parameter, 0.5)
    graph = network_graph(net, SIZE)
    lines = outline(graph, fields_of(graph))
    assert [line.label for line in lines[1:]] == [
        name for name, module in net.named_modules() if name and not isinstance(module, nn.ReLU)
    ], "a line for each module"
    return net, lines


@cache
def affected(
    make: type[nn.Module], source: int, unit: int, axis: int, restored: tuple[int, ...] = ()
) -> tuple[list[int], ...]:
    """For each line, the units that become NaN if one unit of a line is NaN.

    The lines ``restored`` pass on what they would be without it.
    """
    net, lines = net_and_lines(make)
    units_hit: list[list[int]] = [[] for _ in lines]
    image = torch.ones(1, *SIZE, dtype=torch.float64)

    def hook(index: int, _: Any, inputs: Any, output: torch.Tensor) -> torch.Tensor:
        bad = output.isnan().any(1)[0].any(1 - axis)
        units_hit[index] = bad.nonzero()[:, 0].tolist()
        return (
            poisoned(output)
            if index == source
            else output.nan_to_num()
            if index in restored
            else output
        )

    def poisoned(tensor: torch.Tensor) -> torch.Tensor:
        changed = tensor.clone()
        changed.select(2 + axis, unit).fill_(torch.nan)
        return changed

    hooks = [
        net.get_submodule(line.label).register_forward_hook(partial(hook, index))
        for index, line in enumerate(lines[1:], 1)
    ]
    net(poisoned(image) if source == 0 else image)
    for each in hooks:
        each.remove()
    units_hit[source] = [unit]
    return tuple(units_hit)


def drawn_lines(lines: Sequence[Line], index: int, most: int) -> tuple[int, ...]:
    """The lines that a picture of so many rows draws, with one line not folded."""
    return tuple(row.line for row in unfolded_at(folded_rows(lines, most), index))


def units_of(cone: Cone) -> list[list[int]]:
    return [[] if own is None else np.flatnonzero(own).tolist() for own in cone.marks]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("make", NETS)
def test_the_units_of_a_cone_are_those_that_a_nan_reaches(make: type[nn.Module], axis: int) -> None:
    _, lines = net_and_lines(make)
    sides = [line.node.grid[axis] for line in lines]
    for index, n in enumerate(sides):
        for at in {0, n // 2, n - 1}:
            unit = (at, lines[index].node.grid[1] // 2) if axis == 0 else (0, at)
            after = units_of(unit_cone(lines, index, unit, axis, of_descendants=True))
            assert after == list(affected(make, index, at, axis))
            before = units_of(unit_cone(lines, index, unit, axis))
            assert before == [
                [u for u in range(side) if at in affected(make, source, u, axis)[index]]
                for source, side in enumerate(sides)
            ]


def inside(cone: Cone, lines: Sequence[Line], axis: int) -> set[tuple[int, int, int, int]]:
    """The connections of a cone, (line, unit, source, tap), without those to the padding."""
    return {
        (each.line, unit, each.source, tap)
        for each in cone.connections
        for unit, tap in zip(each.units.tolist(), each.taps.tolist(), strict=True)
        if 0 <= tap < lines[each.source].node.grid[axis]
    }


@pytest.mark.parametrize("most", [99, 6, 2])
@pytest.mark.parametrize("of_descendants", [False, True])
@pytest.mark.parametrize("make", NETS)
def test_connections_are_those_that_pass_no_other_line(
    make: type[nn.Module], of_descendants: bool, most: int
) -> None:
    _, lines = net_and_lines(make)
    axis, index = 0, 0 if of_descendants else len(lines) - 1
    drawn = drawn_lines(lines, index, most)
    unit = tuple(n // 2 for n in lines[index].node.grid)
    cone = unit_cone(lines, index, (unit[0], unit[1]), axis, of_descendants, drawn)
    marked = units_of(cone)
    expected = set()
    for source in drawn:
        for tap in marked[source]:
            hit = affected(make, source, tap, axis, tuple(at for at in drawn if at != source))
            expected |= {
                (line, u, source, tap) for line in drawn for u in hit[line] if u in marked[line]
            } - {(source, tap, source, tap)}
    assert inside(cone, lines, axis) == expected


def padded_positions(module: nn.Module, shape: tuple[int, ...], unit: int, axis: int) -> list[int]:
    """The positions outside an input of this shape whose NaN, as padding, a unit of a module reads."""
    pad = module.padding
    pads = (pad, pad) if isinstance(pad, int) else pad
    bare = copy.deepcopy(module)
    bare.padding = 0 if isinstance(pad, int) else (0, 0)
    units_hit = []
    for at in (*range(-pads[axis], 0), *range(shape[1 + axis], shape[1 + axis] + pads[axis])):
        x = F.pad(torch.ones(1, *shape).double(), (pads[1], pads[1], pads[0], pads[0]))
        x.select(2 + axis, at + pads[axis]).fill_(torch.nan)
        if bare(x).select(2 + axis, unit).isnan().any():
            units_hit.append(at)
    return units_hit


@pytest.mark.parametrize("axis", [0, 1])
def test_padding_is_what_padded_windows_read(axis: int) -> None:
    net, lines = net_and_lines(Chain)
    widths = cross_section.padding_widths(lines, axis)
    for index, line in enumerate(lines[1:], 1):
        module: Any = net.get_submodule(line.label)
        if not isinstance(module, nn.Conv2d | nn.MaxPool2d):
            continue
        shape, n = lines[index - 1].node.shape[1:], line.node.grid[axis]
        read = [padded_positions(module, shape, u, axis) for u in range(n)]
        for unit in range(n):
            cone = unit_cone(lines, index, (unit, 0) if axis == 0 else (0, unit), axis)
            assert cone.padding(index - 1) == read[unit]
        every = [at for positions in read for at in positions]
        before, after = -min([0, *every]), max([0, *(at - shape[1 + axis] + 1 for at in every)])
        assert widths[index - 1] == (before, after)


def test_padding_stays_beside_the_line_before_a_1x1_layer() -> None:
    _, lines = net_and_lines(Blocks)
    sums, join = (
        next(at for at, line in enumerate(lines) if line.label == s) for s in ("sum", "join")
    )
    labels = {"image", "stem", "sum", "small", "wide", "join"}
    drawn = [at for at, line in enumerate(lines) if line.label in labels]
    assert unit_cone(lines, join, (0, 0), 0, drawn=drawn).padding(sums) == [-3, -1]
    folded = unit_cone(lines, join, (0, 0), 0, drawn=drawn_lines(lines, join, 6))
    assert folded.padding(sums) == [], "the padded maps are not drawn"


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
@pytest.mark.parametrize("n, pad", [(5, 4), (9, 3), (4, 0)])
def test_copies_are_what_torch_pads_with(mode: str, n: int, pad: int) -> None:
    padded = F.pad(torch.arange(n).double()[None, None], (pad, pad), mode=mode)[0, 0].tolist()
    taps = (range(-pad, pad + 1),)
    edge: Any = mode
    copies = cross_section.padding_copies(AxisMap(n, n, taps, 1, edge))
    assert copies == {at: padded[at + pad] for at in (*range(-pad, 0), *range(n, n + pad))}
    assert cross_section.padding_copies(AxisMap(n, n, taps, 1)) == {}


def test_positions_are_the_centers_of_the_pixels_that_are_read() -> None:
    module = nn.Sequential(nn.Conv2d(1, 1, 5, 2), nn.MaxPool2d(2, 2), nn.Conv2d(1, 1, 3, 3))
    graph = network_graph(module, (1, 64, 64))
    lines = outline(graph, fields_of(graph))
    for line in lines[1:]:
        n = line.node.grid[0]
        boxes = [line.field.ancestors((u, 0))[graph.inputs[0]] for u in range(n)]
        centers = [sum(box.rows) / 2 for box in boxes]
        assert cross_section.image_positions(line, 0, range(n)).tolist() == centers
        apart = centers[1] - centers[0]
        outside = cross_section.image_positions(line, 0, [-2, n]).tolist()
        assert outside == [centers[0] - 2 * apart, centers[-1] + apart]


@examples(30)
@given(chains(2) | branching(2), st.data())
def test_connections_lead_to_all_units_that_are_drawn(
    drawn: tuple[nn.Module, tuple[int, ...]], choice: st.DataObject
) -> None:
    module, size = drawn
    assume(fits(module, size))
    graph = network_graph(module, size)
    lines = outline(graph, fields_of(graph))
    index = choice.draw(st.integers(0, len(lines) - 1))
    unit = tuple(choice.draw(st.integers(0, n - 1)) for n in lines[index].node.grid)
    visible = drawn_lines(lines[: index + 1], index, choice.draw(st.integers(2, 9)))
    cone = unit_cone(lines, index, (unit[0], unit[1]), 1, drawn=visible)
    reached = {(index, unit[1])}
    for line, own, source, tap in sorted(inside(cone, lines, 1), reverse=True):
        assert (line, own) in reached
        reached.add((source, tap))
    marked = units_of(cone)
    assert reached == {(line, own) for line in visible for own in marked[line]}
