"""Receptive-field rules of convolutions, pooling, interpolation, padding and roll.

Each rule reads the settings from the call's arguments, named as in torch's documentation of the
function, and the sizes from the shapes of the tensors.
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

ADAPTIVE_NOTE = "depends on the input size: adaptive pooling"
"""The note of adaptive pooling to more than one unit."""
RESIZED_NOTE = "depends on the input size: resized to a fixed size"
"""The note of an interpolation whose output size does not follow the input's size."""
GLOBAL_NOTE = "whole image"
"""The first words of the note of an operation that reads the whole image."""
EARLIER_NOTE = "sees every earlier step"
"""The first words of the note of a recurrence or a running sum."""


def per_axis(value: object, axes: int, default: int = 1) -> list[int]:
    """A torch argument such as ``stride`` as a list with one int for each of ``axes`` axes.

    ``value`` is an int, a sequence of one or of ``axes`` ints, or None (or empty) for the default.
    """
    if value is None or (isinstance(value, Sequence) and not value):
        return [default] * axes
    if isinstance(value, Sequence):
        numbers = [int(cast(int, v)) for v in value]
        return numbers * axes if len(numbers) == 1 else numbers
    return [int(cast(int, value))] * axes


def _link_along_last_dims(
    source: Source, out: Sequence[int], maps: Sequence[AxisMap], mixes_channels: bool = False
) -> Link:
    """The link of an operation with one map for each of the last dimensions.

    Args:
        source: the input.
        out: the shape of the output.
        maps: the maps along the last dimensions.
        mixes_channels: whether the dimension before these is summed over.
    """
    rank = len(source.shape)
    channel_dim = rank - len(maps) - 1
    dims = {dim: dim for dim in range(rank) if dim != channel_dim or not mixes_channels}
    return link_by_dims(
        source, tuple(out), dims, {rank - len(maps) + i: axis for i, axis in enumerate(maps)}
    )


def _window_outcome(call: Call, specs: Sequence[Window], mixes_channels: bool = False) -> Outcome:
    """The outcome of a window that slides along the last dimensions of its input.

    Args:
        call: the call.
        specs: the settings of the window along each of the last dimensions.
        mixes_channels: whether every output channel reads several input channels.
    """
    source, axes = call.sources[0], len(specs)
    sizes = zip(source.shape[-axes:], call.out[-axes:], specs, strict=True)
    make = transposed_map if specs[0].transposed else window_map
    kind = "transposed" if specs[0].transposed else "window"
    return Outcome(
        kind, [_link_along_last_dims(source, call.out, [make(*s) for s in sizes], mixes_channels)]
    )


def _has_constant_weights(call: Call) -> bool:
    """Whether only the first argument depends on the network's input, so not the weights."""
    return len(call.sources) == 1 and call.source_of(call.get(0, "input")) is not None


def convolution(call: Call) -> Outcome:
    """The receptive-field rule of convNd.

    Its arguments are (input, weight, bias, stride, padding, dilation, groups).
    """
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
    """The outcome of a convolution that reads only taps whose weights are not zero by construction.

    A convolution mixes channels, and with them the image units among the channels, unless it is
    depthwise.
    """
    taps = kernel_taps(call.constants, weight)
    masked = [replace(spec, taps=indices) for spec, indices in zip(specs, taps.axes, strict=True)]
    mixes = groups != weight.shape[0] or weight.shape[1] != 1
    return replace(_window_outcome(call, masked, mixes), note=taps.note, bound=taps.bound)


