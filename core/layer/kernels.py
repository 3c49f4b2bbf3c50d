"""Preset kernels, each defined for every kernel size, and changes of single weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from ..errors import SpecError

Plane = NDArray[np.float64]
Edit = tuple[tuple[int, int, int, int], float]
"""One changed weight: ((filter, channel, row, column), new value)."""

MAX_WEIGHT = 1000.0
"""Largest magnitude of a weight that a user types."""


def binomial(length: int) -> Plane:
    """(length,) one row of Pascal's triangle: 1, or 1 1, or 1 2 1, …"""
    return np.array([comb(length - 1, i) for i in range(length)], dtype=np.float64)


def _difference_filter(length: int) -> Plane:
    """(length,) a smoothed first difference, e.g. -1 0 1; 0 for length 1."""
    return np.convolve(binomial(length - 1), [-1.0, 1.0]) if length > 1 else np.zeros(1)


def identity(rows: int, cols: int) -> Plane:
    """A kernel that is 1 in the center (for an even size: below and right of it), 0 elsewhere."""
    plane = np.zeros((rows, cols))
    plane[rows // 2, cols // 2] = 1
    return plane


def box(rows: int, cols: int) -> Plane:
    """Equal weights with sum 1, which compute the mean of the window."""
    return np.full((rows, cols), 1 / (rows * cols))


def gaussian(rows: int, cols: int) -> Plane:
    """Binomial weights with sum 1, which approximate a Gaussian."""
    plane = np.outer(binomial(rows), binomial(cols))
    return np.asarray(plane / plane.sum())


def sobel_x(rows: int, cols: int) -> Plane:
    """A difference along the row, smoothed along the column; it responds to vertical edges."""
    return np.outer(binomial(rows), _difference_filter(cols))


def sobel_y(rows: int, cols: int) -> Plane:
    """A difference along the column, smoothed along the row; it responds to horizontal edges."""
    return np.outer(_difference_filter(rows), binomial(cols))


def laplacian(rows: int, cols: int) -> Plane:
    """A cross of ones whose center makes the sum 0; at 3×3 the usual discrete Laplacian."""
    plane = np.zeros((rows, cols))
    plane[rows // 2, :] += 1
    plane[:, cols // 2] += 1
    plane[rows // 2, cols // 2] = 0
    return np.asarray(plane - plane.sum() * identity(rows, cols))


def sharpen(rows: int, cols: int) -> Plane:
    """The identity minus the Laplacian, which sharpens a picture; the weights sum to 1."""
    return identity(rows, cols) - laplacian(rows, cols)


@dataclass(frozen=True)
class Preset:
    """A named kernel.

    Attributes:
        label: name on screen.
        plane: function from (rows, columns) to the weights; None for random weights.
    """

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
"""Kernel presets by name. A layer of several filters uses them in this order."""


def filter_names(preset: str, filter_count: int) -> tuple[str, ...]:
    """The preset of each filter: first ``preset``, then the ones after it in ``PRESETS``.

    Raises:
        SpecError: there is no such preset.
    """
    if preset not in PRESETS:
        raise SpecError("kernel", f"must be one of {', '.join(PRESETS)}", preset)
    if preset == "random":
        return ("random",) * filter_count
    names = [name for name in PRESETS if name != "random"]
    first = names.index(preset)
    return tuple(names[(first + i) % len(names)] for i in range(filter_count))


def kernel(
    preset: str,
    shape: tuple[int, int, int, int],
    seed: int = 0,
    edits: tuple[Edit, ...] = (),
) -> NDArray[np.float32]:
    """Weights of ``shape`` (filters, channels, rows, columns), equal for all channels.

    ``random`` draws every weight independently from N(0, 1), rounded to one decimal. Edits
    outside the shape are ignored: they belong to a kernel size chosen before.

    Raises:
        SpecError: no such preset, or an edit that is not a number of magnitude <= MAX_WEIGHT.
    """
    filters, channels, rows, cols = shape
    if preset == "random":
        weights = np.random.default_rng(seed).normal(size=shape).round(1)
    else:
        planes = [PRESETS[name].plane for name in filter_names(preset, filters)]
        stacked = np.stack([plane(rows, cols) for plane in planes if plane is not None])
        weights = np.repeat(stacked[:, None], channels, axis=1)
    for index, value in edits:
        if not abs(value) <= MAX_WEIGHT:
            raise SpecError(
                "weights", f"must be numbers from -{MAX_WEIGHT:g} to {MAX_WEIGHT:g}", value
            )
        if all(0 <= i < n for i, n in zip(index, shape, strict=True)):
            weights[index] = value
    return weights.astype(np.float32)
