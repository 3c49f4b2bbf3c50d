"""Measures how well the output of a layer or a network follows a shift of the picture.

A picture is shifted circularly by whole pixels. Without aliasing, the output would move
by the shift divided by the stride: by whole pixels at multiples of the stride, otherwise by
band-limited interpolation. The output of the shifted picture is compared with the output of the
unshifted picture, shifted by that distance. A network that enlarges has a stride of a fraction of
a pixel, and every shift moves its output by whole pixels. (Zhang, 2019, compares maps enlarged to
the picture's size. Interpolation is exact for a layer without aliasing.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..errors import SpecError
from ..layer.window import Pair
from .layer import DownsamplingLayer

FloatArray = NDArray[np.float64]
Shift = tuple[int, int]
"""A shift (down, right) in pixels of the picture."""
Stride = tuple[Fraction, Fraction]
"""Picture pixels per output unit, (down, right): each a whole number or 1 / a whole number."""
Progress = Callable[[int, int], bool | None]
"""Callback with the numbers of shifts (done, total); if it returns False, the run stops."""
ROUNDING_LEVEL = 1e-5
"""Root mean square below which a float32 output counts as rounding error, as a share of the
root mean square of the map before the blur."""


class ShiftStopped(Exception):  # noqa: N818
    """Raised when the progress callback returns False."""


@dataclass(frozen=True)
class Consistency:
    """How well an output follows a shift of the picture, for each of n shifts.

    The output of the shifted picture is compared with the shifted output of the picture.

    Attributes:
        shifts: (n, 2) the shifts, down and right, in pixels of the picture.
        stride: picture pixels per output unit, down and right.
        cosine: (n,) cosine of the two outputs; 1 where they are equal or both only rounding error.
        difference: (n,) mean absolute difference of the two outputs.
        exact: (n,) whether the two outputs are equal to the last bit.
        scale: mean absolute value of the unshifted output.
        channel: index of the output channel with the largest mean square.
        maps: (n, h, w) this channel of the output of each shifted picture; None unless
            ``keep_maps`` was set.
    """

    shifts: NDArray[np.int64]
    stride: Stride
    cosine: FloatArray
    difference: FloatArray
    exact: NDArray[np.bool_]
    scale: float
    channel: int = 0
    maps: NDArray[np.float32] | None = None

    @property
    def whole_outputs(self) -> NDArray[np.bool_]:
        """(n,) whether each shift is a whole number of output units."""
        steps = [one.numerator for one in self.stride]  # 1 for a stride of 1/n
        return np.asarray(np.all(self.shifts % steps == 0, axis=1))

    @property
    def relative(self) -> FloatArray:
        """(n,) the difference as a share of the output's mean absolute value."""
        return self.difference / self.scale if self.scale else self.difference

    @property
    def mean(self) -> float:
        """Mean cosine over the shifts that are no whole output units; 1 if there are none."""
        between = self.cosine[~self.whole_outputs]
        return float(between.mean()) if between.size else 1.0

    @property
    def worst(self) -> float:
        """Smallest cosine over all shifts."""
        return float(self.cosine.min())

    @property
    def exact_at_multiples(self) -> bool:
        """Whether the output follows all shifts by whole output units bit for bit."""
        return bool(self.exact[self.whole_outputs].all())


