"""Receptive-field rules of unfold and fold, which store the taps of windows among the channels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch

from ..axes.axis_map import AxisMap, Window, covering_range, transposed_map, window_map
from ..axes.layout import Layout, Part, Shape, merge_parts, plain_layout
from ..axes.nesting import composed_map
from .call import Call, Link, Outcome, Source
from .links import link_by_dims, unfollowed_link
from .windows import Rule, per_axis


def unfold(call: Call) -> Outcome:
    """The receptive-field rule of F.unfold and Tensor.unfold.

    F.unfold has the arguments (input, kernel_size, dilation, padding, stride).
    """
    source = call.sources[0]
    if call.function is not torch.nn.functional.unfold:
        return _tensor_unfold(call, source)
    values = [call.get(i, name) for i, name in enumerate(_UNFOLD_ARGUMENTS, start=1)]
    kernel, dilation, stride = (per_axis(v, 2) for v in (values[0], values[1], values[3]))
    pads = [(p, p) for p in per_axis(values[2], 2, 0)]
    specs = [Window(*s) for s in zip(kernel, stride, pads, dilation, strict=True)]
    images = plain_layout(
        len(source.shape), (len(source.shape) - 2, len(source.shape) - 1), source.node.grid
    )
    if source.layout != images:
        return Outcome("unknown", [unfollowed_link(source)], "unfold of other than image axes")
    counts = [_window_count(n, s) for n, s in zip(source.shape[-2:], specs, strict=True)]
    maps = [
        _unfold_axis_map(n, m, s) for n, m, s in zip(source.shape[-2:], counts, specs, strict=True)
    ]
    return Outcome(
        "window",
        [Link(source.node, _unfolded_axis_layout(call.out, counts, kernel), (maps[0], maps[1]))],
    )


def _unfolded_axis_layout(
    shape: Sequence[int], window_counts: Sequence[int], kernel: Sequence[int]
) -> Layout:
    """The layout of the result of F.unfold: channels and taps in dimension -2, windows in -1.

    Args:
        shape: the shape of the result.
        window_counts: the number of windows along (height, width).
        kernel: the kernel size along (height, width).
    """
    channels = Part(shape[-2] // (kernel[0] * kernel[1]))
    taps = tuple(Part(k, axis, 1) for axis, k in enumerate(kernel))
    windows = tuple(Part(n, axis, kernel[axis]) for axis, n in enumerate(window_counts))
    own = (channels, *taps) if channels.size > 1 else taps
    return (
        *[()] * (len(shape) - 2),
        merge_parts([p for p in own if p.size > 1]),
        merge_parts(windows),
    )


def _unfold_axis_map(n_in: int, window_count: int, spec: Window) -> AxisMap:
    """The map of F.unfold along one axis: unit ``u*kernel_size + t`` reads tap t of window u.

    Args:
        n_in: units of the input.
        window_count: number of windows.
        spec: the settings of the window.
    """
    first = -spec.padding[0]
    taps = [first + t * spec.dilation for t in range(spec.kernel_size)]
    return AxisMap(
        n_in,
        window_count * len(taps),
        tuple(range(t, t + 1) for t in taps),
        spec.stride,
        window=spec,
    )


_UNFOLD_ARGUMENTS = ("kernel_size", "dilation", "padding", "stride")
"""The names of the settings of F.unfold and F.fold, in the order of their arguments."""


def _window_count(n_in: int, spec: Window) -> int:
    """The number of windows on an axis of n units."""
    return (n_in + sum(spec.padding) - spec.span) // spec.stride + 1


def _tensor_unfold(call: Call, source: Source) -> Outcome:
    """The receptive-field rule of Tensor.unfold(dimension, size, step).

    It puts the taps of the windows in a new dimension.
    """
    axis, size, stride = (
        int(cast(int, call.get(i, name)))
        for i, name in enumerate(_TENSOR_UNFOLD_ARGUMENTS, start=1)
    )
    axis %= len(source.shape)
    spec = Window(size, stride)
    spread = window_map(source.shape[axis], call.out[axis], spec)
    dims = {dim: dim for dim in range(len(source.shape))}
    return Outcome(
        "window",
        [link_by_dims(source, call.out, dims, {axis: spread} if axis in source.image_dims else {})],
    )


_TENSOR_UNFOLD_ARGUMENTS = ("dimension", "size", "step")
"""The names of the arguments of Tensor.unfold, in order."""


def fold(call: Call) -> Outcome:
    """The receptive-field rule of F.fold.

    Its arguments are (input, output_size, kernel_size, dilation, padding, stride).
    """
    source = call.sources[0]
    values = [call.get(i, name) for i, name in enumerate(_UNFOLD_ARGUMENTS, start=2)]
    kernel, dilation, stride = (per_axis(v, 2) for v in (values[0], values[1], values[3]))
    pads = [(p, p) for p in per_axis(values[2], 2, 0)]
    specs = [Window(*s, transposed=True) for s in zip(kernel, stride, pads, dilation, strict=True)]
    counts = [_window_count(n, s) for n, s in zip(call.out[-2:], specs, strict=True)]
    if source.layout != _unfolded_axis_layout(source.shape, counts, kernel):
        return _fold_of_mixed_taps(call, counts, specs)
    sizes = zip(counts, call.out[-2:], specs, strict=True)
    maps = [_fold_axis_map(*each) for each in sizes]
    return Outcome("transposed", [Link(source.node, _image_layout(call.out), (maps[0], maps[1]))])


def _image_layout(shape: Shape) -> Layout:
    """The layout of a tensor whose last two dimensions are the height and the width."""
    return plain_layout(len(shape), (len(shape) - 2, len(shape) - 1), (shape[-2], shape[-1]))


def _fold_of_mixed_taps(call: Call, counts: Sequence[int], specs: Sequence[Window]) -> Outcome:
    """The outcome of fold if the taps of its windows are not separate units of the image.

    Each output then reads all windows that cover it.
    """
    source, last = call.sources[0], len(call.sources[0].shape) - 1
    link = link_by_dims(source, source.shape, {d: d for d in range(last + 1) if d != last - 1})
    windows_layout = plain_layout(last + 1, (last, last), (counts[0], counts[1]))
    if link.layout != windows_layout:
        return Outcome("unknown", [unfollowed_link(source)], "fold of other than an unfolded image")
    maps = [
        composed_map(own, transposed_map(n, m, s))
        for own, n, m, s in zip(link.maps, counts, call.out[-2:], specs, strict=True)
    ]
    return Outcome("transposed", [Link(source.node, _image_layout(call.out), (maps[0], maps[1]))])


def _fold_axis_map(window_count: int, n_out: int, spec: Window) -> AxisMap:
    """The map of F.fold along one axis, if its input has one unit for each tap of each window.

    Output u reads every unit that unfold copied from u: tap t of window w, which is unit
    ``w*kernel_size + t``, is a copy of unit ``w*stride - before + t*dilation``.

    Args:
        window_count: number of windows.
        n_out: units of the output.
        spec: the settings of the window.
    """
    k, scatter = spec.kernel_size, transposed_map(window_count, n_out, spec)

    def copies_of(phase: int) -> range:
        copies = []
        for w in scatter.taps[phase]:
            t = (phase + spec.padding[0] - w * spec.stride) // spec.dilation
            copies.append(w * k + t)
        return covering_range(sorted(copies))[0]

    taps = tuple(copies_of(phase) for phase in range(scatter.period))
    return AxisMap(window_count * k, n_out, taps, k, window=spec)


UNFOLD_RULES: dict[str, Rule] = {"unfold": unfold, "fold": fold}
