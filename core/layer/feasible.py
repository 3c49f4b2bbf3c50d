"""Search for the values of one setting with which a layer can run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..errors import SpecError


def feasible(try_value: Callable[[int], object], candidates: range, current: int) -> range:
    """The range of candidates around ``current`` that ``try_value`` accepts.

    ``try_value(value)`` raises SpecError for a layer that cannot be run. Controls use the
    range as their bounds, so that no slider reaches an impossible layer. Each end is searched by
    bisection, which assumes that the accepted values are contiguous. That holds for every
    setting of a layer except a stride under PyTorch's 'same' padding.
    """
    works = partial(_works, try_value)
    return range(
        _last_working(works, current, candidates[0]),
        _last_working(works, current, candidates[-1]) + 1,
    )


def _last_working(works: Callable[[int], bool], good: int, end: int) -> int:
    """The accepted value nearest to ``end``; ``good`` must be an accepted value."""
    if good == end or works(end):
        return end
    bad = end
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if works(middle) else (good, middle)
    return good


def _works(try_value: Callable[[int], object], value: int) -> bool:
    """Whether ``try_value`` accepts the value, i.e. raises no SpecError."""
    try:
        try_value(value)
    except SpecError:
        return False
    return True
