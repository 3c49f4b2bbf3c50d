"""Layers as Keras 3, channels last: pictures (1, H, W, C), kernels (h, w, I, O).

Where Keras has no counterpart, the snippet says so in a comment and uses ``keras.ops``.
Snippets use only calls that every backend offers: TensorFlow has no "edge" or
"circular" padding, no depthwise convolution with unequal strides and, on a CPU, no dilated
transposed convolution. Source: Keras documentation of the layers named below;
TensorFlow, tf.nn "Notes on padding".
"""

from __future__ import annotations

from ..operations import blur_weight, output_size
from ..padding import fill_source, tf_same, transposed_same
from ..spec import LayerSpec
from ..window import Pads, Pair, Window2d
from .text import (
    Array,
    Lines,
    Write,
    call,
    extended,
    function,
    one_or_pair,
    overhang,
    plane,
    unless,
    unpadded,
)

PICTURE = 'x = np.array({}, "float32")[None, :, :, None]  # (1, height, width, 1)'
PLACEHOLDER = "x = keras.random.uniform((1, {height}, {width}, {channels}))  # your picture here"
CALL = ["y = layer(x)  # (1, height, width, channels)", "print(y)"]

IMPORTS = {
    "keras": "import keras",
    "np": "import numpy as np",
    "layers": "from keras import layers",
    "ops": "from keras import ops",
}
_NO_PADS: Pads = ((0, 0), (0, 0))


