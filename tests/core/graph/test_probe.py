"""Operations without a rule: what running them shows, against exact gradients of them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from torch import nn

from core.graph import network_graph
from core.graph.axes.axis_map import AxisMap, matrix_of_reads
from core.graph.probing import probe
from core.graph.probing.map_fit import fit_map
from core.receptive_field import ReceptiveField, receptive_fields
from tests.core.random_networks import Call
from tests.examples import examples

SIDE = 9
SIZE = (3, SIDE, SIDE)
Function = Callable[[torch.Tensor], torch.Tensor]
Box = tuple[tuple[int, int], tuple[int, int]]


def window_sum(x: torch.Tensor, by: int, reach: int) -> torch.Tensor:
    """The sum of ``reach`` columns, from ``by`` columns further left, zeros outside."""
    return F.pad(x, (by, reach - 1)).unfold(3, reach, 1).sum(-1)[..., : x.shape[3]]


@torch.library.custom_op("probe_tests::conv2d", mutates_args=())  # no convolution of torch's
def operator(x: torch.Tensor, by: int, reach: int) -> torch.Tensor:
    return window_sum(x, by, reach).clone()


@operator.register_fake
def _(x: torch.Tensor, by: int, reach: int) -> torch.Tensor:
    return torch.empty_like(x)


class Holding(nn.Module):
    """A function of the input and of a buffer."""

    def __init__(self, function: Callable[..., torch.Tensor], constant: torch.Tensor) -> None:
        super().__init__()
        self.function = function
        self.register_buffer("constant", constant)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x, self.constant)


def plane(places: list[int], dim: int = 3) -> torch.Tensor:
    """Indices for gather along an image axis, the same for all channels and lines."""
    shape = [1, 3, SIDE, SIDE]
    shape[dim] = len(places)
    view = [1, 1, 1, 1]
    view[dim] = -1
    return torch.tensor(places).view(view).expand(shape).clone()


def turned_grid() -> torch.Tensor:
    """A grid that swaps height and width, each point on a pixel's centre or beside it."""
    return F.affine_grid(torch.tensor([[[0.0, 1, 0], [1, 0, 0]]]), (1, 3, 9, 9), align_corners=True)


