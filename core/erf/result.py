"""The result of a measurement: the map, its place in the image, its settings and its metrics."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..receptive_field.cone import Box
from . import metrics
from .crop import Crop
from .metrics import FloatArray, Point
from .recipe import Recipe


@dataclass(frozen=True)
class Theory:
    """The theoretical receptive field of the unit. Pairs are (height, width).

    Attributes:
        size, effective_stride, effective_padding: as `core.receptive_field` has them.
        center: of this unit, in the image; where it is cut, still that of the whole.
        unclipped: the box of its windows, as if the image went on.
        clipped: the box of the image's pixels that reach it.
        aligned: all paths from the image have one stride and one center.
        note: what these numbers hide; "" when nothing.
        padding_loss: expected share of the energy that falls on padding (`core.erf.expected`),
            against the same unit in an image without end; nan where it is not known.
    """

    size: tuple[float, float]
    effective_stride: tuple[float, float]
    effective_padding: tuple[float, float]
    center: Point
    unclipped: Box
    clipped: Box
    aligned: bool
    note: str
    padding_loss: float


class Convergence(NamedTuple):
    """The convergence of the map after some draws.

    Attributes:
        draws: averaged so far.
        difference: total variation between the maps of the odd and of the even draws, 0
            to 1; the map of all draws is off by about half of it. nan after one draw.
        sigma: (σ_y, σ_x) of the map so far.
    """

    draws: int
    difference: float
    sigma: Point


@dataclass(frozen=True)
class RunInfo:
    """How a result was computed.

    Attributes:
        crop: the part of the image that was run, and the unit's place in it.
        cropped: whether it was only a part of the image.
        batch: number of draws per batch.
        device: ``"cpu"``, ``"cuda"``, …
        dtype: ``"float32"``, ``"bfloat16"``, …
    """

    crop: Crop
    cropped: bool
    batch: int
    device: str
    dtype: str


@dataclass(frozen=True, eq=False)
class EffectiveReceptiveField:
    """The input pixels that move one unit, and by how much. Pairs are (height, width).

    Metrics of a ``"signed"`` map are those of its absolute values.

    Attributes:
        map: (rows, columns) float64, read-only, over the clipped theoretical RF; sums to
            1 (``"signed"``: its absolute values do).
        origin: (row, column) of its first pixel in the image.
        layer: name of the graph's node.
        module: qualified name of the module it runs in.
        unit: (row, column) in the layer's map.
        grid: units of the layer along both axes.
        input_size: (C, H, W) or (C, L).
        theory: the theoretical receptive field.
        recipe: the settings.
        run: how it was computed.
        total: sum of the mean map before it was normalized to 1.
        convergence: after 1, 2, 4, … draws and at the end of every chunk.
    """

    map: FloatArray = field(repr=False)
    origin: tuple[int, int]
    layer: str
    module: str
    unit: tuple[int, int]
    grid: tuple[int, int]
    input_size: tuple[int, ...]
    theory: Theory
    recipe: Recipe
    run: RunInfo
    total: float
    convergence: tuple[Convergence, ...] = field(repr=False)

    @property
    def energy(self) -> FloatArray:
        """The map without signs."""
        return np.abs(self.map)

    @property
    def sigma(self) -> Point:
        """(σ_y, σ_x) in pixels."""
        return metrics.sigma(self.energy)

    @property
    def four_sigma_share(self) -> Point:
        """4σ/R: how much of the theoretical RF, not clipped, the effective one takes."""
        (a, b), (rows, cols) = self.sigma, self.theory.size
        return 4 * a / rows, 4 * b / cols

    @property
    def side(self) -> float:
        """Side of the area above 4.55 % of the peak, in pixels."""
        return metrics.side_above(self.energy, metrics.TAIL)

    @property
    def half_side(self) -> float:
        """Side of the area above 50 % of the peak, in pixels."""
        return metrics.side_above(self.energy, metrics.HALF)

    @property
    def squares(self) -> dict[float, int]:
        """t → side of the smallest square around the RF's center that holds t of the energy."""
        return {t: self.square(t) for t in metrics.SHARES}

    def square(self, share: float) -> int:
        """Side of the smallest square around the RF's center that holds a share of the energy."""
        return metrics.smallest_square(self.energy, share, self._center())

    @property
    def participation_ratio(self) -> float:
        """Over how many pixels the energy is spread: (Σe)²/Σe²."""
        return metrics.participation_ratio(self.energy)

    @property
    def excess_kurtosis(self) -> Point:
        """(y, x): 0 for a Gaussian."""
        return metrics.excess_kurtosis(self.energy)

    @property
    def centroid(self) -> Point:
        """(row, column) of the center of mass in the image."""
        row, col = metrics.centroid(self.energy)
        return row + self.origin[0], col + self.origin[1]

    @property
    def centroid_offset(self) -> Point:
        """From the RF's center to the centroid, (down, right) in pixels."""
        (row, col), (y, x) = self.centroid, self.theory.center
        return row - y, col - x

    @property
    def zeros_share(self) -> float:
        """Share of the clipped RF's pixels whose energy is exactly 0."""
        return metrics.zeros_share(self.energy)

    @property
    def is_cut(self) -> bool:
        """Whether the receptive field extends beyond the image, so that some energy is lost."""
        return self.theory.clipped != self.theory.unclipped

    @property
    def lost_to_padding(self) -> float:
        """Expected share of the energy that falls on padding; the map shows the rest."""
        return self.theory.padding_loss

    def cumulative_energy(self) -> tuple[NDArray[np.int64], FloatArray]:
        """Sides of squares around the RF's center, and the share of energy each holds."""
        return metrics.cumulative_energy(self.energy, self._center())

    def marginals(self) -> tuple[FloatArray, FloatArray]:
        """The cross-sections: sums along x (rows,) and along y (columns,), each of sum 1."""
        return metrics.marginals(self.energy)

    def _center(self) -> Point:
        """The RF's center in the map."""
        return self.theory.center[0] - self.origin[0], self.theory.center[1] - self.origin[1]

    def as_data(self) -> dict[str, Any]:
        """All metrics and settings as plain values for JSON; the map is not among them."""
        return {
            "layer": self.layer,
            "unit": list(self.unit),
            "input_size": list(self.input_size),
            "origin": list(self.origin),
            "shape": list(self.map.shape),
            "recipe": str(self.recipe),
            "device": self.run.device,
            "dtype": self.run.dtype,
            "theoretical_size": list(self.theory.size),
            "effective_stride": list(self.theory.effective_stride),
            "effective_padding": list(self.theory.effective_padding),
            "center": list(self.theory.center),
            "note": self.theory.note,
            "total": self.total,
            "difference": _plain(self.convergence[-1].difference),
        } | {metric.name: _plain(metric.of(self)) for metric in METRICS}


