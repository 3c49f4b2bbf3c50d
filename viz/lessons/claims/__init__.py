"""Textbook statements about strides and receptive fields, each with an experiment that tests it.

``CLAIMS`` lists them with their settings. Torch is imported only when an experiment runs.
"""

from __future__ import annotations

from core.errors import SpecError
from viz.lessons.claims.architectures import ARCHITECTURES
from viz.lessons.claims.claim import TOPICS, VERDICTS, Claim, Outcome
from viz.lessons.claims.cost import COST
from viz.lessons.claims.coverage import COVERAGE
from viz.lessons.claims.effective import EFFECTIVE
from viz.lessons.claims.fields import FIELDS
from viz.lessons.claims.gradients import GRADIENTS
from viz.lessons.claims.shift import SHIFT
from viz.lessons.claims.sizes import SIZES
from viz.lessons.claims.stacks import STACKS
from viz.lessons.claims.training import TRAINING

__all__ = ["CLAIMS", "NUMBERS", "TOPICS", "VERDICTS", "Claim", "Outcome", "claim"]

_PARTS = (
    *(SIZES, COVERAGE, COST, STACKS, FIELDS, EFFECTIVE, GRADIENTS, SHIFT, ARCHITECTURES),
    TRAINING,
)
CLAIMS: tuple[Claim, ...] = tuple(
    sorted((each for part in _PARTS for each in part), key=lambda each: each.number)
)
"""All claims, sorted by number."""
NUMBERS: tuple[int, ...] = tuple(each.number for each in CLAIMS)
"""The numbers of all claims, ascending; links contain them."""


def claim(number: int) -> Claim:
    """Return the claim with this number.

    Raises:
        SpecError: No claim has this number.
    """
    for each in CLAIMS:
        if each.number == number:
            return each
    raise SpecError("claim", f"must be one of {', '.join(map(str, NUMBERS))}", number)
