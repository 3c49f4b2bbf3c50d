"""Decisions from random measurements, such as times and training runs with several seeds."""

from __future__ import annotations

from collections.abc import Sequence

MIN_SEEDS = 3
"""Smallest number of seeds that can decide anything. If two nets have the same distribution, all
three values of one lie above all three of the other in one case of ten (2 · 3! · 3! / 6!); with
two seeds each, in one case of three."""
SIGMA_NOISE = 1.05
"""Factor by which the σ of an effective receptive field (ERF) varies with the 16 images over which
it is averaged; 3 to 6 % were measured. A σ that grew by less than this factor has not widened; one
that grew by more than its square has, whichever images were used."""


def enough_seeds(seeds: int) -> bool:
    """Return whether there are enough seeds to decide anything."""
    return seeds >= MIN_SEEDS


def second_lies_below(first: Sequence[float], second: Sequence[float]) -> bool | None:
    """Return whether all values of the second sample lie below all values of the first.

    Returns:
        True if they do, False if they all lie above them, None if the two ranges overlap.
    """
    if max(second) < min(first):
        return True
    return False if min(second) > max(first) else None


def all_above_range(values: Sequence[float], low: float, high: float) -> bool | None:
    """Return whether the values measured with the seeds, one each, lie above a range.

    Returns:
        True if all values lie above ``high``, False if all lie below ``low``, else None.
    """
    if min(values) > high:
        return True
    return False if max(values) < low else None


def too_few_seeds_sentence(seeds: int) -> str:
    """Return the sentence, after a space, that more seeds are needed; "" if there are enough."""
    if enough_seeds(seeds):
        return ""
    return (
        f" At least {MIN_SEEDS} seeds are needed to decide: with fewer, chance alone often sets "
        "the results apart."
    )
