"""Padding conventions as explicit four-sided padding, and the pixels that padding copies.

Frameworks pad the two sides of an axis differently for the same word "same". Each convention
here is one function that returns ((top, bottom), (left, right)), and a second function for
transposed convolutions, whose padding crops their output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import SpecError
from .window import PAD, IntArray, Pads, Pair, Window2d, pair


def pytorch_int(padding: int | Pair) -> Pads:
    """PyTorch's ``Conv2d(padding=n)``: n pixels on both sides of each axis."""
    rows, cols = pair("padding", padding, 0)
    return (rows, rows), (cols, cols)


def valid(size: Pair, window: Window2d) -> Pads:
    """``padding="valid"``: no padding, in every framework."""
    return (0, 0), (0, 0)


def torch_same(size: Pair, window: Window2d) -> Pads:
    """PyTorch's ``Conv2d(padding="same")``: a total of span - 1; an odd pixel goes after.

    Raises:
        SpecError: torch refuses ``"same"`` when the stride is not 1.
    """
    if window.stride != (1, 1):
        raise SpecError(
            "padding='same'",
            "is refused by PyTorch unless stride is 1; "
            "give the padding as a number, or use the TensorFlow convention",
            window.stride,
        )
    rows, cols = (_halves(span - 1) for span in window.effective_kernel_size)
    return rows, cols


def tf_same(size: Pair, window: Window2d) -> Pads:
    """TensorFlow/Keras/JAX ``"SAME"``: the least padding for ceil(n / stride) outputs.

    An odd pixel goes after the picture (bottom, right).

    Source: TensorFlow, tf.nn "Notes on padding".
    """
    rows, cols = (_halves(_total_same_padding(size, window, axis)) for axis in (0, 1))
    return rows, cols


def same_lower(size: Pair, window: Window2d) -> Pads:
    """ONNX ``SAME_LOWER``: as `tf_same`, but an odd pixel goes before the picture."""
    (top, bottom), (left, right) = tf_same(size, window)
    return (bottom, top), (right, left)


