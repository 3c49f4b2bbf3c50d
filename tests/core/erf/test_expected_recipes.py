"""The closed form belongs to the recipe that it stands beside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from torch import nn

from core.erf import effective_receptive_field, metrics
from core.erf.expected import ExpectedErf, expected_erf
from core.errors import SpecError

AGREE = [
    *(("he", "energy"), ("he", "abs"), ("he", "relu"), ("xavier", "abs")),
    *(("uniform", "energy"), ("uniform", "abs"), ("uniform", "relu"), ("uniform", "signed")),
]


@pytest.mark.parametrize("weights, aggregate", AGREE)
def test_what_is_expected_is_what_is_measured_with_the_same_recipe(
    weights: Any, aggregate: Any
) -> None:
    """Eight 3×3 convolutions in a row, as they were reported: σ within 2 %, noise of 200 draws."""
    layers = [nn.Conv2d(8, 8, 3, padding=1, bias=False) for _ in range(8)]
    net, size = nn.Sequential(*layers), (8, 21, 21)
    draws = 1 if weights == "uniform" and aggregate != "energy" else 200
    measured = effective_receptive_field(
        net, size, draws=draws, weights=weights, aggregate=aggregate
    )
    kind: Any = "uniform" if weights == "uniform" else "random"
    found = expected_erf(net, size, weights=kind, aggregate=aggregate)
    sigma = metrics.sigma(found.map)
    assert sigma == pytest.approx(measured.sigma, rel=1e-4 if weights == "uniform" else 0.03)
    assert float(np.abs(on_image(found) - whole(measured)).sum()) / 2 < 0.1


def whole(erf: Any) -> np.ndarray:
    image = np.zeros(erf.input_size[-2:])
    (top, left), (rows, cols) = erf.origin, erf.map.shape
    image[top : top + rows, left : left + cols] = erf.energy
    return image


def test_nothing_is_expected_of_the_signed_mean_of_random_weights() -> None:
    with pytest.raises(SpecError, match="signed"):
        expected_erf(nn.Conv2d(1, 1, 3, padding=1), (1, 9, 9), aggregate="signed")


def on_image(found: ExpectedErf) -> np.ndarray:
    """The map in its place in the image."""
    full = np.zeros(found.input_size)
    (row, col), (height, width) = found.origin, found.map.shape
    full[row : row + height, col : col + width] = found.map
    return full
