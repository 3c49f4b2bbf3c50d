"""Figures of blocks, tested by their data."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from core.cost.timing import Timing, quartiles
from viz.features.blocks.plots import (
    KINDS,
    gradients_figure,
    maps_figure,
    memory_figure,
    times_figure,
)
from viz.theme import MAGNITUDE, UNREAD


def maps(count: int, side: int, low: float = 0, seed: int = 0) -> np.ndarray[Any, Any]:
    values = np.random.default_rng(seed).uniform(low, 1, (count, side, side))
    return values.astype(np.float32)


def heats(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "heatmap"]


def texts(figure: go.Figure) -> str:
    return "\n".join(note.text for note in figure.layout.annotations)


def test_maps_stand_in_rows_on_one_scale() -> None:
    named = {"one": maps(2, 6), "other": 3 * maps(5, 3, seed=1), "none": np.zeros((0, 0, 0))}
    figure = maps_figure(named, "Feature maps", ["seed 7"])
    found = heats(figure)
    assert len(found) == 2 + 4
    np.testing.assert_array_equal(found[0].z, named["one"][0])
    np.testing.assert_array_equal(found[-1].z, named["other"][3])
    assert len({(trace.zmin, trace.zmax) for trace in found}) == 1
    assert found[0].zmin == 0
    assert 2.5 < found[0].zmax <= 3
    assert sum(bool(trace.showscale) for trace in found) == 1
    axes = [figure.layout[trace.yaxis.replace("y", "yaxis")].domain for trace in found]
    assert len(set(axes[:2])) == len(set(axes[2:])) == 1, "a row for each block"
    assert axes[0][0] > axes[2][1], "the first on top"
    assert "one" in texts(figure)
    assert "seed 7" in texts(figure)


def test_signed_maps_are_centered_on_zero() -> None:
    found = heats(maps_figure({"one": maps(1, 6, -3)}, "Feature maps"))
    assert found[0].zmin == -found[0].zmax
    assert len(found[0].colorscale) == 3


def test_constant_maps_have_a_scale() -> None:
    (found,) = heats(maps_figure({"one": np.zeros((1, 4, 4), np.float32)}, "Feature maps"))
    assert found.zmax > found.zmin


def test_gradients_show_zeros_as_nothing_else() -> None:
    gradient = maps(1, 6)[0] + 0.1
    gradient[::2] = 0
    full = maps(1, 6, 0.5, 3)[0]
    picture = 255 * maps(1, 6)[0]
    figure = gradients_figure(picture, {"a": (gradient, "50 %"), "b": (full, "0 %")}, "Gradients")
    photo, *rest = heats(figure)
    np.testing.assert_array_equal(photo.z, picture)
    assert (photo.zmin, photo.zmax) == (0, 255)
    values, zeros = rest[::2], rest[1::2]
    np.testing.assert_array_equal(np.isnan(values[0].z), gradient == 0)
    np.testing.assert_array_equal(~np.isnan(zeros[0].z), gradient == 0)
    assert len(zeros) == 1  # nothing is sent for the other, which has none
    assert {color for _, color in zeros[0].colorscale} == {UNREAD}
    assert values[0].zmax == values[1].zmax
    assert values[0].colorscale == go.Heatmap(colorscale=MAGNITUDE).colorscale
    assert "50 %" in texts(figure)
    assert [t.name for t in figure.data if t.showlegend] == ["gradient exactly 0"]


def test_panels_do_not_overlap() -> None:
    one = maps(1, 8)[0]
    figure = gradients_figure(one, dict.fromkeys("abcd", (one, "")), "Gradients")
    boxes = []
    for index in range(1, 6):
        number = "" if index == 1 else str(index)
        boxes.append(
            (figure.layout[f"xaxis{number}"].domain, figure.layout[f"yaxis{number}"].domain)
        )
    for place, (across, up) in enumerate(boxes):
        assert 0 <= across[0] < across[1] <= 1
        assert 0 <= up[0] < up[1] <= 1
        for across_, up_ in boxes[place + 1 :]:
            beside = across[1] <= across_[0] or across_[1] <= across[0]
            assert beside or up[1] <= up_[0] or up_[1] <= up[0]


TIMES = {
    "fast": Timing((0.001, 0.002, 0.004), (0.002, 0.003, 0.009), (3, 8, 8), 5, 1, 1),
    "slow": Timing((0.01, 0.02, 0.04, 0.05), (0.02, 0.03, 0.09, 0.1), (3, 8, 8), 5, 1, 1),
}


def test_times_are_medians_with_quartiles() -> None:
    figure = times_figure(TIMES)
    for trace, part in zip(figure.data, ("forward", "backward"), strict=True):
        found = [quartiles(getattr(timing, part)) for timing in TIMES.values()]
        assert list(trace.y) == ["fast", "slow"]
        assert list(trace.x) == pytest.approx([1000 * each.median for each in found])
        ends = np.add(trace.x, trace.error_x.array)
        assert list(ends) == pytest.approx([1000 * each.high for each in found])
        ends = np.subtract(trace.x, trace.error_x.arrayminus)
        assert list(ends) == pytest.approx([1000 * each.low for each in found])
    words = texts(figure).replace("<br>", " ")
    assert "3 repeats" in words, "the fewest"
    assert "5×3×8×8" in words
    assert "1 CPU thread " in words


def test_memory_adds_up() -> None:
    named = {"pool": {"input": 10**6, "indices": 2 * 10**6}, "stride": {"input": 3 * 10**6}}
    figure = memory_figure(named, {"pool": 4 * 10**6, "stride": 10**6}, notes=["batch 3"])
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert {trace.name for trace in bars} == {KINDS["input"][0], KINDS["indices"][0]}
    sums = np.sum([trace.x for trace in bars], axis=0)
    assert list(sums) == [3, 3]
    (mark,) = [trace for trace in figure.data if trace.type == "scatter"]
    assert list(mark.x) == [4, 1]
    assert len({trace.marker.pattern.shape for trace in bars}) == len(bars), "told apart in grey"
    assert "batch 3" in texts(figure)


def test_kinds_are_told_apart() -> None:
    assert len({colour for _, colour, _ in KINDS.values()}) == len(KINDS)
    assert len({hatching for *_, hatching in KINDS.values()}) == len(KINDS)