def _plain(value: Any) -> Any:
    """Tuples as lists, keys as text, nan as None: what JSON can hold."""
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return None if value != value else value


@dataclass(frozen=True)
class Metric:
    """One row of the metrics table.

    Attributes:
        name: of the attribute of `EffectiveReceptiveField`.
        title: for people.
        unit: ``"px"``, ``"%"`` (the value is a share of 1) or "".
        says: one line that explains it.
        of: reads it.
    """

    name: str
    title: str
    unit: str
    says: str
    of: Callable[[EffectiveReceptiveField], Any] = field(repr=False, compare=False)


def _metric(name: str, title: str, unit: str, says: str) -> Metric:
    return Metric(name, title, unit, says, lambda result: getattr(result, name))


METRICS = (
    _metric("sigma", "σ", "px", "Standard deviation along y and x."),
    _metric(
        "four_sigma_share",
        "4σ/R",
        "%",
        "Four standard deviations as a share of the theoretical side.",
    ),
    _metric("side", "Side above 4.55 %", "px", "√ of the pixels above 4.55 % of the peak."),
    _metric("half_side", "Side above 50 %", "px", "√ of the pixels above half the peak."),
    _metric(
        "squares",
        "t-energy squares",
        "px",
        "Smallest odd sides, centered, that hold t of the energy.",
    ),
    _metric("participation_ratio", "Participation", "px", "Over how many pixels it is spread."),
    _metric("excess_kurtosis", "Excess kurtosis", "", "0 for a Gaussian; above: heavier tails."),
    _metric("centroid_offset", "Centroid's offset", "px", "From the theoretical field's center."),
    _metric("zeros_share", "Exact zeros", "%", "Share of the theoretical field never reached."),
    _metric("lost_to_padding", "Lost to padding", "%", "Expected energy beyond the border."),
)
