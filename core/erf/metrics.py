"""The metrics of an effective receptive field, one function each.

Every function takes a map: (rows, columns) of energy, not necessarily summing to 1, all
zeros refused nowhere and giving nan. Where gradients keep their sign (``"signed"``) pass
the absolute values. Positions are those of the map, pixel centers at integers; add the
map's origin for positions in the image.

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

TAIL = 0.0455
"""Share of the peak that Luo et al. count as inside: 1 − 95.45 %, two sigmas' tails."""
HALF = 0.5
SHARES = (0.2, 0.3, 0.5, 0.99)
"""The shares t of the t-energy squares."""


def marginals(energy: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(rows,) and (columns,) sums, each summing to 1: the cross-sections along y and x."""
    total = energy.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        return energy.sum(1) / total, energy.sum(0) / total


def centroid(energy: FloatArray) -> Point:
    """(row, column) of the center of mass."""
    rows, cols = (float(np.arange(p.size) @ p) for p in marginals(energy))
    return rows, cols


def sigma(energy: FloatArray) -> Point:
    """(σ_y, σ_x) in pixels: root of the variance about the centroid, per axis."""
    rows, cols = (math.sqrt(_moment(profile, 2)) for profile in marginals(energy))
    return rows, cols


def excess_kurtosis(energy: FloatArray) -> Point:
    """(y, x): fourth moment over σ⁴, minus 3. 0 for a Gaussian, −1.2 for a box; nan if σ = 0."""
    rows, cols = (_excess(profile) for profile in marginals(energy))
    return rows, cols


def _moment(profile: FloatArray, order: int) -> float:
    places = np.arange(profile.size)
    return float((places - places @ profile) ** order @ profile)


def _excess(profile: FloatArray) -> float:
    variance = _moment(profile, 2)
    return _moment(profile, 4) / variance**2 - 3 if variance > 0 else math.nan


def area_above(energy: FloatArray, share: float) -> int:
    """Pixels whose energy is above ``share`` of the largest one's."""
    return int(np.count_nonzero(energy > share * energy.max()))


def side_above(energy: FloatArray, share: float = TAIL) -> float:
    """Side, in pixels, of the square of as many pixels as lie above ``share`` of the peak.

    With `TAIL` this is the size of the effective receptive field of Luo et al.
    """
    return math.sqrt(area_above(energy, share))


def smallest_square(energy: FloatArray, share: float, center: Point) -> int:
    """Side of the smallest square around ``center`` that holds ``share`` of the energy.

    The square is made of whole pixels, so its side is odd around a pixel's center and
    even around a pixel's corner. Where it leaves the map it goes on.

    Args:
        energy: raw, never on a logarithmic scale, on which shares mean nothing.
        share: t, above 0 and at most 1.
        center: (row, column); halves are pixel corners.

    Raises:
        SpecError: t is out of range.
    """
    if not 0 < share <= 1:
        raise SpecError("share", "must be above 0 and at most 1", share)
    sides, held = cumulative_energy(energy, center)
    reached = np.flatnonzero(held >= share * (1 - 1e-12))
    return int(sides[reached[0]]) if reached.size else 0


def cumulative_energy(energy: FloatArray, center: Point) -> tuple[NDArray[np.int64], FloatArray]:
    """(squares,) sides of the squares around a center and the share of energy each holds."""
    rows, cols = (np.abs(np.arange(n) - c) for n, c in zip(energy.shape, center, strict=True))
    sides = np.rint(2 * np.maximum(rows[:, None], cols[None, :]) + 1).astype(np.int64)
    held = np.bincount(sides.ravel(), weights=energy.ravel())
    present = np.unique(sides)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.cumsum(held)[present] / energy.sum()
    return present, np.asarray(shares, dtype=np.float64)


def participation_ratio(energy: FloatArray) -> float:
    """(Σe)² / Σe²: over how many pixels the energy is spread, 1 to all of them."""
    squares = float((energy**2).sum())
    return float(energy.sum()) ** 2 / squares if squares else math.nan


def zeros_share(energy: FloatArray) -> float:
    """Share of exact zeros, of the whole map: of the RF, when the map is the RF's box."""
    return float(np.count_nonzero(energy == 0)) / energy.size


def total_variation(a: FloatArray, b: FloatArray) -> float:
    """½ Σ|a/Σa − b/Σb|: 0 for maps of one shape, 1 for maps that share no pixel."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return float(np.abs(a / a.sum() - b / b.sum()).sum() / 2)


def gaussian(places: FloatArray, center: float, spread: float) -> FloatArray:
    """The normal density at ``places``, scaled to sum to 1 over them: the overlay's curve."""
    if spread <= 0:
        return np.asarray(places == np.rint(center), dtype=np.float64)
    curve = np.exp(-(((places - center) / spread) ** 2) / 2)
    return np.asarray(curve / curve.sum(), dtype=np.float64)
