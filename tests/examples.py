"""How many examples a property is tried on, where a hundred are out of proportion."""

from __future__ import annotations

from hypothesis import settings


def examples(count: int) -> settings:
    """So many where others have a hundred: twenty times as many in the thorough profile."""
    return settings(max_examples=count * settings.default.max_examples // 100)
