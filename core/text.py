"""Sizes and sentences as text, the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable


def times(sizes: Iterable[int]) -> str:
    """``8×6`` of (8, 6); any number of sizes."""
    return "×".join(map(str, sizes))


def sentence_case(text: str) -> str:
    """The text with its first letter large, and nothing else changed."""
    return text[:1].upper() + text[1:]
