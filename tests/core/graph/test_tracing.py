"""Calls that keep their input's shape are answered without torch: as torch would answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.errors import SpecError
from core.graph import network_graph
from core.graph.tracing.trace import _POINTWISE, _SUMS, _result_of_same_shape

SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4).map(tuple)
DTYPES = st.sampled_from([torch.float32, torch.float64])


def empty(shape: tuple[int, ...], dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


def answered(func: Any, args: Any, kwargs: Any) -> Tensor | None:
    with torch.no_grad():
        return _result_of_same_shape(func, args, kwargs)


def as_torch(func: Callable[..., Any], *args: Any, **kwargs: Any) -> bool:
    """Whether the answer is what torch gives; also when torch is left to give it."""
    expected = func(*args, **kwargs)
    found = answered(func, args, kwargs)
    if found is None:
        return False
    assert (found.shape, found.dtype, found.device) == (
        expected.shape,
        expected.dtype,
        expected.device,
    )
    assert found.stride() == expected.stride()
    assert (found is args[0]) == (expected is args[0])
    return True


@given(st.sampled_from(_POINTWISE), SHAPES, DTYPES)
def test_pointwise(func: Any, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    assert as_torch(func, empty(shape, dtype))


@given(SHAPES)
def test_in_place(shape: tuple[int, ...]) -> None:
    assert as_torch(F.relu, empty(shape), inplace=True)


@given(st.sampled_from(_SUMS), SHAPES, SHAPES, DTYPES, DTYPES)
def test_sums(func: Any, one: Any, other: Any, first: torch.dtype, second: torch.dtype) -> None:
    a, b = empty(one, first), empty(other, second)
    try:
        told = as_torch(func, a, b)
    except RuntimeError:  # torch's: they do not fit
        assert answered(func, (a, b), {}) is None
    else:
        assert told == (one == other and first == second)


def test_a_permuted_map_keeps_its_strides() -> None:
    assert as_torch(F.relu, empty((1, 2, 3, 4)).permute(0, 3, 1, 2))


@given(st.integers(1, 4), st.integers(1, 4), st.booleans(), st.booleans())
def test_batch_norm(channels: int, wanted: int, affine: bool, training: bool) -> None:
    x, each = empty((1, channels, 3, 3)), empty((wanted,))
    more = (each, each) if affine else (None, None)
    args = (x, each, each, *more, training, 0.1, 1e-5)
    told = answered(F.batch_norm, args, {})
    if channels != wanted or training:
        assert told is None
    else:
        assert as_torch(F.batch_norm, *args)


def test_a_batch_norm_that_does_not_fit_still_fails() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(5))
    with pytest.raises(SpecError, match="fails on an input of this size"):
        network_graph(net, (3, 8, 8))


def test_whole_numbers_are_torchs() -> None:
    assert answered(F.relu, (empty((2,), torch.int64),), {}) is None
    assert answered(torch.add, (empty((2,)), 1), {}) is None
    assert answered(F.relu, (torch.zeros(2),), {}) is None


def test_where_gradients_are_on_torch_is_asked() -> None:
    with torch.enable_grad():
        assert _result_of_same_shape(F.relu, (empty((2,)),), {}) is None
