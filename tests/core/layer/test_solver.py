"""The inverse solver, against torch and against trying everything."""

from __future__ import annotations

from itertools import product
from math import ceil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS
from core.layer.solver import MAX_SIDE, Solution, solutions
from core.layer.window import Pair, Window2d

SMALL = {"max_kernel": 5, "max_stride": 3, "max_padding": 3, "max_dilation": 2}


def module(operation: str, s: Solution) -> nn.Module:
    """The torch layer of a solution."""
    window = {"kernel_size": s.kernel_size, "stride": s.stride, "padding": s.padding}
    if operation == "transposed_convolution":
        return nn.ConvTranspose2d(1, 1, **window, dilation=s.dilation, device="meta")
    if operation == "max_pooling":
        return nn.MaxPool2d(**window, dilation=s.dilation)
    if operation == "average_pooling":
        return nn.AvgPool2d(**window)
    return nn.Conv2d(1, 1, **window, dilation=s.dilation, device="meta")


def settings(found: list[Solution]) -> list[tuple[int, int, int, int]]:
    return [(s.kernel_size, s.stride, s.padding, s.dilation) for s in found]


@given(st.sampled_from(sorted(OPERATIONS)), st.integers(1, 60), st.integers(1, 4))
def test_every_solution_gives_the_size_in_torch(operation: str, side: int, ratio: int) -> None:
    grows = operation == "transposed_convolution"
    wanted = side * ratio if grows else ceil(side / ratio)
    x = torch.empty(1, 1, side, side, device="meta")
    found = solutions((side, side), (wanted, wanted), operation=operation)
    assert found
    for s in found:
        assert module(operation, s)(x).shape[2:] == (wanted, wanted)


def by_trial(operation: str, size: Pair, wanted: Pair) -> set[tuple[int, int, int, int]]:
    """Every setting whose torch layer gives the size, minus what the docstring leaves out."""
    found = set()
    dilations = (1, 2) if OPERATIONS[operation].has("dilation") else (1,)
    for k, s, p, d in product(range(1, 6), range(1, 4), range(4), dilations):
        if p > d * (k - 1) or (k == 1 and d > 1):
            continue
        if OPERATIONS[operation].reduce != "sum" and p > k // 2:
            continue
        layer = module(operation, Solution(k, s, p, d, (0, 0), 0))
        try:
            shape = layer(torch.empty(1, 1, *size, device="meta")).shape[2:]
        except RuntimeError:
            continue
        if shape == wanted:
            found.add((k, s, p, d))
    return found


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    "size, wanted",
    [((6, 6), (3, 3)), ((7, 5), (4, 3)), ((1, 1), (1, 1)), ((3, 4), (7, 9)), ((5, 5), (40, 40))],
)
def test_nothing_is_missed(operation: str, size: Pair, wanted: Pair) -> None:
    expected = by_trial(operation, size, wanted)
    if expected:
        found = settings(solutions(size, wanted, operation=operation, **SMALL))
        assert len(set(found)) == len(found)
        assert set(found) == expected
    else:
        with pytest.raises(SpecError, match="output size is out of reach"):
            solutions(size, wanted, operation=operation, **SMALL)


def walk(n: int, s: Solution) -> tuple[int, int]:
    """(remainder, pixels read) along one axis, by putting one window after the other."""
    end = n + 2 * s.padding
    start, read, last = 0, set(), 0
    while start + s.dilation * (s.kernel_size - 1) < end:
        taps = [start + i * s.dilation for i in range(s.kernel_size)]
        read |= {t - s.padding for t in taps if s.padding <= t < s.padding + n}
        last, start = taps[-1], start + s.stride
    return end - 1 - last, len(read)


@given(st.integers(1, 30), st.integers(1, 30))
def test_remainder_and_unread_are_what_a_walk_finds(height: int, width: int) -> None:
    size = height, width
    wanted = Window2d((3, 3), (2, 2), ((1, 1), (1, 1))).output_size(size)
    for s in solutions(size, wanted, max_kernel=6, max_dilation=2):
        (row_rest, rows), (col_rest, cols) = walk(size[0], s), walk(size[1], s)
        assert s.remainder == (row_rest, col_rest)
        assert s.unread == size[0] * size[1] - rows * cols


