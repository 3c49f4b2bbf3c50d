"""The error that core raises for an invalid setting."""

from __future__ import annotations

import numpy as np


class SpecError(ValueError):
    """An invalid setting, with a sentence that says how to correct it.

    Args:
        parameter: torch's name of the setting, e.g. ``"stride"``.
        rule: the rule that is broken and what would work, as the rest of a sentence that starts
            with the parameter, e.g. ``"must be at least 1"``.
        value: the invalid value.
    """

    def __init__(self, parameter: str, rule: str, value: object) -> None:
        super().__init__(parameter, rule, value)
        self.parameter = parameter
        self.rule = rule
        self.value = value

    def __str__(self) -> str:
        return f"{self.parameter} {self.rule} (got {_short_text(self.value)})"


MAX_VALUE_LENGTH = 200
"""Largest number of characters of a value that an error message repeats."""


def _short_text(value: object) -> str:
    """A value as short text: the shape of an array or a tensor, the beginning of a long text."""
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"a {type(value).__name__} of shape {tuple(shape)}"
    text = str(value)
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]} …"


def whole(parameter: str, value: object, minimum: int) -> int:
    """Check that ``value`` is a whole number of at least ``minimum``, and return it as an int.

    Raises:
        SpecError: it is not; names ``parameter``.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise SpecError(parameter, "must be a whole number", value)
    if value < minimum:
        raise SpecError(parameter, f"must be at least {minimum}", value)
    return int(value)
