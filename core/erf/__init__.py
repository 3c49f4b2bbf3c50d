"""Effective receptive fields, measured by backpropagation; the result contains all settings.

    erf = effective_receptive_field(resnet50(), (3, 224, 224), layer="layer3")
    erf.map, erf.sigma, str(erf.recipe)

The same from the command line, for any importable network:

    python -m core.erf package.module:callable --input 3,224,224 --layer layer3 --out erf.npz

The metrics are defined in `core.erf.metrics`, the settings in `core.erf.recipe`.
"""

from __future__ import annotations

from .engine import Progress, Stopped, effective_receptive_field
from .recipe import Recipe
from .result import METRICS, Convergence, EffectiveReceptiveField, Metric, RunInfo, TheoreticalField

__all__ = [
    "METRICS",
    "Convergence",
    "EffectiveReceptiveField",
    "Metric",
    "Progress",
    "Recipe",
    "RunInfo",
    "Stopped",
    "TheoreticalField",
    "effective_receptive_field",
]
