"""Architectures of the zoo for tests that would learn nothing from the same blocks once more."""

from __future__ import annotations

from core.networks.zoo import NAMES

REPEATED = ("vgg13", "resnet34", "resnet101", "resnet101_v1", "resnet152_v1")
"""Built of the same blocks as another that is kept, only more or fewer of them; the deepest,
ResNet-152, is kept."""
DISTINCT = [name for name in NAMES if name not in REPEATED]
