"""Keras 3 code of every operation, channels last: pictures (1, H, W, C), kernels (h, w, I, O).

Where Keras has no such layer, the snippet says so in a comment and uses ``keras.ops``.
Snippets use only calls that every backend offers: TensorFlow has no "edge" or
"circular" padding, no depthwise convolution with unequal strides and, on a CPU, no dilated
transposed convolution. Source: Keras documentation of the layers named below;
TensorFlow, tf.nn "Notes on padding".
"""

from __future__ import annotations

from ..operations import output_size
from ..padding import padding_source, tf_same, transposed_same
from ..spec import LayerSpec
from ..window import Pads, Pair, Window2d
from .text import (
    FIXED,
    Array,
    Lines,
    Writer,
    array_literal,
    call_text,
    ceil_mode_overhang,
    fixed_weight,
    function_lines,
    is_unpadded,
    one_or_pair,
    pair_unless_default,
    with_more_padding_after,
)

PICTURE = 'x = np.array({}, "float32")[None, :, :, None]  # (1, height, width, 1)'
"""Template of an input with given pixels; see `core.layer.code.Framework`."""
PLACEHOLDER = "x = keras.random.uniform((1, {height}, {width}, {channels}))  # your picture here"
"""Template of a random input."""
CALL = ["y = layer(x)  # (1, height, width, channels)", "print(y)"]
"""The lines that run the layer and print its output."""

IMPORTS = {
    "keras": "import keras",
    "np": "import numpy as np",
    "layers": "from keras import layers",
    "ops": "from keras import ops",
}
"""The import statement of each alias."""
_NO_PADS: Pads = ((0, 0), (0, 0))


def convolution(spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None) -> Lines:
    """Write ``Conv2D``, with its argument "same" where that gives the same padding."""
    assert weight is not None
    # Keras refuses dilation with strides: compute all positions, then subsample.
    subsample = spec.dilation != (1, 1) and spec.stride != (1, 1)
    same, pad = _padding_argument_or_lines(spec, size, strided=not subsample)
    conv = call_text(
        "layers.Conv2D",
        spec.out_channels,
        one_or_pair(spec.kernel_size),
        strides=None if subsample else pair_unless_default((1, 1), spec.stride),
        padding=same,
        dilation_rate=pair_unless_default((1, 1), spec.dilation),
        groups=None if spec.groups == 1 else str(spec.groups),
        use_bias=None if spec.bias else "False",
    )
    return [
        f"conv = {conv}",
        *_set_weights_lines(spec, "(h, w, in, out)", weight, bias),
        *function_lines(
            [
                *pad,
                *_return_subsampled_lines(
                    "conv(x)", spec, subsample, "dilation together with strides"
                ),
            ]
        ),
    ]


def transposed_convolution(
    spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None
) -> Lines:
    """Write ``Conv2DTranspose``, with "same" where that gives the same crop, else a crop.

    Keras takes no padding as a number.
    """
    assert weight is not None
    window = Window2d(spec.kernel_size, spec.stride, dilation=spec.dilation)
    same = (spec.padding, spec.output_padding) == transposed_same(window)
    same = same and not is_unpadded(spec.padding)
    crop, appends_zeros = ([], False) if same else _crop_lines(spec, size)
    if spec.groups > 1 or spec.dilation != (1, 1):
        setup, layer_adds_bias = _transposed_function(spec, weight, same), False
    else:
        layer_adds_bias = spec.bias and not appends_zeros  # appended zeros get the bias, too
        conv = call_text(
            "layers.Conv2DTranspose",
            spec.out_channels,
            one_or_pair(spec.kernel_size),
            strides=pair_unless_default((1, 1), spec.stride),
            padding='"same"' if same else None,
            use_bias=None if layer_adds_bias else "False",
        )
        layer_bias = bias if layer_adds_bias else None
        setup = [f"conv = {conv}", *_set_weights_lines(spec, "(h, w, out, in)", weight, layer_bias)]
    if bias is None or layer_adds_bias:
        return [*setup, *function_lines(["y = conv(x)", *crop, "return y"])]
    setup.append(f'bias = np.array({array_literal(bias)}, "float32")')
    return [*setup, *function_lines(["y = conv(x)", *crop, "return y + bias"])]