def _convolution_padding(
    value: object, kernel: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """The padding (before, after) along each axis; for 'same', torch pads the odd unit after."""
    if value == "same":
        totals = [n - 1 for n in map(span_of, kernel, dilation)]
        return [(total // 2, total - total // 2) for total in totals]
    if value == "valid":
        value = 0
    return [(p, p) for p in per_axis(value, len(kernel), 0)]


def transposed_convolution(call: Call) -> Outcome:
    """The receptive-field rule of conv_transposeNd.

    Its arguments are (input, weight, bias, stride, padding, output_padding, groups, dilation).
    """
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
    """The outcome of a pooling with these arguments; None means torch's default."""
    axes = int(call.operation.removesuffix("_with_indices")[-2])
    sizes = per_axis(kernel, axes)
    strides = sizes if stride is None else per_axis(stride, axes)
    pads = [(p, p) for p in per_axis(padding, axes, 0)]
    settings = zip(sizes, strides or sizes, pads, per_axis(dilation, axes), strict=True)
    return _window_outcome(call, [Window(*setting) for setting in settings])


def max_pool(call: Call) -> Outcome:
    """The receptive-field rule of max_poolNd(input, kernel_size, stride, padding, dilation, …)."""
    kernel, stride = call.get(1, "kernel_size"), call.get(2, "stride")
    return _pooling_outcome(call, kernel, stride, call.get(3, "padding"), call.get(4, "dilation"))


def avg_pool(call: Call) -> Outcome:
    """The receptive-field rule of avg_poolNd(input, kernel_size, stride, padding, …)."""
    return _pooling_outcome(
        call, call.get(1, "kernel_size"), call.get(2, "stride"), call.get(3, "padding"), None
    )


def max_unpool(call: Call) -> Outcome:
    """The receptive-field rule of max_unpoolNd.

    Its arguments are (input, indices, kernel_size, stride, padding, output_size). The index of a
    value determines where in its pooling window the value is written, so an output reads all
    windows that cover it.
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
    """The receptive-field rule of torch.convolution.

    It applies the rule of the plain or the transposed convolution.
    """
    weight = call.get(1, "weight")
    axes = weight.ndim - 2 if isinstance(weight, torch.Tensor) else 0
    named = {name: call.get(i, name) for i, name in enumerate(_CONVOLUTION_ARGUMENTS)}
    transposed = bool(named.pop("transposed"))
    specific = f"conv{'_transpose' * transposed}{axes}d"
    specific_call = replace(call, operation=specific, args=(), kwargs=named)
    return transposed_convolution(specific_call) if transposed else convolution(specific_call)


_CONVOLUTION_ARGUMENTS = (
    *("input", "weight", "bias", "stride", "padding", "dilation", "transposed"),
    *("output_padding", "groups"),
)


def lp_pool(call: Call) -> Outcome:
    """The receptive-field rule of lp_poolNd(input, norm_type, kernel_size, stride, ceil_mode)."""
    return _pooling_outcome(call, call.get(2, "kernel_size"), call.get(3, "stride"), None, None)


def adaptive_pool(call: Call) -> Outcome:
    """The receptive-field rule of adaptive_avg_poolNd and adaptive_max_poolNd(input, output_size).

    They are global if the output has one unit.
    """
    axes = int(call.operation.removesuffix("_with_indices")[-2])
    source = call.sources[0]
    sizes = list(zip(source.shape[-axes:], call.out[-axes:], strict=True))
    maps = [whole_map(n, m) if m == 1 else adaptive_pooling_map(n, m) for n, m in sizes]
    link = _link_along_last_dims(source, call.out, maps)
    if all(m == 1 for _, m in sizes):
        return Outcome("global", [link], f"{GLOBAL_NOTE}: global pooling")
    return Outcome("window", [link], ADAPTIVE_NOTE)


def interpolate(call: Call) -> Outcome:
    """The receptive-field rule of interpolate.

    Its arguments are (input, size, scale_factor, mode, align_corners, recompute_scale_factor,
    antialias).
    """
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
        "resample", [_link_along_last_dims(source, call.out, maps)], RESIZED_NOTE if fixed else ""
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
    """The scale factors (output units per input unit) along each axis.

    None where torch computes coordinates from the ratio of the sizes instead.
    """
    factor = call.get(2, "scale_factor")
    if factor is None or call.get(5, "recompute_scale_factor"):
        return [None] * axes
    factors = factor if isinstance(factor, Sequence) else [factor] * axes
    return [Fraction(cast(float, f)).limit_denominator(1000) for f in factors]


def pixel_shuffle(call: Call) -> Outcome:
    """The receptive-field rule of pixel_shuffle(input, upscale_factor).

    It turns r² channels into r×r pixels.
    """
    factor = int(cast(int, call.get(1, "upscale_factor")))
    maps = [block_repeat_map(n, factor) for n in call.sources[0].shape[-2:]]
    return Outcome("resample", [_link_along_last_dims(call.sources[0], call.out, maps)])


def pixel_unshuffle(call: Call) -> Outcome:
    """The receptive-field rule of pixel_unshuffle(input, downscale_factor).

    It turns r×r pixels into r² channels.
    """
    factor = int(cast(int, call.get(1, "downscale_factor")))
    return _window_outcome(call, [Window(factor, factor)] * 2)


_EDGE_OF_MODE: dict[str, Edge] = {
    "constant": "zero",
    "reflect": "reflect",
    "replicate": "replicate",
    "circular": "circular",
}


def pad(call: Call) -> Outcome:
    """The receptive-field rule of pad(input, pad, mode, value).

    ``pad`` lists (before, after) from the last dimension backwards; negative amounts crop.
    """
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
"""The note of circular padding and roll along an image axis."""


def _padding_map(n_in: int, n_out: int, before: int, after: int, edge: Edge) -> AxisMap:
    """The map of padding along one axis, from n to m units."""
    spec = Window(padding=(before, after))
    return AxisMap(n_in, n_out, (range(-before, 1 - before),), 1, edge, window=spec)


def roll(call: Call) -> Outcome:
    """The receptive-field rule of roll(input, shifts, dims), a circular shift."""
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
"""A function that says what the output of a call reads."""
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
