"""How well the output of a layer or a network follows a shift, measured with torch.

A picture is shifted circularly by whole pixels. Without aliasing, the output would move
by the shift divided by the stride: by whole pixels at multiples of the stride, in between by
band-limited interpolation. The stride of a network that enlarges is a fraction of a pixel, and
every shift moves its output by whole pixels. That moved output is what the output of the moved picture is
compared with. (Zhang, 2019, compares maps enlarged to the picture's size; interpolating asks
nothing of a layer that samples densely enough.)
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
"""(down, right), in pixels of the picture"""
Stride = tuple[Fraction, Fraction]
"""Pixels of the picture per output, down and right: whole, or one over a whole number."""
Progress = Callable[[int, int], bool | None]
"""Called with (done, total) shifts; False stops."""
ROUNDING = 1e-5
"""Share of the unblurred map below which float32 output is rounding, not signal."""


class ShiftStopped(Exception):  # noqa: N818
    """The progress callback returned False, so the comparison stopped."""


@dataclass(frozen=True)
class Consistency:
    """How well a map of outputs follows its picture, for each shift.

    Attributes:
        shifts: (n, 2), down and right in pixels.
        stride: see `Stride`.
        cosine: (n,) between the output of the moved picture and the moved output; 1 where
            they are equal, or both nothing but rounding.
        difference: (n,) mean of their absolute difference.
        exact: (n,) whether they are equal to the last bit.
        scale: mean absolute value of the unmoved output.
        channel: index of the output channel in ``maps``: the one of largest mean square.
        maps: (n, h, w) that channel for each shift; None unless ``keep`` was set.
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
    def whole(self) -> NDArray[np.bool_]:
        """(n,) whether a shift moves the output by whole pixels."""
        steps = [one.numerator for one in self.stride]  # of 1/2 px a shift of 1 px is two
        return np.asarray(np.all(self.shifts % steps == 0, axis=1))

    @property
    def relative(self) -> FloatArray:
        """(n,) the difference as a share of the output's mean absolute value."""
        return self.difference / self.scale if self.scale else self.difference

    @property
    def mean(self) -> float:
        """Mean cosine over the shifts that are no whole output pixels; 1 if there are none."""
        between = self.cosine[~self.whole]
        return float(between.mean()) if between.size else 1.0

    @property
    def worst(self) -> float:
        """Least cosine over all shifts."""
        return float(self.cosine.min())

    @property
    def exact_at_multiples(self) -> bool:
        """Whether the output follows all shifts by whole output pixels bit for bit."""
        return bool(self.exact[self.whole].all())


