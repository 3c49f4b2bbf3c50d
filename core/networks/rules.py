"""Limits of networks, and functions that check settings.

Each of these functions returns the value in normal form, or raises a SpecError that names
``parameter``.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from ..errors import SpecError, whole
from ..layer.window import Pads, Pair, checked_pads, pair

MAX_LAYERS = 2_000
"""Largest number of layers of a network, with repeats unrolled."""
MAX_NESTING = 20
"""Largest depth of blocks nested in each other."""
MAX_BRANCHES = 64
"""Largest number of branches of one concatenation."""
MAX_CHANNELS = 8_192
MAX_FEATURES = 65_536
"""Largest number of outputs of a linear layer."""
MAX_INPUTS = 2**31 - 1
"""Largest number of inputs of a linear layer, i.e. of values of a flattened map."""
MAX_KERNEL = 512
MAX_STRIDE = 512
MAX_DILATION = 4_096
MAX_PADDING = 65_536
MAX_SCALE = 64
"""Largest factor of a pixel shuffle."""
MAX_SIDE = 2**20
"""Largest height and width, in pixels, of any map in a network whose input size is known."""
MAX_PARAMETERS = 2**28
"""Largest number of allocated weights, one GiB of float32; on the meta device there is no limit."""


def bounded(parameter: str, value: object, low: int, high: int) -> int:
    """Check that ``value`` is a whole number from ``low`` to ``high``, and return it as an int."""
    number = whole(parameter, value, low)
    if number > high:
        raise SpecError(parameter, f"must be at most {high:,}", value)
    return number


def bounded_pair(parameter: str, value: object, low: int, high: int) -> Pair:
    """Convert an int or (height, width) to a pair of ints from ``low`` to ``high``."""
    rows, cols = pair(parameter, value, low)
    return bounded(parameter, rows, low, high), bounded(parameter, cols, low, high)


def bounded_pads(value: object) -> Pads:
    """Convert one int, (height, width) or ((top, bottom), (left, right)) to the last form."""
    pads = checked_pads(value)
    for side in (*pads[0], *pads[1]):
        bounded("padding", side, 0, MAX_PADDING)
    return pads


def bounded_float(parameter: str, value: object, low: float, high: float) -> float:
    """Check that ``value`` is a finite number from ``low`` to ``high``; return it as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpecError(parameter, "must be a number", value)
    if not low <= value <= high or not math.isfinite(value):
        raise SpecError(parameter, f"must lie between {low:g} and {high:g}", value)
    return float(value) + 0.0  # no minus zero: it would be written as -0.0


def checked_flag(parameter: str, value: object) -> bool:
    """Check that ``value`` is True or False, and return it."""
    if not isinstance(value, bool):
        raise SpecError(parameter, "must be True or False", value)
    return value


def choice(parameter: str, value: object, options: Collection[str]) -> str:
    """Check that ``value`` is one of the options, and return it."""
    if not isinstance(value, str) or value not in options:
        raise SpecError(parameter, f"must be one of {', '.join(options)}", value)
    return value


def set_fields(spec: object, **values: object) -> None:
    """Set fields of a frozen dataclass to normalized values, from its ``__post_init__``."""
    for name, value in values.items():
        object.__setattr__(spec, name, value)
