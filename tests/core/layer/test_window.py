"""Window arithmetic against torch's shapes and gradients, and its own algebra."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from core.errors import SpecError, whole
from core.layer.window import INSERTED, OUTSIDE, PAD, Pads, Pair, Window2d, checked_pads, pair
from tests.core.naive import walk
from tests.core.strategies import pads, pairs, sizes, windows


def sides(padding: Pads) -> list[int]:
    """Padding in the order of F.pad."""
    (top, bottom), (left, right) = padding
    return [left, right, top, bottom]


def fits(window: Window2d, size: Pair) -> bool:
    try:
        window.output_size(size)
    except SpecError:
        return False
    return True


def plain(window: Window2d) -> Window2d:
    """The window without ceil_mode."""
    return Window2d(window.kernel_size, window.stride, window.padding, window.dilation)


def convolved(window: Window2d, x: torch.Tensor) -> torch.Tensor:
    """x summed under the window by torch: a convolution whose weights are all 1."""
    weight = torch.ones(1, 1, *window.kernel_size, device=x.device, dtype=x.dtype)
    padded = F.pad(x, sides(window.padding))
    return F.conv2d(padded, weight, None, window.stride, 0, window.dilation)


@given(windows(), sizes())
def test_output_size_is_torchs_or_both_refuse(window: Window2d, size: Pair) -> None:
    window = plain(window)
    try:
        y = convolved(window, torch.empty(1, 1, *size, device="meta"))
    except RuntimeError:
        with pytest.raises(SpecError, match="spans"):
            window.output_size(size)
    else:
        assert window.output_size(size) == y.shape[2:]


@given(windows(), pairs(0, 3), sizes())
def test_output_size_of_pooling_is_torchs_or_both_refuse(
    window: Window2d, padding: Pair, size: Pair
) -> None:
    rows, cols = (min(p, k // 2) for p, k in zip(padding, window.kernel_size, strict=True))
    window = Window2d(
        window.kernel_size,
        window.stride,
        ((rows, rows), (cols, cols)),
        window.dilation,
        window.ceil_mode,
    )
    pool = torch.nn.MaxPool2d(
        window.kernel_size,
        window.stride,
        (rows, cols),
        window.dilation,
        ceil_mode=window.ceil_mode,
    )
    try:
        y = pool(torch.zeros(1, 1, *size))
    except RuntimeError:
        assert not fits(window, size)
    else:
        assert window.output_size(size) == y.shape[2:]


@given(windows(), sizes())
def test_starts_are_where_a_walk_puts_the_windows(window: Window2d, size: Pair) -> None:
    assume(fits(window, size))
    for axis in (0, 1):
        before, after = window.padding[axis]
        span = window.effective_kernel_size[axis]
        walked = walk(size[axis], before, after, span, window.stride[axis], window.ceil_mode)
        assert window.starts(size)[axis].tolist() == [start - before for start in walked]
        assert window.axes(size)[axis].starts.tolist() == walked


@given(windows(), sizes())
def test_taps_agree_with_starts_and_axes(window: Window2d, size: Pair) -> None:
    assume(fits(window, size))
    rows, cols = window.output_size(size)
    for output in ((0, 0), (rows - 1, cols - 1), (rows // 2, cols // 2)):
        for axis, taps in enumerate(window.taps(output)):
            steps = np.arange(window.kernel_size[axis]) * window.dilation[axis]
            assert np.array_equal(taps, window.starts(size)[axis][output[axis]] + steps)
            along = window.axes(size)[axis]
            expected = np.where((taps >= 0) & (taps < size[axis]), taps, -1)
            source = along.source[along.taps[output[axis]]]
            assert np.array_equal(np.where(source >= 0, source, -1), expected)
            assert ((source == OUTSIDE) == (taps >= size[axis] + window.padding[axis][1])).all()


@given(windows(), sizes())
def test_read_counts_are_torchs_gradient(window: Window2d, size: Pair) -> None:
    window = plain(window)
    assume(fits(window, size))
    x = torch.zeros(1, 1, *size, requires_grad=True)
    convolved(window, x).sum().backward()
    assert x.grad is not None
    counts = x.grad[0, 0].numpy()
    assert np.array_equal(window.read_counts(size), counts)
    assert np.array_equal(window.unread(size).mask, counts == 0)


@given(pairs(1, 6), pairs(1, 5), sizes())
def test_read_counts_with_ceil_mode_are_torchs_gradient(
    kernel: Pair, stride: Pair, size: Pair
) -> None:
    rows, cols = kernel[0] // 2, kernel[1] // 2
    window = Window2d(kernel, stride, ((rows, rows), (cols, cols)), ceil_mode=True)
    assume(fits(window, size))
    x = torch.zeros(1, 1, *size, requires_grad=True)
    # divisor_override=1 makes a sum of the average.
    F.avg_pool2d(x, kernel, stride, (rows, cols), True, True, 1).sum().backward()
    assert x.grad is not None
    assert np.array_equal(window.read_counts(size), x.grad[0, 0].numpy())


@given(windows(), sizes())
def test_remainder_is_what_lies_past_the_last_window(window: Window2d, size: Pair) -> None:
    assume(fits(window, size))
    for axis, remainder in enumerate(window.unread(size).remainder):
        before, after = window.padding[axis]
        span = window.effective_kernel_size[axis]
        last = walk(size[axis], before, after, span, window.stride[axis], window.ceil_mode)[-1]
        assert remainder == max(0, before + size[axis] + after - last - span)


@given(windows(), sizes())
def test_every_tap_of_every_window_is_counted_once(window: Window2d, size: Pair) -> None:
    assume(fits(window, size))
    for axis in (0, 1):
        along = window.axes(size)[axis]
        taps = window.output_size(size)[axis] * window.kernel_size[axis]
        assert along.grid_reads.sum() == taps
        assert len(along.grid_reads) == len(along.source)
        assert along.source[along.source >= 0].tolist() == list(range(size[axis]))
        assert (along.source == PAD).sum() == sum(window.padding[axis])


@given(windows(), sizes(), pads())
def test_padding_a_picture_or_a_window_is_the_same(
    window: Window2d, size: Pair, more: Pads
) -> None:
    """A padded picture under a window, or the picture under a window that pads that much."""
    window = plain(window)
    grown = (size[0] + sum(more[0]), size[1] + sum(more[1]))
    summed = tuple((a + c, b + d) for (a, b), (c, d) in zip(window.padding, more, strict=True))
    both = Window2d(window.kernel_size, window.stride, summed, window.dilation)  # type: ignore[arg-type]
    assume(fits(both, size))
    assert both.output_size(size) == window.output_size(grown)
    (top, bottom), (left, right) = more
    cropped = window.read_counts(grown)[top : grown[0] - bottom, left : grown[1] - right]
    assert np.array_equal(both.read_counts(size), cropped)


@given(windows(), sizes(8), pairs(0, 4))
def test_transposed_size_is_torchs_or_both_refuse(
    window: Window2d, size: Pair, extra: Pair
) -> None:
    (top, _), (left, _) = window.padding
    limit = [max(s, d) - 1 for s, d in zip(window.stride, window.dilation, strict=True)]
    extra = (min(extra[0], limit[0]), min(extra[1], limit[1]))
    window = Window2d(
        window.kernel_size, window.stride, ((top, top), (left, left)), window.dilation
    )
    layer = torch.nn.ConvTranspose2d(
        1, 1, window.kernel_size, window.stride, (top, left), extra, dilation=window.dilation
    )
    try:
        y = layer(torch.zeros(1, 1, *size))
        if not y.numel():  # torch lets an output of no pixels pass
            raise RuntimeError("empty")
    except RuntimeError:
        with pytest.raises(SpecError, match="cuts the whole"):
            window.transposed_output_size(size, extra)
    else:
        assert window.transposed_output_size(size, extra) == y.shape[2:]


@given(windows(), sizes(8), pairs(0, 4))
def test_convolution_takes_a_transposed_convolution_back(
    window: Window2d, size: Pair, extra: Pair
) -> None:
    """output_padding below the stride chooses among the sizes that shrink to the same one."""
    window = plain(window)
    extra = (min(extra[0], window.stride[0] - 1), min(extra[1], window.stride[1] - 1))
    try:
        grown = window.transposed_output_size(size, extra)
    except SpecError:
        assume(False)
    assert window.output_size(grown) == size


@given(windows(), sizes())
def test_output_padding_takes_any_convolution_back(window: Window2d, size: Pair) -> None:
    window = plain(window)
    assume(fits(window, size))
    small, (rows, cols) = window.output_size(size), window.unread(size).remainder
    assert window.transposed_output_size(small, (rows, cols)) == size
    assert rows < window.stride[0]
    assert cols < window.stride[1]


@given(windows(), sizes(6), pairs(0, 2))
def test_transposed_write_counts_are_a_scatter_of_ones(
    window: Window2d, size: Pair, extra: Pair
) -> None:
    """Every input adds 1 wherever one of its taps lands inside the output."""
    try:
        height, width = window.transposed_output_size(size, extra)
    except SpecError:
        assume(False)
    counts = np.zeros((height, width), dtype=int)
    (top, _), (left, _) = window.padding
    for row, col in np.ndindex(size):
        for down, right in np.ndindex(window.kernel_size):
            y = row * window.stride[0] + down * window.dilation[0] - top
            x = col * window.stride[1] + right * window.dilation[1] - left
            if 0 <= y < height and 0 <= x < width:
                counts[y, x] += 1
    assert np.array_equal(window.transposed_write_counts(size, extra), counts)


def test_the_checkerboard_of_a_transposed_convolution() -> None:
    """3×3 by stride 2: one, two, one, two inputs along each axis; 2×2 and 4×4 are even."""
    counts = Window2d((3, 3), (2, 2), ((1, 1), (1, 1))).transposed_write_counts((4, 4))
    assert counts[0].tolist() == [1, 2, 1, 2, 1, 2, 1]
    assert np.array_equal(counts, np.outer(counts[0], counts[0]))
    assert (Window2d((2, 2), (2, 2)).transposed_write_counts((4, 4)) == 1).all()
    assert (
        Window2d((4, 4), (2, 2), ((1, 1), (1, 1))).transposed_write_counts((4, 4))[1:-1, 1:-1] == 4
    ).all()


@given(windows(), sizes(8), pairs(0, 2))
def test_transposed_reads_are_torchs_gradient(window: Window2d, size: Pair, extra: Pair) -> None:
    try:
        height, width = window.transposed_output_size(size, extra)
    except SpecError:
        assume(False)
    rows, cols = window.transposed_axes(size, extra)
    x = torch.zeros(1, 1, *size, requires_grad=True)
    weight = torch.ones(1, 1, *window.kernel_size)
    canvas = F.conv_transpose2d(x, weight, None, window.stride, 0, 0, 1, window.dilation)
    canvas = F.pad(canvas, (0, extra[1], 0, extra[0]))
    (top, _), (left, _) = window.padding
    y = canvas[:, :, top : top + height, left : left + width]
    assert y.shape[2:] == (height, width)
    y.sum().backward()
    assert x.grad is not None
    assert np.array_equal(np.outer(rows.reads, cols.reads), x.grad[0, 0].numpy())


@given(windows(), sizes(8))
def test_transposed_grid_has_stride_minus_one_zeros_between_pixels(
    window: Window2d, size: Pair
) -> None:
    try:
        along = window.transposed_axes(size)
    except SpecError:
        assume(False)
    for axis in (0, 1):
        at = np.flatnonzero(along[axis].source >= 0)
        assert along[axis].source[at].tolist() == list(range(size[axis]))
        assert (np.diff(at) == window.stride[axis]).all()
        between = along[axis].source[at[0] : at[-1] + 1]
        assert (between == INSERTED).sum() == (size[axis] - 1) * (window.stride[axis] - 1)


@pytest.mark.parametrize(
    "size, window, output, unread_rows",
    [
        (6, Window2d((3, 3)), 4, []),
        (6, Window2d((3, 3), (2, 2)), 2, [5]),
        (7, Window2d((3, 3), (2, 2)), 3, []),
        (224, Window2d((7, 7), (2, 2), ((3, 3), (3, 3))), 112, []),
        (5, Window2d((2, 2), (3, 3)), 2, [2]),
        (5, Window2d((1, 1), (2, 2)), 3, [1, 3]),
    ],
)
def test_textbook(size: int, window: Window2d, output: int, unread_rows: list[int]) -> None:
    assert window.output_size((size, size)) == (output, output)
    mask = window.unread((size, size)).mask
    assert np.flatnonzero(mask.all(1)).tolist() == unread_rows
    assert np.flatnonzero(mask.all(0)).tolist() == unread_rows
    expected = size * size - (size - len(unread_rows)) ** 2
    assert mask.sum() == expected


def test_remainder_of_the_textbook_case() -> None:
    assert Window2d((3, 3), (2, 2)).unread((6, 6)).remainder == (1, 1)
    assert Window2d((3, 3), (2, 2)).unread((7, 7)).remainder == (0, 0)


@pytest.mark.parametrize(
    "given_padding, stored",
    [
        (1, ((1, 1), (1, 1))),
        ((1, 2), ((1, 1), (2, 2))),
        ([1, 2], ((1, 1), (2, 2))),
        (((0, 1), (2, 3)), ((0, 1), (2, 3))),
        (((0, 1), 2), ((0, 1), (2, 2))),
        (np.int64(3), ((3, 3), (3, 3))),
    ],
)
def test_padding_is_stored_four_sided(given_padding: Any, stored: Pads) -> None:
    assert checked_pads(given_padding) == stored
    assert Window2d((1, 1), padding=given_padding).padding == stored


@pytest.mark.parametrize("value", [True, 1.0, "1", None, np.float32(1)])
def test_only_whole_numbers_are_numbers(value: object) -> None:
    with pytest.raises(SpecError, match="stride must be a whole number"):
        whole("stride", value, 1)


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_whole_has_a_minimum(value: int, minimum: int) -> None:
    if value >= minimum:
        assert whole("stride", value, minimum) == value
    else:
        with pytest.raises(SpecError, match=f"at least {minimum}"):
            whole("stride", value, minimum)


@pytest.mark.parametrize("value", [(1,), (1, 2, 3), ()])
def test_a_pair_is_two(value: tuple[int, ...]) -> None:
    with pytest.raises(SpecError, match="one number or"):
        pair("stride", value, 1)


@pytest.mark.parametrize(
    "arguments, parameter",
    [
        ({"kernel_size": 0}, "kernel_size"),
        ({"kernel_size": (3, 0)}, "kernel_size"),
        ({"kernel_size": 3, "stride": 0}, "stride"),
        ({"kernel_size": 3, "padding": -1}, "padding"),
        ({"kernel_size": 3, "padding": ((0, 1), (0, -1))}, "padding"),
        ({"kernel_size": 3, "padding": (1, 2, 3, 4)}, "padding"),
        ({"kernel_size": 3, "dilation": 0}, "dilation"),
    ],
)
def test_settings_out_of_range_are_refused(arguments: dict, parameter: str) -> None:
    with pytest.raises(SpecError) as caught:
        Window2d(**arguments)
    assert caught.value.parameter == parameter


def test_an_input_of_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="input size must be at least 1"):
        Window2d((1, 1)).output_size((0, 4))
