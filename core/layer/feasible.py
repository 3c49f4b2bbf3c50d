"""The values of a setting with which a layer can run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ..errors import SpecError


def feasible(try_value: Callable[[int], object], candidates: range, current: int) -> range:
    """The range of candidates around ``current`` that ``try_value`` accepts.

    ``try_value(value)`` raises SpecError for a layer that cannot be run. Controls use the
    range as their bounds, so that an impossible layer cannot be dragged to. The values that
    work are taken to lie side by side, which holds for every setting of a layer but a
    stride under PyTorch's 'same'; so each end is found by bisection.
    """
    works = partial(_works, try_value)
    return range(
        _last_working(works, current, candidates[0]),
        _last_working(works, current, candidates[-1]) + 1,
    )


def _last_working(works: Callable[[int], bool], good: int, end: int) -> int:
    """The value nearest to ``end`` that works; ``good`` is a value that works."""
    if good == end or works(end):
        return end
    bad = end
    while abs(bad - good) > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if works(middle) else (good, middle)
    return good


def _works(try_value: Callable[[int], object], value: int) -> bool:
    try:
        try_value(value)
    except SpecError:
        return False
    return True
