"""The rules of the operations that slide a window: what each output unit reads.

Each rule reads the settings from the call as torch's documentation of the function
names them, and the sizes from the tensors, which torch itself made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import cast

import torch

from ...layer.window import span_of
from ..axes.axis_map import (
    AxisMap,
    Edge,
    Resampling,
    Window,
    adaptive_pooling_map,
    block_repeat_map,
    crop_map,
    identity_map,
    resample_map,
    transposed_map,
    whole_map,
    window_map,
)
from .call import Call, Link, Outcome, Source
from .kernel_taps import kernel_taps
from .links import link_by_dims, unfollowed_link

ADAPTIVE = "depends on the input size: adaptive pooling"
RESIZED = "depends on the input size: resized to a fixed size"
GLOBAL = "whole image"
EARLIER = "sees every earlier step"


def per_axis(value: object, axes: int, default: int = 1) -> list[int]:
    """An int, a sequence of one or of ``axes``, or None, as a list of ``axes`` ints."""
    if value is None or (isinstance(value, Sequence) and not value):
        return [default] * axes
    if isinstance(value, Sequence):
        numbers = [int(cast(int, v)) for v in value]
        return numbers * axes if len(numbers) == 1 else numbers
    return [int(cast(int, value))] * axes


def _link_along_last_dims(
    source: Source, out: Sequence[int], maps: Sequence[AxisMap], summed: bool = False
) -> Link:
    """A link along the last dimensions, one map each; the others are kept, or summed over."""
    rank = len(source.shape)
    dims = {dim: dim for dim in range(rank) if dim != rank - len(maps) - 1 or not summed}
    return link_by_dims(
        source, tuple(out), dims, {rank - len(maps) + i: axis for i, axis in enumerate(maps)}
    )


def _window_outcome(call: Call, specs: Sequence[Window], summed: bool = False) -> Outcome:
    """A window along the last dimensions; ``summed`` if channels are mixed as well."""
    source, axes = call.sources[0], len(specs)
    sizes = zip(source.shape[-axes:], call.out[-axes:], specs, strict=True)
    make = transposed_map if specs[0].transposed else window_map
    kind = "transposed" if specs[0].transposed else "window"
    return Outcome(
        kind, [_link_along_last_dims(source, call.out, [make(*s) for s in sizes], summed)]
    )


def _has_constant_weights(call: Call) -> bool:
    """Nothing but the first argument depends on the input (no computed weights)."""
    return len(call.sources) == 1 and call.source_of(call.get(0, "input")) is not None


def convolution(call: Call) -> Outcome:
    """conv1d, conv2d(input, weight, bias, stride, padding, dilation, groups)."""
    axes = int(call.operation[-2])
    weight = call.get(1, "weight")
    if not _has_constant_weights(call) or not isinstance(weight, torch.Tensor):
        return Outcome(
            "unknown", [unfollowed_link(s) for s in call.sources], "weights computed from the input"
        )
    kernel, dilation = weight.shape[2:], per_axis(call.get(5, "dilation"), axes)
    pads = _convolution_padding(call.get(4, "padding", 0), kernel, dilation)
    settings = zip(kernel, per_axis(call.get(3, "stride"), axes), pads, dilation, strict=True)
    return _convolution_outcome(
        call, weight, [Window(*s) for s in settings], call.get(6, "groups", 1)
    )


def _convolution_outcome(
    call: Call, weight: torch.Tensor, specs: Sequence[Window], groups: object
) -> Outcome:
    """A window of the taps whose weights are not zero by construction.

    Channels are mixed, and with them what lies among them, unless each is its own.
    """
    taps = kernel_taps(call.constants, weight)
    left = [replace(spec, taps=places) for spec, places in zip(specs, taps.axes, strict=True)]
    mixes = groups != weight.shape[0] or weight.shape[1] != 1
    return replace(_window_outcome(call, left, mixes), note=taps.note, bound=taps.bound)


def _convolution_padding(
    value: object, kernel: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """(before, after) of each axis. torch 'same' puts the odd pixel after."""
    if value == "same":
        totals = [n - 1 for n in map(span_of, kernel, dilation)]
        return [(total // 2, total - total // 2) for total in totals]
    if value == "valid":
        value = 0
    return [(p, p) for p in per_axis(value, len(kernel), 0)]


def transposed_convolution(call: Call) -> Outcome:
    """conv_transposeNd(input, weight, bias, stride, padding, output_padding, groups, dilation)."""
    axes = int(call.operation[-2])
    weight = call.get(1, "weight")
    if not _has_constant_weights(call) or not isinstance(weight, torch.Tensor):
        return Outcome(
            "unknown", [unfollowed_link(s) for s in call.sources], "weights computed from the input"
        )
    settings = zip(
        weight.shape[2:],
        per_axis(call.get(3, "stride"), axes),
        [(p, p) for p in per_axis(call.get(4, "padding"), axes, 0)],
        per_axis(call.get(7, "dilation"), axes),
        strict=True,
    )
    specs = [Window(*setting, transposed=True) for setting in settings]
    return _convolution_outcome(call, weight, specs, call.get(6, "groups", 1))


def _pooling_outcome(
    call: Call, kernel: object, stride: object, padding: object, dilation: object
) -> Outcome:
    axes = int(call.operation.removesuffix("_with_indices")[-2])
    sizes = per_axis(kernel, axes)
    strides = sizes if stride is None else per_axis(stride, axes)
    pads = [(p, p) for p in per_axis(padding, axes, 0)]
    settings = zip(sizes, strides or sizes, pads, per_axis(dilation, axes), strict=True)
    return _window_outcome(call, [Window(*setting) for setting in settings])


def max_pool(call: Call) -> Outcome:
    """max_poolNd(input, kernel_size, stride, padding, dilation, ceil_mode, return_indices)."""
    kernel, stride = call.get(1, "kernel_size"), call.get(2, "stride")
    return _pooling_outcome(call, kernel, stride, call.get(3, "padding"), call.get(4, "dilation"))


def avg_pool(call: Call) -> Outcome:
    """avg_poolNd(input, kernel_size, stride, padding, ceil_mode, …)."""
    return _pooling_outcome(
        call, call.get(1, "kernel_size"), call.get(2, "stride"), call.get(3, "padding"), None
    )


def max_unpool(call: Call) -> Outcome:
    """max_unpoolNd(input, indices, kernel_size, stride, padding, output_size).

    Each value goes back to the place in its pooling window that its index names, so that a
    place reads all windows that cover it.
    """
    axes = int(call.operation[-2])
    sizes, stride = per_axis(call.get(2, "kernel_size"), axes), call.get(3, "stride")
    strides = per_axis(stride, axes) if stride else sizes
    pads = [(p, p) for p in per_axis(call.get(4, "padding"), axes, 0)]
    specs = [Window(*s, transposed=True) for s in zip(sizes, strides, pads, strict=True)]
    links = []
    for source in call.sources:
        ends = zip(source.shape[-axes:], call.out[-axes:], specs, strict=True)
        links.append(
            _link_along_last_dims(source, call.out, [transposed_map(*end) for end in ends])
        )
    return Outcome("transposed", links)


def general_convolution(call: Call) -> Outcome:
    """convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding, groups)."""
    weight = call.get(1, "weight")
    axes = weight.ndim - 2 if isinstance(weight, torch.Tensor) else 0
    named = {name: call.get(i, name) for i, name in enumerate(_CONVOLUTION_ARGUMENTS)}
    back = bool(named.pop("transposed"))
    one = replace(call, operation=f"conv{'_transpose' * back}{axes}d", args=(), kwargs=named)
    return transposed_convolution(one) if back else convolution(one)


_CONVOLUTION_ARGUMENTS = (
    *("input", "weight", "bias", "stride", "padding", "dilation", "transposed"),
    *("output_padding", "groups"),
)


def lp_pool(call: Call) -> Outcome:
    """lp_poolNd(input, norm_type, kernel_size, stride, ceil_mode)."""
    return _pooling_outcome(call, call.get(2, "kernel_size"), call.get(3, "stride"), None, None)


def adaptive_pool(call: Call) -> Outcome:
    """adaptive_{avg,max}_poolNd(input, output_size): global where the output has one unit."""
    axes = int(call.operation.removesuffix("_with_indices")[-2])
    source = call.sources[0]
    sizes = list(zip(source.shape[-axes:], call.out[-axes:], strict=True))
    maps = [whole_map(n, m) if m == 1 else adaptive_pooling_map(n, m) for n, m in sizes]
    link = _link_along_last_dims(source, call.out, maps)
    if all(m == 1 for _, m in sizes):
        return Outcome("global", [link], f"{GLOBAL}: global pooling")
    return Outcome("window", [link], ADAPTIVE)


def interpolate(call: Call) -> Outcome:
    """interpolate(input, size, scale_factor, mode, align_corners, recompute_scale_factor, antialias)."""
    source = call.sources[0]
    axes = len(source.shape) - 2
    mode = str(call.get(3, "mode", "nearest"))
    corners, antialias = bool(call.get(4, "align_corners")), bool(call.get(6, "antialias"))
    scales = _scale_factors(call, axes)
    maps = []
    for n, m, scale in zip(source.shape[2:], call.out[2:], scales, strict=True):
        ratio = 1 / scale if scale else Fraction(n, m)
        if mode == "area":
            maps.append(adaptive_pooling_map(n, m))
        else:
            maps.append(resample_map(n, m, ratio, _RESAMPLING_OF_MODE[mode], corners, antialias))
    fixed = corners or mode == "area" or call.get(1, "size") is not None
    return Outcome(
        "resample", [_link_along_last_dims(source, call.out, maps)], RESIZED if fixed else ""
    )


_RESAMPLING_OF_MODE: dict[str, Resampling] = {
    "nearest": "nearest",
    "nearest-exact": "nearest-exact",
    "linear": "linear",
    "bilinear": "linear",
    "trilinear": "linear",
    "bicubic": "cubic",
}


def _scale_factors(call: Call, axes: int) -> list[Fraction | None]:
    """Output units per input unit where torch uses the factor given, not the sizes' ratio."""
    factor = call.get(2, "scale_factor")
    if factor is None or call.get(5, "recompute_scale_factor"):
        return [None] * axes
    factors = factor if isinstance(factor, Sequence) else [factor] * axes
    return [Fraction(cast(float, f)).limit_denominator(1000) for f in factors]