def half(size: Pair, window: Window2d) -> Pads:
    """Half the kernel span on every side; an odd kernel at stride 1 then preserves the size."""
    rows, cols = window.effective_kernel_size
    return pytorch_int((rows // 2, cols // 2))


def full(size: Pair, window: Window2d) -> Pads:
    """span - 1 on every side, so that every partial overlap of kernel and input is an output."""
    rows, cols = window.effective_kernel_size
    return pytorch_int((rows - 1, cols - 1))


def _halves(total: int) -> Pair:
    """The total padding as (before, after), an odd pixel after."""
    return total // 2, total - total // 2


def _total_same_padding(size: Pair, window: Window2d, axis: int) -> int:
    """The least padding along one axis for ceil(n / stride) outputs."""
    n, stride, span = size[axis], window.stride[axis], window.effective_kernel_size[axis]
    return max((-(-n // stride) - 1) * stride + span - n, 0)


Cut = tuple[Pads, Pair]
"""(crop of a transposed convolution's output on four sides, output_padding (rows, columns))."""


def transposed_valid(window: Window2d) -> Cut:
    """Keras and JAX ``"valid"``: no crop, and the output has at least n * stride pixels.

    Where the kernel spans less than the stride, zeros follow the last window. ONNX
    ``VALID`` and PyTorch without padding leave those zeros out.
    Source: keras.layers.Conv2DTranspose (output shape); jax.lax.conv_transpose.
    """
    return ((0, 0), (0, 0)), _output_padding(window)


def transposed_same(window: Window2d) -> Cut:
    """TensorFlow, Keras and JAX ``"SAME"``, ONNX ``SAME_UPPER``: the output has n * stride pixels.

    The uncropped output has max(span - stride, 0) pixels too many, of which an odd one is cropped
    at the end; where it has too few, zeros follow. This is the gradient of the ``"SAME"``
    convolution that turns n * stride pixels into n.
    Source: tf.nn.conv2d_transpose; jax.lax.conv_transpose; ONNX ConvTranspose, auto_pad.
    """
    rows, cols = (_halves(max(-extra, 0)) for extra in _stride_minus_span(window))
    return (rows, cols), _output_padding(window)


def transposed_same_lower(window: Window2d) -> Cut:
    """ONNX ``SAME_LOWER``: as `transposed_same`, but an odd pixel is cropped at the start.

    Source: ONNX ConvTranspose, auto_pad.
    """
    ((top, bottom), (left, right)), extra = transposed_same(window)
    return ((bottom, top), (right, left)), extra


def transposed_half(window: Window2d) -> Cut:
    """The padding for the transpose of a convolution with ``half`` padding.

    Source: Dumoulin and Visin (2016), relationships 11 and 13.
    """
    return half((1, 1), window), (0, 0)


def transposed_full(window: Window2d) -> Cut:
    """The padding for the transpose of a convolution with ``full`` padding.

    Source: Dumoulin and Visin (2016), relationships 12 and 13.
    """
    return full((1, 1), window), (0, 0)


def _stride_minus_span(window: Window2d) -> Pair:
    """Pixels by which the uncropped output is shorter than n * stride, along each axis.

    A negative number means that it is longer.
    """
    rows, cols = (
        stride - span
        for stride, span in zip(window.stride, window.effective_kernel_size, strict=True)
    )
    return rows, cols


def _output_padding(window: Window2d) -> Pair:
    """The output_padding that makes the output at least n * stride pixels long."""
    rows, cols = _stride_minus_span(window)
    return max(rows, 0), max(cols, 0)


@dataclass(frozen=True)
class TransposedConvention:
    """A padding convention for transposed convolutions.

    Attributes:
        description: the text on screen.
        cut: function from a window without padding to (crop, output_padding).
    """

    description: str
    cut: Callable[[Window2d], Cut]


@dataclass(frozen=True)
class Convention:
    """A named padding convention.

    Attributes:
        label, description: the texts on screen.
        pads: function from (input size, window without padding) to the padding, for every layer
            except a transposed convolution.
        transposed: the convention for transposed convolutions; None where no framework has one.
    """

    label: str
    description: str
    pads: Callable[[Pair, Window2d], Pads]
    transposed: TransposedConvention | None

    def description_for(self, transposed: bool) -> str:
        """The description for a transposed convolution, or for any other layer."""
        return self.transposed.description if transposed and self.transposed else self.description


CONVENTIONS: dict[str, Convention] = {
    "valid": Convention(
        "valid",
        "no padding",
        valid,
        TransposedConvention(
            "nothing is cut; at least n·stride pixels, as Keras and JAX", transposed_valid
        ),
    ),
    "torch_same": Convention(
        "PyTorch 'same'", "convolution at stride 1 only; odd pixel after", torch_same, None
    ),
    "tf_same": Convention(
        "TF / Keras / JAX SAME",
        "output ceil(n/stride); odd pixel after, as ONNX SAME_UPPER",
        tf_same,
        TransposedConvention(
            "output n·stride; odd pixel cut at the end, as ONNX SAME_UPPER", transposed_same
        ),
    ),
    "same_lower": Convention(
        "ONNX SAME_LOWER",
        "as SAME; odd pixel before",
        same_lower,
        TransposedConvention("output n·stride; odd pixel cut at the start", transposed_same_lower),
    ),
    "half": Convention(
        "half",
        "half the kernel on every side",
        half,
        TransposedConvention("half the kernel is cut on every side", transposed_half),
    ),
    "full": Convention(
        "full",
        "kernel minus one on every side",
        full,
        TransposedConvention("kernel minus one is cut on every side", transposed_full),
    ),
}
"""Every padding convention by name. A new row appears on the pages and in the tests."""

FILLS: dict[str, str] = {
    "zeros": "zeros all around",
    "reflect": "mirror image without repeating the edge pixel",
    "replicate": "the edge pixel repeated",
    "circular": "the opposite side, as if the picture were a tile",
}
"""Description of each of torch's values of ``padding_mode``."""


def padding_limit(n: int, padding_mode: str) -> int | None:
    """Largest padding per side that this mode allows on ``n`` pixels; None for no limit."""
    return {"reflect": n - 1, "circular": n}.get(padding_mode)


def padding_source(n: int, before: int, after: int, padding_mode: str) -> IntArray:
    """(before + n + after,) the input index that each padded position copies.

    It is PAD for positions of constant padding (mode ``"zeros"``).

    Raises:
        SpecError: no such mode, or more padding than it allows (torch refuses it too).
    """
    if padding_mode not in FILLS:
        raise SpecError("padding_mode", f"must be one of {', '.join(FILLS)}", padding_mode)
    limit = padding_limit(n, padding_mode)
    if limit is not None and max(before, after) > limit:
        raise SpecError(
            "padding",
            f"with padding_mode '{padding_mode}' can be at most {limit} on {n} pixels",
            max(before, after),
        )
    return copied_indices(np.arange(-before, n + after), n, padding_mode)


def copied_indices(positions: IntArray, n: int, padding_mode: str) -> IntArray:
    """The input index that each positions along a padded axis copies; PAD where there is none.

    Args:
        positions: positions relative to the first pixel; below 0 or from ``n`` on in the padding.
        n: number of input pixels along the axis.
        padding_mode: ``"reflect"``, ``"replicate"`` or ``"circular"``; any other value means
            constant padding.
    """
    if padding_mode == "replicate":
        return np.clip(positions, 0, n - 1)
    if padding_mode == "circular":
        return positions % n
    if padding_mode == "reflect":
        period = max(2 * (n - 1), 1)
        return (n - 1) - np.abs((n - 1) - positions % period)
    return np.where((positions >= 0) & (positions < n), positions, PAD)