def moved(maps: NDArray[np.floating], shift: Sequence[float]) -> NDArray[np.floating]:
    """(…, h, w) shifted circularly (down, right) by pixels; band-limited between pixels.

    Shifts by whole pixels need no arithmetic. At the Nyquist frequency, whose phase is ambiguous,
    the real part is taken, as `numpy.fft.irfft` does.
    """
    for axis, distance in zip((-2, -1), shift, strict=True):
        if distance == int(distance):
            maps = np.roll(maps, int(distance), axis)
            continue
        count = maps.shape[axis]
        turn = np.exp(-2j * np.pi * np.arange(count // 2 + 1) * distance / count)
        turn = turn[:, None] if axis == -2 else turn
        spectrum = np.fft.rfft(maps.astype(np.float64), axis=axis) * turn
        maps = np.fft.irfft(spectrum, count, axis)
    return maps


def distances(shift: Sequence[int], stride: Stride) -> list[float]:
    """How far a shift in pixels moves the output, down and right, in outputs."""
    return [float(d / s) for d, s in zip(shift, stride, strict=True)]


def shift_consistency(
    run: Callable[[torch.Tensor], torch.Tensor],
    picture: ArrayLike,
    shifts: Sequence[Shift],
    *,
    nothing: float = 0.0,
    keep: bool = False,
    progress: Progress | None = None,
) -> Consistency:
    """Compare the outputs of moved pictures with the moved output.

    Args:
        run: (1, C, H, W) float32 to (1, C', h, w), deterministic. Pictures are passed one by one,
            because torch may sum in another order in batches of other sizes, and equality is
            tested bit for bit.
        picture: (C, H, W).
        shifts: at least one.
        nothing: root mean square below which an output counts as 0.
        keep: also return the maps of one channel.
        progress: see `Progress`.

    Raises:
        SpecError: no shift; an output without height and width; a side of the picture that
            is neither a multiple of the output's nor divides it.
        Stopped: the progress callback returned False.
    """
    if not shifts:
        raise SpecError("shifts", "must be at least one (down, right)", shifts)
    x = torch.from_numpy(np.array(picture, dtype=np.float32))[None]
    with torch.no_grad():
        still = run(x)
        stride = _stride(x, still)
        reference = still[0].numpy()
        rows = []
        channel = int(np.square(reference, dtype=np.float64).mean(axis=(1, 2)).argmax())
        for shift in shifts:
            output = run(x.roll(shift, (2, 3)))[0].numpy()
            numbers = _compare(reference, output, shift, stride, nothing)
            rows.append((*numbers, output[channel].copy() if keep else None))
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
        np.stack(maps) if keep else None,
    )


def stride_of(size: Pair, grid: Pair) -> Stride | None:
    """Pixels of a picture per output.

    None where the grids do not match: along some axis neither side is a multiple of the other.
    """
    if any(n % count and count % n for n, count in zip(size, grid, strict=True)):
        return None
    return Fraction(size[0], grid[0]), Fraction(size[1], grid[1])


def _stride(x: torch.Tensor, output: torch.Tensor) -> Stride:
    if output.ndim != 4:
        shape = "×".join(map(str, output.shape[1:]))
        raise SpecError("layer", "must have outputs side by side, as (C, H, W)", shape)
    size, grid = (x.shape[2], x.shape[3]), (output.shape[2], output.shape[3])
    stride = stride_of(size, grid)
    if stride is None:
        rule = "must be a multiple of the output's side or divide it, or the grids do not meet"
        raise SpecError("input", rule, f"{size[0]}×{size[1]} pixels, {grid[0]}×{grid[1]} outputs")
    return stride


def _compare(
    still: NDArray[np.float32],
    output: NDArray[np.float32],
    shift: Shift,
    stride: Stride,
    nothing: float,
) -> tuple[float, float, bool]:
    """Cosine, mean absolute difference, and bitwise equality of two maps."""
    expected = moved(still, distances(shift, stride))
    if np.array_equal(output, expected):
        return 1.0, 0.0, True
    a, b = output.astype(np.float64), expected.astype(np.float64)
    return cosine(a, b, nothing), float(np.abs(a - b).mean()), False


def cosine(a: FloatArray, b: FloatArray, nothing: float = 0.0) -> float:
    """The cosine of two maps taken as vectors.

    It is 1 if both have a root mean square of at most ``nothing``, and 0 if only one has.
    """
    norms = [float(np.linalg.norm(v)) for v in (a, b)]
    silent = [norm <= nothing * a.size**0.5 for norm in norms]
    if any(silent):
        return float(all(silent))
    return float(np.clip((a * b).sum() / (norms[0] * norms[1]), -1, 1))


@dataclass(frozen=True)
class ShiftComparison:
    """The output of one moved picture beside the moved output.

    Attributes:
        output: (C, h, w) of the moved picture.
        expected: (C, h, w) output of the unshifted picture, shifted by as much.
        cosine: of the two, as in `Consistency`.
    """

    output: NDArray[np.float32]
    expected: NDArray[np.floating]
    cosine: float

    @property
    def difference(self) -> NDArray[np.floating]:
        """(C, h, w) output minus the shifted output; 0 for a shift-equivariant layer."""
        return self.output - self.expected


def compare(layer: DownsamplingLayer, picture: ArrayLike, shift: Shift) -> ShiftComparison:
    """Compare the output of one layer for one shift.

    Raises:
        SpecError: as `layer_consistency`.
    """
    result = layer_consistency(layer, picture, [shift])
    x = torch.from_numpy(np.array(picture, dtype=np.float32))[None]
    with torch.no_grad():
        still, output = (layer.run(each)[0].numpy() for each in (x, x.roll(shift, (2, 3))))
    expected = moved(still, distances(shift, result.stride))
    return ShiftComparison(output, expected, float(result.cosine[0]))


def layer_consistency(
    layer: DownsamplingLayer, picture: ArrayLike, shifts: Sequence[Shift]
) -> Consistency:
    """`shift_consistency` of one layer.

    Raises:
        SpecError: as there, and a picture too small for the padding.
    """
    x = np.asarray(picture, dtype=np.float32)
    layer.check((x.shape[-2], x.shape[-1]))
    level = ROUNDING * root_mean_square(layer, x)
    return shift_consistency(layer.run, x, shifts, nothing=level)


def root_mean_square(layer: DownsamplingLayer, picture: NDArray[np.float32]) -> float:
    """Root mean square of the operation's outputs before any blur, the scale of rounding errors."""
    with torch.no_grad():
        dense = layer.before_blur(torch.from_numpy(np.array(picture))[None])
    return float(dense.square().mean().sqrt())


def standard(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture with mean 0 and standard deviation 1; a constant picture becomes all 0."""
    spread = float(picture.std())
    return np.asarray((picture - picture.mean()) / (spread or 1.0), dtype=np.float32)
