"""Limits of networks, and the checks of settings against them."""

from __future__ import annotations

import math
from collections.abc import Collection

from ..errors import SpecError, whole
from ..layer.window import Pads, Pair, four_sided, pair

MAX_LAYERS = 2_000
"""Layers of a network, each repeat counted as often as it is run."""
MAX_NESTING = 20
"""Most blocks nested in each other."""
MAX_BRANCHES = 64
MAX_CHANNELS = 8_192
MAX_FEATURES = 65_536
"""Outputs of a linear layer."""
MAX_INPUTS = 2**31 - 1
"""Inputs of a linear layer: a flattened picture."""
MAX_KERNEL = 512
MAX_STRIDE = 512
MAX_DILATION = 4_096
MAX_PADDING = 65_536
MAX_SCALE = 64
MAX_SIDE = 2**20
"""Pixels along one axis anywhere in the network, where the size is known."""
MAX_PARAMETERS = 2**28
"""Weights that are really allocated: one GiB of float32. Without bound on the meta device."""


def bounded(parameter: str, value: object, low: int, high: int) -> int:
    """``value`` as an int from ``low`` to ``high``; SpecError otherwise."""
    number = whole(parameter, value, low)
    if number > high:
        raise SpecError(parameter, f"must be at most {high:,}", value)
    return number


def bounded_pair(parameter: str, value: object, low: int, high: int) -> Pair:
    """An int or (height, width) as a pair of ints from ``low`` to ``high``."""
    rows, cols = pair(parameter, value, low)
    return bounded(parameter, rows, low, high), bounded(parameter, cols, low, high)


def bounded_pads(value: object) -> Pads:
    """Any way of writing zero padding as ((top, bottom), (left, right)) within bounds."""
    pads = four_sided(value)
    for side in (*pads[0], *pads[1]):
        bounded("padding", side, 0, MAX_PADDING)
    return pads


def real(parameter: str, value: object, low: float, high: float) -> float:
    """``value`` as a finite float from ``low`` to ``high``; SpecError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(parameter, "must be a number", value)
    if not low <= value <= high or not math.isfinite(value):
        raise SpecError(parameter, f"must lie between {low:g} and {high:g}", value)
    return float(value) + 0.0  # no minus zero: it would be written as -0.0


def flag(parameter: str, value: object) -> bool:
    """``value`` if it is True or False; SpecError otherwise."""
    if not isinstance(value, bool):
        raise SpecError(parameter, "must be True or False", value)
    return value


def choice(parameter: str, value: object, options: Collection[str]) -> str:
    """``value`` if it is one of the options; SpecError otherwise."""
    if not isinstance(value, str) or value not in options:
        raise SpecError(parameter, f"must be one of {', '.join(options)}", value)
    return value


def set_fields(spec: object, **values: object) -> None:
    """Set the normalized values of a frozen dataclass, in its ``__post_init__``."""
    for name, value in values.items():
        object.__setattr__(spec, name, value)
