"""What is said about strides and receptive fields, put to the test.

``CLAIMS`` has a row each: the statement, the experiment and its settings. Works without
torch until an experiment is run.
"""

from __future__ import annotations

from core.claims.architectures import ARCHITECTURES
from core.claims.claim import TOPICS, VERDICTS, Claim, Outcome
from core.claims.cost import COST
from core.claims.coverage import COVERAGE
from core.claims.effective import EFFECTIVE
from core.claims.fields import FIELDS
from core.claims.gradients import GRADIENTS
from core.claims.shift import SHIFT
from core.claims.sizes import SIZES
from core.claims.stacks import STACKS
from core.claims.training import TRAINING
from core.errors import SpecError

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
