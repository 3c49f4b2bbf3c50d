"""The formula as shown against torch, and against the arithmetic it shows."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SpecError
from core.layer import LayerSpec
from core.layer.operations import OPERATIONS, check, operation_of, output_size
from core.layer.padding import CONVENTIONS
from core.layer.sizes import (
    formula,
    measured_size,
    smaller_input_with_same_remainder,
    unread_pixels,
)
from core.layer.window import Pair
from tests.core.strategies import cases, layers, sizes

TEXTBOOK = [
    (LayerSpec(kernel_size=(3, 3)), (6, 6), (4, 4)),
    (LayerSpec(kernel_size=(3, 3), stride=(2, 2)), (6, 6), (2, 2)),
    (LayerSpec(kernel_size=(3, 3), stride=(2, 2)), (7, 7), (3, 3)),
    (LayerSpec("convolution", (7, 7), (2, 2), ((3, 3), (3, 3))), (224, 224), (112, 112)),
]


@pytest.mark.parametrize("spec, size, expected", TEXTBOOK)
def test_textbook(spec: LayerSpec, size: Pair, expected: Pair) -> None:
    assert tuple(axis.outputs for axis in formula(spec, size)) == expected
    assert measured_size(spec, size) == expected


def test_six_by_six_at_stride_two_leaves_a_row_and_a_column_unread() -> None:
    spec = LayerSpec(stride=(2, 2))
    assert [axis.remainder for axis in formula(spec, (6, 6))] == [1, 1]
    assert unread_pixels(spec, (6, 6)) == 6 + 6 - 1
    assert unread_pixels(spec, (7, 7)) == 0


@given(cases())
def test_formula_gives_the_size_and_the_remainder_of_the_windows(
    case: tuple[LayerSpec, Pair],
) -> None:
    spec, size = case
    axes = operation_of(spec).axes(spec, size)
    for axis, expected, windows in zip(
        formula(spec, size), output_size(spec, size), axes, strict=True
    ):
        assert axis.outputs == expected
        if not axis.transposed:
            assert axis.remainder == windows.remainder
            assert axis.rounded + 1 - axis.dropped == axis.outputs


@given(cases())
def test_steps_of_the_formula_are_equal_to_each_other(case: tuple[LayerSpec, Pair]) -> None:
    for axis in formula(*case):
        assert {_evaluated(step) for step in axis.text_steps} == {axis.outputs}
        assert len(axis.latex_steps) == len(axis.text_steps)
        assert axis.latex == " = ".join(axis.latex_steps)


def _evaluated(step: str) -> int:
    """A step read back as arithmetic, exactly."""
    step = step.replace("−", "-").replace("×", "*")
    for left, right, function in (("⌊", "⌋", "floor"), ("⌈", "⌉", "ceil")):
        if left in step:
            inside = step[step.index(left) + 1 : step.index(right)]
            return _rounded(inside, function) + _sum(step[step.index(right) + 1 :])
    return _sum(step)


def _rounded(text: str, function: str) -> int:
    if text.startswith("("):
        numerator, _, denominator = text.rpartition("/")
        value = Fraction(_sum(numerator), int(denominator))
    else:  # 3.5, or 3 2/3
        sign = -1 if text.startswith("-") else 1
        value = sign * sum((Fraction(part) for part in text.lstrip("-").split()), Fraction(0))
    return value // 1 if function == "floor" else -(-value // 1)


def _sum(text: str) -> int:
    multiplied = re.sub(r"(\d)\(", r"\1*(", text)
    return int(eval(multiplied, {"__builtins__": {}}))  # this module wrote the text


def test_rendering() -> None:
    spec = LayerSpec(stride=(2, 2), padding=((1, 1), (1, 1)))
    axis = formula(spec, (8, 8))[0]
    assert axis.text == "⌊(8 + 1 + 1 − 3)/2⌋ + 1 = ⌊3.5⌋ + 1 = 4"
    assert axis.latex == (
        r"\left\lfloor \frac{8 + 1 + 1 - 3}{2} \right\rfloor + 1 = \lfloor 3.5 \rfloor + 1 = 4"
    )
    assert axis.rule == r"\left\lfloor \frac{n + p_0 + p_1 - k}{s} \right\rfloor + 1"


def test_rendering_of_thirds_dilation_ceil_mode_and_transposed() -> None:
    thirds = formula(LayerSpec(stride=(3, 3)), (10, 10))[0]
    assert thirds.text_steps[1] == "⌊2 1/3⌋ + 1"
    assert thirds.latex_steps[1] == r"\lfloor 2\tfrac{1}{3} \rfloor + 1"
    dilated = formula(LayerSpec(dilation=(2, 2)), (9, 9))[0]
    assert dilated.span_text == "2(3 - 1) + 1 = 5"
    assert dilated.latex_steps[0].startswith(r"\left\lfloor \frac{9 + 0 + 0 - (2(3 - 1) + 1)}{1}")
    pool = LayerSpec("max_pooling", (2, 2), (2, 2), ((1, 1), (1, 1)), ceil_mode=True)
    dropped = formula(pool, (3, 3))[0]
    assert dropped.dropped
    assert dropped.text == "⌈(3 + 1 + 1 − 2)/2⌉ + 1 − 1 = ⌈1.5⌉ + 1 − 1 = 2"
    transposed = LayerSpec(
        "transposed_convolution", (3, 3), (2, 2), ((1, 1), (1, 1)), output_padding=(1, 0)
    )
    grown = formula(transposed, (4, 4))
    assert [axis.text for axis in grown] == [
        "(4 − 1)×2 − 1 − 1 + 3 + 1 = 8",
        "(4 − 1)×2 − 1 − 1 + 3 = 7",
    ]
    assert "output padding" in grown[0].rule
    assert "output padding" not in grown[1].rule


def test_formula_refuses_what_does_not_fit() -> None:
    with pytest.raises(SpecError, match="kernel_size"):
        formula(LayerSpec(kernel_size=(5, 5)), (4, 9))


@given(layers(), sizes())
def test_torch_gives_the_formulas_size_or_refuses_too(spec: LayerSpec, size: Pair) -> None:
    """What core refuses of a one-sided padding is a refusal of its own: torch never sees it."""
    try:
        expected: Pair | None = check(spec, size, limit=None)
    except SpecError:
        expected = None
    measured = measured_size(spec, size)
    if expected is not None or (spec.symmetric and spec.padding_mode == "zeros"):
        assert measured == expected


@given(cases())
def test_an_empty_batch_has_the_shape_of_a_real_one(case: tuple[LayerSpec, Pair]) -> None:
    spec, size = case
    row = operation_of(spec)
    shape = row.weight_shape(spec)
    weight = torch.zeros(shape) if shape and row.learned else None
    bias = torch.zeros(spec.out_channels) if spec.bias else None
    y = row.run(spec, torch.zeros(1, spec.in_channels, *size), weight, bias)
    assert measured_size(spec, size) == tuple(y.shape[2:])
    assert check(spec, size, limit=None) == check(spec, size)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_measuring_takes_no_memory(name: str) -> None:
    """4096² at stride 8 would be a gigapixel for a transposed convolution."""
    spec = LayerSpec(name, (11, 11), (8, 8), ((5, 5), (5, 5)))
    assert measured_size(spec, (4096, 4095)) == output_size(spec, (4096, 4095))


@given(cases())
def test_unread_pixels_are_those_of_the_windows(case: tuple[LayerSpec, Pair]) -> None:
    spec, size = case
    rows, cols = operation_of(spec).axes(spec, size)
    assert unread_pixels(spec, size) == int((np.outer(rows.reads, cols.reads) == 0).sum())


@given(cases("convolution"), st.integers(0, 40), st.integers(4, 20))
def test_a_smaller_input_keeps_remainder_and_padding(
    case: tuple[LayerSpec, Pair], strides: int, limit: int
) -> None:
    spec, small = case
    size = small[0] + strides * spec.stride[0], small[1] + strides * spec.stride[1]
    less = smaller_input_with_same_remainder(spec, size, limit)
    for n, m, stride in zip(size, less, spec.stride, strict=True):
        assert (n - m) % stride == 0
        assert m <= max(n, limit)
    remainders = [[axis.remainder for axis in formula(spec, s)] for s in (size, less)]
    assert remainders[0] == remainders[1]
    window = spec.window
    for name in ("tf_same", "same_lower"):
        pads = CONVENTIONS[name].pads
        if all(m >= span for m, span in zip(less, window.effective_kernel_size, strict=True)):
            assert pads(size, window) == pads(less, window)
