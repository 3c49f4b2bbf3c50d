"""Aliasing: the spectrum of a layer's map before and after downsampling.

Downsampling by s cuts the band from |f| ≤ 1/2 cycles a pixel to |f| ≤ 1/(2s). Energy outside that
band does not vanish: it is folded onto the frequencies inside (Nyquist, Shannon). So the
consistency of every shift follows from the one map before downsampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..errors import SpecError
from .consistency import ROUNDING, FloatArray, Shift, root_mean_square
from .layer import DownsamplingLayer

ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class Spectrum:
    """Energy by frequency, zero frequency at index (n // 2, m // 2), summed over channels.

    Attributes:
        stride: the downsampling factor.
        before: (N, M) of the map before downsampling; the sum is its mean square.
        own: (n, m) the part of ``before`` inside the remaining band.
        folded: (n, m) the energy from outside the band that is folded onto each frequency.
        after: (n, m) of the output in closed form, phases included.
        measured: (n, m) of torch's output.
        nothing: energy below which ``before`` is rounding error.
    """

    stride: int
    before: FloatArray
    own: FloatArray
    folded: FloatArray
    after: FloatArray
    measured: FloatArray
    nothing: float = 0.0

    @property
    def aliased(self) -> float:
        """Share of the energy, without the mean, that lies outside the band and is folded."""
        total = float(self.before.sum() - self.before[tuple(n // 2 for n in self.before.shape)])
        return float(self.folded.sum()) / total if total > self.nothing else 0.0

    @property
    def disagreement(self) -> float:
        """Largest difference of closed form and torch, as a share of the largest energy."""
        largest = float(max(self.before.max(), self.measured.max()))
        return float(np.abs(self.after - self.measured).max()) / largest if largest else 0.0


def spectrum(layer: DownsamplingLayer, picture: ArrayLike) -> Spectrum:
    """The spectrum of a layer's map for a picture (C, H, W).

    Raises:
        SpecError: sides that are no multiples of the stride; a picture too small to be padded.
    """
    x = np.asarray(picture, dtype=np.float32)
    dense, output = _before_and_after(layer, x)
    terms = _terms(dense, layer.stride)
    energy = np.square(np.abs(terms)).sum(axis=0)  # (s, s, n, m)
    own = _own(energy)
    return Spectrum(
        layer.stride,
        _centered(np.square(np.abs(_coefficients(dense))).sum(axis=0)),
        _centered(own),
        _centered(np.maximum(energy.sum(axis=(0, 1)) - own, 0)),
        _centered(np.square(np.abs(terms.sum(axis=(1, 2)))).sum(axis=0)),
        _centered(np.square(np.abs(_coefficients(output))).sum(axis=0)),
        _rounding(layer, x),
    )


def expected_cosine(
    layer: DownsamplingLayer, picture: ArrayLike, shifts: Sequence[Shift]
) -> FloatArray:
    """(n,) the cosine of `core.shift.consistency`, computed from the map before downsampling.

    With circular padding that map moves with the picture. Only the phases of the folded
    frequencies are wrong, and they repeat with the stride, so there are s·s different shifts.

    Raises:
        SpecError: padding that is not circular; and as `spectrum`.
    """
    if layer.padding_mode != "circular":
        rule = "must be circular: other padding does not move with the picture"
        raise SpecError("padding_mode", rule, layer.padding_mode)
    x = np.asarray(picture, dtype=np.float32)
    dense, _ = _before_and_after(layer, x)
    terms = _terms(dense, layer.stride)
    nothing = _rounding(layer, x)
    phases = [(down % layer.stride, right % layer.stride) for down, right in shifts]
    cosines = {phase: _cosine(terms, phase, nothing) for phase in sorted(set(phases))}
    return np.array([cosines[phase] for phase in phases])


def _rounding(layer: DownsamplingLayer, picture: NDArray[np.float32]) -> float:
    """Energy below which the map is rounding error."""
    return (ROUNDING * root_mean_square(layer, picture)) ** 2


def _before_and_after(
    layer: DownsamplingLayer, picture: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """The map before downsampling, and torch's output."""
    x = torch.from_numpy(np.array(picture, dtype=np.float32))[None]
    size = x.shape[2], x.shape[3]
    layer.check(size)
    if size[0] % layer.stride or size[1] % layer.stride:
        rule = f"must be a multiple of the stride {layer.stride} along each side"
        raise SpecError("input", rule, "×".join(map(str, size)))
    with torch.no_grad():
        dense, output = (f(x)[0].double().numpy() for f in (layer.dense, layer.run))
    return dense, output


def _coefficients(maps: FloatArray) -> ComplexArray:
    """Fourier coefficients of (C, N, M); their squared magnitudes are the energies."""
    return np.asarray(np.fft.fft2(maps) / (maps.shape[1] * maps.shape[2]))


def _terms(dense: FloatArray, stride: int) -> ComplexArray:
    """(C, s, s, n, m): the s·s frequencies that become one, [c, a, b, k, l] the one at
    (k + a·n, l + b·m). Their sum over a and b is the coefficient after downsampling."""
    channels, rows, cols = dense.shape
    n, m = rows // stride, cols // stride
    grid = _coefficients(dense).reshape(channels, stride, n, stride, m)
    return np.asarray(grid.transpose(0, 1, 3, 2, 4))


def _own(energy: FloatArray) -> FloatArray:
    """(n, m) of (s, s, n, m): the term whose frequency lies inside the remaining band."""
    stride, _, n, m = energy.shape
    row, col = (np.where(_signed(count) < 0, stride - 1, 0) for count in (n, m))
    return np.asarray(energy[row[:, None], col, np.arange(n)[:, None], np.arange(m)])


def _signed(count: int) -> NDArray[np.int64]:
    """Frequencies 0, 1, …, −2, −1 in the order of an FFT, in cycles a side."""
    return np.asarray(np.rint(np.fft.fftfreq(count, 1 / count)), dtype=np.int64)


def _centered(energy: FloatArray) -> FloatArray:
    return np.asarray(np.fft.fftshift(energy, axes=(-2, -1)))


def _cosine(terms: ComplexArray, phase: Shift, nothing: float) -> float:
    """Cosine of the shifted picture's output and the shifted output, by frequency."""
    stride, shape = terms.shape[1], terms.shape[3:]
    turned, expected = terms, terms.sum(axis=(1, 2))
    for axis, (count, distance) in enumerate(zip(shape, phase, strict=True)):
        each = np.arange(stride)[:, None] * count + np.arange(count)
        turn = np.exp(-2j * np.pi * each * distance / (count * stride))
        turned = turned * (turn[:, None, :, None] if axis == 0 else turn[:, None])
        move = np.exp(-2j * np.pi * _signed(count) * distance / (count * stride))
        if count % 2 == 0 and distance:  # Nyquist's phase is not known
            move[count // 2] = move[count // 2].real
        expected = expected * (move[:, None] if axis == 0 else move)
    shifted = turned.sum(axis=(1, 2))
    energies = [float(np.square(np.abs(v)).sum()) for v in (shifted, expected)]
    silent = [energy <= nothing for energy in energies]
    if any(silent):
        return float(all(silent))
    inner = float((shifted * expected.conj()).real.sum())
    return float(np.clip(inner / np.sqrt(energies[0] * energies[1]), -1, 1))
