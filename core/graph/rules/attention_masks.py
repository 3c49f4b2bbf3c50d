"""Attention masks with constant values: the keys that each query may read."""

from __future__ import annotations

from typing import NamedTuple

import torch

from ..axes.axis_map import AxisMap
from ..axes.nesting import map_of_reads
from .call import Call

UNKNOWN_MASK_REASON = "the mask of an attention is not known: all that it may hide is taken as seen"
"""Why maps are only an upper bound: the mask of an attention is not constant."""
MASKED_SCORES_REASON = "scores are masked outside of an attention: what is hidden is taken as seen"
"""Why maps are only an upper bound: handwritten code masks the scores of an attention."""
MASKED_SCORE = -1e4
"""Scores at or below this value count as masked: softmax turns them into a weight of zero."""


class VisibleKeys(NamedTuple):
    """The keys that each query of an attention reads.

    Attributes:
        axis: the map from keys (input) to queries (output); None if every query reads all keys.
        bound: the reason why the map is only an upper bound; "" if it is exact.
    """

    axis: AxisMap | None = None
    bound: str = ""


def visible_keys(call: Call, mask: object, true_excludes: bool) -> VisibleKeys:
    """The keys that an attention mask of shape (…, queries, keys) leaves visible.

    Args:
        call: the call of the attention.
        mask: the mask argument; a floating-point mask is added to the scores.
        true_excludes: whether True in a boolean mask excludes a key, as in
            `torch.nn.MultiheadAttention`; otherwise it admits the key.
    """
    if not isinstance(mask, torch.Tensor):
        return VisibleKeys()
    values = None if call.source_of(mask) else call.constants.fixed_values(mask)
    if values is None or values.ndim < 2:
        return VisibleKeys(bound=UNKNOWN_MASK_REASON)
    visible = (values != true_excludes) if values.dtype == torch.bool else values > MASKED_SCORE
    if visible.all():
        return VisibleKeys()
    visible = visible.reshape(-1, *visible.shape[-2:])
    bound = (
        ""
        if bool((visible == visible[0]).all())
        else "the heads of an attention have masks of their own"
    )
    return VisibleKeys(map_of_reads(visible.any(0).numpy()), bound)


def masks_attention_scores(call: Call) -> bool:
    """Whether a call combines a tensor with a constant mask, as is done to attention scores."""
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
