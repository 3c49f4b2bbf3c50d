"""The content of the sweep board as one frozen value: a layer, its weights and its input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..data import fit, picture
from ..errors import SpecError
from . import kernels
from .operations import operation_of
from .spec import LayerSpec
from .window import Pair

if TYPE_CHECKING:
    from .sweep import Sweep

PixelEdit = tuple[tuple[int, int, int], float]
"""((channel, row, column), new value)"""

MAX_PIXEL = 1000.0
"""Largest magnitude of a typed input value."""


@dataclass(frozen=True, eq=False)
class Upload:
    """An uploaded picture: ``pixels`` (height, width, 3) uint8; ``digest`` identifies it."""

    pixels: NDArray[np.uint8]
    digest: str

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Upload) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)


@dataclass(frozen=True)
class InputSpec:
    """The input: a named picture or an upload, its size, and cells typed over it."""

    picture: str | Upload = "china"
    size: Pair = (8, 8)
    channels: int = 1
    seed: int = 0
    edits: tuple[PixelEdit, ...] = ()

    def pixels(self) -> NDArray[np.float32]:
        """(channels, height, width) values; edits outside the size are left out."""
        if isinstance(self.picture, Upload):
            values = fit(self.picture.pixels, self.size, self.channels).copy()
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
    """The weights: a preset, the seed of a random one, typed cells, and one bias for all."""

    preset: str = "sobel_x"
    seed: int = 0
    edits: tuple[kernels.Edit, ...] = ()
    bias: float = 0.0


@dataclass(frozen=True)
class BoardSpec:
    """All settings that determine the numbers on the board."""

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
        """(out_channels,) the bias, or None."""
        if not self.layer.bias:
            return None
        return np.full(self.layer.out_channels, self.kernel.bias, dtype=np.float32)

    def run(self) -> Sweep:
        """The sweep, run by torch."""
        from .sweep import sweep  # torch: not before a layer is run

        return sweep(self.layer, self.source.pixels(), self.weight(), self.bias())


def torch_index(layer: LayerSpec, index: tuple[int, ...]) -> tuple[int, ...]:
    """The index in torch's weight of the cell that the board shows at ``index``.

    The board shows weights in window order, (filter, channel in group, row, column), which
    for a transposed convolution is torch's kernel flipped.

    Raises:
        SpecError: there is no such cell.
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
