"""Architectures of the zoo for tests that would learn nothing from the same blocks once more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from core.networks.zoo import NAMES

REPEATED = ("vgg13", "resnet34", "resnet101", "resnet101_v1", "resnet152_v1")
"""Built of the same blocks as another that is kept, only more or fewer of them; the deepest,
ResNet-152, is kept."""
DISTINCT = [name for name in NAMES if name not in REPEATED]

FAMILIES = (
    "lenet5",
    "vgg11",
    "resnet18",
    "mobilenet_v2",
    "googlenet",
    "convnext_tiny",
    "unet",
    "dilated_stack",
    "four_conv_pool",
)
"""One small network of each kind: chains, shortcuts, depthwise convolutions, parallel branches,
patches, a way up, dilations, and a network of a few layers."""


def others_slow(names: Iterable[str]) -> list[Any]:
    """Names of architectures, of which plain pytest tries one of each family."""
    return [
        name if name in FAMILIES else pytest.param(name, marks=pytest.mark.slow) for name in names
    ]
