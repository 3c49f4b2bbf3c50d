"""Negative values are marked by more than their color."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays
from hypothesis.strategies import floats

from core.plots.plot import Heat, Panel, Plot, Scale, signed_scale
from core.plots.signs import SENTENCES, Cue, dashes, is_signed, sign_notes

MAPS = arrays(float, array_shapes(min_dims=2, max_dims=2, max_side=6), elements=floats(-9, 9))


@given(MAPS)
def test_every_clearly_negative_cell_has_a_dash_inside_and_no_other_has(values: np.ndarray) -> None:
    heat = Heat(values, signed_scale("", values), left=3.0, top=-2.0, width=2.0, height=0.5)
    x, y = dashes(heat)
    columns, rows = (x[0::3] + x[1::3]) / 2, y[0::3]
    marked = {
        (int((row + 2.0) // 0.5), int((column - 3.0) // 2.0))
        for row, column in zip(rows, columns, strict=True)
    }
    top = float(np.abs(values).max()) or 1.0
    assert marked == {place for place in np.ndindex(values.shape) if values[place] < -0.1 * top}
    assert np.isnan(x[2::3]).all()
    assert (x[1::3] - x[0::3] < 2.0).all()


@pytest.mark.parametrize("cue", ["numbers", "dashes", "colors"])
def test_a_sentence_says_what_shows_the_sign(cue: Cue) -> None:
    values = np.array([[-1.0, 1.0]])
    heat = Heat(values, signed_scale("", values))
    plot = Plot("", (Panel((heat,)), Panel((heat,))), "")
    expected = [SENTENCES[cue]] if cue != "numbers" else []
    assert sign_notes(plot, lambda *_: cue) == expected


def test_maps_without_negative_values_need_no_sentence() -> None:
    heat = Heat(np.ones((2, 2)), signed_scale("", np.ones(1)))
    assert not is_signed(heat)
    assert not is_signed(replace(heat, values=-heat.values, scale=Scale("", -1, 0, "grey")))
    assert sign_notes(Plot("", (Panel((heat,)),), ""), lambda *_: "colors") == []
