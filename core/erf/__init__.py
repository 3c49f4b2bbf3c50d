"""Effective receptive fields by backpropagation, with the full recipe in the result.

    erf = effective_receptive_field(resnet50(), (3, 224, 224), layer="layer3")
    erf.map, erf.sigma, str(erf.recipe)

From the command line, for one's own code:

    python -m core.erf package.module:callable --input 3,224,224 --layer layer3 --out erf.npz

The metrics are defined in `core.erf.metrics`, the recipe in `core.erf.recipe`.
"""

from __future__ import annotations

from .engine import Progress, Stopped, effective_receptive_field
from .recipe import Recipe
from .result import METRICS, Convergence, EffectiveReceptiveField, Metric, RunInfo, Theory

__all__ = [
    "METRICS",
    "Convergence",
    "EffectiveReceptiveField",
    "Metric",
    "Progress",
    "Recipe",
    "RunInfo",
    "Stopped",
    "Theory",
    "effective_receptive_field",
]
