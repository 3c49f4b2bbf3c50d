"""Formatting of sizes and sentences."""

from __future__ import annotations

from collections.abc import Iterable


def times(sizes: Iterable[float]) -> str:
    """Sizes joined by ``×``, e.g. ``8×6`` for (8, 6)."""
    return "×".join(map(str, sizes))


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, which gets an s unless the count is 1: ``2 rows``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def sentence_case(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]