def pixel_shuffle(call: Call) -> Outcome:
    """pixel_shuffle(input, upscale_factor): r*r channels become r × r pixels."""
    factor = int(cast(int, call.get(1, "upscale_factor")))
    maps = [block_repeat_map(n, factor) for n in call.sources[0].shape[-2:]]
    return Outcome("resample", [_link_along_last_dims(call.sources[0], call.out, maps)])


def pixel_unshuffle(call: Call) -> Outcome:
    """pixel_unshuffle(input, downscale_factor): r × r pixels become r*r channels."""
    factor = int(cast(int, call.get(1, "downscale_factor")))
    return _window_outcome(call, [Window(factor, factor)] * 2)


_EDGE_OF_MODE: dict[str, Edge] = {
    "constant": "zero",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
}


def pad(call: Call) -> Outcome:
    """pad(input, pad, mode, value): amounts from the last dimension back; negative crops."""
    source = call.sources[0]
    amounts = [int(a) for a in cast(Sequence[int], call.get(1, "pad"))]
    edge = _EDGE_OF_MODE[str(call.get(2, "mode", "constant"))]
    rank, maps = len(source.shape), {}
    for i, before in enumerate(amounts[::2]):
        dim = rank - 1 - i
        if source.shape[dim] != call.out[dim] or before:
            maps[dim] = _padding_map(
                source.shape[dim], call.out[dim], before, amounts[2 * i + 1], edge
            )
    link = link_by_dims(source, call.out, {d: d for d in range(rank)}, maps)
    wraps = edge == "circular" and source.image_dims & set(maps)
    return Outcome("pad", [link], WRAPS_NOTE if wraps else "")