def _transposed_function(spec: LayerSpec, weight: Array, same: bool) -> Lines:
    """Lines of a function ``conv`` for groups and dilation, which ``Conv2DTranspose`` lacks."""
    rows, cols = spec.window.effective_kernel_size
    lines = [f"weight = {_kernel_in_keras_order(weight)}  # (h, w, out, in)"]
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
    return [*lines, *function_lines(body, "conv")]


def _crop_lines(spec: LayerSpec, size: Pair) -> tuple[Lines, bool]:
    """Lines that turn the ``padding="valid"`` output into PyTorch's, and whether they add zeros.

    Keras's output is ``n * stride + max(span - stride, 0)`` long. PyTorch's may end after it
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
    """Write ``MaxPooling2D``; padding other than "same" becomes explicit padding by -inf."""
    pads = with_more_padding_after(spec.padding, ceil_mode_overhang(spec, size))
    if spec.dilation != (1, 1):
        return [
            *function_lines([*_minus_infinity_padding_lines(pads), *_dilated_maximum(spec, size)])
        ]
    same = not is_unpadded(pads) and pads == _same_padding(spec, size)
    pool = call_text(
        "layers.MaxPooling2D",
        one_or_pair(spec.kernel_size),
        strides=pair_unless_default(spec.kernel_size, spec.stride),
        padding='"same"' if same else None,
    )
    body = [*([] if same else _minus_infinity_padding_lines(pads)), "return pool(x)"]
    return [f"pool = {pool}", *function_lines(body)]


def _minus_infinity_padding_lines(pads: Pads) -> Lines:
    """Lines that pad ``x`` with -inf."""
    if is_unpadded(pads):
        return []
    return [
        "# ZeroPadding2D would let a 0 win over negative pixels.",
        f'x = ops.pad(x, {_padding_of_four_axes(pads)}, constant_values=-float("inf"))',
    ]


def _dilated_maximum(spec: LayerSpec, size: Pair) -> Lines:
    """Lines that return the maximum over the pictures shifted by each tap."""
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
    """Write ``AveragePooling2D``, whose "same" padding does not count in the mean."""
    extra = ceil_mode_overhang(spec, size)
    pads = with_more_padding_after(spec.padding, extra)
    uncounted = not spec.count_include_pad or is_unpadded(spec.padding)
    same = not is_unpadded(pads) and uncounted and pads == _same_padding(spec, size)
    pool = call_text(
        "layers.AveragePooling2D",
        one_or_pair(spec.kernel_size),
        strides=pair_unless_default(spec.kernel_size, spec.stride),
        padding='"same"' if same else None,
    )
    setup = [f"pool = {pool}"]
    if same or is_unpadded(pads):
        return [*setup, *function_lines(["return pool(x)"])]
    if spec.count_include_pad and extra == (0, 0):
        note = "# The zeros count in the mean, as PyTorch's count_include_pad=True has it."
        return [
            *setup,
            *function_lines([note, *_zero_padding_lines(spec.padding), "return pool(x)"]),
        ]
    return [*setup, *function_lines(_corrected_mean_lines(spec, extra))]


def _corrected_mean_lines(spec: LayerSpec, extra: Pair) -> Lines:
    """Lines that divide means over explicit zeros by the share of each window that counts."""
    lines = ["# Pooling counts every zero put on by hand: divide by the part that should count."]
    counted = "ops.ones_like(x)"
    if spec.count_include_pad:
        counted = f"ops.pad({counted}, {_padding_of_four_axes(spec.padding)}, constant_values=1.0)"
        uncounted = with_more_padding_after(_NO_PADS, extra)
    else:
        uncounted = with_more_padding_after(spec.padding, extra)
    return [
        *lines,
        f"share = pool(ops.pad({counted}, {_padding_of_four_axes(uncounted)}))",
        f"return pool(ops.pad(x, {_padding_of_four_axes(with_more_padding_after(spec.padding, extra))})) / share",
    ]


def fixed_convolution(
    spec: LayerSpec, size: Pair, weight: Array | None, bias: Array | None
) -> Lines:
    """Write it as ``ops.depthwise_conv`` with the operation's fixed weights."""
    # TensorFlow's depthwise convolution has one stride for both axes.
    subsample = spec.stride[0] != spec.stride[1]
    same, pad = _padding_argument_or_lines(spec, size, strided=not subsample)
    strides = 1 if subsample else spec.stride[0]
    conv = call_text("ops.depthwise_conv", "x", "weight", strides=str(strides), padding=same)
    repeat = "" if spec.in_channels == 1 else f".repeat({spec.in_channels}, axis=2)"
    return [
        "# These weights are fixed: training does not change them.",
        f"weight = {_kernel_in_keras_order(fixed_weight(spec)[:1])}{repeat}  # (h, w, channels, 1)",
        *function_lines(
            [*pad, *_return_subsampled_lines(conv, spec, subsample, "unequal strides")]
        ),
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


def _same_padding(spec: LayerSpec, size: Pair) -> Pads:
    """The padding that Keras applies for "same"."""
    return tf_same(size, Window2d(spec.kernel_size, spec.stride, dilation=spec.dilation))


def _padding_argument_or_lines(
    spec: LayerSpec, size: Pair, strided: bool
) -> tuple[str | None, Lines]:
    """The layer's ``padding=`` argument, and the lines that pad before it; one is empty.

    ``strided`` says whether the Keras layer has the stride of ``spec``, on which "same" depends.
    """
    if is_unpadded(spec.padding):
        return None, []
    if spec.padding_mode != "zeros":
        return None, _copied_padding_lines(spec, size)
    if strided and spec.padding == _same_padding(spec, size):
        return '"same"', []
    return None, _zero_padding_lines(spec.padding)


def _zero_padding_lines(pads: Pads) -> Lines:
    """The line that pads ``x`` with zeros."""
    return [f"x = layers.ZeroPadding2D({pads})(x)"]


def _copied_padding_lines(spec: LayerSpec, size: Pair) -> Lines:
    """Lines that pad ``x`` with copies of its pixels, which Keras's layers cannot do."""
    if spec.padding_mode == "reflect":
        return [f'x = ops.pad(x, {_padding_of_four_axes(spec.padding)}, mode="reflect")']
    rows, cols = (
        padding_source(n, *pads, spec.padding_mode).tolist()
        for n, pads in zip(size, spec.padding, strict=True)
    )
    return [
        f"# Keras has no '{spec.padding_mode}' padding on every backend: the pixels by index.",
        f"x = ops.take(ops.take(x, {rows}, axis=1), {cols}, axis=2)",
    ]


def _return_subsampled_lines(
    y: str, spec: LayerSpec, subsample: bool, missing_feature: str
) -> Lines:
    """Lines that return ``y``, or every stride-th output; ``missing_feature`` names what Keras lacks."""
    if not subsample:
        return [f"return {y}"]
    return [
        f"# Keras has no {missing_feature}: every position, then one in each stride.",
        f"return {y}[:, ::{spec.stride[0]}, ::{spec.stride[1]}]",
    ]


def _kernel_in_keras_order(weight: Array) -> str:
    """Code of torch's weight with its axes in Keras's order."""
    return f'np.array({array_literal(weight)}, "float32").transpose(2, 3, 1, 0)'


def _set_weights_lines(spec: LayerSpec, layout: str, weight: Array, bias: Array | None) -> Lines:
    """Lines that build ``conv`` and set its weights; ``layout`` is the comment on their axes."""
    arrays = "weight" if bias is None else f'weight, np.array({array_literal(bias)}, "float32")'
    return [
        f"weight = {_kernel_in_keras_order(weight)}  # {layout}",
        f"conv.build((None, None, None, {spec.in_channels}))",
        f"conv.set_weights([{arrays}])",
    ]


def _padding_of_four_axes(pads: Pads) -> str:
    """The padding of all four axes (N, H, W, C) as text."""
    return str(((0, 0), *pads, (0, 0)))