def shifted(maps: NDArray[np.floating], shift: Sequence[float]) -> NDArray[np.floating]:
    """Shift maps (…, h, w) circularly by (down, right) pixels, which may be fractions.

    Fractions are shifted by band-limited interpolation; whole pixels are moved without
    arithmetic. At the Nyquist frequency, whose phase is ambiguous, the real part is taken, as
    `numpy.fft.irfft` does.
    """
    for axis, distance in zip((-2, -1), shift, strict=True):
        if distance == int(distance):
            maps = np.roll(maps, int(distance), axis)
            continue
        count = maps.shape[axis]
        phase = np.exp(-2j * np.pi * np.arange(count // 2 + 1) * distance / count)
        phase = phase[:, None] if axis == -2 else phase
        spectrum = np.fft.rfft(maps.astype(np.float64), axis=axis) * phase
        maps = np.fft.irfft(spectrum, count, axis)
    return maps


def output_shift(shift: Sequence[int], stride: Stride) -> list[float]:
    """The distance [down, right], in output units, by which a shift in pixels moves the output."""
    return [float(d / s) for d, s in zip(shift, stride, strict=True)]


def shift_consistency(
    run: Callable[[torch.Tensor], torch.Tensor],
    picture: ArrayLike,
    shifts: Sequence[Shift],
    *,
    zero_level: float = 0.0,
    keep_maps: bool = False,
    progress: Progress | None = None,
) -> Consistency:
    """Compare the outputs of shifted pictures with the shifted output of the picture.

    Args:
        run: deterministic function from (1, C, H, W) float32 to (1, C', h, w). Pictures are
            passed one by one, as torch may sum in another order in larger batches.
        picture: (C, H, W).
        shifts: one or more shifts (down, right), in pixels.
        zero_level: root mean square below which an output counts as 0.
        keep_maps: whether to return ``Consistency.maps``.
        progress: see `Progress`.

    Raises:
        SpecError: no shift; an output without height and width, or without `stride_of`.
        ShiftStopped: the progress callback returned False.
    """
    if not shifts:
        raise SpecError("shifts", "must be at least one (down, right)", shifts)
    x = torch.from_numpy(np.array(picture, dtype=np.float32))[None]
    with torch.no_grad():
        unshifted = run(x)
        stride = _checked_stride(x, unshifted)
        reference = unshifted[0].numpy()
        rows = []
        channel = int(np.square(reference, dtype=np.float64).mean(axis=(1, 2)).argmax())
        for shift in shifts:
            output = run(x.roll(shift, (2, 3)))[0].numpy()
            numbers = _cosine_difference_and_equality(reference, output, shift, stride, zero_level)
            rows.append((*numbers, output[channel].copy() if keep_maps else None))
            if progress is not None and progress(len(rows), len(shifts)) is False:
                raise ShiftStopped
    cosine, difference, exact, maps = zip(*rows, strict=True)
    return Consistency(
        np.array(shifts, dtype=np.int64),
        stride,
        np.array(cosine),
        np.array(difference),
        np.array(exact),
        float(np.abs(reference).mean()),
        channel,
        np.stack(maps) if keep_maps else None,
    )


def stride_of(size: Pair, grid: Pair) -> Stride | None:
    """Picture pixels per output unit, (down, right).

    Args:
        size: (height, width) of the picture in pixels.
        grid: (height, width) of the output in units.

    Returns:
        None if along some axis neither side is a multiple of the other.
    """
    if any(n % count and count % n for n, count in zip(size, grid, strict=True)):
        return None
    return Fraction(size[0], grid[0]), Fraction(size[1], grid[1])


def _checked_stride(x: torch.Tensor, output: torch.Tensor) -> Stride:
    """`stride_of` an input and its output; SpecError where there is none."""
    if output.ndim != 4:
        shape = "×".join(map(str, output.shape[1:]))
        raise SpecError("layer", "must have outputs side by side, as (C, H, W)", shape)
    size, grid = (x.shape[2], x.shape[3]), (output.shape[2], output.shape[3])
    stride = stride_of(size, grid)
    if stride is None:
        rule = "must be a multiple of the output's side or divide it, or the grids do not meet"
        raise SpecError("input", rule, f"{size[0]}×{size[1]} pixels, {grid[0]}×{grid[1]} outputs")
    return stride


def _cosine_difference_and_equality(
    unshifted: NDArray[np.float32],
    output: NDArray[np.float32],
    shift: Shift,
    stride: Stride,
    zero_level: float,
) -> tuple[float, float, bool]:
    """Cosine, mean absolute difference and equality of an output and the shifted ``unshifted``."""
    expected = shifted(unshifted, output_shift(shift, stride))
    if np.array_equal(output, expected):
        return 1.0, 0.0, True
    a, b = output.astype(np.float64), expected.astype(np.float64)
    return cosine(a, b, zero_level), float(np.abs(a - b).mean()), False


def cosine(a: FloatArray, b: FloatArray, zero_level: float = 0.0) -> float:
    """The cosine of the angle between two maps taken as vectors.

    A map counts as 0 if its root mean square is at most ``zero_level``. The cosine is 1 if both
    maps count as 0, and 0 if only one does.
    """
    norms = [float(np.linalg.norm(v)) for v in (a, b)]
    is_zero = [norm <= zero_level * a.size**0.5 for norm in norms]
    if any(is_zero):
        return float(all(is_zero))
    return float(np.clip((a * b).sum() / (norms[0] * norms[1]), -1, 1))


@dataclass(frozen=True)
class ShiftComparison:
    """The output of one shifted picture, and the shifted output of the picture.

    Attributes:
        output: (C, h, w) output of the shifted picture.
        expected: (C, h, w) output of the unshifted picture, shifted accordingly.
        cosine: cosine of the two, as in `Consistency`.
    """

    output: NDArray[np.float32]
    expected: NDArray[np.floating]
    cosine: float

    @property
    def difference(self) -> NDArray[np.floating]:
        """(C, h, w) ``output - expected``, which is 0 for a shift-equivariant layer."""
        return self.output - self.expected


def compare(layer: DownsamplingLayer, picture: ArrayLike, shift: Shift) -> ShiftComparison:
    """Compare a layer's output of a shifted picture with its shifted output.

    Args:
        layer: the layer.
        picture: (C, H, W).
        shift: (down, right) in pixels.

    Raises:
        SpecError: as `layer_consistency`.
    """
    result = layer_consistency(layer, picture, [shift])
    x = torch.from_numpy(np.array(picture, dtype=np.float32))[None]
    with torch.no_grad():
        unshifted, output = (layer.run(each)[0].numpy() for each in (x, x.roll(shift, (2, 3))))
    expected = shifted(unshifted, output_shift(shift, result.stride))
    return ShiftComparison(output, expected, float(result.cosine[0]))


def layer_consistency(
    layer: DownsamplingLayer, picture: ArrayLike, shifts: Sequence[Shift]
) -> Consistency:
    """`shift_consistency` of one layer on a picture (C, H, W).

    Raises:
        SpecError: as `shift_consistency`; the picture is too small for the padding.
    """
    x = np.asarray(picture, dtype=np.float32)
    layer.check((x.shape[-2], x.shape[-1]))
    level = ROUNDING_LEVEL * root_mean_square_before_blur(layer, x)
    return shift_consistency(layer.run, x, shifts, zero_level=level)


def root_mean_square_before_blur(layer: DownsamplingLayer, picture: NDArray[np.float32]) -> float:
    """Root mean square of the map before any blur, the reference for rounding errors."""
    with torch.no_grad():
        dense = layer.before_blur(torch.from_numpy(np.array(picture))[None])
    return float(dense.square().mean().sqrt())


def standardized(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture scaled to mean 0 and standard deviation 1; a constant picture becomes 0."""
    spread = float(picture.std())
    return np.asarray((picture - picture.mean()) / (spread or 1.0), dtype=np.float32)