WRAPS_NOTE = "wraps around: units at the border also see the opposite side"


def _padding_map(n: int, m: int, before: int, after: int, edge: Edge) -> AxisMap:
    spec = Window(padding=(before, after))
    return AxisMap(n, m, (range(-before, 1 - before),), 1, edge, window=spec)


def roll(call: Call) -> Outcome:
    """roll(input, shifts, dims): a circular move."""
    source = call.sources[0]
    dims = call.get(2, "dims")
    if dims is None or dims == ():
        return Outcome("unknown", [unfollowed_link(source)], "roll over the flattened tensor")
    axes = [dims] if isinstance(dims, int) else list(cast(Sequence[int], dims))
    shifts = per_axis(call.get(1, "shifts"), len(axes))
    maps = {}
    for axis, shift in zip(axes, shifts, strict=True):
        dim = axis % len(source.shape)
        n = source.shape[dim]
        maps[dim] = crop_map(n, n, -shift, edge="circular") if shift % n else identity_map(n)
    wrapped = source.image_dims & {dim for dim, axis in maps.items() if not axis.is_identity}
    link = link_by_dims(source, call.out, {d: d for d in range(len(source.shape))}, maps)
    return Outcome("pad", [link], WRAPS_NOTE if wrapped else "")


Rule = Callable[[Call], Outcome]
WINDOW_RULES: dict[str, Rule] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), convolution),
    "convolution": general_convolution,
    **dict.fromkeys(
        ("conv_transpose1d", "conv_transpose2d", "conv_transpose3d"), transposed_convolution
    ),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d", "avg_pool3d"), avg_pool),
    **dict.fromkeys(("lp_pool1d", "lp_pool2d", "lp_pool3d"), lp_pool),
    **{f"max_pool{n}d{tail}": max_pool for n in (1, 2, 3) for tail in ("", "_with_indices")},
    **{
        f"adaptive_{way}_pool{n}d{tail}": adaptive_pool
        for way in ("avg", "max")
        for n in (1, 2, 3)
        for tail in ("", "_with_indices")
    },
    "interpolate": interpolate,
    "pixel_shuffle": pixel_shuffle,
    "pixel_unshuffle": pixel_unshuffle,
    **dict.fromkeys(("pad", "constant_pad_nd"), pad),
    **{f"max_unpool{n}d": max_unpool for n in (1, 2, 3)},
    "roll": roll,
}
