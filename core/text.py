"""Formatting of sizes and sentences."""

from __future__ import annotations

from collections.abc import Iterable

Sides = tuple[tuple[int, int], tuple[int, int]]
"""Padding as ((top, bottom), (left, right))."""


def times(sizes: Iterable[float]) -> str:
    """Sizes joined by ``×``, e.g. ``8×6`` for (8, 6)."""
    return "×".join(map(str, sizes))


def plural(count: int, noun: str) -> str:
    """Return a count with its noun, which gets an s unless the count is 1: ``2 rows``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def sentence_case(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def int_pair_text(value: tuple[int, int]) -> str:
    """A (height, width) pair as ``2``, or as ``2×3`` if the two differ."""
    return str(value[0]) if value[0] == value[1] else times(value)


def short_padding_text(padding: Sides) -> str:
    """Padding as ``1``, as ``1×2`` for height and width, or as ``top 0 bottom 1 …``."""
    (top, bottom), (left, right) = padding
    if top == bottom and left == right:
        return int_pair_text((top, left))
    sides = {"top": top, "bottom": bottom, "left": left, "right": right}
    return " ".join(f"{name} {value}" for name, value in sides.items())


def padding_in_words(padding: Sides, output_padding: tuple[int, int] = (0, 0)) -> str:
    """Padding in words: ``1 on every side``, ``0 before, 1 after``, or ``top 0, bottom 1, …``.

    The output padding of a transposed convolution follows if there is one.
    """
    (top, bottom), (left, right) = padding
    text = f"top {top}, bottom {bottom}, left {left}, right {right}"
    if (top, bottom) == (left, right):
        text = f"{top} on every side" if top == bottom else f"{top} before, {bottom} after"
    return text + (
        f", output_padding {int_pair_text(output_padding)}" if any(output_padding) else ""
    )
