"""One-click repairs of a layer whose windows leave input pixels unread.

A pixel is unread when no output depends on it (`unread_mask`). Rows and columns of padding past the
last window do no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import SpecError
from .operations import check, operation_of, output_size
from .padding import padding_source
from .spec import LayerSpec
from .window import Axis, BoolArray, Pads, Pair

MAX_FIXES = 4
"""Largest number of repairs that `fixes` returns."""
MAX_KERNEL = 11
"""Largest kernel side that a repair proposes, in pixels."""
MAX_PADDING = 10
"""Largest padding per side that a repair proposes, in pixels."""
MAX_INPUT = 64
"""Largest input side that a repair proposes, in pixels."""


@dataclass(frozen=True)
class Fix:
    """A layer and an input size that leave no pixel unread.

    Attributes:
        label: what changes, short enough for a button, e.g. ``"padding 0 → 1"``.
        spec: the repaired layer.
        size: the input (height, width) to use with it.
    """

    label: str
    spec: LayerSpec
    size: Pair


AxisSetter = Callable[[int, int], LayerSpec]
"""Function from (axis, value) to a layer in which one setting has this value along the axis."""


def unread_mask(spec: LayerSpec, size: Pair) -> BoolArray:
    """(height, width) whether no output of the layer depends on each input pixel.

    Padding that copies pixels (``padding_mode`` reflect, replicate, circular) counts as
    reading them: the gradient reaches a pixel through its copies.

    Raises:
        SpecError: the layer does not fit the input.
    """
    unread_axes = [
        _unread_mask_along_axis(axis, spec.padding[i], spec.padding_mode, size[i])
        for i, axis in enumerate(operation_of(spec).axes(spec, size))
    ]
    return unread_axes[0][:, None] | unread_axes[1][None, :]


def _unread_mask_along_axis(axis: Axis, padding: Pair, padding_mode: str, n: int) -> BoolArray:
    """(n,) whether no window along this axis reads the pixel or a copy of it in the padding."""
    source = axis.source if padding_mode == "zeros" else padding_source(n, *padding, padding_mode)
    read = source[(axis.grid_reads > 0) & (source >= 0)]
    return ~np.isin(np.arange(n), read)


def fixes(spec: LayerSpec, size: Pair) -> list[Fix]:
    """At most ``MAX_FIXES`` repairs, best first; none when every pixel is read.

    Each repair makes the smallest sufficient change of one setting: first the padding (after
    the picture only, then on all sides), then ``ceil_mode``, the kernel, the input (enlarged,
    then cropped to the pixels that are read), the stride, the dilation; stride and dilation
    together only when no single change is enough. After each repair every pixel is read
    directly, not only as a copy in the padding.

    Raises:
        SpecError: the layer cannot be run on this input in the first place.
    """
    check(spec, size)
    if not unread_mask(spec, size).any():
        return []
    repairs: dict[tuple[LayerSpec, Pair], Fix] = {}
    for fix in _all_fixes(spec, size):
        if not any(_axes_with_unread_pixels(fix.spec, fix.size)):
            repairs.setdefault((fix.spec, fix.size), fix)
        if len(repairs) == MAX_FIXES:
            break
    if not repairs:
        dense = replace(spec, stride=(1, 1), dilation=(1, 1))
        return (
            []
            if any(_axes_with_unread_pixels(dense, size))
            else [Fix("stride and dilation → 1", dense, size)]
        )
    return list(repairs.values())


def _axes_with_unread_pixels(spec: LayerSpec, size: Pair) -> tuple[bool, bool]:
    """Whether some row (column) of pixels is not read directly; True if the layer cannot run.

    A copy of the pixel in the padding does not count as reading it directly.
    """
    try:
        check(spec, size)
    except SpecError:
        return True, True
    rows, cols = operation_of(spec).axes(spec, size)
    return bool((rows.reads == 0).any()), bool((cols.reads == 0).any())


def _all_fixes(spec: LayerSpec, size: Pair) -> Iterator[Fix]:
    """Yield repairs of every kind in order of preference; not all leave every pixel read."""
    operation = operation_of(spec)
    if operation.has("output_padding"):
        yield from _fix_by_less_cropping(spec, size)
    else:
        yield from _fix_by_padding_after(spec, size)
        yield from _fix_by_padding_around(spec, size)
    if operation.has("ceil_mode") and not spec.ceil_mode:
        yield Fix("ceil_mode on", replace(spec, ceil_mode=True), size)
    yield from _fix_by_setting(spec, size, "kernel_size", "kernel", _kernel_sizes(spec))
    yield from _fix_by_input_size(spec, size, grow=True)
    yield from _fix_by_input_size(spec, size, grow=False)
    yield from _fix_by_setting(spec, size, "stride", "stride", range(1, max(spec.stride)))
    yield from _fix_by_setting(spec, size, "dilation", "dilation", range(1, max(spec.dilation)))


def _kernel_sizes(spec: LayerSpec) -> range:
    """Kernel sizes to try: one smaller to one larger, and up to the stride.

    A kernel as long as the stride leaves no gaps between windows.
    """
    maximum = max(max(spec.kernel_size) + 1, *spec.stride)
    return range(max(1, min(spec.kernel_size) - 1), min(maximum, MAX_KERNEL) + 1)


def _with_axis_value(pair: Pair, axis: int, value: int) -> Pair:
    """The pair with the entry of one axis replaced."""
    return (value, pair[1]) if axis == 0 else (pair[0], value)


def _other_values_nearest_first(values: Iterable[int], current: int) -> list[int]:
    """The values without the current one, nearest first; of two equally near the larger first."""
    return sorted(set(values) - {current}, key=lambda v: (abs(v - current), -v))


def _nearest_sufficient_values(
    spec: LayerSpec, size: Pair, current: Pair, values: Iterable[int], with_value: AxisSetter
) -> Pair | None:
    """The pair of values nearest to ``current`` that leaves no pixel unread; None without one.

    Only the entries of axes with unread pixels change.
    """
    values = list(values)
    lossy = _axes_with_unread_pixels(spec, size)
    chosen = list(current)
    for axis in (0, 1):
        if lossy[axis]:
            works = (
                v
                for v in _other_values_nearest_first(values, current[axis])
                if not _axes_with_unread_pixels(with_value(axis, v), size)[axis]
            )
            value = next(works, None)
            if value is None:
                return None
            chosen[axis] = value
    return chosen[0], chosen[1]


def _fix_by_setting(
    spec: LayerSpec, size: Pair, name: str, label: str, values: range
) -> Iterator[Fix]:
    """Yield at most one repair by another kernel size, stride or dilation.

    A setting that is equal along both axes stays so where that is possible.
    """
    current: Pair = getattr(spec, name)
    if not operation_of(spec).has(name):
        return
    if current[0] == current[1]:
        for value in _other_values_nearest_first(values, current[0]):
            square = _with_setting(spec, name, (value, value))
            if not any(_axes_with_unread_pixels(square, size)):
                yield Fix(f"{label} {current[0]} → {value}", square, size)
                return
    new = _nearest_sufficient_values(
        spec,
        size,
        current,
        values,
        lambda axis, v: _with_setting(spec, name, _with_axis_value(current, axis, v)),
    )
    if new is not None:
        label = f"{label} {_pair_text(current)} → {_pair_text(new)}"
        yield Fix(label, _with_setting(spec, name, new), size)


def _with_setting(spec: LayerSpec, name: str, value: Pair) -> LayerSpec:
    """The layer with one setting replaced."""
    change: dict[str, Any] = {name: value}
    return replace(spec, **change)


def _fix_by_padding_after(spec: LayerSpec, size: Pair) -> Iterator[Fix]:
    """Yield at most one repair by more padding at the bottom and the right only."""
    after = spec.padding[0][1], spec.padding[1][1]

    def padded(axis: int, value: int) -> LayerSpec:
        return replace(spec, padding=_with_padding_after(spec.padding, axis, value))

    candidates = range(min(after), MAX_PADDING + 1)
    new = _nearest_sufficient_values(spec, size, after, candidates, padded)
    if new is None:
        return
    pads = _with_padding_after(_with_padding_after(spec.padding, 0, new[0]), 1, new[1])
    yield Fix(_padding_after_label(after, new), _with_padding(spec, pads), size)


def _padding_after_label(old: Pair, new: Pair) -> str:
    """The label of a change of the (bottom, right) padding."""
    if old[0] == old[1] and new[0] == new[1]:
        return f"bottom and right padding {old[0]} → {new[0]}"
    sides = zip(("bottom", "right"), old, new, strict=True)
    return "padding " + ", ".join(f"{side} {a} → {b}" for side, a, b in sides if a != b)


def _with_padding_after(pads: Pads, axis: int, value: int) -> Pads:
    """The padding with the side after the picture (bottom or right) replaced along one axis."""
    rows, cols = pads
    return ((rows[0], value), cols) if axis == 0 else (rows, (cols[0], value))


def _fix_by_padding_around(spec: LayerSpec, size: Pair) -> Iterator[Fix]:
    """Yield at most one repair by equal padding on all four sides, nowhere less than now."""
    maximum = max(max(pads) for pads in spec.padding)
    for value in range(maximum, MAX_PADDING + 1):
        pads = ((value, value), (value, value))
        if pads != spec.padding and not any(
            _axes_with_unread_pixels(_with_padding(spec, pads), size)
        ):
            yield Fix(_padding_around_label(spec.padding, value), _with_padding(spec, pads), size)
            return


def _padding_around_label(old: Pads, value: int) -> str:
    """The label of a change to ``value`` on all sides."""
    sides = {side for pads in old for side in pads}
    if len(sides) == 1:
        return f"padding {min(sides)} → {value}"
    return f"padding {'at most ' if value < max(sides) else ''}{value} on every side"


def _fix_by_less_cropping(spec: LayerSpec, size: Pair) -> Iterator[Fix]:
    """Yield at most one repair of a transposed convolution, by the largest sufficient padding.

    Its padding crops the output, so less padding reads more pixels.
    """
    maximum = max(max(pads) for pads in spec.padding)
    for value in range(maximum, -1, -1):
        capped = [(min(before, value), min(after, value)) for before, after in spec.padding]
        pads = (capped[0], capped[1])
        if not any(_axes_with_unread_pixels(_with_padding(spec, pads), size)):
            label = _padding_around_label(spec.padding, value)
            yield Fix(label, _with_padding(spec, pads), size)
            return


def _with_padding(spec: LayerSpec, pads: Pads) -> LayerSpec:
    return replace(spec, padding=pads)


def _fix_by_input_size(spec: LayerSpec, size: Pair, *, grow: bool) -> Iterator[Fix]:
    """Yield at most one repair by another input size.

    It is the next larger input without unread pixels (``grow``), or the largest smaller one
    with the same output size.
    """
    new = list(size)
    for axis, lossy in enumerate(_axes_with_unread_pixels(spec, size)):
        if lossy:
            n = size[axis]
            works = (
                m
                for m in _input_sides_to_try(n, spec.stride[axis], grow)
                if not _axes_with_unread_pixels(spec, _with_axis_value(size, axis, m))[axis]
            )
            new[axis] = next(works, n)
    changed = (new[0], new[1])
    if not any(_axes_with_unread_pixels(spec, changed)) and (
        grow or output_size(spec, changed) == output_size(spec, size)
    ):
        yield Fix(f"input {_pair_text(size)} → {_pair_text(changed)}", spec, changed)


def _input_sides_to_try(n: int, stride: int, grow: bool) -> range:
    """Input sides to try instead of ``n``, nearest first.

    One stride of candidates is enough, because the remainder is periodic in the stride.
    """
    if grow:
        return range(n + 1, min(n + stride, MAX_INPUT) + 1)
    return range(n - 1, max(n - stride, 1) - 1, -1)


def _pair_text(pair: Pair) -> str:
    """The pair as e.g. ``3×5``."""
    return f"{pair[0]}×{pair[1]}"
