"""PyTorch code of every operation, as modules of torch.nn.

Arguments at torch's default are left out, except ``kernel_size``.
"""

from __future__ import annotations

from ..operations import output_size
from ..spec import LayerSpec
from ..window import Pair, Window2d
from .text import (
    FIXED,
    Array,
    Lines,
    Writer,
    array_literal,
    call_text,
    fixed_weight,
    function_lines,
    is_unpadded,
    one_or_pair,
    pair_unless_default,
)

PICTURE = "x = torch.tensor({})[None, None]  # (1, 1, height, width)"
"""Template of an input with given pixels; see `core.layer.code.Framework`."""
PLACEHOLDER = "x = torch.rand(1, {channels}, {height}, {width})  # your picture here"
"""Template of a random input."""
CALL = ["with torch.no_grad():", "    y = layer(x)", "print(y)"]
"""The lines that run the layer and print its output."""

IMPORTS = {
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
}
"""The import statement of each alias."""
_PAD_MODULES = {
    "zeros": "nn.ZeroPad2d",
    "reflect": "nn.ReflectionPad2d",
    "replicate": "nn.ReplicationPad2d",
    "circular": "nn.CircularPad2d",
}
"""The padding module of each padding mode."""


def convolution(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """Write ``nn.Conv2d``; padding with unequal sides becomes a padding module before it."""
    conv = call_text(
        "nn.Conv2d",
        spec.in_channels,
        spec.out_channels,
        kernel_size=one_or_pair(spec.kernel_size),
        stride=pair_unless_default((1, 1), spec.stride),
        padding=_padding_argument(spec),
        dilation=pair_unless_default((1, 1), spec.dilation),
        groups=None if spec.groups == 1 else str(spec.groups),
        bias=None if spec.bias else "False",
        padding_mode=_padding_mode_argument(spec),
    )
    if spec.symmetric:
        return [f"layer = {conv}", *_load_parameters("layer", weight, bias)]
    return [
        f"conv = {conv}",
        *_load_parameters("conv", weight, bias),
        f"layer = nn.Sequential({_pad_module(spec)}, conv)",
    ]


def transposed_convolution(
    spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None
) -> Lines:
    """Write ``nn.ConvTranspose2d``; padding with unequal sides becomes a crop of its output."""
    conv = call_text(
        "nn.ConvTranspose2d",
        spec.in_channels,
        spec.out_channels,
        kernel_size=one_or_pair(spec.kernel_size),
        stride=pair_unless_default((1, 1), spec.stride),
        padding=_padding_argument(spec),
        output_padding=pair_unless_default((0, 0), spec.output_padding),
        groups=None if spec.groups == 1 else str(spec.groups),
        bias=None if spec.bias else "False",
        dilation=pair_unless_default((1, 1), spec.dilation),
    )
    if spec.symmetric:
        return [f"layer = {conv}", *_load_parameters("layer", weight, bias)]
    (top, _), (left, _) = spec.padding
    height, width = output_size(spec, size)
    return [
        f"conv = {conv}",
        *_load_parameters("conv", weight, bias),
        *function_lines([f"return conv(x)[:, :, {top}:{top + height}, {left}:{left + width}]"]),
    ]


def max_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """Write ``nn.MaxPool2d``; padding with unequal sides becomes a padding module of -inf."""
    pool = call_text(
        "nn.MaxPool2d",
        kernel_size=one_or_pair(spec.kernel_size),
        stride=pair_unless_default(spec.kernel_size, spec.stride),
        padding=_padding_argument(spec),
        dilation=pair_unless_default((1, 1), spec.dilation),
        ceil_mode="True" if spec.ceil_mode else None,
    )
    if spec.symmetric:
        return [f"layer = {pool}"]
    pad = f'nn.ConstantPad2d({_left_right_top_bottom(spec)}, float("-inf"))'
    crop = _crop_index(spec, size)
    if not crop:
        return [f"layer = {call_text('nn.Sequential', pad, pool)}"]
    setup = [f"pad = {pad}", f"pool = {pool}"]
    return [*setup, *function_lines([f"return pool(pad(x)){crop}"])]


def average_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """Write ``nn.AvgPool2d``; the divisor is corrected where explicit padding must not count."""
    inside = spec.symmetric and not spec.count_include_pad
    pool = call_text(
        "nn.AvgPool2d",
        kernel_size=one_or_pair(spec.kernel_size),
        stride=pair_unless_default(spec.kernel_size, spec.stride),
        padding=_padding_argument(spec),
        ceil_mode="True" if spec.ceil_mode else None,
        count_include_pad="False" if inside else None,
    )
    if spec.symmetric:
        return [f"layer = {pool}"]
    pad, crop = _pad_module(spec), _crop_index(spec, size)
    setup = [f"pad = {pad}", f"pool = {pool}"]
    if spec.count_include_pad:
        return [*setup, *function_lines([f"return pool(pad(x)){crop}"])]
    body = [
        f"share = pool(pad(torch.ones_like(x))){crop}  # of each window, the part on the picture",
        f"return pool(pad(x)){crop} / share",
    ]
    return [*setup, *function_lines(body)]


def fixed_convolution(
    spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None
) -> Lines:
    """Write a depthwise ``F.conv2d`` with the operation's fixed weights; torch has no such module."""
    native = spec.symmetric and spec.padding_mode == "zeros"
    conv = call_text(
        "F.conv2d",
        "x",
        "weight",
        stride=pair_unless_default((1, 1), spec.stride),
        padding=_padding_argument(spec) if native else None,
        groups=None if spec.in_channels == 1 else str(spec.in_channels),
    )
    repeat = "" if spec.in_channels == 1 else f".repeat({spec.in_channels}, 1, 1, 1)"
    pad = [] if native or is_unpadded(spec.padding) else [f"x = {_functional_pad(spec)}"]
    return [
        "# These weights are fixed: training does not change them.",
        f"weight = torch.tensor({array_literal(fixed_weight(spec)[:1])}){repeat}",
        *function_lines([*pad, f"return {conv}"]),
    ]


WRITERS: dict[str, Writer] = {
    "convolution": convolution,
    "transposed_convolution": transposed_convolution,
    "max_pooling": max_pooling,
    "average_pooling": average_pooling,
    FIXED: fixed_convolution,
}
"""The function that writes each operation of ``OPERATIONS`` as lines of code; `FIXED` writes those
with fixed weights that are not listed."""


def _padding_argument(spec: LayerSpec) -> str | None:
    """The layer's ``padding=`` argument; None when it is 0 or a padding module applies it."""
    (top, _), (left, _) = spec.padding
    return pair_unless_default((0, 0), (top, left)) if spec.symmetric else None


def _padding_mode_argument(spec: LayerSpec) -> str | None:
    """The layer's ``padding_mode=`` argument; None for zeros or where a module pads."""
    native = spec.symmetric and spec.padding_mode != "zeros"
    return f'"{spec.padding_mode}"' if native else None


def _left_right_top_bottom(spec: LayerSpec) -> str:
    """The padding as torch's padding modules take it, (left, right, top, bottom)."""
    (top, bottom), (left, right) = spec.padding
    return f"({left}, {right}, {top}, {bottom})"  # torch counts from the last axis


def _pad_module(spec: LayerSpec) -> str:
    return f"{_PAD_MODULES[spec.padding_mode]}({_left_right_top_bottom(spec)})"


def _functional_pad(spec: LayerSpec) -> str:
    mode = None if spec.padding_mode == "zeros" else f'"{spec.padding_mode}"'
    return call_text("F.pad", "x", _left_right_top_bottom(spec), mode=mode)


def _crop_index(spec: LayerSpec, size: Pair) -> str:
    """The index that drops an extra last window, or nothing where torch computes none.

    With ``ceil_mode``, torch computes a window that starts inside padding applied by a module.
    """
    height, width = output_size(spec, size)
    rows, cols = (n + sum(pads) for n, pads in zip(size, spec.padding, strict=True))
    window = Window2d(spec.kernel_size, spec.stride, ((0, 0), (0, 0)), spec.dilation, True)
    if not spec.ceil_mode or window.output_size((rows, cols)) == (height, width):
        return ""
    return f"[:, :, :{height}, :{width}]"


def _load_parameters(name: str, weight: Array | None, bias: Array | None) -> Lines:
    """The lines that load weight and bias into the module ``name``."""
    entries = []
    for key, array in (("weight", weight), ("bias", bias)):
        if array is not None:
            entries.append(f'    "{key}": torch.tensor({array_literal(array, 4)}),')
    return [f"{name}.load_state_dict({{", *entries, "})"]
