"""The number of windows that read each input pixel, in closed form. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..layer.operations import operation_of
from ..layer.padding import padding_source
from ..layer.spec import LayerSpec
from ..layer.window import BoolArray, IntArray, Pair


@dataclass(frozen=True, eq=False)
class ReadCounts:
    """How many windows read each input pixel, and how many output units send it a gradient.

    Attributes:
        reads: (H, W) number of windows that read a pixel, in closed form.
        sent: (H, W) number of units that send a pixel a gradient, measured by torch.
        even: Whether pixels far from the border are read equally often, in closed form.
    """

    reads: IntArray
    sent: IntArray
    even: bool


def read_masks_by_axis(spec: LayerSpec, size: Pair) -> tuple[BoolArray, BoolArray]:
    """Which input indices each output reads, as one (outputs, n) mask for rows and for columns.

    Reading a copy of a pixel in the padding (reflect, replicate, circular) counts as reading it.

    Raises:
        SpecError: the layer does not fit the input.
    """
    masks = []
    for axis, n, pads in zip(operation_of(spec).axes(spec, size), size, spec.padding, strict=True):
        values = axis.source
        if spec.padding_mode != "zeros":
            values = padding_source(n, *pads, spec.padding_mode)
        read = np.zeros((len(axis.starts), n), dtype=np.bool_)
        outputs, taps = np.nonzero(values[axis.taps] >= 0)
        read[outputs, values[axis.taps[outputs, taps]]] = True
        masks.append(read)
    return masks[0], masks[1]


def windows_per_pixel(spec: LayerSpec, size: Pair) -> IntArray:
    """(height, width) the number of windows that read each pixel, or a copy of it in the padding.

    Raises:
        SpecError: the layer does not fit the input.
    """
    rows, cols = read_masks_by_axis(spec, size)
    return np.outer(rows.sum(0), cols.sum(0)).astype(np.int64)


def windows_per_phase(kernel_size: int, stride: int, dilation: int = 1) -> IntArray:
    """(stride,) the number of windows that read a pixel far from the borders, along one axis.

    Entry p is for pixels whose position is p modulo the stride. Tap ``i`` reads each pixel whose
    position is ``i * dilation`` modulo the stride exactly once. Source: Odena et al.,
    "Deconvolution and Checkerboard Artifacts" (2016).
    """
    return np.bincount(np.arange(kernel_size) * dilation % stride, minlength=stride)


def reads_evenly(spec: LayerSpec) -> bool:
    """Whether all input pixels far from the borders are read equally often.

    Without dilation this holds if and only if the kernel size is a multiple of the stride. The
    inputs of a transposed convolution are read equally often for every stride.
    """
    if operation_of(spec).has("output_padding"):
        return True
    axes = zip(spec.kernel_size, spec.stride, spec.dilation, strict=True)
    return all(np.ptp(windows_per_phase(*axis)) == 0 for axis in axes)
