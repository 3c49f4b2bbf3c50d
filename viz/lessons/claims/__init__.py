"""What is said about strides and receptive fields, put to the test.

``CLAIMS`` has a row each: the statement, the experiment and its settings. Works without
torch until an experiment is run.
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
"""By number."""
NUMBERS: tuple[int, ...] = tuple(each.number for each in CLAIMS)


def claim(number: int) -> Claim:
    """The claim of that number.

    Raises:
        SpecError: there is none.
    """
    for each in CLAIMS:
        if each.number == number:
            return each
    raise SpecError("claim", f"must be one of {', '.join(map(str, NUMBERS))}", number)
