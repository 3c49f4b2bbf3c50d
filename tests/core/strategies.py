"""Random layers and inputs, the degenerate ones included."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS, check, operation_of
from core.layer.padding import FILLS
from core.layer.window import Pads, Pair, Window2d

POOLING = ("max_pooling", "average_pooling")


def pairs(low: int, high: int) -> st.SearchStrategy[Pair]:
    """(height, width), equal about half of the time."""
    number = st.integers(low, high)
    return number.map(lambda n: (n, n)) | st.tuples(number, number)


def sizes(high: int = 14) -> st.SearchStrategy[Pair]:
    """Input (height, width) from 1×1."""
    return pairs(1, high)


def pads(high: int = 4) -> st.SearchStrategy[Pads]:
    """Four-sided padding: none, the same all around, symmetric, or any."""
    side = st.integers(0, high)
    return (
        st.just(((0, 0), (0, 0)))
        | side.map(lambda p: ((p, p), (p, p)))
        | st.tuples(side, side).map(lambda p: ((p[0], p[0]), (p[1], p[1])))
        | st.tuples(st.tuples(side, side), st.tuples(side, side))
    )


def half_padded(padding: Pads, kernel: Pair) -> Pads:
    """The padding cut to what torch's pooling layers allow: half of the kernel."""
    rows, cols = (
        (min(before, k // 2), min(after, k // 2))
        for (before, after), k in zip(padding, kernel, strict=True)
    )
    return rows, cols


@st.composite
def windows(draw: st.DrawFn) -> Window2d:
    """Any window, whether or not it fits an input; ceil_mode as pooling layers have it."""
    kernel, stride, dilation = draw(pairs(1, 6)), draw(pairs(1, 5)), draw(pairs(1, 3))
    padding, ceil_mode = draw(pads()), draw(st.booleans())
    if ceil_mode:
        padding = half_padded(padding, kernel)
    return Window2d(kernel, stride, padding, dilation, ceil_mode)


@st.composite
def layers(draw: st.DrawFn, operation: str | None = None) -> LayerSpec:
    """A layer with only settings its operation has; it may not fit any input."""
    name = operation or draw(st.sampled_from(sorted(OPERATIONS)))
    row = OPERATIONS[name]
    groups = draw(st.integers(1, 3))
    channels = {
        "in_channels": groups * draw(st.integers(1, 2)),
        "out_channels": groups * draw(st.integers(1, 2)),
        "groups": groups,
    }
    free: dict[str, st.SearchStrategy[Any]] = {
        "kernel_size": pairs(1, 5),
        "stride": pairs(1, 4),
        "padding": pads(3),
        "dilation": st.just((1, 1)) | pairs(1, 3),
        "padding_mode": st.sampled_from(sorted(FILLS)),
        "ceil_mode": st.booleans(),
        "count_include_pad": st.booleans(),
        "output_padding": pairs(0, 2),
        "bias": st.booleans(),
    }
    settings = {key: draw(value) for key, value in free.items() if row.has(key)}
    if row.has("groups"):
        return LayerSpec(operation=name, **channels, **settings)
    return LayerSpec(operation=name, in_channels=draw(st.integers(1, 2)), **settings)


@st.composite
def cases(draw: st.DrawFn, operation: str | None = None) -> tuple[LayerSpec, Pair]:
    """A layer and an input size on which it runs."""
    spec, size = draw(layers(operation)), draw(sizes())
    if spec.operation in POOLING:  # most draws would have too much padding
        spec = replace(spec, padding=half_padded(spec.padding, spec.kernel_size))
    try:
        check(spec, size)
    except SpecError:
        assume(False)
    return spec, size


@st.composite
def runs(
    draw: st.DrawFn, operation: str | None = None
) -> tuple[LayerSpec, np.ndarray, np.ndarray | None, np.ndarray | None]:
    """A layer that runs, its (C, H, W) input, and its weight and bias in torch's layout."""
    spec, size = draw(cases(operation))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    row = operation_of(spec)
    shape = row.weight_shape(spec)

    def values(*dims: int) -> np.ndarray:
        drawn = rng.normal(size=dims)
        return (drawn.round(1) if rng.random() < 0.5 else drawn).astype(np.float32)

    return (
        spec,
        values(spec.in_channels, *size),
        values(*shape) if row.learned and shape else None,
        values(spec.out_channels) if spec.bias else None,
    )