def sampled(x: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    return F.grid_sample(x, grid, align_corners=True)


def layers_of_two(x: torch.Tensor) -> torch.Tensor:
    return torch.stack([x, x], 2)


ones = torch.ones
EXACT: dict[str, Function | nn.Module] = {
    "rot90": lambda x: torch.rot90(x, 1, (2, 3)),
    "rot90 twice": lambda x: torch.rot90(x[..., :5], 2, (2, 3)),
    "gather": Holding(lambda x, i: x.gather(3, i), plane([4, 0, 0, 8])),
    "gather rows": Holding(lambda x, i: x.gather(2, i), plane([8, 7, 3], 2)),
    "take_along_dim": Holding(lambda x, i: x.take_along_dim(i, 2), plane([1, 2, 6, 3, 3], 2)),
    "a list of indices": lambda x: x[..., [0, 2, 7]],
    "indices made on the way": lambda x: x[:, :, torch.arange(0, 9, 3).flip(0)],
    "index_select": Holding(lambda x, i: x.index_select(3, i), torch.tensor([8, 0, 5])),
    "convolution": lambda x: torch.convolution(
        x, ones(2, 3, 3, 3), None, [2, 1], [1, 0], [1, 2], False, [0, 0], 1
    ),
    "convolution, transposed": lambda x: torch.convolution(
        x, ones(3, 2, 3, 3), None, [2, 2], [1, 1], [1, 1], True, [1, 0], 1
    ),
    "aten.convolution": lambda x: torch.ops.aten.convolution(
        x, ones(2, 3, 3, 5), None, [1, 2], [1, 2], [1, 1], False, [0, 0], 1
    ),
    "aten.relu": torch.ops.aten.relu,
    "aten.max_pool2d": lambda x: torch.ops.aten.avg_pool2d.default(x, [3, 3], [2, 2], [1, 1]),
    "aten.upsample": lambda x: torch.ops.aten.upsample_nearest2d.vec(x, [18, 12], None),
    "aten.unfold": lambda x: torch.ops.aten.unfold(x, 3, 3, 2).sum(-1),
    "aten.constant_pad": lambda x: torch.ops.aten.constant_pad_nd(x, [2, 1, -1, 0]),
    "tensordot": lambda x: torch.tensordot(x, ones(3, 4), dims=([1], [0])),
    "tensordot along the width": lambda x: torch.tensordot(x, ones(9, 4), dims=([3], [0])),
    "baddbmm": lambda x: torch.baddbmm(x[0], x[0], ones(3, 9, 9)),
    "bilinear": lambda x: F.bilinear(x, x[..., :4], ones(9, 9, 4)),
    "broadcast_tensors": lambda x: torch.broadcast_tensors(x, x[:, :, :1])[0],
    "a custom operator": lambda x: torch.ops.probe_tests.conv2d(x, 2, 3),
    "conv3d on a stacked axis": lambda x: F.conv3d(
        layers_of_two(x), ones(4, 3, 2, 3, 3), padding=(0, 1, 2), dilation=(1, 1, 2)
    ),
    "avg_pool3d on a stacked axis": lambda x: F.avg_pool3d(layers_of_two(x), (2, 3, 2), 2),
    "max_pool3d on a stacked axis": lambda x: F.max_pool3d(layers_of_two(x), (1, 1, 1), 1),
    "diff": lambda x: x.diff(n=2, dim=2),
    "erfinv": lambda x: torch.special.erfinv(x),
    "tokens": lambda x: torch.special.erfinv(x.flatten(2).mT),
    "real FFT along the width": lambda x: torch.fft.irfft(torch.fft.rfft(x), n=9),
}


def gradient_box(
    function: Function,
    unit: tuple[int, int],
    dims: tuple[int | None, int | None],
    grid: tuple[int, int],
    size: tuple[int, ...] = SIZE,
) -> Box | None:
    """Rows and columns whose gradient is not zero, of one unit of what a function gives."""
    values = torch.rand(1, *size, generator=torch.Generator().manual_seed(1)) * 0.9 + 0.05
    out = function(values.requires_grad_())
    if dims[0] is not None and dims[0] == dims[1]:
        piece = out.select(dims[0], unit[0] * grid[1] + unit[1])
    else:
        index = [slice(None)] * out.ndim
        for dim, place in zip(dims, unit, strict=True):
            if dim is not None:
                index[dim] = slice(place, place + 1)
        piece = out[tuple(index)]
    weights = torch.rand(piece.shape, generator=torch.Generator().manual_seed(2)) + 0.5
    (gradient,) = torch.autograd.grad((piece * weights).sum(), values)
    touched = (gradient != 0)[0].any(0)
    if not touched.any():
        return None
    rows, cols = touched.any(1).nonzero().flatten(), touched.any(0).nonzero().flatten()
    return (int(rows[0]), int(rows[-1])), (int(cols[0]), int(cols[-1]))


def last_of(function: Function | nn.Module) -> tuple[ReceptiveField, nn.Module]:
    module = function if isinstance(function, nn.Module) else Call(function, "probed")
    graph = network_graph(module, SIZE)
    fields = receptive_fields(module, SIZE)
    (name,) = graph.outputs
    return fields[name], module


def test_a_tap_of_weight_zero_is_read_if_nan_there_arrives():
    """A point of the grid on a pixel's centre reads it, and NaN in its neighbor too.

    The height lies in the last dimension, so unit (row, column) stands at [column, row].
    """
    field, module = last_of(Holding(sampled, turned_grid()))
    assert field.exact
    for row, col in itertools.product(range(SIDE), repeat=2):
        poisoned = []
        for axis in (2, 3):
            for place in range(SIDE):
                x = torch.rand(1, *SIZE)
                x.select(axis, place).fill_(torch.nan)
                poisoned += [(axis - 2, place)] * bool(module(x)[0, :, col, row].isnan().any())
        rows, cols = ([p for a, p in poisoned if a == axis] for axis in (0, 1))
        box = (min(rows), max(rows)), (min(cols), max(cols))
        assert field.interval((row, col)).clipped == box


def check(function: Function | nn.Module, reference: Function | None = None) -> ReceptiveField:
    """Every unit's box is the gradient's, or around it where the field is a bound."""
    field, module = last_of(function)
    dims = field.network.graph[field.name].dims
    for unit in itertools.product(*map(range, field.grid)):
        box = gradient_box(reference or module, unit, dims, field.grid)
        here = field.interval(unit).clipped
        if field.exact:
            assert here == box, (unit, field.note)
        elif box:
            assert here is not None
            assert all(a <= c and d <= b for (a, b), (c, d) in zip(here, box, strict=True))
    return field


@pytest.mark.parametrize("name", EXACT)
def test_running_an_operation_shows_what_it_reads(name: str):
    custom = name == "a custom operator"
    field = check(EXACT[name], (lambda x: window_sum(x, 2, 3)) if custom else None)
    assert field.exact, field.bound


BOUNDS: dict[str, tuple[Function, str]] = {
    "indices from the input": (
        lambda x: x.take_along_dim((x > 0.5).to(torch.int64), 2),
        "reads indices that depend on the input",
    ),
    "a grid from the input": (
        lambda x: F.grid_sample(x, x[:, :2].movedim(1, 3), align_corners=True),
        "reads other places for other values",
    ),
    "random numbers": (torch.bernoulli, "cannot be run on its own"),
    "other columns in each row": (
        Holding(lambda x, i: x.gather(3, i), torch.randint(9, (1, 3, 9, 9))),
        "gather: ",
    ),
    "a triangle": (torch.tril, "reads other places for other outputs"),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_what_running_does_not_show_is_a_bound_that_says_why(name: str):
    function, why = BOUNDS[name]
    field, module = last_of(function)
    assert why in field.bound
    if name != "random numbers":
        assert not check(function).exact
    after = receptive_fields(nn.Sequential(module, nn.Conv2d(3, 3, 3)), SIZE)
    assert why in list(after.values())[-1].bound


def test_what_writes_to_its_input_or_is_too_much_work_is_a_bound(monkeypatch: pytest.MonkeyPatch):
    field, _ = last_of(lambda x: (x + 0).erfinv_())
    assert "writes to what it is given" in field.bound
    monkeypatch.setattr(probe, "GRAPH_BUDGET", 1000)
    field, _ = last_of(lambda x: x.diff(dim=2))
    assert "too much work" in field.bound


def test_equal_calls_are_run_once(monkeypatch: pytest.MonkeyPatch):
    runs = []
    along = probe.Prober._observe_axis
    monkeypatch.setattr(
        probe.Prober, "_observe_axis", lambda self, *a: runs.append(a) or along(self, *a)
    )
    module = nn.Sequential(*(Call(lambda x: torch.special.i0(x), "i0") for _ in range(9)))
    fields = receptive_fields(module, SIZE)
    assert all(field.exact for field in fields.values())
    assert len(runs) == 2  # the height and the width


def test_nothing_is_drawn_from_the_global_generator():
    before = torch.get_rng_state()
    last_of(lambda x: torch.special.i0(x))
    assert torch.equal(before, torch.get_rng_state())


def test_a_large_image_has_the_window_of_a_small_one():
    def wide(x: torch.Tensor) -> torch.Tensor:
        return torch.convolution(
            x, ones(16, 16, 3, 5), None, [2, 3], [1, 0], [1, 2], False, [0, 0], 1
        )

    large, same = ((16, 3000, 2000), nn.Conv2d(16, 16, (3, 5), (2, 3), (1, 0), (1, 2)))
    field = list(receptive_fields(Call(wide, "wide"), large).values())[-1]
    known = list(receptive_fields(same, large).values())[-1]
    assert (field.exact, field.grid, field.size) == (True, known.grid, known.size)
    assert field.axes == known.axes
    assert field.interval((1400, 600)) == known.interval((1400, 600))


def test_a_window_larger_than_the_image_is_not_the_whole_image():
    wide = Call(
        lambda x: torch.convolution(
            x, ones(1, 3, 19, 19), None, [1, 1], [9, 9], [1, 1], False, [0, 0], 1
        ),
        "wide",
    )
    field = list(receptive_fields(wide, SIZE).values())[-1]
    assert (field.size, field.axes[0].whole) == ((19, 19), False)


def drawn_window(draw: random.Random) -> Function:
    kernel, stride, dilation = draw.randint(1, 4), draw.randint(1, 3), draw.randint(1, 2)
    padding = draw.randint(0, kernel)
    if draw.random() < 0.5:
        weight = ones(2, 3, 1, kernel, 2)
        return lambda x: F.conv3d(
            x.unsqueeze(2), weight, None, (1, stride, 1), (0, padding, 1), (1, dilation, 1)
        ).squeeze(2)
    return lambda x: torch.convolution(
        x, ones(3, 2, kernel, 2), None, [stride, 2], [0, 0], [dilation, 1], True, [0, 0], 1
    )


def drawn_places(draw: random.Random) -> Function:
    dim = draw.choice((2, 3))
    places = [draw.randrange(SIDE) for _ in range(draw.randint(1, 12))]
    how = draw.choice(("index", "gather", "list"))
    if how == "list":
        return lambda x: x[:, :, places] if dim == 2 else x[..., places]
    if how == "index":
        return Holding(lambda x, i: x.index_select(dim, i), torch.tensor(places))
    return Holding(lambda x, i: x.gather(dim, i), plane(places, dim))


def drawn_product(draw: random.Random) -> Function:
    dim, width = draw.choice((1, 2, 3)), draw.randint(1, 3)
    weight = ones(3 if dim == 1 else SIDE, width)
    return lambda x: torch.tensordot(x, weight, dims=([dim], [0]))


def drawn_ragged(draw: random.Random) -> Function:
    """What one output reads differs from row to row, from channel to channel."""
    picks = torch.tensor([draw.randrange(SIDE) for _ in range(243)]).view(1, 3, 9, 9)
    shift = draw.randint(-3, 3)
    return draw.choice(
        (
            Holding(lambda x, i: x.gather(2, i), picks),
            lambda x: x.roll(shift),
            torch.tril,
            lambda x: x.diagonal_scatter(x[:, :, 0], dim1=2, dim2=3),
            lambda x: x.transpose(2, 3).triu(1),
        )
    )


FAMILIES = (drawn_window, drawn_places, drawn_product, drawn_ragged)


@examples(25, suppress_health_check=list(HealthCheck), deadline=None)
@given(st.sampled_from(FAMILIES), st.integers(0, 10**6), st.booleans())
def test_random_operations_read_what_their_gradient_says(family, seed, behind):
    function = family(random.Random(seed))
    if behind:
        before = nn.Conv2d(3, 3, (3, 2), padding=(1, 0), bias=False)
        nn.init.ones_(before.weight)
        module = nn.Sequential(before, nn.ZeroPad2d((0, 1, 0, 0)), Call(function, "drawn"))
        function = module
    field = check(function)
    assert field.exact or family in (drawn_ragged, drawn_places)


@given(st.data())
@examples(60, deadline=None)
def test_a_map_is_known_again_from_what_it_reads(data):
    n, period = data.draw(st.integers(6, 20)), data.draw(st.integers(1, 3))
    advance = data.draw(st.sampled_from((-2, -1, 1, 2, 3)))
    taps = tuple(
        range(first, first + count * step, step)
        for first, count, step in data.draw(
            st.lists(
                st.tuples(st.integers(-3, 9), st.integers(0, 4), st.integers(1, 3)),
                min_size=period,
                max_size=period,
            )
        )
    )
    reads = matrix_of_reads(AxisMap(n, data.draw(st.integers(1, 20)), taps, advance))
    found = fit_map(reads)
    assert found is not None
    again = matrix_of_reads(found.map)
    assert np.array_equal(again, reads) or (found.scattered and (again >= reads).all())
