"""Padding conventions as explicit four-sided padding, and the values that fill it.

Frameworks put different amounts on the two sides for the same word "same". Each
convention here is one function to ((top, bottom), (left, right)), and one for transposed
convolutions, whose padding is cut off their output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..errors import SpecError
from .window import PAD, IntArray, Pads, Pair, Window2d, pair


def pytorch_int(padding: int | Pair) -> Pads:
    """``Conv2d(padding=n)``: n on both sides of each axis."""
    rows, cols = pair("padding", padding, 0)
    return (rows, rows), (cols, cols)


def valid(size: Pair, window: Window2d) -> Pads:
    """``padding="valid"``: none. Every framework agrees."""
    return (0, 0), (0, 0)


def torch_same(size: Pair, window: Window2d) -> Pads:
    """``Conv2d(padding="same")``: span - 1 in all, the odd one after.

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
    rows, cols = (_split(span - 1) for span in window.effective_kernel_size)
    return rows, cols


def tf_same(size: Pair, window: Window2d) -> Pads:
    """TensorFlow/Keras/JAX ``"SAME"``: just enough for ceil(n / stride), the odd one after.

    Source: TensorFlow, tf.nn "Notes on padding".
    """
    rows, cols = (_split(_same_total(size, window, axis)) for axis in (0, 1))
    return rows, cols


def same_lower(size: Pair, window: Window2d) -> Pads:
    """ONNX ``SAME_LOWER``: as TensorFlow's, but the odd one before."""
    (top, bottom), (left, right) = tf_same(size, window)
    return (bottom, top), (right, left)


