"""Preset kernels, defined for every size, and typed changes to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError

Plane = NDArray[np.float64]
Edit = tuple[tuple[int, int, int, int], float]
"""((filter, channel, row, column), new weight)"""

MAX_WEIGHT = 1000.0
"""Largest magnitude of a typed weight."""


def binomial(length: int) -> Plane:
    """(length,) a row of Pascal's triangle: 1, 1 1, 1 2 1, …"""
    return np.array([comb(length - 1, i) for i in range(length)], dtype=np.float64)


def _difference(length: int) -> Plane:
    """Smoothed first difference; zero over a single pixel, which has none."""
    return np.convolve(binomial(length - 1), [-1.0, 1.0]) if length > 1 else np.zeros(1)


def identity(rows: int, cols: int) -> Plane:
    """1 in the center (below and right of it for an even size), 0 elsewhere."""
    plane = np.zeros((rows, cols))
    plane[rows // 2, cols // 2] = 1
    return plane


def box(rows: int, cols: int) -> Plane:
    """Equal weights with sum 1: the mean of the window."""
    return np.full((rows, cols), 1 / (rows * cols))


def gaussian(rows: int, cols: int) -> Plane:
    """Binomial weights with sum 1: the discrete Gaussian."""
    plane = np.outer(binomial(rows), binomial(cols))
    return np.asarray(plane / plane.sum())


def sobel_x(rows: int, cols: int) -> Plane:
    """Difference along the row, smoothed along the column: answers to vertical edges."""
    return np.outer(binomial(rows), _difference(cols))


def sobel_y(rows: int, cols: int) -> Plane:
    """Difference along the column, smoothed along the row: answers to horizontal edges."""
    return np.outer(_difference(rows), binomial(cols))


def laplacian(rows: int, cols: int) -> Plane:
    """A cross of ones whose center makes the sum 0; the standard kernel at 3×3."""
    plane = np.zeros((rows, cols))
    plane[rows // 2, :] += 1
    plane[:, cols // 2] += 1
    plane[rows // 2, cols // 2] = 0
    return np.asarray(plane - plane.sum() * identity(rows, cols))


def sharpen(rows: int, cols: int) -> Plane:
    """The picture minus its Laplacian; weights sum to 1."""
    return identity(rows, cols) - laplacian(rows, cols)


@dataclass(frozen=True)
class Preset:
    """A named kernel; ``plane(rows, cols)`` gives its weights, None means random ones."""

    label: str
    plane: Callable[[int, int], Plane] | None


PRESETS: dict[str, Preset] = {
    "sobel_x": Preset("Sobel: vertical edges", sobel_x),
    "sobel_y": Preset("Sobel: horizontal edges", sobel_y),
    "laplacian": Preset("Laplacian: spots", laplacian),
    "sharpen": Preset("sharpen", sharpen),
    "gaussian": Preset("Gaussian: blur", gaussian),
    "box": Preset("box: mean", box),
    "identity": Preset("identity: copy", identity),
    "random": Preset("random", None),
}
"""Kernel presets in the order in which several filters take them."""


def filter_names(preset: str, filters: int) -> tuple[str, ...]:
    """The preset of each filter: the chosen one, then the ones after it in ``PRESETS``.

    Raises:
        SpecError: there is no such preset.
    """
    if preset not in PRESETS:
        raise SpecError("kernel", f"must be one of {', '.join(PRESETS)}", preset)
    if preset == "random":
        return ("random",) * filters
    names = [name for name in PRESETS if name != "random"]
    first = names.index(preset)
    return tuple(names[(first + i) % len(names)] for i in range(filters))


def kernel(
    preset: str,
    shape: tuple[int, int, int, int],
    seed: int = 0,
    edits: tuple[Edit, ...] = (),
) -> NDArray[np.float32]:
    """Weights of ``shape`` (filters, channels, rows, columns), every channel alike.

    ``random`` draws every weight on its own from N(0, 1), to one decimal. Edits that lie
    outside the shape are left out: they belong to a kernel size chosen before.

    Raises:
        SpecError: no such preset, or an edit that is not a number of magnitude <= MAX_WEIGHT.
    """
    filters, channels, rows, cols = shape
    if preset == "random":
        weights = np.random.default_rng(seed).normal(size=shape).round(1)
    else:
        planes = [PRESETS[name].plane for name in filter_names(preset, filters)]
        drawn = np.stack([plane(rows, cols) for plane in planes if plane is not None])
        weights = np.repeat(drawn[:, None], channels, axis=1)
    for index, value in edits:
        if not abs(value) <= MAX_WEIGHT:
            raise SpecError(
                "weights", f"must be numbers from -{MAX_WEIGHT:g} to {MAX_WEIGHT:g}", value
            )
        if all(0 <= i < n for i, n in zip(index, shape, strict=True)):
            weights[index] = value
    return weights.astype(np.float32)
