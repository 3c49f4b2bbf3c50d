"""The metrics of an effective receptive field, one function each.

Every function takes a map of energy, (rows, columns), which need not sum to 1. Metrics that are
not defined for a map of zeros are then nan. Of a ``"signed"`` map pass the absolute values.
Positions are coordinates in the map, with pixel centers at integers; add the map's origin to get
those in the image.

Source: Luo, Li, Urtasun and Zemel, "Understanding the Effective Receptive Field in Deep
Convolutional Neural Networks" (2016), https://arxiv.org/abs/1701.04128; the t-energy
squares: Ding et al., "Scaling Up Your Kernels to 31×31" (2022), https://arxiv.org/abs/2203.06717.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError

FloatArray = NDArray[np.float64]
Point = tuple[float, float]
"""(row, column) or (y, x)."""

TAIL = 0.0455
"""Threshold of Luo et al. as a share of the peak: 1 − 95.45 %, the tails beyond two sigmas."""
HALF = 0.5
"""Threshold at half of the peak."""
SHARES = (0.2, 0.3, 0.5, 0.99)
"""The shares t of the energy for which the t-energy squares are listed."""


def marginals(energy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(rows,) sums along x and (columns,) sums along y, each divided by the total."""
    total = energy.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return energy.sum(1) / total, energy.sum(0) / total


def centroid(energy: FloatArray) -> Point:
    """(row, column) of the map's center of mass."""
    rows, cols = (float(np.arange(p.size) @ p) for p in marginals(energy))
    return rows, cols


def sigma(energy: FloatArray) -> Point:
    """(σ_y, σ_x) standard deviations about the centroid, in pixels."""
    rows, cols = (math.sqrt(_moment(profile, 2)) for profile in marginals(energy))
    return rows, cols


def excess_kurtosis(energy: FloatArray) -> Point:
    """Excess kurtosis along (y, x): fourth central moment divided by σ⁴, minus 3.

    It is 0 for a Gaussian and −1.2 for a box; nan if σ is 0.
    """
    rows, cols = (_profile_kurtosis(profile) for profile in marginals(energy))
    return rows, cols


def _moment(profile: FloatArray, order: int) -> float:
    """The central moment of an order of a distribution over positions 0, 1, …"""
    positions = np.arange(profile.size)
    return float((positions - positions @ profile) ** order @ profile)


def _profile_kurtosis(profile: FloatArray) -> float:
    """Excess kurtosis of a distribution over positions 0, 1, …; nan for zero variance."""
    variance = _moment(profile, 2)
    return _moment(profile, 4) / variance**2 - 3 if variance > 0 else math.nan


def area_above(energy: FloatArray, share: float) -> int:
    """Number of pixels whose energy is above ``share`` times the largest energy."""
    return int(np.count_nonzero(energy > share * energy.max()))


def side_above(energy: FloatArray, share: float = TAIL) -> float:
    """Side, in pixels, of a square with the area of the pixels above ``share`` of the peak.

    With `TAIL` this is the size of the effective receptive field as Luo et al. define it.
    """
    return math.sqrt(area_above(energy, share))


def smallest_square(energy: FloatArray, share: float, center: Point) -> int:
    """Side of the smallest square around ``center`` that contains ``share`` of the energy.

    The square consists of whole pixels, so its side is odd around a pixel's center and even
    around a pixel's corner. It may extend beyond the map.

    Args:
        energy: the map, on a linear scale.
        share: share of the energy, above 0 and at most 1.
        center: (row, column) in the map; half-integers are pixel corners.

    Raises:
        SpecError: ``share`` is out of range.
    """
    if not 0 < share <= 1:
        raise SpecError("share", "must be above 0 and at most 1", share)
    sides, shares = cumulative_energy(energy, center)
    sufficient = np.flatnonzero(shares >= share * (1 - 1e-12))
    return int(sides[sufficient[0]]) if sufficient.size else 0


def cumulative_energy(energy: FloatArray, center: Point) -> tuple[NDArray[np.int64], FloatArray]:
    """(squares,) sides of the squares around a center, and the share of the energy in each."""
    rows, cols = (np.abs(np.arange(n) - c) for n, c in zip(energy.shape, center, strict=True))
    sides = np.rint(2 * np.maximum(rows[:, None], cols[None, :]) + 1).astype(np.int64)
    by_side = np.bincount(sides.ravel(), weights=energy.ravel())
    present = np.unique(sides)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.cumsum(by_side)[present] / energy.sum()
    return present, np.asarray(shares, dtype=np.float64)


def participation_ratio(energy: FloatArray) -> float:
    """Effective number of pixels that share the energy e: (Σe)² / Σe², from 1 to all pixels."""
    squares = float((energy**2).sum())
    return float(energy.sum()) ** 2 / squares if squares else math.nan


def zeros_share(energy: FloatArray) -> float:
    """Share of the map's pixels whose energy is exactly 0."""
    return float(np.count_nonzero(energy == 0)) / energy.size


def total_variation(a: FloatArray, b: FloatArray) -> float:
    """Total variation distance of two maps, ½ Σ|a/Σa − b/Σb|.

    It is 0 for maps that are equal up to a factor, and 1 for maps without a common pixel.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.abs(a / a.sum() - b / b.sum()).sum() / 2)


def gaussian(positions: FloatArray, center: float, sigma: float) -> FloatArray:
    """A normal density at ``positions``, scaled so that its values sum to 1."""
    if sigma <= 0:
        return np.asarray(positions == np.rint(center), dtype=np.float64)
    curve = np.exp(-(((positions - center) / sigma) ** 2) / 2)
    return np.asarray(curve / curve.sum(), dtype=np.float64)
