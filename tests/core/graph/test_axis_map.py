"""Maps along one axis: padding takes its values from where torch takes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from core.graph.axes.axis_map import crop_map


@pytest.mark.parametrize("edge", ["zero", "reflect", "replicate", "circular"])
@given(st.integers(2, 8), st.integers(0, 7), st.integers(0, 7))
def test_padding_along_an_axis_takes_what_torch_takes(
    edge: Any, n: int, before: int, after: int
) -> None:
    limit = {"reflect": n - 1, "circular": n}.get(edge, 7)
    before, after = min(before, limit), min(after, limit)
    x = torch.arange(1.0, n + 1).reshape(1, 1, n)
    padded = F.pad(x, (before, after), mode="constant" if edge == "zero" else edge)[0, 0]
    table = crop_map(n, n + before + after, -before, edge=edge).table()[:, 0]
    assert np.array_equal(np.append(x.flatten(), 0)[table], padded)
