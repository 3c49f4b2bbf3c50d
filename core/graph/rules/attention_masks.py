"""The keys that an attention mask lets each query read, where the mask's values are constant."""

from __future__ import annotations

from typing import NamedTuple

import torch

from ..axes.axis_map import AxisMap
from ..axes.nesting import map_of_matrix
from .call import Call

UNKNOWN_MASK_BOUND = "the mask of an attention is not known: all that it may hide is taken as seen"
MASKED_SCORES_BOUND = "scores are masked outside of an attention: what is hidden is taken as seen"
MASKED_SCORE = -1e4
"""A score below which nothing of a key is left after softmax, whatever the others are."""


class VisibleKeys(NamedTuple):
    """The keys that each query reads.

    Attributes:
        axis: from queries to keys; None for all.
        bound: why that is only an upper bound; "" if it is exact.
    """

    axis: AxisMap | None = None
    bound: str = ""


def visible_keys(call: Call, mask: object, hides: bool) -> VisibleKeys:
    """The keys that a mask (…, queries, keys) leaves visible.

    Args:
        call: of the attention.
        mask: its argument; numbers are added to the scores.
        hides: booleans that are true hide a key, instead of showing it.
    """
    if not isinstance(mask, torch.Tensor):
        return VisibleKeys()
    values = None if call.source_of(mask) else call.constants.fixed_values(mask)
    if values is None or values.ndim < 2:
        return VisibleKeys(bound=UNKNOWN_MASK_BOUND)
    visible = (values != hides) if values.dtype == torch.bool else values > MASKED_SCORE
    if visible.all():
        return VisibleKeys()
    visible = visible.reshape(-1, *visible.shape[-2:])
    bound = (
        ""
        if bool((visible == visible[0]).all())
        else "the heads of an attention have masks of their own"
    )
    return VisibleKeys(map_of_matrix(visible.any(0).numpy()), bound)


def masks_scores(call: Call) -> bool:
    """A constant hides parts of a tensor for good, as masks of attention scores do."""
    if call.operation == "masked_fill":
        value = call.get(2, "value")
        return isinstance(value, int | float) and value <= MASKED_SCORE
    if call.operation not in ("add", "iadd", "where", "sub", "isub"):
        return False
    others = [a for a in call.args if isinstance(a, torch.Tensor) and call.source_of(a) is None]
    constants = (call.constants.fixed_values(other) for other in others if other.ndim > 1)
    return any(
        v is not None and v.is_floating_point() and bool((v <= MASKED_SCORE).any())
        for v in constants
    )
