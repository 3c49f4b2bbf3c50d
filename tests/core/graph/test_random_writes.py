"""Random programs of views, writes in place and assignments, every unit against poisoned inputs.

The truth is that of the untouched module on real data: a unit reads a row or column if it turns
NaN with it. A field that calls itself exact must be equal to that, a bound must hold it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.errors import SpecError
from core.graph.axes.units import unit_values
from core.receptive_field import receptive_fields
from tests.core.poisoned import reads
from tests.examples import examples

CHANNELS, SIDE = 4, 7
SIZE = (CHANNELS, SIDE, SIDE)
View = Callable[[Tensor], Tensor]


def blurred(x: Tensor, kernel: tuple[int, int], channels: int) -> Tensor:
    """All channels of x as ``channels`` of the same size, each a blur of their sum."""
    weight = torch.full((channels, x.shape[1], *kernel), 0.1, dtype=x.dtype, device=x.device)
    return F.conv2d(x, weight, padding=(kernel[0] // 2, kernel[1] // 2))


@dataclass(frozen=True)
class Step:
    """One statement: what is written to, what is written, and how.

    Attributes:
        view: of the tensor, by which it is written to.
        name: of the view.
        kernel: of the blur whose result is written, cut to the view's shape.
        how: ``"add"``, ``"copy"``, ``"assign"``, ``"zero"`` or ``"relu"``.
    """

    name: str
    view: View
    kernel: tuple[int, int]
    how: str

    def run(self, x: Tensor) -> None:
        view = self.view(x)
        news = self.view(blurred(x, self.kernel, CHANNELS)).clone()
        match self.how:
            case "add":
                view.add_(news)
            case "copy":
                view.copy_(news)
            case "assign":
                view[...] = news
            case "zero":
                view.zero_()
            case _:
                F.relu_(view)


class Program(nn.Module):
    """The steps on a blurred input, then perhaps another blur."""

    def __init__(self, steps: tuple[Step, ...], blur_at_the_end: bool) -> None:
        super().__init__()
        self.steps = steps
        self.blur_at_the_end = blur_at_the_end

    def forward(self, x: Tensor) -> Tensor:
        x = blurred(x, (1, 1), CHANNELS)
        for step in self.steps:
            step.run(x)
        return blurred(x, (3, 3), CHANNELS) if self.blur_at_the_end else x + 0

    def extra_repr(self) -> str:
        steps = ", ".join(f"{s.how} {s.kernel} to {s.name}" for s in self.steps)
        return f"{steps}{', blur' * self.blur_at_the_end}"


def spans(length: int) -> st.SearchStrategy[tuple[int, int]]:
    """First and last place, at least one."""
    return st.tuples(st.integers(0, length - 1), st.integers(1, length)).map(
        lambda pair: (min(pair[0], pair[1] - 1), pair[1])
    )


def views() -> st.SearchStrategy[tuple[str, View]]:
    def channels(span: tuple[int, int]) -> tuple[str, View]:
        return f"channels {span}", lambda x: x[:, slice(*span)]

    def rows(span: tuple[int, int]) -> tuple[str, View]:
        return f"rows {span}", lambda x: x.narrow(2, span[0], span[1] - span[0])

    def columns(span: tuple[int, int]) -> tuple[str, View]:
        return f"columns {span}", lambda x: x.transpose(2, 3)[:, :, slice(*span)]

    def box(one: tuple[int, int], other: tuple[int, int]) -> tuple[str, View]:
        return f"box {one} {other}", lambda x: x[..., slice(*one), slice(*other)]

    def every(step: int) -> tuple[str, View]:
        return f"every {step}th column", lambda x: x[..., ::step]

    def half(index: int) -> tuple[str, View]:
        return f"half {index}", lambda x: x.chunk(2, 1)[index]

    return st.one_of(
        spans(CHANNELS).map(channels),
        spans(SIDE).map(rows),
        spans(SIDE).map(columns),
        st.builds(box, spans(SIDE), spans(SIDE)),
        st.integers(2, 3).map(every),
        st.integers(0, 1).map(half),
        st.integers(0, CHANNELS - 1).map(lambda c: (f"channel {c}", lambda x: x.select(1, c))),
        st.just(("all of it", lambda x: x.view(1, CHANNELS, SIDE, SIDE))),
    )


@st.composite
def programs(draw: st.DrawFn) -> Program:
    kernels = st.sampled_from([(1, 1), (3, 3), (1, 5), (3, 1)])
    hows = st.sampled_from(["add", "copy", "assign", "zero", "relu"])
    steps = [
        Step(*draw(views()), draw(kernels), draw(hows)) for _ in range(draw(st.integers(1, 3)))
    ]
    return Program(tuple(steps), draw(st.booleans()))


@examples(30)
@given(programs())
def test_writes_in_place_reach_whoever_reads_them(program: Program) -> None:
    try:
        field = list(receptive_fields(program.double(), SIZE).values())[-1]
    except SpecError as error:
        if "depends on its input" not in str(error):
            raise
        assert not any(read.any() for axis in (0, 1) for read in reads(program, SIZE, axis))
        return
    layout = field.network.graph[field.name].layout
    assert field.grid == (SIDE, SIDE)
    units = [(row, column) for row in range(0, SIDE, 2) for column in range(0, SIDE, 2)]
    for axis in (0, 1):
        marks = reads(program, SIZE, axis)
        for unit in units:
            places = [n for n, read in enumerate(marks) if unit_values(read, layout, unit).any()]
            ends = (places[0], places[-1]) if places else None
            box = field.interval(unit).clipped
            claimed = box[axis] if box else None
            if field.exact:
                assert claimed == ends, (unit, axis)
            elif ends:
                assert claimed, (unit, axis)
                assert claimed[0] <= ends[0] <= ends[1] <= claimed[1], (unit, axis)