def half(size: Pair, window: Window2d) -> Pads:
    """Half the span on every side: an odd kernel at stride 1 keeps the size."""
    rows, cols = window.effective_kernel_size
    return pytorch_int((rows // 2, cols // 2))


def full(size: Pair, window: Window2d) -> Pads:
    """span - 1 on every side: every partial overlap of kernel and input counts."""
    rows, cols = window.effective_kernel_size
    return pytorch_int((rows - 1, cols - 1))


def _split(total: int) -> Pair:
    return total // 2, total - total // 2


def _same_total(size: Pair, window: Window2d, axis: int) -> int:
    n, stride, span = size[axis], window.stride[axis], window.effective_kernel_size[axis]
    return max((-(-n // stride) - 1) * stride + span - n, 0)


Cut = tuple[Pads, Pair]
"""The crop of a transposed convolution's output, and its output_padding (rows, columns)."""


def transposed_valid(window: Window2d) -> Cut:
    """Keras and JAX ``"valid"``: nothing is cut, and no output is shorter than n * stride.

    Where the kernel spans less than the stride, zeros follow the last window. ONNX
    ``VALID`` and PyTorch without padding leave those zeros out.
    Source: keras.layers.Conv2DTranspose (output shape); jax.lax.conv_transpose.
    """
    return ((0, 0), (0, 0)), _filled(window)


def transposed_same(window: Window2d) -> Cut:
    """TensorFlow, Keras and JAX ``"SAME"``, ONNX ``SAME_UPPER``: the output has n * stride pixels.

    Of the max(span - stride, 0) pixels that are too many, the odd one is cut at the end;
    zeros follow where pixels are missing. This is the gradient of the ``"SAME"`` convolution
    that makes n pixels of n * stride.
    Source: tf.nn.conv2d_transpose; jax.lax.conv_transpose; ONNX ConvTranspose, auto_pad.
    """
    rows, cols = (_split(max(-extra, 0)) for extra in _missing(window))
    return (rows, cols), _filled(window)


def transposed_same_lower(window: Window2d) -> Cut:
    """ONNX ``SAME_LOWER``: as ``SAME_UPPER``, but the odd pixel is cut at the start.

    Source: ONNX ConvTranspose, auto_pad.
    """
    ((top, bottom), (left, right)), extra = transposed_same(window)
    return ((bottom, top), (right, left)), extra


def transposed_half(window: Window2d) -> Cut:
    """The transpose of a convolution with ``half`` padding.

    Source: Dumoulin and Visin (2016), relationships 11 and 13.
    """
    return half((1, 1), window), (0, 0)


def transposed_full(window: Window2d) -> Cut:
    """The transpose of a convolution with ``full`` padding.

    Source: Dumoulin and Visin (2016), relationships 12 and 13.
    """
    return full((1, 1), window), (0, 0)


def _missing(window: Window2d) -> Pair:
    """Rows and columns that n windows side by side lack of n strides; negative: too many."""
    rows, cols = (
        stride - span
        for stride, span in zip(window.stride, window.effective_kernel_size, strict=True)
    )
    return rows, cols


def _filled(window: Window2d) -> Pair:
    rows, cols = _missing(window)
    return max(rows, 0), max(cols, 0)


@dataclass(frozen=True)
class Transposed:
    """A named padding rule for a transposed convolution.

    Attributes:
        description: for the screen.
        cut: ``window without padding -> (Pads, output_padding)``.
    """

    description: str
    cut: Callable[[Window2d], Cut]


@dataclass(frozen=True)
class Convention:
    """A named padding rule.

    Attributes:
        label, description: for the screen.
        pads: ``(input size, window without padding) -> Pads`` of layers that are no
            transposed convolutions.
        transposed: the rule for those; None where no framework has one.
    """

    label: str
    description: str
    pads: Callable[[Pair, Window2d], Pads]
    transposed: Transposed | None

    def described(self, transposed: bool) -> str:
        """The description that holds for a transposed convolution, or for any other layer."""
        return self.transposed.description if transposed and self.transposed else self.description


CONVENTIONS: dict[str, Convention] = {
    "valid": Convention(
        "valid",
        "no padding",
        valid,
        Transposed("nothing is cut; at least n·stride pixels, as Keras and JAX", transposed_valid),
    ),
    "torch_same": Convention(
        "PyTorch 'same'", "convolution at stride 1 only; odd pixel after", torch_same, None
    ),
    "tf_same": Convention(
        "TF / Keras / JAX SAME",
        "output ceil(n/stride); odd pixel after, as ONNX SAME_UPPER",
        tf_same,
        Transposed(
            "output n·stride; odd pixel cut at the end, as ONNX SAME_UPPER", transposed_same
        ),
    ),
    "same_lower": Convention(
        "ONNX SAME_LOWER",
        "as SAME; odd pixel before",
        same_lower,
        Transposed("output n·stride; odd pixel cut at the start", transposed_same_lower),
    ),
    "half": Convention(
        "half",
        "half the kernel on every side",
        half,
        Transposed("half the kernel is cut on every side", transposed_half),
    ),
    "full": Convention(
        "full",
        "kernel minus one on every side",
        full,
        Transposed("kernel minus one is cut on every side", transposed_full),
    ),
}
"""Every named convention. A new row appears on the pages and in the tests."""

FILLS: dict[str, str] = {
    "zeros": "zeros all around",
    "reflect": "mirror image without repeating the edge pixel",
    "replicate": "the edge pixel repeated",
    "circular": "the opposite side, as if the picture were a tile",
}
"""The description of each ``padding_mode`` of torch."""


def fill_limit(n: int, fill: str) -> int | None:
    """Most padding per side that ``fill`` can provide for ``n`` pixels; None: no limit."""
    return {"reflect": n - 1, "circular": n}.get(fill)


def fill_source(n: int, before: int, after: int, fill: str) -> IntArray:
    """(before + n + after,) input index each padded position copies; PAD where it is constant.

    Raises:
        SpecError: the fill cannot provide that much padding (torch refuses it too).
    """
    if fill not in FILLS:
        raise SpecError("padding_mode", f"must be one of {', '.join(FILLS)}", fill)
    limit = fill_limit(n, fill)
    if limit is not None and max(before, after) > limit:
        raise SpecError(
            "padding",
            f"with padding_mode '{fill}' can be at most {limit} on {n} pixels",
            max(before, after),
        )
    return copied_index(np.arange(-before, n + after), n, fill)


def copied_index(position: IntArray, n: int, fill: str) -> IntArray:
    """The input index that each position of an axis of ``n`` pixels copies; PAD where none.

    Args:
        position: counted from the first pixel: negative before it, ``n`` and more behind the last.
        n: pixels of the input.
        fill: ``"reflect"``, ``"replicate"`` or ``"circular"``; anything else is constant padding.
    """
    if fill == "replicate":
        return np.clip(position, 0, n - 1)
    if fill == "circular":
        return position % n
    if fill == "reflect":
        period = max(2 * (n - 1), 1)
        return (n - 1) - np.abs((n - 1) - position % period)
    return np.where((position >= 0) & (position < n), position, PAD)
