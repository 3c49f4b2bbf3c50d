"""Max poolings with windows that see no pixel are found, and only those."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from core.erf import effective_receptive_field
from core.errors import SpecError
from core.graph.pool_check import check_pools
from core.networks import build
from core.networks.notation import parse_notation


@given(
    st.integers(1, 12), st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 5)
)
def test_refused_exactly_where_a_window_sees_padding_alone(
    side: int, kernel: int, stride: int, padding: int, dilation: int
) -> None:
    padding = min(padding, kernel // 2)
    if side + 2 * padding < dilation * (kernel - 1) + 1:
        return
    pool = nn.MaxPool2d(kernel, stride, padding, dilation)
    outputs = pool(torch.full((1, 1, side, side), -1.0))
    blind = bool(torch.isinf(outputs).any())  # padding is -inf: it won where nothing else stood
    if not blind:
        check_pools(nn.Sequential(pool), (1, side, side))
        return
    with pytest.raises(SpecError, match="leave every window a pixel"):
        check_pools(nn.Sequential(pool), (1, side, side))


def test_the_engine_refuses_them_too() -> None:
    net = build(parse_notation("concat[maxpool2 s1 p1 d4 | conv3 c4]"), 3, (3, 3))
    with pytest.raises(SpecError, match="leave every window a pixel"):
        effective_receptive_field(net, (3, 3, 3), draws=1)
