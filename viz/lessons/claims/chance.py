"""What is decided where chance has a hand in it: measured times, and runs with several seeds."""

from __future__ import annotations

from collections.abc import Sequence

LEAST_SEEDS = 3
"""Seeds below which nothing is decided. Three values of one net and three of another, all drawn
alike, lie apart in one case of ten (2 · 3! · 3! / 6!); two and two do in one of three."""
SIGMA_NOISE = 1.05
"""Factor by which an ERF's σ differs with the 16 images over which it is taken: measured, 3 to 6 %.
Below it nothing has widened; above its square something has, whatever the images."""


def enough(seeds: int) -> bool:
    """Whether so many seeds can decide anything."""
    return seeds >= LEAST_SEEDS


def below(first: Sequence[float], second: Sequence[float]) -> bool | None:
    """Whether the second's values lie below the first's.

    Returns:
        True where all of them do, False where none lies below any, None where the bands overlap.
    """
    if max(second) < min(first):
        return True
    return False if min(second) > max(first) else None


def beyond(values: Sequence[float], low: float, high: float) -> bool | None:
    """Whether a quantity is large, seed by seed.

    Returns:
        True where all values lie above ``high``, False where all lie below ``low``, else None.
    """
    if min(values) > high:
        return True
    return False if max(values) < low else None


def few_seeds(seeds: int) -> str:
    """Why so few decide nothing, as a sentence with a space before it; "" where they are enough."""
    if enough(seeds):
        return ""
    return (
        f" At least {LEAST_SEEDS} seeds are needed to decide: with fewer, chance alone often sets "
        "the results apart."
    )
