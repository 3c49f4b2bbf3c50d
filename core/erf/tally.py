"""Sums of the maps of single draws, and their convergence."""

from __future__ import annotations

import math

import numpy as np
import torch

from . import metrics
from .metrics import FloatArray
from .recipe import Aggregate
from .result import Convergence


def per_draw(gradient: torch.Tensor, aggregate: Aggregate) -> FloatArray:
    """(N, C, H, W) or (N, C, L) gradients as (N, H, W) maps in float64; L is 1 × L.

    Squares are taken in float64: in float32 they vanish below gradients of 1e-23.
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
    """Two running sums, of the odd and of the even draws.

    Attributes:
        done: number of draws so far.
        points: the convergence after 1, 2, 4, … draws and wherever `mark` was called.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.halves = np.zeros((2, *shape))
        self.done = 0
        self.points: list[Convergence] = []

    def add(self, maps: FloatArray) -> None:
        """Add the maps of some more draws, (N, rows, columns).

        They are summed one by one, so that the size of the chunks changes no bit of the result.
        """
        for one in maps:
            self.halves[self.done % 2] += one
            self.done += 1
            if self.done & (self.done - 1) == 0:
                self.mark()

    def mark(self) -> Convergence:
        """The convergence now, which is also added to ``points``."""
        if not self.points or self.points[-1].draws < self.done:
            even, odd = np.abs(self.halves)
            total = np.abs(self.halves.sum(0))
            difference = metrics.total_variation(even, odd) if odd.any() else math.nan
            self.points.append(Convergence(self.done, difference, metrics.sigma(total)))
        return self.points[-1]

    def mean(self) -> FloatArray:
        """(rows, columns) mean of all draws."""
        return np.asarray(self.halves.sum(0) / self.done)
