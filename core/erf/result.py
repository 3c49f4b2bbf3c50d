"""The result of a measurement: the map, its position in the image, settings and metrics."""

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
class TheoreticalField:
    """The theoretical receptive field of a unit. Pairs are (height, width).

    Attributes:
        size, effective_stride, effective_padding: those of the layer, see
            `core.receptive_field`.
        center: center of the unclipped receptive field in image coordinates.
        unclipped: the receptive field as a box of pixels, as if the image had no border.
        clipped: the part of the receptive field inside the image.
        aligned: whether all paths from the image have the same stride and center.
        note: what these numbers do not show; empty if nothing.
        padding_loss: expected share of the energy that falls on padding (`core.erf.expected`),
            relative to the same unit in an unbounded image; nan if unknown.
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
        draws: number of draws averaged.
        difference: total variation distance between the maps of the odd and of the even draws,
            0 to 1; about twice the error of the map of all draws. nan after one draw.
        sigma: (σ_y, σ_x) of the map of all draws, in pixels.
    """

    draws: int
    difference: float
    sigma: Point


@dataclass(frozen=True)
class RunInfo:
    """How a result was computed.

    Attributes:
        crop: the part of the image that was run, and the unit's position there.
        cropped: whether this was less than the whole image.
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
    """How strongly each input pixel influences one unit. Pairs are (height, width).

    Metrics of a ``"signed"`` map are those of its absolute values. RF is receptive field.

    Attributes:
        map: (rows, columns) float64, read-only: the share of each pixel of the clipped
            theoretical RF. It sums to 1; for ``"signed"`` its absolute values do.
        origin: (row, column) of the map's first pixel in the image.
        layer: name of the layer's node in the graph.
        module: qualified name of the module in which the layer runs.
        unit: (row, column) of the unit in the layer's map.
        grid: number of units of the layer along (height, width).
        input_size: (C, H, W) or (C, L) of the input.
        theory: the theoretical RF of the unit.
        recipe: the settings of the measurement.
        run: how the result was computed.
        total: sum of the mean map before it was normalized.
        convergence: the convergence after 1, 2, 4, … draws and after every chunk of draws.
    """

    map: FloatArray = field(repr=False)
    origin: tuple[int, int]
    layer: str
    module: str
    unit: tuple[int, int]
    grid: tuple[int, int]
    input_size: tuple[int, ...]
    theory: TheoreticalField
    recipe: Recipe
    run: RunInfo
    total: float
    convergence: tuple[Convergence, ...] = field(repr=False)

    @property
    def energy(self) -> FloatArray:
        """The absolute values of the map."""
        return np.abs(self.map)

    @property
    def sigma(self) -> Point:
        """(σ_y, σ_x) standard deviations about the centroid, in pixels."""
        return metrics.sigma(self.energy)

    @property
    def four_sigma_share(self) -> Point:
        """(4σ_y/R_y, 4σ_x/R_x), where R is the size of the unclipped theoretical RF."""
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
        """`square` of each share in `metrics.SHARES`, by the share."""
        return {t: self.square(t) for t in metrics.SHARES}

    def square(self, share: float) -> int:
        """Side, in pixels, of the smallest square around the RF's center with a share of energy."""
        return metrics.smallest_square(self.energy, share, self._center())

    @property
    def participation_ratio(self) -> float:
        """Effective number of pixels that share the energy e: (Σe)²/Σe²."""
        return metrics.participation_ratio(self.energy)

    @property
    def excess_kurtosis(self) -> Point:
        """Excess kurtosis along (y, x), which is 0 for a Gaussian."""
        return metrics.excess_kurtosis(self.energy)

    @property
    def centroid(self) -> Point:
        """(row, column) of the center of mass in the image."""
        row, col = metrics.centroid(self.energy)
        return row + self.origin[0], col + self.origin[1]

    @property
    def centroid_offset(self) -> Point:
        """The vector (down, right) from the RF's center to the centroid, in pixels."""
        (row, col), (y, x) = self.centroid, self.theory.center
        return row - y, col - x

    @property
    def zeros_share(self) -> float:
        """Share of the clipped RF's pixels whose energy is exactly 0."""
        return metrics.zeros_share(self.energy)

    @property
    def is_cut(self) -> bool:
        """Whether the theoretical RF extends beyond the image, so that padding gets energy."""
        return self.theory.clipped != self.theory.unclipped

    @property
    def lost_to_padding(self) -> float:
        """Expected share of the energy that falls on padding, which the map does not contain."""
        return self.theory.padding_loss

    def cumulative_energy(self) -> tuple[NDArray[np.int64], FloatArray]:
        """(squares,) sides of squares around the RF's center, and the share of energy in each."""
        return metrics.cumulative_energy(self.energy, self._center())

    def marginals(self) -> tuple[FloatArray, FloatArray]:
        """(rows,) sums along x and (columns,) sums along y, each divided by the total."""
        return metrics.marginals(self.energy)

    def _center(self) -> Point:
        """The RF's center in coordinates of the map."""
        return self.theory.center[0] - self.origin[0], self.theory.center[1] - self.origin[1]

    def as_data(self) -> dict[str, Any]:
        """All metrics and settings as plain values for JSON, without the map."""
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
            "difference": _json_value(self.convergence[-1].difference),
        } | {metric.name: _json_value(metric.value_of(self)) for metric in METRICS}


def _json_value(value: Any) -> Any:
    """The value in JSON's types: tuples become lists, keys strings, and nan None."""
    if isinstance(value, tuple):
        return [_json_value(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _json_value(part) for key, part in value.items()}
    return None if value != value else value


@dataclass(frozen=True)
class Metric:
    """One row of the metrics table.

    Attributes:
        name: name of the attribute of `EffectiveReceptiveField`.
        title: title on screen.
        unit: ``"px"``, ``"%"`` (the value itself is a share from 0 to 1), or "".
        explanation: one sentence on screen.
        value_of: function that reads the value from a result.
    """

    name: str
    title: str
    unit: str
    explanation: str
    value_of: Callable[[EffectiveReceptiveField], Any] = field(repr=False, compare=False)


def _metric(name: str, title: str, unit: str, explanation: str) -> Metric:
    return Metric(name, title, unit, explanation, lambda result: getattr(result, name))


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
"""The rows of the metrics table, in order."""
