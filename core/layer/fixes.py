"""One-click repairs of a layer whose windows leave input pixels unread.

A pixel is unread when no output depends on it. Rows past the last window are no loss where they
hold only padding; ``unread`` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import SpecError
from .operations import check, operation_of, output_size
from .padding import fill_source
from .spec import LayerSpec
from .window import Axis, BoolArray, Pads, Pair

MAX_FIXES = 4
"""Most repairs offered at once."""
MAX_KERNEL = 11
"""Largest kernel a repair proposes."""
MAX_PADDING = 10
"""Most padding per side that a repair proposes."""
MAX_INPUT = 64
"""Longest input side a repair proposes."""


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


Axiswise = Callable[[int, int], LayerSpec]
"""``(axis, value)`` to the layer with one setting replaced on that axis."""


def unread(spec: LayerSpec, size: Pair) -> BoolArray:
    """(height, width) True at each input pixel that no output of the layer depends on.

    Padding that copies pixels (``padding_mode`` reflect, replicate, circular) counts as
    reading them: the gradient reaches a pixel through its copies.

    Raises:
        SpecError: the layer does not fit the input.
    """
    unread_axes = [
        _unread_along(axis, spec.padding[i], spec.padding_mode, size[i])
        for i, axis in enumerate(operation_of(spec).axes(spec, size))
    ]
    return unread_axes[0][:, None] | unread_axes[1][None, :]


def _unread_along(axis: Axis, padding: Pair, fill: str, n: int) -> BoolArray:
    """(n,) True where no window reads the pixel or a copy of it."""
    source = axis.source if fill == "zeros" else fill_source(n, *padding, fill)
    read = source[(axis.grid_reads > 0) & (source >= 0)]
    return ~np.isin(np.arange(n), read)


def fixes(spec: LayerSpec, size: Pair) -> list[Fix]:
    """At most ``MAX_FIXES`` repairs, best first; none when every pixel is read.

    Each changes one thing by as little as will do: first the padding (after the picture
    only, then on all sides), then ``ceil_mode``, the kernel, the input (grown, then
    cropped to what was read), the stride, the dilation; stride and dilation together only
    when no single change is enough. After each of them every pixel is read at its own
    place, not only as a copy in the padding.

    Raises:
        SpecError: the layer cannot be run on this input in the first place.
    """
    check(spec, size)
    if not unread(spec, size).any():
        return []
    repairs: dict[tuple[LayerSpec, Pair], Fix] = {}
    for fix in _candidates(spec, size):
        if not any(_lossy(fix.spec, fix.size)):
            repairs.setdefault((fix.spec, fix.size), fix)
        if len(repairs) == MAX_FIXES:
            break
    if not repairs:
        dense = replace(spec, stride=(1, 1), dilation=(1, 1))
        return [] if any(_lossy(dense, size)) else [Fix("stride and dilation → 1", dense, size)]
    return list(repairs.values())


def _lossy(spec: LayerSpec, size: Pair) -> tuple[bool, bool]:
    """Whether rows (columns) are left unread at their own place; True if it cannot be run."""
    try:
        check(spec, size)
    except SpecError:
        return True, True
    rows, cols = operation_of(spec).axes(spec, size)
    return bool((rows.reads == 0).any()), bool((cols.reads == 0).any())


def _candidates(spec: LayerSpec, size: Pair) -> Iterator[Fix]:
    """Every kind of repair in the order of preference; most of them work."""
    operation = operation_of(spec)
    if operation.has("output_padding"):
        yield from _fewer_crops(spec, size)
    else:
        yield from _padding_after(spec, size)
        yield from _padding_around(spec, size)
    if operation.has("ceil_mode") and not spec.ceil_mode:
        yield Fix("ceil_mode on", replace(spec, ceil_mode=True), size)
    yield from _setting(spec, size, "kernel_size", "kernel", _kernels(spec))
    yield from _input(spec, size, grow=True)
    yield from _input(spec, size, grow=False)
    yield from _setting(spec, size, "stride", "stride", range(1, max(spec.stride)))
    yield from _setting(spec, size, "dilation", "dilation", range(1, max(spec.dilation)))


def _kernels(spec: LayerSpec) -> range:
    """One less to one more, and up to the stride: from there on windows leave no gaps."""
    most = max(max(spec.kernel_size) + 1, *spec.stride)
    return range(max(1, min(spec.kernel_size) - 1), min(most, MAX_KERNEL) + 1)


def _on_axis(pair: Pair, axis: int, value: int) -> Pair:
    return (value, pair[1]) if axis == 0 else (pair[0], value)


def _nearest(values: Iterable[int], current: int) -> list[int]:
    """The values but the current one, nearest first; of two equally near the larger first."""
    return sorted(set(values) - {current}, key=lambda v: (abs(v - current), -v))


def _repaired(
    spec: LayerSpec, size: Pair, current: Pair, values: Iterable[int], with_value: Axiswise
) -> Pair | None:
    """The nearest values that leave nothing unread: one for both axes, or one per lossy axis."""
    values = list(values)
    lossy = _lossy(spec, size)
    chosen = list(current)
    for axis in (0, 1):
        if lossy[axis]:
            works = (
                v
                for v in _nearest(values, current[axis])
                if not _lossy(with_value(axis, v), size)[axis]
            )
            value = next(works, None)
            if value is None:
                return None
            chosen[axis] = value
    return chosen[0], chosen[1]


def _setting(spec: LayerSpec, size: Pair, name: str, label: str, values: range) -> Iterator[Fix]:
    """Another kernel size, stride or dilation; the same on both axes when it was and can be."""
    current: Pair = getattr(spec, name)
    if not operation_of(spec).has(name):
        return
    if current[0] == current[1]:
        for value in _nearest(values, current[0]):
            square = _with(spec, name, (value, value))
            if not any(_lossy(square, size)):
                yield Fix(f"{label} {current[0]} → {value}", square, size)
                return
    new = _repaired(
        spec,
        size,
        current,
        values,
        lambda axis, v: _with(spec, name, _on_axis(current, axis, v)),
    )
    if new is not None:
        yield Fix(f"{label} {_by(current)} → {_by(new)}", _with(spec, name, new), size)


def _with(spec: LayerSpec, name: str, value: Pair) -> LayerSpec:
    change: dict[str, Any] = {name: value}
    return replace(spec, **change)


def _padding_after(spec: LayerSpec, size: Pair) -> Iterator[Fix]:
    """The least padding that is enough, below and to the right only."""
    after = spec.padding[0][1], spec.padding[1][1]

    def padded(axis: int, value: int) -> LayerSpec:
        return replace(spec, padding=_with_after(spec.padding, axis, value))

    more = range(min(after), MAX_PADDING + 1)
    new = _repaired(spec, size, after, more, padded)
    if new is None:
        return
    pads = _with_after(_with_after(spec.padding, 0, new[0]), 1, new[1])
    yield Fix(_after_label(after, new), _padded(spec, pads), size)


def _after_label(old: Pair, new: Pair) -> str:
    if old[0] == old[1] and new[0] == new[1]:
        return f"bottom and right padding {old[0]} → {new[0]}"
    sides = zip(("bottom", "right"), old, new, strict=True)
    return "padding " + ", ".join(f"{side} {a} → {b}" for side, a, b in sides if a != b)


def _with_after(pads: Pads, axis: int, value: int) -> Pads:
    rows, cols = pads
    return ((rows[0], value), cols) if axis == 0 else (rows, (cols[0], value))


def _padding_around(spec: LayerSpec, size: Pair) -> Iterator[Fix]:
    """The same padding on all four sides, at least the present one."""
    most = max(max(pads) for pads in spec.padding)
    for value in range(most, MAX_PADDING + 1):
        pads = ((value, value), (value, value))
        if pads != spec.padding and not any(_lossy(_padded(spec, pads), size)):
            yield Fix(_around_label(spec.padding, value), _padded(spec, pads), size)
            return


def _around_label(old: Pads, value: int) -> str:
    sides = {side for pads in old for side in pads}
    if len(sides) == 1:
        return f"padding {min(sides)} → {value}"
    return f"padding {'at most ' if value < max(sides) else ''}{value} on every side"


def _fewer_crops(spec: LayerSpec, size: Pair) -> Iterator[Fix]:
    """A transposed convolution's padding crops its output: the largest padding that is enough."""
    most = max(max(pads) for pads in spec.padding)
    for value in range(most, -1, -1):
        capped = [(min(before, value), min(after, value)) for before, after in spec.padding]
        pads = (capped[0], capped[1])
        if not any(_lossy(_padded(spec, pads), size)):
            label = _around_label(spec.padding, value)
            yield Fix(label, _padded(spec, pads), size)
            return


def _padded(spec: LayerSpec, pads: Pads) -> LayerSpec:
    return replace(spec, padding=pads)


def _input(spec: LayerSpec, size: Pair, *, grow: bool) -> Iterator[Fix]:
    """The next larger input without loss, or the largest smaller one with the same output."""
    new = list(size)
    for axis, lossy in enumerate(_lossy(spec, size)):
        if lossy:
            n = size[axis]
            works = (
                m
                for m in _sizes(n, spec.stride[axis], grow)
                if not _lossy(spec, _on_axis(size, axis, m))[axis]
            )
            new[axis] = next(works, n)
    changed = (new[0], new[1])
    if not any(_lossy(spec, changed)) and (
        grow or output_size(spec, changed) == output_size(spec, size)
    ):
        yield Fix(f"input {_by(size)} → {_by(changed)}", spec, changed)


def _sizes(n: int, stride: int, grow: bool) -> range:
    """Input sizes to try, nearest first: what is left over repeats after one stride."""
    if grow:
        return range(n + 1, min(n + stride, MAX_INPUT) + 1)
    return range(n - 1, max(n - stride, 1) - 1, -1)


def _by(pair: Pair) -> str:
    return f"{pair[0]}×{pair[1]}"
