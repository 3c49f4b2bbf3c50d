"""The rules of unfold and fold, whose windows' taps lie among the channels."""

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
    """F.unfold(input, kernel_size, dilation, padding, stride), or Tensor.unfold(dim, size, step)."""
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
        _separate_taps_map(n, m, s)
        for n, m, s in zip(source.shape[-2:], counts, specs, strict=True)
    ]
    return Outcome(
        "window",
        [Link(source.node, _unfolded_layout(call.out, counts, kernel), (maps[0], maps[1]))],
    )


def _unfolded_layout(shape: Sequence[int], counts: Sequence[int], kernel: Sequence[int]) -> Layout:
    """The layout of unfold's result: channels and taps in one dimension, windows in the last."""
    channels = Part(shape[-2] // (kernel[0] * kernel[1]))
    taps = tuple(Part(k, axis, 1) for axis, k in enumerate(kernel))
    windows = tuple(Part(n, axis, kernel[axis]) for axis, n in enumerate(counts))
    own = (channels, *taps) if channels.size > 1 else taps
    return (
        *[()] * (len(shape) - 2),
        merge_parts([p for p in own if p.size > 1]),
        merge_parts(windows),
    )


def _separate_taps_map(n: int, count: int, spec: Window) -> AxisMap:
    """Unit ``u*k + t`` reads tap t of window u and nothing else."""
    first = -spec.padding[0]
    taps = [first + t * spec.dilation for t in range(spec.kernel_size)]
    return AxisMap(
        n, count * len(taps), tuple(range(t, t + 1) for t in taps), spec.stride, window=spec
    )


_UNFOLD_ARGUMENTS = ("kernel_size", "dilation", "padding", "stride")


def _window_count(n: int, spec: Window) -> int:
    return (n + sum(spec.padding) - spec.span) // spec.stride + 1


def _tensor_unfold(call: Call, source: Source) -> Outcome:
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


def fold(call: Call) -> Outcome:
    """F.fold(input, output_size, kernel_size, dilation, padding, stride): the scatter of unfold."""
    source = call.sources[0]
    values = [call.get(i, name) for i, name in enumerate(_UNFOLD_ARGUMENTS, start=2)]
    kernel, dilation, stride = (per_axis(v, 2) for v in (values[0], values[1], values[3]))
    pads = [(p, p) for p in per_axis(values[2], 2, 0)]
    specs = [Window(*s, transposed=True) for s in zip(kernel, stride, pads, dilation, strict=True)]
    counts = [_window_count(n, s) for n, s in zip(call.out[-2:], specs, strict=True)]
    if source.layout != _unfolded_layout(source.shape, counts, kernel):
        return _fold_of_mixed_taps(call, counts, specs)
    sizes = zip(counts, call.out[-2:], specs, strict=True)
    maps = [_joined_taps_map(*each) for each in sizes]
    return Outcome("transposed", [Link(source.node, _image_layout(call.out), (maps[0], maps[1]))])


def _image_layout(shape: Shape) -> Layout:
    return plain_layout(len(shape), (len(shape) - 2, len(shape) - 1), (shape[-2], shape[-1]))


def _fold_of_mixed_taps(call: Call, counts: Sequence[int], specs: Sequence[Window]) -> Outcome:
    """Windows whose taps are mixed or new: each output reads all windows that cover it."""
    source, last = call.sources[0], len(call.sources[0].shape) - 1
    link = link_by_dims(source, source.shape, {d: d for d in range(last + 1) if d != last - 1})
    wanted = plain_layout(last + 1, (last, last), (counts[0], counts[1]))
    if link.layout != wanted:
        return Outcome("unknown", [unfollowed_link(source)], "fold of other than an unfolded image")
    maps = [
        composed_map(own, transposed_map(n, m, s))
        for own, n, m, s in zip(link.maps, counts, call.out[-2:], specs, strict=True)
    ]
    return Outcome("transposed", [Link(source.node, _image_layout(call.out), (maps[0], maps[1]))])


def _joined_taps_map(count: int, n_out: int, spec: Window) -> AxisMap:
    """Output u reads every unit of unfold (``_taps_apart``) that came from place u.

    Tap t of window w came from ``w*stride - before + t*dilation``.
    """
    k, scatter = spec.kernel_size, transposed_map(count, n_out, spec)

    def units(phase: int) -> range:
        places = []
        for w in scatter.taps[phase]:
            t = (phase + spec.padding[0] - w * spec.stride) // spec.dilation
            places.append(w * k + t)
        return covering_range(sorted(places))[0]

    taps = tuple(units(phase) for phase in range(scatter.period))
    return AxisMap(count * k, n_out, taps, k, window=spec)


UNFOLD_RULES: dict[str, Rule] = {"unfold": unfold, "fold": fold}
