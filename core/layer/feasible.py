"""Search for the values of one setting with which a layer can run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..errors import SpecError


def feasible_range(try_value: Callable[[int], object], candidates: range, current: int) -> range:
    """The range of candidates around ``current`` that ``try_value`` accepts.

    ``try_value(value)`` raises SpecError for a layer that cannot be run. Controls use the
    range as their bounds, so that no slider reaches an impossible layer. Each end is searched by
    bisection, which assumes that the accepted values are contiguous. That holds for every
    setting of a layer except a stride under PyTorch's 'same' padding.
    """
    works = partial(_accepts, try_value)
    return range(
        _last_accepted(works, current, candidates[0]),
        _last_accepted(works, current, candidates[-1]) + 1,
    )


def _last_accepted(accepts: Callable[[int], bool], accepted: int, end: int) -> int:
    """The accepted value nearest to ``end``; ``accepted`` must be an accepted value."""
    if accepted == end or accepts(end):
        return end
    refused = end
    while abs(refused - accepted) > 1:
        middle = (accepted + refused) // 2
        accepted, refused = (middle, refused) if accepts(middle) else (accepted, middle)
    return accepted


def _accepts(try_value: Callable[[int], object], value: int) -> bool:
    """Whether ``try_value`` accepts the value, i.e. raises no SpecError."""
    try:
        try_value(value)
    except SpecError:
        return False
    return True
