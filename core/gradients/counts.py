"""How many windows read each input pixel, in closed form. Needs no torch."""

from __future__ import annotations

import numpy as np

from ..layer.operations import operation_of
from ..layer.padding import fill_source
from ..layer.spec import LayerSpec
from ..layer.window import BoolArray, IntArray, Pair


def axis_reads(spec: LayerSpec, size: Pair) -> tuple[BoolArray, BoolArray]:
    """For rows and columns: (outputs, n) whether the window of an output reads an input index.

    A pixel copied into the padding (reflect, replicate, circular) counts as read there.

    Raises:
        SpecError: the layer does not fit the input.
    """
    masks = []
    for axis, n, pads in zip(operation_of(spec).axes(spec, size), size, spec.padding, strict=True):
        values = axis.source
        if spec.padding_mode != "zeros":
            values = fill_source(n, *pads, spec.padding_mode)
        read = np.zeros((len(axis.starts), n), dtype=np.bool_)
        outputs, taps = np.nonzero(values[axis.taps] >= 0)
        read[outputs, values[axis.taps[outputs, taps]]] = True
        masks.append(read)
    return masks[0], masks[1]


def window_reads(spec: LayerSpec, size: Pair) -> IntArray:
    """(height, width) how many windows read each pixel; `core.layer.window`'s counts with zeros around.

    Raises:
        SpecError: the layer does not fit the input.
    """
    rows, cols = axis_reads(spec, size)
    return np.outer(rows.sum(0), cols.sum(0)).astype(np.int64)


def phase_counts(kernel_size: int, stride: int, dilation: int = 1) -> IntArray:
    """(stride,) along one axis, how many windows read a pixel of each phase, far from borders.

    Tap ``i`` meets the pixels whose position is ``i * dilation`` modulo the stride, once
    each. Source: Odena et al., "Deconvolution and Checkerboard Artifacts" (2016).
    """
    return np.bincount(np.arange(kernel_size) * dilation % stride, minlength=stride)


def is_even(spec: LayerSpec) -> bool:
    """Whether all pixels far from borders are read equally often.

    Without dilation that is so exactly when the kernel size is a multiple of the stride. The
    windows of a transposed convolution stand at every place of its output: its *inputs* are
    read equally often whatever the stride.
    """
    if operation_of(spec).has("output_padding"):
        return True
    axes = zip(spec.kernel_size, spec.stride, spec.dilation, strict=True)
    return all(np.ptp(phase_counts(*axis)) == 0 for axis in axes)
