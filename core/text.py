"""Sizes and sentences as text, the same everywhere."""

from __future__ import annotations

from collections.abc import Iterable


def times(sizes: Iterable[int]) -> str:
    """``8×6`` of (8, 6); any number of sizes."""
    return "×".join(map(str, sizes))


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, which gets an s unless the count is 1: ``2 rows``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def sentence_case(text: str) -> str:
    """The text with its first letter large, and nothing else changed."""
    return text[:1].upper() + text[1:]
