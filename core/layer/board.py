"""All settings of the sweep page's diagram (the board): a layer, its weights and its input."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data import crop_and_scale, picture
from ..errors import SpecError
from . import kernels
from .operations import operation_of
from .spec import LayerSpec
from .sweep import Sweep, sweep, sweep_in_numpy
from .window import Pair

PixelEdit = tuple[tuple[int, int, int], float]
"""One changed input value: ((channel, row, column), new value)."""

MAX_PIXEL = 1000.0
"""Largest magnitude of an input value that a user types."""


@dataclass(frozen=True, eq=False)
class Upload:
    """An uploaded picture.

    Attributes:
        pixels: (height, width, 3) values from 0 to 255.
        digest: hash of the pixels; uploads are equal if and only if their digests are.
    """

    pixels: NDArray[np.uint8]
    digest: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Upload) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class InputSpec:
    """The input of the layer.

    Attributes:
        picture: the name of a picture of `core.data`, or an upload.
        size: (height, width) in pixels to which the picture is scaled.
        channels: number of channels.
        seed: seed of a random picture.
        edits: values that replace single pixels.
    """

    picture: str | Upload = "china"
    size: Pair = (8, 8)
    channels: int = 1
    seed: int = 0
    edits: tuple[PixelEdit, ...] = ()

    def pixels(self) -> NDArray[np.float32]:
        """(channels, height, width) input values; edits outside the size are ignored.

        Raises:
            SpecError: no such picture, or an edit that is no number up to ``MAX_PIXEL``.
        """
        if isinstance(self.picture, Upload):
            values = crop_and_scale(self.picture.pixels, self.size, self.channels).copy()
        else:
            values = picture(self.picture, self.size, self.channels, self.seed).copy()
        for index, value in self.edits:
            if not abs(value) <= MAX_PIXEL:
                limit = f"{MAX_PIXEL:g}"
                raise SpecError("pixels", f"must be numbers from -{limit} to {limit}", value)
            if all(0 <= i < n for i, n in zip(index, values.shape, strict=True)):
                values[index] = value
        return values


@dataclass(frozen=True)
class KernelSpec:
    """The weights of the layer.

    Attributes:
        preset: a key of `core.layer.kernels.PRESETS`.
        seed: seed of random weights.
        edits: values that replace single weights.
        bias: the bias of every filter.
    """

    preset: str = "sobel_x"
    seed: int = 0
    edits: tuple[kernels.Edit, ...] = ()
    bias: float = 0.0


@dataclass(frozen=True)
class BoardSpec:
    """All settings that determine the numbers in the diagram of one layer."""

    layer: LayerSpec = LayerSpec()
    source: InputSpec = InputSpec()
    kernel: KernelSpec = KernelSpec()

    def weight(self) -> NDArray[np.float32] | None:
        """The weights in torch's layout, or None where the operation has no learned weights."""
        operation = operation_of(self.layer)
        shape = operation.weight_shape(self.layer)
        if shape is None or not operation.learned:
            return None
        return kernels.kernel(self.kernel.preset, shape, self.kernel.seed, self.kernel.edits)

    def bias(self) -> NDArray[np.float32] | None:
        """(out_channels,) the bias; None for a layer without one."""
        if not self.layer.bias:
            return None
        return np.full(self.layer.out_channels, self.kernel.bias, dtype=np.float32)

    def run(self) -> Sweep:
        """Run the layer with torch and return all its windows and values."""
        return sweep(self.layer, self.source.pixels(), self.weight(), self.bias())

    def run_in_numpy(self) -> Sweep:
        """As `run`, but without torch."""
        return sweep_in_numpy(self.layer, self.source.pixels(), self.weight(), self.bias())


def torch_weight_index(layer: LayerSpec, index: tuple[int, ...]) -> tuple[int, ...]:
    """The index in torch's weight tensor of a weight in window order.

    For a transposed convolution the two orders differ: the window meets torch's kernel flipped.

    Args:
        layer: a layer with learned weights.
        index: (filter, channel in group, row, column) in window order, as `Sweep.weight` has it.

    Raises:
        SpecError: the layer has no such weight.
    """
    operation = operation_of(layer)
    shape = operation.weight_shape(layer)
    if shape is None or not operation.learned:
        raise SpecError("weights", f"of {operation.label.lower()} cannot be typed", index)
    flat = np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)
    flat_index = operation.window_weight(layer, flat)
    if len(index) != 4 or not all(0 <= i < n for i, n in zip(index, flat_index.shape, strict=True)):
        raise SpecError("weights", "has no such cell", index)
    return tuple(int(i) for i in np.unravel_index(int(flat_index[index]), shape))