def convolution(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """``Conv2D``, padded by its own "same" where that is the same thing."""
    assert weight is not None
    # Keras refuses dilation with strides: all positions are computed, then some picked.
    pick = spec.dilation != (1, 1) and spec.stride != (1, 1)
    same, pad = _zeros_or_fill(spec, size, own=not pick)
    conv = call(
        "layers.Conv2D",
        spec.out_channels,
        one_or_pair(spec.kernel_size),
        strides=None if pick else unless((1, 1), spec.stride),
        padding=same,
        dilation_rate=unless((1, 1), spec.dilation),
        groups=None if spec.groups == 1 else str(spec.groups),
        use_bias=None if spec.bias else "False",
    )
    return [
        f"conv = {conv}",
        *_set_weights(spec, "(h, w, in, out)", weight, bias),
        *function([*pad, *_picked("conv(x)", spec, pick, "dilation together with strides")]),
    ]


def transposed_convolution(
    spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None
) -> Lines:
    """``Conv2DTranspose``: "same" where that is the same thing, else cropped.

    Keras has no padding by a number.
    """
    assert weight is not None
    window = Window2d(spec.kernel_size, spec.stride, dilation=spec.dilation)
    same = (spec.padding, spec.output_padding) == transposed_same(window)
    same = same and not unpadded(spec.padding)
    crop, short = ([], False) if same else _crop(spec, size)
    if spec.groups > 1 or spec.dilation != (1, 1):
        setup, own_bias = _transposed_parts(spec, weight, same), False
    else:
        own_bias = spec.bias and not short  # zeros put on afterwards get the bias, too
        conv = call(
            "layers.Conv2DTranspose",
            spec.out_channels,
            one_or_pair(spec.kernel_size),
            strides=unless((1, 1), spec.stride),
            padding='"same"' if same else None,
            use_bias=None if own_bias else "False",
        )
        arrays = _set_weights(spec, "(h, w, out, in)", weight, bias if own_bias else None)
        setup = [f"conv = {conv}", *arrays]
    if bias is None or own_bias:
        return [*setup, *function(["y = conv(x)", *crop, "return y"])]
    setup.append(f'bias = np.array({plane(bias)}, "float32")')
    return [*setup, *function(["y = conv(x)", *crop, "return y + bias"])]


def _transposed_parts(spec: LayerSpec, weight: Array, same: bool) -> Lines:
    """A function ``conv`` for groups and dilation with strides, which Keras's layer lacks."""
    rows, cols = spec.window.effective_kernel_size
    lines = [f"weight = {_torch_kernel(weight)}  # (h, w, out, in)"]
    if spec.dilation != (1, 1):
        shape = (rows, cols, spec.out_channels // spec.groups, spec.in_channels)
        lines += [
            "# Not every backend can dilate here: the kernel with its holes filled by zeros.",
            f'spread = np.zeros({shape}, "float32")',
            f"spread[::{spec.dilation[0]}, ::{spec.dilation[1]}] = weight",
            "weight = spread",
        ]
    settings = f"strides={spec.stride}" + (', padding="same"' if same else "")
    body = [f"return ops.conv_transpose(x, weight, {settings})"]
    if spec.groups > 1:
        body = [
            "# Conv2DTranspose has no groups: one transposed convolution for each.",
            f"inputs = ops.split(x, {spec.groups}, axis=-1)",
            f"kernels = np.split(weight, {spec.groups}, axis=-1)",
            "outputs = [",
            f"    ops.conv_transpose(part, kernel, {settings})",
            "    for part, kernel in zip(inputs, kernels)",
            "]",
            "return ops.concatenate(outputs, axis=-1)",
        ]
    return [*lines, *function(body, "conv")]


def _crop(spec: LayerSpec, size: Pair) -> tuple[Lines, bool]:
    """Lines that crop the ``padding="valid"`` output to PyTorch's, and whether zeros are added.

    Keras: ``n * stride + max(span - stride, 0)`` long; PyTorch may end later than that
    (``output_padding``) or start and end inside it (``padding``).
    """
    spans = spec.window.effective_kernel_size
    valid_lengths = [
        n * stride + max(span - stride, 0)
        for n, stride, span in zip(size, spec.stride, spans, strict=True)
    ]
    starts = [before for before, _ in spec.padding]
    ends = [start + n for start, n in zip(starts, output_size(spec, size), strict=True)]
    more = [max(0, end - length) for end, length in zip(ends, valid_lengths, strict=True)]
    lines = []
    if any(more):
        lines.append(f"y = layers.ZeroPadding2D(((0, {more[0]}), (0, {more[1]})))(y)")
    if starts != [0, 0] or any(
        end < length for end, length in zip(ends, valid_lengths, strict=True)
    ):
        lines += [
            "# Conv2DTranspose takes no padding as a number: PyTorch's padding is this crop.",
            f"y = y[:, {starts[0]}:{ends[0]}, {starts[1]}:{ends[1]}]",
        ]
    return lines, any(more)


def max_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """``MaxPooling2D``; padding other than "same" is -inf put on by hand."""
    pads = extended(spec.padding, overhang(spec, size))
    if spec.dilation != (1, 1):
        return [*function([*_lowest(pads), *_dilated_maximum(spec, size)])]
    same = not unpadded(pads) and pads == _same(spec, size)
    pool = call(
        "layers.MaxPooling2D",
        one_or_pair(spec.kernel_size),
        strides=unless(spec.kernel_size, spec.stride),
        padding='"same"' if same else None,
    )
    body = [*([] if same else _lowest(pads)), "return pool(x)"]
    return [f"pool = {pool}", *function(body)]


def _lowest(pads: Pads) -> Lines:
    if unpadded(pads):
        return []
    return [
        "# ZeroPadding2D would let a 0 win over negative pixels.",
        f'x = ops.pad(x, {_four(pads)}, constant_values=-float("inf"))',
    ]


def _dilated_maximum(spec: LayerSpec, size: Pair) -> Lines:
    """The maximum over one shifted picture for each tap."""
    rows, cols = output_size(spec, size)
    (stride_y, stride_x), (step_y, step_x) = spec.stride, spec.dilation
    height, width = (rows - 1) * stride_y + 1, (cols - 1) * stride_x + 1
    return [
        "# Keras's pooling has no dilation: the largest of the pictures shifted by each tap.",
        "taps = [",
        f"    x[:, i : i + {height} : {stride_y}, j : j + {width} : {stride_x}]",
        f"    for i in range(0, {step_y * spec.kernel_size[0]}, {step_y})",
        f"    for j in range(0, {step_x * spec.kernel_size[1]}, {step_x})",
        "]",
        "return ops.max(ops.stack(taps), axis=0)",
    ]


def average_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """``AveragePooling2D``: its "same" leaves padding out of the mean, ZeroPadding2D counts it."""
    extra = overhang(spec, size)
    pads = extended(spec.padding, extra)
    uncounted = not spec.count_include_pad or unpadded(spec.padding)
    same = not unpadded(pads) and uncounted and pads == _same(spec, size)
    pool = call(
        "layers.AveragePooling2D",
        one_or_pair(spec.kernel_size),
        strides=unless(spec.kernel_size, spec.stride),
        padding='"same"' if same else None,
    )
    setup = [f"pool = {pool}"]
    if same or unpadded(pads):
        return [*setup, *function(["return pool(x)"])]
    if spec.count_include_pad and extra == (0, 0):
        note = "# The zeros count in the mean, as PyTorch's count_include_pad=True has it."
        return [*setup, *function([note, *_zeros(spec.padding), "return pool(x)"])]
    return [*setup, *function(_shared_mean(spec, extra))]


def _shared_mean(spec: LayerSpec, extra: Pair) -> Lines:
    """Means over zeros, divided by the part of each window that counts."""
    lines = ["# Pooling counts every zero put on by hand: divide by the part that should count."]
    counted = "ops.ones_like(x)"
    if spec.count_include_pad:
        counted = f"ops.pad({counted}, {_four(spec.padding)}, constant_values=1.0)"
        uncounted = extended(_NO_PADS, extra)
    else:
        uncounted = extended(spec.padding, extra)
    return [
        *lines,
        f"share = pool(ops.pad({counted}, {_four(uncounted)}))",
        f"return pool(ops.pad(x, {_four(extended(spec.padding, extra))})) / share",
    ]


def blur_pooling(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """``ops.depthwise_conv`` with fixed binomial weights."""
    # TensorFlow's depthwise convolution has one stride for both axes.
    pick = spec.stride[0] != spec.stride[1]
    same, pad = _zeros_or_fill(spec, size, own=not pick)
    strides = 1 if pick else spec.stride[0]
    conv = call("ops.depthwise_conv", "x", "weight", strides=str(strides), padding=same)
    repeat = "" if spec.in_channels == 1 else f".repeat({spec.in_channels}, axis=2)"
    return [
        "# Fixed weights: rows of Pascal's triangle, scaled to the sum 1.",
        f"weight = {_torch_kernel(blur_weight(spec)[:1])}{repeat}  # (h, w, channels, 1)",
        *function([*pad, *_picked(conv, spec, pick, "unequal strides")]),
    ]


WRITERS: dict[str, Write] = {
    "convolution": convolution,
    "transposed_convolution": transposed_convolution,
    "max_pooling": max_pooling,
    "average_pooling": average_pooling,
    "blur_pooling": blur_pooling,
}
"""The function that writes each operation."""


def _same(spec: LayerSpec, size: Pair) -> Pads:
    return tf_same(size, Window2d(spec.kernel_size, spec.stride, dilation=spec.dilation))


def _zeros_or_fill(spec: LayerSpec, size: Pair, own: bool) -> tuple[str | None, Lines]:
    """The layer's ``padding=`` argument and the lines that pad before it; one of them empty.

    ``own``: whether the layer steps by the layer's stride, on which "same" depends.
    """
    if unpadded(spec.padding):
        return None, []
    if spec.padding_mode != "zeros":
        return None, _fill(spec, size)
    if own and spec.padding == _same(spec, size):
        return '"same"', []
    return None, _zeros(spec.padding)


def _zeros(pads: Pads) -> Lines:
    return [f"x = layers.ZeroPadding2D({pads})(x)"]


def _fill(spec: LayerSpec, size: Pair) -> Lines:
    """Lines for padding that copies pixels, which Keras's layers do not have."""
    if spec.padding_mode == "reflect":
        return [f'x = ops.pad(x, {_four(spec.padding)}, mode="reflect")']
    rows, cols = (
        fill_source(n, *pads, spec.padding_mode).tolist()
        for n, pads in zip(size, spec.padding, strict=True)
    )
    return [
        f"# Keras has no '{spec.padding_mode}' padding on every backend: the pixels by index.",
        f"x = ops.take(ops.take(x, {rows}, axis=1), {cols}, axis=2)",
    ]


def _picked(y: str, spec: LayerSpec, pick: bool, missing: str) -> Lines:
    if not pick:
        return [f"return {y}"]
    return [
        f"# Keras has no {missing}: every position, then one in each stride.",
        f"return {y}[:, ::{spec.stride[0]}, ::{spec.stride[1]}]",
    ]


def _torch_kernel(weight: Array) -> str:
    return f'np.array({plane(weight)}, "float32").transpose(2, 3, 1, 0)'


def _set_weights(spec: LayerSpec, layout: str, weight: Array, bias: Array | None) -> Lines:
    arrays = "weight" if bias is None else f'weight, np.array({plane(bias)}, "float32")'
    return [
        f"weight = {_torch_kernel(weight)}  # {layout}",
        f"conv.build((None, None, None, {spec.in_channels}))",
        f"conv.set_weights([{arrays}])",
    ]


def _four(pads: Pads) -> str:
    return str(((0, 0), *pads, (0, 0)))