@pytest.mark.parametrize(
    "size, wanted, first",
    [
        (6, 4, (3, 1, 0, 1)),
        (7, 3, (3, 2, 0, 1)),
        (8, 8, (3, 1, 1, 1)),
        (64, 32, (3, 2, 1, 1)),
        (224, 112, (3, 2, 1, 1)),
        (8, 1, (8, 1, 0, 1)),
        (5, 1, (5, 1, 0, 1)),
    ],
)
def test_the_usual_layer_comes_first(size: int, wanted: int, first: tuple[int, ...]) -> None:
    assert settings(solutions((size, size), (wanted, wanted)))[0] == first


def test_order_of_use() -> None:
    found = solutions((64, 64), (32, 32))
    assert settings(found)[:4] == [(3, 2, 1, 1), (5, 2, 2, 1), (7, 2, 3, 1), (2, 2, 0, 1)]
    assert [s.unread > 0 for s in found] == sorted(s.unread > 0 for s in found)
    whole = [s.dilation for s in found if not s.unread]
    assert whole == sorted(whole)
    assert max(whole) > 1


def test_padding_that_is_neither_none_nor_half_comes_later() -> None:
    found = settings(solutions((6, 6), (4, 4)))
    assert found[0] == (3, 1, 0, 1)
    assert found.index((3, 1, 0, 1)) < found.index((5, 1, 1, 1)) < found.index((3, 1, 1, 2))


@pytest.mark.parametrize(
    "size, wanted, operation, hint",
    [
        ((5, 5), (200, 200), "convolution", "a transposed convolution enlarges"),
        ((100, 100), (3, 3), "convolution", "use a larger output, or several layers"),
        ((5, 5), (2, 2), "transposed_convolution", None),
        ((50, 50), (9, 9), "transposed_convolution", "a convolution makes smaller"),
        ((5, 5), (500, 500), "transposed_convolution", "use a smaller output, or several"),
        ((16, 16), (16, 8), "convolution", "use one number per axis"),
    ],
)
def test_no_solution_says_what_would_work(
    size: Pair, wanted: Pair, operation: str, hint: str | None
) -> None:
    if hint is None:
        assert settings(solutions(size, wanted, operation=operation))
        return
    with pytest.raises(SpecError, match=hint) as caught:
        solutions(size, wanted, operation=operation)
    assert caught.value.parameter == "output size"
    assert f"(got {wanted[0]}×{wanted[1]})" in str(caught.value)


@pytest.mark.parametrize(
    "arguments, parameter",
    [
        ({"size": (0, 5), "output": (1, 1)}, "input size"),
        ({"size": (MAX_SIDE + 1, 5), "output": (1, 1)}, "input size"),
        ({"size": (5, 5), "output": (1, MAX_SIDE + 1)}, "output size"),
        ({"size": (5, 5), "output": (1, 0)}, "output size"),
        ({"size": (5, 5), "output": (1, 1), "max_kernel": 0}, "max_kernel"),
        ({"size": (5, 5), "output": (1, 1), "max_padding": -1}, "max_padding"),
        ({"size": (5, 5), "output": (1, 1), "operation": "fold"}, "operation"),
    ],
)
def test_input_out_of_range_is_refused(arguments: dict, parameter: str) -> None:
    with pytest.raises(SpecError) as caught:
        solutions(**arguments)
    assert caught.value.parameter == parameter


def test_the_largest_size_is_solved() -> None:
    found = solutions((MAX_SIDE, MAX_SIDE), (MAX_SIDE // 2, MAX_SIDE // 2))
    best = found[0]
    spec = LayerSpec(stride=(2, 2), padding=((1, 1), (1, 1)))
    assert (best.remainder, best.unread) == (spec.window.unread((64, 64)).remainder, 0)
