"""How much of what is alike plain pytest tries: `.ci/run` tries all of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings


def examples(count: int, **more: Any) -> settings:
    """So many where others have a hundred: two in five of them in plain pytest, and at least five.

    Args:
        count: of the full profile, which `.ci/run` tries.
        more: what else Hypothesis is told.
    """
    in_proportion = count * settings.default.max_examples // 100
    return settings(max_examples=max(in_proportion, min(count, 5)), **more)


def others_slow(values: Iterable[Any], plain: int = 1) -> list[Any]:
    """Values of a parameter, or of several together, of which plain pytest tries the first ones.

    Args:
        values: all of them.
        plain: how many are no slow tests.
    """
    together = [value if isinstance(value, tuple) else (value,) for value in values]
    slow = [pytest.param(*value, marks=pytest.mark.slow) for value in together[plain:]]
    return [pytest.param(*value) for value in together[:plain]] + slow
