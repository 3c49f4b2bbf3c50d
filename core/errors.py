"""The error that core raises for a setting that cannot work."""

from __future__ import annotations

import numpy as np


class SpecError(ValueError):
    """A setting that cannot work, with a sentence that tells a student how to correct it.

    Args:
        parameter: torch's name of the setting at fault, e.g. ``"stride"``.
        rule: the rule it breaks and what would work, as the rest of a sentence
            that starts with the parameter, e.g. ``"must be at least 1"``.
        value: the value that was given.
    """

    def __init__(self, parameter: str, rule: str, value: object) -> None:
        super().__init__(parameter, rule, value)
        self.parameter = parameter
        self.rule = rule
        self.value = value

    def __str__(self) -> str:
        return f"{self.parameter} {self.rule} (got {_briefly(self.value)})"


LONGEST = 200
"""Most characters of a value that an error message repeats."""


def _briefly(value: object) -> str:
    """A value as text: the shape of an array or a tensor, the beginning of a long text."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"a {type(value).__name__} of shape {tuple(shape)}"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def whole(parameter: str, value: object, minimum: int) -> int:
    """``value`` as an int of at least ``minimum``; SpecError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise SpecError(parameter, "must be a whole number", value)
    if value < minimum:
        raise SpecError(parameter, f"must be at least {minimum}", value)
    return int(value)
