"""How many examples a property is tried on, where a hundred are out of proportion."""

from __future__ import annotations

from typing import Any

from hypothesis import settings


def examples(count: int, **more: Any) -> settings:
    """So many where others have a hundred: two in five of them in plain pytest, and at least five.

    Args:
        count: of the full profile, which `.ci/run` tries.
        more: what else Hypothesis is told.
    """
    in_proportion = count * settings.default.max_examples // 100
    return settings(max_examples=max(in_proportion, min(count, 5)), **more)
