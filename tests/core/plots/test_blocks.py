"""Plots of blocks, by their marks."""

from __future__ import annotations

import numpy as np
import pytest

from core.cost.saved_tensors import KINDS as SAVED
from core.cost.timing import Timing, quartiles
from core.plots.blocks import (
    KINDS,
    ZERO,
    feature_maps_plot,
    input_gradients_plot,
    memory_plot,
    times_plot,
)
from core.plots.legend import color_bars, entries
from core.plots.plot import Bars, Heat, Numbers, Photo, Points
from tests.core.plots.reading import marks_of


def maps(count: int, side: int, low: float = 0, seed: int = 0) -> Numbers:
    values = np.random.default_rng(seed).uniform(low, 1, (count, side, side))
    return values.astype(np.float32)


def test_a_block_s_maps_are_tiles_of_one_panel_on_one_scale() -> None:
    named = {"one": maps(2, 6), "other": 3 * maps(5, 3, seed=1), "none": np.zeros((0, 0, 0))}
    plot = feature_maps_plot(named, "Feature maps", ["seed 7"])
    assert [panel.title for panel in plot.panels] == ["one", "other"]
    first, second = marks_of(plot, Heat)
    np.testing.assert_array_equal(first.values[:, :6], named["one"][0])
    np.testing.assert_array_equal(first.values[:, 7:], named["one"][1])
    np.testing.assert_array_equal(second.values[4:, 4:], named["other"][3])
    assert np.isnan(second.values[3]).all()
    assert np.isnan(second.values[:, 3]).all()
    assert second.hover[4][5].startswith("channel 3, row 0, column 1: ")
    (scale,) = color_bars(plot)
    assert (scale.low, scale.colors) == (0, "magnitude")
    assert 2.5 < scale.high <= 3
    assert plot.notes == ("seed 7",)
    assert "one: 2×6×6" in plot.alt


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_every_value_of_a_map_is_drawn(count: int) -> None:
    one = maps(count, 5)
    (heat,) = marks_of(feature_maps_plot({"a": one}, "Feature maps"), Heat)
    assert sorted(heat.values[np.isfinite(heat.values)]) == sorted(one.ravel())


def test_maps_of_both_signs_are_centered_on_zero_and_constant_ones_have_a_scale() -> None:
    (signed,) = color_bars(feature_maps_plot({"one": maps(1, 6, -3)}, "Feature maps"))
    assert signed.low == -signed.high
    assert signed.colors == "signed"
    (flat,) = color_bars(feature_maps_plot({"one": np.zeros((1, 4, 4))}, "Feature maps"))
    assert flat.high > flat.low


def test_exact_zeros_have_a_color_of_their_own_and_a_legend_only_if_there_are_any() -> None:
    gradient, full = maps(1, 6)[0] + 0.1, maps(1, 6, 0.5, 3)[0]
    gradient[::2] = 0
    picture = 255 * maps(1, 6)[0]
    plot = input_gradients_plot(picture, {"a": (gradient, "50 %"), "b": (full, "0 %")}, "Gradients")
    (photo,) = marks_of(plot, Photo)
    np.testing.assert_array_equal(photo.pixels, picture.round())
    first, second = marks_of(plot, Heat)
    np.testing.assert_array_equal(first.values, gradient)
    np.testing.assert_array_equal(np.isnan(first.scale.shares(gradient)), gradient == 0)
    assert first.scale == second.scale
    assert first.scale.zero == "unread"
    assert first.scale.bar_ticks()[0] == (0, 0)
    assert [panel.note for panel in plot.panels] == ["6×6 px", "50 %", "0 %"]
    assert [entry.name for entry in entries(plot)] == [ZERO]
    assert not entries(input_gradients_plot(picture, {"b": (full, "0 %")}, "Gradients"))


TIMES = {
    "fast": Timing((0.001, 0.002, 0.004), (0.002, 0.003, 0.009), (3, 8, 8), 5, 1, 1),
    "slow": Timing((0.01, 0.02, 0.04, 0.05), (0.02, 0.03, 0.09, 0.1), (3, 8, 8), 5, 1, 1),
}


def test_times_are_medians_with_quartiles() -> None:
    plot = times_plot(TIMES)
    (panel,) = plot.panels
    assert panel.y.names == ("fast", "slow")
    for bars, part in zip(marks_of(plot, Bars), ("forward", "backward"), strict=True):
        expected = [quartiles(getattr(timing, part)) for timing in TIMES.values()]
        assert bars.low is not None
        assert bars.high is not None
        for values, end in ((bars.length, "median"), (bars.low, "low"), (bars.high, "high")):
            assert list(values) == pytest.approx([1000 * getattr(each, end) for each in expected])
        assert list(np.round(bars.at)) == [0, 1]
    (note,) = plot.notes
    assert "3 repeats" in note, "the fewest"
    assert "5×3×8×8" in note
    assert "1 CPU thread of" in note
    assert "fast: forward 2 ms, backward 3 ms" in plot.alt


def test_the_bars_of_memory_stand_on_each_other() -> None:
    named = {"pool": {"input": 10**6, "indices": 2 * 10**6}, "stride": {"input": 3 * 10**6}}
    plot = memory_plot(named, {"pool": 4 * 10**6, "stride": 10**6}, notes=["batch 3"])
    bars = marks_of(plot, Bars)
    assert [bar.name for bar in bars] == [KINDS["input"][0], KINDS["indices"][0]]
    assert bars[1].base is not None
    assert list(bars[1].base) == list(bars[0].length) == [1, 3]
    assert list(np.add(bars[1].base, bars[1].length)) == [3, 3]
    (mark,) = marks_of(plot, Points)
    assert list(mark.x) == [4, 1]
    assert plot.notes == ("batch 3",)


def test_every_kind_of_saved_tensor_has_its_own_look() -> None:
    assert {*KINDS, "weights"} == set(SAVED)
    assert len({color for _, color, _ in KINDS.values()}) == len(KINDS)
    assert len({hatch for *_, hatch in KINDS.values()}) == len(KINDS)
