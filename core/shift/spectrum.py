"""Aliasing: the spectrum of a layer's map before and after downsampling.

Downsampling by s reduces the band from |f| ≤ 1/2 cycles per pixel to |f| ≤ 1/(2s). Energy outside
that band does not vanish: it is folded onto the frequencies inside (Nyquist, Shannon). Therefore
the consistency under every shift can be computed from the map before downsampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from ..errors import SpecError
from .consistency import ROUNDING_LEVEL, FloatArray, Shift, root_mean_square_before_blur
from .layer import DownsamplingLayer

ComplexArray = NDArray[np.complex128]


@dataclass(frozen=True)
class Spectrum:
    """Energy by frequency before and after downsampling, summed over channels.

    The zero frequency of an (n, m) spectrum is at index (n // 2, m // 2).

    Attributes:
        stride: the downsampling factor.
        before: (N, M) energy of the map before downsampling; the sum is the map's mean square.
        in_band: (n, m) the part of ``before`` inside the band that remains after downsampling.
        folded: (n, m) the energy from outside this band that is folded onto each frequency.
        after: (n, m) energy of the output in closed form, which takes the phases into account.
        measured: (n, m) energy of the output that torch computes.
        zero_energy: energy below which ``before`` is rounding error.
    """

    stride: int
    before: FloatArray
    in_band: FloatArray
    folded: FloatArray
    after: FloatArray
    measured: FloatArray
    zero_energy: float = 0.0

    @property
    def aliased(self) -> float:
        """Share of the energy before downsampling, without the mean, that is folded."""
        total = float(self.before.sum() - self.before[tuple(n // 2 for n in self.before.shape)])
        return float(self.folded.sum()) / total if total > self.zero_energy else 0.0

    @property
    def disagreement(self) -> float:
        """Largest difference of ``after`` and ``measured``, as a share of the largest energy."""
        largest = float(max(self.before.max(), self.measured.max()))
        return float(np.abs(self.after - self.measured).max()) / largest if largest else 0.0


def spectrum(layer: DownsamplingLayer, picture: ArrayLike) -> Spectrum:
    """Compute the spectra of a layer's map for a picture (C, H, W).

    Raises:
        SpecError: a side is no multiple of the stride, or the picture is too small to be padded.
    """
    x = np.asarray(picture, dtype=np.float32)
    dense, output = _maps_before_and_after_downsampling(layer, x)
    terms = _coefficients_by_alias(dense, layer.stride)
    energy = np.square(np.abs(terms)).sum(axis=0)  # (s, s, n, m)
    in_band = _in_band_energy(energy)
    return Spectrum(
        layer.stride,
        _with_zero_frequency_centered(np.square(np.abs(_fourier_coefficients(dense))).sum(axis=0)),
        _with_zero_frequency_centered(in_band),
        _with_zero_frequency_centered(np.maximum(energy.sum(axis=(0, 1)) - in_band, 0)),
        _with_zero_frequency_centered(np.square(np.abs(terms.sum(axis=(1, 2)))).sum(axis=0)),
        _with_zero_frequency_centered(np.square(np.abs(_fourier_coefficients(output))).sum(axis=0)),
        _rounding_energy(layer, x),
    )


def expected_cosine(
    layer: DownsamplingLayer, picture: ArrayLike, shifts: Sequence[Shift]
) -> FloatArray:
    """(n,) `core.shift.consistency.Consistency.cosine`, in closed form.

    It is computed from the map before downsampling, which with circular padding moves with the
    picture. Only the phases of the folded frequencies change; they are periodic in the stride s,
    so shifts have s·s different cosines.

    Raises:
        SpecError: the padding is not circular; and as `spectrum`.
    """
    if layer.padding_mode != "circular":
        rule = "must be circular: other padding does not move with the picture"
        raise SpecError("padding_mode", rule, layer.padding_mode)
    x = np.asarray(picture, dtype=np.float32)
    dense, _ = _maps_before_and_after_downsampling(layer, x)
    terms = _coefficients_by_alias(dense, layer.stride)
    zero_energy = _rounding_energy(layer, x)
    phases = [(down % layer.stride, right % layer.stride) for down, right in shifts]
    cosines = {
        phase: _cosine_from_coefficients(terms, phase, zero_energy) for phase in sorted(set(phases))
    }
    return np.array([cosines[phase] for phase in phases])


def _rounding_energy(layer: DownsamplingLayer, picture: NDArray[np.float32]) -> float:
    """Energy below which the map is rounding error."""
    return (ROUNDING_LEVEL * root_mean_square_before_blur(layer, picture)) ** 2


def _maps_before_and_after_downsampling(
    layer: DownsamplingLayer, picture: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """The map before downsampling and the output, both (channels, rows, columns), from torch."""
    x = torch.from_numpy(np.array(picture, dtype=np.float32))[None]
    size = x.shape[2], x.shape[3]
    layer.check(size)
    if size[0] % layer.stride or size[1] % layer.stride:
        rule = f"must be a multiple of the stride {layer.stride} along each side"
        raise SpecError("input", rule, "×".join(map(str, size)))
    with torch.no_grad():
        dense, output = (f(x)[0].double().numpy() for f in (layer.run_at_stride_1, layer.run))
    return dense, output


def _fourier_coefficients(maps: FloatArray) -> ComplexArray:
    """Fourier coefficients of (C, N, M); their squared magnitudes are the energies."""
    return np.asarray(np.fft.fft2(maps) / (maps.shape[1] * maps.shape[2]))


def _coefficients_by_alias(dense: FloatArray, stride: int) -> ComplexArray:
    """(C, s, s, n, m) the coefficients, grouped by the frequency they become after downsampling.

    Entry [c, a, b, k, l] is the coefficient at frequency (k + a·n, l + b·m). Its sum over a and b
    is the coefficient at (k, l) after downsampling by s.
    """
    channels, rows, cols = dense.shape
    n, m = rows // stride, cols // stride
    grid = _fourier_coefficients(dense).reshape(channels, stride, n, stride, m)
    return np.asarray(grid.transpose(0, 1, 3, 2, 4))


def _in_band_energy(energy: FloatArray) -> FloatArray:
    """(n, m) of (s, s, n, m) energies: the one whose frequency lies inside the remaining band."""
    stride, _, n, m = energy.shape
    row, col = (np.where(_signed_frequencies(count) < 0, stride - 1, 0) for count in (n, m))
    return np.asarray(energy[row[:, None], col, np.arange(n)[:, None], np.arange(m)])


def _signed_frequencies(count: int) -> NDArray[np.int64]:
    """Frequencies 0, 1, …, −2, −1 of an FFT of length ``count``, in cycles per length."""
    return np.asarray(np.rint(np.fft.fftfreq(count, 1 / count)), dtype=np.int64)


def _with_zero_frequency_centered(energy: FloatArray) -> FloatArray:
    """The spectrum with the zero frequency moved to the center."""
    return np.asarray(np.fft.fftshift(energy, axes=(-2, -1)))


def _cosine_from_coefficients(terms: ComplexArray, phase: Shift, zero_energy: float) -> float:
    """Cosine of the output of the shifted picture and the shifted output of the picture.

    Args:
        terms: coefficients from `_coefficients_by_alias`.
        phase: the shift (down, right) modulo the stride.
        zero_energy: energy below which an output counts as 0.
    """
    stride, shape = terms.shape[1], terms.shape[3:]
    rotated, expected = terms, terms.sum(axis=(1, 2))
    for axis, (count, distance) in enumerate(zip(shape, phase, strict=True)):
        frequencies = np.arange(stride)[:, None] * count + np.arange(count)
        factor = np.exp(-2j * np.pi * frequencies * distance / (count * stride))
        rotated = rotated * (factor[:, None, :, None] if axis == 0 else factor[:, None])
        factor = np.exp(-2j * np.pi * _signed_frequencies(count) * distance / (count * stride))
        if count % 2 == 0 and distance:  # the phase at the Nyquist frequency is ambiguous
            factor[count // 2] = factor[count // 2].real
        expected = expected * (factor[:, None] if axis == 0 else factor)
    shifted = rotated.sum(axis=(1, 2))
    energies = [float(np.square(np.abs(v)).sum()) for v in (shifted, expected)]
    is_zero = [energy <= zero_energy for energy in energies]
    if any(is_zero):
        return float(all(is_zero))
    inner = float((shifted * expected.conj()).real.sum())
    return float(np.clip(inner / np.sqrt(energies[0] * energies[1]), -1, 1))
