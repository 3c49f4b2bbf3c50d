"""The running mean of the maps of single draws, and its convergence."""

from __future__ import annotations

import math

import numpy as np
import torch

from . import metrics
from .metrics import FloatArray
from .recipe import Aggregate
from .result import Convergence


def maps_of_draws(gradient: torch.Tensor, aggregate: Aggregate) -> FloatArray:
    """Convert gradients (N, C, H, W) or (N, C, L) to maps (N, H, W) or (N, 1, L) in float64.

    Each entry is the aggregate of the gradient, summed over the channels. Squares are taken in
    float64, because in float32 those of gradients below 1e-23 would be 0.
    """
    wide = gradient.detach().cpu().double()
    if wide.ndim == 3:
        wide = wide.unsqueeze(2)
    match aggregate:
        case "energy":
            wide = wide.square()
        case "abs":
            wide = wide.abs()
        case "relu":
            wide = wide.clamp(min=0)
    return np.asarray(wide.sum(1).numpy(), dtype=np.float64)


class Tally:
    """Sums of the maps of all draws, separately for even and odd draws.

    Attributes:
        sums: (2, rows, columns) sums over the even and over the odd draws.
        done: number of draws added.
        convergence_points: the convergence after 1, 2, 4, … draws, and after each call of
            `record_convergence`.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.sums = np.zeros((2, *shape))
        self.done = 0
        self.convergence_points: list[Convergence] = []

    def add(self, maps: FloatArray) -> None:
        """Add the maps of N more draws, (N, rows, columns).

        They are added one by one, so that the result does not depend on the chunk size.
        """
        for draw in maps:
            self.sums[self.done % 2] += draw
            self.done += 1
            if self.done & (self.done - 1) == 0:
                self.record_convergence()

    def record_convergence(self) -> Convergence:
        """Return the current convergence, and append it to ``convergence_points``."""
        if not self.convergence_points or self.convergence_points[-1].draws < self.done:
            even, odd = np.abs(self.sums)
            total = np.abs(self.sums.sum(0))
            difference = metrics.total_variation(even, odd) if odd.any() else math.nan
            self.convergence_points.append(Convergence(self.done, difference, metrics.sigma(total)))
        return self.convergence_points[-1]

    def mean(self) -> FloatArray:
        """(rows, columns) mean of the maps of all draws."""
        return np.asarray(self.sums.sum(0) / self.done)
